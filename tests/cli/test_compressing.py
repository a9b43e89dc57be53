"""`compress` and `decompress` from the command line."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.cli.conftest import Run, table_text

from latentarium.applications.compression.codec import compress
from latentarium.bundle import open_bundle
from latentarium.data import open_source
from latentarium.space import LatentSpace


@pytest.fixture(scope="module")
def exact(run: Run, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of digits that can compress without loss."""
    path = tmp_path_factory.mktemp("exact") / "space"
    outcome = run("fit", "digits", "--config", tiny, "--likelihood", "autoregressive", "-o", path)
    assert outcome.status == 0, outcome.err
    return path


@pytest.fixture
def here(exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(exact, tmp_path / "space")
    np.save(tmp_path / "rows.npy", np.asarray(open_source("digits").raw[:150]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_and_back(run: Run, here: Path) -> None:
    rows = np.load("rows.npy")
    outcome = run("compress", "space", "rows.npy", "-o", "a.lsc", "--chunk", 64, "--json")
    assert outcome.status == 0, outcome.err
    told = outcome.json
    assert told["bytes"] == Path("a.lsc").stat().st_size
    assert sum(told["chunks"].values()) == 3
    assert told["chunks"]["bits-back"] >= 2
    assert told["psnr"] is None
    assert run("decompress", "space", "a.lsc", "-o", "b.npy").status == 0
    assert (np.load("b.npy") == rows).all()
    assert run("decompress", "space", "a.lsc", "--rows", "60:70", "-o", "c.parquet").status == 0
    table = pq.read_table("c.parquet")
    assert table["id"].to_pylist() == [str(number) for number in range(60, 70)]
    assert told["id_bytes"] == 0
    assert (np.array(table["pixels"].to_pylist(), np.uint8) == rows[60:70].reshape(10, -1)).all()


@pytest.mark.parametrize("mode", ["direct", "plain"])
def test_pictures_come_back_as_files_by_id(run: Run, here: Path, mode: str) -> None:
    rows = np.load("rows.npy")[:6]
    for name, row in zip(("x/one.png", "x/two.bmp", "x/two.png", "y/4.png", "y/5.png", "six.png"), rows, strict=True):
        (here / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(row[0]).save(here / "in" / name)
    out = "a.parquet" if mode == "plain" else "a.lsc"
    assert run("compress", "space", "in", "-o", out, "--mode", mode).status == 0
    outcome = run("decompress", "space", out, "-o", "out/")
    assert outcome.status == 0, outcome.err
    found = sorted(str(path.relative_to(here / "out")) for path in (here / "out").rglob("*.png"))
    assert found == ["six.png", "x/one.png", "x/two-2.png", "x/two.png", "y/4.png", "y/5.png"]
    if mode == "direct":
        with Image.open(here / "out/x/one.png") as picture:
            assert (np.asarray(picture) == rows[0, 0]).all()
        assert run("decompress", "space", out, "--rows", "1:2", "-o", "b.parquet").status == 0
        # as the ids are sorted
        assert pq.read_table("b.parquet")["id"].to_pylist() == ["x/one.png"]
        assert run("compress", "space", "in", "-o", out, "--mode", mode, "--no-ids", "--json").json["id_bytes"] == 0
        assert run("decompress", "space", out, "-o", "b.parquet").status == 0
        assert pq.read_table("b.parquet")["id"].to_pylist() == [str(number) for number in range(6)]
    again = run("decompress", "space", out, "-o", "out")
    assert "--out must be a new folder or an empty one, got 'out'; choose another name" in again.err


def test_no_picture_leaves_the_folder(run: Run, here: Path) -> None:
    rows = open_source("digits").select(np.arange(3))
    named = dataclasses.replace(rows, ids=np.array(["a", "../b", "c"]))
    compress(open_bundle("space"), named, "a.lsc")
    outcome = run("decompress", "space", "a.lsc", "-o", "deep/out")
    assert "ids must be names of files for a folder, got '../b'" in outcome.err
    assert not (here / "deep").exists()


def test_a_command_that_works_is_named(run: Run, here: Path, digits: Path, table: Path) -> None:
    (here / "people.csv").write_text(table_text())
    for path, data, ending in ((digits, "rows.npy", "lsc"), (table, "people.csv", "parquet")):
        refused = run("compress", path, data, "-o", "a.lsc")
        assert refused.status == 2
        line = refused.err.strip().partition("latentarium compress ")[2].split()
        assert run("compress", *line).status == 0, refused.err
        assert Path(f"a.{ending}").exists()


def test_lossy_says_what_is_lost(run: Run, here: Path) -> None:
    told = run("compress", "space", "rows.npy", "-o", "a.lsc", "--mode", "lossy", "--json").json
    assert run("decompress", "space", "a.lsc", "-o", "b.npy").status == 0
    error = np.mean((np.load("b.npy").astype(float) - np.load("rows.npy")) ** 2)
    assert told["psnr"] == pytest.approx(10 * np.log10(255**2 / error))
    words = run("compress", "space", "rows.npy", "-o", "a.lsc", "--mode", "lossy").out
    assert f"PSNR {told['psnr']:.2f} dB" in words
    assert "150 rows in" in words


def test_plain_numbers_there_and_back(run: Run, here: Path) -> None:
    told = run("compress", "space", "rows.npy", "-o", "a.parquet", "--mode", "plain", "--json").json
    assert told["bytes"] == Path("a.parquet").stat().st_size
    assert run("decompress", "space", "a.parquet", "-o", "b.npy").status == 0
    error = np.mean((np.load("b.npy").astype(float) - np.load("rows.npy")) ** 2)
    assert told["psnr"] == pytest.approx(10 * np.log10(255**2 / error))
    assert pq.read_table("a.parquet")["code"].type.list_size == 4


def test_an_interrupt_while_plain_codes_are_judged(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LatentSpace, "decode", stop)
    outcome = run("compress", "space", "rows.npy", "-o", "a.parquet", "--mode", "plain")
    assert outcome.err == "latentarium: interrupted; nothing was changed\n"
    assert sorted(path.name for path in here.iterdir()) == ["rows.npy", "space"]


def test_plain_tables(run: Run, here: Path, table: Path) -> None:
    (here / "people.csv").write_text(table_text())
    told = run("compress", table, "people.csv", "-o", "a.parquet", "--mode", "plain", "--json").json
    assert told["psnr"] is None
    assert run("decompress", table, "a.parquet", "-o", "again.csv").status == 0
    assert (here / "again.csv").read_text().count("\n") == told["rows"] + 1


CASES = [
    ("compress space rows.npy -o a.zip", 2, ("--out", ".lsc", "a.zip")),
    ("compress space rows.npy -o a.lsc --mode plain", 2, ("--out", ".parquet")),
    ("compress space rows.npy -o a.lsc --mode best", 2, ("--mode", "bits-back", "plain", "'best'")),
    ("compress space rows.npy -o a.parquet --mode plain --step 2", 2, ("only --mode lossy looks at --step;",)),
    (
        "compress space rows.npy -o a.parquet --mode plain --chunk 3",
        2,
        ("--mode plain writes no chunks; leave --chunk out",),
    ),
    ("compress space rows.npy -o a.lsc --mode direct --effort 4", 2, ("only --mode lossy looks at --effort;",)),
    ("compress space rows.npy -o a.lsc --step 2 --effort 4", 2, ("only --mode lossy looks at --step and --effort;",)),
    ("compress space rows.npy -o a.lsc --mode lossy --step 0", 2, ("step", "0.05", "0")),
    ("compress space rows.npy -o a.lsc --mode lossy --effort -1", 2, ("effort", "-1")),
    ("compress space rows.npy -o a.lsc --chunk 0", 2, ("--chunk", "0")),
    ("compress people people.csv -o a.lsc", 2, ("table", "--mode plain --out a.parquet")),
    ("compress space nowhere -o a.lsc", 2, ("'nowhere'",)),
    ("compress nowhere rows.npy -o a.lsc", 2, ("'nowhere'",)),
    ("compress space rows.npy -o notes.txt/a.lsc", 1, ("notes.txt",)),
    ("decompress space nowhere.lsc", 2, ("FILE", "'nowhere.lsc'")),
    ("decompress space notes.txt", 1, ("notes.txt", "not a file made by 'latentarium compress'")),
    ("decompress space good.lsc --rows 5:2", 2, ("--rows", "0:150", "'5:2'")),
    ("decompress space good.lsc --rows 140:151", 2, ("--rows", "0:150", "'140:151'")),
    ("decompress space good.lsc --rows ten", 2, ("--rows", "'ten'")),
    ("decompress space good.lsc -o a.csv", 2, ("--out", ".npy", "a.csv")),
    ("decompress space cut.lsc", 1, ("cut.lsc", "damaged")),
    ("decompress space flipped.lsc", 1, ("flipped.lsc", "chunk 0", "checksum")),
    ("decompress other good.lsc", 2, ("good.lsc", "another model")),
]


@pytest.mark.parametrize(("line", "status", "says"), CASES, ids=[case[0] for case in CASES])
def test_bad_inputs(
    run: Run, here: Path, digits: Path, table: Path, line: str, status: int, says: tuple[str, ...]
) -> None:
    shutil.copytree(table, here / "people")
    (here / "people.csv").write_text(table_text())
    (here / "notes.txt").write_text("hello, this is a text of more bytes than a header begins with")
    if line.startswith("decompress"):
        assert run("compress", "space", "rows.npy", "-o", "good.lsc").status == 0
        data = bytearray((here / "good.lsc").read_bytes())
        (here / "cut.lsc").write_bytes(data[: len(data) // 2])
        data[len(data) // 2] ^= 1
        (here / "flipped.lsc").write_bytes(data)
        shutil.copytree(digits, here / "other")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    outcome = run(*line.split(), "--json")
    assert outcome.status == status, outcome.err
    (message,) = outcome.err.splitlines()
    assert all(word in message for word in says), message
    assert json.loads(outcome.out)["error"]["status"] == status
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
