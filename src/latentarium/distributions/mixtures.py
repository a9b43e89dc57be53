"""Mixtures of Gaussians, with full and with diagonal covariances."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import batches, check_positive_int
from latentarium.distributions.protocol import LOG_2PI, Array, check_factors, check_layout, check_weights
from latentarium.errors import invalid
from latentarium.rng import check_seed, generator

EM_STEPS, EM_GAIN = 500, 1e-5
"""EM for the weights ends after so many steps, or where one gains less than this, in nats a row."""
_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A Gaussian mixture with full covariances: `weights` (k,), `means` (k, d), `factors` (k, d, d) lower Cholesky."""

    weights: Array
    means: Array
    factors: Array
    _log_det: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_layout(self, weights="k", means="k d", factors="k d d")
        check_weights(self, self.weights)
        check_factors(self, "factors", self.factors)
        diagonals = np.diagonal(self.factors, axis1=1, axis2=2)
        object.__setattr__(self, "_log_det", np.log(diagonals).sum(1))

    @classmethod
    def fit(cls, codes: NDArray[Any], *, components: int = 10, seed: int = 0) -> "Mixture":
        """Fit by EM (scikit-learn) with a ridge scaled to the codes' variance, after Ghosh et al. 2020 (RAE)."""
        from sklearn.mixture import GaussianMixture  # pyright: ignore[reportMissingTypeStubs]

        check_positive_int(components, "components", high=1000)
        if len(codes) < 2:
            raise invalid("codes", "at least 2 rows to fit a mixture", len(codes))
        wide = np.asarray(codes, np.float64)
        ridge = max(1e-6 * float(wide.var()), 1e-9)
        model: Any = GaussianMixture(
            n_components=min(components, len(wide)), reg_covar=ridge, random_state=_sklearn_seed(seed), max_iter=200
        )
        model.fit(wide)
        covariances: Array = model.covariances_
        return cls(
            weights=model.weights_, means=model.means_, factors=np.linalg.cholesky(covariances).astype(np.float64)
        )

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    def sample(self, n: int, *, seed: int, temperature: float = 1.0) -> NDArray[np.float32]:
        random = generator(seed)
        which = random.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        noise = temperature * random.standard_normal((n, self.dim))
        return (self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        return np.logaddexp.reduce(self._terms(z), axis=1)

    def responsibilities(self, z: NDArray[Any]) -> Array:
        """P(component | z) of each row (n, k)."""
        terms = self._terms(z)
        return np.exp(terms - np.logaddexp.reduce(terms, axis=1)[:, None])

    def _terms(self, z: NDArray[Any]) -> Array:
        wide = np.asarray(z, np.float64)
        terms = np.empty((len(wide), len(self.weights)))
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            offset: Array = (wide - mean).T
            scaled = np.linalg.solve(np.asarray(factor, np.float64), offset)
            terms[:, k] = -0.5 * (scaled**2).sum(0)
        with np.errstate(divide="ignore"):
            terms += np.log(self.weights) - self._log_det - 0.5 * self.dim * LOG_2PI
        return terms

    def transformed(self, mean: Array, std: Array) -> "Mixture":
        return Mixture(
            weights=self.weights, means=(self.means - mean) / std, factors=self.factors / np.reshape(std, (1, -1, 1))
        )


@dataclass(frozen=True, kw_only=True)
class DiagonalMixture:
    """A mixture of diagonal Gaussians: `weights` (k,), `means` and `stds` (k, d).

    Of the posteriors of k rows it is the aggregated posterior of these rows and, as a prior, a VampPrior whose
    pseudo-inputs are rows (Tomczak & Welling 2018).

    Examples
    --------
    >>> pair = DiagonalMixture.equal(np.array([[-1.0], [1.0]]), np.ones((2, 1)))
    >>> round(float(pair.log_prob(np.zeros((1, 1)))[0]), 4)
    -1.4189
    """

    weights: Array
    means: Array
    stds: Array

    def __post_init__(self) -> None:
        check_layout(self, weights="k", means="k d", stds="k d")
        check_weights(self, self.weights)
        if not (self.stds > 0).all():
            raise invalid("DiagonalMixture.stds", "positive", float(self.stds.min()))

    @classmethod
    def equal(cls, means: Array, stds: Array) -> "DiagonalMixture":
        """All components of one weight."""
        return cls(weights=np.full(len(means), 1 / len(means)), means=means, stds=stds)

    @classmethod
    def fit_weights(cls, means: Array, stds: Array, points: NDArray[Any]) -> "DiagonalMixture":
        """The mixture of these components whose weights make `points` (n, d) likeliest, by EM from equal weights.

        The log likelihood is concave in the weights, so the ones it ends at are the best there are.
        """
        equal = cls.equal(means, stds)
        terms = equal._terms(np.asarray(points, np.float64))
        densities = np.exp(terms - terms.max(1, keepdims=True), out=terms)
        weights, before = equal.weights, -np.inf
        for _ in range(EM_STEPS):
            totals = densities @ weights
            now = float(np.log(totals).mean())
            if now - before < EM_GAIN:
                break
            weights, before = weights * (densities.T @ (1 / totals)) / len(totals), now
        return cls(weights=weights / weights.sum(), means=means, stds=stds)

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    def sample(self, n: int, *, seed: int, temperature: float = 1.0) -> NDArray[np.float32]:
        random = generator(seed)
        which = random.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        noise = temperature * random.standard_normal((n, self.dim))
        return (self.means[which] + self.stds[which] * noise).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        out = np.empty(len(z))
        for part in batches(len(z), _CHUNK):
            terms = self._terms(np.asarray(z[part], np.float64))
            peaks = terms.max(1)
            terms -= peaks[:, None]
            out[part] = np.log(np.exp(terms, out=terms).sum(1)) + peaks
        return out

    def transformed(self, mean: Array, std: Array) -> "DiagonalMixture":
        return DiagonalMixture(weights=self.weights, means=(self.means - mean) / std, stds=self.stds / std)

    def _terms(self, z: Array) -> Array:
        """log(weight of component k times its density at row i), (n, k)."""
        precisions = 1 / np.asarray(self.stds, np.float64) ** 2
        constants = -0.5 * ((self.means**2 * precisions).sum(1) + self.dim * LOG_2PI) - np.log(self.stds).sum(1)
        with np.errstate(divide="ignore"):
            constants += np.log(self.weights)
        return z @ (self.means * precisions).T - 0.5 * (z**2 @ precisions.T) + constants


def _sklearn_seed(seed: int) -> int:
    """`seed` where scikit-learn takes it, else a 32-bit number drawn from it."""
    return seed if check_seed(seed) < 2**32 else int(generator(seed).integers(2**32))
