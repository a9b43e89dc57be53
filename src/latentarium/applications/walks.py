"""Walks through several points of a space as frames in time, and palettes between four of them."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.geometry import Path, Way
from latentarium.space import LatentSpace

FloatArray = NDArray[np.float32]
Times = NDArray[np.float64]
Timing = Literal["eased", "steady", "even"]
TIMINGS: tuple[Timing, ...] = ("eased", "steady", "even")
MOST_FRAMES, MOST_A_SIDE = 10_000, 100
_DENSE = 16
"""Points a leg by which an even walk measures how fast the data change."""
_CHUNK = 64


def walk(
    space: LatentSpace,
    stops: NDArray[np.float32],
    *,
    frames: int,
    path: Way | None = None,
    loop: bool = False,
    timing: Timing = "eased",
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Decoded frames of a walk from stop to stop, (frames, *data_shape).

    Parameters
    ----------
    stops : at least two latent points (k, *shape)
    frames : 2 to 10,000; those of a loop end one step before the first stop, so that it can be repeated
    path : lerp, slerp, geodesic, or spline, which has no corners; the space's own choice where None
    loop : go on from the last stop to the first
    timing : "eased" is slow at each stop, "steady" gives every leg the same time at one pace, and "even" changes the
        data by the same amount, in Euclidean distance, from each frame to the next

    Raises
    ------
    InvalidInput
        For fewer than two stops, or settings out of range.
    MissingCapability
        For a space without a decoder.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> space = from_callables(encode=lambda x: x / 2, decode=lambda z: 2 * z, data_shape=(1,), name="half")
    >>> stops = np.array([[0.0], [1.0], [4.0]], np.float32)
    >>> walk(space, stops, frames=5, timing="steady").ravel().tolist()
    [0.0, 1.0, 2.0, 5.0, 8.0]
    >>> walk(space, stops, frames=5, timing="even").ravel().tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    check_positive_int(frames, "frames", low=2, high=MOST_FRAMES)
    if timing not in TIMINGS:
        raise invalid("timing", f"one of {', '.join(TIMINGS)}", timing)
    legs = len(stops) - 1 + loop
    even = np.linspace(0, legs, frames, endpoint=not loop)

    def decoded(times: Times) -> FloatArray:
        return space.decode(space.geometry.through(stops, times, path=path, loop=loop))

    times = {"steady": even, "eased": _eased(even)}.get(timing)
    if times is None:
        times = _evened(even, np.linspace(0, legs, _DENSE * max(legs, 1) + 1), decoded)
    points = space.geometry.through(stops, times, path=path, loop=loop)
    found = np.empty((frames, *space.data_shape), np.float32)
    for start in range(0, frames, _CHUNK):
        found[start : start + _CHUNK] = space.decode(points[start : start + _CHUNK])
        if progress is not None:
            progress(min(start + _CHUNK, frames), frames)
    return found


def palette(
    space: LatentSpace, corners: NDArray[np.float32], *, rows: int = 9, columns: int = 9, path: Path | None = None
) -> FloatArray:
    """Blends of four latent points, which are its corners in the order of reading: (rows, columns, *data_shape).

    The left and the right side are paths between their corners, and every row is a path from side to side; in a flat
    space that is bilinear. `rows` and `columns` are 2 to 100.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> space = from_callables(encode=lambda x: x, decode=lambda z: z, data_shape=(1,), name="same")
    >>> palette(space, np.array([[0.0], [2.0], [4.0], [6.0]], np.float32), rows=3, columns=3)[..., 0].tolist()
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]]
    """
    if len(corners) != 4:
        raise invalid("corners", "four points", len(corners))
    check_positive_int(rows, "rows", low=2, high=MOST_A_SIDE)
    check_positive_int(columns, "columns", low=2, high=MOST_A_SIDE)
    between = space.geometry.interpolate
    left, right = (between(corners[side], corners[side + 2], steps=rows, path=path) for side in (0, 1))
    points = np.concatenate([between(a, b, steps=columns, path=path) for a, b in zip(left, right, strict=True)])
    return space.decode(points).reshape(rows, columns, *space.data_shape)


def _eased(times: Times) -> Times:
    """Slow at whole numbers, by the cubic 3 t^2 - 2 t^3."""
    part = times % 1
    return times - part + part**2 * (3 - 2 * part)


def _evened(even: Times, dense: Times, decoded: Callable[[Times], FloatArray]) -> Times:
    """Times at which the data have changed by equal amounts."""
    images = decoded(dense).reshape(len(dense), -1)
    changes = np.linalg.norm(np.diff(images, axis=0), axis=1)
    if not changes.any():
        return even
    clock = np.concatenate([[0.0], np.cumsum(changes)]) * (dense[-1] / changes.sum())
    return np.interp(even, clock, dense)
