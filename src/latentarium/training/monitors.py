"""Monitors: numbers watched during a fit, and the plain words spoken when they go wrong."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentarium.models.autoencoder import Autoencoder
from latentarium.objectives import Objective, gaussian_kl
from latentarium.training.batches import View

ACTIVE_VARIANCE = 0.01
# With the KL term at its own weight a small rate may be all there is to know, as in a table of weakly linked columns,
# so only less than half a bit is called a collapse; a heavier KL term is what keeps the rate down, and below two bits
# a code cannot tell four kinds of rows apart. Measured: beta = 50 leaves 0.0 to 0.8 nats, healthy fits 1 nat and more
# at weight 1, 3 and more above it.
LOWEST_RATE = 0.5 * math.log(2)
LOWEST_WEIGHTED_RATE = 2 * math.log(2)
LOWEST_SHUFFLE_GAP = 0.1
"""Nats; a decoder that ignores z loses about 0 when rows swap their latents, one that uses it several nats."""
SWAPPED_ROWS = 500
"""Rows that swap their latents at a validation: the gap is a mean of paired differences and needs no more."""
COLLAPSED_IN_ROW = 3
"""Validations in a row that have to agree before the end of a fit, since a code can still be about to form."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The bound and the state of the latent dimensions on held-out rows, in nats."""

    negative_elbo: float
    distortion: float
    rate: float
    active_units: int
    shuffle_gap: float
    code_use: float | None = None
    """Share of a quantiser's codes that the rows use."""

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if value is not None}


@torch.inference_mode()
def validate(model: Autoencoder, rows: View, noise: Tensor) -> Validation:
    """Evaluate `model` on `rows` with fixed `noise`, in float32 and piece by piece, under their own conditions.

    `shuffle_gap` is how much worse the distortion gets when rows swap their latents, in nats: near 0 the decoder
    ignores z. A single row has nobody to swap with and gets NaN.
    """
    model.eval()
    passes = [_pass(model, *part) for part in rows.with_noise(noise)]
    distortion, kl, mean, z = (torch.cat(parts) for parts in zip(*passes, strict=True))
    rate = float(kl.sum(1).mean()) if model.variational else 0.0
    plain = float(distortion.mean())
    some = rows.first(SWAPPED_ROWS)
    swapped = torch.cat([_score(model, *part) for part in some.with_noise(z.roll(1, 0)[: len(some)])])
    return Validation(
        negative_elbo=plain + rate,
        distortion=plain,
        rate=rate,
        active_units=int((mean.var(0) > ACTIVE_VARIANCE).sum()) if len(mean) > 1 else mean.shape[1],
        shuffle_gap=float((swapped - distortion[: len(some)]).mean()) if len(rows) > 1 else math.nan,
        code_use=None if model.quantiser is None else model.quantiser.use(model.quantiser.integers(mean)),
    )


def _pass(
    model: Autoencoder, x: Tensor, noise: Tensor, condition: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    out = model(x, noise, condition=condition)
    distortion = -model.likelihood.log_prob(out.params, x)
    return distortion, gaussian_kl(out.mean, out.log_variance), out.mean, out.z


def _score(model: Autoencoder, x: Tensor, z: Tensor, condition: Tensor | None) -> Tensor:
    return -model.likelihood.log_prob(model.params(z, condition), x)


def collapsed(validation: Validation, objective: Objective) -> bool:
    """Whether the codes carry (almost) nothing about their rows."""
    lowest = LOWEST_WEIGHTED_RATE if objective.kl_weight > 1 else LOWEST_RATE
    uninformed = objective.variational and validation.rate < lowest
    return uninformed or validation.shuffle_gap < LOWEST_SHUFFLE_GAP


def collapse_alarm(history: Sequence[Mapping[str, Any]], *, last: bool) -> str | None:
    """Words when the latest validations found a collapse (the latest alone at the end of a fit), else None."""
    recent = history[-1:] if last else history[-COLLAPSED_IN_ROW:]
    agreed = len(recent) == (1 if last else COLLAPSED_IN_ROW) and all(r["warmed_up"] and r["collapsed"] for r in recent)
    if not agreed:
        return None
    found = recent[-1]
    carried = f"a code carries {found['rate']:.2f} nats about its row, and " if found["rate"] else ""
    return (
        f"posterior collapse: {carried}swapping codes between rows costs {found['shuffle_gap']:.2f} nats of "
        f"reconstruction ({found['active_units']} dimensions in use); lower beta, lengthen kl_warmup, raise free_nats, "
        "or train longer"
    )


def nan_alarm(step: int, skipped: int) -> str:
    """Words for steps that were left out because their loss or gradient was not a number."""
    return f"loss or gradient was not finite at step {step}: step skipped ({skipped} so far)"


def rollback_alarm(step: int, target: int) -> str:
    """Words for a return to the last good state."""
    return f"five steps in a row were not finite at step {step}: weights rolled back to those of step {target}"
