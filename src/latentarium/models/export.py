"""Encoder and decoder as ONNX graphs, checked against torch before they are handed out."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
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

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z)


def export_encoder(model: Autoencoder, rows: NDArray[np.float32]) -> Graph:
    """x (batch, ...) -> mean, std, both (batch, latent)."""
    return _export(_Encode(model), rows, inputs=["x"], outputs=["mean", "std"])


def export_decoder(model: Autoencoder, latents: NDArray[np.float32]) -> Graph:
    """z (batch, latent) -> x in data units."""
    return _export(_Decode(model), latents, inputs=["z"], outputs=["x"])


def _export(module: nn.Module, rows: NDArray[np.float32], *, inputs: list[str], outputs: list[str]) -> Graph:
    module.eval()
    # the exporter takes a batch axis of length 1 for a constant, so that a single row is shown twice
    example = torch.from_numpy(rows[:8] if len(rows) > 1 else np.repeat(rows, 2, axis=0))
    device = next(module.parameters()).device
    module.cpu()
    try:
        data = _to_onnx(module, example, inputs, outputs)
        error = _difference(module, data, example)
    except OSError as error:
        raise storage_failed(Path(tempfile.gettempdir()), error) from None
    except Exception as error:  # noqa: BLE001 - the exporter raises many kinds of its own for networks it cannot trace
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise ExportFailed(
            f"the {inputs[0]} network cannot be written as ONNX ({reason}); avoid control flow that depends on values"
        ) from None
    finally:
        module.to(device)
    if not error <= TOLERANCE:
        raise ExportFailed(f"the ONNX {inputs[0]} graph differs from torch by {error:.1e}, allowed is {TOLERANCE:.0e}")
    return Graph(data=data, error=error)


def _to_onnx(module: nn.Module, example: Tensor, inputs: list[str], outputs: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module,
            (example,),
            path,
            input_names=inputs,
            output_names=outputs,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            opset_version=OPSET,
        )
        return path.read_bytes()


def _difference(module: nn.Module, data: bytes, example: Tensor) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    got = session.run(None, {session.get_inputs()[0].name: example.numpy()})
    with torch.inference_mode():
        expected = module(example)
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
