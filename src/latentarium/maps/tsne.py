"""t-SNE from coarse to fine, on openTSNE's optimiser: a sample first, then every row, started where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.maps.neighbours import Cells, Indices, Told
from latentarium.maps.placing import place_near
from latentarium.maps.projection import principal, project
from latentarium.maps.watch import Watch
from latentarium.rng import generator

COARSE_ROWS = 10_000
PERPLEXITY = 30.0
WIDE_NEIGHBOURS, FINE_NEIGHBOURS = 30, 13
EARLY, LATE = 250, 500
COARSE_EARLY, COARSE_LATE, JOINT, FINE = 150, 250, 50, 140
_EXAGGERATION = 12.0
_GRID, _FINE_GRID = 2.0, 1.5
_WIDENING = 0.36
_TOLD_EVERY = 10
_STREAM = 63


def tsne(cells: Cells, *, seed: int, threads: int, watch: Watch) -> tuple[FloatArray, dict[str, Any]]:
    """Coordinates (n, 2) of `cells.codes` and the settings that made them.

    Up to 10,000 rows: perplexity 30, early exaggeration, all as in van der Maaten & Hinton 2008. Above: a map of a
    seeded sample of 10,000 rows gives the large shapes (Kobak & Berens 2019, "downsampling-based initialisation"),
    the other rows are placed on it, and all rows are optimised together for a short while: first with equal
    affinities between 30 neighbours (Boehm et al. 2022), then, on the widened map, between 13, in place of the 90
    that perplexity 30 takes.
    """
    count = len(cells.codes)
    if count <= COARSE_ROWS:
        perplexity = min(PERPLEXITY, max(1.0, (count - 1) / 3))
        affinities = _gaussian(cells, perplexity, threads, watch)
        done, places = _optimise(affinities, _start(cells.codes, seed), (EARLY, LATE), threads, watch)
        return places, {"perplexity": perplexity, "iterations": done, "initialization": "pca"}
    coarse_done, coarse = _coarse(cells, seed, threads, watch.until(0.45))
    near = cells.neighbours(WIDE_NEIGHBOURS, threads=threads, tell=watch.told("neighbours"))
    joint_done, places = _optimise(_equal(near), coarse, (0, JOINT), threads, watch.until(0.6))
    # more rows take more room: a map that is widened first needs fewer iterations to unfold
    places *= (count / COARSE_ROWS) ** _WIDENING
    done, places = _optimise(_equal(near[:, :FINE_NEIGHBOURS]), places, (0, FINE), threads, watch)
    settings = {"initialization": "pca, coarse to fine", "coarse_rows": COARSE_ROWS, "coarse_iterations": coarse_done}
    return places, {**settings, "neighbours": [WIDE_NEIGHBOURS, FINE_NEIGHBOURS], "iterations": joint_done + done}


def _coarse(cells: Cells, seed: int, threads: int, watch: Watch) -> tuple[int, FloatArray]:
    """Iterations on a sample of the rows, and all rows where that sample's map has room for them."""
    chosen = np.sort(generator(seed, _STREAM).permutation(len(cells.codes))[:COARSE_ROWS])
    sample = Cells.of(cells.codes[chosen], seed=seed)
    near = sample.neighbours(WIDE_NEIGHBOURS, threads=threads, tell=watch.told("neighbours of a sample"))
    start = _start(sample.codes, seed)
    done, coarse = _optimise(_equal(near), start, (COARSE_EARLY, COARSE_LATE), threads, watch)
    places = place_near(cells.codes, sample, coarse, threads=threads, tell=watch.told("placing the rest"))
    return done, places + generator(seed, _STREAM, 1).normal(0, 0.3, places.shape).astype(np.float32)


def _start(codes: FloatArray, seed: int) -> NDArray[np.float64]:
    """The two principal components, shrunk to a ten-thousandth, and told apart where codes are equal."""
    mean, components, _ = principal(codes)
    places = project(codes, mean, components).astype(np.float64)
    places *= 1e-4 / max(float(places[:, 0].std()), 1e-6)
    return places + generator(seed, _STREAM, 2).normal(0, 1e-6, places.shape)


def _gaussian(cells: Cells, perplexity: float, threads: int, watch: Watch) -> Any:
    from openTSNE.affinity import joint_probabilities_nn

    count = min(len(cells.codes) - 1, int(3 * perplexity))
    near = cells.neighbours(count, threads=threads, tell=watch.told("neighbours"))
    distances = np.linalg.norm(cells.codes[near] - cells.codes[:, None], axis=2)
    return joint_probabilities_nn(near, distances, [perplexity], n_jobs=threads)


def _equal(near: Indices) -> Any:
    """The same affinity for each pair of which one is among the neighbours (n, k) of the other."""
    from scipy.sparse import csr_matrix

    rows, count = near.shape
    ends = np.arange(0, near.size + 1, count)
    table = csr_matrix((np.ones(near.size), near.ravel(), ends), shape=(rows, rows))
    table = (table + table.T).tocsr()
    table.data[:] = 1 / table.nnz
    return table


def _optimise(
    affinities: Any, start: NDArray[Any], steps: Sequence[int], threads: int, watch: Watch
) -> tuple[int, FloatArray]:
    """Iterations done and coordinates after `steps` of (early exaggeration, plain descent), fewer at the deadline."""
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities

    grid: Any = _GRID if steps[0] else _FINE_GRID
    fixed = PrecomputedAffinities(affinities, normalize=False)
    map_ = TSNEEmbedding(np.asarray(start, np.float64), fixed, n_jobs=threads, ints_in_interval=grid)
    done, tell = 0, watch.told("t-SNE")
    for count, exaggeration, momentum in zip(steps, (_EXAGGERATION, None), (0.5, 0.8), strict=True):
        listener = _Listener(done, sum(steps), tell, watch)
        if count and not (watch.over and done):
            every = min(_TOLD_EVERY, count)
            options = {"exaggeration": exaggeration, "momentum": momentum, "callbacks_every_iters": every}
            map_.optimize(count, inplace=True, callbacks=listener, **options)
        done = listener.done
    return done, np.ascontiguousarray(np.asarray(map_), np.float32)


@dataclass
class _Listener:
    """What openTSNE calls back: it passes progress on, and answers True when the time is over."""

    done: int
    total: int
    tell: Told
    watch: Watch

    def __post_init__(self) -> None:
        self.before = self.done

    def __call__(self, iteration: int, _error: float, _places: object) -> bool:
        self.done = self.before + iteration
        self.tell(self.done, self.total)
        return self.watch.over
