"""Intrinsic dimension of codes from distances to nearest neighbours, safe against duplicate rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.nulls import halved, subsample_interval
from latentarium.measures.score import Score, check_row_count
from latentarium.rng import generator

Array = NDArray[np.float64]
SAMPLE = 5000
DISCARD = 0.1
NEIGHBOURS = (10, 20)
_ROWS = 331


def two_nn(codes: ArrayLike, *, discard: float = DISCARD, sample: int = SAMPLE, seed: int = 0) -> Score:
    """Intrinsic dimension from the two nearest neighbours: slope of -log(1 - F) against log(r2 / r1), through 0.

    Facco et al. 2017, with the largest `discard` of the ratios left out. Duplicate rows are dropped first and counted
    in the settings. The parts give the value on all, half and a quarter of the rows, as it depends on how densely the
    rows lie.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    sample : rows drawn by `seed`; the cost grows with its square

    Raises
    ------
    InvalidInput
        When fewer than 16 different rows are left, or `discard` is outside [0, 0.5].
    """
    if not 0 <= discard <= 0.5:
        raise invalid("discard", "from 0 to 0.5", discard)

    def table(points: Array) -> Array:
        near = _neighbour_distances(points, 2)
        return np.log(near[:, 1:] / near[:, :1])

    method = _Method(
        name="two_nn",
        table=table,
        statistic=lambda ratios: _slope(ratios[:, 0], discard),
        settings={"discard": discard},
        least=16,
        misleads="noise smaller than the sheet but larger than the gaps between rows counts as dimensions.",
    )
    return _dimension(method, codes, sample, seed)


def mle_dimension(
    codes: ArrayLike, *, neighbours: tuple[int, int] = NEIGHBOURS, sample: int = SAMPLE, seed: int = 0
) -> Score:
    """Maximum likelihood intrinsic dimension (Levina & Bickel 2004, eq. 8), averaged over k from 10 to 20.

    For each k the inverse dimensions are averaged over rows before they are inverted (MacKay & Ghahramani 2005).
    Duplicates, parts, parameters and errors as `two_nn`.

    Parameters
    ----------
    neighbours : smallest and largest k, 3 at least; four times as many rows and a few are needed
    """
    low, high = neighbours
    check_positive_int(low, "neighbours[0]", low=3, high=10_000)
    check_positive_int(high, "neighbours[1]", low=low, high=10_000)

    def table(points: Array) -> Array:
        logs = np.log(_neighbour_distances(points, high))
        sums = np.cumsum(logs, axis=1)
        columns = [logs[:, k - 1] - sums[:, k - 2] / (k - 1) for k in range(low, high + 1)]
        return np.stack(columns, axis=1)

    method = _Method(
        name="mle_dimension",
        table=table,
        statistic=lambda inverse: float((1 / np.maximum(inverse.mean(0), 1e-12)).mean()),
        settings={"neighbours": [low, high]},
        least=4 * (high + 2),
        misleads="edges and curvature pull it down, the more so the higher the dimension and the fewer the rows.",
    )
    return _dimension(method, codes, sample, seed)


@dataclass(frozen=True, kw_only=True)
class _Method:
    """`table` gives each row's contributions from its neighbours, `statistic` the dimension from any rows of it."""

    name: str
    table: Callable[[Array], Array]
    statistic: Callable[[Array], float]
    settings: dict[str, Any]
    least: int
    misleads: str


def _dimension(method: _Method, codes: ArrayLike, sample: int, seed: int) -> Score:
    points, dropped = _distinct(codes, sample, seed, method.least)
    counts = [len(points), len(points) // 2, len(points) // 4]
    tables = [method.table(points[:count]) for count in counts]
    values = [method.statistic(rows) for rows in tables]
    value = values[0]
    return Score(
        name=method.name,
        value=value,
        interval=subsample_interval(method.statistic, tables[0], within=(0.0, np.inf), seed=seed),
        resampling=halved(200, kept="neighbours"),
        n=counts[0],
        direction="neither",
        unit=f"of {points.shape[1]}",
        range=(0.0, np.inf),
        parts={"rows": [float(count) for count in counts], "dimension": values},
        settings={
            **method.settings,
            "duplicates_dropped": dropped,
            "value_over_dimensions": value / points.shape[1],
            "seed": seed,
        },
        meaning="Dimensions of the sheet on which the codes lie, seen from the distances of near rows.",
        misleads=f"{method.misleads} If the parts disagree, it has not settled.",
    )


def _distinct(codes: ArrayLike, sample: int, seed: int, least: int) -> tuple[Array, int]:
    """At most `sample` different rows in random order, centred, in float64; and how many copies were dropped."""
    check_positive_int(sample, "sample", low=least)
    points = np.asarray(codes, np.float64)
    check_finite(points, "codes")
    check_row_count(len(points), least=least)
    points = points.reshape(len(points), -1)
    drawn = points[generator(seed, _ROWS).permutation(len(points))[:sample]]
    # -0.0 and 0.0 are one value but two byte patterns
    _, first = np.unique(drawn + 0.0, axis=0, return_index=True)
    kept = drawn[np.sort(first)]
    if len(kept) < least:
        raise invalid("codes", f"at least {least} different rows", len(kept))
    return kept - kept.mean(0), len(drawn) - len(kept)


def _neighbour_distances(points: Array, count: int) -> Array:
    """Distances to the `count` nearest other rows, nearest first, without rows whose nearest distance underflows."""
    from sklearn.neighbors import NearestNeighbors

    index: Any = NearestNeighbors(n_neighbors=count)
    index.fit(points)
    nearest: NDArray[np.intp] = index.kneighbors(return_distance=False)
    # the search finds distances as differences of large squares; near rows need them exact
    exact = np.stack([np.linalg.norm(points[column] - points, axis=1) for column in nearest.T], axis=1)
    exact.sort(axis=1)
    return exact[exact[:, 0] > 0]


def _slope(ratios: Array, discard: float) -> float:
    """Slope through 0 of -log(1 - F) against the sorted log ratios."""
    ordered = np.sort(ratios)
    count = len(ordered)
    kept = max(2, int(count * (1 - discard)))
    ranks = np.minimum(np.arange(1, kept + 1) / count, 1 - 0.5 / count)
    along = ordered[:kept]
    power = float(along @ along)
    if power <= 0:
        raise invalid("codes", "rows at different distances", "equal distances to the two nearest rows everywhere")
    return float(-np.log1p(-ranks) @ along) / power


ENTRIES = (
    Entry("two_nn", frozenset({"encode"}), lambda e: two_nn(e.codes, seed=e.seed)),
    Entry("mle_dimension", frozenset({"encode"}), lambda e: mle_dimension(e.codes, seed=e.seed)),
)
