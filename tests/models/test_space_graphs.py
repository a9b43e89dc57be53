"""Spaces of our own networks give ONNX graphs of themselves, also of what their decoder was told."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import latentarium as la
from latentarium.adapters.graphs import space_from_graphs
from latentarium.data import open_source
from latentarium.space import LatentSpace


@pytest.fixture(scope="module")
def told() -> LatentSpace:
    """A space of digits whose decoder is told the digit."""
    rows = open_source("digits")
    return la.fit(rows, latent=3, width=16, steps=5, condition="label", progress=False)


def from_own_graphs(space: LatentSpace) -> LatentSpace:
    assert space.graphs_fn is not None
    kinds: Any = {"shape": space.shape, "data_shape": space.data_shape, "variational": True}
    return space_from_graphs(space.graphs_fn(), **kinds)


def test_graphs_do_what_the_space_does(told: LatentSpace) -> None:
    z = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    three = told.given("3")
    for space in (told, three):
        again = from_own_graphs(space)
        x = space.decode(z)
        assert np.allclose(again.decode(z), x, atol=1e-5)
        assert np.allclose(again.encode(x), space.encode(x), atol=1e-4)
    assert np.abs(told.decode(z) - three.decode(z)).max() > 1e-3


def test_a_standardised_space_gives_none(told: LatentSpace) -> None:
    assert told.standardised(0.0, 2.0).graphs_fn is None
    assert dataclasses.replace(told, name="other").graphs_fn is not None
