"""Editing: what attributes look like in the codes of a space, and codes moved along them."""

from latentarium.applications.editing.directions import Directions, Quality
from latentarium.applications.editing.fitting import fit_directions
from latentarium.applications.editing.stored import directions_of, store_directions
from latentarium.applications.editing.typicality import Typicality

__all__ = ["Directions", "Quality", "Typicality", "directions_of", "fit_directions", "store_directions"]
