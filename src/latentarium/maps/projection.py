"""Projection on the two directions of most variance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, batches

_CHUNK = 65_536


def principal(codes: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64], list[float]]:
    """Mean (d,), the two leading eigenvectors (2, d) of the covariance, and the shares of variance they explain.

    Each vector has its largest entry positive; of one-dimensional codes the second is zero.
    """
    mean = codes.mean(0, dtype=np.float64)
    covariance = np.zeros((codes.shape[1], codes.shape[1]))
    for part in batches(len(codes), _CHUNK):
        centred = codes[part] - mean
        covariance += centred.T @ centred / len(codes)
    values, vectors = np.linalg.eigh(covariance)
    components = np.zeros((2, codes.shape[1]))
    kept = min(2, codes.shape[1])
    components[:kept] = vectors[:, ::-1].T[:kept]
    largest = np.abs(components).argmax(1)
    signs = np.sign(components[np.arange(2), largest])
    components *= np.where(signs == 0, 1, signs)[:, None]
    total = max(float(values.sum()), 1e-300)
    return mean, components, [float(max(v, 0) / total) for v in values[::-1][:kept]]


def project(codes: FloatArray, mean: NDArray[Any], components: NDArray[Any]) -> FloatArray:
    """Coordinates (m, 2) on two `components` (2, d), in pieces, so that large sets are not held twice."""
    out = np.empty((len(codes), 2), np.float32)
    for part in batches(len(codes), _CHUNK):
        out[part] = (codes[part].astype(np.float64) - mean) @ components.T
    return out
