"""Maps: 2-D coordinates of codes, and where new codes fall on them."""

from latentarium.maps.fitting import fit_map
from latentarium.maps.map import METHODS, Map
from latentarium.maps.plan import Effort

__all__ = ["METHODS", "Effort", "Map", "fit_map"]
