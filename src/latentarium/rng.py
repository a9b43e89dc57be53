"""Randomness from one integer seed, without touching any global state."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid


def check_seed(seed: object) -> int:
    """Return `seed` as a non-negative int or raise `InvalidInput`."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < 2**63:
        raise invalid("seed", "an integer from 0 to 2**63 - 1", seed)
    return int(seed)


def generator(seed: int, *path: int) -> np.random.Generator:
    """A numpy generator for `seed`; `path` names an independent stream under it.

    Examples
    --------
    >>> bool(generator(0, 1).random() == generator(0, 1).random())
    True
    >>> bool(generator(0, 1).random() == generator(0, 2).random())
    False
    """
    return np.random.default_rng(np.random.SeedSequence([check_seed(seed), *path]))


def draw(numbers: NDArray[np.int64], most: int, *, seed: int, stream: int) -> NDArray[np.int64]:
    """`numbers` where there are at most `most`, else a draw of that many without replacement, ascending.

    Examples
    --------
    >>> draw(np.arange(100), 3, seed=0, stream=1).shape
    (3,)
    """
    if len(numbers) <= most:
        return numbers
    return np.sort(generator(seed, stream).choice(numbers, most, replace=False))


def torch_generator(seed: int, *path: int, device: Any = "cpu") -> Any:
    """A torch generator for `seed` and stream `path`; torch is imported here and nowhere else in this layer."""
    import torch

    state = np.random.SeedSequence([check_seed(seed), *path]).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))
