"""Quantisers between encoder and decoder: latent vectors to a finite set of codes and to whole numbers.

Each is a module `raw (b, latent) -> Quantised`, a pure function of its row. Decoders see exact codes while gradients
pass straight through to the encoder (Bengio et al. 2013). Losses are those of one row and a mean over its latents,
with the published weights, which stand beside a reconstruction loss that is a mean over data values.
"""

import math
from abc import abstractmethod
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.arrays import check_positive_int
from latentarium.errors import InvalidInput, invalid

MOST_CODES = 65536
VECTOR_LENGTH = 4
COMMITMENT = 0.25
COUNT_DECAY = 0.99
DEAD_SHARE = 0.1
"""A code with less than this share of the rows an average code gets is moved onto a row of the batch."""
SCALAR_RANGE = 1.5
"""Published are +-0.5; encoders here begin with latents of unit variance."""
SCALAR_WEIGHT = 0.01 * (0.5 / SCALAR_RANGE) ** 2
"""The published 0.01, in the units of the wider range."""
FORMS = "fsq:8-5-5-5 (levels), vq:512 or vq:512-8 (codes, length of a vector) or qlae:10 (values of each latent)"


class Quantised(NamedTuple):
    """Codes (b, latent), exact in value and straight-through in gradient, and the loss of each row (b,)."""

    codes: Tensor
    loss: Tensor


class Quantiser(nn.Module):
    """Base of all quantisers. `sizes` holds the number of codes at each position of a latent vector."""

    sizes: tuple[int, ...]
    shared: bool = True
    """Whether all positions draw on one set of codes."""

    @abstractmethod
    def forward(self, raw: Tensor) -> Quantised: ...

    @abstractmethod
    def integers(self, codes: Tensor) -> Tensor:
        """The number of the nearest code at each position, int64 (b, positions)."""

    @abstractmethod
    def codes(self, integers: Tensor) -> Tensor:
        """The latent vectors of those numbers (b, latent)."""

    def learn(self, raw: Tensor, source: torch.Generator) -> None:
        """Adapt what gradients do not reach to a batch of encoder outputs; most quantisers have nothing such."""
        del raw, source

    def use(self, integers: Tensor) -> float:
        """Share of the codes that occur in `integers`, over all positions; a mean over positions where each has codes
        of its own.
        """
        if self.shared:
            return len(integers.unique()) / self.sizes[0]
        shares = [len(column.unique()) / size for column, size in zip(integers.T, self.sizes, strict=True)]
        return sum(shares) / len(shares)


class FiniteScalars(Quantiser):
    """FSQ: tanh, then rounding to evenly spaced levels in [-1, 1] (Mentzer et al. 2024); no codebook, no loss.

    `levels` repeat along the latents; each group of them is one position with prod(levels) codes.
    """

    top: Tensor
    places: Tensor

    def __init__(self, *, latent: int, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = (math.prod(levels),) * (latent // len(levels))
        places = [math.prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer("top", torch.tensor(levels).repeat(len(self.sizes)).float() - 1, persistent=False)
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def _digits(self, codes: Tensor) -> Tensor:
        return torch.round(0.5 * (codes.clamp(-1, 1) + 1) * self.top)

    def forward(self, raw: Tensor) -> Quantised:
        bounded = torch.tanh(raw)
        levels = 2 * self._digits(bounded) / self.top - 1
        return Quantised(_straight_through(bounded, levels), torch.zeros_like(raw[:, 0]))

    def integers(self, codes: Tensor) -> Tensor:
        digits = self._digits(codes).long().unflatten(1, (len(self.sizes), -1))
        return (digits * self.places).sum(2)

    def codes(self, integers: Tensor) -> Tensor:
        radix = self.top[: len(self.places)].long() + 1
        digits = integers[:, :, None] // self.places % radix
        return 2 * digits.flatten(1) / self.top - 1


class Codebook(Quantiser):
    """VQ: each `length` latents are replaced by the nearest vector of one codebook (van den Oord et al. 2017).

    The codebook is the running mean of the encoder outputs that chose it. Codes hardly chosen are moved onto outputs
    of the batch, which is also how the codebook starts (restarts as in Dhariwal et al. 2020). Among several processes
    the first one's codebook holds: buffers are broadcast at every step.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, *, latent: int, count: int, length: int) -> None:
        super().__init__()
        self.sizes = (count,) * (latent // length)
        self.register_buffer("vectors", torch.randn(count, length))
        self.register_buffer("counts", torch.zeros(count))
        self.register_buffer("sums", torch.zeros(count, length))

    def integers(self, codes: Tensor) -> Tensor:
        pieces = codes.unflatten(1, (len(self.sizes), -1))
        # half precision would choose other codes in training than later
        with torch.autocast(codes.device.type, enabled=False) if self.training else nullcontext():
            distances = self.vectors.square().sum(1) - 2 * pieces @ self.vectors.T
        return distances.argmin(2)

    def codes(self, integers: Tensor) -> Tensor:
        return F.embedding(integers, self.vectors).flatten(1)

    def forward(self, raw: Tensor) -> Quantised:
        chosen = self.codes(self.integers(raw))
        return Quantised(_straight_through(raw, chosen), COMMITMENT * (raw - chosen).square().mean(1))

    @torch.no_grad()
    def learn(self, raw: Tensor, source: torch.Generator) -> None:
        count, length = self.vectors.shape
        rows = raw.reshape(-1, length)
        chosen = F.one_hot(self.integers(raw).flatten(), count).to(rows.dtype)
        self.counts.lerp_(chosen.sum(0), 1 - COUNT_DECAY)
        self.sums.lerp_(chosen.T @ rows, 1 - COUNT_DECAY)
        fair = len(rows) / count
        alive = self.counts >= DEAD_SHARE * fair
        self.vectors[alive] = self.sums[alive] / self.counts[alive, None]
        dead = torch.nonzero(~alive).flatten()[: len(rows)]
        replacing = rows[torch.randperm(len(rows), generator=source, device=rows.device)[: len(dead)]]
        self.vectors[dead], self.sums[dead], self.counts[dead] = replacing, replacing * fair, fair


class LatentScalars(Quantiser):
    """QLAE: each latent takes one of its own few learned values (Hsu et al. 2023), drawn to the encoder's outputs as
    these are drawn to it.
    """

    shared = False

    def __init__(self, *, latent: int, count: int) -> None:
        super().__init__()
        self.sizes = (count,) * latent
        self.values = nn.Parameter(torch.linspace(-SCALAR_RANGE, SCALAR_RANGE, count).repeat(latent, 1))

    def integers(self, codes: Tensor) -> Tensor:
        return (codes[:, :, None] - self.values).abs().argmin(2)

    def codes(self, integers: Tensor) -> Tensor:
        return self.values.expand(integers.shape[0], -1, -1).gather(2, integers[:, :, None])[:, :, 0]

    def forward(self, raw: Tensor) -> Quantised:
        chosen = self.codes(self.integers(raw))
        quantise, commit = (raw.detach() - chosen).square(), (raw - chosen.detach()).square()
        return Quantised(_straight_through(raw, chosen), SCALAR_WEIGHT * (quantise + commit).mean(1))


def _straight_through(raw: Tensor, codes: Tensor) -> Tensor:
    """`codes` to the bit, with the gradient of `raw`."""
    return codes.detach() + (raw - raw.detach())


def check_quantiser(text: str, latent: int) -> None:
    """Refuse what `build_quantiser` cannot build."""
    if text:
        _parse(text, latent)


def build_quantiser(text: str, latent: int) -> Quantiser | None:
    """The quantiser that `text` names for vectors of `latent` values; None for an empty text.

    Examples
    --------
    >>> quantiser = build_quantiser("fsq:8-5-5-5", 8)
    >>> quantiser.sizes
    (1000, 1000)
    """
    if not text:
        return None
    kind, numbers = _parse(text, latent)
    if kind == "fsq":
        return FiniteScalars(latent=latent, levels=numbers)
    if kind == "vq":
        return Codebook(latent=latent, count=numbers[0], length=numbers[1])
    return LatentScalars(latent=latent, count=numbers[0])


def _parse(text: str, latent: int) -> tuple[str, tuple[int, ...]]:
    kind, _, rest = text.partition(":")
    parts = rest.split("-")
    limits = {"fsq": 16, "vq": 2, "qlae": 1}
    if kind not in limits or len(parts) > limits[kind] or not all(part.isdecimal() for part in parts):
        raise invalid("quantiser", FORMS, text)
    numbers = tuple(int(part) for part in parts)
    if kind == "vq" and len(numbers) == 1:
        numbers = (numbers[0], min(VECTOR_LENGTH, latent))
    levels = numbers[:1] if kind == "vq" else numbers
    for number in levels:
        check_positive_int(number, f"quantiser {text!r}: codes", low=2, high=MOST_CODES)
    if math.prod(levels) > MOST_CODES:
        raise invalid(f"quantiser {text!r}: codes", f"at most {MOST_CODES} at a position", math.prod(levels))
    length = {"fsq": len(numbers), "vq": numbers[-1], "qlae": 1}[kind]
    if length < 1 or latent % length:
        raise InvalidInput(f"quantiser {text!r} needs a latent size that is a multiple of {length}, got {latent}")
    return kind, numbers
