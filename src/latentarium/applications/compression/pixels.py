"""Grey levels on and off the entropy coder under a mixture of discretised logistics, many pictures side by side.

A level of 256 is coded as four numbers of 4, highest part first: 12 values of the distribution function find it,
where a table of all levels would take 255. Values that depend on their neighbours go in waves, all places at once whose
neighbours to the left and above are known, so that a picture of 28 x 28 takes 82 steps and not 784.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.compression.arithmetic import (
    TABLE_FRACTION,
    Floats,
    at_places,
    exp,
    shift_of,
    sigmoid,
    softmax,
)
from latentarium.applications.compression.entropy import count_tables, counts_of
from latentarium.errors import invalid
from latentarium.nn.likelihoods import Autoregressive, DiscretisedLogistic, Likelihood
from latentarium.nn.likelihoods.autoregressive import COMPONENTS, NEIGHBOURS

PARTS, WIDTHS = 4, (64, 16, 4, 1)
"""A range of levels is split into as many parts of these widths, one after the other."""
_INNER = np.arange(1.0, PARTS)[:, None]


@dataclass(frozen=True, eq=False)
class Wave:
    """Places whose values are coded in one step: a slice of the coding order, their channel, rows and columns."""

    places: slice
    channel: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Parameters of `count` pictures in coding order: (components, places, count), and (others, places, count)."""

    shares: Floats
    parts: Floats
    scales: Floats
    weights: Floats
    mean: Floats


@dataclass(frozen=True)
class PixelCoder:
    """Levels of pictures (channels, height, width) under a likelihood of `components` logistics.

    `looks` says whether a value depends on its neighbours and on the earlier channels.
    """

    shape: tuple[int, int, int]
    components: int
    looks: bool

    @classmethod
    def of(cls, likelihood: Likelihood, shape: tuple[int, ...]) -> "PixelCoder":
        """The coder for a likelihood that gives grey levels a mass."""
        if isinstance(likelihood, Autoregressive):
            return cls(shape, COMPONENTS, True)  # type: ignore[arg-type]
        if isinstance(likelihood, DiscretisedLogistic):
            return cls(shape, 1, False)  # type: ignore[arg-type]
        raise invalid(
            "the likelihood", "autoregressive or logistic for lossless files", likelihood.name,
            "fit with --likelihood autoregressive, or compress with --mode lossy",
        )  # fmt: skip

    @cached_property
    def waves(self) -> list[Wave]:
        """The steps in coding order."""
        channels, height, width = self.shape
        row, column = np.divmod(np.arange(height * width), width)
        times, found, start = column + 2 * row, [], 0
        for time in range(int(times.max()) + 1):
            here = np.flatnonzero(times == time)
            for channel in range(channels):
                found.append(Wave(slice(start, start + len(here)), channel, row[here], column[here]))
                start += len(here)
        return found

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        _, height, width = self.shape
        flat = [(w.channel * height + w.rows) * width + w.columns for w in self.waves]
        return np.concatenate(flat)

    def push(self, coder: Any, params: Floats, levels: NDArray[np.uint8]) -> None:
        """Put `levels` (n, c, h, w) on the coder; `params` is the decoder's output for them."""
        mixtures = self._mixtures(params)
        deviations = _Deviations(self, levels.transpose(1, 2, 3, 0), mixtures.mean)
        for wave in reversed(self.waves):
            rest = np.ascontiguousarray(levels[:, wave.channel, wave.rows, wave.columns].T).ravel().astype(np.int32)
            search, found = _Search(self, mixtures, wave, deviations), []
            for width in WIDTHS:
                chosen, rest = np.divmod(rest, width)
                found.append((chosen, search.counts(width)))
                search.descend(chosen, width)
            for chosen, counts in reversed(found):
                coder.encode_reverse(chosen, count_tables(), counts)

    def pop(self, coder: Any, params: Floats) -> NDArray[np.uint8]:
        """Take the levels (n, c, h, w) off the coder again."""
        mixtures, count = self._mixtures(params), len(params)
        levels = np.zeros((*self.shape, count), np.uint8)
        deviations = _Deviations(self, None, mixtures.mean)
        for wave in self.waves:
            search = _Search(self, mixtures, wave, deviations)
            for width in WIDTHS:
                search.descend(coder.decode(count_tables(), search.counts(width)), width)
            own = search.lowest.astype(np.uint8).reshape(-1, count)
            levels[wave.channel, wave.rows, wave.columns] = own
            deviations.fill(wave, own)
        return np.ascontiguousarray(levels.transpose(3, 0, 1, 2))

    def _mixtures(self, params: Floats) -> Mixtures:
        count, size = len(params), int(np.prod(self.shape))
        whole = params.reshape(count, -1, size).transpose(1, 2, 0)[:, self._order]
        if not self.looks:
            shares, centres, raw, weights = np.ones((1, 1, 1)), whole[:1], whole[1:], whole[:0]
        else:
            k = self.components
            shares, centres, raw, weights = softmax(whole[:k]), whole[k : 2 * k], whole[2 * k : 3 * k], whole[3 * k :]
        parts = sigmoid(centres)
        # exp(-log scale) of `pixels.log_scale_of`, in steps of the table
        scales = 2.0**TABLE_FRACTION * float(exp(np.array(7.0))) / (1.0 + exp(raw + 5.0))
        mean = shares[0] * parts[0]
        for share, part in zip(shares[1:], parts[1:], strict=True):
            mean += share * part
        return Mixtures(np.broadcast_to(shares, parts.shape), parts, scales, weights, mean)


class _Deviations:
    """What known values deviate from the mean picture, (c, h + 1, w + 2, n) with zeros around."""

    def __init__(self, coder: PixelCoder, levels: NDArray[np.uint8] | None, mean: Floats) -> None:
        channels, height, width = coder.shape
        self.mean = mean
        self.around = np.zeros((channels, height + 1, width + 2, mean.shape[1]) if coder.looks else (0,))
        self.looks = coder.looks
        if levels is not None:
            for wave in coder.waves:
                self.fill(wave, levels[wave.channel, wave.rows, wave.columns])

    def fill(self, wave: Wave, levels: NDArray[np.uint8]) -> None:
        """Tell the levels (places, n) of a wave."""
        if self.looks:
            self.around[wave.channel, wave.rows + 1, wave.columns + 1] = levels / 255.0 - self.mean[wave.places]

    def seen(self, wave: Wave) -> Iterator[Floats]:
        """Deviations (places, n) of each neighbour, then of each earlier channel, in the order of the weights."""
        for down, right in NEIGHBOURS:
            yield self.around[wave.channel, wave.rows + 1 + down, wave.columns + 1 + right]
        for earlier in range(wave.channel):
            yield self.around[earlier, wave.rows + 1, wave.columns + 1]


class _Search:
    """The way down to the levels of one wave, given what came before: ranges of levels, and the mixture's
    distribution function at their ends.
    """

    def __init__(self, coder: PixelCoder, mixtures: Mixtures, wave: Wave, deviations: _Deviations) -> None:
        here = wave.places
        centres = mixtures.parts[:, here]
        if coder.looks:
            moved = np.zeros(centres.shape[1:])
            for weights, seen in zip(mixtures.weights[:, here], deviations.seen(wave), strict=False):
                moved += weights * seen
            centres = centres + moved
        components = len(centres)
        self.shares = mixtures.shares[:, here].reshape(components, -1)
        self.scales = mixtures.scales[:, here].reshape(components, -1)
        self.offsets = self.scales * centres.reshape(components, -1) - shift_of("logistic")

        count = self.scales.shape[1]
        self.at = np.arange(count)
        self.lowest = np.zeros(count, np.int32)
        self.ends = np.zeros((PARTS + 1, count))
        self.ends[-1] = 1.0

    def counts(self, width: int) -> Floats:
        """Counts (n, 4) of the parts of `width` levels that each range has."""
        edges = (self.lowest - 0.5 + width * _INNER) / 255
        places = edges[:, None] * self.scales
        places -= self.offsets
        mass = at_places("logistic", places)
        mass *= self.shares
        # added up in order
        inner = mass[:, 0]
        for component in range(1, mass.shape[1]):
            inner = inner + mass[:, component]
        self.ends[1:-1] = inner
        return counts_of(self.ends)

    def descend(self, chosen: NDArray[np.int32], width: int) -> None:
        """Go on with one part of each range."""
        self.ends[0], self.ends[-1] = self.ends[chosen, self.at], self.ends[chosen + 1, self.at]
        self.lowest = self.lowest + width * chosen
