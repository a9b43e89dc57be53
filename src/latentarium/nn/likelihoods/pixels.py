"""Likelihoods of pictures whose values are independent given z."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from latentarium.errors import invalid
from latentarium.nn.likelihoods.base import LOG_2PI, Likelihood, rows_of

GREY_LEVELS = 256


def logit_slope(mean: Tensor) -> Tensor:
    """d logit / d mean, kept finite where the mean is nearly black or white."""
    return 1 / (mean * (1 - mean)).clamp_min(0.1)


def logistic_mass(x: Tensor, centre: Tensor, log_scale: Tensor) -> Tensor:
    """Log mass of a logistic distribution on the grey levels of `x` in [0, 1]; all that lies beyond counts to the
    first and the last level (Salimans et al. 2017).
    """
    half, inverse = 0.5 / (GREY_LEVELS - 1), torch.exp(-log_scale)
    upper = (x - centre + half) * inverse
    lower = (x - centre - half) * inverse
    # log(sigmoid(u) - sigmoid(l)) without cancellation in either tail
    inner = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))
    at_floor, at_ceiling = x < half, x > 1 - half
    return torch.where(at_floor, F.logsigmoid(upper), torch.where(at_ceiling, F.logsigmoid(-lower), inner))


def log_scale_of(raw: Tensor) -> Tensor:
    """A decoder's output as the log scale of a logistic distribution: no narrower than a quarter of a grey level."""
    return -7 + F.softplus(raw + 5)


def to_levels(values: Tensor) -> Tensor:
    """Values in [0, 1], rounded to grey levels."""
    return ((values * (GREY_LEVELS - 1)).round() / (GREY_LEVELS - 1)).clamp(0, 1)


class Bernoulli(Likelihood):
    """Binary values; grey values in [0, 1] are scored by the same cross-entropy ("gray-BCE"), which is then a
    score that peers also print and not a normalised density.
    """

    name = "bernoulli"

    def bias_for(self, mean: Tensor) -> Tensor:
        return torch.logit(mean.clamp(1e-3, 1 - 1e-3))

    def slope_for(self, mean: Tensor) -> Tensor:
        return logit_slope(mean)

    def noise_for(self, mean: Tensor) -> float:
        return float((mean * (1 - mean)).mean())

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        return -rows_of(F.binary_cross_entropy_with_logits(params, x, reduction="none"))

    def mean(self, params: Tensor) -> Tensor:
        return torch.sigmoid(params)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        return torch.bernoulli(torch.sigmoid(params), generator=generator)


class Gaussian(Likelihood):
    """A Gaussian with one shared variance set to the batch's mean squared error (Rybkin et al. 2021, sigma-VAE).

    In evaluation the calibrated variance is used. log sigma is kept above -6.
    """

    name = "gaussian"
    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("variance", torch.ones(()))

    def calibrate(self, pieces: Iterable[tuple[Tensor, Tensor]]) -> None:
        errors = torch.cat([(params.detach() - x).square().flatten(1).mean(1) for params, x in pieces])
        self.variance.copy_(errors.mean().clamp_min(math.exp(-12)))

    def bias_for(self, mean: Tensor) -> Tensor:
        return mean

    def slope_for(self, mean: Tensor) -> Tensor:
        return torch.ones_like(mean)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        square = rows_of((params - x) ** 2)
        size = x[0].numel()
        now = (square.detach().mean() / size).clamp_min(math.exp(-12))
        variance = now if self.training else self.variance
        return -0.5 * (square / variance + size * (torch.log(variance) + LOG_2PI))

    def mean(self, params: Tensor) -> Tensor:
        return params.clamp(0, 1)

    def unclipped(self, params: Tensor) -> Tensor:
        return params

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.empty_like(params).normal_(generator=generator)
        return (params + self.variance.sqrt() * noise).clamp(0, 1)


class DiscretisedLogistic(Likelihood):
    """Logistic mass on the 256 levels of an 8-bit value (Salimans et al. 2017); outputs are means, then log scales."""

    name = "logistic"
    discrete = True
    outputs = 2

    def bias_for(self, mean: Tensor) -> Tensor:
        centre = torch.logit(mean.clamp(1e-3, 1 - 1e-3))
        return torch.cat([centre, torch.zeros_like(centre)])

    def slope_for(self, mean: Tensor) -> Tensor:
        slope = logit_slope(mean)
        return torch.cat([slope, torch.zeros_like(slope)])

    def _split(self, params: Tensor) -> tuple[Tensor, Tensor]:
        centre, raw = params.chunk(2, dim=1)
        return torch.sigmoid(centre), log_scale_of(raw)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        return rows_of(logistic_mass(x, *self._split(params)))

    def mean(self, params: Tensor) -> Tensor:
        return self._split(params)[0]

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        centre, log_scale = self._split(params)
        uniform = torch.empty_like(centre).uniform_(1e-5, 1 - 1e-5, generator=generator)
        return to_levels(centre + torch.exp(log_scale) * torch.logit(uniform))


class Categorical(Likelihood):
    """A free distribution over `levels` evenly spaced values in [0, 1], for pictures with few grey levels."""

    name = "categorical"
    discrete = True

    def __init__(self, levels: int = 16) -> None:
        super().__init__()
        if not 2 <= levels <= 256:
            raise invalid("levels", "an integer from 2 to 256", levels)
        self.levels = self.outputs = levels

    def _logits(self, params: Tensor) -> Tensor:
        return params.unflatten(1, (self.levels, -1)).log_softmax(1)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        index = (x * (self.levels - 1)).round().long().unsqueeze(1)
        return rows_of(self._logits(params).gather(1, index))

    def mean(self, params: Tensor) -> Tensor:
        grid = torch.linspace(0, 1, self.levels, device=params.device, dtype=params.dtype)
        return torch.einsum("bl...,l->b...", self._logits(params).exp(), grid)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        logits = self._logits(params)
        uniform = torch.empty_like(logits).uniform_(1e-9, 1, generator=generator)
        return (logits - torch.log(-torch.log(uniform))).argmax(1).to(params.dtype) / (self.levels - 1)
