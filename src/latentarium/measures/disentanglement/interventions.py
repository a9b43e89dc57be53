"""Batches within which one factor is fixed, rendered or picked among rows, and two scores of what stays put in them."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_positive_int
from latentarium.data.factors import FactorSource
from latentarium.errors import invalid
from latentarium.measures.disentanglement.tables import Factored, factored_of
from latentarium.measures.evidence import Evidence, array_units, flat
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator

Array = NDArray[np.float64]
Encode = Callable[[NDArray[np.uint8]], ArrayLike]
_DRAWS, _MIXED = 521, 522
VOTES, RENDERED_VOTES = 1200, 600
TRAIN_SHARE = 2 / 3
BATCH = 64
LEAST_GROUP = 16
_VALUES_AT_ONCE = 2**25
_COLLAPSED_NATS = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Batches of codes within which one factor keeps its level.

    Parameters
    ----------
    which : (votes,) the factor that is held
    levels : (votes,) the level that it has
    codes : (votes, batch, d)
    spread : (d,) standard deviation of each dimension over everything
    names : of the factors
    settings : how the batches came about
    """

    which: NDArray[np.int64]
    levels: NDArray[np.int64]
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
    chosen = np.empty(votes, np.int64)
    for vote, number in enumerate(which):
        levels = large[usable[number]]
        chosen[vote] = random.integers(len(levels))
        picked[vote] = random.choice(levels[chosen[vote]], size=size, replace=False)
    return Draws(
        which=which,
        levels=chosen,
        codes=data.codes[picked],
        spread=np.where(data.varying, data.codes.std(0), 0.0),
        names=tuple(data.names[k] for k in usable),
        settings={"batches": "rows grouped by equal level", "batch": size, "rows": len(data)},
        seed=data.seed,
    )


def intervened_draws(
    source: FactorSource, encode: Encode, *, votes: int = VOTES, batch: int = BATCH, seed: int = 0
) -> Draws:
    """Batches rendered for the purpose: the defining intervention of the scores."""
    varying = [k for k, size in enumerate(source.sizes) if size > 1]
    which = generator(seed, _DRAWS).integers(len(varying), size=check_positive_int(votes, "votes"))
    tables = np.empty((votes, batch, len(source.sizes)), np.int64)
    for number, k in enumerate(varying):
        chosen = np.flatnonzero(which == number)
        if len(chosen):
            tables[chosen] = source.fixed_factor(k, groups=len(chosen), batch=batch, seed=seed)
    codes = _rendered_codes(source, encode, tables.reshape(-1, tables.shape[-1]))
    free = _rendered_codes(source, encode, source.sample(min(2000, len(source)), seed=seed))
    varies = np.ptp(free, axis=0) > 1e-9 * np.maximum(np.abs(free).max(0), 1e-30)
    return Draws(
        which=which,
        levels=tables[np.arange(votes), 0, np.array(varying)[which]],
        codes=codes.reshape(votes, batch, -1),
        spread=np.where(varies, free.std(0), 0.0),
        names=tuple(source.names[k] for k in varying),
        settings={"batches": f"{source.name} rendered with one factor fixed", "batch": batch},
        seed=seed,
    )


def _rendered_codes(source: FactorSource, encode: Encode, table: NDArray[np.int64]) -> Array:
    """Codes (n, d) of pictures, many at once, as pictures of one form share their shading."""
    size = max(1, _VALUES_AT_ONCE // (source.channels * source.size**2))
    return np.concatenate([flat(np.asarray(encode(source.render(table[part])))) for part in batches(len(table), size)])


def draws_of(evidence: Evidence) -> Draws:
    """Batches of evidence at hand, drawn once: rendered where its source is known, else rows grouped by level.

    Beside shuffled factors, rendered rows are exchanged between batches, as rows picked by a wrong factor would be.
    """
    if evidence.source is None:
        return evidence.once(_grouped)
    draws = (evidence.whole or evidence).once(_intervened)
    if evidence.whole is None:
        return draws
    rows = draws.codes.reshape(-1, draws.codes.shape[-1])
    mixed = generator(evidence.seed, _MIXED, evidence.shuffle).permutation(len(rows))
    return dataclasses.replace(draws, codes=rows[mixed].reshape(draws.codes.shape))


def _grouped(evidence: Evidence) -> Draws:
    return grouped_draws(factored_of(evidence))


def _intervened(evidence: Evidence) -> Draws:
    space, source = evidence.space, evidence.source
    if source is None:
        raise invalid("source", "given", None)

    def encode(pictures: NDArray[np.uint8]) -> ArrayLike:
        x = array_units(space, pictures)
        return space.posterior(x).mean if "posterior" in space.capabilities else space.encode(x)

    return intervened_draws(source, encode, votes=RENDERED_VOTES, seed=evidence.seed)


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
    return _factor_vae(checked_draws(codes, factors, votes=votes, batch=batch, seed=seed))


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
    return _beta_vae(checked_draws(codes, factors, votes=votes, batch=batch, seed=seed))


def factor_vae_score_of(evidence: Evidence) -> Score:
    """`factor_vae_score` of evidence at hand; dimensions of less than 0.01 nats are left out where KL is known."""
    return _factor_vae(_pruned(evidence))


def beta_vae_score_of(evidence: Evidence) -> Score:
    """`beta_vae_score` of evidence at hand, pruned likewise."""
    return _beta_vae(_pruned(evidence))


def checked_draws(
    codes: ArrayLike | Encode, factors: ArrayLike | FactorSource, *, votes: int, batch: int, seed: int
) -> Draws:
    """Batches from a table of factors beside codes, or from a source of pictures beside a function that encodes."""
    check_positive_int(votes, "votes", low=30, high=10**6)
    check_positive_int(batch, "batch", low=2, high=10**5)
    if isinstance(factors, FactorSource):
        if not callable(codes):
            raise invalid("codes", "a function from pictures to codes beside a FactorSource", type(codes).__name__)
        return intervened_draws(factors, codes, votes=votes, batch=batch, seed=seed)
    if callable(codes):
        raise invalid("factors", "a FactorSource beside a function that encodes", type(factors).__name__)
    return grouped_draws(Factored.of(codes, factors, seed=seed), votes=votes, batch=batch)


def _pruned(evidence: Evidence) -> Draws:
    draws = draws_of(evidence)
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
