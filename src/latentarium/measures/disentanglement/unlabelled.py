"""Without factors: do fits that differ in their seed agree, dimension by dimension (UDR)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.nulls import halved, spread_interval
from latentarium.measures.score import Score
from latentarium.rng import generator
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
_UDR_ROWS = 531
UDR_CAP = 10_000
UDR_RESAMPLES = 20
COLLAPSED_NATS = 0.01


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
    value = float(by_fit.mean())
    return Score(
        name="udr",
        value=value,
        interval=spread_interval(value, draws, size=1, count=2, within=(0.0, 1.0)),
        resampling=halved(UDR_RESAMPLES),
        n=len(kept[0]),
        direction="higher",
        range=(0.0, 1.0),
        parts={"udr": by_fit.tolist(), "dimensions": [float(mask.sum()) for mask in active]},
        settings={"method": method, "fits": len(kept), "rows": len(kept[0]), "seed": seed,
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
