import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.data import open_source
from latentarium.data.factors import FactorSource, scene, sprites
from latentarium.errors import InvalidInput

SOURCES: tuple[Callable[..., FactorSource], ...] = (sprites, scene)


@pytest.mark.parametrize("make", SOURCES)
def test_a_sample_is_seeded_uniform_and_without_repeats(make: Callable[..., FactorSource]) -> None:
    source = make()
    table = source.sample(5000, seed=3)
    assert np.array_equal(table, source.sample(5000, seed=3))
    assert not np.array_equal(table, source.sample(5000, seed=4))
    assert len(np.unique(table, axis=0)) == 5000
    for k, size in enumerate(source.sizes):
        counts = np.bincount(table[:, k], minlength=size)
        assert len(counts) == size
        assert np.abs(counts - 5000 / size).max() < 6 * np.sqrt(5000 / size)


def test_a_small_grid_is_given_whole_and_may_repeat_beyond_it() -> None:
    source = sprites(scales=1, orientations=2, positions=2)
    assert len(source) == 24
    assert len(np.unique(source.sample(24, seed=0), axis=0)) == 24
    assert len(source.sample(50, seed=0)) == 50


@pytest.mark.parametrize("make", SOURCES)
def test_every_factor_changes_the_picture(make: Callable[..., FactorSource]) -> None:
    source = make()
    table = source.sample(150, seed=0)
    before = source.render(table)
    for k, size in enumerate(source.sizes):
        moved = table.copy()
        moved[:, k] = (moved[:, k] + 1) % size
        same = (source.render(moved) == before).all((1, 2, 3)).mean()
        assert same < (0.1 if source.names[k] == "orientation" else 1e-9), source.names[k]


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("size", [16, 33, 64])
def test_any_size_renders_the_same_scene(make: Callable[..., FactorSource], size: int) -> None:
    source = make(size=size)
    table = source.sample(12, seed=1)
    pictures = source.render(table)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (12, source.channels, size, size)
    large = make(size=4 * size).render(table).astype(float)
    small = large.reshape(12, source.channels, size, 4, size, 4).mean((3, 5))
    assert np.abs(small - pictures).mean() < 0.05 * 255


@pytest.mark.parametrize("make", SOURCES)
def test_a_row_does_not_depend_on_its_company(make: Callable[..., FactorSource]) -> None:
    source = make(size=32)
    table = source.sample(40, seed=2)
    pictures = source.render(table)
    assert np.array_equal(source.render(table[::-1]), pictures[::-1])
    assert np.array_equal(source.render(table[7:8])[0], pictures[7])


def test_sprites_are_where_and_as_large_as_their_factors_say() -> None:
    source = sprites(size=128)
    table = source.sample(400, seed=0)
    lit = source.render(table)[:, 0] == 255
    assert set(np.unique(source.render(table))) == {0, 255}
    values = source.values(table)
    centre = (np.arange(128) + 0.5) / 128
    area = lit.mean((1, 2))
    x, y = ((lit.sum(axis) * centre).sum(1) / lit.sum((1, 2)) for axis in (1, 2))
    round_enough = table[:, 0] < 2
    assert np.abs(x - values[:, 3])[round_enough].max() < 0.01
    assert np.abs(y - values[:, 4])[round_enough].max() < 0.01
    assert area == pytest.approx((0.26 * values[:, 1]) ** 2, rel=0.05)


def test_a_full_turn_makes_the_orientation_of_a_square_ambiguous_and_a_quarter_does_not() -> None:
    square = np.array([[0, 5, 0, 16, 16], [0, 5, 10, 16, 16]])
    full, quarter = sprites(turn=2 * np.pi), sprites()
    assert (full.render(square)[0] == full.render(square)[1]).all()
    assert (quarter.render(square)[0] != quarter.render(square)[1]).any()


def test_an_ellipse_is_turned_by_the_stated_angle() -> None:
    source = sprites(size=128)
    table = np.array([[1, 5, level, 16, 16] for level in range(0, 40, 4)])
    lit = source.render(table)[:, 0] > 0
    for picture, angle in zip(lit, source.values(table)[:, 2], strict=True):
        down, across = np.nonzero(picture)
        long = np.linalg.eigh(np.cov(across, down))[1][:, 1]
        assert abs(np.cos(angle) * long[0] + np.sin(angle) * long[1]) > 0.999


def test_hues_colour_their_own_surface() -> None:
    source = scene(size=64)
    base = np.array([[0, 3, 6, 4, 0, 7]])
    before = source.render(base)[0].astype(int)
    assert before[:, -1, 0].argmax() == 0
    regions = []
    for k in range(3):
        other = base.copy()
        other[0, k] = 9
        regions.append((source.render(other)[0] != before).any(0))
    assert not (regions[0] & regions[1]).any()
    assert not (regions[0] & regions[2]).any()
    assert (regions[0] | regions[1] | regions[2]).all()


def test_light_from_the_left_lights_the_left_side_and_throws_the_shadow_right() -> None:
    source = scene(size=64)
    left, right = source.render(np.array([[0, 0, 5, 6, 0, 0], [0, 0, 5, 6, 0, 14]])).astype(float).sum(1)
    ball = source.render(np.array([[0, 0, 1, 6, 0, 0]]))[0].astype(float).sum(0) != left
    across = np.nonzero(ball)[1]
    middle = across.mean()
    columns = np.arange(64)
    assert left[ball & (columns < middle)].mean() > 1.3 * left[ball & (columns > middle)].mean()
    assert right[ball & (columns > middle)].mean() > 1.3 * right[ball & (columns < middle)].mean()
    shadow = (left < 0.6 * np.median(left[-1])) & ~ball
    shadow[:36] = False
    assert np.nonzero(shadow)[1].mean() > middle


@settings(max_examples=20, deadline=None)
@given(factor=st.integers(0, 4), groups=st.integers(1, 5), seed=st.integers(0, 1000))
def test_interventions_hold_one_factor_and_free_the_others(factor: int, groups: int, seed: int) -> None:
    source = sprites()
    tables = source.fixed_factor(factor, groups=groups, batch=60, seed=seed)
    assert tables.shape == (groups, 60, 5)
    assert (tables[:, :, factor] == tables[:, :1, factor]).all()
    others = np.delete(tables, factor, axis=2)
    assert all(len(np.unique(column)) > 1 for group in others for column in group.T)
    assert np.array_equal(tables, source.fixed_factor(factor, groups=groups, batch=60, seed=seed))


def test_wrong_tables_and_settings_are_named() -> None:
    source = sprites()
    with pytest.raises(InvalidInput, match="table"):
        source.render(np.zeros((2, 4), int))
    with pytest.raises(InvalidInput, match="table"):
        source.render(np.zeros((2, 5)))
    with pytest.raises(InvalidInput, match="levels"):
        source.values(np.array([[3, 0, 0, 0, 0]]))
    with pytest.raises(InvalidInput, match="factor"):
        source.fixed_factor(5, groups=1, batch=2, seed=0)
    with pytest.raises(InvalidInput, match="turn"):
        sprites(turn=0)
    with pytest.raises(InvalidInput, match="size"):
        sprites(size=4)
    with pytest.raises(InvalidInput, match="hues"):
        scene(hues=0)


@pytest.mark.parametrize("name", ["sprites", "scene"])
def test_a_rendered_source_opens_with_its_factors_as_columns(name: str) -> None:
    rows = open_source(name, size=16)
    source = {"sprites": sprites, "scene": scene}[name](size=16)
    assert rows.raw.shape == (10_000, source.channels, 16, 16)
    assert set(rows.columns) == {*source.names, "label"}
    table = np.stack([rows.columns[factor] for factor in source.names], axis=1)
    assert np.array_equal(source.render(table[:50]), rows.raw[:50])
    assert rows.columns["label"][0] == source.classes["shape"][int(rows.columns["shape"][0])]
    assert rows.ids[0] == f"{name}/000000"
    again = open_source(name, size=16, seed=5)
    assert again.fingerprint == rows.fingerprint


@pytest.mark.parametrize("make", SOURCES)
def test_rendering_is_fast(make: Callable[..., FactorSource]) -> None:
    source = make()
    table = source.sample(4000, seed=0)
    began = time.perf_counter()
    source.render(table)
    assert 4000 / (time.perf_counter() - began) > 800
