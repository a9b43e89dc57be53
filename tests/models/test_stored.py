"""Spaces from stored weights and graphs: equal, silent about the random state, and named when damaged."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.training.small import pictures

from latentarium.data import ImageModality
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.models.autoencoder import Architecture, build
from latentarium.models.spaces import autoencoder_space
from latentarium.models.stored import space_from_weights
from latentarium.space import LatentSpace

MODALITY = ImageModality(channels=1, height=8, width=8)
ARCHITECTURE = Architecture(latent=3, net="dense", width=16, depth=1, likelihood="gaussian")


def weights() -> dict[str, NDArray[Any]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return {name: value.numpy().copy() for name, value in build(ARCHITECTURE, MODALITY).state_dict().items()}


def stored(arrays: dict[str, NDArray[Any]], architecture: dict[str, Any] | None = None) -> LatentSpace:
    form = architecture or ARCHITECTURE.to_json()
    return space_from_weights(form, arrays, MODALITY, name="small", prior=None, provenance={})


def test_equal_weights_give_equal_bits() -> None:
    model = build(ARCHITECTURE, MODALITY)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights().items()})
    original = autoencoder_space(model, MODALITY, latent=3, name="small")
    again = stored(weights())
    x = MODALITY.to_array(pictures(10))
    np.testing.assert_array_equal(again.encode(x), original.encode(x))
    np.testing.assert_array_equal(again.reconstruct(x), original.reconstruct(x))
    np.testing.assert_array_equal(again.log_likelihood(x, again.encode(x)), original.log_likelihood(x, again.encode(x)))


def test_loading_leaves_the_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    stored(weights())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("change", ["missing", "extra", "reshaped"])
def test_weights_of_another_architecture_are_named(change: str) -> None:
    arrays = weights()
    if change == "missing":
        del arrays["decoder.head.bias"]
    elif change == "extra":
        arrays["decoder.tail.bias"] = np.zeros(3, np.float32)
    else:
        arrays["decoder.head.bias"] = np.zeros(3, np.float32)
    with pytest.raises(DamagedFile, match="the weights of 'small' do not fit its architecture") as caught:
        stored(arrays)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"unknown settings \['heads'\]"):
        stored(weights(), {**ARCHITECTURE.to_json(), "heads": 4})
