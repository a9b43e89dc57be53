"""`search`: more like these, like new data, the odd one out, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import Run

import latentarium as la


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("new.npy", la.open_source("digits").raw[:3, 0])


def test_more_like_rows_of_the_bundle(run: Run, digits: Path) -> None:
    found = run("search", digits, "3", "digits/000010", "-n", 4, "--where", "label=3", "--json")
    assert found.status == 0, found.err
    assert found.json["query"] == ["digits/000003", "digits/000010"]
    bundle = la.open_bundle(digits)
    labels = dict(zip(bundle.ids.tolist(), bundle.column("label").tolist()))
    assert [str(labels[hit["id"]]) for hit in found.json["hits"]] == ["3"] * 4
    with Image.open("digits-like.png") as sheet:
        assert sheet.height > 140
    people = run("search", digits, "3", "-n", 2, "--out", "own.png")
    assert people.out.splitlines()[-1] == "sheet of rows of the source: own.png"


def test_like_new_data(run: Run, digits: Path) -> None:
    found = run("search", digits, "new.npy", "-n", 2, "--json", "--out", "new.png")
    assert found.status == 0, found.err
    # they are rows of the set itself
    assert [found.json["hits"][f"{i:06d}"][0]["id"] for i in range(3)] == [f"digits/{i:06d}" for i in range(3)]
    assert found.json["way"] == "exact"
    assert Path("new.png").exists()


def test_like_several_pictures_and_rows(run: Run, digits: Path) -> None:
    """Near the middle of their codes, wherever they lie; rows of the bundle are not found again."""
    raw = la.open_source("digits").raw
    for number in (3, 13):
        Image.fromarray(raw[number, 0]).save(f"{number}.png")
    rows = run("search", digits, "3", "13", "23", "-n", 5, "--json").json
    mixed = run("search", digits, "./3.png", "23", "13.png", "-n", 7, "--json", "--out", "mixed.png")
    assert mixed.status == 0, mixed.err
    assert mixed.json["query"] == ["3.png", "digits/000023", "13.png"]
    files = {"digits/000003", "digits/000013"}
    assert [hit["id"] for hit in mixed.json["hits"] if hit["id"] not in files][:5] == [h["id"] for h in rows["hits"]]
    assert Path("mixed.png").exists()
    Image.fromarray(255 - raw[23, 0]).save("negative.png")
    odd = run("search", digits, "./3.png", "negative.png", "23", "13.png", "--odd-one-out", "--json")
    assert odd.json["odd"] == "negative.png"
    assert len(odd.json["mean_distances"]) == 4


def test_the_odd_one_out(run: Run, digits: Path) -> None:
    people = run("search", digits, "3", "13", "23", "0", "--odd-one-out")
    assert people.out.count("does not belong") == 1
    found = run("search", digits, "new.npy", "--odd-one-out", "--json")
    assert found.json["odd"] in found.json["mean_distances"]
    assert len(found.json["mean_distances"]) == 3


def test_the_odd_one_out_of_many(run: Run, digits: Path) -> None:
    """All of them are compared: the odd one comes last."""
    rows = la.open_source("digits").raw[:300, 0]
    np.save("many.npy", rows)
    odd = int(run("search", digits, "many.npy", "--odd-one-out", "--json").json["odd"])
    np.save("many.npy", np.concatenate([np.delete(rows, odd, 0), rows[odd : odd + 1]]))
    found = run("search", digits, "many.npy", "--odd-one-out", "--json")
    assert found.json["odd"] == "000299"
    assert len(found.json["mean_distances"]) == 300
    people = run("search", digits, "many.npy", "--odd-one-out").out.splitlines()
    assert people[0] == "the 20 that lie farthest from the others; 280 lie nearer"
    assert people[1].endswith("000299  does not belong")
    assert len(people) == 21


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "row must be an id of the bundle"),
        (("3", "-n", "0"), "-n must be an integer from 1"),
        (("3", "--store", "faiss"), "store must be one of auto, exact, lance"),
        (("3", "4", "5", "--odd-one-out", "--where", "label=3"), "leave --where out"),
        (("3", "4", "--odd-one-out"), "the rows must be at least 3"),
        (("1", "1", "1", "2", "--odd-one-out"), "QUERY must be every row once, got 'digits/000001'"),
        (("1", "4", "2", "digits/000001", "--odd-one-out"), "QUERY must be every row once, got 'digits/000001'"),
        (("3", "gone.png"), "or a file, got 'gone.png': no file has that name"),
        (("3", "long.npy"), "long.npy must be at most 5,000 rows to be named at once, got 5001"),
        (("3", "--where", "label"), "--where must be a condition such as label=Sneaker"),
        (("3", "--out", "a.txt"), "--out must be a file ending in"),
    ],
)
def test_bad_input_is_one_line(run: Run, digits: Path, arguments: tuple[str, ...], words: str) -> None:
    if "long.npy" in arguments:
        np.save("long.npy", np.zeros((5001, 8, 8), np.uint8))
    refused = run("search", digits, *arguments)
    assert refused.status == 2
    assert words in refused.err
    assert refused.err.count("\n") == 1
