"""Checkpoint files: whole or refused by name."""

import threading
from pathlib import Path

import pytest
import torch

from latentarium.errors import DamagedFile
from latentarium.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

SAVED = Checkpoint(
    tensors={"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3), "c": torch.zeros(0)},
    meta={"step": 7, "history": [{"x": 0.1}], "best": None, "words": "naïve"},
)


def test_a_checkpoint_comes_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "checkpoint.safetensors"
    save_checkpoint(path, SAVED)
    again = load_checkpoint(path)
    assert again.meta == SAVED.meta
    assert {k: v.tolist() for k, v in again.tensors.items()} == {k: v.tolist() for k, v in SAVED.tensors.items()}
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("keep", [0, 5, 100, 300])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, SAVED)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedFile, match=r"checkpoint\.safetensors is damaged") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_another_format_is_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "checkpoint.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"format": "latentarium-checkpoint-9", "meta": "{}"})
    with pytest.raises(DamagedFile, match="has format 'latentarium-checkpoint-9', this version reads"):
        load_checkpoint(path)


def test_a_failed_write_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, SAVED)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, Checkpoint(tensors={}, meta={"step": object()}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_checkpoint_can_be_read_while_a_fit_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    sizes = (2, 200)
    save_checkpoint(path, Checkpoint(tensors={"a": torch.zeros(2)}, meta={"step": 2}))
    reading = threading.Event()

    def replace() -> None:
        while not reading.is_set():
            for size in sizes:
                save_checkpoint(path, Checkpoint(tensors={"a": torch.zeros(size)}, meta={"step": size}))

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(2000):
            checkpoint = load_checkpoint(path)
            assert len(checkpoint.tensors["a"]) == checkpoint.meta["step"]
    finally:
        reading.set()
        writer.join()
