"""Directions from codes and labels: linear probes, their log-odds set right on rows they were not fitted to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.editing.directions import Array, Directions, Kind, Quality
from latentarium.applications.editing.typicality import Typicality, shrunk_covariance
from latentarium.data.splits import PARTS, make_splits
from latentarium.errors import InvalidInput, invalid
from latentarium.measures.interpretability.rows import checked_codes, scaler
from latentarium.measures.score import bootstrap_means, interval_of
from latentarium.rng import check_seed, generator

Method = Literal["logistic", "lda"]
METHODS = ("logistic", "lda")
TRAINED_ON = 20_000
MOST_VALUES = 50
FEWEST, FEWEST_NUMBERS = 3, 20
"""Rows of either class, or with a number, that each of the three parts must have."""
_ERRORS = 3.0
_CHANCE = {"auc": 0.5, "r2": 0.0}
_DRAW = 461
Part = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """One attribute to find: (n,) values, 0 and 1 of a class, NaN where it is not known."""

    name: str
    column: str
    kind: Kind
    values: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """What a fitted probe is: `z @ weights + bias` in its scale."""

    weights: Array
    bias: float
    centre: Array
    mean: float
    scale: float
    quality: Quality


def fit_directions(
    codes: ArrayLike,
    attributes: Mapping[str, ArrayLike],
    *,
    method: Method = "logistic",
    splits: ArrayLike | None = None,
    seed: int = 0,
) -> Directions:
    """The direction of each attribute, such that a step of 1 along it changes the attribute's log-odds by 1.

    A probe is fitted to the training rows (at most 20,000), its log-odds are set right on the validation rows by a
    slope and an offset (Platt 1999), and it is judged on the test rows. A number gets a ridge regression, and a step of
    1 is one standard deviation of it. An attribute whose probe is not three standard errors better
    than chance on the test rows is left out.

    Parameters
    ----------
    codes : (n, d) or (n, ..)
    attributes : (n,) values by name: 0 and 1; numbers (floats, or integers of more than 50 values); anything else is
        taken as categories, each value of which gets a direction COLUMN=VALUE. NaN, None and "" are not known
    method : "logistic" (L2 with C = 1, on standardised codes) or "lda", with the covariance shrunk after Ledoit & Wolf
    splits : (n,) "train", "validation" and "test" for each row; drawn by `seed` where None
    seed : of every random choice

    Raises
    ------
    InvalidInput
        When rows do not align, or no attribute has enough rows of either kind in each part or can be told.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((900, 2))
    >>> found = fit_directions(z, {"side": np.where(z[:, 0] > 0, "right", "left"), "height": z[:, 1]})
    >>> found.names
    ('side=left', 'side=right', 'height')
    >>> (found.vectors[1] / np.abs(found.vectors[1]).max()).round(1).tolist()
    [1.0, -0.0]
    """
    if method not in METHODS:
        raise invalid("method", f"one of {METHODS}", method)
    if not attributes:
        raise InvalidInput("there are no attributes to find directions of: bring labels")
    table = checked_codes(codes)
    parts = parts_of(len(table), splits, check_seed(seed))
    left_out: dict[str, str] = {}
    targets = [t for name, values in attributes.items() for t in targets_of(name, values, len(table), left_out)]
    found = list(_found(table, targets, parts, method, left_out))
    if not found:
        name, why = next(iter(left_out.items()))
        raise InvalidInput(f"no attribute has a direction: {name} was left out, {why}")
    train, held_out = table[parts["train"]], table[np.concatenate([parts["validation"], parts["test"]])]
    covariance = shrunk_covariance(train)
    weights = np.stack([probe.weights for _, probe in found])
    ways = weights @ covariance if covariance.ndim == 2 else weights * covariance
    return Directions(
        names=tuple(target.name for target, _ in found),
        columns=tuple(target.column for target, _ in found),
        kinds=tuple(target.kind for target, _ in found),
        weights=weights,
        bias=np.array([probe.bias for _, probe in found]),
        vectors=ways / (weights * ways).sum(1, keepdims=True),
        centres=np.stack([probe.centre for _, probe in found]),
        mean=np.array([probe.mean for _, probe in found]),
        scale=np.array([probe.scale for _, probe in found]),
        quality=tuple(probe.quality for _, probe in found),
        typicality=Typicality.fit(train, held_out),
        left_out=left_out,
        settings={"method": method, "seed": seed, "rows": {part: len(rows) for part, rows in parts.items()}},
    )


def _found(
    table: Array, targets: list[Target], parts: Mapping[str, Part], method: Method, left_out: dict[str, str]
) -> Iterator[tuple[Target, Probe]]:
    """The probes that held-out rows bear out; why others do not is written to `left_out`."""
    for target in targets:
        known = {part: rows[np.isfinite(target.values[rows])] for part, rows in parts.items()}
        why = too_few(target, known)
        probe = None if why else _probe(table, target, known, method)
        if probe is not None and _borne_out(probe.quality):
            yield target, probe
        else:
            left_out[target.name] = why if probe is None else _unseen(probe.quality)


def parts_of(count: int, splits: ArrayLike | None, seed: int) -> dict[str, Part]:
    """Row numbers to learn from, to calibrate on and to judge by."""
    if splits is None:
        drawn = make_splits(count, seed=seed, test=0.2, validation=0.2)
        found = {part: np.asarray(drawn[part], np.intp) for part in PARTS}
    else:
        named = np.asarray(splits)
        if named.shape != (count,):
            raise invalid("splits", f"{count} values, one for each row", named.shape)
        found = {part: np.flatnonzero(named == part) for part in PARTS}
    if min(map(len, found.values())) < 2:
        raise invalid("splits", "of two rows in each part", {part: len(rows) for part, rows in found.items()})
    train = found["train"]
    found["train"] = np.sort(generator(seed, _DRAW).permutation(train)[:TRAINED_ON])
    return found


def targets_of(name: str, values: ArrayLike, count: int, left_out: dict[str, str]) -> Iterator[Target]:
    """What there is to find in one column."""
    column = np.asarray(values)
    if column.shape != (count,):
        raise invalid(f"the attribute {name!r}", f"{count} values, one for each row", column.shape)
    numbers = _as_numbers(column)
    if numbers is not None:
        seen = np.unique(numbers[np.isfinite(numbers)])
        if np.isin(seen, (0, 1)).all():
            yield Target(name=name, column=name, kind="class", values=numbers)
            return
        if column.dtype.kind == "f" or len(seen) > MOST_VALUES:
            yield Target(name=name, column=name, kind="number", values=numbers)
            return
    words = np.array(["" if _missing(value) else str(value) for value in column.tolist()])
    kinds = [str(kind) for kind in np.unique(words) if kind]
    if not 1 < len(kinds) <= MOST_VALUES:
        left_out[name] = f"{len(kinds)} different values, not 2 to {MOST_VALUES}"
        return
    for kind in kinds:
        has = np.where(words == "", np.nan, words == kind)
        yield Target(name=f"{name}={kind}", column=name, kind="class", values=has)


def _as_numbers(column: NDArray[Any]) -> Array | None:
    """The column as numbers with NaN for what is missing, None where it holds something else."""
    if column.dtype.kind in "biuf":
        return column.astype(np.float64)
    plain = [np.nan if _missing(value) else value for value in column.tolist()]
    if column.dtype.kind == "O" and all(isinstance(value, bool | int | float) for value in plain):
        return np.array(plain, np.float64)
    return None


def _missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def too_few(target: Target, known: Mapping[str, Part]) -> str:
    """Why this attribute cannot be learned or judged, or an empty string."""
    for part, rows in known.items():
        values = target.values[rows]
        if target.kind == "number":
            if len(rows) < FEWEST_NUMBERS or np.ptp(values) == 0:
                return f"{len(rows)} known values in the {part} part, fewer than {FEWEST_NUMBERS} or all equal"
            continue
        least = min(int(values.sum()), int((1 - values).sum()))
        if least < FEWEST:
            return f"{least} rows of one kind in the {part} part, fewer than {FEWEST}"
    return ""


def _borne_out(quality: Quality) -> bool:
    """Whether the probe is three standard errors better than chance."""
    reach = (quality.value - quality.interval[0]) * _ERRORS / 1.96
    return quality.value - reach > _CHANCE[quality.measure]


def _unseen(quality: Quality) -> str:
    low, high = quality.interval
    name = {"auc": "AUC", "r2": "R^2"}[quality.measure]
    return (
        f"its probe is hardly better than chance on held-out rows ({name} {quality.value:.2f}, {low:.2f} to {high:.2f})"
    )


def _probe(table: Array, target: Target, known: Mapping[str, Part], method: Method) -> Probe:
    train, validation, test = (known[part] for part in PARTS)
    scale = scaler(table[train])
    if target.kind == "number":
        return _regression(table, target, (train, test))
    model = _classifier(method).fit(scale(table[train]), target.values[train] > 0.5)
    slope, offset = _platt(model, scale(table[validation]), target.values[validation] > 0.5)
    weights, bias = _unscaled(table[train], slope * model.coef_[0], slope * float(model.intercept_[0]) + offset)
    scores, truth = table[test] @ weights + bias, target.values[test] > 0.5
    value, interval = _auc(scores, truth)
    quality = Quality(
        measure="auc",
        value=value,
        interval=interval,
        n=len(test),
        accuracy=float(((scores > 0) == truth).mean()),
        share=float(truth.mean()),
    )
    centre = table[train][target.values[train] > 0.5].mean(0)
    return Probe(weights=weights, bias=bias, centre=centre, mean=0.0, scale=1.0, quality=quality)


def _classifier(method: Method) -> Any:
    if method == "lda":
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _platt(model: Any, codes: Array, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make log-odds of the model's scores on rows that it was not fitted to."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    # the parts of a cross-validation, which a model that is not fitted again does not need, must not outnumber the rows
    fitted: Any = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid", cv=2).fit(codes, truth)
    sigmoid = fitted.calibrated_classifiers_[0].calibrators[0]
    return -float(sigmoid.a_), -float(sigmoid.b_)


def _unscaled(train: Array, weights: Array, bias: float) -> tuple[Array, float]:
    """Weights on standardised codes as weights on codes."""
    constant = np.ptp(train, axis=0) == 0
    plain = np.where(constant, 0.0, weights / np.where(constant, 1.0, train.std(0)))
    return plain, bias - float(train.mean(0) @ plain)


def _regression(table: Array, target: Target, parts: tuple[Part, Part]) -> Probe:
    from sklearn.linear_model import Ridge

    train, test = parts
    mean, spread = float(target.values[train].mean()), float(target.values[train].std())
    model = Ridge(alpha=1.0).fit(scaler(table[train])(table[train]), (target.values[train] - mean) / spread)
    weights, bias = _unscaled(table[train], model.coef_, float(model.intercept_))
    truth = (target.values[test] - mean) / spread
    value, interval = r_squared(truth, table[test] @ weights + bias)
    quality = Quality(measure="r2", value=value, interval=interval, n=len(test))
    # the regression of the codes on the number, one standard deviation up
    centre = table[train].mean(0) + (target.values[train] - mean) @ table[train] / (spread * len(train))
    return Probe(weights=weights, bias=bias, centre=centre, mean=mean, scale=spread, quality=quality)


def r_squared(truth: Array, guess: Array) -> tuple[float, tuple[float, float]]:
    """Share of the variance of `truth` (n,) that `guess` explains, at most 1, and its 95 % bootstrap interval."""
    rows = np.stack([(truth - guess) ** 2, truth, truth**2], axis=1)
    return float(_r2(rows.mean(0))), interval_of(_r2(bootstrap_means(rows)))


def _r2(means: Array) -> Array:
    error, first, second = np.moveaxis(means, -1, 0)
    return 1 - error / np.maximum(second - first**2, 1e-12)


def _auc(scores: Array, truth: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Area under the ROC curve and its interval by the variance of DeLong et al. 1988."""
    from scipy.stats import rankdata

    place, positive, negative = rankdata(scores), truth.sum(), (~truth).sum()
    above = (place[truth] - rankdata(scores[truth])) / negative
    below = 1 - (place[~truth] - rankdata(scores[~truth])) / positive
    value = float(above.mean())
    reach = 1.96 * float(np.sqrt(above.var(ddof=1) / positive + below.var(ddof=1) / negative))
    return value, (max(0.0, value - reach), min(1.0, value + reach))
