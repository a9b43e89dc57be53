"""Monitors: numbers watched during a fit, and the plain words spoken when they go wrong."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentarium.models.autoencoder import Autoencoder
from latentarium.objectives import gaussian_kl

ACTIVE_VARIANCE = 0.01
LOWEST_ACTIVE_SHARE = 1 / 8
LOWEST_SHUFFLE_GAP = 0.05


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The bound and the state of the latent dimensions on held-out rows, in nats."""

    negative_elbo: float
    distortion: float
    rate: float
    active_units: int
    latent: int
    shuffle_gap: float

    def to_json(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "latent"}


@torch.inference_mode()
def validate(model: Autoencoder, x: Tensor, noise: Tensor) -> Validation:
    """Evaluate `model` on rows `x` with fixed `noise`, in float32 and in chunks.

    `shuffle_gap` is how much worse the distortion gets when rows swap their latents, as a share: near 0 the
    decoder ignores z.
    """
    model.eval()
    chunks = [_pass(model, a, b) for a, b in zip(x.split(500), noise.split(500), strict=True)]
    distortion, kl, mean, swapped = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    rate = float(kl.sum(1).mean()) if model.variational else 0.0
    plain = float(distortion.mean())
    return Validation(
        negative_elbo=plain + rate,
        distortion=plain,
        rate=rate,
        active_units=int((mean.var(0) > ACTIVE_VARIANCE).sum()) if len(mean) > 1 else mean.shape[1],
        latent=mean.shape[1],
        shuffle_gap=(float(swapped.mean()) - plain) / max(abs(plain), 1e-6),
    )


def _pass(model: Autoencoder, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    out = model(x, noise)
    distortion = -model.likelihood.log_prob(out.params, x)
    swapped = -model.likelihood.log_prob(model.decoder(out.z.roll(1, 0)).float(), x)
    return distortion, gaussian_kl(out.mean, out.log_variance), out.mean, swapped


def collapse_alarm(validation: Validation) -> str | None:
    """Words for a posterior that carries (almost) nothing, or None for a healthy one."""
    few = validation.active_units < max(1.0, LOWEST_ACTIVE_SHARE * validation.latent)
    ignored = validation.shuffle_gap < LOWEST_SHUFFLE_GAP
    if not (few or ignored):
        return None
    return (
        f"posterior collapse: {validation.active_units} of {validation.latent} latent dimensions are in use and "
        f"swapping latents between rows costs {100 * validation.shuffle_gap:.1f} % of the reconstruction; "
        "lower beta, lengthen kl_warmup, or raise free_nats"
    )


def nan_alarm(step: int, skipped: int) -> str:
    """Words for steps that were left out because their loss or gradient was not a number."""
    return f"loss or gradient was not finite at step {step}: step skipped ({skipped} so far)"


def rollback_alarm(step: int, target: int) -> str:
    """Words for a return to the last good state."""
    return f"five steps in a row were not finite at step {step}: weights rolled back to those of step {target}"
