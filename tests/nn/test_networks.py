"""Encoders and decoders for any picture size, their padding, and their independence of batch neighbours."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from latentarium.nn.networks import ConvDecoder, ConvEncoder, ConvPlan, DenseDecoder, DenseEncoder

SIDES = st.integers(8, 256)
SHAPES = st.tuples(st.integers(1, 4), SIDES, SIDES)


def built(shape: tuple[int, int, int], *, base: int = 8, depth: int = 1) -> tuple[ConvEncoder, ConvDecoder]:
    plan = ConvPlan.design(shape, base=base)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ConvEncoder(plan, depth=depth, outputs=6)
        return encoder, ConvDecoder(plan, latent=3, depth=depth, channels=shape[0])


def stirred(module: nn.Module) -> nn.Module:
    """Fresh blocks end in zeros; random weights let every path contribute."""
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=source))
    return module.eval()


@given(shape=SHAPES)
@example(shape=(1, 8, 256))
@example(shape=(4, 256, 256))
@example(shape=(3, 255, 9))
@settings(max_examples=200, deadline=None)
def test_plans_cover_the_picture_and_no_more(shape: tuple[int, int, int]) -> None:
    plan = ConvPlan.design(shape, base=8)
    below, right = plan.padding
    assert 0 <= below < plan.multiple
    assert 0 <= right < plan.multiple
    grid = plan.grid
    assert (grid[0] * plan.multiple, grid[1] * plan.multiple) == (shape[1] + below, shape[2] + right)
    assert max(grid) <= 8
    assert max(shape[1:]) / plan.patch <= 32
    assert plan.widths[0] == 8
    assert max(plan.widths) <= 64


@given(shape=st.tuples(st.integers(1, 4), st.integers(8, 80), st.integers(8, 80)))
@example(shape=(1, 8, 8))
@example(shape=(4, 33, 129))
@example(shape=(1, 256, 255))
@settings(max_examples=20, deadline=None)
@torch.inference_mode()
def test_decoders_give_back_the_shape_that_encoders_take(shape: tuple[int, int, int]) -> None:
    encoder, decoder = built(shape)
    assert encoder(torch.zeros(2, *shape)).shape == (2, 6)
    assert decoder(torch.zeros(2, 3)).shape == (2, *shape)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 21), (2, 32, 16)])
@torch.inference_mode()
def test_a_row_does_not_depend_on_its_neighbours(shape: tuple[int, int, int]) -> None:
    encoder, decoder = map(stirred, built(shape))
    x, z = torch.rand(5, *shape), torch.randn(5, 3)
    others = x.clone()
    others[1:] = 1 - others[1:]
    assert torch.equal(encoder(x)[0], encoder(others)[0])
    moved = z.flip(0)
    assert torch.equal(decoder(z)[2], decoder(moved)[2])
    torch.testing.assert_close(encoder(x)[0], encoder(x[:1])[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(decoder(z)[3], decoder(z[3:4])[0], rtol=1e-3, atol=1e-3)


def test_every_pixel_reaches_the_code_and_every_latent_every_pixel() -> None:
    encoder, decoder = map(stirred, built((2, 11, 19)))
    x = torch.rand(1, 2, 11, 19, requires_grad=True)
    encoder(x).sum().backward()
    assert x.grad is not None
    assert bool((x.grad != 0).all())
    z = torch.randn(1, 3)
    slopes = torch.func.jacfwd(lambda point: decoder(point))(z)
    assert bool((slopes != 0).all())


def test_the_last_row_and_column_survive_padding() -> None:
    encoder, _ = built((1, 17, 17))
    stirred(encoder)
    x = torch.zeros(2, 1, 17, 17)
    x[1, 0, 16, 16] = 1
    first, second = encoder(x).detach()
    assert float((first - second).abs().max()) > 1e-4


@torch.inference_mode()
def test_padding_is_neutral_where_the_picture_is_the_mean() -> None:
    """The shift is taken off before padding, so that the border of a mean picture is not an edge."""
    encoder, _ = built((1, 17, 17))
    stirred(encoder)
    encoder.shift.fill_(0.7)
    grey = encoder(torch.full((1, 1, 17, 17), 0.7))
    encoder.shift.zero_()
    torch.testing.assert_close(grey, encoder(torch.zeros(1, 1, 17, 17)))


def test_the_shift_of_a_decoder_is_added_to_every_picture() -> None:
    _, decoder = built((3, 9, 10))
    with torch.inference_mode():
        before = decoder(torch.zeros(1, 3))
        picture = torch.rand(3, 9, 10)
        decoder.shift.copy_(picture)
        torch.testing.assert_close(decoder(torch.zeros(1, 3)), before + picture)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 40, 33), (2, 130, 64)])
def test_linear_paths_are_silent_until_they_are_set_and_linear_then(shape: tuple[int, int, int]) -> None:
    encoder, decoder = built(shape)
    for net in (encoder, decoder):
        assert float(net.linear.weight.detach().abs().max()) == 0
        for parameter in net.parameters():
            parameter.requires_grad_(False)
            if parameter is not net.linear.weight:
                parameter.zero_()
        net.linear.weight.normal_(generator=torch.Generator().manual_seed(0))
    x, y, z, w = torch.rand(1, *shape), torch.rand(1, *shape), torch.randn(1, 3), torch.randn(1, 3)
    torch.testing.assert_close(encoder(x + 2 * y), encoder(x) + 2 * encoder(y), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(decoder(z + 2 * w), decoder(z) + 2 * decoder(w), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_is_blocks_at_each_grid(depth: int) -> None:
    encoder, decoder = built((1, 16, 16), depth=depth)
    stages = len(encoder.plan.widths)
    assert sum(type(m).__name__ == "ResidualConv" for m in encoder.modules()) == depth * stages
    assert sum(type(m).__name__ == "ResidualConv" for m in decoder.modules()) == depth * stages
    dense = DenseEncoder(features=5, width=16, depth=depth, outputs=2)
    assert len(dense.blocks) == depth


@pytest.mark.parametrize("base", [8, 16, 32])
def test_width_is_the_channels_at_the_finest_grid(base: int) -> None:
    plan = ConvPlan.design((1, 64, 64), base=base)
    assert plan.widths == tuple(base * 2**i for i in range(len(plan.widths)))


@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple), latent=st.integers(1, 5))
@settings(max_examples=20, deadline=None)
@torch.inference_mode()
def test_dense_nets_take_any_shape(shape: tuple[int, ...], latent: int) -> None:
    features = int(torch.tensor(shape).prod())
    encoder = DenseEncoder(features=features, width=8, depth=1, outputs=latent)
    decoder = DenseDecoder(latent=latent, width=8, depth=1, shape=shape)
    assert decoder(encoder(torch.zeros(3, *shape))).shape == (3, *shape)


@torch.inference_mode()
def test_dense_encoders_subtract_the_shift() -> None:
    encoder = DenseEncoder(features=4, width=8, depth=1, outputs=2)
    centred = encoder(torch.zeros(1, 4))
    encoder.shift.fill_(3)
    torch.testing.assert_close(encoder(torch.full((1, 4), 3.0)), centred)
