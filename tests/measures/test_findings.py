"""Troubles in words: each rule speaks where its trouble is planted and is silent elsewhere."""

import math
from typing import Any

import numpy as np
import pytest

from latentarium.measures import Score, findings


def score(name: str, value: float, *, wide: float = 0.01, **fields: Any) -> Score:
    return Score(name=name, value=value, interval=(value - wide, value + wide), n=100, direction="neither", **fields)


def classes(*shares: float) -> Score:
    names = [f"kind {i}" for i in range(len(shares))]
    parts = {"real": [1 / len(shares)] * len(shares), "generated": list(shares)}
    return score("class_coverage", 1.0, parts=parts, settings={"classes": names})


def regions(*generated: float) -> Score:
    """Regions with equal shares of the rows, 500 of which were counted beside 1,000 samples."""
    real = np.full(len(generated), 1 / len(generated))
    pooled = (real + 2 * np.array(generated)) / 3
    z = (real - generated) / np.sqrt(pooled * (1 - pooled) * (1 / 500 + 1 / 1000))
    return score("ndb", 0.5, parts={"real": real.tolist(), "generated": list(generated), "z": z.tolist()})


def collapsed(share: float) -> Score:
    """Bits of twelve dimensions, that share of them nothing."""
    return score(
        "collapse_fraction", share, parts={"bits": [2.0] * round(12 * (1 - share)) + [0.0] * round(12 * share)}
    )


REAL = {"real_against_real": 0.97}
TROUBLED = {
    "posterior collapse": [score("rate", 0.2)],
    "collapsed dimensions": [collapsed(0.75)],
    "rank collapse": [score("effective_rank", 2.5, range=(1.0, 12.0))],
    "mode collapse": [classes(0.5, 0.45, 0.05, 0.0)],
    "low coverage": [score("coverage", 0.3, settings=REAL)],
    "samples unlike the data": [score("precision", 0.1, settings=REAL)],
    "prior mismatch": [score("aggregated_posterior_mmd", 0.24)],
    "memorisation": [score("copies", 0.6)],
    "blur": [score("sharpness_ratio", 0.05)],
    "jumps": [score("speed_variation", 2.5)],
    "gaps between codes": [score("midpoint_realism", 0.5, settings=REAL)],
    "codes that do not come back": [score("cycle_error", 0.8, chance=0.84)],
    "entangled factors": [score("infom", 0.1), score("infoe", 0.9)],
}
HEALTHY = [
    score("rate", 12.0),
    collapsed(0.5),
    score("effective_rank", 6.0, range=(1.0, 12.0)),
    score("aggregated_posterior_mmd", 0.05),
    score("midpoint_realism", 0.95, settings=REAL),
    score("cycle_error", 0.45, chance=0.84),
    classes(0.25, 0.3, 0.2, 0.25),
    regions(*[0.07] * 5, *[0.13] * 5),
    score("coverage", 0.8, settings=REAL),
    score("precision", 0.9, settings=REAL),
    score("copies", 0.012),
    score("sharpness_ratio", 0.7),
    score("speed_variation", 0.5),
    score("infom", 0.8),
    score("infoe", 0.9),
]


@pytest.mark.parametrize("trouble", TROUBLED)
def test_a_planted_trouble_is_named_alone(trouble: str) -> None:
    scores = {s.name: s for s in [*HEALTHY, *TROUBLED[trouble]]}
    found = findings(scores)
    assert [f.trouble for f in found] == [trouble]
    assert set(found[0].scores) <= set(scores)
    assert found[0].advice.endswith(".")
    assert all(part in str(found[0]) for part in (trouble, found[0].words, found[0].advice))


def test_healthy_scores_and_no_scores_have_none() -> None:
    assert findings({s.name: s for s in HEALTHY}) == []
    assert findings({}) == []


def test_lost_classes_are_named_with_their_shares() -> None:
    words = findings({"class_coverage": TROUBLED["mode collapse"][0]})[0].words
    assert "2 of 4 classes" in words
    assert "kind 2 (5.0 % of samples, 25.0 % of rows)" in words
    assert "kind 0" not in words


def test_lost_regions_are_named_where_there_are_no_labels() -> None:
    half = regions(*[0.2] * 5, *[0.0] * 5)
    found = findings({"ndb": half})
    assert [f.trouble for f in found] == ["mode collapse"]
    assert "5 of 10 regions, which hold 50 % of the rows" in found[0].words
    # the same loss is said once, by class where there are labels, and blur is not taken for it
    named = findings({"ndb": half, "class_coverage": TROUBLED["mode collapse"][0]})
    assert [f.scores for f in named] == [("class_coverage",)]
    assert [f.trouble for f in findings({"ndb": half, "sharpness_ratio": score("sharpness_ratio", 0.05)})] == ["blur"]


def test_regions_that_are_rarer_or_may_be_so_by_luck_are_not_lost() -> None:
    assert findings({"ndb": regions(*[0.17] * 5, *[0.03] * 5)}) == []
    # 0 of 1,000 samples where 0.6 are expected
    assert findings({"ndb": regions(0.0, *[1 / 1599] * 1599)}) == []
    assert findings({"ndb": regions(0.0, *[1 / 39] * 39)}) == []


def test_an_interval_that_reaches_the_threshold_is_no_finding() -> None:
    assert findings({"coverage": score("coverage", 0.4, wide=0.2, settings=REAL)}) == []
    assert findings({"rate": score("rate", 0.5 * math.log(2))}) == []


def test_one_collapse_is_said_once() -> None:
    thin = score("effective_rank", 2.5, range=(1.0, 12.0))
    for cause in ([score("rate", 0.2), collapsed(1.0)], [collapsed(0.75)]):
        found = findings({s.name: s for s in [*cause, thin]})
        assert [f.scores for f in found] == [(cause[0].name,)]


def test_few_rows_do_not_make_a_rank_collapse() -> None:
    assert findings({"effective_rank": score("effective_rank", 20.0, range=(1.0, 784.0))}) == []


def test_entanglement_needs_codes_that_know_the_factors() -> None:
    assert findings({s.name: s for s in (score("infom", 0.1), score("infoe", 0.2))}) == []
