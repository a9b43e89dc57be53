"""Recipes as text in files, and back.

Reading one from a file runs nothing: its verb is looked up here, and every setting is checked for name and type.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from latentarium.applications.editing.recipe import Edit
from latentarium.applications.recipes import Blend, Palette, Sample, Traverse, Walk
from latentarium.bundle import GIVEN, MODEL, PRIOR, Bundle
from latentarium.errors import InvalidInput, invalid

_FOREIGN = ("encoder.onnx", "decoder.onnx")
_MAKES = (MODEL, PRIOR, GIVEN, "codes.parquet", "rows.parquet")
Recipe = Sample | Blend | Traverse | Walk | Palette | Edit
RECIPES: Mapping[str, type[Recipe]] = {kind.verb: kind for kind in (Sample, Blend, Traverse, Walk, Palette, Edit)}


def fingerprint(bundle: Bundle) -> str:
    """16 hex digits that differ where a bundle would make something else of a recipe.

    They are of its networks, prior, codes and rows; maps and reports may come and go.
    """
    manifest = bundle.manifest
    names = _MAKES if bundle.has(MODEL) else (*_MAKES, *_FOREIGN)
    facts = {name: manifest["files"][name] for name in names if bundle.has(name)}
    facts |= {name: manifest[name] for name in ("shape", "modality", "architecture")}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def recipe_text(recipe: Recipe, bundle: Bundle) -> str:
    """A settled recipe for `bundle` as one line of ASCII."""
    return json.dumps({**_head(recipe.verb, bundle), "settings": dataclasses.asdict(recipe)})


def command_text(verb: str, bundle: Bundle, settings: Mapping[str, Any], *, command: str) -> str:
    """What a file carries that cannot be made again from the bundle alone: its settings, and the command."""
    return json.dumps({**_head(verb, bundle), "settings": dict(settings), "command": command})


def _head(verb: str, bundle: Bundle) -> dict[str, Any]:
    from latentarium import __version__

    return {"latentarium": __version__, "verb": verb, "bundle": bundle.name, "fingerprint": fingerprint(bundle)}


def read_recipe(text: str | None, bundle: Bundle, *, name: str) -> Recipe:
    """The recipe in the text of the file `name`, for the bundle that it was made with.

    Raises
    ------
    InvalidInput
        When the text is no recipe, or one for another bundle.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        stored = json.loads(text or "")
        settings, made_with, command = dict(stored["settings"]), stored["fingerprint"], stored.get("command")
        kind = None if command else RECIPES[stored["verb"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput(
            f"{name} carries no settings to make it again: it was not made by a verb like walk"
        ) from None
    if kind is None:
        shown = "".join(letter for letter in str(command) if letter.isprintable())
        raise InvalidInput(f"{name} shows more than the bundle holds, and was made by: {shown}; run that again")
    unknown = settings.keys() - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise invalid(f"a setting in {name}", f"one of {kind.verb}", ", ".join(sorted(unknown)))
    own = fingerprint(bundle)
    if made_with != own:
        was = stored.get("bundle")
        raise invalid("BUNDLE", f"the one that {name} was made with, {was!r} ({made_with})", f"{bundle.name} ({own})")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise invalid(f"the setting {where} in {name}", wrong["msg"], wrong["input"]) from None
