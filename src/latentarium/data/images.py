"""Picture files: what their headers say, and decoding them in parallel into one uint8 array."""

import hashlib
import json
import os
import struct
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches
from latentarium.data.modalities import LARGEST, SMALLEST
from latentarium.data.storage import Bytes, Reading, collect
from latentarium.errors import InvalidInput, invalid
from latentarium.files import write_json

MOST_PIXELS = 64 * 1024**2
CHANNELS = (1, 3, 4)
MODES = ("L", "RGB", "RGBA")
MODE_WORDS = ("grey", "RGB", "RGBA")
_RECIPE = "1"
_BLOCK = 64
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error, zlib.error)


@dataclass(frozen=True, kw_only=True)
class Headers:
    """Upright `sizes` (n, 2) as (height, width), and `modes` (n,) as indices into MODES."""

    sizes: NDArray[np.int32]
    modes: NDArray[np.int8]


def load_pictures(
    root: Path, ids: NDArray[np.str_], reading: Reading, *, default: int | None = None
) -> tuple[Bytes, tuple[str, ...]]:
    """Decode the files `ids` under `root` to uint8 (n, c, h, w), with sentences for the user.

    The frame is `reading.frame`; else `default` squared; else the files' common size where they have one; else a
    square of their median short side, rounded to a power of two from 16 to 128. Pictures are cropped at the centre
    to the frame's aspect and resized. With `reading.channels` they become grey by their luminance, RGB or RGBA, and
    what is transparent lies on white.

    Raises
    ------
    InvalidInput
        Naming the file that is broken or too large, or the mix of grey, RGB and RGBA.
    """
    wanted = reading.frame or ((default, default) if default else None)
    target = _cache_file(root, ids, (wanted, reading.channels) if reading.channels else wanted, reading.cache)
    if (kept := _kept(target)) is not None:
        return kept
    headers = read_headers(root, ids)
    mode = CHANNELS.index(reading.channels) if reading.channels else _one_mode(headers, ids)
    frame = wanted or _own_frame(headers.sizes)
    notes = (*_enlarged(headers.sizes, frame), *_converted(headers.modes, mode))
    del headers
    shape = (len(ids), CHANNELS[mode], *frame)
    blocks = in_order(partial(_decode_block, root, ids, shape, mode), batches(len(ids), _BLOCK))
    images = collect(_told(blocks, len(ids), reading), shape, limit=reading.memory_limit, target=target)
    if isinstance(images, np.memmap):
        write_json(target.with_suffix(".json"), {"notes": list(notes)})
    return images, notes


def read_headers(root: Path, ids: NDArray[np.str_]) -> Headers:
    """Size and mode of each file, without decoding it."""
    sizes = np.empty((len(ids), 2), np.int32)
    modes = np.empty(len(ids), np.int8)
    with warnings.catch_warnings():
        # this module has its own, lower limit and its own message for pictures of too many pixels
        warnings.filterwarnings("ignore", message="Image size")
        for i, name in enumerate(ids):
            sizes[i], modes[i] = _header(root, str(name))
    return Headers(sizes=sizes, modes=modes)


def in_order(function: Callable[[Any], Bytes], items: Iterable[Any]) -> Iterator[Bytes]:
    """`function` of each item, computed by threads ahead of the reader but never far ahead."""
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[Bytes]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def resized(rows: Bytes, frame: tuple[int, int]) -> Bytes:
    """Pictures (n, c, h, w) cropped at the centre to the aspect of `frame` (height, width) and resized."""
    from PIL import Image

    out = np.empty((*rows.shape[:2], *frame), np.uint8)
    for i, picture in enumerate(rows):
        # two channels are no mode of PIL, and alpha must not weigh on the colours of an array
        for c, plane in enumerate(picture):
            out[i, c] = np.asarray(_framed(Image.fromarray(np.ascontiguousarray(plane)), frame))
    return out


def enlarged_note(count: int, total: int, frame: tuple[int, int]) -> str:
    """The sentence that says how many pictures are smaller than the frame."""
    return f"{count} of {total} pictures are smaller than {frame[0]}x{frame[1]} and were enlarged"


def _header(root: Path, name: str) -> tuple[tuple[int, int], int]:
    from PIL import Image

    try:
        with Image.open(root / name) as picture:
            width, height = picture.size
            mode = _mode_of(picture)
            if "exif" in picture.info and picture.getexif().get(0x0112, 1) >= 5:
                width, height = height, width
    except Image.DecompressionBombError as error:
        digits = "".join(c for c in str(error).split("pixels")[0] if c.isdigit())
        raise _too_large(name, int(digits or 0)) from error
    except _BROKEN as error:
        raise InvalidInput(f"{name} must be a picture, but its header cannot be read; remove or replace it") from error
    if width * height > MOST_PIXELS:
        raise _too_large(name, width * height)
    if mode < 0:
        raise invalid(f"{name}", "grey, RGB or RGBA", f"mode {picture.mode}", "convert it")
    return (height, width), mode


def _too_large(name: str, pixels: int) -> InvalidInput:
    return invalid(name, f"a picture of at most {MOST_PIXELS:,} pixels", f"{pixels:,}", "shrink or remove it")


def _mode_of(picture: Any) -> int:
    """Index into MODES, -1 for what has no faithful 8-bit form."""
    mode = picture.mode
    if mode in ("1", "L") or mode.startswith("I;16"):
        return 0
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or (mode == "P" and "transparency" in picture.info):
        return 2
    return -1 if mode in ("I", "F") else 1


def _one_mode(headers: Headers, ids: NDArray[np.str_]) -> int:
    kinds = np.unique(headers.modes)
    if len(kinds) > 1:
        parts = [
            f"{int((headers.modes == k).sum())} {MODE_WORDS[k]} (first {ids[int((headers.modes == k).argmax())]})"
            for k in kinds
        ]
        raise InvalidInput(f"pictures must all be grey, RGB or RGBA, got {', '.join(parts)}; convert them to one mode")
    return int(kinds[0])


def _own_frame(sizes: NDArray[np.int32]) -> tuple[int, int]:
    height, width = (int(v) for v in sizes[0])
    if (sizes == sizes[0]).all() and min(height, width) >= SMALLEST and max(height, width) <= LARGEST:
        return height, width
    side = 2 ** round(float(np.log2(np.median(sizes.min(1)))))
    return (min(max(side, 16), 128),) * 2


def _enlarged(sizes: NDArray[np.int32], frame: tuple[int, int]) -> tuple[str, ...]:
    small = int((sizes < np.array(frame)).any(1).sum())
    return (enlarged_note(small, len(sizes), frame),) if small else ()


def _converted(modes: NDArray[np.int8], wanted: int) -> Iterator[str]:
    """The sentences that say which pictures had other channels."""
    for kind in np.unique(modes[modes != wanted]).tolist():
        how = " on white" if MODES[kind] == "RGBA" else ""
        how += ", by their luminance" if wanted == 0 else ""
        count, words = int((modes == kind).sum()), f"{MODE_WORDS[kind]}; taken as {MODE_WORDS[wanted]}{how}"
        yield f"{count} of {len(modes)} pictures are {words}"


def _decode_block(root: Path, ids: NDArray[np.str_], shape: tuple[int, int, int, int], mode: int, rows: slice) -> Bytes:
    out = np.empty((rows.stop - rows.start, *shape[1:]), np.uint8)
    for i, name in enumerate(ids[rows]):
        try:
            picture = _decode(root / str(name), shape[2:], MODES[mode])
        except _BROKEN as error:
            raise InvalidInput(f"{name} must be a complete picture, got {error}; remove or replace it") from error
        out[i] = picture if mode == 0 else picture.transpose(2, 0, 1)
    return out


def _decode(path: Path, frame: tuple[int, int], mode: str) -> Bytes:
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        if picture.size != frame[::-1]:
            # a JPEG decodes at a half, a quarter or an eighth of its size several times faster
            picture.draft(None, (2 * max(frame), 2 * max(frame)))
        upright = ImageOps.exif_transpose(picture) if "exif" in picture.info else picture
        if upright.mode.startswith("I;16"):
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        return np.asarray(_framed(_in_mode(upright, mode), frame))


def _in_mode(picture: Any, mode: str) -> Any:
    """The picture as grey, RGB or RGBA; what is transparent lies on white where the mode has no transparency."""
    from PIL import Image

    if picture.mode == mode:
        return picture
    if mode != "RGBA" and MODES[_mode_of(picture)] == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture.convert("RGBA"))
        picture = paper
    return picture.convert(mode)


def _framed(picture: Any, frame: tuple[int, int]) -> Any:
    """The centre of `picture` with the aspect of `frame`, at its size."""
    from PIL import Image

    height, width = frame
    if picture.size == (width, height):
        return picture
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - scale * width) / 2, (picture.height - scale * height) / 2
    box = (left, top, left + scale * width, top + scale * height)
    return picture.resize((width, height), Image.Resampling.BICUBIC, box=box)


def _told(blocks: Iterable[Bytes], total: int, reading: Reading) -> Iterator[Bytes]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        if reading.progress is not None:
            reading.progress(done, total)


def _cache_file(root: Path, ids: NDArray[np.str_], form: object, cache: Path) -> Path:
    digest = hashlib.sha256(f"{_RECIPE} {root.resolve()} {form}".encode())
    for name in ids:
        status = (root / str(name)).stat()
        digest.update(f"\n{name} {status.st_size} {status.st_mtime_ns}".encode())
    return cache / "pictures" / f"{digest.hexdigest()[:32]}.npy"


def _kept(target: Path) -> tuple[Bytes, tuple[str, ...]] | None:
    """What an earlier run decoded, or None; a damaged file counts as none."""
    try:
        notes = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))["notes"]
        return np.load(target, mmap_mode="r", allow_pickle=False), tuple(notes)
    except (OSError, ValueError, KeyError, TypeError):
        return None
