"""From odd-ness scores to decisions: thresholds, p-values and false-discovery control from a calibration split.

Scores are higher for odder rows. The calibration rows are normal rows that the model was not fitted to; everything here
is valid where they are exchangeable with the normal rows that are judged, and `calibration_drift` looks whether they
are.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.rng import generator

Array = NDArray[np.float64]
FEWEST_EXCESSES = 50
TAIL = 0.98
_TIES, _DRAWS = 41, 42


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A score above which a row is called odd.

    Parameters
    ----------
    value : the threshold
    alpha : share of normal rows that it is meant to call odd
    method : "quantile", "pot" or "conformal"
    interval : exact 95 % interval of the share of normal rows above `value`
    calibration : rows it rests on
    notes : what a reader should know, such as a tail that could not be fitted
    facts : parameters of the fitted tail
    """

    value: float
    alpha: float
    method: str
    interval: tuple[float, float]
    calibration: int
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "value": self.value if math.isfinite(self.value) else None,
            "alpha": self.alpha,
            "method": self.method,
            "false_alarms": list(self.interval),
            "calibration_rows": self.calibration,
            "notes": list(self.notes),
            "tail": self.facts,
        }


def quantile_threshold(calibration: ArrayLike, *, alpha: float = 0.05) -> Threshold:
    """The empirical 1 - alpha quantile of the calibration scores.

    The share of new normal rows above the k-th smallest of n calibration scores is Beta(n + 1 - k, k) distributed
    whatever the scores' distribution (David & Nagaraja 2003, eq. 2.1.5), which gives the exact interval.

    Examples
    --------
    >>> found = quantile_threshold(np.arange(1000.0), alpha=0.05)
    >>> found.value, found.interval[0] < 0.05 < found.interval[1]
    (949.0, True)
    """
    scores, alpha = _checked(calibration), _share(alpha)
    rank = min(len(scores), max(1, math.ceil((1 - alpha) * len(scores) - 1e-9)))
    return _at_rank(scores, rank, alpha, "quantile")


def conformal_threshold(calibration: ArrayLike, *, alpha: float = 0.05) -> Threshold:
    """The score above which the conformal p-value is at most alpha (Vovk et al. 2005).

    Over calibration splits at most a share `alpha` of normal rows lies above it. With fewer than 1 / alpha - 1
    calibration rows no score can be that odd: the threshold is infinite and a note says how many are needed.
    """
    scores, alpha = _checked(calibration), _share(alpha)
    rank = math.ceil((1 - alpha) * (len(scores) + 1) - 1e-9)
    if rank > len(scores):
        need = math.ceil(1 / alpha - 1)
        note = f"{len(scores)} calibration rows are too few for alpha {alpha:g}, which needs {need}: nothing is odd"
        return Threshold(
            value=math.inf, alpha=alpha, method="conformal", interval=(0, 0), calibration=len(scores), notes=(note,)
        )
    return _at_rank(scores, max(1, rank), alpha, "conformal")


def peaks_over_threshold(calibration: ArrayLike, *, alpha: float = 0.001, tail: float = TAIL) -> Threshold:
    """A threshold beyond the calibration scores from a generalised Pareto tail (Siffer et al. 2017, eq. 1).

    The excesses over the `tail` quantile are fitted by maximum likelihood; the shape's 95 % interval and an
    Anderson-Darling test of the fit are in `facts`. With fewer than 50 excesses, a fit that the test rejects at 1 %, or
    an alpha inside the body of the scores, the quantile is taken and a note says so.
    """
    scores, alpha = _checked(calibration), _share(alpha)
    start = float(np.quantile(scores, tail))
    excesses = np.sort(scores[scores > start] - start)
    if alpha >= len(excesses) / len(scores):
        return _instead(scores, alpha, f"alpha {alpha:g} lies inside the body of the scores, below the tail")
    if len(excesses) < FEWEST_EXCESSES:
        return _instead(scores, alpha, f"{len(excesses)} scores above the {tail:g} quantile, {FEWEST_EXCESSES} needed")
    shape, _, scale = stats.genpareto.fit(excesses, floc=0)
    distance, p = _anderson_darling(excesses, float(shape), float(scale))
    if p < 0.01:
        return _instead(
            scores, alpha, f"the tail is no generalised Pareto (Anderson-Darling {distance:.2f}, p {p:.3f})"
        )
    value = start + float(stats.genpareto.isf(alpha * len(scores) / len(excesses), shape, scale=scale))
    # Smith 1985: the variance of the shape's maximum-likelihood estimate
    spread = 1.96 * (1 + shape) / math.sqrt(len(excesses))
    facts = {
        "start": start,
        "excesses": len(excesses),
        "shape": float(shape),
        "shape_interval": [float(shape - spread), float(shape + spread)],
        "scale": float(scale),
        "anderson_darling": distance,
        "p": p,
    }
    above = int((scores > value).sum())
    return Threshold(
        value=value,
        alpha=alpha,
        method="pot",
        interval=clopper_pearson(above, len(scores)),
        calibration=len(scores),
        facts=facts,
    )


def clopper_pearson(hits: int, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share, `hits` of `count` (Clopper & Pearson 1934)."""
    low = 0.0 if hits == 0 else float(stats.beta.ppf((1 - level) / 2, hits, count - hits + 1))
    high = 1.0 if hits == count else float(stats.beta.ppf((1 + level) / 2, hits + 1, count - hits))
    return low, high


def conformal_p_values(calibration: ArrayLike, scores: ArrayLike, *, seed: int | None = None) -> Array:
    """p_j = (1 + number of calibration scores at or above s_j) / (n + 1), shape (m,) (Bates et al. 2023, eq. 2).

    Under exchangeability P(p <= t) <= t for every t. With a `seed` ties are broken at random, so that p is exactly
    uniform; the p-value of a row then depends on its place in the batch.

    Examples
    --------
    >>> conformal_p_values([1.0, 2.0, 3.0], [0.0, 2.5, 9.0]).tolist()
    [1.0, 0.5, 0.25]
    """
    known, new = np.sort(_checked(calibration)), _checked(scores, name="scores", least=0)
    count = len(known)
    at_least = count - np.searchsorted(known, new, side="left")
    if seed is None:
        return (1.0 + at_least) / (count + 1)
    above = count - np.searchsorted(known, new, side="right")
    return (above + (at_least - above + 1) * generator(seed, _TIES).random(len(new))) / (count + 1)


def benjamini_hochberg(p_values: ArrayLike, *, alpha: float = 0.1, null_share: float = 1.0) -> NDArray[np.bool_]:
    """Which of the p-values are discoveries with a false-discovery rate of at most alpha (Benjamini & Hochberg 1995).

    On conformal p-values of one calibration split, which depend on each other positively, the guarantee holds too
    (Bates et al. 2023, theorem 2). `null_share` is Storey's estimate of the share of normal rows, 1 to stay safe.
    """
    p, alpha = _checked(p_values, name="p_values", least=0), _share(alpha)
    order = np.argsort(p, kind="stable")
    line = alpha * np.arange(1, len(p) + 1) / (len(p) * null_share) if len(p) else p
    below = np.flatnonzero(p[order] <= line * (1 + 1e-12))
    found = np.zeros(len(p), np.bool_)
    found[order[: below[-1] + 1 if len(below) else 0]] = True
    return found


def null_share(p_values: ArrayLike, *, cut: float = 0.5) -> float:
    """Share of normal rows among the tested ones, at most 1 (Storey 2002, with the +1 that keeps the guarantee)."""
    p = _checked(p_values, name="p_values")
    return float(min(1.0, (1 + (p > cut).sum()) / (len(p) * (1 - cut))))


def rows_needed(tests: int, *, alpha: float) -> int:
    """Calibration rows below which Benjamini-Hochberg cannot reject even one of `tests`: tests / alpha - 1."""
    return math.ceil(tests / _share(alpha) - 1 - 1e-9)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Whether new rows look as if the calibration rows still spoke for them.

    Parameters
    ----------
    broken : whether the calibration no longer holds
    p : of the test that the bulk of the new scores is distributed as the calibration scores
    shift : how far the median moved, in calibration standard deviations (of the logarithm of positive scores)
    words : the finding in one line
    """

    broken: bool
    p: float
    shift: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"broken": self.broken, "p": self.p, "shift": self.shift, "words": self.words}


def calibration_drift(
    calibration: ArrayLike, scores: ArrayLike, *, odd_share: float = 0.3, level: float = 0.001
) -> Drift:
    """Test whether the new rows could be the calibration rows with up to `odd_share` odd ones among them.

    Odd rows can only thin out the bulk: of new rows at most a share F(q) may lie below the calibration's quantile q,
    and at least (1 - odd_share) F(q). The test asks at nine quantiles, Bonferroni corrected, with exact
    hypergeometric tails, whether either bound is left by more than chance. A normal population that moved up leaves the
    lower bound, one that moved down the upper one.

    Examples
    --------
    >>> normal = np.random.default_rng(0).normal(size=3000)
    >>> calibration_drift(normal[:1000], normal[1000:]).broken
    False
    >>> calibration_drift(normal[:1000], normal[1000:] + 1.5).broken
    True
    """
    known, new = _checked(calibration), _checked(scores, name="scores")
    cuts = np.quantile(known, np.linspace(0.1, 0.9, 9))
    # a tie with a cut counts as below in both, so equal populations stay equal
    known_below = np.array([(known <= cut).sum() for cut in cuts])
    new_below = np.array([(new <= cut).sum() for cut in cuts])
    thinned = np.maximum(1, round((1 - odd_share) * len(new)))
    p = 1.0
    for before, now in zip(known_below, new_below, strict=True):
        # fewer below than even the thinned normal rows would have
        up = _tail(before, len(known), min(now, thinned), thinned)
        # more below than if every row were normal
        down = _tail(now, len(new), before, len(known))
        p = min(p, up, down)
    p = float(min(1.0, p * 2 * len(cuts)))
    shift = float((np.median(new) - np.median(known)) / max(float(known.std()), 1e-12))
    broken = p < level
    way = "higher" if shift > 0 else "lower"
    words = (
        f"the calibration is broken: scores are {way} throughout (median {shift:+.2f} standard deviations, p {p:.1g}); "
        "recalibrate on normal rows of today"
        if broken
        else f"no sign that the calibration is broken (p {p:.2g}, median {shift:+.2f} standard deviations)"
    )
    return Drift(broken=broken, p=p, shift=shift, words=words)


def _tail(more: int, of_more: int, less: int, of_less: int) -> float:
    """Fisher's one-sided p-value that the share more / of_more is above less / of_less by chance."""
    return float(stats.hypergeom.sf(more - 1, of_more + of_less, more + less, of_more))


def _at_rank(scores: Array, rank: int, alpha: float, method: str) -> Threshold:
    count = len(scores)
    low, high = stats.beta.ppf([0.025, 0.975], count + 1 - rank, rank)
    value = float(np.partition(scores, rank - 1)[rank - 1])
    return Threshold(value=value, alpha=alpha, method=method, interval=(float(low), float(high)), calibration=count)


def _instead(scores: Array, alpha: float, why: str) -> Threshold:
    found = quantile_threshold(scores, alpha=alpha)
    note = f"the quantile was taken in place of a fitted tail: {why}"
    return Threshold(
        value=found.value,
        alpha=alpha,
        method="quantile",
        interval=found.interval,
        calibration=len(scores),
        notes=(note,),
    )


def _anderson_darling(excesses: Array, shape: float, scale: float, draws: int = 200) -> tuple[float, float]:
    """Statistic of sorted excesses against their fit, and its p-value by parametric bootstrap."""

    def statistic(values: Array, c: float, s: float) -> float:
        u = np.clip(stats.genpareto.cdf(values, c, scale=s), 1e-12, 1 - 1e-12)
        odd = 2 * np.arange(1, len(u) + 1) - 1
        return float(-len(u) - (odd * (np.log(u) + np.log1p(-u[::-1]))).mean())

    found, random, beyond = statistic(excesses, shape, scale), generator(0, _DRAWS), 0
    for _ in range(draws):
        drawn = np.sort(stats.genpareto.rvs(shape, scale=scale, size=len(excesses), random_state=random))
        c, _, s = stats.genpareto.fit(drawn, shape, floc=0, scale=scale)
        beyond += statistic(drawn, c, s) >= found
    return found, (1 + beyond) / (1 + draws)


def _checked(values: ArrayLike, *, name: str = "calibration", least: int = 1) -> Array:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or len(array) < least:
        raise invalid(name, f"a list of at least {least} numbers", f"shape {array.shape}")
    check_finite(array, name)
    return array


def _share(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise invalid("alpha", "a share between 0 and 1", alpha)
    return float(alpha)
