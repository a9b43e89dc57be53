import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.errors import InvalidInput
from latentarium.measures import Score, bootstrap_interval
from latentarium.measures.score import bootstrap_means, interval_of


def score(**changes: object) -> Score:
    fields = {"name": "rate", "value": 1.5, "interval": (1.0, 2.0), "n": 10, "direction": "neither", **changes}
    return Score(**fields)


def test_json_round_trip_keeps_infinite_ends_and_parts() -> None:
    original = score(range=(0.0, np.inf), parts={"kl": [1.0, 0.5]}, settings={"seed": 3}, misleads="often")
    text = json.dumps(original.to_json(), allow_nan=False)
    assert Score.from_json(json.loads(text)) == original


def test_a_score_stored_before_it_said_how_its_interval_came_about_opens() -> None:
    stored = score().to_json()
    for name in ("resampling", "p_value", "permutations"):
        del stored[name]
    opened = Score.from_json(stored)
    assert (opened.resampling, opened.p_value, opened.permutations) == ("", None, 0)


def test_not_finite_and_ragged_are_refused() -> None:
    with pytest.raises(InvalidInput, match="rate is not finite"):
        score(value=float("nan"))
    with pytest.raises(InvalidInput, match="columns of equal length"):
        score(parts={"a": [1.0], "b": [1.0, 2.0]})


def test_frame_is_parts_or_one_row() -> None:
    assert score(parts={"kl": [1.0, 0.5]}).frame()["kl"].tolist() == [1.0, 0.5]
    assert score().frame()[["low", "high"]].to_numpy().tolist() == [[1.0, 2.0]]
    assert "<b>rate</b>" in score()._repr_html_()


def test_interval_covers_the_mean_of_a_gaussian_as_often_as_it_says() -> None:
    rows = np.random.default_rng(0).normal(2.0, 3.0, (300, 120))
    ends = np.array([bootstrap_interval(row, seed=i, resamples=300) for i, row in enumerate(rows)])
    inside = ((ends[:, 0] < 2) & (ends[:, 1] > 2)).mean()
    assert 0.90 <= inside <= 0.98


def test_statistic_and_mean_agree() -> None:
    rows = np.random.default_rng(1).normal(size=200)
    assert bootstrap_interval(rows, statistic=np.mean) == pytest.approx(bootstrap_interval(rows))


def test_equal_seeds_pair_the_draws() -> None:
    rows = np.random.default_rng(2).normal(size=(50, 2))
    both = bootstrap_means(rows, seed=4, resamples=20)
    assert np.allclose(both[:, 1], bootstrap_means(rows[:, 1], seed=4, resamples=20))


@settings(max_examples=25, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0.1, 50))
def test_interval_follows_shift_and_scale(shift: float, scale: float) -> None:
    rows = np.random.default_rng(5).normal(size=80)
    low, high = bootstrap_interval(rows, resamples=100)
    moved = bootstrap_interval(shift + scale * rows, resamples=100)
    assert np.allclose(moved, (shift + scale * low, shift + scale * high), atol=1e-9 * (1 + abs(shift)))


def test_bad_arguments() -> None:
    for bad in ({"level": 1.0}, {"resamples": 0}):
        with pytest.raises(InvalidInput):
            bootstrap_interval([1.0, 2.0], **bad)
    with pytest.raises(InvalidInput, match="at least one row"):
        bootstrap_interval([])
    assert interval_of(np.zeros(5)) == (0.0, 0.0)
