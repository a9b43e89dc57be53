"""Fitting a normalising flow to latent points; what comes out is plain arrays."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.distributions import Flow
from latentarium.distributions.flow import coupled_log_prob
from latentarium.errors import invalid
from latentarium.rng import generator

LAYERS, MOST_LAYERS = 8, 64
STEPS, BATCH, RATE, CLIP = 1500, 256, 1e-2, 5.0
VALIDATE_EVERY, PATIENCE = 50, 6
"""Steps between validations, and how many of them without a gain end the fit."""
START_STREAM, DRAW_STREAM = 61, 62

Array = NDArray[np.float64]


def fit_flow(
    means: NDArray[Any], stds: NDArray[Any] | None, *, validation: NDArray[Any], layers: int = LAYERS, seed: int = 0
) -> Flow:
    """Fit a flow by maximum likelihood, beginning at the full-covariance Gaussian of the points.

    Parameters
    ----------
    means, stds : (n, d) Gaussians with diagonal covariance, each drawn from anew whenever it is seen; where `stds`
        is None the means are the points
    validation : (m, d) points that stop the fit; the flow that is best on them is kept
    layers : couplings, 1 to 64

    Returns
    -------
    Flow

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(200, 2))
    >>> fit_flow(points[:150], None, validation=points[150:], layers=2).dim
    2
    """
    check_positive_int(layers, "layers", high=MOST_LAYERS)
    if len(means) < 2 or not len(validation):
        raise invalid("the rows of a flow", "at least 2 and 1 to validate on", (len(means), len(validation)))
    start = _gaussian(np.asarray(means, np.float64), stds, layers, seed)
    inverse = np.linalg.inv(start.factor).T
    draw = _drawer(np.asarray(means, np.float64), stds, seed)
    held = torch.from_numpy(((validation - start.mean) @ inverse).astype(np.float32))
    couplings = _parameters(start)
    trained = [value for value in couplings.values() if value.requires_grad]
    optimiser = torch.optim.Adam(trained, RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    best, best_step, kept = _mean_log_prob(held, couplings), 0, start
    for step in range(1, STEPS + 1):
        x = torch.from_numpy(((draw() - start.mean) @ inverse).astype(np.float32))
        loss = -coupled_log_prob(x, couplings, torch).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimiser.step()
        schedule.step()
        if step % VALIDATE_EVERY:
            continue
        now = _mean_log_prob(held, couplings)
        if now > best:
            best, best_step, kept = now, step, _flow(start, couplings)
        elif step - best_step >= PATIENCE * VALIDATE_EVERY:
            break
    return kept


def _gaussian(means: Array, stds: NDArray[Any] | None, layers: int, seed: int) -> Flow:
    """The Gaussian with the moments of the draws, with a ridge as small as a mixture's, as a flow."""
    covariance = np.atleast_2d(np.cov(means.T))
    if stds is not None:
        covariance += np.diag(np.square(stds, dtype=np.float64).mean(0))
    ridge = max(1e-6 * float(np.diagonal(covariance).mean()), 1e-9)
    factor = np.linalg.cholesky(covariance + ridge * np.eye(len(covariance))).astype(np.float64)
    first = int(generator(seed, START_STREAM).integers(2**62))
    return Flow.gaussian(means.mean(0), factor, layers=layers, seed=first)


def _drawer(means: Array, stds: NDArray[Any] | None, seed: int) -> Any:
    """A function that gives one batch of draws (b, d) after the other."""
    random = generator(seed, DRAW_STREAM)

    def draw() -> Array:
        rows = random.integers(len(means), size=min(BATCH, len(means)))
        if stds is None:
            return means[rows]
        return means[rows] + stds[rows] * random.standard_normal((len(rows), means.shape[1]))

    return draw


def _parameters(start: Flow) -> dict[str, torch.Tensor]:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in start.couplings.items()}
    return {name: tensor.requires_grad_(tensor.is_floating_point()) for name, tensor in tensors.items()}


def _mean_log_prob(x: torch.Tensor, couplings: dict[str, torch.Tensor]) -> float:
    with torch.no_grad():
        return float(coupled_log_prob(x, couplings, torch).mean())


def _flow(start: Flow, couplings: dict[str, torch.Tensor]) -> Flow:
    arrays: dict[str, Any] = {name: tensor.detach().numpy().copy() for name, tensor in couplings.items()}
    return Flow(mean=start.mean, factor=start.factor, **arrays)
