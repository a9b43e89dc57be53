"""The top-down hierarchical nets: maps at every grid size, and no statistics of other rows or places."""

import pytest
import torch
from tests.nn.test_likelihoods import grey, normal
from torch import nn

from latentarium.data.modalities import ImageModality
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture, build
from latentarium.nn.ladder import LadderDecoder, LadderEncoder, PlainResidual, ladder_size, map_shapes
from latentarium.nn.networks import ConvPlan

PLAN = ConvPlan.design((1, 28, 28), base=8)


def decoder() -> LadderDecoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = LadderDecoder(PLAN, depth=1, channels=2)
        nn.init.normal_(made.head.weight, std=0.1)
    return made.eval()


def test_the_code_has_one_stated_size() -> None:
    assert map_shapes(PLAN) == [(8, 4, 4), (4, 8, 8), (2, 16, 16)]
    assert ladder_size(PLAN) == 128 + 256 + 512
    grey_28 = ImageModality(channels=1, height=28, width=28)
    settled = Architecture(net="ladder", latent=3).settle(grey_28, grey(9, 1, 28, 28).numpy())
    assert settled.latent == 896
    mean, log_variance = build(settled, grey_28).posterior(grey(2, 1, 28, 28))
    assert mean.shape == log_variance.shape == (2, 896)


@torch.inference_mode()
def test_coarse_maps_reach_the_whole_picture_and_fine_ones_their_place() -> None:
    net = decoder()
    changed = []
    for place in (0, 128, 128 + 256):
        z = torch.zeros(1, 896)
        z[0, place] = 3.0
        changed.append(float(((net(z) - net(torch.zeros(1, 896))).abs() > 1e-6).float().mean()))
    assert changed[0] > changed[1] > changed[2] > 0


def test_the_encoder_lists_means_then_log_variances_map_by_map() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = LadderEncoder(PLAN, depth=1, per_latent=2).eval()
    with torch.no_grad():
        for number, head in enumerate(net.heads):
            assert isinstance(head, nn.Conv2d)
            head.weight.zero_()
            channels = len(head.bias) // 2  # type: ignore[arg-type]
            head.bias[:channels] = number  # type: ignore[index]
            head.bias[channels:] = number + 10  # type: ignore[index]
        mean, log_variance = net(grey(1, 1, 28, 28)).chunk(2, dim=1)
    expected = torch.cat([torch.full((1, size), float(i)) for i, size in enumerate((128, 256, 512))], dim=1)
    torch.testing.assert_close(mean, expected)
    torch.testing.assert_close(log_variance, expected + 10)


def test_nothing_in_the_decoder_normalises() -> None:
    """A codec evaluates it in integers, which statistics of a row would forbid."""
    kinds = {type(module) for module in decoder().modules()}
    assert kinds == {LadderDecoder, PlainResidual, nn.ModuleList, nn.Sequential, nn.Conv2d}


@torch.inference_mode()
def test_a_row_does_not_depend_on_its_neighbours() -> None:
    net, z = decoder(), normal(4, 896)
    torch.testing.assert_close(net(z)[:1], net(z[:1]), atol=1e-5, rtol=1e-5)


def test_a_quantiser_is_refused() -> None:
    grey_28 = ImageModality(channels=1, height=28, width=28)
    with pytest.raises(InvalidInput, match="quantiser must be '' for the net 'ladder'"):
        Architecture(net="ladder", quantiser="fsq:8", latent=1, variational=False).settle(
            grey_28, grey(9, 1, 28, 28).numpy()
        )
