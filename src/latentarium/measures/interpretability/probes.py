"""What codes are worth to a linear probe, and to a single latent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.evidence import Beside, Evidence, Factors
from latentarium.measures.interpretability.rows import (
    Array,
    Rows,
    Split,
    checked_codes,
    class_settings,
    numbered,
    pca_of,
    scaler,
    split_rows,
)
from latentarium.measures.score import Score, bootstrap_interval, bootstrap_means, bootstrapped, interval_of
from latentarium.rng import check_seed, generator

_SHUFFLE = 421
_LEAST_IN_CLASS = 6
_PROBED = bootstrapped("held-out rows", kept="the probe")


def probe_accuracy(codes: ArrayLike, labels: ArrayLike | Beside, *, x: ArrayLike | None = None, seed: int = 0) -> Score:
    """Accuracy of a linear classifier of the codes on held-out rows (Alain & Bengio 2016); 0 to 1.

    Multinomial logistic regression (L2, C = 1) on standardised codes, fitted on two thirds of at most 10,000 rows
    drawn by `seed`. The parts give each class's recall. Chance is the share of the largest class.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    labels : (n,) classes, or the `Beside` that has numbered them
    x : (n, ..) the data behind the codes; the same probe on as many principal components of them is then reported
        as `settings["pca_probe"]` and, by class, in the parts

    Raises
    ------
    InvalidInput
        When rows do not align, the codes are constant, or there is one class or fewer than 6 rows.

    Examples
    --------
    >>> y = np.arange(60) % 2
    >>> probe_accuracy(np.stack([y, 1 - y], axis=1) * 2.0, y).value
    1.0
    """
    numbers, classes = numbered(labels)
    table = checked_codes(codes, len(numbers))
    split = split_rows(len(table), seed=check_seed(seed), labels=numbers)
    right = _hits(table, numbers, split)
    parts = {"recall": _by_class(right, numbers[split.test], len(classes))}
    settings = class_settings(classes, seed, **_probe_settings(split))
    if x is not None:
        data = _aligned(x, len(table))
        project = pca_of(data, split.train, table.shape[1], seed=seed)
        baseline = _hits_between(project(data[split.train]), project(data[split.test]), numbers, split)
        parts["pca_recall"] = _by_class(baseline, numbers[split.test], len(classes))
        settings["pca_probe"] = float(baseline.mean())
    return Score(
        name="probe_accuracy",
        value=float(right.mean()),
        interval=bootstrap_interval(right, seed=seed),
        resampling=_PROBED,
        n=len(right),
        direction="higher",
        range=(0.0, 1.0),
        chance=float(np.bincount(numbers[split.test]).max() / len(split.test)),
        parts={**parts, "rows": np.bincount(numbers[split.test], minlength=len(classes)).tolist()},
        settings=settings,
        meaning="How often a linear classifier of the codes names the class of a row it has not seen.",
        misleads="the data are easy: read it beside pca_probe, and beside the selectivity where rows are few.",
    )


def probe_selectivity(codes: ArrayLike, labels: ArrayLike | Beside, *, shuffles: int = 5, seed: int = 0) -> Score:
    """Probe accuracy minus the accuracy of the same probe on shuffled labels (Hewitt & Liang 2019, sec. 2).

    The control probes are fitted to, and judged by, labels permuted over the rows; `settings["control"]` is their
    mean accuracy over `shuffles`. -1 to 1, 0 where the codes say nothing.

    Examples
    --------
    >>> y = np.arange(60) % 2
    >>> probe_selectivity(np.stack([y, 1 - y], axis=1) * 2.0, y).value > 0.3
    True
    """
    numbers, classes = numbered(labels)
    table = checked_codes(codes, len(numbers))
    check_positive_int(shuffles, "shuffles", high=10_000)
    split = split_rows(len(table), seed=check_seed(seed), labels=numbers)
    random = generator(seed, _SHUFFLE)
    controls = [_hits(table, _shuffled(numbers, split, random), split) for _ in range(shuffles)]
    right, control = _hits(table, numbers, split), np.mean(controls, axis=0)
    return Score(
        name="probe_selectivity",
        value=float((right - control).mean()),
        interval=bootstrap_interval(right - control, seed=seed),
        resampling=_PROBED,
        n=len(right),
        direction="higher",
        range=(-1.0, 1.0),
        chance=0.0,
        parts={"control": [float(hits.mean()) for hits in controls]},
        settings=class_settings(
            classes, seed, accuracy=float(right.mean()), control=float(control.mean()), **_probe_settings(split)
        ),
        meaning="Accuracy that the probe owes to the codes and not to its own freedom or to a large class.",
        misleads="classes are very uneven: the control then already scores the share of the largest one.",
    )


def probe_r2(codes: ArrayLike, factors: Factors, *, seed: int = 0) -> Score:
    """Held-out R^2 of each factor under ridge regression (alpha = 1) of standardised codes; the value is their mean.

    Fitted on two thirds of at most 10,000 rows drawn by `seed`. 1 is perfect, 0 is the mean's own, and below 0 is
    worse than that; the parts give each factor's R^2 and its interval.

    Raises
    ------
    InvalidInput
        When rows do not align, a factor is constant, or there are fewer than 6 rows.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((300, 2))
    >>> round(probe_r2(z, z[:, :1] - 2 * z[:, 1:]).value, 2)
    1.0
    """
    from sklearn.linear_model import Ridge

    beside = Beside.of(factors=factors)
    truth = np.asarray(beside.factors)
    table = checked_codes(codes, len(truth))
    split = split_rows(len(table), seed=check_seed(seed))
    _check_varying(truth, split, beside.factor_names)
    scale, scale_truth = scaler(table[split.train]), scaler(truth[split.train])
    model = Ridge(alpha=1.0).fit(scale(table[split.train]), scale_truth(truth[split.train]))
    aim = scale_truth(truth[split.test])
    errors = (aim - model.predict(scale(table[split.test])).reshape(aim.shape)) ** 2
    values = _r2(errors.mean(0), aim.mean(0), (aim**2).mean(0))
    means = bootstrap_means(np.stack([errors, aim, aim**2], axis=1), seed=seed)
    draws = _r2(means[:, 0], means[:, 1], means[:, 2])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return Score(
        name="probe_r2",
        value=float(values.mean()),
        interval=interval_of(draws.mean(1)),
        resampling=_PROBED,
        n=len(aim),
        direction="higher",
        range=(-np.inf, 1.0),
        chance=0.0,
        parts={"r2": values.tolist(), "low": low.tolist(), "high": high.tolist()},
        settings={
            "factors": list(beside.factor_names),
            "seed": seed,
            "train_rows": len(split.train),
            "probe": "ridge, alpha 1, standardised codes",
        },
        meaning="Share of a factor's variance that a linear map of the codes predicts on rows it has not seen.",
        misleads="a factor wraps round (an angle) or its levels have no order: a line cannot follow it.",
    )


def single_latent_f1(codes: ArrayLike, labels: ArrayLike | Beside, *, seed: int = 0) -> Score:
    """F1 of the best single latent of each class on held-out rows, averaged over classes (Gurnee et al. 2023, k = 1).

    For each class, the latent, its side and the threshold with the best balanced accuracy on two thirds of at most
    10,000 rows are kept, and F1 is taken on the rest. Chance is 2p / (1 + p) averaged over the classes' shares p: what
    saying "always" scores, which is the most that a latent without knowledge reaches. Parts: latent, side (1: above
    the threshold), threshold, F1 and balanced accuracy of each class with at least 6 rows.

    Examples
    --------
    >>> y = np.arange(90) % 3
    >>> single_latent_f1(np.eye(3)[y], y).value
    1.0
    """
    numbers, classes = numbered(labels)
    table = checked_codes(codes, len(numbers))
    split = split_rows(len(table), seed=check_seed(seed), labels=numbers)
    drawn = np.bincount(numbers[split.all], minlength=len(classes))
    kept = np.flatnonzero(drawn >= _LEAST_IN_CLASS)
    if len(kept) < 2:
        raise invalid("labels", f"of 2 classes with {_LEAST_IN_CLASS} rows each", f"{len(kept)} such classes")
    is_class = numbers[:, None] == kept
    latent, side, threshold = best_cuts(table[split.train], is_class[split.train])
    said = (table[split.test][:, latent] - threshold) * side > 0
    truth = is_class[split.test]
    counts = np.stack([said & truth, said, truth], axis=1).astype(np.float64)
    values, draws = _f1(counts.mean(0)), _f1(bootstrap_means(counts, seed=seed))
    share = truth.mean(0)
    balanced = ((said & truth).sum(0) / truth.sum(0) + (~said & ~truth).sum(0) / (~truth).sum(0)) / 2
    return Score(
        name="single_latent_f1",
        value=float(values.mean()),
        interval=interval_of(draws.mean(1)),
        resampling=_PROBED,
        n=len(split.test),
        direction="higher",
        range=(0.0, 1.0),
        chance=float((2 * share / (1 + share)).mean()),
        parts={
            "class": kept.tolist(),
            "latent": latent.tolist(),
            "side": side.tolist(),
            "threshold": threshold.tolist(),
            "f1": values.tolist(),
            "balanced_accuracy": balanced.tolist(),
        },
        settings=class_settings(classes, seed, train_rows=len(split.train), least_in_class=_LEAST_IN_CLASS),
        meaning="How well one latent alone marks a class: 1 where every class has a latent of its own.",
        misleads="the space is good but rotated: a probe then reads what no single latent shows.",
    )


def best_cuts(codes: Array, attributes: NDArray[Any]) -> tuple[Rows, Array, Array]:
    """For each column of `attributes` (n, k) of 0 and 1: the latent, the side (1 above, -1 below) and the threshold
    with the best balanced accuracy; (k,) each. Thresholds lie midway between two neighbouring values.
    """
    truth = attributes.astype(np.float64)
    positive, negative = np.maximum(truth.sum(0), 1), np.maximum((1 - truth).sum(0), 1)
    best = np.full(truth.shape[1], -1.0)
    latent, side, threshold = np.zeros(len(best), np.intp), np.ones(len(best)), np.zeros(len(best))
    for j in range(codes.shape[1]):
        order = np.argsort(codes[:, j], kind="stable")
        values = codes[order, j]
        cuts = np.flatnonzero(np.diff(values) > 0)
        if not len(cuts):
            continue
        below = np.cumsum(truth[order], axis=0)[cuts]
        gap = (cuts[:, None] + 1 - below) / negative - below / positive
        at = np.abs(gap).argmax(0)
        found = np.take_along_axis(gap, at[None], axis=0)[0]
        better = np.abs(found) > best
        middle = (values[cuts[at]] + values[cuts[at] + 1]) / 2
        best, latent = np.where(better, np.abs(found), best), np.where(better, j, latent)
        side, threshold = np.where(better, np.where(found < 0, -1.0, 1.0), side), np.where(better, middle, threshold)
    return latent, side, threshold


def probe_accuracy_of(evidence: Evidence) -> Score:
    """`probe_accuracy` of evidence at hand, beside that of a PCA of the data."""
    return probe_accuracy(evidence.codes, evidence.beside, x=evidence.x, seed=evidence.seed)


def probe_selectivity_of(evidence: Evidence) -> Score:
    """`probe_selectivity` of evidence at hand."""
    return probe_selectivity(evidence.codes, evidence.beside, seed=evidence.seed)


def probe_r2_of(evidence: Evidence) -> Score:
    """`probe_r2` of evidence at hand."""
    beside = evidence.beside
    return probe_r2(evidence.codes, beside.factor_columns, seed=evidence.seed)


def single_latent_f1_of(evidence: Evidence) -> Score:
    """`single_latent_f1` of evidence at hand."""
    return single_latent_f1(evidence.codes, evidence.beside, seed=evidence.seed)


def logistic(codes: Array, labels: NDArray[np.int64]) -> Any:
    """A multinomial logistic regression (L2, C = 1) of scaled codes, fitted."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) < 2:
        raise invalid("labels", "of at least 2 classes among the rows to learn from", 1)
    return LogisticRegression(C=1.0, max_iter=1000).fit(codes, labels)


def _hits(codes: Array, labels: NDArray[np.int64], split: Split) -> Array:
    return _hits_between(codes[split.train], codes[split.test], labels, split)


def _hits_between(train: Array, test: Array, labels: NDArray[np.int64], split: Split) -> Array:
    """1 for each held-out row that a probe of the other rows gets right, else 0."""
    scale = scaler(train)
    model = logistic(scale(train), labels[split.train])
    return (model.predict(scale(test)) == labels[split.test]).astype(np.float64)


def _shuffled(labels: NDArray[np.int64], split: Split, random: np.random.Generator) -> NDArray[np.int64]:
    """Labels permuted within either half, so that the control's classes are as common in both as the real ones."""
    mixed = labels.copy()
    for half in (split.train, split.test):
        mixed[half] = labels[random.permutation(half)]
    return mixed


def _by_class(right: Array, labels: NDArray[np.int64], classes: int) -> list[float]:
    """Recall by class; 0 for a class without held-out rows, which the column of rows shows."""
    rows = np.bincount(labels, minlength=classes)
    return (np.bincount(labels, weights=right, minlength=classes) / np.maximum(rows, 1)).tolist()


def _aligned(x: ArrayLike, count: int) -> NDArray[Any]:
    data = np.asarray(x)
    if len(data) != count or data.ndim < 2:
        raise invalid("x", f"(n, ..) with {count} rows, one for each code", data.shape)
    check_finite(data, "x")
    return data


def _check_varying(truth: Array, split: Split, names: Sequence[str]) -> None:
    for half in (split.train, split.test):
        constant = np.flatnonzero(np.ptp(truth[half], axis=0) == 0)
        if len(constant):
            raise invalid("factors", "varying over the rows", f"a constant {names[constant[0]]!r}", "leave it out")


def _r2(error: Array, mean: Array, square: Array) -> Array:
    """1 - error / variance; a resample without variance counts as explained by its mean, 0."""
    variance = square - mean**2
    still = variance <= 1e-12
    return np.where(still, 0.0, 1 - error / np.where(still, 1.0, variance))


def _f1(counts: Array) -> Array:
    """2 |said and true| / (|said| + |true|), 0 where both are empty; counts are (.., 3, classes)."""
    both, said, true = np.moveaxis(counts, -2, 0)
    return 2 * both / np.maximum(said + true, 1e-12)


def _probe_settings(split: Split) -> dict[str, Any]:
    probe = "multinomial logistic, C 1, standardised codes"
    return {"train_rows": len(split.train), "probe": probe}
