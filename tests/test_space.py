import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.contract.test_checks_can_fail import GOOD, MATRIX, Unit, X

from latentarium.distributions import Mixture, Normal
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.geometry import Geometry
from latentarium.space import LatentSpace

BARE = LatentSpace(name="bare", shape=(2,), data_shape=(3,))
Z = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
MEAN, STD = np.array([1.0, -2.0], np.float32), np.array([0.5, 4.0], np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.encode(X), "'bare' cannot encode: it has no encode_fn. Has: []."),
        (lambda s: s.decode(Z), "'bare' cannot decode: it has no decode_fn. Has: []."),
        (lambda s: s.decode_jvp(Z, Z), "'bare' cannot decode: it has no decode_fn. Has: []."),
        (lambda s: s.posterior(X), "'bare' cannot give a posterior: it has no posterior_fn. Has: []."),
        (lambda s: s.log_likelihood(X, Z), "'bare' cannot score a likelihood: it has no log_likelihood_fn. Has: []."),
        (lambda s: s.sample_latents(1, seed=0), "'bare' cannot sample: it has no prior. Has: []."),
        (lambda s: s.sample(1, seed=0), "'bare' cannot decode: it has no decode_fn. Has: []."),
    ],
)
def test_a_missing_capability_is_named(call: Any, message: str) -> None:
    with pytest.raises(MissingCapability) as caught:
        call(BARE)
    assert str(caught.value) == message


def test_the_message_lists_what_is_there() -> None:
    with pytest.raises(MissingCapability, match=r"Has: \['decode', 'prior'\]"):
        dataclasses.replace(BARE, decode_fn=lambda z: z @ MATRIX, prior=Normal.standard(2)).encode(X)


def test_capabilities_follow_the_fields() -> None:
    assert BARE.capabilities == frozenset()
    assert GOOD.capabilities == {"encode", "decode", "posterior", "derivative", "likelihood", "prior"}


def test_a_space_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BARE.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": (0,)}, r"shape must be a tuple of positive integers, got \(0,\)"),
        ({"shape": [2]}, "shape must be a tuple"),
        ({"data_shape": (2.0,)}, "data_shape must be a tuple"),
        ({"batch_size": 0}, "batch_size must be an integer"),
        ({"axes": ("a",)}, "axes must be 2 names"),
        ({"prior": Normal.standard(3)}, r"prior\.dim must be 2"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        dataclasses.replace(BARE, **fields)


def test_values_outside_the_modality_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"x must be within \[0\.0, 1\.0\]"):
        dataclasses.replace(GOOD, modality=Unit(0.0, 1.0)).encode(X)


def test_likelihood_needs_one_row_for_each_row() -> None:
    with pytest.raises(InvalidInput, match="z must be 20 rows"):
        GOOD.log_likelihood(X, Z)


def test_reconstruct_is_decode_of_encode() -> None:
    assert np.array_equal(GOOD.reconstruct(X), GOOD.decode(GOOD.encode(X)))


def test_finite_differences_stand_in_and_say_so() -> None:
    numeric = dataclasses.replace(GOOD, decode_jvp_fn=None)
    directions = np.concatenate([np.ones((8, 2)), np.zeros((1, 2))]).astype(np.float32)
    with pytest.warns(UserWarning, match="central differences"):
        value, derivative = numeric.decode_jvp(Z, directions)
    exact = GOOD.decode_jvp(Z, directions)
    np.testing.assert_allclose(value, exact[0])
    np.testing.assert_allclose(derivative, exact[1], atol=2e-3)
    assert not derivative[-1].any()


def test_geodesics_use_the_spaces_own_derivative() -> None:
    line = GOOD.geometry.interpolate(Z[0], Z[1], steps=5, path="geodesic")
    assert line.shape == (5, 2)
    assert np.array_equal(line[[0, -1]], Z[:2])


def test_sampling_has_units_seed_and_temperature() -> None:
    assert GOOD.sample(5, seed=1).shape == (5, 3)
    assert GOOD.sample_latents(0, seed=1).shape == (0, 2)
    draws = {t: GOOD.sample_latents(4000, seed=1, temperature=t).std(0) for t in (0.0, 0.5, 1.0)}
    np.testing.assert_allclose(draws[1.0], [1, 2], rtol=0.05)
    np.testing.assert_allclose(draws[0.5], 0.5 * draws[1.0], rtol=1e-4)
    np.testing.assert_allclose(draws[0.0], 0, atol=1e-4)
    whole, halves = (GOOD.sample_latents(4000, seed=1, truncation=t) for t in (1.0, 0.5))
    np.testing.assert_allclose(halves - halves.mean(0), 0.5 * (whole - whole.mean(0)), atol=1e-4)
    assert not np.array_equal(GOOD.sample(5, seed=1, truncation=0.5), GOOD.sample(5, seed=1))
    with pytest.raises(InvalidInput, match="temperature must be a number from 0 to 10"):
        GOOD.sample_latents(1, seed=0, temperature=-1)
    with pytest.raises(InvalidInput, match="seed must be"):
        GOOD.sample_latents(1, seed=-1)


def test_with_prior_changes_the_prior_alone() -> None:
    fitted = Mixture.fit(GOOD.encode(X), components=2)
    assert GOOD.with_prior(fitted).prior is fitted
    assert GOOD.prior is not fitted


def test_standardised_moves_every_field() -> None:
    moved = GOOD.standardised(MEAN, STD)
    w, v = (Z - MEAN) / STD, np.ones_like(Z)
    np.testing.assert_allclose(moved.encode(X), (GOOD.encode(X) - MEAN) / STD, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved.decode(w), GOOD.decode(Z), atol=1e-5)
    np.testing.assert_allclose(moved.posterior(X).mean, moved.encode(X))
    np.testing.assert_allclose(moved.posterior(X).std, GOOD.posterior(X).std / STD)
    np.testing.assert_allclose(moved.decode_jvp(w, v)[1], GOOD.decode_jvp(Z, v * STD)[1], atol=1e-5)
    np.testing.assert_allclose(moved.log_likelihood(X[:9], w), GOOD.log_likelihood(X[:9], Z), rtol=1e-4)
    np.testing.assert_allclose(moved.sample(6, seed=3), GOOD.sample(6, seed=3), atol=1e-5)
    assert moved.prior is not None
    assert GOOD.prior is not None
    np.testing.assert_allclose(moved.prior.log_prob(w), GOOD.prior.log_prob(Z) + np.log(STD).sum(), rtol=1e-5)
    assert moved.provenance["standardised"] == {"mean": MEAN.tolist(), "std": STD.tolist()}
    assert GOOD.provenance == {}


def test_standardised_geodesic_is_the_same_curve() -> None:
    line = GOOD.geometry.interpolate(Z[0], Z[1], steps=7, path="geodesic")
    moved = GOOD.standardised(MEAN, STD)
    other = moved.geometry.interpolate((Z[0] - MEAN) / STD, (Z[1] - MEAN) / STD, steps=7, path="geodesic")
    np.testing.assert_allclose(other * STD + MEAN, line, atol=0.02)


def test_standardised_keeps_what_is_missing_missing() -> None:
    assert BARE.standardised(MEAN, STD).capabilities == frozenset()


@pytest.mark.parametrize("std", [[1.0, 0.0], [1.0, np.nan], [-1.0, 1.0]])
def test_constant_dimensions_cannot_be_standardised(std: list[float]) -> None:
    with pytest.raises(InvalidInput, match="std must be finite and positive"):
        GOOD.standardised(MEAN, std)


def test_a_sphere_is_only_scaled_as_a_whole() -> None:
    ball = dataclasses.replace(GOOD, geometry=Geometry(radius=3.0))
    assert ball.standardised(0.0, 1.5).geometry.radius == pytest.approx(2)
    np.testing.assert_allclose(ball.standardised(0.0, 1.5).sample(4, seed=0), ball.sample(4, seed=0), atol=1e-5)
    with pytest.raises(InvalidInput, match="spherical"):
        ball.standardised(MEAN, STD)


def test_html_shows_the_space_and_escapes_its_name() -> None:
    text = dataclasses.replace(BARE, name="<script>")._repr_html_()
    assert "&lt;script&gt;" in text
    assert "nothing but its codes" in text
