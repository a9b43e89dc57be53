"""Notes as a MIDI file, by symusic."""

from typing import Any

from latentarium.data.music.modalities import STEPS_PER_QUARTER
from latentarium.data.music.notes import Notes
from latentarium.data.music.tunes import symusic

TICKS = 120
"""Of a sixteenth."""
QUARTERS_PER_MINUTE = 120
VELOCITY = 90
FLUTE = 73
"""General MIDI program: its pitch is clear with any soundfont."""


def midi_bytes(notes: Notes) -> bytes:
    """A MIDI file of one track, 120 quarters a minute; drums are on channel 10.

    Raises
    ------
    MissingExtra
        When symusic is not installed.
    """
    return score_of(notes).dumps_midi()


def score_of(notes: Notes) -> Any:
    """The notes as symusic's own object."""
    found = symusic()
    score = found.Score(TICKS * STEPS_PER_QUARTER)
    score.tempos.append(found.Tempo(time=0, qpm=QUARTERS_PER_MINUTE))
    score.time_signatures.append(found.TimeSignature(0, 4, 4))
    track = found.Track(name="drums" if notes.drums else "melody", program=FLUTE, is_drum=notes.drums)
    for start, length, pitch in zip(notes.starts, notes.lengths, notes.pitches, strict=True):
        track.notes.append(found.Note(TICKS * int(start), TICKS * int(length), int(pitch), VELOCITY))
    score.tracks.append(track)
    return score
