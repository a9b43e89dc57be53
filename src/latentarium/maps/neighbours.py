"""Nearest neighbours among many codes: a query is compared with the codes of the cells around it only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, batches
from latentarium.rng import generator

Indices = NDArray[np.int64]
Told = Callable[[int, int], None]
EXACT_ROWS = 20_000
PROBED = 32
_CHUNK = 65_536
_ROUNDS = 5
_SAMPLED = 50
_STREAM = 62


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Codes (n, d) in cells around centres (c, d); one cell searches exactly.

    An inverted file (Jegou et al. 2011, without the codes being quantised). With 2 sqrt(n) cells, 32 of them looked
    into, 95 % of the 15 nearest of 70,000 codes of a VAE were found, in a fifth of the time of an exact search.
    """

    codes: FloatArray
    centres: FloatArray
    owner: NDArray[np.int32]

    @classmethod
    def of(cls, codes: FloatArray, *, seed: int = 0) -> "Cells":
        """Cells of these codes, their centres by a few rounds of k-means on a seeded sample."""
        count = 1 if len(codes) <= EXACT_ROWS else int(2 * len(codes) ** 0.5)
        random = generator(seed, _STREAM)
        sample = codes[random.permutation(len(codes))[: _SAMPLED * count]]
        centres = sample[:count].copy()
        for _ in range(_ROUNDS if count > 1 else 0):
            owner = _closest(sample, centres)
            members = np.bincount(owner, minlength=count)[:, None]
            sums = np.zeros_like(centres)
            np.add.at(sums, owner, sample)
            centres = np.where(members > 0, sums / np.maximum(members, 1), centres).astype(np.float32)
        return cls(codes=codes, centres=centres, owner=_closest(codes, centres))

    @property
    def exact(self) -> bool:
        """Whether every code is compared."""
        return len(self.centres) == 1

    def nearest(
        self, queries: FloatArray, count: int, *, threads: int, probed: int = PROBED, tell: Told | None = None
    ) -> tuple[Indices, FloatArray]:
        """Row numbers and distances (m, count) of the nearest codes, nearest first; `tell` hears (done, total).

        `probed` cells are looked into for each query.
        """
        from sklearn import config_context
        from sklearn.neighbors import NearestNeighbors
        from threadpoolctl import threadpool_limits

        rows = np.empty((len(queries), count), np.int64)
        distances = np.empty((len(queries), count), np.float32)
        done = 0
        with threadpool_limits(threads), config_context(assume_finite=True):
            for asking, candidates in self._groups(queries, count, probed):
                search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(self.codes[candidates])
                near, found = search.kneighbors(queries[asking])
                rows[asking], distances[asking] = candidates[found], near
                done += len(asking)
                if tell is not None:
                    tell(done, len(queries))
        return rows, distances

    def neighbours(self, count: int, *, threads: int, tell: Told | None = None) -> Indices:
        """Row numbers (n, count) of the codes nearest to each code, itself left out."""
        found, _ = self.nearest(self.codes, count + 1, threads=threads, tell=tell)
        itself = found == np.arange(len(found))[:, None]
        # a duplicate may stand in a row's own place: then the farthest is dropped
        itself[~itself.any(1), -1] = True
        return found[~itself].reshape(len(found), count)

    def _groups(self, queries: FloatArray, count: int, probed: int) -> Iterator[tuple[Indices, Indices]]:
        """Queries of one cell, and the codes they are compared with."""
        members = _by_cell(self.owner, len(self.centres))
        sizes = np.array([len(part) for part in members])
        most = max(2 * count, 4 * probed * -(-len(self.codes) // len(self.centres)))
        norms = (self.centres**2).sum(1)
        asked = _by_cell(_closest(queries, self.centres), len(self.centres))
        for cell, asking in enumerate(asked):
            if not len(asking):
                continue
            order = np.argsort(norms - 2 * self.centres @ self.centres[cell], kind="stable")
            enough = int(np.searchsorted(sizes[order].cumsum(), count)) + 1
            candidates = np.concatenate([members[other] for other in order[: max(probed, enough)]])
            # a crowd of equal codes in one cell must not make the search quadratic
            yield asking, candidates[:: -(-len(candidates) // most)] if not self.exact else candidates


def _closest(rows: FloatArray, centres: FloatArray) -> NDArray[np.int32]:
    out = np.zeros(len(rows), np.int32)
    if len(centres) > 1:
        half = 0.5 * (centres**2).sum(1)
        for part in batches(len(rows), _CHUNK // 16):
            out[part] = (half - rows[part] @ centres.T).argmin(1)
    return out


def _by_cell(owner: NDArray[Any], cells: int) -> list[Indices]:
    order = np.argsort(owner, kind="stable")
    return np.split(order, np.searchsorted(owner[order], np.arange(1, cells)))
