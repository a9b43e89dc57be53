"""Decoded rows as files: pictures of images, tables of tables; of melodies and drums piano rolls, sounds and MIDI."""

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
from latentarium.errors import invalid
from latentarium.files import replacing, write_bytes

TABLES = (".csv", ".parquet")
SOUNDS = (".wav", ".mid")
Array = NDArray[np.float32]


def targets(bundle: Bundle, out: Path | None, what: str, *, moving: bool = False) -> tuple[Path, ...]:
    """The files to write, their endings checked: `out`, or files named after the bundle of every kind that its rows
    have: a picture of pictures, a table of table rows, a piano roll, a WAV and a MIDI file of melodies. Pictures and
    piano rolls may be `moving`.
    """
    modality = bundle.modality
    drawn, first = (pictures.MOVING, ".gif") if moving else (PICTURES, ".png")
    if isinstance(modality, GridModality):
        allowed, usual = (*drawn, *SOUNDS), (first, *_sounds())
    elif isinstance(modality, ImageModality):
        allowed, usual = tuple(drawn), (first,)
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
    """Table rows in their own units, as CSV or Parquet; only a Parquet file has room for `text`."""
    import pyarrow.csv
    import pyarrow.parquet

    modality = bundle.modality
    if not isinstance(modality, TableModality):
        raise invalid("the bundle", "of images or tables", bundle.modality.kind)
    table = modality.to_table(modality.to_raw(array))
    if ids is not None:
        table = table.add_column(0, "id", [list(ids)])
    if text:
        table = table.replace_schema_metadata({pictures.TEXT_KEY: text})
    with replacing(target) as temporary:
        writer = pyarrow.csv.write_csv if target.suffix.lower() == ".csv" else pyarrow.parquet.write_table
        writer(table, temporary)
