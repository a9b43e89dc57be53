"""Scores that hold one factor fixed and look at what stays put: FactorVAE, beta-VAE, and robustness (IRS)."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.data.factors import FactorSource
from latentarium.errors import invalid
from latentarium.measures.disentanglement.tables import Factored, as_parts, factored_of
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.nulls import halved, subsample_interval
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator

Array = NDArray[np.float64]
Encode = Callable[[NDArray[np.uint8]], ArrayLike]
_DRAWS, _SCALE, _FREE = 521, 522, 523
VOTES = 1200
TRAIN_SHARE = 2 / 3
BATCH = 64
LEAST_GROUP = 16
IRS_ROWS = 5000
IRS_RESAMPLES = 20
_COLLAPSED_NATS = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Batches of codes within which one factor keeps its level.

    Parameters
    ----------
    which : (votes,) the factor that is held
    codes : (votes, batch, d)
    spread : (d,) standard deviation of each dimension over everything
    names : of the factors
    settings : how the batches came about
    """

    which: NDArray[np.int64]
    codes: Array
    spread: Array
    names: tuple[str, ...]
    settings: dict[str, Any]
    seed: int


def grouped_draws(data: Factored, *, votes: int = VOTES, batch: int = BATCH) -> Draws:
    """Batches from a table: rows that happen to share a level of the factor, drawn without replacement.

    A level with fewer than `batch` rows gives smaller groups, all cut to the size of the smallest one used; levels of
    fewer than 16 rows are passed over, and so are factors that have no other.

    Raises
    ------
    InvalidInput
        When fewer than two factors have a level of 16 rows.
    """
    groups = [[np.flatnonzero(column == v) for v in range(size)] for column, size in
              zip(data.levels.T, data.sizes, strict=True)]  # fmt: skip
    large = [[rows for rows in levels if len(rows) >= LEAST_GROUP] for levels in groups]
    usable = [k for k, levels in enumerate(large) if levels]
    if len(usable) < 2:
        rule = f"at least 2 with {LEAST_GROUP} rows or more of one level"
        raise invalid("factors", rule, len(usable), "measure more rows, or cut fine factors into fewer levels")
    size = min(batch, min(len(rows) for k in usable for rows in large[k]))
    random = generator(data.seed, _DRAWS)
    which = random.integers(len(usable), size=votes)
    picked = np.empty((votes, size), np.int64)
    for vote, number in enumerate(which):
        levels = large[usable[number]]
        picked[vote] = random.choice(levels[random.integers(len(levels))], size=size, replace=False)
    return Draws(
        which=which,
        codes=data.codes[picked],
        spread=np.where(data.varying, data.codes.std(0), 0.0),
        names=tuple(data.names[k] for k in usable),
        settings={"batches": "rows grouped by equal level", "batch": size, "rows": len(data)},
        seed=data.seed,
    )


def intervened_draws(
    source: FactorSource, encode: Encode, *, votes: int = VOTES, batch: int = BATCH, seed: int = 0
) -> Draws:
    """Batches rendered for the purpose: the defining intervention of both scores."""
    varying = [k for k, size in enumerate(source.sizes) if size > 1]
    which = generator(seed, _DRAWS).integers(len(varying), size=check_positive_int(votes, "votes"))
    pieces: list[Array] = [np.empty(0)] * votes
    for number, k in enumerate(varying):
        chosen = np.flatnonzero(which == number)
        if not len(chosen):
            continue
        tables = source.fixed_factor(k, groups=len(chosen), batch=batch, seed=seed)
        for vote, table in zip(chosen, tables, strict=True):
            pieces[vote] = flat(np.asarray(encode(source.render(table))))
    free = flat(np.asarray(encode(source.render(source.sample(min(2000, len(source)), seed=seed)))))
    varies = np.ptp(free, axis=0) > 1e-9 * np.maximum(np.abs(free).max(0), 1e-30)
    return Draws(
        which=which,
        codes=np.stack(pieces),
        spread=np.where(varies, free.std(0), 0.0),
        names=tuple(source.names[k] for k in varying),
        settings={"batches": f"{source.name} rendered with one factor fixed", "batch": batch},
        seed=seed,
    )


def factor_vae_score(
    codes: ArrayLike | Encode, factors: ArrayLike | FactorSource, *, votes: int = VOTES, batch: int = BATCH,
    seed: int = 0,
) -> Score:  # fmt: skip
    """FactorVAE score: can the fixed factor be told from the dimension that varies least within a batch.

    Kim & Mnih 2018, sec. 4: the dimension of smallest variance relative to its spread votes for a factor; a majority
    vote learnt on two thirds of the votes is scored on the rest. Accuracy, chance about 1 / K; higher is better.
    Constant dimensions are left out. Scaling and permuting dimensions change nothing.

    Parameters
    ----------
    codes : (n, d), or a function from raw uint8 pictures to codes
    factors : (n, k) beside an array of codes: batches are rows that share a level; or a `FactorSource` beside a
        function: batches are rendered
    votes, batch : batches, and rows in each

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(10, axis=0)
    >>> factor_vae_score(grid, grid, votes=60).value
    1.0
    """
    return _factor_vae(_draws(codes, factors, votes=votes, batch=batch, seed=seed))


def beta_vae_score(
    codes: ArrayLike | Encode, factors: ArrayLike | FactorSource, *, votes: int = VOTES, batch: int = BATCH,
    seed: int = 0,
) -> Score:  # fmt: skip
    """beta-VAE score: can a linear classifier tell the fixed factor from how far pairs differ in each dimension.

    Higgins et al. 2017, sec. 3: mean |z - z'| over the pairs of a batch, in units of each dimension's spread; accuracy
    on the held-out third, chance 1 / K; higher is better. Settings as for `factor_vae_score`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(10, axis=0)
    >>> beta_vae_score(grid, grid, votes=60).value
    1.0
    """
    return _beta_vae(_draws(codes, factors, votes=votes, batch=batch, seed=seed))


def irs(codes: ArrayLike, factors: ArrayLike, *, quantile: float = 0.99, rows: int = IRS_ROWS, seed: int = 0) -> Score:
    """Interventional robustness: does fixing one factor keep a dimension put, whatever the other factors do.

    Suter et al. 2019, eq. 8: 1 - (mean over levels of the largest deviation from the level's mean) / (largest deviation
    from the mean), for each dimension with the factor that suits it best, averaged by the dimension's largest
    deviation. The `quantile` of deviations stands for the largest in both places; 1 gives the paper. 0 to 1, higher is
    better; `chance` is what shuffled factors score.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(10, axis=0)
    >>> irs(grid, grid).value
    1.0
    """
    if not 0 < quantile <= 1:
        raise invalid("quantile", "above 0, at most 1", quantile)
    return _irs(Factored.of(codes, factors, seed=seed).capped(rows), quantile)


def factor_vae_score_of(evidence: Evidence) -> Score:
    """`factor_vae_score` of evidence at hand; dimensions of less than 0.01 nats are left out where KL is known."""
    return _factor_vae(evidence.once(_drawn))


def beta_vae_score_of(evidence: Evidence) -> Score:
    """`beta_vae_score` of evidence at hand."""
    return _beta_vae(evidence.once(_drawn))


def irs_of(evidence: Evidence) -> Score:
    """`irs` of evidence at hand."""
    return _irs(factored_of(evidence).capped(IRS_ROWS), 0.99)


def _draws(codes: ArrayLike | Encode, factors: ArrayLike | FactorSource, *, votes: int, batch: int, seed: int) -> Draws:
    check_positive_int(votes, "votes", low=30, high=10**6)
    check_positive_int(batch, "batch", low=2, high=10**5)
    if isinstance(factors, FactorSource):
        if not callable(codes):
            raise invalid("codes", "a function from pictures to codes beside a FactorSource", type(codes).__name__)
        return intervened_draws(factors, codes, votes=votes, batch=batch, seed=seed)
    if callable(codes):
        raise invalid("factors", "a FactorSource beside a function that encodes", type(factors).__name__)
    return grouped_draws(Factored.of(codes, factors, seed=seed), votes=votes, batch=batch)


def _drawn(evidence: Evidence) -> Draws:
    draws = grouped_draws(factored_of(evidence))
    if "posterior" not in evidence.space.capabilities or evidence.kl is None:
        return draws
    spread = np.where(evidence.kl.mean(0) < _COLLAPSED_NATS, 0.0, draws.spread)
    settings = {**draws.settings, "left_out_below_nats": _COLLAPSED_NATS}
    return dataclasses.replace(draws, spread=spread, settings=settings)


def _factor_vae(draws: Draws) -> Score:
    active = np.flatnonzero(draws.spread > 0)
    cut = int(TRAIN_SHARE * len(draws.which))
    table = np.zeros((max(1, len(active)), len(draws.names)))
    right = np.zeros(len(draws.which) - cut)
    if len(active):
        still = (draws.codes[:, :, active].var(1) / draws.spread[active] ** 2).argmin(1)
        np.add.at(table, (still[:cut], draws.which[:cut]), 1)
        right = (table.argmax(1)[still[cut:]] == draws.which[cut:]).astype(np.float64)
    return _accuracy(
        "factor_vae_score",
        draws,
        right,
        meaning="How surely the dimension that stays put names the factor that was held.",
        misleads="it forgives a factor spread over many dimensions, and one dimension that knows two.",
    )


def _beta_vae(draws: Draws) -> Score:
    from sklearn.linear_model import LogisticRegression

    active = np.flatnonzero(draws.spread > 0)
    cut = int(TRAIN_SHARE * len(draws.which))
    right = np.zeros(len(draws.which) - cut)
    if len(active):
        half = draws.codes.shape[1] // 2
        pairs = draws.codes[:, :half, active] - draws.codes[:, half : 2 * half, active]
        gaps = np.abs(pairs).mean(1) / draws.spread[active]
        model = LogisticRegression(C=100.0, max_iter=2000).fit(gaps[:cut], draws.which[:cut])
        right = (model.predict(gaps[cut:]) == draws.which[cut:]).astype(np.float64)
    return _accuracy(
        "beta_vae_score",
        draws,
        right,
        meaning="How surely a linear classifier tells the held factor from how much each dimension moved.",
        misleads="any code from which factors can be read linearly scores high, rotated or not; it saturates early.",
    )


def _accuracy(name: str, draws: Draws, right: Array, *, meaning: str, misleads: str) -> Score:
    counts = np.bincount(draws.which[len(draws.which) - len(right) :], minlength=len(draws.names))
    held = draws.which[len(draws.which) - len(right) :]
    hits = np.bincount(held, weights=right, minlength=len(draws.names)) / np.maximum(counts, 1)
    return Score(
        name=name,
        value=float(right.mean()),
        interval=bootstrap_interval(right, seed=draws.seed),
        resampling=bootstrapped("held-out votes"),
        n=len(right),
        direction="higher",
        range=(0.0, 1.0),
        chance=1 / len(draws.names),
        parts={"accuracy": hits.tolist(), "votes": counts.astype(np.float64).tolist()},
        settings={**draws.settings, "votes": len(draws.which), "factors": list(draws.names),
                  "active_dimensions": int((draws.spread > 0).sum()), "seed": draws.seed},
        meaning=meaning,
        misleads=misleads,
    )  # fmt: skip


def _irs(data: Factored, quantile: float) -> Score:
    def value(rows: NDArray[np.intp]) -> float:
        return _robustness(data.rows(rows), quantile)[0]

    whole, matrix = _robustness(data, quantile)
    interval = subsample_interval(value, np.arange(len(data)), resamples=IRS_RESAMPLES, within=(0, 1), seed=data.seed)
    return Score(
        name="irs",
        value=whole,
        interval=interval,
        resampling=halved(IRS_RESAMPLES),
        n=len(data),
        direction="higher",
        range=(0.0, 1.0),
        chance=_robustness(data.shuffled(0), quantile)[0],
        parts=as_parts(data.names, matrix),
        settings={"quantile": quantile, "rows": len(data), "seed": data.seed},
        meaning="How far each dimension stays put when its factor is fixed and all others change.",
        misleads="levels of few rows have small deviations and flatter every code: compare with chance.",
    )


def _robustness(data: Factored, quantile: float) -> tuple[float, Array]:
    """The score and the (d, k) table; 0 for a code that is constant."""
    widest = np.quantile(np.abs(data.codes - data.codes.mean(0)), quantile, axis=0)
    moves = data.varying & (widest > 0)
    matrix = np.zeros((data.codes.shape[1], len(data.names)))
    for k in range(len(data.names)):
        groups = [data.codes[data.levels[:, k] == v] for v in np.unique(data.levels[:, k])]
        apart = np.mean([np.quantile(np.abs(g - g.mean(0)), quantile, axis=0) for g in groups], axis=0)
        matrix[:, k] = np.where(moves, 1 - apart / np.where(moves, widest, 1), 0)
    matrix = np.clip(matrix, 0, 1)
    if not moves.any():
        return 0.0, matrix
    return float(np.average(matrix.max(1), weights=np.where(moves, widest, 0))), matrix
