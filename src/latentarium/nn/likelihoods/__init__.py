"""Observation models p(x|z): what a decoder's outputs mean, in nats summed over the dimensions of a row.

Each likelihood says how many outputs it needs for each value (`outputs`), scores data (`log_prob`), and turns
outputs into data units (`mean`) or draws (`sample`).
"""

from typing import Any

from latentarium.data.modalities import TableModality
from latentarium.errors import invalid
from latentarium.nn.likelihoods.autoregressive import Autoregressive
from latentarium.nn.likelihoods.base import Likelihood
from latentarium.nn.likelihoods.pixels import Bernoulli, Categorical, DiscretisedLogistic, Gaussian
from latentarium.nn.likelihoods.tables import Mixed

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Categorical",
    "DiscretisedLogistic",
    "Gaussian",
    "Likelihood",
    "Mixed",
    "build_likelihood",
]

IMAGE_LIKELIHOODS = ("bernoulli", "gaussian", "logistic", "categorical", "autoregressive")


def build_likelihood(name: str, modality: Any, *, levels: int = 16) -> Likelihood:
    """The likelihood called `name` for data of `modality`."""
    if isinstance(modality, TableModality):
        if name != "mixed":
            raise invalid("likelihood", "'mixed' for a table", name)
        return Mixed(modality)
    if name == "categorical":
        return Categorical(levels)
    if name == Autoregressive.name:
        return Autoregressive(modality.data_shape[0])
    plain = {kind.name: kind for kind in (Bernoulli, Gaussian, DiscretisedLogistic)}
    if name not in plain:
        raise invalid("likelihood", f"one of {', '.join(IMAGE_LIKELIHOODS)} for images", name)
    return plain[name]()
