"""A linear Gaussian space whose posterior, ELBO and marginal likelihood are known in closed form."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.distributions import Normal
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
DIM, DATA, NOISE = 3, 8, 0.5


@dataclass(frozen=True)
class Linear:
    """p(x|z) = N(W z, noise^2 I) with orthogonal columns, so that the posterior is exactly diagonal."""

    weights: Array
    spread: float = 1.0

    @property
    def precision(self) -> Array:
        return 1 + (self.weights**2).sum(0) / NOISE**2

    def posterior(self, x: NDArray[np.float32]) -> tuple[Array, Array]:
        mean = (x @ self.weights) / NOISE**2 / self.precision
        return mean, np.broadcast_to(self.spread / np.sqrt(self.precision), mean.shape)

    def log_likelihood(self, x: NDArray[np.float32], z: NDArray[np.float32]) -> Array:
        gap = x.astype(np.float64) - z @ self.weights.T
        return -0.5 * (gap**2).sum(1) / NOISE**2 - 0.5 * DATA * np.log(2 * np.pi * NOISE**2)

    def log_marginal(self, x: NDArray[np.float32]) -> Array:
        from scipy.stats import multivariate_normal

        covariance = self.weights @ self.weights.T + NOISE**2 * np.eye(DATA)
        return np.asarray(multivariate_normal(np.zeros(DATA), covariance).logpdf(x))

    def elbo(self, x: NDArray[np.float32]) -> Array:
        """log p(x) - KL(q || p(z|x)); both Gaussians share the mean, and q is `spread` times as wide."""
        return self.log_marginal(x) - 0.5 * DIM * (self.spread**2 - 1 - 2 * np.log(self.spread))

    def rows(self, n: int, seed: int = 0) -> NDArray[np.float32]:
        random = np.random.default_rng(seed)
        z = random.standard_normal((n, DIM))
        return (z @ self.weights.T + NOISE * random.standard_normal((n, DATA))).astype(np.float32)

    def space(self, batch_size: int = 64) -> LatentSpace:
        return LatentSpace(
            name="linear",
            shape=(DIM,),
            data_shape=(DATA,),
            encode_fn=lambda x: self.posterior(x)[0],
            decode_fn=lambda z: z @ self.weights.T,
            posterior_fn=self.posterior,
            log_likelihood_fn=self.log_likelihood,
            prior=Normal.standard(DIM),
            batch_size=batch_size,
        )

    def widened(self, spread: float) -> "Linear":
        return dataclasses.replace(self, spread=spread)


@pytest.fixture(scope="session")
def linear() -> Linear:
    basis = np.linalg.qr(np.random.default_rng(3).standard_normal((DATA, DIM)))[0]
    return Linear(weights=basis * np.array([2.0, 1.0, 0.7]))
