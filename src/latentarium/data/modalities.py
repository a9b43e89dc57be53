"""The pair raw <-> array for images and tables, with its range and units (see `space.Modality`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, as_rows, check_positive_int
from latentarium.data.columns import ColumnValues, check_names, column_as
from latentarium.data.music.modalities import DrumModality, MelodyModality
from latentarium.data.sentences import SentenceModality
from latentarium.data.texts import TextModality
from latentarium.data.unit import UnitRange
from latentarium.errors import InvalidInput, invalid
from latentarium.space import Modality

SMALLEST, LARGEST, MOST_CHANNELS = 8, 256, 4
_EXACT = 2**53
"""Below which every whole number is a float64."""


@dataclass(frozen=True, kw_only=True)
class ImageModality(UnitRange):
    """Pictures: raw uint8 (n, channels, height, width), 0 to 255; array the same shape, float32 in [0, 1].

    Examples
    --------
    >>> modality = ImageModality(channels=1, height=8, width=8)
    >>> raw = np.full((2, 1, 8, 8), 51, np.uint8)
    >>> round(float(modality.to_array(raw).max()), 6)
    0.2
    >>> bool((modality.to_raw(modality.to_array(raw)) == raw).all())
    True
    """

    channels: int
    height: int
    width: int
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_positive_int(self.channels, "channels", high=MOST_CHANNELS)
        check_positive_int(self.height, "height", low=SMALLEST, high=LARGEST)
        check_positive_int(self.width, "width", low=SMALLEST, high=LARGEST)

    @property
    def data_shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        """Grey levels divided by 255. Raises `InvalidInput` for another dtype or shape."""
        if raw.dtype != np.uint8 or raw.shape[1:] != self.data_shape:
            raise invalid("raw images", f"uint8 of shape (n, {self.data_shape})", f"{raw.dtype} {raw.shape}")
        return np.divide(raw, np.float32(255), dtype=np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        """Rounded to the nearest of 256 levels; values outside [0, 1] are clipped."""
        levels = as_rows(array, self.data_shape, name="images") * np.float32(255)
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ImageModality":
        """The inverse of `to_json`."""
        return cls(channels=stored["channels"], height=stored["height"], width=stored["width"])


@dataclass(frozen=True, kw_only=True)
class Column:
    """One table column. `mean` and `std` are those of the training rows (numeric); `categories` in index order; `whole`
    where the training rows hold whole numbers alone, as which new ones are then written.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[str, ...] = ()
    has_missing: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("numeric", "categorical"):
            raise invalid(f"the kind of column {self.name!r}", "'numeric' or 'categorical'", self.kind)
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0):
            raise invalid(f"column {self.name!r}", "of finite mean and positive std", (self.mean, self.std))
        if self.kind == "categorical" and not self.categories:
            raise InvalidInput(f"column {self.name!r} must have a category or more, got none")


@dataclass(frozen=True, kw_only=True)
class TableBlocks:
    """Where things lie in one array row: numerics, then missing indicators, then one-hot groups.

    Parameters
    ----------
    width : length of the row
    numeric, missing : slices of the row
    groups : the one-hot slices, one a categorical column
    numeric_columns, missing_columns, categorical_columns : table column behind each place of the three blocks
    numeric_missing : (place of a numeric, place of its missing indicator) for each numeric that has one
    group_missing : (number of a one-hot group, place of its missing indicator) for each group that has one
    """

    width: int
    numeric: slice
    missing: slice
    groups: tuple[slice, ...]
    numeric_columns: tuple[int, ...]
    missing_columns: tuple[int, ...]
    categorical_columns: tuple[int, ...]
    numeric_missing: tuple[tuple[int, int], ...]
    group_missing: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class TableModality:
    """A table: raw float64 (n, n_columns) with category indices and NaN for missing; array as `blocks` lays out.

    In the array numerics are standardised with the training rows' mean and std (missing: 0), every column that
    may be missing has a 0/1 indicator, and categories are one-hot (a missing one: all zeros).

    Examples
    --------
    >>> colour = Column(name="colour", kind="categorical", categories=("blue", "red"), has_missing=True)
    >>> modality = TableModality(columns=(Column(name="age", kind="numeric", mean=40, std=10), colour))
    >>> modality.to_array(np.array([[50, 1], [40, np.nan]])).tolist()
    [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]
    """

    columns: tuple[Column, ...]
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        if not self.columns:
            raise InvalidInput(
                "a table must have a column or more to learn from, got none; keep a number or category column"
            )
        check_names([column.name for column in self.columns], "the table")

    @property
    def data_shape(self) -> tuple[int]:
        return (self.blocks.width,)

    @property
    def low(self) -> None:
        return None

    @property
    def high(self) -> None:
        return None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def blocks(self) -> TableBlocks:
        """Where numerics, missing indicators and one-hot groups lie in an array row."""
        numeric = tuple(i for i, c in enumerate(self.columns) if c.kind == "numeric")
        missing = tuple(i for i, c in enumerate(self.columns) if c.has_missing)
        groups = tuple(i for i, c in enumerate(self.columns) if c.kind == "categorical")
        place = {column: len(numeric) + k for k, column in enumerate(missing)}
        starts = np.cumsum([len(numeric) + len(missing), *(len(self.columns[i].categories) for i in groups)]).tolist()
        return TableBlocks(
            width=starts[-1],
            numeric=slice(0, len(numeric)),
            missing=slice(len(numeric), len(numeric) + len(missing)),
            groups=tuple(slice(a, b) for a, b in pairwise(starts)),
            numeric_columns=numeric,
            missing_columns=missing,
            categorical_columns=groups,
            numeric_missing=tuple((k, place[i]) for k, i in enumerate(numeric) if i in place),
            group_missing=tuple((k, place[i]) for k, i in enumerate(groups) if i in place),
        )

    @classmethod
    def fit(cls, columns: Sequence[ColumnValues], train: NDArray[Any]) -> "TableModality":
        """Take names, kinds and categories from `columns`, mean and std from the rows `train` alone.

        Raises
        ------
        InvalidInput
            Naming every column that does not vary over the training rows.
        """
        still = [repr(column.name) for column in columns if column.is_constant(train)]
        if still:
            noun, pronoun = ("columns", "them") if len(still) > 1 else ("column", "it")
            raise InvalidInput(
                f"{noun} {', '.join(still)} must vary over the training rows, got one constant value; drop {pronoun}"
            )
        return cls(columns=tuple(_fitted(column, train) for column in columns))

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        """Standardise, mark what is missing, one-hot the categories: (n, n_columns) -> (n, blocks.width)."""
        wide = self._checked(raw)
        blocks = self.blocks
        out = np.zeros((len(wide), blocks.width), np.float32)
        mean, std = self._scales()
        numbers = (wide[:, blocks.numeric_columns] - mean) / std
        out[:, blocks.numeric] = np.where(np.isnan(numbers), 0, numbers)
        out[:, blocks.missing] = np.isnan(wide[:, blocks.missing_columns])
        for index, place in zip(blocks.categorical_columns, blocks.groups, strict=True):
            rows = np.flatnonzero(~np.isnan(wide[:, index]))
            out[rows, place.start + wide[rows, index].astype(np.int64)] = 1
        return out

    def to_raw(self, array: NDArray[Any]) -> NDArray[np.float64]:
        """Undo `to_array`; the largest of a one-hot group wins, an indicator above 0.5 gives NaN."""
        blocks = self.blocks
        wide = as_rows(array, self.data_shape, name="table").astype(np.float64)
        raw = np.empty((len(wide), len(self.columns)))
        mean, std = self._scales()
        raw[:, blocks.numeric_columns] = wide[:, blocks.numeric] * std + mean
        for index, place in zip(blocks.categorical_columns, blocks.groups, strict=True):
            raw[:, index] = wide[:, place].argmax(1)
        for k, index in enumerate(blocks.missing_columns):
            raw[wide[:, blocks.missing.start + k] > 0.5, index] = np.nan
        return raw

    def parse(self, table: Any) -> NDArray[np.float64]:
        """Read a `pyarrow.Table` with these columns (others are ignored) as raw rows.

        Raises
        ------
        InvalidInput
            Naming the column, for one that is absent, text among numbers, an unknown category, or missing values
            in a column that had none when the space was fitted.
        """
        check_names(table.column_names, "the table")
        absent = [repr(name) for name in self.names if name not in table.column_names]
        if absent:
            raise InvalidInput(f"the table must have column {', '.join(absent)}, got {_listed(table.column_names)}")
        raw = np.empty((table.num_rows, len(self.columns)))
        for index, column in enumerate(self.columns):
            known = column.categories if column.kind == "categorical" else None
            raw[:, index] = column_as(column.name, table.column(column.name), known)
        return self._checked(raw)

    def to_table(self, raw: NDArray[Any]) -> Any:
        """`raw` as a `pyarrow.Table` with the columns' names, category strings, and nulls where missing."""
        import pyarrow as pa

        wide = self._checked(raw)
        arrays = [_arrow(column, wide[:, index]) for index, column in enumerate(self.columns)]
        return pa.Table.from_arrays(arrays, names=list(self.names))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": [_column_json(column) for column in self.columns]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "TableModality":
        """The inverse of `to_json`."""
        return cls(columns=tuple(_stored_column(**column) for column in stored["columns"]))

    def _scales(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        numeric = [self.columns[i] for i in self.blocks.numeric_columns]
        return np.array([c.mean for c in numeric]), np.array([c.std for c in numeric])

    def _checked(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        wide = np.asarray(raw, np.float64)
        if wide.ndim != 2 or wide.shape[1] != len(self.columns):
            raise invalid("raw table rows", f"of shape (n, {len(self.columns)})", wide.shape)
        for index, column in enumerate(self.columns):
            _check_values(column, wide[:, index])
        return wide


def _check_values(column: Column, values: NDArray[np.float64]) -> None:
    missing = np.isnan(values)
    if not column.has_missing and missing.any():
        row = int(missing.argmax()) + 1
        raise InvalidInput(
            f"column {column.name!r} must have no missing values, as when the space was fitted, got one in row {row}; "
            "fill it in or leave the row out"
        )
    seen = values[~missing]
    if np.isinf(seen).any():
        raise invalid(f"column {column.name!r}", "finite", "an infinite value", "replace it or leave the cell empty")
    count = len(column.categories)
    if column.kind == "categorical" and ((seen < 0) | (seen >= count) | (seen != np.floor(seen))).any():
        raise invalid(f"column {column.name!r}", f"category indices from 0 to {count - 1}", seen.max())


def _fitted(column: ColumnValues, train: NDArray[Any]) -> Column:
    missing = bool(np.isnan(column.values).any())
    if column.categories is not None:
        return Column(name=column.name, kind="categorical", categories=column.categories, has_missing=missing)
    seen = column.values[train]
    seen = seen[~np.isnan(seen)]
    return Column(
        name=column.name,
        kind="numeric",
        mean=float(seen.mean()),
        std=float(seen.std()),
        has_missing=missing,
        whole=bool((seen == np.rint(seen)).all()),
    )


def _column_json(column: Column) -> dict[str, Any]:
    return {**asdict(column), "categories": list(column.categories)}


def _stored_column(*, categories: Sequence[str], **rest: Any) -> Column:
    return Column(categories=tuple(categories), **rest)


def _arrow(column: Column, values: NDArray[np.float64]) -> Any:
    import pyarrow as pa

    missing = np.isnan(values)
    if column.kind == "numeric":
        known = np.rint(np.where(missing, 0, values))
        whole = column.whole and bool((np.abs(known) < _EXACT).all())
        return pa.array(known.astype(np.int64) if whole else values, mask=missing)
    picked = np.array(column.categories)[np.where(missing, 0, values).astype(np.int64)]
    return pa.array(picked.tolist(), mask=missing, type=pa.string())


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Modality]] = {
    "image": ImageModality.from_json,
    "sentences": SentenceModality.from_json,
    "text": TextModality.from_json,
    "table": TableModality.from_json,
    "melody": MelodyModality.from_json,
    "drums": DrumModality.from_json,
}


def modality_from_json(stored: Mapping[str, Any]) -> Modality:
    """Rebuild the modality that `to_json` described.

    Raises
    ------
    InvalidInput
        For an unknown kind, or a description that lacks a field.

    Examples
    --------
    >>> modality_from_json({"kind": "image", "channels": 1, "height": 28, "width": 28}).data_shape
    (1, 28, 28)
    """
    kind = str(stored.get("kind"))
    if kind not in _KINDS:
        raise invalid("the modality's kind", f"one of {sorted(_KINDS)}", kind, "upgrade latentarium")
    try:
        return _KINDS[kind](stored)
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"the description of a {kind} modality must be complete, got {error}") from error
