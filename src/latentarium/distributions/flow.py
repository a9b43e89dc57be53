"""A normalising flow in plain arrays: sampling from one and its density need no framework."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.distributions.protocol import LOG_2PI, Array, check_factors, check_layout
from latentarium.errors import invalid
from latentarium.rng import generator

LARGEST_LOG_SCALE = 2.0
COUPLINGS = ("orders", "w1", "b1", "w2", "b2", "w3", "b3")
"""The arrays that make up the couplings of a `Flow`."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A RealNVP (Dinh et al. 2017): affine couplings between normal noise and a vector that is then scaled and moved.

    Each coupling orders the dimensions anew; a network with two hidden layers reads the first half of them and gives
    the others a scale and a shift. Hidden layers are tanh and log scales bounded, so that the tails stay Gaussian
    and the inverse is well conditioned.

    Parameters
    ----------
    mean, factor : (d,) and lower triangular (d, d); a point is mean + factor x
    orders : integer (l, d), the order of x's dimensions in each of the l couplings, from x to the noise
    w1, b1, w2, b2, w3, b3 : weights and biases of the networks, (l, d // 2, h), (l, h), (l, h, h), (l, h),
        (l, h, 2 (d - d // 2)), (l, 2 (d - d // 2))

    Examples
    --------
    >>> flow = Flow.gaussian(np.zeros(2), np.eye(2), layers=4)
    >>> round(float(flow.log_prob(np.zeros((1, 2)))[0]), 4)
    -1.8379
    """

    mean: Array
    factor: Array
    orders: NDArray[np.int64]
    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]
    w3: NDArray[np.float32]
    b3: NDArray[np.float32]

    def __post_init__(self) -> None:
        check_layout(
            self, mean="d", factor="d d", orders="l d", w1="l a h", b1="l h", w2="l h h", b2="l h", w3="l h s", b3="l s"
        )
        check_factors(self, "factor", self.factor)
        seen, moved = self.dim // 2, self.dim - self.dim // 2
        if (self.w1.shape[1], self.w3.shape[2]) != (seen, 2 * moved):
            rule = f"networks from {seen} to {2 * moved} values for {self.dim} dimensions"
            raise invalid("Flow.w1 and Flow.w3", rule, (self.w1.shape[1], self.w3.shape[2]))
        if self.orders.dtype.kind not in "iu" or (np.sort(self.orders, axis=1) != np.arange(self.dim)).any():
            raise invalid("Flow.orders", f"orders of the dimensions 0 to {self.dim - 1}", "something else")

    @classmethod
    def gaussian(cls, mean: Array, factor: Array, *, layers: int, width: int = 64, seed: int = 0) -> "Flow":
        """The flow that a fit starts from: its couplings change nothing yet, so it is N(mean, factor factor^T)."""
        dim, random = len(mean), generator(seed)
        seen, moved = dim // 2, dim - dim // 2

        def weights(rows: int, columns: int) -> NDArray[np.float32]:
            return (random.standard_normal((layers, rows, columns)) / np.sqrt(max(rows, 1))).astype(np.float32)

        def zeros(*shape: int) -> NDArray[np.float32]:
            return np.zeros((layers, *shape), np.float32)

        return cls(
            mean=mean,
            factor=factor,
            orders=np.stack([random.permutation(dim) for _ in range(layers)]),
            w1=weights(seen, width),
            b1=zeros(width),
            w2=weights(width, width),
            b2=zeros(width),
            w3=zeros(width, 2 * moved),
            b3=zeros(2 * moved),
        )

    @property
    def dim(self) -> int:
        return len(self.mean)

    @property
    def couplings(self) -> Mapping[str, NDArray[Any]]:
        """The arrays of the couplings by name."""
        return {name: getattr(self, name) for name in COUPLINGS}

    def sample(self, n: int, *, seed: int, temperature: float = 1.0) -> NDArray[np.float32]:
        x = temperature * generator(seed).standard_normal((n, self.dim))
        seen = self.dim // 2
        for layer in reversed(range(len(self.orders))):
            log_scale, shift = _coupling(x[:, :seen], self.couplings, layer, np)
            ordered = np.concatenate([x[:, :seen], (x[:, seen:] - shift) * np.exp(-log_scale)], axis=1)
            x = np.empty_like(ordered)
            x[:, self.orders[layer]] = ordered
        return (self.mean + x @ self.factor.T).astype(np.float32)

    def log_prob(self, z: NDArray[Any]) -> Array:
        offset: Array = (np.asarray(z, np.float64) - self.mean).T
        x = np.linalg.solve(np.asarray(self.factor, np.float64), offset).T
        return coupled_log_prob(x, self.couplings) - np.log(np.diagonal(self.factor)).sum()

    def transformed(self, mean: Array, std: Array) -> "Flow":
        moved = {"mean": (self.mean - mean) / std, "factor": self.factor / np.reshape(std, (-1, 1))}
        return Flow(**moved, **self.couplings)


def coupled_log_prob(x: Any, couplings: Mapping[str, Any], library: Any = np) -> Any:
    """Log density in nats of `x` (n, d), whose noise under the couplings is N(0, I); shape (n,).

    `library` is the module whose arrays these are: numpy to evaluate, torch to train.
    """
    seen, total = x.shape[1] // 2, 0.0
    for layer, order in enumerate(couplings["orders"]):
        x = x[:, order]
        log_scale, shift = _coupling(x[:, :seen], couplings, layer, library)
        x = library.concatenate([x[:, :seen], x[:, seen:] * library.exp(log_scale) + shift], 1)
        total = total + log_scale.sum(1)
    return total - 0.5 * (x**2 + LOG_2PI).sum(1)


def _coupling(seen: Any, couplings: Mapping[str, Any], layer: int, library: Any) -> tuple[Any, Any]:
    """Log scale and shift, each (n, d - d // 2), that a coupling's network gives for the dimensions it sees."""
    w1, b1, w2, b2, w3, b3 = (couplings[name][layer] for name in COUPLINGS[1:])
    hidden = library.tanh(library.tanh(seen @ w1 + b1) @ w2 + b2)
    out = hidden @ w3 + b3
    half = out.shape[1] // 2
    return LARGEST_LOG_SCALE * library.tanh(out[:, :half] / LARGEST_LOG_SCALE), out[:, half:]
