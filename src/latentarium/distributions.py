"""Distributions over latent points: `sample`, `log_prob`, and the analytic divergences between Gaussians.

All densities are in nats over flattened latents of length d. Only fitting a mixture imports scikit-learn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import InvalidInput, invalid
from latentarium.rng import check_seed, generator

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2 * np.pi))


@runtime_checkable
class Distribution(Protocol):
    """What a prior or posterior offers. `dim` is the flattened latent size d."""

    @property
    def dim(self) -> int: ...

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        """`n` draws, shape (n, d), float32; equal seeds give equal bits."""
        ...

    def log_prob(self, z: NDArray[Any]) -> Array:
        """Log density in nats of each row of `z` (n, d) -> (n,)."""
        ...

    def transformed(self, mean: Array, std: Array) -> "Distribution":
        """The distribution of (z - mean) / std."""
        ...


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
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape or not (self.std > 0).all():
            raise invalid("Normal", "a mean and a positive std of equal 1-D shape", (self.mean.shape, self.std.shape))

    @classmethod
    def standard(cls, dim: int) -> "Normal":
        return cls(mean=np.zeros(dim), std=np.ones(dim))

    @property
    def dim(self) -> int:
        return len(self.mean)

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        noise = generator(seed).standard_normal((n, self.dim))
        return (self.mean + self.std * noise).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        scaled = (np.asarray(z, np.float64) - self.mean) / self.std
        return -0.5 * (scaled**2 + LOG_2PI).sum(1) - np.log(self.std).sum()

    def transformed(self, mean: Array, std: Array) -> "Normal":
        return Normal(mean=(self.mean - mean) / std, std=self.std / std)


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A Gaussian mixture with full covariances: `weights` (k,), `means` (k, d), `factors` (k, d, d) lower Cholesky."""

    weights: Array
    means: Array
    factors: Array
    _log_det: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        components, dim = self.means.shape
        if self.weights.shape != (components,) or self.factors.shape != (components, dim, dim):
            raise invalid("Mixture", "weights (k,), means (k, d), factors (k, d, d)", self.factors.shape)
        if abs(self.weights.sum() - 1) > 1e-6 or (self.weights < 0).any():
            raise invalid("Mixture.weights", "non-negative and summing to 1", self.weights.sum())
        diagonals = np.diagonal(self.factors, axis1=1, axis2=2)
        if not (diagonals > 0).all():
            raise invalid("Mixture.factors", "Cholesky factors with positive diagonals", float(diagonals.min()))
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

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        random = generator(seed)
        which = random.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        noise = random.standard_normal((n, self.dim))
        return (self.means[which] + np.einsum("nij,nj->ni", self.factors[which], noise)).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        wide = np.asarray(z, np.float64)
        terms = np.empty((len(wide), len(self.weights)))
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            offset: Array = (wide - mean).T
            scaled = np.linalg.solve(np.asarray(factor, np.float64), offset)
            terms[:, k] = -0.5 * (scaled**2).sum(0)
        with np.errstate(divide="ignore"):
            terms += np.log(self.weights) - self._log_det - 0.5 * self.dim * LOG_2PI
        return np.logaddexp.reduce(terms, axis=1)

    def transformed(self, mean: Array, std: Array) -> "Mixture":
        return Mixture(
            weights=self.weights, means=(self.means - mean) / std, factors=self.factors / np.reshape(std, (1, -1, 1))
        )


@dataclass(frozen=True, kw_only=True)
class Empirical:
    """Resampling of stored codes; it has draws but no density."""

    codes: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or len(self.codes) == 0:
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


def _sklearn_seed(seed: int) -> int:
    """`seed` where scikit-learn takes it, else a 32-bit number drawn from it."""
    return seed if check_seed(seed) < 2**32 else int(generator(seed).integers(2**32))


def gaussian_kl(mean: NDArray[Any], std: NDArray[Any]) -> Array:
    """KL(N(mean, std^2) || N(0, 1)) per row and dimension in nats, shape as `mean` (Kingma & Welling 2014, app. B).

    Examples
    --------
    >>> float(gaussian_kl(np.zeros((1, 1)), np.ones((1, 1)))[0, 0])
    0.0
    """
    variance = np.asarray(std, np.float64) ** 2
    return 0.5 * (np.asarray(mean, np.float64) ** 2 + variance - 1 - np.log(variance))


_STORED: Mapping[str, type[Normal] | type[Mixture] | type[Empirical]] = {
    "normal": Normal,
    "mixture": Mixture,
    "empirical": Empirical,
}


def to_arrays(distribution: Distribution) -> tuple[str, dict[str, NDArray[Any]]]:
    """Name and arrays of a storable distribution: its known parameters, never code."""
    for name, kind in _STORED.items():
        if isinstance(distribution, kind):
            fields = [f for f in kind.__dataclass_fields__ if not f.startswith("_")]
            return name, {f: getattr(distribution, f) for f in fields}
    raise invalid("prior", f"one of {sorted(_STORED)} to be stored", type(distribution).__name__)


def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> Distribution:
    """Rebuild what `to_arrays` took apart."""
    if name not in _STORED:
        raise invalid("prior", f"one of {sorted(_STORED)}", name)
    return _STORED[name](**arrays)
