"""What notes say of themselves: density, range, syncopation and mode of each row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.music.modalities import FIRST_NOTE, HOLD, LOWEST_PITCH, STEPS_PER_BAR, STEPS_PER_QUARTER

Grid = NDArray[np.uint8]
Array = NDArray[np.float64]
WEIGHTS = np.array([0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4])
"""How strong each sixteenth of a bar of four quarters is (Longuet-Higgins & Lee 1984)."""
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well each degree fits a key (Krumhansl & Kessler 1982)."""
SCALES: Mapping[str, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


def melody_attributes(raw: Grid) -> dict[str, NDArray[Any]]:
    """Columns of melodies (n, steps).

    `density`: notes a quarter. `range`: semitones from the lowest to the highest note. `syncopation`: see there.
    `mode`: "major" or "minor", whichever key's profile fits the sounding pitches best.

    Examples
    --------
    >>> scale = np.array([[41, 1, 43, 1, 45, 1, 46, 1, 48, 1, 50, 1, 52, 1, 53, 1]], np.uint8)
    >>> {name: values[0].item() for name, values in melody_attributes(scale).items()}
    {'density': 2.0, 'range': 12.0, 'syncopation': 0.0, 'mode': 'major'}
    """
    struck = np.asarray(raw >= FIRST_NOTE)
    high = np.where(struck, raw, 0).max(1).astype(float)
    low = np.where(struck, raw, 255).min(1).astype(float)
    return {
        "density": _density(struck),
        "range": np.where(struck.any(1), high - low, 0.0),
        "syncopation": syncopation(struck, np.asarray(raw == HOLD)),
        "mode": np.array(["major", "minor"])[estimated_keys(raw)[1]],
    }


def drum_attributes(raw: Grid) -> dict[str, NDArray[Any]]:
    """Columns of drum patterns (n, 9, steps): `density`, hits of all drums a quarter, and `syncopation`."""
    struck = np.asarray(raw.any(1))
    quarters = raw.shape[2] / STEPS_PER_QUARTER
    return {"density": raw.sum((1, 2)) / quarters, "syncopation": syncopation(struck, ~struck)}


def syncopation(struck: NDArray[np.bool_], lasting: NDArray[np.bool_]) -> Array:
    """Syncopation a bar of rows (n, steps), after Longuet-Higgins & Lee 1984.

    A note on a weak sixteenth that lasts over a stronger one, with no other note there, adds the difference of their
    weights. 0 is a note on every beat that matters.
    """
    steps = struck.shape[1]
    weights = np.resize(WEIGHTS, steps)
    total = np.zeros(len(struck))
    weight = np.zeros(len(struck))
    strongest = np.zeros(len(struck))
    sounding = np.zeros(len(struck), bool)
    for step in range(steps):
        new = struck[:, step]
        # the note before is over: what it lasted over counts
        total += np.where(new, strongest, 0)
        strongest[new], weight[new] = 0, weights[step]
        sounding = new | (sounding & lasting[:, step])
        held = sounding & ~new
        strongest = np.where(held, np.maximum(strongest, weights[step] - weight), strongest)
    return (total + strongest) / (steps / STEPS_PER_BAR)


def sounding_pitches(raw: Grid) -> NDArray[np.int64]:
    """MIDI pitch that sounds at each step of melodies (n, steps), -1 for silence."""
    place = np.maximum.accumulate(np.where(raw != HOLD, np.arange(raw.shape[1]), 0), axis=1)
    symbol = np.take_along_axis(raw, place, axis=1).astype(np.int64)
    return np.where(symbol >= FIRST_NOTE, symbol - FIRST_NOTE + LOWEST_PITCH, -1)


def pitch_classes(raw: Grid) -> Array:
    """How many steps each of the twelve pitch classes sounds (n, 12)."""
    pitches = sounding_pitches(raw)
    return np.stack([((pitches >= 0) & (pitches % 12 == tone)).sum(1) for tone in range(12)], axis=1).astype(float)


def in_key(raw: Grid) -> Array:
    """Share of the sounding steps whose pitch lies in the major or minor scale that fits a row best (n,)."""
    sounding = pitch_classes(raw)
    scales = np.array(
        [np.roll(np.isin(np.arange(12), scale), tonic) for scale in SCALES.values() for tonic in range(12)]
    )
    return (sounding @ scales.T).max(1) / np.maximum(1, sounding.sum(1))


def estimated_keys(raw: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tonic 0 to 11 and mode (0 major, 1 minor) of each row, by correlation with profiles of keys (Krumhansl 1990)."""
    sounding = pitch_classes(raw)
    centred = sounding - sounding.mean(1, keepdims=True)
    profiles = np.stack([np.roll(profile - profile.mean(), k) for profile in (MAJOR, MINOR) for k in range(12)])
    best = (centred @ (profiles / np.linalg.norm(profiles, axis=1, keepdims=True)).T).argmax(1)
    return best % 12, best // 12


def _density(struck: NDArray[np.bool_]) -> Array:
    return struck.sum(1) / (struck.shape[1] / STEPS_PER_QUARTER)
