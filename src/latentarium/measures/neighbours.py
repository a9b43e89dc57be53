"""Does a map keep the neighbours of the codes: trustworthiness and neighbour recall, on a sample of rows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator

Array = NDArray[np.float64]
SAMPLE = 2000
_ROWS = 51


def trustworthiness(
    codes: ArrayLike, coordinates: ArrayLike, *, neighbours: int = 15, sample: int = SAMPLE, seed: int = 0
) -> Score:
    """Share of map neighbours that are near in code space, by rank (Venna & Kaski 2001, eq. 1); 0 to 1.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    coordinates : (n, 2), aligned with the codes
    neighbours : size k of the neighbourhoods, less than half of the sampled rows
    sample : rows drawn by `seed`; the cost grows with its square

    Examples
    --------
    >>> points = np.arange(40.0).reshape(20, 2)
    >>> trustworthiness(points, points, neighbours=3).value
    1.0
    """
    high, low = _sampled(codes, coordinates, neighbours, sample, seed)
    n, k = len(high), neighbours
    ranks = _ranks(high)
    nearest = _nearest(low, k)
    excess = np.maximum(np.take_along_axis(ranks, nearest, axis=1) - k, 0).sum(1)
    rows = 1 - excess * 2 / (k * (2 * n - 3 * k - 1))
    return _score("trustworthiness", rows, neighbours, seed, "Map neighbours that are true neighbours, by rank.")


def neighbour_recall(
    codes: ArrayLike, coordinates: ArrayLike, *, neighbours: int = 15, sample: int = SAMPLE, seed: int = 0
) -> Score:
    """Share of each code's nearest neighbours that are also its nearest on the map; 0 to 1, chance k / (n - 1).

    Examples
    --------
    >>> points = np.arange(40.0).reshape(20, 2)
    >>> neighbour_recall(points, points, neighbours=3).value
    1.0
    """
    high, low = _sampled(codes, coordinates, neighbours, sample, seed)
    within = _ranks(high) <= neighbours
    rows = np.take_along_axis(within, _nearest(low, neighbours), axis=1).mean(1)
    return _score("neighbour_recall", rows, neighbours, seed, "Nearest codes that are also nearest on the map.")


def _score(name: str, rows: Array, neighbours: int, seed: int, meaning: str) -> Score:
    return Score(
        name=name,
        value=float(rows.mean()),
        # rows are only averaged: who is whose neighbour was settled on the whole sample, where no row comes twice
        interval=bootstrap_interval(rows, seed=seed),
        resampling=bootstrapped(kept="neighbours"),
        n=len(rows),
        direction="higher",
        range=(0.0, 1.0),
        settings={"neighbours": neighbours, "seed": seed},
        meaning=meaning,
        misleads="it sees small neighbourhoods only and says nothing of distances between clusters.",
    )


def _sampled(codes: ArrayLike, coordinates: ArrayLike, neighbours: int, sample: int, seed: int) -> tuple[Array, Array]:
    high, low = np.asarray(codes, np.float64), np.asarray(coordinates, np.float64)
    if len(high) != len(low):
        raise invalid("coordinates", f"{len(high)} rows, one for each code", len(low))
    check_positive_int(sample, "sample", low=3)
    chosen = np.sort(generator(seed, _ROWS).permutation(len(high))[:sample])
    check_positive_int(neighbours, "neighbours", high=max(1, (len(chosen) - 1) // 2))
    return high[chosen].reshape(len(chosen), -1), low[chosen].reshape(len(chosen), -1)


def _distances(points: Array) -> Array:
    from scipy.spatial.distance import cdist

    table = np.asarray(cdist(points, points), np.float64)
    np.fill_diagonal(table, np.inf)
    return table


def _nearest(points: Array, count: int) -> NDArray[np.intp]:
    return np.argsort(_distances(points), axis=1, kind="stable")[:, :count]


def _ranks(points: Array) -> NDArray[np.intp]:
    """Rank of column j among the neighbours of row i, 1 for the nearest."""
    order = np.argsort(_distances(points), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(1, len(points) + 1), order.shape), axis=1)
    return ranks
