"""ONNX graphs: right within a ten-thousandth, refused otherwise, and silent."""

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from tests.training.small import pictures
from torch import nn

from latentarium.data import ImageModality
from latentarium.models.autoencoder import Architecture, Autoencoder, build
from latentarium.models.export import ExportFailed, export_decoder, export_encoder
from latentarium.models.start import start_linear
from latentarium.nn import graphs
from latentarium.nn.graphs import export_module, with_halves

MODALITY = ImageModality(channels=2, height=9, width=12)
ROWS = MODALITY.to_array(pictures(20, MODALITY.data_shape))


def model(net: str, likelihood: str = "gaussian") -> Autoencoder:
    architecture = Architecture(latent=3, net=net, width=8, depth=1, likelihood=likelihood)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(architecture, MODALITY)
    start_linear(network, [torch.from_numpy(ROWS)], torch.from_numpy(ROWS.mean(0)), latent=3, seed=0)
    return network


def run(data: bytes, **arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, arrays)


def test_graphs_agree_with_torch_for_any_number_of_rows(capfd: pytest.CaptureFixture[str]) -> None:
    network = model("conv", "logistic")
    down, up = export_encoder(network, ROWS), export_decoder(network, np.zeros((1, 3), np.float32))
    assert capfd.readouterr() == ("", "")
    assert max(down.error, up.error) < 1e-4
    for count in (1, 3, 20):
        mean, std = run(down.data, x=ROWS[:count])
        with torch.inference_mode():
            expected, log_variance = network.posterior(torch.from_numpy(ROWS[:count]))
            pictures_back = network.decode(expected)
        np.testing.assert_allclose(mean, expected, atol=1e-4)
        np.testing.assert_allclose(std, torch.exp(0.5 * log_variance), atol=1e-4)
        np.testing.assert_allclose(run(up.data, z=mean)[0], pictures_back, atol=1e-4)


def test_weights_that_halves_hold_exactly_are_stored_as_halves() -> None:
    network = model("dense")
    z = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1234567)
    whole = export_decoder(network, z).data
    assert len(with_halves(whole)) > 0.95 * len(whole), "weights of full precision stay as they are"
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half().float())
    rounded = export_decoder(network, z).data
    packed = with_halves(rounded)
    assert len(rounded) - len(packed) > 3000, "the one large weight has 1,728 values"
    np.testing.assert_array_equal(run(packed, z=z)[0], run(rounded, z=z)[0])


class Choosy(nn.Module):
    """Control flow that depends on values, which no graph can hold."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) if float(x.sum()) > 0 else self.inner(-x)


def test_a_network_that_cannot_be_traced_gets_one_line() -> None:
    network = model("dense")
    network.encoder = Choosy(network.encoder)
    with pytest.raises(ExportFailed, match="the x network cannot be written as ONNX") as caught:
        export_encoder(network, ROWS)
    assert "\n" not in str(caught.value)


def test_a_graph_that_disagrees_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = export_encoder(model("dense"), ROWS)
    other = model("dense")
    with torch.no_grad():
        other.encoder.head.bias.add_(0.01)  # type: ignore[union-attr]
    monkeypatch.setattr(graphs, "_to_onnx", lambda *_: made.data)
    with pytest.raises(ExportFailed, match=r"differs from torch by 1\.0e-02, allowed is 1e-04"):
        export_encoder(other, ROWS)


def test_a_graph_names_no_path_of_the_machine_that_made_it() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    data = export_module(module, {"z": np.zeros((2, 3), np.float32)}, outputs=["x"]).data
    assert b"site-packages" not in data
    assert b".py" not in data
