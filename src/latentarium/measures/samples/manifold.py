"""Precision, recall, density and coverage: generated rows inside balls around real rows, and the other way round."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.measures.samples.balls import memberships, nearest
from latentarium.measures.samples.compare import DRAWS, Features, Pair, Statement
from latentarium.measures.score import Score

Array = NDArray[np.float64]

_PRECISION = Statement(
    name="precision",
    direction="higher",
    range=(0.0, 1.0),
    chance=0.0,
    meaning="Share of generated rows that lie where real rows lie.",
    misleads="blurred and memorised rows score high, and one outlying real row makes a ball that holds much: "
    "read it with recall, the sharpness ratio and a copy test.",
)
_RECALL = Statement(
    name="recall",
    direction="higher",
    range=(0.0, 1.0),
    chance=0.0,
    meaning="Share of real rows that lie where generated rows lie.",
    misleads="it hardly sees lost classes (about 0.6 with half of ten gone): sparse samples make wide balls; "
    "read it with coverage.",
)
_DENSITY = Statement(
    name="density",
    direction="neither",
    range=(0.0, np.inf),
    chance=0.0,
    meaning="How many real neighbourhoods hold a generated row, over what rows of the same law would show, 1.",
    misleads="above 1 is not better than 1: blurred rows sit in the dense core and reach 2.",
)
_COVERAGE = Statement(
    name="coverage",
    direction="higher",
    range=(0.0, 1.0),
    chance=0.0,
    meaning="Share of real rows with a generated row in their neighbourhood.",
    misleads="blurred rows reach the neighbourhoods too, and the ideal is `expected`, not 1.",
)


def precision(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    k: int = 3,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Share of generated rows within the `k`-neighbour ball of a real row (Kynkaanniemi et al. 2019, eq. 1).

    Balls are closed: rows that coincide with a neighbour count as inside.

    Parameters
    ----------
    real, generated : (n, ..) and (m, ..), features or what `features` takes
    k : which neighbour among the real rows gives a ball its radius
    features : a `FeatureMap` or any function of rows; None where the rows are features already
    draws : subsamples, without replacement, behind the interval; 0 for none

    Raises
    ------
    InvalidInput
        When a side has too few rows for `k`, or values are not finite.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(60, 2))
    >>> precision(rows, rows).value, precision(rows, rows + 100).value
    (1.0, 0.0)
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    return _balls(pair, _PRECISION, k, _precision)


def recall(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    k: int = 3,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Share of real rows within the `k`-neighbour ball of a generated row (Kynkaanniemi et al. 2019, eq. 2).

    `precision` with the two sides exchanged; parameters and errors as there.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(60, 2))
    >>> recall(rows, np.repeat(rows[:3], 20, axis=0)).value
    0.05
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    return _balls(pair, _RECALL, k, lambda a, b, size: _precision(b, a, size), centres=pair.generated)


def density(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    k: int = 5,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Mean number of real `k`-neighbour balls around a generated row, over `k` (Naeem et al. 2020, eq. 3).

    1 in expectation where both sides follow one law without coinciding rows, and without upper bound.
    Parameters and errors as in `precision`.
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)

    def statistic(a: Array, b: Array, size: int) -> float:
        return float(memberships(b, a, _radii(a, size)).mean() / size)

    return _balls(pair, _DENSITY, k, statistic, expected=1.0)


def coverage(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    k: int = 5,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Share of real rows whose `k`-neighbour ball holds a generated row (Naeem et al. 2020, eq. 4).

    `settings["expected"]` is what two samples of one law give (`expected_coverage`). Parameters and errors as in
    `precision`; memory grows with the rows, not with their square.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> coverage(rows, rows).value, coverage(rows, rows[:1].repeat(100, axis=0), k=1).value < 0.1
    (1.0, True)
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)

    def statistic(a: Array, b: Array, size: int) -> float:
        return float((nearest(a, b)[0][:, 0] <= _radii(a, size)).mean())

    expected = expected_coverage(len(pair.real), len(pair.generated), pair.check_neighbours(k))
    return _balls(pair, _COVERAGE, k, statistic, expected=expected)


def expected_coverage(real: int, generated: int, k: int = 5) -> float:
    """Coverage of `real` rows by `generated` rows of the same law: 1 - prod_{i=1..k} (N - i) / (N + M - i).

    Naeem et al. 2020, lemma 2, free of the law.

    Examples
    --------
    >>> round(expected_coverage(1000, 1000, 5), 3)
    0.969
    """
    steps = np.arange(1, k + 1)
    return float(1 - np.prod((real - steps) / (real + generated - steps)))


def _precision(real: Array, generated: Array, k: int) -> float:
    return float((memberships(generated, real, _radii(real, k)) > 0).mean())


def _radii(rows: Array, k: int) -> Array:
    """Squared distance of each row to its k-th neighbour among the others."""
    return nearest(rows, rows, k, same=True)[0][:, -1]


def _balls(
    pair: Pair,
    statement: Statement,
    k: int,
    statistic: Callable[[Array, Array, int], float],
    *,
    centres: Array | None = None,
    **settings: Any,
) -> Score:
    size = pair.check_neighbours(k)
    zero = float((_radii(pair.real if centres is None else centres, size) == 0).mean())
    if zero > 0:
        settings["warning"] = f"{zero:.1%} of the balls have radius 0: rows with {size} copies or more"
    return pair.score(
        statement,
        lambda a, b: statistic(a, b, size),
        settings={"k": size, "balls": "closed", "zero_radii": zero, **settings},
    )
