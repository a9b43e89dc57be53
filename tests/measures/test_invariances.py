"""What must not change a score: turned latents, rows in another order, dimensions in another order or unit."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.measures.conftest import Linear
from tests.measures.planted import rotation, rows

from latentarium import measures as m
from latentarium.distributions import Normal
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

Array = NDArray[np.float64]


def bent(z: Array) -> Array:
    return np.stack([np.sin(z[:, 0]), np.cos(z[:, 1]), z[:, 2] + 0.3 * z[:, 0] ** 2, np.tanh(z[:, 1] * z[:, 2])], 1)


def curved(turn: Array | None = None) -> LatentSpace:
    """x carries the code in its first three values; its latents are turned by `turn`."""
    way = np.eye(3) if turn is None else turn
    return LatentSpace(
        name="curved",
        shape=(3,),
        data_shape=(4,),
        encode_fn=lambda x: x[:, :3] @ way,
        decode_fn=lambda z: bent(z @ way.T),
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("measure", "within"), [(m.perceptual_path_length, 0.01), (m.geodesic_gap, 0.02)])
def test_turned_latents_change_no_path(measure: Callable[..., Score], within: float, seed: int) -> None:
    x = np.pad(rows(200, 3), ((0, 0), (0, 1))).astype(np.float32)
    plain = measure(curved(), x)
    assert plain.value > 0.02
    assert measure(curved(rotation(3, seed)), x).value == pytest.approx(plain.value, rel=within, abs=0.003)


def round_space(turn: Array, *, spread: float, std: float = 0.3) -> LatentSpace:
    """The data, turned, with a posterior alike in all directions and a prior that stays itself when turned."""
    return LatentSpace(
        name="round",
        shape=(3,),
        data_shape=(3,),
        encode_fn=lambda x: x @ turn,
        decode_fn=lambda z: z @ turn.T,
        posterior_fn=lambda x: (x @ turn, np.full((len(x), 3), std)),
        log_likelihood_fn=lambda x, z: -((x - z @ turn.T) ** 2).sum(1),
        prior=Normal(mean=np.zeros(3), std=np.full(3, spread)),
    )


MATCH = (m.aggregated_posterior_gap, m.aggregated_posterior_mmd)


@pytest.mark.parametrize("measure", MATCH)
def test_codes_and_prior_turned_together_match_as_before(measure: Callable[..., Score]) -> None:
    """Up to the draws of posterior and prior, which are not turned: within the interval."""
    x = rows(1500, 3).astype(np.float32) * [1.0, 2.0, 0.5]
    plain = measure(round_space(np.eye(3), spread=1.5), x)
    turned = measure(round_space(rotation(3), spread=1.5), x)
    low, high = plain.interval
    assert abs(turned.value - plain.value) < 0.6 * (high - low)
    wrong = measure(round_space(rotation(3), spread=4.0), x)
    assert wrong.value > high + (high - low)


@pytest.mark.parametrize("measure", MATCH)
def test_rows_in_another_order_match_the_prior_as_before(measure: Callable[..., Score]) -> None:
    x = rows(800, 3).astype(np.float32)
    sharp = round_space(np.eye(3), spread=1.5, std=1e-3)
    order = np.random.default_rng(0).permutation(len(x))
    low, high = measure(sharp, x).interval
    assert abs(measure(sharp, x[order]).value - measure(sharp, x).value) < 0.6 * (high - low)


@pytest.mark.parametrize(
    "measure", [m.negative_elbo, m.distortion, m.rate, m.importance_weighted_bound, m.kl_per_dimension, m.mse]
)
def test_rows_in_another_order_carry_as_much(measure: Callable[..., Score], linear: Linear) -> None:
    """Each row's noise goes with its place, so that the posterior is made narrow."""
    space, x = linear.widened(1e-3).space(), linear.rows(200)
    order = np.random.default_rng(0).permutation(len(x))
    expected = measure(space, x)
    assert measure(space, x[order]).value == pytest.approx(expected.value, rel=0.02)
    assert measure(space, x[:100]).value != pytest.approx(expected.value, rel=1e-6)


@pytest.mark.parametrize("measure", [m.codebook_use, m.codebook_perplexity])
def test_codes_in_another_order_use_the_codebook_alike(measure: Callable[..., Score]) -> None:
    codes = np.random.default_rng(0).geometric(0.2, size=(300, 4)).clip(0, 31)
    order = np.random.default_rng(1).permutation(300)
    assert measure(codes[order][:, ::-1], size=32).value == pytest.approx(measure(codes, size=32).value)


SIDES: dict[str, Callable[..., Score]] = {
    name: getattr(m, name)
    for name in (
        "sliced_wasserstein", "vendi", "frechet_distance", "kid", "birthday_estimate", "nearest_neighbour_two_sample",
        "copies", "authenticity",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", SIDES)
def test_rows_of_either_side_in_another_order_and_both_shifted_score_the_same(name: str) -> None:
    real, generated = rows(150), np.concatenate([rows(125, seed=1, shift=0.4), np.repeat(rows(5, seed=2), 5, axis=0)])
    more = (rows(200, seed=3),) if name in ("copies", "authenticity") else ()
    plain = SIDES[name](real, generated, *more, draws=0).value
    random = np.random.default_rng(0)
    # the kernel of KID and the cosines of Vendi look from an origin: Vendi's is the mean of the real rows
    shift = 0.0 if name == "kid" else np.array([3.0, -1.0, 0.5, 2.0])
    moved = [random.permutation(side) + shift for side in (real, generated, *more)]
    assert SIDES[name](*moved, draws=0).value == pytest.approx(plain, rel=1e-9)


LEARNT = (
    "dci_completeness", "dci_informativeness", "dci_explicitness", "infoe", "explicitness", "beta_vae_score",
)  # fmt: skip


NOISE = 2.0


@pytest.mark.parametrize("name", LEARNT)
def test_what_is_learnt_hardly_minds_the_order_and_units_of_dimensions(name: str) -> None:
    truth = np.random.default_rng(0).integers((4, 6, 15), size=(1200, 3)).astype(np.float64)
    codes = truth @ rotation(3) + NOISE * np.random.default_rng(1).standard_normal(truth.shape)
    measure = getattr(m, name)
    expected = measure(codes, truth).value
    assert 0.05 < expected < 0.999
    assert measure(codes[:, ::-1] * [-2.0, 1e-3, 3e3] + 4, truth).value == pytest.approx(expected, abs=0.04)


def test_udr_and_stability_do_not_mind_the_order_of_fits() -> None:
    z = rows(400)
    fits = [z, z[:, ::-1] + 0.5 * rows(400, seed=1), z @ rotation(4), np.tanh(z[:, :3])]
    for measure in (m.udr, m.stability):
        assert measure(fits[::-1]).value == pytest.approx(measure(fits).value)
        assert measure(fits).value < measure([z, z, z]).value - 0.05


def test_paths_and_matches_are_of_the_space_and_not_of_its_batches(linear: Linear) -> None:
    x = linear.rows(120)
    small, large = linear.space(batch_size=7), dataclasses.replace(linear.space(), batch_size=120)
    for measure in (*MATCH, m.negative_elbo, m.perceptual_path_length):
        assert measure(small, x).value == pytest.approx(measure(large, x).value, rel=1e-5), measure.__name__
