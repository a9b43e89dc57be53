"""Pairs of rows that differ in few factors of variation, for objectives that learn from what changed between them."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.data.rows import Rows
from latentarium.errors import invalid
from latentarium.rng import generator

PAIR = "pair"
PAIR_STREAM = 13


def with_pairs(rows: Rows, factors: ArrayLike, *, seed: int = 0) -> Rows:
    """`rows` with a column "pair": the row number of a partner in the same part of the data, -1 where there is none.

    Partners agree in all columns of `factors` (n, k) but one, which is drawn anew for each row among those in which
    it has a partner.

    Raises
    ------
    InvalidInput
        When `factors` has another number of rows or no row has a partner.

    Examples
    --------
    >>> from latentarium.data import rows_from_arrays
    >>> images = np.zeros((40, 8, 8), np.uint8)
    >>> table = np.stack(np.unravel_index(np.arange(40), (8, 5)), axis=1)
    >>> paired = with_pairs(rows_from_arrays(images), table)
    >>> partner = paired.columns["pair"]
    >>> int((table[partner >= 0] != table[partner[partner >= 0]]).sum(1).max())
    1
    """
    table = np.asarray(factors)
    if table.ndim != 2 or len(table) != len(rows):
        raise invalid("factors", f"a table of {len(rows)} rows, one for each row of the data", table.shape)
    partner = np.full(len(rows), -1, np.int64)
    for number, part in enumerate(rows.splits.values()):
        partner[part] = _partners(table[part], part, generator(seed, PAIR_STREAM, number))
    if (partner < 0).all():
        raise invalid("factors", "such that some rows differ in one of them only", "no such rows")
    return dataclasses.replace(rows, columns={**rows.columns, PAIR: partner})


def _partners(table: NDArray[np.generic], numbers: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """A partner for each row of one part: among its partners for each factor, one drawn with equal chances."""
    candidates = np.full((table.shape[1], len(table)), -1, np.int64)
    for factor in range(table.shape[1]):
        _, key = np.unique(np.delete(table, factor, axis=1), axis=0, return_inverse=True)
        order = np.lexsort((random.random(len(table)), key.ravel()))
        group = key.ravel()[order]
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        following = np.r_[order[1:], -1]
        # the last of a group is followed by the first of its group
        following[np.r_[starts[1:], len(order)] - 1] = order[starts]
        differs = table[following, factor] != table[order, factor]
        candidates[factor, order] = np.where(differs, numbers[following], -1)
    drawn = np.where(candidates >= 0, random.random(candidates.shape), -1).argmax(0)
    return candidates[drawn, np.arange(len(table))]


def training_pairs(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training rows with a partner among the training rows, and the partner of every row."""
    way_out = 'give labels={"pair": partner row numbers}, or rows from training.pairs.with_pairs'
    if PAIR not in rows.columns:
        raise invalid("the rows of ada-gvae", 'given with a column "pair"', f"columns {sorted(rows.columns)}", way_out)
    partner = np.asarray(rows.columns[PAIR])
    if partner.dtype.kind not in "iu" or partner.min() < -1 or partner.max() >= len(rows):
        raise invalid('the column "pair"', f"row numbers below {len(rows)}, or -1", f"{partner.dtype}", way_out)
    train = rows.splits["train"]
    paired = train[np.isin(partner[train], train)]
    if not len(paired):
        raise invalid('the column "pair"', "such that some training rows are partners", "no such rows", way_out)
    return paired, partner.astype(np.int64)
