"""`open_source`: from a specification on the command line or in Python to rows."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from latentarium.arrays import check_positive_int
from latentarium.data.arrayfiles import open_npy, open_npz
from latentarium.data.draft import TEXT, Draft, finish, finish_as, finish_like, finish_lines, finish_texts
from latentarium.data.folders import SUFFIXES, is_celeba, open_celeba, open_folder, open_picture
from latentarium.data.images import CHANNELS
from latentarium.data.lines import JSON_SUFFIXES, TEXT_SUFFIXES, open_json_texts, open_lines
from latentarium.data.modalities import LARGEST, SMALLEST, ImageModality, TableModality
from latentarium.data.music.modalities import MOST_BARS, GridModality
from latentarium.data.music.source import SUFFIXES as MUSIC_SUFFIXES
from latentarium.data.music.source import holds_music, open_music
from latentarium.data.named import (
    is_idx_folder,
    is_two_part_npz,
    open_digits,
    open_fashion_mnist,
    open_idx_folder,
    open_mnist,
    open_scene,
    open_sprites,
    open_two_part_npz,
)
from latentarium.data.rows import Rows
from latentarium.data.sentences import SentenceModality
from latentarium.data.storage import MEMORY_LIMIT, Progress, Reading
from latentarium.data.tables import CSV_SUFFIXES, PARQUET_SUFFIXES, open_table
from latentarium.data.texts import LONGEST as LONGEST_LINE
from latentarium.data.texts import TextModality
from latentarium.errors import InvalidInput, invalid
from latentarium.files import default_cache
from latentarium.rng import check_seed
from latentarium.space import Modality

DEFAULT_BARS = 2
NAMED: Mapping[str, Callable[[Reading], Draft]] = {
    "fashion-mnist": open_fashion_mnist,
    "mnist": open_mnist,
    "digits": open_digits,
    "sprites": open_sprites,
    "scene": open_scene,
}


def open_source(
    spec: str | os.PathLike[str],
    *,
    size: int | None = None,
    seed: int = 0,
    label: str | None = None,
    cache: Path | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Progress | None = None,
) -> Rows:
    """Open a data set.

    Parameters
    ----------
    spec : a named set ("fashion-mnist", "mnist", "digits"; "sprites" and "scene", rendered from known factors, which
        come as columns), or the path of a folder of pictures (CelebA's and MNIST's own layouts are recognised) or of
        MIDI and ABC files, a .npy or .npz file, a CSV or Parquet table, one MIDI or ABC file, or a .txt or .json file
        of lines of text
    size : side in pixels, 8 to 256, that pictures are cropped and resized to, where None keeps a common size; of
        melodies and drums the bars of four quarters in a row, where None is 2; of lines of text the
        characters in a row, 1 to 512, where None is the longest line's, at most 64
    seed : of the train, validation and test parts
    label : the table column taken out as "label", or the label or attribute that is to be the main one
    cache : folder for downloads and memory-mapped pictures; the platform's where None
    memory_limit : bytes of pictures held in memory; more are memory-mapped from the cache
    progress : called with (pictures done, pictures in all) while they are decoded

    Raises
    ------
    InvalidInput
        One line on what is wrong with the source and the way out.

    Examples
    --------
    >>> rows = open_source("digits")
    >>> rows.raw.shape, rows.ids[0].item()
    ((1797, 1, 8, 8), 'digits/000000')
    """
    check_seed(seed)
    if _is_text(spec):
        return open_texts(spec, size=size, seed=seed, label=label)
    music = size is not None and _is_music(spec)
    if size is not None:
        check_positive_int(size, "size", low=1 if music else SMALLEST, high=MOST_BARS if music else LARGEST)
    reading = Reading(
        frame=None if size is None else (size, size),
        cache=cache or default_cache(),
        memory_limit=check_positive_int(memory_limit, "memory_limit", low=0, high=2**62),
        progress=progress,
        bars=DEFAULT_BARS if size is None else size,
    )
    draft = _read(spec, reading, label)
    if size is not None and draft.table is not None:
        raise invalid("size", "given for pictures alone", size, f"leave it out for the table {draft.name}")
    return finish(draft, seed=seed, source=os.fspath(spec), label=label)


def open_as(
    spec: str | os.PathLike[str],
    shape: tuple[int, ...],
    *,
    seed: int = 0,
    label: str | None = None,
    progress: Progress | None = None,
) -> Rows:
    """Open a data set for a model from elsewhere that takes rows of `shape`, in parts as `open_source` cuts them.

    Pictures are cropped and resized to (channels, height, width); the columns of a table are taken as they are, numbers
    in their own units. Raises `InvalidInput` where the data do not fit.

    Examples
    --------
    >>> open_as("digits", (1, 8, 8)).array("test").shape
    (180, 1, 8, 8)
    """
    frame = (shape[1], shape[2]) if len(shape) == 3 else None
    reading = Reading(frame=frame, cache=default_cache(), progress=progress)
    draft = _read(spec, reading, label)
    return finish_as(draft, shape, seed=check_seed(seed), source=os.fspath(spec), label=label)


def open_texts(
    spec: str | os.PathLike[str],
    *,
    pairs: int = 0,
    size: int | None = None,
    seed: int = 0,
    label: str | None = None,
) -> Rows:
    """Open lines of text to learn from: a .txt or .json file, or a table with a column "text".

    Parameters
    ----------
    pairs : how many symbols there are, characters and byte pairs; 0 for characters alone
    size : symbols in a row, 1 to 512; None for those of the longest line, at most 64
    seed, label : as in `open_source`

    Raises
    ------
    InvalidInput
        One line on what is wrong with the source and the way out; `MissingExtra` for pairs without their package.
    """
    if size is not None:
        check_positive_int(size, "size", high=LONGEST_LINE)
    draft = _read(spec, Reading(cache=default_cache(), needed=(TEXT,)), label)
    return finish_lines(draft, pairs=pairs, steps=size, seed=check_seed(seed), source=os.fspath(spec), label=label)


def open_sentences(
    spec: str | os.PathLike[str],
    modality_of: Callable[[Sequence[str]], SentenceModality | TextModality],
    *,
    seed: int = 0,
    label: str | None = None,
) -> Rows:
    """Open lines of text for a space that is there: a .txt or .json file, or a table with a column "text".

    `modality_of` is asked once for what reads the texts. They come along in a column "text", with their labels.
    """
    reading = Reading(cache=default_cache(), needed=(TEXT,))
    draft = _read(spec, reading, label)
    return finish_texts(draft, modality_of, seed=check_seed(seed), source=os.fspath(spec), label=label)


def open_like(
    spec: str | os.PathLike[str],
    modality: Modality,
    *,
    label: str | None = None,
    cache: Path | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Progress | None = None,
    convert: bool = True,
) -> Rows:
    """Open new data for a space that was fitted before: its columns, scales and picture size are used.

    Every row lies in the test part; one row is enough, such as a single picture file. Picture files become grey, RGB or
    RGBA as the space's are, with a note, unless `convert` is off. Raises `InvalidInput` where the data do not fit.
    """
    frame = (modality.height, modality.width) if isinstance(modality, ImageModality) else None
    reading = Reading(
        frame=frame,
        cache=cache or default_cache(),
        memory_limit=memory_limit,
        progress=progress,
        needed=_needed(modality),
        in_pieces=isinstance(modality, TableModality),
        bars=modality.bars if isinstance(modality, GridModality) else DEFAULT_BARS,
        channels=_channels(modality) if convert else None,
    )
    path = Path(cast("str", spec)).expanduser()
    one = isinstance(modality, ImageModality) and path.suffix.lower() in SUFFIXES and path.is_file()
    draft = open_picture(path, reading) if one else _read(spec, reading, label)
    return finish_like(draft, modality, source=os.fspath(spec), label=label)


def _channels(modality: Modality) -> int | None:
    """What picture files are brought to, None for what no file has."""
    if not isinstance(modality, ImageModality) or modality.channels not in CHANNELS:
        return None
    return modality.channels


def _needed(modality: Modality) -> tuple[str, ...]:
    """Table columns that must stay columns."""
    if isinstance(modality, TableModality):
        return modality.names
    return (TEXT,) if isinstance(modality, SentenceModality | TextModality) else ()


def _read(spec: str | os.PathLike[str], reading: Reading, label: str | None) -> Draft:
    if isinstance(spec, str) and spec in NAMED:
        return NAMED[spec](reading)
    path = Path(cast("str", spec)).expanduser()
    try:
        if path.is_dir():
            return _read_folder(path, reading)
        if not path.exists():
            raise _unknown(os.fspath(spec))
        return _read_file(path, reading, label)
    except PermissionError as error:
        raise invalid(f"{error.filename or path}", "readable", "no permission to read it") from error


def _is_text(spec: str | os.PathLike[str]) -> bool:
    return Path(spec).suffix.lower() in (*TEXT_SUFFIXES, *JSON_SUFFIXES)


def _is_music(spec: str | os.PathLike[str]) -> bool:
    path = Path(spec).expanduser()
    return path.suffix.lower() in MUSIC_SUFFIXES or (path.is_dir() and holds_music(path))


def _read_folder(path: Path, reading: Reading) -> Draft:
    if is_celeba(path):
        return open_celeba(path, reading)
    if is_idx_folder(path):
        return open_idx_folder(path, reading)
    return open_music(path, reading) if holds_music(path) else open_folder(path, reading)


def _read_file(path: Path, reading: Reading, label: str | None) -> Draft:
    suffix = path.suffix.lower()
    if suffix in (*CSV_SUFFIXES, *PARQUET_SUFFIXES):
        return open_table(path, reading, label=label)
    if suffix in TEXT_SUFFIXES:
        return open_lines(path)
    if suffix in JSON_SUFFIXES:
        return open_json_texts(path)
    if suffix == ".npy":
        return open_npy(path, reading)
    if suffix == ".npz":
        return open_two_part_npz(path, reading) if is_two_part_npz(path) else open_npz(path, reading)
    if suffix in MUSIC_SUFFIXES:
        return open_music(path, reading)
    if suffix in SUFFIXES:
        raise invalid("the source", "a folder of pictures", f"the single picture {path.name}", f"pass {path.parent}")
    known = ".csv, .tsv, .parquet, .npy, .npz, .txt, .json, .mid or .abc"
    raise invalid("the source", f"a folder, or a {known} file", f"{path.name}")


def _unknown(spec: str) -> InvalidInput:
    return invalid("the source", f"an existing path or one of {', '.join(sorted(NAMED))}", spec)
