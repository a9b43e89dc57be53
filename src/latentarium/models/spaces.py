"""A trained autoencoder seen as a `LatentSpace`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentarium.distributions import Distribution, Normal
from latentarium.geometry import Geometry
from latentarium.models.autoencoder import Autoencoder
from latentarium.nn.generators import Generator
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
) -> LatentSpace:
    """`model` in evaluation mode as a space of float32 arrays on its own device.

    A VAE or GAN has the standard normal prior it was trained with unless another is given; an AE has none until one is
    fitted to its codes. Paths in a GAN's space follow great circles, since it never saw points near the middle.
    """
    model.eval()
    device = next(model.parameters()).device
    variational, adversarial = model.variational, isinstance(model.decoder, Generator)

    def run(function: Callable[..., Any], *arrays: NDArray[Any]) -> Any:
        tensors = [torch.tensor(a, device=device) for a in arrays]
        with torch.inference_mode():
            return _numpy(function(*tensors))

    def posterior(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = model.posterior(x)
        return mean, torch.exp(0.5 * log_variance)

    def jvp(z: FloatArray, v: FloatArray) -> Any:
        point, tangent = (torch.tensor(a, device=device) for a in (z, v))
        with torch.no_grad():
            return _numpy(torch.func.jvp(model.decode, (point,), (tangent,)))

    alphabet, quantiser = None, model.quantiser
    if quantiser is not None:
        alphabet = Alphabet(
            sizes=quantiser.sizes,
            to_integers=lambda z: run(quantiser.integers, z),
            to_codes=lambda k: run(quantiser.codes, k),
        )

    def likelihood(x: Tensor, z: Tensor) -> Tensor:
        return model.likelihood.log_prob(model.decoder(z).float(), x)

    return LatentSpace(
        name=name,
        shape=(latent,),
        data_shape=modality.data_shape,
        encode_fn=lambda x: run(lambda t: model.posterior(t)[0], x),
        decode_fn=lambda z: run(model.decode, z),
        posterior_fn=(lambda x: run(posterior, x)) if variational else None,
        decode_jvp_fn=jvp,
        log_likelihood_fn=lambda x, z: run(likelihood, x, z),
        prior=prior or (Normal.standard(latent) if variational or adversarial else None),
        geometry=Geometry(path="slerp" if adversarial else "lerp"),
        alphabet=alphabet,
        modality=modality,
        provenance=dict(provenance or {}),
    )


def _numpy(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_numpy(part) for part in value)
    return value.detach().cpu().numpy()
