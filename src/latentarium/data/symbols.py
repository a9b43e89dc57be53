"""Rows of symbols, one after the other: what melodies and lines of text have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, as_rows
from latentarium.data.unit import UnitRange
from latentarium.errors import invalid


class TokenModality(UnitRange, ABC):
    """Rows of symbols: raw uint8 (n, steps), above 256 symbols uint16; array one-hot (n, symbols, steps), float32 in
    [0, 1].

    A decoded array holds the probability of each symbol at each step; raw are the likeliest ones.
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def symbols(self) -> int:
        """How many symbols there are."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Steps of a row."""

    @property
    def data_shape(self) -> tuple[int, int]:
        return self.symbols, self.length

    @property
    def raw_type(self) -> np.dtype[Any]:
        """Of raw rows."""
        return np.dtype(np.uint8 if self.symbols <= 256 else np.uint16)

    def to_array(self, raw: NDArray[Any]) -> FloatArray:
        """One-hot columns. Raises `InvalidInput` for another dtype, shape or an unknown symbol."""
        if raw.dtype.kind != "u" or raw.shape[1:] != (self.length,):
            raise invalid(
                f"raw rows of kind {self.kind!r}", f"{self.raw_type} (n, {self.length})", f"{raw.dtype} {raw.shape}"
            )
        if raw.size and int(raw.max()) >= self.symbols:
            raise invalid(f"symbols of kind {self.kind!r}", f"below {self.symbols}", int(raw.max()))
        return (raw[:, None, :] == np.arange(self.symbols, dtype=raw.dtype)[:, None]).astype(np.float32)

    def to_raw(self, array: NDArray[Any]) -> NDArray[Any]:
        """The likeliest symbol of each step."""
        return as_rows(array, self.data_shape, name=self.kind).argmax(1).astype(self.raw_type)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
