"""Codes that are worth their bits: those of a lossy file moved to where rate and distortion together are least.

An encoder is right on average; descent on each row's own code is right for that row (Cremer et al. 2018 name the gap,
Campos et al. 2019 close it for compression). Only whoever compresses pays for it: the file reads as any other.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentarium.applications.compression.arithmetic import Floats
from latentarium.applications.compression.model import CodecModel, Levels
from latentarium.arrays import batches
from latentarium.errors import invalid
from latentarium.rng import torch_generator

RATE = 0.1
"""Of Adam, in steps of the grid."""
_STREAM = 31


def refined(model: CodecModel, levels: Levels, codes: Floats, steps: Floats, *, effort: int) -> Floats:
    """`codes` (n, d) of `levels` after `effort` steps of Adam on distortion and rate together.

    Rate is that of a normal distribution in each dimension, as wide as the training codes lie. What a nat is worth
    follows from the grid: rounding with steps s adds distortion D, which grows by 2 D / d for a nat less in one of d
    dimensions, and that is the price at which no other step would be better.

    Raises
    ------
    InvalidInput
        For networks that are not of this package, whose derivatives are not at hand.
    """
    if not model.bundle.built_in:
        raise invalid("effort", "0 for networks that are not of this package", effort)
    parts = [
        _descend(model, levels[part], codes[part], steps, effort) for part in batches(len(levels), model.batch_size)
    ]
    return np.concatenate(parts)


def _descend(model: CodecModel, levels: Levels, codes: Floats, steps: Floats, effort: int) -> Floats:
    x = torch.from_numpy(model.bundle.modality.to_array(levels))
    grid, mean, spread = (
        torch.tensor(values, dtype=torch.float32) for values in (steps, model.seen.mean(0), model.seen.std(0))
    )
    network = model.network
    z = torch.tensor(codes / steps, dtype=torch.float32)
    price = _price(network, x, z, grid, spread)
    z.requires_grad_(True)
    adam = torch.optim.Adam([z], lr=RATE)
    for step in range(effort):
        for group in adam.param_groups:
            group["lr"] = RATE * (1 - step / effort)
        rate = 0.5 * ((z * grid - mean) / spread.clamp_min(1e-6)).square().sum()
        loss = _distortion(network, x, z * grid).sum() + price * rate
        (z.grad,) = torch.autograd.grad(loss, [z])
        adam.step()
    return (z.detach() * grid).numpy().astype(np.float64)


def _price(network: Any, x: Tensor, z: Tensor, grid: Tensor, spread: Tensor) -> float:
    """Distortion that a nat is worth."""
    noise = torch.rand(z.shape, generator=torch_generator(0, _STREAM)) - 0.5
    with torch.no_grad():
        added = _distortion(network, x, (z + noise) * grid) - _distortion(network, x, z * grid)
    used = int((spread > grid / 2).sum())
    return 2 * max(float(added.mean()), 1e-9) / max(used, 1)


def _distortion(network: Any, x: Tensor, z: Tensor) -> Tensor:
    """Squared error of each row."""
    return (network.decode(z) - x).flatten(1).square().sum(1)
