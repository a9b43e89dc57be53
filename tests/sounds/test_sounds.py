"""Notes become MIDI and WAV files in which the notes can be found again."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.sounds.hearing import heard_pitch

from latentarium.data.music.notes import Notes
from latentarium.errors import InvalidInput
from latentarium.sounds import RATE, find_soundfont, midi_bytes, midi_text, render, tones, wav_bytes, wav_text

TUNE = Notes(
    starts=np.array([0, 4, 8]), lengths=np.array([4, 2, 8]), pitches=np.array([60, 67, 72]), steps=16
)  # fmt: skip
DRUMS = Notes(starts=np.array([0, 8]), lengths=np.array([1, 1]), pitches=np.array([36, 42]), steps=16, drums=True)


def part(sound: NDArray[np.float32], start: int, length: int) -> NDArray[np.float32]:
    return sound[round(start * 0.125 * RATE) : round((start + length) * 0.125 * RATE)]


@pytest.mark.parametrize("soundfont", [None, "installed"])
def test_pitches_are_heard(soundfont: str | None) -> None:
    found = find_soundfont() if soundfont else None
    assert (found is None) is (soundfont is None)
    sound = render(TUNE, soundfont=found)
    assert np.abs(sound).max() <= 1
    for start, length, pitch in zip(TUNE.starts, TUNE.lengths, TUNE.pitches, strict=True):
        assert heard_pitch(part(sound, start, length)) == pitch
    assert np.abs(part(tones(TUNE), 6, 2)).max() < 1e-6


def test_drums_sound_where_they_are_struck() -> None:
    sound = tones(DRUMS)
    loud = [float(np.abs(part(sound, step, 1)).max()) > 0.1 for step in range(16)]
    assert [step for step, struck in enumerate(loud) if struck] == [0, 8]


def test_midi_holds_the_notes() -> None:
    for notes in (TUNE, DRUMS):
        score = symusic.Score.from_midi(midi_bytes(notes))
        (track,) = score.tracks
        assert track.is_drum is notes.drums
        found = sorted((note.time // 120, note.duration // 120, note.pitch) for note in track.notes)
        assert found == list(zip(notes.starts, notes.lengths, notes.pitches, strict=True))


def test_wav_bytes_are_a_wav_file() -> None:
    with wave.open(io.BytesIO(wav_bytes(np.array([0, 1, -1, 2], np.float32)))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, RATE, 4)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 32767, -32767, 32767]


def test_which_soundfont(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENTARIUM_SOUNDFONT", "none")
    assert find_soundfont() is None
    monkeypatch.setenv("LATENTARIUM_SOUNDFONT", str(tmp_path / "no.sf2"))
    with pytest.raises(InvalidInput, match="LATENTARIUM_SOUNDFONT must be a soundfont file, or 'none', got"):
        find_soundfont()
    (tmp_path / "no.sf2").write_bytes(b"no soundfont")
    with pytest.raises(InvalidInput, match=r"the soundfont must be a readable .sf2 or .sf3 file, got 'no.sf2'"):
        render(TUNE, soundfont=find_soundfont())


def test_nothing_to_play() -> None:
    none = np.zeros(0, np.int64)
    silence = Notes(starts=none, lengths=none, pitches=none, steps=16)
    assert not render(silence, soundfont=Path("unused.sf2")).any()


@pytest.mark.parametrize("text", ["a", "n" * 127, "n" * 128, "[1, 2] é" * 5000])
def test_a_text_inside_leaves_the_sound_as_it_is(text: str) -> None:
    score = symusic.Score.from_midi(midi_bytes(TUNE, text=text))
    assert midi_bytes(TUNE) == score.dumps_midi()
    assert midi_text(midi_bytes(TUNE, text=text)) == text
    sound = np.linspace(-1, 1, 7, dtype=np.float32)
    with wave.open(io.BytesIO(wav_bytes(sound, text=text))) as file:
        assert file.readframes(9) == wav_bytes(sound)[-14:]
    data = wav_bytes(sound, text=text)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert wav_text(data) == text


def test_files_without_a_text_have_none() -> None:
    assert midi_text(midi_bytes(TUNE)) is None
    assert wav_text(wav_bytes(np.zeros(3, np.float32))) is None


@given(st.binary(max_size=60))
def test_any_bytes_can_be_asked_for_a_text(data: bytes) -> None:
    for start in (b"", midi_bytes(TUNE, text="x")[:25], wav_bytes(np.zeros(3, np.float32), text="x")[:50]):
        for found in (midi_text(start + data), wav_text(start + data)):
            assert found is None or len(found) <= len(start + data)
