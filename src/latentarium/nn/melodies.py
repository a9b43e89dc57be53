"""Encoder and decoder of melodies: a linear path over contour, onsets and rests, and phrases under a conductor.

A melody is a line: the pitch heard at each step, where notes begin, and where there is silence. These three curves
(`Curves`) are nearly linear in a good code, as principal components show, so encoder and decoder have a linear path to
them that training starts at (`models/start.py`); what depends on scale and style is left to the deep path. That one is
hierarchical (Roberts et al. 2018): a conductor turns the code into a vector for each phrase of two bars, and one
net, the same for every phrase, writes it from its vector alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.data.music.modalities import FIRST_NOTE, HIGHEST_PITCH, HOLD, LOWEST_PITCH, REST, STEPS_PER_BAR
from latentarium.nn.networks import ResidualDense

SYMBOLS = FIRST_NOTE + HIGHEST_PITCH - LOWEST_PITCH + 1
CURVES = 3
MIDDLE = 52.0
"""Symbol of the B above middle C, near the middle of most melodies."""
SEMITONES = 6.0
"""Semitones that weigh as much as half an onset."""
FLAG = 2.0
"""Height of an onset or a rest in its curve."""
CONTEXT = 32
"""What the decoder gives for each step beside the curves and how sure it is of the pitch."""
OUTPUTS = CURVES + 1 + CONTEXT
EMBEDDING = 12
PHRASE = 2 * STEPS_PER_BAR
"""Steps that are written from one vector; a bar where bars are odd."""


def phrases(steps: int) -> tuple[int, int]:
    """How many phrases a row has, and their steps.

    Examples
    --------
    >>> phrases(32), phrases(48), phrases(256)
    ((1, 32), (3, 16), (8, 32))
    """
    length = STEPS_PER_BAR if steps % PHRASE else PHRASE
    return steps // length, length


def sounding(symbols: Tensor) -> Tensor:
    """The symbol that is heard at each step of (b, steps): where one is held, the one before."""
    return symbols.gather(1, _latest(symbols != HOLD))


def curves(symbols: Tensor) -> Tensor:
    """Contour, onsets and rests of (b, steps) as float (b, 3, steps).

    The contour is the last pitch struck, before the first one that one, in units of six semitones; a row without any
    note has the middle.
    """
    struck = symbols >= FIRST_NOTE
    first = struck.float().argmax(1, keepdim=True)
    place = torch.maximum(_latest(struck), first)
    contour = (symbols.gather(1, place).float() - MIDDLE) / SEMITONES
    contour = contour * struck.any(1, keepdim=True)
    rests = sounding(symbols) == REST
    return torch.stack([contour, FLAG * struck, FLAG * rests], dim=1)


def _latest(there: Tensor) -> Tensor:
    """For each step the last step up to it where `there` (b, steps) holds, 0 where there is none."""
    # a maximum over a triangle instead of a running maximum, which ONNX does not have
    steps = torch.arange(there.shape[1], device=there.device)
    seen = there[:, None, :] & (steps[None, :] <= steps[:, None])
    return (seen * steps).amax(2)


class MelodyEncoder(nn.Module):
    """One-hot melodies (b, 90, steps) -> `outputs` values."""

    shift: Tensor

    def __init__(self, *, steps: int, width: int, depth: int, outputs: int, linear: bool = True) -> None:
        super().__init__()
        self.phrases, self.length = phrases(steps)
        inner = width if self.phrases == 1 else width // 2
        self.register_buffer("shift", torch.zeros(CURVES * steps))
        self.written = nn.Embedding(SYMBOLS, EMBEDDING)
        self.heard = nn.Embedding(SYMBOLS, EMBEDDING)
        self.phrase = nn.Sequential(
            nn.Linear(self.length * (2 * EMBEDDING + CURVES), inner), *[ResidualDense(inner) for _ in range(depth)]
        )
        self.join = nn.Linear(self.phrases * inner, width)
        self.blocks = nn.Sequential(*[ResidualDense(width) for _ in range(depth)])
        self.head = nn.Linear(width, outputs)
        self.linear = nn.Linear(CURVES * steps, outputs, bias=False) if linear else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)

    def pooled(self, x: Tensor) -> Tensor:
        """What the linear path sees: the centred curves (b, 3 steps)."""
        return curves(x.argmax(1)).flatten(1) - self.shift

    def forward(self, x: Tensor) -> Tensor:
        symbols = x.argmax(1)
        centred = curves(symbols).flatten(1) - self.shift
        lines = centred.unflatten(1, (CURVES, -1)).transpose(1, 2)
        each = torch.cat([self.written(symbols), self.heard(sounding(symbols)), lines], dim=2)
        read = self.phrase(each.unflatten(1, (self.phrases, self.length)).flatten(2))
        deep = self.head(F.silu(self.blocks(self.join(F.silu(read).flatten(1)))))
        return deep if self.linear is None else deep + self.linear(centred)


class MelodyDecoder(nn.Module):
    """Latent points -> parameters (b, 36, steps) of the melody likelihood: curves, sharpness, context."""

    shift: Tensor

    def __init__(self, *, steps: int, latent: int, width: int, depth: int, linear: bool = True) -> None:
        super().__init__()
        self.phrases, self.length = phrases(steps)
        inner = width if self.phrases == 1 else width // 2
        self.stem = nn.Linear(latent, width)
        self.blocks = nn.Sequential(*[ResidualDense(width) for _ in range(depth)])
        self.conductor = nn.Linear(width, self.phrases * inner)
        self.phrase = nn.Sequential(*[ResidualDense(inner) for _ in range(depth)])
        self.head = nn.Linear(inner, self.length * OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.linear = nn.Linear(latent, CURVES * steps, bias=False) if linear else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
        self.register_buffer("shift", torch.zeros(CURVES * steps))

    def forward(self, z: Tensor) -> Tensor:
        told = self.conductor(F.silu(self.blocks(self.stem(z)))).unflatten(1, (self.phrases, -1))
        written = self.head(F.silu(self.phrase(told))).unflatten(2, (self.length, OUTPUTS))
        deep = written.flatten(1, 2).transpose(1, 2)
        base = self.shift if self.linear is None else self.linear(z) + self.shift
        lines = base.expand(z.shape[0], -1).unflatten(1, (CURVES, -1))
        return torch.cat([deep[:, :CURVES] + lines, deep[:, CURVES:]], dim=1)
