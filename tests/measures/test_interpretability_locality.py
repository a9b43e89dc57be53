"""How local edits are: planted steps of one value and of all."""

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.measures import FAMILIES
from latentarium.measures.interpretability import edit_locality
from latentarium.space import LatentSpace

Array = NDArray[np.float64]


def normal(n: int, d: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, d))


def space_of(weights: Array) -> LatentSpace:
    """x = z W, encoded by least squares."""
    inverse = np.linalg.pinv(weights)
    return LatentSpace(
        name="linear",
        shape=(weights.shape[0],),
        data_shape=(weights.shape[1],),
        encode_fn=lambda x: x @ inverse,
        decode_fn=lambda z: z @ weights,
    )


def test_what_needs_no_factors_stands_in_no_table_of_disentanglement() -> None:
    """Each of that family knows the factors; edits are told with interpretability."""
    families = {family.title: family.entries for family in FAMILIES}
    assert all("factors" in entry.needs for entry in families["Disentanglement"])
    assert "edit_locality" in {entry.name for entry in families["Interpretability"]}


def test_an_edit_of_one_value_is_local_and_one_of_all_is_not() -> None:
    x = np.random.default_rng(0).random((100, 20))
    own = LatentSpace(name="own", shape=(20,), data_shape=(20,), encode_fn=lambda v: v, decode_fn=lambda z: z)
    score = edit_locality(own, x)
    assert score.value == pytest.approx(0.95, abs=1e-4)
    assert score.parts["changed"] == pytest.approx([0.05] * 20)
    assert score.chance is not None
    assert score.chance < 0.6
    alike = LatentSpace(
        name="alike",
        shape=(1,),
        data_shape=(20,),
        encode_fn=lambda v: v[:, :1],
        decode_fn=lambda z: np.tile(z, (1, 20)),
    )
    assert edit_locality(alike, x).value == pytest.approx(0.0, abs=1e-4)


def test_an_edit_does_not_depend_on_the_scale_or_order_of_dimensions() -> None:
    weights = np.abs(normal(4, 12)) ** 3
    x = normal(200, 4, 1) @ weights
    moved = weights[[3, 1, 0, 2]] * np.array([[5.0], [0.2], [-1.0], [3.0]])
    assert edit_locality(space_of(moved), x).value == pytest.approx(edit_locality(space_of(weights), x).value, abs=1e-3)


def test_a_decoder_that_ignores_its_code_scores_zero() -> None:
    dull = LatentSpace(
        name="dull",
        shape=(2,),
        data_shape=(6,),
        encode_fn=lambda v: v[:, :2],
        decode_fn=lambda z: np.zeros((len(z), 6)),
    )
    score = edit_locality(dull, normal(50, 6))
    assert score.value == 0.0
    assert score.settings["dimensions"] == 0


def test_dimensions_that_do_nothing_are_not_averaged_in() -> None:
    own = LatentSpace(
        name="own",
        shape=(8,),
        data_shape=(4,),
        encode_fn=lambda v: np.concatenate([v, v], axis=1),
        decode_fn=lambda z: z[:, :4],
    )
    assert edit_locality(own, normal(50, 4)).value == pytest.approx(0.75, abs=1e-3)
