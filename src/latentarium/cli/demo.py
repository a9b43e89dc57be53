"""`demo`: a first latent space, learned or taken from the package, and opened in the explorer."""

import time as clock
from pathlib import Path
from typing import Any

from latentarium.bundle import Bundle
from latentarium.cli.exploring import explore
from latentarium.cli.fitting import Request, fit_bundle
from latentarium.cli.output import bold, emit, naming, score_table, scores_json

MAP_ROWS = 5000
QUICK = ("psnr", "ssim", "rate", "active_units", "coverage", "density", "sharpness_ratio")
"""What the quick demo measures: a few seconds' worth."""
WITHOUT_DATA = ("rate", "active_units")
"""What it measures where the rows that came along are decoded from codes."""


def run_demo(*, out: Path, time: str, source: str, latent: int, seed: int, serve: bool, as_json: bool) -> None:
    """Fit, measure, map, draw; print the scores and open the explorer."""
    began = clock.perf_counter()
    options = {"latent": latent, "seed": seed, "time": time}
    bundle = fit_bundle(Request(source=source, out=out, overwrite=True, options=options))
    spent = {"fit": round(clock.perf_counter() - began, 1)}
    _show(bundle, ("pca", "tsne"), None, spent, seed=seed, serve=serve, as_json=as_json)


def run_quick_demo(name: str, *, out: Path, seed: int, serve: bool, as_json: bool) -> None:
    """Copy a shipped space, then as `run_demo`, with a few scores of the rows that came with it."""
    from latentarium.shipped import copy_shipped

    began = clock.perf_counter()
    bundle = copy_shipped(name, out)
    spent = {"copy": round(clock.perf_counter() - began, 1)}
    only = WITHOUT_DATA if bundle.manifest["data"].get("decoded") else QUICK
    _show(bundle, ("pca", "tsne"), only, spent, seed=seed, serve=serve, as_json=as_json)


def _show(
    bundle: Bundle,
    maps: tuple[str, ...],
    only: tuple[str, ...] | None,
    spent: dict[str, Any],
    *,
    seed: int,
    serve: bool,
    as_json: bool,
) -> None:
    """Map, measure, draw and open a bundle; add the seconds to `spent`."""
    from latentarium.applications.mapping import add_map
    from latentarium.applications.specsheet import write_sheet
    from latentarium.explorer.cache import can_show

    for method in maps:
        before = clock.perf_counter()
        with naming(f"{method} map") as tell:
            bundle, _ = add_map(bundle, method=method, rows=MAP_ROWS, seed=seed, progress=tell)
        spent[f"map_{method}"] = round(clock.perf_counter() - before, 1)
    before = clock.perf_counter()
    with naming("measuring") as tell:
        sheet = write_sheet(bundle, seed=seed, only=only, progress=tell)
    spent["measure"] = round(clock.perf_counter() - before, 1)
    spent["total"] = round(sum(spent.values()), 1)
    report = bundle.path / "report.html"
    result = {"bundle": str(bundle.path), "scores": scores_json(sheet.measurements.scores), "seconds": spent}
    if not as_json:
        score_table(sheet.measurements.scores, f"{bundle.name}, on {sheet.which}")
    words = f"the latent space is in {bold(bundle.path)}, its report is {bold(report)}"
    emit(result, as_json=as_json, words=words)
    if serve and not as_json and can_show(bundle):
        explore(bundle)
