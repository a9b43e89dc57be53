"""Piano rolls: time to the right, pitch upwards, a bar for each note."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_positive_int
from latentarium.data.music.modalities import DRUMS, STEPS_PER_BAR, STEPS_PER_QUARTER
from latentarium.data.music.notes import Notes
from latentarium.errors import InvalidInput, invalid
from latentarium.pictures.heat import heat
from latentarium.pictures.images import Pixels, paste_grid

if TYPE_CHECKING:
    from PIL.Image import Image

STEP, SEMITONE = 6, 5
"""Pixels of a sixteenth and of a semitone."""
LEAST_SPAN = 12
PAPER, DARK_KEY, LINE, BAR_LINE = (250, 250, 248, 255), (238, 239, 240, 255), (222, 224, 228, 255), (176, 182, 190, 255)
NOTE, STRIKE = (38, 92, 160, 255), (18, 48, 96, 255)
DARK_KEYS = (1, 3, 6, 8, 10)
_PLAYED = tuple(pitches[0] for pitches in DRUMS.values())


def roll_sheet(
    pieces: Sequence[Notes],
    *,
    columns: int = 4,
    gutter: int | None = None,
    marks: ArrayLike | None = None,
    floor: float = 0.0,
    scale: float = 1.0,
) -> "Image":
    """A grid of piano rolls, row by row, all over the same keys: from the lowest to the highest that occurs.

    A sixteenth is 6 pixels wide and a key 5 high, the lowest at the bottom. Each note begins with a darker pixel
    column, quarters and bars have lines. Drums have a row each, the kick at the bottom. `marks` (n, steps) lie below
    their pieces in the colours of `heat`, black at `floor` and brightest at `scale`.

    Examples
    --------
    >>> one = Notes(starts=np.array([0]), lengths=np.array([4]), pitches=np.array([60]), steps=16)
    >>> roll_sheet([one]).size
    (96, 65)
    """
    check_positive_int(columns, "columns", high=10_000)
    cells = roll_pixels(pieces)
    if marks is not None:
        cells = np.concatenate([cells, _below(np.asarray(marks, np.float64), cells, floor=floor, scale=scale)], axis=1)
    return paste_grid(cells, min(columns, len(cells)), gutter)


def _below(marks: NDArray[np.float64], cells: Pixels, *, floor: float, scale: float) -> Pixels:
    """A strip of colours for each piece, a sixteenth wide and two keys high."""
    if marks.shape != (len(cells), cells.shape[2] // STEP):
        raise invalid("marks.shape", str((len(cells), cells.shape[2] // STEP)), marks.shape)
    colours = heat(marks[:, None], floor=floor, scale=scale).transpose(0, 2, 3, 1)
    strip = np.rint(255 * colours).astype(np.uint8).repeat(STEP, 2).repeat(2 * SEMITONE, 1)
    return np.concatenate([strip, np.full((*strip.shape[:3], 1), 255, np.uint8)], axis=3)


def roll_pixels(pieces: Sequence[Notes]) -> Pixels:
    """Piano rolls as `roll_sheet` shows them, all over the same keys, uint8 (n, height, width, 4), RGBA."""
    if not pieces:
        raise InvalidInput("a sheet of piano rolls must have a piece or more, got none")
    low, high = key_range(pieces)
    return np.stack([_roll(piece, low, high) for piece in pieces])


def key_range(pieces: Sequence[Notes]) -> tuple[int, int]:
    """Lowest and highest key that a sheet of `pieces` shows, at least an octave; of drums their row numbers."""
    if all(piece.drums for piece in pieces):
        return 0, len(DRUMS) - 1
    pitches = np.concatenate([piece.pitches for piece in pieces])
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 60)
    spare = max(0, LEAST_SPAN - (high - low))
    return low - spare // 2, high + spare - spare // 2


def _roll(piece: Notes, low: int, high: int) -> Pixels:
    tall = (high - low + 1) * SEMITONE
    canvas = np.empty((tall, piece.steps * STEP, 4), np.uint8)
    canvas[:] = PAPER
    for key in range(low, high + 1):
        if key % 12 in DARK_KEYS and not piece.drums:
            canvas[_lines(key, high)] = DARK_KEY
    for step in range(0, piece.steps, STEPS_PER_QUARTER):
        canvas[:, step * STEP] = LINE if step % STEPS_PER_BAR else BAR_LINE
    keys = np.array([_PLAYED.index(p) for p in piece.pitches], np.int64) if piece.drums else piece.pitches
    for start, length, key in zip(piece.starts, piece.lengths, keys, strict=True):
        _draw(canvas[_lines(int(key), high)], int(start) * STEP, int(start + length) * STEP)
    return canvas


def _lines(key: int, high: int) -> slice:
    return slice((high - key) * SEMITONE, (high - key + 1) * SEMITONE)


def _draw(lines: NDArray[np.uint8], begin: int, end: int) -> None:
    lines[:-1, begin : end - 1] = NOTE
    lines[:-1, begin : begin + 2] = STRIKE
