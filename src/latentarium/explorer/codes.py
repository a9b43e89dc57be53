"""What a view says of the codes: maps, directions to slide along, and how typical a point is."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.mapping import read_map
from latentarium.arrays import FloatArray
from latentarium.bundle import Bundle
from latentarium.explorer.draft import Draft
from latentarium.explorer.rows import places_of
from latentarium.explorer.wire import PERCENTILES, Basis, Dimension, Histogram, LinearMap, MapView, Typicality

Array = NDArray[np.float64]
Decode = Callable[[FloatArray], FloatArray]
TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
BINS, REACH = 48, 4.0
"""Bars of a histogram, and standard deviations that it and its slider reach to either side."""
MOST_DIMENSIONS = 64
NEIGHBOURS = 10
_BASES = 8
_LEAST_EFFECT = 0.02
_LEAST_SPREAD = 0.25
_REFERENCE, _ASKED = 20_000, 2000
_SPARSE_REFERENCE, _SPARSE_ASKED = 5000, 200_000


def principal_axes(codes: FloatArray) -> tuple[Array, Array]:
    """Mean (d,) and all principal axes (d, d) of the codes, the widest first, the largest entry of each positive."""
    if not len(codes):
        return np.zeros(codes.shape[1]), np.eye(codes.shape[1])
    mean = codes.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(codes.T, bias=True)))
    axes = vectors[:, ::-1].T
    largest = np.abs(axes).argmax(1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return mean, axes * np.where(signs == 0, 1, signs)[:, None]


def map_views(bundle: Bundle, codes: FloatArray, order: NDArray[np.int64], draft: Draft) -> list[MapView]:
    """The bundle's maps of all codes, neighbourhood maps first, and a PCA, which can be walked back exactly."""
    known = [name for name in ("tsne", "umap") if name in bundle.manifest.get("maps", {})]
    return [*(_stored(bundle, name, codes, order, draft) for name in known), _pca(codes, draft)]


def _stored(bundle: Bundle, name: str, codes: FloatArray, order: NDArray[np.int64], draft: Draft) -> MapView:
    found = read_map(bundle, name)
    places = np.full((len(codes), 2), np.nan, np.float32)
    rank = places_of(order, len(bundle.codes))[found.ids]
    places[rank[rank >= 0]] = found.coordinates[rank >= 0]
    rest = np.flatnonzero(np.isnan(places[:, 0]))
    if len(rest):
        places[rest] = found.place(codes[rest])
    return MapView(
        name=name,
        title=TITLES[name],
        points=draft.packed(f"map-{name}", places, "u16", square=True),
        linear=None,
        quality={key: float(value) for key, value in found.quality.items()},
        about=str(found.settings.get("choice", "")),
    )


def _pca(codes: FloatArray, draft: Draft) -> MapView:
    mean, all_axes = principal_axes(codes)
    axes = np.zeros((2, codes.shape[1]))
    axes[: min(2, len(all_axes))] = all_axes[:2]
    places = (codes - mean) @ axes.T
    variance = float(codes.var(0, dtype=np.float64).sum()) if len(codes) else 0.0
    share = float(places.var(0).sum()) / variance if variance else 1.0
    return MapView(
        name="pca",
        title="PCA",
        points=draft.packed("map-pca", places, "u16", square=True),
        linear=LinearMap(mean=mean.tolist(), axes=axes.tolist()),
        quality={"explained_variance": share},
        about=f"the two directions of most variance, {share:.0%} of it",
    )


def bases(codes: FloatArray, decode: Decode | None) -> list[Basis]:
    """Directions to slide along: the latent dimensions themselves, and the principal components."""
    codes = codes if len(codes) else np.zeros((1, codes.shape[1]), np.float32)
    mean, axes = principal_axes(codes)
    components = axes[:MOST_DIMENSIONS]
    along = (codes - mean) @ components.T
    names = [f"PC {k + 1}" for k in range(len(components))]
    raw = [f"z{k}" for k in range(codes.shape[1])]
    starts = codes[:_BASES]
    return [
        _basis("z", "Dimensions", np.zeros(codes.shape[1]), None, _dimensions(raw, codes, None, starts, decode)),
        _basis("pca", "Principal components", mean, components, _dimensions(names, along, components, starts, decode)),
    ]


def _basis(name: str, title: str, mean: Array, axes: Array | None, dimensions: list[Dimension]) -> Basis:
    weights = [(-(d.effect or 0.0), -d.std, k) for k, d in enumerate(dimensions)]
    return Basis(
        name=name,
        title=title,
        mean=mean.tolist(),
        axes=None if axes is None else axes.tolist(),
        order=[k for *_, k in sorted(weights)],
        dimensions=dimensions,
    )


def _dimensions(
    names: list[str], values: NDArray[np.floating], axes: Array | None, starts: FloatArray, decode: Decode | None
) -> list[Dimension]:
    std = values.std(0, dtype=np.float64)
    widest = np.argsort(-std, kind="stable")[:MOST_DIMENSIONS]
    effects = np.full(len(names), np.nan)
    if decode is not None:
        steps = np.eye(len(names))[widest] if axes is None else axes[widest]
        effects[widest] = _effects(starts, steps * std[widest, None], decode)
    sizes, least = (std, _LEAST_SPREAD) if decode is None else (effects, _LEAST_EFFECT)
    active = np.nan_to_num(sizes) >= least * max(float(np.nanmax(sizes)), 1e-12)
    # where nothing varies there still is a way to go
    least = _LEAST_SPREAD * (std.max() if std.max() > 1e-6 else 1.0)
    return [
        Dimension(
            name=name,
            mean=float(values[:, k].mean()),
            std=float(std[k]),
            effect=None if np.isnan(effects[k]) else float(effects[k]),
            active=bool(active[k]),
            histogram=_histogram(values[:, k], reach=REACH * max(std[k], least)),
        )
        for k, name in enumerate(names)
    ]


def _effects(starts: FloatArray, steps: Array, decode: Decode) -> Array:
    """Root mean square change of the decoded values over each step (k, d), taken around `starts` (b, d)."""
    half = 0.5 * steps[:, None]
    up, down = (decode((starts + sign * half).reshape(-1, starts.shape[1]).astype(np.float32)) for sign in (1, -1))
    return np.sqrt(np.square(up - down).reshape(len(steps), -1).mean(1))


def _histogram(values: NDArray[np.floating], *, reach: float) -> Histogram:
    middle = float(values.mean())
    low, high = middle - reach, middle + reach
    counts, _ = np.histogram(np.clip(values, low, high), bins=BINS, range=(low, high))
    return Histogram(low=low, high=high, counts=counts.tolist())


def typicality(codes: FloatArray) -> Typicality:
    """How long codes are and how close their neighbours, as percentiles; for codes in the view's order."""
    from sklearn.neighbors import NearestNeighbors

    rows = min(len(codes), _REFERENCE)
    # of no rows nothing is far
    codes = codes if len(codes) else np.zeros((1, codes.shape[1]), np.float32)
    centre = codes.mean(0)
    known = codes[:_REFERENCE]
    count = min(NEIGHBOURS, len(known) - 1)
    distances = np.zeros(1)
    if count > 0:
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(known)
        # each row finds itself first; a part of them is enough for percentiles
        found, _ = search.kneighbors(known[:_ASKED], n_neighbors=count + 1)
        distances = found[:, -1]
    shares = np.linspace(0, 100, PERCENTILES)
    return Typicality(
        rows=rows,
        neighbours=count,
        centre=centre.tolist(),
        length=np.percentile(np.linalg.norm(codes - centre, axis=1), shares).tolist(),
        distance=np.percentile(distances, shares).tolist(),
    )


def neighbour_distances(codes: FloatArray) -> FloatArray | None:
    """How far each code is from the tenth nearest of the first 5,000, itself left out; large where few codes lie.

    NaN beyond the first 200,000 rows; None for a single row.
    """
    from sklearn.neighbors import NearestNeighbors

    known, asked = codes[:_SPARSE_REFERENCE], codes[:_SPARSE_ASKED]
    count = min(NEIGHBOURS, len(known) - 1)
    if count < 1:
        return None
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(known)
    found, _ = search.kneighbors(asked)
    distances = np.full(len(codes), np.nan, np.float32)
    # one that is among the known finds itself first
    distances[: len(asked)] = np.where(np.arange(len(asked)) < len(known), found[:, count], found[:, count - 1])
    return distances
