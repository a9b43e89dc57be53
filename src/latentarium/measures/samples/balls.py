"""Exact neighbours and balls in flat memory: fast products find the candidates, plain differences decide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
BLOCK = 4_000_000
_ROUNDING = float(np.finfo(np.float32).eps)


def squared(a: Array, b: Array) -> Array:
    """Squared distance of aligned rows, (n, d) -> (n,): the one definition, so that ties are ties to the last bit."""
    gap = a - b
    return np.einsum("ij,ij->i", gap, gap)


def nearest(points: Array, others: Array, k: int = 1, *, same: bool = False) -> tuple[Array, Indices]:
    """Squared distances to the `k` nearest rows of `others`, ascending, and which rows they are, (n, k) each.

    `same` says that both are one table, and leaves each row itself out of its neighbours, but not its copies.
    """
    from sklearn.neighbors import NearestNeighbors

    centre = others.mean(0)
    search = NearestNeighbors(n_neighbors=k + int(same), algorithm="brute").fit(others - centre)
    found = np.asarray(search.kneighbors(points - centre, return_distance=False))
    if same:
        found = _without_self(found)
    distances = np.empty(found.shape)
    for column in range(k):
        for part in batches(len(points), _rows(points.shape[1])):
            distances[part, column] = squared(points[part], others[found[part, column]])
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(found, order, axis=1)


def memberships(points: Array, centres: Array, radii: Array, *, block: int = BLOCK) -> NDArray[np.int64]:
    """How many closed balls |x - centres_i|^2 <= radii_i hold each of the points, (n,).

    Products in float32 settle the pairs that are clear of the surface by more than the largest rounding error;
    the others are decided by `squared`. Counts do not depend on `block`, the size of the tables held at once.

    Parameters
    ----------
    points : (n, d)
    centres : (m, d)
    radii : (m,) squared
    """
    middle = centres.mean(0)
    near, far = points - middle, centres - middle
    scale = max(float(np.abs(near).max()), float(np.abs(far).max())) or 1.0
    near, far, spheres = near / scale, far / scale, radii / scale**2
    lengths, spans = np.einsum("ij,ij->i", near, near), np.einsum("ij,ij->i", far, far)
    slack = (points.shape[1] + 8) * _ROUNDING
    low, high = near.astype(np.float32), np.ascontiguousarray(far.astype(np.float32).T)
    # |x|^2 - 2 x.c + |c|^2 <= r with each side's rounding moved to its own row and column
    inner = (spans * (1 + slack) - spheres * (1 - slack)).astype(np.float32)
    outer = (spans * (1 - slack) - spheres * (1 + slack)).astype(np.float32)
    counts = np.empty(len(points), np.int64)
    for part in batches(len(points), max(1, block // len(centres))):
        table = low[part] @ high
        table *= -2
        own = lengths[part, None]
        surely = table + inner <= (-own * (1 + slack)).astype(np.float32)
        perhaps = table + outer <= (-own * (1 - slack)).astype(np.float32)
        counts[part] = surely.sum(1)
        perhaps &= ~surely
        counts[part] += _decided(points[part], centres, radii, perhaps)
    return counts


def _decided(points: Array, centres: Array, radii: Array, unsure: NDArray[np.bool_]) -> NDArray[Any]:
    counts = np.zeros(len(points), np.int64)
    rows, columns = np.nonzero(unsure)
    for part in batches(len(rows), _rows(points.shape[1])):
        i, j = rows[part], columns[part]
        inside = squared(points[i], centres[j]) <= radii[j]
        counts += np.bincount(i[inside], minlength=len(points))
    return counts


def _without_self(found: Indices) -> Indices:
    """Drop the row's own number, or the last neighbour where copies have pushed it out."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(1), -1] = True
    return found[~own].reshape(len(found), -1)


def _rows(width: int) -> int:
    return max(1, BLOCK // (2 * width))
