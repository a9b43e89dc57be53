"""What a fit of melodies does by itself: transposition, its objective and size, and the same bits each time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.tunes import write_tunes
from tests.training.small import bits, small

from latentarium.data import MelodyModality, open_source
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture
from latentarium.nn.melodies import MelodyEncoder, curves
from latentarium.objectives import beta
from latentarium.training.batches import Batches
from latentarium.training.fit import train
from latentarium.training.settings import FitSettings


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return open_source(write_tunes(tmp_path_factory.mktemp("tunes"), 40))


def batches(raw: np.ndarray, *, seed: int = 0) -> Batches:
    everything = np.arange(len(raw))
    return Batches(raw, everything, MelodyModality(bars=1), batch_size=len(raw), seed=seed, device=torch.device("cpu"))


def test_melodies_are_moved_as_a_whole() -> None:
    raw = np.tile(np.array([[0, 41, 1, 45, *[1] * 12]], np.uint8), (200, 1))
    plain, moved = batches(raw), batches(raw).transposed(3)
    symbols = moved.take(0).argmax(1)
    by = (symbols[:, 1] - 41).tolist()
    assert set(by) == set(range(-3, 4))
    assert (symbols[:, 3] - 45).tolist() == by
    assert (symbols[:, [0, 2]] == torch.tensor([0, 1])).all()
    assert (moved.take(0) == moved.take(0)).all()
    assert not (moved.take(0) == moved.take(1)).all()
    assert (plain.take(0).argmax(1).numpy() == raw[0]).all()
    assert (moved.rows_at(np.arange(3)).argmax(1).numpy() == raw[:3]).all()


def test_none_is_moved_beyond_the_piano() -> None:
    raw = np.tile(np.array([[2, 1, 88, *[1] * 13]], np.uint8), (100, 1))
    symbols = batches(raw).transposed(5).take(0).argmax(1)
    assert set((symbols[:, 2] - symbols[:, 0]).tolist()) == {86}
    assert set(symbols[:, 0].tolist()) == {2, 3}


def test_what_nobody_chose_suits_melodies(rows: Rows) -> None:
    fitted = train(rows, FitSettings.make(width=16, steps=2, batch_size=16, threads=1))
    assert fitted.settings.goal == beta(0.2)
    assert fitted.settings.architecture.latent == 128
    assert fitted.settings.architecture.net == fitted.settings.architecture.likelihood == "melody"
    assert Architecture().settle(MelodyModality(bars=16), rows.array([0])).latent == 512
    chosen = FitSettings.make(objective="elbo", latent=3).suited(rows.modality)
    assert chosen.goal.kind == "elbo"


def test_training_starts_at_the_curves_principal_components(rows: Rows) -> None:
    fitted = train(rows, small(latent=96, steps=1, learning_rate=1e-9, transpose=0))
    x = torch.from_numpy(rows.array("test"))
    with torch.no_grad():
        again = fitted.model.likelihood.mean(fitted.model.params(fitted.model.posterior(x)[0])).argmax(1)
    wanted, found = curves(x.argmax(1))[:, 0], curves(again)[:, 0]
    assert float((wanted - found).abs().mean()) < 0.1 * float(wanted.std())
    encoder = fitted.model.encoder
    assert isinstance(encoder, MelodyEncoder)
    assert torch.allclose(encoder.pooled(torch.from_numpy(rows.array("train"))).mean(0), torch.zeros(96), atol=1e-3)


@pytest.mark.parametrize("net", ["melody", "recurrent"])
def test_equal_seeds_give_equal_bits(rows: Rows, net: str) -> None:
    first, second = (train(rows, small(net=net, steps=4)) for _ in range(2))
    assert bits(first.model) == bits(second.model)


def test_transpose_is_checked() -> None:
    with pytest.raises(InvalidInput, match="transpose must be an integer from 0 to 24, got 25"):
        FitSettings.make(transpose=25)


def test_sixteen_bars_have_a_conductor(tmp_path: Path) -> None:
    rows = open_source(write_tunes(tmp_path / "tunes", 24, steps=256), size=16)
    fitted = train(rows, small(latent=32, steps=5))
    assert isinstance(fitted.model.encoder, MelodyEncoder)
    assert fitted.model.encoder.phrases == 8
    assert fitted.model.decode(torch.zeros(2, 32)).shape == (2, 90, 256)
