import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.errors import InvalidInput
from latentarium.measures.nulls import permutation_null, rescaled_interval, subsample_interval, tail_share
from latentarium.measures.score import Score


def correlation(a, b) -> float:
    return abs(float(np.corrcoef(a, b)[0, 1]))


def test_p_of_unrelated_rows_is_uniform() -> None:
    random = np.random.default_rng(0)
    found = [
        permutation_null(correlation, random.standard_normal(20), random.standard_normal(20), permutations=19).p_value
        for _ in range(400)
    ]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level + 1e-9) == pytest.approx(level, abs=0.06)


def test_p_agrees_with_scipy() -> None:
    from scipy.stats import permutation_test

    random = np.random.default_rng(1)
    a = random.standard_normal(15)
    b = 0.5 * a + random.standard_normal(15)
    ours = permutation_null(correlation, a, b, permutations=3999)
    theirs = permutation_test(
        (b,),
        lambda y: correlation(a, y),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=3999,
        rng=np.random.default_rng(0),
    )
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.03)
    assert ours.observed == pytest.approx(theirs.statistic)


def test_a_perfect_agreement_gives_the_smallest_p_and_a_chance_level() -> None:
    null = permutation_null(correlation, np.arange(30.0), 3 - np.arange(30.0), permutations=199, seed=4)
    assert null.p_value == 1 / 200
    assert null.chance == pytest.approx(0.15, abs=0.05)
    assert null.excess == pytest.approx(1 - null.chance)


def test_the_direction_of_a_score_is_used() -> None:
    def distance(a, b) -> Score:
        gap = float(np.abs(a - b).mean())
        return Score(name="gap", value=gap, interval=(gap, gap), n=len(a), direction="lower")

    values = np.arange(20.0)
    assert permutation_null(distance, values, values).p_value == 0.01
    assert permutation_null(distance, values, values).side == "lower"
    assert permutation_null(distance, values, values, side="higher").p_value == 1.0
    assert permutation_null(distance, values, values).excess > 0


def test_ties_count_against_the_observed_value() -> None:
    assert permutation_null(lambda a, b: 1.0, np.zeros(5), np.zeros(5), permutations=9).p_value == 1.0
    assert tail_share(0.0, np.array([0.0, -1.0, 1.0]), side="lower") == 0.75


@given(seed=st.integers(0, 2**40))
@settings(max_examples=20, deadline=None)
def test_factor_rows_move_as_a_whole_and_equal_seeds_give_equal_draws(seed: int) -> None:
    table = np.arange(24.0).reshape(12, 2)
    seen: list[float] = []

    def measure(codes, targets) -> float:
        np.testing.assert_array_equal(targets[:, 1] - targets[:, 0], 1)
        assert sorted(targets[:, 0]) == sorted(table[:, 0])
        seen.append(float(codes[:, 0] @ targets[:, 0]))
        return seen[-1]

    first = permutation_null(measure, table, table, permutations=5, seed=seed)
    again = permutation_null(measure, table, table, permutations=5, seed=seed)
    np.testing.assert_array_equal(first.draws, again.draws)
    assert len(seen) == 12


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75])
def test_subsamples_of_any_size_give_the_width_of_the_whole(share: float) -> None:
    values = np.random.default_rng(2).standard_normal(400)
    low, high = subsample_interval(np.mean, values, size=int(share * 400), resamples=2000)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_no_row_is_ever_repeated() -> None:
    def distinct(rows) -> float:
        assert len(np.unique(rows)) == len(rows)
        return float(len(rows))

    assert subsample_interval(distinct, np.arange(50), resamples=20) == (50.0, 50.0)


def test_an_interval_is_cut_to_the_range() -> None:
    low, high = subsample_interval(lambda v: float(v.max()), np.linspace(0, 1, 50), within=(0.0, 1.0))
    assert 0.9 < low <= high <= 1.0


def test_a_skewed_spread_stays_on_its_side() -> None:
    low, high = rescaled_interval(5.0, np.array([0.0] * 9 + [10.0]), size=50, count=100, level=0.9)
    assert high - 5.0 > 5.0 - low > 0


def test_wrong_use_is_named() -> None:
    with pytest.raises(InvalidInput, match="one for each code"):
        permutation_null(correlation, np.zeros(3), np.zeros(4))
    with pytest.raises(InvalidInput, match="permutations"):
        permutation_null(correlation, np.zeros(3), np.zeros(3), permutations=0)
    with pytest.raises(InvalidInput, match="finite"):
        permutation_null(lambda a, b: float("nan"), np.zeros(3), np.zeros(3))
    with pytest.raises(InvalidInput, match="aligned"):
        subsample_interval(np.mean, np.zeros(8), np.zeros(9))
    with pytest.raises(InvalidInput, match="size"):
        subsample_interval(np.mean, np.zeros(8), size=8)
    with pytest.raises(InvalidInput, match="level"):
        rescaled_interval(0.0, np.zeros(3), size=1, count=2, level=1.0)


def test_the_interval_of_a_count_that_hardly_a_subsample_changes_holds_the_count() -> None:
    low, high = rescaled_interval(14.0, np.array([14.0] * 199 + [15.0]), size=100, count=200)
    assert low <= 14.0 <= high
    assert high - low < 0.1
