"""`probe`: what codes are worth to a classifier."""

from collections.abc import Sequence
from pathlib import Path

from latentarium.applications.probing import Probe
from latentarium.bundle import open_bundle
from latentarium.cli.output import bold, check_ending, console, counting, emit, spare


def run_probe(
    path: Path, *, label: str, draws: int, data: str | None, out: Path | None, seed: int, as_json: bool
) -> None:
    """Probe, print a table, write the page with the curves."""
    from latentarium.applications.probing import probe_bundle, write_probe_page

    check_ending(out, (".html",))
    target = out or Path(f"{path.resolve().name}-probe.html")
    spare([target], path, data)
    bundle = open_bundle(path)
    with counting("probing") as tell:
        probes, which = probe_bundle(bundle, label, data=data, draws=draws, seed=seed, progress=tell)
    write_probe_page(probes, target, title=f"{label} from the codes of {bundle.name}", which=which)
    result = {
        "bundle": str(path),
        "label": label,
        "rows": which,
        "probes": [probe.to_json() for probe in probes],
        "page": str(target),
    }
    if not as_json:
        _table(probes, f"{label}, {which}")
    emit(result, as_json=as_json, words=f"page: {bold(target)}")


def _table(probes: Sequence[Probe], title: str) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("features", "classifier"):
        table.add_column(name)
    for name in ("labels a class", "accuracy", "95 % interval"):
        table.add_column(name, justify="right")
    for probe in probes:
        low, high = probe.interval
        labels = "all" if probe.labels is None else str(probe.labels)
        table.add_row(probe.features, probe.classifier, labels, f"{probe.accuracy:.1%}", f"{low:.1%} to {high:.1%}")
    console().print(table)
