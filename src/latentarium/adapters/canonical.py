"""ONNX graphs as bundles hold them: x (batch, *data_shape) -> mean, std; z (batch, *shape) -> x; in a space's units.

A foreign graph is kept as it is; nodes before and after it change names, axis order and units, so that whoever opens
the bundle, a page in a browser too, need know nothing of the model's own habits.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.layout import Layout, Shape

OPSET, IR = 18, 10
_INNER = "inner_"
OpenShape = tuple[int | str, ...]


def canonical_encoder(data: bytes, layout: Layout, *, pair: bool) -> bytes:
    """An encoder's graph with input x and the outputs mean and, of a `pair` (mean, log variance), std."""
    inner = _Inner(data)
    before, after = _Nodes("before"), _Nodes("after")
    rows = before.add("Transpose", "x", perm=(0, 2, 3, 1)) if layout.turned else "x"
    low, high = layout.values
    rows = before.scaled(rows, high - low, low) if layout.values != (0, 1) else rows
    before.add("Cast", before.reshaped(rows, layout.shape), result=inner.source, to=inner.source_kind)
    after.add("Cast", inner.results[0], result="mean", to=1)
    if pair:
        wide = after.add("Cast", inner.results[1], to=1)
        after.add("Exp", after.scaled(wide, 0.5, 0.0), result="std")
    outputs: dict[str, OpenShape] = dict.fromkeys(("mean", "std")[: 1 + pair], inner.shape_of_result)
    return inner.wrapped(before, after, source=("x", layout.data_shape), outputs=outputs)


def canonical_decoder(data: bytes, layout: Layout, *, latent: Shape) -> bytes:
    """A decoder's graph with input z and output x."""
    inner = _Inner(data)
    before, after = _Nodes("before"), _Nodes("after")
    before.add("Cast", "z", result=inner.source, to=inner.source_kind)
    rows = after.add("Cast", inner.results[0], to=1)
    low, high = layout.values
    rows = after.scaled(rows, 1 / (high - low), -low / (high - low)) if layout.values != (0, 1) else rows
    if layout.bounds is not None:
        rows = after.add("Clip", rows, *(after.constant(np.array(bound, np.float32)) for bound in layout.bounds))
    rows = after.reshaped(rows, layout.axes)
    if layout.turned:
        after.add("Transpose", rows, result="x", perm=(0, 3, 1, 2))
    else:
        after.add("Identity", rows, result="x")
    return inner.wrapped(before, after, source=("z", latent), outputs={"x": layout.data_shape})


def affine_graph(matrix: NDArray[Any], offset: NDArray[Any], *, names: tuple[str, str]) -> bytes:
    """The graph of rows @ matrix + offset, from names[0] (batch, k) to names[1] (batch, m)."""
    from onnx import helper

    nodes = _Nodes("")
    arrays = [nodes.constant(np.ascontiguousarray(array, np.float32)) for array in (matrix, offset)]
    nodes.add("Gemm", names[0], *arrays, result=names[1])
    ends = [_value(name, "batch", (width,)) for name, width in zip(names, matrix.shape, strict=True)]
    graph = helper.make_graph(nodes.nodes, "affine", ends[:1], ends[1:], nodes.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR).SerializeToString()


class _Nodes:
    """Nodes one after the other, with constants; `add` gives the name of the new node's result."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = result or f"{self.prefix}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, array: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"{self.prefix}_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def scaled(self, rows: str, factor: float, offset: float) -> str:
        product = self.add("Mul", rows, self.constant(np.array(factor, np.float32)))
        return self.add("Add", product, self.constant(np.array(offset, np.float32)))

    def reshaped(self, rows: str, shape: Shape) -> str:
        return self.add("Reshape", rows, self.constant(np.array([-1, *shape], np.int64)))


class _Inner:
    """The foreign graph, every name in it prefixed."""

    def __init__(self, data: bytes) -> None:
        import onnx
        from onnx import compose

        self.model: Any = compose.add_prefix(onnx.load_from_string(data), _INNER)
        constants = {tensor.name for tensor in self.model.graph.initializer}
        self.inputs = [entry for entry in self.model.graph.input if entry.name not in constants]
        tensor = self.inputs[0].type.tensor_type
        self.source, self.source_kind = self.inputs[0].name, tensor.elem_type
        first = tensor.shape.dim[0] if tensor.shape.dim else None
        self.batch: int | str = first.dim_value if first is not None and first.dim_value else "batch"
        self.results = [entry.name for entry in self.model.graph.output]

    @property
    def shape_of_result(self) -> OpenShape:
        """The codes' axes as the graph states them, names for those that it leaves open."""
        dims = self.model.graph.output[0].type.tensor_type.shape.dim[1:]
        return tuple(dim.dim_value or f"axis_{number}" for number, dim in enumerate(dims))

    def wrapped(
        self,
        before: _Nodes,
        after: _Nodes,
        *,
        source: tuple[str, Shape],
        outputs: Mapping[str, OpenShape],
    ) -> bytes:
        graph = self.model.graph
        nodes = [*before.nodes, *graph.node, *after.nodes]
        inputs = [_value(source[0], self.batch, source[1]), *(e for e in graph.input if e.name != self.source)]
        results = [_value(name, self.batch, shape) for name, shape in outputs.items()]
        for field, entries in (("node", nodes), ("input", inputs), ("output", results)):
            graph.ClearField(field)
            getattr(graph, field).extend(entries)
        graph.initializer.extend([*before.constants, *after.constants])
        return self.model.SerializeToString()


def _value(name: str, batch: int | str, shape: OpenShape) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape])
