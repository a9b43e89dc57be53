"""Pictures rendered from known factors of variation, for measures that must be told the truth."""

from latentarium.data.factors.scene import scene
from latentarium.data.factors.source import FactorSource
from latentarium.data.factors.sprites import sprites

__all__ = ["FactorSource", "scene", "sprites"]
