"""`FactorSource`: a grid of factors of variation and the pictures that they generate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_positive_int
from latentarium.data.modalities import LARGEST, SMALLEST
from latentarium.errors import invalid
from latentarium.rng import generator

Levels = NDArray[np.int64]
Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
_SAMPLE, _FIXED = 61, 62
_RENDER_PIXELS = 1 << 24


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorSource:
    """Factors with a number of levels each, all combinations allowed and equally likely, and how one is drawn.

    A table of factors is (n, k) whole numbers: the level of each of the k factors, 0 to sizes[k] - 1.

    Parameters
    ----------
    name : what messages call it
    grid : what each level stands for, by factor name and in the order of the table's columns
    size : side of the pictures in pixels
    channels : 1 or 3
    draw : a table and a size -> uint8 (n, channels, size, size)
    classes : words for the levels of the factors that are kinds and not amounts
    """

    name: str
    grid: Mapping[str, Array]
    size: int
    channels: int
    draw: Callable[[Levels, int], Bytes]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def __post_init__(self) -> None:
        check_positive_int(self.size, "size", low=SMALLEST, high=LARGEST)

    @property
    def names(self) -> tuple[str, ...]:
        """The factors, in the order of a table's columns."""
        return tuple(self.grid)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Levels of each factor."""
        return tuple(len(levels) for levels in self.grid.values())

    def __len__(self) -> int:
        """How many combinations there are."""
        return int(np.prod(self.sizes))

    def sample(self, n: int, *, seed: int) -> Levels:
        """A table of `n` combinations, each as likely as any other, and different as long as there are enough.

        Examples
        --------
        >>> from latentarium.data.factors import sprites
        >>> source = sprites()
        >>> source.sample(2, seed=0).shape, source.names
        ((2, 5), ('shape', 'scale', 'orientation', 'x', 'y'))
        """
        check_positive_int(n, "n")
        number = generator(seed, _SAMPLE).choice(len(self), size=n, replace=n > len(self))
        return np.stack(np.unravel_index(number, self.sizes), axis=1).astype(np.int64)

    def fixed_factor(self, factor: int, *, groups: int, batch: int, seed: int) -> Levels:
        """Tables (groups, batch, k): the factor keeps one random level within a group, the others vary freely.

        The intervention that the beta-VAE and the FactorVAE scores are defined by.
        """
        if not 0 <= factor < len(self.sizes):
            raise invalid("factor", f"a number from 0 to {len(self.sizes) - 1}", factor)
        random = generator(seed, _FIXED, factor)
        shape = (check_positive_int(groups, "groups"), check_positive_int(batch, "batch"), len(self.sizes))
        tables = random.integers(self.sizes, size=shape)
        tables[:, :, factor] = tables[:, :1, factor]
        return tables

    def values(self, table: ArrayLike) -> Array:
        """What the levels stand for, (n, k): radians, places in the frame, hues, numbers of shapes."""
        levels = self.check(table)
        return np.stack([values[levels[:, k]] for k, values in enumerate(self.grid.values())], axis=1)

    def render(self, table: ArrayLike, *, size: int | None = None) -> Bytes:
        """The pictures of a table, uint8 (n, channels, size, size)."""
        levels = self.check(table)
        side = self.size if size is None else check_positive_int(size, "size", low=SMALLEST, high=LARGEST)
        out = np.empty((len(levels), self.channels, side, side), np.uint8)
        for part in batches(len(levels), max(1, _RENDER_PIXELS // side**2)):
            out[part] = self.draw(levels[part], side)
        return out

    def check(self, table: ArrayLike) -> Levels:
        """The table as int64 or `InvalidInput`."""
        levels = np.asarray(table)
        wanted = len(self.sizes)
        if levels.ndim != 2 or levels.shape[1] != wanted or levels.dtype.kind not in "iu":
            raise invalid("table", f"whole numbers (n, {wanted}), one column for each of {self.names}", levels.shape)
        if levels.size and (levels.min() < 0 or (levels.max(0) >= self.sizes).any()):
            raise invalid("table", f"levels from 0, below {self.sizes}", f"{levels.min(0)} to {levels.max(0)}")
        return levels.astype(np.int64)
