"""Robustness to interventions (IRS): does fixing a factor keep a dimension put, whatever the others do."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.data.factors import FactorSource
from latentarium.errors import invalid
from latentarium.measures.disentanglement.interventions import BATCH, VOTES, Draws, Encode, checked_draws, draws_of
from latentarium.measures.disentanglement.tables import Factored, as_parts, factored_of
from latentarium.measures.evidence import Evidence
from latentarium.measures.nulls import halved, subsample_interval
from latentarium.measures.score import Score
from latentarium.rng import generator

Array = NDArray[np.float64]
ROWS, RESAMPLES = 5000, 20
QUANTILE = 0.99
_CHANCE = 523


def irs(
    codes: ArrayLike | Encode, factors: ArrayLike | FactorSource, *, quantile: float = QUANTILE, rows: int = ROWS,
    seed: int = 0,
) -> Score:  # fmt: skip
    """Interventional robustness: does fixing one factor keep a dimension put, whatever the other factors do.

    Suter et al. 2019, eq. 8: 1 - (mean over levels of the largest deviation from the level's mean) / (largest deviation
    from the mean), for each dimension with the factor that suits it best, averaged by the dimension's largest
    deviation. The `quantile` of deviations stands for the largest in both places; 1 gives the paper. 0 to 1, higher is
    better; `chance` is what shuffled factors score.

    Parameters
    ----------
    codes : (n, d), or a function from raw uint8 pictures to codes
    factors : (n, k) beside an array of codes: levels are those of the rows; or a `FactorSource` beside a function:
        batches of pictures are rendered with one factor fixed
    rows : at most so many of a table are used, drawn by `seed`

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(range(5), range(5)), axis=-1).reshape(-1, 2).repeat(10, axis=0)
    >>> irs(grid, grid).value
    1.0
    """
    if not 0 < quantile <= 1:
        raise invalid("quantile", "above 0, at most 1", quantile)
    if isinstance(factors, FactorSource) or callable(codes):
        return _of_draws(checked_draws(codes, factors, votes=VOTES, batch=BATCH, seed=seed), quantile)
    return _of_rows(Factored.of(codes, factors, seed=seed).capped(rows), quantile)


def irs_of(evidence: Evidence) -> Score:
    """`irs` of evidence at hand."""
    if evidence.source is not None:
        return _of_draws(draws_of(evidence), QUANTILE)
    return _of_rows(factored_of(evidence).capped(ROWS), QUANTILE)


Groups = Sequence[tuple[Array, NDArray[np.int64]]]
"""For each factor, codes (m, d) and the level (m,) that the factor has in each of them."""


def _of_rows(data: Factored, quantile: float) -> Score:
    def robustness(rows: NDArray[np.intp], levels: NDArray[np.int64]) -> tuple[float, Array]:
        groups = [(data.codes[rows], column) for column in levels[rows].T]
        return _robustness(data.codes[rows], groups, data.varying, quantile)

    every = np.arange(len(data))
    value, matrix = robustness(every, data.levels)
    return _score(
        value,
        subsample_interval(
            lambda rows: robustness(rows, data.levels)[0], every, resamples=RESAMPLES, within=(0, 1), seed=data.seed
        ),
        n=len(data),
        chance=robustness(every, data.shuffled(0).levels)[0],
        parts=as_parts(data.names, matrix),
        resampling=halved(RESAMPLES),
        settings={"batches": "rows grouped by equal level", "quantile": quantile, "rows": len(data), "seed": data.seed},
    )


def _of_draws(draws: Draws, quantile: float) -> Score:
    batch, width = draws.codes.shape[1:]

    def robustness(votes: NDArray[np.intp], codes: Array) -> tuple[float, Array]:
        held = [votes[draws.which[votes] == k] for k in range(len(draws.names))]
        groups = [(codes[own].reshape(-1, width), draws.levels[own].repeat(batch)) for own in held]
        return _robustness(codes[votes].reshape(-1, width), groups, draws.spread > 0, quantile)

    every = np.arange(len(draws.which))
    value, matrix = robustness(every, draws.codes)
    rows = draws.codes.reshape(-1, width)
    mixed = rows[generator(draws.seed, _CHANCE).permutation(len(rows))].reshape(draws.codes.shape)
    return _score(
        value,
        subsample_interval(
            lambda votes: robustness(votes, draws.codes)[0], every, resamples=RESAMPLES, within=(0, 1), seed=draws.seed
        ),
        n=len(rows),
        chance=robustness(every, mixed)[0],
        parts=as_parts(draws.names, matrix),
        resampling=halved(RESAMPLES, what="batches"),
        settings={**draws.settings, "quantile": quantile, "votes": len(every), "seed": draws.seed},
    )


def _score(value: float, interval: tuple[float, float], **fields: Any) -> Score:
    return Score(
        name="irs",
        value=value,
        interval=interval,
        direction="higher",
        range=(0.0, 1.0),
        meaning="How far each dimension stays put when its factor is fixed and all others change.",
        misleads="levels of few rows have small deviations and flatter every code: compare with chance.",
        **fields,
    )


def _robustness(everything: Array, groups: Groups, varying: NDArray[np.bool_], quantile: float) -> tuple[float, Array]:
    """The score and the (d, k) table; 0 for a code that is constant, and for a factor that was never held."""
    widest = np.quantile(np.abs(everything - everything.mean(0)), quantile, axis=0)
    moves = varying & (widest > 0)
    matrix = np.zeros((everything.shape[1], len(groups)))
    for k, (codes, levels) in enumerate(groups):
        alike = [codes[levels == v] for v in np.unique(levels)]
        apart = [np.quantile(np.abs(g - g.mean(0)), quantile, axis=0) for g in alike] or [widest]
        matrix[:, k] = np.where(moves, 1 - np.mean(apart, axis=0) / np.where(moves, widest, 1), 0)
    matrix = np.clip(matrix, 0, 1)
    if not moves.any():
        return 0.0, matrix
    return float(np.average(matrix.max(1), weights=np.where(moves, widest, 0))), matrix
