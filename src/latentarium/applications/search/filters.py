"""Conditions on the columns of a bundle's rows, such as label=Sneaker or year>=1990."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle
from latentarium.errors import invalid

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_FORM = re.compile(r"^([^=!<>]+?)\s*(!=|>=|<=|=|<|>)\s*(.*)$")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One condition: `column` compared with `value`, a number where the column holds numbers."""

    column: str
    sign: str
    value: str | float

    def holds(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Where it does, for the values of the column."""
        return np.asarray(_COMPARE[self.sign](values, self.value), np.bool_)

    @property
    def sql(self) -> str:
        """The condition as the vector store takes it."""
        if isinstance(self.value, str):
            shown = "'" + self.value.replace("'", "''") + "'"
        else:
            # the store compares whole numbers with nothing but whole numbers
            shown = repr(self.value) if self.value % 1 else str(int(self.value))
        return f"`{self.column}` {self.sign} {shown}"


def parse_filters(bundle: Bundle, words: Sequence[str]) -> tuple[Filter, ...]:
    """The conditions that the user wrote, each COLUMN=VALUE with =, !=, <, <=, > or >=.

    Raises
    ------
    InvalidInput
        For another form, a column that the bundle lacks, or text where the column holds numbers.
    """
    return tuple(_parse(bundle, word) for word in words)


def allowed_rows(bundle: Bundle, filters: Sequence[Filter]) -> NDArray[np.bool_] | None:
    """Which rows meet all conditions, bool (n,); None where there are none.

    Raises
    ------
    InvalidInput
        When no row does.
    """
    if not filters:
        return None
    found = np.logical_and.reduce([f.holds(bundle.column(f.column)) for f in filters])
    if not found.any():
        shown = " and ".join(f"{f.column}{f.sign}{f.value}" for f in filters)
        raise invalid("--where", "a condition that some row meets", shown)
    return found


def _parse(bundle: Bundle, word: str) -> Filter:
    form = _FORM.match(word)
    if form is None:
        raise invalid("--where", "a condition such as label=Sneaker or year>=1990", word)
    column, sign, value = form.groups()
    if bundle.column(column).dtype.kind not in "fiu":
        if sign not in ("=", "!="):
            raise invalid("--where", f"= or != for the text column {column!r}", word)
        return Filter(column=column, sign=sign, value=value)
    try:
        return Filter(column=column, sign=sign, value=float(value))
    except ValueError:
        raise invalid("--where", f"a number for the column {column!r}", value) from None
