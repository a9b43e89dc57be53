"""What the measures of this package share: codes beside a table of factors, checked, capped and cut in two."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.score import interval_of
from latentarium.rng import generator

Array = NDArray[np.float64]
Levels = NDArray[np.int64]
_CAP, _SPLIT = 501, 502
MOST_LEVELS = 100
QUANTILES = 20
CLASSES = 10
LEAST_ROWS = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Factored:
    """Codes (n, d) and factors (n, k) of the same rows; factors with one level alone are left out.

    Parameters
    ----------
    codes : (n, d)
    values : (n, k) the factors as they were given
    levels : (n, k) the same numbered 0 .. sizes[k] - 1; a factor of more than 100 values is cut at its quantiles
    names : k names
    seed : of subsets and splits
    """

    codes: Array
    values: Array
    levels: Levels
    names: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, codes: ArrayLike, factors: ArrayLike, *, names: tuple[str, ...] = (), seed: int = 0) -> "Factored":
        """Check and align; raise `InvalidInput` for too few rows, other row counts, NaN, or only constant factors."""
        points = flat(np.asarray(codes))
        table = np.asarray(factors, np.float64)
        if table.ndim != 2 or not table.shape[1]:
            raise invalid("factors", "a table (n, k) of at least one factor", table.shape)
        if len(points) != len(table) or len(table) < LEAST_ROWS:
            rule = f"the factors of at least {LEAST_ROWS} rows, one for each code"
            raise invalid("factors", rule, f"{len(table)} for {len(points)} codes")
        check_finite(points, "codes")
        check_finite(table, "factors")
        columns = [_numbered(column) for column in table.T]
        kept = [k for k, column in enumerate(columns) if column.max() > 0]
        if not kept:
            raise invalid("factors", "varying over the rows", "constant columns only")
        known = names or tuple(f"f{k}" for k in range(table.shape[1]))
        return cls(
            codes=points,
            values=table[:, kept],
            levels=np.stack([columns[k] for k in kept], axis=1),
            names=tuple(known[k] for k in kept),
            seed=seed,
        )

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Levels of each factor."""
        return tuple(int(n) for n in self.levels.max(0) + 1)

    @cached_property
    def varying(self) -> NDArray[np.bool_]:
        """Which latent dimensions are not constant, up to rounding."""
        spread = np.ptp(self.codes, axis=0)
        return spread > 1e-9 * np.maximum(np.abs(self.codes).max(0), 1e-30)

    @cached_property
    def standardised(self) -> Array:
        """Codes with mean 0 and variance 1; constant dimensions are 0."""
        centred = np.where(self.varying, self.codes - self.codes.mean(0), 0.0)
        return centred / np.where(self.varying, self.codes.std(0), 1.0)

    def is_class(self, k: int) -> bool:
        """Whether factor k is predicted as a kind (at most 10 levels) and not as an amount."""
        return self.sizes[k] <= CLASSES

    def rows(self, chosen: NDArray[Any]) -> "Factored":
        """Some rows, with their levels numbered as they were."""
        return dataclasses.replace(
            self, codes=self.codes[chosen], values=self.values[chosen], levels=self.levels[chosen]
        )

    def capped(self, most: int) -> "Factored":
        """At most `most` rows, drawn by the seed."""
        check_positive_int(most, "rows", low=LEAST_ROWS)
        if most >= len(self):
            return self
        chosen = np.sort(generator(self.seed, _CAP).permutation(len(self))[:most])
        return Factored.of(self.codes[chosen], self.values[chosen], names=self.names, seed=self.seed)

    def split(self, share: float = 0.5) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row numbers to learn from and held out, at random."""
        order = generator(self.seed, _SPLIT).permutation(len(self))
        cut = int(share * len(self))
        return np.sort(order[:cut]), np.sort(order[cut:])

    def shuffled(self, number: int) -> "Factored":
        """The same with whole rows of factors in another order: what knows nothing."""
        order = generator(self.seed, _CAP, 1 + number).permutation(len(self))
        return dataclasses.replace(self, values=self.values[order], levels=self.levels[order])


def _numbered(column: Array) -> Levels:
    levels, numbers = np.unique(column, return_inverse=True)
    if len(levels) > MOST_LEVELS:
        cuts = np.unique(np.quantile(column, np.arange(1, QUANTILES) / QUANTILES))
        numbers = np.searchsorted(cuts, column, side="right")
    return np.asarray(numbers, np.int64).reshape(-1)


def factored_of(evidence: Evidence) -> Factored:
    """Codes and factors of evidence at hand, checked once."""
    return evidence.once(_factored)


def _factored(evidence: Evidence) -> Factored:
    beside = evidence.beside
    if beside.factors is None:
        raise invalid("factors", "given beside the rows", None)
    return Factored.of(evidence.codes, beside.factors, names=beside.factor_names, seed=evidence.seed)


def centred_interval(value: float, draws: Array, *, least: float = 0.0) -> tuple[float, float]:
    """The spread of `draws` laid about `value` and cut to [least, 1]: a resample flatters what takes a largest part."""
    low, high = interval_of(draws - draws.mean())
    return max(least, value + low), min(1.0, value + high)


def as_parts(names: tuple[str, ...], matrix: Array) -> dict[str, list[float]]:
    """Columns of a (d, k) matrix by factor name."""
    return {name: [float(v) for v in matrix[:, k]] for k, name in enumerate(names)}
