"""Distances between distributions of features: Frechet, kernel and sliced; and the diversity of one side."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_positive_int
from latentarium.measures.samples.compare import DRAWS, LEAST_ROWS, Features, Pair, Statement
from latentarium.measures.score import Score
from latentarium.rng import generator

Array = NDArray[np.float64]
_SIZES = 12
_DIRECTIONS, _ORDER = 521, 522

_FRECHET = Statement(
    name="frechet_distance",
    direction="lower",
    range=(0.0, np.inf),
    meaning="Distance between Gaussians fitted to real and generated features.",
    misleads="one Gaussian of the right covariance scores as well as real rows; it is biased upwards in few rows: "
    "compare it with real against real, never across sample sizes or features.",
)
_INFINITY = Statement(
    name="frechet_distance_infinity",
    direction="lower",
    meaning="Frechet distance extrapolated to infinitely many rows.",
    misleads="it may fall below zero by chance, and it still sees nothing beyond mean and covariance.",
)
_KID = Statement(
    name="kid",
    direction="lower",
    meaning="Unbiased kernel distance between real and generated features; 0 where they cannot be told apart.",
    misleads="it depends on the scale of the features, and may fall below zero by chance.",
)
_SLICED = Statement(
    name="sliced_wasserstein",
    direction="lower",
    range=(0.0, np.inf),
    meaning="Root mean squared distance of sorted projections, in units of the features.",
    misleads="it is above zero for two samples of one law, and rare modes hardly move it.",
)
_VENDI = Statement(
    name="vendi",
    direction="higher",
    range=(1.0, np.inf),
    unit="rows",
    meaning="Effective number of different directions among the generated features; compare it with `real_rows`.",
    misleads="noise is diverse too, and more than the real rows show is no virtue.",
)


def frechet_distance(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Heusel et al. 2017, eq. 6), by symmetric eigenvalues.

    Needs many more rows than features. Time O(n d^2 + d^3); no square root of a non-symmetric matrix is taken.

    Parameters
    ----------
    real, generated : (n, ..) and (m, ..), features or what `features` takes
    features : a `FeatureMap` or any function of rows; None where the rows are features already
    draws : subsamples, without replacement, behind the interval; 0 for none

    Raises
    ------
    InvalidInput
        When a side has fewer than 24 rows, or values are not finite.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(frechet_distance(rows, rows + [3, 0, 4]).value, 6)
    25.0
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    return pair.score(_FRECHET, frechet, settings={"width": pair.real.shape[1]})


def frechet_distance_infinity(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """Where the Frechet distance goes as 1/n goes to 0 (Chong & Forsyth 2020, sec. 3).

    The intercept of a line through 12 sizes from a tenth of the rows to all, real and generated cut alike, so that
    the bias of both sides is taken out. Parameters and errors as in `frechet_distance`.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> a, b = random.normal(size=(2, 2000, 8))
    >>> abs(frechet_distance_infinity(a, b).value) < frechet_distance(a, b).value
    True
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)

    def statistic(a: Array, b: Array) -> float:
        return extrapolated(a, b, seed=pair.seed)

    return pair.score(_INFINITY, statistic, settings={"sizes": _SIZES, "width": pair.real.shape[1]})


def kid(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """Unbiased MMD^2 with the kernel (x.y / d + 1)^3 over all pairs of rows (Binkowski et al. 2018, sec. 4).

    Parameters and errors as in `frechet_distance`; the interval is from subsets.
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    return pair.score(_KID, polynomial_mmd, settings={"kernel": "(x.y / d + 1)^3"})


def sliced_wasserstein(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    directions: int = 128,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """2-Wasserstein distance of projections on `directions` random unit vectors, root of the mean square.

    Rabin et al. 2011, eq. 6. Other parameters and errors as in `frechet_distance`.

    Examples
    --------
    >>> line = np.arange(100.0)[:, None]
    >>> sliced_wasserstein(line, line + 2).value
    2.0
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    check_positive_int(directions, "directions", high=10**5)
    axes = generator(seed, _DIRECTIONS).standard_normal((pair.real.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)

    def statistic(a: Array, b: Array) -> float:
        return float(np.sqrt(((_quantiles(a @ axes, b) - _quantiles(b @ axes, a)) ** 2).mean()))

    return pair.score(_SLICED, statistic, settings={"directions": directions})


def vendi(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """exp of the entropy of the eigenvalues of K / n, K the cosines of the generated features.

    Friedman & Dieng 2023, def. 3.1, through the d x d matrix that has the same eigenvalues: O(n d^2), at most d.
    Both sides are centred on the real mean, so that a constant feature does not count as likeness; `real_rows` in the
    settings is the same of the real side. Parameters and errors as in `frechet_distance`.

    Examples
    --------
    >>> corners = np.repeat(np.concatenate([np.eye(3), -np.eye(3)]), 10, axis=0)
    >>> round(vendi(corners, corners).value, 6), round(vendi(corners, corners[:30]).value, 6)
    (3.0, 3.0)
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    centre = pair.real.mean(0)

    def statistic(_: Array, b: Array) -> float:
        return effective_rows(b - centre)

    return pair.score(_VENDI, statistic, settings={"kernel": "cosine", "real_rows": effective_rows(pair.real - centre)})


def frechet(real: Array, generated: Array) -> float:
    """Frechet distance of two tables (n, d) and (m, d)."""
    gap = real.mean(0) - generated.mean(0)
    first, second = (np.atleast_2d(np.cov(table, rowvar=False)) for table in (real, generated))
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0))
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root.T @ second @ root), 0)).sum()
    return max(0.0, float(gap @ gap + np.trace(first) + np.trace(second) - 2 * shared))


def extrapolated(real: Array, generated: Array, *, seed: int = 0) -> float:
    """Intercept in 1/n of `frechet` on nested cuts of both tables."""
    count = min(len(real), len(generated))
    least = max(2, count // 10, min(LEAST_ROWS, count) // 4)
    sizes = np.unique(np.linspace(min(least, count), count, _SIZES).astype(int))
    random = generator(seed, _ORDER)
    a, b = (table[random.permutation(len(table))] for table in (real, generated))
    found = [frechet(a[:size], b[:size]) for size in sizes]
    return float(np.polyfit(1 / sizes, found, 1)[1])


def polynomial_mmd(real: Array, generated: Array) -> float:
    """Unbiased MMD^2 of two tables with the kernel (x.y / d + 1)^3."""
    within = sum((_kernel_sum(t, t) - _diagonal(t)) / (len(t) * (len(t) - 1)) for t in (real, generated))
    return float(within - 2 * _kernel_sum(real, generated) / (len(real) * len(generated)))


def effective_rows(table: Array) -> float:
    """exp of the entropy of the spectrum of the cosines of the rows, 1 where every row is zero."""
    norms = np.linalg.norm(table, axis=1)
    unit = table[norms > 0] / norms[norms > 0, None]
    if not len(unit):
        return 1.0
    spectrum = np.maximum(np.linalg.eigvalsh(unit.T @ unit / len(unit)), 0)
    spectrum = spectrum[spectrum > 0] / spectrum.sum()
    return max(1.0, float(np.exp(-(spectrum * np.log(spectrum)).sum())))


def _kernel_sum(a: Array, b: Array) -> float:
    return float(sum(((a[part] @ b.T / a.shape[1] + 1) ** 3).sum() for part in batches(len(a), 512)))


def _diagonal(a: Array) -> float:
    return float(((np.einsum("ij,ij->i", a, a) / a.shape[1] + 1) ** 3).sum())


def _quantiles(projected: Array, other: Array) -> Array:
    """Sorted columns, read at as many levels as the longer of the two tables has rows."""
    count = max(len(projected), len(other))
    ordered = np.sort(projected, axis=0)
    if len(ordered) == count:
        return ordered
    places = (np.arange(count) * len(ordered)) // count
    return ordered[places]
