"""Editing: what attributes look like in the codes of a space, and rows moved along them."""

from latentarium.applications.editing.curved import CurvedProbe, fit_curved
from latentarium.applications.editing.directions import Directions, Quality
from latentarium.applications.editing.edits import Edited, Effect, edit_along, edit_rows
from latentarium.applications.editing.fitting import fit_directions
from latentarium.applications.editing.likeness import Likeness, likeness
from latentarium.applications.editing.stored import directions_of, store_directions
from latentarium.applications.editing.typicality import Typicality
from latentarium.applications.editing.unsupervised import joined, name_directions, unsupervised_directions

__all__ = [
    "CurvedProbe",
    "Directions",
    "Edited",
    "Effect",
    "Likeness",
    "Quality",
    "Typicality",
    "directions_of",
    "edit_along",
    "edit_rows",
    "fit_curved",
    "fit_directions",
    "joined",
    "likeness",
    "name_directions",
    "store_directions",
    "unsupervised_directions",
]
