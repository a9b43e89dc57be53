"""Codes and labels with a planted relation."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def blobs(n: int, *, gap: float, seed: int = 0) -> tuple[Array, NDArray[np.int64]]:
    """Three unit Gaussians on the axes of three dimensions, `gap` from the origin, and their numbers."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return random.standard_normal((n, 3)) + gap * np.eye(3)[labels], labels


def rotation(dim: int, seed: int = 0) -> Array:
    """A random orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def rows(n: int, d: int = 4, *, seed: int = 0, shift: float = 0.0) -> Array:
    """Normal rows of unit variance around `shift`."""
    return np.random.default_rng(seed).normal(shift, 1, (n, d))
