"""What every distribution offers, and the check of the arrays it is made of."""

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
        """`n` draws, shape (n, d), float32; equal seeds give equal bits."""
        ...

    def log_prob(self, z: NDArray[Any]) -> Array:
        """Log density in nats of each row of `z` (n, d) -> (n,)."""
        ...

    def transformed(self, mean: Array, std: Array) -> "Distribution":
        """The distribution of (z - mean) / std."""
        ...


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
