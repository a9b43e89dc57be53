"""Latent points on a grid, and on and off the entropy coder under a prior or a posterior.

z = k * step for whole k, one step for each dimension. The steps travel in the file.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.compression.arithmetic import TABLE_FRACTION, Floats, distribution, exp
from latentarium.applications.compression.entropy import count_table, count_tables, counts_of
from latentarium.arrays import batches
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import LOG_VARIANCE_RANGE

Whole = NDArray[np.int64]
UNIT = 2.0**-12
"""Steps are whole multiples of this."""
LARGEST_UNITS = 2**16 - 1
PRIOR_REACH = 8.0
"""Latent points of a standard normal prior lie within this."""
WINDOW = 64
"""Steps to either side of its mean that a posterior reaches. On a wide support the least probability that every
value has would add up (0.1 % a latent), and now and then an absurd value would be drawn."""
MOST_VALUES = 2**14
_AT_ONCE = 4096
_TABLE_STEPS = 2.0**TABLE_FRACTION


def units_of(steps: Floats) -> NDArray[np.uint16]:
    """Steps as multiples of `UNIT`, as a file has them."""
    return np.clip(np.rint(np.asarray(steps) / UNIT), 1, LARGEST_UNITS).astype(np.uint16)


def posterior_steps(spread: Floats) -> Floats:
    """Steps for latents that are drawn from posteriors of standard deviation `spread` (n, d): powers of two from a
    half to a quarter of its median. Finer ones would only need more bits at the start.
    """
    return 2.0 ** np.floor(np.log2(np.median(spread, axis=0) / 2))


def rounding_steps(spread: Floats, step: float) -> Floats:
    """Steps for latents that are rounded, `step` times the median of their posteriors' standard deviations."""
    return step * np.median(spread, axis=0)


def split_posterior(hidden: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (n, d) from an encoder's outputs (n, 2 d); `Autoencoder.posterior` in exact form."""
    mean, raw = np.split(hidden, 2, axis=1)
    low, high = LOG_VARIANCE_RANGE
    span, top = float(exp(np.array(high - low))), float(exp(np.array(high)))
    return mean, np.sqrt(top / (1.0 + span / (1.0 + exp(raw - low))))


@dataclass(frozen=True, eq=False)
class Table:
    """A distribution of whole numbers from `lowest`: counts as the coder takes them."""

    lowest: int
    counts: Floats

    def push(self, coder: Any, values: Whole) -> None:
        """Put `values` on the coder."""
        coder.encode_reverse((values - self.lowest).astype(np.int32), count_table(self.counts))

    def pop(self, coder: Any, count: int) -> Whole:
        """Take `count` values off."""
        return coder.decode(count_table(self.counts), count).astype(np.int64) + self.lowest

    def cut(self, values: Whole) -> Whole:
        """Values moved into the table's range."""
        return np.clip(values, self.lowest, self.lowest + len(self.counts) - 1)


Tables = Callable[[int], Table]
"""The table of each dimension."""


@functools.lru_cache(maxsize=256)
def normal_table(units: int) -> Table:
    """N(0, 1) on the grid of a step of `units`; a window to either side of what it covers."""
    step = units * UNIT
    reach = math.ceil(PRIOR_REACH / step) + WINDOW
    edges = (np.arange(-reach, reach) + 0.5) * (step * _TABLE_STEPS)
    inner = distribution("normal", edges)
    return Table(-reach, _counts_along(inner))


def learned_table(values: Whole) -> Table:
    """How whole numbers are distributed that are like `values` (n,): their histogram, smoothed by a normal curve.

    Raises
    ------
    InvalidInput
        When they lie so far apart that a table would not fit into memory.
    """
    margin = 2
    lowest, highest = int(values.min()) - margin, int(values.max()) + margin
    if highest - lowest >= MOST_VALUES:
        raise InvalidInput(
            f"a step is too small: it needs a table of {highest - lowest:,} values; give a larger --step"
        )
    count, mean = len(values), int(values.sum()) / len(values)
    away = values - round(mean)
    spread = math.sqrt(max(int((away * away).sum()) / count, 0.25))
    edges = (np.arange(lowest, highest) + 0.5 - mean) * (_TABLE_STEPS / spread)
    smooth = np.diff(distribution("normal", edges), prepend=0.0, append=1.0)
    seen = np.bincount(values - lowest, minlength=highest - lowest + 1)
    # a fiftieth of the weight to the curve, in whole numbers, whose sums are exact
    weights = seen * 2**20 + np.rint(smooth * (count * 2**20 // 50)).astype(np.int64) + 1
    cumulative = np.cumsum(weights)
    return Table(lowest, _counts_along(cumulative[:-1] / cumulative[-1]))


def _counts_along(inner: Floats) -> Floats:
    """Counts of one table from the distribution function inside its range."""
    return counts_of(np.concatenate([[0.0], inner, [1.0]])[:, None])[0]


def push_latents(coder: Any, tables: Tables, k: Whole) -> None:
    """Put whole latents (n, d) on the coder, each dimension under its table."""
    for dimension in reversed(range(k.shape[1])):
        tables(dimension).push(coder, k[:, dimension])


def pop_latents(coder: Any, tables: Tables, shape: tuple[int, int]) -> Whole:
    """Take whole latents (n, d) off again."""
    return np.stack([tables(dimension).pop(coder, shape[0]) for dimension in range(shape[1])], axis=1)


@dataclass(frozen=True, eq=False)
class Posteriors:
    """Normal distributions of whole latents: mean and standard deviation (n, d) over steps (d,)."""

    mean: Floats
    spread: Floats
    steps: Floats

    def draw(self, coder: Any) -> Whole:
        """Whole latents (n, d) that the coder's bits choose; they leave it shorter."""
        parts = [self._centre(part) + coder.decode(count_tables(), self._counts(part)) for part in self._parts()]
        return np.concatenate(parts).reshape(self.mean.shape)

    def give_back(self, coder: Any, k: Whole) -> None:
        """Put the bits back that chose `k`; for other `k`, of a damaged file, bits that nothing will fit."""
        flat = k.ravel()
        for part in reversed(list(self._parts())):
            symbols = np.clip(flat[part] - self._centre(part), 0, 2 * WINDOW)
            coder.encode_reverse(symbols.astype(np.int32), count_tables(), self._counts(part))

    def _parts(self) -> Iterator[slice]:
        return batches(self.mean.size, _AT_ONCE)

    def _flat(self, part: slice) -> tuple[Floats, Floats]:
        """Mean and spread in steps."""
        at = np.arange(self.mean.size)[part] % len(self.steps)
        steps = self.steps[at]
        return self.mean.ravel()[part] / steps, np.maximum(self.spread.ravel()[part] / steps, 0.25)

    def _centre(self, part: slice) -> Whole:
        """The lowest value of the window."""
        at = np.arange(self.mean.size)[part] % len(self.steps)
        most = np.ceil(PRIOR_REACH / self.steps[at])
        return np.clip(np.rint(self._flat(part)[0]), -most, most).astype(np.int64) - WINDOW

    def _counts(self, part: slice) -> Floats:
        mean, spread = self._flat(part)
        edges = self._centre(part) + np.arange(2 * WINDOW)[:, None] + 0.5
        inner = distribution("normal", (edges - mean) * (_TABLE_STEPS / spread))
        return counts_of(np.concatenate([np.zeros((1, len(mean))), inner, np.ones((1, len(mean)))]))
