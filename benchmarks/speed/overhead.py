"""What the training loop costs beside the network: rows per second of `train` over those of a bare tensor loop."""

import time
from typing import Any

import torch

from benchmarks.common import fashion_mnist, median
from latentarium.data.rows import Rows
from latentarium.models.autoencoder import build
from latentarium.training.fit import train
from latentarium.training.settings import FitSettings


def fit_rate(rows: Rows, settings: FitSettings) -> float:
    """Rows per second of a whole fit: batches, averaging, validation and monitors included."""
    fitted = train(rows, settings)
    return fitted.steps_done * settings.batch_size / fitted.seconds


def bare_rate(rows: Rows, settings: FitSettings) -> float:
    """Rows per second of forward, loss, backward, step on uint8 batches from memory, and nothing else."""
    sample = rows.array(rows.splits["train"][:500])
    architecture = settings.architecture.settle(rows.modality, sample)
    torch.manual_seed(0)
    model = build(architecture, rows.modality)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, fused=True)
    data = torch.from_numpy(rows.raw[rows.splits["train"]])
    order = torch.randperm(len(data))
    count = settings.batch_size
    model.train()
    began = time.perf_counter()
    for step in range(settings.steps or 0):
        start = step * count % (len(data) - count)
        x = data[order[start : start + count]].float().div_(255)
        with torch.autocast("cpu", torch.bfloat16):
            out = model(x, torch.randn(count, architecture.latent))
        log_px = model.likelihood.log_prob(out.params, x)
        kl = 0.5 * (out.mean.square() + out.log_variance.exp() - 1 - out.log_variance).sum(1)
        optimizer.zero_grad(set_to_none=True)
        (kl - log_px).mean().backward()
        optimizer.step()
    return (settings.steps or 0) * count / (time.perf_counter() - began)


def overhead(*, rounds: int, rows: Rows | None = None, settings: FitSettings | None = None) -> dict[str, Any]:
    """Both rates in turn, `rounds` times; the median of the pairwise ratios."""
    data = rows if rows is not None else fashion_mnist()
    plan = settings or FitSettings.make(steps=400, likelihood="bernoulli")
    pairs = [(fit_rate(data, plan), bare_rate(data, plan)) for _ in range(rounds)]
    return {
        "fit_rows_per_second": round(median([a for a, _ in pairs])),
        "bare_rows_per_second": round(median([b for _, b in pairs])),
        "ratio": round(median([a / b for a, b in pairs]), 3),
        "pairs": [(round(a), round(b)) for a, b in pairs],
    }
