"""Autoencoders of latent diffusion models, built from a configuration."""

import numpy as np
import pytest
import torch
from tests.contract.foreign import small_kl, small_tiny

from latentarium.adapters import as_space, from_diffusers
from latentarium.errors import InvalidInput

X = np.random.default_rng(0).random((3, 3, 16, 16), np.float32)


def test_latents_are_those_a_diffusion_model_sees() -> None:
    model = small_kl(scaling_factor=0.5, shift_factor=0.25)
    space = from_diffusers(model)
    assert (space.data_shape, space.shape, space.prior) == ((3, 16, 16), (4, 8, 8), None)
    with torch.no_grad():
        posterior = model.encode(torch.tensor(2 * X - 1)).latent_dist
        pictures = model.decode(posterior.mean).sample
    np.testing.assert_allclose(space.encode(X), (posterior.mean.numpy() - 0.25) * 0.5, atol=1e-5)
    np.testing.assert_allclose(space.posterior(X).std, posterior.std.numpy() * 0.5, rtol=1e-4)
    np.testing.assert_allclose(space.reconstruct(X), np.clip(pictures.numpy() / 2 + 0.5, 0, 1), atol=1e-5)


def test_means_and_stds_of_channels_come_before_the_factor() -> None:
    mean, std = [0.5, 0.0, -0.5, 1.0], [1.0, 2.0, 4.0, 0.5]
    model = small_kl(scaling_factor=2.0, latents_mean=mean, latents_std=std)
    with torch.no_grad():
        own = model.encode(torch.tensor(2 * X - 1)).latent_dist.mean.numpy()
    expected = (own - np.reshape(mean, (1, 4, 1, 1))) * 2.0 / np.reshape(std, (1, 4, 1, 1))
    np.testing.assert_allclose(from_diffusers(model).encode(X), expected, atol=1e-4)


def test_the_tiny_one_has_no_posterior_and_is_told_its_size() -> None:
    model = small_tiny()
    space = as_space(model, size=16)
    assert space.shape == (4, 8, 8)
    assert "posterior" not in space.capabilities
    with torch.no_grad():
        expected = model.encode(torch.tensor(2 * X - 1)).latents.numpy()
    np.testing.assert_allclose(space.encode(X), expected, atol=1e-5)
    with pytest.raises(InvalidInput, match="size must be given for an AutoencoderTiny"):
        as_space(model)


def test_other_sizes_and_classes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="size must be a multiple of 2, which the encoder shrinks pictures by"):
        from_diffusers(small_kl(), size=15)
    with pytest.raises(InvalidInput, match="must be an AutoencoderKL or an AutoencoderTiny, got 'Linear'"):
        from_diffusers(torch.nn.Linear(2, 2))


def test_weights_in_half_precision_are_read_in_single() -> None:
    space = from_diffusers(small_kl().to(torch.bfloat16))
    assert space.reconstruct(X).shape == X.shape
    assert space.encode(X).dtype == np.float32
