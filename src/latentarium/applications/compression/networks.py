"""Our encoders and decoders in exact arithmetic: the modules of `nn`, one function for each class.

Weights are rounded to a grid once, activations after every layer, so that the outputs differ from those of the torch
modules by rounding alone, and never from themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from latentarium.applications.compression.arithmetic import Floats, Linear, normalised, silu, snap
from latentarium.errors import InvalidInput
from latentarium.nn.ladder import LadderDecoder, LadderEncoder, PlainResidual
from latentarium.nn.networks import (
    ConvDecoder,
    ConvEncoder,
    ConvPlan,
    DenseDecoder,
    DenseEncoder,
    ResidualConv,
    ResidualDense,
)

Layer = Callable[[Floats], Floats]


def exact(module: nn.Module) -> Layer:
    """`module` as a function of float64 arrays on the grid (n, ...) that gives the same bits everywhere.

    Raises
    ------
    InvalidInput
        For a module that is not one of ours.
    """
    for kind, build in _BUILDERS.items():
        if type(module) is kind:
            return build(module)
    raise InvalidInput(
        f"{type(module).__name__} has no exact arithmetic, which lossless files need; "
        "fit with net dense, conv or ladder, or compress with --mode lossy"
    )


def numbers(values: Any) -> Floats:
    """A tensor as float64."""
    return values.detach().cpu().numpy().astype(np.float64)


def _linear(module: nn.Linear) -> Layer:
    return Linear.of(numbers(module.weight), None if module.bias is None else numbers(module.bias))


def _conv(module: nn.Conv2d) -> Layer:
    """A convolution as one product with the patches around every place."""
    weight, reach = numbers(module.weight), module.kernel_size[0] // 2
    inner = Linear.of(weight.reshape(len(weight), -1), None if module.bias is None else numbers(module.bias))

    def run(x: Floats) -> Floats:
        count, _, height, width = x.shape
        edge = ((0, 0), (0, 0), (reach, reach), (reach, reach))
        seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, edge), weight.shape[2:], axis=(2, 3))
        patches = seen.transpose(0, 2, 3, 1, 4, 5).reshape(count * height * width, -1)
        return np.ascontiguousarray(inner(patches).reshape(count, height, width, -1).transpose(0, 3, 1, 2))

    return run


def _layer_norm(module: nn.LayerNorm) -> Layer:
    weight, bias = numbers(module.weight), numbers(module.bias)
    return lambda x: snap(normalised(x, (1,), module.eps) * weight + bias)


def _group_norm(module: nn.GroupNorm) -> Layer:
    weight, bias = (numbers(v)[:, None, None] for v in (module.weight, module.bias))

    def run(x: Floats) -> Floats:
        grouped = x.reshape(len(x), module.num_groups, -1)
        return snap(normalised(grouped, (2,), module.eps).reshape(x.shape) * weight + bias)

    return run


def _sequence(module: nn.Sequential) -> Layer:
    layers = [exact(part) for part in module]

    def run(x: Floats) -> Floats:
        for layer in layers:
            x = layer(x)
        return x

    return run


def _residual_dense(module: ResidualDense) -> Layer:
    norm, inner, outer = exact(module.norm), exact(module.inner), exact(module.outer)
    return lambda x: snap(x + outer(silu(inner(norm(x)))))


def _plain_residual(module: PlainResidual) -> Layer:
    inner, outer = exact(module.inner), exact(module.outer)
    return lambda x: snap(x + outer(silu(inner(silu(x)))))


def _residual_conv(module: ResidualConv) -> Layer:
    inner = _conv_block(module)
    return lambda x: inner(x, None)


def _conv_block(module: ResidualConv) -> Callable[[Floats, Floats | None], Floats]:
    """The block as a function of x and, in a decoder, of z."""
    first_norm, first = exact(module.first_norm), exact(module.first)
    second_norm, second = exact(module.second_norm), exact(module.second)
    film = None if module.film is None else exact(module.film)

    def run(x: Floats, z: Floats | None) -> Floats:
        inner = second_norm(first(silu(first_norm(x))))
        if film is not None and z is not None:
            scale, shift = np.split(film(z)[:, :, None, None], 2, axis=1)
            inner = snap(inner * (1 + scale) + shift)
        return snap(x + second(silu(inner)))

    return run


def _unshuffle(module: nn.PixelUnshuffle) -> Layer:
    return lambda x: _folded(x, module.downscale_factor)


def _folded(x: Floats, by: int) -> Floats:
    """Blocks of `by` x `by` pixels as channels."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // by, by, w // by, by)
    return parts.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * by * by, h // by, w // by)


def _unfolded(x: Floats, by: int) -> Floats:
    """The inverse of `_folded`."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c // (by * by), by, by, h, w)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(n, c // (by * by), h * by, w * by)


def _dense_encoder(module: DenseEncoder) -> Layer:
    shift, stem, blocks = numbers(module.shift), exact(module.stem), exact(module.blocks)
    head, linear = exact(module.head), _optional(module.linear)

    def run(x: Floats) -> Floats:
        centred = snap(x.reshape(len(x), -1) - shift)
        return snap(head(silu(blocks(stem(centred)))) + linear(centred))

    return run


def _dense_decoder(module: DenseDecoder) -> Layer:
    shift, stem, blocks = numbers(module.shift), exact(module.stem), exact(module.blocks)
    head, linear = exact(module.head), _optional(module.linear)

    def run(z: Floats) -> Floats:
        values = head(silu(blocks(stem(z))))
        values += linear(z)
        return snap(values.reshape(-1, *shift.shape) + shift)

    return run


def _optional(module: nn.Module | None) -> Callable[[Floats], Floats | float]:
    return _nothing if module is None else exact(module)


def _nothing(x: Floats) -> float:
    del x
    return 0.0


def _padded(x: Floats, plan: ConvPlan) -> Floats:
    below, right = plan.padding
    return np.pad(x, ((0, 0), (0, 0), (0, below), (0, right)))


def _pooled(x: Floats, by: int) -> Floats:
    """Means of `by` x `by` pixels; a power of two of them, whose sum on the grid is exact."""
    n, c, h, w = x.shape
    return snap(x.reshape(n, c, h // by, by, w // by, by).sum((3, 5)) / (by * by))


def _conv_encoder(module: ConvEncoder) -> Layer:
    shift, body, head = numbers(module.shift), exact(module.body), exact(module.head)
    linear, plan = _optional(module.linear), module.plan

    def run(x: Floats) -> Floats:
        centred = snap(_padded(x - shift, plan))
        deep = head(silu(body(centred)).reshape(len(x), -1))
        return snap(deep + linear(_pooled(centred, plan.pool).reshape(len(x), -1)))

    return run


def _conv_decoder(module: ConvDecoder) -> Layer:
    plan, shift, stem, head = module.plan, numbers(module.shift), exact(module.stem), exact(module.head)
    stages = [[_conv_block(block) for block in blocks] for blocks in module.blocks]  # type: ignore[union-attr]
    ups, linear = [exact(up) for up in module.ups], _optional(module.linear)

    def run(z: Floats) -> Floats:
        hidden = stem(z).reshape(len(z), plan.widths[-1], *plan.grid)
        for stage, blocks in enumerate(stages):
            hidden = _unfolded(ups[stage - 1](hidden), 2) if stage else hidden
            for block in blocks:
                hidden = block(hidden, z)
        image = _unfolded(head(silu(hidden)), plan.patch)
        if module.linear is not None:
            low = np.asarray(linear(z)).reshape(len(z), *module.low)
            image = image + _enlarged(_enlarged(low, plan.pool, 2), plan.pool, 3)
        return snap(image[:, :, : plan.height, : plan.width] + shift)

    return run


def _enlarged(x: Floats, by: int, axis: int) -> Floats:
    """Bilinear interpolation along an axis, pixels as areas."""
    if by == 1:
        return x
    places = np.clip((np.arange(x.shape[axis] * by) + 0.5) / by - 0.5, 0, x.shape[axis] - 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, x.shape[axis] - 1)
    share = (places - before).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return x.take(before, axis) * (1 - share) + x.take(after, axis) * share


def _ladder_encoder(module: LadderEncoder) -> Layer:
    shift, plan = numbers(module.shift), module.plan
    narrow, rise, widen, fall, heads = (
        [exact(part) for part in parts]
        for parts in (module.narrow, module.rise, module.widen, module.fall, module.heads)
    )

    def run(x: Floats) -> Floats:
        hidden = _folded(snap(_padded(x - shift, plan)), plan.patch)
        seen: list[Floats] = []
        for stage, (first, blocks) in enumerate(zip(narrow, rise, strict=True)):
            hidden = blocks(first(_folded(hidden, 2) if stage else hidden))
            seen.append(hidden)
        found: list[list[Floats]] = []
        for stage, (blocks, head) in enumerate(zip(fall, heads, strict=True)):
            if stage:
                hidden = snap(_unfolded(widen[stage - 1](hidden), 2) + seen[-1 - stage])
            hidden = blocks(hidden)
            found.append(np.split(head(silu(hidden)), module.per_latent, axis=1))
        parts = [part.reshape(len(x), -1) for parts in zip(*found, strict=True) for part in parts]
        return np.concatenate(parts, axis=1)

    return run


def _ladder_decoder(module: LadderDecoder) -> Layer:
    plan, shift, start = module.plan, numbers(module.shift), snap(numbers(module.start))
    reads, blocks, widen = ([exact(part) for part in parts] for parts in (module.reads, module.blocks, module.widen))
    head, told = exact(module.head), _optional(module.told)
    ends = np.cumsum([int(np.prod(shape)) for shape in module.shapes])

    def run(z: Floats) -> Floats:
        *maps, condition = np.split(z, ends, axis=1)
        hidden = start[None]
        if module.told is not None:
            hidden = snap(hidden + np.asarray(told(condition))[:, :, None, None])
        for stage, (shape, part, read) in enumerate(zip(module.shapes, maps, reads, strict=True)):
            hidden = _unfolded(widen[stage - 1](hidden), 2) if stage else hidden
            hidden = blocks[stage](snap(hidden + read(part.reshape(len(z), *shape))))
        image = _unfolded(head(silu(hidden)), plan.patch)
        return snap(image[:, :, : plan.height, : plan.width] + shift)

    return run


_BUILDERS: Mapping[type, Callable[[Any], Layer]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.Sequential: _sequence,
    nn.PixelUnshuffle: _unshuffle,
    ResidualDense: _residual_dense,
    ResidualConv: _residual_conv,
    PlainResidual: _plain_residual,
    DenseEncoder: _dense_encoder,
    DenseDecoder: _dense_decoder,
    ConvEncoder: _conv_encoder,
    ConvDecoder: _conv_decoder,
    LadderEncoder: _ladder_encoder,
    LadderDecoder: _ladder_decoder,
}
