"""What the scores of generated rows share: checked features, what each says of itself, and its interval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid
from latentarium.measures.nulls import spread_interval
from latentarium.measures.samples.features import FeatureMap, as_feature_map
from latentarium.measures.score import Direction, Score
from latentarium.rng import check_seed, generator

Array = NDArray[np.float64]
Features = FeatureMap | Callable[[Any], ArrayLike] | None
DRAWS = 24
LEAST_ROWS = 24
_PART = 4
_SUBSAMPLES, _EQUAL = 511, 512


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a measure says of itself, whatever the rows."""

    name: str
    direction: Direction
    meaning: str
    misleads: str
    range: tuple[float, float] = (-np.inf, np.inf)
    unit: str = ""
    chance: float | None = None


@dataclass(frozen=True)
class Interval:
    """The ends of an interval, and how they came about in words."""

    ends: tuple[float, float]
    origin: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Real and generated features, (n, d) and (m, d), and how a score of them gets its interval.

    Parameters
    ----------
    name : of the features
    draws : subsamples behind an interval; 0 for none, where the value alone is wanted
    """

    real: Array
    generated: Array
    name: str
    seed: int = 0
    draws: int = DRAWS

    @classmethod
    def of(cls, real: ArrayLike, generated: ArrayLike, *, features: Features, seed: int, draws: int) -> "Pair":
        """Both sides in features.

        Raises
        ------
        InvalidInput
            When a side has fewer than 24 rows, NaN or infinity, or their widths differ.
        """
        chosen = as_feature_map(features)
        sides = {"real": chosen(real), "generated": chosen(generated)}
        for side, table in sides.items():
            if len(table) < LEAST_ROWS or not table.shape[1]:
                raise invalid(side, f"at least {LEAST_ROWS} rows of one value or more", table.shape)
        if sides["real"].shape[1] != sides["generated"].shape[1]:
            raise invalid("generated", f"{sides['real'].shape[1]} features a row, as real", sides["generated"].shape[1])
        if draws and draws < 2:
            raise invalid("draws", "0 or at least 2", draws)
        return cls(**sides, name=chosen.name, seed=check_seed(seed), draws=draws)

    def check_neighbours(self, k: int) -> int:
        """`k` where each subsample has that many neighbours to give."""
        most = min(len(self.real), len(self.generated)) // _PART - 1
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= most:
            raise invalid("k", f"an integer from 1 to {most}, a quarter of the rows less one", k, "take more rows")
        return k

    def score(
        self,
        statement: Statement,
        statistic: Callable[[Array, Array], float],
        *,
        settings: Mapping[str, Any] | None = None,
        parts: Mapping[str, Sequence[float]] | None = None,
    ) -> Score:
        """The score of `statistic(real, generated)`, its interval from quarters of the rows without replacement."""
        value = float(statistic(self.real, self.generated))
        quarters = f"{self.draws} quarters of both sides without replacement"
        found = Interval(self._interval(statement, statistic, value), quarters)
        return self.scored(statement, value, found, settings, parts)

    def scored(
        self,
        statement: Statement,
        value: float,
        interval: Interval,
        settings: Mapping[str, Any] | None = None,
        parts: Mapping[str, Sequence[float]] | None = None,
    ) -> Score:
        """A score of a value and interval that were found otherwise; of the value alone where there are no draws."""
        low, high = interval.ends if self.draws else (value, value)
        common = {"features": self.name, "real": len(self.real), "generated": len(self.generated), "seed": self.seed}
        return Score(
            name=statement.name,
            value=value,
            interval=(min(value, low), max(value, high)),
            resampling=interval.origin if self.draws else "none asked for",
            n=len(self.generated),
            direction=statement.direction,
            unit=statement.unit,
            range=statement.range,
            chance=statement.chance,
            parts=parts or {},
            settings={**common, **(settings or {})},
            meaning=statement.meaning,
            misleads=statement.misleads,
        )

    def _interval(
        self, statement: Statement, statistic: Callable[[Array, Array], float], value: float
    ) -> tuple[float, float]:
        random = generator(self.seed, _SUBSAMPLES)
        found: list[float] = []
        for _ in range(self.draws):
            parts = [t[random.permutation(len(t))[: len(t) // _PART]] for t in (self.real, self.generated)]
            found.append(float(statistic(*parts)))
        if not found:
            return value, value
        return spread_interval(value, np.array(found), size=1, count=_PART, within=statement.range)


def equal_sizes(real: Array, generated: Array, seed: int) -> tuple[Array, Array]:
    """The larger table cut, by the seed, to as many rows as the smaller."""
    count = min(len(real), len(generated))
    random = generator(seed, _EQUAL)
    cut = [t if len(t) == count else t[np.sort(random.permutation(len(t))[:count])] for t in (real, generated)]
    return cut[0], cut[1]
