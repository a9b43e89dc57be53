"""Fitting flows: they learn what a Gaussian cannot say, stop by the validation points, and repeat bit for bit."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_moons

from latentarium.distributions import DiagonalMixture, Flow, Mixture
from latentarium.distributions.flow import coupled_log_prob
from latentarium.errors import InvalidInput
from latentarium.nn import flows
from latentarium.nn.flows import fit_flow

Array = NDArray[np.float64]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def moons(count: int, seed: int) -> Array:
    return make_moons(count, noise=0.1, random_state=seed)[0]


@pytest.fixture(scope="module")
def fitted() -> Flow:
    return fit_flow(moons(2000, 0), None, validation=moons(500, 1), layers=6, seed=0)


def test_two_moons_are_better_told_by_a_flow_than_by_a_gaussian(fitted: Flow) -> None:
    held = moons(2000, 2)
    gaussian = Mixture.fit(moons(2000, 0), components=1)
    assert -fitted.log_prob(held).mean() < -gaussian.log_prob(held).mean() - 0.5


def test_a_fitted_density_integrates_to_one(fitted: Flow) -> None:
    grid = np.linspace(-6, 6, 801)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)
    assert np.exp(fitted.log_prob(points)).sum() * (grid[1] - grid[0]) ** 2 == pytest.approx(1, abs=1e-3)


def test_draws_are_where_the_density_says(fitted: Flow) -> None:
    """Shares of the draws in the cells of a grid are the integrals of the density over them."""
    edges = np.linspace(-2, 3, 11)
    draws = fitted.sample(100_000, seed=3)
    shares = np.histogram2d(*draws.T, bins=(edges, edges))[0] / len(draws)
    fine = np.linspace(-2, 3, 401)[:-1] + 5 / 800
    points = np.stack(np.meshgrid(fine, fine, indexing="ij"), -1).reshape(-1, 2)
    cells = np.exp(fitted.log_prob(points)).reshape(10, 40, 10, 40).sum((1, 3)) * (5 / 400) ** 2
    assert np.abs(shares - cells).max() < 0.003


def test_tensors_and_arrays_have_one_density(fitted: Flow) -> None:
    x = np.random.default_rng(0).standard_normal((50, 2))
    tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in fitted.couplings.items()}
    with torch.no_grad():
        found = coupled_log_prob(torch.from_numpy(x.astype(np.float32)), tensors, torch)
    np.testing.assert_allclose(found, coupled_log_prob(x, fitted.couplings), rtol=1e-3, atol=1e-3)


def test_equal_seeds_give_equal_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "STEPS", 60)

    def weights(seed: int) -> bytes:
        return fit_flow(moons(300, 0), np.full((300, 2), 0.1), validation=moons(100, 1), seed=seed).w3.tobytes()

    state = torch.random.get_rng_state()
    assert weights(4) == weights(4) != weights(5)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_flow_of_posteriors_is_the_aggregated_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two posteriors, N((-2, 0), 0.5^2 I) and N((2, 0), 0.5^2 I), are one mixture of two Gaussians."""
    monkeypatch.setattr(flows, "STEPS", 500)
    means = np.repeat([[-2.0, 0.0], [2.0, 0.0]], 500, axis=0)
    truth = DiagonalMixture.equal(means[[0, -1]], np.full((2, 2), 0.5))
    held, test = truth.sample(1000, seed=1), truth.sample(2000, seed=2)
    found = fit_flow(means, np.full_like(means, 0.5), validation=held, layers=4)
    assert found.log_prob(test).mean() == pytest.approx(truth.log_prob(test).mean(), abs=0.3)


def test_the_best_flow_on_the_validation_points_is_kept() -> None:
    """Fifteen points can only be learned by heart, so the flow stays near the Gaussian it began as."""
    random = np.random.default_rng(0)
    few, held = random.standard_normal((15, 4)), random.standard_normal((2000, 4))
    start = flows._gaussian(few, None, 8, 0)
    found = fit_flow(few, None, validation=held)
    assert found.log_prob(held).mean() >= start.log_prob(held).mean() - 1e-4
    assert found.log_prob(few).mean() < start.log_prob(few).mean() + 3


def test_constant_dimensions_and_few_rows_are_borne() -> None:
    flat = np.zeros((20, 3))
    flat[:, 0] = np.arange(20)
    found = fit_flow(flat, None, validation=flat[:5], layers=2)
    assert np.isfinite(found.log_prob(flat)).all()
    assert np.abs(found.sample(100, seed=0)[:, 1:]).max() < 0.1


@pytest.mark.slow
def test_thirty_two_latents_take_seconds() -> None:
    codes = np.tanh(np.random.default_rng(0).standard_normal((20_000, 32)))
    began = time.process_time()
    fit_flow(codes, None, validation=codes[:1000])
    assert time.process_time() - began < 30


def test_unusable_rows_and_layers_are_refused() -> None:
    points = moons(20, 0)
    for bad in (
        lambda: fit_flow(points, None, validation=points, layers=0),
        lambda: fit_flow(points, None, validation=points, layers=65),
        lambda: fit_flow(points[:1], None, validation=points),
        lambda: fit_flow(points, None, validation=points[:0]),
    ):
        with pytest.raises(InvalidInput, match="must be"):
            bad()
