"""Encoder and decoder as ONNX graphs, checked against torch before they are handed out."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.errors import LatentariumError
from latentarium.files import storage_failed
from latentarium.models.autoencoder import Autoencoder

OPSET = 18
TOLERANCE = 1e-4


class ExportFailed(LatentariumError):
    """A graph that could not be made or does not agree with the model."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """ONNX bytes and the largest absolute difference from torch over the rows it was checked on."""

    data: bytes
    error: float


class _Encode(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.model.posterior(x)
        return mean, torch.exp(0.5 * log_variance)


class _Decode(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.model.decode(z, condition)


def export_encoder(model: Autoencoder, rows: NDArray[np.float32]) -> Graph:
    """x (batch, ...) -> mean, std, both (batch, latent)."""
    return _export(_Encode(model), {"x": rows}, outputs=["mean", "std"])


def export_decoder(model: Autoencoder, latents: NDArray[np.float32]) -> Graph:
    """z (batch, latent), and of a conditional model condition (batch, conditions) -> x in data units."""
    inputs = {"z": latents}
    if model.conditions:
        inputs["condition"] = np.resize(np.eye(model.conditions, dtype=np.float32), (len(latents), model.conditions))
    return _export(_Decode(model), inputs, outputs=["x"])


def _export(module: nn.Module, inputs: Mapping[str, NDArray[np.float32]], *, outputs: list[str]) -> Graph:
    module.eval()
    # the exporter takes a batch axis of length 1 for a constant, so that a single row is shown twice
    example = {
        name: torch.from_numpy(rows[:8] if len(rows) > 1 else np.repeat(rows, 2, axis=0))
        for name, rows in inputs.items()
    }
    first = next(iter(inputs))
    device = next(module.parameters()).device
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


def _to_onnx(module: nn.Module, example: Mapping[str, Tensor], outputs: list[str]) -> bytes:
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
        return path.read_bytes()


def _difference(module: nn.Module, data: bytes, example: Mapping[str, Tensor]) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    got = session.run(None, {name: rows.numpy() for name, rows in example.items()})
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
