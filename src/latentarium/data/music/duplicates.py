"""Tunes that are nearly the same: variants of one song must not lie in different parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentarium.data.music.modalities import FIRST_NOTE
from latentarium.rng import generator

SHINGLE = 10
SHARED = 0.3
"""Tunes are variants when so large a share of the shorter one's passages of ten steps is in the other."""
_HASH_STREAM = 14


def variant_groups(grids: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """A number for each tune, the same for tunes that share passages in whatever key, and for chains of such tunes.

    A passage is ten intervals in a row with the time from each note to the next; of drums, ten strokes.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    passages = [np.unique(_passages(grid)) for grid in grids]
    owner = np.repeat(np.arange(len(grids)), [len(found) for found in passages])
    _, column = np.unique(np.concatenate(passages), return_inverse=True)
    shape = (len(grids), int(column.max(initial=0)) + 1)
    table = coo_array((np.ones(len(owner), np.int32), (owner, column)), shape=shape).tocsr()
    shared = (table @ table.T).tocoo()
    counts = np.array([len(found) for found in passages])
    alike = shared.data >= SHARED * np.minimum(counts[shared.row], counts[shared.col])
    linked = coo_array((np.ones(int(alike.sum()), bool), (shared.row[alike], shared.col[alike])), shape=shared.shape)
    return connected_components(linked, directed=False)[1].astype(np.int64)


def _passages(grid: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A hash of each passage; of a shorter tune one of all of it."""
    if grid.ndim == 1:
        places = np.flatnonzero(grid >= FIRST_NOTE)
        what = np.diff(grid[places].astype(np.int64)) + 128
    else:
        places = np.flatnonzero(grid.any(0))
        what = (2 ** np.arange(len(grid)) @ grid[:, places[:-1]]).astype(np.int64)
    events = (what * 1024 + np.minimum(np.diff(places), 1023)).astype(np.uint64)
    if not len(events):
        return np.zeros(0, np.uint64)
    size = min(SHINGLE, len(events))
    factors = generator(0, _HASH_STREAM).integers(1, 2**63, size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = (events + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return (np.lib.stride_tricks.sliding_window_view(mixed, size) * factors).sum(1, dtype=np.uint64)
