"""Training objectives as pure functions: tensors in, named terms in nats out.

Every term is summed over dimensions and averaged over the batch. `loss` is what is minimised; `negative_elbo` is
always the beta = 1 bound, so that training, validation and measures speak of one number.

Notation: `log_px` (b,) is log p(x|z); `mean` and `log_variance` (b, d) describe q(z|x); `z` (b, d) is its draw.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from latentarium.errors import invalid

Terms = dict[str, Tensor]
Kind = Literal["elbo", "beta", "beta-tc", "rae"]
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Which bound is optimised; make one with `elbo`, `beta`, `beta_tc` or `rae`."""

    kind: Kind = "elbo"
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("elbo", "beta", "beta-tc", "rae"):
            raise invalid("objective", "one of elbo, beta, beta-tc, rae", self.kind)
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise invalid("objective.weight", "a finite number from 0 up", self.weight)

    @property
    def variational(self) -> bool:
        """Whether the encoder gives a distribution."""
        return self.kind != "rae"

    @property
    def kl_weight(self) -> float:
        """What the whole KL term is multiplied by."""
        return self.weight if self.kind == "beta" else 1.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def elbo() -> Objective:
    """The evidence lower bound (Kingma & Welling 2014)."""
    return Objective()


def beta(weight: float) -> Objective:
    """Beta-VAE: the KL term times `weight` (Higgins et al. 2017)."""
    return Objective(kind="beta", weight=weight)


def beta_tc(weight: float) -> Objective:
    """Beta-TCVAE: only the total correlation times `weight` (Chen et al. 2018, eq. 4)."""
    return Objective(kind="beta-tc", weight=weight)


def rae(weight: float = 1e-2) -> Objective:
    """A regularised autoencoder: weight / 2 |z|^2 beside the reconstruction (Ghosh et al. 2020)."""
    return Objective(kind="rae", weight=weight)


def parse_objective(text: str) -> Objective:
    """Read "elbo", "beta:4", "beta-tc:6" or "rae:0.01".

    Examples
    --------
    >>> parse_objective("beta:4") == beta(4)
    True
    """
    kind, _, number = text.partition(":")
    try:
        weight = float(number) if number else 1.0
    except ValueError:
        raise invalid("objective", "a kind and a number such as beta:4", text) from None
    return Objective(kind=kind, weight=weight)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Where the schedule stands: the warm-up factor of the KL term and the free nats of each dimension."""

    kl: float = 1.0
    free_nats: float = 0.0


def variational_terms(
    objective: Objective,
    log_px: Tensor,
    posterior: tuple[Tensor, Tensor, Tensor],
    *,
    ramp: Ramp,
    dataset_size: int,
) -> Terms:
    """Terms of a VAE step; `posterior` is (mean, log_variance, z)."""
    mean, log_variance, z = posterior
    per_dimension = gaussian_kl(mean, log_variance).mean(0)
    kl = per_dimension.sum()
    distortion = -log_px.mean()
    terms = {"negative_elbo": distortion + kl, "distortion": distortion, "rate": kl}
    if objective.kind == "beta-tc":
        parts = decompose_kl(z, mean, log_variance, dataset_size=dataset_size)
        penalty = parts["mutual_information"] + objective.weight * parts["total_correlation"] + parts["dimension_kl"]
        terms |= parts
    else:
        penalty = objective.kl_weight * per_dimension.clamp_min(ramp.free_nats).sum()
    return {"loss": distortion + ramp.kl * penalty, **terms}


def regularised_terms(objective: Objective, log_px: Tensor, z: Tensor) -> Terms:
    """Terms of a plain or regularised autoencoder step."""
    distortion = -log_px.mean()
    penalty = 0.5 * z.square().sum(1).mean()
    return {"loss": distortion + objective.weight * penalty, "distortion": distortion, "code_energy": penalty}


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) per row and dimension, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def decompose_kl(z: Tensor, mean: Tensor, log_variance: Tensor, *, dataset_size: int) -> Mapping[str, Tensor]:
    """KL(q(z|x)||p(z)) as mutual information + total correlation + dimension-wise KL (Chen et al. 2018, eq. 2).

    The aggregated posterior is estimated from the batch by minibatch stratified weights: a row counts as itself
    with weight 1 / dataset_size, the others stand for the rest of the data.
    """
    count = len(z)
    each = _log_normal(z[:, None], mean[None], log_variance[None])
    weights = _importance(count, dataset_size, z)
    log_q = torch.logsumexp(weights + each.sum(2), dim=1)
    log_q_product = torch.logsumexp(weights[:, :, None] + each, dim=1).sum(1)
    log_q_given_x = _log_normal(z, mean, log_variance).sum(1)
    log_prior = (-0.5 * (z.square() + LOG_2PI)).sum(1)
    return {
        "mutual_information": (log_q_given_x - log_q).mean(),
        "total_correlation": (log_q - log_q_product).mean(),
        "dimension_kl": (log_q_product - log_prior).mean(),
    }


def _log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * ((z - mean).square() * torch.exp(-log_variance) + log_variance + LOG_2PI)


def _importance(count: int, dataset_size: int, like: Tensor) -> Tensor:
    others = max(count - 1, 1)
    rest = (dataset_size - 1) / dataset_size / others if dataset_size > 1 else 1.0
    weights = torch.full((count, count), math.log(rest), device=like.device, dtype=like.dtype)
    return weights.fill_diagonal_(-math.log(dataset_size))
