"""Files of a view while they are collected, each with its size and checksum."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Writer, bytes_writer
from latentarium.errors import InvalidInput
from latentarium.explorer.wire import ArrayFile, FileFacts, Packed

_DTYPES = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "f32": "<f4"}


@dataclass(frozen=True)
class Draft:
    """The files so far, by name."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def add(self, name: str, data: bytes) -> str:
        """Put a file into the view; its name."""
        self.files[name] = data
        return name

    def array(self, name: str, values: NDArray[Any], dtype: str) -> ArrayFile:
        """An array as a file NAME.DTYPE."""
        data = np.ascontiguousarray(values, _DTYPES[dtype])
        file = self.add(f"{name}.{dtype}", data.tobytes())
        return ArrayFile(file=file, dtype=dtype, shape=list(data.shape))  # type: ignore[arg-type]

    def packed(self, name: str, values: NDArray[Any], dtype: str, *, square: bool = False) -> Packed:
        """Columns of finite `values` (n, k) as whole numbers over each one's range; over the widest with `square`."""
        if not np.isfinite(values).all():
            raise InvalidInput(f"{name} of a view must be finite")
        ends = values if len(values) else np.zeros((1, values.shape[1]))
        low, high = ends.min(0).astype(np.float64), ends.max(0).astype(np.float64)
        span = np.where(high > low, high - low, 1.0)
        if square:
            middle, span = (low + high) / 2, np.full_like(span, max((high - low).max(), 1e-9))
            low = middle - span / 2
        most = np.iinfo(_DTYPES[dtype]).max
        numbers = np.clip(np.rint((values - low) / span * most), 0, most)
        array = self.array(name, numbers, dtype)
        return Packed(array=array, scale=(span / most).tolist(), offset=low.tolist())

    def facts(self) -> dict[str, FileFacts]:
        """Size and SHA-256 of every file."""
        return {
            name: FileFacts(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in self.files.items()
        }

    def writers(self, folder: str) -> dict[str, Writer]:
        """Writers of the files under `folder` of a bundle."""
        return {f"{folder}/{name}": bytes_writer(data) for name, data in self.files.items()}
