"""Detectors side by side: ours and the ones it is measured against, each with its own defaults."""

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
DETECTOR = "LatentOutlierDetector(seed=seed), every other parameter at its default"
COMPONENTS, NEAREST = 32, 5


@dataclass(frozen=True)
class Fitted:
    """Scores (n,), higher is odder, and maps (n, channels, height, width) where a contender has them."""

    scores: Callable[[Array], Array]
    maps: Callable[[Array], Array] | None = None


def latentarium(train: Array, seed: int) -> Fitted:
    from latentarium import LatentOutlierDetector

    detector = LatentOutlierDetector(seed=seed).fit(train)
    return Fitted(detector.anomaly_score, detector.explain)


def mean_picture(train: Array, seed: int) -> Fitted:
    del seed
    middle = _flat(train).mean(0)
    return Fitted(lambda x: ((_flat(x) - middle) ** 2).sum(1))


def pca(train: Array, seed: int) -> Fitted:
    """Squared error of the reconstruction from 32 components."""
    from sklearn.decomposition import PCA

    fitted = PCA(COMPONENTS, random_state=seed).fit(_flat(train))

    def maps(x: Array) -> Array:
        flat = _flat(x)
        return ((flat - fitted.inverse_transform(fitted.transform(flat))) ** 2).reshape(x.shape)

    return Fitted(lambda x: maps(x).reshape(len(x), -1).sum(1), maps)


def isolation_forest(train: Array, seed: int) -> Fitted:
    from sklearn.ensemble import IsolationForest

    fitted = IsolationForest(n_estimators=200, random_state=seed).fit(_flat(train))
    return Fitted(lambda x: -fitted.score_samples(_flat(x)))


def nearest_rows(train: Array, seed: int) -> Fitted:
    """Mean distance to the 5 nearest rows in data units (tables in standard deviations)."""
    del seed
    from sklearn.neighbors import NearestNeighbors

    scale = _scale(train)
    fitted = NearestNeighbors(n_neighbors=NEAREST, algorithm="auto" if train.ndim == 2 else "brute").fit(scale(train))

    def maps(x: Array) -> Array:
        known = _flat(train)
        _, near = fitted.kneighbors(scale(x))
        return np.stack([((known[i] - row) ** 2).mean(0) for i, row in zip(near, _flat(x))]).reshape(x.shape)

    return Fitted(lambda x: fitted.kneighbors(scale(x))[0].mean(1), None if train.ndim == 2 else maps)


def pyod(name: str) -> Callable[[Array, int], Fitted]:
    """A PyOD detector with its defaults and a seed."""

    def fit(train: Array, seed: int) -> Fitted:
        from importlib import import_module

        module = {"AutoEncoder": "auto_encoder", "VAE": "vae", "DeepSVDD": "deep_svdd"}[name]
        kind = getattr(import_module(f"pyod.models.{module}"), name)
        rows = _flat(train)
        fitted = kind(random_state=seed, **({"n_features": rows.shape[1]} if name == "DeepSVDD" else {}))
        with _quiet():
            fitted.fit(rows)

        def scores(x: Array) -> Array:
            with _quiet():
                return np.asarray(fitted.decision_function(_flat(x)), np.float64)

        return Fitted(scores)

    return fit


CONTENDERS: Mapping[str, Callable[[Array, int], Fitted]] = {
    "latentarium": latentarium,
    "mean picture": mean_picture,
    "PCA-32": pca,
    "isolation forest": isolation_forest,
    "5-NN": nearest_rows,
    "PyOD AutoEncoder": pyod("AutoEncoder"),
    "PyOD VAE": pyod("VAE"),
    "PyOD DeepSVDD": pyod("DeepSVDD"),
}
IMAGES = tuple(CONTENDERS)
TABLES = ("latentarium", "isolation forest", "5-NN", "PyOD AutoEncoder", "PyOD VAE")
TILES = ("latentarium", "PCA-32", "5-NN")


def _flat(x: Array) -> Array:
    flat = x.reshape(len(x), -1)
    return flat / np.float32(255) if flat.dtype == np.uint8 else flat


def _scale(train: Array) -> Callable[[Array], Array]:
    """Tables in standard deviations, pictures as they are."""
    if train.ndim > 2:
        return _flat
    mean, std = train.mean(0), train.std(0)
    return lambda x: (x - mean) / np.where(std > 0, std, 1)


@contextlib.contextmanager
def _quiet() -> Any:
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
