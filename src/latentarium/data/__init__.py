"""Data in: sources, modalities, parts. Everything becomes `Rows`."""

from latentarium.data.draft import modality_of_shape
from latentarium.data.memory import rows_from_arrays
from latentarium.data.modalities import Column, ImageModality, TableBlocks, TableModality, modality_from_json
from latentarium.data.music.modalities import DrumModality, GridModality, MelodyModality, TokenModality
from latentarium.data.rows import Rows
from latentarium.data.sentences import SentenceModality
from latentarium.data.sources import open_as, open_like, open_sentences, open_source
from latentarium.data.splits import make_splits

__all__ = [
    "Column",
    "DrumModality",
    "GridModality",
    "ImageModality",
    "MelodyModality",
    "Rows",
    "SentenceModality",
    "TableBlocks",
    "TableModality",
    "TokenModality",
    "make_splits",
    "modality_from_json",
    "modality_of_shape",
    "open_as",
    "open_like",
    "open_sentences",
    "open_source",
    "rows_from_arrays",
]
