"""Pictures: arrays in, PIL images, SVG text or frames in time out. Nothing here keeps global state."""

from latentarium.pictures.animations import MOVING, Film, check_animation, read_video_text, write_animation
from latentarium.pictures.charts import curves_plot, feature_bars, history_plot, profile_plot, share_bars, spectrum_plot
from latentarium.pictures.heat import heat, heat_sheet
from latentarium.pictures.images import (
    pairs_sheet,
    png_bytes,
    query_sheet,
    sheet,
    strip,
    to_image,
    to_pixels,
    traversals,
)
from latentarium.pictures.maps import map_image, map_plot
from latentarium.pictures.rolls import roll_pixels, roll_sheet
from latentarium.pictures.svg import PALETTE
from latentarium.pictures.texts import TEXT_KEY, read_text, text_options
from latentarium.pictures.words import text_table

__all__ = [
    "MOVING",
    "PALETTE",
    "TEXT_KEY",
    "Film",
    "check_animation",
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
    "read_text",
    "read_video_text",
    "roll_pixels",
    "roll_sheet",
    "share_bars",
    "sheet",
    "spectrum_plot",
    "strip",
    "text_options",
    "text_table",
    "to_image",
    "to_pixels",
    "traversals",
    "write_animation",
]
