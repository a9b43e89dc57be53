import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.distributions import Normal
from latentarium.errors import InvalidInput
from latentarium.measures.disentanglement import udr, udr_of_spaces
from latentarium.space import LatentSpace

Array = NDArray[np.float64]


def normal(n: int, d: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("method", ["spearman", "lasso"])
def test_fits_that_agree_up_to_order_and_sign_score_high_and_rotated_ones_low(method: str) -> None:
    z = normal(2000, 4)
    turned = [z @ np.linalg.qr(normal(4, 4, seed))[0] for seed in (1, 2, 3)]
    agreeing = udr([z, -z[:, ::-1], z[:, [1, 0, 3, 2]] * 2], method=method)
    assert agreeing.value > 0.8
    assert udr(turned, method=method).value < 0.6 * agreeing.value
    assert agreeing.interval == pytest.approx((agreeing.value, agreeing.value), abs=0.05)


def test_similarities_agree_with_scipy() -> None:
    from scipy.stats import spearmanr

    a, b = normal(500, 3), normal(500, 3) @ normal(3, 3, 1)
    table = np.abs(spearmanr(a, b).statistic[:3, 3:])
    per = [(table.max(axis) ** 2 / table.sum(axis)).mean() for axis in (0, 1)]
    assert udr([a, b]).value == pytest.approx(np.mean(per))


def test_a_pair_of_unequal_width_is_summed_over_all_dimensions_as_in_the_paper() -> None:
    """Eq. 3 of Duan et al. 2020, dimension by dimension: the sums of both sides over d_a + d_b."""
    from scipy.stats import spearmanr

    a = normal(500, 2)
    b = np.concatenate([a, normal(500, 6, 3)], axis=1) @ normal(8, 8, 1)
    total = 0.0
    for own, other in ((a, b), (b, a)):
        for column in own.T:
            likeness = [abs(spearmanr(column, partner).statistic) for partner in other.T]
            total += max(likeness) ** 2 / sum(likeness)
    assert udr([a, b]).value == pytest.approx(total / (2 + 8))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_sign_scale_and_monotone_maps_change_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = normal(200, 3), normal(200, 3) @ normal(3, 3, 1)
    moved = np.exp(b[:, random.permutation(3)]) * random.choice([-2.0, 3.0], 3)
    assert udr([a, moved]).value == pytest.approx(udr([a, b]).value)


def test_collapsed_dimensions_are_left_out_by_their_kl() -> None:
    z = normal(1000, 3)
    noisy = [np.concatenate([z, normal(1000, 5, seed)], axis=1) for seed in (1, 2)]
    kl = np.r_[np.ones(3), np.full(5, 0.005)]
    kept = udr(noisy, kl=[kl, kl])
    assert kept.parts["dimensions"] == [3.0, 3.0]
    assert kept.value > udr(noisy).value + 0.3
    with pytest.raises(InvalidInput, match="used"):
        udr(noisy, kl=[kl, kl * 0])
    with pytest.raises(InvalidInput, match="kl"):
        udr(noisy, kl=[kl, kl[:3]])


def test_wrong_fits_are_named() -> None:
    with pytest.raises(InvalidInput, match="at least 2 spaces"):
        udr([normal(50, 2)])
    with pytest.raises(InvalidInput, match="same rows"):
        udr([normal(50, 2), normal(60, 2)])
    with pytest.raises(InvalidInput, match="method"):
        udr([normal(50, 2), normal(50, 2)], method="pearson")


def space_of(weights: Array) -> LatentSpace:
    """x = z W with a posterior of std 0.1 about the least-squares code."""
    inverse = np.linalg.pinv(weights)
    return LatentSpace(
        name="linear",
        shape=(weights.shape[0],),
        data_shape=(weights.shape[1],),
        encode_fn=lambda x: x @ inverse,
        decode_fn=lambda z: z @ weights,
        posterior_fn=lambda x: (x @ inverse, np.full((len(x), weights.shape[0]), 0.1)),
        prior=Normal.standard(weights.shape[0]),
    )


def test_spaces_are_compared_on_the_same_rows() -> None:
    weights = normal(3, 6)
    x = normal(400, 3, 4) @ weights
    score = udr_of_spaces([space_of(weights), space_of(weights[[2, 0, 1]])], x)
    assert score.value > 0.8
    assert "nats" in score.settings["left_out"]
    plain = [dataclasses.replace(space_of(weights), posterior_fn=None) for _ in range(2)]
    assert udr_of_spaces(plain, x).settings["left_out"] == "constant dimensions"
