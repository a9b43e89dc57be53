"""Information measures in nats: rate, distortion, ELBO, its tighter bound, and what each dimension carries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_positive_int
from latentarium.distributions import Distribution
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import LOG_2PI, Evidence, flat
from latentarium.measures.score import Score, bootstrap_interval, bootstrap_means, bootstrapped, interval_of
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
_IMPORTANCE_ROWS, _IMPORTANCE_NOISE = 31, 32
_CHUNK_VALUES = 16_000_000
ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class ElboParts:
    """Rate and distortion of each row in nats, shape (n,), from one posterior draw a row."""

    rate: Array
    distortion: Array

    @property
    def negative_elbo(self) -> Array:
        return self.rate + self.distortion


def negative_elbo_parts(
    space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None
) -> ElboParts:
    """Rate and distortion of each row; the encoder and decoder see each row once."""
    evidence = Evidence.of(space, x, seed=seed, prior=prior)
    return ElboParts(rate=evidence.rate, distortion=evidence.distortion)


def rate(space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None) -> Score:
    """Mean KL(q(z|x) || p(z)) in nats: what a code costs to send.

    Exact for a diagonal Gaussian prior (default N(0, I)); from one posterior draw a row otherwise.
    """
    return rate_of(Evidence.of(space, x, seed=seed, prior=prior))


def distortion(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Mean -log p(x|z) in nats at one draw of q(z|x) a row, summed over data dimensions; lower is better."""
    return distortion_of(Evidence.of(space, x, seed=seed))


def negative_elbo(space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None) -> Score:
    """Rate + distortion in nats (Kingma & Welling 2014, eq. 3, sign turned): a bound on -log p(x); lower is better."""
    return negative_elbo_of(Evidence.of(space, x, seed=seed, prior=prior))


def bits_per_dimension(space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None) -> Score:
    """Negative ELBO in bits for each data dimension; meaningful for a discrete likelihood alone."""
    return bits_per_dimension_of(Evidence.of(space, x, seed=seed, prior=prior))


def kl_per_dimension(space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None) -> Score:
    """KL of each latent dimension in nats (the parts), and their mean (the value); needs a diagonal Gaussian prior."""
    return kl_per_dimension_of(Evidence.of(space, x, seed=seed, prior=prior))


def active_units(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Number of dimensions whose posterior mean varies over the data by more than 0.01 (Burda et al. 2016, sec. 5)."""
    return active_units_of(Evidence.of(space, x, seed=seed))


def importance_weighted_bound(
    space: LatentSpace,
    x: ArrayLike,
    *,
    samples: int = 100,
    n: int = 200,
    seed: int = 0,
    prior: Distribution | None = None,
) -> Score:
    """-log (1/k) sum_k p(x, z_k) / q(z_k|x) in nats (Burda et al. 2016, eq. 8), on `n` rows drawn by `seed`.

    Tighter than the negative ELBO, and tighter the more `samples`; lower is better.
    """
    return importance_weighted_bound_of(Evidence.of(space, x, seed=seed, prior=prior), samples=samples, n=n)


def rate_of(evidence: Evidence) -> Score:
    """`rate` of evidence at hand."""
    return _nats(
        evidence,
        name="rate",
        rows=evidence.rate,
        low=0.0,
        settings={"kl": "one sample" if evidence.kl is None else "analytic"},
        direction="neither",
        meaning="Information a code carries about its datum, measured against the prior.",
        misleads="low is cheap, and also what a collapsed posterior shows: read it with the distortion.",
    )


def distortion_of(evidence: Evidence) -> Score:
    """`distortion` of evidence at hand."""
    return _nats(
        evidence,
        name="distortion",
        rows=evidence.distortion,
        settings={},
        direction="lower",
        meaning="Nats needed to send the datum once its code is known.",
        misleads="compared across likelihoods: a density can go below zero, a probability cannot.",
    )


def negative_elbo_of(evidence: Evidence) -> Score:
    """`negative_elbo` of evidence at hand."""
    return _nats(
        evidence,
        name="negative_elbo",
        rows=evidence.rate + evidence.distortion,
        settings={"posterior_samples": 1},
        direction="lower",
        meaning="Upper bound on the nats needed to send a datum: rate plus distortion.",
        misleads="compared across likelihoods or data scalings; it does not rank how useful the codes are.",
    )


def bits_per_dimension_of(evidence: Evidence) -> Score:
    """`bits_per_dimension` of evidence at hand."""
    reason = why_no_bits(evidence)
    if reason:
        raise invalid("likelihood", "discrete for bits per dimension", "one that is not", reason)
    scale = 1 / (np.log(2) * np.prod(evidence.space.data_shape))
    rows = (evidence.rate + evidence.distortion) * scale
    return Score(
        name="bits_per_dimension",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped(),
        n=len(rows),
        direction="lower",
        unit="bits",
        range=(0.0, np.inf),
        settings={**_common(evidence), "posterior_samples": 1, "dimensions": int(np.prod(evidence.space.data_shape))},
        meaning="Bits to store one data dimension without loss with this model.",
        misleads="the data were dithered, resized or binarised first: count the bits of the raw values.",
    )


def why_no_bits(evidence: Evidence) -> str:
    """Why bits per dimension cannot be given, or an empty string."""
    if evidence.describe_likelihood().get("discrete"):
        return ""
    return "the likelihood is a density, not a probability of raw values"


def kl_per_dimension_of(evidence: Evidence) -> Score:
    """`kl_per_dimension` of evidence at hand."""
    table = evidence.kl
    if table is None:
        raise invalid("prior", "a diagonal Gaussian for KL per dimension", evidence.describe_prior())
    draws = bootstrap_means(table, seed=evidence.seed)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return Score(
        name="kl_per_dimension",
        value=float(table.mean()),
        interval=interval_of(draws.mean(1)),
        resampling=bootstrapped(),
        n=len(table),
        direction="neither",
        unit="nats",
        range=(0.0, np.inf),
        parts={"kl": table.mean(0).tolist(), "low": low.tolist(), "high": high.tolist()},
        settings=_common(evidence),
        meaning="Mean information of one latent dimension; the parts list every dimension.",
        misleads="the mean hides that a few dimensions may carry nearly all: read the sorted list.",
    )


def active_units_of(evidence: Evidence) -> Score:
    """`active_units` of evidence at hand."""
    means = flat(evidence.posterior.mean)
    centred = means - means.mean(0)
    variance = (centred**2).mean(0)
    draws = bootstrap_means(np.concatenate([centred, centred**2], axis=1), seed=evidence.seed)
    first, second = np.split(draws, 2, axis=1)
    counts = ((second - first**2) > ACTIVE_VARIANCE).sum(1).astype(np.float64)
    return Score(
        name="active_units",
        value=float((variance > ACTIVE_VARIANCE).sum()),
        interval=interval_of(counts),
        resampling=bootstrapped(),
        n=len(means),
        direction="neither",
        unit=f"of {means.shape[1]}",
        range=(0.0, float(means.shape[1])),
        parts={"variance": variance.tolist()},
        settings={"threshold": ACTIVE_VARIANCE, "seed": evidence.seed},
        meaning="Latent dimensions whose code varies with the data at all.",
        misleads="a dimension just above the threshold carries next to nothing: see the KL per dimension.",
    )


def importance_weighted_bound_of(evidence: Evidence, *, samples: int = 100, n: int = 200) -> Score:
    """`importance_weighted_bound` of evidence at hand."""
    check_positive_int(samples, "samples", high=10**6)
    check_positive_int(n, "n", low=2)
    count = min(n, len(evidence.x))
    chosen = np.sort(generator(evidence.seed, _IMPORTANCE_ROWS).permutation(len(evidence.x))[:count])
    rows = -_log_marginal(evidence, chosen, samples)
    return _nats(
        evidence,
        name="importance_weighted_bound",
        rows=rows,
        settings={"samples": samples, "rows": "drawn by the seed" if count < len(evidence.x) else "all"},
        direction="lower",
        meaning=f"Tighter bound on the nats needed to send a datum, with {samples} posterior samples.",
        misleads="few samples in many dimensions leave it close to the ELBO; it rests on few rows.",
    )


def _log_marginal(evidence: Evidence, chosen: NDArray[np.intp], samples: int) -> Array:
    from scipy.special import logsumexp

    space, dim = evidence.space, evidence.space.dim
    random = generator(evidence.seed, _IMPORTANCE_NOISE)
    per_row = samples * max(dim, int(np.prod(space.data_shape)))
    out = np.empty(len(chosen))
    for part in batches(len(chosen), max(1, _CHUNK_VALUES // per_row)):
        rows = chosen[part]
        noise = random.standard_normal((len(rows), samples, dim))
        mean, std = (flat(a[rows])[:, None] for a in (evidence.posterior.mean, evidence.posterior.std))
        z = (mean + std * noise).reshape(-1, dim).astype(np.float32)
        log_q = (-0.5 * (noise**2 + LOG_2PI) - np.log(std)).sum(2)
        likelihood = space.log_likelihood(np.repeat(evidence.x[rows], samples, axis=0), z.reshape(-1, *space.shape))
        weights = likelihood + evidence.rate_prior.log_prob(z)
        out[part] = logsumexp(weights.reshape(-1, samples) - log_q, axis=1) - np.log(samples)
    return out


def _common(evidence: Evidence) -> dict[str, Any]:
    settings: dict[str, Any] = {"prior": evidence.describe_prior(), "seed": evidence.seed}
    stated = evidence.describe_likelihood()
    return {**settings, "likelihood": stated} if stated else settings


def _nats(evidence: Evidence, *, rows: Array, settings: dict[str, Any], low: float = -np.inf, **fields: Any) -> Score:
    return Score(
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped(),
        n=len(rows),
        unit="nats",
        range=(low, np.inf),
        settings={**_common(evidence), **settings},
        **fields,
    )


_CODED = frozenset({"posterior"})
_SCORED = frozenset({"posterior", "likelihood"})

ENTRIES = (
    Entry("negative_elbo", _SCORED, negative_elbo_of),
    Entry("rate", _CODED, rate_of),
    Entry("distortion", _SCORED, distortion_of),
    Entry("bits_per_dimension", _SCORED, bits_per_dimension_of, why_no_bits),
    Entry("importance_weighted_bound", _SCORED, importance_weighted_bound_of),
    Entry("kl_per_dimension", _CODED, kl_per_dimension_of),
    Entry("active_units", _CODED, active_units_of),
)
