"""`search`."""

from pathlib import Path
from typing import Any

from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import PICTURES, bold, check_ending, console, emit, plain, write_picture
from latentarium.data.modalities import ImageModality


def run_search(path: Path, *, query: str, n: int, out: Path | None, as_json: bool) -> None:
    """The nearest rows with their labels; of pictures a sheet of what their codes decode to."""
    from latentarium.applications.neighbours import nearest

    check_ending(out, tuple(PICTURES))
    bundle = open_bundle(path)
    found = nearest(bundle, query, n=n)
    columns = {name: bundle.column(name)[found.numbers] for name in bundle.label_names}
    rows = [
        {
            "id": str(bundle.ids[number]),
            "distance": round(float(distance), 6),
            **{name: _plain_value(values[place]) for name, values in columns.items()},
        }
        for place, (number, distance) in enumerate(zip(found.numbers, found.distances, strict=True))
    ]
    result: dict[str, Any] = {"bundle": str(path), "query": query, "neighbours": rows}
    picture = _picture(bundle, found.numbers, out or Path(f"{path.resolve().name}-neighbours.png"))
    if picture is not None:
        result["out"] = str(picture)
    if not as_json:
        _table(rows, f"nearest to {query}")
    emit(result, as_json=as_json, words="" if picture is None else f"picture: {bold(picture)}")


def _plain_value(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _picture(bundle: Bundle, numbers: Any, target: Path) -> Path | None:
    if not isinstance(bundle.modality, ImageModality) or "decode" not in bundle.space.capabilities:
        return None
    from latentarium import pictures

    decoded = bundle.space.decode(bundle.codes[numbers].reshape(-1, *bundle.space.shape))
    write_picture(pictures.sheet(decoded, columns=10), target)
    return target


def _table(rows: list[dict[str, Any]], title: str) -> None:
    from rich.table import Table

    table = Table(title=plain(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if name == "distance" else "left")
    for row in rows:
        table.add_row(*(f"{value:.4f}" if name == "distance" else plain(str(value)) for name, value in row.items()))
    console().print(table)
