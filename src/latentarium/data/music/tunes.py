"""MIDI and ABC files as tunes: onsets, ends and pitches in sixteenths, and where bars begin."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.encoding import read_utf8
from latentarium.data.music.chunks import whole_midi
from latentarium.data.music.modalities import STEPS_PER_BAR, STEPS_PER_QUARTER
from latentarium.errors import InvalidInput, MissingExtra, invalid

Array = NDArray[np.float64]
MIDI_SUFFIXES = (".mid", ".midi")
ABC_SUFFIXES = (".abc",)
LONGEST = 2**16
"""Sixteenths of a tune, some 4,000 bars: a damaged file may claim any length."""
LARGEST_FILE = 2**25
_TUNE = re.compile(r"^X:", re.M)
_CHORD_SYMBOL = re.compile(r'"[^"\n]*"')


@dataclass(frozen=True, kw_only=True, eq=False)
class Tune:
    """Notes of one tune, sorted by onset.

    Parameters
    ----------
    name : the file, and the tune's number in a file of several
    onsets, ends : (k,) in sixteenths from the beginning
    pitches : (k,) MIDI numbers
    drums : (k,) whether a note is a drum (MIDI channel 10)
    bars : (b,) in sixteenths, where bars begin
    """

    name: str
    onsets: Array
    ends: Array
    pitches: NDArray[np.int64]
    drums: NDArray[np.bool_]
    bars: Array

    def only(self, chosen: NDArray[np.bool_]) -> "Tune":
        """The tune with some of its notes."""
        return Tune(
            name=self.name,
            onsets=self.onsets[chosen],
            ends=self.ends[chosen],
            pitches=self.pitches[chosen],
            drums=self.drums[chosen],
            bars=self.bars,
        )


def read_tunes(path: Path, name: str) -> Iterator[Tune]:
    """The tune of a MIDI file, or the tunes of an ABC file, called `name` in messages and row ids.

    Raises
    ------
    InvalidInput
        Naming the file, for one that is cut off, damaged, empty, of absurd length or, in ABC, not UTF-8.
    MissingExtra
        When symusic is not installed.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise invalid(name, f"a tune of at most {LARGEST_FILE >> 20} MiB", f"{path.stat().st_size:,} bytes")
    if path.suffix.lower() in ABC_SUFFIXES:
        yield from _abc_tunes(path, name)
        return
    try:
        score = symusic().Score.from_midi(whole_midi(path.read_bytes(), name))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:100]
        raise InvalidInput(f"{name} must be a complete MIDI file, but it cannot be read ({reason})") from None
    yield _tune(score, name)


def symusic() -> Any:
    """The optional package that reads and writes MIDI and ABC."""
    try:
        import symusic as found
    except ImportError as error:
        raise MissingExtra("melodies need symusic; install it with: pip install 'latentarium[music]'") from error
    return found


def _abc_tunes(path: Path, name: str) -> Iterator[Tune]:
    text = read_utf8(path, name).replace("\r\n", "\n")
    starts = [match.start() for match in _TUNE.finditer(text)]
    if not starts:
        raise invalid(name, "an ABC file with a tune that begins with a line X:", "none")
    ends = [*starts[1:], len(text)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        own = name if len(starts) == 1 else f"{name}#{number}"
        # words in quotes are chords for an accompaniment, which would be played along
        yield _tune(_score_of_abc(_CHORD_SYMBOL.sub("", text[start:end]).strip() + "\n", own), own)


def _score_of_abc(text: str, name: str) -> Any:
    try:
        return symusic().Score.from_abc(text)
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InvalidInput(f"{name} must be a tune in ABC notation, but it cannot be read ({reason})") from None


def _tune(score: Any, name: str) -> Tune:
    if score.ticks_per_quarter <= 0:
        raise invalid(name, "a file with ticks for each quarter", score.ticks_per_quarter)
    unit = score.ticks_per_quarter / STEPS_PER_QUARTER
    notes = sorted((n.time, n.end, n.pitch, track.is_drum) for track in score.tracks for n in track.notes)
    if not notes:
        raise invalid(name, "a file with notes", "none")
    onsets, ends, pitches, drums = (np.array(column) for column in zip(*notes, strict=True))
    last = float(ends.max()) / unit
    if last > LONGEST or onsets[0] < 0:
        raise invalid(name, f"a tune of at most {LONGEST:,} sixteenths", f"{last:,.0f}", "cut it into parts")
    return Tune(
        name=name,
        onsets=onsets / unit,
        ends=ends / unit,
        pitches=pitches.astype(np.int64),
        drums=drums.astype(bool),
        bars=_bars(score, unit, last),
    )


def _bars(score: Any, unit: float, last: float) -> Array:
    """Where bars begin, from the time signatures; bars of four quarters where there is none."""
    changes = [(s.time / unit, STEPS_PER_BAR * s.numerator / s.denominator) for s in score.time_signatures]
    if not changes or changes[0][0] > 0:
        changes.insert(0, (0.0, float(STEPS_PER_BAR)))
    ends = [*(start for start, _ in changes[1:]), last]
    # a signature in the middle of a bar begins a new one
    parts = [np.arange(start, end, max(1.0, length)) for (start, length), end in zip(changes, ends, strict=True)]
    return np.concatenate(parts)
