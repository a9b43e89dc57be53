"""A top-down hierarchical VAE: latent maps at every grid size, coarse ones first, in networks without normalisation.

The prior of every map is N(0, I), and what it means is decided by the features above it: with z = m + s e this is the
usual p(z_l | z_<l) = N(m(z_<l), s(z_<l)), told in e (Vahdat & Kautz 2020, sec. 3.2; Child 2021). The encoder walks up
the picture and down again, so that the posterior of a fine map knows what the coarse ones said, and gives one diagonal
Gaussian over all maps: a code has one shape, and whatever works with a VAE works with it.
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.nn.networks import ConvPlan

MAP_CHANNELS = 8
"""Latent channels at the coarsest grid; each finer grid has half as many, at least 2."""


def map_shapes(plan: ConvPlan) -> list[tuple[int, int, int]]:
    """Channels, height and width of the latent maps, coarse to fine."""
    height, width = plan.grid
    count = len(plan.widths)
    return [(max(2, MAP_CHANNELS >> i), height << i, width << i) for i in range(count)]


def ladder_size(plan: ConvPlan) -> int:
    """Latent dimensions of all maps."""
    return sum(math.prod(shape) for shape in map_shapes(plan))


class PlainResidual(nn.Module):
    """x + W2 silu(W1 silu(x)) with 3x3 convolutions, the second zero at the start so that no norm is needed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.outer = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.silu(self.inner(F.silu(x))))


def _blocks(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*[PlainResidual(channels) for _ in range(depth)])


class LadderEncoder(nn.Module):
    """Image (b, c, h, w) -> `per_latent` values for each latent dimension (b, per_latent * latent)."""

    shift: Tensor

    def __init__(self, plan: ConvPlan, *, depth: int, per_latent: int) -> None:
        super().__init__()
        self.plan, self.per_latent = plan, per_latent
        self.register_buffer("shift", torch.zeros(plan.channels, plan.height, plan.width))
        before = [plan.channels * plan.patch**2, *(4 * width for width in plan.widths[:-1])]
        self.narrow = nn.ModuleList(nn.Conv2d(b, w, 1) for b, w in zip(before, plan.widths, strict=True))
        self.rise = nn.ModuleList(_blocks(width, depth) for width in plan.widths)
        coarse_first = plan.widths[::-1]
        self.widen = nn.ModuleList(nn.Conv2d(a, 4 * b, 1) for a, b in itertools.pairwise(coarse_first))
        self.fall = nn.ModuleList(_blocks(width, depth) for width in coarse_first)
        self.heads = nn.ModuleList(
            nn.Conv2d(width, per_latent * shape[0], 1)
            for width, shape in zip(coarse_first, map_shapes(plan), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        below, right = self.plan.padding
        hidden = F.pixel_unshuffle(F.pad(x - self.shift, (0, right, 0, below)), self.plan.patch)
        seen: list[Tensor] = []
        for stage, (narrow, blocks) in enumerate(zip(self.narrow, self.rise, strict=True)):
            hidden = blocks(narrow(F.pixel_unshuffle(hidden, 2) if stage else hidden))
            seen.append(hidden)
        found: list[tuple[Tensor, ...]] = []
        for stage, (blocks, head) in enumerate(zip(self.fall, self.heads, strict=True)):
            if stage:
                hidden = F.pixel_shuffle(self.widen[stage - 1](hidden), 2) + seen[-1 - stage]
            hidden = blocks(hidden)
            found.append(head(F.silu(hidden)).chunk(self.per_latent, dim=1))
        return torch.cat([part.flatten(1) for parts in zip(*found, strict=True) for part in parts], dim=1)


class LadderDecoder(nn.Module):
    """Latent maps in one row (b, latent), then a condition -> likelihood parameters (b, channels, h, w)."""

    shift: Tensor

    def __init__(self, plan: ConvPlan, *, depth: int, channels: int, conditions: int = 0) -> None:
        super().__init__()
        self.plan, self.shapes, self.conditions = plan, map_shapes(plan), conditions
        coarse_first = plan.widths[::-1]
        self.start = nn.Parameter(torch.zeros(coarse_first[0], *plan.grid))
        self.told = nn.Linear(conditions, coarse_first[0], bias=False) if conditions else None
        self.reads = nn.ModuleList(
            nn.Conv2d(shape[0], width, 3, padding=1) for shape, width in zip(self.shapes, coarse_first, strict=True)
        )
        self.blocks = nn.ModuleList(_blocks(width, depth) for width in coarse_first)
        self.widen = nn.ModuleList(nn.Conv2d(a, 4 * b, 1) for a, b in itertools.pairwise(coarse_first))
        self.head = nn.Conv2d(coarse_first[-1], channels * plan.patch**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.register_buffer("shift", torch.zeros(channels, plan.height, plan.width))

    def forward(self, z: Tensor) -> Tensor:
        sizes = [math.prod(shape) for shape in self.shapes]
        *maps, condition = z.split([*sizes, self.conditions], dim=1)
        hidden = self.start
        if self.told is not None:
            hidden = hidden + self.told(condition)[:, :, None, None]
        for stage, (shape, part, read) in enumerate(zip(self.shapes, maps, self.reads, strict=True)):
            if stage:
                hidden = F.pixel_shuffle(self.widen[stage - 1](hidden), 2)
            hidden = self.blocks[stage](hidden + read(part.unflatten(1, shape)))
        image = F.pixel_shuffle(self.head(F.silu(hidden)), self.plan.patch)
        return image[:, :, : self.plan.height, : self.plan.width] + self.shift
