import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.distributions import Empirical, Mixture, Normal
from latentarium.measures import aggregated_posterior_gap, aggregated_posterior_mmd, measure, rate
from latentarium.measures.prior_match import mmd_rows
from latentarium.space import LatentSpace

STD = 0.6


def space_with(scale: float = 1.0, shift: float = 0.0) -> LatentSpace:
    """Posterior N(scale m + shift, scale^2 0.36) with m ~ N(0, 0.64): aggregated to N(shift, scale^2)."""
    return LatentSpace(
        name="matched",
        shape=(2,),
        data_shape=(2,),
        posterior_fn=lambda x: (scale * np.sqrt(1 - STD**2) * x + shift, np.full(x.shape, scale * STD)),
    )


def rows(n: int = 4000) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((n, 2)).astype(np.float32)


def test_a_matched_posterior_has_no_gap() -> None:
    gap, mmd = aggregated_posterior_gap(space_with(), rows()), aggregated_posterior_mmd(space_with(), rows())
    assert gap.value == pytest.approx(0, abs=0.03)
    assert gap.parts["marginal_kl"] == pytest.approx([0, 0], abs=0.03)
    assert mmd.interval[0] < 0 < mmd.interval[1]
    assert mmd.value == pytest.approx(0, abs=0.01)


def test_a_shifted_and_scaled_posterior_has_the_gap_of_its_gaussians() -> None:
    scale, shift = 0.5, 1.0
    per_dimension = 0.5 * (scale**2 + shift**2 - 1 - 2 * np.log(scale))
    gap = aggregated_posterior_gap(space_with(scale, shift), rows())
    assert gap.value == pytest.approx(2 * per_dimension, abs=0.06)
    assert gap.parts["marginal_kl"] == pytest.approx([per_dimension] * 2, abs=0.06)
    assert gap.parts["mean"] == pytest.approx([shift] * 2, abs=0.05)
    assert aggregated_posterior_mmd(space_with(scale, shift), rows()).interval[0] > 0.1


def test_a_fitted_prior_closes_the_gap_and_leaves_the_rate_alone() -> None:
    space = space_with(0.5, 1.0)
    own = Mixture(weights=np.ones(1), means=np.ones((1, 2)), factors=0.5 * np.eye(2)[None])
    for prior, words in (
        (own, "a mixture of 1 Gaussian"),
        (Normal(mean=np.ones(2), std=np.full(2, 0.5)), "a Gaussian"),
    ):
        fitted = space.with_prior(prior)
        gap, mmd = aggregated_posterior_gap(fitted, rows()), aggregated_posterior_mmd(fitted, rows())
        assert gap.value == pytest.approx(0, abs=0.03)
        assert mmd.interval[0] < 0 < mmd.interval[1]
        assert gap.settings["prior"].startswith(words)
        assert mmd.settings["prior"] == gap.settings["prior"]
        named = rate(fitted, rows())
        assert named.value == rate(space, rows()).value
        assert named.settings["prior"] == "N(0, I)"
    given = aggregated_posterior_gap(space.with_prior(own), rows(), prior=Normal.standard(2))
    assert given.value == aggregated_posterior_gap(space, rows()).value


def test_the_floor_of_a_gap_is_that_of_the_prior_it_names() -> None:
    sharp = dataclasses.replace(space_with(), posterior_fn=lambda x: (x, np.full(x.shape, 1e-4)))
    wide = sharp.with_prior(Normal(mean=np.zeros(2), std=np.full(2, 10.0)))
    further = aggregated_posterior_gap(wide, rows(500)).value - aggregated_posterior_gap(sharp, rows(500)).value
    assert further == pytest.approx(2 * np.log(10) - 1, abs=0.1)
    assert "shows just that" in aggregated_posterior_gap(wide, rows(500)).misleads


def test_a_prior_without_density_has_no_gap_but_a_distance() -> None:
    drawn = space_with().with_prior(Empirical(codes=np.random.default_rng(5).normal(size=(3000, 2)).astype(np.float32)))
    found = measure(drawn, rows(), only=["aggregated_posterior_gap", "aggregated_posterior_mmd"])
    assert "no density" in found.skipped["aggregated_posterior_gap"]
    assert found.scores["aggregated_posterior_mmd"].value == pytest.approx(0, abs=0.01)


def test_a_gap_at_its_floor_says_so() -> None:
    sharp = dataclasses.replace(space_with(), posterior_fn=lambda x: (x, np.full(x.shape, 1e-4)))
    score = aggregated_posterior_gap(sharp, rows(500))
    assert "shows just that" in score.misleads
    assert "shows just that" not in aggregated_posterior_gap(space_with(0.5, 1.0), rows(500)).misleads


def test_mmd_against_the_double_sum() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(size=(300, 2)), random.normal(0.5, 1, (300, 2))

    def kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        gap = ((first[:, None] - second[None]) ** 2).sum(2)
        table = sum(4 * s / (4 * s + gap) for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
        return float((table.sum() - np.trace(table)) / (300 * 299))

    expected = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    assert mmd_rows(a, b, spread=1.0).mean() == pytest.approx(expected)
