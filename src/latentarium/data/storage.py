"""Where decoded pictures are kept: in memory, or beyond a limit in a memory-mapped file of the cache folder."""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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
    in_pieces : whether a table of more than an eighth of `memory_limit` comes as a `long_tables.LongTable`, which
        only a fitted modality can read
    bars : of four quarters in a row of melodies or drums
    channels : 1, 3 or 4 that picture files are brought to, whatever they have; None keeps theirs
    """

    frame: tuple[int, int] | None = None
    cache: Path
    memory_limit: int = MEMORY_LIMIT
    progress: Progress | None = None
    needed: tuple[str, ...] = ()
    in_pieces: bool = False
    bars: int = 2
    channels: int | None = None

    def cached(self, kind: str, made_from: str) -> Path:
        """The file of the cache folder for what is made of some source, read in this way."""
        key = hashlib.sha256(f"{made_from} {self.frame} {self.needed}".encode()).hexdigest()
        return self.cache / kind / f"{key[:32]}.npy"

    def is_long(self, size: int) -> bool:
        """Whether a table of so many bytes is to be read in pieces: read whole it takes several times its size."""
        return self.in_pieces and 8 * size > self.memory_limit


def collect(
    blocks: Iterable[NDArray[Any]],
    shape: tuple[int, ...],
    *,
    limit: int,
    target: Path | None,
    dtype: DTypeLike = np.uint8,
) -> NDArray[Any]:
    """Put `blocks` of rows one after the other into an array of `shape`.

    Up to `limit` bytes, or where `target` is None, the array lies in memory; a larger one is written to the file
    `target`, which appears when it is complete, and comes back as a read-only memory map.
    """
    if target is None or math.prod(shape) * np.dtype(dtype).itemsize <= limit:
        out = np.empty(shape, dtype)
        start = 0
        for block in blocks:
            out[start : start + len(block)] = block
            start += len(block)
        return out
    with replacing(target) as temporary:
        _write(blocks, np.dtype(dtype), shape, temporary)
    return np.load(target, mmap_mode="r", allow_pickle=False)


def _write(blocks: Iterable[NDArray[Any]], dtype: np.dtype[Any], shape: tuple[int, ...], path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype.str, "fortran_order": False, "shape": shape})
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
