"""`sample`, `reconstruct`, `blend` and `traverse`."""

from collections.abc import Sequence
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
from latentarium.cli.showing import ROLLS, files_entry, files_words, show, show_pairs, targets
from latentarium.data.modalities import ImageModality
from latentarium.data.music.modalities import GridModality
from latentarium.errors import invalid
from latentarium.space import LatentSpace


def run_sample(
    path: Path, *, n: int, out: Path | None, temperature: float, given: Sequence[str], seed: int, as_json: bool
) -> None:
    """Draws from the prior."""
    check_positive_int(n, "-n", high=100_000)
    bundle = open_bundle(path)
    files = targets(bundle, out, "samples")
    drawn = space_given(bundle, given).sample(n, seed=seed, temperature=temperature)
    show(bundle, drawn, files, columns=ROLLS if isinstance(bundle.modality, GridModality) else 10)
    result = {"bundle": str(path), "n": n, "seed": seed, **files_entry(files)}
    emit(result, as_json=as_json, words=f"{n:,} samples: {files_words(files)}")


def run_reconstruct(path: Path, *, data: str | None, n: int, out: Path | None, as_json: bool) -> None:
    """Originals and reconstructions."""
    check_positive_int(n, "-n", high=10_000)
    bundle = open_bundle(path)
    files = targets(bundle, out, "reconstructions")
    raw, ids = _rows_to_show(bundle, data, n)
    x = bundle.modality.to_array(raw)
    again = bundle.space.reconstruct(x)
    error = float(((x - again) ** 2).mean())
    show_pairs(bundle, x, again, files, ids=ids)
    result = {"bundle": str(path), "rows": len(x), "mse": error, **files_entry(files)}
    emit(result, as_json=as_json, words=f"{len(x):,} rows, mean squared error {error:.5f}: {files_words(files)}")


def run_blend(
    path: Path,
    *,
    rows: list[str],
    steps: int,
    way: str | None,
    given: Sequence[str],
    out: Path | None,
    as_json: bool,
) -> None:
    """Frames between rows."""
    bundle = open_bundle(path)
    files = targets(bundle, out, "blend")
    codes = find_rows(bundle, rows)
    if len(codes) < 2:
        raise invalid("ROWS", "two or more rows", len(codes))
    frames = paths.blend(space_given(bundle, given), codes, steps=steps, path=way)  # type: ignore[arg-type]
    show(bundle, frames, files, columns=len(frames))
    result = {"bundle": str(path), "rows": rows, "frames": len(frames), **files_entry(files)}
    emit(result, as_json=as_json, words=f"{len(frames)} frames: {files_words(files)}")


def run_traverse(
    path: Path, *, row: str | None, size: tuple[int, int], given: Sequence[str], out: Path | None, as_json: bool
) -> None:
    """Frames along single dimensions; `size` is how many dimensions, and how many frames for each."""
    dimensions, steps = size
    bundle = open_bundle(path)
    files = targets(bundle, out, "traversals")
    centre = None if row is None else find_rows(bundle, [row])[0]
    space = space_given(bundle, given)
    chosen, frames = paths.traverse(space, bundle.codes, centre=centre, dimensions=dimensions, steps=steps)
    if isinstance(bundle.modality, ImageModality):
        write_picture(pictures.traversals(frames, labels=[f"z{d}" for d in chosen]), files[0])
    else:
        ids = np.array([f"z{d}/{step}" for d in chosen for step in range(1, steps + 1)])
        show(bundle, frames.reshape(-1, *frames.shape[2:]), files, columns=steps, ids=ids)
    result = {"bundle": str(path), "dimensions": chosen.tolist(), "steps": steps, **files_entry(files)}
    words = f"{len(chosen)} dimensions, {steps} frames each: {files_words(files)}"
    emit(result, as_json=as_json, words=words)


def space_given(bundle: Bundle, given: Sequence[str]) -> LatentSpace:
    """The bundle's space told what the user wrote, as NAME or COLUMN=VALUE."""
    if not given:
        return bundle.space
    pairs = [words.split("=", 1) for words in given if "=" in words]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise invalid("--given", "said once of a column", " ".join(given))
    return bundle.space.given(*(words for words in given if "=" not in words), **values)


def _rows_to_show(bundle: Bundle, data: str | None, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if data is None:
        return bundle.kept[:n], bundle.ids[bundle.kept_rows][:n]
    from latentarium.data import open_like

    rows = open_like(data, bundle.modality)
    return np.asarray(rows.raw[:n]), rows.ids[:n]
