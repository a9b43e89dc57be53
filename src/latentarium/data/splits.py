"""Seeded train, validation and test parts of numbered rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import invalid
from latentarium.rng import generator

Indices = NDArray[np.int64]

PARTS = ("train", "validation", "test")
FEWEST_ROWS = 10


def make_splits(
    n: int,
    *,
    seed: int = 0,
    test: float | int = 0.1,
    validation: float | int = 0.1,
    given_test: NDArray[Any] | None = None,
    given_validation: NDArray[Any] | None = None,
) -> Mapping[str, Indices]:
    """Cut rows 0..n-1 into sorted, disjoint parts that cover every row.

    Parameters
    ----------
    n : number of rows, at least 10
    test, validation : a share of `n` (float in (0, 1)) or a number of rows (int); at least one row each
    given_test, given_validation : the data's own parts; where None or empty they are drawn from the other rows

    Raises
    ------
    InvalidInput
        When there are fewer than 10 rows, or the parts leave no row to train on.

    Examples
    --------
    >>> {part: len(rows) for part, rows in make_splits(50, seed=0).items()}
    {'train': 40, 'validation': 5, 'test': 5}
    """
    if n < FEWEST_ROWS:
        raise invalid("the number of rows", f"at least {FEWEST_ROWS}", n, "bring more data")
    free = np.ones(n, bool)
    fixed = {"test": _given(given_test, n, "given_test"), "validation": _given(given_validation, n, "given_validation")}
    for rows in fixed.values():
        free[rows] = False
    parts: dict[str, Indices] = {}
    for stream, (part, wanted) in enumerate((("test", test), ("validation", validation))):
        rows = fixed[part]
        if not len(rows):
            pool = np.flatnonzero(free)
            rows = generator(seed, stream).permutation(pool)[: _count(wanted, n, part)]
            free[rows] = False
        parts[part] = np.sort(rows).astype(np.int64)
    train = np.flatnonzero(free).astype(np.int64)
    if not len(train) or sum(map(len, parts.values())) + len(train) != n:
        raise invalid("the parts", "disjoint, with at least one training row", _sizes(parts, train))
    return {"train": train, "validation": parts["validation"], "test": parts["test"]}


def make_group_splits(groups: NDArray[np.int64], *, seed: int = 0, share: float = 0.1) -> Mapping[str, Indices]:
    """Parts of whole groups: rows of one group (n,) never lie in two parts. Groups are taken in a seeded order until a
    part has its `share` of the rows.

    Raises
    ------
    InvalidInput
        When there are fewer than 10 rows, or too few groups for three parts.

    Examples
    --------
    >>> parts = make_group_splits(np.repeat(np.arange(20), 3), seed=0)
    >>> {part: len(rows) for part, rows in parts.items()}
    {'train': 48, 'validation': 6, 'test': 6}
    """
    if len(groups) < FEWEST_ROWS:
        raise invalid("the number of rows", f"at least {FEWEST_ROWS}", len(groups), "bring more data")
    numbers, sizes = np.unique(groups, return_counts=True)
    order = generator(seed, 0).permutation(len(numbers))
    filled = np.cumsum(sizes[order]) - sizes[order]
    wanted = share * len(groups)
    part_of = dict(zip(numbers[order].tolist(), np.minimum(filled // wanted, 2).astype(int).tolist(), strict=True))
    part = np.array([part_of[group] for group in groups.tolist()])
    found = {name: np.flatnonzero(part == place).astype(np.int64) for place, name in enumerate(("test", "validation"))}
    train = np.flatnonzero(part == 2).astype(np.int64)
    if not len(train) or not all(map(len, found.values())):
        raise invalid("the parts", "whole groups of rows, each with a row or more", _sizes(found, train), "bring more")
    return {"train": train, "validation": found["validation"], "test": found["test"]}


def all_test(n: int) -> Mapping[str, Indices]:
    """Every row in the test part: for data that is only looked at, never learned from."""
    none = np.empty(0, np.int64)
    return {"train": none, "validation": none, "test": np.arange(n, dtype=np.int64)}


def _count(wanted: float | int, n: int, part: str) -> int:
    share = isinstance(wanted, float)
    if (share and not 0 < wanted < 1) or (not share and not 1 <= wanted < n):
        raise invalid(part, f"a share within (0, 1) or a number of rows from 1 to {n - 1}", wanted)
    return max(1, round(wanted * n)) if share else int(wanted)


def _given(rows: NDArray[Any] | None, n: int, name: str) -> Indices:
    unique = np.unique(np.asarray([] if rows is None else rows, np.int64))
    if len(unique) and (unique[0] < 0 or unique[-1] >= n):
        raise invalid(name, f"row numbers from 0 to {n - 1}", f"{unique[0]} to {unique[-1]}")
    return unique


def _sizes(parts: Mapping[str, Indices], train: Indices) -> str:
    return f"{len(train)} train, {len(parts['validation'])} validation, {len(parts['test'])} test"
