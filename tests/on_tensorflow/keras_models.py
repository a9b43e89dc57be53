"""Keras on TensorFlow, run by pytest in an environment of its own; see `tests/adapters/test_keras_tensorflow.py`."""

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests.contract.foreign import keras_vae

from latentarium.adapters import as_space, from_keras
from latentarium.checks import check_space
from latentarium.space import LatentSpace

PICTURES = np.random.default_rng(0).random((6, 8, 8, 1), np.float32)
ROWS = PICTURES.transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def vae() -> tuple[Any, Any]:
    return keras_vae()


@pytest.fixture(scope="module")
def space(vae: tuple[Any, Any]) -> LatentSpace:
    return from_keras(*vae)


def test_the_backend_is_tensorflow(space: LatentSpace, vae: tuple[Any, Any]) -> None:
    assert keras.backend.backend() == "tensorflow"
    assert isinstance(vae[0].layers[1].kernel.value, tf.Variable)
    assert space.provenance["backend"] == "tensorflow"


def test_the_contract_is_kept(space: LatentSpace) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_space(space, ROWS)
    report.raise_if_failed()
    assert {r.name for r in report.results if r.outcome == "skipped"} == {"value_range", "reload"}


def test_codes_and_data_are_those_of_predict(space: LatentSpace, vae: tuple[Any, Any]) -> None:
    encoder, decoder = vae
    mean, log_variance, _ = encoder.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(space.encode(ROWS), mean, atol=1e-6)
    np.testing.assert_allclose(space.posterior(ROWS).std, np.exp(log_variance / 2), rtol=1e-5)
    expected = decoder.predict(mean, verbose=0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(space.decode(mean), expected, atol=1e-6)


def test_it_states_that_it_writes_no_graphs(space: LatentSpace) -> None:
    assert space.graphs_fn is None


def test_a_subclassed_model_with_two_parts(vae: tuple[Any, Any]) -> None:
    class Vae(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = vae

    assert as_space(Vae()).capabilities == {"encode", "decode", "derivative", "posterior", "prior"}


def test_a_function_that_is_no_model() -> None:
    doubled = from_keras(lambda x: 2 * x, shape=(3,))
    np.testing.assert_array_equal(doubled.encode(np.ones((2, 3))), np.full((2, 3), 2))
