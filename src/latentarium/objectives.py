"""Training objectives as pure functions: tensors in, named terms in nats out.

Every term is summed over dimensions and averaged over the batch. `loss` is what is minimised; `negative_elbo` is
always the beta = 1 bound, so that training, validation and measures speak of one number.

Notation: `log_px` (b,) is log p(x|z); `mean` and `log_variance` (b, d) describe q(z|x); `z` (b, d) is its draw.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from latentarium.errors import invalid

Terms = dict[str, Tensor]
Kind = Literal["elbo", "beta", "beta-tc", "factor", "dip-1", "dip-2", "ada-gvae", "rae"]
KINDS: tuple[str, ...] = get_args(Kind)
LOG_2PI = math.log(2 * math.pi)
DIP_DIAGONAL = {"dip-1": 10.0, "dip-2": 1.0}
"""Weight of the diagonal terms of a DIP-VAE as a multiple of the off-diagonal ones, as published."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Which bound is optimised; make one with `elbo`, `beta`, `beta_tc`, `factor`, `dip`, `ada_gvae` or `rae`."""

    kind: Kind = "elbo"
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise invalid("objective", f"one of {', '.join(KINDS)}", self.kind)
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise invalid("objective.weight", "a finite number from 0 up", self.weight)

    @property
    def variational(self) -> bool:
        """Whether the encoder gives a distribution."""
        return self.kind != "rae"

    @property
    def kl_weight(self) -> float:
        """What the whole KL term is multiplied by."""
        return self.weight if self.kind in ("beta", "ada-gvae") else 1.0

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


def factor(weight: float) -> Objective:
    """FactorVAE: the bound and `weight` times a total correlation that a critic estimates (Kim & Mnih 2018, eq. 2)."""
    return Objective(kind="factor", weight=weight)


def dip(variant: Literal[1, 2], weight: float) -> Objective:
    """DIP-VAE I or II: the bound and `weight` times the distance of the codes' covariance from the identity matrix
    (Kumar et al. 2018, eqs. 6 and 7).
    """
    return Objective(kind="dip-1" if variant == 1 else "dip-2", weight=weight)


def ada_gvae(weight: float) -> Objective:
    """Ada-GVAE: beta-VAE over pairs of rows that share the posterior of what did not change between them (Locatello
    et al. 2020).
    """
    return Objective(kind="ada-gvae", weight=weight)


def rae(weight: float = 1e-2) -> Objective:
    """A regularised autoencoder: weight / 2 |z|^2 beside the reconstruction (Ghosh et al. 2020)."""
    return Objective(kind="rae", weight=weight)


def parse_objective(text: str) -> Objective:
    """Read "elbo", "beta:4", "beta-tc:6", "factor:6.4", "dip-1:10", "dip-2:10", "ada-gvae:1" or
    "rae:0.01".

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
    """Where the schedule stands: the factor of the KL term, of which an objective's own penalty takes at most 1, the
    free nats of each dimension, and those of the whole code.
    """

    kl: float = 1.0
    free_nats: float = 0.0
    free_rate: float = 0.0


def variational_terms(
    objective: Objective,
    log_px: Tensor,
    posterior: tuple[Tensor, Tensor, Tensor],
    *,
    ramp: Ramp,
    dataset_size: int,
    log_ratio: Tensor | None = None,
) -> Terms:
    """Terms of a VAE step; `posterior` is (mean, log_variance, z), `log_ratio` (b,) the critic's log q(z) / prod q(z_j)
    that FactorVAE needs.
    """
    mean, log_variance, _ = posterior
    per_dimension = gaussian_kl(mean, log_variance).mean(0)
    kl = per_dimension.sum()
    distortion = -log_px.mean()
    bound = {"negative_elbo": distortion + kl, "distortion": distortion, "rate": kl}
    counted = per_dimension.clamp_min(ramp.free_nats).sum() if ramp.free_nats else kl
    counted = counted.clamp_min(ramp.free_rate) if ramp.free_rate else counted
    penalty, parts = torch.zeros_like(kl), {}
    if objective.kind == "beta-tc":
        # the parts' sum is the KL term, which its closed form gives with less noise than their estimates
        parts = decompose_kl(posterior[2], mean, log_variance, dataset_size=dataset_size)
        penalty = (objective.weight - 1) * parts["total_correlation"]
    elif objective.kind == "factor":
        if log_ratio is None:
            raise invalid("log_ratio", "the critic's estimate for each row", None)
        parts = {"total_correlation": log_ratio.mean()}
        penalty = objective.weight * parts["total_correlation"]
    elif objective.kind in DIP_DIAGONAL:
        off_diagonal, diagonal = moment_distances(mean, log_variance if objective.kind == "dip-2" else None)
        parts = {"off_diagonal": off_diagonal, "diagonal": diagonal}
        penalty = objective.weight * (off_diagonal + DIP_DIAGONAL[objective.kind] * diagonal)
    pull = ramp.kl * objective.kl_weight * counted + min(1.0, ramp.kl) * penalty
    return {"loss": distortion + pull, **bound, **parts}


def regularised_terms(
    objective: Objective, log_px: Tensor, z: Tensor, *, quantisation: Tensor | None = None, values: int = 1
) -> Terms:
    """Terms of a plain or regularised autoencoder step.

    `quantisation` (b,) is the loss of a quantiser, weighted to stand beside a mean over the `values` of a datum; here
    the reconstruction is their sum.
    """
    distortion = -log_px.mean()
    penalty = 0.5 * z.square().sum(1).mean()
    terms = {"loss": distortion + objective.weight * penalty, "distortion": distortion, "code_energy": penalty}
    if quantisation is not None:
        terms["quantisation"] = values * quantisation.mean()
        terms["loss"] = terms["loss"] + terms["quantisation"]
    return terms


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


def moment_distances(mean: Tensor, log_variance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Squared distances of the codes' covariance from the identity: sums over off-diagonal and diagonal entries.

    The covariance is that of the posterior means, or, with `log_variance`, that of the aggregated posterior.
    """
    centred = mean - mean.mean(0)
    covariance = centred.T @ centred / len(mean)
    if log_variance is not None:
        covariance = covariance + torch.diag(log_variance.exp().mean(0))
    variances = covariance.diagonal()
    return (covariance - torch.diag(variances)).square().sum(), (variances - 1).square().sum()


def share_pairs(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Average the posteriors of a pair in the dimensions in which the two hardly differ (Locatello et al. 2020).

    The pairs are rows i and i + b / 2 of (b, d). A dimension is shared where KL(q(z_j|x1) || q(z_j|x2)) is below the
    middle between the pair's lowest and highest; means and variances are averaged.
    """
    (first, second), (one, other) = mean.chunk(2), log_variance.chunk(2)
    spread = 0.5 * (other - one + (one.exp() + (first - second).square()) * torch.exp(-other) - 1)
    alike = (spread < 0.5 * (spread.amin(1, keepdim=True) + spread.amax(1, keepdim=True))).repeat(2, 1)
    middle = (0.5 * (first + second)).repeat(2, 1)
    width = torch.log(0.5 * (one.exp() + other.exp())).repeat(2, 1)
    return torch.where(alike, middle, mean), torch.where(alike, width, log_variance)


def permute_dimensions(z: Tensor, noise: Tensor) -> Tensor:
    """Each dimension of `z` (b, d) shuffled over the rows by itself, in the order of `noise` (b, d): draws of
    prod q(z_j).
    """
    return z.gather(0, noise.argsort(0))


def density_ratio_loss(joint: Tensor, product: Tensor) -> Tensor:
    """Cross-entropy in nats of telling codes from permuted ones, given the logits of each; where it is lowest, a logit
    is log q(z) / prod q(z_j).
    """
    return 0.5 * (F.softplus(-joint).mean() + F.softplus(product).mean())


def adversarial_loss(own: Tensor, other: Tensor, *, pairing: bool = True) -> Tensor:
    """What one side of a GAN minimises, given its scores (b,) and the other side's.

    Paired, each row has to beat one row of the other side, softplus(other - own), so that no mode can be dropped for
    free (Jolicoeur-Martineau 2018; Huang et al. 2024, eq. 2). Unpaired it is the non-saturating softplus(-own) of
    Goodfellow et al. 2014; a discriminator adds softplus(other).

    Examples
    --------
    >>> round(float(adversarial_loss(torch.zeros(2), torch.zeros(2))), 4)
    0.6931
    """
    return F.softplus(other - own if pairing else -own).mean()


def squared_slopes(scores: Tensor, x: Tensor) -> Tensor:
    """|d scores_i / d x_i|^2 of each row (b,), itself differentiable: a zero-centred gradient penalty is gamma / 2
    times its mean (Mescheder et al. 2018, eqs. 9 and 10). Rows of `scores` must not depend on other rows of `x`.
    """
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return slopes.square().flatten(1).sum(1)


def _log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -0.5 * ((z - mean).square() * torch.exp(-log_variance) + log_variance + LOG_2PI)


def _importance(count: int, dataset_size: int, like: Tensor) -> Tensor:
    others = max(count - 1, 1)
    rest = (dataset_size - 1) / dataset_size / others if dataset_size > 1 else 1.0
    weights = torch.full((count, count), math.log(rest), device=like.device, dtype=like.dtype)
    return weights.fill_diagonal_(-math.log(dataset_size))
