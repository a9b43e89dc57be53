"""Edits as the user asks for them: which rows, what to set and to keep; carried out, and made again from settings."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from latentarium.applications.editing.curved import fit_curved
from latentarium.applications.editing.directions import Directions
from latentarium.applications.editing.edits import Edited, edit_along, edit_rows
from latentarium.applications.editing.fitting import METHODS, Method
from latentarium.applications.editing.likeness import likeness
from latentarium.applications.editing.stored import directions_for, labelled_codes
from latentarium.applications.editing.unsupervised import WAYS, joined, unsupervised_directions
from latentarium.applications.given import Given, given_rows
from latentarium.applications.recipes import ROLLS, Made, Tell
from latentarium.bundle import Bundle
from latentarium.data.music.modalities import GridModality
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, invalid

MOST_ROWS = 32
SUCH_AS = "such as Blond_Hair=+2"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What to change in which rows.

    Parameters
    ----------
    rows : by id or number in the bundle, or files
    sets : ATTRIBUTE=NUMBER or COLUMN=VALUE
    keep : attributes that shall stay
    slack, steps : as `edit_rows`
    curved : follow the gradient of a probe with a hidden layer
    method : of new directions, "logistic" or "lda"; None for what the bundle has
    """

    rows: tuple[str, ...]
    sets: tuple[str, ...]
    keep: tuple[str, ...] = ()
    slack: float = 0.0
    steps: int = 4
    curved: bool = False
    method: str | None = None
    verb: ClassVar[str] = "edit"
    title: ClassVar[str] = "edit"

    def __post_init__(self) -> None:
        if self.method not in (None, *METHODS):
            raise invalid("--method", f"one of {', '.join(METHODS)}", self.method)
        bare = [name for name in self.names if name.partition(":")[0] in WAYS] if self.curved else []
        if bare:
            raise InvalidInput(f"--curved follows probes of labels, and {bare[0]} has none; leave one of the two out")

    @property
    def names(self) -> list[str]:
        """Everything that is to be set or kept."""
        return [*(words.rpartition("=")[0] for words in self.sets), *self.keep]

    def changes(self, directions: Directions) -> dict[str, float | str]:
        """How far to move each attribute, and the new value of each column of several that `directions` know."""
        found: dict[str, float | str] = {}
        for words in self.sets:
            name, _, dose = words.rpartition("=")
            if name in found and name in directions.columns and name not in directions.names:
                raise invalid("--set", "one value of a column", f"{name}={found[name]} and {words}")
            if not name or name in found:
                raise invalid("--set", "ATTRIBUTE=NUMBER, once for each attribute", words, SUCH_AS)
            known = words in directions.names and name in directions.columns
            found[name] = dose if known else _number(words, dose)
        return found

    def settled(self, bundle: Bundle, tell: Tell | None = None) -> "Edit":
        """The same with rows named by their ids."""
        del tell
        return replace(self, rows=rows_to_edit(bundle, self.rows).ids)

    def make(self, bundle: Bundle, progress: Callable[[int, int], None]) -> Made:
        """The rows as they were, as they come back, and on their way."""
        del progress
        given = rows_to_edit(bundle, self.rows)
        return made_of(bundle, given, self, carry_out(bundle, given, self))


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """An edit that was carried out.

    Parameters
    ----------
    edited : the rows on their way, and what that did
    changes : how far each attribute was moved, or the new value of a column
    fresh : directions that are to be stored in the bundle, None for those that are there or are of this edit alone
    notes : on rows that are unlike the data, or left them
    """

    edited: Edited
    changes: dict[str, float | str]
    fresh: Directions | None
    notes: tuple[str, ...]


def rows_to_edit(bundle: Bundle, names: Sequence[str]) -> Given:
    """Rows by name, 32 at most."""
    if not names:
        raise InvalidInput("WHAT to edit is missing: pictures, other new data, or ids or numbers of rows")
    _check_count(len(names))
    given = given_rows(bundle, names)
    _check_count(len(given.ids))
    return given


def carry_out(bundle: Bundle, given: Given, wanted: Edit, *, labelled: Rows | None = None) -> Done:
    """Move the rows along directions of the bundle's attributes, or of those of other `labelled` rows.

    Raises
    ------
    InvalidInput
        For unknown attributes, or changes that cannot be made together.
    """
    directions, fresh = directions_of_names(bundle, wanted, labelled=labelled)
    changes = wanted.changes(directions)
    edited = _edited(bundle, directions, given, wanted, changes=changes, labelled=labelled)
    notes: list[str] = []
    new = np.flatnonzero(given.new)
    if len(new):
        found = likeness(bundle, directions, given.shown(bundle)[new], given.codes[new])
        notes += [found.words(given.ids[row], at) for at, row in enumerate(new) if found.unlike[at]]
    notes += [
        f"the edit of {name} left the data: its code is further out than {edited.typicality[row, 1]:.1f} % of held-out "
        "rows; take a smaller step"
        for row, name in enumerate(given.ids)
        if edited.left_data[row]
    ]
    return Done(edited=edited, changes=changes, fresh=fresh, notes=tuple(notes))


def made_of(bundle: Bundle, given: Given, wanted: Edit, done: Done) -> Made:
    """The rows of an edit as they are shown: before, as they come back, and on their way."""
    lines = np.concatenate([given.shown(bundle)[:, None], done.edited.frames], axis=1)
    count = lines.shape[1]
    stages = ["before", *(f"{step / (count - 2):.0%}".replace("%", " %") for step in range(count - 1))]
    facts = {"rows": list(given.ids), "set": done.changes, "keep": list(wanted.keep), **done.edited.to_json()}
    return Made(
        array=lines.reshape(-1, *lines.shape[2:]),
        columns=ROLLS if isinstance(bundle.modality, GridModality) else count,
        ids=[f"{name}/{stage}" for name in given.ids for stage in stages],
        facts={**facts, "notes": list(done.notes)},
        words=said(done.edited),
    )


def said(edited: Edited) -> str:
    """What an edit did besides, in one line."""
    before, after = edited.typicality.mean(0)
    leaked = "" if edited.leakage is None else f"leakage {edited.leakage:.3f} a class that was not set, "
    return (
        f"{leaked}typicality {before:.0f} before and {after:.0f} after (percentile of held-out rows), "
        f"difference from the reconstruction {edited.change.mean():.4f}"
    )


def directions_of_names(
    bundle: Bundle, wanted: Edit, *, labelled: Rows | None = None
) -> tuple[Directions, Directions | None]:
    """Directions of attributes and those without a label that the names ask for, such as pca:3; and what is to be kept
    of them in the bundle.
    """
    asked = [name.partition(":") for name in wanted.names if name.partition(":")[0] in WAYS]
    more: list[Directions] = []
    for way in WAYS:
        places = [_place(place, bundle.space.dim) for found, _, place in asked if found == way]
        if places:
            more.append(unsupervised_directions(bundle.space, bundle.codes, way=way, count=max(places)))
    needed = not more or len(asked) < len(wanted.names) or labelled is not None
    try:
        found, fresh = directions_for(bundle, method=cast("Method | None", wanted.method), rows=labelled)
    except InvalidInput:
        # rows without labels, or too few, can still be moved along directions that need none
        if needed:
            raise
        return functools.reduce(joined, more), None
    return functools.reduce(joined, more, found), found if fresh else None


def _edited(
    bundle: Bundle,
    directions: Directions,
    given: Given,
    wanted: Edit,
    *,
    changes: dict[str, float | str],
    labelled: Rows | None,
) -> Edited:
    """The rows moved straight on, or along the gradient of a probe of what is set and kept."""
    keep, steps = wanted.keep, wanted.steps
    if not wanted.curved:
        options: dict[str, Any] = {"keep": keep, "slack": wanted.slack, "steps": steps}
        return edit_rows(bundle.space, directions, given.codes, changes, **options)
    doses = {name: change for name, change in changes.items() if not isinstance(change, str)}
    if len(doses) < len(changes):
        raise InvalidInput("--curved moves by numbers, such as label=3=+2; leave it out to set a value")
    probe = fit_curved(**labelled_codes(bundle, labelled), names=[*doses, *keep])
    path = probe.path(given.codes.reshape(len(given.codes), -1), doses, keep=keep, steps=steps)
    return edit_along(bundle.space, directions, path, [*doses], keep=keep)


def _number(words: str, dose: str) -> float:
    try:
        return float(dose)
    except ValueError:
        raise invalid("--set", "ATTRIBUTE=NUMBER or COLUMN=VALUE", words, SUCH_AS) from None


def _place(words: str, most: int) -> int:
    if not words.isdigit() or not 1 <= int(words) <= most:
        raise invalid("the place of a direction", f"a number from 1 to {most}", words, "such as pca:1")
    return int(words)


def _check_count(count: int) -> None:
    if count > MOST_ROWS:
        raise invalid("WHAT", f"at most {MOST_ROWS} rows", count, "edit a few of them")
