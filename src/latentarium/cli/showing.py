"""Decoded rows as files: pictures of images, tables and words; of melodies and drums piano rolls, sounds and MIDI."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import pictures
from latentarium.applications.recipes import ROLLS, Made
from latentarium.bundle import Bundle
from latentarium.cli.output import PICTURES, bold, check_ending, counting, write_picture
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.music.notes import Notes, notes_of, one_after_another
from latentarium.data.texts import TextModality
from latentarium.errors import invalid
from latentarium.files import replacing, write_bytes

TABLES = (".csv", ".parquet")
SOUNDS = (".wav", ".mid")
WORDS = (".svg", ".txt", *TABLES)
Array = NDArray[np.float32]


def targets(bundle: Bundle, out: Path | None, what: str, *, moving: bool = False) -> tuple[Path, ...]:
    """The files to write, their endings checked: `out`, or files named after the bundle of every kind that its rows
    have: a picture of pictures, a table of table rows or of words, a piano roll, a WAV and a MIDI file of melodies.
    Pictures and piano rolls may be `moving`.
    """
    modality = bundle.modality
    drawn, first = (pictures.MOVING, ".gif") if moving else (PICTURES, ".png")
    if isinstance(modality, GridModality):
        allowed, usual = (*drawn, *SOUNDS), (first, *_sounds())
    elif isinstance(modality, ImageModality):
        allowed, usual = tuple(drawn), (first,)
    elif isinstance(modality, TextModality):
        allowed, usual = WORDS, (".svg",)
    else:
        allowed, usual = TABLES, (".csv",)
    check_ending(out, allowed)
    if out is not None:
        return (out,)
    return tuple(Path(f"{bundle.path.resolve().name}-{what}{ending}") for ending in usual)


def _sounds() -> tuple[str, ...]:
    """MIDI is written where it can be without being asked for."""
    return SOUNDS if importlib.util.find_spec("symusic") else SOUNDS[:1]


def show(bundle: Bundle, array: Array, files: Sequence[Path], *, columns: int, ids: Any = None, text: str = "") -> None:
    """Write decoded rows (n, ..), `columns` pictures side by side, with `text` inside where a file has room for it."""
    modality = bundle.modality
    if isinstance(modality, GridModality):
        show_notes(notes_of(modality, bundle.modality.to_raw(array)), files, columns=columns, text=text)
    elif isinstance(modality, ImageModality):
        write_picture(pictures.sheet(array, columns=columns), files[0], text=text)
    elif isinstance(modality, TextModality):
        names = {} if ids is None else {"id": list(ids)}
        write_lines({**names, "text": lines_of(bundle, array)}, files, text=text)
    else:
        write_rows(bundle, array, files[0], ids, text=text)


def show_moving(bundle: Bundle, made: Made, file: Path, *, text: str = "") -> None:
    """Write what is made as frames in time: pictures, or piano rolls."""
    modality = bundle.modality
    if isinstance(modality, GridModality):
        frames = pictures.roll_pixels(notes_of(modality, modality.to_raw(made.array)))
    else:
        frames = pictures.to_pixels(made.array)
    film = pictures.Film(
        kind=pictures.MOVING[file.suffix.lower()], seconds=made.seconds or 0, scale=made.scale, text=text
    )
    with counting("writing") as tell, replacing(file) as temporary:
        pictures.write_animation(temporary, frames, film, progress=tell)


def show_pairs(bundle: Bundle, x: Array, again: Array, files: Sequence[Path], *, ids: Any) -> None:
    """Write rows and their reconstructions; of a table the reconstructions alone."""
    if isinstance(bundle.modality, ImageModality):
        write_picture(pictures.pairs_sheet(x, again, columns=10), files[0])
    elif isinstance(bundle.modality, GridModality):
        both = np.stack([x, again], axis=1).reshape(-1, *x.shape[1:])
        show(bundle, both, files, columns=ROLLS)
    elif isinstance(bundle.modality, TextModality):
        texts = {"text": lines_of(bundle, x), "reconstruction": lines_of(bundle, again)}
        write_lines({"id": list(ids), **texts}, files)
    else:
        write_rows(bundle, again, files[0], ids)


def show_notes(pieces: Sequence[Notes], files: Sequence[Path], *, columns: int, text: str = "") -> None:
    """Write each of `files`: a sheet of piano rolls, or a sound or MIDI file with the pieces one after another."""
    from latentarium import sounds

    whole = one_after_another(pieces)
    for file in files:
        ending = file.suffix.lower()
        if ending == ".mid":
            write_bytes(file, sounds.midi_bytes(whole, text=text))
        elif ending == ".wav":
            sound = sounds.render(whole, soundfont=sounds.find_soundfont())
            write_bytes(file, sounds.wav_bytes(sound, text=text))
        else:
            write_picture(pictures.roll_sheet(pieces, columns=columns), file, text=text)


def lines_of(bundle: Bundle, array: Array) -> list[str]:
    """Decoded rows in words; of other data than text none."""
    modality = bundle.modality
    return modality.texts(modality.to_raw(array)) if isinstance(modality, TextModality) else []


def write_lines(columns: Mapping[str, Sequence[str]], files: Sequence[Path], *, text: str = "") -> None:
    """Columns of words as a picture, a table, or text with a blank line between rows of several texts."""
    texts = {name: column for name, column in columns.items() if name != "id"}
    rows = list(zip(*texts.values(), strict=True))
    for file in files:
        ending = file.suffix.lower()
        if ending == ".svg":
            headers = tuple(texts) if len(texts) > 1 else ()
            write_bytes(file, pictures.text_table(rows, headers=headers).encode())
        elif ending == ".txt":
            ends = "\n\n" if len(texts) > 1 else "\n"
            write_bytes(file, "".join("\n".join(row) + ends for row in rows).encode())
        else:
            import pyarrow

            write_table(pyarrow.table({name: list(column) for name, column in columns.items()}), file, text=text)


def files_entry(files: Sequence[Path]) -> Mapping[str, Any]:
    """What a result says of the files written."""
    first = {"out": str(files[0])}
    return first if len(files) == 1 else {**first, "files": [str(file) for file in files]}


def files_words(files: Sequence[Path]) -> str:
    """The files for a person."""
    return ", ".join(bold(file) for file in files)


def write_rows(
    bundle: Bundle, array: Array, target: Path, ids: NDArray[Any] | Sequence[str] | None, *, text: str = ""
) -> None:
    """Table rows in their own units, as CSV or Parquet."""
    modality = bundle.modality
    if not isinstance(modality, TableModality):
        raise invalid("the bundle", "of images or tables", bundle.modality.kind)
    table = modality.to_table(modality.to_raw(array))
    if ids is not None:
        table = table.add_column(0, "id", [list(ids)])
    write_table(table, target, text=text)


def write_table(table: Any, target: Path, *, text: str = "") -> None:
    """A pyarrow.Table as CSV or Parquet; only a Parquet file has room for `text`."""
    import pyarrow.csv
    import pyarrow.parquet

    if text:
        table = table.replace_schema_metadata({pictures.TEXT_KEY: text})
    with replacing(target) as temporary:
        writer = pyarrow.csv.write_csv if target.suffix.lower() == ".csv" else pyarrow.parquet.write_table
        writer(table, temporary)
