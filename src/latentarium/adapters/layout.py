"""Axis order and units of a foreign model: what its arrays look like beside those of a space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray
from latentarium.errors import invalid

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a model's rows relate to the rows of a space, which are channels first and mostly within [0, 1].

    Parameters
    ----------
    shape : one row as the model has it, without the batch axis
    axes : the same values as axes with a meaning, (28, 28, 1) for a model whose rows are flat, of `shape` (784,)
    channels_last : whether the last of three axes holds the channels
    values : (low, high), what the model calls 0 and 1
    bounds : (low, high) that rows of the space are clipped to, None for no clipping

    Examples
    --------
    >>> layout = Layout(shape=(12,), axes=(2, 2, 3), channels_last=True, values=(-1.0, 1.0))
    >>> layout.data_shape, layout.to_model(np.ones((1, 3, 2, 2), np.float32)).shape
    ((3, 2, 2), (1, 12))
    """

    shape: Shape
    axes: Shape
    channels_last: bool = False
    values: tuple[float, float] = (0.0, 1.0)
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        low, high = self.values
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise invalid("values", "two numbers, the lower first, that the model calls 0 and 1", self.values)
        if int(np.prod(self.shape)) != int(np.prod(self.axes)):
            raise invalid(
                "shape", f"one with {int(np.prod(self.shape))} values, as the model's {self.shape}", self.axes
            )

    @property
    def turned(self) -> bool:
        """Whether channels have to be moved."""
        return self.channels_last and len(self.axes) == 3

    @property
    def data_shape(self) -> Shape:
        """One row as the space has it."""
        return (self.axes[2], *self.axes[:2]) if self.turned else self.axes

    def to_model(self, x: FloatArray) -> FloatArray:
        """Rows of the space (b, *data_shape) as the model takes them (b, *shape)."""
        rows = np.moveaxis(x, 1, -1) if self.turned else x
        low, high = self.values
        scaled = rows * np.float32(high - low) + np.float32(low) if self.values != (0, 1) else rows
        return np.ascontiguousarray(scaled).reshape(len(x), *self.shape)

    def to_space(self, rows: NDArray[np.floating]) -> FloatArray:
        """What the model gives (b, *shape) as rows of the space (b, *data_shape)."""
        low, high = self.values
        scaled = (rows - np.float32(low)) / np.float32(high - low) if self.values != (0, 1) else rows
        return self._turned(scaled if self.bounds is None else np.clip(scaled, *self.bounds))

    def slope(self, derivative: NDArray[np.floating], rows: NDArray[np.floating]) -> FloatArray:
        """The derivative at `rows`, both as the model gives them, in the units and axes of the space."""
        low, high = self.values
        scaled = self._turned(derivative / np.float32(high - low))
        if self.bounds is None:
            return scaled
        data = self.to_space(rows)
        return np.where((data > self.bounds[0]) & (data < self.bounds[1]), scaled, np.float32(0))

    def _turned(self, rows: NDArray[np.floating]) -> FloatArray:
        moved = rows.reshape(len(rows), *self.axes)
        return np.ascontiguousarray(np.moveaxis(moved, -1, 1) if self.turned else moved)
