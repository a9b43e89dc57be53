"""Ex-post priors: which one a word means, what it is fitted to, and that a fit stores it."""

from pathlib import Path

import numpy as np
import pytest
from tests.training.small import small

from latentarium.checks import check_space
from latentarium.data.rows import Rows
from latentarium.distributions import DiagonalMixture, Flow, Mixture, Normal, describe
from latentarium.errors import InvalidInput
from latentarium.measures import negative_elbo
from latentarium.nn import flows
from latentarium.training import priors
from latentarium.training.api import Place, fit, fit_to_bundle
from latentarium.training.fit import train
from latentarium.training.priors import Encoded, PriorChoice, encode_part, fit_prior, parse_prior, prior_rows
from latentarium.training.save import Source, space_of
from latentarium.training.settings import FitSettings

WORDS = {
    ("vae", "auto"): "N(0, I)",
    ("vae", "normal"): "N(0, I)",
    ("vae", "mixture:3"): "a mixture of 3 Gaussians",
    ("vae", "vamp:40"): "a VampPrior of 40 posteriors",
    ("vae", "flow:2"): "a flow of 2 couplings",
    ("ae", "auto"): "a mixture of 10 Gaussians",
    ("ae", "mixture"): "a mixture of 10 Gaussians",
    ("ae", "normal"): "a Gaussian with diagonal covariance",
    ("ae", "flow"): "a flow of 8 couplings",
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "STEPS", 100)


@pytest.mark.parametrize(("model", "prior"), WORDS)
def test_a_fit_stores_the_prior_it_was_asked_for(model: str, prior: str, digits: Rows, tmp_path: Path) -> None:
    settings = small(model=model, prior=prior, steps=20)
    bundle = fit_to_bundle(digits, settings, Place(path=tmp_path / "space"), source=Source(spec="digits"))
    assert bundle.prior is not None
    assert describe(bundle.prior) == WORDS[model, prior]
    assert bundle.manifest["provenance"]["settings"]["prior"] == prior
    memory = space_of(train(digits, settings))
    np.testing.assert_array_equal(memory.sample_latents(8, seed=1), bundle.space.sample_latents(8, seed=1))
    x = digits.array("test")[:20]
    check_space(bundle.space, x).raise_if_failed()
    if model == "vae":
        assert negative_elbo(bundle.space, x).settings["prior"] == "N(0, I)"


def posteriors(count: int = 600, seed: int = 0) -> Encoded:
    """Two clusters of posteriors, N(-4 or 4, 0.3^2) and of std 0.5."""
    random = np.random.default_rng(seed)
    means = 8.0 * random.integers(0, 2, (count, 1)) - 4 + 0.3 * random.standard_normal((count, 1))
    return Encoded(means.astype(np.float32), np.full((count, 1), 0.5, np.float32))


def fitted(text: str, rows: Encoded, *, model: str = "vae", seed: int = 0) -> object:
    return fit_prior(parse_prior(text, model=model), lambda _: rows, dim=1, variational=model != "ae", seed=seed)


def test_the_components_of_a_vamp_prior_are_posteriors_of_rows() -> None:
    rows = posteriors()
    found = fitted("vamp:50", rows)
    assert isinstance(found, DiagonalMixture)
    assert found.weights.sum() == pytest.approx(1, abs=1e-9)
    assert set(found.means.ravel().tolist()) <= set(rows.codes.astype(float).ravel().tolist())
    assert (found.stds == 0.5).all()
    full = Mixture(weights=found.weights, means=found.means, factors=found.stds[:, :, None])
    z = found.sample(200, seed=0)
    np.testing.assert_allclose(found.log_prob(z), full.log_prob(z))
    equal = DiagonalMixture.equal(found.means, found.stds)
    held = posteriors(seed=1).draws(0)
    assert found.log_prob(held).mean() > equal.log_prob(held).mean() - 0.01


def test_at_most_half_of_few_rows_are_components() -> None:
    found = fitted("vamp", posteriors(21))
    assert isinstance(found, DiagonalMixture)
    assert len(found.weights) == 10


def test_priors_of_a_vae_are_as_wide_as_its_posteriors() -> None:
    wide = fitted("mixture:2", posteriors())
    assert isinstance(wide, Mixture)
    assert wide.factors.ravel() == pytest.approx([np.sqrt(0.09 + 0.25)] * 2, rel=0.15)
    narrow = fitted("mixture:2", Encoded(posteriors().codes), model="ae")
    assert isinstance(narrow, Mixture)
    assert narrow.factors.ravel() == pytest.approx([0.3, 0.3], rel=0.15)


def test_seeds_decide() -> None:
    for text in ("vamp:20", "mixture:2"):
        first, again, other = (fitted(text, posteriors(), seed=seed) for seed in (3, 3, 4))
        assert isinstance(first, Mixture | DiagonalMixture)
        assert isinstance(again, Mixture | DiagonalMixture)
        assert isinstance(other, Mixture | DiagonalMixture)
        assert np.array_equal(first.means, again.means)
        assert not np.array_equal(first.means, other.means)


def test_the_gaussian_of_an_ae_has_the_moments_of_its_codes() -> None:
    codes = np.random.default_rng(0).normal(3, 2, (500, 1)).astype(np.float32)
    found = fitted("normal", Encoded(codes), model="ae")
    assert isinstance(found, Normal)
    assert (found.mean[0], found.std[0]) == pytest.approx((codes.mean(), codes.std()), rel=1e-5)
    constant = fitted("normal", Encoded(np.ones((9, 1))), model="ae")
    assert isinstance(constant, Normal)
    assert constant.std[0] > 0


def test_nothing_is_encoded_for_a_standard_normal() -> None:
    def refuse(part: str) -> Encoded:
        raise AssertionError(part)

    assert describe(fit_prior(PriorChoice("normal"), refuse, dim=3, variational=True, seed=0)) == "N(0, I)"


def test_many_rows_are_drawn_from_all_over() -> None:
    numbers = np.arange(100_000, 200_000)
    chosen = prior_rows(numbers, "train", seed=0)
    assert len(set(chosen.tolist())) == priors.PRIOR_ROWS
    assert chosen.mean() == pytest.approx(150_000, rel=0.01)
    assert np.array_equal(chosen, prior_rows(numbers, "train", seed=0))
    assert len(prior_rows(numbers, "validation", seed=0)) == priors.STOPPING_ROWS
    assert np.array_equal(prior_rows(numbers[:50], "train", seed=0), numbers[:50])


def test_pieces_are_the_whole(digits: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    space = fit(digits, latent=4, width=32, steps=5, progress=False)
    whole = encode_part(space, digits, "validation", seed=0)
    monkeypatch.setattr(priors, "_ENCODE_VALUES", 1)
    pieces = encode_part(space, digits, "validation", seed=0)
    assert pieces.stds is not None
    assert whole.stds is not None
    assert np.array_equal(pieces.codes, whole.codes)
    assert np.array_equal(pieces.stds, whole.stds)
    assert np.array_equal(whole.codes, space.encode(digits.array("validation")))
    assert whole.draws(0).std(0).mean() > whole.codes.std(0).mean()


@pytest.mark.parametrize(
    ("model", "prior"),
    [
        ("vae", "gauss"), ("vae", ""), ("vae", "flow:"), ("vae", "flow:0"), ("vae", "flow:65"), ("vae", "flow:-1"),
        ("vae", "vamp:1e3"), ("vae", "normal:3"), ("vae", "auto:1"), ("vae", "mixture:1001"), ("vae", "flow:²"),
        ("vae", 8), ("vae", None), ("ae", "vamp"), ("ae", "vamp:9"), ("gan", "flow"), ("gan", "mixture:3"),
    ],
)  # fmt: skip
def test_a_bad_prior_is_one_line(model: str, prior: object) -> None:
    with pytest.raises(InvalidInput, match=r"^prior must be .*, got ") as caught:
        FitSettings.make(model=model, prior=prior)
    assert "\n" not in str(caught.value)


def test_settings_keep_the_word(digits: Rows) -> None:
    settings = FitSettings.make(prior="vamp:100")
    assert FitSettings.from_json(settings.to_json()) == settings
    assert isinstance(fit(digits, latent=2, width=8, steps=2, prior="flow:1", progress=False).prior, Flow)
