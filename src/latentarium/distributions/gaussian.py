"""Gaussians with diagonal covariance, draws of stored codes, and the divergence between Gaussians."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.distributions.protocol import LOG_2PI, Array, check_layout
from latentarium.errors import InvalidInput, invalid
from latentarium.rng import generator


@dataclass(frozen=True, kw_only=True)
class Normal:
    """A diagonal Gaussian; the standard normal prior is `Normal.standard(d)`.

    Examples
    --------
    >>> round(float(Normal.standard(2).log_prob(np.zeros((1, 2)))[0]), 4)
    -1.8379
    """

    mean: Array
    std: Array

    def __post_init__(self) -> None:
        check_layout(self, mean="d", std="d")
        if not (self.std > 0).all():
            raise invalid("Normal.std", "positive", float(self.std.min()))

    @classmethod
    def standard(cls, dim: int) -> "Normal":
        return cls(mean=np.zeros(dim), std=np.ones(dim))

    @property
    def dim(self) -> int:
        return len(self.mean)

    def sample(self, n: int, *, seed: int, temperature: float = 1.0) -> NDArray[np.float32]:
        noise = temperature * generator(seed).standard_normal((n, self.dim))
        return (self.mean + self.std * noise).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        scaled = (np.asarray(z, np.float64) - self.mean) / self.std
        return -0.5 * (scaled**2 + LOG_2PI).sum(1) - np.log(self.std).sum()

    def transformed(self, mean: Array, std: Array) -> "Normal":
        return Normal(mean=(self.mean - mean) / std, std=self.std / std)


@dataclass(frozen=True, kw_only=True)
class Empirical:
    """Resampling of stored codes; it has draws but no density."""

    codes: NDArray[np.float32]

    def __post_init__(self) -> None:
        check_layout(self, codes="n d")
        if len(self.codes) == 0:
            raise invalid("Empirical.codes", "of shape (n, d) with at least one row", self.codes.shape)

    @property
    def dim(self) -> int:
        return self.codes.shape[1]

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        return self.codes[generator(seed).integers(len(self.codes), size=n)]

    def log_prob(self, z: NDArray[Any]) -> Array:
        raise InvalidInput("an empirical prior has no density; fit a Mixture to the codes for log_prob")

    def transformed(self, mean: Array, std: Array) -> "Empirical":
        return Empirical(codes=((self.codes - mean) / std).astype(np.float32))


def gaussian_kl(mean: NDArray[Any], std: NDArray[Any]) -> Array:
    """KL(N(mean, std^2) || N(0, 1)) per row and dimension in nats, shape as `mean` (Kingma & Welling 2014, app. B).

    Examples
    --------
    >>> float(gaussian_kl(np.zeros((1, 1)), np.ones((1, 1)))[0, 0])
    0.0
    """
    variance = np.asarray(std, np.float64) ** 2
    return 0.5 * (np.asarray(mean, np.float64) ** 2 + variance - 1 - np.log(variance))
