"""Weights in a byte each: a quarter of the size, near the same outputs, whichever way a layer stores its weight."""

import math

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from latentarium.nn.graphs import export_module, run_graph, with_halves
from latentarium.nn.quantised import with_bytes


class Net(nn.Module):
    """Every kind of layer, with channels whose weights differ a thousandfold."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(16, 32 * 16)
        self.mixed = nn.Parameter(torch.randn(16, 128))
        self.conv = nn.Conv2d(32, 40, 3, padding=1)
        self.up = nn.ConvTranspose2d(40, 24, 2, stride=2)
        with torch.no_grad():
            self.conv.weight[0] *= 1000

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        grid = torch.tanh(self.inner(z)).reshape(-1, 32, 4, 4)
        return torch.tanh(self.up(torch.tanh(self.conv(grid)))).flatten(1) + (z @ self.mixed).mean(1, keepdim=True)


@pytest.fixture(scope="module")
def graph() -> bytes:
    z = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)
    return export_module(Net(), {"z": z}, outputs=["x"]).data


def test_outputs_stay_near_and_weights_take_a_byte(graph: bytes) -> None:
    small = with_bytes(graph)
    model = onnx.load_from_string(small)
    kinds = {w.name.removesuffix(".int8"): w.data_type for w in model.graph.initializer if math.prod(w.dims) >= 1024}
    assert len(kinds) == 4
    assert set(kinds.values()) == {onnx.TensorProto.INT8}
    assert len(small) < 0.35 * len(graph)
    z = np.random.default_rng(1).normal(size=(64, 16)).astype(np.float32)
    exact, near = run_graph(graph, z), run_graph(small, z)
    assert np.abs(exact - near).max() > 0
    assert 10 * np.log10(np.ptp(exact) ** 2 / np.square(exact - near).mean()) > 40


def test_each_channel_has_a_scale_of_its_own(graph: bytes) -> None:
    model = onnx.load_from_string(with_bytes(graph))
    found = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    whole = {w.name: onnx.numpy_helper.to_array(w) for w in onnx.load_from_string(graph).graph.initializer}
    axes = {n.output[0]: n.attribute[0].i for n in model.graph.node if n.op_type == "DequantizeLinear"}
    for name, axis in axes.items():
        scale = found[f"{name}.scale"]
        assert scale.shape == (whole[name].shape[axis],)
        shape = [-1 if k == axis else 1 for k in range(whole[name].ndim)]
        back = found[f"{name}.int8"] * scale.reshape(shape)
        assert (np.abs(back - whole[name]) <= 0.5001 * scale.reshape(shape)).all()


def test_weights_that_were_stored_in_16_bits_become_bytes_too(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            half = onnx.numpy_helper.to_array(weight).astype(np.float16).astype(np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(half, weight.name))
    plain = model.SerializeToString()
    halves = with_halves(plain)
    assert len(halves) < 0.6 * len(plain)
    z = np.random.default_rng(1).normal(size=(4, 16)).astype(np.float32)
    assert np.array_equal(run_graph(with_bytes(halves), z), run_graph(with_bytes(plain), z))


def test_a_graph_without_large_weights_is_left_alone() -> None:
    z = np.zeros((8, 4), np.float32)
    data = export_module(nn.Linear(4, 4), {"z": z}, outputs=["x"]).data
    assert with_bytes(data) is data
