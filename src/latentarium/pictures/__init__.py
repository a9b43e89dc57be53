"""Pictures: arrays in, PIL images or SVG text out. Nothing here writes a file or keeps global state."""

from latentarium.pictures.charts import curves_plot, feature_bars, history_plot, profile_plot, share_bars, spectrum_plot
from latentarium.pictures.heat import heat, heat_sheet
from latentarium.pictures.images import pairs_sheet, png_bytes, query_sheet, sheet, strip, to_image, traversals
from latentarium.pictures.maps import map_image, map_plot
from latentarium.pictures.rolls import roll_sheet
from latentarium.pictures.svg import PALETTE

__all__ = [
    "PALETTE",
    "curves_plot",
    "feature_bars",
    "heat",
    "heat_sheet",
    "history_plot",
    "map_image",
    "map_plot",
    "pairs_sheet",
    "png_bytes",
    "profile_plot",
    "query_sheet",
    "roll_sheet",
    "share_bars",
    "sheet",
    "spectrum_plot",
    "strip",
    "to_image",
    "traversals",
]
