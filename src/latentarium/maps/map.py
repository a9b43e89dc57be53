"""`Map`: fitted 2-D coordinates of codes, with what is needed to place new ones and to store it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows, batches
from latentarium.errors import invalid

Method = Literal["pca", "tsne"]
METHODS: tuple[Method, ...] = ("pca", "tsne")
_PLACED_BY: Mapping[Method, tuple[str, ...]] = {"pca": ("mean", "components"), "tsne": ("codes",)}
_PLACING_NEIGHBOURS = 15
_CHUNK = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """2-D coordinates of codes.

    Parameters
    ----------
    method : pca or tsne
    coordinates : (n, 2) float32
    ids : (n,) stable row ids, aligned with the coordinates
    settings : everything that would change the coordinates
    quality : trustworthiness and neighbour_recall, each 0 to 1, on the rows stated beside them
    anchors : what places new codes: the projection of a PCA, the fitted codes (n, d) of a t-SNE
    """

    method: Method
    coordinates: FloatArray
    ids: NDArray[Any]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    quality: Mapping[str, float] = field(default_factory=dict[str, float])
    anchors: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise invalid("method", f"one of {list(METHODS)}", self.method)
        if self.coordinates.ndim != 2 or self.coordinates.shape[1] != 2:
            raise invalid("coordinates", "of shape (n, 2)", self.coordinates.shape)
        if self.ids.shape != (len(self.coordinates),):
            raise invalid("ids", f"{len(self.coordinates)} ids, one for each row", self.ids.shape)
        missing = [name for name in _PLACED_BY[self.method] if name not in self.anchors]
        if missing:
            raise invalid("anchors", f"those of a {self.method} map", f"no {missing}")

    def place(self, new_codes: ArrayLike) -> FloatArray:
        """Coordinates (m, 2) of codes the map was not fitted on.

        PCA projects. t-SNE has no such function: a code goes to the mean of its 15 nearest fitted codes,
        weighted by a Gaussian whose width is the distance to the nearest of them.
        """
        if self.method == "pca":
            mean, components = self.anchors["mean"], self.anchors["components"]
            flat = _flat(new_codes, len(mean))
            return ((flat.astype(np.float64) - mean) @ components.T).astype(np.float32)
        fitted = self.anchors["codes"]
        return _place_by_neighbours(_flat(new_codes, fitted.shape[1]), fitted, self.coordinates)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON-ready facts, and the arrays to store beside them; anchors are named anchor.NAME."""
        facts = {"method": self.method, "settings": dict(self.settings), "quality": dict(self.quality)}
        anchors = {f"anchor.{name}": array for name, array in self.anchors.items()}
        return facts, {"coordinates": self.coordinates, "ids": self.ids, **anchors}

    @classmethod
    def from_arrays(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> "Map":
        """Rebuild what `to_arrays` took apart."""
        anchors = {name.removeprefix("anchor."): a for name, a in arrays.items() if name.startswith("anchor.")}
        return cls(
            method=facts["method"],
            coordinates=arrays["coordinates"],
            ids=arrays["ids"],
            settings=facts["settings"],
            quality=facts["quality"],
            anchors=anchors,
        )


def _flat(codes: ArrayLike, dim: int) -> FloatArray:
    rows = np.asarray(codes)
    return as_rows(rows.reshape(len(rows), -1), (dim,), name="codes")


def _place_by_neighbours(new: FloatArray, fitted: NDArray[Any], coordinates: FloatArray) -> FloatArray:
    from scipy.spatial.distance import cdist

    count = min(_PLACING_NEIGHBOURS, len(fitted))
    wide = np.asarray(fitted, np.float64)
    out = np.empty((len(new), 2), np.float32)
    for part in batches(len(new), _CHUNK):
        distances = cdist(new[part].astype(np.float64), wide)
        nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(distances, nearest, axis=1)
        closest = near.min(1, keepdims=True)
        # the floor keeps a fitted code on its own coordinates instead of dividing by zero
        width = np.maximum(closest, 1e-6 * (1 + near.max(1, keepdims=True)))
        weights = np.exp(-0.5 * (near**2 - closest**2) / width**2)
        weights /= weights.sum(1, keepdims=True)
        out[part] = np.einsum("nk,nkj->nj", weights, coordinates[nearest])
    return out
