"""UMAP by umap-learn, an optional package."""

import importlib
import warnings
from typing import Any

import numpy as np

from latentarium.arrays import FloatArray
from latentarium.errors import MissingExtra
from latentarium.maps.neighbours import Cells
from latentarium.maps.watch import Watch

NEIGHBOURS, LEAST_EPOCHS = 15, 50
_SECONDS_A_ROW = 3.5e-6
"""Of one epoch, on one core at 2.5 GHz."""


def umap(cells: Cells, *, seed: int, threads: int, watch: Watch) -> tuple[FloatArray, dict[str, Any]]:
    """Coordinates (n, 2) of `cells.codes` and the settings that made them (McInnes, Healy & Melville 2018).

    The optimisation runs on one thread: on several, equal seeds would give different maps. It cannot be stopped, so
    that a budget decides its epochs beforehand, by what is left when the neighbours are found and the code compiled.

    Raises
    ------
    MissingExtra
        When umap-learn is not installed.
    """
    try:
        learn = importlib.import_module("umap")
    except ImportError as error:
        raise MissingExtra("a UMAP map needs umap-learn; install it with: pip install 'latentarium[umap]'") from error
    count = min(NEIGHBOURS, len(cells.codes) - 1)
    found = cells.nearest(cells.codes, count, threads=threads, tell=watch.told("neighbours"))
    if watch.budget is not None:
        _compile(learn)
    epochs = epochs_within(len(cells.codes), None if watch.budget is None else watch.budget - watch.spent)
    settings: dict[str, Any] = {"n_neighbors": count, "min_dist": 0.1, "init": "pca", "n_epochs": epochs}
    model = learn.UMAP(**settings, precomputed_knn=(*found, None), random_state=seed % 2**32, n_jobs=1)
    tell = watch.told("UMAP")
    tell(0, 1)
    with warnings.catch_warnings():
        # it advises against a start and neighbours of one's own, which are meant here
        warnings.simplefilter("ignore")
        coordinates = np.ascontiguousarray(model.fit_transform(cells.codes), np.float32)
    tell(1, 1)
    return coordinates, {"neighbours": count, "min_dist": 0.1, "initialization": "pca", "epochs": epochs}


def epochs_within(rows: int, seconds: float | None) -> int:
    """umap-learn's own number of epochs, or as many as `seconds` should last, 50 at least.

    Examples
    --------
    >>> epochs_within(10_000, None), epochs_within(20_000, None), epochs_within(10_000, 7.0), epochs_within(10_000, 0)
    (500, 200, 200, 50)
    """
    usual = 500 if rows <= 10_000 else 200
    if seconds is None:
        return usual
    return int(min(usual, max(LEAST_EPOCHS, seconds / (rows * _SECONDS_A_ROW))))


def _compile(learn: Any) -> None:
    """Let umap-learn compile itself on a few points, which takes seconds the first time and is over at once later."""
    cells = Cells.of(np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32))
    found = cells.nearest(cells.codes, 5, threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = learn.UMAP(n_neighbors=5, n_epochs=1, init="pca", precomputed_knn=(*found, None), random_state=0)
        model.fit(cells.codes)
