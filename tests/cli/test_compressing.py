"""`compress` and `decompress` from the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Run, table_text

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
    assert (np.array(table["pixels"].to_pylist(), np.uint8) == rows[60:70].reshape(10, -1)).all()


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
    ("compress space rows.npy -o a.lsc --mode best", 2, ("mode", "bits-back", "'best'")),
    ("compress space rows.npy -o a.lsc --mode lossy --step 0", 2, ("step", "0.05", "0")),
    ("compress space rows.npy -o a.lsc --mode lossy --effort -1", 2, ("effort", "-1")),
    ("compress space rows.npy -o a.lsc --chunk 0", 2, ("chunk_rows", "0")),
    ("compress people people.csv -o a.lsc", 2, ("pictures", "table", "--mode plain")),
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
