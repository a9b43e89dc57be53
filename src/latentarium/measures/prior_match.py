"""How well the aggregated posterior q(z) matches the prior p(z) that samples come from."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches
from latentarium.distributions import DiagonalMixture, Distribution, Normal, describe
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
POINTS, COMPONENTS = 2000, 10_000
_MARGINAL_POINTS = 1000
_ROWS, _PRIOR_DRAWS = 41, 42
_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def aggregated_posterior_gap(
    space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None
) -> Score:
    """KL(q(z) || p(z)) in nats, with q(z) the mean of the posteriors of the rows; lower is better.

    p(z) is what samples are drawn from: `prior`, or the space's own. A prior fitted after training closes the gap.
    The weighted-sampling estimator of Chen et al. 2018 (app. C.1) with every measured row in the mixture: the
    exact gap of these rows' aggregated posterior up to sampling noise, and at least rate - log(rows). The parts
    list the mean and std of the codes and the KL of each dimension's marginal, which has no such floor to speak of.
    """
    return aggregated_posterior_gap_of(Evidence.of(space, x, seed=seed, prior=prior))


def aggregated_posterior_mmd(
    space: LatentSpace, x: ArrayLike, *, seed: int = 0, prior: Distribution | None = None
) -> Score:
    """Unbiased MMD^2 between q(z) and p(z) with inverse multiquadric kernels (Tolstikhin et al. 2018, sec. 4).

    p(z) is what samples are drawn from: `prior`, or the space's own.
    """
    return aggregated_posterior_mmd_of(Evidence.of(space, x, seed=seed, prior=prior))


def aggregated_posterior_gap_of(evidence: Evidence) -> Score:
    """`aggregated_posterior_gap` of evidence at hand."""
    order = _chosen(evidence, COMPONENTS)
    points = flat(evidence.latents[order[:POINTS]])
    log_q = evidence.aggregated(order).log_prob(points)
    prior = evidence.sampled_prior
    rows = log_q - prior.log_prob(points)
    floor = max(0.0, float(evidence.rate_under(prior)[order].mean() - np.log(len(order))))
    value = float(rows.mean())
    stuck = ", and here it shows just that: read the marginals and the MMD" if 0 < value < floor + 1 else ""
    return Score(
        name="aggregated_posterior_gap",
        value=value,
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped(kept="the mixture"),
        n=len(rows),
        direction="lower",
        unit="nats",
        range=(0.0, np.inf),
        parts=_marginals(evidence, order[:POINTS]),
        settings={"prior": describe(prior), "components": len(order), "seed": evidence.seed},
        meaning="Distance from where the codes lie to where the prior draws samples.",
        misleads=f"with {len(order)} rows it cannot show less than rate - log(rows) = {floor:.1f} nats{stuck}.",
    )


def _marginals(evidence: Evidence, chosen: NDArray[np.intp]) -> dict[str, list[float]]:
    """Mean and std of the codes of each dimension, and KL(q(z_j) || p(z_j)) where the prior is a diagonal Gaussian."""
    codes, prior = flat(evidence.codes), evidence.sampled_prior
    parts = {"mean": codes.mean(0).tolist(), "std": codes.std(0).tolist()}
    if not isinstance(prior, Normal):
        return parts
    points = flat(evidence.latents[chosen[:_MARGINAL_POINTS]])
    q = evidence.aggregated(chosen)
    gaps: list[float] = []
    for j in range(points.shape[1]):
        column = slice(j, j + 1)
        marginal = Normal(mean=prior.mean[column], std=prior.std[column])
        log_q = DiagonalMixture.equal(q.means[:, column], q.stds[:, column]).log_prob(points[:, column])
        gaps.append(float((log_q - marginal.log_prob(points[:, column])).mean()))
    return {**parts, "marginal_kl": gaps}


def aggregated_posterior_mmd_of(evidence: Evidence) -> Score:
    """`aggregated_posterior_mmd` of evidence at hand."""
    points = flat(evidence.latents[_chosen(evidence, POINTS)])
    prior = evidence.sampled_prior
    draws = flat(prior.sample(len(points), seed=_prior_seed(evidence.seed)))
    rows = mmd_rows(points, draws, spread=_spread(draws))
    value = float(rows.mean())
    return Score(
        name="aggregated_posterior_mmd",
        value=value,
        # a U-statistic of order two varies twice as much as the mean of its row averages
        interval=bootstrap_interval(value + 2 * (rows - value), seed=evidence.seed),
        resampling=bootstrapped("row averages of the kernel"),
        n=len(points),
        direction="lower",
        range=(-np.inf, np.inf),
        settings={
            "prior": describe(prior),
            "kernel": "inverse multiquadric",
            "scales": list(_SCALES),
            "seed": evidence.seed,
        },
        meaning="Kernel distance between posterior draws and prior draws; 0 where they cannot be told apart.",
        misleads="it may fall below zero by chance, and kernels see little in many dimensions.",
    )


def mmd_rows(a: Array, b: Array, *, spread: float) -> Array:
    """Row averages whose mean is the unbiased MMD^2 of `a` and `b`, both (n, d).

    Kernels C / (C + |a - b|^2) with C = 2 d `spread` times the scales, summed over scales.
    """
    count = len(a)
    base = 2 * a.shape[1] * spread

    def off_diagonal(first: Array, second: Array, part: slice) -> Array:
        gap = (first[part] ** 2).sum(1)[:, None] + (second**2).sum(1) - 2 * first[part] @ second.T
        gap = np.maximum(gap, 0)
        kernel = np.zeros_like(gap)
        for scale in _SCALES:
            kernel += base * scale / (base * scale + gap)
        kernel[np.arange(len(kernel)), np.arange(part.start, part.stop)] = 0
        return kernel.sum(1) / (count - 1)

    out = np.empty(count)
    for part in batches(count, 256):
        cross = off_diagonal(a, b, part) + off_diagonal(b, a, part)
        out[part] = off_diagonal(a, a, part) + off_diagonal(b, b, part) - cross
    return out


def _chosen(evidence: Evidence, limit: int) -> NDArray[np.intp]:
    return generator(evidence.seed, _ROWS).permutation(len(evidence.x))[:limit]


def _prior_seed(seed: int) -> int:
    return int(generator(seed, _PRIOR_DRAWS).integers(2**62))


def _spread(draws: Array) -> float:
    return float(draws.var(0).mean())


ENTRIES = (
    Entry("aggregated_posterior_gap", frozenset({"posterior"}), aggregated_posterior_gap_of),
    Entry("aggregated_posterior_mmd", frozenset({"posterior"}), aggregated_posterior_mmd_of),
)
