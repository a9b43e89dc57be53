"""Exact arithmetic: close to the real functions, and the same in any order and any batch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.stats import logistic, norm

from latentarium.applications.compression.arithmetic import (
    FRACTION,
    LIMIT,
    TABLE_FRACTION,
    Linear,
    distribution,
    exp,
    normalised,
    sigmoid,
    snap,
    softmax,
)
from latentarium.errors import InvalidInput


def grid(*shape: int, seed: int = 0, size: float = 4.0) -> np.ndarray:
    return snap(np.random.default_rng(seed).normal(0, size, shape))


@given(st.floats(-600, 600))
def test_exp_is_the_exponential(x: float) -> None:
    assert exp(np.array([x]))[0] == pytest.approx(math.exp(x), rel=1e-13)


def test_exp_stays_finite() -> None:
    found = exp(np.array([-1e300, -5000.0, 5000.0, 1e300]))
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize(("name", "true"), [("logistic", logistic.cdf), ("normal", norm.cdf)])
def test_tables_are_distribution_functions(name: str, true: object) -> None:
    points = np.linspace(-30, 30, 4001)
    found = distribution(name, points * 2**TABLE_FRACTION)
    assert np.abs(found - true(points)).max() < 2.0 ** -(TABLE_FRACTION + 1)  # type: ignore[operator]
    assert (np.diff(found) >= 0).all()
    assert (found[0], found[-1]) == (0.0, 1.0)


def test_snap_rounds_and_cuts() -> None:
    found = snap(np.array([1 / 3, 1e9, -1e9]))
    assert found[0] * 2**FRACTION == round(2**FRACTION / 3)
    assert found[1:].tolist() == [LIMIT, -LIMIT]


def test_linear_is_exact_in_any_order() -> None:
    """Python's fractions of whole numbers know the sums; so do rows and columns in another order."""
    rng = np.random.default_rng(1)
    layer, x = Linear.of(rng.normal(0, 1, (7, 300)), rng.normal(0, 1, 7)), grid(5, 300)
    order = rng.permutation(300)
    shuffled = Linear(np.ascontiguousarray(layer.weight[:, order]), layer.bias)
    assert (layer(x) == shuffled(np.ascontiguousarray(x[:, order]))).all()
    exactly = [[math.fsum(w * v) for w in layer.weight] for v in x]
    assert (x @ layer.weight.T == np.array(exactly)).all()


def test_large_weights_get_a_coarser_grid() -> None:
    layer = Linear.of(np.full((1, 1000), 1e4 + 1 / 3), None)
    x = np.full((1, 1000), LIMIT)
    assert (x @ layer.weight.T)[0, 0] == math.fsum((layer.weight[0] * LIMIT).tolist())
    assert layer.weight[0, 0] == pytest.approx(1e4, rel=1e-3)


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InvalidInput, match="finite"):
        Linear.of(np.array([[np.nan]]), None)


def test_normalised_has_mean_zero_and_deviation_one() -> None:
    found = normalised(grid(3, 512) + 5.0, (1,), 1e-5)
    assert np.abs(found.mean(1)).max() < 1e-3
    assert np.abs(found.std(1) - 1).max() < 1e-3


def test_normalised_does_not_see_the_order() -> None:
    x, order = grid(3, 512), np.random.default_rng(2).permutation(512)
    assert (normalised(x, (1,), 1e-5)[:, order] == normalised(np.ascontiguousarray(x[:, order]), (1,), 1e-5)).all()


def test_sigmoid_and_softmax() -> None:
    x = grid(4, 9)
    assert np.abs(sigmoid(x) - special.expit(x)).max() < 1e-14
    assert np.abs(softmax(x) - special.softmax(x, axis=0)).max() < 1e-14
