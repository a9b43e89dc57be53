"""Points along a way through a space: blends of several codes, and traversals of its dimensions."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.geometry import Path
from latentarium.space import LatentSpace

FloatArray = NDArray[np.float32]


def blend(space: LatentSpace, stops: NDArray[np.float32], *, steps: int = 9, path: Path | None = None) -> FloatArray:
    """Decoded frames from each stop to the next, `steps` a leg, stops shown once: (frames, *data_shape).

    Parameters
    ----------
    stops : at least two latent points (k, *shape)
    path : lerp, slerp or geodesic; the space's own choice where None

    Raises
    ------
    InvalidInput
        For fewer than two stops, or a space without a decoder.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> space = from_callables(encode=lambda x: x / 2, decode=lambda z: 2 * z, data_shape=(1,), name="half")
    >>> blend(space, np.array([[0.0], [1.0]], np.float32), steps=3, path="lerp").ravel().tolist()
    [0.0, 1.0, 2.0]
    """
    if len(stops) < 2:
        raise invalid("stops", "at least two points", len(stops))
    legs = [space.geometry.interpolate(a, b, steps=steps, path=path) for a, b in pairwise(stops)]
    points = np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])
    return space.decode(points)


def ranked_dimensions(codes: NDArray[np.float32]) -> NDArray[np.int64]:
    """Latent dimensions by the variance of their codes, largest first."""
    return np.argsort(-codes.reshape(len(codes), -1).var(0), kind="stable")


def traverse(
    space: LatentSpace,
    codes: NDArray[np.float32],
    *,
    centre: NDArray[np.float32] | None = None,
    dimensions: int = 8,
    steps: int = 9,
    reach: float = 3.0,
) -> tuple[NDArray[np.int64], FloatArray]:
    """Frames along the most varying dimensions: (dims,), (dims, steps, *data_shape).

    Each row changes one dimension of `centre` (the mean code where None) from -reach to +reach standard
    deviations of the codes. `steps` is 2 to 1,000; `codes` (n, *shape) say how far each dimension reaches.

    Examples
    --------
    >>> from latentarium.adapters import from_callables
    >>> space = from_callables(encode=lambda x: x, decode=lambda z: z, data_shape=(2,), name="same")
    >>> codes = np.array([[0.0, 1.0], [0.0, 3.0]], np.float32)
    >>> dimensions, frames = traverse(space, codes, dimensions=1, steps=3)
    >>> dimensions.tolist(), frames.tolist()
    ([1], [[[0.0, -1.0], [0.0, 2.0], [0.0, 5.0]]])
    """
    check_positive_int(dimensions, "dimensions", high=4096)
    check_positive_int(steps, "steps", low=2, high=1000)
    flat = codes.reshape(len(codes), -1)
    chosen = ranked_dimensions(codes)[:dimensions]
    base = flat.mean(0) if centre is None else centre.ravel()
    offsets = np.linspace(-reach, reach, steps)
    points = np.repeat(base[None], len(chosen) * steps, axis=0).reshape(len(chosen), steps, -1)
    for row, dimension in enumerate(chosen):
        points[row, :, dimension] = flat[:, dimension].mean() + offsets * flat[:, dimension].std()
    frames = space.decode(points.reshape(-1, *space.shape).astype(np.float32))
    return chosen, frames.reshape(len(chosen), steps, *space.data_shape)
