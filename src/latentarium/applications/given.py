"""Rows that a user names: those of a bundle by id or number, files of its kind of data, and lines that were typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.evaluation import find_numbers
from latentarium.applications.search.rows import shown_rows
from latentarium.arrays import FloatArray
from latentarium.bundle import Bundle
from latentarium.data import SentenceModality, TextModality, open_like
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, MissingCapability, invalid

Numbers = NDArray[np.int64]
MOST = 5_000
"""Rows of a file that are named in one word."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """Rows by name.

    Parameters
    ----------
    ids : of the rows; of a file those of its rows
    codes : float32 (n, *shape)
    numbers : rows of the bundle (n,), -1 for new ones
    arrays : new rows by id, float32 (*data_shape)
    typed : which of these are lines that were typed
    notes : sentences to show the user
    """

    ids: tuple[str, ...]
    codes: FloatArray
    numbers: Numbers
    arrays: Mapping[str, FloatArray]
    typed: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def new(self) -> NDArray[np.bool_]:
        """Which rows are new to the bundle, (n,)."""
        return self.numbers < 0

    @property
    def outside(self) -> dict[str, tuple[float, ...]]:
        """Codes of rows from files by id, as plain numbers."""
        return {
            name: tuple(map(float, self.codes[row].ravel()))
            for row, name in enumerate(self.ids)
            if name in self.arrays and name not in self.typed
        }

    def shown(self, bundle: Bundle) -> FloatArray:
        """The rows as arrays (n, *data_shape), where the bundle's source is not at hand decoded from their codes."""
        known = self.numbers[~self.new]
        x = np.empty((len(self.ids), *bundle.space.data_shape), np.float32)
        if len(known):
            x[~self.new] = shown_rows(bundle, known.tolist())[0]
        for row in np.flatnonzero(self.new).tolist():
            x[row] = self.arrays[self.ids[row]]
        return x


def given_rows(bundle: Bundle, names: Sequence[str]) -> Given:
    """Rows by id or number in the bundle, else by file; of a space of text, else as a line that was typed.

    A name that is both an id and a file is the row: ./NAME is the file.

    Raises
    ------
    InvalidInput
        For a name that is neither, or a file that does not fit.
    MissingCapability
        For new rows of a space that cannot encode.
    """
    known = row_numbers(bundle, names)
    found: dict[str, list[str]] = {name: [str(bundle.ids[number])] for name, number in known.items()}
    arrays: dict[str, FloatArray] = {}
    typed: set[str] = set()
    notes: list[str] = []
    for name in names:
        if name in found:
            continue
        rows = _new_rows(bundle, name)
        if rows is None:
            typed.add(name)
        else:
            notes += rows.notes
        found[name] = [name] if rows is None else _fresh(rows, name, {row for rows in found.values() for row in rows})
        arrays |= dict(zip(found[name], _typed(bundle, name) if rows is None else rows.array(), strict=True))
    ids = [row for name in names for row in found[name]]
    numbers = np.array([known.get(name, -1) for name in names for _ in found[name]], np.int64)
    return Given(
        ids=tuple(ids),
        codes=_codes(bundle, ids, numbers, arrays),
        numbers=numbers,
        arrays=arrays,
        typed=frozenset(typed),
        notes=tuple(notes),
    )


def named_codes(bundle: Bundle, ids: Sequence[str], outside: Mapping[str, Sequence[float]]) -> FloatArray:
    """Codes (n, *shape) of rows by id: `outside` ones as they are said, lines of text encoded.

    Raises
    ------
    InvalidInput
        For a code of another size, or a row that is not there.
    """
    size = bundle.space.dim
    wrong = [name for name, code in outside.items() if len(code) != size]
    if wrong:
        raise InvalidInput(f"the code of {wrong[0]} must be {size} numbers, got {len(outside[wrong[0]])}")
    numbers = row_numbers(bundle, [name for name in ids if name not in outside])
    flat = [
        np.asarray(outside[name], np.float32)
        if name in outside
        else bundle.codes[numbers[name]].ravel()
        if name in numbers
        else bundle.space.encode(_typed(bundle, name)).ravel()
        for name in ids
    ]
    return np.stack(flat).astype(np.float32).reshape(-1, *bundle.space.shape)


def row_numbers(bundle: Bundle, names: Sequence[str]) -> dict[str, int]:
    """Numbers of those names that are rows of the bundle."""
    known = {str(name) for name in bundle.ids}
    rows = [name for name in names if name in known or (name.isdigit() and int(name) < len(known))]
    return dict(zip(rows, find_numbers(bundle, rows), strict=True))


def _new_rows(bundle: Bundle, name: str) -> Rows | None:
    """The rows of a file, None for a line that was typed."""
    if name and Path(name).expanduser().exists():
        rows = open_like(name, bundle.modality)
        if len(rows) > MOST:
            raise invalid(name, f"at most {MOST:,} rows to be named at once", len(rows), "make a file of some of them")
        return rows
    if isinstance(bundle.modality, TextModality | SentenceModality):
        return None
    raise _nobody(bundle, name)


def _nobody(bundle: Bundle, name: str) -> InvalidInput:
    return InvalidInput(
        f"row must be an id of the bundle, a number below {len(bundle.ids)} or a file, got {name!r}: no file has that "
        f"name, and ids look like {str(bundle.ids[0])!r}"
    )


def _fresh(rows: Rows, name: str, taken: set[str]) -> list[str]:
    """Ids of new rows, with the file's name where another row has the same."""
    return [row if row not in taken else f"{name}:{row}" for row in rows.ids.tolist()]


def _typed(bundle: Bundle, line: str) -> FloatArray:
    """A line of text that was typed, (1, *data_shape)."""
    modality: Any = bundle.modality
    if not line.strip():
        raise InvalidInput("a line of text must have a word in it, got an empty one")
    return modality.to_array(modality.parse([line]))


def _codes(bundle: Bundle, ids: Sequence[str], numbers: Numbers, arrays: Mapping[str, FloatArray]) -> FloatArray:
    space, new = bundle.space, numbers < 0
    if new.any() and "encode" not in space.capabilities:
        raise MissingCapability(f"{space.name!r} cannot encode, so that it has no place for {ids[int(new.argmax())]!r}")
    codes = np.empty((len(ids), space.dim), np.float32)
    codes[~new] = bundle.codes[numbers[~new]].reshape(-1, space.dim)
    if new.any():
        x = np.stack([arrays[ids[row]] for row in np.flatnonzero(new).tolist()])
        codes[new] = space.encode(x).reshape(-1, space.dim)
    return codes.reshape(-1, *space.shape)
