"""Compactness: how many dimensions the codes fill, how many collapsed, and how many bits the codes are worth."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.nulls import halved, rescaled_interval
from latentarium.measures.reconstruction import row_errors
from latentarium.measures.score import (
    Score,
    bootstrap_interval,
    bootstrap_means,
    bootstrapped,
    check_row_count,
    interval_of,
)
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
COLLAPSED = 0.01
VARIANCE_SHARE = 0.95
LOSS_DB, DECODED_ROWS = 0.5, 512
_RESAMPLES, _GROUPS, _GROUP_VALUES = 200, 200, 20_000_000
_LARGEST_DIM = 1024
_GROUPING, _HALVES, _DECODED = 321, 322, 323
_LOG_STEPS = (-12.0, 6.0)
_HALVINGS = 12
_PERFECT = 1e-4


def effective_rank(codes: ArrayLike, *, seed: int = 0) -> Score:
    """exp of the entropy of the singular values of the centred codes, each over their sum; 1 to d.

    Roy & Vetterli 2007, eq. 3; RankMe of Garrido et al. 2023, eq. 1, which does not centre. The parts hold the
    singular values over their sum, the settings the rank over d.

    Parameters
    ----------
    codes : (n, d) or (n, ..), 4 rows at least

    Raises
    ------
    InvalidInput
        When all codes are alike, there are too few, or d is above 1024.

    Examples
    --------
    >>> round(effective_rank([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).value, 6)
    2.0
    """
    return _spectral(
        "effective_rank",
        codes,
        seed,
        statistic=lambda spectrum: float(np.exp(_entropy(_shares(np.sqrt(spectrum))))),
        shares=lambda spectrum: _shares(np.sqrt(spectrum)),
        meaning="Dimensions that the codes would need if all they fill were filled alike.",
        misleads="it depends on the scale of each dimension, and noise fills dimensions too.",
    )


def participation_ratio(codes: ArrayLike, *, seed: int = 0) -> Score:
    """(sum l)^2 / sum l^2 of the eigenvalues l of the covariance of the codes; 1 to d (Gao et al. 2017).

    Parameters, errors and parts as `effective_rank`, with variances in place of singular values.

    Examples
    --------
    >>> participation_ratio([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0], [-2.0, 0.0]]).value
    1.0
    """
    return _spectral(
        "participation_ratio",
        codes,
        seed,
        statistic=lambda spectrum: 1 / max(float((_shares(spectrum) ** 2).sum()), 1 / len(spectrum)),
        shares=_shares,
        meaning="Dimensions over which the variance of the codes is spread.",
        misleads="one strong dimension hides many weak ones that still carry information.",
    )


def principal_dimensions(codes: ArrayLike, *, share: float = VARIANCE_SHARE, seed: int = 0) -> Score:
    """Number of principal components that hold `share` of the variance of the codes; 1 to d.

    Errors and parts as `participation_ratio`; also `InvalidInput` when `share` is not between 0 and 1.

    Examples
    --------
    >>> principal_dimensions([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).value
    2.0
    """
    if not 0 < share < 1:
        raise invalid("share", "between 0 and 1", share)
    return _spectral(
        "principal_dimensions",
        codes,
        seed,
        statistic=lambda spectrum: float(1 + (np.cumsum(_shares(spectrum)) < share - 1e-12).sum()),
        shares=_shares,
        settings={"share": share},
        meaning=f"Principal components that hold {share:.0%} of the variance of the codes.",
        misleads="a curved sheet needs more of them than it has dimensions; small variance is not small worth.",
    )


def collapse_fraction(space: LatentSpace, x: ArrayLike, *, threshold: float = COLLAPSED, seed: int = 0) -> Score:
    """Share of latent dimensions whose mean KL(q(z_j|x) || p(z_j)) is below `threshold` nats; 0 to 1, lower is better.

    The parts list the KL of the dimensions in bits, largest first.

    Raises
    ------
    InvalidInput
        When the prior is no diagonal Gaussian.
    """
    return collapse_fraction_of(Evidence.of(space, x, seed=seed), threshold=threshold)


def bits_at_fixed_psnr(
    space: LatentSpace, x: ArrayLike, *, loss_db: float = LOSS_DB, psnr: float | None = None, seed: int = 0
) -> Score:
    """Fewest bits of a code from which a row is rebuilt at most `loss_db` dB worse than from the code itself.

    Dimension j is rounded to multiples of s sigma_j around its mean, with sigma_j the root mean square std of its
    posterior, or the std of its codes where there is no posterior. The largest s that keeps the PSNR is found by
    bisection of log s on 512 rows; the bits are the empirical entropies of the rounded codes of all rows,
    summed over dimensions: what an entropy coder with known frequencies would send. A loss in dB is a ratio of squared
    errors, so no range of the data is needed. A space that rebuilds without error is held to 40 dB below the
    variance of the data.

    Parameters
    ----------
    loss_db : PSNR given up, above 0
    psnr : PSNR in dB to keep instead, for spaces of one kind of data to be compared; at most what the space reaches

    Raises
    ------
    InvalidInput
        When `loss_db` is not positive, `psnr` is out of reach or the data have no stated range for it.

    Examples
    --------
    >>> same = LatentSpace(name="same", shape=(1,), data_shape=(1,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    >>> bits_at_fixed_psnr(same, [[0.0], [1.0]] * 4).value
    1.0
    """
    return bits_at_fixed_psnr_of(Evidence.of(space, x, seed=seed), loss_db=loss_db, psnr=psnr)


def collapse_fraction_of(evidence: Evidence, *, threshold: float = COLLAPSED) -> Score:
    """`collapse_fraction` of evidence at hand."""
    table = evidence.kl
    if table is None:
        raise invalid("prior", "a diagonal Gaussian for the KL of a dimension", evidence.describe_prior())
    means = table.mean(0)
    draws = (bootstrap_means(table, seed=evidence.seed) < threshold).mean(1)
    order = np.argsort(-means, kind="stable")
    return Score(
        name="collapse_fraction",
        value=float((means < threshold).mean()),
        interval=interval_of(draws),
        resampling=bootstrapped(),
        n=len(table),
        direction="lower",
        range=(0.0, 1.0),
        parts={"dimension": order.tolist(), "bits": (means[order] / np.log(2)).tolist()},
        settings={"threshold_nats": threshold, "prior": evidence.describe_prior(), "seed": evidence.seed},
        meaning="Latent dimensions that carry nothing about the data.",
        misleads="spare dimensions do no harm in themselves, and one just above the threshold carries next to nothing.",
    )


def bits_at_fixed_psnr_of(evidence: Evidence, *, loss_db: float = LOSS_DB, psnr: float | None = None) -> Score:
    """`bits_at_fixed_psnr` of evidence at hand."""
    if not 0 < loss_db <= 60:
        raise invalid("loss_db", "above 0 and at most 60", loss_db)
    codes, (scale, unit) = flat(evidence.codes), _scales(evidence)
    rows = np.sort(generator(evidence.seed, _DECODED).permutation(len(codes))[:DECODED_ROWS])
    data, centre = evidence.x[rows], codes.mean(0)

    def error(rebuilt: Array) -> float:
        points = rebuilt.astype(np.float32).reshape(-1, *evidence.space.shape)
        return float(row_errors(data, evidence.space.decode(points)).mean())

    def rounded(log_step: float) -> Array:
        return np.rint((codes - centre) / (2**log_step * scale))

    def kept(log_step: float) -> float:
        return error(centre + 2**log_step * scale * rounded(log_step)[rows])

    allowed = _allowed_error(evidence, data, error(codes[rows]), loss_db, psnr)
    log_step = _largest_step(lambda step: kept(step) <= allowed)
    lengths = _code_lengths(rounded(log_step))
    bits = lengths.mean(0)
    order = np.argsort(-bits, kind="stable")
    target = {"psnr": psnr} if psnr is not None else {"loss_db": loss_db}
    return Score(
        name="bits_at_fixed_psnr",
        value=float(bits.sum()),
        interval=bootstrap_interval(lengths.sum(1), seed=evidence.seed),
        resampling=bootstrapped(kept="step and frequencies"),
        n=len(codes),
        direction="lower",
        unit="bits per row",
        range=(0.0, float(len(bits) * np.log2(len(codes)))),
        parts={"dimension": order.tolist(), "bits": bits[order].tolist()},
        settings={
            **target,
            "step": float(2**log_step),
            "unit_of_step": unit,
            "decoded_rows": len(rows),
            "allowed_mse": allowed,
            "seed": evidence.seed,
        },
        meaning="Bits that a code is worth: rounded any coarser, it would rebuild the data visibly worse.",
        misleads="it is relative to what the space can rebuild, so that a poor space is cheap; dimensions are coded"
        f" one by one; no dimension can show more than log2(rows) = {np.log2(len(codes)):.1f} bits.",
    )


def _spectral(
    name: str,
    codes: ArrayLike,
    seed: int,
    *,
    statistic: Callable[[Array], float],
    shares: Callable[[Array], Array],
    settings: Mapping[str, Any] | None = None,
    **words: Any,
) -> Score:
    """A score of the eigenvalues of the covariance, with its interval from halves of the rows."""
    moments = _Moments(codes, seed)
    spectrum = moments.spectrum(np.arange(moments.groups, dtype=np.intp))
    dim = len(spectrum)
    value = statistic(spectrum)
    random = generator(seed, _HALVES)
    half = moments.groups // 2
    picks = [np.asarray(random.permutation(moments.groups)[:half], np.intp) for _ in range(_RESAMPLES)]
    draws = np.array([statistic(moments.spectrum(pick)) for pick in picks])
    ends = (1.0, float(dim))
    return Score(
        name=name,
        value=value,
        interval=rescaled_interval(value, draws, size=half, count=moments.groups, within=ends),
        resampling=halved(_RESAMPLES, what=f"{moments.groups} groups of rows"),
        n=moments.rows,
        direction="neither",
        unit=f"of {dim}",
        range=ends,
        parts={"share": shares(spectrum).tolist()},
        settings={
            **(settings or {}),
            "value_over_dimensions": value / dim,
            "centred": True,
            "seed": seed,
        },
        **words,
    )


class _Moments:
    """Sums and products of groups of centred rows, so that any half of the groups gives a covariance at little cost."""

    def __init__(self, codes: ArrayLike, seed: int) -> None:
        points = _varied(codes)
        self.rows, dim = points.shape
        self.groups = min(self.rows, _GROUPS, max(20, _GROUP_VALUES // dim**2))
        order = generator(seed, _GROUPING).permutation(self.rows)
        parts = [points[np.sort(rows)] for rows in np.array_split(order, self.groups)]
        self._counts = np.array([len(part) for part in parts], np.float64)
        self._sums = np.stack([part.sum(0) for part in parts])
        self._products = np.stack([part.T @ part for part in parts])

    def spectrum(self, chosen: NDArray[np.intp]) -> Array:
        """Eigenvalues of the covariance of the chosen groups, largest first, none below zero."""
        count = self._counts[chosen].sum()
        mean = self._sums[chosen].sum(0) / count
        covariance = self._products[chosen].sum(0) / count - np.outer(mean, mean)
        return np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0)


def _varied(codes: ArrayLike) -> Array:
    """Centred codes (n, d) in float64, not all alike."""
    points = np.asarray(codes, np.float64)
    check_finite(points, "codes")
    check_row_count(len(points), least=4)
    points = points.reshape(len(points), -1)
    check_positive_int(points.shape[1], "dimensions of the codes", high=_LARGEST_DIM)
    centred = points - points.mean(0)
    if (centred**2).mean() <= 1e-14 * (points**2).mean() or not centred.any():
        raise invalid("codes", "different from each other", "the same code for every row")
    return centred


def _shares(values: Array) -> Array:
    total = values.sum()
    return values / total if total > 0 else np.eye(1, len(values))[0]


def _entropy(shares: Array) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _scales(evidence: Evidence) -> tuple[Array, str]:
    if "posterior" in evidence.space.capabilities:
        return np.sqrt((flat(evidence.posterior.std) ** 2).mean(0)), "root mean square std of the posterior"
    spread = flat(evidence.codes).std(0)
    return np.where(spread > 0, spread, 1.0), "std of the codes"


def _allowed_error(evidence: Evidence, data: FloatArray, reached: float, loss_db: float, psnr: float | None) -> float:
    if psnr is None:
        return max(reached * 10 ** (loss_db / 10), _PERFECT * float(flat(data).var(0).mean()))
    if evidence.peak is None:
        raise invalid("psnr", "None for data without a stated range", psnr, "pass loss_db")
    allowed = float(evidence.peak**2 * 10 ** (-psnr / 10))
    if allowed < reached:
        best = 10 * np.log10(evidence.peak**2 / reached)
        raise invalid("psnr", f"at most {best:.2f} dB, what the space reaches", psnr)
    return allowed


def _largest_step(fits: Callable[[float], bool]) -> float:
    """The largest log2 step that fits, by bisection; the smallest tried where none does."""
    low, high = _LOG_STEPS
    if fits(high):
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _code_lengths(symbols: Array) -> Array:
    """-log2 of the frequency of each symbol within its dimension, (n, d) -> (n, d)."""
    out = np.empty(symbols.shape)
    for j, column in enumerate(symbols.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        out[:, j] = -np.log2(counts / len(column))[inverse.reshape(-1)]
    return np.abs(out)


def _why_too_wide(evidence: Evidence) -> str:
    dim = evidence.space.dim
    return f"the space has {dim} dimensions, and spectra are taken up to {_LARGEST_DIM}" if dim > _LARGEST_DIM else ""


_CODED = frozenset({"encode"})

ENTRIES = (
    Entry("effective_rank", _CODED, lambda e: effective_rank(e.codes, seed=e.seed), _why_too_wide),
    Entry("participation_ratio", _CODED, lambda e: participation_ratio(e.codes, seed=e.seed), _why_too_wide),
    Entry("principal_dimensions", _CODED, lambda e: principal_dimensions(e.codes, seed=e.seed), _why_too_wide),
    Entry("collapse_fraction", frozenset({"posterior"}), collapse_fraction_of),
    Entry("bits_at_fixed_psnr", frozenset({"encode", "decode"}), bits_at_fixed_psnr_of),
)
