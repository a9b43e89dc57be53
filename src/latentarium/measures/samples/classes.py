"""Which classes and which regions of the real rows the generated rows hit, and how often."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.errors import invalid
from latentarium.measures.samples.compare import DRAWS, Features, Interval, Pair, Statement
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped, interval_of
from latentarium.rng import generator

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
HIT = 0.1
_NEIGHBOURS, _RESAMPLES = 5, 1000
_SPLIT, _SHARES, _BINS = 531, 532, 533

_CLASSES = Statement(
    name="class_coverage",
    direction="higher",
    range=(0.0, 1.0),
    meaning="Mean over classes of the generated share over the real share, each counted up to 1.",
    misleads="the classifier errs: a lost class keeps the rows of look-alikes, and it must name every row, noise too.",
)
_KL = Statement(
    name="class_kl",
    direction="lower",
    range=(0.0, np.inf),
    unit="nats",
    meaning="Divergence of the classes of generated rows from those of real rows; log(c / (c - 1)) with one of c lost.",
    misleads="it says nothing of the variety within a class: one good row of each would score 0.",
)
_NDB = Statement(
    name="ndb",
    direction="lower",
    range=(0.0, 1.0),
    meaning="Share of regions of the real rows that generated rows hit significantly more or less often; 0.05 by luck.",
    misleads="the more rows, the smaller the differences that count: compare at equal numbers only.",
)


@dataclass(frozen=True, eq=False)
class Histograms:
    """Classes of the held-out real rows and of the generated rows, as one classifier names them."""

    classes: NDArray[Any]
    real: Integers
    generated: Integers

    @property
    def shares(self) -> tuple[Array, Array]:
        """Shares of real and generated rows, (c,) each."""
        return _shares(self.real, len(self.classes)), _shares(self.generated, len(self.classes))

    def parts(self) -> dict[str, list[float]]:
        """One row a class: its number in the order of `classes`, both shares and their ratio."""
        real, generated = self.shares
        ratio = _ratio(real, generated)
        return {
            "class": list(map(float, range(len(real)))),
            "real": real.tolist(),
            "generated": generated.tolist(),
            "ratio": ratio.tolist(),
        }

    def interval(self, statistic: Callable[[Array, Array], float], seed: int) -> Interval:
        """Bootstrap of the rows of both histograms, the classifier kept."""
        random = generator(seed, _SHARES)
        real, generated = self.shares
        found = [
            statistic(
                random.multinomial(len(self.real), real) / len(self.real),
                random.multinomial(len(self.generated), generated) / len(self.generated),
            )
            for _ in range(_RESAMPLES)
        ]
        origin = bootstrapped("rows of both sides", resamples=_RESAMPLES, kept="the classifier")
        return Interval(interval_of(np.array(found)), origin)


def class_coverage(
    real: ArrayLike,
    generated: ArrayLike,
    labels: ArrayLike,
    *,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Mean over classes of min(1, generated share / real share), classes named by 5 nearest neighbours.

    The classifier learns from one half of the real rows and names the other half and the generated rows, so that its
    errors are on both sides. A class is hit where its share is at least a tenth of the real one: `modes_hit`.

    Parameters
    ----------
    real, generated : (n, ..) and (m, ..), features or what `features` takes
    labels : (n,) classes of the real rows, at least two
    features : a `FeatureMap` or any function of rows; None where the rows are features already
    draws : 0 for no interval; any other number takes the bootstrap

    Raises
    ------
    InvalidInput
        When labels do not align or have one class, or a side has fewer than 24 rows.

    Examples
    --------
    >>> rows = np.repeat([[0.0], [9.0]], 50, axis=0)
    >>> class_coverage(rows, rows[:50], np.repeat(["a", "b"], 50)).value
    0.5
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    histograms = _histograms(pair, labels)
    settings = {**_settings(histograms), "modes_hit": int((_ratio(*histograms.shares) >= HIT).sum()), "hit": HIT}

    def statistic(p: Array, q: Array) -> float:
        return float(np.minimum(_ratio(p, q), 1)[p > 0].mean())

    interval = histograms.interval(statistic, seed)
    return pair.scored(_CLASSES, statistic(*histograms.shares), interval, settings, histograms.parts())


def class_kl(
    real: ArrayLike,
    generated: ArrayLike,
    labels: ArrayLike,
    *,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """KL(generated classes || real classes) in nats, the real ones smoothed by half a row a class.

    Classes, parameters and errors as in `class_coverage`.
    """
    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    histograms = _histograms(pair, labels)
    count = len(histograms.real)

    def statistic(p: Array, q: Array) -> float:
        smooth = (p * count + 0.5) / (count + 0.5 * len(p))
        terms = q[q > 0] * np.log(q[q > 0] / smooth[q > 0])
        return max(0.0, float(terms.sum()))

    interval = histograms.interval(statistic, seed)
    return pair.scored(_KL, statistic(*histograms.shares), interval, _settings(histograms), histograms.parts())


def ndb(
    real: ArrayLike,
    generated: ArrayLike,
    *,
    bins: int = 100,
    features: Features = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Score:
    """Number of statistically different bins over bins (Richardson & Weiss 2018, sec. 3).

    K-means on half of the real rows makes the bins; the other half and the generated rows are counted in them, and a
    two-proportion z-test at 5 % compares each bin. There are as many bins as leave 10 rows in each, at most `bins`.
    Parameters and errors as in `class_coverage`; the interval resamples bins.
    """
    from scipy.spatial.distance import cdist
    from scipy.stats import norm
    from sklearn.cluster import KMeans

    pair = Pair.of(real, generated, features=features, seed=seed, draws=draws)
    fitted, held = _halves(len(pair.real), seed)
    count = max(2, min(check_positive_int(bins, "bins", low=2), len(held) // 10, len(pair.generated) // 10))
    count = min(count, len(np.unique(pair.real[fitted], axis=0)))
    state = int(generator(seed, _BINS).integers(2**31))
    # scikit-learn's stubs know only the word "auto" for n_init, which is one run of k-means++
    centres = KMeans(count, n_init="auto", random_state=state).fit(pair.real[fitted]).cluster_centers_
    p, q = (
        _shares(np.asarray(cdist(t, centres, "sqeuclidean")).argmin(1), count)
        for t in (pair.real[held], pair.generated)
    )
    z = _two_proportions(p, q, len(held), len(pair.generated))
    different = (np.abs(z) > norm.isf(0.025)).astype(np.float64)
    value = float(different.mean())
    interval = Interval(bootstrap_interval(different, seed=seed), bootstrapped("regions"))
    parts = {"real": p.tolist(), "generated": q.tolist(), "z": z.tolist()}
    return pair.scored(_NDB, value, interval, {"bins": count, "level": 0.05, "expected": 0.05}, parts)


def _histograms(pair: Pair, labels: ArrayLike) -> Histograms:
    from sklearn.neighbors import KNeighborsClassifier

    names, numbers = np.unique(np.asarray(labels), return_inverse=True)
    numbers = numbers.reshape(-1)
    if len(numbers) != len(pair.real):
        raise invalid("labels", f"{len(pair.real)} values, one for each real row", len(numbers))
    if len(names) < 2:
        raise invalid("labels", "of two classes or more", len(names))
    fitted, held = _halves(len(numbers), pair.seed)
    classifier = KNeighborsClassifier(_NEIGHBOURS, algorithm="brute").fit(pair.real[fitted], numbers[fitted])
    real, generated = (np.asarray(classifier.predict(t), np.int64) for t in (pair.real[held], pair.generated))
    return Histograms(names, real, generated)


def _halves(count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = generator(seed, _SPLIT).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def _settings(histograms: Histograms) -> Mapping[str, Any]:
    return {
        "classes": [str(name) for name in histograms.classes],
        "classifier": f"{_NEIGHBOURS} nearest neighbours, fitted on half of the real rows",
    }


def _shares(numbers: NDArray[Any], count: int) -> Array:
    return np.bincount(numbers, minlength=count) / len(numbers)


def _ratio(real: Array, generated: Array) -> Array:
    """Generated over real share; 1 for a class that the classifier found on neither side."""
    return np.where(real > 0, generated / np.maximum(real, 1e-300), 1.0)


def _two_proportions(p: Array, q: Array, n: int, m: int) -> Array:
    pooled = (p * n + q * m) / (n + m)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return np.where(spread > 0, (p - q) / np.maximum(spread, 1e-300), 0.0)
