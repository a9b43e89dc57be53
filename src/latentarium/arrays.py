"""The one place where shapes, ranges, NaN and dtype of arrays are checked, and where work is cut into batches."""

from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.errors import InvalidInput, invalid

FloatArray = NDArray[np.float32]


def as_rows(
    values: ArrayLike, shape: tuple[int, ...], *, name: str, low: float | None = None, high: float | None = None
) -> FloatArray:
    """`values` as a C-contiguous float32 array of shape (n, *shape); the caller's array is never altered.

    Raises
    ------
    InvalidInput
        When the shape differs, a value is NaN or infinite, or a value leaves [`low`, `high`].
    """
    array = _numeric(values, name)
    if array.shape[1:] != shape or array.ndim != len(shape) + 1:
        hint = "add a leading axis for a single row" if array.shape == shape else ""
        raise invalid(f"{name}.shape", f"(n, {', '.join(map(str, shape))})", array.shape, hint)
    check_finite(array, name)
    check_range(array, name, low, high)
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(array, dtype=np.float32)
    if rows.dtype != array.dtype:
        check_finite(rows, f"{name} as float32")
    return rows


def _numeric(values: ArrayLike, name: str) -> NDArray[Any]:
    detach: Any = getattr(values, "detach", None)
    array: NDArray[Any] = np.asarray(values if detach is None else detach().cpu())
    if array.dtype.kind not in "fiub":
        raise invalid(name, "a numeric array", f"dtype {array.dtype}")
    return array


def check_finite(array: NDArray[Any], name: str) -> None:
    """Raise `InvalidInput`, naming the first bad row, when `array` has NaN or infinity."""
    if array.dtype.kind == "f" and array.size and not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        first = int(bad[0][0])
        raise InvalidInput(f"{name} must be finite, got {len(bad)} NaN or infinite values, the first in row {first}")


def check_range(array: NDArray[Any], name: str, low: float | None, high: float | None) -> None:
    """Raise `InvalidInput` when a value leaves [low, high] by more than rounding."""
    if not array.size or (low is None and high is None):
        return
    lowest, highest = float(array.min()), float(array.max())
    slack = 1e-5
    if (low is not None and lowest < low - slack) or (high is not None and highest > high + slack):
        raise invalid(
            name, f"within [{low}, {high}]", f"values from {lowest:g} to {highest:g}", "rescale the values first"
        )


def check_positive_int(value: object, name: str, *, low: int = 1, high: int = 2**31) -> int:
    """`value` as an int in [low, high] or `InvalidInput`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise invalid(name, f"an integer from {low} to {high}", value)
    return int(value)


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover range(count) in order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def rows_within(values: int, shape: tuple[int, ...], *, most: int) -> int:
    """How many rows of `shape` hold no more than `values` numbers together: at least 2, at most `most`.

    Examples
    --------
    >>> rows_within(1000, (3, 10), most=50), rows_within(1000, (3, 10), most=20)
    (33, 20)
    """
    return min(most, max(2, values // int(np.prod(shape))))


def map_batched(
    function: Callable[..., Any], *arrays: NDArray[Any], shape: tuple[int, ...], batch_size: int
) -> FloatArray:
    """Apply `function` to aligned batches of `arrays`; every batch has equal length, so that a row's
    result cannot depend on how many rows came with it.

    The last batch is padded with copies of its final row and cut afterwards: matrix libraries pick
    different summation orders for different batch lengths, which would show in the last bits.

    Returns
    -------
    float32 array of shape (n, *shape)
    """
    count = len(arrays[0])
    out = np.empty((count, *shape), np.float32)
    for part in batches(count, batch_size):
        chunk = [pad_rows(np.asarray(a[part]), batch_size) for a in arrays]
        result = np.asarray(function(*chunk))
        if result.shape != (batch_size, *shape):
            raise InvalidInput(
                f"a function of the latent space returned shape {result.shape}, expected {(batch_size, *shape)}"
            )
        out[part] = result[: part.stop - part.start]
    return out


def pad_rows(array: NDArray[Any], count: int) -> NDArray[Any]:
    """`array` lengthened to `count` rows by repeating its last row."""
    missing = count - len(array)
    return array if missing <= 0 else np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
