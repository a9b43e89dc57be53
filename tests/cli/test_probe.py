"""`probe`: the numbers, the page, and what is refused."""

from pathlib import Path

import pytest
from tests.cli.conftest import Run


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
    assert people.out.splitlines()[-1] == "page: own.html"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "colour"), "the label must be one of label, got 'colour'"),
        (("--draws", "0"), "draws must be an integer from 1 to 1000, got 0"),
        (("--out", "page.txt"), "--out must be a file ending in .html"),
        (("--data", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_line(run: Run, digits: Path, options: tuple[str, ...], words: str) -> None:
    refused = run("probe", digits, *options)
    assert refused.status == 2
    assert words in refused.err
    assert refused.err.count("\n") == 1
