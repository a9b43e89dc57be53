"""Lines of text: what is kept, what is said, and what is refused with one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentarium.data.draft import with_texts
from latentarium.data.lines import open_json_texts, open_lines
from latentarium.errors import InvalidInput


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_ids_are_numbers_of_lines_and_empty_ones_are_said(tmp_path: Path) -> None:
    draft = open_lines(written(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\n  two \n \t\nthree"))
    assert draft.texts == ("one", "two", "three")
    assert draft.ids is not None
    assert draft.ids.tolist() == ["line/000001", "line/000003", "line/000005"]
    assert draft.notes == ("2 empty lines of a.txt left out: 2, 4",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("alles\nklar für\n".encode("latin1"), "must be text in UTF-8, got the byte 0xfc in line 2; convert it.*iconv"),
        ("eins".encode("utf-16-le"), "NUL character"),
        ("\ufeffeins".encode("utf-16-le"), "UTF-8, got the byte 0xff in line 1"),
        (b"\n \n", "only empty lines"),
        (b"", "an empty file"),
    ],
)
def test_other_encodings_and_empty_files_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        open_lines(written(tmp_path / "a.txt", content))
    assert "\n" not in str(caught.value)


def stored(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_json_of_texts_pairs_and_objects(tmp_path: Path) -> None:
    assert open_json_texts(stored(tmp_path / "a.json", ["one", "two"])).texts == ("one", "two")
    pairs = open_json_texts(stored(tmp_path / "b.json", [["one", "x"], ["", "y"], ["two", "z"]]))
    assert pairs.texts == ("one", "two")
    assert pairs.columns["label"].tolist() == ["x", "z"]
    objects = open_json_texts(stored(tmp_path / "c.json", [{"text": "one", "category": "art"}]))
    assert objects.columns["label"].tolist() == ["art"]


def test_parts_of_the_file_are_the_parts_of_the_rows(test_data: Path) -> None:
    draft = open_json_texts(test_data / "text/clinc150/data_full.json")
    assert len(draft) == 23_700
    assert (len(draft.test), len(draft.validation)) == (5500, 3100)  # type: ignore[arg-type]
    assert draft.columns["label"][draft.columns["part"] == "oos_test"].tolist() == ["oos"] * 1000
    assert len(np.unique(draft.columns["label"])) == 151


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"train": "text"}, "a list of texts"),
        ([["one"]], r"a pair \[text, label\].*in place 1"),
        (["one", 3], "3 in place 2"),
    ],
)
def test_other_json_is_refused(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        open_json_texts(stored(tmp_path / "a.json", value))


def test_damaged_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a\.json must be valid JSON"):
        open_json_texts(written(tmp_path / "a.json", b'["one"'))
    with pytest.raises(InvalidInput, match=r"a\.json must be text in UTF-8, got the byte 0xfc in line 1"):
        open_json_texts(written(tmp_path / "a.json", b'["\xfc"]'))


def test_a_table_has_its_texts_in_a_column(test_data: Path) -> None:
    from latentarium.data.storage import Reading
    from latentarium.data.tables import open_table

    path = test_data / "text/banking77/test.csv"
    draft = with_texts(open_table(path, Reading(cache=test_data, needed=("text",))))
    assert len(draft) == 3080
    assert draft.columns["label"][0] == "card_arrival"
