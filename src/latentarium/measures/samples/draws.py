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
from latentarium.measures.samples.features import FeatureMap, as_feature_map, pixel_pca
from latentarium.measures.score import Score
from latentarium.rng import generator

Array = NDArray[np.float64]
ROWS = 5000
_HALVES = 551


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Features of two disjoint halves of the real rows and of as many generated rows.

    Parameters
    ----------
    features : made on the rows the space was trained on where they are at hand, else on the measured rows
    first, second : row numbers of the halves, at most 5,000 each
    real, other, generated : (n, d) each
    reference : (r, d), or None
    """

    features: FeatureMap
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
        chosen = evidence.features
        features = pixel_pca(evidence.x if seen is None else seen) if chosen is None else as_feature_map(chosen)
        return cls(
            features=features,
            first=first,
            second=second,
            real=features(evidence.x[first]),
            other=features(evidence.x[second]),
            generated=features(evidence.generated[:count]),
            reference=None if seen is None else features(seen),
        )


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
        return _with_floor(score, measure(real, other, seed=evidence.seed, draws=0).value, "pixels")

    return run


def _offered(
    measure: Callable[..., Score], more: Callable[[Evidence, Samples], tuple[Any, ...]]
) -> Callable[[Evidence], Score]:
    def run(evidence: Evidence) -> Score:
        samples = evidence.once(Samples.of)
        rest = more(evidence, samples)
        score = measure(samples.real, samples.generated, *rest, seed=evidence.seed)
        floor = measure(samples.real, samples.other, *rest, seed=evidence.seed, draws=0)
        return _with_floor(score, floor.value, samples.features.name)

    return run


def _with_floor(score: Score, floor: float, features: str) -> Score:
    return dataclasses.replace(score, settings={**score.settings, "features": features, "real_against_real": floor})
