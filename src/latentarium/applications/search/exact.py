"""Exact nearest codes by looking at all of them, a piece at a time."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from latentarium.arrays import FloatArray, as_rows, batches, check_positive_int
from latentarium.errors import invalid

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
PIECE_VALUES, QUERIES_AT_ONCE = 2**23, 32
MOST_COMPARED = 5_000
"""Rows that are compared with each other, every pair."""
SPARE = 8
"""Candidates beyond those asked for, whose exact distances decide: the fast formula loses the last digits."""


def nearest(
    codes: ArrayLike, queries: ArrayLike, *, count: int = 10, allowed: ArrayLike | None = None
) -> tuple[Numbers, Array]:
    """The rows of `codes` that are nearest to each query, by Euclidean distance.

    Memory beside the codes stays small: they are looked at in pieces, and may be a memory map.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    queries : (m, d), in the same space
    count : rows for each query; fewer where there are fewer
    allowed : bool (n,), which rows may be found; all where left out

    Returns
    -------
    row numbers int64 (m, count) and distances float64 (m, count), nearest first

    Examples
    --------
    >>> nearest(np.eye(3), [[1.0, 0.1, 0.0]], count=2)[0].tolist()
    [[0, 1]]
    """
    table = np.asarray(codes)
    table = table.reshape(len(table), -1)
    asked = as_rows(np.asarray(queries).reshape(len(np.asarray(queries)), -1), table.shape[1:], name="queries")
    check_positive_int(count, "count")
    rows = _allowed(allowed, len(table))
    kept = min(count, len(table) if rows is None else len(rows))
    found = [_nearest(table, asked[part], kept, rows) for part in batches(len(asked), QUERIES_AT_ONCE)]
    if not found:
        return np.empty((0, kept), np.int64), np.empty((0, kept))
    return np.concatenate([n for n, _ in found]), np.concatenate([d for _, d in found])


def odd_one_out(codes: ArrayLike) -> tuple[int, Array]:
    """Which of a few rows does not belong: the one farthest from the others, and each row's mean distance to the rest.

    Examples
    --------
    >>> odd_one_out([[0.0], [0.2], [5.0], [0.1]])[0]
    2
    """
    points = np.asarray(codes, np.float64)
    points = points.reshape(len(points), -1)
    if not 3 <= len(points) <= MOST_COMPARED:
        rule = f"at least 3, one of which does not belong, and at most {MOST_COMPARED:,}"
        raise invalid("the rows", rule, len(points), "'latentarium detect' finds odd rows among more")
    apart = cdist(points, points).sum(1) / (len(points) - 1)
    return int(apart.argmax()), apart


def _nearest(table: NDArray[np.floating], asked: FloatArray, count: int, rows: Numbers | None) -> tuple[Numbers, Array]:
    total = len(table) if rows is None else len(rows)
    best = np.empty((len(asked), 0), np.int64)
    rough = np.empty((len(asked), 0), np.float32)
    for part in batches(total, max(1024, PIECE_VALUES // table.shape[1])):
        numbers = np.arange(part.start, part.stop) if rows is None else rows[part]
        piece = np.asarray(table[part] if rows is None else table[numbers], np.float32)
        apart = np.einsum("ij,ij->i", piece, piece) - 2 * (asked @ piece.T)
        near = _smallest(apart, count + SPARE)
        rough = np.concatenate([rough, np.take_along_axis(apart, near, 1)], axis=1)
        best = np.concatenate([best, numbers[near]], axis=1)
        kept = _smallest(rough, count + SPARE)
        rough, best = np.take_along_axis(rough, kept, 1), np.take_along_axis(best, kept, 1)
    exact = np.sqrt(((np.asarray(table[best], np.float64) - asked[:, None]) ** 2).sum(2))
    order = np.lexsort((best, exact), axis=1)[:, :count]
    return np.take_along_axis(best, order, 1), np.take_along_axis(exact, order, 1)


def _smallest(values: NDArray[np.floating], count: int) -> Numbers:
    if values.shape[1] <= count:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    return np.argpartition(values, count - 1, axis=1)[:, :count]


def _allowed(allowed: ArrayLike | None, count: int) -> Numbers | None:
    if allowed is None:
        return None
    mask = np.asarray(allowed)
    if mask.dtype != np.bool_ or mask.shape != (count,):
        raise invalid("allowed", f"true or false for each of {count} rows", f"{mask.dtype} of shape {mask.shape}")
    return np.flatnonzero(mask)
