"""Walks and palettes against spaces whose decoder is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.adapters import from_callables
from latentarium.applications.paths import blend
from latentarium.applications.walks import palette, walk
from latentarium.errors import InvalidInput, MissingCapability

MATRIX = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
SPACE = from_callables(decode=lambda z: z @ MATRIX, latent_shape=(3,), data_shape=(5,), name="linear")
BENT = from_callables(decode=lambda z: np.sinh(z), latent_shape=(3,), data_shape=(3,), name="bent")


def stops(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)


@given(
    count=st.integers(2, 5),
    steps=st.integers(1, 9),
    path=st.sampled_from(["lerp", "slerp", "spline"]),
    timing=st.sampled_from(["eased", "steady"]),
    loop=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_a_walk_is_at_every_stop_on_time(count: int, steps: int, path: Any, timing: Any, loop: bool) -> None:
    points = stops(count)
    frames = steps * count if loop else steps * (count - 1) + 1
    found = walk(SPACE, points, frames=frames, path=path, loop=loop, timing=timing)
    assert found.shape == (frames, 5)
    np.testing.assert_allclose(found[::steps], points @ MATRIX, atol=1e-4)


def test_a_steady_walk_is_a_blend() -> None:
    points = stops(4)
    np.testing.assert_allclose(
        walk(SPACE, points, frames=13, timing="steady"), blend(SPACE, points, steps=5), atol=1e-5
    )


@pytest.mark.filterwarnings("ignore:'bent' has no decode_jvp_fn")
@pytest.mark.parametrize("path", ["lerp", "slerp", "geodesic", "spline"])
@pytest.mark.parametrize("loop", [False, True])
def test_an_even_walk_changes_the_data_evenly(path: Any, loop: bool) -> None:
    def spread(timing: Any) -> float:
        frames = walk(BENT, 2 * stops(4), frames=80, path=path, loop=loop, timing=timing)
        closed = np.concatenate([frames, frames[:1]]) if loop else frames
        changes = np.linalg.norm(np.diff(closed, axis=0), axis=1)
        return float(changes.std() / changes.mean())

    assert spread("even") < 0.12
    assert spread("steady") > 0.14


def test_an_eased_walk_rests_at_its_stops() -> None:
    found = walk(SPACE, stops(3), frames=41, timing="eased")
    speed = np.linalg.norm(np.diff(found, axis=0), axis=1)
    for leg in (speed[:20], speed[20:]):
        assert max(leg[0], leg[-1]) < 0.15 * leg[10]


def test_a_loop_ends_one_step_before_it_begins() -> None:
    found = walk(SPACE, stops(3), frames=30, loop=True, path="spline", timing="even")
    seam, steps = np.linalg.norm(found[0] - found[-1]), np.linalg.norm(np.diff(found, axis=0), axis=1)
    assert 0.9 * steps.min() < seam < 1.1 * steps.max()


def test_progress_ends_with_the_last_frame() -> None:
    seen: list[tuple[int, int]] = []
    walk(SPACE, stops(2), frames=100, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(64, 100), (100, 100)]


def test_standing_still_is_a_walk() -> None:
    found = walk(SPACE, np.ones((3, 3), np.float32), frames=7, timing="even", path="spline")
    np.testing.assert_allclose(found, np.tile(np.ones(3) @ MATRIX, (7, 1)), atol=1e-5)


def test_a_palette_has_its_points_in_the_corners_and_paths_between() -> None:
    corners = stops(4)
    grid = palette(SPACE, corners, rows=5, columns=7)
    assert grid.shape == (5, 7, 5)
    np.testing.assert_allclose(grid[[0, 0, -1, -1], [0, -1, 0, -1]], corners @ MATRIX, atol=1e-5)
    np.testing.assert_allclose(grid[2, 3], corners.mean(0) @ MATRIX, atol=1e-5)
    np.testing.assert_allclose(grid[0], blend(SPACE, corners[:2], steps=7), atol=1e-5)
    turned = palette(SPACE, corners, rows=5, columns=7, path="slerp")
    np.testing.assert_allclose(turned[0], blend(SPACE, corners[:2], steps=7, path="slerp"), atol=1e-5)
    assert np.abs(turned[2, 3] - grid[2, 3]).max() > 0.01


def test_what_is_refused() -> None:
    with pytest.raises(InvalidInput, match="stops must be two points or more, got 1"):
        walk(SPACE, stops(1), frames=5)
    with pytest.raises(InvalidInput, match="frames must be an integer from 2 to 10000, got 0"):
        walk(SPACE, stops(2), frames=0)
    with pytest.raises(InvalidInput, match="timing must be one of eased, steady, even, got 'late'"):
        walk(SPACE, stops(2), frames=5, timing="late")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="corners must be four points, got 3"):
        palette(SPACE, stops(3))
    deaf = from_callables(encode=lambda x: x, data_shape=(3,), name="deaf")
    with pytest.raises(MissingCapability, match="'deaf' cannot decode"):
        walk(deaf, stops(2), frames=5)
