"""`detect`: odd rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentarium.bundle import open_bundle
from latentarium.cli.output import bold, check_ending, command_line, counting, emit, plain, say, spare, write_picture
from latentarium.files import together, write_text


@dataclass(frozen=True, kw_only=True)
class DetectRequest:
    """What to judge, how, and where to write it."""

    data: str
    out: Path
    maps: Path | None
    source: str | None
    settings: Mapping[str, Any]
    fdr: float
    oddest: int

    @property
    def page(self) -> Path:
        """The page beside the table."""
        return self.out.with_suffix(".html")

    @property
    def sheet(self) -> Path:
        """The sheet beside the table."""
        return self.out.with_suffix(".png")


def run_detect(path: Path, request: DetectRequest, *, as_json: bool) -> None:
    """Judge the rows; write the table, the sheet of pictures, the page and, where asked for, the maps."""
    from latentarium.applications.anomaly.detecting import detect, odd_pictures
    from latentarium.data import open_like

    check_ending(request.out, (".parquet", ".csv"))
    check_ending(request.maps, (".npz",))
    spare([request.out, request.sheet, request.page, request.maps], path, request.data, request.source)
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
    sheet = odd_pictures(found)
    _write(bundle, request, found, sheet)
    for note in found.notes:
        say(note)
    result = {
        "bundle": str(path),
        "data": request.data,
        **found.to_json(),
        "out": str(request.out),
        "page": str(request.page),
        "sheet": None if sheet is None else str(request.sheet),
        "maps": None if request.maps is None else str(request.maps),
    }
    emit(result, as_json=as_json, words=_words(request, found, shown=sheet is not None))


def _write(bundle: Any, request: DetectRequest, found: Any, sheet: Any) -> None:
    """Every file, with the settings that it was made by where it has room for them."""
    from latentarium.applications.anomaly.detecting import page_text, write_maps, write_table
    from latentarium.applications.recipe_files import command_text

    settings = {**found.settings, "data": request.data, "oddest": request.oddest}
    text = command_text("detect", bundle, settings, command=command_line())
    with together():
        write_table(found, request.out, text=text)
        if sheet is not None:
            write_picture(sheet, request.sheet, text=text)
        if request.maps is not None:
            write_maps(found, request.maps)
        write_text(request.page, page_text(found, bundle))


def _words(request: DetectRequest, found: Any, *, shown: bool) -> str:
    ids = ", ".join(found.rows.ids[found.oddest[:5]])
    words = f"{found.odd.sum():,} of {len(found.rows):,} rows are odd, compared with {plain(found.which)}\n"
    words += f"{found.discoveries.sum():,} discoveries at a false share of {found.rate:g}\n"
    words += f"the oddest: {plain(ids)}\ntable: {bold(request.out)}, page: {bold(request.page)}"
    words += f", sheet: {bold(request.sheet)}" if shown else ""
    return words + (f", maps: {bold(request.maps)}" if request.maps is not None else "")
