"""Sounds: notes in, the bytes of a MIDI or WAV file out. Nothing here writes a file or keeps global state."""

from latentarium.sounds.midi import midi_bytes, midi_text
from latentarium.sounds.tones import RATE, tones
from latentarium.sounds.wav import find_soundfont, render, wav_bytes, wav_text

__all__ = ["RATE", "find_soundfont", "midi_bytes", "midi_text", "render", "tones", "wav_bytes", "wav_text"]
