"""ONNX graphs run by ONNX Runtime: one session as a function on numpy batches, and the space of a bundle's graphs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray, batches, pad_rows
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.space import LatentSpace, Modality

_TYPES: Mapping[str, type] = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
_QUIET = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """One opened graph with a single input; satisfies `halves.Half`."""

    name: str
    runtime: Any
    data: Callable[[], bytes] | None = None

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """The input's axes beyond the batch, None for open ones."""
        return _known(self.runtime.get_inputs()[0].shape)

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """The first output's axes beyond the batch, None for open ones."""
        return _known(self.runtime.get_outputs()[0].shape)

    @property
    def batch(self) -> int | None:
        """The number of rows that the graph was made for, None for any."""
        shape = self.runtime.get_inputs()[0].shape
        return shape[0] if shape and isinstance(shape[0], int) else None

    @property
    def jvp(self) -> None:
        """ONNX has no derivatives."""
        return None

    @property
    def to_onnx(self) -> Callable[[FloatArray], bytes] | None:
        """The graph itself."""
        data = self.data
        return None if data is None else lambda _: data()

    def outputs(self, rows: FloatArray) -> tuple[NDArray[Any], ...]:
        """Every output for `rows`, cut into the batches that the graph takes."""
        (entry,) = self.runtime.get_inputs()
        typed = rows.astype(_TYPES[entry.type], copy=False)
        size = self.batch or max(len(rows), 1)
        try:
            parts = [self.runtime.run(None, {entry.name: pad_rows(typed[p], size)}) for p in batches(len(rows), size)]
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's own errors share no public base
            raise InvalidInput(
                f"the graph {self.name} refuses rows of shape {rows.shape[1:]} ({_first_line(error)})"
            ) from None
        return tuple(np.concatenate(column)[: len(rows)] for column in zip(*parts, strict=True))


def open_session(graph: str | Path | bytes | Any, *, name: str = "") -> Session:
    """A graph from a file, from bytes, or a session that is already open.

    Raises
    ------
    InvalidInput
        When it cannot be read, or takes other than one input of floats.
    """
    import onnxruntime

    if isinstance(graph, onnxruntime.InferenceSession):
        return _checked(Session(name=name or "session", runtime=graph))
    graph = graph if isinstance(graph, str | Path | bytes) else graph.SerializeToString()
    title = name or (Path(graph).stem if isinstance(graph, str | Path) else "graph")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        runtime = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's own errors share no public base
        shown = title if isinstance(graph, bytes) else graph
        raise InvalidInput(
            _lost_weights(graph, shown) or f"{shown} must be a readable ONNX graph, got {_first_line(error)}"
        ) from None
    return _checked(Session(name=title, runtime=runtime, data=lambda: _bytes_of(graph)))


def _bytes_of(graph: Any) -> bytes:
    """The whole graph, weights that lie in a file of their own too."""
    if isinstance(graph, bytes):
        return graph
    import onnx

    return onnx.load(str(graph)).SerializeToString()


def _lost_weights(graph: Any, shown: Any) -> str | None:
    """What to say of a graph whose weights lie in another file, where that is not there or not whole."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    try:
        model = onnx.load_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph, load_external_data=False)
    except (DecodeError, OSError):
        return None
    for tensor in filter(uses_external_data, model.graph.initializer):
        weights = ExternalDataInfo(tensor)
        lack = _lack(None if isinstance(graph, bytes) else Path(graph).parent, weights)
        if lack:
            return (
                f"{shown} has weights in a file of their own, {weights.location}, which {lack}; put that beside it, or "
                "write the graph as one file with external_data=False"
            )
    return None


def _lack(folder: Path | None, weights: Any) -> str:
    """What is wrong with a file of weights in `folder`; nothing of one outside of it, where nobody looks."""
    if folder is None:
        return "is missing"
    file = (folder / weights.location).resolve()
    if not file.is_relative_to(folder.resolve()):
        return ""
    if not file.is_file():
        return "is missing"
    return "is cut off" if file.stat().st_size < (weights.offset or 0) + (weights.length or 0) else ""


def _checked(session: Session) -> Session:
    inputs = session.runtime.get_inputs()
    if len(inputs) != 1:
        found = ", ".join(entry.name for entry in inputs)
        raise InvalidInput(f"the graph {session.name} must have one input, got {len(inputs)} ({found})")
    if inputs[0].type not in _TYPES:
        raise InvalidInput(f"the graph {session.name} must take floats, got an input of {inputs[0].type}")
    return session


def _known(shape: Any) -> tuple[int | None, ...] | None:
    return tuple(n if isinstance(n, int) else None for n in shape[1:]) if shape else None


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text.rpartition(" : ")[2][:160] or type(error).__name__


def space_from_graphs(
    graphs: Mapping[str, Path | bytes],
    *,
    shape: tuple[int, ...],
    data_shape: tuple[int, ...],
    variational: bool,
    affine: bool = False,
    **fields: Unpack[SpaceFields],
) -> LatentSpace:
    """The space of graphs as `canonical` makes them: "encoder" (x -> mean, std), "decoder" (z -> x), or one of them.

    Parameters
    ----------
    variational : whether std is that of a posterior
    affine : whether the decoder is of the form W z + b, whose derivative is a difference

    Raises
    ------
    DamagedFile
        When a graph cannot be read.
    """
    title = fields.setdefault("name", "space")
    try:
        opened = {part: open_session(graph, name=part) for part, graph in graphs.items()}
    except InvalidInput as error:
        raise DamagedFile(f"the ONNX graphs of {title!r} cannot be read ({error})") from None
    down, up = opened.get("encoder"), opened.get("decoder")
    fixed = [session.batch for session in opened.values() if session.batch]
    if fixed:
        fields.setdefault("batch_size", lcm(*fixed))
    return LatentSpace(
        shape=shape,
        data_shape=data_shape,
        encode_fn=down and (lambda x: down.outputs(x)[0]),
        decode_fn=up and (lambda z: up.outputs(z)[0]),
        posterior_fn=(lambda x: down.outputs(x)[:2]) if down and variational else None,  # type: ignore[return-value]
        decode_jvp_fn=_affine_jvp(up, shape) if up and affine else None,
        graphs_fn=lambda: {part: _bytes_of(graph) for part, graph in graphs.items()},
        **fields,
    )


def through_graphs(space: LatentSpace, graphs: Mapping[str, bytes], *, modality: Modality | None = None) -> LatentSpace:
    """`space` as it will be when opened again: its own ONNX `graphs` in place of its functions."""
    return space_from_graphs(
        graphs,
        shape=space.shape,
        data_shape=space.data_shape,
        variational="posterior" in space.capabilities,
        name=space.name,
        prior=space.prior,
        modality=modality,
    )


def _affine_jvp(
    decoder: Session, shape: tuple[int, ...]
) -> Callable[[FloatArray, FloatArray], tuple[NDArray[Any], NDArray[Any]]]:
    origin = decoder.outputs(np.zeros((1, *shape), np.float32))[0]

    def jvp(z: FloatArray, v: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        return decoder.outputs(z)[0], decoder.outputs(v)[0] - origin

    return jvp
