"""Do generated rows repeat each other, or the rows the model was trained on?"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.measures.samples.balls import memberships, nearest
from latentarium.measures.samples.compare import DRAWS, Features, Interval, Pair, Statement, equal_sizes
from latentarium.measures.samples.features import as_feature_map
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped, interval_of
from latentarium.rng import generator

Array = NDArray[np.float64]
NEAR = 0.01
_COPIED, _RESAMPLES = 561, 1000

_BIRTHDAY = Statement(
    name="birthday_estimate",
    direction="higher",
    range=(1.0, np.inf),
    unit="rows",
    meaning="How many different rows the generator seems to have: pairs over pairs that nearly coincide.",
    misleads="where no pair coincides it is only a lower bound, and what counts as near is taken from the real rows.",
)
_TWO_SAMPLE = Statement(
    name="nearest_neighbour_two_sample",
    direction="neither",
    range=(0.0, 1.0),
    chance=0.5,
    meaning="How often a row's nearest neighbour is of its own side: 0.5 where the sides cannot be told apart.",
    misleads="below 0.5 generated rows copy the very rows compared; in many dimensions it nears 1 for small faults.",
)
_COPIES = Statement(
    name="copies",
    direction="lower",
    range=(0.0, 1.0),
    chance=NEAR,
    meaning="Share of generated rows nearer to a training row than 99 % of held-out real rows are.",
    misleads="blurred rows lie near everything, and copies of rows that are not in `reference` go unseen.",
)
_AUTHENTICITY = Statement(
    name="authenticity",
    direction="higher",
    range=(0.0, 1.0),
    meaning="Share of generated rows farther from their nearest training row than that row is from its own nearest.",
    misleads="noise is authentic too; compare it with the share of held-out real rows, `real_rows`.",
)


def birthday_estimate(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """Support of the generator from how many pairs of its rows collide (Arora, Risteski & Zhang 2018, sec. 3).

    N = m (m - 1) / 2 / collisions: the size of a uniform support in which as many pairs would coincide, the
    s^2 / (2 ln 2) of a batch with an even chance of one collision. Two rows collide when nearer than 99 % of the real
    rows are to their nearest neighbour. Without collisions the value is the bound for half of one.

    The interval is that of a Poisson mean with so many events (Garwood 1936), as collisions of the pairs of a uniform
    support are pairwise independent; the distance that counts as near is kept. Without collisions it has no upper end
    and stops at the value.

    Parameters
    ----------
    real, generated : (n, ..) and (m, ..), features or what `features` takes
    features : a `FeatureMap` or any function of rows; None where the rows are features already
    draws : 0 for no interval

    Raises
    ------
    InvalidInput
        When a side has fewer than 24 rows, or values are not finite.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(400, 8))
    >>> round(birthday_estimate(rows, np.repeat(rows[:20], 20, axis=0)).value)
    21
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    near = float(np.quantile(nearest(pair.real, pair.real, same=True)[0], NEAR))

    collisions = _collisions(pair.generated, near)
    value, interval = _support(len(pair.generated), collisions)
    settings = {"collisions": collisions, "distance": float(np.sqrt(near))}
    return pair.scored(_BIRTHDAY, value, Interval(interval, "exact Poisson interval of the collisions"), settings)


def nearest_neighbour_two_sample(
    real: ArrayLike, generated: ArrayLike, *, features: Features = None, seed: int = 0, draws: int = DRAWS
) -> Score:
    """Leave-one-out accuracy of 1-NN between the sides (Lopez-Paz & Oquab 2017; Xu et al. 2018, sec. 2.2).

    Both sides cut to equal size by `seed`; a tie between the sides counts half. The settings give the accuracy on
    each side. Parameters and errors as in `birthday_estimate`.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 4))
    >>> nearest_neighbour_two_sample(rows, rows + 50).value, nearest_neighbour_two_sample(rows, rows).value
    (1.0, 0.0)
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)

    def statistic(a: Array, b: Array) -> float:
        a, b = equal_sizes(a, b, pair.seed)
        return (_own_side(a, b) + _own_side(b, a)) / 2

    a, b = equal_sizes(pair.real, pair.generated, pair.seed)
    sides = {"real_rows": _own_side(a, b), "generated_rows": _own_side(b, a)}
    return pair.score(_TWO_SAMPLE, statistic, settings=sides)


def copies(
    real: ArrayLike,
    generated: ArrayLike,
    reference: ArrayLike,
    *,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Share of generated rows that lie nearer to a `reference` row than 99 % of the held-out `real` rows do.

    One in a hundred by definition for rows of the real law that were not trained on.

    Parameters
    ----------
    real, generated : (n, ..) and (m, ..), held-out and generated rows
    reference : (r, ..), the rows the generator was trained on
    features, draws : as in `birthday_estimate`; the interval resamples generated rows and held-out rows

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> held, trained = random.normal(size=(2, 200, 4))
    >>> copies(held, trained[:50], trained).value
    1.0
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    trained = _reference(reference, pair, features)
    held, distance = (nearest(rows, trained)[0][:, 0] for rows in (pair.real, pair.generated))
    near = np.quantile(held, NEAR)
    settings = {"reference": len(trained), "distance": float(np.sqrt(near))}
    return pair.scored(_COPIES, _nearer(distance, near), _copies_interval(held, distance, pair.seed), settings)


def authenticity(
    real: ArrayLike,
    generated: ArrayLike,
    reference: ArrayLike,
    *,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Share of generated rows that are no noisy copy of a training row (Alaa et al. 2022, sec. 3.2).

    A row is authentic when it is farther from its nearest `reference` row than that one is from the nearest other.
    About a half for rows of the real law; the settings give the share of the held-out `real` rows. Parameters and
    errors as in `copies`.
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    trained = _reference(reference, pair, features)
    settings = {"reference": len(trained), "real_rows": float(_authentic(pair.real, trained).mean())}
    # neighbours are training rows, found among all of them: resampling generated rows repeats no neighbour
    found = _authentic(pair.generated, trained).astype(np.float64)
    interval = Interval(bootstrap_interval(found, seed=pair.seed), bootstrapped("generated rows", kept="neighbours"))
    return pair.scored(_AUTHENTICITY, float(found.mean()), interval, settings)


def _support(rows: int, collisions: int) -> tuple[float, tuple[float, float]]:
    """Pairs over collisions, half a collision where there is none, and over the ends of their Poisson interval."""
    from scipy.stats import chi2

    pairs = rows * (rows - 1) / 2
    most = float(chi2.ppf(0.975, 2 * collisions + 2)) / 2
    least = float(chi2.ppf(0.025, 2 * collisions)) / 2 if collisions else 0.5
    low, value, high = (max(1.0, pairs / count) for count in (most, max(collisions, 0.5), least))
    return value, (low, high)


def _collisions(table: Array, near: float) -> int:
    within = memberships(table, table, np.full(len(table), near))
    return int(within.sum() - len(table)) // 2


def _own_side(own: Array, other: Array) -> float:
    gap = nearest(own, other)[0][:, 0] - nearest(own, own, same=True)[0][:, 0]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _authentic(rows: Array, trained: Array) -> NDArray[np.bool_]:
    distance, index = nearest(rows, trained)
    matched, back = np.unique(index[:, 0], return_inverse=True)
    two, which = nearest(trained[matched], trained, 2)
    own = np.where(which[:, 0] == matched, two[:, 1], two[:, 0])
    return distance[:, 0] > own[back.reshape(-1)]


def _reference(reference: ArrayLike, pair: Pair, features: Features) -> Array:
    return Pair.of(pair.real, as_feature_map(features)(reference), features=None, seed=pair.seed, draws=0).generated


def _nearer(distance: Array, near: float) -> float:
    """Share of the squared distances that are below `near`, or nothing."""
    return float(((distance < near) | (distance == 0)).mean())


def _copies_interval(held: Array, distance: Array, seed: int) -> Interval:
    """Both sides resampled. A row that comes twice is nobody's neighbour, as neighbours are training rows and kept: the
    bootstrap, which would break a search among the resampled rows, only averages over them here.
    """
    random = generator(seed, _COPIED)
    found = np.empty(_RESAMPLES)
    for r in range(_RESAMPLES):
        near = np.quantile(held[random.integers(len(held), size=len(held))], NEAR)
        found[r] = _nearer(distance[random.integers(len(distance), size=len(distance))], near)
    origin = bootstrapped("generated and held-out rows", resamples=_RESAMPLES, kept="neighbours")
    return Interval(interval_of(found), origin)
