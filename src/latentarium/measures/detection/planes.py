"""How far a row lies from the plane through its neighbours: the geometry behind the detector's default score."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows, check_positive_int

Array = NDArray[np.float64]
ORIENTATIONS = 8
CELL, STRIDE = 8, 4
SMALL_SIDE, MOST_CELLS = 16, 32
RIDGE = 1.0
"""How strongly a plane is held at the middle of its neighbours, in units of their mean squared spread."""


class Features(Protocol):
    """What rows are compared in: `cells` of a few channels each, and the way back from cells to data."""

    def cells(self, x: FloatArray) -> FloatArray:
        """(n, *data_shape) -> (n, cells, channels)."""
        ...

    def spread(self, energies: Array) -> Array:
        """Values of cells (n, cells) as a map (n, *data_shape) with the same sum a row."""
        ...


@dataclass(frozen=True)
class Columns:
    """Every value of the data is a cell of its own: tables, and anything that is no picture."""

    data_shape: tuple[int, ...]

    def cells(self, x: FloatArray) -> FloatArray:
        """The values themselves."""
        return x.reshape(len(x), -1, 1)

    def spread(self, energies: Array) -> Array:
        """The values, in the data's shape."""
        return energies.reshape(-1, *self.data_shape)


@dataclass(frozen=True)
class OrientedEdges:
    """Pictures as histograms of edge directions on a grid of overlapping cells (after Dalal & Triggs 2005).

    The gradient's strength goes to the directions near its own; the mean over a cell enters by its square root, so that
    strong edges do not drown weak ones. A shape that moves by a pixel stays close, which raw pixels do not give.
    Pictures (n, channels, h, w); cells of 8 pixels every 4 pixels, finer for pictures under 16 pixels a side, coarser
    where there would be more than 32 a side.

    Examples
    --------
    >>> edges = OrientedEdges((1, 28, 28))
    >>> edges.cells(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 49, 8)
    """

    data_shape: tuple[int, ...]

    @cached_property
    def pools(self) -> tuple[FloatArray, FloatArray]:
        """Means over cells along either axis, (cells, pixels)."""
        _, height, width = self.data_shape
        stride = STRIDE if min(height, width) >= SMALL_SIDE else STRIDE // 2
        stride = max(stride, -(-max(height, width) // MOST_CELLS))
        return _pool(height, stride), _pool(width, stride)

    def cells(self, x: FloatArray) -> FloatArray:
        """Square roots of the mean strength in each cell and direction."""
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
        down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
        strength = np.sqrt(across**2 + down**2) + np.float32(1e-6)
        tall, wide = self.pools
        angles = 2 * np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS
        pooled = []
        for angle in angles:
            along = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
            towards = (np.maximum(along, 0) ** 2 / strength).sum(1)
            pooled.append(np.sqrt(np.maximum(tall @ towards @ wide.T, 0)))
        return np.stack(pooled, axis=-1).reshape(len(x), -1, ORIENTATIONS)

    def spread(self, energies: Array) -> Array:
        """Each cell's value shared out evenly among its pixels and channels."""
        tall, wide = (pool / pool.sum(1, keepdims=True) for pool in self.pools)
        grid = energies.reshape(len(energies), len(tall), len(wide))
        picture = np.einsum("nij,ih,jw->nhw", grid, tall, wide, optimize=True)
        channels = self.data_shape[0]
        return np.repeat(picture[:, None] / channels, channels, axis=1)


def features_of(data_shape: Sequence[int], *, picture: bool) -> Features:
    """What rows of this shape are compared in."""
    return OrientedEdges(tuple(data_shape)) if picture else Columns(tuple(data_shape))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Exact Euclidean nearest rows among `points`, float32 (n, d).

    A point that equals the query exactly is left out once, so that a row among the points is never its own neighbour.

    Examples
    --------
    >>> known = Neighbours(np.array([[0.0], [1.0], [5.0]], np.float32))
    >>> known.nearest(np.array([[0.9], [5.0]], np.float32), 2)[0].tolist()
    [[1, 0], [1, 0]]
    """

    points: FloatArray

    @cached_property
    def _lengths(self) -> FloatArray:
        return (self.points**2).sum(1)

    def nearest(self, queries: ArrayLike, count: int) -> tuple[NDArray[np.int64], Array]:
        """Numbers of the `count` nearest points, nearest first, and their squared distances, both (m, count).

        `count` is brought down to what there is without the query's own copy.
        """
        asked = as_rows(queries, self.points.shape[1:], name="queries")
        kept = min(check_positive_int(count, "count"), max(1, len(self.points) - 1))
        # near candidates by the fast formula, then their exact distances
        rough = self._lengths - 2 * (asked @ self.points.T)
        most = min(len(self.points), kept + 1 + kept // 2)
        found = np.argpartition(rough, most - 1, axis=1)[:, :most] if most < len(self.points) else _all(rough)
        exact = ((self.points[found].astype(np.float64) - asked[:, None]) ** 2).sum(2)
        order = np.lexsort((found, exact), axis=1)
        found, exact = np.take_along_axis(found, order, 1), np.take_along_axis(exact, order, 1)
        if len(self.points) == 1:
            return found, exact
        skip = (exact[:, 0] == 0).astype(np.int64)
        window = skip[:, None] + np.arange(kept)
        return np.take_along_axis(found, window, 1), np.take_along_axis(exact, window, 1)


def plane_residuals(rows: FloatArray, neighbours: FloatArray, *, ridge: float = RIDGE) -> FloatArray:
    """What is left of each row after its projection on the plane through its neighbours.

    The plane is the affine hull of the k neighbours, held near their mean by a ridge penalty on its coordinates
    (K-local hyperplane distance, Vincent & Bengio 2001, eq. 4).

    Parameters
    ----------
    rows : (n, d)
    neighbours : (n, k, d), those of each row
    ridge : penalty in units of the neighbours' mean squared distance from their middle

    Returns
    -------
    float32 array of shape (n, d)

    Examples
    --------
    >>> corner = np.array([[[0.0, 0.0], [2.0, 0.0]]], np.float32)
    >>> plane_residuals(np.array([[5.0, 3.0]], np.float32), corner, ridge=1e-6).round(3).tolist()
    [[0.0, 3.0]]
    """
    middle = neighbours.mean(1, keepdims=True)
    axes, offset = neighbours - middle, rows[:, None] - middle
    products = (axes @ axes.transpose(0, 2, 1)).astype(np.float64)
    size = np.trace(products, axis1=1, axis2=2)[:, None, None] / products.shape[1]
    held = products + np.maximum(ridge * size, 1e-12) * np.eye(products.shape[1])
    along = (axes @ offset.transpose(0, 2, 1)).astype(np.float64)
    coordinates = np.linalg.solve(held, along).astype(np.float32)
    return (offset - coordinates.transpose(0, 2, 1) @ axes)[:, 0]


def _pool(pixels: int, stride: int) -> FloatArray:
    """Means over cells of two strides, one every stride, half a stride over the border."""
    cells = max(1, pixels // stride)
    starts = np.arange(cells) * stride - stride // 2
    places = np.arange(pixels)
    inside = (places >= starts[:, None]) & (places < starts[:, None] + 2 * stride)
    return (inside / (2 * stride)).astype(np.float32)


def _all(rough: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.tile(np.arange(rough.shape[1]), (len(rough), 1))
