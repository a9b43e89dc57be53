"""`measure`, `compare`, `map`, `info` and `check`."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentarium.bundle import open_bundle
from latentarium.cli.output import (
    PICTURES,
    bold,
    check_ending,
    console,
    difference_table,
    emit,
    naming,
    plain,
    say,
    score_table,
    scores_json,
    spare,
    write_picture,
)


@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """What is measured of a bundle, on which data, and how."""

    data: str | None
    only: Sequence[str] | None
    factors: Sequence[str]
    nulls: int
    features: str
    seed: int


def run_measure(path: Path, request: MeasureRequest, *, as_json: bool) -> None:
    """Measure and write the sheet into the bundle."""
    from latentarium.applications.specsheet import write_sheet
    from latentarium.measures import findings
    from latentarium.measures.report import by_reason

    began = time.perf_counter()
    bundle = open_bundle(path)
    with naming("measuring") as tell:
        sheet = write_sheet(bundle, **dataclasses.asdict(request), progress=tell)
    troubles = findings(sheet.measurements.scores)
    spent = {**sheet.measurements.seconds, "total": round(time.perf_counter() - began, 1)}
    result = {
        "bundle": str(path),
        "rows": sheet.which,
        "scores": scores_json(sheet.measurements.scores),
        "skipped": dict(sheet.measurements.skipped),
        "findings": [finding.to_json() for finding in troubles],
        "seconds": spent,
    }
    if not as_json:
        score_table(sheet.measurements.scores, f"{bundle.name}, on {sheet.which}")
        for finding in troubles:
            console().print(f"{bold(finding.trouble)}: {plain(finding.words)} {plain(finding.advice)}", highlight=False)
        for why, names in by_reason(sheet.measurements.skipped).items():
            say(f"skipped {', '.join(names)}: {why}")
    emit(result, as_json=as_json, words=f"report: {bold(path / 'report.html')}")


def run_compare(first: Path, others: Sequence[Path], *, out: Path, seed: int, as_json: bool) -> None:
    """Table of the differences between two, or of what several have in common, and the page."""
    check_ending(out, (".html",))
    spare([out], first, *others)
    if len(others) > 1:
        return _run_agreement([first, *others], out=out, seed=seed, as_json=as_json)
    _run_difference(first, others[0], out=out, seed=seed, as_json=as_json)


def _run_agreement(paths: Sequence[Path], *, out: Path, seed: int, as_json: bool) -> None:
    from latentarium import __version__
    from latentarium.applications.comparing import agreement
    from latentarium.files import replacing
    from latentarium.measures import render_agreement

    scores, rows = agreement([open_bundle(path) for path in paths], seed=seed)
    names = [path.resolve().name for path in paths]
    page = render_agreement(names, list(scores.values()), rows=rows, version=__version__)
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if not as_json:
        score_table(scores, f"{', '.join(names)}, on {rows}")
    result = {"bundles": [str(path) for path in paths], "rows": rows, "scores": scores_json(scores), "page": str(out)}
    emit(result, as_json=as_json, words=f"page: {bold(out)}")


def _run_difference(first: Path, second: Path, *, out: Path, seed: int, as_json: bool) -> None:
    from latentarium import __version__
    from latentarium.applications.comparing import sheets
    from latentarium.files import replacing
    from latentarium.measures import compare, render_comparison

    bundles = (open_bundle(first), open_bundle(second))
    with naming("measuring") as tell:
        found, rows = sheets(bundles, seed=seed, progress=tell)
    differences = compare(*found)
    names = (first.resolve().name, second.resolve().name)
    page = render_comparison(names, differences, rows=rows, version=__version__)
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if not as_json:
        difference_table(names, differences, f"{names[0]} and {names[1]}, on {rows}")
    result = {
        "first": str(first),
        "second": str(second),
        "rows": rows,
        "differences": [difference.to_json() for difference in differences],
        "page": str(out),
    }
    emit(result, as_json=as_json, words=f"page: {bold(out)}")


@dataclass(frozen=True, kw_only=True)
class MapRequest:
    """A map to be made: how, of how many codes, and in how many seconds."""

    method: str
    rows: int
    seed: int
    budget: float | None = None


def run_map(path: Path, request: MapRequest, *, label: str | None, out: Path | None, as_json: bool) -> None:
    """Fit a map, keep it, draw it."""
    from latentarium import pictures
    from latentarium.applications.mapping import add_map, map_labels
    from latentarium.arrays import check_positive_int
    from latentarium.maps import Effort

    method, rows = request.method, check_positive_int(request.rows, "--rows", low=3)
    effort = Effort(budget=request.budget)
    check_ending(out, tuple(PICTURES))
    target = out or Path(f"{path.resolve().name}-{method}.png")
    spare([target], path)
    bundle = open_bundle(path)
    if label is not None:
        bundle.column(label)
    with naming(f"{method} map") as tell:
        bundle, found = add_map(bundle, method=method, rows=rows, seed=request.seed, effort=effort, progress=tell)
    write_picture(pictures.map_image(found.coordinates, map_labels(bundle, found.ids, label)), target)
    result = {"bundle": str(path), "method": method, "rows": len(found.ids), "quality": dict(found.quality)}
    choice = found.settings["choice"]
    known = ("trustworthiness", "continuity", "neighbour_recall")
    words = ", ".join(f"{name.replace('_', ' ')} {found.quality[name]:.3f}" for name in known if name in found.quality)
    words = f"{method} map of {len(found.ids):,} codes: {words}; {choice}\npicture: {bold(target)}"
    emit({**result, "choice": choice, "picture": str(target)}, as_json=as_json, words=words)


def run_info(path: Path, *, as_json: bool) -> None:
    """Print the manifest, or its main lines."""
    bundle = open_bundle(path)
    if as_json:
        emit({"bundle": str(path), "manifest": dict(bundle.manifest)}, as_json=True)
        return
    from rich.table import Table

    from latentarium.distributions import describe

    made, data, architecture = (bundle.manifest[name] for name in ("provenance", "data", "architecture"))
    table = Table(title=bundle.name, title_justify="left", title_style="bold", box=None, show_header=False)
    facts = {
        "data": f"{data['name']}: {data['rows']:,} rows from {data['source'] or 'memory'}",
        "parts": ", ".join(f"{count:,} {name}" for name, count in data["splits"].items()),
        "labels": ", ".join(bundle.label_names) or "none",
        "conditions": ", ".join(entry["column"] for entry in bundle.manifest.get("conditions", ())) or "none",
        "latent shape": str(tuple(bundle.manifest["shape"])),
        "model": f"{_model(made)}, {architecture['net']}, {made['parameters']:,} parameters",
        "likelihood": made["likelihood"]["name"],
        "prior": "none" if bundle.prior is None else describe(bundle.prior),
        "training": _training(made),
        "maps": ", ".join(bundle.manifest.get("maps", {})) or "none",
        "alarms": "; ".join(made["alarms"]) or "none",
    }
    for name, value in facts.items():
        table.add_row(name, value)
    console().print(table)


def _model(made: Mapping[str, Any]) -> str:
    return made["settings"]["model"] if "imported" not in made else made["imported"].get("kind", "")


def _training(made: Mapping[str, Any]) -> str:
    if "imported" in made:
        origin = made["imported"]
        return f"elsewhere; imported from {', '.join(origin.get('files', ())) or origin.get('encoder', 'memory')}"
    return f"{made['steps']:,} steps in {made['seconds']:.0f} s, seed {made['settings']['seed']}"


def run_check(path: Path, *, seed: int, as_json: bool) -> None:
    """Verify checksums and the contract; status 1 when a check fails."""
    from latentarium.checks import check_space

    bundle = open_bundle(path)
    names = bundle.verify()
    rows = np.resize(np.arange(len(bundle.kept)), max(4, min(16, len(bundle.kept))))
    x = bundle.modality.to_array(np.asarray(bundle.kept[rows]))
    report = check_space(bundle.space, x, seed=seed, reload=lambda _: open_bundle(path).space)
    result = {"bundle": str(path), "files": len(names), "checks": report.to_json()}
    if not as_json:
        console().print(f"{len(names)} files match their checksums\n{report}", markup=False, highlight=False)
        report.raise_if_failed()
    emit(result, as_json=as_json)
    if report.failed:
        raise SystemExit(1)
