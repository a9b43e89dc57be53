"""Any torch module as an ONNX graph, checked against torch before it is handed out."""

import contextlib
import io
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentarium.errors import LatentariumError
from latentarium.files import storage_failed

OPSET = 18
TOLERANCE = 1e-4
_LARGE = 1024
"""Values from which on a weight is worth another node."""


class ExportFailed(LatentariumError):
    """A graph that could not be made or does not agree with the model."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """ONNX bytes and the largest absolute difference from torch over the rows it was checked on."""

    data: bytes
    error: float


def with_halves(data: bytes) -> bytes:
    """The same ONNX graph with those large weights stored in 16 bits that 16 bits hold exactly.

    A cast brings each back to 32 bits when the graph is loaded, so that it computes the very same.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(data)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or math.prod(weight.dims) < _LARGE:
            continue
        whole = numpy_helper.to_array(weight)
        with np.errstate(over="ignore"):
            half = whole.astype(np.float16)
        if np.array_equal(half.astype(np.float32), whole):
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def export_module(module: nn.Module, inputs: Mapping[str, NDArray[Any]], *, outputs: list[str]) -> Graph:
    """The graph of `module`, whose first axes are all one batch axis of any length.

    Parameters
    ----------
    module : brought to evaluation mode; it is back on its device afterwards
    inputs : name -> example rows, in the order of the module's arguments
    outputs : names of what the module returns; names beyond its results are left out

    Raises
    ------
    ExportFailed
        When torch cannot trace the module, or the graph differs from it by more than 1e-4.
    """
    module.eval()
    # the exporter takes a batch axis of length 1 for a constant, so that a single row is shown twice
    example = {
        name: torch.from_numpy(rows[:8] if len(rows) > 1 else np.repeat(rows, 2, axis=0))
        for name, rows in inputs.items()
    }
    first = next(iter(inputs))
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.cpu()
    try:
        data = _to_onnx(module, example, outputs)
        error = _difference(module, data, example)
    except OSError as error:
        raise storage_failed(Path(tempfile.gettempdir()), error) from None
    except Exception as error:  # noqa: BLE001 - the exporter raises many kinds of its own for networks it cannot trace
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise ExportFailed(
            f"the {first} network cannot be written as ONNX ({reason}); avoid control flow that depends on values"
        ) from None
    finally:
        module.to(device)
    if not error <= TOLERANCE:
        raise ExportFailed(f"the ONNX {first} graph differs from torch by {error:.1e}, allowed is {TOLERANCE:.0e}")
    return Graph(data=data, error=error)


def _to_onnx(module: nn.Module, example: Mapping[str, torch.Tensor], outputs: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder) / "graph.onnx"
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            module,
            tuple(example.values()),
            path,
            input_names=list(example),
            output_names=outputs,
            dynamo=True,
            dynamic_shapes=tuple({0: batch} for _ in example),
            external_data=False,
            opset_version=OPSET,
        )
        return without_traces(path.read_bytes())


def without_traces(data: bytes) -> bytes:
    """The same ONNX graph without the exporter's stack traces, which name the paths of the machine it ran on."""
    import onnx

    model = onnx.load_from_string(data)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model.SerializeToString()


def run_graph(data: bytes, *inputs: NDArray[Any]) -> NDArray[np.float32]:
    """The first output of a graph for `inputs`, in the order in which it takes them."""
    return _outputs(data, inputs)[0]


def _outputs(data: bytes, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    named = {entry.name: rows for entry, rows in zip(session.get_inputs(), inputs, strict=True)}
    return [np.asarray(found) for found in session.run(None, named)]


def _difference(module: nn.Module, data: bytes, example: Mapping[str, torch.Tensor]) -> float:
    got = _outputs(data, [rows.numpy() for rows in example.values()])
    with torch.inference_mode():
        expected = module(*example.values())
    pairs = zip(got, expected if isinstance(expected, tuple) else (expected,), strict=True)
    return max(float(np.abs(a - b.numpy()).max()) for a, b in pairs)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter prints and warns about its own progress."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    sink = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
