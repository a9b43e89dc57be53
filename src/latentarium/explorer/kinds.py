"""The kinds of data that the page can show, as it reads them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import DRUMS, FIRST_NOTE, LOWEST_PITCH, DrumModality, MelodyModality
from latentarium.data.sentences import SentenceModality
from latentarium.data.texts import TextModality
from latentarium.explorer.wire import DrumKind, ImageKind, MelodyKind, SentenceKind, TableColumn, TableKind, TextKind
from latentarium.space import Modality

Kind = ImageKind | TableKind | MelodyKind | DrumKind | TextKind | SentenceKind
SHOWN = (ImageModality, TableModality, MelodyModality, DrumModality, TextModality, SentenceModality)
RAW = (MelodyModality, DrumModality, TextModality)
"""Whose raw rows are small whole numbers, far fewer than an array's."""
WRITTEN = (TextModality, SentenceModality)
_MIDDLE_OCTAVE = (60, 72)


def can_show(modality: Modality | None) -> bool:
    """Whether the page has a way to show such data."""
    return isinstance(modality, SHOWN)


def kind_of(modality: Modality, raw: NDArray[Any]) -> Kind:
    """What the page has to know of a modality, and of the raw rows at hand."""
    stored = modality.to_json()
    if isinstance(modality, MelodyModality):
        low, high = _keys(np.asarray(raw))
        return MelodyKind(**stored, symbols=modality.symbols, first=FIRST_NOTE, lowest=LOWEST_PITCH, low=low, high=high)
    if isinstance(modality, DrumModality):
        return DrumKind(**stored, names=list(DRUMS), pitches=[list(pitches) for pitches in DRUMS.values()])
    if isinstance(modality, TextModality):
        return TextKind(steps=modality.steps, pieces=list(modality.pieces), merges=list(modality.merges))
    if isinstance(modality, SentenceModality):
        return SentenceKind()
    return ImageKind(**stored) if isinstance(modality, ImageModality) else _table_kind(stored)


def _table_kind(stored: dict[str, Any]) -> TableKind:
    columns = [{name: value for name, value in column.items() if name != "whole"} for column in stored["columns"]]
    return TableKind(columns=[TableColumn(**column) for column in columns])


def _keys(raw: NDArray[np.uint8]) -> tuple[int, int]:
    struck = raw[raw >= FIRST_NOTE].astype(int) - FIRST_NOTE + LOWEST_PITCH
    if not len(struck):
        return _MIDDLE_OCTAVE
    # a roll makes room for the few that lie beyond
    low, high = np.percentile(struck, (1, 99))
    return int(low), int(np.ceil(high))
