"""Mutual information between each latent dimension and each factor, and what is read from its table alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.measures.disentanglement.tables import Factored, as_parts, centred_interval, factored_of
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_means, bootstrapped
from latentarium.rng import generator

Array = NDArray[np.float64]
_JITTER = 511
SHUFFLES = 5
_SIGMAS = 5
RESAMPLES = 200
BINS = 20
NEIGHBOURS = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class MutualTable:
    """Mutual information in nats of d latent dimensions with k factors, free of the bias of a finite sample.

    Parameters
    ----------
    nats : (d, k)
    entropy : (k,) of the factors
    draws : (resamples, d, k) of `nats` and (resamples, k) of `entropy`, over rows
    informed : (d, k) where there is more information than five standard deviations of it in shuffled factors
    """

    nats: Array
    entropy: Array
    draws: tuple[Array, Array]
    informed: NDArray[np.bool_]
    settings: dict[str, Any]

    def normalised(self) -> tuple[Array, Array]:
        """nats / entropy, and its draws."""
        return self.nats / self.entropy, self.draws[0] / self.draws[1][:, None, :]


def mutual_table(data: Factored, *, estimator: str, bins: int = BINS, unbiased: bool = True) -> MutualTable:
    """Estimate the whole table and its spread over rows.

    "histogram" cuts codes into `bins` of equal width (Locatello 2019), "discrete" takes every value of a code as a
    symbol, "knn" is Ross's estimator for a continuous code and a discrete factor (2014, eq. 2, k = 10).

    A plug-in estimate is too large by about (levels - 1) (bins - 1) / 2n. Its mean over shuffled factors, b, is
    taken off as in adjusted mutual information (Vinh et al. 2010): I = U (I' - b) / (U - b), U being the smaller
    entropy, so that independence gives 0 and identity the whole entropy.
    """
    if estimator not in ("histogram", "discrete", "knn"):
        raise invalid("estimator", "histogram, discrete or knn", estimator)
    rows_of, ceiling = _by_neighbours(data) if estimator == "knn" else _by_counts(data, estimator, bins)
    rows = rows_of(data)
    shuffled = np.stack([rows_of(data.shuffled(i)).mean(0) for i in range(SHUFFLES)])
    entropies = _surprise(data.levels)
    joint = np.concatenate([rows.reshape(len(data), -1), entropies], axis=1)
    means = bootstrap_means(joint, seed=data.seed, resamples=RESAMPLES)
    cut = means.shape[1] - entropies.shape[1]
    bias = shuffled.mean(0) if unbiased else np.zeros(rows.shape[1:])

    def clean(nats: Array) -> Array:
        room = np.maximum(ceiling - bias, 1e-12)
        return np.clip(np.where(ceiling > bias, (nats - bias) * ceiling / room, 0), 0, ceiling)

    return MutualTable(
        nats=clean(rows.mean(0)),
        entropy=entropies.mean(0),
        draws=(clean(means[:, :cut].reshape(-1, *rows.shape[1:])), means[:, cut:]),
        informed=rows.mean(0) - shuffled.mean(0) > 1e-9 + _SIGMAS * (shuffled - shuffled.mean(0)).std((0, 1)),
        settings={"estimator": estimator, "bias": f"{SHUFFLES} shuffles taken off" if unbiased else "left in",
                  **({"bins": bins} if estimator == "histogram" else {}),
                  **({"neighbours": NEIGHBOURS} if estimator == "knn" else {})},
    )  # fmt: skip


Rows = tuple[Callable[[Factored], Array], Array]


def _by_counts(data: Factored, estimator: str, bins: int) -> Rows:
    """log p(z, v) / p(z) p(v) of every row, dimension and factor, (n, d, k); its mean is the plug-in estimate."""
    symbols = _binned(data.codes, bins) if estimator == "histogram" else _symbols(data.codes)
    code, own = _surprise(symbols), _surprise(data.levels)

    def rows(table: Factored) -> Array:
        values = _surprise(table.levels)
        out = np.empty((len(table), symbols.shape[1], table.levels.shape[1]))
        for j, k in np.ndindex(out.shape[1:]):
            pairs = symbols[:, j] * table.sizes[k] + table.levels[:, k]
            out[:, j, k] = code[:, j] + values[:, k] - _surprise(pairs[:, None])[:, 0]
        return out

    return rows, np.minimum(code.mean(0)[:, None], own.mean(0)[None])


def _by_neighbours(data: Factored) -> Rows:
    """Ross's terms of every row, dimension and factor; ties are broken by noise far below the code's spread."""
    noise = generator(data.seed, _JITTER).standard_normal(data.codes.shape)
    points = data.standardised + 1e-8 * noise
    entropy = _surprise(data.levels).mean(0)

    def rows(table: Factored) -> Array:
        out = np.empty((len(table), points.shape[1], table.levels.shape[1]))
        for j, k in np.ndindex(out.shape[1:]):
            constant = not data.varying[j]
            out[:, j, k] = 0 if constant else _ross(points[:, j], table.levels[:, k])
        return out

    return rows, np.broadcast_to(entropy, (points.shape[1], len(entropy)))


def _ross(code: Array, level: NDArray[np.int64]) -> Array:
    """psi(n) + psi(k) - psi(rows of the level) - psi(rows nearer than the k-th neighbour of the level)."""
    from scipy.special import digamma

    order = np.lexsort((code, level))
    ordered, everything = code[order], np.sort(code)
    counts = np.bincount(level)
    out = np.zeros(len(code))
    start = 0
    alone = int((counts == 1).sum())
    for count in counts:
        part, start = slice(start, start + count), start + count
        if count < 2:
            continue
        k = min(NEIGHBOURS, int(count) - 1)
        own = ordered[part]
        # short of the k-th neighbour by more than the rounding of own + radius, which would let it in
        radius = _kth_distance(own, k)
        radius = radius - 2 * np.spacing(np.abs(own) + radius)
        near = np.searchsorted(everything, own + radius, side="right")
        near = near - np.searchsorted(everything, own - radius, side="left")
        terms = digamma(len(code) - alone) + digamma(k) - digamma(count) - digamma(np.maximum(near, 1))
        out[order[part]] = terms
    return out


def _kth_distance(ordered: Array, k: int) -> Array:
    """Distance of each sorted number to its k-th nearest other one: the narrowest window of k + 1 that holds it."""
    count = len(ordered)
    width = np.full((count, k + 1), np.inf)
    for before in range(k + 1):
        at = np.arange(before, count - k + before)
        width[at, before] = np.maximum(ordered[at] - ordered[at - before], ordered[at - before + k] - ordered[at])
    return width.min(1)


def _binned(codes: Array, bins: int) -> NDArray[np.int64]:
    check_positive_int(bins, "bins", low=2, high=1000)
    low, width = codes.min(0), np.ptp(codes, axis=0)
    scaled = (codes - low) / np.where(width > 0, width, 1) * bins
    return np.minimum(scaled.astype(np.int64), bins - 1)


def _symbols(codes: Array) -> NDArray[np.int64]:
    return np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in codes.T], axis=1)


def _surprise(symbols: NDArray[np.int64]) -> Array:
    """-log p of every row's symbol, (n, d); its mean is the entropy."""
    counts = [np.bincount(column)[column] for column in symbols.T]
    return np.log(len(symbols)) - np.log(np.stack(counts, axis=1))


def mig(
    codes: ArrayLike, factors: ArrayLike, *, estimator: str = "histogram", bins: int = BINS, unbiased: bool = True,
    seed: int = 0,
) -> Score:  # fmt: skip
    """Mutual information gap: how much more the best dimension knows of a factor than the second best, in entropies.

    mean_k (I(z_1; v_k) - I(z_2; v_k)) / H(v_k) (Chen et al. 2018, eq. 6); 0 to 1, higher is better. Scaling a
    dimension and permuting dimensions change nothing; rotating them changes all.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k) whole numbers, or floats, which are cut at their quantiles
    estimator : "histogram" (20 bins, the published one), "discrete" for codes that are symbols, or "knn"
    unbiased : whether the bias measured on shuffled factors is taken off; False is the published number

    Raises
    ------
    InvalidInput
        For fewer than 20 rows, NaN, or factors that are constant.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(4, axis=0)
    >>> round(mig(grid, grid, estimator="discrete").value, 3)
    1.0
    """
    data = Factored.of(codes, factors, seed=seed)
    return _gap(data, mutual_table(data, estimator=estimator, bins=bins, unbiased=unbiased))


def modularity(
    codes: ArrayLike, factors: ArrayLike, *, bins: int = BINS, unbiased: bool = True, seed: int = 0
) -> Score:
    """Does each dimension know of one factor alone: 1 - sum_{others} I^2 / ((K - 1) max I^2), mean over dimensions.

    Ridgeway & Mozer 2018, sec. 3; histogram mutual information; 0 to 1, higher is better. Dimensions that know no
    more of any factor than of shuffled ones are left out; where none does, the score is 0.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(4, axis=0)
    >>> round(modularity(grid, grid, bins=5).value, 3)
    1.0
    """
    data = Factored.of(codes, factors, seed=seed)
    return _modularity(data, mutual_table(data, estimator="histogram", bins=bins, unbiased=unbiased))


def mig_of(evidence: Evidence) -> Score:
    """`mig` of evidence at hand."""
    return _gap(factored_of(evidence), _histogram_of(evidence))


def modularity_of(evidence: Evidence) -> Score:
    """`modularity` of evidence at hand."""
    return _modularity(factored_of(evidence), _histogram_of(evidence))


def _histogram_of(evidence: Evidence) -> MutualTable:
    return evidence.once(_histogram)


def _histogram(evidence: Evidence) -> MutualTable:
    return mutual_table(factored_of(evidence), estimator="histogram")


def _gap(data: Factored, table: MutualTable) -> Score:
    share, draws = table.normalised()
    gaps = _gaps(share)
    best = share.argmax(0)
    return Score(
        name="mig",
        value=float(gaps.mean()),
        interval=centred_interval(float(gaps.mean()), _gaps(draws).mean(-1)),
        resampling=bootstrapped(resamples=RESAMPLES, kept="bins"),
        n=len(data),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts={"gap": gaps.tolist(), "dimension": [float(j) for j in best], "share": share.max(0).tolist()},
        settings={**table.settings, "factors": list(data.names), "seed": data.seed},
        meaning="How far each factor is known by one dimension alone, in shares of the factor's entropy.",
        misleads="a rotated yet useful code scores 0; so does a factor that two dimensions rightly share, as an angle.",
    )


def _gaps(share: Array) -> Array:
    """(.., d, k) -> (.., k): best minus second best dimension."""
    if share.shape[-2] == 1:
        return share[..., 0, :]
    top = np.sort(share, axis=-2)
    return top[..., -1, :] - top[..., -2, :]


def _modularity(data: Factored, table: MutualTable) -> Score:
    if len(data.names) < 2:
        raise invalid("factors", "at least 2 that vary, for modularity", len(data.names))
    informed = table.informed.any(1)
    per, draws = _modular(table.nats), _modular(table.draws[0])
    value = float(per[informed].mean()) if informed.any() else 0.0
    spread = draws[:, informed].mean(1) if informed.any() else np.zeros(1)
    return Score(
        name="modularity",
        value=value,
        interval=centred_interval(value, spread),
        resampling=bootstrapped(resamples=RESAMPLES, kept="bins"),
        n=len(data),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts={"modularity": np.where(informed, per, 0).tolist(), **as_parts(data.names, table.nats)},
        settings={**table.settings, "informed_dimensions": int(informed.sum()), "seed": data.seed},
        meaning="How far each informative dimension knows of one factor alone.",
        misleads="a code that spreads one factor over all its dimensions is modular; read it with explicitness.",
    )  # fmt: skip


def _modular(nats: Array) -> Array:
    """(.., d, k) -> (.., d)."""
    squares = nats**2
    most = squares.max(-1)
    others = squares.sum(-1) - most
    return np.where(most > 0, 1 - others / np.where(most > 0, most * (nats.shape[-1] - 1), 1), 0)
