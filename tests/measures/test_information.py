import dataclasses

import numpy as np
import pytest

from latentarium import measures as m
from latentarium.distributions import Mixture, Normal
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.measures import information


def test_negative_elbo_of_the_exact_posterior_is_the_marginal(linear) -> None:
    x = linear.rows(4000)
    score = m.negative_elbo(linear.space(), x)
    exact = -linear.log_marginal(x).mean()
    assert score.value == pytest.approx(exact, abs=0.06)
    assert score.interval[0] < exact < score.interval[1]
    assert score.settings["prior"] == "N(0, I)"


def test_negative_elbo_of_a_wide_posterior_pays_its_gap(linear) -> None:
    wide = linear.widened(1.6)
    x = wide.rows(4000)
    value = m.negative_elbo(wide.space(), x).value
    assert value == pytest.approx(-wide.elbo(x).mean(), abs=0.12)
    assert value > -wide.log_marginal(x).mean() + 0.5


def test_importance_weighted_bound_is_exact_for_the_exact_posterior(linear) -> None:
    x = linear.rows(30)
    score = m.importance_weighted_bound(linear.space(), x, samples=3, n=30)
    assert score.value == pytest.approx(-linear.log_marginal(x).mean(), abs=1e-4)


def test_importance_weighted_bound_closes_the_gap_with_samples(linear) -> None:
    wide = linear.widened(1.6)
    x = wide.rows(400)
    values = [m.importance_weighted_bound(wide.space(), x, samples=k, n=400).value for k in (1, 10, 300)]
    assert values[0] > values[1] > values[2]
    assert values[2] == pytest.approx(-wide.log_marginal(x).mean(), abs=0.02)


def test_rate_and_distortion_add_up_and_share_the_draw(linear) -> None:
    x, space = linear.rows(200), linear.space()
    parts = m.negative_elbo_parts(space, x, seed=5)
    assert m.rate(space, x, seed=5).value == pytest.approx(parts.rate.mean())
    assert m.distortion(space, x, seed=5).value == pytest.approx(parts.distortion.mean())
    assert m.negative_elbo(space, x, seed=5).value == pytest.approx(parts.negative_elbo.mean())
    assert m.distortion(space, x, seed=6).value != m.distortion(space, x, seed=5).value


def test_rate_by_sampling_agrees_with_the_analytic_rate(linear) -> None:
    x, space = linear.rows(5000), linear.space()
    single = Mixture(weights=np.ones(1), means=np.zeros((1, 3)), factors=np.eye(3)[None])
    assert m.rate(space, x, prior=single).value == pytest.approx(m.rate(space, x).value, abs=0.05)
    assert m.rate(space, x, prior=single).settings["kl"] == "one sample"


def test_rate_does_not_change_when_space_and_prior_are_rescaled(linear) -> None:
    x, space = linear.rows(50), linear.space()
    moved = space.standardised([1.0, -2.0, 0.5], [0.5, 2.0, 3.0])
    assert isinstance(moved.prior, Normal)
    assert m.rate(moved, x, prior=moved.prior).value == pytest.approx(m.rate(space, x).value, rel=1e-5)


def test_kl_per_dimension_sums_to_the_rate(linear) -> None:
    x, space = linear.rows(300), linear.space()
    score = m.kl_per_dimension(space, x)
    assert sum(score.parts["kl"]) == pytest.approx(m.rate(space, x).value)
    assert np.argmax(score.parts["kl"]) == 0
    assert all(a <= b <= c for a, b, c in zip(*(score.parts[k] for k in ("low", "kl", "high")), strict=True))


def test_active_units_counts_planted_variances(linear) -> None:
    stds = np.array([1.0, 0.11, 0.09])
    codes = np.random.default_rng(0).standard_normal((5000, 8)).astype(np.float32)
    space = dataclasses.replace(linear.space(), posterior_fn=lambda x: (x[:, :3] * stds + 7, np.full((len(x), 3), 0.1)))
    score = m.active_units(space, codes)
    assert score.value == 2
    assert score.parts["variance"] == pytest.approx(stds**2, rel=0.1)


def test_bits_per_dimension_needs_a_discrete_likelihood(linear) -> None:
    x, space = linear.rows(50), linear.space()
    with pytest.raises(InvalidInput, match="density"):
        m.bits_per_dimension(space, x)
    discrete = dataclasses.replace(space, provenance={"likelihood": {"name": "categorical", "discrete": True}})
    expected = m.negative_elbo(space, x).value / (8 * np.log(2))
    assert m.bits_per_dimension(discrete, x).value == pytest.approx(expected)


def test_deterministic_measures_ignore_row_order(linear) -> None:
    x, space = linear.rows(100), linear.space()
    order = np.random.default_rng(1).permutation(100)
    for measure in (m.rate, m.kl_per_dimension, m.active_units):
        assert measure(space, x[order]).value == pytest.approx(measure(space, x).value, rel=1e-5)


@pytest.mark.parametrize("name", ["negative_elbo", "importance_weighted_bound", "aggregated_posterior_gap"])
def test_batch_and_chunk_size_do_not_matter(linear, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, measure = linear.rows(70), getattr(m, name)
    expected = measure(linear.space(64), x, seed=2)
    assert measure(linear.space(64), x, seed=2) == expected
    monkeypatch.setattr(information, "_CHUNK_VALUES", 1)
    assert measure(linear.space(7), x, seed=2).value == pytest.approx(expected.value, rel=1e-5)


def test_a_missing_capability_is_named(linear) -> None:
    blind = dataclasses.replace(linear.space(), posterior_fn=None)
    with pytest.raises(MissingCapability, match="posterior"):
        m.rate(blind, linear.rows(10))
    with pytest.raises(InvalidInput, match="at least 2 rows"):
        m.rate(linear.space(), linear.rows(1))
