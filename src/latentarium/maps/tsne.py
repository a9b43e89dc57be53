"""t-SNE from coarse to fine, on openTSNE's optimiser: a sample first, then every row, started where it belongs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.maps.neighbours import Cells, Told
from latentarium.maps.placing import place_near
from latentarium.maps.projection import principal, project
from latentarium.maps.watch import Watch
from latentarium.rng import generator

COARSE_ROWS = 10_000
PERPLEXITY = 30.0
COARSE_NEIGHBOURS = 30
FINE_NEIGHBOURS = 14
EARLY, LATE = 250, 500
COARSE_EARLY, COARSE_LATE, FINE = 150, 250, 180
_EXAGGERATION = 12.0
_GRID, _FINE_GRID = 2.0, 1.5
_WIDENING = 0.4
_TOLD_EVERY = 10
_STREAM = 63


def tsne(cells: Cells, *, seed: int, threads: int, watch: Watch) -> tuple[FloatArray, dict[str, Any]]:
    """Coordinates (n, 2) of `cells.codes` and the settings that made them.

    Up to 10,000 rows: perplexity 30, early exaggeration, all as in van der Maaten & Hinton 2008. Above: a map of a
    seeded sample of 10,000 rows gives the large shapes (Kobak & Berens 2019, "downsampling-based initialisation");
    it is widened, the other rows are placed on it, and all rows are then optimised together for a short while, with
    equal affinities between 14 neighbours (Boehm et al. 2022) in place of the 90 that perplexity 30 takes.
    """
    count = len(cells.codes)
    if count <= COARSE_ROWS:
        perplexity = min(PERPLEXITY, max(1.0, (count - 1) / 3))
        affinities = _gaussian(cells, perplexity, threads, watch)
        start = _start(cells.codes, seed)
        done, places = _optimise(affinities, start, (EARLY, LATE), threads, watch)
        return places, {"perplexity": perplexity, "iterations": done, "initialization": "pca"}
    chosen = np.sort(generator(seed, _STREAM).permutation(count)[:COARSE_ROWS])
    sample = Cells.of(cells.codes[chosen], seed=seed)
    affinities = _uniform(sample, COARSE_NEIGHBOURS, threads, watch)
    steps = (COARSE_EARLY, COARSE_LATE)
    coarse_done, coarse = _optimise(affinities, _start(sample.codes, seed), steps, threads, watch.until(0.45))
    # more rows take more room: a map that is widened first needs fewer iterations to unfold
    coarse *= (count / COARSE_ROWS) ** _WIDENING
    start = place_near(cells.codes, sample, coarse, threads=threads, tell=watch.told("placing the rest"))
    start += generator(seed, _STREAM, 1).normal(0, 0.3, start.shape).astype(np.float32)
    affinities = _uniform(cells, FINE_NEIGHBOURS, threads, watch)
    done, places = _optimise(affinities, start, (0, FINE), threads, watch)
    settings = {"initialization": "pca, coarse to fine", "coarse_rows": COARSE_ROWS, "coarse_iterations": coarse_done}
    return places, {**settings, "neighbours": FINE_NEIGHBOURS, "iterations": done}


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


def _uniform(cells: Cells, count: int, threads: int, watch: Watch) -> Any:
    from scipy.sparse import csr_matrix

    rows = len(cells.codes)
    near = cells.neighbours(min(count, rows - 1), threads=threads, tell=watch.told("neighbours"))
    ends = np.arange(0, near.size + 1, near.shape[1])
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
