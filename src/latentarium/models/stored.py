"""Stored spaces of our own networks come back to life from their weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.conditions import Condition
from latentarium.distributions import Distribution
from latentarium.errors import DamagedFile
from latentarium.space import LatentSpace, Modality


def model_from_weights(
    architecture: Mapping[str, Any], weights: Mapping[str, NDArray[Any]], modality: Modality, *, name: str
) -> Any:
    """The torch module that the architecture describes, with `weights` in it; a mismatch raises `DamagedFile`."""
    import torch

    from latentarium.models.autoencoder import Architecture, build

    with torch.random.fork_rng(devices=[]):
        # layer constructors draw from torch's global generator
        model = build(Architecture.from_json(architecture), modality)
    try:
        model.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
    except RuntimeError as error:
        raise DamagedFile(
            f"the weights of {name!r} do not fit its architecture ({str(error).splitlines()[0]})"
        ) from None
    return model


def space_from_weights(
    architecture: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    modality: Modality,
    *,
    name: str,
    prior: Distribution | None,
    provenance: Mapping[str, Any],
    conditions: tuple[Condition, ...] = (),
) -> LatentSpace:
    """The space of the model that `model_from_weights` builds."""
    from latentarium.models.spaces import autoencoder_space

    model = model_from_weights(architecture, weights, modality, name=name)
    latent = int(architecture["latent"])
    return autoencoder_space(
        model, modality, latent=latent, name=name, prior=prior, provenance=provenance, conditions=conditions
    )
