"""Arithmetic that gives the same bits on every machine, whatever the library, the threads and the batch.

Two facts carry it. Sums are of numbers on a grid, so small that a float64 holds every partial sum exactly: then the
order of summation, which is all that matrix libraries differ in, cannot show. Everything else is one operation an
element at a time (+, -, *, /, square root, rounding, table look-up), which IEEE 754 defines to the last bit. The
exponential and the logistic and normal distributions are made from these alone; the C library's are not.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid

Floats = NDArray[np.floating[Any]]

FRACTION = 14
"""Bits after the point of an activation."""
LIMIT = 2.0**10
"""Largest size of an activation; beyond it values are cut."""
WEIGHT_FRACTION = 16
"""Bits after the point of a weight, fewer in a layer whose sums would otherwise leave the exact range."""
EXACT_BITS = 53
TABLE_FRACTION = 11
"""Bits after the point of the argument of a tabulated distribution."""
REACH = {"logistic": 24, "normal": 9}
"""Where the tables end, in units of the scale; beyond lies no mass."""
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440054690582e-4
_TAYLOR = tuple(1 / math.factorial(n) for n in range(12, -1, -1))
_EXPONENT = 700.0


def snap(values: Floats) -> Floats:
    """Values cut at `LIMIT` and rounded to the grid of activations, in place."""
    np.clip(values, -LIMIT, LIMIT, out=values)
    values *= 2.0**FRACTION
    np.rint(values, out=values)
    values *= 2.0**-FRACTION
    return values


def exp(x: Floats) -> Floats:
    """e**x to about 1e-14 of its value: 2**k times a polynomial (Cody & Waite 1980)."""
    x = np.clip(x, -_EXPONENT, _EXPONENT)
    k = np.rint(x * 1.4426950408889634)
    x -= k * _LN2_HIGH
    x -= k * _LN2_LOW
    value = np.full_like(x, _TAYLOR[0])
    for coefficient in _TAYLOR[1:]:
        value *= x
        value += coefficient
    return np.ldexp(value, k.astype(np.int32))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e**-x)."""
    return 1.0 / (1.0 + exp(-x))


def silu(x: Floats) -> Floats:
    """x * sigmoid(x), on the grid."""
    return snap(x * sigmoid(x))


def softmax(logits: Floats) -> Floats:
    """Shares along the first axis, added up in order."""
    powers = exp(logits - logits.max(0))
    total = powers[0].copy()
    for power in powers[1:]:
        total += power
    return powers / total


def normalised(x: Floats, axes: tuple[int, ...], epsilon: float) -> Floats:
    """x less its mean over `axes`, over its standard deviation there; x on the grid."""
    count = math.prod(x.shape[axis] for axis in axes)
    # integers on the grid, whose sums int64 holds in any order
    grid = np.rint(x * 2.0**FRACTION).astype(np.int64)
    grid -= np.rint(grid.sum(axes, keepdims=True) / count).astype(np.int64)
    squares = (grid * grid).sum(axes, keepdims=True)
    variance = squares / count * 2.0 ** (-2 * FRACTION)
    return grid * 2.0**-FRACTION / np.sqrt(variance + epsilon)


@dataclass(frozen=True, eq=False)
class Linear:
    """x -> W x + b with exact sums: weights (outputs, inputs) on a grid, bias (outputs,)."""

    weight: Floats
    bias: Floats | float

    @classmethod
    def of(cls, weight: NDArray[np.floating], bias: NDArray[np.floating] | None) -> "Linear":
        """The layer with its weights rounded as finely as exact sums allow."""
        whole = np.asarray(weight, np.float64)
        if not np.isfinite(whole).all():
            raise invalid("a weight of the model", "finite", "NaN or infinity")
        largest = max(1.0, float(np.abs(whole).sum(1).max()))
        room = EXACT_BITS - 1 - FRACTION - math.ceil(math.log2(LIMIT * largest))
        grid = 2.0 ** min(WEIGHT_FRACTION, room)
        return cls(np.rint(whole * grid) / grid, 0.0 if bias is None else np.asarray(bias, np.float64))

    def __call__(self, x: Floats) -> Floats:
        """Rows x (n, inputs) on the grid -> (n, outputs) on the grid."""
        out = x @ self.weight.T
        out += self.bias
        return snap(out)


@functools.cache
def distribution_table(name: str) -> Floats:
    """The distribution function of `name` at steps of 2**-TABLE_FRACTION from -REACH to REACH, 0 and 1 at the ends."""
    reach, steps = REACH[name], 2**TABLE_FRACTION
    points = np.arange(-reach * steps, reach * steps + 1) / steps
    if name == "logistic":
        table = sigmoid(points)
    else:
        # the density in the middle of each step as whole numbers, whose sums are exact
        middle = (points[1:] + points[:-1]) / 2
        density = np.rint(exp(-0.5 * middle * middle) * 2.0**40).astype(np.int64)
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(density)])
        table = total / total[-1]
    table[0], table[-1] = 0.0, 1.0
    np.maximum.accumulate(table, out=table)
    table.setflags(write=False)
    return table


def shift_of(name: str) -> float:
    """What turns an argument in table steps into a place in the table of `name`, to be cut to a whole number."""
    return len(distribution_table(name)) // 2 + 0.5


def at_places(name: str, places: Floats) -> Floats:
    """The distribution function of `name` at places in its table, those beyond it at its ends."""
    return distribution_table(name).take(places.astype(np.int64), mode="clip")


def distribution(name: str, steps: Floats) -> Floats:
    """The distribution function of `name` at `steps` * 2**-TABLE_FRACTION."""
    return at_places(name, steps + shift_of(name))
