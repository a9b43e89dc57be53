import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentarium.data.splits import make_group_splits, make_splits
from latentarium.errors import InvalidInput


@given(n=st.integers(10, 500), seed=st.integers(0, 2**40))
def test_parts_are_sorted_disjoint_and_cover_every_row(n: int, seed: int) -> None:
    parts = make_splits(n, seed=seed)
    assert list(parts) == ["train", "validation", "test"]
    assert all(len(rows) and (np.diff(rows) > 0).all() and rows.dtype == np.int64 for rows in parts.values())
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(n))


def test_the_seed_alone_decides() -> None:
    first, again, other = make_splits(200, seed=1), make_splits(200, seed=1), make_splits(200, seed=2)
    assert all(np.array_equal(first[part], again[part]) for part in first)
    assert not np.array_equal(first["test"], other["test"])


def test_given_parts_are_kept_and_the_rest_is_drawn_beside_them() -> None:
    parts = make_splits(100, given_test=np.arange(90, 100), validation=7)
    assert parts["test"].tolist() == list(range(90, 100))
    assert len(parts["validation"]) == 7
    assert parts["validation"].max() < 90
    both = make_splits(100, given_test=np.arange(10), given_validation=np.arange(10, 40))
    assert both["validation"].tolist() == list(range(10, 40))
    assert len(both["train"]) == 60


@pytest.mark.parametrize(
    "options",
    [
        {"n": 9},
        {"n": 1},
        {"n": 20, "test": 1.5},
        {"n": 20, "validation": 0},
        {"n": 20, "test": 10, "validation": 10},
        {"n": 20, "given_test": np.arange(20)},
        {"n": 20, "given_test": np.arange(5), "given_validation": np.arange(4, 9)},
        {"n": 20, "given_test": np.array([20])},
        {"n": 20, "seed": -1},
    ],
)
def test_impossible_parts_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        make_splits(**options)  # type: ignore[arg-type]


def test_groups_are_never_cut() -> None:
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    parts = make_group_splits(groups, seed=3)
    owners = [set(groups[rows].tolist()) for rows in parts.values()]
    assert set.union(*owners) == set(range(30))
    assert sum(map(len, owners)) == 30
    assert all(len(parts[name]) >= 0.1 * len(groups) for name in ("test", "validation"))
    assert {n: r.tolist() for n, r in make_group_splits(groups, seed=3).items()} == {
        n: r.tolist() for n, r in parts.items()
    }
    assert make_group_splits(groups, seed=4)["test"].tolist() != parts["test"].tolist()


@pytest.mark.parametrize("groups", [np.zeros(50, np.int64), np.arange(5), np.repeat([0, 1], 20)])
def test_too_few_groups_are_refused(groups: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"at least 10|whole groups"):
        make_group_splits(groups)
