"""Rows from what a Python user already holds: arrays, tables, Datasets and DataLoaders."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.data.arrayfiles import array_draft
from latentarium.data.draft import Draft, finish, finish_lines
from latentarium.data.levels import QUANTISED, quantised
from latentarium.data.rows import Rows
from latentarium.data.storage import Reading
from latentarium.data.tables import table_draft
from latentarium.errors import InvalidInput, invalid
from latentarium.files import default_cache

Labels = ArrayLike | Mapping[str, ArrayLike] | str | None
_ITEMS = "arrays x, or pairs (x, y)"
_CHUNK = 256


def rows_from_arrays(
    data: Any,
    *,
    labels: Labels = None,
    seed: int = 0,
    name: str = "array",
    size: int | None = None,
    pairs: int = 0,
) -> Rows:
    """Rows from the caller's own data, which is never altered.

    Parameters
    ----------
    data : an array (numpy, torch, anything with `__array__`) of pictures (n, h, w), (n, h, w, c), (n, c, h, w),
        uint8 or float in [0, 1], or of table rows (n, d); a pandas DataFrame or pyarrow Table; a map-style
        Dataset of x or (x, y); a DataLoader or other iterable, gone through once in the order that it gives; a list
        or array of lines of text
    labels : one value a row, or a mapping of column names to such arrays, or the label column of a table
    seed : of the train, validation and test parts
    size, pairs : of lines of text, see `open_texts`

    Raises
    ------
    InvalidInput
        Naming `name` for shapes, types and values that are neither pictures nor a table.

    Examples
    --------
    >>> rows = rows_from_arrays(np.random.default_rng(0).random((20, 8, 8)), labels=np.arange(20) % 2)
    >>> len(rows), rows.array("test").shape, sorted(rows.columns)
    (20, (2, 1, 8, 8), ['label'])
    """
    table = _as_table(data)
    if table is not None:
        column = labels if isinstance(labels, str) else None
        rows = finish(table_draft(table, name, label=column), seed=seed, source=name)
        return rows if column is not None else _with_labels(rows, labels)
    if _are_lines(data):
        empty = next((place for place, line in enumerate(data) if not line.strip()), None)
        if empty is not None:
            raise invalid(name, "lines of text that say something", f"an empty one in place {empty}")
        draft = Draft(name=name, texts=tuple(map(str, data)))
        return _with_labels(finish_lines(draft, pairs=pairs, steps=size, seed=seed, source=name), labels)
    array, found, notes = _gathered(data, name)
    reading = Reading(cache=default_cache())
    draft = array_draft(array, name, reading)
    own = {} if found is None else {"label": found}
    draft = Draft(
        name=name,
        images=draft.images,
        table=draft.table,
        columns=own,
        named=False,
        notes=(*notes, *draft.notes),
    )
    return _with_labels(finish(draft, seed=seed, source=name), labels)


def _are_lines(data: Any) -> bool:
    """Whether `data` is a list or array of strings."""
    if isinstance(data, np.ndarray):
        return data.ndim == 1 and data.dtype.kind == "U"
    return isinstance(data, list | tuple) and len(data) > 0 and all(isinstance(line, str) for line in data)


def _as_table(data: Any) -> Any:
    """A `pyarrow.Table` where `data` is one or a DataFrame, else None."""
    if hasattr(data, "column_names") and hasattr(data, "to_pydict"):
        return data
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        import pyarrow as pa

        repeated = data.columns[data.columns.duplicated()]
        if len(repeated):
            raise invalid("the column names of the table", "unique", f"{repeated[0]!r} twice", "rename one of them")
        try:
            return pa.Table.from_pandas(data.rename(columns=str), preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            reason = " ".join(str(error).split())
            raise InvalidInput(f"the columns of the table must each be of one type, got {reason[:160]}") from error
    return None


def _with_labels(rows: Rows, labels: Any) -> Rows:
    import dataclasses

    if labels is None:
        return rows
    if isinstance(labels, str):
        raise invalid("labels", "one value a row (a column name is for tables)", labels)
    named = labels if isinstance(labels, Mapping) else {"label": labels}
    columns = {str(key): _plain(values, f"labels {key!r}") for key, values in named.items()}
    for key, values in columns.items():
        if values.ndim != 1 or len(values) != len(rows):
            raise invalid(f"labels {key!r}", f"one value for each of {len(rows)} rows", f"shape {values.shape}")
    return dataclasses.replace(rows, columns={**rows.columns, **columns})


def _gathered(data: Any, name: str) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """`data` as one array, with labels where its items are pairs."""
    if isinstance(data, np.ndarray | list | tuple) or hasattr(data, "__array__"):
        return _plain(data, name), None, ()
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _stacked(_chunks((data[i] for i in range(len(data))), name), name)
    if hasattr(data, "__iter__"):
        batched = getattr(data, "batch_size", None) is not None or getattr(data, "batch_sampler", None) is not None
        return _stacked(_batches(data, name) if batched else _chunks(data, name), name)
    raise invalid(name, "an array, a table, a Dataset or a DataLoader", type(data).__name__)


def _chunks(items: Iterable[Any], name: str) -> Iterator[tuple[NDArray[Any], NDArray[Any] | None]]:
    """Single items put together to batches."""
    import itertools

    iterator = iter(items)
    while part := [_pair(item, name) for item in itertools.islice(iterator, _CHUNK)]:
        values = [_plain(x, name) for x, _ in part]
        shapes = {value.shape for value in values}
        if len(shapes) > 1:
            raise invalid(f"the items of {name}", "of one shape", " and ".join(map(str, sorted(shapes)[:2])))
        labels = None if part[0][1] is None else np.array([_plain(y, name) for _, y in part])
        yield np.stack(values), labels


def _batches(loader: Iterable[Any], name: str) -> Iterator[tuple[NDArray[Any], NDArray[Any] | None]]:
    for batch in loader:
        x, y = _pair(batch, name)
        yield _plain(x, name), None if y is None else _plain(y, name)


def _stacked(
    chunks: Iterable[tuple[NDArray[Any], NDArray[Any] | None]], name: str
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """Float pictures become grey levels chunk by chunk, a quarter of their size in memory."""
    values: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    notes: tuple[str, ...] = ()
    for x, y in chunks:
        if values and x.shape[1:] != values[0].shape[1:]:
            shapes = f"{values[0].shape[1:]} and {x.shape[1:]}"
            raise invalid(f"the items of {name}", "of one shape", shapes)
        is_float_picture = x.dtype.kind == "f" and x.ndim > 2
        notes = (QUANTISED,) if is_float_picture else ()
        values.append(quantised(x, name) if is_float_picture else x)
        if y is not None:
            labels.append(y)
    if not values:
        raise invalid(name, "at least one item", "none")
    label = np.concatenate(labels) if labels and labels[0].ndim == 1 else None
    return np.concatenate(values), label, notes


def _pair(item: Any, name: str) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        raise invalid(f"the items of {name}", _ITEMS, "mappings", "wrap the Dataset so that it gives pairs")
    if isinstance(item, tuple | list) and 1 <= len(item) <= 2:
        return item[0], item[1] if len(item) == 2 else None
    if isinstance(item, tuple | list):
        raise invalid(f"the items of {name}", _ITEMS, f"{len(item)} parts")
    return item, None


def _plain(values: Any, name: str) -> NDArray[Any]:
    """A numpy array; a tensor is detached and brought to the CPU."""
    detach: Any = getattr(values, "detach", None)
    try:
        return np.asarray(values if detach is None else detach().cpu())
    except (ValueError, TypeError) as error:
        raise invalid(name, "an array of rows of one shape", " ".join(str(error).split())[:120]) from error
