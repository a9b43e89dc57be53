"""Maps: 2-D coordinates of codes, and where new codes fall on them."""

from latentarium.maps.fitting import fit_map
from latentarium.maps.map import METHODS, Map

__all__ = ["METHODS", "Map", "fit_map"]
