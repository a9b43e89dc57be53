"""Observation models p(x|z): what a decoder's outputs mean, in nats summed over the dimensions of a row.

Each likelihood says how many outputs it needs for each value (`outputs`), scores data (`log_prob`), and turns
outputs into data units (`mean`) or draws (`sample`).
"""

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.data.modalities import TableModality
from latentarium.errors import invalid

LOG_2PI = math.log(2 * math.pi)


class Likelihood(nn.Module):
    """Base of every p(x|z). `name` is what a user passes; `discrete` says whether bits per dimension make sense."""

    name: str
    discrete: bool = False
    outputs: int = 1

    @abstractmethod
    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """log p(x|params) in nats per row, shape (b,); `params` has `outputs` times the channels of `x`."""

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """Expected datum in data units, the shape of x."""

    @abstractmethod
    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        """One draw of x for each row."""

    def calibrate(self, pieces: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set what evaluation needs from (params, x) of a sample of training rows; most likelihoods need nothing."""
        del pieces

    def bias_for(self, mean: Tensor) -> Tensor | None:
        """Parameters whose `mean` is `mean` (c, ...), for the decoder's output bias; None for zeros."""
        del mean
        return None

    def slope_for(self, mean: Tensor) -> Tensor | None:
        """How fast those parameters move with the mean, (c, ...); None where there is no single answer."""
        del mean
        return None

    def noise_for(self, mean: Tensor) -> float | None:
        """Variance of one value around `mean` where the likelihood fixes it; None where the data decide."""
        del mean
        return None


def _logit_slope(mean: Tensor) -> Tensor:
    """d logit / d mean, kept finite where the mean is nearly black or white."""
    return 1 / (mean * (1 - mean)).clamp_min(0.1)


def _rows(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


class Bernoulli(Likelihood):
    """Binary values; grey values in [0, 1] are scored by the same cross-entropy ("gray-BCE"), which is then a
    score that peers also print and not a normalised density.
    """

    name = "bernoulli"

    def bias_for(self, mean: Tensor) -> Tensor:
        return torch.logit(mean.clamp(1e-3, 1 - 1e-3))

    def slope_for(self, mean: Tensor) -> Tensor:
        return _logit_slope(mean)

    def noise_for(self, mean: Tensor) -> float:
        return float((mean * (1 - mean)).mean())

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        return -_rows(F.binary_cross_entropy_with_logits(params, x, reduction="none"))

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
        square = _rows((params - x) ** 2)
        size = x[0].numel()
        now = (square.detach().mean() / size).clamp_min(math.exp(-12))
        variance = now if self.training else self.variance
        return -0.5 * (square / variance + size * (torch.log(variance) + LOG_2PI))

    def mean(self, params: Tensor) -> Tensor:
        return params.clamp(0, 1)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.empty_like(params).normal_(generator=generator)
        return (params + self.variance.sqrt() * noise).clamp(0, 1)


class DiscretisedLogistic(Likelihood):
    """Logistic mass on the 256 levels of an 8-bit value (Salimans et al. 2017); outputs are means, then log scales."""

    name = "logistic"
    discrete = True
    outputs = 2
    levels = 256

    def bias_for(self, mean: Tensor) -> Tensor:
        centre = torch.logit(mean.clamp(1e-3, 1 - 1e-3))
        return torch.cat([centre, torch.zeros_like(centre)])

    def slope_for(self, mean: Tensor) -> Tensor:
        slope = _logit_slope(mean)
        return torch.cat([slope, torch.zeros_like(slope)])

    def _split(self, params: Tensor) -> tuple[Tensor, Tensor]:
        centre, raw = params.chunk(2, dim=1)
        return torch.sigmoid(centre), -7 + F.softplus(raw + 5)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        centre, log_scale = self._split(params)
        half, inverse = 0.5 / (self.levels - 1), torch.exp(-log_scale)
        upper = (x - centre + half) * inverse
        lower = (x - centre - half) * inverse
        # log(sigmoid(u) - sigmoid(l)) without cancellation in either tail
        inner = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))
        at_floor, at_ceiling = x < half, x > 1 - half
        mass = torch.where(at_floor, F.logsigmoid(upper), torch.where(at_ceiling, F.logsigmoid(-lower), inner))
        return _rows(mass)

    def mean(self, params: Tensor) -> Tensor:
        return self._split(params)[0]

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        centre, log_scale = self._split(params)
        uniform = torch.empty_like(centre).uniform_(1e-5, 1 - 1e-5, generator=generator)
        draw = centre + torch.exp(log_scale) * torch.logit(uniform)
        return ((draw * (self.levels - 1)).round() / (self.levels - 1)).clamp(0, 1)


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
        return _rows(self._logits(params).gather(1, index))

    def mean(self, params: Tensor) -> Tensor:
        grid = torch.linspace(0, 1, self.levels, device=params.device, dtype=params.dtype)
        return torch.einsum("bl...,l->b...", self._logits(params).exp(), grid)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        logits = self._logits(params)
        uniform = torch.empty_like(logits).uniform_(1e-9, 1, generator=generator)
        return (logits - torch.log(-torch.log(uniform))).argmax(1).to(params.dtype) / (self.levels - 1)


class Mixed(Likelihood):
    """Table rows: a Gaussian with a learned variance for each numeric column (missing cells left out), a Bernoulli
    for each missing-value indicator, a softmax for each categorical column.
    """

    name = "mixed"
    log_sigma: nn.Parameter

    def __init__(self, modality: TableModality) -> None:
        super().__init__()
        blocks = modality.blocks
        self.numeric, self.missing, self.groups = blocks.numeric, blocks.missing, blocks.groups
        self.indicators = blocks.numeric_missing
        self.log_sigma = nn.Parameter(torch.zeros(self.numeric.stop - self.numeric.start))

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        total = self._numeric_log_prob(params, x) + _rows(
            -F.binary_cross_entropy_with_logits(params[:, self.missing], x[:, self.missing], reduction="none")
        )
        for group in self.groups:
            # a missing category is an all-zero group and so contributes nothing
            total = total + (params[:, group].log_softmax(1) * x[:, group]).sum(1)
        return total

    def _numeric_log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        log_sigma = self.log_sigma.clamp(-6, 3)
        scaled = (x[:, self.numeric] - params[:, self.numeric]) * torch.exp(-log_sigma)
        each = -0.5 * (scaled**2 + LOG_2PI) - log_sigma
        return (each * self._present(x)).sum(1)

    def _present(self, x: Tensor) -> Tensor:
        present = torch.ones_like(x[:, self.numeric])
        for column, indicator in self.indicators:
            present[:, column] = 1 - x[:, indicator]
        return present

    def mean(self, params: Tensor) -> Tensor:
        parts = [params[:, self.numeric], torch.sigmoid(params[:, self.missing])]
        parts += [params[:, group].softmax(1) for group in self.groups]
        return torch.cat(parts, dim=1)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        centre = params[:, self.numeric]
        noise = torch.empty_like(centre).normal_(generator=generator)
        parts = [centre + torch.exp(self.log_sigma.clamp(-6, 3)) * noise]
        parts.append(torch.bernoulli(torch.sigmoid(params[:, self.missing]), generator=generator))
        for group in self.groups:
            picked = torch.multinomial(params[:, group].softmax(1), 1, generator=generator)[:, 0]
            parts.append(F.one_hot(picked, group.stop - group.start).to(params.dtype))
        return torch.cat(parts, dim=1)


IMAGE_LIKELIHOODS = ("bernoulli", "gaussian", "logistic", "categorical")


def build_likelihood(name: str, modality: Any, *, levels: int = 16) -> Likelihood:
    """The likelihood called `name` for data of `modality`."""
    if isinstance(modality, TableModality):
        if name != "mixed":
            raise invalid("likelihood", "'mixed' for a table", name)
        return Mixed(modality)
    if name == "categorical":
        return Categorical(levels)
    plain = {kind.name: kind for kind in (Bernoulli, Gaussian, DiscretisedLogistic)}
    if name not in plain:
        raise invalid("likelihood", f"one of {', '.join(IMAGE_LIKELIHOODS)} for images", name)
    return plain[name]()
