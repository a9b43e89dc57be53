"""`sample`, `reconstruct`, `blend` and `traverse`: pictures of images, tables of tables."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures
from latentarium.applications import paths
from latentarium.applications.evaluation import find_rows
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import emit, write_picture
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.errors import invalid


def run_sample(
    path: Path, *, n: int, out: Path | None, temperature: float, seed: int, as_json: bool
) -> None:
    """Draws from the prior."""
    check_positive_int(n, "-n", high=100_000)
    bundle = open_bundle(path)
    drawn = bundle.space.sample(n, seed=seed, temperature=temperature)
    target = _show(bundle, drawn, out, "samples", columns=10)
    emit({"bundle": str(path), "n": n, "seed": seed, "out": str(target)}, as_json=as_json, words=f"[bold]{target}[/]")


def run_reconstruct(path: Path, *, data: str | None, n: int, out: Path | None, as_json: bool) -> None:
    """Originals and reconstructions."""
    check_positive_int(n, "-n", high=10_000)
    bundle = open_bundle(path)
    raw, ids = _rows_to_show(bundle, data, n)
    x = bundle.modality.to_array(raw)
    again = bundle.space.reconstruct(x)
    error = float(((x - again) ** 2).mean())
    target = out or Path(f"{path.name}-reconstructions{_ending(bundle)}")
    if isinstance(bundle.modality, ImageModality):
        write_picture(pictures.pairs_sheet(x, again, columns=10), target)
    else:
        write_rows(bundle, again, target, ids)
    result = {"bundle": str(path), "rows": len(x), "mse": error, "out": str(target)}
    emit(result, as_json=as_json, words=f"mean squared error {error:.5f}; [bold]{target}[/]")


def run_blend(
    path: Path, *, rows: list[str], steps: int, way: str | None, out: Path | None, as_json: bool,
) -> None:
    """Frames between rows."""
    bundle = open_bundle(path)
    codes = find_rows(bundle, rows)
    if len(codes) < 2:
        raise invalid("ROWS", "two or more rows", len(codes))
    frames = paths.blend(bundle.space, codes, steps=steps, path=way)  # type: ignore[arg-type]
    target = _show(bundle, frames, out, "blend", columns=len(frames))
    result = {"bundle": str(path), "rows": rows, "frames": len(frames), "out": str(target)}
    emit(result, as_json=as_json, words=f"[bold]{target}[/]")


def run_traverse(
    path: Path, *, row: str | None, dimensions: int, steps: int, out: Path | None, as_json: bool
) -> None:
    """Frames along single dimensions."""
    bundle = open_bundle(path)
    centre = None if row is None else find_rows(bundle, [row])[0]
    chosen, frames = paths.traverse(bundle.space, bundle.codes, centre=centre, dimensions=dimensions, steps=steps)
    target = out or Path(f"{path.name}-traversals{_ending(bundle)}")
    if isinstance(bundle.modality, ImageModality):
        write_picture(pictures.traversals(frames, labels=[f"z{d}" for d in chosen]), target)
    else:
        write_rows(bundle, frames.reshape(-1, *frames.shape[2:]), target, None)
    result = {"bundle": str(path), "dimensions": chosen.tolist(), "steps": steps, "out": str(target)}
    emit(result, as_json=as_json, words=f"[bold]{target}[/]")


def _show(bundle: Bundle, array: NDArray[np.float32], out: Path | None, what: str, *, columns: int) -> Path:
    target = out or Path(f"{bundle.path.name}-{what}{_ending(bundle)}")
    if isinstance(bundle.modality, ImageModality):
        write_picture(pictures.sheet(array, columns=columns), target)
    else:
        write_rows(bundle, array, target, None)
    return target


def _ending(bundle: Bundle) -> str:
    return ".png" if isinstance(bundle.modality, ImageModality) else ".csv"


def _rows_to_show(bundle: Bundle, data: str | None, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if data is None:
        return bundle.kept[:n], bundle.ids[bundle.kept_rows][:n]
    from latentarium.data import open_like

    rows = open_like(data, bundle.modality)
    return np.asarray(rows.raw[:n]), rows.ids[:n]


def write_rows(bundle: Bundle, array: NDArray[np.float32], target: Path, ids: NDArray[Any] | None) -> None:
    """Table rows in their own units, as CSV or Parquet."""
    import pyarrow.csv
    import pyarrow.parquet

    from latentarium.files import replacing

    modality = bundle.modality
    if not isinstance(modality, TableModality):
        raise invalid("the bundle", "of images or tables", bundle.modality.kind)
    if target.suffix not in (".csv", ".parquet"):
        raise invalid("--out", "a file ending in .csv or .parquet for a table", target.name)
    table = modality.to_table(modality.to_raw(array))
    if ids is not None:
        table = table.add_column(0, "id", [ids.tolist()])
    with replacing(target) as temporary:
        writer = pyarrow.csv.write_csv if target.suffix == ".csv" else pyarrow.parquet.write_table
        writer(table, temporary)
