"""What every observation model p(x|z) can do: score data, give their mean, draw them."""

import math
from abc import abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn

LOG_2PI = math.log(2 * math.pi)


class Likelihood(nn.Module):
    """Base of every p(x|z). `name` is what a user passes; `discrete` says whether bits per dimension make sense."""

    name: str
    discrete: bool = False
    outputs: int = 1
    stirred: bool = False
    """Whether training draws random numbers of its own, see `stir`."""

    @abstractmethod
    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """log p(x|params) in nats per row, shape (b,); `params` has `outputs` times the channels of `x`."""

    @abstractmethod
    def mean(self, params: Tensor) -> Tensor:
        """Expected datum in data units, the shape of x."""

    def unclipped(self, params: Tensor) -> Tensor:
        """`mean` before it is brought into the data's range, so that gradients reach what lies outside of it."""
        return self.mean(params)

    @abstractmethod
    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        """One draw of x for each row."""

    def guidance(self, params: Tensor, x: Tensor) -> Tensor | None:
        """What training minimises beside the negative bound, nats per row (b,); None for nothing."""
        del params, x
        return None

    def stir(self, generator: torch.Generator) -> None:
        """Take the source of random numbers of one training step; most likelihoods need none."""
        del generator

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


def rows_of(values: Tensor) -> Tensor:
    """Sums over all but the first axis."""
    return values.flatten(1).sum(1)
