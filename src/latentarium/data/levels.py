"""Arrays of pictures in any usual layout and number type -> uint8 (n, c, h, w)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches, check_finite
from latentarium.data.images import enlarged_note, resized
from latentarium.data.modalities import MOST_CHANNELS, SMALLEST
from latentarium.data.storage import Bytes, Reading, collect
from latentarium.errors import InvalidInput, invalid

QUANTISED = "float values in [0, 1] are kept as 256 grey levels"
BINARY = "values 0 and 1 are taken as black and white"
_BLOCK = 1024


@dataclass(frozen=True, kw_only=True)
class _Levels:
    """How stored numbers become grey levels: `factor` times the number, rounded."""

    factor: int
    note: str = ""


def picture_rows(
    array: NDArray[Any], name: str, reading: Reading, *, target: Path | None = None
) -> tuple[Bytes, tuple[str, ...]]:
    """Pictures (n, h, w), (n, h, w, c) or (n, c, h, w) as uint8 (n, c, h, w), with sentences for the user.

    Integers are grey levels 0 to 255 (0 and 1 alone: black and white), floats lie in [0, 1]. An array already in
    that form is used as it is, memory map or not; anything else is converted block by block, into the file
    `target` where it exceeds `reading.memory_limit`.

    Raises
    ------
    InvalidInput
        Naming `name` for another shape, another number type, NaN, or values out of range.
    """
    planes = channels_first(array, name)
    levels = _levels(planes, name)
    frame = reading.frame or planes.shape[2:]
    notes = (levels.note,) if levels.note else ()
    if (planes.shape[2] < frame[0] or planes.shape[3] < frame[1]) and len(planes):
        notes += (enlarged_note(len(planes), len(planes), frame),)
    as_is = frame == planes.shape[2:] and planes.dtype == np.uint8 and levels.factor == 1
    if as_is and (planes.flags.c_contiguous or planes.nbytes > reading.memory_limit):
        return planes, notes
    shape = (*planes.shape[:2], *frame)
    blocks = _converted(planes, levels, frame, reading)
    return collect(blocks, shape, limit=reading.memory_limit, target=target), notes


def channels_first(array: NDArray[Any], name: str) -> NDArray[Any]:
    """A view of shape (n, c, h, w)."""
    if array.ndim == 3:
        return array[:, None]
    if (
        array.ndim == 4
        and array.shape[1] <= MOST_CHANNELS
        and min(array.shape[2:]) >= min(SMALLEST, array.shape[1] + 1)
    ):
        return array
    if array.ndim == 4 and array.shape[3] <= MOST_CHANNELS:
        return array.transpose(0, 3, 1, 2)
    raise invalid(
        name,
        "pictures of shape (n, h, w), (n, h, w, c) or (n, c, h, w) with 1 to 4 channels, or a matrix (n, d)",
        f"shape {array.shape}",
    )


def quantised(values: NDArray[Any], name: str) -> Bytes:
    """Floats in [0, 1] rounded to 256 levels."""
    _check_unit(values, name)
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def _levels(planes: NDArray[Any], name: str) -> _Levels:
    kind = planes.dtype.kind
    if kind not in "fiub":
        raise invalid(name, "a numeric array", f"dtype {planes.dtype}")
    if kind == "b":
        return _Levels(factor=255, note=BINARY)
    blocks = (np.asarray(planes[part]) for part in batches(len(planes), _BLOCK))
    if kind == "f":
        for block in blocks:
            _check_unit(block, name)
        return _Levels(factor=255, note=QUANTISED)
    if not _beyond_binary(blocks, planes.dtype == np.uint8, name):
        return _Levels(factor=255, note=BINARY)
    return _Levels(factor=1)


def _beyond_binary(blocks: Iterator[NDArray[Any]], is_uint8: bool, name: str) -> bool:
    """Whether grey levels above 1 occur; other integers than uint8 are range-checked to the end."""
    beyond = False
    for block in blocks:
        if not is_uint8 and (block.min() < 0 or block.max() > 255):
            raise _out_of_range(name, block)
        beyond = beyond or bool(block.max() > 1)
        if beyond and is_uint8:
            break
    return beyond


def _check_unit(block: NDArray[Any], name: str) -> None:
    check_finite(block, name)
    if block.size and (block.min() < -1e-5 or block.max() > 1 + 1e-5):
        raise _out_of_range(name, block)


def _out_of_range(name: str, block: NDArray[Any]) -> InvalidInput:
    low, high = float(block.min()), float(block.max())
    way_out = (
        "divide by 255, or pass uint8" if low >= 0 and high <= 255 else "rescale the values to 0-255 and pass uint8"
    )
    return invalid(name, "uint8 grey levels, or floats within [0, 1]", f"values from {low:g} to {high:g}", way_out)


def _converted(planes: NDArray[Any], levels: _Levels, frame: tuple[int, ...], reading: Reading) -> Iterator[Bytes]:
    for part in batches(len(planes), _BLOCK):
        block = np.asarray(planes[part])
        if block.dtype.kind == "f":
            block = np.clip(np.rint(block * 255), 0, 255)
        elif levels.factor != 1:
            block = block.astype(np.uint8) * np.uint8(levels.factor)
        block = block.astype(np.uint8)
        yield block if frame == planes.shape[2:] else resized(block, (frame[0], frame[1]))
        if reading.progress is not None:
            reading.progress(part.stop, len(planes))
