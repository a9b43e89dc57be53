"""`Rows`: data as every verb sees it, with stable ids, labels and fixed parts."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, batches
from latentarium.data.splits import PARTS, Indices
from latentarium.errors import invalid
from latentarium.space import Modality

_HASH_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of one data set in raw form.

    Parameters
    ----------
    name : what messages and pictures call the data
    modality : raw <-> array
    raw : (n, *raw_shape), perhaps a read-only memory map; uint8 (n, c, h, w) or float64 (n, n_columns)
    ids : (n,) unique str, the same whenever the same source is opened
    columns : labels and attributes, (n,) each; the main class label is called "label"
    splits : "train", "validation", "test" -> sorted row numbers; disjoint, together every row
    source : the specification that opened them
    notes : sentences to show the user

    Raises
    ------
    InvalidInput
        When lengths differ, ids repeat, or the parts are not a partition.
    """

    name: str
    modality: Modality
    raw: NDArray[Any]
    ids: NDArray[np.str_]
    columns: Mapping[str, NDArray[Any]]
    splits: Mapping[str, Indices]
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.raw)
        for what, values in {"ids": self.ids, **self.columns}.items():
            if len(values) != count:
                raise invalid(f"{what!r} of {self.name}", f"one value for each of {count} rows", f"{len(values)}")
        if not _ascending(self.ids) and len(np.unique(self.ids)) != count:
            raise invalid(f"the ids of {self.name}", "unique", "repeated ids")
        if set(self.splits) != set(PARTS):
            raise invalid(f"the splits of {self.name}", f"{PARTS}", sorted(self.splits))
        together = np.sort(np.concatenate([self.splits[part] for part in PARTS]))
        if not np.array_equal(together, np.arange(count)):
            raise invalid(f"the splits of {self.name}", "disjoint and covering every row", "something else")

    def __len__(self) -> int:
        return len(self.raw)

    def indices(self, rows: str | slice | NDArray[Any]) -> slice | NDArray[Any]:
        """The row numbers of a part ("train", "validation", "test"); a slice or an array is given back."""
        if not isinstance(rows, str):
            return rows
        if rows not in self.splits:
            raise invalid("the part", f"one of {PARTS}", rows)
        return self.splits[rows]

    def array(self, rows: str | slice | NDArray[Any] = slice(None)) -> FloatArray:
        """The rows of a part, a slice or an index array in array form, float32 (n, *modality.data_shape)."""
        return self.modality.to_array(np.asarray(self.raw[self.indices(rows)]))

    def select(self, rows: str | slice | NDArray[Any]) -> "Rows":
        """Only these rows, in this order, each still in its part."""
        wanted = np.arange(len(self))[self.indices(rows)]
        parts = {part: np.flatnonzero(np.isin(wanted, self.splits[part])) for part in PARTS}
        return dataclasses.replace(
            self,
            raw=self.raw[self.indices(rows)],
            ids=self.ids[wanted],
            columns={name: values[wanted] for name, values in self.columns.items()},
            splits=parts,
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over shape, dtype, ids and content; labels, parts and where the data lies do not enter."""
        digest = hashlib.sha256(f"{self.raw.shape} {self.raw.dtype.str}\n".encode())
        digest.update("\n".join(self.ids.tolist()).encode())
        row_bytes = max(1, self.raw[:1].nbytes)
        for part in batches(len(self), max(1, _HASH_BYTES // row_bytes)):
            digest.update(np.ascontiguousarray(self.raw[part]).data)
        return digest.hexdigest()


def _ascending(ids: NDArray[np.str_]) -> bool:
    """Whether each is above the one before, as numbers and sorted paths are, so that none repeats."""
    return bool((ids[1:] > ids[:-1]).all())
