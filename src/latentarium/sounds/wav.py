"""Notes as a WAV file: by a soundfont where there is one, else in plain tones."""

import importlib.util
import io
import os
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from latentarium.data.music.notes import Notes
from latentarium.errors import MissingExtra, invalid
from latentarium.sounds.midi import score_of
from latentarium.sounds.tones import RATE, Samples, tones

VARIABLE = "LATENTARIUM_SOUNDFONT"
PLAIN = "none"
FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/soundfonts")
LOUDEST = 0.9
COMMENT = b"ICMT"


def find_soundfont() -> Path | None:
    """The soundfont to play with, None for plain tones.

    `LATENTARIUM_SOUNDFONT` names a .sf2 or .sf3 file, or "none". Otherwise the first of those that the system's
    packages bring, or the one inside the Python package pretty_midi, which stays where it is.

    Raises
    ------
    InvalidInput
        When the variable names no file.
    """
    named = os.environ.get(VARIABLE, "")
    if named == PLAIN:
        return None
    if named and not Path(named).is_file():
        raise invalid(VARIABLE, "a soundfont file, or 'none'", named)
    return Path(named) if named else next(_installed(), None)


def _installed() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(Path(folder).glob("*.sf[23]"))
    spec = importlib.util.find_spec("pretty_midi")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(place).glob("*.sf2"))


def render(notes: Notes, *, soundfont: Path | None = None) -> Samples:
    """The notes as samples in [-1, 1], 22,050 a second, played by `soundfont` or in plain tones."""
    if soundfont is None or not len(notes):
        return tones(notes)
    try:
        score = score_of(notes)
    except MissingExtra:
        return tones(notes)
    from symusic import Synthesizer

    try:
        played = Synthesizer(str(soundfont), sample_rate=RATE).render(score, stereo=False)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise invalid("the soundfont", "a readable .sf2 or .sf3 file", soundfont.name, reason) from None
    sound = np.asarray(played, np.float32).reshape(-1)
    loudest = float(np.abs(sound).max(initial=0))
    return sound * np.float32(LOUDEST / loudest) if loudest else sound


def wav_bytes(samples: Samples, *, text: str = "") -> bytes:
    """Samples in [-1, 1] as a WAV file of 16 bits and one channel, with `text` as its comment."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    if not text:
        return stream.getvalue()
    whole = stream.getvalue() + _chunk(b"LIST", b"INFO" + _chunk(COMMENT, text.encode() + b"\0"))
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def wav_text(data: bytes) -> str | None:
    """The comment in a WAV file, None where there is none."""
    for name, body in _chunks(data, 12):
        if name == b"LIST" and body[:4] == b"INFO":
            comments = dict(_chunks(body, 4))
            return comments[COMMENT].rstrip(b"\0").decode("utf-8", "replace") if COMMENT in comments else None
    return None


def _chunk(name: bytes, body: bytes) -> bytes:
    """A RIFF chunk, which ends at an even byte."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _chunks(data: bytes, start: int) -> Iterator[tuple[bytes, bytes]]:
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2
