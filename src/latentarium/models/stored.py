"""Stored spaces come back to life: our networks from their weights, anybody else's from ONNX graphs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.conditions import Condition
from latentarium.distributions import Distribution
from latentarium.errors import DamagedFile
from latentarium.space import LatentSpace, Modality

FloatArray = NDArray[np.float32]


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


def space_from_graphs(
    graphs: tuple[Path, Path],
    modality: Modality,
    *,
    latent: int,
    variational: bool,
    name: str,
    prior: Distribution | None,
    provenance: Mapping[str, Any],
) -> LatentSpace:
    """A space that runs `graphs`, an encoder (x -> mean, std) and a decoder (z -> x), in ONNX Runtime."""
    import onnxruntime

    try:
        down, up = (onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in graphs)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own errors share no public base
        raise DamagedFile(f"the ONNX graphs of {name!r} cannot be read ({str(error).splitlines()[0]})") from None

    def posterior(x: FloatArray) -> Any:
        return down.run(None, {"x": x})

    def decode(z: FloatArray) -> Any:
        return up.run(None, {"z": z})[0]

    return LatentSpace(
        name=name,
        shape=(latent,),
        data_shape=modality.data_shape,
        encode_fn=lambda x: posterior(x)[0],
        decode_fn=decode,
        posterior_fn=(lambda x: tuple(posterior(x))) if variational else None,
        prior=prior,
        modality=modality,
        provenance=provenance,
    )
