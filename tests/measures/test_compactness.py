import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.measures.planted import rotation

from latentarium.data import open_source
from latentarium.errors import InvalidInput
from latentarium.measures.compactness import (
    bits_at_fixed_psnr,
    collapse_fraction,
    effective_rank,
    participation_ratio,
    principal_dimensions,
)
from latentarium.measures.intrinsic import mle_dimension, two_nn
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
SPECTRAL: tuple[Callable[..., Score], ...] = (effective_rank, participation_ratio, principal_dimensions)
DIMENSION: tuple[Callable[..., Score], ...] = (two_nn, mle_dimension)
SCALES = np.array([2.0, 1.0, 0.5])
ERROR = 0.2


def normal(n: int, dim: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, dim))


def with_spectrum(variances: Array, n: int = 64) -> Array:
    """Centred codes whose covariance has exactly these eigenvalues."""
    dim = len(variances)
    table = normal(n, dim)
    basis = np.linalg.qr(table - table.mean(0))[0]
    return basis * np.sqrt(n * variances)


def test_ranks_of_a_known_spectrum() -> None:
    from scipy.stats import entropy

    variances = np.array([9.0, 4.0, 1.0, 0.25, 0.0])
    codes = with_spectrum(variances)
    assert effective_rank(codes).value == pytest.approx(np.exp(entropy(np.sqrt(variances))))
    assert participation_ratio(codes).value == pytest.approx(variances.sum() ** 2 / (variances**2).sum())
    assert principal_dimensions(codes).value == 3
    assert principal_dimensions(codes, share=0.9).value == 2
    assert participation_ratio(codes).parts["share"] == pytest.approx(variances / variances.sum(), abs=1e-12)


def test_principal_dimensions_of_digits_as_scikit_learn_counts_them() -> None:
    from sklearn.decomposition import PCA

    codes = open_source("digits").raw.reshape(-1, 64).astype(float)
    assert principal_dimensions(codes).value == PCA(n_components=0.95, svd_solver="full").fit(codes).n_components_


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_ranks_do_not_see_rotation_scale_shift_or_order(seed: int, scale: float, shift: float) -> None:
    codes = normal(200, 4, seed) * [3, 2, 1, 0.5]
    order = np.random.default_rng(seed).permutation(200)
    moved = scale * (codes @ rotation(4, seed))[order] + shift
    for measure in SPECTRAL:
        assert measure(moved).value == pytest.approx(measure(codes).value, rel=1e-6)
    for measure in DIMENSION:
        assert measure(moved).value == pytest.approx(measure(codes).value, rel=1e-6)


@pytest.mark.parametrize("measure", [*SPECTRAL, *DIMENSION])
def test_scores_of_codes_are_complete(measure: Callable[..., Score]) -> None:
    codes = normal(300, 5)
    score = measure(codes, seed=3)
    assert score == measure(codes, seed=3)
    assert Score.from_json(score.to_json()) == score
    assert score.name == measure.__name__
    assert score.interval[0] <= score.value <= score.interval[1]
    assert score.meaning
    assert score.misleads


@pytest.mark.parametrize("measure", [*SPECTRAL, *DIMENSION])
def test_equal_or_few_codes_are_refused(measure: Callable[..., Score]) -> None:
    with pytest.raises(InvalidInput, match="codes"):
        measure(np.full((200, 3), 0.1))
    with pytest.raises(InvalidInput, match="rows"):
        measure(normal(3, 3))
    with pytest.raises(InvalidInput, match="finite"):
        measure(np.full((200, 3), np.nan))


def test_interval_of_the_effective_rank_covers_it() -> None:
    truth = float(np.exp(-(p := np.array([3, 2, 1]) / 6) @ np.log(p)))
    hits = 0
    for seed in range(60):
        low, high = effective_rank(normal(400, 3, seed) * [3, 2, 1], seed=seed).interval
        hits += low <= truth <= high
    assert 51 <= hits <= 60


def test_dimension_of_a_gaussian_sheet_and_of_a_sphere() -> None:
    sheet = normal(3000, 5) @ rotation(50, 1)[:5]
    sphere = normal(3000, 4)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    for measure in DIMENSION:
        score = measure(sheet)
        assert score.value == pytest.approx(5, abs=0.35)
        assert score.parts["rows"] == [3000, 1500, 750]
        assert measure(sphere).value == pytest.approx(3, abs=0.2)
    assert two_nn(sheet).interval[0] < 5 < two_nn(sheet).interval[1] + 0.2


def test_dimensions_against_scikit_dimension() -> None:
    skdim = pytest.importorskip("skdim")
    codes = normal(1500, 4) @ rotation(12, 2)[:4]
    assert two_nn(codes).value == pytest.approx(float(skdim.id.TwoNN().fit(codes).dimension_), rel=0.02)
    theirs = np.asarray(skdim.id.MLE(K=15).fit_transform_pw(codes, n_neighbors=15))
    assert mle_dimension(codes, neighbours=(15, 15)).value == pytest.approx(float(1 / (1 / theirs).mean()), rel=0.02)


def test_duplicates_are_dropped_and_counted() -> None:
    codes = normal(1000, 3)
    doubled = np.concatenate([codes, codes[:5], codes[:1]])
    for measure in DIMENSION:
        score = measure(doubled)
        assert score.settings["duplicates_dropped"] == 6
        assert score.value == pytest.approx(measure(codes).value, rel=0.03)
        assert measure(np.repeat(codes, 3, axis=0), sample=10_000).value == pytest.approx(score.value, rel=0.03)
        near = np.concatenate([codes, codes[:5] + 1e-12])
        assert measure(near).value == pytest.approx(score.value, rel=0.1)
        signed = np.concatenate([codes * [1, 1, 0], -0.0 * codes])
        assert np.isfinite(measure(signed).value)


def test_rows_on_a_grid_are_refused_or_finite() -> None:
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    with pytest.raises(InvalidInput, match="different distances"):
        two_nn(grid)
    assert 1 < mle_dimension(grid).value < 3


def noisy_space(scales: Array = SCALES) -> LatentSpace:
    """x = (code, noise): codes are the first entries over their scale; the noise is lost."""
    return LatentSpace(
        name="noisy",
        shape=(3,),
        data_shape=(6,),
        encode_fn=lambda x: x[:, :3] / scales,
        decode_fn=lambda z: np.pad(z * scales, ((0, 0), (0, 3))),
    )


def noisy_rows(n: int = 6000) -> NDArray[np.float32]:
    table = normal(n, 6)
    table[:, :3] *= SCALES
    table[:, 3:] *= ERROR
    return table.astype(np.float32)


def test_bits_of_gaussian_codes_are_their_entropy_at_the_allowed_step() -> None:
    lost = 3 * ERROR**2 / 6
    # rounding to multiples of s sigma adds s^2 sigma^2 / 12 to each dimension
    step = np.sqrt(lost * (10**0.05 - 1) * 12 * 6 / (SCALES**2).sum())
    expected = 3 * (0.5 * np.log2(2 * np.pi * np.e) - np.log2(step))
    score = bits_at_fixed_psnr(noisy_space(), noisy_rows())
    assert score.settings["step"] == pytest.approx(step, rel=0.08)
    assert score.value == pytest.approx(expected, abs=0.4)
    assert score.interval[0] < score.value < score.interval[1]
    assert bits_at_fixed_psnr(noisy_space(), noisy_rows(), loss_db=3).value < score.value - 3


def test_bits_do_not_see_the_scale_of_a_dimension() -> None:
    expected = bits_at_fixed_psnr(noisy_space(), noisy_rows()).value
    for scales in (np.ones(3), np.array([100.0, 1e-3, 7.0])):
        assert bits_at_fixed_psnr(noisy_space(scales=scales), noisy_rows()).value == pytest.approx(expected, rel=1e-2)


def test_a_duplicated_dimension_lowers_compactness() -> None:
    """The copy is used: the decoder takes the mean of the two."""
    single, x = noisy_space(scales=np.ones(3)), noisy_rows()
    double = LatentSpace(
        name="double",
        shape=(4,),
        data_shape=(6,),
        encode_fn=lambda x: x[:, [0, 0, 1, 2]],
        decode_fn=lambda z: np.stack([(z[:, 0] + z[:, 1]) / 2, z[:, 2], z[:, 3], *np.zeros((3, len(z)))], 1),
    )
    before, after = bits_at_fixed_psnr(single, x), bits_at_fixed_psnr(double, x)
    assert after.direction == "lower"
    assert after.interval[0] > before.interval[1] + 2
    for measure in SPECTRAL:
        shares = [measure(s.encode(x)).settings["value_over_dimensions"] for s in (single, double)]
        assert shares[1] < shares[0]


def test_bits_follow_the_posterior_where_there_is_one() -> None:
    idle = np.array([0.1, 0.1, 1.0])
    space = dataclasses.replace(
        noisy_space(scales=np.ones(3)),
        posterior_fn=lambda x: (x[:, :3] * [1, 1, 0], np.broadcast_to(idle, (len(x), 3))),
        decode_fn=lambda z: np.pad(z, ((0, 0), (0, 3))),
    )
    score = bits_at_fixed_psnr(space, noisy_rows())
    assert score.settings["unit_of_step"] == "root mean square std of the posterior"
    assert score.parts["dimension"] == [0, 1, 2]
    assert score.parts["bits"][2] == 0.0
    # one step for both, and the first spreads twice as far
    assert score.parts["bits"][0] - score.parts["bits"][1] == pytest.approx(1, abs=0.1)


def test_bits_at_a_stated_psnr() -> None:
    space, x = noisy_space(), noisy_rows()
    reached = -10 * np.log10(np.mean((x - space.reconstruct(x)) ** 2))
    assert bits_at_fixed_psnr(space, x, psnr=reached - 6).value < bits_at_fixed_psnr(space, x, psnr=reached - 1).value
    with pytest.raises(InvalidInput, match="at most"):
        bits_at_fixed_psnr(space, x, psnr=reached + 3)
    with pytest.raises(InvalidInput, match="loss_db"):
        bits_at_fixed_psnr(space, x, loss_db=0)


def test_a_decoder_that_ignores_its_codes_needs_no_bits() -> None:
    deaf = dataclasses.replace(noisy_space(), decode_fn=lambda z: np.zeros((len(z), 6)))
    assert bits_at_fixed_psnr(deaf, noisy_rows(500)).value == 0.0
    assert bits_at_fixed_psnr(noisy_space(), np.ones((8, 6))).value == 0.0


def test_collapsed_dimensions_carry_no_bits() -> None:
    def posterior(x: Array) -> tuple[Array, Array]:
        mean = np.stack([x[:, 0], 0 * x[:, 0], 0.01 * x[:, 1], x[:, 2]], 1)
        return mean, np.broadcast_to(np.array([0.1, 1.0, 1.0, 0.5]), mean.shape)

    space = LatentSpace(name="half", shape=(4,), data_shape=(3,), posterior_fn=posterior)
    x = normal(1000, 3)
    score = collapse_fraction(space, x)
    assert score.value == 0.5
    assert score.interval == (0.5, 0.5)
    assert score.parts["dimension"] == [0, 3, 2, 1]
    means = (x**2).mean(0)
    nats = 0.5 * np.array([means[0] + 0.01 - 1 - np.log(0.01), means[2] + 0.25 - 1 - np.log(0.25)])
    assert score.parts["bits"][:2] == pytest.approx(nats / np.log(2), rel=1e-4)
    assert collapse_fraction(space, x, threshold=100.0).value == 1.0
