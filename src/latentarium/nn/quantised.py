"""ONNX graphs whose weights take a byte each, and whose arithmetic stays in 32 bits."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_LARGE = 1024
"""Values from which on a weight is worth another node."""
_MOST = 127
_WEIGHT = 1
"""Input of a layer that is its weight."""


def with_bytes(data: bytes) -> bytes:
    """The same ONNX graph with the large weights of its layers as int8, one scale for each output channel.

    A DequantizeLinear node brings each back to 32 bits when the graph is loaded, so that it runs as fast as before;
    what is lost is rounding to 1/254 of the range of a channel's weights.

    Returns
    -------
    bytes : `data` itself where no layer has a large weight
    """
    import onnx
    from onnx import helper, numpy_helper

    model = _without_halves(onnx.load_from_string(data))
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    nodes: list[NodeProto] = []
    for name, axis in dict(_layers(graph)).items():
        weight = weights.get(name)
        if weight is None or math.prod(weight.dims) < _LARGE:
            continue
        numbers, scale = _rounded(numpy_helper.to_array(weight), axis)
        weight.CopyFrom(numpy_helper.from_array(numbers, f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        inputs = [f"{name}.int8", f"{name}.scale"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], axis=axis))
    return _in_front(model, nodes).SerializeToString() if nodes else data


def _layers(graph: "GraphProto") -> Iterator[tuple[str, int]]:
    """Weight of each layer and the axis of its output channels."""
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul", "ConvTranspose"):
            flipped = node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
            yield node.input[_WEIGHT], 0 if node.op_type == "Conv" or flipped else 1


def _rounded(weight: NDArray[Any], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    others = tuple(k for k in range(weight.ndim) if k != axis)
    most = np.abs(weight).max(axis=others, keepdims=True)
    scale = np.where(most > 0, most / _MOST, 1).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale.ravel()


def _without_halves(model: "ModelProto") -> "ModelProto":
    """The graph with weights that are stored in 16 bits back in 32."""
    from onnx import TensorProto, numpy_helper

    halves = {w.name: w for w in model.graph.initializer if w.data_type == TensorProto.FLOAT16}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in halves]
    for node in casts:
        whole = numpy_helper.to_array(halves[node.input[0]]).astype(np.float32)
        halves[node.input[0]].CopyFrom(numpy_helper.from_array(whole, node.output[0]))
        model.graph.node.remove(node)
    return model


def _in_front(model: "ModelProto", nodes: "list[NodeProto]") -> "ModelProto":
    after = [*nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(after)
    return model
