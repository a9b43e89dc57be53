"""Data in: sources, modalities, parts. Everything becomes `Rows`."""

from latentarium.data.draft import modality_of_shape
from latentarium.data.memory import rows_from_arrays
from latentarium.data.modalities import Column, ImageModality, TableBlocks, TableModality, modality_from_json
from latentarium.data.music.modalities import DrumModality, GridModality, MelodyModality
from latentarium.data.rows import Rows
from latentarium.data.sentences import SentenceModality
from latentarium.data.sources import open_as, open_like, open_sentences, open_source, open_texts
from latentarium.data.splits import make_splits
from latentarium.data.symbols import TokenModality
from latentarium.data.texts import TextModality

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
    "TextModality",
    "TokenModality",
    "make_splits",
    "modality_from_json",
    "modality_of_shape",
    "open_as",
    "open_like",
    "open_sentences",
    "open_source",
    "open_texts",
    "rows_from_arrays",
]
