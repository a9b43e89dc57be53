"""Generator and discriminator of a GAN: residual bottleneck blocks without any normalisation (Huang et al. 2024).

Both read a `ConvPlan`: grids from at most 7 to that of the picture, or of its patches where full resolution would cost
too much. Nothing depends on the batch, so a gradient penalty is exactly that of each row.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.nn.networks import ConvPlan

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
GROUP = 16
LARGEST_PATCH = 4
COARSEST_GRID = 7
FULL_WIDTH_GRID = 16


def design(shape: tuple[int, int, int], *, base: int, patch: int = 0) -> ConvPlan:
    """The plan of both nets for pictures of `shape` (c, h, w).

    Parameters
    ----------
    base : channels on grids of up to 16; half as many on the next finer grid, a quarter on the one after it
    patch : pixels a side that the finest grid sees as one; 0 for what brings it down to 16, at most 4
    """
    channels, height, width = shape
    longest = max(height, width)
    if not patch:
        patch = 1
        while longest / patch > FULL_WIDTH_GRID and patch < LARGEST_PATCH:
            patch *= 2
    finest = math.ceil(longest / patch)
    halvings = max(0, math.ceil(math.log2(finest / COARSEST_GRID)))
    widths = tuple(_width(base, finest / 2**stage) for stage in range(halvings + 1))
    return ConvPlan(channels=channels, height=height, width=width, patch=patch, widths=widths)


def _width(base: int, grid: float) -> int:
    finer = max(0, math.ceil(math.log2(grid / FULL_WIDTH_GRID)))
    return max(8, base // 2**finer // 8 * 8)


class Bottleneck(nn.Module):
    """x + a 1x1, a grouped 3x3 and a 1x1 convolution; the last is zero at the start, the others shrink with the number
    of blocks in the net (Zhang et al. 2019).
    """

    def __init__(self, channels: int, *, blocks: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.widen = nn.Conv2d(channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=max(1, inner // GROUP))
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (self.widen, self.mix):
            _start(layer, GAIN * blocks**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.mix(F.leaky_relu(self.widen(x), SLOPE)), SLOPE)
        return x + self.narrow(inner)


class Generator(nn.Module):
    """Latent points (b, latent) -> pictures (b, c, h, w), about 0 to 1 and not clipped."""

    def __init__(self, plan: ConvPlan, *, latent: int, depth: int) -> None:
        super().__init__()
        self.plan = plan
        coarse = plan.widths[-1]
        blocks = depth * len(plan.widths)
        self.basis = nn.Parameter(torch.empty(coarse, *plan.grid).normal_())
        self.gates = nn.Linear(latent, coarse)
        nn.init.normal_(self.gates.weight, std=latent**-0.5)
        nn.init.zeros_(self.gates.bias)
        layers: list[nn.Module] = []
        for stage in reversed(range(len(plan.widths))):
            if stage < len(plan.widths) - 1:
                layers += _resized(plan.widths[stage + 1], plan.widths[stage])
                layers.append(nn.Upsample(scale_factor=2, mode="bilinear"))
            layers += [Bottleneck(plan.widths[stage], blocks=blocks) for _ in range(depth)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(plan.widths[0], plan.channels * plan.patch**2, 1)
        _start(self.head, 1.0)

    def forward(self, z: Tensor) -> Tensor:
        hidden = self.gates(z)[:, :, None, None] * self.basis
        image = F.pixel_shuffle(self.head(self.body(hidden)), self.plan.patch)
        return (image[:, :, : self.plan.height, : self.plan.width] + 1) / 2


class Discriminator(nn.Module):
    """Pictures (b, c, h, w) in [0, 1] -> one score each (b,), higher for rows it takes for real.

    A condition (b, conditions) adds its projection <embedding, features> to the score (Miyato & Koyama 2018).
    """

    def __init__(self, plan: ConvPlan, *, depth: int, conditions: int = 0) -> None:
        super().__init__()
        self.plan = plan
        blocks = depth * len(plan.widths)
        stem = nn.Conv2d(plan.channels * plan.patch**2, plan.widths[0], 1)
        _start(stem, 1.0)
        layers: list[nn.Module] = [nn.PixelUnshuffle(plan.patch), stem]
        for stage, width in enumerate(plan.widths):
            if stage:
                layers.append(nn.AvgPool2d(2))
                layers += _resized(plan.widths[stage - 1], width)
            layers += [Bottleneck(width, blocks=blocks) for _ in range(depth)]
        self.body = nn.Sequential(*layers)
        self.basis = nn.Parameter(torch.empty(plan.widths[-1], *plan.grid).normal_(std=math.prod(plan.grid) ** -0.5))
        self.head = nn.Linear(plan.widths[-1], 1)
        nn.init.normal_(self.head.weight, std=plan.widths[-1] ** -0.5)
        nn.init.zeros_(self.head.bias)
        self.embedding = nn.Linear(conditions, plan.widths[-1], bias=False) if conditions else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=plan.widths[-1] ** -0.5)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        below, right = self.plan.padding
        signed = F.pad(2 * x - 1, (0, right, 0, below))
        features = (self.body(signed) * self.basis).sum((2, 3))
        score = self.head(features)[:, 0]
        if self.embedding is None or condition is None:
            return score
        return score + (self.embedding(condition) * features).sum(1)


def _resized(before: int, after: int) -> list[nn.Module]:
    """A 1x1 convolution where the width changes, else nothing."""
    if before == after:
        return []
    layer = nn.Conv2d(before, after, 1, bias=False)
    _start(layer, 1.0)
    return [layer]


def _start(layer: nn.Conv2d, gain: float) -> None:
    """Weights that keep the variance times gain squared (He et al. 2015), biases zero."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
