"""Whether pictures lie as those do that a space was learned from: not moved, turned, mirrored or at another size."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentarium.arrays import FloatArray, batches, rows_within
from latentarium.bundle import Bundle
from latentarium.data.modalities import ImageModality
from latentarium.measures.detection import OrientedEdges
from latentarium.measures.interpretability.rows import pca_of, scaler

FEWEST, FITTED, JUDGED = 100, 1000, 250
"""Pictures without which nothing is said, and how many are looked at from every side and set the limit, at most."""
ALARMS = 0.02
"""Share of pictures that lie right which may be said not to."""
_AXES, _UNITS, _ROUNDS = 64, 128, 60
_VALUES, _BATCH = 2**22, 256
Levels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a picture that lies right is brought to lie otherwise: moved right and down by shares of its size, turned
    clockwise by degrees, made larger, mirrored first.
    """

    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    size: float = 1.0
    mirrored: bool = False


WAYS: Mapping[str, Way] = {
    "to the left": Way(right=-0.15),
    "to the right": Way(right=0.15),
    "up": Way(down=-0.15),
    "down": Way(down=0.15),
    "clockwise": Way(turn=25),
    "counterclockwise": Way(turn=-25),
    "smaller": Way(size=0.7),
    "larger": Way(size=1.4),
    "upside down": Way(turn=180),
    "a quarter turn clockwise": Way(turn=90),
    "a quarter turn counterclockwise": Way(turn=-90),
    "with rows and columns exchanged": Way(turn=-90, mirrored=True),
}


def lies(bundle: Bundle, x: FloatArray) -> tuple[str, ...] | None:
    """How each of the pictures `x` (n, c, h, w) lies beside those of the bundle, "" for as they do.

    A small net on the directions of edges tells pictures as they are from the same ones moved, turned, mirrored and
    scaled (after Golan & El-Yaniv 2018). A picture lies otherwise where it is less sure of it than of 98 % of other
    pictures of the bundle: kept rows, and draws of the prior beside them. Where the data have no one way to lie that
    says little and is rarely said. None for other data than pictures, and under 100 of them.
    """
    if not isinstance(bundle.modality, ImageModality):
        return None
    fitted, judged = _pictures(bundle)
    if len(fitted) + len(judged) < FEWEST or len(judged) < FEWEST // 4:
        return None
    say = _net(fitted)
    least = np.quantile(say(judged)[:, 0], ALARMS)
    names = tuple(WAYS)
    return tuple("" if row[0] >= least else names[int(row[1:].argmax())] for row in say(x))


def _pictures(bundle: Bundle) -> tuple[FloatArray, FloatArray]:
    """Pictures that lie right, to learn from and to set the limit by: real ones for the second where there are."""
    kept = bundle.modality.to_array(np.asarray(bundle.kept[: FITTED + JUDGED]))
    most = rows_within(_VALUES, bundle.modality.data_shape, most=FITTED)
    judged = min(JUDGED, len(kept) // 2)
    decoded = bool(bundle.manifest["data"].get("decoded"))
    wanted = max(0, most - (len(kept) - judged)) + (JUDGED - judged if decoded else 0)
    able = {"decode", "prior"} <= bundle.space.capabilities
    draws = bundle.space.sample(wanted, seed=0) if able and wanted else kept[:0]
    more = JUDGED - judged if decoded else 0
    fitted = np.concatenate([kept[judged:], draws[more:]])[:most]
    return fitted, np.concatenate([kept[:judged], draws[:more]])


def _net(pictures: FloatArray) -> Callable[[FloatArray], NDArray[np.float64]]:
    """What says how sure it is of each way, as they are first, of pictures."""
    from sklearn.neural_network import MLPClassifier

    edges = OrientedEdges(pictures.shape[1:])

    def cells(x: FloatArray) -> FloatArray:
        return np.concatenate([edges.cells(x[part]).reshape(len(x[part]), -1) for part in batches(len(x), _BATCH)])

    levels = np.rint(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
    seen = [levels, *(moved(levels, way) for way in WAYS.values())]
    views = np.concatenate([cells(view.astype(np.float32) / np.float32(255)) for view in seen])
    project = pca_of(views, np.arange(len(views)), _AXES, seed=0)
    scale = scaler(project(views))
    options: dict[str, Any] = {"alpha": 1.0, "max_iter": _ROUNDS, "early_stopping": True, "random_state": 0}
    net = MLPClassifier((_UNITS,), **options)
    with warnings.catch_warnings():
        # a few rounds are enough, and it says that more could be done
        warnings.simplefilter("ignore")
        net.fit(scale(project(views)), np.repeat(np.arange(len(seen)), len(pictures)))
    return lambda x: np.asarray(net.predict_proba(scale(project(cells(x)))))


def moved(levels: Levels, way: Way) -> Levels:
    """Pictures (n, c, h, w) mirrored, moved, turned and scaled about their middle; the edge goes on outside."""
    height, width = levels.shape[-2:]
    edge = max(height, width) // 2
    wide = np.pad(levels[..., ::-1] if way.mirrored else levels, ((0, 0), (0, 0), (edge, edge), (edge, edge)), "edge")
    middle = (edge + width / 2, edge + height / 2)
    angle = np.deg2rad(-way.turn)
    cos, sin = np.cos(angle) / way.size, np.sin(angle) / way.size
    left, top = -way.right * width - width / 2, -way.down * height - height / 2
    # from a pixel of the result to the place in the padded picture that it shows
    there = (cos, -sin, middle[0] + cos * left - sin * top, sin, cos, middle[1] + sin * left + cos * top)
    planes = wide.reshape(-1, *wide.shape[-2:])
    found = [
        Image.fromarray(np.ascontiguousarray(plane)).transform(
            (width, height), Image.Transform.AFFINE, there, Image.Resampling.BILINEAR
        )
        for plane in planes
    ]
    return np.stack([np.asarray(plane) for plane in found]).reshape(levels.shape)
