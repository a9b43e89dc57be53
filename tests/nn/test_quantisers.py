"""Quantisers on small tensors worked out by hand, and the traps of the published ones."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentarium.errors import InvalidInput
from latentarium.nn.quantisers import (
    COMMITMENT,
    SCALAR_WEIGHT,
    Codebook,
    FiniteScalars,
    LatentScalars,
    Quantiser,
    build_quantiser,
)

FORMS = ["fsq:8-5-5-5", "fsq:3", "vq:20", "vq:16-2", "qlae:10"]


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(text: str, latent: int = 8) -> Quantiser:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        quantiser = build_quantiser(text, latent)
    assert quantiser is not None
    return quantiser


def raw(rows: int = 64, latent: int = 8) -> torch.Tensor:
    return torch.randn(rows, latent, generator=source(1))


@pytest.mark.parametrize("text", FORMS)
def test_codes_and_integers_are_one_to_one(text: str) -> None:
    quantiser = made(text)
    codes = quantiser(raw()).codes
    numbers = quantiser.integers(codes)
    assert numbers.shape == (64, len(quantiser.sizes))
    assert bool((numbers >= 0).all())
    assert bool((numbers < torch.tensor(quantiser.sizes)).all())
    assert torch.equal(quantiser.codes(numbers), codes)
    draw = torch.stack([torch.randint(size, (50,), generator=source(2)) for size in quantiser.sizes], dim=1)
    assert torch.equal(quantiser.integers(quantiser.codes(draw)), draw)


@pytest.mark.parametrize("text", FORMS)
def test_a_row_does_not_depend_on_its_neighbours(text: str) -> None:
    quantiser = made(text)
    whole, alone = quantiser(raw()), quantiser(raw()[5:6])
    assert torch.equal(whole.codes[5:6], alone.codes)
    torch.testing.assert_close(whole.loss[5:6], alone.loss)


@pytest.mark.parametrize("text", FORMS)
def test_the_weight_of_the_loss_does_not_depend_on_the_batch_size(text: str) -> None:
    """A loss summed over the batch beside a reconstruction of each row would grow with the batch."""
    quantiser = made(text)
    small = raw(8).requires_grad_()
    large = small.detach().repeat(16, 1).requires_grad_()
    one, many = quantiser(small).loss, quantiser(large).loss
    assert one.shape == (8,)
    torch.testing.assert_close(many.mean(), one.mean())
    if one.requires_grad:
        (slope,) = torch.autograd.grad(one.sum(), small)
        (slopes,) = torch.autograd.grad(many.sum(), large)
        torch.testing.assert_close(slopes[:8], slope)


@pytest.mark.parametrize("text", FORMS)
def test_gradients_pass_straight_through(text: str) -> None:
    quantiser = made(text)
    values = raw().requires_grad_()
    weights = torch.randn(64, 8, generator=source(3))
    (slope,) = torch.autograd.grad((quantiser(values).codes * weights).sum(), values)
    expected = weights * (1 - torch.tanh(values) ** 2) if text.startswith("fsq") else weights
    torch.testing.assert_close(slope, expected.detach())


def test_finite_scalars_of_known_values() -> None:
    quantiser = FiniteScalars(latent=2, levels=(3, 2))
    assert quantiser.sizes == (6,)
    values = torch.tensor([[0.0, 0.1], [5.0, -5.0], [-0.4, 5.0], [-0.7, -0.1]])
    expected = torch.tensor([[0.0, 1.0], [1.0, -1.0], [0.0, 1.0], [-1.0, -1.0]])
    found = quantiser(values)
    assert torch.equal(found.codes, expected)
    assert quantiser.integers(expected).flatten().tolist() == [1 + 3, 2, 1 + 3, 0]
    assert bool((found.loss == 0).all())


@given(level=st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_finite_scalars_reach_every_level_in_order(level: int) -> None:
    quantiser = FiniteScalars(latent=1, levels=(level,))
    codes = quantiser(torch.linspace(-9, 9, 4001)[:, None]).codes.flatten()
    levels = codes.unique().tolist()
    assert levels == pytest.approx(np.linspace(-1, 1, level).tolist(), abs=1e-6)
    assert all(a <= b for a, b in pairwise(codes.tolist()))


def test_codebook_of_known_vectors() -> None:
    quantiser = Codebook(latent=4, count=3, length=2)
    quantiser.vectors.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0], [-2.0, 0.0]]))
    found = quantiser(torch.tensor([[0.9, 0.8, -1.6, 0.2]]))
    assert found.codes.tolist() == [[1.0, 1.0, -2.0, 0.0]]
    distance = (0.01 + 0.04 + 0.16 + 0.04) / 4
    assert found.loss.tolist() == pytest.approx([COMMITMENT * distance])
    assert quantiser.integers(found.codes).tolist() == [[1, 2]]


def test_the_codebook_is_the_running_mean_of_what_chose_it() -> None:
    quantiser = Codebook(latent=1, count=2, length=1)
    quantiser.vectors.copy_(torch.tensor([[-1.0], [1.0]]))
    quantiser.counts.fill_(2.0)
    quantiser.sums.copy_(torch.tensor([[-2.0], [2.0]]))
    quantiser.learn(torch.tensor([[-2.0], [2.0], [3.0], [4.0]]), source())
    counts = [0.99 * 2 + 0.01, 0.99 * 2 + 0.03]
    assert quantiser.counts.tolist() == pytest.approx(counts)
    expected = [(0.99 * -2 - 0.02) / counts[0], (0.99 * 2 + 0.09) / counts[1]]
    assert quantiser.vectors.flatten().tolist() == pytest.approx(expected)


def test_codes_nobody_chooses_are_moved_onto_rows_of_the_batch() -> None:
    quantiser = made("vq:16-2", 8)
    assert isinstance(quantiser, Codebook)
    quantiser.vectors.fill_(50.0)
    rows = raw(64)
    quantiser.learn(rows, source())
    pieces = {tuple(piece) for piece in rows.reshape(-1, 2).tolist()}
    assert {tuple(vector) for vector in quantiser.vectors[1:].tolist()} <= pieces
    torch.testing.assert_close(quantiser.vectors[0], rows.reshape(-1, 2).mean(0))
    assert len(quantiser.vectors.unique(dim=0)) == 16
    assert quantiser.use(quantiser.integers(rows)) == 1


def test_fewer_rows_than_codes_start_only_as_many() -> None:
    quantiser = Codebook(latent=2, count=30, length=2)
    rows = raw(5, 2)
    quantiser.learn(rows, source())
    assert {tuple(row) for row in rows.tolist()} <= {tuple(vector) for vector in quantiser.vectors.tolist()}
    assert bool(torch.isfinite(quantiser.vectors).all())


def test_latent_scalars_of_known_values() -> None:
    quantiser = LatentScalars(latent=2, count=3)
    with torch.no_grad():
        quantiser.values.copy_(torch.tensor([[-1.0, 0.0, 1.0], [0.0, 2.0, 4.0]]))
    values = torch.tensor([[0.4, 3.5]], requires_grad=True)
    found = quantiser(values)
    assert found.codes.tolist() == [[0.0, 4.0]]
    assert quantiser.integers(found.codes).tolist() == [[1, 2]]
    assert found.loss.tolist() == pytest.approx([SCALAR_WEIGHT * 2 * (0.16 + 0.25) / 2])
    towards_codes, towards_rows = torch.autograd.grad(found.loss.sum(), [values, quantiser.values])
    assert towards_codes.flatten().tolist() == pytest.approx([SCALAR_WEIGHT * 0.4, SCALAR_WEIGHT * -0.5])
    expected = [0, SCALAR_WEIGHT * -0.4, 0, 0, 0, SCALAR_WEIGHT * 0.5]
    assert towards_rows.flatten().tolist() == pytest.approx(expected)


def test_use_is_that_of_a_shared_set_or_a_mean_over_positions() -> None:
    numbers = torch.tensor([[0, 1], [0, 2], [0, 1]])
    assert Codebook(latent=4, count=6, length=2).use(numbers) == 3 / 6
    assert LatentScalars(latent=2, count=4).use(numbers) == (1 / 4 + 2 / 4) / 2


def test_half_precision_chooses_the_same_codes() -> None:
    quantiser = made("vq:512", 8).train()
    plain = quantiser.integers(raw(500))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(quantiser.integers(raw(500)), plain)


@pytest.mark.parametrize(
    ("text", "latent", "words"),
    [
        ("fsq", 8, "quantiser must be fsq:8-5-5-5"),
        ("fsq:8,5", 8, "quantiser must be fsq"),
        ("kmeans:8", 8, "quantiser must be fsq"),
        ("vq:512-4-4", 8, "quantiser must be fsq"),
        ("vq:-1", 8, "quantiser must be fsq"),
        ("fsq:8-1", 8, "codes must be an integer from 2"),
        ("fsq:256-256-2", 6, "at most 65536 at a position"),
        ("fsq:8-5-5-5", 6, "a multiple of 4, got 6"),
        ("vq:512-0", 8, "a multiple of 0"),
        ("vq:512-3", 8, "a multiple of 3, got 8"),
    ],
)
def test_what_cannot_be_built_gets_one_line(text: str, latent: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        build_quantiser(text, latent)
    assert "\n" not in str(caught.value)


def test_sizes_follow_the_latents() -> None:
    assert made("fsq:8-5-5-5", 12).sizes == (1000,) * 3
    assert made("vq:512", 12).sizes == (512,) * 3
    assert made("vq:512", 2).sizes == (512,)
    assert made("vq:512-6", 12).sizes == (512,) * 2
    assert made("qlae:10", 12).sizes == (10,) * 12
    assert math.prod(made("fsq:12", 2).sizes) == 144
    assert build_quantiser("", 12) is None
