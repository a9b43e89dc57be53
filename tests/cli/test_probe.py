"""`probe`: the numbers, the page, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run

import latentarium as la


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_codes_against_raw_rows_and_components(run: Run, digits: Path) -> None:
    outcome = run("probe", digits, "--draws", 3, "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.json["rows"] == "1,437 training and 180 test rows"
    found = {(p["features"], p["classifier"], p["labels_per_class"]): p for p in outcome.json["probes"]}
    assert {name for name, _, _ in found} == {"codes", "PCA-4", "raw"}
    assert {count for _, _, count in found} == {1, 5, 10, 100, None}
    raw = [found["raw", "linear", count]["accuracy"] for count in (1, 10, 100)]
    assert raw == sorted(raw)
    assert found["raw", "linear", None]["accuracy"] > 0.93
    assert found["codes", "neighbours", None]["accuracy"] > 0.5
    assert {name for name, way, _ in found if way == "spread"} == {"codes", "PCA-4", "raw"}
    for probe in found.values():
        assert probe["interval"][0] <= probe["accuracy"] <= probe["interval"][1]
    page = Path("digits-probe.html").read_text()
    assert "Few labels" in page
    assert page.count("<tr>") == len(found) + 1


def test_people_see_a_table(run: Run, digits: Path) -> None:
    people = run("probe", digits, "--draws", 1, "--out", "own.html")
    assert people.status == 0, people.err
    heads = [head.strip() for head in people.out.splitlines()[1].split("  ") if head.strip()]
    assert heads == ["features", "classifier", "labels a class", "accuracy", "95 % interval"]
    (few,) = (line for line in people.out.splitlines() if line.split()[:3] == ["codes", "linear", "10"])
    assert few.split()[-2:] == ["one", "draw"]
    assert people.out.splitlines()[-1] == "page: own.html"


def test_rows_that_are_not_the_bundles_own(run: Run, digits: Path, tmp_path: Path) -> None:
    """A slim bundle without training rows is probed on others, in their own parts or drawn ones."""
    from latentarium.applications.slimming import slim_bundle

    slim = slim_bundle(la.open_bundle(digits), tmp_path / "slim", rows=50).path
    refused = run("probe", slim)
    assert refused.err.endswith(
        "0 training and 50 test rows with a label, too few to probe; bring rows with one: --data DATA\n"
    )
    rows = la.open_source("digits")
    np.savez("other.npz", x=rows.raw[:600, 0], label=rows.columns["label"][:600], ink=rows.raw[:600].mean((1, 2, 3)))
    found = run("probe", slim, "--data", "other.npz", "--draws", 2, "--json")
    assert found.status == 0, found.err
    assert found.json["rows"] == "480 training and 60 test rows of other"
    assert {p["features"] for p in found.json["probes"]} == {"codes", "PCA-4", "raw"}
    assert run("probe", slim, "--data", "other.npz", "--draws", 2, "--json").json == found.json
    whole = run("probe", slim, "--data", "digits", "--draws", 2, "--json")
    assert whole.status == 0, whole.err
    assert whole.json["rows"] == "1,437 training and 180 test rows of digits"
    refused = run("probe", slim, "--data", "other.npz", "--label", "colour")
    assert "--label must be a label of other, got 'colour'; it has label, ink" in refused.err


def test_a_number_is_told_by_a_regression(run: Run, digits: Path) -> None:
    rows = la.open_source("digits")
    ink = rows.raw[:600].mean((1, 2, 3))
    np.savez("other.npz", x=rows.raw[:600, 0], ink=np.where(np.arange(600) % 10, ink, np.nan))
    found = run("probe", digits, "--data", "other.npz", "--label", "ink", "--json")
    assert found.status == 0, found.err
    probes = {(p["features"], p["classifier"]): p for p in found.json["probes"]}
    assert {way for _, way in probes} == {"linear", "neighbours"}
    # the sum of the pixels is linear in them
    assert probes["raw", "linear"]["r2"] > 0.99
    for probe in probes.values():
        assert probe["interval"][0] <= probe["r2"] <= probe["interval"][1] <= 1
    people = run("probe", digits, "--data", "other.npz", "--label", "ink")
    assert "R^2" in people.out
    assert "R^2" in Path("digits-probe.html").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "colour"), "the label must be one of label, got 'colour'"),
        (("--draws", "0"), "--draws must be an integer from 1 to 1000, got 0"),
        (("--out", "page.txt"), "--out must be a file ending in .html"),
        (("--data", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_line(run: Run, digits: Path, options: tuple[str, ...], words: str) -> None:
    refused = run("probe", digits, *options)
    assert refused.status == 2
    assert words in refused.err
    assert refused.err.count("\n") == 1
