"""Keras 3 models, whatever backend they run on, as a `LatentSpace`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.halves import Half, Jvp, Wiring, joined, role_of
from latentarium.adapters.layout import Shape
from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray
from latentarium.errors import InvalidInput, MissingExtra, invalid
from latentarium.space import LatentSpace

_MEAN, _LOG_VARIANCE = re.compile(r"mean|mu$|loc"), re.compile(r"log_?var")


def from_keras(
    encoder: Any = None,
    decoder: Any = None,
    *,
    shape: Shape | None = None,
    latent_shape: Shape | None = None,
    channels_last: bool = True,
    values: tuple[float, float] = (0.0, 1.0),
    **fields: Unpack[SpaceFields],
) -> LatentSpace:
    """A latent space from Keras 3 models on TensorFlow, PyTorch or JAX; codes are those of `predict`.

    Rows of the space are channels first, as everywhere here, while Keras has channels last: they are turned on the way
    in and out. Weights are never changed, and an encoder that also draws from its posterior is asked for mean and log
    variance alone where it is a functional model.

    Parameters
    ----------
    encoder : a model from (b, *shape) to codes (b, *latent_shape); or to z_mean, z_log_var and perhaps a draw z, as a
        list or a dictionary, which give the space a posterior and, unless `fields` name another, the prior N(0, I)
    decoder : a model from (b, *latent_shape) to (b, *shape)
    shape : one row in the models' own axis order, where they leave it open, or the axes behind flat rows
    latent_shape : one code, where the decoder leaves it open and there is no encoder
    channels_last : whether the last of three axes of a row holds the channels
    values : (low, high), what the models call 0 and 1; (-1, 1) for a decoder that ends in tanh
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    MissingExtra
        When Keras is not installed.
    InvalidInput
        For models that leave a shape open that is not given, or that do not fit each other.

    Examples
    --------
    >>> import os
    >>> _ = os.environ.setdefault("KERAS_BACKEND", "torch")
    >>> import keras
    >>> encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> space = from_keras(encoder)
    >>> space.data_shape, space.shape, space.encode(np.zeros((3, 1, 8, 8))).shape
    ((1, 8, 8), (2,), (3, 2))
    """
    if encoder is None and decoder is None:
        raise InvalidInput("from_keras needs an encoder, a decoder or both, got neither")
    backend = keras_module().backend.backend()
    fields.setdefault("provenance", {"kind": "keras", "backend": backend})
    wiring = Wiring(shape=shape, latent_shape=latent_shape, channels_last=channels_last, values=values)
    down = None if encoder is None else keras_half(encoder, backend, head=True)
    return joined(down, None if decoder is None else keras_half(decoder, backend), wiring, **fields)


def from_keras_model(model: Any, **options: Any) -> LatentSpace:
    """A model with parts named encoder and decoder, or one that is itself one; what `as_space` does with keras."""
    found = keras_parts(model)
    if not found:
        half = keras_half(model, keras_module().backend.backend())
        found = {role_of(half): model}
    options.setdefault("name", getattr(model, "name", type(model).__name__))
    return from_keras(**found, **options)


def keras_parts(model: Any) -> dict[str, Any]:
    """Its attributes or layers called encoder and decoder."""
    layers = {layer.name: layer for layer in getattr(model, "layers", ())}
    parts = {role: getattr(model, role, None) or layers.get(role) for role in ("encoder", "decoder")}
    return {role: part for role, part in parts.items() if part is not None}


def keras_module() -> Any:
    """The keras package."""
    try:
        import keras
    except ImportError as error:
        if error.name != "keras":
            raise MissingExtra(
                f"Keras cannot start on its backend ({error}); install that, or set KERAS_BACKEND=torch"
            ) from error
        raise MissingExtra("a Keras model needs keras; install it with: pip install 'latentarium[keras]'") from error
    return keras


@dataclass(frozen=True, kw_only=True, eq=False)
class _KerasHalf:
    """A model, or a function on tensors, with what its backend can do; satisfies `halves.Half`."""

    model: Any
    name: str
    input_shape: tuple[int | None, ...] | None
    output_shape: tuple[int | None, ...] | None
    jvp: Jvp | None
    to_onnx: Callable[[FloatArray], bytes] | None
    batch: None = None

    def outputs(self, rows: FloatArray) -> tuple[NDArray[Any], ...]:
        """What `predict_on_batch` gives, as a tuple."""
        # a copy: a model that works in place must not reach the caller's array
        predict = getattr(self.model, "predict_on_batch", None)
        result = predict(rows.copy()) if predict else self.model(keras_module().ops.convert_to_tensor(rows))
        return tuple(np.asarray(keras_module().ops.convert_to_numpy(part)) for part in _ordered(result))


def keras_half(model: Any, backend: str, *, head: bool = False) -> Half:
    """A model as `halves.Half`; of the `head` of an encoder the draw is left out."""
    if not callable(model):
        raise invalid("encoder and decoder", "Keras models", type(model).__name__)
    model = _without_draw(model) if head else model
    return _KerasHalf(
        model=model,
        name=getattr(model, "name", type(model).__name__),
        input_shape=_shape(model, "input_shape"),
        output_shape=_shape(model, "output_shape"),
        jvp=_JVP[backend](model) if backend in _JVP else None,
        to_onnx=(lambda rows: _torch_graph(model, rows)) if backend == "torch" else None,
    )


def _without_draw(model: Any) -> Any:
    """A functional encoder of mean, log variance and a draw without the draw, whose seed would move on."""
    outputs = getattr(model, "output", None)
    if not isinstance(outputs, list | tuple) or len(outputs) < 3 or outputs[0].shape != outputs[1].shape:
        return model
    return keras_module().Model(model.input, list(outputs[:2]), name=model.name)


def _shape(model: Any, which: str) -> tuple[int | None, ...] | None:
    """The axes of the first input or output beyond the batch, None where the model was never built."""
    try:
        found = getattr(model, which, None)
    except (AttributeError, ValueError):
        return None
    while isinstance(found, list) and found:
        found = found[0]
    return tuple(found[1:]) if isinstance(found, tuple) and not isinstance(found[0], tuple) else None


def _ordered(result: Any) -> list[Any]:
    """The arrays of a result, mean and log variance first where a dictionary names them."""
    if isinstance(result, Mapping):
        names = list(result)
        chosen = [next((name for name in names if rule.search(name)), None) for rule in (_MEAN, _LOG_VARIANCE)]
        if len(names) > 1 and None in chosen:
            raise invalid("the encoder's results", "named so that one is a mean and one a log_var", ", ".join(names))
        return [result[name] for name in (chosen if len(names) > 1 else names)]
    return list(result) if isinstance(result, list | tuple) else [result]


def _first(result: Any) -> Any:
    return _ordered(result)[0]


def _torch_jvp(model: Any) -> Jvp:
    def jvp(z: FloatArray, v: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        import torch

        ops = keras_module().ops
        with torch.no_grad():
            points, vectors = ops.convert_to_tensor(z), ops.convert_to_tensor(v)
            pair = torch.func.jvp(lambda t: _first(model(t, training=False)), (points,), (vectors,))[:2]
        return ops.convert_to_numpy(pair[0]), ops.convert_to_numpy(pair[1])

    return jvp


def _tensorflow_jvp(model: Any) -> Jvp:
    def jvp(z: FloatArray, v: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        import tensorflow as tf

        points = tf.constant(z)
        with tf.autodiff.ForwardAccumulator(points, tf.constant(v)) as forward:
            value = _first(model(points, training=False))
        return value.numpy(), forward.jvp(value, unconnected_gradients="zero").numpy()

    return jvp


# Backends whose forward derivatives are known here; another one's are finite differences.
_JVP: Mapping[str, Callable[[Any], Jvp]] = {"torch": _torch_jvp, "tensorflow": _tensorflow_jvp}


def _torch_graph(model: Any, rows: FloatArray) -> bytes:
    import torch

    from latentarium.adapters.pytorch import evaluating
    from latentarium.nn.graphs import export_module

    class Calling(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(_ordered(self.model(x, training=False)))

    with evaluating(model):
        count = len(_ordered(model.predict_on_batch(rows)))
        return export_module(Calling(), {"rows": rows}, outputs=[f"result_{i}" for i in range(count)]).data
