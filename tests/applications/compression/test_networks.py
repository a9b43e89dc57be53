"""Networks in exact arithmetic: those of torch but for rounding, and blind to the batch."""

import numpy as np
import pytest
import torch
from torch import nn

from latentarium.applications.compression.networks import exact
from latentarium.data.modalities import ImageModality
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture, Autoencoder, build
from latentarium.rng import torch_generator

CASES = [("dense", (1, 12, 10)), ("conv", (3, 64, 64)), ("conv", (1, 50, 38)), ("ladder", (1, 28, 28))]


def model_of(net: str, shape: tuple[int, int, int], conditions: int = 0) -> Autoencoder:
    modality = ImageModality(channels=shape[0], height=shape[1], width=shape[2])
    wanted = Architecture(net=net, latent=6, width=8, likelihood="logistic", conditions=conditions)
    model = build(wanted.settle(modality, np.zeros((2, *shape), np.float32)), modality).double()
    generator = torch_generator(0, 1)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.data.normal_(0, 0.1, generator=generator)
    return model


@pytest.mark.parametrize(("net", "shape"), CASES)
def test_close_to_torch(net: str, shape: tuple[int, int, int]) -> None:
    model, rng = model_of(net, shape), np.random.default_rng(0)
    x, z = rng.integers(0, 256, (4, *shape)) / 255, rng.integers(-64, 64, (4, latent_of(model))) / 32
    with torch.no_grad():
        codes, params = model.encoder(torch.tensor(x)).numpy(), model.decoder(torch.tensor(z)).numpy()
    assert codes.std() > 0.01
    assert params.std() > 0.01
    assert np.abs(exact(model.encoder)(x) - codes).max() < 2e-3
    assert np.abs(exact(model.decoder)(z) - params).max() < 2e-3


@pytest.mark.parametrize(("net", "shape"), CASES)
def test_rows_do_not_see_their_neighbours(net: str, shape: tuple[int, int, int]) -> None:
    model, rng = model_of(net, shape), np.random.default_rng(1)
    x, z = rng.integers(0, 256, (5, *shape)) / 255, rng.integers(-64, 64, (5, latent_of(model))) / 32
    for function, values in ((exact(model.encoder), x), (exact(model.decoder), z)):
        whole = function(values)
        assert (function(values[2:3]) == whole[2:3]).all()
        assert (function(values[1:4]) == whole[1:4]).all()


def test_ladder_with_a_condition() -> None:
    model = model_of("ladder", (1, 28, 28), conditions=3)
    z = np.random.default_rng(0).integers(-64, 64, (2, latent_of(model) + 3)) / 32
    with torch.no_grad():
        params = model.decoder(torch.tensor(z)).numpy()
    assert np.abs(exact(model.decoder)(z) - params).max() < 2e-3


def test_other_modules_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Tanh has no exact arithmetic"):
        exact(nn.Tanh())


def latent_of(model: Autoencoder) -> int:
    with torch.no_grad():
        shape = (1, *model.encoder.shift.shape) if model.encoder.shift.ndim > 1 else (1, model.encoder.shift.numel())
        return model.encoder(torch.zeros(shape, dtype=torch.float64)).shape[1] // 2
