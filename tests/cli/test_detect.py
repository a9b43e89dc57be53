"""`detect`: the table, the sheet, the page, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.cli.conftest import Run, table_text

import latentarium as la


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty digits, every tenth of them turned into its negative."""
    monkeypatch.chdir(tmp_path)
    rows = la.open_source("digits")
    pictures = rows.raw[rows.splits["test"]][:50, 0].copy()
    pictures[::10] = 255 - pictures[::10]
    np.save(tmp_path / "new.npy", pictures)
    return tmp_path


def test_the_odd_are_found_and_shown(run: Run, digits: Path, new: Path) -> None:
    outcome = run("detect", digits, "new.npy", "--json", "--oddest", 6)
    assert outcome.status == 0, outcome.err
    found = outcome.json
    assert set(found["oddest"][:5]) == {f"{i:06d}" for i in range(0, 50, 10)}
    assert found["discoveries"] == pytest.approx(5, abs=1)
    assert found["compared_with"] == "1,437 training rows, calibrated on 180 validation rows"
    assert not found["drift"]["broken"]
    table = pq.read_table("odd.parquet").to_pandas()
    assert list(table.columns) == ["id", "score", "p_value", "odd", "discovery"]
    assert table["odd"].sum() == found["odd"]
    assert table.sort_values("score")["id"].iloc[-1] == found["oddest"][0]
    page = (new / "odd.html").read_text()
    assert "<script" not in page
    assert "false alarms" in page
    assert page.count("<tr>") == 7
    with Image.open("odd.png") as sheet:
        assert len(np.unique(np.asarray(sheet.convert("RGB")).reshape(-1, 3), axis=0)) > 20
    assert sorted(p.name for p in new.iterdir()) == ["new.npy", "odd.html", "odd.parquet", "odd.png"]


def test_people_are_told(run: Run, digits: Path, new: Path) -> None:
    people = run("detect", digits, "new.npy", "--out", "found.csv", "--scores", "weighted+plane")
    assert people.status == 0, people.err
    assert "of 50 rows are odd, compared with 1,437 training rows" in people.out
    assert people.out.splitlines()[-1] == "table: found.csv, page: found.html, sheet: found.png"
    assert (new / "found.csv").read_text().splitlines()[0] == '"id","score","p_value","odd","discovery"'


def test_a_drift_is_said(run: Run, digits: Path, new: Path) -> None:
    rows = la.open_source("digits")
    np.save(new / "moved.npy", np.roll(rows.raw[:200, 0], 2, axis=2))
    outcome = run("detect", digits, "moved.npy", "--json")
    assert outcome.json["drift"]["broken"]
    assert "the calibration is broken" in outcome.err
    assert "the calibration is broken" in (new / "odd.html").read_text()


def test_tables_say_because_of_which_feature(run: Run, fitted: Callable[..., Path], tmp_path: Path) -> None:
    source, other = tmp_path / "people.csv", tmp_path / "others.csv"
    source.write_text(table_text())
    lines = table_text(20, seed=3).splitlines()
    other.write_text("\n".join(lines) + "\n")
    bundle = fitted(source, "--label", lines[0].split(",")[-1])
    outcome = run("detect", bundle, other, "--json", "--out", tmp_path / "odd.parquet")
    assert outcome.status == 0, outcome.err
    assert outcome.json["sheet"] is None
    table = pq.read_table(tmp_path / "odd.parquet")
    assert "because" in table.column_names
    assert "What each feature adds" in (tmp_path / "odd.html").read_text()


def test_rows_of_the_bundle_stand_in_for_a_lost_source(run: Run, digits: Path, new: Path) -> None:
    from latentarium.applications.slimming import slim_bundle

    slim_bundle(la.open_bundle(digits), new / "slim", rows=100)
    outcome = run("detect", "slim", "new.npy", "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["compared_with"].startswith("50 rows kept in the bundle, calibrated on 50 others")
    shutil.rmtree(new / "slim")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scores", "odd"), "scores must be one of plane, weighted"),
        (("--threshold", "max"), "threshold must be one of conformal, quantile, pot, got 'max'"),
        (("--alpha", "2"), "alpha must be a share between 0 and 1, got 2.0"),
        (("--fdr", "0"), "fdr must be a share between 0 and 1, got 0.0"),
        (("--oddest", "0"), "oddest must be an integer from 1 to 1000, got 0"),
        (("--neighbours", "0"), "neighbours must be an integer"),
        (("--out", "odd.txt"), "--out must be a file ending in .parquet or .csv"),
        (("--source", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_line(run: Run, digits: Path, new: Path, options: tuple[str, ...], words: str) -> None:
    outcome = run("detect", digits, "new.npy", *options)
    assert outcome.status == 2
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert sorted(p.name for p in new.iterdir()) == ["new.npy"]
