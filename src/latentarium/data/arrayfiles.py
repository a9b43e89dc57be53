"""`.npy` and `.npz` files: one array of pictures or table rows, and what lies beside it."""

import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.columns import matrix_table
from latentarium.data.draft import Draft
from latentarium.data.levels import picture_rows
from latentarium.data.long_tables import LongTable, matrix_pieces, state_of
from latentarium.data.storage import Reading
from latentarium.errors import InvalidInput, invalid
from latentarium.files import replacing

MAIN_NAMES = ("x", "X", "images", "imgs", "data", "arr_0")
LABEL_NAMES = ("label", "labels", "y", "Y", "target", "targets")
CLASS_NAMES = ("class_names", "label_names", "target_names", "classes")
MOST_FACTORS = 64
_BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError)


def open_npy(path: Path, reading: Reading) -> Draft:
    """A single array, memory-mapped."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return array_draft(array, path.name, reading, made_from=state_of(path))


def open_npz(path: Path, reading: Reading) -> Draft:
    """The archive's main array: x, X, images, imgs, data, arr_0, or the only one of two or more axes.

    1-D arrays of its length become columns, as do the columns of a factor matrix.
    """
    arrays = read_npz(path, reading)
    main = _main(arrays, path.name)
    columns, unused = _columns(arrays, main)
    draft = array_draft(arrays[main], f"{path.name}: {main}", reading, made_from=f"{state_of(path)} {main}")
    notes = (f"arrays not used: {', '.join(unused)}",) if unused else ()
    return Draft(
        name=path.stem,
        images=draft.images,
        table=draft.table,
        columns=columns,
        named=False,
        notes=(*draft.notes, *notes),
    )


def array_draft(array: NDArray[Any], name: str, reading: Reading, *, made_from: str = "") -> Draft:
    """Pictures from three or four axes, a table of unnamed columns from two.

    `made_from` tells the array from others where what is made of it is too large for memory.
    """
    if array.dtype.kind not in "fiub":
        raise invalid(name, "a numeric array", f"dtype {array.dtype}", "convert it to numbers")
    if not array.size:
        raise invalid(name, "an array with values", f"shape {array.shape}")
    if array.ndim == 2 and made_from and reading.is_long(array.nbytes):
        table = LongTable.scan(matrix_pieces(array), reading, made_from=made_from)
        return Draft(name=Path(name).stem, table=table, named=False)
    if array.ndim == 2:
        return Draft(name=Path(name).stem, table=matrix_table(array), named=False)
    target = reading.cached("pictures", made_from) if made_from else None
    images, notes = picture_rows(array, name, reading, target=target)
    return Draft(name=Path(name).stem, images=images, notes=notes)


def read_npz(path: Path, reading: Reading | None = None) -> dict[str, NDArray[Any]]:
    """Every array of the archive; arrays of Python objects are refused, as reading them could run code.

    With a `reading`, arrays beyond its memory limit are unpacked into its cache and memory-mapped.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: _member(archive, name, path, reading) for name in archive.files}
    except (*_BROKEN, AttributeError, TypeError) as error:
        raise _unreadable(path, error) from error


def _member(archive: Any, name: str, path: Path, reading: Reading | None) -> NDArray[Any]:
    packed = f"{name}.npy"
    if reading is None or archive.zip.getinfo(packed).file_size <= reading.memory_limit:
        return archive[name]
    target = reading.cached("unpacked", f"{state_of(path)} {name}")
    with replacing(target) as temporary, archive.zip.open(packed) as source, temporary.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return np.load(target, mmap_mode="r", allow_pickle=False)


def _unreadable(path: Path, error: BaseException) -> InvalidInput:
    text = str(error)
    if "Object arrays cannot be loaded" in text or "Python objects" in text:
        return invalid(path.name, "an array of numbers", "an array of Python objects", "save it with a numeric dtype")
    # numpy takes any unknown file for a pickle and says how to load it unsafely
    text = "unknown content" if "pickle" in text else text
    return InvalidInput(
        f"{path.name} must be a complete {path.suffix} file, but it cannot be read "
        f"({' '.join(text.split())[:100] or type(error).__name__}); save or copy it again"
    )


def _main(arrays: Mapping[str, NDArray[Any]], name: str) -> str:
    wide = [key for key, array in arrays.items() if array.ndim >= 2 and array.dtype.kind in "fiub"]
    for key in MAIN_NAMES:
        if key in wide:
            return key
    if len(wide) != 1:
        found = ", ".join(wide) or "none"
        raise invalid(name, f"an archive with one main array, called {' or '.join(MAIN_NAMES)}", found, "name it x")
    return wide[0]


def _columns(arrays: Mapping[str, NDArray[Any]], main: str) -> tuple[dict[str, NDArray[Any]], list[str]]:
    count = len(arrays[main])
    columns: dict[str, NDArray[Any]] = {}
    unused: list[str] = []
    for key, array in arrays.items():
        if key == main or key in CLASS_NAMES:
            continue
        if array.ndim == 1 and len(array) == count:
            columns["label" if key in LABEL_NAMES and "label" not in columns else key] = array
        elif array.ndim == 2 and len(array) == count and array.shape[1] <= MOST_FACTORS:
            columns.update(_factors(key, array, arrays))
        elif not _names_something(array):
            unused.append(key)
    return _named_classes(columns, arrays), unused


def _names_something(array: NDArray[Any]) -> bool:
    return array.ndim == 1 and array.dtype.kind == "U"


def _factors(key: str, array: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Columns of a factor matrix, named by the string array whose length fits where there is one."""
    fitting = [a for a in arrays.values() if _names_something(a) and len(a) == array.shape[1]]
    names = [str(n) for n in fitting[0]] if fitting else [f"{key}_{i}" for i in range(array.shape[1])]
    return {name: array[:, i] for i, name in enumerate(names)}


def _named_classes(columns: dict[str, NDArray[Any]], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    label = columns.get("label")
    names = next((arrays[key] for key in CLASS_NAMES if key in arrays), None)
    if label is None or names is None or label.dtype.kind not in "iu" or names.dtype.kind != "U":
        return columns
    if label.min() < 0 or label.max() >= len(names):
        return columns
    return {**columns, "label": names[label]}
