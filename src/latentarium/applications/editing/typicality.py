"""How far a point lies from where the codes of real rows lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid

Array = NDArray[np.float64]
FULL = 1024
"""Codes of more dimensions are judged by their variances alone: a full covariance would need too many rows."""
QUANTILES = 1001


@dataclass(frozen=True, kw_only=True, eq=False)
class Typicality:
    """The Mahalanobis distance of points from the centre of the codes, as a percentile of held-out codes' own.

    Parameters
    ----------
    centre : (d,) mean code
    whitening : (d, d) such that (z - centre) @ whitening has unit covariance, shrunk after Ledoit & Wolf 2004; above
        1,024 dimensions (d,), one over the standard deviations
    reference : (1001,) quantiles 0, 0.001 .. 1 of the distances of codes that neither was fitted to

    Examples
    --------
    >>> codes = np.random.default_rng(0).standard_normal((3000, 2))
    >>> typicality = Typicality.fit(codes[:2000], codes[2000:])
    >>> typicality.percentile([[0.0, 0.0], [9.0, 0.0]]).tolist()
    [0.0, 100.0]
    """

    centre: Array
    whitening: Array
    reference: Array

    def __post_init__(self) -> None:
        d = len(self.centre)
        if self.centre.shape != (d,) or self.whitening.shape not in ((d, d), (d,)):
            raise invalid("whitening.shape", f"({d}, {d}) or ({d},)", self.whitening.shape)
        if self.reference.shape != (QUANTILES,) or (np.diff(self.reference) < 0).any():
            raise invalid("reference", f"{QUANTILES} quantiles in ascending order", self.reference.shape)

    @classmethod
    def fit(cls, train: Array, held_out: Array) -> "Typicality":
        """From codes (n, d) to learn from and others (m, d) to compare with."""
        centre = train.mean(0)
        whitening = _root(shrunk_covariance(train))
        distance = np.linalg.norm(_times(held_out - centre, whitening), axis=1)
        return cls(centre=centre, whitening=whitening, reference=np.quantile(distance, np.linspace(0, 1, QUANTILES)))

    def distance(self, points: ArrayLike) -> Array:
        """Mahalanobis distances (n,) of points (n, d)."""
        return np.linalg.norm(_times(np.asarray(points, np.float64) - self.centre, self.whitening), axis=1)

    def percentile(self, points: ArrayLike) -> Array:
        """Share of held-out codes that lie nearer to the centre than each point, in percent, 0 to 100 (n,)."""
        ranks = np.searchsorted(self.reference, self.distance(points))
        return 100.0 * np.minimum(ranks, QUANTILES - 1) / (QUANTILES - 1)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What `Typicality` is rebuilt from."""
        return {"centre": self.centre, "whitening": self.whitening, "reference": self.reference}


def _times(points: Array, whitening: Array) -> Array:
    return points @ whitening if whitening.ndim == 2 else points * whitening


def shrunk_covariance(codes: Array) -> Array:
    """Covariance (d, d) of codes (n, d) after Ledoit & Wolf 2004, or variances (d,) above 1,024 dimensions."""
    if codes.shape[1] > FULL:
        return codes.var(0)
    from sklearn.covariance import ledoit_wolf

    return ledoit_wolf(codes)[0]


def _root(covariance: Array) -> Array:
    """Symmetric inverse square root; what never moves gets no say."""
    if covariance.ndim == 1:
        return np.where(covariance > 0, 1 / np.sqrt(np.where(covariance > 0, covariance, 1)), 0)
    values, vectors = np.linalg.eigh(covariance)
    kept = np.where(values > 1e-12 * values[-1], values, np.inf)
    return (vectors / np.sqrt(kept)) @ vectors.T
