"""Generator, discriminator and inversion: any picture size, sane starts, graphs, and codes that descent improves."""

import numpy as np
import onnxruntime
import pytest
import torch
from tests.training.small import pictures

from latentarium.data import ImageModality
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture, Autoencoder, build, build_discriminator
from latentarium.models.export import export_decoder, export_encoder
from latentarium.models.inversion import invert
from latentarium.models.spaces import autoencoder_space
from latentarium.nn.generators import Bottleneck, design

SHAPES = [(1, 8, 8), (2, 13, 10), (3, 16, 16), (1, 28, 28), (4, 32, 32), (3, 20, 33), (3, 64, 64)]


def modality(shape: tuple[int, int, int]) -> ImageModality:
    return ImageModality(channels=shape[0], height=shape[1], width=shape[2])


def gan(shape: tuple[int, int, int], **options: int) -> Autoencoder:
    given = {"latent": 5, "width": 16, **options}
    architecture = Architecture(net="gan", variational=False, **given).settle(modality(shape), np.zeros(0, np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(architecture, modality(shape)).eval()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_size_goes_in_and_out(shape: tuple[int, int, int]) -> None:
    model = gan(shape)
    architecture = Architecture(latent=5, net="gan", width=16).settle(modality(shape), np.zeros(0, np.float32))
    critic = build_discriminator(architecture, modality(shape))
    z = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        made = model.decoder(z)
        scores = critic(made)
        codes, _ = model.posterior(made)
        shown = model.decode(z)
    assert made.shape == (6, *shape)
    assert (scores.shape, codes.shape) == ((6,), (6, 5))
    assert all(bool(torch.isfinite(t).all()) for t in (made, scores, codes))
    assert 0.05 < float(made.std()) < 2
    assert float(scores.std()) > 1e-3
    assert float(shown.min()) >= 0
    assert float(shown.max()) <= 1


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    critic = build_discriminator(
        Architecture(latent=5, net="gan", width=16, depth=1, patch=1, likelihood="gaussian"), modality((1, 16, 16))
    )
    x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(critic(x[:1]), critic(x)[:1])


@pytest.mark.parametrize(
    ("shape", "patch", "widths", "grid"),
    [
        ((1, 28, 28), 0, (96, 96), (7, 7)),
        ((1, 28, 28), 1, (48, 96, 96), (7, 7)),
        ((3, 32, 32), 1, (48, 96, 96, 96), (4, 4)),
        ((3, 64, 64), 1, (24, 48, 96, 96, 96), (4, 4)),
        ((3, 128, 128), 0, (48, 96, 96, 96), (4, 4)),
    ],
)
def test_the_plan_halves_grids_and_narrows_fine_ones(
    shape: tuple[int, int, int], patch: int, widths: tuple[int, ...], grid: tuple[int, int]
) -> None:
    plan = design(shape, base=96, patch=patch)
    assert (plan.widths, plan.grid, plan.padding) == (widths, grid, (0, 0))


def test_a_block_is_the_identity_at_the_start() -> None:
    x = torch.randn(2, 16, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Bottleneck(16, blocks=4)(x), x)


def test_graphs_agree_with_torch() -> None:
    model = gan((3, 28, 28))
    rows = modality((3, 28, 28)).to_array(pictures(9, (3, 28, 28)))
    codes = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    down, up = export_encoder(model, rows), export_decoder(model, codes)
    assert max(down.error, up.error) < 1e-4
    session = onnxruntime.InferenceSession(up.data, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = model.decode(torch.from_numpy(codes[:3])).numpy()
    np.testing.assert_allclose(session.run(None, {"z": codes[:3]})[0], expected, atol=1e-4)


def test_the_space_walks_great_circles_from_a_normal_prior() -> None:
    space = autoencoder_space(gan((1, 8, 8)), modality((1, 8, 8)), latent=5, name="gan")
    assert (space.geometry.path, type(space.prior).__name__) == ("slerp", "Normal")
    assert space.capabilities == {"encode", "decode", "derivative", "likelihood", "prior"}
    near, far = (space.sample_latents(200, seed=0, temperature=t) for t in (0.5, 1.0))
    assert np.linalg.norm(near, axis=1).mean() == pytest.approx(0.5 * np.linalg.norm(far, axis=1).mean(), rel=0.1)


def test_descent_comes_closer_than_the_encoder_and_never_ends_farther() -> None:
    model = gan((1, 8, 8))
    z = np.random.default_rng(1).normal(size=(70, 5)).astype(np.float32)
    with torch.inference_mode():
        x = model.decode(torch.from_numpy(z)).numpy()

    def cost(codes: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            back = model.decoder(torch.from_numpy(codes)).numpy()
        return ((back - x) ** 2).reshape(len(x), -1).mean(1) + 1e-3 * (codes**2).mean(1)

    start, found = invert(model, x, steps=0), invert(model, x, steps=100)
    with torch.inference_mode():
        np.testing.assert_allclose(start, model.posterior(torch.from_numpy(x))[0], atol=1e-5)
    assert (cost(found) <= cost(start) + 1e-7).all()
    assert np.median(cost(found)) < 0.2 * np.median(cost(start))
    np.testing.assert_array_equal(found, invert(model, x, steps=100))
    np.testing.assert_allclose(invert(model, x[:3], steps=100), found[:3], atol=1e-3)


def test_inversion_names_what_it_cannot_do() -> None:
    other = build(Architecture(latent=3, net="dense", width=8, depth=1, likelihood="bernoulli"), modality((1, 8, 8)))
    with pytest.raises(InvalidInput, match="model must be a GAN; other models encode by themselves"):
        invert(other, np.zeros((1, 1, 8, 8), np.float32))
    with pytest.raises(InvalidInput, match=r"x\.shape must be \(n, 1, 8, 8\)"):
        invert(gan((1, 8, 8)), np.zeros((1, 1, 8, 9), np.float32))
    with pytest.raises(InvalidInput, match="learning_rate must be"):
        invert(gan((1, 8, 8)), np.zeros((1, 1, 8, 8), np.float32), learning_rate=-1)
    assert invert(gan((1, 8, 8)), np.zeros((0, 1, 8, 8), np.float32)).shape == (0, 5)
