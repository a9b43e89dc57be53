"""InfoMEC: modularity, compactness and explicitness in information (Hsu et al. 2023)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import invalid
from latentarium.measures.disentanglement.mutual import RESAMPLES, MutualTable, mutual_table
from latentarium.measures.disentanglement.probes import PROBE_ROWS, STRENGTH, Probed, probe, probe_of
from latentarium.measures.disentanglement.tables import Factored, as_parts, centred_interval, factored_of
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_means, bootstrapped, interval_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KNN_ROWS = 10_000
_FLOOR = 1e-6


def infom(
    codes: ArrayLike, factors: ArrayLike, *, active: str = "range", estimator: str = "knn", unbiased: bool = True,
    seed: int = 0,
) -> Score:  # fmt: skip
    """InfoM: does each active dimension know of one factor alone (Hsu et al. 2023, eq. 4).

    (mean_j max_k NMI_jk / sum_k NMI_jk - 1/K) / (1 - 1/K) with NMI = I(z_j; v_k) / H(v_k); 0 to 1, higher is better.
    With one factor alone, every dimension that knows anything is modular: the limit is 1. An active dimension that
    knows no more than it does of shuffled factors counts 0.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k)
    active : which dimensions count: "range", the widest range / 20 and more (quantised latent autoencoders, 2023), or
        "iqr", the widest interquartile range / 10 and more (Tripod, 2024); the two rules give different numbers
    estimator : "knn", "discrete" for codes that are symbols (then every varying dimension is active), "histogram"
    unbiased : whether the information found in shuffled factors is taken off

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(4, axis=0)
    >>> round(infom(grid, grid, estimator="discrete").value, 3)
    1.0
    """
    data = Factored.of(codes, factors, seed=seed).capped(KNN_ROWS)
    return _concentration(
        "infom", data, mutual_table(data, estimator=estimator, unbiased=unbiased), active_dimensions(data, active)
    )


def infoc(
    codes: ArrayLike, factors: ArrayLike, *, active: str = "range", estimator: str = "knn", unbiased: bool = True,
    seed: int = 0,
) -> Score:  # fmt: skip
    """InfoC: is each factor known to one active dimension alone (Hsu et al. 2023, eq. 5); settings as for `infom`.

    The transpose of InfoM with the number of active dimensions in place of K. With one active dimension, any factor
    that it knows is compact: the limit is 1.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(4, axis=0)
    >>> round(infoc(grid, grid, estimator="discrete").value, 3)
    1.0
    """
    data = Factored.of(codes, factors, seed=seed).capped(KNN_ROWS)
    return _concentration(
        "infoc", data, mutual_table(data, estimator=estimator, unbiased=unbiased), active_dimensions(data, active)
    )


def infoe(codes: ArrayLike, factors: ArrayLike, *, rows: int = PROBE_ROWS, seed: int = 0) -> Score:
    """InfoE: share of each factor's entropy that a linear probe takes away, on held-out rows (Hsu et al. 2023, eq. 7).

    mean_k (H(v_k) - H(v_k | probe)) / H(v_k), 0 where the probe is worse than knowing the frequencies; higher is
    better. The published code scores the rows that it fitted, which is higher.

    Parameters
    ----------
    codes : (n, d)
    factors : (n, k)
    rows : at most so many are used, drawn by `seed`; half of them are held out

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(3), range(3)), axis=-1).reshape(-1, 2).repeat(20, axis=0)
    >>> infoe(grid, grid).value > 0.9
    True
    """
    data = Factored.of(codes, factors, seed=seed)
    return _predictive(data, probe(data, rows=rows))


def infom_of(evidence: Evidence) -> Score:
    """`infom` of evidence at hand."""
    data = evidence.once(_capped)
    return _concentration("infom", data, evidence.once(_table), active_dimensions(data, "range"))


def infoc_of(evidence: Evidence) -> Score:
    """`infoc` of evidence at hand."""
    data = evidence.once(_capped)
    return _concentration("infoc", data, evidence.once(_table), active_dimensions(data, "range"))


def infoe_of(evidence: Evidence) -> Score:
    """`infoe` of evidence at hand."""
    return _predictive(factored_of(evidence), probe_of(evidence))


def active_dimensions(data: Factored, rule: str) -> tuple[str, Mask]:
    """The rule and which dimensions are active by it; a constant one never is."""
    if rule == "range":
        spread = np.ptp(data.codes, axis=0)
        return rule, data.varying & (spread > spread.max() / 20)
    if rule == "iqr":
        low, high = np.quantile(data.codes, [0.25, 0.75], axis=0)
        return rule, data.varying & (high - low > (high - low).max() / 10)
    raise invalid("active", "range or iqr", rule)


def _capped(evidence: Evidence) -> Factored:
    return factored_of(evidence).capped(KNN_ROWS)


def _table(evidence: Evidence) -> MutualTable:
    return mutual_table(evidence.once(_capped), estimator="knn")


_MEANING = {
    "infom": "How far each active dimension knows of one factor alone.",
    "infoc": "How far each factor is known to one active dimension alone.",
}
_MISLEADS = {
    "infom": "many active dimensions may say the same: that is modular, and not compact; see infoc.",
    "infoc": "a factor that needs two dimensions, as an angle does, can never be compact.",
}


def _concentration(name: str, data: Factored, table: MutualTable, active: tuple[str, Mask]) -> Score:
    rule, mask = active
    if "discrete" in str(table.settings["estimator"]):
        rule, mask = "varying", data.varying
    share, draws = table.normalised()
    axis, known = (-1, table.informed[mask].any(1)) if name == "infom" else (-2, table.informed[mask].any(0))
    per = np.where(known, _peak(share[mask], axis), 0.0)
    value = float(per.mean()) if mask.any() else 0.0
    spread = np.where(known, _peak(draws[:, mask], axis), 0.0).mean(-1) if mask.any() else np.zeros(1)
    return Score(
        name=name,
        value=value,
        interval=centred_interval(value, spread),
        resampling=bootstrapped(resamples=RESAMPLES, kept="neighbours or bins"),
        n=len(data),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts={**as_parts(data.names, share), "active": mask.astype(np.float64).tolist()},
        settings={**table.settings, "active": rule, "active_dimensions": int(mask.sum()), "rows": len(data),
                  "seed": data.seed},
        meaning=_MEANING[name],
        misleads=_MISLEADS[name],
    )  # fmt: skip


def _peak(share: Array, axis: int) -> Array:
    """(max / sum - 1 / count) / (1 - 1 / count) along `axis`; 0 where nothing is known, 1 where count is 1."""
    count = share.shape[axis]
    total = share.sum(axis)
    known = total > _FLOOR
    ratio = share.max(axis, initial=0.0) / np.where(known, total, 1)
    if count < 2:
        return known.astype(np.float64)
    return np.where(known, (ratio - 1 / count) / (1 - 1 / count), 0.0)


def _predictive(data: Factored, probed: Probed) -> Score:
    at = np.arange(len(probed.levels))
    surprise = np.stack([_nats(p[at, v]) for p, v in zip(probed.chances, probed.levels.T, strict=True)], axis=1)
    before = np.stack([_nats(p[v]) for p, v in zip(probed.known, probed.levels.T, strict=True)], axis=1)
    gained = _share(surprise.mean(0), before.mean(0))
    draws = bootstrap_means(np.stack([surprise, before]).transpose(1, 0, 2), seed=data.seed, resamples=RESAMPLES)
    settings: dict[str, Any] = {"probe": f"multinomial logistic regression, C = {STRENGTH:g}", "rows": probed.rows,
                                "held_out": len(at), "seed": data.seed}  # fmt: skip
    return Score(
        name="infoe",
        value=float(gained.mean()),
        interval=interval_of(_share(draws[:, 0], draws[:, 1]).mean(1)),
        resampling=bootstrapped("held-out rows", resamples=RESAMPLES, kept="the probe"),
        n=len(at),
        direction="higher",
        range=(0.0, 1.0),
        chance=0.0,
        parts={"share": gained.tolist(), "entropy": before.mean(0).tolist()},
        settings={**settings, "factors": list(data.names)},
        meaning="Share of each factor's entropy that a linear reader of the code takes away, on rows it has not seen.",
        misleads="a factor may be there in a curved form that no linear reader sees: see dci_informativeness.",
    )


def _nats(probability: Array) -> Array:
    return -np.log(np.maximum(probability, 1e-12))


def _share(after: Array, before: Array) -> Array:
    return np.clip(1 - after / np.maximum(before, 1e-12), 0, 1)
