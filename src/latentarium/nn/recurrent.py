"""Encoder and decoder of rows of symbols read one after the other: text, and melodies where they are wanted so."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COARSEST = 8
"""Places that a row is folded to before its code is read off."""


class ResidualConv1d(nn.Module):
    """x + W2 silu(conv(norm(x))) along the steps of (b, width, steps), the second map zero at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.inner = nn.Conv1d(width, width, 5, padding=2)
        self.outer = nn.Conv1d(width, width, 1)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.silu(self.inner(self.norm(x))))


class FoldingEncoder(nn.Module):
    """Rows (b, symbols, steps) -> `outputs` values: the likeliest symbols, and convolutions between which two steps
    become one.
    """

    def __init__(self, *, symbols: int, steps: int, width: int, outputs: int) -> None:
        super().__init__()
        folds = max(0, math.ceil(math.log2(steps / COARSEST)))
        self.padding = -steps % 2**folds
        self.stem = nn.Embedding(symbols, width)
        self.blocks = nn.ModuleList([ResidualConv1d(width) for _ in range(folds + 1)])
        self.folds = nn.ModuleList([nn.Conv1d(width, width, 2, stride=2) for _ in range(folds)])
        self.head = nn.Linear(width * ((steps + self.padding) >> folds), outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.stem(x.argmax(1)).transpose(1, 2)
        hidden = self.blocks[0](F.pad(hidden, (0, self.padding)))
        for fold, block in zip(self.folds, self.blocks[1:], strict=True):
            hidden = block(fold(hidden))
        return self.head(F.silu(hidden).flatten(1))


class EveryStep(nn.Module):
    """Latent points -> the same context (b, width, steps) at every step, for a likelihood that reads on from there."""

    def __init__(self, *, latent: int, width: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.stem = nn.Linear(latent, width)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.stem(z))[:, :, None].expand(-1, -1, self.steps)


class Conductor(nn.Module):
    """Latent points -> a context for each bar (b, width, steps), the same at all steps of a bar."""

    def __init__(self, *, latent: int, width: int, bars: int, steps: int) -> None:
        super().__init__()
        self.bars, self.length = bars, steps // bars
        self.stem = nn.Linear(latent, width)
        self.baton = nn.Linear(width, bars * width)

    def forward(self, z: Tensor) -> Tensor:
        told = torch.tanh(self.baton(F.silu(self.stem(z)))).unflatten(1, (self.bars, -1))
        return told.repeat_interleave(self.length, dim=1).transpose(1, 2)
