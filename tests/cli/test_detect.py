"""`detect`: the table, the sheet, the page, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.cli.conftest import Run, table_text
from tests.data.tunes import write_tunes

import latentarium as la
from latentarium.shipped import copy_shipped


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
    assert "discoveries at a false share of 0.1" in people.out
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
    assert {"because", "because_2", "because_3", "share", "share_2", "share_3"} < set(table.column_names)
    frame = table.to_pandas()
    assert set(frame["because"]) <= {"age", "height", "colour", "town"}
    shares = frame[["share", "share_2", "share_3"]].to_numpy()
    assert (np.diff(shares, axis=1) <= 0).all()
    assert (shares.sum(1) <= 1 + 1e-6).all()
    assert (shares[:, 0] >= 0.25).all()
    assert "What each feature adds" in (tmp_path / "odd.html").read_text()


def test_columns_are_named_by_what_they_add(run: Run, fitted: Callable[..., Path], tmp_path: Path) -> None:
    """A town that never goes with that age; one-hot places and numbers of a column count together."""
    (tmp_path / "people.csv").write_text(table_text(400))
    bundle = fitted(tmp_path / "people.csv", "--label", "kind", "--steps", 5)
    lines = table_text(30, seed=3).splitlines()
    (tmp_path / "new.csv").write_text("\n".join([*lines, "49.5,900.0,red,York,a"]) + "\n")
    assert run("detect", bundle, tmp_path / "new.csv", "--out", tmp_path / "odd.csv").status == 0
    table = pyarrow.csv.read_csv(tmp_path / "odd.csv").to_pandas()
    oddest = table.sort_values("score").iloc[-1]
    assert (oddest["id"], oddest["because"]) == (30, "height")
    assert oddest["share"] > 0.9


def test_odd_rows_among_those_to_compare_with_are_left_out(run: Run, fitted: Callable[..., Path], new: Path) -> None:
    """A tenth of the source is noise: once it is left out, noise is found, and normal rows are no odder for it."""
    random = np.random.default_rng(0)
    pictures = la.open_source("digits").raw[:1000, 0].copy()
    pictures[::10] = random.integers(0, 256, (100, 8, 8))
    np.save(new / "mixed.npy", pictures)
    space = fitted(new / "mixed.npy", name="mixed")
    rows = np.concatenate([la.open_source("digits").raw[1000:1400, 0], random.integers(0, 256, (100, 8, 8))])
    np.save(new / "new.npy", rows.astype(np.uint8))
    usual = run("detect", space, "new.npy", "--json").json
    trusting = pq.read_table("odd.parquet")["odd"].to_numpy()
    told = run("detect", space, "new.npy", "--contamination", "0.1", "--json")
    assert told.status == 0, told.err
    assert told.json["compared_with"].endswith(", the oddest 0.1 of both left out")
    assert told.json["settings"]["contamination"] == 0.1
    odd = pq.read_table("odd.parquet")["odd"].to_numpy()
    assert odd[400:].mean() > 1.5 * trusting[400:].mean()
    assert odd[:400].mean() < 0.1
    refused = run("detect", space, "new.npy", "--contamination", "0.1", "--novelty")
    assert "contamination must be 'auto' where novelty is true, got 0.1" in refused.err
    assert run("detect", space, "new.npy", "--novelty", "--json").json["odd"] == usual["odd"]


def test_too_few_calibration_rows_for_a_discovery_are_said(run: Run, digits: Path, new: Path) -> None:
    assert run("detect", digits, "new.npy", "--alpha", "0.001").err.splitlines()[0] == (
        "180 calibration rows are too few for alpha 0.001, which needs 999: nothing is odd; take a larger --alpha, or "
        "--threshold pot"
    )
    found = run("detect", digits, "new.npy", "--fdr", "0.001", "--json")
    assert found.json["discoveries"] == 0
    words = "a single discovery among 50 rows at a false share of 0.001 takes 49,999 calibration rows, 180 are at hand"
    assert any(note.startswith(words) for note in found.json["notes"])
    assert words in found.err
    assert words in (new / "odd.html").read_text()


def test_maps_as_numbers(run: Run, digits: Path, new: Path) -> None:
    found = run("detect", digits, "new.npy", "--maps", "maps.npz", "--oddest", 4, "--json").json
    assert found["maps"] == "maps.npz"
    with np.load(new / "maps.npz") as stored:
        assert stored["maps"].shape == (4, 1, 8, 8)
        np.testing.assert_allclose(stored["maps"].sum((1, 2, 3)), stored["score"], rtol=1e-4)
        assert stored["id"].tolist() == found["oddest"]
        np.testing.assert_allclose(stored["score"], found["scores"])
        assert stored["floor"] == 0 < stored["scale"]


def test_odd_tunes_are_shown_with_marks(run: Run, tmp_path: Path) -> None:
    write_tunes(tmp_path / "tunes")
    space = copy_shipped("melody-vae", tmp_path / "melodies").path
    found = run("detect", space, tmp_path / "tunes", "--oddest", 3, "--out", tmp_path / "odd.csv", "--json")
    assert found.status == 0, found.err
    assert found.json["sheet"] == str(tmp_path / "odd.png")
    with Image.open(tmp_path / "odd.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    # two bars of sixteenths, 6 pixels each; below the notes a strip of ten pixels in more colours than notes have
    assert pixels.shape[1] >= 192
    strip = pixels[-8, :192].reshape(32, 6, 3)
    assert (strip == strip[:, :1]).all()
    assert len(np.unique(strip[:, 0], axis=0)) > 3


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
        (("--scores", "odd"), "--scores must be one of plane, weighted"),
        (("--threshold", "max"), "--threshold must be one of conformal, quantile, pot, got 'max'"),
        (("--alpha", "2"), "--alpha must be a share between 0 and 1, got 2.0"),
        (("--contamination", "0.7"), "--contamination must be 'auto' or a share above 0 and at most 0.5, got 0.7"),
        (("--maps", "maps.png"), "--out must be a file ending in .npz"),
        (("--fdr", "0"), "--fdr must be a share between 0 and 1, got 0.0"),
        (("--oddest", "0"), "--oddest must be an integer from 1 to 1000, got 0"),
        (("--neighbours", "0"), "--neighbours must be an integer"),
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
