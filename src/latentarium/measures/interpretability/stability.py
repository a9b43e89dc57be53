"""Do two fits find the same latents: latents matched across spaces, by how alike they are on the same rows."""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from latentarium.errors import invalid
from latentarium.measures.interpretability.rows import ACTIVE_SHARE, ROWS, Array, active_latents, checked_codes
from latentarium.measures.nulls import halved, rescaled_interval
from latentarium.measures.score import Score
from latentarium.rng import check_seed, generator

Likeness = Literal["correlation", "cosine"]
_DRAWN, _HALVES, _SHUFFLES = 441, 442, 443
_RESAMPLES, _NULL_DRAWS = 200, 20


def stability(codes: Sequence[ArrayLike], *, likeness: Likeness = "correlation", seed: int = 0) -> Score:
    """How alike the matched latents of two or more spaces are on the same rows, 0 to 1; 1 where the spaces differ by
    order, sign, scale and offset of their latents alone.

    Each pair of spaces is matched one to one for the largest total |correlation| (Hungarian method, as in the MCC of
    Hyvarinen & Morioka 2016); a latent without partner counts 0; the value is the mean over pairs. Latents with
    less than 1 % of the variance of their space's largest are left out. At most 10,000 rows are drawn by `seed`.
    Chance is the mean over 20 shuffles of the rows. Parts: for each active latent of the first space its mean likeness
    to its partners.

    Parameters
    ----------
    codes : 2 or more arrays (n, d_i) with aligned rows, such as those of one data set under several seeds
    likeness : "correlation", or "cosine" where the origin of the codes means something

    Raises
    ------
    InvalidInput
        When there are fewer than 2 spaces or 4 rows, rows do not align, or codes are constant.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((200, 3))
    >>> round(stability([z, -2 * z[:, ::-1] + 1]).value, 3)
    1.0
    """
    if len(codes) < 2 or len(np.asarray(codes[0])) < 4:
        raise invalid("codes", "of at least 2 spaces with 4 rows each", len(codes))
    if likeness not in ("correlation", "cosine"):
        raise invalid("likeness", "'correlation' or 'cosine'", likeness)
    count = len(np.asarray(codes[0]))
    drawn = np.sort(generator(check_seed(seed), _DRAWN).permutation(count)[:ROWS])
    tables = [checked_codes(c, count, name=f"codes[{i}]")[drawn] for i, c in enumerate(codes)]
    kept = [active_latents(table) for table in tables]
    active = [table[:, latents] for table, latents in zip(tables, kept, strict=True)]
    n, half, random = len(drawn), len(drawn) // 2, generator(seed, _HALVES)
    picks = (random.permutation(n)[:half] for _ in range(_RESAMPLES))
    draws = np.array([_matched([table[pick] for table in active], likeness).mean() for pick in picks])
    rows = _matched(active, likeness)
    value = float(rows.mean())
    return Score(
        name="stability",
        value=value,
        interval=rescaled_interval(value, draws, size=half, count=n, within=(0.0, 1.0)),
        resampling=halved(_RESAMPLES),
        n=n,
        direction="higher",
        range=(0.0, 1.0),
        chance=_chance(active, likeness, seed),
        parts={"latent": kept[0].tolist(), "likeness": _first(active, likeness)},
        settings={
            "spaces": len(codes),
            "active": [len(k) for k in kept],
            "active_share": ACTIVE_SHARE,
            "likeness": likeness,
            "seed": seed,
        },
        meaning="Whether fits that differ by chance alone find the same latents.",
        misleads="the spaces agree up to a rotation: they hold the same, yet no latent has a partner.",
    )


def match_latents(first: ArrayLike, second: ArrayLike, *, likeness: Likeness = "correlation") -> tuple[Array, Array]:
    """The partner of each latent of `first` in `second`, -1 where there is none, and their |likeness|, (d,) each.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((50, 2))
    >>> match_latents(z, z[:, ::-1])[0].tolist()
    [1.0, 0.0]
    """
    one = checked_codes(first, name="first")
    return _match(one, checked_codes(second, len(one), name="second"), likeness)


def _match(first: Array, second: Array, likeness: Likeness) -> tuple[Array, Array]:
    from scipy.optimize import linear_sum_assignment

    table = _likeness(first, second, likeness)
    rows, columns = linear_sum_assignment(-table)
    partner, alike = np.full(len(table), -1.0), np.zeros(len(table))
    partner[rows], alike[rows] = columns, table[rows, columns]
    return partner, alike


def _matched(tables: Sequence[Array], likeness: Likeness) -> Array:
    """Mean likeness of the matched latents of each pair of spaces, those without partner counted as 0."""
    values = [_match(a, b, likeness)[1].sum() / max(a.shape[1], b.shape[1]) for a, b in combinations(tables, 2)]
    return np.array(values)


def _first(tables: Sequence[Array], likeness: Likeness) -> list[float]:
    alike = [_match(tables[0], other, likeness)[1] for other in tables[1:]]
    return np.mean(alike, axis=0).tolist()


def _chance(tables: Sequence[Array], likeness: Likeness, seed: int) -> float:
    random = generator(seed, _SHUFFLES)
    draws = [
        _matched([table[random.permutation(len(table))] for table in tables], likeness).mean()
        for _ in range(_NULL_DRAWS)
    ]
    return float(np.mean(draws))


def _likeness(first: Array, second: Array, likeness: Likeness) -> Array:
    """|correlation| or |cosine| of columns, (d1, d2); 0 where a column is constant (or 0)."""
    if likeness == "correlation":
        first, second = first - first.mean(0), second - second.mean(0)
    norms = np.linalg.norm(first, axis=0)[:, None] * np.linalg.norm(second, axis=0)
    return np.clip(np.abs(first.T @ second) / np.where(norms > 0, norms, 1.0), 0.0, 1.0)
