"""UMAP by umap-learn, an optional package."""

import importlib
import warnings
from typing import Any

import numpy as np

from latentarium.arrays import FloatArray
from latentarium.errors import MissingExtra
from latentarium.maps.neighbours import Cells
from latentarium.maps.watch import Watch

NEIGHBOURS = 15


def umap(cells: Cells, *, seed: int, threads: int, watch: Watch) -> tuple[FloatArray, dict[str, Any]]:
    """Coordinates (n, 2) of `cells.codes` and the settings that made them (McInnes, Healy & Melville 2018).

    The optimisation runs on one thread: on several, equal seeds would give different maps.

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
    settings: dict[str, Any] = {"n_neighbors": count, "min_dist": 0.1, "init": "pca"}
    model = learn.UMAP(**settings, precomputed_knn=(*found, None), random_state=seed % 2**32, n_jobs=1)
    tell = watch.told("UMAP")
    tell(0, 1)
    with warnings.catch_warnings():
        # it advises against a start and neighbours of one's own, which are meant here
        warnings.simplefilter("ignore")
        coordinates = np.ascontiguousarray(model.fit_transform(cells.codes), np.float32)
    tell(1, 1)
    return coordinates, {"neighbours": count, "min_dist": 0.1, "initialization": "pca"}
