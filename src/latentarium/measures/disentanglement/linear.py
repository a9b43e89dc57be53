"""What linear readers find: SAP, explicitness, and the correlation of matched dimensions and factors."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid
from latentarium.measures.disentanglement.probes import PROBE_ROWS, STRENGTH, Probed, probe, probe_of
from latentarium.measures.disentanglement.tables import Factored, as_parts, centred_interval, factored_of
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_means, bootstrapped

Array = NDArray[np.float64]
SAP_ROWS = 4000
RESAMPLES = 200


def sap(codes: ArrayLike, factors: ArrayLike, *, rows: int = SAP_ROWS, seed: int = 0) -> Score:
    """Separated attribute predictability: gap between the two dimensions that predict a factor best, each on its own.

    Kumar et al. 2018, sec. 3: held-out R^2 of a line for a factor of more than 10 levels; for one of at most 10 the
    held-out balanced accuracy of thresholds on the dimension, one fewer than levels, scaled so that guessing is 0.
    0 to 1, higher is better.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k)
    rows : at most so many are used, drawn by `seed`; half of them are held out

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(20), range(20)), axis=-1).reshape(-1, 2)
    >>> round(sap(grid, grid).value, 2)
    1.0
    """
    return _sap(Factored.of(codes, factors, seed=seed), rows)


def explicitness(codes: ArrayLike, factors: ArrayLike, *, rows: int = PROBE_ROWS, seed: int = 0) -> Score:
    """Can a linear reader tell each level of a factor: 2 AUC - 1 of one against the rest, mean over levels and factors.

    Ridgeway & Mozer 2018, sec. 3; AUC on held-out rows, scaled so that chance is 0; higher is better.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(3), range(3)), axis=-1).reshape(-1, 2).repeat(20, axis=0)
    >>> explicitness(grid, grid).value > 0.9
    True
    """
    data = Factored.of(codes, factors, seed=seed)
    return _explicitness(data, probe(data, rows=rows))


def mcc(codes: ArrayLike, factors: ArrayLike, *, method: str = "pearson", seed: int = 0) -> Score:
    """Mean correlation coefficient: |correlation| of factors with dimensions, matched one to one as well as can be.

    The standard of identifiability (Hyvarinen & Morioka 2016): the Hungarian assignment that maximises the sum, mean
    over factors; a factor for which no dimension is left counts 0. 0 to 1, higher is better; `chance` is what the
    same codes score with shuffled factors. Scaling and permuting dimensions change nothing.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k); the order of a factor's values must mean something
    method : "pearson", or "spearman" for any monotone relation

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2)
    >>> round(mcc(-3.0 * grid[:, ::-1], grid).value, 3)
    1.0
    """
    return _mcc(Factored.of(codes, factors, seed=seed), method)


def sap_of(evidence: Evidence) -> Score:
    """`sap` of evidence at hand."""
    return _sap(factored_of(evidence), SAP_ROWS)


def explicitness_of(evidence: Evidence) -> Score:
    """`explicitness` of evidence at hand."""
    return _explicitness(factored_of(evidence), probe_of(evidence))


def mcc_of(evidence: Evidence) -> Score:
    """`mcc` of evidence at hand."""
    return _mcc(factored_of(evidence), "pearson")


def _sap(data: Factored, rows: int) -> Score:
    table = data.capped(rows)
    learn, held = table.split()
    columns = [_predicted(table, k, learn, held) for k in range(len(table.names))]
    draws = np.stack([_top_gap(_skill(bootstrap_means(c, seed=data.seed, resamples=RESAMPLES))) for c in columns])
    skill = np.stack([_skill(c.mean(0)) for c in columns], axis=1)
    gaps = _top_gap(skill.T)
    return Score(
        name="sap",
        value=float(gaps.mean()),
        interval=centred_interval(float(gaps.mean()), draws.mean(0)),
        resampling=bootstrapped("held-out rows", resamples=RESAMPLES, kept="the lines"),
        n=len(held),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts=as_parts(table.names, skill),
        settings={"classes": [n for k, n in enumerate(table.names) if table.is_class(k)], "rows": len(table),
                  "held_out": len(held), "seed": data.seed},
        meaning="How much better the best dimension alone predicts a factor than the second best.",
        misleads="a relation that is not a line, or a factor that two dimensions share, scores low.",
    )  # fmt: skip


def _predicted(table: Factored, k: int, learn: NDArray[np.intp], held: NDArray[np.intp]) -> Array:
    """Right and possible (m, d, 2) on held-out rows: their means' ratio is the skill of every dimension alone."""
    if not table.is_class(k):
        return _lines(table, k, learn, held)
    from sklearn.tree import DecisionTreeClassifier

    level = table.levels[:, k]
    weight = len(held) / np.maximum(np.bincount(level[held], minlength=table.sizes[k]), 1)
    out = np.zeros((len(held), table.codes.shape[1], 2))
    out[:, :, 1] = weight[level[held]][:, None]
    if len(np.unique(level[learn])) < 2:
        return out
    for j in np.flatnonzero(table.varying):
        column = table.standardised[:, [j]]
        model = DecisionTreeClassifier(max_leaf_nodes=table.sizes[k], class_weight="balanced", random_state=0)
        model.fit(column[learn], level[learn])
        right = (model.predict(column[held]) == level[held]) - 1 / table.sizes[k]
        out[:, j, 0] = right / (1 - 1 / table.sizes[k]) * out[:, j, 1]
    return out


def _lines(table: Factored, k: int, learn: NDArray[np.intp], held: NDArray[np.intp]) -> Array:
    """What a least-squares line takes off the squared error of the mean, and that error."""
    value, points = table.values[:, k], table.standardised
    centre, middle = value[learn].mean(), points[learn].mean(0)
    across = points[learn] - middle
    slope = across.T @ (value[learn] - centre) / np.maximum((across**2).sum(0), 1e-12)
    before = np.broadcast_to(((value[held] - centre) ** 2)[:, None], (len(held), len(slope)))
    after = (value[held, None] - centre - slope * (points[held] - middle)) ** 2
    return np.stack([before - after, before], axis=2)


def _skill(means: Array) -> Array:
    return np.clip(means[..., 0] / np.maximum(means[..., 1], 1e-12), 0, 1)


def _top_gap(skill: Array) -> Array:
    """(.., d) -> (..): best minus second best."""
    if skill.shape[-1] == 1:
        return skill[..., 0]
    top = np.sort(skill, axis=-1)
    return top[..., -1] - top[..., -2]


def _explicitness(data: Factored, probed: Probed) -> Score:
    columns = list(zip(probed.chances, probed.levels.T, strict=True))
    value = np.array([_areas(chances, level).mean() for chances, level in columns])
    wins = np.stack([_wins(chances, level) for chances, level in columns], axis=1)
    draws = bootstrap_means(wins, seed=data.seed, resamples=RESAMPLES).mean(1)
    return Score(
        name="explicitness",
        value=float(value.mean()),
        interval=centred_interval(float(value.mean()), draws, least=-1.0),
        resampling=bootstrapped("held-out rows", resamples=RESAMPLES, kept="the probe"),
        n=len(probed.levels),
        direction="higher",
        range=(-1.0, 1.0),
        chance=0.0,
        parts={"explicitness": value.tolist(), "auc": ((value + 1) / 2).tolist()},
        settings={"probe": f"multinomial logistic regression, C = {STRENGTH:g}", "rows": probed.rows,
                  "factors": list(data.names), "seed": data.seed},
        meaning="How surely a linear reader of the code tells the levels of each factor, on rows it has not seen.",
        misleads="it counts ranks, not certainty: close to 1 while the levels are still confused with neighbours.",
    )  # fmt: skip


def _areas(chances: Array, level: NDArray[np.int64]) -> Array:
    """2 AUC - 1 of each level that is there, from the ranks of its rows (Mann & Whitney)."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(chances, axis=0))
    out: list[float] = []
    for c in np.unique(level):
        own = level == c
        count = int(own.sum())
        rest = len(level) - count
        if rest:
            area = (ranks[own, c].sum() - count * (count + 1) / 2) / (count * rest)
            out.append(float(2 * area - 1))
    return np.array(out)


def _wins(chances: Array, level: NDArray[np.int64]) -> Array:
    """Each row's own share in the mean of `_areas`: how many rows of other levels it stands above in its column."""
    from scipy.stats import rankdata

    counts = np.bincount(level, minlength=chances.shape[1]).astype(np.float64)
    present = (counts > 0).sum()
    own = chances[np.arange(len(level)), level]
    out = np.empty(len(level))
    for c in np.unique(level):
        rows = level == c
        everyone = np.asarray(rankdata(chances[:, c]))[rows]
        among = np.asarray(rankdata(own[rows]))
        rest = max(len(level) - counts[c], 1)
        out[rows] = (2 * (everyone - among) / rest - 1) * len(level) / (counts[c] * present)
    return out


def _mcc(data: Factored, method: str) -> Score:
    if method not in ("pearson", "spearman"):
        raise invalid("method", "pearson or spearman", method)
    points, values = data.standardised, _unit(data.values)
    if method == "spearman":
        points, values = _ranked(points), _ranked(values)
    products = (points[:, :, None] * values[:, None, :]).reshape(len(data), -1)
    moments = np.concatenate([products, points, values, points**2, values**2], axis=1)
    draws = bootstrap_means(moments, seed=data.seed, resamples=RESAMPLES)
    shape = (points.shape[1], values.shape[1])
    strength = np.abs(_correlations(moments.mean(0), shape))
    value = _matched(strength)
    order = data.shuffled(0)
    shuffled = _ranked(order.values) if method == "spearman" else _unit(order.values)
    return Score(
        name="mcc",
        value=value,
        interval=centred_interval(value, np.array([_matched(np.abs(_correlations(m, shape))) for m in draws])),
        resampling=bootstrapped(resamples=RESAMPLES),
        n=len(data),
        direction="higher",
        range=(0.0, 1.0),
        chance=_matched(np.abs(points.T @ shuffled / len(data))),
        parts=as_parts(data.names, strength),
        settings={"method": method, "seed": data.seed},
        meaning="How closely each factor follows one dimension of its own.",
        misleads="a factor without order, as a kind, or a circular one has no line to follow.",
    )


def _unit(values: Array) -> Array:
    spread = values.std(0)
    return (values - values.mean(0)) / np.where(spread > 0, spread, 1)


def _ranked(values: Array) -> Array:
    from scipy.stats import rankdata

    return _unit(np.asarray(rankdata(values, axis=0), np.float64))


def _correlations(means: Array, shape: tuple[int, int]) -> Array:
    """From means of products, of both columns and of their squares to correlations (d, k), 0 for a constant one."""
    d, k = shape
    product, z, v, zz, vv = np.split(means, np.cumsum([d * k, d, k, d]))
    spread = np.sqrt(np.maximum(zz - z**2, 0))[:, None] * np.sqrt(np.maximum(vv - v**2, 0))
    covariance = product.reshape(d, k) - z[:, None] * v
    return np.where(spread > 1e-12, covariance / np.where(spread > 1e-12, spread, 1), 0)


def _matched(strength: Array) -> float:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-strength)
    return float(np.clip(strength[rows, columns].sum() / strength.shape[1], 0, 1))
