"""Heat-maps beside the pictures they belong to, all on one colour scale."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.pictures.images import pairs_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

COLOURS = "magma"


def heat(maps: ArrayLike, *, scale: float, floor: float = 0.0) -> NDArray[np.float32]:
    """Maps (n, h, w) or (n, c, h, w), whose channels are added up, as RGB pictures (n, 3, h, w) in [0, 1].

    `floor` and less is black, `scale` and more the brightest colour; the same for every map, so that what glows is
    comparable.

    Raises
    ------
    InvalidInput
        For another shape, or a scale that is not above the floor.

    Examples
    --------
    >>> (heat(np.array([[[0.0, 2.0]]]), scale=1.0).sum(1) > 1).tolist()
    [[[False, True]]]
    """
    import matplotlib

    values = np.asarray(maps, np.float64)
    if values.ndim == 4:
        values = values.sum(1)
    if values.ndim != 3:
        raise invalid("maps.shape", "(n, h, w) or (n, channels, h, w)", np.shape(maps))
    if not scale > floor:
        raise invalid("scale", f"above {floor:g}", scale)
    check_finite(values, "maps")
    colours = matplotlib.colormaps[COLOURS](np.clip((values - floor) / (scale - floor), 0, 1))[..., :3]
    return np.ascontiguousarray(colours.transpose(0, 3, 1, 2), np.float32)


def heat_sheet(x: ArrayLike, maps: ArrayLike, *, scale: float, floor: float = 0.0, columns: int = 10) -> "Image":
    """Pictures (n, c, h, w) in [0, 1] and, right below each, its map (n, h, w) or (n, c, h, w) in colour.

    Maps of channels are added up; `floor` and `scale` are the values of black and of the brightest colour for all.

    Examples
    --------
    >>> heat_sheet(np.zeros((2, 1, 8, 8)), np.zeros((2, 1, 8, 8)), scale=1.0, columns=2).size
    (150, 145)
    """
    shown = np.asarray(x, np.float32)
    if shown.ndim != 4:
        raise invalid("x.shape", "(n, channels, h, w)", shown.shape)
    colours = [0, 1, 2] if shown.shape[1] >= 3 else [0, 0, 0]
    return pairs_sheet(shown[:, colours], heat(maps, scale=scale, floor=floor), columns=columns)
