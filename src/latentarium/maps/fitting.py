"""Fitting maps: PCA in numpy, t-SNE by openTSNE."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.maps.map import METHODS, Map, Method
from latentarium.maps.quality import map_quality
from latentarium.rng import check_seed

Progress = Callable[[str, int, int], None]
_ITERATIONS = 750


def fit_map(
    codes: ArrayLike,
    *,
    method: Method = "pca",
    seed: int = 0,
    ids: ArrayLike | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Map:
    """A 2-D map of `codes` (n, ..), flattened to (n, d).

    Parameters
    ----------
    codes : at least 3 rows, finite
    method : pca (linear, exact, instant) or tsne (neighbourhoods; Policar et al. 2024, openTSNE)
    seed : decides t-SNE's optimisation and the rows the quality is judged on
    ids : (n,) stable row ids; 0..n-1 where None
    progress : called with (what, done, total)
    threads : for t-SNE, 2 where None

    Raises
    ------
    InvalidInput
        When the codes are not finite, too few, or the method is unknown.

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
    if method == "pca":
        coordinates, anchors, settings = _pca(flat)
    else:
        coordinates, anchors, settings = _tsne(flat, seed, threads, progress)
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
    """The two leading eigenvectors of the covariance; each has its largest entry positive."""
    wide = flat.astype(np.float64)
    mean = wide.mean(0)
    centred = wide - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(wide))
    components = np.zeros((2, flat.shape[1]))
    kept = min(2, flat.shape[1])
    components[:kept] = vectors[:, ::-1].T[:kept]
    largest = np.abs(components).argmax(1)
    signs = np.sign(components[np.arange(2), largest])
    components *= np.where(signs == 0, 1, signs)[:, None]
    total = max(float(values.sum()), 1e-300)
    explained = [float(max(v, 0) / total) for v in values[::-1][:kept]]
    anchors = {"mean": mean, "components": components}
    return (centred @ components.T).astype(np.float32), anchors, {"explained_variance": explained}


def _tsne(flat: FloatArray, seed: int, threads: int | None, progress: Progress | None) -> Fitted:
    from openTSNE import TSNE

    jobs = check_positive_int(2 if threads is None else threads, "threads", high=1024)
    perplexity = min(30.0, max(1.0, (len(flat) - 1) / 3))

    def tell(iteration: int, _error: float, _embedding: object) -> None:
        if progress is not None:
            progress("tsne", iteration, _ITERATIONS)

    settings: dict[str, Any] = {"perplexity": perplexity, "initialization": "pca", "metric": "euclidean"}
    model = TSNE(
        **settings,
        n_jobs=jobs,
        random_state=seed % 2**32,
        callbacks=tell,
        callbacks_every_iters=25,
    )
    coordinates = np.ascontiguousarray(np.asarray(model.fit(flat)), np.float32)
    return coordinates, {"codes": flat}, {**settings, "iterations": _ITERATIONS, "threads": jobs}
