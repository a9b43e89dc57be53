"""Pictures: arrays in, PIL images or SVG text out. Nothing here writes a file or keeps global state."""

from latentarium.pictures.charts import feature_bars, history_plot, profile_plot, spectrum_plot
from latentarium.pictures.images import pairs_sheet, png_bytes, sheet, strip, to_image, traversals
from latentarium.pictures.maps import map_image, map_plot
from latentarium.pictures.rolls import roll_sheet
from latentarium.pictures.svg import PALETTE

__all__ = [
    "PALETTE",
    "feature_bars",
    "history_plot",
    "map_image",
    "map_plot",
    "pairs_sheet",
    "png_bytes",
    "profile_plot",
    "roll_sheet",
    "sheet",
    "spectrum_plot",
    "strip",
    "to_image",
    "traversals",
]
