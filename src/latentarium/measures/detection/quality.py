"""How well scores tell odd rows, and maps odd pixels, from normal ones, where the truth is known."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.rng import generator

Array = NDArray[np.float64]
RESAMPLES = 200
_RESAMPLE = 43
FALSE_ALARMS = 0.3
GRID = 300


def auroc(scores: ArrayLike, odd: ArrayLike) -> Score:
    """Probability that an odd row scores higher than a normal one, ties counting half.

    Parameters
    ----------
    scores : float array of shape (n,), higher for odder rows
    odd : bool array of shape (n,), the truth

    Returns
    -------
    Score
        0 to 1, 0.5 by chance. Interval by DeLong et al. 1988.

    Examples
    --------
    >>> auroc([1, 2, 3, 4], [False, True, False, True]).value
    0.75
    """
    values, truth = _pair(scores, odd)
    normal, strange = np.sort(values[~truth]), np.sort(values[truth])
    over = _placements(normal, strange)
    under = 1 - _placements(strange, normal)
    spread = math.sqrt(_variance_of_mean(over) + _variance_of_mean(under))
    value = float(over.mean())
    return Score(
        name="auroc",
        value=value,
        interval=(max(0.0, value - 1.96 * spread), min(1.0, value + 1.96 * spread)),
        resampling="normal interval by DeLong's variance",
        n=len(values),
        direction="higher",
        range=(0, 1),
        chance=0.5,
        settings={"odd": int(truth.sum())},
        meaning="Chance that an odd row scores above a normal one.",
        misleads="odd rows are rare: most of what is flagged may still be normal; look at average_precision.",
    )


def average_precision(scores: ArrayLike, odd: ArrayLike, *, seed: int = 0) -> Score:
    """Precision averaged over the odd rows, from the highest score down (area under the precision-recall steps).

    Ties are taken together. By chance it is the share of odd rows. Interval by bootstrap within the two groups.

    Examples
    --------
    >>> round(average_precision([4, 3, 2, 1], [True, False, True, False]).value, 4)
    0.8333
    """
    from sklearn.metrics import average_precision_score

    values, truth = _pair(scores, odd)
    random, groups = generator(seed, _RESAMPLE), (np.flatnonzero(truth), np.flatnonzero(~truth))
    draws = np.empty(RESAMPLES)
    for r in range(RESAMPLES):
        rows = np.concatenate([random.choice(group, len(group)) for group in groups])
        draws[r] = average_precision_score(truth[rows], values[rows])
    value = float(average_precision_score(truth, values))
    low, high = np.quantile(draws, [0.025, 0.975])
    return Score(
        name="average_precision",
        value=value,
        interval=(float(min(low, value)), float(max(high, value))),
        resampling=bootstrapped("odd and of the other rows", resamples=RESAMPLES),
        n=len(values),
        direction="higher",
        range=(0, 1),
        chance=float(truth.mean()),
        settings={"odd": int(truth.sum()), "seed": seed},
        meaning="Share of odd rows among those flagged, averaged over how many are flagged.",
        misleads="sets with other shares of odd rows are compared: the value by chance is that share.",
    )


def pixel_auroc(maps: ArrayLike, masks: ArrayLike) -> Score:
    """Probability that a pixel of a defect scores higher than any normal pixel; maps and masks (n, h, w).

    Interval from the pictures as clusters (Obuchowski 1997), since pixels of one picture are alike.
    """
    heat, truth = _pictures(maps, masks)
    normal = np.sort(heat[~truth])
    placed = [_placements(normal, heat[i][truth[i]]) for i in np.flatnonzero(truth.any((1, 2)))]
    sums, counts = np.array([p.sum() for p in placed]), np.array([len(p) for p in placed])
    value = float(sums.sum() / counts.sum())
    spread = math.sqrt(len(sums) / max(1, len(sums) - 1) * ((sums - value * counts) ** 2).sum()) / counts.sum()
    return Score(
        name="pixel_auroc",
        value=value,
        interval=(float(max(0.0, value - 1.96 * spread)), float(min(1.0, value + 1.96 * spread))),
        resampling="normal interval, pictures as clusters",
        n=len(heat),
        direction="higher",
        range=(0, 1),
        chance=0.5,
        settings={"defects": len(placed)},
        meaning="Chance that a pixel of a defect scores above a normal pixel.",
        misleads="defects differ in size: one large defect outweighs many small ones; look at aupro.",
    )


def aupro(maps: ArrayLike, masks: ArrayLike, *, most_false: float = FALSE_ALARMS, seed: int = 0) -> Score:
    """Area under the per-region overlap up to a share `most_false` of false pixels (Bergmann et al. 2021, 4.2).

    Each connected region of a mask counts the same, however large. 1 for maps that light up every region before any
    normal pixel, `most_false` / 2 by chance.
    """
    heat, truth = _pictures(maps, masks)
    normal = np.sort(heat[~truth])[::-1]
    shares = np.linspace(0, most_false, GRID + 1)
    cuts = normal[np.minimum((shares * len(normal)).astype(np.int64), len(normal) - 1)]
    curves = []
    for i in np.flatnonzero(truth.any((1, 2))):
        numbered, count = ndimage.label(truth[i], structure=np.ones((3, 3)))  # type: ignore[misc]
        for region in range(1, count + 1):
            inside = np.sort(heat[i][numbered == region])
            curves.append(1 - np.searchsorted(inside, cuts, side="right") / len(inside))
    areas = np.trapezoid(np.array(curves), shares, axis=1) / most_false
    return Score(
        name="aupro",
        value=float(areas.mean()),
        interval=bootstrap_interval(areas, seed=seed),
        resampling=bootstrapped("regions"),
        n=len(heat),
        direction="higher",
        range=(0, 1),
        chance=most_false / 2,
        settings={"regions": len(areas), "most_false": most_false, "seed": seed},
        meaning="Share of each defect that lights up, averaged over shares of false pixels up to 30 %.",
        misleads="masks are drawn generously: their normal rims cannot light up.",
    )


def _placements(known: NDArray[np.floating], values: NDArray[np.floating]) -> Array:
    """Share of the sorted `known` below each value, ties half."""
    below = np.searchsorted(known, values, side="left") + np.searchsorted(known, values, side="right")
    return below / (2 * len(known))


def _variance_of_mean(values: Array) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _pair(scores: ArrayLike, odd: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    values, truth = np.asarray(scores, np.float64), np.asarray(odd).astype(np.bool_)
    if values.ndim != 1 or truth.shape != values.shape:
        raise invalid("odd", f"one value a score, shape {values.shape}", truth.shape)
    check_finite(values, "scores")
    if truth.all() or not truth.any():
        raise invalid("odd", "true for some rows and false for others", "one value throughout")
    return values, truth


def _pictures(maps: ArrayLike, masks: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    heat, truth = np.asarray(maps, np.float32), np.asarray(masks).astype(np.bool_)
    if heat.ndim != 3 or truth.shape != heat.shape:
        raise invalid("masks", f"one value a pixel of the maps, (n, h, w) as {heat.shape}", truth.shape)
    check_finite(heat, "maps")
    if truth.all() or not truth.any():
        raise invalid("masks", "true for some pixels and false for others", "one value throughout")
    return heat, truth
