"""Images from arrays of pixels: single images, sheets, pairs, strips and traversals.

Arrays are (.., channels, height, width) in [0, 1]; values outside are clipped. Small images are enlarged by whole
factors with hard pixel edges. Sheets are RGBA with transparent gutters, so that they sit on any background.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]
_VISIBLE = 72
_TEXT_GREY = (128, 128, 128, 255)


def to_image(array: ArrayLike, *, scale: int | None = None) -> "Image":
    """One image (c, h, w): grey for 1 channel, red and green for 2, RGB for 3, RGBA for 4.

    `scale` enlarges by a whole factor; None picks one that makes small images visible.

    Examples
    --------
    >>> to_image(np.ones((1, 2, 3)), scale=1).size
    (3, 2)
    """
    from PIL import Image

    values = np.asarray(array)
    pixels = to_pixels(values[None], "array")[0]
    big = _enlarge(pixels[None], _scale(pixels.shape[:2], scale))[0]
    if len(values) == 1:
        return Image.fromarray(np.ascontiguousarray(big[..., 0]))
    return Image.fromarray(np.ascontiguousarray(big if len(values) == 4 else big[..., :3]))


def sheet(
    images: ArrayLike, *, columns: int | None = None, scale: int | None = None, gutter: int | None = None
) -> "Image":
    """A grid of images (n, c, h, w), row by row; `columns` defaults to a grid a little wider than high.

    Examples
    --------
    >>> sheet(np.zeros((6, 1, 8, 8)), columns=3, scale=1, gutter=2).size
    (28, 18)
    """
    cells = to_pixels(np.asarray(images), "images")
    wide = columns if columns is not None else int(np.ceil(np.sqrt(1.6 * max(1, len(cells)))))
    check_positive_int(wide, "columns", high=10_000)
    wide = min(wide, len(cells))
    return paste_grid(_enlarge(cells, _scale(cells.shape[1:3], scale)), wide, gutter)


def pairs_sheet(
    x: ArrayLike, reconstruction: ArrayLike, *, columns: int = 10, scale: int | None = None, gutter: int | None = None
) -> "Image":
    """Originals and, right below each, their reconstructions: rows alternate, pairs sit closer than other rows."""
    first, second = np.asarray(x), np.asarray(reconstruction)
    if first.shape != second.shape:
        raise invalid("reconstruction.shape", f"{first.shape}, as x", second.shape)
    above, below = to_pixels(first, "x"), to_pixels(second, "reconstruction")
    times = _scale(above.shape[1:3], scale)
    check_positive_int(columns, "columns", high=10_000)
    space = _gutter(above.shape[2] * times, gutter)
    seam = np.zeros((len(above), max(1, space // 3), above.shape[2] * times, 4), np.uint8)
    stacked = np.concatenate([_enlarge(above, times), seam, _enlarge(below, times)], axis=1)
    return paste_grid(stacked, min(columns, len(stacked)), 2 * space if gutter is None else gutter)


def query_sheet(queries: ArrayLike, found: ArrayLike, *, columns: int = 10, scale: int | None = None) -> "Image":
    """What was looked for in the first row of the grid, or rows, and what was found below it."""
    first, second = np.asarray(queries), np.asarray(found)
    blank = (-len(first)) % columns if len(second) else 0
    shown = to_pixels(first, "queries")
    cells = np.concatenate([shown, np.zeros((blank, *shown.shape[1:]), np.uint8)])
    if len(second):
        cells = np.concatenate([cells, to_pixels(second, "found")])
    return paste_grid(_enlarge(cells, _scale(cells.shape[1:3], scale)), min(columns, len(cells)), None)


def strip(frames: ArrayLike, *, scale: int | None = None, gutter: int | None = None) -> "Image":
    """Frames (n, c, h, w) of one path, left to right."""
    return sheet(frames, columns=max(1, len(np.asarray(frames))), scale=scale, gutter=gutter)


def traversals(
    frames: ArrayLike, *, labels: Sequence[str] | None = None, scale: int | None = None, gutter: int | None = None
) -> "Image":
    """One row of frames for each latent dimension: (dims, steps, c, h, w), with an optional label before each row."""
    table = np.asarray(frames)
    if table.ndim != 5:
        raise invalid("frames.shape", "(dims, steps, channels, height, width)", table.shape)
    if labels is not None and len(labels) != len(table):
        raise invalid("labels", f"{len(table)} texts, one for each row", len(labels))
    grid = sheet(table.reshape(-1, *table.shape[2:]), columns=table.shape[1], scale=scale, gutter=gutter)
    return grid if labels is None else _with_labels(grid, labels)


def png_bytes(image: "Image") -> bytes:
    """The image as a PNG file's bytes."""
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def to_pixels(images: NDArray[Any], name: str = "images") -> Pixels:
    """Images (n, c, h, w) in [0, 1] as pixels, uint8 (n, h, w, 4), RGBA."""
    if images.ndim != 4 or not 1 <= images.shape[1] <= 4 or not images.size:
        raise invalid(f"{name}.shape", "(n, channels 1 to 4, height, width), none of them 0", images.shape)
    check_finite(images, name)
    bytes_ = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    count, channels, tall, wide = bytes_.shape
    out = np.zeros((count, tall, wide, 4), np.uint8)
    out[..., 3] = 255
    out[..., : 3 if channels == 1 else channels] = bytes_.transpose(0, 2, 3, 1)
    return out


def _scale(size: tuple[int, ...], scale: int | None) -> int:
    if scale is not None:
        return check_positive_int(scale, "scale", high=64)
    return int(np.ceil(_VISIBLE / max(size))) if max(size) < _VISIBLE else 1


def _enlarge(cells: Pixels, times: int) -> Pixels:
    return cells.repeat(times, axis=1).repeat(times, axis=2) if times > 1 else cells


def _gutter(width: int, gutter: int | None) -> int:
    return max(2, width // 20) if gutter is None else check_positive_int(gutter, "gutter", low=0, high=1000)


def paste_grid(cells: Pixels, columns: int, gutter: int | None) -> "Image":
    """Cells (n, height, width, 4) on one canvas, row by row, with transparent gutters."""
    from PIL import Image

    count, tall, wide = cells.shape[:3]
    space = _gutter(wide, gutter)
    rows = -(-count // columns)
    canvas = np.zeros((rows * (tall + space) - space, columns * (wide + space) - space, 4), np.uint8)
    for i in range(count):
        top, left = i // columns * (tall + space), i % columns * (wide + space)
        canvas[top : top + tall, left : left + wide] = cells[i]
    return Image.fromarray(canvas)


def _with_labels(grid: "Image", labels: Sequence[str]) -> "Image":
    from PIL import Image, ImageDraw, ImageFont

    pitch = grid.height / len(labels)
    font = ImageFont.load_default(max(10, min(20, round(pitch * 0.18))))
    margin = int(max(font.getlength(text) for text in labels)) + 16
    canvas = Image.new("RGBA", (grid.width + margin, grid.height), (0, 0, 0, 0))
    canvas.paste(grid, (margin, 0))
    draw = ImageDraw.Draw(canvas)
    for i, text in enumerate(labels):
        draw.text((margin - 12, (i + 0.5) * pitch), text, fill=_TEXT_GREY, font=font, anchor="rm")
    return canvas
