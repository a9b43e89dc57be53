"""Terms of the objectives against numerical integrals, closed forms and identities."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor

from latentarium.errors import InvalidInput
from latentarium.objectives import (
    Objective,
    Ramp,
    beta,
    beta_tc,
    decompose_kl,
    density_ratio_loss,
    dip,
    elbo,
    factor,
    gaussian_kl,
    moment_distances,
    parse_objective,
    permute_dimensions,
    rae,
    regularised_terms,
    variational_terms,
)


def posterior(rows: int = 64, dim: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    mean = torch.randn(rows, dim, generator=source)
    log_variance = torch.randn(rows, dim, generator=source) - 1
    noise = torch.randn(rows, dim, generator=source)
    return mean, log_variance, mean + torch.exp(0.5 * log_variance) * noise


def log_likelihood(rows: int = 64) -> Tensor:
    return -100 - torch.rand(rows, generator=torch.Generator().manual_seed(9))


def terms(objective: Objective, **ramp: float) -> dict[str, float]:
    found = variational_terms(objective, log_likelihood(), posterior(), ramp=Ramp(**ramp), dataset_size=1000)
    return {name: float(value) for name, value in found.items()}


@given(mean=st.floats(-3, 3), log_variance=st.floats(-4, 2))
@settings(max_examples=25, deadline=None)
def test_gaussian_kl_is_the_integral(mean: float, log_variance: float) -> None:
    q, p = stats.norm(mean, math.exp(0.5 * log_variance)), stats.norm()
    edge = 12 * float(q.std())
    points = np.linspace(mean - edge, mean + edge, 20001)
    numeric = integrate.trapezoid(q.pdf(points) * (q.logpdf(points) - p.logpdf(points)), points)
    closed = float(gaussian_kl(torch.tensor(mean).double(), torch.tensor(log_variance).double()))
    assert closed == pytest.approx(float(numeric), abs=1e-6)


def test_kl_is_zero_at_the_prior_and_positive_elsewhere() -> None:
    assert float(gaussian_kl(torch.zeros(1), torch.zeros(1))) == 0
    mean, log_variance, _ = posterior()
    assert bool((gaussian_kl(mean, log_variance) > 0).all())


def test_elbo_terms_are_nats_summed_over_dimensions_and_averaged_over_rows() -> None:
    mean, log_variance, _ = posterior()
    found = terms(elbo())
    rate = sum(
        0.5 * (m**2 + math.exp(v) - 1 - v) for m, v in zip(mean.ravel().tolist(), log_variance.ravel().tolist())
    ) / len(mean)
    assert found["rate"] == pytest.approx(rate, rel=1e-5)
    assert found["distortion"] == pytest.approx(-float(log_likelihood().mean()), rel=1e-6)
    assert found["negative_elbo"] == pytest.approx(found["distortion"] + found["rate"], rel=1e-6)
    assert found["loss"] == pytest.approx(found["negative_elbo"], rel=1e-6)


def test_a_more_likely_datum_lowers_the_loss() -> None:
    def loss(offset: float) -> float:
        found = variational_terms(elbo(), log_likelihood() + offset, posterior(), ramp=Ramp(), dataset_size=10)
        return float(found["loss"])

    assert loss(1.0) == pytest.approx(loss(0.0) - 1.0, abs=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 4.0, 50.0])
def test_beta_scales_the_kl_and_leaves_the_reported_bound_alone(weight: float) -> None:
    found, plain = terms(beta(weight)), terms(elbo())
    assert found["loss"] == pytest.approx(plain["distortion"] + weight * plain["rate"], rel=1e-5)
    assert found["negative_elbo"] == plain["negative_elbo"]


def test_the_warm_up_scales_the_penalty_alone() -> None:
    half, plain = terms(beta(2), kl=0.5), terms(elbo())
    assert half["loss"] == pytest.approx(plain["negative_elbo"], rel=1e-6)
    assert terms(elbo(), kl=0.0)["loss"] == pytest.approx(plain["distortion"], rel=1e-6)


def test_a_free_rate_is_a_floor_for_the_whole_code() -> None:
    """Below it the loss does not know the KL term; above it nothing is free."""
    plain = terms(elbo())
    low, high = terms(elbo(), free_rate=plain["rate"] - 0.5), terms(elbo(), free_rate=plain["rate"] + 0.5)
    assert low == plain
    assert high["loss"] == pytest.approx(plain["distortion"] + plain["rate"] + 0.5)
    assert high["negative_elbo"] == plain["negative_elbo"]
    mean, log_variance, z = (part.requires_grad_() for part in posterior())
    found = variational_terms(
        elbo(), log_likelihood(), (mean, log_variance, z), ramp=Ramp(free_rate=99.0), dataset_size=10
    )
    (slope,) = torch.autograd.grad(found["loss"], mean)
    assert (slope == 0).all()


def test_free_nats_are_a_floor_for_each_dimension() -> None:
    mean, log_variance, z = posterior()
    mean[:, 0], log_variance[:, 0] = 0.01, 0.0
    mean.requires_grad_()
    found = variational_terms(
        elbo(), log_likelihood(), (mean, log_variance, z), ramp=Ramp(free_nats=0.5), dataset_size=10
    )
    each = gaussian_kl(mean, log_variance).mean(0)
    expected = found["distortion"] + each.clamp_min(0.5).sum()
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["rate"], each.sum())
    (slope,) = torch.autograd.grad(found["loss"], mean)
    assert bool((slope[:, 0] == 0).all())
    assert bool((slope[:, 1:] != 0).any())


@pytest.mark.parametrize("dataset_size", [64, 64_000])
def test_decomposition_adds_up_to_the_kl_estimate(dataset_size: int) -> None:
    mean, log_variance, z = (part.double() for part in posterior())
    parts = decompose_kl(z, mean, log_variance, dataset_size=dataset_size)
    scale = torch.exp(0.5 * log_variance)
    estimate = (
        torch.distributions.Normal(mean, scale).log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)
    ).sum(1)
    torch.testing.assert_close(torch.stack(list(parts.values())).sum(), estimate.mean())


def test_decomposition_is_exact_where_the_batch_is_the_data_set() -> None:
    """Two rows of one dimension: the aggregated posterior is a mixture of two, integrated numerically."""
    mean, log_variance = torch.tensor([[-1.0], [1.5]]).double(), torch.tensor([[-0.5], [0.2]]).double()
    grid = np.linspace(-12, 12, 40001)
    components = [
        stats.norm(float(m), math.exp(0.5 * float(v))) for m, v in zip(mean.ravel(), log_variance.ravel(), strict=True)
    ]
    aggregated = sum(c.pdf(grid) for c in components) / 2
    information = np.mean(
        [integrate.trapezoid(c.pdf(grid) * (c.logpdf(grid) - np.log(aggregated)), grid) for c in components]
    )
    marginal = integrate.trapezoid(aggregated * (np.log(aggregated) - stats.norm.logpdf(grid)), grid)
    noise = torch.randn(4000, 2, 1, generator=torch.Generator().manual_seed(0)).double()
    found = [decompose_kl(mean + torch.exp(0.5 * log_variance) * e, mean, log_variance, dataset_size=2) for e in noise]

    def average(name: str) -> float:
        return float(torch.stack([parts[name] for parts in found]).mean())

    assert average("mutual_information") == pytest.approx(float(information), abs=0.02)
    assert average("dimension_kl") == pytest.approx(float(marginal), abs=0.02)
    assert average("total_correlation") == pytest.approx(0, abs=1e-9)


def correlated(rows: int = 500, *, linked: bool) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    first, second = torch.randn(2, rows, 1, generator=source).double()
    mean = torch.cat([first, first if linked else second], dim=1)
    log_variance = torch.full_like(mean, -3.0)
    noise = torch.randn(rows, 2, generator=source).double()
    return mean, log_variance, mean + torch.exp(0.5 * log_variance) * noise


def test_total_correlation_tells_linked_from_independent_dimensions() -> None:
    def tc(linked: bool) -> float:
        mean, log_variance, z = correlated(linked=linked)
        return float(decompose_kl(z, mean, log_variance, dataset_size=len(z))["total_correlation"])

    covariance = np.array([[1 + math.exp(-3), 1], [1, 1 + math.exp(-3)]])
    closed = 0.5 * math.log(covariance[0, 0] ** 2 / np.linalg.det(covariance))
    assert tc(linked=True) == pytest.approx(closed, rel=0.15)
    assert tc(linked=False) < 0.3 * closed


def test_beta_tc_weighs_the_total_correlation_alone() -> None:
    one, six = terms(beta_tc(1)), terms(beta_tc(6))
    assert one["loss"] == pytest.approx(terms(elbo())["loss"], rel=1e-6)
    assert six["loss"] - one["loss"] == pytest.approx(5 * one["total_correlation"], rel=1e-4)


@pytest.mark.parametrize(("factor_of_kl", "of_penalty"), [(0.25, 0.25), (1.0, 1.0), (8.0, 1.0)])
def test_a_strong_pull_to_the_prior_leaves_the_penalty_alone(factor_of_kl: float, of_penalty: float) -> None:
    found = terms(beta_tc(6), kl=factor_of_kl)
    expected = found["distortion"] + factor_of_kl * found["rate"] + of_penalty * 5 * found["total_correlation"]
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_factor_adds_the_weighted_mean_of_the_critics_estimate() -> None:
    ratio = torch.linspace(-1, 3, 64, requires_grad=True)
    found = variational_terms(
        factor(6.4), log_likelihood(), posterior(), ramp=Ramp(), dataset_size=1000, log_ratio=ratio
    )
    assert float(found["total_correlation"].detach()) == pytest.approx(1.0, rel=1e-5)
    assert float(found["loss"].detach()) == pytest.approx(terms(elbo())["loss"] + 6.4, rel=1e-6)
    (slope,) = torch.autograd.grad(found["loss"], ratio)
    torch.testing.assert_close(slope, torch.full((64,), 6.4 / 64))
    with pytest.raises(InvalidInput, match="log_ratio"):
        terms(factor(1))


def test_the_critics_loss_is_lowest_at_the_log_density_ratio() -> None:
    """Two codes of probability (0.8, 0.2) and, permuted, (0.4, 0.6), as logits weighted by their counts."""
    logit = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)
    joint, product = torch.tensor([0] * 8 + [1] * 2), torch.tensor([0] * 4 + [1] * 6)
    assert float(density_ratio_loss(logit[joint], logit[product]).detach()) == pytest.approx(math.log(2))
    optimiser = torch.optim.LBFGS([logit], max_iter=50)

    def closure() -> float:
        optimiser.zero_grad()
        loss = density_ratio_loss(logit[joint], logit[product])
        loss.backward()
        return float(loss.detach())

    optimiser.step(closure)
    assert logit.tolist() == pytest.approx([math.log(0.8 / 0.4), math.log(0.2 / 0.6)], abs=1e-4)


def test_permuting_keeps_each_dimension_and_breaks_their_link() -> None:
    z = torch.arange(2000.0)[:, None].repeat(1, 3)
    mixed = permute_dimensions(z, torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(mixed.sort(0).values, z)
    linked = np.corrcoef(mixed.T.numpy())
    assert np.abs(linked - np.eye(3)).max() < 0.1


def test_moment_distances_of_a_small_table() -> None:
    """Means (1, 1), (-1, 1), (1, -1), (-1, -3): covariance [[1, 0.5], [0.5, 2.75]]."""
    mean = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -3.0]], requires_grad=True)
    off_diagonal, diagonal = moment_distances(mean)
    assert (float(off_diagonal.detach()), float(diagonal.detach())) == pytest.approx((2 * 0.5**2, 0 + 1.75**2))
    widened = moment_distances(mean, torch.full((4, 2), math.log(0.5)))
    assert [float(part.detach()) for part in widened] == pytest.approx([2 * 0.5**2, 0.5**2 + 2.25**2])
    (slope,) = torch.autograd.grad(off_diagonal, mean)
    assert bool((slope != 0).any())


@pytest.mark.parametrize(("variant", "share"), [(1, 10.0), (2, 1.0)])
def test_dip_weighs_the_distances_with_the_published_shares(variant: Any, share: float) -> None:
    mean, log_variance, _ = posterior()
    found = terms(dip(variant, 3.0))
    off_diagonal, diagonal = moment_distances(mean, log_variance if variant == 2 else None)
    expected = terms(elbo())["loss"] + 3 * (float(off_diagonal) + share * float(diagonal))
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["negative_elbo"] == terms(elbo())["negative_elbo"]


def test_dip_is_the_bound_alone_where_the_codes_are_already_white() -> None:
    mean = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    assert [float(part) for part in moment_distances(mean)] == [0, 0]


def test_regularised_terms() -> None:
    _, _, z = posterior()
    found = regularised_terms(rae(0.1), log_likelihood(), z)
    energy = 0.5 * float((z**2).sum(1).mean())
    assert float(found["code_energy"]) == pytest.approx(energy, rel=1e-6)
    assert float(found["loss"]) == pytest.approx(float(found["distortion"]) + 0.1 * energy, rel=1e-6)
    assert "negative_elbo" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("elbo", elbo()),
        ("beta:4", beta(4)),
        ("beta-tc:6", beta_tc(6)),
        ("factor:6.4", factor(6.4)),
        ("dip-1:10", dip(1, 10)),
        ("dip-2:10", dip(2, 10)),
        ("rae:0.01", rae(0.01)),
        ("beta", beta(1)),
        ("beta:1e1", beta(10)),
    ],
)
def test_parse_objective(text: str, expected: Objective) -> None:
    assert parse_objective(text) == expected


@pytest.mark.parametrize("text", ["", "kl", "beta:x", "beta:-1", "beta:nan", "beta:inf", "beta:4:5", "Beta:4"])
def test_bad_objectives_get_one_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="objective") as caught:
        parse_objective(text)
    assert "\n" not in str(caught.value)


def test_objectives_are_json_ready() -> None:
    stored: dict[str, Any] = beta_tc(6).to_json()
    assert Objective(**stored) == beta_tc(6)
    assert [o.variational for o in (elbo(), beta(2), beta_tc(2), rae())] == [True, True, True, False]
