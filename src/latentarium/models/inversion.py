"""Latent points whose pictures come closest to given ones: the encoder's guess, refined by descent on z."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.arrays import as_rows, batches, check_positive_int
from latentarium.errors import invalid
from latentarium.models.autoencoder import Autoencoder

LEARNING_RATE = 0.05
PRIOR_WEIGHT = 1e-3
PIECE = 64


def invert(
    model: Autoencoder,
    x: NDArray[np.float32],
    *,
    steps: int = 200,
    learning_rate: float = LEARNING_RATE,
    prior_weight: float = PRIOR_WEIGHT,
) -> NDArray[np.float32]:
    """Codes (n, latent) of the pictures `x` (n, c, h, w) in a GAN: `steps` of Adam from the encoder's codes.

    Minimises mean((decode(z) - x)^2) + `prior_weight` mean(z^2) of each row for itself and keeps the best point each
    row came past, so that no row ends worse than its encoder's code. Deterministic; needs no seed.

    Parameters
    ----------
    steps : descent steps; 0 gives the encoder's codes
    learning_rate : of Adam, falling to 0 along a cosine
    prior_weight : pull towards the middle of the standard normal

    Raises
    ------
    InvalidInput
        For a model that is no GAN, rows of another shape, NaN, or settings out of range.

    Examples
    --------
    >>> from latentarium.data import ImageModality
    >>> from latentarium.models.autoencoder import Architecture, build
    >>> modality = ImageModality(channels=1, height=8, width=8)
    >>> nets = {"net": "gan", "width": 8, "depth": 1, "likelihood": "gaussian", "variational": False}
    >>> model = build(Architecture(latent=4, **nets), modality)
    >>> invert(model, np.zeros((2, 1, 8, 8), np.float32), steps=2).shape
    (2, 4)
    """
    check_positive_int(steps, "steps", low=0)
    for name, value in (("learning_rate", learning_rate), ("prior_weight", prior_weight)):
        if not 0 <= value < float("inf"):
            raise invalid(name, "a finite number from 0 up", value)
    if model.variational or model.likelihood.name not in ("gaussian", "bernoulli"):
        raise invalid("model", "a GAN; other models encode by themselves", type(model.decoder).__name__)
    rows = as_rows(x, _picture_shape(model.decoder), name="x")
    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        latent = model.posterior(torch.zeros(1, *rows.shape[1:], device=device))[0].shape[1]
    out = np.empty((len(rows), latent), np.float32)
    for part in batches(len(rows), PIECE):
        found = _descend(model, torch.from_numpy(rows[part]).to(device), steps, learning_rate, prior_weight)
        out[part] = found.cpu().numpy()
    return out


def _picture_shape(decoder: nn.Module) -> tuple[int, ...]:
    plan = getattr(decoder, "plan", None)
    return decoder.shape if plan is None else (plan.channels, plan.height, plan.width)  # type: ignore[return-value]


def _descend(model: Autoencoder, x: Tensor, steps: int, rate: float, prior_weight: float) -> Tensor:
    with torch.no_grad():
        z = model.posterior(x)[0].clone()
    z.requires_grad_()
    optimizer = torch.optim.Adam([z], lr=rate, betas=(0.9, 0.99))
    best, lowest = z.detach().clone(), torch.full((len(x),), float("inf"), device=x.device)
    for step in range(steps + 1):
        cost = (model.unclipped(z) - x).square().flatten(1).mean(1) + prior_weight * z.square().mean(1)
        better = cost.detach() < lowest
        best, lowest = torch.where(better[:, None], z.detach(), best), torch.where(better, cost.detach(), lowest)
        if step == steps:
            break
        optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        (z.grad,) = torch.autograd.grad(cost.sum(), z)
        optimizer.step()
    return best
