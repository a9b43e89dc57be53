import dataclasses
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.data import open_source
from latentarium.data.modalities import ImageModality
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput
from latentarium.geometry import Geometry
from latentarium.measures.curvature import ENTRIES as CURVATURE
from latentarium.measures.curvature import geodesic_gap, local_conditioning, log_volume_variance
from latentarium.measures.evidence import Evidence
from latentarium.measures.paths import why_no_ends
from latentarium.measures.realism import cycle_error, midpoint_realism
from latentarium.measures.score import Score
from latentarium.measures.smoothness import path_energy, perceptual_path_length, speed_variation, straightness
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
Map = Callable[[Array], Array]
Measure = Callable[..., Score]
WEIGHTS = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 3)))[0] * np.array([4.0, 2.0, 1.0])


def normal(n: int = 600, dim: int = 3, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def decoded_by(decode: Map, *, dim: int, data: int, jvp: Callable[[Array, Array], Array] | None = None) -> LatentSpace:
    """A space whose data carry the code in their first `dim` values before it is decoded: x is the code, padded."""
    return LatentSpace(
        name="decoded",
        shape=(dim,),
        data_shape=(data,),
        encode_fn=lambda x: x[:, :dim],
        decode_fn=decode,
        decode_jvp_fn=None if jvp is None else lambda z, v: (decode(z), jvp(z, v)),
    )


def padded(z: NDArray[np.float32], data: int) -> NDArray[np.float32]:
    return np.pad(z, ((0, 0), (0, data - z.shape[1])))


def linear_space() -> LatentSpace:
    return decoded_by(lambda z: z @ WEIGHTS.T, dim=3, data=6, jvp=lambda z, v: v @ WEIGHTS.T)


def linear_rows(n: int = 600) -> NDArray[np.float32]:
    return padded(normal(n), 6)


def bent(z: Array) -> Array:
    return np.stack([np.sin(z[:, 0]), np.cos(z[:, 1]), z[:, 2] + 0.3 * z[:, 0] ** 2, np.tanh(z[:, 1] * z[:, 2])], 1)


def test_a_linear_decoder_is_perfectly_smooth() -> None:
    space, x = linear_space(), linear_rows(4000)
    energy = path_energy(space, x, pairs=2000)
    variance = float((normal(4000) @ WEIGHTS.T).var(0).sum())
    assert energy.settings["output_variance"] == pytest.approx(variance, rel=1e-4)
    assert energy.value == pytest.approx(energy.settings["least_energy"], rel=1e-4)
    assert energy.settings["energy_per_variance"] == pytest.approx(2, rel=0.05)
    assert "here it jumps" not in energy.misleads
    assert straightness(space, x).value == pytest.approx(1, abs=1e-5)
    assert speed_variation(space, x).value == pytest.approx(0, abs=1e-5)
    assert geodesic_gap(space, x).value == pytest.approx(0, abs=1e-5)
    assert log_volume_variance(space, x).value == pytest.approx(0, abs=1e-8)
    conditioning = local_conditioning(space, x)
    assert conditioning.value == pytest.approx(np.log10(4), abs=1e-5)
    assert conditioning.parts["singular_value"] == pytest.approx([4, 2, 1], rel=1e-5)


def test_energy_by_derivative_by_difference_and_by_small_steps_agree() -> None:
    space = decoded_by(bent, dim=3, data=4)
    x = padded(normal(), 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        differences = path_energy(space, x)

    def jvp(z: Array, v: Array) -> Array:
        squashed = 1 - np.tanh(z[:, 1] * z[:, 2]) ** 2
        last = squashed * (z[:, 1] * v[:, 2] + z[:, 2] * v[:, 1])
        third = v[:, 2] + 0.6 * z[:, 0] * v[:, 0]
        return np.stack([np.cos(z[:, 0]) * v[:, 0], -np.sin(z[:, 1]) * v[:, 1], third, last], 1)

    exact = path_energy(decoded_by(bent, dim=3, data=4, jvp=jvp), x)
    assert (exact.settings["derivative"], differences.settings["derivative"]) == ("exact", "central differences")
    assert differences.value == pytest.approx(exact.value, rel=1e-3)
    assert perceptual_path_length(space, x).value == pytest.approx(exact.value, rel=1e-2)
    assert exact.interval[0] < exact.value < exact.interval[1]


def test_features_are_named_and_scale_the_path_length() -> None:
    space, x = linear_space(), linear_rows()
    plain = perceptual_path_length(space, x)
    tripled = perceptual_path_length(space, x, features=lambda d: 3 * d, features_name="tripled")
    assert tripled.value == pytest.approx(9 * plain.value, rel=1e-3)
    assert (plain.settings["features"], tripled.settings["features"]) == ("the data themselves", "tripled")
    with pytest.raises(InvalidInput, match="features_name"):
        perceptual_path_length(space, x, features=lambda d: d)
    with pytest.raises(InvalidInput, match="epsilon"):
        perceptual_path_length(space, x, epsilon=0.0)
    with pytest.raises(InvalidInput, match="keeps the"):
        perceptual_path_length(space, x, features=lambda d: d[:3], features_name="cut")


def polar() -> LatentSpace:
    """(radius, angle) -> the plane, whose shortest paths are chords."""
    return dataclasses.replace(
        decoded_by(lambda z: np.stack([z[:, 0] * np.cos(z[:, 1]), z[:, 0] * np.sin(z[:, 1])], 1), dim=2, data=2),
        encode_fn=lambda x: np.stack([np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 1], x[:, 0])], 1),
    )


def arc(n: int = 100) -> NDArray[np.float32]:
    angles = np.random.default_rng(1).uniform(-1.2, 1.2, n)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_an_arc_has_the_length_energy_and_gap_of_its_chord() -> None:
    energy = path_energy(polar(), arc())
    angles = np.sqrt(np.array(geodesic_gap(polar(), arc(), pairs=50, nodes=32).parts["line_energy"]))
    assert energy.value == pytest.approx((angles**2).mean(), rel=2e-3)
    straight = straightness(polar(), arc())
    assert straight.value == pytest.approx(angles.mean() / (2 * np.sin(angles / 2)).mean(), rel=2e-3)
    assert speed_variation(polar(), arc()).value == pytest.approx(0, abs=1e-3)
    gap = geodesic_gap(polar(), arc(), pairs=50)
    expected = 1 - (2 * np.sin(angles / 2) / angles) ** 2
    assert gap.value == pytest.approx(expected.mean(), abs=3e-3)
    assert gap.parts["geodesic_energy"] == pytest.approx(((2 * np.sin(angles / 2)) ** 2).tolist(), rel=1e-2, abs=1e-4)


def test_volume_of_polar_coordinates() -> None:
    radii = np.random.default_rng(2).uniform(0.5, 2, 400)
    x = np.stack([radii, np.zeros(400)], 1).astype(np.float32)
    assert log_volume_variance(polar(), x, points=400).value == pytest.approx(np.log(radii).var(), rel=1e-2)
    expected = np.abs(np.log10(radii)).mean()
    assert local_conditioning(polar(), x, points=400).value == pytest.approx(expected, rel=1e-2)


def test_paths_follow_the_geometry_of_the_space() -> None:
    sphere = normal(400)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    same = decoded_by(lambda z: z, dim=3, data=3, jvp=lambda z, v: v)
    round_space = dataclasses.replace(same, geometry=Geometry(path="slerp"))
    score = path_energy(round_space, sphere)
    # the angle between two random directions has density sin / 2
    assert score.value == pytest.approx((np.pi**2 - 4) / 2, rel=0.1)
    assert score.value > path_energy(same, sphere).value
    assert score.settings["path"] == "slerp"
    assert path_energy(dataclasses.replace(same, geometry=Geometry(path="geodesic")), sphere).n == 16


def steep(sharpness: float) -> LatentSpace:
    """The linear decoder with a step of height 3 across z_0 = 0.2, in a direction of its own."""
    side = np.linalg.svd(WEIGHTS)[0][:, -1] * 3

    def decode(z: Array) -> Array:
        return z @ WEIGHTS.T + np.tanh(sharpness * (z[:, :1] - 0.2)) * side

    def jvp(z: Array, v: Array) -> Array:
        return (
            v @ WEIGHTS.T + sharpness * v[:, :1] / np.cosh(np.clip(sharpness * (z[:, :1] - 0.2), -20, 20)) ** 2 * side
        )

    return decoded_by(decode, dim=3, data=6, jvp=jvp)


@pytest.mark.parametrize(
    "measure",
    [path_energy, perceptual_path_length, straightness, speed_variation, geodesic_gap, log_volume_variance],
)
def test_a_space_with_a_jump_is_less_smooth(measure: Measure) -> None:
    x = linear_rows()
    without, with_jump = measure(linear_space(), x), measure(steep(8.0), x)
    assert without.direction == "lower"
    assert with_jump.value > without.value + 1e-3
    assert with_jump.interval[0] > without.interval[1]


def test_a_jump_without_a_derivative_is_seen_and_said() -> None:
    x = linear_rows()
    side = np.linalg.svd(WEIGHTS)[0][:, -1] * 3
    broken = decoded_by(
        lambda z: z @ WEIGHTS.T + np.where(z[:, :1] > 0.2, 1, -1) * side, dim=3, data=6, jvp=lambda z, v: v @ WEIGHTS.T
    )
    assert speed_variation(broken, x).value > 1
    assert straightness(broken, x).value > 1.05
    assert "here it jumps" in path_energy(broken, x).misleads
    curve = speed_variation(broken, x).parts
    assert max(curve["least_even"]) > 5
    assert len(curve["t"]) == 32
    assert np.mean(curve["speed"]) == pytest.approx(1)


def test_a_collapsed_decoder_is_refused_or_told_apart() -> None:
    flat = decoded_by(lambda z: np.zeros((len(z), 4)), dim=3, data=4, jvp=lambda z, v: np.zeros((len(z), 4)))
    x = padded(normal(), 4)
    energy = path_energy(flat, x)
    assert (energy.value, energy.settings["energy_per_variance"]) == (0.0, None)
    for measure in (straightness, speed_variation, geodesic_gap, local_conditioning, log_volume_variance):
        with pytest.raises(InvalidInput, match="decoder"):
            measure(flat, x)


def test_a_dimension_the_decoder_ignores_brings_conditioning_to_its_limit() -> None:
    space = decoded_by(lambda z: z[:, :2], dim=3, data=3, jvp=lambda z, v: v[:, :2])
    wider = dataclasses.replace(
        space,
        decode_fn=lambda z: np.pad(z[:, :2], ((0, 0), (0, 1))),
        decode_jvp_fn=lambda z, v: (np.pad(z[:, :2], ((0, 0), (0, 1))), np.pad(v[:, :2], ((0, 0), (0, 1)))),
    )
    score = local_conditioning(wider, normal())
    assert score.value == pytest.approx(score.range[1])
    assert score.settings["points_cut_off"] == 64


def turned(space: LatentSpace, seed: int, scale: float) -> LatentSpace:
    """The space of w = scale z Q."""
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    encode, decode = space.encode_fn, space.decode_fn
    if encode is None or decode is None:
        raise ValueError("a space that encodes and decodes")
    return dataclasses.replace(
        space,
        encode_fn=lambda x: scale * (np.asarray(encode(x)) @ turn),
        decode_fn=lambda w: decode((w @ turn.T / scale).astype(np.float32)),
        decode_jvp_fn=None,
    )


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.25, 4))
def test_rotation_and_scale_of_the_latents_change_nothing(seed: int, scale: float) -> None:
    x = padded(normal(200), 4)
    plain = decoded_by(bent, dim=3, data=4)
    other = turned(plain, seed, scale)
    for measure in (path_energy, straightness, speed_variation, cycle_error, local_conditioning, log_volume_variance):
        assert measure(other, x).value == pytest.approx(measure(plain, x).value, rel=5e-3), measure.__name__
    assert midpoint_realism(other, x).value == pytest.approx(midpoint_realism(plain, x).value, abs=0.041)


@settings(max_examples=5, deadline=None)
@given(scale=st.floats(0.1, 10))
def test_scaled_data_scale_the_energy_alone(scale: float) -> None:
    x = padded(normal(200), 4)
    plain = decoded_by(bent, dim=3, data=4)
    scaled = decoded_by(lambda z: scale * bent(z), dim=3, data=4)
    assert path_energy(scaled, x).value == pytest.approx(scale**2 * path_energy(plain, x).value, rel=1e-2)
    for measure in (straightness, speed_variation, geodesic_gap):
        assert measure(scaled, x).value == pytest.approx(measure(plain, x).value, rel=1e-2, abs=1e-3)


def test_a_generator_takes_paths_between_draws_of_its_prior() -> None:
    generator = dataclasses.replace(linear_space(), encode_fn=None)
    assert "prior" in why_no_ends(Evidence.of(generator, linear_rows()))
    drawn = path_energy(generator.with_prior(Normal.standard(3)), linear_rows())
    assert drawn.settings["ends"] == "draws of the prior"
    assert drawn.settings["energy_per_variance"] == pytest.approx(2, rel=0.1)


def test_wide_spaces_are_refused_by_name() -> None:
    wide = decoded_by(lambda z: z, dim=65, data=65)
    x = normal(10, 65)
    assert all("65 dimensions" in entry.refuse(Evidence.of(wide, x)) for entry in CURVATURE)
    for measure in (geodesic_gap, local_conditioning, log_volume_variance):
        with pytest.raises(InvalidInput, match="at most 64"):
            measure(wide, x)


def test_latents_of_several_axes_are_measured_alike() -> None:
    x = linear_rows()
    flat = linear_space()
    decode = flat.decode_fn
    if decode is None:
        raise ValueError("the linear space decodes")
    tall = LatentSpace(
        name="tall",
        shape=(3, 1),
        data_shape=(6,),
        encode_fn=lambda x: x[:, :3, None],
        decode_fn=lambda z: decode(z[..., 0]),
    )
    for measure in (path_energy, geodesic_gap, local_conditioning, cycle_error):
        assert measure(tall, x).value == pytest.approx(measure(flat, x).value, rel=1e-3, abs=1e-4)


def test_midpoints_between_two_clusters_are_not_real() -> None:
    x = 0.1 * normal(800, 2) + np.where(np.arange(800) % 2, 5, -5)[:, None].astype(np.float32)
    score = midpoint_realism(decoded_by(lambda z: z, dim=2, data=2), x)
    # pairs within a cluster have real midpoints
    assert score.value == pytest.approx(0.5, abs=0.1)
    assert score.parts["share"][0] == pytest.approx(0.95, abs=0.05)
    # nearly 1 is what real rows score, which no chance is
    assert score.chance is None
    assert score.settings["real_against_real"] == pytest.approx(0.95, abs=0.05)


def test_equal_rows_are_as_near_as_real_ones() -> None:
    score = midpoint_realism(decoded_by(lambda z: z, dim=2, data=2), np.full((64, 2), 3.3))
    assert score.value == 1.0


def test_realism_against_distances_taken_one_by_one() -> None:
    from scipy.spatial.distance import cdist

    from latentarium.measures.realism import Neighbours

    real, asked = normal(300, 4), normal(100, 4, seed=9)
    own = cdist(real, real)
    np.fill_diagonal(own, np.inf)
    expected = cdist(asked, real).min(1) <= np.quantile(own.min(1), 0.95)
    assert (Neighbours(real).near(asked) == expected).all()


def test_cycle_error_of_an_encoder_that_is_off_by_a_known_step() -> None:
    space = decoded_by(lambda z: z + np.array([0.5, 0.0, 0.0]), dim=3, data=3)
    score = cycle_error(space, normal(2000), pairs=1000)
    assert score.value == pytest.approx(0.5 / np.sqrt(3), rel=0.05)
    deaf = dataclasses.replace(space, decode_fn=lambda z: np.zeros((len(z), 3)))
    lost = cycle_error(deaf, normal(2000), pairs=1000)
    assert lost.value == pytest.approx(lost.chance, rel=0.02)
    with pytest.raises(InvalidInput, match="the same code"):
        cycle_error(space, np.ones((20, 3)))


def test_cycle_error_cuts_decoded_data_to_their_range() -> None:
    space = LatentSpace(
        name="bright",
        shape=(1,),
        data_shape=(1, 8, 8),
        encode_fn=lambda x: x.mean((1, 2, 3))[:, None],
        decode_fn=lambda z: np.broadcast_to(2 * z[:, :, None, None], (len(z), 1, 8, 8)),
        modality=ImageModality(channels=1, height=8, width=8),
    )
    x = np.broadcast_to(np.linspace(0, 1, 50)[:, None, None, None], (50, 1, 8, 8))
    assert 0.1 < cycle_error(space, x).value < 2


def test_every_score_is_repeatable_complete_and_json_ready() -> None:
    space, x = decoded_by(bent, dim=3, data=4), padded(normal(100), 4)
    for measure in (
        path_energy,
        perceptual_path_length,
        straightness,
        speed_variation,
        geodesic_gap,
        local_conditioning,
        log_volume_variance,
        midpoint_realism,
        cycle_error,
    ):
        score = measure(space, x, seed=5)
        assert score == measure(space, x, seed=5)
        assert Score.from_json(score.to_json()) == score
        assert score.name == measure.__name__
        assert score.interval[0] <= score.value <= score.interval[1]
        assert score.range[0] <= score.value <= score.range[1]
        assert score.meaning
        assert score.misleads
        with pytest.raises(InvalidInput, match="rows"):
            measure(space, x[:3])


def test_principal_components_of_digits_cross_fade() -> None:
    rows = open_source("digits")
    x = rows.modality.to_array(rows.raw[:1000])
    flat = x.reshape(len(x), -1)
    mean, basis = flat.mean(0), np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][:10]
    space = LatentSpace(
        name="pca",
        shape=(10,),
        data_shape=x.shape[1:],
        encode_fn=lambda d: (d.reshape(len(d), -1) - mean) @ basis.T,
        decode_fn=lambda z: (z @ basis + mean).reshape(len(z), *x.shape[1:]),
    )
    assert straightness(space, x).value == pytest.approx(1, abs=1e-4)
    assert cycle_error(space, x).value == pytest.approx(0, abs=1e-4)
    realism = midpoint_realism(space, x)
    assert realism.settings["real_against_real"] == pytest.approx(0.95, abs=0.04)
    assert 0 < realism.value <= 1
