"""Folders and files of MIDI and ABC as rows: windows of bars with what their notes say of themselves."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.columns import labels_of
from latentarium.data.draft import Draft
from latentarium.data.folders import SUFFIXES as PICTURES
from latentarium.data.music.attributes import drum_attributes, melody_attributes
from latentarium.data.music.duplicates import variant_groups
from latentarium.data.music.grid import Grid, Loss, drum_grid, melody_grid, outside, windows
from latentarium.data.music.modalities import DrumModality, MelodyModality
from latentarium.data.music.tunes import ABC_SUFFIXES, MIDI_SUFFIXES, Tune, read_tunes
from latentarium.data.storage import Reading
from latentarium.data.tables import read_csv
from latentarium.errors import invalid

SUFFIXES = (*MIDI_SUFFIXES, *ABC_SUFFIXES)
INDEX = "index.csv"


def holds_music(folder: Path) -> bool:
    """Whether files under `folder` are MIDI or ABC, and none is a picture."""
    endings = {Path(name).suffix.lower() for _, _, names in os.walk(folder) for name in names}
    return bool(endings & set(SUFFIXES)) and not endings & PICTURES


def open_music(path: Path, reading: Reading) -> Draft:
    """Windows of every tune in the file or folder `path`, drums where each tune is played on drums alone.

    The columns are the folder a tune lies in, what `index.csv` says of its file, and attributes of the notes.

    Raises
    ------
    InvalidInput
        Naming the file that is damaged, empty, or has more than one voice.
    """
    files = [path] if path.is_file() else _listed(path)
    names = [path.name] if path.is_file() else [file.relative_to(path).as_posix() for file in files]
    tunes: list[Tune] = []
    owners: list[int] = []
    for number, (file, name) in enumerate(zip(files, names, strict=True)):
        found = list(read_tunes(file, name))
        tunes += found
        owners += [number] * len(found)
        if reading.progress is not None:
            reading.progress(number + 1, len(files))
    drums = all(tune.drums.all() for tune in tunes)
    draft, tune_of = _draft(path, tunes, reading.bars, drums=drums)
    owner = np.array(owners)[tune_of]
    labels = _index(path, names, owner) | _folders(names, owner)
    # what the notes say of themselves has the plain names
    labels = {f"index_{name}" if name in draft.columns else name: values for name, values in labels.items()}
    return dataclasses.replace(draft, columns={**labels, **draft.columns})


def _draft(path: Path, tunes: Sequence[Tune], bars: int, *, drums: bool) -> tuple[Draft, NDArray[np.int64]]:
    """The windows, and the tune that each was cut from."""
    grids: list[Grid] = []
    loss = Loss()
    for tune in tunes:
        grid, cost = drum_grid(tune) if drums else melody_grid(_voice(tune))
        grids.append(grid)
        loss += cost + Loss(drums=0 if drums else int(tune.drums.sum()))
    cut = [windows(grid, tune, bars) for grid, tune in zip(grids, tunes, strict=True)]
    for grid, tune, (_, numbers, spaced) in zip(grids, tunes, cut, strict=True):
        loss += Loss(outside=outside(grid, tune, numbers[spaced], bars) if len(numbers) else 0)
    counts = np.array([len(numbers) for _, numbers, _ in cut])
    if not counts.any():
        raise invalid(path.name, f"tunes of at least {bars} bars of four quarters", "shorter ones", "give fewer bars")
    tune_of = np.repeat(np.arange(len(tunes)), counts)
    raw, numbers, spaced = (np.concatenate(column) for column in zip(*cut, strict=True))
    ids = np.array([f"{tunes[tune].name}/{number:04d}" for tune, number in zip(tune_of.tolist(), numbers, strict=True)])
    attributes = drum_attributes(raw) if drums else melody_attributes(raw)
    draft = Draft(
        name=path.resolve().stem,
        raw=raw,
        modality=DrumModality(bars=bars) if drums else MelodyModality(bars=bars),
        ids=ids,
        columns=attributes,
        groups=variant_groups(grids)[tune_of],
        only_training=None if spaced.all() else ~spaced,
        notes=tuple(_notes(tunes, np.array([spaced.sum() for _, _, spaced in cut]), bars, loss)),
    )
    return draft, tune_of


def _voice(tune: Tune) -> Tune:
    """The notes that are no drums."""
    if tune.drums.all():
        raise invalid(
            tune.name, "a melody, as other tunes of the folder are", "drums alone", "keep drums by themselves"
        )
    return tune.only(~tune.drums)


def _notes(tunes: Sequence[Tune], counts: NDArray[np.int64], bars: int, loss: Loss) -> Iterable[str]:
    yield f"{len(counts):,} tunes gave {counts.sum():,} windows of {bars} bars of four quarters, cut at bar lines"
    yield from loss.words()
    short = [len(tune.onsets) for tune, count in zip(tunes, counts.tolist(), strict=True) if not count]
    if short:
        yield f"{len(short):,} tunes are shorter than that and were left out, {sum(short):,} notes"


def _listed(folder: Path) -> list[Path]:
    found = sorted(Path(base) / name for base, _, names in os.walk(folder) for name in names)
    return [path for path in found if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]


def _folders(names: Sequence[str], owner: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    folders = np.array([name.rpartition("/")[0] or "." for name in names])
    return {"label": folders[owner]} if len(set(folders.tolist())) > 1 else {}


def _index(path: Path, names: Sequence[str], owner: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Columns of `index.csv` in the folder, whose column `file` holds the tunes' paths; none where it is absent."""
    file = path / INDEX
    if not path.is_dir() or not file.is_file():
        return {}
    table = read_csv(file)
    if "file" not in table.column_names:
        return {}
    row_of = {name: row for row, name in enumerate(table.column("file").to_pylist())}
    rows = np.array([row_of.get(name, -1) for name in names])[owner]
    if (rows < 0).any():
        first = names[int(owner[(rows < 0).argmax()])]
        raise invalid(INDEX, "a table with a row for every tune", f"none for {first}", "add it, or remove the table")
    return {name: labels_of(table.column(name))[rows] for name in table.column_names if name != "file"}
