"""How local an edit of one dimension is in the data; it takes neither labels nor factors."""

import numpy as np
from numpy.typing import ArrayLike

from latentarium.arrays import check_positive_int
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.interpretability.rows import Array
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator
from latentarium.space import LatentSpace

_EDIT_ROWS, _EDIT_WAYS = 532, 533
EDIT_ROWS = 64
CHANGED = 0.05


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
        resampling=bootstrapped("edited rows"),
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


def why_one_dimension(evidence: Evidence) -> str:
    """Why there is no step to compare, or an empty string."""
    return "" if evidence.space.dim > 1 else "the space has one latent dimension"


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
