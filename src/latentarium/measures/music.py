"""How many notes come back: onset-and-pitch F1 of melodies and drums."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.data.music.modalities import DRUMS, FIRST_NOTE, GridModality
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped, check_row_count
from latentarium.space import LatentSpace

Array = NDArray[np.float64]


def note_f1(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Share of notes that come back at their sixteenth and pitch, F1 of precision and recall over all notes of
    decode(encode(x)), which runs freely; 0 to 1, higher is better.
    """
    evidence = Evidence.of(space, x, seed=seed)
    return note_f1_between(evidence.x, evidence.reconstruction, seed=seed)


def note_f1_between(x: ArrayLike, reconstruction: ArrayLike, *, seed: int = 0) -> Score:
    """Onset-and-pitch F1 of aligned arrays of melodies (n, 90, steps) or drums (n, 9, steps).

    Examples
    --------
    >>> from latentarium.data import MelodyModality
    >>> x = MelodyModality(bars=1).to_array(np.array([[41, *[1] * 15], [43, 1, 45, *[1] * 13]], np.uint8))
    >>> again = MelodyModality(bars=1).to_array(np.array([[41, *[1] * 15], [43, 1, 46, *[1] * 13]], np.uint8))
    >>> round(note_f1_between(x, again).value, 4)
    0.6667
    """
    first, second = np.asarray(x), np.asarray(reconstruction)
    if first.shape != second.shape:
        raise invalid("reconstruction.shape", f"{first.shape}, as x", second.shape)
    check_row_count(len(first))
    before, after = _struck(first), _struck(second)
    counts = np.stack([(before & after).sum((1, 2)), before.sum((1, 2)) + after.sum((1, 2))], axis=1).astype(float)
    return Score(
        name="note_f1",
        value=_f1(counts),
        interval=bootstrap_interval(counts, seed=seed, statistic=_f1),
        resampling=bootstrapped(),
        n=len(counts),
        direction="higher",
        range=(0.0, 1.0),
        settings={"seed": seed, "average": "over notes, not rows"},
        meaning="How many notes of the data come back at their place and pitch, and how few others with them.",
        misleads="a note a sixteenth late or an octave off is as wrong as a missing one; its length is not seen.",
    )


def _struck(arrays: NDArray[Any]) -> NDArray[np.bool_]:
    """Which key or drum is struck at which step (n, keys, steps)."""
    if arrays.shape[1] == len(DRUMS):
        return np.asarray(arrays >= 0.5)
    symbols = arrays.argmax(1)
    return symbols[:, None] == np.arange(FIRST_NOTE, arrays.shape[1])[:, None]


def _f1(counts: Array) -> float:
    return float(2 * counts[:, 0].sum() / max(1.0, counts[:, 1].sum()))


def _why_no_notes(evidence: Evidence) -> str:
    return "" if isinstance(evidence.space.modality, GridModality) else "the rows are no melodies or drums"


ENTRIES = (
    Entry(
        "note_f1",
        frozenset({"encode", "decode"}),
        lambda e: note_f1_between(e.x, e.reconstruction, seed=e.seed),
        _why_no_notes,
    ),
)
