"""What every distribution offers, and the check of the arrays it is made of."""

from inspect import signature
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2 * np.pi))


@runtime_checkable
class Distribution(Protocol):
    """What a prior or posterior offers. `dim` is the flattened latent size d."""

    @property
    def dim(self) -> int: ...

    def sample(self, n: int, *, seed: int) -> NDArray[np.float32]:
        """`n` draws, shape (n, d), float32; equal seeds give equal bits.

        One that makes them of noise may take a `temperature` to scale it by, 1 where it is not given.
        """
        ...

    def log_prob(self, z: NDArray[Any]) -> Array:
        """Log density in nats of each row of `z` (n, d) -> (n,)."""
        ...

    def transformed(self, mean: Array, std: Array) -> "Distribution":
        """The distribution of (z - mean) / std."""
        ...


def tempered(prior: Distribution, n: int, *, seed: int, temperature: float) -> NDArray[np.float32]:
    """`n` draws of `prior` with its noise scaled by `temperature`, (n, d), refused where it has none.

    At 0 a Gaussian gives its mean and a mixture the means of its components.

    Examples
    --------
    >>> from latentarium.distributions import Normal
    >>> tempered(Normal(mean=np.array([3.0]), std=np.ones(1)), 2, seed=0, temperature=0.0).tolist()
    [[3.0], [3.0]]
    """
    if not 0 <= temperature <= 10:
        raise invalid("temperature", "a number from 0 to 10", temperature)
    if temperature == 1:
        return prior.sample(n, seed=seed)
    sample: Any = prior.sample
    if "temperature" not in signature(sample).parameters:
        rule = f"1 for draws of {type(prior).__name__}, which has no noise to scale"
        raise invalid("temperature", rule, temperature, "use truncation")
    return sample(n, seed=seed, temperature=temperature)


def truncated(points: NDArray[Any], prior: Distribution, amount: float) -> NDArray[np.float32]:
    """`points` (n, d) moved towards the prior's mean: 1 leaves them, 0 is the mean, more than 1 goes away from it.

    The truncation of StyleGAN (Karras et al. 2019, appendix B); the mean is that of 4,096 draws.

    Examples
    --------
    >>> from latentarium.distributions import Empirical
    >>> two = Empirical(codes=np.array([[1.0], [1.0]], np.float32))
    >>> truncated(np.array([[5.0]]), two, 0.5).tolist()
    [[3.0]]
    """
    if not 0 <= amount <= 2:
        raise invalid("truncation", "a number from 0 to 2", amount)
    if amount == 1:
        return np.asarray(points, np.float32)
    mean = prior.sample(4096, seed=0).mean(0)
    return (mean + amount * (points - mean)).astype(np.float32)


def check_layout(owner: object, **layouts: str) -> None:
    """Check that the arrays of `owner` are finite numbers of the shapes named, such as means="k d"; a letter stands
    for one size in all of them.

    Raises
    ------
    InvalidInput
        With the name of the first array that does not fit.
    """
    sizes: dict[str, int] = {}
    for name, layout in layouts.items():
        array: NDArray[Any] = getattr(owner, name)
        title = f"{type(owner).__name__}.{name}"
        letters = layout.split()
        if array.ndim != len(letters) or array.dtype.kind not in "fiu":
            raise invalid(title, f"an array of numbers ({', '.join(letters)})", f"{array.dtype} {array.shape}")
        expected = tuple(sizes.setdefault(letter, size) for letter, size in zip(letters, array.shape, strict=True))
        if array.shape != expected:
            raise invalid(title, f"of shape {expected}", array.shape)
        if not np.isfinite(array).all():
            raise invalid(title, "finite", "NaN or infinite values")


def check_weights(owner: object, weights: Array) -> None:
    """Check that the `weights` of a mixture are non-negative and sum to one."""
    if abs(weights.sum() - 1) > 1e-6 or (weights < 0).any():
        raise invalid(f"{type(owner).__name__}.weights", "non-negative and summing to 1", weights.sum())


def check_factors(owner: object, name: str, factors: Array) -> None:
    """Check that `factors` (..., d, d) are lower triangular with positive diagonals."""
    title, diagonals = f"{type(owner).__name__}.{name}", np.diagonal(factors, axis1=-2, axis2=-1)
    if not (diagonals > 0).all():
        raise invalid(title, "Cholesky factors with positive diagonals", float(diagonals.min()))
    if np.triu(factors, 1).any():
        raise invalid(title, "lower triangular", "values above a diagonal")
