"""Rows of a grid as notes: what pictures draw and sounds play."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentarium.data.music.modalities import (
    DRUMS,
    FIRST_NOTE,
    HOLD,
    LOWEST_PITCH,
    STEPS_PER_BAR,
    GridModality,
    MelodyModality,
)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Notes:
    """Notes in order of time: `starts` and `lengths` in sixteenths and MIDI `pitches`, (k,) each, of a piece of `steps`
    sixteenths, played on drums or not.
    """

    starts: Numbers
    lengths: Numbers
    pitches: Numbers
    steps: int
    drums: bool = False

    def __len__(self) -> int:
        return len(self.starts)


def notes_of(modality: GridModality, raw: NDArray[np.uint8]) -> list[Notes]:
    """The notes of raw rows (n, ..) of melodies or drums.

    Examples
    --------
    >>> (notes,) = notes_of(MelodyModality(bars=1), np.array([[41, 1, 1, 0, 43, *[1] * 11]], np.uint8))
    >>> notes.starts.tolist(), notes.lengths.tolist(), notes.pitches.tolist()
    ([0, 4], [3, 12], [60, 62])
    """
    if isinstance(modality, MelodyModality):
        return [_melody(row) for row in raw]
    return [_drums(row) for row in raw]


def _melody(row: NDArray[np.uint8]) -> Notes:
    starts = np.flatnonzero(row >= FIRST_NOTE)
    # a note ends where the next symbol is neither it nor held
    over = np.append(np.flatnonzero(row != HOLD), len(row))
    ends = over[np.searchsorted(over, starts, side="right")]
    pitches = row[starts].astype(np.int64) - FIRST_NOTE + LOWEST_PITCH
    return Notes(starts=starts, lengths=ends - starts, pitches=pitches, steps=len(row))


def _drums(row: NDArray[np.uint8]) -> Notes:
    starts, drums = np.nonzero(row.T)
    played = np.array([pitches[0] for pitches in DRUMS.values()])
    return Notes(starts=starts, lengths=np.ones_like(starts), pitches=played[drums], steps=row.shape[1], drums=True)


def one_after_another(pieces: Sequence[Notes]) -> Notes:
    """The pieces as one, each beginning on the bar line after the one before."""
    lengths = [-(-piece.steps // STEPS_PER_BAR) * STEPS_PER_BAR for piece in pieces]
    begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Notes(
        starts=_joined(piece.starts + begin for piece, begin in zip(pieces, begins, strict=False)),
        lengths=_joined(piece.lengths for piece in pieces),
        pitches=_joined(piece.pitches for piece in pieces),
        steps=int(begins[-1]),
        drums=all(piece.drums for piece in pieces),
    )


def _joined(parts: Iterable[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, np.int64), *parts])
