from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentarium.errors import InvalidInput, MissingCapability
from latentarium.geometry import WAYS, Geometry, geodesic, lerp, slerp, spline

FloatArray = np.ndarray
points = hnp.arrays(np.float64, 4, elements=st.floats(-100, 100))


def sphere(z: FloatArray) -> FloatArray:
    theta, phi = z.astype(np.float64).T
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1)


def push_sphere(z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    (theta, phi), (a, b) = z.astype(np.float64).T, v.astype(np.float64).T
    by_theta = np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)], 1)
    by_phi = np.stack([-np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi), np.zeros_like(phi)], 1)
    return sphere(z), by_theta * a[:, None] + by_phi * b[:, None]


def push_flat(z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    matrix = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    return z @ matrix, v @ matrix


def energy(images: FloatArray) -> float:
    return float((np.diff(images, axis=0) ** 2).sum())


@given(points, points, st.sampled_from(["lerp", "slerp"]), st.integers(2, 12))
def test_paths_start_and_end_exactly(a: FloatArray, b: FloatArray, path: Any, steps: int) -> None:
    line = Geometry().interpolate(a, b, steps=steps, path=path)
    assert line.shape == (steps, 4)
    assert line.dtype == np.float32
    assert np.array_equal(line[0], a.astype(np.float32))
    assert np.array_equal(line[-1], b.astype(np.float32))


@given(points, points)
def test_paths_run_back_the_same_way(a: FloatArray, b: FloatArray) -> None:
    for path in ("lerp", "slerp"):
        there = Geometry().interpolate(a, b, steps=7, path=path)
        back = Geometry().interpolate(b, a, steps=7, path=path)
        np.testing.assert_allclose(there, back[::-1], atol=1e-3)


@given(points, points, st.floats(0, 1))
def test_slerp_length_is_linear(a: FloatArray, b: FloatArray, t: float) -> None:
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    assume(min(norm_a, norm_b) > 1e-3)
    assume(abs(a @ b) / (norm_a * norm_b) < 0.999)
    length = np.linalg.norm(slerp(a, b, np.array([t]))[0])
    assert length == pytest.approx((1 - t) * norm_a + t * norm_b, rel=1e-6)


def test_slerp_turns_evenly() -> None:
    line = slerp(np.array([1.0, 0.0]), np.array([0.0, 2.0]), np.linspace(0, 1, 7))
    np.testing.assert_allclose(np.degrees(np.arctan2(line[:, 1], line[:, 0])), np.arange(7) * 15, atol=1e-9)


@pytest.mark.parametrize("b", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_slerp_without_one_great_circle_is_straight(b: list[float]) -> None:
    a, t = np.array([1.0, 0.0]), np.linspace(0, 1, 5)
    assert np.array_equal(slerp(a, np.array(b), t), lerp(a, np.array(b), t))


def test_geodesic_on_the_sphere_is_the_great_circle() -> None:
    a, b = np.array([0.7, 0.2]), np.array([0.9, 2.2])
    path = geodesic(push_sphere, a, b, np.linspace(0, 1, 33))
    images = sphere(path)
    start, stop = sphere(a[None])[0], sphere(b[None])[0]
    straight = sphere(lerp(a, b, np.linspace(0, 1, 33)))
    circle = slerp(start, stop, np.linspace(0, 1, 33))
    assert energy(images) < 0.9 * energy(straight)
    assert energy(images) == pytest.approx(energy(circle), rel=0.01)
    np.testing.assert_allclose(images, circle, atol=0.02)
    assert np.abs(straight - circle).max() > 0.15


def test_geodesic_has_constant_speed() -> None:
    path = geodesic(push_sphere, np.array([0.3, 0.0]), np.array([1.5, 2.0]), np.linspace(0, 1, 17))
    speeds = np.linalg.norm(np.diff(sphere(path), axis=0), axis=1)
    assert speeds.std() / speeds.mean() < 0.02


@given(hnp.arrays(np.float64, 2, elements=st.floats(-3, 3)), hnp.arrays(np.float64, 2, elements=st.floats(-3, 3)))
def test_geodesic_of_a_flat_decoder_is_straight(a: FloatArray, b: FloatArray) -> None:
    t = np.linspace(0, 1, 9)
    np.testing.assert_allclose(geodesic(push_flat, a, b, t), lerp(a, b, t), atol=1e-3)


def test_geodesic_of_a_constant_decoder_is_straight() -> None:
    def constant(z: FloatArray, _: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.zeros((len(z), 3)), np.zeros((len(z), 3))

    a, b, t = np.zeros(2), np.ones(2), np.linspace(0, 1, 5)
    np.testing.assert_allclose(geodesic(constant, a, b, t), lerp(a, b, t), atol=1e-9)


def test_geodesic_needs_a_decoder() -> None:
    with pytest.raises(MissingCapability, match="can decode"):
        Geometry().interpolate(np.zeros(2), np.ones(2), path="geodesic")


def test_paths_keep_the_latent_shape() -> None:
    line = Geometry(path="slerp").interpolate(np.ones((2, 3, 1)), -2 * np.ones((2, 3, 1)) + 0.1, steps=4)
    assert line.shape == (4, 2, 3, 1)


def test_bad_paths_are_refused() -> None:
    geometry, a = Geometry(), np.zeros(2)
    with pytest.raises(InvalidInput, match="one of lerp, slerp, geodesic, got 'spline'"):
        geometry.interpolate(a, a, path="spline")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidInput, match="equal shape"):
        geometry.interpolate(a, np.zeros(3))
    with pytest.raises(InvalidInput, match="steps must be an integer from 2"):
        geometry.interpolate(a, a, steps=1)
    with pytest.raises(InvalidInput, match="b must be finite"):
        geometry.interpolate(a, np.array([0, np.nan]))


@given(hnp.arrays(np.float64, (3, 5, 2), elements=st.floats(-50, 50)))
def test_distance_is_a_metric(three: FloatArray) -> None:
    a, b, c = three
    for geometry in (Geometry(), Geometry(radius=2.0)):
        ab, ba = geometry.distance(a, b), geometry.distance(b, a)
        np.testing.assert_allclose(ab, ba, atol=1e-9)
        assert np.allclose(geometry.distance(a, a), 0)
        if geometry.radius is None or min(np.linalg.norm(three, axis=2).ravel()) > 1e-6:
            assert (geometry.distance(a, c) <= ab + geometry.distance(b, c) + 1e-7).all()


def test_distance_on_a_sphere_is_the_arc() -> None:
    a, b = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 5.0], [-1.0, 0.0]])
    np.testing.assert_allclose(Geometry(radius=2.0).distance(a, b), [np.pi, 2 * np.pi])
    with pytest.raises(InvalidInput, match="one shape"):
        Geometry().distance(np.zeros((1, 2)), np.zeros((1, 3)))


@given(hnp.arrays(np.float32, (6, 3), elements=st.floats(-50, 50, width=32)))
def test_projection_lands_on_the_sphere_and_stays(z: FloatArray) -> None:
    assume(min(np.linalg.norm(z, axis=1)) > 1e-3)
    ball = Geometry(radius=1.5)
    once = ball.project(z)
    np.testing.assert_allclose(np.linalg.norm(once, axis=1), 1.5, rtol=1e-5)
    np.testing.assert_allclose(ball.project(once), once, rtol=1e-5, atol=1e-6)
    free = Geometry().project(z)
    assert np.array_equal(free, z)
    assert free is not z


def same(z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    return z, v


STOPS = np.random.default_rng(3).normal(size=(5, 2, 3))


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize("own", ["lerp", "slerp"])
def test_a_way_through_stops_is_at_each_of_them_on_time(own: Any, path: Any, loop: bool) -> None:
    geometry = Geometry(path=own, push_forward=same)
    points = geometry.through(STOPS, np.arange(5 + loop), path=path, loop=loop)
    assert points.shape == (5 + loop, 2, 3)
    np.testing.assert_allclose(points[:5], STOPS, atol=1e-5)
    if loop:
        np.testing.assert_allclose(points[5], STOPS[0], atol=1e-5)


@pytest.mark.parametrize("path", ["lerp", "slerp", "geodesic"])
def test_a_leg_of_a_way_is_the_path_between_its_ends(path: Any) -> None:
    geometry = Geometry(push_forward=same)
    points = geometry.through(STOPS, np.linspace(1, 2, 7), path=path)
    np.testing.assert_allclose(points, geometry.interpolate(STOPS[1], STOPS[2], steps=7, path=path), atol=1e-5)


@pytest.mark.parametrize("loop", [False, True])
def test_a_spline_has_no_corners(loop: bool) -> None:
    """Directions before and after a stop agree, where straight legs turn."""
    small = 1e-4
    inner = np.arange(5.0) if loop else np.arange(1.0, 4.0)
    before = np.where(inner == 0, 5, inner) - small

    def turning(path: Any) -> Any:
        points = [Geometry().through(1e3 * STOPS, t, path=path, loop=loop).reshape(len(t), -1) for t in (before, inner)]
        after = Geometry().through(1e3 * STOPS, inner + small, path=path, loop=loop).reshape(len(inner), -1)
        arriving, leaving = points[1] - points[0], after - points[1]
        lengths = np.linalg.norm(arriving, axis=1) * np.linalg.norm(leaving, axis=1)
        return (arriving * leaving).sum(1) / lengths

    assert turning("spline").min() > 0.99
    assert turning("lerp").max() < 0.9


def test_a_spline_of_directions_keeps_lengths_between_those_of_its_stops() -> None:
    stops = STOPS.reshape(5, 6) / np.linalg.norm(STOPS.reshape(5, 6), axis=1)[:, None]
    times = np.linspace(0, 5, 101)
    turned = Geometry(path="slerp").through(3 * stops, times, path="spline", loop=True)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 3, rtol=1e-5)
    flat = Geometry().through(3 * stops, times, path="spline", loop=True)
    assert np.linalg.norm(flat, axis=1).min() < 2.5


def test_a_spline_stays_near_a_stop_that_comes_twice() -> None:
    stops = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    points = spline(stops, np.linspace(0, 3, 301), loop=False)
    assert np.abs(points[100:201] - stops[1]).max() < 0.01
    assert np.isfinite(spline(np.ones((3, 2)), np.linspace(0, 2, 9), loop=False)).all()


def test_a_way_needs_two_stops_and_times_on_it() -> None:
    with pytest.raises(InvalidInput, match="stops must be two points or more, got 1"):
        Geometry().through(STOPS[:1], np.zeros(1))
    with pytest.raises(InvalidInput, match="times must be from 0 to 4, got '0 to 4.5'"):
        Geometry().through(STOPS, np.array([0, 4.5]))
    with pytest.raises(InvalidInput, match="path must be one of lerp, slerp, geodesic, spline"):
        Geometry().through(STOPS, np.array([0.5]), path="zigzag")  # type: ignore[arg-type]
