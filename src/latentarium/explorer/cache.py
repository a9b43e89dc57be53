"""The view of a bundle: the folder `explorer/` in it, typed arrays and view.json, made anew when the bundle changed."""

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle
from latentarium.errors import DamagedFile, invalid
from latentarium.explorer import codes as code_parts
from latentarium.explorer import kinds, networks, rows
from latentarium.explorer.attributes import attributes
from latentarium.explorer.draft import Draft
from latentarium.explorer.sheet import report
from latentarium.explorer.wire import Packed, View
from latentarium.explorer.wire_sheet import Report

FOLDER, VIEW = "explorer", "view.json"
_FINE_BYTES = 4 * 2**20
_NOT_SHOWN = ("report.html", "pictures/", f"{FOLDER}/", "history.jsonl")
Told = Callable[[str, int, int], None]


def view_of(bundle: Bundle) -> View | None:
    """The stored view, or None where there is none or the bundle has changed since."""
    name = f"{FOLDER}/{VIEW}"
    if not bundle.has(name):
        return None
    stored = bundle.json(name)
    if not isinstance(stored, dict) or stored.get("made_from") != _state(bundle):
        return None
    try:
        return View.model_validate(stored)
    except ValueError as error:
        reason = " ".join(str(error).split())[:160]
        raise DamagedFile(f"bundle {bundle.path} is damaged: {name} ({reason})") from None


def can_show(bundle: Bundle) -> bool:
    """Whether the page has a way to show the data of a bundle."""
    return kinds.can_show(bundle.modality)


def with_view(bundle: Bundle, *, progress: Told | None = None) -> Bundle:
    """The bundle with an up-to-date view in `explorer/`, and the ONNX graphs that the page decodes with.

    Raises
    ------
    InvalidInput
        For a kind of data that the page cannot show.
    """
    if view_of(bundle) is not None:
        return bundle
    if not can_show(bundle):
        raise invalid(
            "the data of a space to explore",
            "pictures, a table, melodies, drums or lines of text",
            bundle.modality.kind,
        )
    tell = progress or _silent
    tell("networks", 0, 4)
    whole, notes = networks.with_graphs(bundle)
    draft = Draft()
    made = _view(whole, draft, notes, tell)
    stale = [name for name in whole.manifest["files"] if name.startswith(f"{FOLDER}/")]
    draft.add(VIEW, (made.model_dump_json(indent=1) + "\n").encode())
    return whole.with_files(draft.writers(FOLDER), without=[n for n in stale if n.split("/")[1] not in draft.files])


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def _view(bundle: Bundle, draft: Draft, notes: list[str], tell: Told) -> View:
    order = rows.row_order(bundle.codes)
    flat = np.ascontiguousarray(bundle.codes[order])
    tell("codes", 1, 4)
    bases, typical = code_parts.bases(flat, _flat_decoder(bundle)), code_parts.typicality(flat)
    tell("rows", 2, 4)
    shown = rows.shown_rows(bundle, order)
    errors, distances = rows.reconstruction_errors(bundle, flat, shown), code_parts.neighbour_distances(flat)
    tell("files", 3, 4)
    return View(
        made_from=_state(bundle),
        name=bundle.name,
        subject=bundle.manifest["data"]["name"],
        facts=_facts(bundle),
        rows=len(order),
        parked=rows.parked(bundle, order),
        first=rows.typical_row(shown, errors),
        decoded_rows=bool(bundle.manifest["data"].get("decoded")),
        dim=flat.shape[1],
        shape=list(bundle.space.shape),
        modality=kinds.kind_of(bundle.modality, shown.raw),
        path="slerp" if bundle.space.geometry.path == "slerp" else "lerp",
        latent=_latent(flat, draft),
        ids=draft.add("ids.json", json.dumps(bundle.ids[order].tolist(), ensure_ascii=False).encode()),
        maps=code_parts.map_views(bundle, flat, order, draft),
        columns=rows.columns(bundle, order, draft) + rows.odd_columns(errors, distances, draft),
        bases=bases,
        attributes=attributes(bundle, flat),
        typicality=typical,
        thumbs=rows.thumbs(bundle, shown, draft),
        inputs=rows.inputs(bundle, shown, draft),
        lines=rows.lines(bundle, order, draft),
        decodes="decode" in bundle.space.capabilities,
        encodes="encode" in bundle.space.capabilities,
        decoder=networks.decoder_graph(bundle, flat, draft),
        small=networks.small_decoder(bundle, flat, draft),
        encoder=networks.encoder_graph(bundle, flat, draft),
        report=_report(bundle, draft),
        notes=notes,
        files=draft.facts(),
    )


def _report(bundle: Bundle, draft: Draft) -> str | None:
    sheet = report(bundle)
    return draft.add("report.json", sheet.model_dump_json().encode()) if sheet else None


def _state(bundle: Bundle) -> str:
    """SHA-256 of what a view is made from: the bundle's other files, this release and its format."""
    seen = {name: digest for name, digest in bundle.manifest["files"].items() if not name.startswith(_NOT_SHOWN)}
    # graphs follow from the weights, and writing them must not make a view stale
    for name in networks.FILES if bundle.built_in else ():
        seen.pop(name, None)
    facts = [View.model_json_schema(), Report.model_json_schema(), version("latentarium"), bundle.name, seen]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _flat_decoder(bundle: Bundle) -> code_parts.Decode | None:
    space = bundle.space
    if "decode" not in space.capabilities:
        return None
    return lambda z: space.decode(z.reshape(-1, *space.shape)).reshape(len(z), -1)


def _latent(flat: NDArray[np.float32], draft: Draft) -> Packed:
    """Codes in 16 bits a number while that is little, else in 8."""
    return draft.packed("latent", flat, "u16" if 2 * flat.size <= _FINE_BYTES else "u8")


def _facts(bundle: Bundle) -> list[tuple[str, str]]:
    made, architecture = bundle.manifest["provenance"], bundle.manifest["architecture"]
    settings: dict[str, Any] = made.get("settings", {})
    likelihood = made.get("likelihood", {}).get("name", "")
    facts = [
        ("data", f"{bundle.manifest['data']['name']}, {len(bundle.codes):,} rows"),
        ("model", f"{settings.get('model', '')} ({architecture.get('net', '')})".strip()),
        ("latent size", str(int(np.prod(bundle.manifest["shape"])))),
        ("likelihood", likelihood),
        ("parameters", f"{made['parameters']:,}" if "parameters" in made else ""),
        ("training", f"{made['steps']:,} steps in {made['seconds']:.0f} s" if made.get("steps") else ""),
        ("seed", str(settings.get("seed", ""))),
    ]
    return [(name, value) for name, value in facts if value]
