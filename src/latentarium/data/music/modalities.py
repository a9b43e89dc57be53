"""The pair raw <-> array for melodies and drum patterns (see `space.Modality`)."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, as_rows, check_positive_int
from latentarium.data.symbols import TokenModality
from latentarium.data.unit import UnitRange
from latentarium.errors import invalid

STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16
"""Of a bar of four quarters."""
MOST_BARS = 64
LOWEST_PITCH, HIGHEST_PITCH = 21, 108
"""The keys of a piano, as MIDI numbers."""
REST, HOLD, FIRST_NOTE = 0, 1, 2
"""Symbols of a melody: silence, the note before goes on, and then one for each key of the piano to be struck."""
DRUMS: Mapping[str, tuple[int, ...]] = {
    "kick": (36, 35),
    "snare": (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85),
    "closed hat": (42, 44, 54, 68, 69, 70, 71, 73, 78, 80, 22),
    "open hat": (46, 67, 72, 74, 79, 81, 26),
    "low tom": (45, 29, 41, 43, 61, 64, 84),
    "middle tom": (48, 47, 60, 63, 77, 86, 87),
    "high tom": (50, 30, 62, 76, 83),
    "crash": (49, 52, 55, 57, 58),
    "ride": (51, 53, 59, 82),
}
"""Nine classes of drums (Roberts et al. 2018) and the General MIDI notes that count as each; the first is played."""


@dataclass(frozen=True, kw_only=True)
class GridModality(UnitRange, ABC):
    """What melodies and drums share: bars of four quarters on a grid of sixteenths."""

    bars: int = 2
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        check_positive_int(self.bars, "bars", high=MOST_BARS)

    @property
    def steps(self) -> int:
        """Sixteenths of a row."""
        return self.bars * STEPS_PER_BAR

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(bars=stored["bars"])


@dataclass(frozen=True, kw_only=True)
class MelodyModality(GridModality, TokenModality):
    """One voice: raw symbols uint8 (n, 16 bars), array one-hot (n, 90, 16 bars).

    Symbols: 0 is silence, 1 lets the note before go on, k from 2 strikes MIDI pitch k + 19 (21 to 108).

    Examples
    --------
    >>> modality = MelodyModality(bars=1)
    >>> raw = np.array([[41, *[1] * 7, 43, *[1] * 7]], np.uint8)
    >>> modality.to_array(raw).shape, bool((modality.to_raw(modality.to_array(raw)) == raw).all())
    ((1, 90, 16), True)
    """

    kind: ClassVar[str] = "melody"

    @property
    def symbols(self) -> int:
        return FIRST_NOTE + HIGHEST_PITCH - LOWEST_PITCH + 1

    @property
    def length(self) -> int:
        return self.steps


@dataclass(frozen=True, kw_only=True)
class DrumModality(GridModality):
    """Drum patterns: raw 0/1 uint8 (n, 9, 16 bars), array the same in float32; rows of `DRUMS`, in its order.

    Examples
    --------
    >>> modality = DrumModality(bars=1)
    >>> modality.to_array(np.ones((1, 9, 16), np.uint8)).shape
    (1, 9, 16)
    """

    kind: ClassVar[str] = "drums"

    @property
    def data_shape(self) -> tuple[int, int]:
        return len(DRUMS), self.steps

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        """Raises `InvalidInput` for another dtype or shape, or values other than 0 and 1."""
        if raw.dtype != np.uint8 or raw.shape[1:] != self.data_shape or (raw.size and raw.max() > 1):
            raise invalid("raw drums", f"0/1 uint8 (n, {self.data_shape})", f"{raw.dtype} {raw.shape}")
        return raw.astype(np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        """What is struck with a probability of a half or more."""
        return (as_rows(array, self.data_shape, name="drums") >= 0.5).astype(np.uint8)
