"""Conditions on the columns of a bundle's rows, such as label=Sneaker or year>=1990."""

import math
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
_FORM = re.compile(r"^([^=!<>]+?)\s*(!=|>=|<=|==|=|<|>)\s*(.*)$")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One condition: `column` compared with `value`, of the kind that the column holds. What is missing meets none."""

    column: str
    sign: str
    value: str | float | int | bool

    def holds(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Where it does, for the values of the column."""
        known = np.asarray(values == values, np.bool_)
        if values.dtype.kind == "O":
            known &= np.array([value is not None for value in values])
        found = np.zeros(len(values), np.bool_)
        found[known] = _COMPARE[self.sign](np.asarray(values[known].tolist()), self.value)
        return found

    @property
    def sql(self) -> str:
        """The condition as the vector store takes it, which compares whole numbers with nothing but whole numbers."""
        shown = str(self.value).lower() if isinstance(self.value, bool) else repr(self.value)
        if isinstance(self.value, str):
            shown = "'" + self.value.replace("'", "''") + "'"
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
    column, sign, value = form.group(1), form.group(2).replace("==", "="), form.group(3)
    if column not in bundle.label_names:
        known = ", ".join(bundle.label_names)
        rule = f"a condition on one of the columns {known}" if known else "left out for a bundle without columns"
        raise invalid("--where", rule, word)
    kind = np.asarray([known for known in bundle.column(column).tolist() if known is not None]).dtype.kind
    if kind in "fiu":
        return _number(column, sign, value, whole=kind != "f")
    if sign not in ("=", "!="):
        raise invalid(
            "--where", f"= or != for the {'true or false' if kind == 'b' else 'text'} column {column!r}", word
        )
    if kind != "b":
        return Filter(column=column, sign=sign, value=value)
    if value.lower() not in _TRUTH:
        raise invalid("--where", f"true or false for the column {column!r}", value)
    return Filter(column=column, sign=sign, value=_TRUTH[value.lower()])


def _number(column: str, sign: str, value: str, *, whole: bool) -> Filter:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise invalid("--where", f"a number for the column {column!r}", value)
    if not whole:
        return Filter(column=column, sign=sign, value=number)
    if number % 1 and sign in ("=", "!="):
        raise invalid("--where", f"a whole number for the column {column!r}", value)
    nearest = math.ceil(number) if sign in ("<", ">=") else math.floor(number)
    return Filter(column=column, sign=sign, value=min(max(nearest, -_LARGEST), _LARGEST))
