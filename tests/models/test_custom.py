"""The user's own modules: copied, tried before training, and named when they do not fit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.contract.models import custom_modules
from tests.training.small import bits, pictures
from torch import nn

import latentarium as la
from latentarium.data import ImageModality
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture
from latentarium.models.custom import custom_autoencoder

MODALITY = ImageModality(channels=1, height=8, width=8)
ROWS = MODALITY.to_array(pictures(20))


def encoder(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def decoder(latent: int, *shape: int) -> nn.Module:
    size = int(torch.tensor(shape).prod())
    return nn.Sequential(nn.Linear(latent, size), nn.Unflatten(1, shape))


def put_together(down: nn.Module, up: nn.Module, **options: Any) -> nn.Module:
    architecture = Architecture(**{"latent": 4, "net": "custom", "likelihood": "bernoulli", **options})
    return custom_autoencoder(down, up, architecture, MODALITY, ROWS)


class Dictionary(nn.Module):
    """Gives something that is no tensor."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"x": x}


class Quiet(nn.Module):
    """Fails without a word."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


GOOD: tuple[Callable[[], nn.Module], Callable[[], nn.Module]] = (lambda: encoder(8), lambda: decoder(4, 1, 8, 8))
BAD: list[tuple[str, nn.Module, nn.Module, str]] = [
    ("too few means", encoder(6), decoder(4, 1, 8, 8), r"the encoder's mean must be of shape \(b, 4\), got \(2, 3\)"),
    ("another latent size", encoder(8), decoder(5, 1, 8, 8), "failed on rows of shape .1, 8, 8. with latent 4"),
    ("other pictures", encoder(8), decoder(4, 1, 9, 8), r"the decoder's output must be of shape \(b, 1, 8, 8\)"),
    ("missing parameters", encoder(8), decoder(4, 64), r"the decoder's output must be"),
    ("other rows", nn.Linear(3, 8), decoder(4, 1, 8, 8), "encoder or decoder failed"),
    ("no tensor", Dictionary(), decoder(4, 1, 8, 8), "encoder or decoder failed"),
    ("no words", Quiet(), decoder(4, 1, 8, 8), "encoder or decoder failed.*NotImplementedError"),
]


@pytest.mark.parametrize(("down", "up", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_modules_that_do_not_fit_are_named_before_training(down: nn.Module, up: nn.Module, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        put_together(down, up)
    assert "\n" not in str(caught.value)


def test_a_likelihood_may_need_more_outputs() -> None:
    put_together(GOOD[0](), decoder(4, 2, 8, 8), likelihood="logistic")
    with pytest.raises(InvalidInput, match=r"\(b, 2, 8, 8\)"):
        put_together(GOOD[0](), GOOD[1](), likelihood="logistic")


def test_the_callers_modules_are_not_altered_by_a_fit() -> None:
    modules = custom_modules()
    before = bits(modules.encoder), bits(modules.decoder)
    with torch.random.fork_rng(devices=[]):
        space = la.fit(
            pictures(40),
            latent=4,
            steps=10,
            likelihood="bernoulli",
            encoder=modules.encoder,
            decoder=modules.decoder,
            progress=False,
        )
    assert (bits(modules.encoder), bits(modules.decoder)) == before
    assert modules.encoder.training
    assert space.shape == (4,)


def test_both_modules_are_needed() -> None:
    with pytest.raises(InvalidInput, match="encoder and decoder must be given together"):
        la.fit(pictures(40), encoder=encoder(8), progress=False)
    with pytest.raises(InvalidInput, match="net must be dense, conv or auto where no modules are given"):
        la.fit(pictures(40), net="custom", progress=False)


def test_an_autoencoder_of_custom_modules() -> None:
    model = put_together(encoder(4), decoder(4, 1, 8, 8), variational=False)
    assert model(torch.from_numpy(ROWS), None).z.shape == (20, 4)
