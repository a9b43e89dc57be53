"""The linear start: probabilistic PCA, whatever the data."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.training.small import bits, people, pictures

from latentarium.data import ImageModality, open_source, rows_from_arrays
from latentarium.models.autoencoder import Architecture, Autoencoder, build
from latentarium.models.start import principal, start_linear

LATENT = 4


def started(
    data: NDArray[np.float32], *, net: str = "dense", variational: bool = True, name: str = "gaussian"
) -> Autoencoder:
    modality = ImageModality(channels=data.shape[1], height=data.shape[2], width=data.shape[3])
    architecture = Architecture(
        latent=LATENT, net=net, width=16, depth=1, likelihood=name, variational=variational, levels=5
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(architecture, modality).eval()
    halves = torch.from_numpy(data).split(len(data) // 2 + 1)
    start_linear(model, halves, torch.from_numpy(data.mean(0)), latent=LATENT, seed=0)
    return model


def digits() -> NDArray[np.float32]:
    return open_source("digits").array("train")


def squares(*shape: int) -> NDArray[np.float32]:
    return pictures(80, shape).astype(np.float32) / 255


def test_principal_components_are_those_of_the_data() -> None:
    data = digits().reshape(-1, 64)
    data -= data.mean(0)
    total = float((data**2).sum(1).mean())
    found = principal(torch.from_numpy(data), total, latent=LATENT, merged=1.0, seed=0)
    _, lengths, directions = np.linalg.svd(data, full_matrices=False)
    np.testing.assert_allclose(found.variances, lengths[:LATENT] ** 2 / len(data), rtol=1e-3)
    overlap = np.abs(directions[:LATENT] @ found.components.numpy())
    np.testing.assert_allclose(overlap, np.eye(LATENT), atol=1e-2)
    assert found.noise == pytest.approx((total - float(found.variances.sum())) / 64)


@torch.inference_mode()
def test_a_dense_gaussian_vae_starts_at_probabilistic_pca() -> None:
    data = digits()
    model = started(data)
    x = torch.from_numpy(data)
    mean, log_variance = model.posterior(x)
    flat = data.reshape(-1, 64) - data.reshape(-1, 64).mean(0)
    _, lengths, directions = np.linalg.svd(flat, full_matrices=False)
    variances = lengths[:LATENT] ** 2 / len(flat)
    noise = ((flat**2).sum(1).mean() - variances.sum()) / 64
    expected = flat @ (directions[:LATENT].T * np.sqrt(variances - noise) / variances)
    np.testing.assert_allclose(np.abs(mean), np.abs(expected), atol=0.02)
    np.testing.assert_allclose(log_variance[0].exp(), noise / variances, rtol=0.02)
    back = model.decoder(mean).reshape(-1, 64).numpy() - data.reshape(-1, 64).mean(0)
    shrunk = flat @ directions[:LATENT].T * (1 - noise / variances) @ directions[:LATENT]
    np.testing.assert_allclose(back, shrunk, atol=0.01)


@pytest.mark.parametrize("net", ["dense", "conv"])
@pytest.mark.parametrize("name", ["gaussian", "bernoulli", "logistic", "autoregressive"])
@pytest.mark.parametrize("variational", [True, False])
@torch.inference_mode()
def test_a_start_reconstructs_better_than_the_mean(net: str, name: str, variational: bool) -> None:
    data = np.clip(0.2 + 0.6 * squares(2, 13, 18), 0.05, 0.95)
    model = started(data, net=net, name=name, variational=variational)
    x = torch.from_numpy(data)
    back = model.decode(model.posterior(x)[0])
    assert float((back - x).square().mean()) < 0.8 * float((x.mean(0) - x).square().mean())
    middle = model.decode(torch.zeros(1, LATENT))[0]
    assert float((middle - x.mean(0)).abs().max()) < 1e-3


@torch.inference_mode()
def test_constant_pictures_give_finite_nets() -> None:
    for net in ("dense", "conv"):
        model = started(np.full((20, 1, 16, 16), 0.3, np.float32), net=net)
        assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
        mean, log_variance = model.posterior(torch.rand(3, 1, 16, 16))
        assert bool(torch.isfinite(mean).all())
        assert bool(torch.isfinite(log_variance).all())


@pytest.mark.parametrize("rows", [2, 3])
def test_fewer_rows_than_latents(rows: int) -> None:
    model = started(squares(1, 9, 9)[:rows])
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


@torch.inference_mode()
def test_a_table_gets_its_centre_and_keeps_its_fresh_weights() -> None:
    rows = rows_from_arrays(people(100))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(Architecture(latent=2, net="dense", width=16, depth=1, likelihood="mixed"), rows.modality)
    before = bits(model.decoder)
    x = torch.from_numpy(rows.array("train"))
    start_linear(model, [x], x.mean(0), latent=2, seed=0)
    assert bits(model.decoder) == before
    torch.testing.assert_close(model.encoder.shift, x.mean(0))


def test_the_start_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = started(digits())
    torch.manual_seed(2)
    assert bits(first) == bits(started(digits()))
