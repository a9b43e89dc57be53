"""Whether new rows are of the kind that a space was learned from, before it is trusted to edit them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentarium.applications.editing.directions import Array, Directions
from latentarium.bundle import Bundle
from latentarium.data.modalities import ImageModality
from latentarium.measures.interpretability.rows import pca_of, scaler

UNLIKE = 99.0
FEWEST_ALIGNED, MOST_ALIGNED = 100, 1000
AXES = 64
_ALARMS = 0.02
"""Share of pictures that lie right which may be said not to."""
_WAYS: Mapping[str, tuple[float, float, float, float]] = {
    "to the left": (0.15, 0, 0, 1),
    "to the right": (-0.15, 0, 0, 1),
    "up": (0, 0.15, 0, 1),
    "down": (0, -0.15, 0, 1),
    "clockwise": (0, 0, 25, 1),
    "counterclockwise": (0, 0, -25, 1),
    "smaller": (0, 0, 0, 0.7),
    "larger": (0, 0, 0, 1.4),
    "upside down": (0, 0, 180, 1),
}
"""Ways to lie, as what brings a picture there that lies right: moves in shares of its size, a turn, a scale."""
Levels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Likeness:
    """Where new rows stand among held-out rows of the data, in percent of those that are less far out.

    Parameters
    ----------
    error : (n,) percentile of the squared error of the reconstruction; None where no held-out row is at hand
    typicality : (n,) percentile of the code's distance from the centre of the codes
    lies : how each picture lies, "" for as the data do; None where the data are no pictures, or under 100 are kept
    """

    error: Array | None
    typicality: Array
    lies: tuple[str, ...] | None = None

    @property
    def unlike(self) -> NDArray[np.bool_]:
        """(n,) whether a row lies otherwise, or either percentile is above 99."""
        far = self.typicality > UNLIKE
        if self.lies is not None:
            far = far | np.array([way != "" for way in self.lies])
        return far if self.error is None else far | (self.error > UNLIKE)

    def words(self, name: str, row: int) -> str:
        """One line on a row that is unlike the data."""
        found: list[str] = []
        if self.lies is not None and self.lies[row]:
            way = self.lies[row]
            found.append(f"is not aligned as they are (it lies {way}): crop and turn it to lie as they do")
        if self.error is not None and self.error[row] > UNLIKE:
            found.append(f"comes back worse than {self.error[row]:.1f} % of held-out rows")
        if self.typicality[row] > UNLIKE:
            found.append(f"has a code further out than {self.typicality[row]:.1f} % of theirs")
        return f"{name} is unlike the rows the space was learned from: it {'; it '.join(found)}"


def likeness(bundle: Bundle, directions: Directions, x: NDArray[np.float32], codes: NDArray[Any]) -> Likeness:
    """Compare rows `x` (n, ..) and their codes with the held-out rows that are kept in the bundle.

    How pictures lie is told by a classifier that is fitted to kept pictures and to the same ones moved, turned and
    scaled (after Golan & El-Yaniv 2018): a picture lies otherwise where it is less sure of it than of 98 % of other
    kept ones. Where the data have no one way to lie, that says little and is rarely said.
    """
    flat = np.asarray(codes, np.float64).reshape(len(x), -1)
    typicality = directions.typicality.percentile(flat)
    space = bundle.space
    if bundle.manifest["data"].get("decoded") or not {"encode", "decode"} <= space.capabilities:
        return Likeness(error=None, typicality=typicality)
    kept = bundle.modality.to_array(np.asarray(bundle.kept))
    usual = np.sort(_errors(kept, space.reconstruct(kept)))
    own = _errors(x, space.decode(np.asarray(codes, np.float32).reshape(-1, *space.shape)))
    return Likeness(
        error=100 * np.searchsorted(usual, own) / len(usual), typicality=typicality, lies=_lie(bundle, kept, x)
    )


def _lie(bundle: Bundle, kept: NDArray[np.float32], x: NDArray[np.float32]) -> tuple[str, ...] | None:
    """How each of the pictures `x` lies beside the kept ones."""
    if not isinstance(bundle.modality, ImageModality) or len(kept) < FEWEST_ALIGNED:
        return None
    from sklearn.linear_model import LogisticRegression

    half = min(len(kept), MOST_ALIGNED) // 2
    views, ways = _views(kept[:half])
    project = pca_of(views, np.arange(len(views)), AXES, seed=0)
    scale = scaler(project(views))
    model = LogisticRegression(C=0.1, max_iter=500).fit(scale(project(views)), ways)
    fresh, truth = _views(kept[half : 2 * half])
    sure = model.predict_proba(scale(project(fresh)))
    least = np.quantile(sure[truth == 0, 0], _ALARMS)
    said = model.predict_proba(scale(project(x)))
    names = tuple(_WAYS)
    return tuple("" if row[0] >= least else names[int(row[1:].argmax())] for row in said)


def _views(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Pictures as they are and in every other way, and which way each is, 0 for as they are."""
    levels = np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
    cells = [levels, *(_moved(levels, way) for way in _WAYS.values())]
    return np.concatenate(cells).astype(np.float32) / np.float32(255), np.repeat(np.arange(len(cells)), len(x))


def _moved(levels: Levels, way: Sequence[float]) -> Levels:
    """Pictures (n, c, h, w) moved, turned and scaled about their middle; the edge goes on outside."""
    across, down, turn, size = way
    height, width = levels.shape[-2:]
    edge = max(height, width) // 2
    wide = np.pad(levels, ((0, 0), (0, 0), (edge, edge), (edge, edge)), mode="edge")
    middle = (edge + width / 2, edge + height / 2)
    angle = np.deg2rad(turn)
    cos, sin = np.cos(angle) / size, np.sin(angle) / size
    left, top = across * width - width / 2, down * height - height / 2
    # from a pixel of the result to the place in the padded picture that it shows
    there = (cos, -sin, middle[0] + cos * left - sin * top, sin, cos, middle[1] + sin * left + cos * top)
    planes = wide.reshape(-1, *wide.shape[-2:])
    moved = [
        Image.fromarray(plane).transform((width, height), Image.Transform.AFFINE, there, Image.Resampling.BILINEAR)
        for plane in planes
    ]
    return np.stack([np.asarray(plane) for plane in moved]).reshape(levels.shape)


def _errors(x: NDArray[np.float32], again: NDArray[np.float32]) -> Array:
    return ((x - again).astype(np.float64) ** 2).reshape(len(x), -1).mean(1)
