"""ONNX graphs of other people's models as a `LatentSpace`."""

from pathlib import Path
from typing import Any, Unpack

from latentarium.adapters.graphs import open_session
from latentarium.adapters.halves import Wiring, joined, role_of
from latentarium.adapters.layout import Shape
from latentarium.adapters.plain import SpaceFields
from latentarium.errors import InvalidInput
from latentarium.space import LatentSpace

Graph = str | Path | bytes | Any


def from_onnx(
    encoder: Graph | None = None,
    decoder: Graph | None = None,
    *,
    shape: Shape | None = None,
    latent_shape: Shape | None = None,
    channels_last: bool = False,
    values: tuple[float, float] = (0.0, 1.0),
    **fields: Unpack[SpaceFields],
) -> LatentSpace:
    """A latent space from ONNX graphs, run by ONNX Runtime on the CPU.

    Rows of the space are channels first; where the graphs have their channels last, or another range of values, both
    are changed on the way in and out. ONNX has no derivatives, so that finite differences stand in for them.

    Parameters
    ----------
    encoder : a file, bytes, an onnx model or an open session with one input (b, *shape). It gives codes
        (b, *latent_shape), or mean and log variance as its first two outputs, which give the space a posterior and,
        unless `fields` name another, the prior N(0, I)
    decoder : the same from (b, *latent_shape) to (b, *shape)
    shape : one row in the graphs' own axis order, where they leave it open, or the axes behind flat rows
    latent_shape : one code, where the decoder leaves it open and there is no encoder
    channels_last : whether the last of three axes of a row holds the channels
    values : (low, high), what the graphs call 0 and 1; (-1, 1) for a decoder that ends in tanh
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    InvalidInput
        For a graph that cannot be read, has several inputs, or leaves a shape open that is not given.

    Examples
    --------
    >>> import numpy as np
    >>> from latentarium.adapters.canonical import affine_graph
    >>> graph = affine_graph(np.ones((2, 6)), np.zeros(6), names=("code", "row"))
    >>> from_onnx(decoder=graph, shape=(1, 2, 3), name="six").decode([[1.0, 2.0]]).shape
    (1, 1, 2, 3)
    """
    if encoder is None and decoder is None:
        raise InvalidInput("from_onnx needs an encoder, a decoder or both, got neither")
    fields.setdefault("provenance", {"kind": "onnx"})
    wiring = Wiring(shape=shape, latent_shape=latent_shape, channels_last=channels_last, values=values)
    down, up = (None if graph is None else open_session(graph) for graph in (encoder, decoder))
    return joined(down, up, wiring, **fields)


def from_session(session: Any, **options: Any) -> LatentSpace:
    """One open session or onnx model as encoder or decoder, by its shapes; what `as_space` does with onnxruntime."""
    opened = open_session(session)
    return from_onnx(**{role_of(opened): session}, **options)
