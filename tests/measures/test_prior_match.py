import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.measures import aggregated_posterior_gap, aggregated_posterior_mmd
from latentarium.measures.prior_match import mixture_log_density, mmd_rows
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


def test_a_gap_at_its_floor_says_so() -> None:
    sharp = dataclasses.replace(space_with(), posterior_fn=lambda x: (x, np.full(x.shape, 1e-4)))
    score = aggregated_posterior_gap(sharp, rows(500))
    assert "shows just that" in score.misleads
    assert "shows just that" not in aggregated_posterior_gap(space_with(0.5, 1.0), rows(500)).misleads


def test_mixture_density_against_scipy() -> None:
    from scipy.stats import norm

    random = np.random.default_rng(2)
    points, means, stds = random.normal(size=(300, 3)), random.normal(size=(5, 3)), random.uniform(0.3, 2, (5, 3))
    table = norm.pdf(points[:, None], means, stds).prod(2).mean(1)
    assert mixture_log_density(points, means, stds) == pytest.approx(np.log(table))


def test_mmd_against_the_double_sum() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(size=(300, 2)), random.normal(0.5, 1, (300, 2))

    def kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        gap = ((first[:, None] - second[None]) ** 2).sum(2)
        table = sum(4 * s / (4 * s + gap) for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
        return float((table.sum() - np.trace(table)) / (300 * 299))

    expected = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    assert mmd_rows(a, b, spread=1.0).mean() == pytest.approx(expected)
