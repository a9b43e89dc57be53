"""One table column at a time: numbers, categories and what is wrong with them, from pyarrow columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import InvalidInput, invalid

MOST_CATEGORIES = 100


@dataclass(frozen=True, kw_only=True)
class ColumnValues:
    """`values` float64 (n,): numbers, or indices into `categories` (None for numbers); NaN where missing."""

    name: str
    values: NDArray[np.float64]
    categories: tuple[str, ...] | None = None

    def is_constant(self, rows: NDArray[Any]) -> bool:
        """Whether nothing can be learned: one category and none missing, or one number over `rows`."""
        if self.categories is not None:
            return len(self.categories) == 1 and not bool(np.isnan(self.values).any())
        seen = self.values[rows]
        seen = seen[~np.isnan(seen)]
        return len(seen) == 0 or bool(seen.min() == seen.max())


def check_names(names: Sequence[str], where: str) -> None:
    """Raise `InvalidInput` naming the first column name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(f"the column names of {where}", "unique", f"{name!r} twice", "rename one of them")
        seen.add(name)


def read_column(name: str, data: Any) -> ColumnValues:
    """Tell numbers from categories in a `pyarrow.ChunkedArray`.

    Numbers stay numbers; booleans, dictionaries and text become categories, sorted by name. Text of which every
    value is a number is read as numbers.

    Raises
    ------
    InvalidInput
        For all-missing columns, infinite values, text in a number column, more than 100 categories, other types.
    """
    import pyarrow as pa

    if data.null_count == len(data):
        raise InvalidInput(f"column {name!r} must have a value in some row, got only missing values; drop it")
    kind = data.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return ColumnValues(name=name, values=_numbers(name, data))
    if pa.types.is_boolean(kind) or (pa.types.is_dictionary(kind) and _is_plain(kind.value_type)):
        return _categories(name, data.cast(pa.string()))
    if _is_text(kind):
        text = data.cast(pa.string())
        return _text_numbers(name, text) or _categories(name, text)
    raise invalid(
        f"column {name!r}", "numbers, text or booleans", f"type {kind}", "convert it to numbers or text, or drop it"
    )


def column_as(name: str, data: Any, categories: tuple[str, ...] | None) -> NDArray[np.float64]:
    """Read a `pyarrow.ChunkedArray` the way a fitted column wants it: as numbers, or as indices of `categories`."""
    import pyarrow as pa

    if data.null_count == len(data):
        return np.full(len(data), np.nan)
    if categories is not None:
        return _indices(name, data.cast(pa.string()), categories)
    if _is_text(data.type):
        return _read_numbers(name, data.cast(pa.string()))
    read = read_column(name, data)
    if read.categories is not None:
        raise invalid(f"column {name!r}", "numbers", f"type {data.type}")
    return read.values


def is_id(data: Any) -> bool:
    """Whether a column is text, complete, with another value in every row, and mostly not numbers."""
    import pyarrow as pa

    if not _is_text(data.type) or data.null_count or len(data.unique()) != len(data):
        return False
    _, bad = _parsed(data.cast(pa.string()).to_pylist())
    return 2 * int(bad.sum()) >= len(bad)


def labels_of(data: Any) -> NDArray[Any]:
    """A label column as int64, float64 (NaN where missing) or str ('' where missing)."""
    import pyarrow as pa

    if pa.types.is_integer(data.type) and not data.null_count:
        return data.to_numpy().astype(np.int64)
    if pa.types.is_integer(data.type) or pa.types.is_floating(data.type):
        return data.cast(pa.float64()).to_numpy()
    return np.array(["" if value is None else value for value in data.cast(pa.string()).to_pylist()])


def matrix_table(matrix: NDArray[Any]) -> Any:
    """A 2-D numeric array as a `pyarrow.Table` with columns column_0, column_1, .. and nulls for NaN."""
    import pyarrow as pa

    wide = np.asarray(matrix, np.float64)
    arrays = [pa.array(np.ascontiguousarray(wide[:, i]), from_pandas=True) for i in range(wide.shape[1])]
    return pa.Table.from_arrays(arrays, names=[f"column_{i}" for i in range(wide.shape[1])])


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_plain(kind: Any) -> bool:
    import pyarrow as pa

    return _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind)


def _numbers(name: str, data: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    values = data.cast(pa.float64(), safe=False).to_numpy()
    return _finite(name, values)


def _finite(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax()) + 1
        raise invalid(
            f"column {name!r}",
            "finite",
            f"{values[row - 1]} in row {row}",
            "replace the value or leave the cell empty",
        )
    return values


def _parsed(texts: Sequence[str | None]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each text as a number (NaN for None), and where a text is not one."""
    values = np.full(len(texts), np.nan)
    bad = np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        if text is None:
            continue
        try:
            values[i] = float("x" if "_" in text else text)
        except ValueError:
            bad[i] = True
    return values, bad


def _unique(text: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct texts, and for each row the index of its text, -1 where missing."""
    import pyarrow as pa

    encoded = text.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.dictionary.to_pylist(), encoded.indices.fill_null(-1).to_numpy().astype(np.int64)


def _text_numbers(name: str, text: Any) -> ColumnValues | None:
    """The column as numbers where every text is one, None where most are not."""
    distinct, index = _unique(text)
    _, bad = _parsed(distinct)
    known = index >= 0
    wrong = known & bad[index]
    if 2 * wrong.sum() >= known.sum():
        return None
    return ColumnValues(name=name, values=_read_numbers(name, text))


def _read_numbers(name: str, text: Any) -> NDArray[np.float64]:
    distinct, index = _unique(text)
    values, bad = _parsed(distinct)
    wrong = (index >= 0) & bad[index]
    if wrong.any():
        row = int(wrong.argmax())
        raise invalid(
            f"column {name!r}",
            "numbers",
            f"{distinct[index[row]]!r} in row {row + 1}",
            "replace the value or leave the cell empty",
        )
    return _finite(name, np.where(index >= 0, values[index], np.nan))


def _categories(name: str, text: Any) -> ColumnValues:
    distinct, index = _unique(text)
    used = sorted({distinct[i] for i in np.unique(index[index >= 0])})
    if len(used) > MOST_CATEGORIES:
        raise invalid(
            f"column {name!r}",
            f"of at most {MOST_CATEGORIES} categories",
            f"{len(used)} different values",
            "drop it, or merge the rare values",
        )
    return ColumnValues(name=name, values=_indices(name, text, tuple(used)), categories=tuple(used))


def _indices(name: str, text: Any, categories: tuple[str, ...]) -> NDArray[np.float64]:
    distinct, index = _unique(text)
    known = {category: float(i) for i, category in enumerate(categories)}
    place = np.array([known.get(value, -1.0) for value in distinct] + [np.nan])
    values = place[index]
    strange = values == -1
    if strange.any():
        row = int(strange.argmax())
        shown = ", ".join(categories[:8]) + (", .." if len(categories) > 8 else "")
        got = f"{distinct[index[row]]!r} in row {row + 1}"
        raise invalid(f"column {name!r}", f"one of the known categories {shown}", got, "map it to one of them")
    return values
