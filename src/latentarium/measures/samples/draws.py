"""The suite's side: generated rows of a space beside its real rows, and real rows beside real rows."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence
from latentarium.measures.samples.compare import LEAST_ROWS
from latentarium.measures.samples.features import COMPONENTS, FeatureMap, as_feature_map, pixel_pca
from latentarium.measures.score import Score
from latentarium.rng import generator

Array = NDArray[np.float64]
ROWS = 5000
LEAST_FITTED = 1000
"""Training rows from which on features may be fitted to them. Rows that components were fitted to lie farther from
each other than new rows do, the more so the fewer: on Fashion-MNIST `authenticity` of fresh pictures is 0.36 in
components of the 100 training rows compared, 0.53 in components of others; 0.48 and 0.54 with 300, equal with 1,000."""
_HALVES = 551


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Features of two disjoint halves of the real rows and of as many generated rows.

    Parameters
    ----------
    features : the caller's, or components of the rows that `fitted_on` names
    fitted_on : in words; empty for features of the caller
    first, second : row numbers of the halves, at most 5,000 each
    real, other, generated : (n, d) each
    reference : (r, d), or None
    """

    features: FeatureMap
    fitted_on: str
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    real: Array
    other: Array
    generated: Array
    reference: Array | None

    @classmethod
    def of(cls, evidence: Evidence) -> "Samples":
        """Draw the halves by the seed and take every row through the features once."""
        count = min(ROWS, len(evidence.x) // 2, len(evidence.generated))
        if count < LEAST_ROWS:
            raise invalid("x", f"at least {2 * LEAST_ROWS} rows to compare samples with", len(evidence.x))
        order = generator(evidence.seed, _HALVES).permutation(len(evidence.x))
        first, second = np.sort(order[:count]), np.sort(order[count : 2 * count])
        seen = evidence.reference
        features, fitted_on = _features(evidence, first)
        return cls(
            features=features,
            fitted_on=fitted_on,
            first=first,
            second=second,
            real=features(evidence.x[first]),
            other=features(evidence.x[second]),
            generated=features(evidence.generated[:count]),
            reference=None if seen is None else features(seen),
        )


def _features(evidence: Evidence, first: NDArray[np.intp]) -> tuple[FeatureMap, str]:
    """The caller's features, or components of training rows, of all measured rows where there are none, or, where they
    are few, of the measured rows that no copy test looks at.
    """
    if evidence.features is not None:
        return as_feature_map(evidence.features), ""
    seen = evidence.reference
    if seen is None:
        return pixel_pca(evidence.x), f"{len(evidence.x):,} measured rows"
    others = np.delete(evidence.x, first, axis=0)
    if len(seen) < LEAST_FITTED and len(others) >= 2 * COMPONENTS:
        return pixel_pca(others), f"{len(others):,} measured rows that are in no copy test"
    few = "" if len(seen) >= LEAST_FITTED else ", so few that copies and authenticity are off"
    return pixel_pca(seen), f"{len(seen):,} reference rows{few}"


def beside_real(measure: Callable[..., Score]) -> Callable[[Evidence], Score]:
    """The suite's form of a measure of (real, generated): with the same between the two halves of real rows."""
    return _offered(measure, lambda _e, _s: ())


def beside_reference(measure: Callable[..., Score]) -> Callable[[Evidence], Score]:
    """`beside_real` of a measure of (real, generated, reference)."""
    return _offered(measure, lambda _, samples: (samples.reference,))


def beside_labels(measure: Callable[..., Score]) -> Callable[[Evidence], Score]:
    """`beside_real` of a measure of (real, generated, labels)."""

    def labels(evidence: Evidence, samples: Samples) -> tuple[Any, ...]:
        numbers = evidence.beside.labels
        if numbers is None:
            raise invalid("labels", "given", None)
        return (np.array(evidence.beside.classes)[numbers[samples.first]],)

    return _offered(measure, labels)


def beside_images(measure: Callable[..., Score]) -> Callable[[Evidence], Score]:
    """`beside_real` of a measure of images rather than features."""

    def run(evidence: Evidence) -> Score:
        samples = evidence.once(Samples.of)
        real, other = evidence.x[samples.first], evidence.x[samples.second]
        score = measure(real, evidence.generated[: len(real)], seed=evidence.seed)
        floor = measure(real, other, seed=evidence.seed, draws=0).value
        return _with(score, real_against_real=floor, features="pixels")

    return run


def _offered(
    measure: Callable[..., Score], more: Callable[[Evidence, Samples], tuple[Any, ...]]
) -> Callable[[Evidence], Score]:
    def run(evidence: Evidence) -> Score:
        samples = evidence.once(Samples.of)
        rest = more(evidence, samples)
        score = measure(samples.real, samples.generated, *rest, seed=evidence.seed)
        floor = measure(samples.real, samples.other, *rest, seed=evidence.seed, draws=0)
        fitted = {"features_fitted_on": samples.fitted_on} if samples.fitted_on else {}
        return _with(score, real_against_real=floor.value, features=samples.features.name, **fitted)

    return run


def _with(score: Score, **settings: Any) -> Score:
    return dataclasses.replace(score, settings={**score.settings, **settings})
