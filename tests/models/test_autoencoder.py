"""What an architecture settles on, how a model starts, and the limits of its posterior."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.training.small import people, pictures

from latentarium.data import ImageModality, rows_from_arrays
from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import LOG_VARIANCE_RANGE, Architecture, Autoencoder, build, choose_likelihood

GREY = ImageModality(channels=1, height=12, width=10)
COLOUR = ImageModality(channels=3, height=64, width=64)


def sample(modality: ImageModality, *, extreme: bool = False) -> NDArray[np.float32]:
    values = np.random.default_rng(0).uniform(0.2, 0.8, (20, *modality.data_shape)).astype(np.float32)
    return values.round() if extreme else values


def settled(modality: ImageModality, **options: Any) -> Architecture:
    return Architecture(**options).settle(modality, sample(modality))


def model(architecture: Architecture, modality: ImageModality) -> Autoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(architecture, modality).eval()


def test_small_pictures_and_tables_get_dense_nets() -> None:
    assert settled(GREY).net == "dense"
    assert settled(COLOUR).net == "conv"
    table = rows_from_arrays(people(50))
    assert Architecture().settle(table.modality, table.array("train")).net == "dense"


def test_what_is_given_is_kept() -> None:
    given = Architecture(latent=3, net="conv", width=16, depth=2, likelihood="logistic")
    assert given.settle(GREY, sample(GREY)) == given
    assert settled(GREY, net="dense").width == 512
    assert settled(GREY, net="conv").width == 32
    again = settled(COLOUR)
    assert again.settle(COLOUR, sample(COLOUR)) == again


def test_the_likelihood_follows_the_data() -> None:
    assert choose_likelihood(GREY, sample(GREY)) == "gaussian"
    assert choose_likelihood(GREY, sample(GREY, extreme=True)) == "bernoulli"
    assert choose_likelihood(COLOUR, sample(COLOUR, extreme=True)) == "gaussian"
    assert choose_likelihood(rows_from_arrays(people(50)).modality, np.zeros((1, 1), np.float32)) == "mixed"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"net": "conv", "width": 20}, "width must be a multiple of 8"),
        ({"likelihood": "poisson"}, "likelihood must be"),
    ],
)
def test_what_cannot_be_built_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        model(settled(GREY, **options), GREY)


def test_a_convolutional_net_for_a_table_is_refused() -> None:
    table = rows_from_arrays(people(50))
    with pytest.raises(InvalidInput, match="net"):
        Architecture(net="conv").settle(table.modality, table.array("train"))


class Loud(torch.nn.Module):
    """An encoder that shouts."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value.expand(len(x), 4)


@pytest.mark.parametrize("value", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_the_log_variance_stays_in_its_range(value: float) -> None:
    network = model(settled(GREY, latent=2, width=8), GREY)
    low, high = LOG_VARIANCE_RANGE
    limited = Autoencoder(Loud(value), network.decoder, network.likelihood, variational=True)
    _, log_variance = limited.posterior(torch.zeros(3, 1))
    smallest, largest = log_variance.detach().aminmax()
    assert low - 1e-4 <= float(smallest) <= float(largest) <= high + 1e-4
    (slope,) = torch.autograd.grad(log_variance.sum(), limited.encoder.parameters())
    assert bool(torch.isfinite(slope))
    if value == 0:
        assert float(log_variance.detach().mean()) == pytest.approx(0, abs=0.05)


@torch.inference_mode()
def test_an_autoencoder_ignores_noise() -> None:
    network = model(settled(GREY, latent=3, width=16, variational=False), GREY)
    x, noise = torch.from_numpy(sample(GREY)), torch.randn(20, 3)
    assert torch.equal(network(x, noise).params, network(x, None).params)
    assert torch.equal(network(x, noise).z, network.posterior(x)[0])


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 9, 31), (4, 16, 12)])
@pytest.mark.parametrize("likelihood", ["gaussian", "logistic", "categorical", "autoregressive"])
@torch.inference_mode()
def test_any_channels_and_sizes_with_any_likelihood(shape: tuple[int, int, int], likelihood: str) -> None:
    modality = ImageModality(channels=shape[0], height=shape[1], width=shape[2])
    data = modality.to_array(pictures(3, shape))
    network = model(settled(modality, net="conv", width=8, latent=2, likelihood=likelihood, levels=5), modality)
    out = network(torch.from_numpy(data), None)
    assert network.likelihood.log_prob(out.params, torch.from_numpy(data)).shape == (3,)
    assert network.decode(out.z).shape == (3, *shape)
