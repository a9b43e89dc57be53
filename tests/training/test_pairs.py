"""Pairs that differ in one factor, the sharing of their posteriors, and fits on them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.small import bits, pictures, small

from latentarium.data import rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput
from latentarium.objectives import share_pairs
from latentarium.training.batches import Batches
from latentarium.training.fit import train
from latentarium.training.loop import Event
from latentarium.training.pairs import training_pairs, with_pairs

TABLE = np.stack(np.unravel_index(np.arange(300), (5, 6, 10)), axis=1)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return with_pairs(rows_from_arrays(pictures(300)), TABLE)


def test_partners_differ_in_one_factor_and_stay_in_their_part(rows: Rows) -> None:
    partner = rows.columns["pair"]
    has = np.flatnonzero(partner >= 0)
    changed = TABLE[has] != TABLE[partner[has]]
    assert (changed.sum(1) == 1).all()
    assert (changed.sum(0) > 30).all()
    assert len(has) > 250
    for part in rows.splits.values():
        assert np.isin(partner[np.intersect1d(part, has)], part).all()


def test_pairs_depend_on_the_seed_alone() -> None:
    plain = rows_from_arrays(pictures(300))
    first, again, other = (with_pairs(plain, TABLE, seed=seed).columns["pair"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_batch_is_rows_and_then_their_partners(rows: Rows) -> None:
    indices, partners = training_pairs(rows)
    for shard in ((0, 1), (1, 2)):
        plain = Batches(
            rows.raw, indices, rows.modality, batch_size=30, seed=0, device=torch.device("cpu"), shard=shard
        )
        source = plain.paired(partners)
        x = source.take(3)
        assert len(x) == len(source.noise(3, 4)) == source.batch_size // shard[1]
        known = {row.tobytes(): number for number, row in enumerate(rows.array())}
        numbers = np.array([known[row.numpy().tobytes()] for row in x])
        half = len(numbers) // 2
        expected = rows.array(partners[numbers[:half]])
        np.testing.assert_array_equal(rows.array(numbers[half:]), expected)


def test_posteriors_are_averaged_where_a_pair_hardly_differs() -> None:
    """KL of the first pair's dimensions: 0.5 * 0.2^2 = 0.02, 0.5 * 3^2 = 4.5, 0.5 * 1^2 = 0.5; middle 2.26."""
    mean = torch.tensor([[0.0, 0.0, 0.0], [0.2, 3.0, 1.0]], requires_grad=True)
    log_variance = torch.zeros(2, 3)
    shared, width = share_pairs(mean, log_variance)
    torch.testing.assert_close(shared, torch.tensor([[0.1, 0.0, 0.5], [0.1, 3.0, 0.5]]))
    torch.testing.assert_close(width, log_variance)
    (slope,) = torch.autograd.grad(shared[0].sum(), mean)
    assert slope.tolist() == [[0.5, 1.0, 0.5], [0.5, 0.0, 0.5]]


def test_variances_are_averaged_and_not_their_logarithms() -> None:
    mean = torch.tensor([[0.0, 0.0], [0.0, 9.0]])
    log_variance = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    _, width = share_pairs(mean, log_variance)
    torch.testing.assert_close(width, torch.tensor([[math.log(2.0), 0.0], [math.log(2.0), 0.0]]))


class Stop(Exception):
    """An interruption."""


def test_a_fit_on_pairs_resumes_with_the_same_bits(rows: Rows, tmp_path: Path) -> None:
    settings = small(objective="ada-gvae:1", steps=30, checkpoint_steps=5, batch_size=32)
    whole = train(rows, settings)

    def pull(event: Event) -> None:
        if (event.kind, event.step) == ("step", 17):
            raise Stop

    with pytest.raises(Stop):
        train(rows, settings, workdir=tmp_path / "x", callback=pull)
    assert bits(train(rows, settings, workdir=tmp_path / "x", resume=True).model) == bits(whole.model)
    assert bits(train(rows, small(objective="beta:1", steps=30, batch_size=32)).model) != bits(whole.model)


def test_what_cannot_be_paired_gets_one_line(rows: Rows) -> None:
    plain = rows_from_arrays(pictures(30))
    settings = small(objective="ada-gvae:1", steps=3)
    bad = [
        (plain, 'given with a column "pair"'),
        (rows_from_arrays(pictures(30), labels={"pair": np.full(30, 30)}), "row numbers below 30"),
        (rows_from_arrays(pictures(30), labels={"pair": np.full(30, -1)}), "some training rows are partners"),
    ]
    for data, words in bad:
        with pytest.raises(InvalidInput, match=words) as caught:
            train(data, settings)
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="a table of 30 rows"):
        with_pairs(plain, TABLE)
    with pytest.raises(InvalidInput, match="differ in one of them only"):
        with_pairs(plain, np.repeat(np.arange(30)[:, None], 2, axis=1))
