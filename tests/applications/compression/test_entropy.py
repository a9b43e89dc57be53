"""Counts, tables and posteriors on the coder: nothing is rounded, and what is taken can be given back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentarium.applications.compression.entropy import (
    PRECISION,
    coder_of,
    count_table,
    counts_of,
    empty_coder,
    payload_of,
)
from latentarium.applications.compression.latents import (
    UNIT,
    Posteriors,
    learned_table,
    normal_table,
    pop_latents,
    posterior_steps,
    push_latents,
    units_of,
)
from latentarium.errors import DamagedFile, InvalidInput


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_counts_sum_to_the_precision(points: list[float]) -> None:
    ends = np.array([0.0, *sorted(points), 1.0])[:, None]
    counts = counts_of(ends)
    assert counts.shape == (1, len(points) + 1)
    assert (counts >= 0).all()
    assert (counts == np.rint(counts)).all()
    assert counts.sum() == PRECISION - len(points) - 1
    assert np.abs(counts[0] / PRECISION - np.diff(ends[:, 0])).max() < 1e-6


def test_where_no_mass_lies_all_parts_are_alike() -> None:
    counts = counts_of(np.full((5, 3), 0.25))
    assert np.ptp(counts) <= 1


def test_the_coder_takes_counts_as_they_are() -> None:
    """A symbol of count c costs log2(2^24 / (c + 1)) bits, to the bit over many symbols."""
    counts = counts_of(np.array([0.0, 0.9, 0.999, 1.0])[:, None])[0]
    for symbol in range(3):
        # on an empty coder a first part costs nothing
        coder = coder_of(bytes([1] * 8))
        before = coder.num_valid_bits()
        coder.encode_reverse(np.full(20_000, symbol, np.int32), count_table(counts))
        expected = 20_000 * math.log2(PRECISION / (counts[symbol] + 1))
        assert coder.num_valid_bits() - before == pytest.approx(expected, abs=2 + 1e-4 * expected)


def test_payloads_that_no_coder_wrote() -> None:
    for payload in (b"abc", bytes(8)):
        with pytest.raises(DamagedFile):
            coder_of(payload)


def test_normal_table_is_the_prior() -> None:
    step = 0.25
    table = normal_table(int(step / UNIT))
    k = np.arange(len(table.counts)) + table.lowest
    density = np.exp(-0.5 * (k * step) ** 2) * step / math.sqrt(2 * math.pi)
    assert np.abs((table.counts + 1) / PRECISION - density).max() < 1e-3
    assert table.cut(np.array([10**6])).tolist() == [k[-1]]


def test_learned_table_follows_the_rows() -> None:
    values = np.random.default_rng(0).poisson(2.0, 5000)
    table = learned_table(values)
    shares = (table.counts + 1) / PRECISION
    seen = np.array([(values == k + table.lowest).mean() for k in range(len(shares))])
    assert np.abs(shares - seen).max() < 0.02
    with pytest.raises(InvalidInput, match="larger --step"):
        learned_table(np.array([0, 2**30]))


def test_latents_come_back() -> None:
    rng, coder = np.random.default_rng(0), empty_coder()
    k = rng.integers(-9, 10, (50, 4))
    push_latents(coder, lambda j: normal_table(500 + j), k)
    again = coder_of(payload_of(coder))
    assert (pop_latents(again, lambda j: normal_table(500 + j), (50, 4)) == k).all()
    assert again.is_empty()


def test_bits_that_chose_latents_are_given_back() -> None:
    rng = np.random.default_rng(1)
    words = rng.integers(1, 2**32, 3000, dtype=np.uint64).astype("<u4").tobytes()
    mean, spread = rng.normal(0, 1, (200, 5)), rng.uniform(0.02, 0.5, (200, 5))
    posteriors = Posteriors(mean, spread, units_of(posterior_steps(spread)) * UNIT)
    coder = coder_of(words)
    k = posteriors.draw(coder)
    assert coder.num_valid_bits() < 32 * 3000 - 200 * 5
    away = (k * posteriors.steps - mean) / spread
    assert abs(away.mean()) < 0.1
    assert away.std() == pytest.approx(1, abs=0.1)
    posteriors.give_back(coder, k)
    assert payload_of(coder) == words
