"""Models of other libraries, small, built by the real library from a seed or a configuration; nothing is fetched."""

from typing import Any

import numpy as np


def keras_vae() -> tuple[Any, Any]:
    """Encoder (z_mean, z_log_var, z) and decoder of the VAE that Keras users know, for 8x8 pictures."""
    import keras
    from keras import layers, ops

    class Sampling(layers.Layer):
        """Draws z from the posterior."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.seed_generator = keras.random.SeedGenerator(7)

        def call(self, inputs: Any) -> Any:
            mean, log_variance = inputs
            noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_variance) * noise

    keras.utils.set_random_seed(0)
    pictures = keras.Input((8, 8, 1))
    hidden = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(pictures)
    hidden = layers.Dense(16, activation="relu")(layers.Flatten()(hidden))
    mean, log_variance = layers.Dense(3, name="z_mean")(hidden), layers.Dense(3, name="z_log_var")(hidden)
    encoder = keras.Model(pictures, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")
    codes = keras.Input((3,))
    hidden = layers.Reshape((4, 4, 4))(layers.Dense(64, activation="tanh")(codes))
    hidden = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(hidden)
    return encoder, keras.Model(codes, hidden, name="decoder")


def onnx_graph(kind: str, *, batch: int | str = "batch", sides: Any = (8, 8)) -> bytes:
    """An "encoder" (b, 3, h, w) -> mean and log variance (b, 5), or a "decoder" (b, 5) -> (b, 3, h, w) within -1..1."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    wide = 3 * 64

    def tensor(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(random.normal(0, 0.2, shape).astype(np.float32), name)

    def value(name: str, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def shape(*numbers: int) -> Any:
        return numpy_helper.from_array(np.array(numbers), "shape")

    if kind == "encoder":
        nodes = [
            helper.make_node("Reshape", ["picture", "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "mean_weight"], ["mu"]),
            helper.make_node("MatMul", ["flat", "spread_weight"], ["log_var"]),
        ]
        ends = [value("picture", batch, 3, *sides)], [value("mu", batch, 5), value("log_var", batch, 5)]
        constants = [tensor("mean_weight", wide, 5), tensor("spread_weight", wide, 5), shape(-1, wide)]
    else:
        nodes = [
            helper.make_node("MatMul", ["code", "weight"], ["flat"]),
            helper.make_node("Tanh", ["flat"], ["bent"]),
            helper.make_node("Reshape", ["bent", "shape"], ["picture"]),
        ]
        ends = [value("code", batch, 5)], [value("picture", batch, 3, *sides)]
        constants = [tensor("weight", 5, wide), shape(-1, 3, 8, 8)]
    graph = helper.make_graph(nodes, kind, *ends, constants)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def small_kl(**options: Any) -> Any:
    """An AutoencoderKL of two blocks whose weights are random."""
    import torch
    from diffusers import AutoencoderKL

    blocks = {
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D"),
        "up_block_types": ("UpDecoderBlock2D", "UpDecoderBlock2D"),
        "block_out_channels": (8, 8),
        "norm_num_groups": 4,
        "sample_size": 16,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoencoderKL(**{**blocks, **options}).eval()


def small_tiny() -> Any:
    """An AutoencoderTiny of two blocks whose weights are random."""
    import torch
    from diffusers import AutoencoderTiny

    widths = {f"{half}_block_out_channels": (8, 8) for half in ("encoder", "decoder")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoencoderTiny(**widths, num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1)).eval()
