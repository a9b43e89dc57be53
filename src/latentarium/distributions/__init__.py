"""Distributions over latent points: `sample`, `log_prob`, and the analytic divergences between Gaussians.

All densities are in nats over flattened latents of length d. Only fitting a mixture imports scikit-learn.
"""

from latentarium.distributions.conditional import ConditionalMixture
from latentarium.distributions.flow import Flow
from latentarium.distributions.gaussian import Empirical, Normal, gaussian_kl
from latentarium.distributions.mixtures import DiagonalMixture, Mixture
from latentarium.distributions.protocol import Distribution, tempered, truncated
from latentarium.distributions.stored import describe, from_arrays, to_arrays

__all__ = [
    "ConditionalMixture",
    "DiagonalMixture",
    "Distribution",
    "Empirical",
    "Flow",
    "Mixture",
    "Normal",
    "describe",
    "from_arrays",
    "gaussian_kl",
    "tempered",
    "to_arrays",
    "truncated",
]
