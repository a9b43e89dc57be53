"""`probe`: what codes are worth to a classifier."""

from collections.abc import Sequence
from pathlib import Path

from latentarium.applications.probing import Probe, heads
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
    for at, name in enumerate(heads(probes)):
        table.add_column(name, justify="left" if at < len(("features", "classifier")) else "right")
    for probe in probes:
        table.add_row(*probe.row)
    console().print(table)
