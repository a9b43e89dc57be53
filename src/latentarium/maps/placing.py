"""Where a new code belongs on a map: at the mode of its neighbours' positions, pulled as t-SNE pulls."""

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, batches
from latentarium.maps.neighbours import Cells, Told

NEIGHBOURS = 15
_PROBED = 16
_CHUNK = 4096
_STEPS = 3


def place_near(
    new: FloatArray, cells: Cells, coordinates: FloatArray, *, threads: int, tell: Told | None = None
) -> FloatArray:
    """Coordinates (m, 2) of `new` codes among mapped ones; `coordinates` (n, 2) are aligned with `cells.codes`.

    The mean of neighbours that lie far apart on the map falls into the void between them. A code is attracted as by
    t-SNE's gradient instead, by each of its 15 nearest with a Student kernel as wide as the map's mean spacing: it
    starts on the neighbour with the most attraction and makes a few mean-shift steps (Cheng 1995). Neighbours weigh
    by a Gaussian whose width is the distance to the nearest, so that a fitted code keeps its own place.
    """
    count = min(NEIGHBOURS, len(cells.codes))
    unit = spacing(coordinates)
    out = np.empty((len(new), 2), np.float32)
    for part in batches(len(new), 32 * _CHUNK):
        rows, distances = cells.nearest(new[part], count, threads=threads, probed=_PROBED)
        for piece in batches(len(rows), _CHUNK):
            settled = _settle(coordinates[rows[piece]], distances[piece], unit)
            out[part.start + piece.start : part.start + piece.start + len(settled)] = settled
        if tell is not None:
            tell(part.stop, len(new))
    return out


def spacing(coordinates: FloatArray) -> float:
    """Mean distance between neighbours on the map, were its rows spread evenly over a square; 1 for a single place."""
    side = float((6 * coordinates.var(0, dtype=np.float64).sum()) ** 0.5)
    return side / len(coordinates) ** 0.5 or 1.0


def _settle(places: NDArray[np.float32], distances: FloatArray, unit: float) -> NDArray[np.float32]:
    weights = _weights(distances)
    gaps = ((places[:, :, None] - places[:, None]) ** 2).sum(3) / unit**2
    pull = (weights[:, None] / (1 + gaps)).sum(2)
    at = np.take_along_axis(places, pull.argmax(1)[:, None, None], axis=1)
    for _ in range(_STEPS):
        strength = weights / (1 + ((places - at) ** 2).sum(2) / unit**2)
        strength /= strength.sum(1, keepdims=True)
        at = (strength[:, :, None] * places).sum(1, keepdims=True)
    return at[:, 0]


def _weights(distances: FloatArray) -> FloatArray:
    closest = distances[:, :1]
    width = np.maximum(closest, 1e-6 * (1 + distances[:, -1:]))
    weights = np.exp(-0.5 * (distances**2 - closest**2) / width**2)
    return weights / weights.sum(1, keepdims=True)
