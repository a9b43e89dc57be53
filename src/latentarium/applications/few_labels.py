"""A classifier from a few labels and many unlabelled codes: labels spread to their neighbours."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows, batches
from latentarium.errors import invalid
from latentarium.measures.detection import Neighbours

Array = NDArray[np.float64]
NEIGHBOURS = 10
KEPT = 0.95
"""Share of what a row hears from its neighbours in each round; the rest is its own label, where it has one."""
ROUNDS = 80
_BATCH = 256


@dataclass(frozen=True, eq=False)
class SpreadLabels:
    """Labels of a few codes, spread over the graph of nearest neighbours of all of them (Zhou et al. 2004).

    Each class is then weighed so that none floods the others (class mass normalisation, Zhu et al. 2003). A new
    row takes the mean of what its nearest codes were given. Ask with `predict`; make one with `fit`.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> codes = np.concatenate([random.normal(0, 1, (200, 2)), random.normal(6, 1, (200, 2))])
    >>> spread = SpreadLabels.fit(codes, [0, 399], ["left", "right"])
    >>> spread.predict([[0.0, 0.0], [6.0, 6.0]]).tolist()
    ['left', 'right']
    """

    known: Neighbours
    shares: Array
    classes: NDArray[Any]

    @classmethod
    def fit(cls, codes: ArrayLike, rows: ArrayLike, labels: ArrayLike) -> "SpreadLabels":
        """From codes (n, d) of all rows, and the numbers and labels of those that have one.

        Raises
        ------
        InvalidInput
            When labels and rows do not align, or there is one class.
        """
        return NeighbourGraph.of(codes).spread(rows, labels)

    def predict_proba(self, codes: ArrayLike) -> Array:
        """Shares of the classes among the neighbours of each code, (m, classes)."""
        table = np.asarray(codes, np.float32)
        near, _ = _near(self.known, table.reshape(len(table), -1))
        return self.shares[near].mean(1)

    def predict(self, codes: ArrayLike) -> NDArray[Any]:
        """The likeliest class of each code, (m,)."""
        return self.classes[self.predict_proba(codes).argmax(1)]


@dataclass(frozen=True, eq=False)
class NeighbourGraph:
    """The ten nearest codes of each code, which labels spread along; made once for any number of labels."""

    known: Neighbours
    step: Any

    @classmethod
    def of(cls, codes: ArrayLike) -> "NeighbourGraph":
        """From codes (n, ..); weights fall with the squared distance, in units of the tenth neighbour's."""
        from scipy import sparse

        table = np.asarray(codes)
        points = as_rows(table.reshape(len(table), -1), (int(np.prod(table.shape[1:])),), name="codes")
        known = Neighbours(points)
        near, apart = _near(known, points)
        weights = np.exp(-4 * apart / np.maximum(apart[:, -1:], 1e-300))
        rows = np.repeat(np.arange(len(near)), near.shape[1])
        graph = sparse.csr_matrix((weights.ravel(), (rows, near.ravel())), shape=(len(near),) * 2)
        graph = (graph + graph.T) / 2
        scale = sparse.diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(1)).ravel(), 1e-300)))
        return cls(known, (scale @ graph @ scale).tocsr())

    def spread(self, rows: ArrayLike, labels: ArrayLike) -> SpreadLabels:
        """Spread the labels of some rows: F <- a S F + (1 - a) Y, then every class to the same mass."""
        numbers, given = np.asarray(rows, np.int64), np.asarray(labels)
        classes, places = np.unique(given, return_inverse=True)
        if numbers.shape != given.shape or len(classes) < 2:
            raise invalid("labels", "one for each labelled row, of two classes or more", f"{len(classes)} classes")
        start = np.zeros((len(self.known.points), len(classes)))
        start[numbers, places] = 1
        state = start
        for _ in range(ROUNDS):
            state = KEPT * (self.step @ state) + (1 - KEPT) * start
        even = state / np.maximum(state.sum(0), 1e-300)
        total = even.sum(1, keepdims=True)
        shares = np.divide(even, total, out=np.full_like(even, 1 / len(classes)), where=total > 0)
        return SpreadLabels(self.known, shares, classes)


def _near(known: Neighbours, points: FloatArray) -> tuple[NDArray[np.int64], Array]:
    found = [known.nearest(points[part], NEIGHBOURS) for part in batches(len(points), _BATCH)]
    return np.concatenate([n for n, _ in found]), np.concatenate([d for _, d in found])
