"""An encoder and a decoder of any framework, put together to a `LatentSpace`."""

from collections.abc import Callable
from dataclasses import dataclass
from math import lcm
from typing import Any, ClassVar, Literal, Protocol, Unpack, cast

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.canonical import canonical_decoder, canonical_encoder
from latentarium.adapters.layout import Layout, Shape
from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput, invalid
from latentarium.space import LatentSpace, Modality

Arrays = tuple[NDArray[Any], ...]
OpenShape = tuple[int | None, ...]
Jvp = Callable[[FloatArray, FloatArray], tuple[NDArray[Any], NDArray[Any]]]
Writer = Callable[[FloatArray], bytes]
Role = Literal["encoder", "decoder"]
DEFAULT_BATCH = 64
_PROBE_ROWS = 2


class Half(Protocol):
    """An encoder or a decoder of some framework on numpy batches in its own axis order.

    Shapes are without the batch axis; None stands for an axis of any length, or for all of them where nothing is
    known. `batch` is the number of rows it takes, None for any.
    """

    @property
    def name(self) -> str: ...

    @property
    def input_shape(self) -> OpenShape | None: ...

    @property
    def output_shape(self) -> OpenShape | None: ...

    @property
    def batch(self) -> int | None: ...

    @property
    def jvp(self) -> Jvp | None: ...

    @property
    def to_onnx(self) -> Writer | None:
        """A function that gives the ONNX graph, checked on the example rows it gets; None where there is none."""
        ...

    def outputs(self, rows: FloatArray) -> Arrays:
        """All arrays that the model gives for `rows`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the caller says of two halves: the shapes their models leave open, axis order and units."""

    shape: Shape | None = None
    latent_shape: Shape | None = None
    channels_last: bool = False
    values: tuple[float, float] = (0.0, 1.0)


def role_of(half: Half) -> Role:
    """Whether a model is an encoder or a decoder: the latent side has fewer values, or fewer axes where those are open.

    Raises
    ------
    InvalidInput
        When its shapes do not tell.
    """
    shapes = (half.input_shape, half.output_shape)
    sizes = [_size(shape) for shape in shapes]
    if None in sizes:
        sizes = [None if shape is None else len(shape) for shape in shapes]
    if None in sizes or sizes[0] == sizes[1]:
        raise InvalidInput(
            f"{half.name} may be an encoder or a decoder, its shapes do not tell "
            f"({_shown(half.input_shape)} to {_shown(half.output_shape)}); say which, as encoder= or decoder=, on the "
            "command line with --encoder or --decoder"
        )
    return "encoder" if sizes[0] > sizes[1] else "decoder"  # type: ignore[operator]


def joined(encoder: Half | None, decoder: Half | None, wiring: Wiring, **fields: Unpack[SpaceFields]) -> LatentSpace:
    """The space of two halves, either of which may be missing.

    An encoder that gives two arrays or more of one shape is a VAE's: the first is the mean, the second the log variance
    of its posterior, and its prior is N(0, I) unless `fields` name another. What is decoded is clipped to the range
    that a modality among `fields` states.

    Raises
    ------
    InvalidInput
        For shapes that are open and not given, or that do not fit each other.
    """
    row = _row_shape(encoder, wiring.shape) if encoder else None
    probe = encoder.outputs(_zeros(row)) if encoder and row else ()
    pair = len(probe) > 1 and probe[0].shape == probe[1].shape
    latent = _latent_shape(probe, decoder, wiring.latent_shape)
    back = _checked_output(decoder, latent) if decoder else None
    axes = _axes(row, back, wiring.shape)
    modality = fields.get("modality")
    inward = _Inward(encoder, _layout(row, axes, wiring, modality), pair) if encoder and row else None
    outward = _Outward(decoder, _layout(back, axes, wiring, modality), latent) if decoder and back else None
    sides = [side for side in (inward, outward) if side is not None]
    if pair:
        fields.setdefault("prior", Normal.standard(int(np.prod(latent))))
    fixed = [side.half.batch for side in sides if side.half.batch is not None]
    fields.setdefault("batch_size", lcm(*fixed) if fixed else DEFAULT_BATCH)
    fields.setdefault("name", sides[-1].half.name)
    storable = all(side.half.to_onnx is not None for side in sides)
    return LatentSpace(
        shape=latent,
        data_shape=sides[0].layout.data_shape,
        encode_fn=inward and inward.codes,
        decode_fn=outward and outward.data,
        posterior_fn=inward.posterior if inward and pair else None,
        decode_jvp_fn=outward.jvp if outward and outward.half.jvp else None,
        graphs_fn=(lambda: {side.role: side.graph() for side in sides}) if storable else None,
        **fields,
    )


def _layout(shape: Shape, axes: Shape, wiring: Wiring, modality: Modality | None) -> Layout:
    low, high = (modality.low, modality.high) if modality is not None else (None, None)
    bounds = None if low is None or high is None else (low, high)
    return Layout(shape=shape, axes=axes, channels_last=wiring.channels_last, values=wiring.values, bounds=bounds)


@dataclass(frozen=True)
class _Inward:
    """An encoder on rows of the space; `pair` where it gives mean and log variance."""

    half: Half
    layout: Layout
    pair: bool
    role: ClassVar[Role] = "encoder"

    def codes(self, x: FloatArray) -> NDArray[Any]:
        return self.half.outputs(self.layout.to_model(x))[0]

    def posterior(self, x: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        mean, log_variance = self.half.outputs(self.layout.to_model(x))[:2]
        return mean, np.exp(0.5 * log_variance)

    def graph(self) -> bytes:
        written = cast(Writer, self.half.to_onnx)(_example(self.layout.shape))
        return canonical_encoder(written, self.layout, pair=self.pair)


@dataclass(frozen=True)
class _Outward:
    """A decoder to rows of the space, from codes of shape `latent`."""

    half: Half
    layout: Layout
    latent: Shape
    role: ClassVar[Role] = "decoder"

    def data(self, z: FloatArray) -> FloatArray:
        return self.layout.to_space(self.half.outputs(z)[0])

    def jvp(self, z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, derivative = cast(Jvp, self.half.jvp)(z, v)
        return self.layout.to_space(value), self.layout.slope(derivative, value)

    def graph(self) -> bytes:
        written = cast(Writer, self.half.to_onnx)(_example(self.latent))
        return canonical_decoder(written, self.layout, latent=self.latent)


def _example(shape: Shape) -> FloatArray:
    return np.random.default_rng(0).random((_PROBE_ROWS, *shape), np.float32)


def _zeros(shape: Shape) -> FloatArray:
    return np.zeros((_PROBE_ROWS, *shape), np.float32)


def _size(shape: OpenShape | None) -> int | None:
    if shape is None or None in shape:
        return None
    return int(np.prod(shape))  # type: ignore[arg-type]


def _shown(shape: OpenShape | None) -> str:
    return "unknown" if shape is None else f"({', '.join('?' if n is None else str(n) for n in shape)})"


def _row_shape(encoder: Half, given: Shape | None) -> Shape:
    """One row as the encoder takes it; a flat encoder may have been given the axes behind its flat rows."""
    known = encoder.input_shape
    size = _size(known)
    if known is not None and size is not None and (given is None or size == int(np.prod(given))):
        return tuple(known)  # type: ignore[arg-type]
    return _filled(known, given, "shape", f"the input of the encoder {encoder.name}")


def _filled(known: OpenShape | None, given: Shape | None, parameter: str, what: str) -> Shape:
    """`known` with its open axes taken from `given`."""
    if given is None:
        axes = "(3, 64, 64)" if parameter == "shape" else "(4, 8, 8)"
        raise InvalidInput(
            f"{what} leaves its shape open, {_shown(known)} beyond the batch; give {parameter} in its own axis order, "
            f"such as {axes}, on the command line --{parameter.replace('_', '-')} {axes[1:-1].replace(' ', '')}"
        )
    fits = known is None or (
        len(known) == len(given) and all(k is None or k == g for k, g in zip(known, given, strict=True))
    )
    if not fits:
        raise invalid(parameter, f"one that fits {what}, {_shown(known)}", given)
    return given


def _latent_shape(probe: Arrays, decoder: Half | None, given: Shape | None) -> Shape:
    if probe:
        found = probe[0].shape[1:]
        if len(probe[0]) != _PROBE_ROWS or not found:
            raise invalid("the encoder's first result", "codes of shape (b, *latent_shape)", probe[0].shape)
        if given is not None and given != found:
            raise invalid("latent_shape", f"{found}, the shape of the encoder's codes", given)
        given = found
    if decoder is None:
        return given  # type: ignore[return-value]
    known = decoder.input_shape
    if probe and known is not None and not _fits(known, probe[0].shape[1:]):
        raise InvalidInput(
            f"the encoder gives codes of shape {probe[0].shape[1:]}, the decoder takes {_shown(known)}; they must be "
            "the same, an encoder of a VAE gives its mean and its log variance as two results"
        )
    if known is not None and None not in known and given is None:
        return tuple(known)  # type: ignore[arg-type]
    return _filled(known, given, "latent_shape", f"the input of the decoder {decoder.name}")


def _fits(known: OpenShape, shape: Shape) -> bool:
    return len(known) == len(shape) and all(k is None or k == n for k, n in zip(known, shape, strict=True))


def _checked_output(decoder: Half, latent: Shape) -> Shape:
    found = decoder.outputs(_zeros(latent))[0]
    if len(found) != _PROBE_ROWS or found.ndim < 2:
        raise invalid("the decoder's first result", "data of shape (b, *data_shape)", found.shape)
    return found.shape[1:]


def _axes(row: Shape | None, back: Shape | None, given: Shape | None) -> Shape:
    """Axes with a meaning: those given, else those of the side that has more of them."""
    shapes = [shape for shape in (row, back) if shape is not None]
    if len({int(np.prod(shape)) for shape in shapes}) > 1:
        raise InvalidInput(
            f"the encoder takes rows of shape {row}, the decoder gives {back}; they must be the same data"
        )
    return given if given is not None else max(shapes, key=len)
