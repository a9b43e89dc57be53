"""A trained autoencoder seen as a `LatentSpace`."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentarium.conditions import Condition
from latentarium.distributions import Distribution, Normal
from latentarium.geometry import Geometry
from latentarium.models.autoencoder import Autoencoder
from latentarium.nn.generators import Generator
from latentarium.nn.likelihoods import Recurrent
from latentarium.space import Alphabet, LatentSpace, Modality

FloatArray = NDArray[np.float32]


def autoencoder_space(
    model: Autoencoder,
    modality: Modality,
    *,
    latent: int,
    name: str,
    prior: Distribution | None = None,
    provenance: Mapping[str, Any] | None = None,
    conditions: tuple[Condition, ...] = (),
) -> LatentSpace:
    """`model` in evaluation mode as a space of float32 arrays on its own device.

    A VAE or GAN has the standard normal prior it was trained with unless another is given; an AE has none until one is
    fitted to its codes. Paths in a GAN's space follow great circles, since it never saw points near the middle.
    """
    model.eval()
    variational, adversarial = model.variational, isinstance(model.decoder, Generator)

    def posterior(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = model.posterior(x)
        return mean, torch.exp(0.5 * log_variance)

    silent = LatentSpace(
        name=name,
        shape=(latent,),
        data_shape=modality.data_shape,
        encode_fn=lambda x: _run(model, lambda t: model.posterior(t)[0], x),
        posterior_fn=(lambda x: _run(model, posterior, x)) if variational else None,
        prior=prior or (Normal.standard(latent) if variational or adversarial else None),
        geometry=Geometry(path="slerp" if adversarial else "lerp"),
        alphabet=_alphabet(model),
        conditions=conditions,
        modality=modality,
        provenance=dict(provenance or {}),
    )

    def given(condition: FloatArray) -> LatentSpace:
        return _with_decoder(silent, model, torch.tensor(condition[None], device=_device(model)))

    return dataclasses.replace(_with_decoder(silent, model, None), given_fn=given if conditions else None)


def _with_decoder(space: LatentSpace, model: Autoencoder, condition: Tensor | None) -> LatentSpace:
    """`space` with the model's decoder, which is told `condition` (1, conditions)."""

    def decode(z: Tensor) -> Tensor:
        return model.decode(z, condition)

    def jvp(z: FloatArray, v: FloatArray) -> Any:
        point, tangent = (torch.tensor(a, device=_device(model)) for a in (z, v))
        with torch.no_grad():
            return _numpy(torch.func.jvp(decode, (point,), (tangent,)))

    def likelihood(x: Tensor, z: Tensor) -> Tensor:
        return model.likelihood.log_prob(model.params(z, condition), x)

    return dataclasses.replace(
        space,
        decode_fn=lambda z: _run(model, decode, z),
        decode_jvp_fn=jvp,
        log_likelihood_fn=lambda x, z: _run(model, likelihood, x, z),
        graphs_fn=None if isinstance(model.likelihood, Recurrent) else lambda: _graphs(model, condition, space.dim),
    )


def _graphs(model: Autoencoder, condition: Tensor | None, latent: int) -> Mapping[str, bytes]:
    from latentarium.models.export import space_graphs

    return {name: graph.data for name, graph in space_graphs(model, condition, latent=latent).items()}


def _alphabet(model: Autoencoder) -> Alphabet | None:
    quantiser = model.quantiser
    if quantiser is None:
        return None
    return Alphabet(
        sizes=quantiser.sizes,
        to_integers=lambda z: _run(model, quantiser.integers, z),
        to_codes=lambda k: _run(model, quantiser.codes, k),
        shared=quantiser.shared,
    )


def _run(model: Autoencoder, function: Callable[..., Any], *arrays: NDArray[Any]) -> Any:
    """A function of tensors on the model's device, applied to arrays."""
    tensors = [torch.tensor(a, device=_device(model)) for a in arrays]
    with torch.inference_mode():
        return _numpy(function(*tensors))


def _device(model: Autoencoder) -> torch.device:
    return next(model.parameters()).device


def _numpy(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_numpy(part) for part in value)
    return value.detach().cpu().numpy()
