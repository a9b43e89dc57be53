"""The user's own encoder and decoder in place of ours."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentarium.errors import InvalidInput, invalid
from latentarium.models.autoencoder import Architecture, Autoencoder
from latentarium.nn.likelihoods import build_likelihood
from latentarium.space import Modality


def custom_autoencoder(
    encoder: nn.Module,
    decoder: nn.Module,
    architecture: Architecture,
    modality: Modality,
    sample: NDArray[np.float32],
) -> Autoencoder:
    """Put copies of the user's modules together and try them on two rows, so that a wrong shape is named before
    training.

    Raises
    ------
    InvalidInput
        When the encoder's or decoder's output has another shape than the architecture asks for.
    """
    if architecture.quantiser:
        raise invalid("quantiser", "left out where modules are given", architecture.quantiser)
    if architecture.conditions:
        raise invalid("condition", "left out where modules are given", f"{architecture.conditions} values")
    likelihood = build_likelihood(architecture.likelihood, modality, levels=architecture.levels)
    model = Autoencoder(
        copy.deepcopy(encoder), copy.deepcopy(decoder), likelihood, variational=architecture.variational
    )
    model.eval()
    x = torch.from_numpy(sample[:2])
    try:
        with torch.no_grad():
            mean, _ = model.posterior(x)
            params = model.decoder(torch.zeros(len(x), architecture.latent))
    except Exception as error:  # noqa: BLE001 - somebody else's modules may raise anything
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidInput(
            f"encoder or decoder failed on rows of shape {modality.data_shape} with latent "
            f"{architecture.latent}: {first}"
        ) from None
    if mean.shape != (len(x), architecture.latent):
        raise invalid("the encoder's mean", f"of shape (b, {architecture.latent})", tuple(mean.shape))
    channels, *rest = modality.data_shape
    expected = (len(x), channels * likelihood.outputs, *rest)
    if tuple(params.shape) != expected:
        raise invalid("the decoder's output", f"of shape (b, {', '.join(map(str, expected[1:]))})", tuple(params.shape))
    return model
