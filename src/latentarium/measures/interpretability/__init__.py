"""Interpretability: what codes, single latents and directions can be told to mean, and how local their edits are."""

from latentarium.measures.entry import Entry
from latentarium.measures.interpretability.directions import (
    attribute_directions,
    direction_cosines,
    direction_cosines_of,
    why_no_attributes,
)
from latentarium.measures.interpretability.edits import (
    edit_leakage,
    edit_leakage_of,
    edit_monotonicity,
    edit_monotonicity_of,
    edit_success,
    edit_success_of,
)
from latentarium.measures.interpretability.locality import edit_locality, edit_locality_of, why_one_dimension
from latentarium.measures.interpretability.names import Name, name_latents, named_latents, named_latents_of
from latentarium.measures.interpretability.probes import (
    probe_accuracy,
    probe_accuracy_of,
    probe_r2,
    probe_r2_of,
    probe_selectivity,
    probe_selectivity_of,
    single_latent_f1,
    single_latent_f1_of,
)
from latentarium.measures.interpretability.rows import why_nothing_known
from latentarium.measures.interpretability.stability import match_latents, stability

__all__ = [
    "ENTRIES",
    "Name",
    "attribute_directions",
    "direction_cosines",
    "edit_leakage",
    "edit_locality",
    "edit_monotonicity",
    "edit_success",
    "match_latents",
    "name_latents",
    "named_latents",
    "probe_accuracy",
    "probe_r2",
    "probe_selectivity",
    "single_latent_f1",
    "stability",
]

_LABELLED = frozenset({"encode", "labels"})
_EDITED = frozenset({"encode", "decode", "labels"})

ENTRIES: tuple[Entry, ...] = (
    Entry("probe_accuracy", _LABELLED, probe_accuracy_of, relates=True),
    Entry("probe_selectivity", _LABELLED, probe_selectivity_of, relates=True),
    Entry("probe_r2", frozenset({"encode", "factors"}), probe_r2_of, relates=True),
    Entry("single_latent_f1", _LABELLED, single_latent_f1_of, relates=True),
    Entry("direction_cosines", frozenset({"encode"}), direction_cosines_of, why_no_attributes, relates=True),
    Entry("edit_success", _EDITED, edit_success_of, relates=True),
    # an edit that does nothing leaks least: shuffled labels would score better than true ones
    Entry("edit_leakage", _EDITED, edit_leakage_of),
    Entry("edit_monotonicity", _EDITED, edit_monotonicity_of, relates=True),
    Entry("edit_locality", frozenset({"encode", "decode"}), edit_locality_of, why_one_dimension),
    Entry("named_latents", frozenset({"encode"}), named_latents_of, why_nothing_known, relates=True),
)
