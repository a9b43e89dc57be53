"""Encoders and decoders: residual multilayer perceptrons and residual convolutional nets for any size.

Neither uses batch statistics, so a row's code never depends on its neighbours in the batch. Each has a linear path
beside its deep one and knows the data's mean, so that training can start from the best linear model
(see `models/start.py`); linear paths are zero until they are given that start, and `linear=False` leaves them out.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualDense(nn.Module):
    """x + W2 silu(W1 norm(x)), the second matrix zero at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        _zero(self.outer)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.silu(self.inner(self.norm(x))))


class DenseEncoder(nn.Module):
    """Flattened data (centred by `shift`) -> `outputs` values."""

    shift: Tensor

    def __init__(self, *, features: int, width: int, depth: int, outputs: int, linear: bool = True) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(features))
        self.stem = nn.Linear(features, width)
        self.blocks = nn.Sequential(*[ResidualDense(width) for _ in range(depth)])
        self.head = nn.Linear(width, outputs)
        self.linear = _silent(features, outputs) if linear else None

    def pooled(self, x: Tensor) -> Tensor:
        """What the linear path sees: the centred row."""
        return x.flatten(1) - self.shift

    def forward(self, x: Tensor) -> Tensor:
        centred = self.pooled(x)
        deep = self.head(F.silu(self.blocks(self.stem(centred))))
        return deep if self.linear is None else deep + self.linear(centred)


class DenseDecoder(nn.Module):
    """Latent points -> likelihood parameters of shape `shape`, as a change to the starting row `shift`."""

    shift: Tensor

    def __init__(self, *, latent: int, width: int, depth: int, shape: tuple[int, ...], linear: bool = True) -> None:
        super().__init__()
        self.shape = shape
        self.stem = nn.Linear(latent, width)
        self.blocks = nn.Sequential(*[ResidualDense(width) for _ in range(depth)])
        self.head = nn.Linear(width, math.prod(shape))
        self.linear = _silent(latent, math.prod(shape)) if linear else None
        self.register_buffer("shift", torch.zeros(shape))

    def forward(self, z: Tensor) -> Tensor:
        values = self.head(F.silu(self.blocks(self.stem(z))))
        values = values if self.linear is None else values + self.linear(z)
        return values.unflatten(1, self.shape) + self.shift


class ResidualConv(nn.Module):
    """Two 3x3 convolutions with group normalisation; in decoders z scales and shifts the inside (FiLM)."""

    def __init__(self, channels: int, *, latent: int | None = None) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second_norm = nn.GroupNorm(8, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(latent, 2 * channels) if latent else None
        _zero(self.second)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        inner = self.second_norm(self.first(F.silu(self.first_norm(x))))
        if self.film is not None and z is not None:
            scale, shift = self.film(z)[:, :, None, None].chunk(2, dim=1)
            inner = inner * (1 + scale) + shift
        return x + self.second(F.silu(inner))


@dataclass(frozen=True, kw_only=True)
class ConvPlan:
    """How a convolutional net folds an image: patch size, widths from fine to coarse, and the padded grid.

    The stem cuts the picture into patches, so that full resolution costs one cheap layer; each further stage halves
    the grid. Sizes that do not divide are padded at the right and bottom and cropped again at the end.
    """

    channels: int
    height: int
    width: int
    patch: int
    widths: tuple[int, ...]

    @classmethod
    def design(cls, shape: tuple[int, int, int], *, base: int) -> "ConvPlan":
        """Patch to a grid of at most 16, then halve it to about 4, doubling widths up to 8 times the base."""
        channels, height, width = shape
        longest = max(height, width)
        patch = 1
        while longest / patch > 16:
            patch *= 2
        stages = max(1, math.floor(math.log2(longest / patch / 4) + 0.5) + 1)
        return cls(
            channels=channels,
            height=height,
            width=width,
            patch=patch,
            widths=tuple(base * min(8, 2**i) for i in range(stages)),
        )

    @property
    def multiple(self) -> int:
        return self.patch * 2 ** (len(self.widths) - 1)

    @property
    def padding(self) -> tuple[int, int]:
        """Rows and columns added at the bottom and right."""
        return -self.height % self.multiple, -self.width % self.multiple

    @property
    def pool(self) -> int:
        """Pixels a side that the linear path averages, so that it sees a grid of at most 32."""
        return max(1, self.patch // 2)

    @property
    def pooled(self) -> tuple[int, int, int]:
        """Channels, height and width of the picture the linear path sees."""
        below, right = self.padding
        return self.channels, (self.height + below) // self.pool, (self.width + right) // self.pool

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the coarsest grid."""
        below, right = self.padding
        return (self.height + below) // self.multiple, (self.width + right) // self.multiple


class ConvEncoder(nn.Module):
    """Image (b, c, h, w) -> `outputs` values."""

    shift: Tensor

    def __init__(self, plan: ConvPlan, *, depth: int, outputs: int, linear: bool = True) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("shift", torch.zeros(plan.channels, plan.height, plan.width))
        layers: list[nn.Module] = [nn.PixelUnshuffle(plan.patch)]
        before = plan.channels * plan.patch**2
        for stage, width in enumerate(plan.widths):
            if stage:
                layers.append(nn.PixelUnshuffle(2))
                before *= 4
            layers.append(nn.Conv2d(before, width, 1))
            layers += [ResidualConv(width) for _ in range(depth)]
            before = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(before * math.prod(plan.grid), outputs)
        self.linear = _silent(math.prod(plan.pooled), outputs) if linear else None

    def pooled(self, x: Tensor) -> Tensor:
        """What the linear path sees: the centred picture, shrunk and flattened."""
        return F.avg_pool2d(self._centred(x), self.plan.pool).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        centred = self._centred(x)
        deep = self.head(F.silu(self.body(centred)).flatten(1))
        return deep if self.linear is None else deep + self.linear(F.avg_pool2d(centred, self.plan.pool).flatten(1))

    def _centred(self, x: Tensor) -> Tensor:
        below, right = self.plan.padding
        return F.pad(x - self.shift, (0, right, 0, below)) if below or right else x - self.shift


class ConvDecoder(nn.Module):
    """Latent points -> likelihood parameters (b, channels, h, w); every block sees z.

    `shift` is a fixed starting picture (the data's mean) that the net learns to change.
    """

    shift: Tensor

    def __init__(self, plan: ConvPlan, *, latent: int, depth: int, channels: int, linear: bool = True) -> None:
        super().__init__()
        self.plan = plan
        coarse = plan.widths[-1]
        self.stem = nn.Linear(latent, coarse * math.prod(plan.grid))
        self.blocks = nn.ModuleList()
        self.ups = nn.ModuleList()
        for stage in reversed(range(len(plan.widths))):
            self.blocks.append(nn.ModuleList([ResidualConv(plan.widths[stage], latent=latent) for _ in range(depth)]))
            if stage:
                self.ups.append(nn.Conv2d(plan.widths[stage], 4 * plan.widths[stage - 1], 1))
        self.head = nn.Conv2d(plan.widths[0], channels * plan.patch**2, 3, padding=1)
        self.register_buffer("shift", torch.zeros(channels, plan.height, plan.width))
        self.low = (channels, *plan.pooled[1:])
        self.linear = _silent(latent, math.prod(self.low)) if linear else None

    def forward(self, z: Tensor) -> Tensor:
        hidden = self.stem(z).unflatten(1, (self.plan.widths[-1], *self.plan.grid))
        for stage, blocks in enumerate(self.blocks):
            if stage:
                hidden = F.pixel_shuffle(self.ups[stage - 1](hidden), 2)
            for block in blocks:  # type: ignore[union-attr]
                hidden = block(hidden, z)
        image = F.pixel_shuffle(self.head(F.silu(hidden)), self.plan.patch)
        if self.linear is not None:
            image = image + self._enlarged(self.linear(z).unflatten(1, self.low))
        return image[:, :, : self.plan.height, : self.plan.width] + self.shift

    def _enlarged(self, low: Tensor) -> Tensor:
        return F.interpolate(low, scale_factor=float(self.plan.pool), mode="bilinear") if self.plan.pool > 1 else low

    def shrunk(self, picture: Tensor) -> Tensor:
        """A picture (channels, h, w) on the grid of the linear path."""
        below, right = self.plan.padding
        whole = F.pad(picture[None], (0, right, 0, below), mode="replicate")
        return F.avg_pool2d(whole, self.plan.pool)[0]


def _silent(inputs: int, outputs: int) -> nn.Linear:
    """A linear map without bias that gives zero."""
    layer = nn.Linear(inputs, outputs, bias=False)
    _zero(layer)
    return layer


def _zero(layer: nn.Linear | nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
