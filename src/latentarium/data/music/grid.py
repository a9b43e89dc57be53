"""Tunes on a grid of sixteenths, and windows of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentarium.data.music.modalities import (
    DRUMS,
    FIRST_NOTE,
    HIGHEST_PITCH,
    HOLD,
    LOWEST_PITCH,
    REST,
    STEPS_PER_BAR,
)
from latentarium.data.music.tunes import Tune
from latentarium.errors import InvalidInput

Grid = NDArray[np.uint8]
MOVED = 1 / 8
"""In sixteenths: what is nearer to the grid counts as on it (players, and ABC readers, leave tiny gaps)."""
TOGETHER = 1 / 2
"""In sixteenths: notes that overlap by more sound at once; by less they are played legato."""
_CLASSES = {pitch: row for row, pitches in enumerate(DRUMS.values()) for pitch in pitches}


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What the grid and the windows cost.

    Parameters
    ----------
    notes : notes in all, of the voice or of the drums that are read
    moved, distance : those whose onset was moved, and the sum of moves in sixteenths
    ends_moved, ends_distance : the same of the ends of a melody's notes; a drum has none
    left_out : those left out, because another one begins on the same sixteenth or they lie beyond the keys of a piano
    drums : notes of drums beside a melody, which are not among `notes`
    outside : those that begin in no window of a tune that has windows
    """

    notes: int = 0
    moved: int = 0
    distance: float = 0.0
    ends_moved: int = 0
    ends_distance: float = 0.0
    left_out: int = 0
    drums: int = 0
    outside: int = 0

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    def words(self) -> tuple[str, ...]:
        """A sentence for each kind of loss; none where nothing is lost."""
        of = f"of {self.notes:,} notes"
        sentences = (
            (
                self.moved,
                f"do not begin on the grid of sixteenths and were moved, by {_mean(self.distance, self.moved)}",
            ),
            (
                self.ends_moved,
                "do not end on the grid, or not before the next one begins, and their ends were moved, by "
                + _mean(self.ends_distance, self.ends_moved),
            ),
            (self.left_out, "were left out, since another one begins in their place or they lie beyond the piano"),
            (self.outside, "begin in no window, since only whole ones are cut: ends of tunes, which fill none"),
        )
        drums = f"{self.drums:,} notes of drums beside melodies were left out; give drums a folder of their own"
        return (
            *(f"{count:,} {of} {sentence}" for count, sentence in sentences if count),
            *([drums] if self.drums else []),
        )


def _mean(total: float, count: int) -> str:
    return f"{total / max(1, count):.2f} of a sixteenth on average"


def melody_grid(tune: Tune) -> tuple[Grid, Loss]:
    """Symbols of the one voice of `tune` (sixteenths,).

    Raises
    ------
    InvalidInput
        Naming the tune and the bar where two notes sound at once.
    """
    _check_one_voice(tune)
    starts, moved, distance = _starts(tune)
    inside = (tune.pitches >= LOWEST_PITCH) & (tune.pitches <= HIGHEST_PITCH)
    ends = np.maximum(np.rint(tune.ends).astype(np.int64), starts + 1)
    grid = np.full(int(ends.max()), REST, np.uint8)
    ends_moved, ends_distance = _ends_moved(tune, starts, ends)
    for start, end, pitch in zip(starts[inside], ends[inside], tune.pitches[inside], strict=True):
        # a note that goes on past the next one's beginning is cut there, since that one is written over it
        grid[start:end] = HOLD
        grid[start] = FIRST_NOTE + pitch - LOWEST_PITCH
    kept = int((grid >= FIRST_NOTE).sum())
    return grid, Loss(
        notes=len(starts),
        moved=moved,
        distance=distance,
        ends_moved=ends_moved,
        ends_distance=ends_distance,
        left_out=len(starts) - kept,
    )


def drum_grid(tune: Tune) -> tuple[Grid, Loss]:
    """Hits of the drums of `tune` (9, sixteenths)."""
    starts, moved, distance = _starts(tune)
    rows = np.array([_CLASSES.get(int(pitch), -1) for pitch in tune.pitches])
    grid = np.zeros((len(DRUMS), int(starts.max()) + 1), np.uint8)
    grid[rows[rows >= 0], starts[rows >= 0]] = 1
    return grid, Loss(notes=len(starts), moved=moved, distance=distance, left_out=len(starts) - int(grid.sum()))


def windows(grid: Grid, tune: Tune, bars: int) -> tuple[Grid, NDArray[np.int64], NDArray[np.bool_]]:
    """Windows of `bars` times four quarters that begin at bar lines of `grid` (.., sixteenths), at least a bar apart:
    (n, .., 16 bars), the number of the bar that each begins with (n,), from 1, and whether it is one of those that are
    a quarter of their length apart (n,).

    Only whole windows with a note are taken; the last bar may be filled up with silence. A note that is held into a
    window is struck at its beginning.
    """
    steps = bars * STEPS_PER_BAR
    length = -(-grid.shape[-1] // STEPS_PER_BAR) * STEPS_PER_BAR
    whole = np.concatenate([grid, np.zeros((*grid.shape[:-1], length - grid.shape[-1]), np.uint8)], axis=-1)
    found: list[Grid] = []
    numbers: list[int] = []
    spaced: list[bool] = []
    next_one = next_spaced = 0
    for number, start in enumerate(np.rint(tune.bars).astype(np.int64).tolist(), 1):
        if start < min(next_one, next_spaced) or start + steps > length:
            continue
        window = _struck(whole, start, steps)
        if _has_note(window):
            found.append(window)
            numbers.append(number)
            spaced.append(start >= next_spaced)
            next_one = start + STEPS_PER_BAR
            next_spaced = start + max(STEPS_PER_BAR, steps // 4) if spaced[-1] else next_spaced
    shape = (0, *grid.shape[:-1], steps)
    rows = np.stack(found) if found else np.zeros(shape, np.uint8)
    return rows, np.array(numbers, np.int64), np.array(spaced, bool)


def outside(grid: Grid, tune: Tune, numbers: NDArray[np.int64], bars: int) -> int:
    """Notes of `grid` that begin in none of the windows of `bars` bars that begin at the bars `numbers` of `tune`."""
    begins = np.rint(tune.bars).astype(np.int64)[numbers - 1]
    inside = np.zeros(grid.shape[-1], bool)
    for begin in begins.tolist():
        inside[begin : begin + bars * STEPS_PER_BAR] = True
    struck = grid >= FIRST_NOTE if grid.ndim == 1 else grid > 0
    return int(struck[..., ~inside].sum())


def _has_note(window: Grid) -> bool:
    return bool((window >= FIRST_NOTE).any()) if window.ndim == 1 else bool(window.any())


def _struck(grid: Grid, start: int, steps: int) -> Grid:
    window = grid[..., start : start + steps].copy()
    if window.ndim == 1 and window[0] == HOLD:
        window[0] = grid[:start][grid[:start] != HOLD][-1]
    return window


def _starts(tune: Tune) -> tuple[NDArray[np.int64], int, float]:
    """Onsets on the grid, how many were moved, and how far together."""
    starts = np.rint(tune.onsets).astype(np.int64)
    far = np.abs(tune.onsets - starts)
    return starts, int((far > MOVED).sum()), float(far[far > MOVED].sum())


def _ends_moved(tune: Tune, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[int, float]:
    """How many ends were moved, onto the grid or to where the next note begins, and how far together."""
    later = np.searchsorted(starts, starts, side="right")
    following = np.append(starts, np.iinfo(np.int64).max)[later]
    far = np.abs(tune.ends - np.minimum(ends, following))
    return int((far > MOVED).sum()), float(far[far > MOVED].sum())


def _check_one_voice(tune: Tune) -> None:
    same = (np.diff(tune.onsets) == 0) & (np.diff(tune.pitches) == 0)
    at_once = (np.maximum.accumulate(tune.ends)[:-1] - tune.onsets[1:] > TOGETHER) & ~same
    if at_once.any():
        place = tune.onsets[1 + int(at_once.argmax())]
        bar = max(1, int(np.searchsorted(tune.bars, place, side="right")))
        raise InvalidInput(
            f"{tune.name} must have one voice, got two notes at once in bar {bar}; give the melody a file of its own"
        )
