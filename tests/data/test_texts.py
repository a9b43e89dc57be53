"""Lines of text as rows of symbols: what is read comes back, what is lost is said, what cannot be is refused."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.lines import sentences, write_lines

from latentarium.data import TextModality, modality_from_json, open_like, open_source, open_texts, rows_from_arrays
from latentarium.data.texts import END, UNKNOWN, plain
from latentarium.errors import InvalidInput, MissingExtra

LINES = sentences()


@pytest.mark.parametrize("pairs", [0, 60])
def test_lines_come_back_through_symbols_and_arrays(pairs: int) -> None:
    modality = TextModality.fit(LINES, pairs=pairs)
    raw = modality.parse(LINES)
    assert modality.texts(modality.to_raw(modality.to_array(raw))) == LINES
    assert modality.symbols == (pairs or len(set("".join(LINES))) + 2)
    again = modality_from_json(json.loads(json.dumps(modality.to_json())))
    assert again == modality
    assert (again.parse(LINES) == raw).all()  # type: ignore[attr-defined]


def test_pairs_make_rows_shorter_and_keep_to_words() -> None:
    letters, pairs = (TextModality.fit(LINES, pairs=count) for count in (0, 80))
    assert pairs.steps < letters.steps / 2
    assert " the" in pairs.pieces
    assert not any(" " in piece[1:] for piece in pairs.pieces)
    assert set(pairs.alphabet) == set(letters.alphabet)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_whatever_is_read_comes_back_as_far_as_the_alphabet_goes(texts: list[str]) -> None:
    modality = TextModality(steps=40, alphabet=" abcé")
    kept = ["".join(c if c in modality.alphabet else modality.pieces[UNKNOWN] for c in plain(t)) for t in texts]
    assert modality.texts(modality.parse(texts)) == [line.strip() for line in kept]


def test_a_row_holds_a_line_its_end_and_nothing_else() -> None:
    modality = TextModality(steps=5, alphabet="ab")
    assert modality.parse(["ab", "abababab", "?"]).tolist() == [[2, 3, 0, 0, 0], [2, 3, 2, 3, 2], [1, 0, 0, 0, 0]]
    assert modality.texts(np.array([[2, END, 3, 3, 3]], np.uint8)) == ["a"]


def test_the_longest_line_decides_the_length_up_to_a_limit() -> None:
    assert TextModality.fit(["a" * 9, "b" * 5]).steps == 10
    assert TextModality.fit(["a" * 900, "b" * 5]).steps == 64
    assert TextModality.fit(["a" * 9, "b" * 5], steps=3).steps == 3


def test_what_is_lost_is_said() -> None:
    modality = TextModality.fit([*LINES, "q"], steps=20)
    assert "q" not in modality.alphabet
    cut, strange = modality.read([*LINES, "q"])[1]
    assert cut == f"{sum(len(line) > 20 for line in LINES)} of 201 lines are longer than 20 characters and cut there"
    assert strange.startswith("1 of 201 lines have characters that are rare here")
    assert modality.read(["a dog sings"])[1] == ()
    assert modality.read(["a" * 20])[1] == ()


def test_many_symbols_need_two_bytes() -> None:
    modality = TextModality(steps=2, alphabet="".join(chr(0x4E00 + i) for i in range(400)))
    raw = modality.parse([modality.alphabet[-1]])
    assert raw.dtype == np.uint16
    assert raw[0, 0] == 401
    assert (modality.to_raw(modality.to_array(raw)) == raw).all()


def test_a_file_of_lines_becomes_rows(tmp_path: Path) -> None:
    rows = open_source(write_lines(tmp_path / "lines.txt"), size=12)
    assert rows.raw.shape == (200, 12)
    assert rows.columns["text"].tolist() == LINES
    assert any("cut there" in note for note in rows.notes)
    new = tmp_path / "new.txt"
    new.write_text("a cat reads\n\nthe ß\n")
    found = open_like(new, rows.modality)
    assert rows.modality.texts(found.raw) == ["a cat reads", "the \N{REPLACEMENT CHARACTER}"]  # type: ignore[attr-defined]
    assert found.notes[0] == "1 empty line of new.txt left out: 2"
    assert "rare here" in found.notes[1]


def test_labels_of_lines_travel_along(tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    path.write_text(json.dumps([{"text": line, "topic": line.split()[1]} for line in LINES]))
    rows = open_source(path, label="label")
    assert rows.columns["label"][3] == LINES[3].split()[1]
    with pytest.raises(InvalidInput, match="label must be a label of lines, got 'mood'"):
        open_source(path, label="mood")


def test_a_list_of_lines_becomes_rows() -> None:
    rows = rows_from_arrays(LINES, labels=[line[0] for line in LINES], pairs=60, size=9)
    assert rows.modality.symbols == 60  # type: ignore[attr-defined]
    assert rows.raw.shape == (200, 9)
    assert (rows_from_arrays(np.array(LINES), pairs=60, size=9).raw == rows.raw).all()
    with pytest.raises(InvalidInput, match="lines of text that say something, got 'an empty one in place 1'"):
        rows_from_arrays(["a", " ", "b"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pairs": 5}, "pairs must be 0, or more than the .* characters of these lines, got 5"),
        ({"pairs": -1}, "pairs must be an integer from 0 to 16384"),
        ({"size": 0}, "size must be an integer from 1 to 512, got 0"),
        ({"size": 5000}, "size must be an integer from 1 to 512, got 5000"),
    ],
)
def test_sizes_that_cannot_be(tmp_path: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        open_texts(write_lines(tmp_path / "lines.txt"), **options)


def test_pairs_are_for_text_alone() -> None:
    with pytest.raises(InvalidInput, match="digits must be lines of text, or a table with a column 'text'"):
        open_texts("digits", pairs=9)


def test_other_data_is_no_text(tmp_path: Path) -> None:
    modality = open_source(write_lines(tmp_path / "lines.txt")).modality
    with pytest.raises(InvalidInput, match="lines of text, or a table with a column 'text', got 'pictures'"):
        open_like("digits", modality)
    with pytest.raises(InvalidInput, match="as the space was fitted on, got 'lines of text'"):
        open_like(tmp_path / "lines.txt", open_source("digits").modality)


@pytest.mark.parametrize("stored", [{"alphabet": "aa"}, {"alphabet": "ab", "merges": [[2, 9]]}])
def test_a_damaged_description_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        modality_from_json({"kind": "text", "steps": 4, "merges": [], **stored})


def test_pairs_without_their_package_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    modality = TextModality.fit(LINES, pairs=60)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'latentarium\[text\]', or leave out --pairs"):
        TextModality.fit(LINES, pairs=60)
    # rows in words again need no package
    assert modality.texts(np.array([[2, 0]], np.uint8)) == [modality.pieces[2].strip()]


def test_a_table_with_a_column_of_text(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("text,topic\n" + "".join(f"{line},{line[0]}\n" for line in LINES))
    rows = open_texts(path)
    assert rows.modality.texts(rows.raw) == LINES  # type: ignore[attr-defined]
    assert rows.columns["label"][0] == LINES[0][0]
