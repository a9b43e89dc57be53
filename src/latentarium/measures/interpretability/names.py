"""Names for latents, given only on evidence that held-out rows confirm."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.interpretability.rows import (
    ACTIVE_SHARE,
    Array,
    Rows,
    Split,
    active_latents,
    attributes_of,
    checked_codes,
    split_rows,
)
from latentarium.measures.score import Score, bootstrapped, interval_of
from latentarium.rng import check_seed, generator

Side = Literal["high", "low"]
UNNAMED = "unnamed"
LEVEL, LEAST_SCORE, TOP_SHARE, EXEMPLARS = 0.01, 0.7, 0.05, 9
_NEGATIVES, _RESAMPLED = 451, 452
_RESAMPLES = 1000
_LEAST_POSITIVE = 5


@dataclass(frozen=True, kw_only=True)
class Name:
    """What a latent stands for, as far as held-out rows bear it out.

    Parameters
    ----------
    latent : its number
    label : the name, or "unnamed"
    candidate : the attribute that was tried, whether or not it was accepted
    side : which end of the latent shows it
    score : balanced accuracy with which the latent detects the candidate on held-out rows, 0.5 at chance; the lower
        of two tests, against random rows and against the closest rival's
    n : held-out rows of the tests
    p : their exact permutation p-value, times the number of latents tested, at most 1
    exemplars : rows with the most extreme values on that side, the most extreme first
    """

    latent: int
    label: str
    candidate: str
    side: Side
    score: float
    n: int
    p: float
    exemplars: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """One latent's tests: hits among held-out rows with the attribute, false alarms among random rows without it and
    among its rival's rows without it.
    """

    latent: int
    candidate: int
    side: Side
    exemplars: tuple[int, ...]
    hits: int = 0
    positive: int = 0
    alarms: int = 0
    negative: int = 0
    rival_alarms: int = 0
    rival: int = 0


def name_latents(
    codes: ArrayLike, attributes: ArrayLike | Beside, *, names: Sequence[str] = (), seed: int = 0
) -> tuple[Name, ...]:
    """A `Name` for each active latent, "unnamed" where no attribute can be detected from it.

    Half of at most 10,000 rows, drawn by `seed`, choose; the others judge. The candidate of a latent is the attribute
    with the highest lift among the 5 % of rows at its high or its low end (as in the automated interpretation of Bills
    et al. 2023 and Paulo et al. 2024, with labels in the place of a language model). A threshold with the best balanced
    accuracy is then put to two tests on held-out rows: those with the attribute against as many drawn at random from
    those without, and against those of its closest rival, the attribute with the next highest lift. The lower balanced
    accuracy and the higher p of the two count, so that a latent shared by two classes gets the name of neither. The
    name is accepted when that accuracy is at least 0.7 and that p, a permutation p made exact by the hypergeometric law
    (Fisher 1935) and multiplied by the number of latents tested (Bonferroni), is below 0.01.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    attributes : (n, k) table of 0 and 1, or a `Beside`, whose classes and factor levels are then the attributes
    names : k names, a0, a1, .. where empty

    Raises
    ------
    InvalidInput
        When rows do not align, there are fewer than 20, the codes are constant, or the table holds other values.

    Examples
    --------
    >>> y = np.arange(400) % 4
    >>> found = name_latents(np.eye(4)[y] + np.linspace(0, 0.1, 400)[:, None], np.eye(4)[y], names=list("abcd"))
    >>> [name.label for name in found]
    ['a', 'b', 'c', 'd']
    """
    return _named(*_attempts(codes, attributes, names, seed))


def named_latents(
    codes: ArrayLike, attributes: ArrayLike | Beside, *, names: Sequence[str] = (), seed: int = 0
) -> Score:
    """Share of the active latents that earned a name, by `name_latents`; 0 to 1, 0 on codes that know nothing.

    Parts: latent, its score, p and rows of the test, and whether it was named; the names stand in
    `settings["names"]`. The interval resamples the held-out rows of each test and keeps the candidates.

    Examples
    --------
    >>> y = np.arange(400) % 4
    >>> named_latents(np.eye(4)[y] + np.linspace(0, 0.1, 400)[:, None], np.eye(4)[y]).value
    1.0
    """
    attempts, known = _attempts(codes, attributes, names, seed)
    found = _named(attempts, known)
    accepted = np.array([name.label != UNNAMED for name in found], np.float64)
    return Score(
        name="named_latents",
        value=float(accepted.mean()),
        interval=_interval(attempts, float(accepted.mean()), seed),
        resampling=bootstrapped("held-out rows of each test", kept="candidates"),
        n=len(np.asarray(codes)),
        direction="higher",
        unit=f"of {len(found)} active latents",
        range=(0.0, 1.0),
        chance=0.0,
        parts={
            "latent": [name.latent for name in found],
            "score": [name.score for name in found],
            "p": [name.p for name in found],
            "rows": [name.n for name in found],
            "named": accepted.tolist(),
        },
        settings={
            "names": [{**asdict(name), "exemplars": list(name.exemplars)} for name in found],
            "level": LEVEL,
            "least_score": LEAST_SCORE,
            "top_share": TOP_SHARE,
            "active_share": ACTIVE_SHARE,
            "seed": seed,
        },
        meaning="Latents that a person could be told a name for, and that keep it on rows not used to choose it.",
        misleads="the rows are not independent of each other, or the right name is not among those on offer.",
    )


def named_latents_of(evidence: Evidence) -> Score:
    """`named_latents` by the classes and factor levels at hand."""
    return named_latents(evidence.codes, evidence.beside, seed=evidence.seed)


def _attributes(attributes: ArrayLike | Beside, names: Sequence[str]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    if isinstance(attributes, Beside):
        values, known = attributes_of(attributes, levels=True)
    else:
        values = np.asarray(attributes, np.float64)
        known = tuple(names) or tuple(f"a{k}" for k in range(values.shape[-1]))
    if values.ndim != 2 or not np.isin(values, (0, 1)).all():
        raise invalid("attributes", "a table (n, k) of 0 and 1", values.shape)
    if len(known) != values.shape[1]:
        raise invalid("names", f"{values.shape[1]}, one for each attribute", len(known))
    return values > 0.5, known


def _attempts(
    codes: ArrayLike, attributes: ArrayLike | Beside, names: Sequence[str], seed: int
) -> tuple[list[_Attempt], tuple[str, ...]]:
    """The test of each active latent, and the names of the attributes."""
    table, known = _attributes(attributes, names)
    values = checked_codes(codes, len(table))
    if len(values) < 20:
        raise invalid("codes", "at least 20 rows, half of which are held out", len(values))
    split = split_rows(len(values), seed=check_seed(seed), every=2)
    common = np.minimum(table[split.train].sum(0), table[split.test].sum(0)) >= _LEAST_POSITIVE
    offered = np.flatnonzero(common & ~table[split.all].all(0))
    return [_attempt(values[:, j], table, offered, split, (int(j), seed)) for j in active_latents(values)], known


def _attempt(values: Array, table: NDArray[np.bool_], offered: Rows, split: Split, stream: tuple[int, int]) -> _Attempt:
    """Choose the end, the candidate and the threshold on the training rows, and count on the held-out ones."""
    latent, seed = stream
    ends = [(_lift(sign * values[split.train], table[split.train]), sign) for sign in (1.0, -1.0)]
    lift, sign = max(ends, key=lambda end: float(end[0][offered].max(initial=0.0)))
    turned = sign * values
    exemplars = tuple(int(i) for i in split.all[np.argsort(-turned[split.all], kind="stable")[:EXEMPLARS]])
    side: Side = "high" if sign > 0 else "low"
    if not len(offered):
        return _Attempt(latent=latent, candidate=-1, side=side, exemplars=exemplars)
    candidate, *rivals = offered[np.argsort(-lift[offered], kind="stable")]
    truth = table[:, candidate]
    threshold = _cut(turned[split.train], truth[split.train])
    without = split.test[~truth[split.test]]
    rows = split.test[truth[split.test]]
    random = generator(seed, _NEGATIVES, latent).permutation(without)[: len(rows)]
    hard = without[table[np.ix_(without, rivals[:1])].any(1)]
    return _Attempt(
        latent=latent,
        candidate=int(candidate),
        side=side,
        exemplars=exemplars,
        hits=int((turned[rows] > threshold).sum()),
        positive=len(rows),
        alarms=int((turned[random] > threshold).sum()),
        negative=len(random),
        rival_alarms=int((turned[hard] > threshold).sum()),
        rival=len(hard),
    )


def _lift(values: Array, table: NDArray[np.bool_]) -> Array:
    """How much commoner each attribute is among the top values than overall, one row added to either count so that
    a rare attribute does not win by a single row; ties with the last top value count as top.
    """
    top = values >= np.quantile(values, 1 - TOP_SHARE)
    return (table[top].sum(0) + 1) / (table.mean(0) * top.sum() + 1)


def _cut(values: Array, truth: NDArray[np.bool_]) -> float:
    """The threshold above which `truth` is found with the best balanced accuracy; infinite for constant values."""
    order = np.argsort(-values, kind="stable")
    sorted_values = values[order]
    cuts = np.flatnonzero(np.diff(sorted_values) < 0)
    if not len(cuts):
        return np.inf
    hits, alarms = np.cumsum(truth[order])[cuts], np.cumsum(~truth[order])[cuts]
    at = cuts[np.argmax(hits / truth.sum() - alarms / (~truth).sum())]
    return float((sorted_values[at] + sorted_values[at + 1]) / 2)


def _judged(counts: Array, attempts: Sequence[_Attempt]) -> tuple[Array, Array]:
    """Balanced accuracy and corrected p of each attempt, for hits and two kinds of alarms, (.., attempts, 3).

    Negatives are picked by attributes alone: under the null no choice depends on the latent, and the p are exact.
    """
    positive, negative, rival = np.array([(a.positive, a.negative, a.rival) for a in attempts]).T
    hits, alarms, rival_alarms = np.moveaxis(counts, -1, 0)
    score, p = _detection(hits, positive, alarms, negative)
    rival_score, rival_p = _detection(hits, positive, rival_alarms, rival)
    alone = rival == 0
    score = np.where(alone, score, np.minimum(score, rival_score))
    return score, np.minimum(np.where(alone, p, np.maximum(p, rival_p)) * len(attempts), 1.0)


def _detection(hits: Array, positive: Array, alarms: Array, negative: Array) -> tuple[Array, Array]:
    from scipy.stats import hypergeom

    score = (hits / np.maximum(positive, 1) + 1 - alarms / np.maximum(negative, 1)) / 2
    p = hypergeom.sf(hits - 1, positive + negative, positive, hits + alarms)
    tested = (positive > 0) & (negative > 0)
    return np.where(tested, score, 0.5), np.where(tested, p, 1.0)


def _accepted(score: Array, p: Array) -> NDArray[np.bool_]:
    return (score >= LEAST_SCORE) & (p < LEVEL)


def _named(attempts: Sequence[_Attempt], known: Sequence[str]) -> tuple[Name, ...]:
    counts = np.array([(a.hits, a.alarms, a.rival_alarms) for a in attempts], np.float64)
    scores, chances = _judged(counts, attempts)
    labels = ["" if a.candidate < 0 else known[a.candidate] for a in attempts]
    return tuple(
        Name(
            latent=attempt.latent,
            label=label if accepted else UNNAMED,
            candidate=label,
            side=attempt.side,
            score=float(score),
            n=attempt.positive + attempt.negative + attempt.rival,
            p=float(p),
            exemplars=attempt.exemplars,
        )
        for attempt, label, score, p, accepted in zip(
            attempts, labels, scores, chances, _accepted(scores, chances), strict=True
        )
    )


def _interval(attempts: Sequence[_Attempt], value: float, seed: int) -> tuple[float, float]:
    """Held-out rows with the attribute and either kind without, resampled apart, give binomial counts."""
    random = generator(seed, _RESAMPLED)
    found = np.array([(a.hits, a.alarms, a.rival_alarms) for a in attempts], np.float64)
    total = np.array([(a.positive, a.negative, a.rival) for a in attempts])
    counts = random.binomial(total, found / np.maximum(total, 1), (_RESAMPLES, *total.shape)).astype(np.float64)
    shares = _accepted(*_judged(counts, attempts)).mean(1)
    low, high = interval_of(shares)
    return min(low, value), max(high, value)
