"""`edit`: rows with more or less of an attribute."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import bold, console, emit, plain, say, spare
from latentarium.cli.showing import ROLLS, files_entry, files_words, show, targets
from latentarium.data.music.modalities import GridModality
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.files import together

MOST_ROWS = 32
MOST_OTHERS = 8
"""Attributes that were neither set nor kept which the table shows, those that moved most."""


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """What to change in which rows."""

    what: Sequence[str]
    sets: Sequence[str]
    keep: Sequence[str]
    slack: float
    steps: int
    curved: bool
    method: str | None
    labels: str | None

    def changes(self, directions: Any = None) -> dict[str, float | str]:
        """How far to move each attribute, and the new value of each column of several that `directions` know."""
        found: dict[str, float | str] = {}
        for words in self.sets:
            name, _, dose = words.rpartition("=")
            if not name or name in found:
                raise invalid("--set", "ATTRIBUTE=NUMBER, once for each attribute", words, "such as Blond_Hair=+2")
            known = directions is not None and words in directions.names and name in directions.columns
            found[name] = dose if known else _number(words, dose)
        return found

    @property
    def kept(self) -> list[str]:
        """Attributes that shall stay."""
        return [name.strip() for words in self.keep for name in words.split(",") if name.strip()]

    def check(self, out: Path | None) -> None:
        """Refuse what only an edit would use where there is nothing to set."""
        given = {
            "WHAT": bool(self.what),
            "--keep": bool(self.keep),
            "--slack": self.slack != 0,
            "--curved": self.curved,
            "--out": out is not None,
        }
        unused = [name for name, is_given in given.items() if is_given]
        if unused and not self.sets:
            raise InvalidInput(
                "--set is missing, which says what to change, such as Blond_Hair=+2; to see what can be set, leave "
                f"{', '.join(unused)} out"
            )
        from latentarium.applications.editing.unsupervised import WAYS

        bare = [name for name in self.names if name.partition(":")[0] in WAYS] if self.curved else []
        if bare:
            raise InvalidInput(f"--curved follows probes of labels, and {bare[0]} has none; leave one of the two out")

    @property
    def names(self) -> list[str]:
        """Everything that is to be set or kept."""
        return [*(words.rpartition("=")[0] for words in self.sets), *self.kept]


def _number(words: str, dose: str) -> float:
    try:
        return float(dose)
    except ValueError:
        raise invalid("--set", "ATTRIBUTE=NUMBER or COLUMN=VALUE", words, "such as Blond_Hair=+2") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The rows to edit: ids, arrays, codes, and whether they are new to the bundle."""

    ids: Sequence[str]
    x: NDArray[np.float32]
    codes: NDArray[np.float32]
    new: bool


def run_edit(path: Path, request: EditRequest, *, out: Path | None, as_json: bool) -> None:
    """Edit rows, or list what can be edited."""
    from latentarium.applications.editing import likeness

    request.check(out)
    bundle = open_bundle(path)
    files = targets(bundle, out, "edit")
    spare(files, path, *request.what, request.labels)
    if not request.sets:
        directions, fresh = _labelled(bundle, request)
        _keep(bundle, fresh)
        return _list(bundle, directions, as_json=as_json)
    given = _given(bundle, request.what)
    directions, fresh = _directions(bundle, request)
    notes: list[str] = []
    if given.new:
        found = likeness(bundle, directions, given.x, given.codes)
        notes += [found.words(name, row) for row, name in enumerate(given.ids) if found.unlike[row]]
    edited = _edited(bundle, directions, given, request)
    notes += [
        f"the edit of {name} left the data: its code is further out than {edited.typicality[row, 1]:.1f} % of held-out "
        "rows; take a smaller step"
        for row, name in enumerate(given.ids)
        if edited.left_data[row]
    ]
    with together():
        _show(bundle, given, edited.frames, files)
    _keep(bundle, fresh)
    result = {
        "bundle": str(path),
        "rows": list(given.ids),
        "set": request.changes(directions),
        "keep": request.kept,
        **edited.to_json(),
        "notes": notes,
        **files_entry(files),
    }
    for note in notes:
        say(note)
    if not as_json:
        _table(edited.effects)
    emit(result, as_json=as_json, words=_words(edited, files))


def _directions(bundle: Bundle, request: EditRequest) -> tuple[Any, Any]:
    """Directions of labels and those without that the given names ask for, such as pca:3; the first where new."""
    from latentarium.applications.editing.unsupervised import WAYS, joined, unsupervised_directions

    names = request.names
    asked = [name.partition(":") for name in names if name.partition(":")[0] in WAYS]
    more: list[Any] = []
    for way in WAYS:
        places = [_place(place, bundle.space.dim) for found, _, place in asked if found == way]
        if places:
            more.append(unsupervised_directions(bundle.space, bundle.codes, way=way, count=max(places)))
    needed = not more or len(asked) < len(names) or request.labels is not None
    try:
        labelled, fresh = _labelled(bundle, request)
    except InvalidInput:
        # rows without labels, or too few, can still be moved along directions that need none
        if needed:
            raise
        return functools.reduce(joined, more), None
    return functools.reduce(joined, more, labelled), fresh


def _place(words: str, most: int) -> int:
    if not words.isdigit() or not 1 <= int(words) <= most:
        raise invalid("the place of a direction", f"a number from 1 to {most}", words, "such as pca:1")
    return int(words)


def _labelled(bundle: Bundle, request: EditRequest) -> tuple[Any, Any]:
    """Directions stored in the bundle or newly fitted; again, where they are to be kept in it."""
    from latentarium.applications.editing.fitting import METHODS
    from latentarium.applications.editing.stored import directions_for

    method: Any = request.method
    if method not in (None, *METHODS):
        raise invalid("--method", f"one of {', '.join(METHODS)}", method)
    found, fresh = directions_for(bundle, method=method, rows=_other_rows(bundle, request))
    return found, found if fresh else None


def _keep(bundle: Bundle, directions: Any) -> None:
    """Store new directions, so that the next edit need not fit them, where the bundle can be written."""
    from latentarium.applications.editing import store_directions

    if directions is None:
        return
    try:
        store_directions(bundle, directions)
    except LatentariumError as error:
        say(f"the directions are not kept: {error}")


def _edited(bundle: Bundle, directions: Any, given: Given, request: EditRequest) -> Any:
    """The rows moved straight on, or along the gradient of a probe of what is set and kept."""
    from latentarium.applications.editing import edit_along, edit_rows, fit_curved
    from latentarium.applications.editing.stored import labelled_codes

    changes, keep, steps = request.changes(directions), request.kept, request.steps
    if not request.curved:
        options = {"keep": keep, "slack": request.slack, "steps": steps}
        return edit_rows(bundle.space, directions, given.codes, changes, **options)
    doses = {name: change for name, change in changes.items() if not isinstance(change, str)}
    if len(doses) < len(changes):
        raise InvalidInput("--curved moves by numbers, such as label=3=+2; leave it out to set a value")
    probe = fit_curved(**labelled_codes(bundle, _other_rows(bundle, request)), names=[*doses, *keep])
    path = probe.path(given.codes.reshape(len(given.codes), -1), doses, keep=keep, steps=steps)
    return edit_along(bundle.space, directions, path, [*doses], keep=keep)


def _other_rows(bundle: Bundle, request: EditRequest) -> Rows | None:
    from latentarium.data import open_like

    return None if request.labels is None else open_like(request.labels, bundle.modality)


def _given(bundle: Bundle, what: Sequence[str]) -> Given:
    if not what:
        raise InvalidInput("WHAT to edit is missing: a picture, other new data, or ids or numbers of rows")
    if len(what) == 1 and what[0] and Path(what[0]).exists():
        from latentarium.data import open_like

        rows = open_like(what[0], bundle.modality)
        _check_count(len(rows))
        x = rows.array()
        return Given(ids=rows.ids.tolist(), x=x, codes=bundle.space.encode(x), new=True)
    from latentarium.applications.evaluation import find_numbers
    from latentarium.applications.search.rows import shown_rows

    _check_count(len(what))
    numbers = find_numbers(bundle, list(what))
    codes = bundle.codes[numbers].reshape(-1, *bundle.space.shape)
    ids = [str(name) for name in bundle.ids[numbers]]
    return Given(ids=ids, x=shown_rows(bundle, numbers)[0], codes=codes, new=False)


def _check_count(count: int) -> None:
    if count > MOST_ROWS:
        raise invalid("WHAT", f"at most {MOST_ROWS} rows", count, "edit a few of them")


def _show(bundle: Bundle, given: Given, frames: NDArray[np.float32], files: Sequence[Path]) -> None:
    """Each row: as it was, as it comes back, and on its way to the edited one."""
    lines = np.concatenate([given.x[:, None], frames], axis=1)
    count = lines.shape[1]
    stages = ["before", *(f"{step / (count - 2):.0%}".replace("%", " %") for step in range(count - 1))]
    ids = np.array([f"{name}/{stage}" for name in given.ids for stage in stages])
    columns = ROLLS if isinstance(bundle.modality, GridModality) else count
    show(bundle, lines.reshape(-1, *lines.shape[2:]), files, columns=columns, ids=ids)


def _words(edited: Any, files: Sequence[Path]) -> str:
    before, after = edited.typicality.mean(0)
    leaked = "" if edited.leakage is None else f"leakage {edited.leakage:.3f} a class that was not set, "
    return (
        f"{leaked}typicality {before:.0f} before and {after:.0f} after (percentile of held-out rows), "
        f"difference from the reconstruction {edited.change.mean():.4f}\n{files_words(files)}"
    )


def _table(effects: Sequence[Any]) -> None:
    """What was set, what was kept, and what else moved most."""
    from rich.table import Table

    others = sorted((e for e in effects if e.role == "other"), key=lambda e: -abs(e.after - e.before))[:MOST_OTHERS]
    shown = [e for role in ("set", "kept") for e in effects if e.role == role] + others
    table = Table(box=None, pad_edge=False)
    for name in ("attribute", "", "before", "after", "seen before", "seen after"):
        table.add_column(name, justify="left" if name in ("attribute", "") else "right")
    for effect in shown:
        values = (effect.before, effect.after, effect.seen_before, effect.seen_after)
        name = bold(effect.name) if effect.role == "set" else plain(effect.name)
        table.add_row(name, effect.role, *("" if value is None else f"{value:.3f}" for value in values))
    console().print(table)


def _list(bundle: Bundle, directions: Any, *, as_json: bool) -> None:
    """What can be set, and how well each probe tells it on rows it was not fitted to."""
    from latentarium.applications.editing.directions import quality_json

    attributes = [
        {"name": name, "kind": kind, **quality_json(quality)}
        for name, kind, quality in zip(directions.names, directions.kinds, directions.quality, strict=True)
    ]
    result = {"bundle": str(bundle.path), "attributes": attributes, "left_out": dict(directions.left_out)}
    lines = [
        f"{plain(a['name'])}: {'AUC' if a['measure'] == 'auc' else 'R^2'} {a['value']:.3f} "
        f"({a['interval'][0]:.3f} to {a['interval'][1]:.3f}, {a['n']:,} rows)"
        for a in attributes
    ]
    lines += [f"no direction for {plain(name)}: {plain(why)}" for name, why in directions.left_out.items()]
    emit(result, as_json=as_json, words="\n".join(lines))
