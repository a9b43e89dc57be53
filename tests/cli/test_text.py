"""Lines of text through every verb: what is decoded is shown in words, and new lines are read in words."""

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.data.lines import sentences, write_lines

import latentarium as la
from latentarium.applications.paths import blend


@pytest.fixture(scope="module")
def folder(fitted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lines and the bundle `space` made of them."""
    found = tmp_path_factory.mktemp("text")
    write_lines(found / "lines.txt", 400)
    config = found / "tiny.toml"
    config.write_text("width = 48\nbatch_size = 64\nlearning_rate = 1e-2\nthreads = 1\nfree_rate = 6\n")
    space = fitted(found / "lines.txt", "--pairs", 60, "--latent", 8, "--steps", 250, "--config", config)
    shutil.copytree(space, found / "space")
    return found


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def words_in(path: Path) -> str:
    """All words of a picture, one blank between them."""
    parts = ET.parse(path).getroot().itertext()
    return " ".join(" ".join(parts).split())


def test_a_blend_of_two_rows_is_told_in_words(run: Run) -> None:
    outcome = run("blend", "space", 3, "line/000010", "--steps", 5, "--json")
    bundle = la.open_bundle("space")
    frames = blend(bundle.space, bundle.codes[[3, 9]], steps=5)
    lines = bundle.modality.texts(bundle.modality.to_raw(frames))  # type: ignore[attr-defined]
    assert outcome.json["lines"] == lines
    assert outcome.json["out"] == "space-blend.svg"
    assert words_in(Path("space-blend.svg")) == " ".join(lines)
    assert "\n".join(lines) in run("blend", "space", 3, 9, "--steps", 5).out


def test_lines_that_are_no_rows_are_blended_too(run: Run) -> None:
    outcome = run("blend", "space", "a dog sings at home", 3, "--steps", 3, "-o", "way.txt", "--json")
    bundle = la.open_bundle("space")
    x = bundle.modality.to_array(bundle.modality.parse(["a dog sings at home"]))  # type: ignore[attr-defined]
    ends = np.concatenate([bundle.space.encode(x), bundle.codes[[3]]])
    raw = bundle.modality.to_raw(blend(bundle.space, ends, steps=3))
    assert outcome.json["lines"] == bundle.modality.texts(raw)  # type: ignore[attr-defined]
    assert Path("way.txt").read_text().splitlines() == outcome.json["lines"]


def test_a_typed_line_is_remembered_by_the_file(run: Run) -> None:
    first = run("blend", "space", "a dog sings at home", 3, "--steps", 3, "-o", "way.parquet", "--json")
    again = run("remake", "way.parquet", "space", "-o", "again.parquet", "--json")
    assert again.json["lines"] == first.json["lines"]
    assert run("walk", "space", 1, "the king reads at home", "--json").json["out"] == "space-walk.svg"


def test_a_short_fit_keeps_more_of_a_line_than_chance(run: Run) -> None:
    """Four fifths of a line go by without its code, as a swap of codes shows."""
    outcome = run("reconstruct", "space", "-n", 40, "-o", "again.csv", "--json")
    assert outcome.json["symbols_back"] > 0.6
    with Path("again.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows[:2]] == outcome.json["lines"][::2][:2]
    same = np.mean([row["text"].split()[:2] == row["reconstruction"].split()[:2] for row in rows])
    others = np.mean([a["text"].split()[:2] == b["reconstruction"].split()[:2] for a, b in zip(rows, rows[1:])])
    assert same > others + 0.3
    history = [json.loads(line) for line in Path("space/history.jsonl").read_text().splitlines()]
    assert 5 < history[-1]["rate"] < 8


def test_samples_traversals_and_pictures(run: Run) -> None:
    lines = run("sample", "space", "-n", 30, "--json").json["lines"]
    known = {word for line in sentences() for word in line.split()}
    written = [word for line in lines for word in line.split()]
    assert np.mean([word in known for word in written]) > 0.8
    assert words_in(Path("space-samples.svg")) == " ".join(lines)
    assert run("reconstruct", "space", "-n", 3).status == 0
    assert "reconstruction" in words_in(Path("space-reconstructions.svg"))
    assert run("traverse", "space", "--dimensions", 2, "--steps", 3, "-o", "axes.parquet").status == 0


def test_new_lines_are_encoded_decoded_and_searched(run: Run) -> None:
    Path("new.txt").write_text("the cat sleeps at home\n\na dog reads on a roof\n")
    assert run("encode", "space", "new.txt", "-o", "codes.parquet", "--json").json["rows"] == 2
    for name in ("back.txt", "back.csv", "back.parquet"):
        assert run("decode", "space", "codes.parquet", "-o", name).status == 0
    assert len(Path("back.txt").read_text().splitlines()) == 2
    found = run("search", "space", "the cat sleeps at home", "-n", 3, "--json").json["hits"]
    assert found[0]["text"] == "the cat sleeps at home"


def test_a_report_in_words(run: Run) -> None:
    assert run("measure", "space", "--only", "rate").status == 0
    report = Path("space/report.html").read_text()
    assert "Reconstructions" in report
    assert sum(f">{line}</text>" in report for line in set(sentences(400))) > 8
    assert run("check", "space", "--json").json["checks"]["passed"]
    assert run("info", "space").status == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("sample", "space", "-o", "x.png"), "--out must be a file ending in .svg or .txt or .csv or .parquet"),
        (("fit", "latin.txt", "-o", "x"), "latin.txt must be text in UTF-8, got the byte 0xfc in line 2"),
        (("fit", "empty.txt", "-o", "x"), "empty.txt must be a file with a text or more, got 'only empty lines'"),
        (("fit", "lines.txt", "-o", "x", "--pairs", 3), "pairs must be 0, or more than the"),
        (("fit", "lines.txt", "-o", "x", "--size", 9999), "size must be an integer from 1 to 512, got 9999"),
        (("fit", "lines.txt", "-o", "x", "--net", "conv"), "net must be auto, recurrent for data of kind 'text'"),
        (("fit", "digits", "-o", "x", "--pairs", 60), "digits must be lines of text, or a table with a column 'text'"),
        (("blend", "space", 3), "ROWS must be two or more rows"),
    ],
)
def test_wrong_uses_are_told_in_one_line(run: Run, words: tuple[str, ...], line: str) -> None:
    Path("latin.txt").write_bytes("alles\nklar für\n".encode("latin1"))
    Path("empty.txt").write_text("\n \n")
    outcome = run(*words)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert line in outcome.err


def test_a_fit_of_pairs_goes_on_and_is_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from latentarium.training import bound

    def pull(*_: object) -> None:
        raise KeyboardInterrupt

    words = ("--pairs", 60, "--size", 9, "--steps", 30, "--latent", 4, "--config", "tiny.toml")
    # at the seam of the two stages
    with monkeypatch.context() as patched:
        patched.setattr(bound, "_begin_anew", pull)
        assert run("fit", "lines.txt", "-o", "stopped", *words).status != 0
    resumed = run("fit", "-o", "stopped", "--resume")
    assert resumed.status == 0
    assert "lines are longer than 9 byte pairs and cut there" in resumed.err
    assert run("fit", "--config", "stopped", "-o", "again").status == 0
    first, second = (la.open_bundle(name) for name in ("stopped", "again"))
    assert (first.codes == second.codes).all()
    assert first.modality == second.modality
