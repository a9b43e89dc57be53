"""Batches are a function of the step alone."""

import numpy as np
import pytest
import torch
from tests.training.small import pictures

from latentarium.data import ImageModality
from latentarium.data.rows import Rows
from latentarium.training.batches import Batches

MODALITY = ImageModality(channels=1, height=8, width=8)
CPU = torch.device("cpu")


def batches(raw: np.ndarray, *, size: int = 16, seed: int = 0, shard: tuple[int, int] = (0, 1)) -> Batches:
    indices = np.arange(0, len(raw), 2)
    return Batches(raw, indices, MODALITY, batch_size=size, seed=seed, device=CPU, shard=shard)


def numbered(count: int = 100) -> np.ndarray:
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 1, 8, 8)).copy()


def rows_in(batch: torch.Tensor) -> list[int]:
    return (batch[:, 0, 0, 0] * 255).round().int().tolist()


def test_an_epoch_shows_each_row_once_and_the_next_in_another_order() -> None:
    source = batches(numbered(), size=10)
    assert source.steps_per_epoch == 5
    first = [row for step in range(5) for row in rows_in(source.take(step))]
    second = [row for step in range(5, 10) for row in rows_in(source.take(step))]
    assert sorted(first) == sorted(second) == list(range(0, 100, 2))
    assert first != second


def test_a_step_is_the_same_whenever_it_is_asked_for() -> None:
    source = batches(numbered())
    wanted = source.take(7)
    for step in (0, 3, 20, 7):
        again = source.take(step)
    assert torch.equal(wanted, again)
    assert torch.equal(batches(numbered()).take(7), wanted)
    assert not torch.equal(batches(numbered(), seed=1).take(7), wanted)
    assert torch.equal(source.noise(7, 4), batches(numbered()).noise(7, 4))
    assert not torch.equal(source.noise(7, 4), source.noise(8, 4))


def test_a_memory_map_gives_the_same_rows(tmp_path: object) -> None:
    path = f"{tmp_path}/rows.npy"
    np.save(path, numbered())
    mapped, held = batches(np.load(path, mmap_mode="r")), batches(numbered())
    assert mapped.mapped
    assert mapped.resident is None
    for step in range(4):
        assert torch.equal(mapped.take(step), held.take(step))


def test_processes_share_one_global_batch() -> None:
    whole = batches(numbered(), size=16)
    parts = [batches(numbered(), size=16, shard=(rank, 2)) for rank in (0, 1)]
    for step in range(4):
        together = torch.stack([part.take(step) for part in parts], dim=1).flatten(0, 1)
        assert torch.equal(together, whole.take(step))
        noise = torch.stack([part.noise(step, 3) for part in parts], dim=1).flatten(0, 1)
        assert torch.equal(noise, whole.noise(step, 3))


def test_a_batch_is_at_most_the_rows_there_are() -> None:
    source = batches(pictures(12), size=256)
    assert (source.batch_size, source.steps_per_epoch) == (6, 1)
    assert source.take(3).shape == (6, 1, 8, 8)


def test_values_are_levels_over_255_and_the_rows_stay_untouched(digits: Rows) -> None:
    before = digits.raw.copy()
    train = digits.splits["train"]
    source = Batches(digits.raw, train, digits.modality, batch_size=len(train), seed=0, device=CPU)
    batch = source.take(0)
    assert float(batch.max()) == 1
    torch.testing.assert_close(batch.mean().item(), float(digits.array("train").mean()), rtol=1e-5, atol=0)
    batch.fill_(0)
    np.testing.assert_array_equal(digits.raw, before)


def test_tables_are_converted_once(table: Rows) -> None:
    source = Batches(table.raw, table.splits["train"], table.modality, batch_size=8, seed=0, device=CPU)
    assert source.take(0).shape == (8, *table.modality.data_shape)
    assert not bool(torch.isnan(source.take(0)).any())


@pytest.mark.filterwarnings("error")
def test_read_only_rows_are_taken_without_a_warning() -> None:
    raw = numbered()
    raw.setflags(write=False)
    assert batches(raw).take(0).shape == (16, 1, 8, 8)
