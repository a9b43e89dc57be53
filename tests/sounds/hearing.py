"""What a listener would say of a sound."""

import numpy as np
from numpy.typing import NDArray

from latentarium.sounds import RATE


def heard_pitch(sound: NDArray[np.floating]) -> int:
    """MIDI pitch of one tone, from the distance after which the sound repeats itself."""
    middle = np.asarray(sound[: int(0.2 * RATE)], np.float64)
    middle = middle - middle.mean()
    spectrum = np.abs(np.fft.rfft(middle, 2 * len(middle))) ** 2
    likeness = np.fft.irfft(spectrum)[: len(middle)]
    shortest, longest = int(RATE / 2000), int(RATE / 50)
    part = likeness[shortest:longest]
    # twice the distance repeats as well: the first peak that is nearly as high as any
    peaks = np.flatnonzero((part[1:-1] > part[:-2]) & (part[1:-1] >= part[2:]) & (part[1:-1] > 0.85 * part.max()))
    lag = shortest + 1 + int(peaks[0])
    around = likeness[lag - 1 : lag + 2]
    shift = 0.5 * (around[0] - around[2]) / (around[0] - 2 * around[1] + around[2])
    return round(69 + 12 * np.log2(RATE / (lag + shift) / 440))
