"""`detect`: odd rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentarium.bundle import open_bundle
from latentarium.cli.output import bold, check_ending, counting, emit, plain, say, write_picture


@dataclass(frozen=True, kw_only=True)
class DetectRequest:
    """What to judge, how, and where to write it."""

    data: str
    out: Path
    source: str | None
    settings: Mapping[str, Any]
    fdr: float
    oddest: int


def run_detect(path: Path, request: DetectRequest, *, as_json: bool) -> None:
    """Judge the rows; write the table, the sheet of pictures and the page."""
    from latentarium.applications.anomaly.detecting import detect, odd_pictures, write_page, write_table
    from latentarium.data import open_like

    check_ending(request.out, (".parquet", ".csv"))
    bundle = open_bundle(path)
    rows = open_like(request.data, bundle.modality)
    with counting("judging") as tell:
        found = detect(
            bundle,
            rows,
            request.settings,
            data=request.source,
            rate=request.fdr,
            most=request.oddest,
            progress=tell,
        )
    write_table(found, request.out)
    sheet, page = odd_pictures(found), request.out.with_suffix(".html")
    target = None if sheet is None else request.out.with_suffix(".png")
    if target is not None:
        write_picture(sheet, target)
    write_page(found, bundle, page)
    result = {
        "bundle": str(path),
        "data": request.data,
        **found.to_json(),
        "out": str(request.out),
        "page": str(page),
        "sheet": None if target is None else str(target),
    }
    for note in (*found.threshold.notes, found.drift.words if found.drift.broken else ""):
        if note:
            say(note)
    words = f"{found.odd.sum():,} of {len(rows):,} rows are odd, compared with {plain(found.which)}\n"
    words += f"the oddest: {plain(', '.join(rows.ids[found.oddest[:5]]))}\n"
    words += f"table: {bold(request.out)}, page: {bold(page)}" + (f", sheet: {bold(target)}" if target else "")
    emit(result, as_json=as_json, words=words)
