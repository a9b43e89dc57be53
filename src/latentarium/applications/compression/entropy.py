"""The entropy coder, constriction's ANS, and whole counts that reach it without rounding (Bamler 2022)."""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from latentarium.applications.compression.arithmetic import Floats
from latentarium.errors import DamagedFile

PRECISION = 2**24
"""What the counts of a table sum to, with the one that the coder adds to each."""
_TINY = 2.0**-44


def counts_of(ends: Floats) -> Floats:
    """Whole counts (n, parts) in proportion to the steps of a distribution function along `ends` (parts + 1, n); equal
    ones where all its mass lies elsewhere.

    They sum to `PRECISION` less one for each part, which makes the coder's own rounding an identity.
    """
    parts = len(ends) - 1
    whole = ends - ends[0]
    whole += _TINY * np.arange(parts + 1)[:, None]
    whole *= (PRECISION - parts) / whole[-1]
    np.floor(whole, out=whole)
    whole[-1] = PRECISION - parts
    return np.ascontiguousarray((whole[1:] - whole[:-1]).T)


def empty_coder() -> Any:
    """A coder with nothing on it."""
    return _stack()()


def coder_of(payload: bytes) -> Any:
    """The coder that `payload_of` was taken from."""
    if len(payload) % 4 or payload[-4:] == bytes(4):
        raise DamagedFile("the file is damaged: a chunk that no coder has written")
    return _stack()(np.frombuffer(payload, "<u4").astype(np.uint32))


def payload_of(coder: Any) -> bytes:
    """What lies on a coder, as little-endian words."""
    return coder.get_compressed().astype("<u4").tobytes()


@functools.cache
def count_tables() -> Any:
    """The model of symbols that each have counts (n, parts) of their own."""
    return _categorical()(perfect=False)


def count_table(counts: Floats) -> Any:
    """The model of symbols that share counts (parts,)."""
    return _categorical()(counts, perfect=False)


def _categorical() -> Callable[..., Any]:
    return _constriction().stream.model.Categorical


def _stack() -> Callable[..., Any]:
    return _constriction().stream.stack.AnsCoder


def _constriction() -> Any:
    # a compiled module, which tells type checkers nothing
    return import_module("constriction")
