"""`fit`."""

import os
import re
import sys
import time as clock
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import bold, counting, emit
from latentarium.cli.spreading import spread
from latentarium.errors import Interrupted, InvalidInput, invalid
from latentarium.files import read_json, write_json

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked of `fit`; `options` holds only what was given."""

    source: str | None
    out: Path
    size: int | None = None
    pairs: int | None = None
    label: str | None = None
    processes: int = 1
    resume: bool = False
    overwrite: bool = False
    start: Path | None = None
    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def run_fit(request: Request, *, as_json: bool) -> None:
    """Fit, or hand the same command to several processes."""
    check_positive_int(request.processes, "--processes", high=1024)
    if request.processes > 1 and "WORLD_SIZE" not in os.environ:
        raise SystemExit(spread(sys.argv[1:], request.processes))
    began = clock.perf_counter()
    bundle = fit_bundle(request)
    made = bundle.manifest["provenance"]
    result = {
        "bundle": str(bundle.path),
        "steps": made["steps"],
        "likelihood": made["likelihood"]["name"],
        "alarms": made["alarms"],
        "seconds": {"fit": made["seconds"], "total": round(clock.perf_counter() - began, 1)},
    }
    words = f"{bold(bundle.path)} is ready; next: {bold(f'latentarium measure {bundle.path}')}"
    emit(result, as_json=as_json, words=words)


def fit_bundle(request: Request) -> Bundle:
    """Open the data, settle the settings, fit, write the bundle."""
    from latentarium.training.api import Place, fit_to_bundle, open_rows
    from latentarium.training.bar import progress_bar

    place = Place(path=request.out, resume=request.resume, overwrite=request.overwrite, start=request.start)
    place.check()
    settings, source = _settings(request)
    with counting("reading") as tell:
        rows, found = open_rows(
            source.spec, labels=source.label, size=source.size, pairs=source.pairs, seed=source.seed, progress=tell
        )
    try:
        if not place.resume:
            write_json(place.workdir / "source.json", asdict(found))
        with progress_bar(before=_remarks(rows)) as hear, counting("writing the bundle") as tell:
            return fit_to_bundle(rows, settings, place, source=found, callback=hear, progress=tell)
    except KeyboardInterrupt:
        if not place.unfinished:
            raise
        shared = f" --processes {request.processes}" if request.processes > 1 else ""
        way_out = f"go on with 'latentarium fit --out {place.path} --resume{shared}'"
        raise Interrupted(f"interrupted; the fit so far is saved in {place.workdir}: {way_out}") from None
    finally:
        _clear(place)


def _remarks(rows: Any) -> list[str]:
    """What to tell the user about the data once a fit has begun."""
    parts = ", ".join(f"{len(indices):,} {name}" for name, indices in rows.splits.items())
    return [f"{rows.name}: {len(rows):,} rows ({parts})", *(f"note: {note}" for note in rows.notes)]


def _clear(place: Any) -> None:
    """Take away a work folder that holds nothing worth resuming."""
    if place.workdir.exists() and not place.unfinished:
        (place.workdir / "source.json").unlink(missing_ok=True)
        if not any(place.workdir.iterdir()):
            place.workdir.rmdir()


def _settings(request: Request) -> tuple[Any, Any]:
    """Settings and source from the options, over a config file or a bundle to repeat."""
    from latentarium.training.api import Source, repeat_settings
    from latentarium.training.settings import FitSettings, read_config

    options = dict(request.options)
    given = {"source": request.source, "size": request.size, "pairs": request.pairs, "label": request.label}
    if request.config is not None and (request.config / "manifest.json").exists():
        if options or request.size or request.pairs is not None or request.label:
            raise invalid("--config", "a TOML file where other options are given", str(request.config))
        settings, source = repeat_settings(open_bundle(request.config))
        return settings, replace(source, spec=request.source or source.spec)
    if request.config is not None:
        options = {**_beside(read_config(request.config), options), **options}
    if "latent" in options:
        # 0 stands for the data's default, but nobody means that who types it
        check_positive_int(options["latent"], "latent", high=4096)
    data = {name: options.pop(name, None) for name in given}
    data |= {name: value for name, value in given.items() if value is not None}
    length = options.get("time")
    if isinstance(length, str):
        options["time"] = seconds(length)
    settings = FitSettings.make(**options)
    if data["source"] is None:
        return settings, Source(**_resumed_source(request))
    if not isinstance(data["source"], str):
        raise invalid("source", "a name or a path", data["source"])
    return settings, Source(spec=data.pop("source"), seed=settings.seed, **data)


def _beside(stored: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file without its length where the options give another."""
    lengths = {"steps", "epochs", "time"}
    return {name: value for name, value in stored.items() if not (name in lengths and lengths & options.keys())}


def _resumed_source(request: Request) -> dict[str, Any]:
    """The source noted beside an unfinished fit."""
    noted = request.out.with_name(f"{request.out.name}.fit") / "source.json"
    if request.resume and noted.exists():
        return read_json(noted)
    raise InvalidInput("SOURCE is missing; give a folder, a file, or one of fashion-mnist, mnist, digits")


def seconds(text: str) -> float:
    """Seconds from "90", "90s", "2m" or "1h".

    Examples
    --------
    >>> seconds("2m")
    120.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise invalid("--time", "a duration such as 90s, 2m or 1h", text)
    return float(match[1]) * _UNITS[match[2]]
