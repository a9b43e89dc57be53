"""What a check looks at, and how it says that a space breaks its contract."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows
from latentarium.errors import LatentariumError, invalid
from latentarium.rng import check_seed, generator
from latentarium.space import LatentSpace

Reload = Callable[[LatentSpace], LatentSpace]

TOLERANCE = 1e-5


class CheckFailed(LatentariumError, AssertionError):
    """A latent space breaks its contract."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a check looks at: a space, some rows of its data, a seed, and a way to store and load it, or None."""

    space: LatentSpace
    x: FloatArray
    seed: int = 0
    reload: Reload | None = None

    @classmethod
    def of(cls, space: LatentSpace, x: ArrayLike, *, seed: int = 0, reload: Reload | None = None) -> "Case":
        """A case with checked rows: at least 4, of the space's data shape."""
        rows = as_rows(x, space.data_shape, name="x").copy()
        if len(rows) < 4 and space.data_shape:
            raise invalid("x", "at least 4 rows to check a space with", len(rows))
        return cls(space=space, x=rows, seed=check_seed(seed), reload=reload)

    def latents(self, count: int = 16) -> FloatArray:
        """Points to decode: codes where there is an encoder, else draws of the prior, else normal noise."""
        if "encode" in self.space.capabilities:
            codes = self.space.encode(self.x)
            return codes[np.arange(count) % len(codes)]
        if "prior" in self.space.capabilities:
            return self.space.sample_latents(count, seed=self.seed)
        return generator(self.seed, 1).standard_normal((count, *self.space.shape)).astype(np.float32)

    def calls(self) -> Iterator[tuple[str, Callable[..., NDArray[Any]], tuple[FloatArray, ...]]]:
        """Name, function and arguments of everything the space computes from arrays."""
        space, able = self.space, self.space.capabilities
        if "encode" in able:
            yield "encode", space.encode, (self.x,)
        if "posterior" in able:
            yield "posterior", lambda x: _posterior_pair(space, x), (self.x,)
        if able & {"decode", "derivative", "likelihood"}:
            z = self.latents(len(self.x))
            if "decode" in able:
                yield "decode", space.decode, (z,)
            if "derivative" in able:
                yield "decode_jvp", lambda z, v: np.stack(space.decode_jvp(z, v), axis=1), (z, self.directions(z))
            if "likelihood" in able:
                yield "log_likelihood", space.log_likelihood, (self.x, z)

    def directions(self, z: FloatArray) -> FloatArray:
        """One random direction for each point, as long as the points are spread."""
        spread = float(z.std()) or 1.0
        return (spread * generator(self.seed, 2).standard_normal(z.shape)).astype(np.float32)


def _posterior_pair(space: LatentSpace, x: ArrayLike) -> NDArray[Any]:
    posterior = space.posterior(x)
    return np.stack([posterior.mean, posterior.std], axis=1)


def row_norms(array: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean length of each row."""
    return np.linalg.norm(array.reshape(len(array), -1).astype(np.float64), axis=1)


def expect_close(
    got: NDArray[Any], expected: NDArray[Any], message: str, scale: NDArray[Any], *, loose: float = 1.0
) -> None:
    """Within TOLERANCE (times `loose`) of the largest value of `scale`."""
    unit = max(float(np.abs(scale).max(initial=0)), 1e-12)
    worst = float(np.abs(np.asarray(got, np.float64) - expected).max(initial=0)) / unit
    if not worst <= loose * TOLERANCE:
        raise CheckFailed(f"{message}, by {worst:.2g} of the largest value")


def expect_density_of(log_prob: Callable[[NDArray[Any]], NDArray[Any]], draws: NDArray[np.float64]) -> None:
    """The mean of grad log p(z) . (z - m) over the draws is -d, within sampling error."""
    offset = draws - draws.mean(0)
    step = 1e-3
    slope = (log_prob(draws + step * offset) - log_prob(draws - step * offset)) / (2 * step)
    dim = draws.shape[1]
    doubt = 5 * float(slope.std()) / np.sqrt(len(draws))
    if abs(float(slope.mean()) + dim) > 0.5 * dim + doubt:
        raise CheckFailed("the prior's density is in other units than its draws")
