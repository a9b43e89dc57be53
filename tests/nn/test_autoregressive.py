"""The autoregressive likelihood: a probability of whole pictures, value by value in reading order."""

import itertools

import numpy as np
import pytest
import torch
from tests.nn.test_likelihoods import grey, logistic_mass, normal, seeded
from torch import Tensor

from latentarium.nn.likelihoods.autoregressive import COMPONENTS, NEIGHBOURS, Autoregressive


def params_of(shape: tuple[int, int, int], rows: int = 1, seed: int = 0) -> tuple[Autoregressive, Tensor]:
    model = Autoregressive(shape[0])
    return model, normal(rows, model.outputs * shape[0], *shape[1:], seed=seed)


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 2, 1), (2, 1, 1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_pictures_of_two_values_sum_to_one(shape: tuple[int, int, int], seed: int) -> None:
    model, params = params_of(shape, seed=seed)
    levels = torch.cartesian_prod(torch.arange(256), torch.arange(256)).reshape(-1, *shape) / 255
    total = model.log_prob(params.expand(len(levels), -1, -1, -1), levels).double().exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-3)


def by_hand(values: np.ndarray, x: np.ndarray) -> float:
    """Log probability of `x` (c, h, w), one value after the other, from `values` (outputs, c, h, w)."""
    shares = np.exp(values[:COMPONENTS]) / np.exp(values[:COMPONENTS]).sum(0)
    parts = 1 / (1 + np.exp(-values[COMPONENTS : 2 * COMPONENTS]))
    scales = np.exp(-7 + np.logaddexp(0, values[2 * COMPONENTS : 3 * COMPONENTS] + 5))
    weights, mean = values[3 * COMPONENTS :], (shares * parts).sum(0)
    channels, height, width = x.shape
    total = 0.0
    for row, column, channel in itertools.product(range(height), range(width), range(channels)):
        here = (channel, row, column)
        moved = sum(
            weights[(k, *here)] * (x - mean)[channel, row + down, column + right]
            for k, (down, right) in enumerate(NEIGHBOURS)
            if row + down >= 0 and 0 <= column + right < width
        )
        moved += sum(
            weights[(len(NEIGHBOURS) + other, *here)] * (x - mean)[other, row, column] for other in range(channel)
        )
        level = round(x[here] * 255)
        masses = [logistic_mass(level, parts[(k, *here)] + moved, scales[(k, *here)]) for k in range(COMPONENTS)]
        total += float(np.logaddexp.reduce([m + np.log(shares[(k, *here)]) for k, m in enumerate(masses)]))
    return total


@pytest.mark.parametrize("shape", [(1, 3, 4), (3, 2, 3), (4, 1, 2)])
def test_the_score_of_a_picture_by_hand(shape: tuple[int, int, int]) -> None:
    model, params = params_of(shape, rows=2)
    x = grey(2, *shape)
    x[0, 0, 0, 0], x[1, 0, 0, 0] = 0, 1
    values = params.double().numpy().reshape(2, model.outputs, *shape)
    expected = [by_hand(v, picture) for v, picture in zip(values, x.double().numpy(), strict=True)]
    np.testing.assert_allclose(model.log_prob(params, x), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 5, 6), (3, 4, 3)])
def test_a_draw_follows_the_neighbours_that_were_drawn(shape: tuple[int, int, int]) -> None:
    model, params = params_of(shape, rows=50)
    whole = params.unflatten(1, (model.outputs, shape[0]))
    whole[:, 2 * COMPONENTS : 3 * COMPONENTS] = -50  # the narrowest scale: e^-7
    draw = model.sample(params, seeded())
    _, parts, _, weights = model._split(params)
    centres = parts + model._moved(draw - model.mean(params), weights)[:, None]
    nearest = (draw[:, None] - centres.clamp(0, 1)).abs().amin(1)
    # a level, and eleven scales
    assert float(nearest.max()) < 1 / 255 + 11 * np.exp(-7)


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 2, 1), (2, 1, 1)])
def test_draws_are_as_frequent_as_their_score_says(shape: tuple[int, int, int]) -> None:
    model, params = params_of(shape, seed=2)
    levels = torch.cartesian_prod(torch.arange(256), torch.arange(256))
    scores = model.log_prob(params.expand(len(levels), -1, -1, -1), levels.reshape(-1, *shape) / 255)
    exact = scores.exp().reshape(4, 64, 4, 64).sum((1, 3)).flatten()
    draws = model.sample(params.expand(20_000, -1, -1, -1), seeded())
    quarters = (draws.flatten(1) * 255).round().long() // 64
    observed = torch.bincount(4 * quarters[:, 0] + quarters[:, 1], minlength=16) / 20_000
    torch.testing.assert_close(observed, exact, atol=5 * 0.5 / 20_000**0.5, rtol=0)


def test_guidance_pulls_the_mean_to_the_picture() -> None:
    model, params = params_of((1, 4, 4), rows=8)
    x = grey(8, 1, 4, 4)
    params.requires_grad_()
    before = float((model.mean(params.detach()) - x).square().mean())
    guidance = model.guidance(params, x)
    assert guidance.shape == (8,)
    guidance.sum().backward()
    assert params.grad is not None
    with torch.no_grad():
        after = float((model.mean(params - 0.05 * params.grad) - x).square().mean())
    assert after < before
