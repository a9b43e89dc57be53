"""Where decoded pictures are kept: in memory, or beyond a limit in a memory-mapped file of the cache folder."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentarium.files import replacing

MEMORY_LIMIT = 512 * 1024**2
Bytes = NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a source is read.

    Parameters
    ----------
    frame : (height, width) that pictures are cropped and resized to, or None for the source's own
    cache : the cache folder
    memory_limit : bytes of pictures held in memory; more are memory-mapped
    progress : called with (pictures done, pictures in all)
    needed : table columns that must stay columns and are never taken for row ids
    bars : of four quarters in a row of melodies or drums
    """

    frame: tuple[int, int] | None = None
    cache: Path
    memory_limit: int = MEMORY_LIMIT
    progress: Progress | None = None
    needed: tuple[str, ...] = ()
    bars: int = 2


def collect(blocks: Iterable[Bytes], shape: tuple[int, ...], *, limit: int, target: Path | None) -> Bytes:
    """Put `blocks` of rows one after the other into an array of `shape`.

    Up to `limit` bytes, or where `target` is None, the array lies in memory; a larger one is written to the file
    `target`, which appears when it is complete, and comes back as a read-only memory map.
    """
    if target is None or math.prod(shape) <= limit:
        out = np.empty(shape, np.uint8)
        start = 0
        for block in blocks:
            out[start : start + len(block)] = block
            start += len(block)
        return out
    with replacing(target) as temporary:
        _write(blocks, shape, temporary)
    return np.load(target, mmap_mode="r", allow_pickle=False)


def _write(blocks: Iterable[Bytes], shape: tuple[int, ...], path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
