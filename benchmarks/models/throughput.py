"""Training throughput of each model over that of a bare loop of the same network and precision, in turns.

Bare loops know nothing of a fit: batch, forward, loss, backward, step. They minimise the same objective: with the total
correlation of a beta-TCVAE, FactorVAE's critic, a quantiser's codebook, and in a GAN both penalties. What an objective
itself costs stands beside them: throughput over that of a bare loop that minimises the plain bound.
"""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import fashion_mnist, median, save_result
from benchmarks.speed.overhead import BareLoop, compare
from latentarium.data.rows import Rows
from latentarium.models.autoencoder import Outputs, build, build_discriminator
from latentarium.objectives import Ramp, regularised_terms, variational_terms
from latentarium.training.critic import CodeCritic
from latentarium.training.settings import FitSettings

LEAST, TURNS = 0.9, 5
MODELS: Mapping[str, Mapping[str, Any]] = {
    "VAE, dense": {"steps": 800},
    "VAE, convolutional": {"net": "conv", "steps": 100},
    "AE, dense": {"model": "ae", "steps": 800},
    "beta-TCVAE": {"objective": "beta-tc:6", "steps": 800},
    "FactorVAE": {"objective": "factor:6.4", "steps": 800},
    "DIP-VAE II": {"objective": "dip-2:10", "steps": 800},
    "AE, FSQ": {"model": "ae", "quantiser": "fsq:8-5-5-5", "latent": 4, "steps": 800},
    "AE, VQ": {"model": "ae", "quantiser": "vq:512", "steps": 800},
    "AE, QLAE": {"model": "ae", "quantiser": "qlae:10", "steps": 800},
    "VAE, conditional": {"condition": ("label",), "steps": 800},
    "GAN": {"model": "gan", "width": 32, "latent": 64, "steps": 500, "inversion": 0.01},
}


class BareObjective(BareLoop):
    """A bare loop that minimises what the settings ask for and teaches the critic or codebook that go with it."""

    def __init__(self, rows: Rows, settings: FitSettings, *, bfloat16: bool, steps: int) -> None:
        super().__init__(rows, settings, bfloat16=bfloat16, steps=steps)
        self.goal, self.source = settings.goal, torch.Generator().manual_seed(0)
        self.critic = None
        if self.goal.kind == "factor":
            self.critic = CodeCritic(latent=self.architecture.latent, seed=0, device=torch.device("cpu"))

    def loss(self, out: Outputs, x: Tensor) -> Tensor:
        log_px = self.model.likelihood.log_prob(out.params, x)
        if not self.goal.variational:
            values = x[0].numel()
            return regularised_terms(self.goal, log_px, out.z, quantisation=out.quantisation, values=values)["loss"]
        log_ratio = None if self.critic is None else self.critic.log_ratio(out.z)
        posterior = (out.mean, out.log_variance, out.z)
        terms = variational_terms(
            self.goal, log_px, posterior, ramp=Ramp(), dataset_size=len(self.data), log_ratio=log_ratio
        )
        return terms["loss"]

    def after(self, out: Outputs) -> None:
        if self.critic is not None:
            self.critic.learn(out.z.detach(), self.step, average=lambda value: value)
        if self.model.quantiser is not None and out.raw is not None:
            self.model.quantiser.learn(out.raw.detach(), self.source)


class BareGame:
    """Discriminator's and generator's step of a paired game with both penalties, and nothing else."""

    def __init__(self, rows: Rows, settings: FitSettings, *, steps: int) -> None:
        sample = rows.array(rows.splits["train"][:500])
        architecture = settings.architecture.settle(rows.modality, sample)
        torch.manual_seed(0)
        self.generator = build(architecture, rows.modality).decoder
        self.discriminator = build_discriminator(architecture, rows.modality)
        self.optimizers = [
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.0, 0.9), fused=True)
            for net in (self.discriminator, self.generator)
        ]
        self.data = torch.from_numpy(np.ascontiguousarray(rows.raw[rows.splits["train"]]))
        self.count, self.latent, self.steps = settings.batch_size, architecture.latent, steps

    def turn(self) -> float:
        """Seconds for a turn."""
        began = time.perf_counter()
        for _ in range(self.steps):
            self._discriminate()
            self._generate()
        return time.perf_counter() - began

    def _real(self) -> Tensor:
        return self.data[torch.randint(len(self.data), (self.count,))].float().div_(255)

    def _discriminate(self) -> None:
        with torch.no_grad():
            made = self.generator(torch.randn(self.count, self.latent))
        x = torch.cat([self._real(), made]).requires_grad_()
        scores = self.discriminator(x)
        own, other = scores.chunk(2)
        (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        loss = F.softplus(other - own).mean() + 0.5 * slopes.square().sum() / self.count
        self._step(0, loss)

    def _generate(self) -> None:
        made = self.generator(torch.randn(self.count, self.latent))
        with torch.no_grad():
            other = self.discriminator(self._real())
        self.discriminator.requires_grad_(False)
        self._step(1, F.softplus(other - self.discriminator(made)).mean())
        self.discriminator.requires_grad_(True)

    def _step(self, number: int, loss: Tensor) -> None:
        self.optimizers[number].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[number].step()


def ratio(rows: Rows, options: Mapping[str, Any]) -> dict[str, Any]:
    """Rows per second of the fit and of the bare loop, and their ratio."""
    settings = FitSettings.make(**options)
    steps = max(5, (settings.steps or 0) // 20)
    if settings.model == "gan":
        return compare(rows, settings, BareGame(rows, settings, steps=steps))
    bfloat16 = options.get("net") != "conv"
    bare, plain = (kind(rows, settings, bfloat16=bfloat16, steps=steps) for kind in (BareObjective, BareLoop))
    found = compare(rows, settings, bare)
    taken = [(bare.turn(), plain.turn()) for _ in range(TURNS)]
    return {**found, "objective_over_plain_bound": round(median([p / b for b, p in taken]), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/throughput.json")
    given = parser.parse_args()
    rows = fashion_mnist()
    found: dict[str, Any] = {}
    for name in given.models:
        found[name] = ratio(rows, MODELS[name])
        print(f"{name:20s} {found[name]['ratio']:.3f}", flush=True)
    value = {"least": LEAST, "met": all(one["ratio"] >= LEAST for one in found.values()), "models": found}
    print(json.dumps(value, indent=2))
    if given.save:
        save_result("throughput", "make bench-models", value)


if __name__ == "__main__":
    main()
