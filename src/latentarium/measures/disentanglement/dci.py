"""DCI-ES: disentanglement, completeness, informativeness and explicitness from one forest a factor."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid
from latentarium.measures.disentanglement.tables import CLASSES, Factored, as_parts, centred_interval, factored_of
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_means, bootstrapped, interval_of

Array = NDArray[np.float64]
ROWS = 5000
TREES = 20
DEPTH = 12
RESAMPLES = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Forests:
    """What one forest a factor says.

    Parameters
    ----------
    importance : (d, k) mean decrease in squared error, in shares of each factor
    by_tree : (trees, d, k) the same of single trees, each grown on a bootstrap of the rows
    losses : (m, k, depths + 1) squared error of each held-out row when the trees are cut at depth 0, 1, .., over the
        mean at depth 0
    settings : what would change the numbers
    shuffled : forests of factors whose rows are in another order, which know nothing; None where there are none
    """

    importance: Array
    by_tree: Array
    losses: Array
    names: tuple[str, ...]
    settings: dict[str, Any]
    shuffled: "Forests | None" = None


def grow_forests(data: Factored, *, rows: int = ROWS, trees: int = TREES, chance: bool = True) -> Forests:
    """Predict each factor from all dimensions by a random forest of regression trees (Breiman 2001).

    A factor of at most 10 levels is predicted as its indicators, whose squared error is the Gini impurity; others as
    a number. Every split looks at every dimension, as a random subset would give noise a share of the importance.
    Greedy trees grow from the root, so that a tree cut at depth c is the tree of largest depth c: one fit gives
    the loss at every capacity. With `chance`, as many trees are grown again for shuffled factors.
    """
    table = data.capped(rows)
    return dataclasses.replace(_grown(table, trees), shuffled=_grown(table.shuffled(0), trees) if chance else None)


def _grown(table: Factored, trees: int) -> Forests:
    from sklearn.ensemble import RandomForestRegressor

    learn, held = table.split(2 / 3)
    importances: list[Array] = []
    losses: list[Array] = []
    for k in range(len(table.names)):
        target = _target(table, k)
        model = RandomForestRegressor(trees, max_depth=DEPTH, min_samples_leaf=2, random_state=table.seed % 2**32)
        model.fit(table.codes[learn], target[learn] if target.shape[1] > 1 else target[learn, 0])
        importances.append(np.stack([np.asarray(tree.feature_importances_) for tree in model.estimators_]))
        losses.append(_losses(model.estimators_, table.codes[held], target[held], target[learn].mean(0)))
    by_tree = np.stack(importances, axis=2)
    settings: dict[str, Any] = {"model": f"random forest, {trees} trees of depth {DEPTH}, all dimensions at each split",
                                "classes": [n for k, n in enumerate(table.names) if table.is_class(k)],
                                "most_levels_of_a_class": CLASSES, "rows": len(table), "held_out": len(held),
                                "seed": table.seed}  # fmt: skip
    return Forests(
        importance=by_tree.mean(0),
        by_tree=by_tree,
        losses=np.stack(losses, axis=1),
        names=table.names,
        settings=settings,
    )


def _target(table: Factored, k: int) -> Array:
    if table.is_class(k):
        return np.eye(table.sizes[k])[table.levels[:, k]]
    value = table.values[:, [k]]
    return (value - value.mean()) / value.std()


def _losses(trees: list[Any], codes: Array, target: Array, mean: Array) -> Array:
    """Squared error (m, depths + 1) of the mean prediction of trees that are cut at each depth."""
    points = codes.astype(np.float32)
    at = [np.zeros(len(points), np.int64) for _ in trees]
    baseline = ((target - mean) ** 2).sum(1)
    out = [baseline]
    for _ in range(DEPTH):
        at = [_descended(tree.tree_, node, points) for tree, node in zip(trees, at, strict=True)]
        predicted = np.mean([tree.tree_.value[node, :, 0] for tree, node in zip(trees, at, strict=True)], axis=0)
        out.append(((target - predicted) ** 2).sum(1))
    return np.stack(out, axis=1) / max(float(baseline.mean()), 1e-12)


def _descended(tree: Any, node: NDArray[np.int64], points: NDArray[np.float32]) -> NDArray[np.int64]:
    feature = tree.feature[node]
    left = points[np.arange(len(node)), np.maximum(feature, 0)] <= tree.threshold[node]
    child = np.where(left, tree.children_left[node], tree.children_right[node])
    return np.where(feature < 0, node, child)


def dci_disentanglement(codes: ArrayLike, factors: ArrayLike, *, rows: int = ROWS, seed: int = 0) -> Score:
    """D: is each dimension important for one factor alone (Eastwood & Williams 2018, sec. 2).

    1 - entropy (base K) of a dimension's shares of importance, averaged with the dimension's part of all importance.
    0 to 1, higher is better; `chance` is what a forest of shuffled factors scores. Scaling and permuting dimensions
    change nothing.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k), at least 2 that vary
    rows : at most so many are used, drawn by `seed`; a third of them is held out

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).repeat(9, axis=0)
    >>> dci_disentanglement(grid, grid).value > 0.99
    True
    """
    return _disentanglement(grow_forests(Factored.of(codes, factors, seed=seed), rows=rows))


def dci_completeness(codes: ArrayLike, factors: ArrayLike, *, rows: int = ROWS, seed: int = 0) -> Score:
    """C: is each factor's importance in one dimension alone: 1 - entropy (base d), averaged by importance.

    Eastwood & Williams 2018, sec. 2; 0 to 1, higher is better; settings as for `dci_disentanglement`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).repeat(9, axis=0)
    >>> dci_completeness(grid, grid).value > 0.99
    True
    """
    return _completeness(grow_forests(Factored.of(codes, factors, seed=seed), rows=rows))


def dci_informativeness(codes: ArrayLike, factors: ArrayLike, *, rows: int = ROWS, seed: int = 0) -> Score:
    """I: share of each factor's variance that the forest predicts on held-out rows, mean over factors.

    Eastwood & Williams 2018, sec. 2, as R^2: of a number, or of the indicators of a class (the Brier skill), so that
    chance is 0 and 1 is perfect; higher is better.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).repeat(9, axis=0)
    >>> dci_informativeness(grid, grid).value > 0.9
    True
    """
    return _informativeness(grow_forests(Factored.of(codes, factors, seed=seed), rows=rows))


def dci_explicitness(codes: ArrayLike, factors: ArrayLike, *, rows: int = ROWS, seed: int = 0) -> Score:
    """E: how little capacity a reader needs: 1 - (area under the capacity-loss curve) / (area of a straight decline).

    Eastwood et al. 2023 (DCI-ES), sec. 4.1, capacity being the depth of the trees, 0 to 12, and loss the best held-out
    one so far. 1: the best loss needs hardly any depth; 0: it declines in a line; -1: nothing is gained before the
    last depth. 0 for a factor of which nothing is learnt.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(-1, 2).repeat(9, axis=0)
    >>> dci_explicitness(grid, grid).value > 0.5
    True
    """
    return _explicit(grow_forests(Factored.of(codes, factors, seed=seed), rows=rows))


def dci_disentanglement_of(evidence: Evidence) -> Score:
    """`dci_disentanglement` of evidence at hand."""
    return _disentanglement(forests_of(evidence))


def dci_completeness_of(evidence: Evidence) -> Score:
    """`dci_completeness` of evidence at hand."""
    return _completeness(forests_of(evidence))


def dci_informativeness_of(evidence: Evidence) -> Score:
    """`dci_informativeness` of evidence at hand."""
    return _informativeness(forests_of(evidence))


def dci_explicitness_of(evidence: Evidence) -> Score:
    """`dci_explicitness` of evidence at hand."""
    return _explicit(forests_of(evidence))


def forests_of(evidence: Evidence) -> Forests:
    """`grow_forests` of evidence at hand, once for the four scores."""
    return evidence.once(_forests)


def _forests(evidence: Evidence) -> Forests:
    return grow_forests(factored_of(evidence), chance=evidence.whole is None)


def _disentanglement(forests: Forests) -> Score:
    if forests.importance.shape[1] < 2:
        raise invalid("factors", "at least 2 that vary, for dci_disentanglement", forests.importance.shape[1])
    return _of_importance(
        "dci_disentanglement",
        forests,
        axis=1,
        meaning="How far each dimension matters for one factor alone.",
        misleads="importances depend on the forest: compare within one setting; a space that knows nothing may score.",
    )


def _completeness(forests: Forests) -> Score:
    return _of_importance(
        "dci_completeness",
        forests,
        axis=0,
        meaning="How far each factor is read from one dimension alone.",
        misleads="a factor that needs two dimensions, as an angle does, can never be complete.",
    )


def _of_importance(name: str, forests: Forests, *, axis: int, meaning: str, misleads: str) -> Score:
    shares = forests.importance
    per = _order(shares, axis)
    value = _weighted(shares, axis)
    trees = np.array([_weighted(tree, axis) for tree in forests.by_tree])
    table = {"score": per.tolist(), **(as_parts(forests.names, shares) if axis == 1 else {})}
    return Score(
        name=name,
        value=value,
        interval=centred_interval(value, trees),
        resampling=f"{len(trees)} trees, each grown on a bootstrap of the rows",
        n=int(forests.settings["rows"]),
        direction="higher",
        range=(0.0, 1.0),
        # a finite forest finds importances in noise too, and uneven ones
        chance=None if forests.shuffled is None else _weighted(forests.shuffled.importance, axis),
        parts=table,
        settings={**forests.settings, "factors": list(forests.names)},
        meaning=meaning,
        misleads=misleads,
    )  # fmt: skip


def _order(shares: Array, axis: int) -> Array:
    """1 - entropy of the shares along `axis`, in units of its logarithm; 0 where there is nothing to share."""
    total = shares.sum(axis, keepdims=True)
    p = shares / np.where(total > 0, total, 1)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis)
    most = np.log(max(shares.shape[axis], 2))
    return np.where(total.squeeze(axis) > 0, 1 - entropy / most, 0.0)


def _weighted(shares: Array, axis: int) -> float:
    weight = shares.sum(axis)
    total = weight.sum()
    return float(np.clip((_order(shares, axis) * weight).sum() / total, 0, 1)) if total > 0 else 0.0


def _informativeness(forests: Forests) -> Score:
    last = forests.losses[:, :, [0, -1]]
    draws = bootstrap_means(last, seed=forests.settings["seed"], resamples=RESAMPLES)
    skill = _skill(last.mean(0))
    return Score(
        name="dci_informativeness",
        value=float(skill.mean()),
        interval=interval_of(_skill(draws).mean(1)),
        resampling=bootstrapped("held-out rows", resamples=RESAMPLES, kept="the forests"),
        n=len(last),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts={"r2": skill.tolist()},
        settings={**forests.settings, "factors": list(forests.names)},
        meaning="Share of the factors' variance that a forest reads from the code, on rows it has not seen.",
        misleads="a high score says the factor is in there, not that it is easy to find: see dci_explicitness.",
    )


def _skill(means: Array) -> Array:
    return np.clip(1 - means[..., 1] / np.maximum(means[..., 0], 1e-12), 0, 1)


def _explicit(forests: Forests) -> Score:
    per, curve = _ease(forests.losses.mean(0)), forests.losses.mean(0)
    draws = bootstrap_means(forests.losses, seed=forests.settings["seed"], resamples=RESAMPLES)
    return Score(
        name="dci_explicitness",
        value=float(per.mean()),
        interval=interval_of(_ease(draws).mean(1)),
        resampling=bootstrapped("held-out rows", resamples=RESAMPLES, kept="the forests"),
        n=len(forests.losses),
        direction="higher",
        range=(-1.0, 1.0),
        chance=0.0,
        parts={"depth": list(range(curve.shape[1])), **as_parts(forests.names, curve.T)},
        settings={**forests.settings, "explicitness": dict(zip(forests.names, per.tolist()))},
        meaning="How little capacity a reader needs to get out of the code what it has of each factor.",
        misleads="a code that holds little, but plainly, scores high: read it with dci_informativeness.",
    )


_LEAST_GAIN = 0.01


def _ease(curves: Array) -> Array:
    """(.., k, depths + 1) -> (.., k); a gain below a hundredth of the baseline counts as nothing learnt."""
    best = np.minimum.accumulate(curves, axis=-1)
    gain = best[..., 0] - best[..., -1]
    above = best - best[..., -1:]
    area = (above[..., :-1] + above[..., 1:]).mean(-1) / 2
    learnt = gain > _LEAST_GAIN
    return np.where(learnt, 1 - 2 * area / np.where(learnt, gain, 1), 0.0)
