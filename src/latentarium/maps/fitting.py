"""Fitting maps: PCA in numpy, t-SNE by openTSNE, UMAP by umap-learn; landmarks first where there are many rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, batches, check_finite
from latentarium.errors import invalid
from latentarium.maps.map import METHODS, Map, Method
from latentarium.maps.neighbours import Cells
from latentarium.maps.placing import place_near
from latentarium.maps.plan import Effort
from latentarium.maps.projection import principal, project
from latentarium.maps.quality import map_quality
from latentarium.maps.tsne import tsne
from latentarium.maps.umap import umap
from latentarium.maps.watch import Progress, Watch
from latentarium.rng import check_seed, generator

_LANDMARKS = 64
_CHUNK = 131_072


def fit_map(
    codes: ArrayLike,
    *,
    method: Method = "pca",
    seed: int = 0,
    ids: ArrayLike | None = None,
    progress: Progress | None = None,
    effort: Effort | None = None,
) -> Map:
    """A 2-D map of `codes` (n, ..), flattened to (n, d).

    Parameters
    ----------
    codes : at least 3 rows, finite
    method : pca (linear, exact, instant), tsne (neighbourhoods; Policar et al. 2024, openTSNE) or umap (McInnes et
        al. 2018; needs the extra `umap`)
    seed : decides the landmarks, the optimisation and the rows the quality is judged on
    ids : (n,) stable row ids; 0..n-1 where None
    progress : called with (what and its rate, done, total)
    effort : seconds that may be spent, how many rows are fitted before the rest is placed, threads

    Raises
    ------
    InvalidInput
        When the codes are not finite, too few, or the method is unknown.
    MissingExtra
        When UMAP is asked for and umap-learn is not installed.

    Examples
    --------
    >>> line = np.outer(np.arange(5.0), [3.0, 4.0])
    >>> fit_map(line).coordinates[:, 0].tolist()
    [-10.0, -5.0, 0.0, 5.0, 10.0]
    """
    flat = _checked(codes)
    check_seed(seed)
    if method not in METHODS:
        raise invalid("method", f"one of {list(METHODS)}", method)
    names = np.arange(len(flat)) if ids is None else np.asarray(ids)
    cost = effort or Effort()
    watch = Watch.start(progress, cost.budget)
    coordinates, anchors, settings = _pca(flat) if method == "pca" else _local(flat, method, seed, cost, watch)
    return Map(
        method=method,
        coordinates=coordinates,
        ids=names,
        settings={**settings, "rows": len(flat), "seed": seed},
        quality=map_quality(flat, coordinates, seed=seed),
        anchors=anchors,
    )


def _checked(codes: ArrayLike) -> FloatArray:
    rows = np.asarray(codes)
    if rows.ndim < 2 or len(rows) < 3:
        raise invalid("codes", "at least 3 rows of shape (n, d) for a map", rows.shape)
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1), np.float32)
    check_finite(flat, "codes")
    return flat


Fitted = tuple[FloatArray, dict[str, NDArray[Any]], dict[str, Any]]


def _pca(flat: FloatArray) -> Fitted:
    mean, components, explained = principal(flat)
    choice = f"all {len(flat):,} rows, projected on the two directions of most variance"
    settings = {"explained_variance": explained, "choice": choice}
    return project(flat, mean, components), {"mean": mean, "components": components}, settings


def _local(flat: FloatArray, method: Method, seed: int, effort: Effort, watch: Watch) -> Fitted:
    """A map of neighbourhoods: of all rows, or of landmarks with the other rows placed among them."""
    count, why = effort.fitted_rows(len(flat), method)
    fitted = np.sort(generator(seed, _LANDMARKS).permutation(len(flat))[:count])
    cells = Cells.of(flat[fitted], seed=seed)
    share = 1.0 if count == len(flat) else 0.6
    fit = tsne if method == "tsne" else umap
    places, settings = fit(cells, seed=seed, threads=effort.threads, watch=watch.until(share))
    coordinates = places
    if count < len(flat):
        coordinates = _with_placed(flat, fitted, places, cells, effort, watch)
    anchors = {"codes": cells.codes, "centres": cells.centres, "owner": cells.owner, "fitted": fitted}
    search = "exact" if cells.exact else "approximate"
    steps = next(word for word in ("iterations", "epochs") if word in settings)
    planned = " planned" if steps == "epochs" and effort.budget is not None else ""
    choice = f"fitted {why}, {settings[steps]} {steps}{planned}, {search} neighbours"
    choice += "" if count == len(flat) else f"; {len(flat) - count:,} rows placed"
    facts = {"fitted": count, "search": search, "budget": effort.budget, "threads": effort.threads}
    return coordinates, anchors, {**settings, **facts, "choice": choice}


def _with_placed(
    flat: FloatArray, fitted: NDArray[np.int64], places: FloatArray, cells: Cells, effort: Effort, watch: Watch
) -> FloatArray:
    coordinates = np.empty((len(flat), 2), np.float32)
    coordinates[fitted] = places
    rest = np.ones(len(flat), bool)
    rest[fitted] = False
    others = np.flatnonzero(rest)
    tell = watch.told("placing")
    for part in batches(len(others), _CHUNK):
        rows = others[part]
        coordinates[rows] = place_near(flat[rows], cells, places, threads=effort.threads)
        tell(part.stop, len(others))
    return coordinates
