"""White shapes on black: the grid of factors of dSprites (Matthey et al. 2017), rendered anew at any size."""

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.data.factors.source import Bytes, FactorSource, Levels
from latentarium.errors import invalid

Float = NDArray[np.float32]
SHAPES = ("square", "ellipse", "heart")
_QUARTER = float(np.pi / 2)
_SPAN = 0.26
_MARGIN = 0.21
_HEART_AREA = 3.6612


def sprites(
    *,
    size: int = 64,
    scales: int = 6,
    orientations: int = 40,
    positions: int = 32,
    turn: float = _QUARTER,
) -> FactorSource:
    """Shape (3), scale, orientation, x and y of one white sprite, without anti-aliasing.

    All shapes have the same area at the same scale. A square turned by a quarter is the same square, an ellipse
    after half a turn the same ellipse: the orientations therefore fill a quarter turn, so that no two levels of the
    factor give the same picture of any shape. `turn=2 * pi` is the full turn of dSprites, whose orientation cannot
    be read from a square.

    Parameters
    ----------
    size : side in pixels; below 64, neighbouring levels of a factor may give the same pixels
    scales, orientations, positions : levels of scale (0.5 to 1), of orientation, and of each of x and y
    turn : radians that the orientations fill, the end left out

    Examples
    --------
    >>> source = sprites(size=32)
    >>> table = source.sample(4, seed=0)
    >>> source.render(table).shape, len(source)
    ((4, 1, 32, 32), 737280)
    """
    for name, count in (("scales", scales), ("orientations", orientations), ("positions", positions)):
        check_positive_int(count, name, high=1000)
    if not 0 < turn <= 2 * np.pi + 1e-9:
        raise invalid("turn", "an angle above 0, at most 2 pi", turn)
    grid = {
        "shape": np.arange(3.0),
        "scale": np.linspace(0.5, 1, scales) if scales > 1 else np.ones(1),
        "orientation": np.arange(orientations) * (turn / orientations),
        "x": np.linspace(_MARGIN, 1 - _MARGIN, positions) if positions > 1 else np.full(1, 0.5),
        "y": np.linspace(_MARGIN, 1 - _MARGIN, positions) if positions > 1 else np.full(1, 0.5),
    }

    def draw(table: Levels, side: int) -> Bytes:
        values = [levels[table[:, k]].astype(np.float32) for k, levels in enumerate(grid.values())]
        return _draw(table[:, 0], np.stack(values[1:], axis=1), side)

    return FactorSource(name="sprites", grid=grid, size=size, channels=1, draw=draw, classes={"shape": SHAPES})


def _draw(shape: Levels, pose: Float, side: int) -> Bytes:
    """Only the square of pixels that a sprite can reach is tested against its outline."""
    reach = int(np.ceil(2 * _MARGIN * side)) + 1
    centre = pose[:, 2:] * side
    corner = np.clip(np.floor(centre - reach / 2).astype(np.int64), 0, side - reach)
    middle = np.arange(reach, dtype=np.float32) + 0.5
    offset = (corner - centre).astype(np.float32)
    across, down = (offset[:, :1] + middle)[:, None, :], (offset[:, 1:] + middle)[:, :, None]
    unit = (_SPAN * side * pose[:, 0])[:, None, None]
    cos, sin = (f(pose[:, 1])[:, None, None] / unit for f in (np.cos, np.sin))
    u = np.asarray(cos * across + sin * down, np.float32)
    v = np.asarray(cos * down - sin * across, np.float32)
    out = np.zeros((len(shape), 1, side, side), np.uint8)
    inside = np.empty(u.shape, bool)
    for kind, test in enumerate((_square, _ellipse, _heart)):
        chosen = shape == kind
        inside[chosen] = test(u[chosen], v[chosen])
    rows, columns = corner[:, 1:] + np.arange(reach), corner[:, :1] + np.arange(reach)
    out[np.arange(len(shape))[:, None, None], 0, rows[:, :, None], columns[:, None, :]] = inside * np.uint8(255)
    return out


def _square(u: Float, v: Float) -> NDArray[np.bool_]:
    return np.maximum(np.abs(u), np.abs(v)) <= 0.5


def _ellipse(u: Float, v: Float) -> NDArray[np.bool_]:
    return u**2 / 2 + v**2 * 2 <= 1 / np.pi


def _heart(u: Float, v: Float) -> NDArray[np.bool_]:
    """The curve (a^2 + b^2 - 1)^3 = a^2 b^3, b pointing up, scaled to area 1."""
    grow = np.float32(np.sqrt(_HEART_AREA))
    a, b = u * grow, 0.15 - v * grow
    square = a * a
    bulge = square + b * b - 1
    return bulge * bulge * bulge <= square * b * b * b
