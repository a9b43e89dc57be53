"""What the training loop costs beside the network: rows per second of `train` over those of a bare tensor loop.

The two take turns of a few steps inside one process, so that a machine that slows down slows both.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import fashion_mnist, median
from latentarium.data.rows import Rows
from latentarium.models.autoencoder import Outputs, build
from latentarium.training.fit import train
from latentarium.training.loop import Event
from latentarium.training.settings import FitSettings

TURN = 50
WARM_UP = 2
"""Turns left out at the start, while caches fill."""


class BareLoop:
    """Forward, loss, backward, step on uint8 batches from memory, and nothing else; same network and precision."""

    def __init__(self, rows: Rows, settings: FitSettings, *, bfloat16: bool, steps: int) -> None:
        sample = rows.array(rows.splits["train"][:500])
        self.architecture = settings.architecture.settle(rows.modality, sample)
        torch.manual_seed(0)
        self.model = build(self.architecture, rows.modality).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=settings.learning_rate, fused=True)
        self.data = torch.from_numpy(np.ascontiguousarray(rows.raw[rows.splits["train"]]))
        self.order = torch.randperm(len(self.data))
        self.count = min(settings.batch_size, len(self.data) - 1)
        self.step = 0
        self.bfloat16 = bfloat16
        self.steps = steps

    def turn(self) -> float:
        """Seconds for a turn."""
        began = time.perf_counter()
        for _ in range(self.steps):
            self._advance()
        return time.perf_counter() - began

    def _advance(self) -> None:
        start = self.step * self.count % (len(self.data) - self.count)
        self.step += 1
        x = self.data[self.order[start : start + self.count]].float().div_(255)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            out = self.model(x, torch.randn(self.count, self.architecture.latent))
        loss = self.loss(out, x)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.after(out)

    def loss(self, out: Outputs, x: Tensor) -> Tensor:
        """The plain bound; of an AE the squared length of a code in the place of the KL term."""
        log_px = self.model.likelihood.log_prob(out.params, x)
        kl = 0.5 * out.mean.square().sum(1)
        if self.model.variational:
            kl = kl + 0.5 * (out.log_variance.exp() - 1 - out.log_variance).sum(1)
        return (kl - log_px).mean()

    def after(self, out: Outputs) -> None:
        """What a model learns beside its gradients: nothing."""


class Turns(Protocol):
    """A bare loop: batches of `count` rows, `steps` of them in a turn, whose seconds `turn` gives."""

    count: int
    steps: int

    def turn(self) -> float: ...


def turns(bare: Turns, fits: list[float], bares: list[float]) -> Callable[[Event], None]:
    """A callback that times the fit's turns, everything it does between steps included, and runs the bare loop's."""
    began = time.perf_counter()

    def hear(event: Event) -> None:
        nonlocal began
        if event.kind == "start":
            began = time.perf_counter()
        if event.kind == "step" and event.step % bare.steps == 0:
            fits.append(time.perf_counter() - began)
            bares.append(bare.turn())
            began = time.perf_counter()

    return hear


def compare(rows: Rows, settings: FitSettings, bare: Turns) -> dict[str, Any]:
    """Rows per second of the fit and of `bare` and their ratio; validations, averages and monitors are the fit's."""
    fits: list[float] = []
    bares: list[float] = []
    train(rows, settings, callback=turns(bare, fits, bares))
    ours, theirs = np.array(fits[WARM_UP:]), np.array(bares[WARM_UP:])
    turn_rows = bare.steps * bare.count
    return {
        "steps": settings.steps,
        "fit_rows_per_second": round(turn_rows * len(ours) / ours.sum()),
        "bare_rows_per_second": round(turn_rows * len(theirs) / theirs.sum()),
        "ratio": round(float(theirs.sum() / ours.sum()), 3),
        "median_ratio_of_turns": round(median((theirs / ours).tolist()), 3),
    }


def overhead(
    *, rows: Rows | None = None, settings: FitSettings | None = None, bfloat16: bool = True, turn: int = TURN
) -> dict[str, Any]:
    """`compare` with a bare loop of the same network; by default the dense VAE of Fashion-MNIST."""
    data = rows if rows is not None else fashion_mnist()
    plan = settings or FitSettings.make(steps=1000, likelihood="bernoulli")
    return compare(data, plan, BareLoop(data, plan, bfloat16=bfloat16, steps=turn))
