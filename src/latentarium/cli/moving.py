"""The verbs that generate: recipes carried out, or made again from a file that carries one; and `reconstruct`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures, sounds
from latentarium.applications.recipe_files import Recipe, read_recipe, recipe_text
from latentarium.applications.recipes import Made, Sample, Traverse, Walk
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import PICTURES, counting, emit, plain, say, spare, write_picture
from latentarium.cli.showing import files_entry, files_words, lines_of, show, show_moving, show_pairs, targets
from latentarium.data.modalities import ImageModality
from latentarium.data.texts import END, TextModality
from latentarium.errors import invalid
from latentarium.files import together


def run_recipe(path: Path, recipe: Recipe, *, out: Path | None, as_json: bool) -> None:
    """Samples, a blend, a walk, a palette or traversals, in files that carry the recipe."""
    _carry_out(open_bundle(path), recipe, out, {"bundle": str(path)}, as_json=as_json)


def run_remake(path: Path, *, file: Path, out: Path | None, as_json: bool) -> None:
    """What a file holds, made again, perhaps in another format."""
    bundle = open_bundle(path)
    recipe = read_recipe(_text_in(file), bundle, name=file.name)
    target = out or Path(f"{file.stem}-again{file.suffix}")
    _carry_out(bundle, recipe, target, {"bundle": str(path), "file": str(file), "verb": recipe.verb}, as_json=as_json)


def run_reconstruct(path: Path, *, data: str | None, n: int, out: Path | None, as_json: bool) -> None:
    """Originals and reconstructions."""
    check_positive_int(n, "-n", high=10_000)
    bundle = open_bundle(path)
    files = targets(bundle, out, "reconstructions")
    spare(files, path, data)
    raw, ids = _rows_to_show(bundle, data, n)
    x = bundle.modality.to_array(raw)
    again = bundle.space.reconstruct(x)
    with together():
        show_pairs(bundle, x, again, files, ids=ids)
    result: dict[str, Any] = {"bundle": str(path), "rows": len(x)}
    pairs = zip(lines_of(bundle, x), lines_of(bundle, again), strict=True)
    lines = [line for pair in pairs for line in (*pair, "")]
    if isinstance(bundle.modality, TextModality):
        same = float((bundle.modality.to_raw(again) == raw)[raw != END].mean())
        result["symbols_back"], words = same, f"{same:.1%} of the symbols come back in place"
    else:
        result["mse"] = error = float(((x - again) ** 2).mean())
        words = f"mean squared error {error:.5f}"
    emit(
        {**result, **files_entry(files), **_in_words(lines)},
        as_json=as_json,
        words=_below(f"{len(x):,} rows, {words}: {files_words(files)}", lines),
    )


def _in_words(lines: Sequence[str]) -> dict[str, Any]:
    """What a result says of decoded text."""
    return {"lines": [line for line in lines if line]} if lines else {}


def _below(words: str, lines: Sequence[str]) -> str:
    return "\n".join([words, *map(plain, lines)])


def _carry_out(bundle: Bundle, asked: Recipe, out: Path | None, facts: dict[str, Any], *, as_json: bool) -> None:
    files = targets(bundle, out, asked.title, moving=isinstance(asked, Walk))
    spare(files, bundle.path, facts.get("file"), *_named(asked))
    recipe = asked.settled(bundle, say)
    films: list[Path] = []
    if isinstance(recipe, Walk):
        films = [file for file in files if file.suffix.lower() in pictures.MOVING]
        for film in films:
            pictures.check_animation(*recipe.length, kind=pictures.MOVING[film.suffix.lower()])
    with counting("decoding") as tell:
        made = recipe.make(bundle, tell)
    for note in made.facts.get("notes", ()):
        say(note)
    text = recipe_text(recipe, bundle)
    with together():
        for film in films:
            show_moving(bundle, made, film, text=text)
        _show_still(bundle, made, [file for file in files if file not in films], text)
    lines = lines_of(bundle, made.array)
    emit(
        {**facts, **made.facts, **files_entry(files), **_in_words(lines)},
        as_json=as_json,
        words=_below(f"{made.words}: {files_words(files)}", lines),
    )


def _named(recipe: Recipe) -> Sequence[str]:
    """Rows that a recipe names, some of which may be files."""
    if isinstance(recipe, Traverse):
        return () if recipe.row is None else (recipe.row,)
    return () if isinstance(recipe, Sample) else recipe.rows


def _show_still(bundle: Bundle, made: Made, files: Sequence[Path], text: str) -> None:
    if not files:
        return
    if made.labels and isinstance(bundle.modality, ImageModality):
        rows = made.array.reshape(len(made.labels), made.columns, *made.array.shape[1:])
        write_picture(pictures.traversals(rows, labels=made.labels), files[0], text=text)
        return
    show(bundle, made.array, files, columns=made.columns, ids=made.ids, text=text)


def _text_in(file: Path) -> str | None:
    """The text that one of our verbs left in a file."""
    if not file.is_file():
        raise invalid("FILE", "an existing file", str(file))
    ending = file.suffix.lower()
    if ending == ".mp4":
        return pictures.read_video_text(file)
    if ending in (".mid", ".wav"):
        return (sounds.midi_text if ending == ".mid" else sounds.wav_text)(file.read_bytes())
    if ending == ".parquet":
        return _table_text(file)
    if ending in (*PICTURES, *pictures.MOVING):
        return pictures.read_text(file)
    known = (*dict.fromkeys((*PICTURES, *pictures.MOVING)), ".mid", ".wav", ".parquet")
    raise invalid("FILE", f"a file ending in {', '.join(known)}, which have room for settings", file.name)


def _table_text(file: Path) -> str | None:
    import pyarrow.parquet

    try:
        found = (pyarrow.parquet.read_schema(file).metadata or {}).get(pictures.TEXT_KEY.encode())
    except (OSError, ValueError):
        raise invalid("FILE", "a readable Parquet file", file.name) from None
    return found and found.decode("utf-8", "replace")


def _rows_to_show(bundle: Bundle, data: str | None, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if data is None:
        return bundle.kept[:n], bundle.ids[bundle.kept_rows][:n]
    from latentarium.data import open_like

    rows = open_like(data, bundle.modality)
    for note in rows.notes:
        say(note)
    return np.asarray(rows.raw[:n]), rows.ids[:n]
