"""`edit`: rows with more or less of an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import bold, command_line, console, emit, plain, say, spare
from latentarium.cli.showing import files_entry, files_words, show, targets
from latentarium.errors import InvalidInput, LatentariumError
from latentarium.files import together

MOST_OTHERS = 8
"""Attributes that were neither set nor kept which the table shows, those that moved most."""


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """What to change in which rows, and what to learn directions from."""

    what: Sequence[str]
    sets: Sequence[str]
    keep: Sequence[str]
    slack: float
    steps: int
    curved: bool
    method: str | None
    labels: str | None

    @property
    def recipe(self) -> Any:
        """The edit as `remake` reads it."""
        from latentarium.applications.editing.recipe import Edit

        return Edit(
            rows=tuple(self.what),
            sets=tuple(self.sets),
            keep=tuple(name.strip() for words in self.keep for name in words.split(",") if name.strip()),
            slack=self.slack,
            steps=self.steps,
            curved=self.curved,
            method=self.method,
        )

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


def run_edit(path: Path, request: EditRequest, *, out: Path | None, as_json: bool) -> None:
    """Edit rows, or list what can be edited."""
    from latentarium.applications.editing.recipe import carry_out, made_of, rows_to_edit
    from latentarium.applications.recipe_files import command_text, recipe_text

    request.check(out)
    bundle, wanted = open_bundle(path), request.recipe
    files = targets(bundle, out, "edit")
    spare(files, path, *request.what, request.labels)
    if not request.sets:
        return _list(bundle, request, as_json=as_json)
    given = rows_to_edit(bundle, wanted.rows)
    done = carry_out(bundle, given, wanted, labelled=_other_rows(bundle, request))
    made, text = made_of(bundle, given, wanted, done), ""
    if given.new.any() or request.labels is not None:
        text = command_text("edit", bundle, made.facts["set"], command=command_line())
    else:
        text = recipe_text(wanted.settled(bundle), bundle)
    with together():
        show(bundle, made.array, files, columns=made.columns, ids=made.ids, text=text)
    _keep(bundle, done.fresh)
    for note in (*given.notes, *done.notes):
        say(note)
    if not as_json:
        _table(done.edited.effects)
    result = {"bundle": str(path), **made.facts, **files_entry(files)}
    emit(result, as_json=as_json, words=f"{made.words}\n{files_words(files)}")


def _keep(bundle: Bundle, directions: Any) -> None:
    """Store new directions, so that the next edit need not fit them, where the bundle can be written."""
    from latentarium.applications.editing import store_directions

    if directions is None:
        return
    try:
        store_directions(bundle, directions)
    except LatentariumError as error:
        say(f"the directions are not kept: {error}")


def _other_rows(bundle: Bundle, request: EditRequest) -> Any:
    from latentarium.data import open_like

    if request.labels is None:
        return None
    rows = open_like(request.labels, bundle.modality)
    for note in rows.notes:
        say(note)
    return rows


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


def _list(bundle: Bundle, request: EditRequest, *, as_json: bool) -> None:
    """What can be set, how well each probe tells it on rows it was not fitted to, and directions without a label."""
    from latentarium.applications.editing.listing import what_can_be_set

    found = what_can_be_set(bundle, method=request.recipe.method, labelled=_other_rows(bundle, request))
    _keep(bundle, found.fresh)
    emit({"bundle": str(bundle.path), **found.to_json()}, as_json=as_json, words="\n".join(_lines(found.to_json())))


def _lines(found: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{plain(a['name'])}: {'AUC' if a['measure'] == 'auc' else 'R^2'} {a['value']:.3f} "
        f"({a['interval'][0]:.3f} to {a['interval'][1]:.3f}, {a['n']:,} rows)"
        for a in found["attributes"]
    ]
    lines += [f"no direction for {plain(name)}: {plain(why)}" for name, why in found["left_out"].items()]
    for a in found["unsupervised"]:
        share = f"{a['value']:.1%} of {a['of']}"
        lines.append(f"{a['name']}: {share}" + (f", {plain(a['label'])}" if a["label"] else ""))
    return [*lines, *(plain(note) for note in found["notes"])]
