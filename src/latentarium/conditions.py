"""What a decoder can be told beside a latent point: columns of the data, as vectors of numbers."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.errors import InvalidInput, invalid

MOST_CLASSES = 1000
_BINARY = ({"0", "1"}, {"-1", "1"}, {"False", "True"})
_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One column that a decoder is told: a class, or an attribute that rows have or have not.

    Parameters
    ----------
    column : its name
    values : names of its values in order
    binary : an attribute with two values, told as -1 and +1; else a class, told one-hot

    Examples
    --------
    >>> Condition(column="kind", values=("cat", "dog")).table.tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    >>> Condition(column="Smiling", values=("0", "1"), binary=True).table.tolist()
    [[-1.0], [1.0], [0.0]]
    """

    column: str
    values: tuple[str, ...]
    binary: bool = False

    @property
    def table(self) -> FloatArray:
        """The vector of each value and, last, zeros for one that is not known: (values + 1, width)."""
        vectors = np.array([[-1.0], [1.0]]) if self.binary else np.eye(len(self.values))
        return np.pad(vectors, ((0, 1), (0, 0))).astype(np.float32)

    @property
    def width(self) -> int:
        """Length of the vector."""
        return 1 if self.binary else len(self.values)

    def numbers(self, values: NDArray[Any]) -> NDArray[np.int16]:
        """Which of its values each row (n,) of the column has, -1 where that is missing or unheard of."""
        names, places = _distinct(self.column, values)
        known = {name: number for number, name in enumerate(self.values)}
        return np.array([known.get(name, -1) for name in names], np.int16)[places]

    def number(self, value: object) -> int:
        """Which of its values `value` is; True and False are said of any attribute."""
        if self.binary and isinstance(value, bool):
            return int(value)
        if str(value) not in self.values:
            raise invalid(self.column, f"one of {_listed(self.values)}", str(value), _near(str(value), self.values))
        return self.values.index(str(value))


def read_condition(column: str, values: NDArray[Any], train: NDArray[np.int64]) -> Condition:
    """How the rows' `values` (n,) of a column are told, from what the training rows `train` hold.

    Text and whole numbers are classes, two values 0 and 1, -1 and 1, or False and True an attribute.

    Raises
    ------
    InvalidInput
        For fractions, more than 1,000 classes, and a column that does not vary.
    """
    names = tuple(name for name in _distinct(column, values[train])[0] if name)
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "only missing values"
        raise InvalidInput(f"the condition {column!r} must be a column that varies over the training rows, got {found}")
    return Condition(column=column, values=names, binary=set(names) in _BINARY)


def condition_vector(
    conditions: Sequence[Condition], names: Sequence[object], values: Mapping[str, object]
) -> FloatArray:
    """What is given as one vector (k,), zeros for what is not.

    Parameters
    ----------
    names : class names that say their column by themselves, and names of attributes that are to be had
    values : column -> value

    Raises
    ------
    InvalidInput
        For an unknown name or value, with the near ones, a name that several columns have, and a column given twice.
    """
    chosen = _chosen(conditions, names, values)
    return np.concatenate([condition.table[chosen.get(condition.column, -1)] for condition in conditions])


def told_values(conditions: Sequence[Condition], names: Sequence[object], values: Mapping[str, object]) -> list[int]:
    """Numbers of what is given, as `condition_vector` reads it, among all values of all columns in order."""
    chosen = _chosen(conditions, names, values)
    starts = np.cumsum([0, *(len(condition.values) for condition in conditions)])
    return [int(s) + chosen[c.column] for s, c in zip(starts, conditions, strict=False) if c.column in chosen]


def _chosen(conditions: Sequence[Condition], names: Sequence[object], values: Mapping[str, object]) -> dict[str, int]:
    """Number of the value given of each column that has one."""
    columns = {condition.column: condition for condition in conditions}
    chosen: dict[str, int] = {}
    for column, value in [*(_resolved(conditions, str(name)) for name in names), *values.items()]:
        if column not in columns:
            raise _unknown(column, list(columns))
        if column in chosen:
            raise invalid(column, "given once", str(value))
        chosen[column] = columns[column].number(value)
    return chosen


def conditions_to_json(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """JSON-ready form."""
    return [asdict(condition) for condition in conditions]


def conditions_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """What `conditions_to_json` gave."""
    return tuple(Condition(**{**entry, "values": tuple(entry["values"])}) for entry in stored)


def _resolved(conditions: Sequence[Condition], name: str) -> tuple[str, object]:
    """Column and value that a bare name means."""
    found: list[tuple[str, object]] = [(c.column, name) for c in conditions if not c.binary and name in c.values]
    found += [(c.column, True) for c in conditions if c.binary and c.column == name]
    if len(found) > 1:
        columns = " and ".join(column for column, _ in found)
        raise InvalidInput(f"{name!r} is of more than one column, {columns}; say {found[0][0]}={name}")
    if not found:
        known = [value for c in conditions for value in ((c.column,) if c.binary else c.values)]
        raise _unknown(name, known)
    return found[0]


def _distinct(column: str, values: NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the distinct values in order, "" for a missing one, and the place of each row's among them."""
    if values.dtype.kind == "O":
        values = np.array(["" if value is None or value != value else str(value) for value in values])
    found, places = np.unique(values, return_inverse=True)
    if found.dtype.kind == "f":
        whole = found[~np.isnan(found)]
        fractions = whole[whole != np.trunc(whole)]
        if len(fractions) or np.isinf(whole).any():
            found = fractions[0] if len(fractions) else np.inf
            raise invalid(f"the condition {column!r}", "classes or whole numbers", found, "cut it into groups")
        names = [*map(str, whole.astype(np.int64).tolist()), *([""] * (len(found) - len(whole)))]
    else:
        names = [str(name) for name in found.tolist()]
    if len(names) > MOST_CLASSES + 1:
        raise invalid(f"the condition {column!r}", f"a column of at most {MOST_CLASSES} classes", len(names))
    return names, places


def _unknown(name: str, known: Sequence[str]) -> InvalidInput:
    hint = _near(name, known) or f"known are {_listed(known)}"
    return InvalidInput(f"the decoder was never told of {name!r}; {hint}")


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
