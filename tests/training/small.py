"""Fits small enough for a test, and what tests ask of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from latentarium.training.loop import Event
from latentarium.training.settings import FitSettings

SMALL: Mapping[str, Any] = {"latent": 4, "width": 32, "batch_size": 64, "steps": 60, "threads": 1}


def small(**options: Any) -> FitSettings:
    """Settings of a fit of a second or less."""
    return FitSettings.make(**{**SMALL, **options})


def bits(model: nn.Module) -> dict[str, bytes]:
    """The exact weights of a model."""
    return {name: value.detach().cpu().numpy().tobytes() for name, value in model.state_dict().items()}


def pictures(count: int = 60, shape: tuple[int, ...] = (1, 8, 8), seed: int = 0) -> NDArray[np.uint8]:
    """Blobs of grey that a model can learn: one bright square each, where and how bright is random."""
    random = np.random.default_rng(seed)
    out = np.zeros((count, *shape), np.uint8)
    rows, columns = random.integers(0, shape[1] - 4, count), random.integers(0, shape[2] - 4, count)
    for image, row, column, level in zip(out, rows, columns, random.integers(120, 256, count), strict=True):
        image[:, row : row + 4, column : column + 4] = level
    return out


def people(count: int = 1500, seed: int = 0) -> pd.DataFrame:
    """A table with two hidden causes behind three numbers and two categories, and a tenth of two columns missing."""
    random = np.random.default_rng(seed)
    group, trait = random.integers(0, 3, count), random.normal(size=count)
    colours = np.array(["red", "green", "blue"])
    other = np.where(random.random(count) < 0.9, group, random.integers(0, 3, count))
    size = np.where(trait + 0.2 * random.normal(size=count) > 0, "big", "small").astype(object)
    weight = 2 * trait + 0.3 * random.normal(size=count)
    weight[random.random(count) < 0.1] = np.nan
    size[random.random(count) < 0.1] = None
    return pd.DataFrame(
        {
            "height": 2.0 * (group - 1) + 0.3 * random.normal(size=count),
            "weight": weight,
            "age": 40 + trait**2 + 0.3 * random.normal(size=count),
            "colour": colours[other],
            "size": size,
        }
    )


def poison(steps: set[int], *, weights: bool = False) -> Callable[[Event], None]:
    """A callback that makes the steps after these fail: by a NaN weight that stays, or one that is taken back."""
    kept: list[torch.Tensor] = []

    def hear(event: Event) -> None:
        if event.kind != "step":
            return
        parameter = next(event.model.decoder.parameters())
        if kept and not weights:
            with torch.no_grad():
                parameter.copy_(kept.pop())
        if event.step in steps:
            kept.append(parameter.detach().clone())
            with torch.no_grad():
                parameter.view(-1)[0] = float("nan")

    return hear


def bound(history: list[dict[str, Any]]) -> float:
    """The best validation bound of a fit after its warm-up."""
    return min(line["negative_elbo"] for line in history if line["warmed_up"])
