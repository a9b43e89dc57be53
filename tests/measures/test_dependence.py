import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import latentarium as la
from latentarium.data import open_source
from latentarium.errors import InvalidInput
from latentarium.measures import measure
from latentarium.measures.dependence import (
    codebook_perplexity,
    codebook_use,
    gaussian_total_correlation,
    mean_pairwise_information,
    mutual_information,
)
from latentarium.measures.score import Score
from latentarium.space import Alphabet, LatentSpace

Array = NDArray[np.float64]


def normal(n: int, dim: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, dim))


def correlated(n: int, rho: float, seed: int = 0) -> Array:
    first, second = normal(n, 2, seed).T
    return np.stack([first, rho * first + np.sqrt(1 - rho**2) * second], 1)


def test_total_correlation_of_a_pair_and_against_scipy() -> None:
    score = gaussian_total_correlation(correlated(20_000, 0.8))
    assert score.value == pytest.approx(-0.5 * np.log(1 - 0.64), abs=0.02)
    assert score.interval[0] < -0.5 * np.log(1 - 0.64) < score.interval[1]
    from scipy.stats import multivariate_normal, norm

    codes = normal(500, 4) @ normal(4, 4, 1)
    covariance = np.cov(codes.T)
    alone = sum(norm(scale=np.sqrt(v)).entropy() for v in np.diag(covariance))
    expected = alone - multivariate_normal(np.zeros(4), covariance).entropy()
    assert gaussian_total_correlation(codes).value == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_dependence_sees_neither_order_nor_scale_of_dimensions(seed: int, scale: float, shift: float) -> None:
    codes = normal(300, 3, seed) @ normal(3, 3, seed + 1)
    order = np.random.default_rng(seed).permutation(3)
    moved = codes[:, order] * [scale, 1, 2] + shift
    assert gaussian_total_correlation(moved).value == pytest.approx(gaussian_total_correlation(codes).value, rel=1e-6)
    plain = mean_pairwise_information(codes, bins=8)
    assert mean_pairwise_information(codes[:, order] ** 3, bins=8).value == pytest.approx(plain.value, rel=1e-9)


def test_copies_and_constants() -> None:
    codes = normal(1000, 3)
    plain = gaussian_total_correlation(codes)
    constant = gaussian_total_correlation(np.concatenate([codes, np.full((1000, 1), 0.1)], 1))
    assert constant.value == pytest.approx(plain.value)
    assert constant.settings["constant_dimensions"] == 1
    copied = gaussian_total_correlation(np.concatenate([codes, codes[:, :1]], 1))
    assert 7 < copied.value < 9
    assert gaussian_total_correlation(np.full((50, 3), 0.1)).value == 0.0
    with pytest.raises(InvalidInput, match="two for each"):
        gaussian_total_correlation(normal(9, 5))


def test_pairwise_information_against_scikit_learn() -> None:
    from sklearn.metrics import mutual_info_score

    codes = correlated(5000, 0.9)
    bins = [np.searchsorted(np.quantile(c, np.arange(1, 20) / 20), c, side="right") for c in codes.T]
    score = mean_pairwise_information(codes)
    assert score.value == pytest.approx(mutual_info_score(*bins) - 19**2 / (2 * 5000))
    # bins lose a little of what the values share
    assert 0.9 < score.value / (-0.5 * np.log(1 - 0.81)) < 1
    weaker = mean_pairwise_information(correlated(20_000, 0.6), rows=20_000)
    assert weaker.value == pytest.approx(-0.5 * np.log(1 - 0.36), abs=0.015)


def test_pairwise_information_of_independent_copied_and_constant_latents() -> None:
    codes = normal(4000, 3)
    assert mean_pairwise_information(codes).value == pytest.approx(0, abs=0.006)
    copied = mean_pairwise_information(np.concatenate([codes, codes[:, :1], np.ones((4000, 1))], 1))
    assert copied.parts["closest"][0] == 3
    assert copied.parts["information"][0] == pytest.approx(np.log(20), abs=0.05)
    assert copied.parts["information"][4] == 0
    assert copied.settings["varying_dimensions"] == 4
    assert mean_pairwise_information(np.ones((100, 3)), bins=4).value == 0.0
    # a circle is uncorrelated and dependent
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 4000)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    assert gaussian_total_correlation(ring).value < 0.01
    assert mean_pairwise_information(ring).value > 1
    with pytest.raises(InvalidInput, match="bins"):
        mean_pairwise_information(normal(50, 2))


def channel(noise: float) -> LatentSpace:
    """z = x + noise in 2 dimensions, x ~ N(0, I)."""
    return LatentSpace(
        name="channel", shape=(2,), data_shape=(2,), posterior_fn=lambda x: (x, np.full(x.shape, noise, np.float32))
    )


def test_information_through_a_gaussian_channel() -> None:
    x = normal(8000, 2)
    truth = np.log(1 + 1 / 0.5**2)
    score = mutual_information(channel(0.5), x)
    assert score.value == pytest.approx(truth, abs=0.06)
    assert score.interval[0] < truth < score.interval[1]
    assert score.settings["upper_bound"] > truth
    blind = LatentSpace(
        name="blind", shape=(2,), data_shape=(2,), posterior_fn=lambda x: (0 * x, np.ones(x.shape, np.float32))
    )
    assert mutual_information(blind, x).value == pytest.approx(0, abs=1e-6)


def test_information_cannot_exceed_what_the_rows_can_show() -> None:
    score = mutual_information(channel(1e-4), normal(100, 2))
    assert score.value == pytest.approx(np.log(100))
    assert "stands at that limit" in score.misleads


def test_information_does_not_see_rotation() -> None:
    x = normal(2000, 2)
    turn = np.linalg.qr(normal(2, 2, 5))[0]
    assert mutual_information(channel(0.5), x @ turn).value == pytest.approx(
        mutual_information(channel(0.5), x).value, abs=0.08
    )


def test_codebooks_of_known_use() -> None:
    even = np.arange(4000).reshape(1000, 4) % 16
    assert codebook_use(even, size=32).value == 0.5
    assert codebook_perplexity(even, size=32).value == pytest.approx(16)
    from scipy.stats import entropy

    skewed = np.random.default_rng(0).choice(4, size=(2000, 3), p=[0.7, 0.2, 0.05, 0.05])
    score = codebook_perplexity(skewed, size=4)
    assert score.value == pytest.approx(np.exp(entropy(np.bincount(skewed.ravel()))))
    assert score.interval[0] < np.exp(entropy([0.7, 0.2, 0.05, 0.05])) < score.interval[1]
    assert codebook_perplexity(np.zeros((5, 2), int), size=9).value == 1.0


def test_few_codes_do_not_make_a_codebook_dead() -> None:
    few = np.random.default_rng(0).integers(512, size=300)
    low, high = codebook_use(few, size=512).interval
    assert low < 0.5
    assert high > 0.85


def lettered(*, shared: bool) -> LatentSpace:
    """Two positions of eight codes each, 0, 1, .. 7."""
    return LatentSpace(
        name="letters",
        shape=(2,),
        data_shape=(2,),
        encode_fn=np.rint,
        alphabet=Alphabet(sizes=(8, 8), to_integers=np.rint, to_codes=lambda k: k, shared=shared),
    )


@pytest.mark.parametrize(("shared", "size", "used"), [(True, 8, 4), (False, 16, 5)])
def test_a_quantised_space_is_measured_by_its_codes(shared: bool, size: int, used: int) -> None:
    """Codes 0, 1, 2 at one position and 2, 3 at the other: four of one codebook, five of two."""
    x = np.stack([np.arange(60) % 3, 2 + np.arange(60) % 2], axis=1).astype(np.float32)
    found = measure(lettered(shared=shared), x, only=["codebook_use", "codebook_perplexity"]).scores
    assert found["codebook_use"].value == used / size
    assert found["codebook_use"].n == 120
    shares = np.bincount(x[:, 0].astype(int), minlength=8), np.bincount(x[:, 1].astype(int), minlength=8)
    share = (shares[0] + shares[1]) / 120 if shared else np.concatenate(shares) / 120
    positive = share[share > 0]
    assert found["codebook_perplexity"].value == pytest.approx(np.exp(-(positive * np.log(positive)).sum()))
    assert found["codebook_perplexity"].range == (1.0, size)


def test_a_space_without_a_codebook_says_so() -> None:
    plain = dataclasses.replace(lettered(shared=True), alphabet=None)
    skipped = measure(plain, np.zeros((20, 2), np.float32), only=["codebook_use", "codebook_perplexity"]).skipped
    assert set(skipped.values()) == {"the space is not quantised"}


@pytest.mark.parametrize(("quantiser", "codes"), [("fsq:4-4", 16), ("qlae:3", 24)])
def test_codebooks_of_fitted_spaces_agree_with_their_monitors(quantiser: str, codes: int) -> None:
    """Eight latents: four positions of one codebook, or eight with three values each of its own."""
    space = la.fit("digits", model="ae", quantiser=quantiser, latent=8, steps=5, width=16, progress=False)
    rows = open_source("digits")
    x = rows.array("test")
    found = measure(space, x, only=["codebook_use"]).scores["codebook_use"]
    assert len(found.parts["count"]) == codes
    numbers = space.codes_to_integers(space.encode(x))
    by_position = [len(np.unique(column)) for column in numbers.T]
    expected = len(np.unique(numbers)) / 16 if quantiser.startswith("fsq") else np.mean(by_position) / 3
    assert found.value == pytest.approx(expected)


@pytest.mark.parametrize("codebook", [codebook_use, codebook_perplexity])
def test_codebooks_refuse_what_is_no_code(codebook: Callable[..., Score]) -> None:
    for codes in ([0.5], [], [-1], [8]):
        with pytest.raises(InvalidInput, match="codes"):
            codebook(np.array(codes), size=8)
    with pytest.raises(InvalidInput, match="size"):
        codebook([0], size=0)


@pytest.mark.parametrize("scored", [gaussian_total_correlation, mean_pairwise_information])
def test_scores_of_codes_are_complete(scored: Callable[..., Score]) -> None:
    codes = normal(400, 3) @ normal(3, 3, 1)
    score = scored(codes, seed=2)
    assert score == scored(codes, seed=2)
    assert Score.from_json(score.to_json()) == score
    assert score.name == scored.__name__
    assert score.interval[0] <= score.value <= score.interval[1]
    with pytest.raises(InvalidInput, match="finite"):
        scored(np.full((200, 3), np.nan))
