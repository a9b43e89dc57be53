"""Self-BLEU of lines whose likeness is known."""

import math

import numpy as np
import pytest
from benchmarks.models.bleu import self_bleu


def test_copies_have_one_and_strangers_next_to_nothing() -> None:
    line = "who made this song for me"
    assert self_bleu([line, line, "is it far to the town"])[:2].tolist() == [1.0, 1.0]
    assert self_bleu(["a b c d", "e f g h"]).max() < 0.06


def test_precisions_are_clipped_and_averaged_as_by_hand() -> None:
    # of "a a b" two of the three words are in the other line, where a stands once, and one of the two pairs
    found = self_bleu(["a a b", "a b c"], order=2)
    assert found[0] == pytest.approx(math.sqrt(2 / 3 * 1 / 2))
    assert found[1] == pytest.approx(math.sqrt(2 / 3 * 1 / 2))


def test_short_lines_pay_for_being_short() -> None:
    found = self_bleu(["a b", "a b c d"], order=2)
    assert found[0] == pytest.approx(math.exp(1 - 4 / 2))
    # two of four words and one of three pairs, and longer than the only other line
    assert found[1] == pytest.approx(math.sqrt(2 / 4 * 1 / 3))


def test_empty_lines_have_nothing_and_few_words_count_as_they_are() -> None:
    found = self_bleu(["", "yes", "yes", "a b c d e"])
    assert found[:3].tolist() == [0.0, 1.0, 1.0]
    assert np.isfinite(found).all()
