"""Self-BLEU: how alike lines are that were drawn independently (Zhu et al. 2018, "Texygen")."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDER = 4
NEARLY_NONE = 0.1
"""Matches counted where none is (method 1 of Chen & Cherry 2014)."""


def self_bleu(lines: Sequence[str], *, order: int = ORDER) -> np.ndarray:
    """BLEU (Papineni et al. 2002) of each line against all the others, 0 to 1; (n,).

    1 says that every line is a copy of another one; lines of a corpus are the yardstick for lines that were drawn.
    Words are what stands between blanks; a line of fewer than `order` words has its own orders, an empty one has 0.
    """
    words = [line.split() for line in lines]
    scores = np.zeros(len(words))
    lengths = np.array([len(line) for line in words])
    logs = np.zeros((order, len(words)))
    for size in range(1, order + 1):
        grams = [Counter(zip(*(line[i:] for i in range(size)), strict=False)) for line in words]
        most = _two_most(grams)
        for number, own in enumerate(grams):
            # an n-gram matches as often as the one other line has it that has it most
            found = sum(min(count, _of_others(most[gram], count)) for gram, count in own.items())
            logs[size - 1, number] = np.log(max(found, NEARLY_NONE) / max(1, own.total()))
    for number in np.flatnonzero(lengths):
        others = np.delete(lengths, number)
        nearest = others[np.lexsort((others, np.abs(others - lengths[number])))[0]]
        brevity = min(0.0, 1 - nearest / lengths[number])
        scores[number] = np.exp(brevity + logs[: min(order, lengths[number]), number].mean())
    return scores


def _two_most(grams: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], list[int]]:
    """How often the two lines have each n-gram that have it most."""
    most: dict[tuple[str, ...], list[int]] = {}
    for own in grams:
        for gram, count in own.items():
            most[gram] = sorted([*most.get(gram, [0, 0]), count])[-2:]
    return most


def _of_others(most: list[int], own: int) -> int:
    """The most of the other lines: this one may be the one that has most."""
    return most[0] if own == most[1] else most[1]
