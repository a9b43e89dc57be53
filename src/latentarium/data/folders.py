"""Folders of pictures, and CelebA's own layout."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.draft import Draft
from latentarium.data.images import load_pictures
from latentarium.data.storage import Reading
from latentarium.errors import InvalidInput, invalid

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"))
CELEBA_PICTURES = "img_align_celeba"
CELEBA_ATTRIBUTES = "list_attr_celeba.txt"
CELEBA_PARTS = "list_eval_partition.txt"
CELEBA_SIZE = 64


def is_celeba(folder: Path) -> bool:
    """Whether `folder` has CelebA's pictures and attribute file."""
    return (folder / CELEBA_PICTURES).is_dir() and (folder / CELEBA_ATTRIBUTES).is_file()


def open_folder(folder: Path, reading: Reading) -> Draft:
    """Every picture under `folder`, sorted by path; the folder each lies in is its label.

    Raises
    ------
    InvalidInput
        Where there is no picture, or one cannot be read.
    """
    ids, others = _listed(folder)
    images, notes = load_pictures(folder, ids, reading)
    return Draft(
        name=folder.resolve().name,
        images=images,
        ids=ids,
        columns=_folder_labels(ids),
        notes=(*notes, *_ignored(others)),
    )


def open_picture(path: Path, reading: Reading) -> Draft:
    """One picture as the only row."""
    ids = np.array([path.name])
    images, notes = load_pictures(path.parent, ids, reading)
    return Draft(name=path.name, images=images, ids=ids, notes=notes)


def open_celeba(folder: Path, reading: Reading) -> Draft:
    """CelebA: the 40 attributes as 0/1 columns, its own parts where `list_eval_partition.txt` has rows in each."""
    on_disk, others = _listed(folder / CELEBA_PICTURES)
    listed, attributes = _read_attributes(folder / CELEBA_ATTRIBUTES)
    row_of = {name: row for row, name in enumerate(listed)}
    bare = [str(name) for name in on_disk if str(name) not in row_of]
    if bare:
        raise invalid(
            CELEBA_ATTRIBUTES, "a file with a row for every picture", f"none for {len(bare)}, first {bare[0]}"
        )
    rows = np.array([row_of[str(name)] for name in on_disk])
    ids = np.char.add(f"{CELEBA_PICTURES}/", on_disk)
    images, notes = load_pictures(folder, ids, reading, default=CELEBA_SIZE)
    if len(rows) < len(listed):
        notes += (f"{len(listed) - len(rows)} of {len(listed)} listed pictures are not in {CELEBA_PICTURES}",)
    validation, test = _celeba_parts(folder / CELEBA_PARTS, on_disk)
    return Draft(
        name=folder.resolve().name,
        images=images,
        ids=ids,
        columns={name: values[rows] for name, values in attributes.items()},
        validation=validation,
        test=test,
        notes=(*notes, *_ignored(others)),
    )


def _listed(folder: Path) -> tuple[NDArray[np.str_], list[str]]:
    """Relative paths of the pictures, sorted, and of the other files."""
    pictures: list[str] = []
    others: list[str] = []
    for name in _walk(folder, "", set()):
        (pictures if PurePosixPath(name).suffix.lower() in SUFFIXES else others).append(name)
    if not pictures:
        found = f"{len(others)} other files" if others else "an empty folder"
        raise invalid(str(folder), f"a folder of pictures ({', '.join(sorted(SUFFIXES))})", found)
    return np.array(sorted(pictures)), sorted(others)


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    status = folder.stat()
    # a link to a folder further up would otherwise never end
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", seen)
            elif entry.is_file():
                yield prefix + entry.name


def _ignored(others: list[str]) -> tuple[str, ...]:
    if not others:
        return ()
    noun = "file that is no picture was" if len(others) == 1 else "files that are no pictures were"
    return (f"{len(others)} {noun} ignored, first {others[0]}",)


def _folder_labels(ids: NDArray[np.str_]) -> dict[str, NDArray[Any]]:
    folders = [str(name).rpartition("/")[0] for name in ids]
    return {"label": np.array([folder or "." for folder in folders])} if any(folders) else {}


def _read_attributes(path: Path) -> tuple[list[str], dict[str, NDArray[np.int8]]]:
    """File names and the -1/1 attributes as 0/1; the leading line with a count may be absent."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    first = 1 if lines and lines[0].strip().isdigit() else 0
    names = lines[first].split() if len(lines) > first else []
    body = lines[first + 1 :]
    try:
        values = np.loadtxt(body, dtype=np.int8, usecols=range(1, len(names) + 1), ndmin=2)
    except ValueError as error:
        raise InvalidInput(
            f"{path.name} must have {len(names)} attributes of -1 or 1 in each row, got {error}"
        ) from error
    if not names or not len(values) or not np.isin(values, (-1, 0, 1)).all():
        raise invalid(path.name, "a line of attribute names, then rows of -1 or 1", "other values")
    files = [line.split(None, 1)[0] for line in body]
    return files, {name: (values[:, i] > 0).astype(np.int8) for i, name in enumerate(names)}


def _celeba_parts(path: Path, names: NDArray[np.str_]) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    if not path.is_file():
        return None, None
    part_of = dict(line.split()[:2] for line in path.read_text(encoding="utf-8").splitlines() if len(line.split()) > 1)
    parts = np.array([part_of.get(str(name), "0") for name in names])
    # a subset of CelebA may hold the rows of one part only; then parts are drawn
    if len(np.unique(parts)) < 3:
        return None, None
    return np.flatnonzero(parts == "1"), np.flatnonzero(parts == "2")
