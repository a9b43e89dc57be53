"""Permutation nulls through the suite: shuffled labels and factors beside the same codes."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium import measures
from latentarium.errors import InvalidInput
from latentarium.measures import FAMILIES, Measurements, ReportContent, measure, permutation_null, render_report
from latentarium.measures.evidence import Beside, Evidence
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
RELATED = {entry.name for family in FAMILIES for entry in family.entries if entry.relates}
CHEAP = ["infom", "mcc", "mig", "probe_r2", "probe_accuracy", "direction_cosines", "effective_rank"]


def same(dim: int = 3) -> LatentSpace:
    return LatentSpace(name="same", shape=(dim,), data_shape=(dim,), encode_fn=lambda x: x, decode_fn=lambda z: z)


def planted(n: int = 300, *, noise: float = 0.3, seed: int = 0) -> tuple[NDArray[np.float32], Array, NDArray[np.int64]]:
    """Codes, two factors behind the first two of their dimensions, and labels of three kinds behind the third."""
    random = np.random.default_rng(seed)
    table = random.integers(4, size=(n, 3)).astype(np.float64)
    labels = np.minimum(table[:, 2].astype(int), 2)
    return (table + noise * random.standard_normal((n, 3))).astype(np.float32), table[:, :2], labels


def test_what_relates_codes_to_labels_or_factors_is_shuffled() -> None:
    x, factors, labels = planted()
    found = measure(same(), x, labels=labels, factors=factors, nulls=2)
    assert {name for name, score in found.scores.items() if score.permutations} == RELATED
    known = {e.name for f in FAMILIES[:-1] for e in f.entries if "factors" in e.needs}
    assert known < RELATED
    assert "edit_leakage" not in RELATED
    for name in RELATED:
        score = found.scores[name]
        assert score.permutations == 2
        assert score.p_value in (1 / 3, 2 / 3, 1.0)
    assert found.scores["effective_rank"].p_value is None
    assert Measurements.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


@pytest.mark.parametrize("name", ["infom", "mcc", "mig"])
def test_p_and_chance_are_those_of_the_function_itself(name: str) -> None:
    x, factors, _ = planted(noise=2.0)
    score = measure(same(), x, factors=factors, only=[name], nulls=19, seed=4).scores[name]
    null = permutation_null(partial(getattr(measures, name), seed=4), x, factors, permutations=19, seed=4)
    assert (score.p_value, score.chance) == pytest.approx((null.p_value, null.chance))
    assert score.value == pytest.approx(null.observed)


def test_a_true_relation_has_the_smallest_p_and_none_has_any() -> None:
    x, factors, labels = planted()
    names = [name for name in CHEAP if name != "direction_cosines"]
    true = measure(same(), x, labels=labels, factors=factors, only=names, nulls=19).scores
    assert {score.p_value for name, score in true.items() if name in RELATED} == {1 / 20}
    blind = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    found = [
        measure(same(), blind, factors=planted(seed=s)[1], only=["mcc"], nulls=19).scores["mcc"] for s in range(60)
    ]
    assert np.mean([score.p_value <= 0.2 for score in found]) == pytest.approx(0.2, abs=0.15)
    assert np.mean([score.value - score.chance for score in found]) == pytest.approx(0.0, abs=0.01)


def test_labels_and_factors_move_together_and_the_space_is_not_asked_again() -> None:
    x, factors, labels = planted()
    calls = [0]

    def encode(rows: Array) -> Array:
        calls[0] += 1
        return rows

    space = dataclasses.replace(same(), encode_fn=encode)
    evidence = Evidence.of(space, x, beside=Beside.of(labels=labels, factors=factors))
    assert evidence.codes.shape == x.shape
    order = np.random.default_rng(0).permutation(len(x))
    mixed = evidence.shuffled(order)
    assert (mixed.beside.labels == evidence.beside.labels[order]).all()
    assert (mixed.beside.factors == factors[order]).all()
    assert (mixed.codes == evidence.codes).all()
    once = calls[0]
    measure(space, x, labels=labels, factors=factors, only=CHEAP, nulls=3)
    assert calls[0] == 2 * once


def test_the_listener_hears_of_every_shuffle_and_what_it_costs() -> None:
    x, factors, _ = planted()
    seen: list[tuple[str, int, int]] = []
    options = {"factors": factors, "only": ["mcc", "mse"], "nulls": 3, "seed": 2}
    first = measure(same(), x, progress=lambda *step: seen.append(step), **options)
    assert [(done, total) for _, done, total in seen] == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5)]
    assert [what.split(",")[0] for what, _, _ in seen] == ["mse", "mcc", *(f"shuffle {i} of 3" for i in (1, 2, 3))]
    assert all(what.endswith(" s each") for what, _, _ in seen[2:])
    assert measure(same(), x, **options).scores == first.scores
    assert set(first.seconds) == set(first.scores)


def test_nothing_to_shuffle_costs_nothing_and_bad_counts_are_named() -> None:
    x = planted()[0]
    assert measure(same(), x, only=["mse"], nulls=5).scores == measure(same(), x, only=["mse"]).scores
    for bad in (-1, 1.5, True):
        with pytest.raises(InvalidInput, match="nulls must be an integer from 0"):
            measure(same(), x, nulls=bad)


def test_a_measure_that_fails_on_shuffled_rows_says_so() -> None:
    """One row of the rarer level: most orders leave it out of the half that a probe learns from."""
    x, factors, _ = planted(40)
    factors[:, 1] = np.arange(40) == 0
    for seed in range(20):
        found = measure(same(), x, factors=factors, only=["infoe"], nulls=4, seed=seed)
        if "infoe" in found.scores and found.scores["infoe"].p_value is None:
            assert "2 levels" in found.scores["infoe"].settings["no_null"]
            return
    pytest.fail("no seed kept the rare row in the half and lost it in a shuffle")


def test_the_report_shows_p_where_it_is() -> None:
    x, factors, _ = planted()
    found = measure(same(), x, factors=factors, only=["mcc", "mse"], nulls=19)
    page = render_report(ReportContent(title="t", measurements=found))
    assert "chance, p 0.050 of 19 shuffles" in page
    assert page.count("shuffles") == 1
    bare = render_report(ReportContent(title="t", measurements=measure(same(), x, factors=factors, only=["mcc"])))
    assert "shuffles" not in bare
    assert "Interval: 200 bootstrap resamples of the rows." in bare
