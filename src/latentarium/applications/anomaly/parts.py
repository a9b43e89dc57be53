"""The scores of a detector, each fitted to reference rows and then asked row by row.

A part gives every row a number, higher for odder ones, and a map over the row's values whose sum is that number. All of
them are deterministic: where a posterior is drawn from, every row gets the same noise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, check_positive_int
from latentarium.errors import InvalidInput, MissingCapability, invalid
from latentarium.measures.detection import Features, Neighbours, plane_residuals
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
CONTRAST = 1.5
"""Power of a cell's squared residual: above 1, what is odd in one place counts more than the same spread thin."""
SHARE_OF_MEAN = 0.1
"""Of the mean variance, added to that of each value, so that a value that hardly varies does not decide alone."""
NOISE_DRAWS = 16
BOUND_ROWS = 512
"""Rows from which is learned how much of a bound is squared error."""
_NOISE = 61


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What the parts of one detector share.

    Parameters
    ----------
    space : encoder, decoder and what else a part asks for
    features : what rows are compared in
    neighbours : rows that a row is compared with
    seed : of the common noise
    """

    space: LatentSpace
    features: Features
    neighbours: int
    seed: int


@dataclass(frozen=True, eq=False)
class Batch:
    """A few rows, and what the space makes of them, each computed when first asked for."""

    setting: Setting
    x: FloatArray

    @cached_property
    def codes(self) -> FloatArray:
        """Flattened codes (b, d)."""
        return flat_codes(self.setting.space, self.x)

    @cached_property
    def cells(self) -> FloatArray:
        """The rows in the features they are compared in, (b, cells * channels)."""
        return self.setting.features.cells(self.x).reshape(len(self.x), -1)

    @cached_property
    def residual(self) -> Array:
        """Row minus reconstruction, (b, *data_shape)."""
        space = self.setting.space
        shown = space.decode(self.codes.reshape(-1, *space.shape))
        return self.x.astype(np.float64) - shown

    def decoded_change(self, codes: Array) -> Array:
        """Squared change of the decoded data where the rows' codes become `codes`, (b, *data_shape)."""
        space = self.setting.space
        there = space.decode(codes.astype(np.float32).reshape(-1, *space.shape))
        here = space.decode(self.codes.reshape(-1, *space.shape))
        return (here.astype(np.float64) - there) ** 2


class Part(Protocol):
    """A fitted score."""

    def rows(self, batch: Batch) -> Array:
        """The score of each row, (b,)."""
        ...

    def maps(self, batch: Batch) -> Array:
        """Where it comes from, (b, *data_shape); sums to the score."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Distance from the plane through the rows that are nearest in the latent space."""

    codes: Neighbours
    cells: FloatArray

    @classmethod
    def fit(cls, setting: Setting, x: FloatArray) -> "Plane":
        batch = Batch(setting, x)
        return cls(codes=Neighbours(batch.codes), cells=batch.cells)

    def rows(self, batch: Batch) -> Array:
        return self._energies(batch).sum(1)

    def maps(self, batch: Batch) -> Array:
        return batch.setting.features.spread(self._energies(batch))

    def _energies(self, batch: Batch) -> Array:
        near, _ = self.codes.nearest(batch.codes, batch.setting.neighbours)
        left = plane_residuals(batch.cells, self.cells[near]).astype(np.float64)
        cells = batch.setting.features.cells(batch.x[:1]).shape[1]
        return (left.reshape(len(left), cells, -1) ** 2).sum(2) ** CONTRAST


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruction:
    """Squared error of the reconstruction, each value by its weight."""

    weights: Array | float = 1.0

    @classmethod
    def weighted(cls, setting: Setting, x: FloatArray) -> "Reconstruction":
        """Weights are the inverse of each value's mean squared error over the reference rows."""
        variance = (Batch(setting, x).residual ** 2).mean(0)
        return cls(weights=1 / np.maximum(variance + SHARE_OF_MEAN * variance.mean(), 1e-12))

    def rows(self, batch: Batch) -> Array:
        return _by_row(self.maps(batch))

    def maps(self, batch: Batch) -> Array:
        return batch.residual**2 * self.weights


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """Negative ELBO, or with `importance` the tighter bound of as many draws (Burda et al. 2016), in nats.

    A bound has no parts of its own, and is below 0 where the data have a density. What it has of the squared error of
    the reconstruction, `nats` for each unit, lies in a map where the error does; the rest lies evenly over the row.
    """

    noise: FloatArray
    importance: bool
    nats: float = 0.0

    @classmethod
    def fit(cls, setting: Setting, x: FloatArray, *, importance: bool) -> "Bound":
        for name in ("posterior", "likelihood"):
            if name not in setting.space.capabilities:
                raise MissingCapability(
                    f"{setting.space.name!r} has no {name}, which the score needs; use a VAE or another score"
                )
        noise = generator(setting.seed, _NOISE).standard_normal((NOISE_DRAWS, setting.space.dim))
        bare = cls(noise=noise.astype(np.float32), importance=importance)
        batch = Batch(setting, x[:: -(-len(x) // BOUND_ROWS)])
        bounds, errors = bare.rows(batch), _by_row(batch.residual**2)
        spread = float(errors.var())
        nats = float(np.mean((errors - errors.mean()) * (bounds - bounds.mean()))) / spread if spread else 0.0
        return cls(noise=bare.noise, importance=importance, nats=max(nats, 0.0))

    def rows(self, batch: Batch) -> Array:
        space = batch.setting.space
        posterior = space.posterior(batch.x)
        mean, std = (a.reshape(len(batch.x), -1).astype(np.float64) for a in (posterior.mean, posterior.std))
        bounds = np.stack([self._log_weight(batch, mean, std, noise) for noise in self.noise])
        if not self.importance:
            return -bounds.mean(0)
        top = bounds.max(0)
        return -(top + np.log(np.exp(bounds - top).mean(0)))

    def maps(self, batch: Batch) -> Array:
        lit = self.nats * batch.residual**2
        rest = (self.rows(batch) - _by_row(lit)) / lit[0].size
        return lit + rest.reshape(-1, *[1] * (lit.ndim - 1))

    def _log_weight(self, batch: Batch, mean: Array, std: Array, noise: FloatArray) -> Array:
        """log p(x|z) + log p(z) - log q(z|x) at z = mean + std * noise, with the standard normal p(z)."""
        space, z = batch.setting.space, mean + std * noise
        likelihood = space.log_likelihood(batch.x, z.astype(np.float32).reshape(-1, *space.shape))
        return (
            likelihood - 0.5 * (z**2).sum(1) + 0.5 * float((noise.astype(np.float64) ** 2).sum()) + np.log(std).sum(1)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Mahalanobis:
    """Squared distance of the code from the middle of the reference codes, in units of their covariance."""

    middle: Array
    precision: Array

    @classmethod
    def fit(cls, setting: Setting, x: FloatArray) -> "Mahalanobis":
        from sklearn.covariance import LedoitWolf

        fitted = LedoitWolf().fit(flat_codes(setting.space, x).astype(np.float64))
        return cls(middle=np.asarray(fitted.location_), precision=np.asarray(fitted.precision_))

    def rows(self, batch: Batch) -> Array:
        offset = batch.codes.astype(np.float64) - self.middle
        return np.maximum(np.einsum("bi,ij,bj->b", offset, self.precision, offset), 0)

    def maps(self, batch: Batch) -> Array:
        """Shared out as the data would change if the code moved to the middle."""
        middles = np.broadcast_to(self.middle, batch.codes.shape)
        return shared_out(self.rows(batch), batch.decoded_change(middles))


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentNeighbours:
    """Mean squared distance of the code to the nearest reference codes."""

    codes: Neighbours

    @classmethod
    def fit(cls, setting: Setting, x: FloatArray) -> "LatentNeighbours":
        return cls(codes=Neighbours(flat_codes(setting.space, x)))

    def rows(self, batch: Batch) -> Array:
        return self.codes.nearest(batch.codes, batch.setting.neighbours)[1].mean(1)

    def maps(self, batch: Batch) -> Array:
        """Shared out as the data would change if the code moved to the middle of its neighbours."""
        near, distances = self.codes.nearest(batch.codes, batch.setting.neighbours)
        middles = self.codes.points[near].astype(np.float64).mean(1)
        return shared_out(distances.mean(1), batch.decoded_change(middles))


@dataclass(frozen=True, kw_only=True, eq=False)
class DataNeighbours:
    """Mean squared distance to the nearest reference rows, value by value."""

    rows_known: Neighbours

    def rows(self, batch: Batch) -> Array:
        flat = batch.x.reshape(len(batch.x), -1)
        return self.rows_known.nearest(flat, batch.setting.neighbours)[1].mean(1)

    def maps(self, batch: Batch) -> Array:
        flat = batch.x.reshape(len(batch.x), -1)
        near, _ = self.rows_known.nearest(flat, batch.setting.neighbours)
        change = (self.rows_known.points[near].astype(np.float64) - flat[:, None]) ** 2
        return change.mean(1).reshape(batch.x.shape)


SCORES: Mapping[str, Callable[[Setting, FloatArray], Part]] = {
    "plane": Plane.fit,
    "weighted": Reconstruction.weighted,
    "plain": lambda *_: Reconstruction(),
    "elbo": lambda setting, x: Bound.fit(setting, x, importance=False),
    "iwae": lambda setting, x: Bound.fit(setting, x, importance=True),
    "mahalanobis": Mahalanobis.fit,
    "latent-neighbours": LatentNeighbours.fit,
    "data-neighbours": lambda _, x: DataNeighbours(rows_known=Neighbours(x.reshape(len(x), -1))),
}


def parse_scores(scores: str) -> tuple[str, ...]:
    """The parts of a score such as "plane" or "weighted+latent-neighbours".

    Examples
    --------
    >>> parse_scores("weighted+plane")
    ('weighted', 'plane')
    """
    if not isinstance(scores, str):  # pyright: ignore[reportUnnecessaryIsInstance] - from an estimator it may be
        raise invalid("scores", f"one of {', '.join(SCORES)}, or several joined by +", scores)
    names = tuple(name.strip() for name in scores.split("+"))
    for name in names:
        if name not in SCORES:
            raise invalid("scores", f"one of {', '.join(SCORES)}, or several joined by +", name)
    if len(set(names)) < len(names):
        raise InvalidInput(f"scores must name each part once, got {scores!r}")
    return names


def fit_parts(setting: Setting, x: FloatArray, scores: str) -> dict[str, Part]:
    """The parts of `scores`, fitted to reference rows (n, *data_shape).

    Raises
    ------
    InvalidInput
        For a score that is not known.
    MissingCapability
        When the space lacks what a part needs.
    """
    check_positive_int(setting.neighbours, "neighbours")
    return {name: SCORES[name](setting, x) for name in parse_scores(scores)}


def flat_codes(space: LatentSpace, x: FloatArray) -> FloatArray:
    """Codes as float32 (n, d)."""
    return space.encode(x).reshape(len(x), -1)


def shared_out(scores: Array, shares: Array) -> Array:
    """`shares` (b, *shape) scaled so that those of a row sum to its score; even shares where all are zero."""
    flat = shares.reshape(len(shares), -1)
    total = flat.sum(1, keepdims=True)
    even = np.full_like(flat, 1 / flat.shape[1])
    parts = np.divide(flat, total, out=even, where=total > 0)
    return (scores[:, None] * parts).reshape(shares.shape)


def _by_row(values: Array) -> Array:
    """The sum over each row of (n, ..)."""
    return values.reshape(len(values), -1).sum(1)
