"""Blends and traversals against a space whose decoder is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.adapters import from_callables
from latentarium.applications.paths import blend, ranked_dimensions, traverse
from latentarium.errors import InvalidInput

MATRIX = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
SPACE = from_callables(decode=lambda z: z @ MATRIX, latent_shape=(3,), data_shape=(5,), name="linear")


@given(legs=st.integers(1, 4), steps=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_a_blend_passes_every_stop_once(legs: int, steps: int) -> None:
    stops = np.random.default_rng(legs).normal(size=(legs + 1, 3)).astype(np.float32)
    frames = blend(SPACE, stops, steps=steps, path="lerp")
    assert len(frames) == legs * (steps - 1) + 1
    assert np.allclose(frames[:: steps - 1], stops @ MATRIX, atol=1e-4)
    middle = (frames[0] + frames[steps - 1]) / 2
    if steps % 2:
        assert np.allclose(frames[steps // 2], middle, atol=1e-4)


def test_a_blend_needs_two_stops() -> None:
    with pytest.raises(InvalidInput, match="at least two points"):
        blend(SPACE, np.zeros((1, 3), np.float32))


def test_a_traversal_moves_one_dimension_by_its_own_spread() -> None:
    codes = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32) * np.float32([1, 4, 2])
    dimensions, frames = traverse(SPACE, codes, dimensions=2, steps=3, reach=2.0)
    assert dimensions.tolist() == [1, 2]
    assert frames.shape == (2, 3, 5)
    for row, dimension in enumerate(dimensions):
        step = (frames[row, 2] - frames[row, 0]) / 2
        assert np.allclose(step, 2.0 * codes[:, dimension].std() * MATRIX[dimension], atol=1e-3)
        assert np.allclose(frames[row, 1], codes.mean(0) @ MATRIX, atol=1e-3)


def test_a_traversal_from_a_row_keeps_its_other_dimensions() -> None:
    codes = np.random.default_rng(2).normal(size=(100, 3)).astype(np.float32)
    centre = np.float32([5, 6, 7])
    (dimension,), frames = traverse(SPACE, codes, centre=centre, dimensions=1, steps=2)
    moved = centre.copy()
    moved[dimension] = codes[:, dimension].mean() - 3 * codes[:, dimension].std()
    assert np.allclose(frames[0, 0], moved @ MATRIX, atol=1e-3)


@pytest.mark.parametrize(("name", "value"), [("dimensions", 0), ("steps", 1)])
def test_a_traversal_refuses(name: str, value: int) -> None:
    with pytest.raises(InvalidInput, match=name):
        traverse(SPACE, np.zeros((4, 3), np.float32), **{name: value})


def test_dimensions_are_ranked_by_variance() -> None:
    codes = np.float32([[0, 0, 0], [1, 3, 2]])
    assert ranked_dimensions(codes).tolist() == [1, 2, 0]
