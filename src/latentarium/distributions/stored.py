"""Distributions as arrays and back, and in words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.distributions.flow import Flow
from latentarium.distributions.gaussian import Empirical, Normal
from latentarium.distributions.mixtures import DiagonalMixture, Mixture
from latentarium.distributions.protocol import Distribution
from latentarium.errors import invalid

Stored = Normal | Mixture | DiagonalMixture | Flow | Empirical
_STORED: Mapping[str, type[Stored]] = {
    "normal": Normal,
    "mixture": Mixture,
    "vamp": DiagonalMixture,
    "flow": Flow,
    "empirical": Empirical,
}


def to_arrays(distribution: Distribution) -> tuple[str, dict[str, NDArray[Any]]]:
    """Name and arrays of a storable distribution: its known parameters, never code."""
    for name, kind in _STORED.items():
        if isinstance(distribution, kind):
            return name, {field: getattr(distribution, field) for field in _fields(kind)}
    raise invalid("prior", f"one of {sorted(_STORED)} to be stored", type(distribution).__name__)


def from_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> Distribution:
    """Rebuild what `to_arrays` took apart; arrays of other names, shapes or values raise `InvalidInput`."""
    if name not in _STORED:
        raise invalid("prior", f"one of {sorted(_STORED)}", name)
    kind = _STORED[name]
    if set(arrays) != set(_fields(kind)):
        raise invalid(f"the arrays of a prior called {name!r}", str(_fields(kind)), sorted(arrays))
    return kind(**arrays)


def _fields(kind: type[Stored]) -> list[str]:
    return [field for field in kind.__dataclass_fields__ if not field.startswith("_")]


def describe(distribution: Distribution) -> str:
    """The distribution in a few words, as reports and measures name a prior.

    Examples
    --------
    >>> describe(Normal.standard(2))
    'N(0, I)'
    """
    match distribution:
        case Normal():
            standard = not distribution.mean.any() and bool((np.asarray(distribution.std) == 1).all())
            return "N(0, I)" if standard else "a Gaussian with diagonal covariance"
        case Mixture():
            return f"a mixture of {_count(len(distribution.weights), 'Gaussian')}"
        case DiagonalMixture():
            return f"a VampPrior of {_count(len(distribution.weights), 'posterior')}"
        case Flow():
            return f"a flow of {_count(len(distribution.orders), 'coupling')}"
        case Empirical():
            return "resampled codes"
        case _:
            return type(distribution).__name__


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
