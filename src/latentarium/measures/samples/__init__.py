"""Measures of generated rows: do they cover the real ones, look like them, and copy none?

Each takes features of real and of generated rows, or rows and a `FeatureMap`; beside it stands the form the suite
runs, which adds `real_against_real` to the settings: the same measure between two disjoint halves of the real rows.
"""

from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence
from latentarium.measures.samples.classes import class_coverage, class_kl, ndb
from latentarium.measures.samples.copying import (
    authenticity,
    birthday_estimate,
    copies,
    nearest_neighbour_two_sample,
)
from latentarium.measures.samples.draws import (
    Samples,
    beside_images,
    beside_labels,
    beside_real,
    beside_reference,
)
from latentarium.measures.samples.features import Choice, FeatureMap, chosen_features, encoder_features, pixel_pca
from latentarium.measures.samples.manifold import coverage, density, expected_coverage, precision, recall
from latentarium.measures.samples.moments import (
    frechet_distance,
    frechet_distance_infinity,
    kid,
    sliced_wasserstein,
    vendi,
)
from latentarium.measures.samples.sharpness import sharpness_ratio

__all__ = [
    "ENTRIES",
    "Choice",
    "FeatureMap",
    "Samples",
    "authenticity",
    "birthday_estimate",
    "chosen_features",
    "class_coverage",
    "class_kl",
    "copies",
    "coverage",
    "density",
    "encoder_features",
    "expected_coverage",
    "frechet_distance",
    "frechet_distance_infinity",
    "kid",
    "ndb",
    "nearest_neighbour_two_sample",
    "pixel_pca",
    "precision",
    "recall",
    "sharpness_ratio",
    "sliced_wasserstein",
    "vendi",
]

precision_of = beside_real(precision)
recall_of = beside_real(recall)
density_of = beside_real(density)
coverage_of = beside_real(coverage)
frechet_distance_of = beside_real(frechet_distance)
frechet_distance_infinity_of = beside_real(frechet_distance_infinity)
kid_of = beside_real(kid)
sliced_wasserstein_of = beside_real(sliced_wasserstein)
vendi_of = beside_real(vendi)
class_coverage_of = beside_labels(class_coverage)
class_kl_of = beside_labels(class_kl)
ndb_of = beside_real(ndb)
birthday_estimate_of = beside_real(birthday_estimate)
nearest_neighbour_two_sample_of = beside_real(nearest_neighbour_two_sample)
copies_of = beside_reference(copies)
authenticity_of = beside_reference(authenticity)
sharpness_ratio_of = beside_images(sharpness_ratio)


def _why_no_images(evidence: Evidence) -> str:
    return "" if evidence.is_image and min(evidence.space.data_shape[1:]) >= 3 else "the rows are no images"


_GENERATES = frozenset({"decode", "prior"})

ENTRIES: tuple[Entry, ...] = (
    Entry("precision", _GENERATES, precision_of),
    Entry("recall", _GENERATES, recall_of),
    Entry("density", _GENERATES, density_of),
    Entry("coverage", _GENERATES, coverage_of),
    Entry("frechet_distance", _GENERATES, frechet_distance_of),
    Entry("frechet_distance_infinity", _GENERATES, frechet_distance_infinity_of),
    Entry("kid", _GENERATES, kid_of),
    Entry("sliced_wasserstein", _GENERATES, sliced_wasserstein_of),
    Entry("vendi", _GENERATES, vendi_of),
    Entry("class_coverage", _GENERATES | {"labels"}, class_coverage_of),
    Entry("class_kl", _GENERATES | {"labels"}, class_kl_of),
    Entry("ndb", _GENERATES, ndb_of),
    Entry("birthday_estimate", _GENERATES, birthday_estimate_of),
    Entry("nearest_neighbour_two_sample", _GENERATES, nearest_neighbour_two_sample_of),
    Entry("copies", _GENERATES | {"reference"}, copies_of),
    Entry("authenticity", _GENERATES | {"reference"}, authenticity_of),
    Entry("sharpness_ratio", _GENERATES, sharpness_ratio_of, _why_no_images),
)
