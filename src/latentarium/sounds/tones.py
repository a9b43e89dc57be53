"""A plain instrument made of sines, for where no soundfont is installed."""

import numpy as np
from numpy.typing import NDArray

from latentarium.data.music.modalities import STEPS_PER_QUARTER
from latentarium.data.music.notes import Notes
from latentarium.rng import generator
from latentarium.sounds.midi import QUARTERS_PER_MINUTE

Samples = NDArray[np.float32]
RATE = 22_050
STEP_SECONDS = 60 / QUARTERS_PER_MINUTE / STEPS_PER_QUARTER
TAIL_SECONDS = 0.5
HARMONICS = (1.0, 0.35, 0.15, 0.05)
LOUDNESS = 0.4
ATTACK, RELEASE, DECAY = 0.01, 0.05, 1.2
"""Seconds of a tone's rise and fall, and in which it loses two thirds of its loudness."""
STROKE = 0.12
KICK, KICK_PITCH = 36, 60.0


def tones(notes: Notes) -> Samples:
    """The notes as samples in [-1, 1], 22,050 a second.

    Examples
    --------
    >>> one = Notes(starts=np.array([0]), lengths=np.array([8]), pitches=np.array([69]), steps=8)
    >>> sound = tones(one)
    >>> len(sound) / RATE, float(np.abs(sound).max()) < 1
    (1.5, True)
    """
    out = np.zeros(round((notes.steps * STEP_SECONDS + TAIL_SECONDS) * RATE), np.float32)
    for start, length, pitch in zip(notes.starts, notes.lengths, notes.pitches, strict=True):
        sound = _stroke(int(pitch)) if notes.drums else _tone(int(pitch), float(length) * STEP_SECONDS)
        begin = round(float(start) * STEP_SECONDS * RATE)
        out[begin : begin + len(sound)] += sound[: len(out) - begin]
    return np.clip(out, -1, 1)


def _tone(pitch: int, seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(loud * np.sin(2 * np.pi * k * frequency * time) for k, loud in enumerate(HARMONICS, 1))
    shape = np.minimum(1, time / ATTACK) * np.minimum(1, (seconds - time) / RELEASE) * np.exp(-time / DECAY)
    return (LOUDNESS * wave * shape / sum(HARMONICS)).astype(np.float32)


def _stroke(pitch: int) -> Samples:
    """A thud for the kick, for the others a burst of noise that is its own for each drum."""
    time = np.arange(round(STROKE * RATE)) / RATE
    if pitch == KICK:
        wave = np.sin(2 * np.pi * KICK_PITCH * time)
    else:
        noise = generator(pitch).standard_normal(len(time))
        # differences are brighter: cymbals and hats have more of them than drums
        wave = np.diff(noise, n=1 + pitch % 3, prepend=np.zeros(1 + pitch % 3))
        wave = wave / np.abs(wave).max()
    return (LOUDNESS * wave * np.exp(-time / (STROKE / 5))).astype(np.float32)
