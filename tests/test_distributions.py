import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.mixture import GaussianMixture

from latentarium.distributions import (
    ConditionalMixture,
    DiagonalMixture,
    Distribution,
    Empirical,
    Flow,
    Mixture,
    Normal,
    describe,
    from_arrays,
    gaussian_kl,
    tempered,
    to_arrays,
    truncated,
)
from latentarium.errors import InvalidInput


def mixture(components: int = 3, dim: int = 2, seed: int = 0) -> Mixture:
    random = np.random.default_rng(seed)
    factors = np.tril(random.normal(size=(components, dim, dim)) * 0.4)
    diagonal = np.arange(dim)
    factors[:, diagonal, diagonal] = random.uniform(0.5, 1.5, (components, dim))
    weights = random.dirichlet(np.ones(components))
    return Mixture(weights=weights, means=random.normal(size=(components, dim)) * 2, factors=factors)


def diagonal(components: int = 3, dim: int = 2, seed: int = 0) -> DiagonalMixture:
    random = np.random.default_rng(seed)
    return DiagonalMixture(
        weights=random.dirichlet(np.ones(components)),
        means=random.normal(size=(components, dim)) * 2,
        stds=random.uniform(0.5, 1.5, (components, dim)),
    )


def flow(dim: int = 2, seed: int = 0, layers: int = 4) -> Flow:
    """A flow whose couplings bend space."""
    random = np.random.default_rng(seed)
    factor = np.tril(random.normal(size=(dim, dim)) * 0.3)
    factor[np.arange(dim), np.arange(dim)] = random.uniform(0.5, 1.5, dim)
    start = Flow.gaussian(random.normal(size=dim), factor, layers=layers, width=8, seed=seed)
    bent = {"w3": random.normal(size=start.w3.shape) * 0.2, "b3": random.normal(size=start.b3.shape) * 0.2}
    return dataclasses.replace(start, **{name: value.astype(np.float32) for name, value in bent.items()})


NORMAL = Normal(mean=np.array([1.0, -2.0]), std=np.array([0.5, 3.0]))
EMPIRICAL = Empirical(codes=np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32))
DENSE: list[Distribution] = [NORMAL, mixture(), diagonal(), flow()]
ALL: list[Distribution] = [*DENSE, EMPIRICAL]


def test_normal_density_is_scipys() -> None:
    z = np.random.default_rng(1).normal(size=(20, 2))
    np.testing.assert_allclose(NORMAL.log_prob(z), stats.norm(NORMAL.mean, NORMAL.std).logpdf(z).sum(1))


def test_mixture_density_is_scikit_learns() -> None:
    codes = mixture().sample(400, seed=3)
    ours = Mixture.fit(codes, components=3, seed=0)
    theirs = GaussianMixture(3, random_state=0, reg_covar=1e-6 * float(codes.astype(float).var()), max_iter=200)
    theirs.fit(codes.astype(float))
    np.testing.assert_allclose(ours.log_prob(codes), theirs.score_samples(codes.astype(float)), atol=1e-6)


@pytest.mark.parametrize("distribution", DENSE, ids=["normal", "mixture", "diagonal", "flow"])
def test_density_integrates_to_one(distribution: Distribution) -> None:
    def density(y: float, x: float) -> float:
        return float(np.exp(distribution.log_prob(np.array([[x, y]])))[0])

    grid = np.linspace(-20, 20, 801)
    values = np.exp(distribution.log_prob(np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2)))
    total = integrate.trapezoid(integrate.trapezoid(values.reshape(801, 801), grid), grid)
    assert total == pytest.approx(1, abs=1e-3)
    assert density(0.0, 0.0) == pytest.approx(values.reshape(801, 801)[400, 400])


def test_a_component_of_weight_zero_is_allowed() -> None:
    one = mixture()
    padded = Mixture(weights=np.array([1.0, 0.0, 0.0]), means=one.means, factors=one.factors)
    alone = Mixture(weights=np.ones(1), means=one.means[:1], factors=one.factors[:1])
    z = one.sample(5, seed=0)
    np.testing.assert_allclose(padded.log_prob(z), alone.log_prob(z))


@pytest.mark.parametrize("distribution", DENSE)
def test_far_points_keep_a_finite_density(distribution: Distribution) -> None:
    assert np.isfinite(distribution.log_prob(np.full((1, 2), 1e4))).all()


def test_a_diagonal_mixture_is_the_mixture_of_its_components() -> None:
    one = diagonal(components=600, dim=5)
    full = Mixture(weights=one.weights, means=one.means, factors=np.stack([np.diag(std) for std in one.stds]))
    z = full.sample(1000, seed=1)
    np.testing.assert_allclose(one.log_prob(z), full.log_prob(z), rtol=1e-9)
    np.testing.assert_allclose(one.sample(50, seed=3), full.sample(50, seed=3), rtol=1e-6)
    lonely = DiagonalMixture(weights=np.array([1.0, 0.0]), means=one.means[:2], stds=one.stds[:2] * 1e-3)
    assert np.isfinite(lonely.log_prob(one.means[1:2])).all()


def test_diagonal_density_against_scipy() -> None:
    random = np.random.default_rng(2)
    points, means, stds = random.normal(size=(300, 3)), random.normal(size=(5, 3)), random.uniform(0.3, 2, (5, 3))
    table = stats.norm.pdf(points[:, None], means, stds).prod(2).mean(1)
    np.testing.assert_allclose(DiagonalMixture.equal(means, stds).log_prob(points), np.log(table))


def test_fitted_weights_are_those_behind_the_points() -> None:
    means, stds = np.array([[-3.0, 0.0], [3.0, 0.0], [0.0, 40.0]]), np.ones((3, 2))
    weights = np.array([0.2, 0.8, 0.0])
    points = DiagonalMixture(weights=weights, means=means, stds=stds).sample(20_000, seed=0)
    fitted = DiagonalMixture.fit_weights(means, stds, points)
    assert fitted.weights.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(fitted.weights, weights, atol=0.01)
    assert fitted.log_prob(points).mean() > DiagonalMixture.equal(means, stds).log_prob(points).mean() + 0.5


def test_a_flow_has_the_density_of_its_draws() -> None:
    """log N(noise) - log |det d(point) / d(noise)| by finite differences of `sample` itself."""
    one = flow(3, layers=5)
    noise = np.random.default_rng(4).standard_normal((1, 3))

    def push(u: np.ndarray) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("latentarium.distributions.flow.generator", lambda seed: Fixed(u))
            return one.sample(len(u), seed=0).astype(float)

    step = 1e-2
    columns = [(push(noise + step * e)[0] - push(noise - step * e)[0]) / (2 * step) for e in np.eye(3)]
    expected = stats.norm.logpdf(noise).sum() - np.log(abs(np.linalg.det(np.array(columns))))
    assert one.log_prob(push(noise))[0] == pytest.approx(expected, abs=2e-3)


class Fixed:
    """A generator whose noise is known."""

    def __init__(self, noise: np.ndarray) -> None:
        self.noise = noise

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        assert shape == self.noise.shape
        return self.noise


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
def test_a_fresh_flow_is_its_gaussian(dim: int) -> None:
    random = np.random.default_rng(dim)
    factor = np.tril(random.normal(size=(dim, dim))) + 2 * np.eye(dim)
    factor[np.arange(dim), np.arange(dim)] = np.abs(np.diagonal(factor)) + 0.1
    mean, z = random.normal(size=dim), random.normal(size=(20, dim))
    expected = stats.multivariate_normal(mean, factor @ factor.T).logpdf(z)
    fresh = Flow.gaussian(mean, factor, layers=3)
    np.testing.assert_allclose(fresh.log_prob(z), expected)
    again = from_arrays(*to_arrays(fresh))
    np.testing.assert_array_equal(again.log_prob(z), fresh.log_prob(z))


def test_mixture_draws_have_its_moments() -> None:
    one = mixture()
    draws = one.sample(200_000, seed=0).astype(float)
    mean = one.weights @ one.means
    within = np.einsum("kij,klj->kil", one.factors, one.factors)
    offset = one.means - mean
    covariance = np.einsum("k,kij->ij", one.weights, within + offset[:, :, None] * offset[:, None])
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(draws.T), covariance, rtol=0.03, atol=0.05)


def test_normal_draws_have_its_moments() -> None:
    draws = NORMAL.sample(100_000, seed=0)
    np.testing.assert_allclose(draws.mean(0), NORMAL.mean, atol=0.04)
    np.testing.assert_allclose(draws.std(0), NORMAL.std, rtol=0.02)


@pytest.mark.parametrize("distribution", ALL)
def test_draws_are_seeded_float32(distribution: Distribution) -> None:
    first = distribution.sample(16, seed=5)
    assert first.dtype == np.float32
    assert first.shape == (16, 2)
    assert np.array_equal(first, distribution.sample(16, seed=5))
    assert not np.array_equal(first, distribution.sample(16, seed=6))
    assert distribution.sample(0, seed=0).shape == (0, 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 5))
def test_change_of_units_follows_the_density(seed: int, components: int, dim: int) -> None:
    random = np.random.default_rng(seed)
    mean, std = random.normal(size=dim), random.uniform(0.1, 10, dim)
    kinds: list[Distribution] = [
        mixture(components, dim, seed),
        diagonal(components, dim, seed),
        flow(dim, seed),
        Normal(mean=random.normal(size=dim), std=std[::-1]),
    ]
    for distribution in kinds:
        z = distribution.sample(10, seed=seed).astype(float)
        moved = distribution.transformed(mean, std).log_prob((z - mean) / std)
        np.testing.assert_allclose(moved, distribution.log_prob(z) + np.log(std).sum(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("distribution", ALL)
def test_change_of_units_moves_the_draws(distribution: Distribution) -> None:
    mean, std = np.array([1.0, 2.0]), np.array([0.5, 4.0])
    moved = distribution.transformed(mean, std).sample(8, seed=2)
    np.testing.assert_allclose(moved, (distribution.sample(8, seed=2) - mean) / std, rtol=1e-4, atol=1e-5)


@given(st.floats(-5, 5), st.floats(0.05, 4))
@settings(max_examples=25, deadline=None)
def test_kl_is_the_integral(mean: float, std: float) -> None:
    z = np.linspace(mean - 12 * std, mean + 12 * std, 20_001)
    q = stats.norm(mean, std)
    numeric = integrate.trapezoid(q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), z)
    assert gaussian_kl(np.array([[mean]]), np.array([[std]]))[0, 0] == pytest.approx(numeric, abs=1e-6, rel=1e-6)


def test_fit_copes_with_few_rows_constant_columns_and_large_seeds() -> None:
    flat = np.zeros((5, 3), np.float32)
    flat[:, 0] = np.arange(5)
    fitted = Mixture.fit(flat, components=10, seed=2**40)
    assert len(fitted.weights) == 5
    assert np.isfinite(fitted.log_prob(flat)).all()


@pytest.mark.parametrize("distribution", ALL)
def test_storing_gives_the_same_distribution(distribution: Distribution) -> None:
    again = from_arrays(*to_arrays(distribution))
    assert type(again) is type(distribution)
    assert np.array_equal(again.sample(4, seed=0), distribution.sample(4, seed=0))


def test_every_prior_has_words() -> None:
    words = [describe(one) for one in ALL]
    assert words == [
        "a Gaussian with diagonal covariance",
        "a mixture of 3 Gaussians",
        "a VampPrior of 3 posteriors",
        "a flow of 4 couplings",
        "resampled codes",
    ]
    assert describe(Normal.standard(3)) == "N(0, I)"


def test_an_empirical_prior_has_no_density() -> None:
    with pytest.raises(InvalidInput, match="fit a Mixture"):
        EMPIRICAL.log_prob(np.zeros((1, 2)))


def test_unusable_parameters_are_refused() -> None:
    good = mixture()
    for bad in (
        lambda: Normal(mean=np.zeros(2), std=np.array([1.0, 0.0])),
        lambda: Normal(mean=np.zeros(2), std=np.ones(3)),
        lambda: Mixture(weights=good.weights * 2, means=good.means, factors=good.factors),
        lambda: Mixture(weights=good.weights[:2], means=good.means, factors=good.factors),
        lambda: Mixture(weights=good.weights, means=good.means, factors=-good.factors),
        lambda: Mixture.fit(np.zeros((1, 2))),
        lambda: Mixture.fit(np.zeros((5, 2)), components=0),
        lambda: Empirical(codes=np.zeros((0, 2), np.float32)),
        lambda: Normal(mean=np.array([np.nan]), std=np.ones(1)),
        lambda: Mixture(weights=good.weights, means=good.means.ravel(), factors=good.factors),
        lambda: Mixture(weights=good.weights, means=good.means, factors=good.factors.transpose(0, 2, 1)),
        lambda: DiagonalMixture(weights=good.weights * 2, means=good.means, stds=np.ones((3, 2))),
        lambda: DiagonalMixture.equal(good.means, np.zeros((3, 2))),
        lambda: dataclasses.replace(flow(), orders=np.zeros((4, 2), int)),
        lambda: dataclasses.replace(flow(), orders=flow().orders.astype(float)),
        lambda: dataclasses.replace(flow(), w1=np.zeros((4, 2, 8))),
        lambda: dataclasses.replace(flow(), b1=np.zeros((4, 7))),
        lambda: dataclasses.replace(flow(), w3=np.full((4, 8, 2), np.inf)),
        lambda: dataclasses.replace(flow(), factor=-np.eye(2)),
        lambda: dataclasses.replace(flow(), mean=np.array(["a", "b"])),
        lambda: from_arrays("normal", {"mean": np.zeros(2)}),
        lambda: from_arrays("vamp", to_arrays(good)[1]),
        lambda: from_arrays("pickle", {}),
        lambda: to_arrays(object()),  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(InvalidInput, match="must be"):
            bad()


def four_places() -> ConditionalMixture:
    """Components at -3, -1, 1 and 3; two values of a column of sides, two of one of lengths."""
    whole = Mixture(
        weights=np.full(4, 0.25), means=np.array([[-3.0], [-1.0], [1.0], [3.0]]), factors=np.full((4, 1, 1), 0.1)
    )
    sides, lengths = [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]], [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5]]
    return ConditionalMixture(mixture=whole, shares=np.array([*sides, *lengths]))


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], [0.25, 0.25, 0.25, 0.25]), ([0], [0.5, 0.5, 0, 0]), ([3], [0.5, 0, 0, 0.5]), ([1, 3], [0, 0, 0, 1])],
)
def test_what_is_told_of_two_columns_is_put_together(told: list[int], expected: list[float]) -> None:
    np.testing.assert_allclose(four_places().given(told).weights, expected, atol=1e-6)


def test_a_conditional_mixture_moves_with_its_units() -> None:
    moved = four_places().transformed(np.array([1.0]), np.array([2.0])).given([1, 2])
    np.testing.assert_allclose(moved.sample(50, seed=0).mean(), 0, atol=0.1)


def test_shares_have_to_fit_the_components() -> None:
    for wrong in (np.ones((2, 3)), -np.ones((2, 4)), np.ones(4)):
        with pytest.raises(InvalidInput, match="shares"):
            ConditionalMixture(mixture=four_places().mixture, shares=wrong)


def test_responsibilities_are_bayes_rule() -> None:
    made = mixture()
    z = made.sample(20, seed=1)
    parts = [
        weight * stats.multivariate_normal(mean, factor @ factor.T).pdf(z)
        for weight, mean, factor in zip(made.weights, made.means, made.factors, strict=True)
    ]
    expected = np.stack(parts, axis=1) / np.sum(parts, axis=0)[:, None]
    np.testing.assert_allclose(made.responsibilities(z), expected, rtol=1e-6)


@pytest.mark.parametrize("prior", DENSE, ids=lambda d: type(d).__name__)
def test_temperature_scales_the_noise_alone(prior: Distribution) -> None:
    draws = {t: tempered(prior, 500, seed=4, temperature=t) for t in (0.0, 0.5, 1.0)}
    assert np.array_equal(draws[1.0], prior.sample(500, seed=4))
    middles = np.unique(draws[0.0].round(4), axis=0)
    if isinstance(prior, Mixture | DiagonalMixture):
        np.testing.assert_allclose(middles, prior.means[np.lexsort(prior.means.T[::-1])], atol=1e-3)
    else:
        assert len(middles) == 1
    if not isinstance(prior, Flow):
        np.testing.assert_allclose(draws[0.5], (draws[0.0] + draws[1.0]) / 2, atol=1e-5)
    assert prior.log_prob(draws[0.5]).mean() > prior.log_prob(draws[1.0]).mean()


def test_stored_codes_have_no_temperature() -> None:
    assert np.array_equal(tempered(EMPIRICAL, 9, seed=1, temperature=1.0), EMPIRICAL.sample(9, seed=1))
    with pytest.raises(InvalidInput, match="temperature must be 1 for draws of Empirical.*use truncation"):
        tempered(EMPIRICAL, 9, seed=1, temperature=0.5)
    with pytest.raises(InvalidInput, match="temperature must be a number from 0 to 10, got nan"):
        tempered(NORMAL, 9, seed=1, temperature=float("nan"))


def test_truncation_goes_straight_to_the_mean() -> None:
    points = np.array([[5.0, 4.0], [0.0, -2.0]])
    assert np.array_equal(truncated(points, NORMAL, 1.0), points)
    near = truncated(points, NORMAL, 0.0)
    np.testing.assert_allclose(near, np.tile(NORMAL.mean, (2, 1)), atol=0.2)
    np.testing.assert_allclose(truncated(points, NORMAL, 0.25), 0.75 * near + 0.25 * points, atol=1e-5)
    with pytest.raises(InvalidInput, match="truncation must be a number from 0 to 2, got -1"):
        truncated(points, NORMAL, -1)
