"""Edits for those who ask the server: rows or codes moved along the directions of their labels, as `edit` does."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latentarium.applications.editing import Directions, directions_of, edit_rows
from latentarium.arrays import FloatArray
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, invalid
from latentarium.explorer.api import EditAnswer
from latentarium.explorer.cache import view_of
from latentarium.explorer.wire import Attribute

MOST_EDITED = 32
MOST_DOSE = 100.0
FARTHEST = 1e4
"""Numbers of a code beyond this are no code that could be edited."""


class Unknown(InvalidInput):
    """An attribute that a space has no direction for."""


class Contradiction(InvalidInput):
    """Changes that no single edit makes."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to change: how far by attribute or to which value by column, and what shall stay."""

    changes: Mapping[str, float | str]
    keep: Sequence[str]
    slack: float


class Editor:
    """Edits codes of one bundle; its directions are read, or fitted, when they are first asked for."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._lock = bundle, threading.Lock()

    def edit(self, codes: FloatArray, wanted: Wanted) -> EditAnswer:
        """Codes (n, d) with their edits, and what these did besides.

        Raises
        ------
        Unknown
            For a name that no direction has.
        Contradiction
            When the changes, and what shall stay, cannot be had together.
        """
        with self._lock:
            directions = self._directions
        _check(directions, wanted)
        try:
            edited = edit_rows(
                self._bundle.space, directions, codes, wanted.changes, keep=wanted.keep, slack=wanted.slack, steps=1
            )
        except InvalidInput as error:
            raise Contradiction(str(error)) from None
        return EditAnswer(z=edited.codes[:, -1].reshape(len(codes), -1).tolist(), **edited.to_json())

    @cached_property
    def _directions(self) -> Directions:
        return directions_of(self._bundle)


def _check(directions: Directions, wanted: Wanted) -> None:
    """Every name has to be one of an attribute, or with a value one of a column."""
    try:
        directions.numbers(wanted.keep)
        for name, change in wanted.changes.items():
            directions.number(f"{name}={change}" if isinstance(change, str) else name)
    except InvalidInput as error:
        raise Unknown(str(error)) from None


def edit_requests(folder: str, bundle: Bundle, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an edit of this space may ask for, with each of `rows`; nothing where it has no directions."""
    view = view_of(bundle)
    if view is None or not view.attributes:
        return []
    change = {"type": "object", "properties": _changes(view.attributes), "additionalProperties": False}
    names = sorted({attribute.id for attribute in view.attributes})
    wanted = {
        "space": {"type": "string", "const": folder},
        "set": {**change, "minProperties": 1},
        "keep": {"type": "array", "items": {"type": "string", "enum": names}},
        "slack": {"type": "number", "minimum": 0, "maximum": 0.99},
    }
    return [
        {
            "type": "object",
            "properties": {**wanted, **which},
            "required": ["space", "set", *which],
            "additionalProperties": False,
        }
        for which in rows
    ]


def _changes(attributes: Sequence[Attribute]) -> dict[str, Any]:
    """Doses by attribute, and values by column of several."""
    dose = {"type": "number", "minimum": -MOST_DOSE, "maximum": MOST_DOSE}
    found: dict[str, Any] = {attribute.id: dose for attribute in attributes}
    values: dict[str, list[str]] = {}
    for attribute in attributes:
        if attribute.column != attribute.id:
            values.setdefault(attribute.column, []).append(attribute.id.removeprefix(f"{attribute.column}="))
    return found | {column: {"type": "string", "enum": names} for column, names in values.items()}


def check_wanted(changes: Mapping[str, float | str], slack: float) -> None:
    """Raise `InvalidInput` where nothing is changed, a dose is beyond `MOST_DOSE` or the slack no share."""
    if not changes:
        raise invalid("set", "at least one attribute and how far to move it", "none")
    if not 0 <= slack < 1:
        raise invalid("slack", "a number from 0 up to 1", slack)
    for name, change in changes.items():
        if not isinstance(change, str) and not np.abs(change) <= MOST_DOSE:
            raise InvalidInput(f"the change of {name} must be a number within {MOST_DOSE:g}, got {change}")
