"""Where the codes of rows with a given class or attributes lie: one mixture, reweighted by what is told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentarium.distributions.mixtures import Mixture
from latentarium.distributions.protocol import Array, check_layout
from latentarium.errors import invalid


@dataclass(frozen=True, kw_only=True)
class ConditionalMixture:
    """p(z|c) of values c of one or more columns.

    Parameters
    ----------
    mixture : p(z) of rows of any value, k components in d dimensions
    shares : P(component | value) (v, k), all values of all columns one after the other

    Examples
    --------
    >>> two = Mixture(weights=np.array([0.5, 0.5]), means=np.array([[-9.0], [9.0]]), factors=np.ones((2, 1, 1)))
    >>> told = ConditionalMixture(mixture=two, shares=np.eye(2)).given([1])
    >>> bool((told.sample(3, seed=0) > 0).all())
    True
    """

    mixture: Mixture
    shares: Array

    def __post_init__(self) -> None:
        check_layout(self, shares="v k")
        if self.shares.shape[1] != len(self.mixture.weights) or (self.shares < 0).any():
            raise invalid("shares", f"(v, {len(self.mixture.weights)}) numbers from 0", self.shares.shape)

    def given(self, told: Sequence[int]) -> Mixture:
        """p(z | all values in `told`), which are taken as independent within a component."""
        prior = np.maximum(self.mixture.weights, 1e-12)
        logs = np.log(prior) + sum(np.log(np.maximum(self.shares[value], 1e-12) / prior) for value in told)
        weights = np.exp(logs - np.max(logs))
        return Mixture(weights=weights / weights.sum(), means=self.mixture.means, factors=self.mixture.factors)

    def transformed(self, mean: Array, std: Array) -> "ConditionalMixture":
        """The same in units (z - mean) / std."""
        return ConditionalMixture(mixture=self.mixture.transformed(mean, std), shares=self.shares)
