"""Notes as a MIDI file, by symusic, with a line of text in it."""

import struct
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


HEADER = 14
"""Bytes before the first track, whose own begin with its name and length."""
TEXT_EVENT = b"\x00\xff\x01"


def midi_bytes(notes: Notes, *, text: str = "") -> bytes:
    """A MIDI file of one track, 120 quarters a minute; drums are on channel 10. `text` is an event at its beginning.

    Raises
    ------
    MissingExtra
        When symusic is not installed.
    """
    data = score_of(notes).dumps_midi()
    return _with_text(data, text.encode()) if text else data


def midi_text(data: bytes) -> str | None:
    """The text at the beginning of a MIDI file, None where there is none."""
    start = HEADER + 8
    if data[:4] != b"MThd" or data[start : start + 3] != TEXT_EVENT:
        return None
    at, length = start + 3, 0
    while at < len(data):
        length = length << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            break
    return data[at : at + length].decode("utf-8", "replace")


def _with_text(data: bytes, text: bytes) -> bytes:
    """A MIDI file whose first track begins with a text event."""
    (size,) = struct.unpack_from(">I", data, HEADER + 4)
    event = TEXT_EVENT + _variable(len(text)) + text
    start = HEADER + 8
    return data[: HEADER + 4] + struct.pack(">I", size + len(event)) + event + data[start:]


def _variable(number: int) -> bytes:
    """Seven bits a byte, all but the last with the eighth set."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


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
