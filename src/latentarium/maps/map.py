"""`Map`: fitted 2-D coordinates of codes, with what is needed to place new ones and to store it all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows
from latentarium.errors import invalid
from latentarium.maps.neighbours import Cells
from latentarium.maps.placing import place_near
from latentarium.maps.projection import project

Method = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = ("pca", "tsne", "umap")
_PLACED_BY = {"pca": ("mean", "components"), "tsne": ("codes", "centres", "owner", "fitted")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """2-D coordinates of codes.

    Parameters
    ----------
    method : pca, tsne or umap
    coordinates : (n, 2) float32
    ids : (n,) stable row ids, aligned with the coordinates
    settings : everything that would change the coordinates; `choice` says in words what was fitted, and how
    quality : trustworthiness, continuity and neighbour_recall, each 0 to 1, on the rows stated beside them
    anchors : what places new codes: the projection of a PCA; else the fitted `codes` (m, d) in their cells
        (`centres`, `owner`) and `fitted` (m,), their rows in `coordinates`
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
        missing = [name for name in self._placed_by() if name not in self.anchors]
        if missing:
            raise invalid("anchors", f"those of a {self.method} map", f"no {missing}")

    def _placed_by(self) -> tuple[str, ...]:
        return _PLACED_BY["pca" if self.method == "pca" else "tsne"]

    def place(self, new_codes: ArrayLike, *, threads: int = 2) -> FloatArray:
        """Coordinates (m, 2) of codes the map was not fitted on.

        PCA projects. t-SNE and UMAP have no such function: a code goes where its 15 nearest fitted codes lie
        closest together on the map (see `maps.placing.place_near`).
        """
        if self.method == "pca":
            mean, components = self.anchors["mean"], self.anchors["components"]
            return project(_flat(new_codes, len(mean)), mean, components)
        fitted = self.anchors["codes"]
        cells = Cells(codes=fitted, centres=self.anchors["centres"], owner=self.anchors["owner"])
        places = self.coordinates[self.anchors["fitted"]]
        return place_near(_flat(new_codes, fitted.shape[1]), cells, places, threads=threads)

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
