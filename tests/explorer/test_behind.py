"""What the page is told of the rows, classes and dimensions behind a score."""

import math

import numpy as np
import pytest

from latentarium.bundle import Bundle
from latentarium.explorer.behind import _CLASSES, _COMPONENTS, _DIMENSIONS, _ERRORS, behind
from latentarium.explorer.sheet import report
from latentarium.measures import measure
from latentarium.measures.score import Score
from latentarium.measures.suite import MEASURES


def score(name: str, parts: dict[str, list[float]], **settings: object) -> Score:
    return Score(name=name, value=0.5, interval=(0.4, 0.6), n=9, direction="neither", parts=parts, settings=settings)


def test_what_to_look_at_first_comes_first_and_what_has_no_value_is_left_out() -> None:
    found = behind(score("probe_accuracy", {"recall": [0.9, math.nan, 0.4]}, classes=["a", "b", "c"]))
    assert found is not None
    assert [(part.name, part.index, part.value) for part in found.parts] == [("c", 2, 0.4), ("a", 0, 0.9)]
    bits = behind(score("collapse_fraction", {"dimension": [2.0, 0.0, 1.0], "bits": [3.0, 1.0, 0.0]}))
    assert bits is not None
    assert [part.name for part in bits.parts] == ["z1", "z0", "z2"]
    shares = behind(score("effective_rank", {"share": [0.7, 0.3]}))
    assert shares is not None
    assert (shares.basis, shares.parts[0].name) == ("pca", "PC 1")


def test_what_rests_on_nothing_to_point_at_says_so() -> None:
    assert behind(score("straightness", {})) is None
    assert behind(score("probe_accuracy", {}, classes=["a"])) is None


def test_every_measure_that_is_named_is_one_and_has_the_parts_that_are_read(fashion: Bundle) -> None:
    tables = {*_CLASSES, *_DIMENSIONS, *_COMPONENTS}
    assert tables | {*_ERRORS} <= {*MEASURES}
    rows = fashion.modality.to_array(np.asarray(fashion.kept[:200]))
    labels = fashion.column("label")[fashion.kept_rows[:200]]
    found = measure(fashion.space, rows, labels=labels, only=sorted(tables))
    assert {*found.scores} == tables, found.skipped
    for name, one in found.scores.items():
        told = behind(one)
        assert told is not None, name
        assert told.parts, name
        classes = {str(label) for label in labels}
        assert {part.name for part in told.parts} <= classes or told.kind == "dimensions", name


def test_the_report_groups_scores_and_links_findings(fashion: Bundle) -> None:
    sheet = report(fashion)
    assert sheet is not None
    titles = {family.title for family in sheet.families}
    assert all(one.family in titles for one in sheet.scores)
    assert {one.name: one.behind and one.behind.kind for one in sheet.scores} == {
        "psnr": "errors",
        "active_units": "dimensions",
        "straightness": None,
        "probe_accuracy": "classes",
        "rate": "codes",
        "kl_per_dimension": "dimensions",
        "class_coverage": "classes",
    }


def test_findings_name_the_scores_that_show_them(fashion: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = fashion.json("measures.json")
    finding = {"trouble": "unused", "words": "w", "advice": "a", "scores": ["active_units", "gone"]}
    monkeypatch.setattr(Bundle, "json", lambda self, name: {**stored, "findings": [finding]})
    sheet = report(fashion)
    assert sheet is not None
    assert [(one.title, one.scores) for one in sheet.findings] == [("Unused", ["active_units"])]
