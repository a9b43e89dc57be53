"""Lines of text: `.txt` files with one text a line, and `.json` files of texts with their labels."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.draft import LABEL_NAMES, Draft, number_ids
from latentarium.data.encoding import read_utf8
from latentarium.errors import InvalidInput, invalid

TEXT_SUFFIXES, JSON_SUFFIXES = (".txt",), (".json",)
_MOST_SHOWN = 5


def open_lines(path: Path) -> Draft:
    """One text a line, in UTF-8; lines without a letter are left out, and said."""
    lines = [line.strip() for line in read_utf8(path, path.name).splitlines()]
    return _draft(path, lines, {})


def open_json_texts(path: Path) -> Draft:
    """Texts in JSON: a list of strings, of pairs [text, label] or of objects with a text; or such lists by part.

    Parts called train, val and test, also with a prefix such as oos_, become the parts of the rows, as in CLINC150.
    """
    try:
        found = json.loads(read_utf8(path, path.name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path.name} must be valid JSON, got {error}") from None
    if not isinstance(found, dict):
        rows = _rows(path, found)
        return _draft(path, [text for text, _ in rows], _labels(rows))
    parts = {str(name): _rows(path, rows) for name, rows in found.items()}
    rows = [row for part in parts.values() for row in part]
    names = np.repeat(list(parts), [len(part) for part in parts.values()])
    draft = _draft(path, [text for text, _ in rows], {**_labels(rows), "part": names})
    words = [str(name).rpartition("_")[2] for name in draft.columns["part"]]
    held = {
        part: np.flatnonzero([w == word for w in words]) for part, word in (("validation", "val"), ("test", "test"))
    }
    return dataclasses.replace(draft, **{part: numbers for part, numbers in held.items() if len(numbers)})


def _rows(path: Path, found: Any) -> list[tuple[str, str | None]]:
    if not isinstance(found, list):
        raise invalid(path.name, "a list of texts, or such lists by part", type(found).__name__)
    return [_row(path, number, entry) for number, entry in enumerate(found, 1)]


def _row(path: Path, number: int, entry: Any) -> tuple[str, str | None]:
    match entry:
        case str():
            return entry.strip(), None
        case [str() as text, str() as label]:
            return text.strip(), label
        case {"text": str() as text}:
            label = next((entry[name] for name in LABEL_NAMES if isinstance(entry.get(name), str)), None)
            return text.strip(), label
    rule = 'a text, a pair [text, label] or {"text": ..} in each place'
    raise invalid(path.name, rule, f"{str(entry)[:60]} in place {number}")


def _labels(rows: Sequence[tuple[str, str | None]]) -> dict[str, NDArray[Any]]:
    labels = [label for _, label in rows]
    return {LABEL_NAMES[0]: np.asarray([label or "" for label in labels])} if any(labels) else {}


def _draft(path: Path, texts: Sequence[str], columns: Mapping[str, NDArray[Any]]) -> Draft:
    """The texts that say something, under the numbers of their lines."""
    kept = np.array([number for number, text in enumerate(texts) if text], dtype=np.int64)
    if not len(kept):
        raise invalid(path.name, "a file with a text or more", "only empty lines" if texts else "an empty file")
    empty = [str(number) for number, text in enumerate(texts, 1) if not text]
    shown = ", ".join(empty[:_MOST_SHOWN]) + (", .." if len(empty) > _MOST_SHOWN else "")
    noun = "line" if len(empty) == 1 else "lines"
    notes = (f"{len(empty)} empty {noun} of {path.name} left out: {shown}",) if empty else ()
    return Draft(
        name=path.stem,
        texts=tuple(text for text in texts if text),
        ids=number_ids(len(texts) + 1, "line/")[kept + 1],
        columns={name: values[kept] for name, values in columns.items()},
        notes=notes,
    )
