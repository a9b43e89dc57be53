"""`Score`: what every measure returns, and the bootstrap interval that goes with it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import InvalidInput, invalid
from latentarium.rng import generator

Array = NDArray[np.float64]
Direction = Literal["higher", "lower", "neither"]
_BOOTSTRAP = 11


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number about a latent space, with what is needed to read it.

    Parameters
    ----------
    name : the measure's function name
    value, interval : the score and its confidence interval, in `unit`
    n : rows the value rests on
    direction : which way is better
    range : smallest and largest possible value, infinite where unbounded
    chance : what a code that knows nothing, or samples of another kind, would score; None where that is not defined
    resampling : how the interval came about, in words
    p_value, permutations : of the null hypothesis that the labels or factors have nothing to do with the codes, and the
        shuffles it rests on; `chance` is then the mean of the shuffles. None and 0 where that was not asked for
    parts : a table behind the value, columns of equal length (one row a latent dimension, a class, ..)
    settings : everything that would change the value
    meaning : one line on what the value says
    misleads : one line on when it misleads

    Examples
    --------
    >>> score = Score(name="mse", value=0.25, interval=(0.2, 0.3), n=100, direction="lower")
    >>> score.to_json()["interval"]
    [0.2, 0.3]
    >>> Score.from_json(score.to_json()) == score
    True
    """

    name: str
    value: float
    interval: tuple[float, float]
    n: int
    direction: Direction
    unit: str = ""
    range: tuple[float, float] = (-math.inf, math.inf)
    chance: float | None = None
    resampling: str = ""
    p_value: float | None = None
    permutations: int = 0
    parts: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    meaning: str = ""
    misleads: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(v) for v in (self.value, *self.interval)):
            raise InvalidInput(f"{self.name} is not finite on these rows: {self.value}, interval {self.interval}")
        if len({len(column) for column in self.parts.values()}) > 1:
            raise invalid("parts", "columns of equal length", {k: len(v) for k, v in self.parts.items()})

    def to_json(self) -> dict[str, Any]:
        """Plain values only; an infinite end of `range` becomes None."""
        return {
            "name": self.name,
            "value": self.value,
            "interval": list(self.interval),
            "n": self.n,
            "direction": self.direction,
            "unit": self.unit,
            "range": [end if math.isfinite(end) else None for end in self.range],
            "chance": self.chance,
            "resampling": self.resampling,
            "p_value": self.p_value,
            "permutations": self.permutations,
            "parts": {name: [float(v) for v in column] for name, column in self.parts.items()},
            "settings": dict(self.settings),
            "meaning": self.meaning,
            "misleads": self.misleads,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Score":
        """Rebuild what `to_json` gave, now or before scores said how their interval came about."""
        low, high = stored["range"]
        ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        values = {**stored, "interval": tuple(stored["interval"]), "range": ends}
        return cls(**cast(dict[str, Any], values))

    def frame(self) -> Any:
        """A pandas DataFrame: the parts, or one row with the value where there are none."""
        import pandas as pd

        if self.parts:
            return pd.DataFrame({name: list(column) for name, column in self.parts.items()})
        return pd.DataFrame([score_row(self)])

    def _repr_html_(self) -> str:
        low, high = self.interval
        better = "" if self.direction == "neither" else f", {self.direction} is better"
        return (
            f"<div><b>{escape(self.name)}</b> {format_value(self.value)} {escape(self.unit)}"
            f" <small>[{format_value(low)}, {format_value(high)}], n = {self.n}{better}</small>"
            f"<br><small>{escape(self.meaning)} Misleads when: {escape(self.misleads)}</small></div>"
        )


def score_row(score: Score) -> dict[str, Any]:
    """The flat columns of a score, for tables."""
    low, high = score.interval
    flat = {"name": score.name, "value": score.value, "low": low, "high": high, "n": score.n}
    return {**flat, "direction": score.direction, "unit": score.unit}


def format_value(value: float) -> str:
    """Four significant digits, whole numbers as they are, without an exponent where one can be avoided.

    Examples
    --------
    >>> [format_value(v) for v in (238.0311, 0.012341, 10000.0, 32.0, 1e-7, 0.0)]
    ['238.0', '0.01234', '10000', '32', '1e-07', '0']
    """
    if value == 0 or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.4g}"
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def format_p(p: float | None) -> str:
    """A p value as tables show it.

    Examples
    --------
    >>> [format_p(p) for p in (0.0341, 1e-9, None)]
    ['0.034', '< 0.001', 'not tested']
    """
    if p is None:
        return "not tested"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def bootstrap_means(rows: ArrayLike, *, seed: int = 0, resamples: int = 1000) -> Array:
    """Means of `resamples` draws with replacement of the rows, (n, ..) -> (resamples, ..).

    Equal seeds and row counts give equal draws, so that columns taken in two calls stay paired.
    """
    table = np.asarray(rows, np.float64)
    check_finite(table, "the values of the measure")
    count = len(table)
    flat = table.reshape(count, -1)
    random = generator(seed, _BOOTSTRAP)
    means = np.empty((resamples, flat.shape[1]))
    for r in range(resamples):
        weights = np.bincount(random.integers(count, size=count, dtype=np.int32), minlength=count)
        means[r] = weights @ flat
    return (means / count).reshape(resamples, *table.shape[1:])


def bootstrap_interval(
    per_row_values: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
    statistic: Callable[[Array], float] | None = None,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, or of `statistic`, over rows (Efron & Tibshirani 1993, ch. 13).

    Raises
    ------
    InvalidInput
        When there are no rows or `level` is outside (0, 1).

    Examples
    --------
    >>> low, high = bootstrap_interval(np.arange(100.0))
    >>> low < 49.5 < high
    True
    """
    values = np.asarray(per_row_values, np.float64)
    check_positive_int(resamples, "resamples", high=10**6)
    if not len(values):
        raise invalid("per_row_values", "at least one row", 0)
    if not 0 < level < 1:
        raise invalid("level", "between 0 and 1", level)
    if statistic is None:
        return interval_of(bootstrap_means(values, seed=seed, resamples=resamples), level=level)
    random = generator(seed, _BOOTSTRAP)
    picks = (random.integers(len(values), size=len(values), dtype=np.int32) for _ in range(resamples))
    return interval_of(np.array([statistic(values[pick]) for pick in picks]), level=level)


def bootstrapped(what: str = "rows", *, resamples: int = 1000, kept: str = "") -> str:
    """How an interval came about that `bootstrap_interval` or `bootstrap_means` gave, for `Score.resampling`.

    Examples
    --------
    >>> bootstrapped("held-out rows", kept="the probe")
    '1,000 bootstrap resamples of the held-out rows, the probe kept'
    """
    return f"{resamples:,} bootstrap resamples of the {what}" + (f", {kept} kept" if kept else "")


def interval_of(draws: Array, *, level: float = 0.95) -> tuple[float, float]:
    """The central `level` of `draws`."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def check_row_count(count: int, *, least: int = 2) -> None:
    """Raise `InvalidInput` where there are too few rows for an interval."""
    if count < least:
        raise invalid("x", f"at least {least} rows to be measured", count)
