"""Without factors: agreement of dimensions across fits (UDR), and how local an edit of one dimension is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.score import Score, bootstrap_interval
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
_UDR_ROWS, _EDIT_ROWS, _EDIT_WAYS = 531, 532, 533
UDR_CAP = 10_000
UDR_RESAMPLES = 20
COLLAPSED_NATS = 0.01
EDIT_ROWS = 64
CHANGED = 0.05


def udr(
    codes: Sequence[ArrayLike],
    *,
    kl: Sequence[ArrayLike] | None = None,
    method: str = "spearman",
    rows: int = UDR_CAP,
    seed: int = 0,
) -> Score:
    """Do fits with other seeds find the same dimensions: unsupervised ranking score (Duan et al. 2020, eq. 3).

    Each pair of fits has a table of similarity between their dimensions, |Spearman correlation| or the weights of a
    Lasso (0.1) from one to the other. A dimension scores max^2 / sum of its similarities; a pair the sum over the
    dimensions of both over their number, d_a + d_b; a fit the median over its partners; the value is the mean over
    fits. 0 to 1, higher is better.

    Parameters
    ----------
    codes : (n, d) of the same rows from at least 2 spaces, which may differ in d; 5 or more are advised
    kl : (d,) mean KL in nats of each space's dimensions; those below 0.01 are left out. None keeps all that vary
    method : "spearman" or "lasso"
    rows : at most so many are used, drawn by `seed`

    Raises
    ------
    InvalidInput
        For fewer than 2 spaces, rows that do not align, or a space with no dimension left.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 3))
    >>> udr([z, -z[:, ::-1]]).value > 0.85
    True
    """
    tables, active = _fits(codes, kl)
    count = len(tables[0])
    if count > check_positive_int(rows, "rows", low=3):
        chosen = np.sort(generator(seed, _UDR_ROWS).permutation(count)[:rows])
        tables = [table[chosen] for table in tables]
    if method not in ("spearman", "lasso"):
        raise invalid("method", "spearman or lasso", method)
    kept = [table[:, mask] for table, mask in zip(tables, active, strict=True)]
    pairs = _pair_scores(kept, method)
    by_fit = _medians(pairs)
    draws = _udr_draws(kept, method, seed)
    low, high = np.quantile(draws - draws.mean(), [0.025, 0.975])
    value = float(by_fit.mean())
    return Score(
        name="udr",
        value=value,
        interval=(max(0.0, value - float(high)), min(1.0, value - float(low))),
        n=len(kept[0]),
        direction="higher",
        range=(0.0, 1.0),
        parts={"udr": by_fit.tolist(), "dimensions": [float(mask.sum()) for mask in active]},
        settings={"method": method, "fits": len(kept), "rows": len(kept[0]), "resamples": UDR_RESAMPLES, "seed": seed,
                  "left_out": f"below {COLLAPSED_NATS} nats" if kl is not None else "constant dimensions"},
        meaning="How far fits that differ in their seed agree, dimension by dimension.",
        misleads="fits may agree on mixed dimensions; it knows nothing of true factors.",
    )  # fmt: skip


def udr_of_spaces(spaces: Sequence[LatentSpace], x: ArrayLike, *, method: str = "spearman", seed: int = 0) -> Score:
    """`udr` of spaces fitted with other seeds, on the rows `x`; KL from their posteriors where all have one."""
    evidences = [Evidence.of(space, x, seed=seed) for space in spaces]
    known = [e.kl for e in evidences if "posterior" in e.space.capabilities]
    kl = [table.mean(0) for table in known if table is not None]
    return udr(
        [flat(e.codes) for e in evidences], kl=kl if len(kl) == len(evidences) else None, method=method, seed=seed
    )


def edit_locality(space: LatentSpace, x: ArrayLike, *, rows: int = EDIT_ROWS, seed: int = 0) -> Score:
    """How few values of the data a step along one dimension changes: Gini coefficient of the absolute change.

    The step is one standard deviation of the codes in that dimension. 0: every value changes alike; near 1: a few
    take all the change. Mean over dimensions that change anything, weighted equally; 0 where none does. `chance` is
    the same for steps of that size in random directions. The parts list, for each dimension, its Gini coefficient,
    the share of values that change by more than a twentieth of the data's range, and the root mean square change.

    Parameters
    ----------
    space : one that encodes and decodes
    x : (n, *data_shape)
    rows : at most so many are edited, drawn by `seed`

    Examples
    --------
    >>> same = LatentSpace(name="same", shape=(10,), data_shape=(10,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    >>> round(edit_locality(same, np.random.default_rng(0).random((50, 10))).value, 3)
    0.9
    """
    return edit_locality_of(Evidence.of(space, x, seed=seed), rows=rows)


def edit_locality_of(evidence: Evidence, *, rows: int = EDIT_ROWS) -> Score:
    """`edit_locality` of evidence at hand."""
    codes = flat(evidence.codes)
    check_positive_int(rows, "rows", low=2)
    chosen = np.sort(generator(evidence.seed, _EDIT_ROWS).permutation(len(codes))[:rows])
    start = codes[chosen]
    scale = codes.std(0)
    width = evidence.peak or float(np.ptp(evidence.x)) or 1.0
    before = _decoded(evidence, start)
    axes = [_changes(evidence, start, before, step) for step in np.diag(scale)]
    ways = generator(evidence.seed, _EDIT_WAYS).standard_normal((8, len(scale)))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    random = np.stack([_gini(_changes(evidence, start, before, way * scale)) for way in ways])
    gini = np.stack([_gini(change) for change in axes], axis=1)
    effect = np.array([np.sqrt((change**2).mean()) for change in axes])
    works = effect > 1e-6 * width
    per_row = gini[:, works].mean(1) if works.any() else np.zeros(len(chosen))
    share = np.array([(change > CHANGED * width).mean() for change in axes])
    return Score(
        name="edit_locality",
        value=float(per_row.mean()),
        interval=bootstrap_interval(per_row, seed=evidence.seed),
        n=len(chosen),
        direction="higher",
        range=(0.0, 1.0),
        chance=float(random.mean()),
        parts={"gini": gini.mean(0).tolist(), "changed": share.tolist(), "effect": effect.tolist()},
        settings={"step": "one standard deviation of the codes", "changed_above": CHANGED * width,
                  "dimensions": int(works.sum()), "seed": evidence.seed},
        meaning="How concentrated the change is that a step along one dimension makes in the data.",
        misleads="a factor may rightly touch every pixel, as a light does; local is not the same as meaningful.",
    )  # fmt: skip


def _fits(codes: Sequence[ArrayLike], kl: Sequence[ArrayLike] | None) -> tuple[list[Array], list[NDArray[np.bool_]]]:
    tables = [flat(np.asarray(c)) for c in codes]
    if len(tables) < 2 or len({len(t) for t in tables}) > 1 or len(tables[0]) < 4:
        raise invalid("codes", "of at least 2 spaces and the same rows, 4 or more", [t.shape for t in tables])
    active: list[NDArray[np.bool_]] = []
    for i, table in enumerate(tables):
        check_finite(table, f"codes[{i}]")
        mask = np.ptp(table, axis=0) > 0
        if kl is not None:
            nats = np.asarray(kl[i], np.float64)
            if len(kl) != len(tables) or nats.shape != mask.shape:
                raise invalid("kl", "one value for each dimension of each space", [np.shape(k) for k in kl])
            mask &= nats >= COLLAPSED_NATS
        if not mask.any():
            raise invalid(f"codes[{i}]", "with at least one dimension that is used", "none")
        active.append(mask)
    return tables, active


def _pair_scores(tables: list[Array], method: str) -> Array:
    """(fits, fits); the diagonal is NaN and never read."""
    prepared = [_ranked(t) if method == "spearman" else _unit(t) for t in tables]
    out = np.full((len(tables), len(tables)), np.nan)
    for i, j in np.ndindex(out.shape):
        if i != j:
            out[i, j] = _strength(_similarity(prepared[i], prepared[j], method))
    return out


def _similarity(a: Array, b: Array, method: str) -> Array:
    if method == "spearman":
        return np.abs(a.T @ b) / len(a)
    from sklearn.linear_model import Lasso

    weights: Any = Lasso(alpha=0.1).fit(a, b).coef_
    return np.abs(np.reshape(weights, (b.shape[1], a.shape[1]))).T


def _strength(table: Array) -> float:
    """Mean over the dimensions of both fits, so that the wider one counts for more."""
    scores = [np.where(table.sum(axis) > 0, table.max(axis) ** 2 / np.maximum(table.sum(axis), 1e-12), 0)
              for axis in (0, 1)]  # fmt: skip
    return float(np.clip(np.concatenate(scores).mean(), 0, 1))


def _medians(pairs: Array) -> Array:
    others = [np.delete(pairs[:, i], i) for i in range(len(pairs))]
    return np.median(np.stack(others), axis=1)


def _udr_draws(tables: list[Array], method: str, seed: int) -> Array:
    """On random halves of the rows, whose spread about the mean is that of the whole (delete-half jackknife)."""
    count = len(tables[0])
    random = generator(seed, _UDR_ROWS, 1)
    halves = (random.permutation(count)[: count // 2] for _ in range(UDR_RESAMPLES))
    return np.array([_medians(_pair_scores([t[half] for t in tables], method)).mean() for half in halves])


def _ranked(table: Array) -> Array:
    from scipy.stats import rankdata

    return _unit(np.asarray(rankdata(table, axis=0), np.float64))


def _unit(table: Array) -> Array:
    spread = table.std(0)
    return (table - table.mean(0)) / np.where(spread > 0, spread, 1)


def _decoded(evidence: Evidence, points: Array) -> Array:
    return flat(evidence.space.decode(points.reshape(len(points), *evidence.space.shape)))


def _changes(evidence: Evidence, start: Array, before: Array, step: Array) -> Array:
    """Absolute change of each value, (rows, values); a step of no length is not decoded."""
    return np.abs(_decoded(evidence, start + step) - before) if step.any() else np.zeros_like(before)


def _gini(change: Array) -> Array:
    """Gini coefficient of each row of amounts, (rows, values) -> (rows,): 0 all alike or all nothing."""
    ordered = np.sort(change, axis=1)
    count = ordered.shape[1]
    total = ordered.sum(1)
    rank = 2 * np.arange(1, count + 1) - count - 1
    return np.where(total > 0, ordered @ rank / (count * np.maximum(total, 1e-300)), 0.0)
