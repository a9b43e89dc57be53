"""Encoder and decoder as ONNX graphs, checked against torch before they are handed out."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.models.autoencoder import Autoencoder
from latentarium.nn.graphs import ExportFailed, Graph, export_module, with_halves
from latentarium.nn.likelihoods import Recurrent
from latentarium.rng import generator

__all__ = [
    "ExportFailed",
    "Graph",
    "export_context",
    "export_decoder",
    "export_encoder",
    "export_graphs",
    "export_step",
    "graph_files",
    "space_graphs",
    "step_loop",
]
CHECK_STREAM = 18


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


class _DecodeTold(nn.Module):
    def __init__(self, model: Autoencoder, condition: Tensor | None) -> None:
        super().__init__()
        self.model, self.condition = model, condition

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z, self.condition)


class _Context(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.model.params(z, condition)


class _Step(nn.Module):
    def __init__(self, likelihood: Recurrent) -> None:
        super().__init__()
        self.likelihood = likelihood

    def forward(self, context: Tensor, before: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        log_probability, after = self.likelihood.step(context, before, state)
        return log_probability, after


def export_graphs(
    model: Autoencoder, rows: NDArray[np.float32], latents: NDArray[np.float32]
) -> tuple[Mapping[str, Graph], Mapping[str, Any] | None]:
    """What a page needs to run `model` without Python: graphs by name, and how to loop over one of them.

    "encoder" and "decoder"; where each symbol depends on those before it, in place of "decoder" a "context" (z to what
    each step is told) and a "step" (see `export_step`), with the description of the loop that makes a decoder of them.
    """
    graphs = {"encoder": export_encoder(model, rows)}
    if not isinstance(model.likelihood, Recurrent):
        return {**graphs, "decoder": export_decoder(model, latents)}, None
    graphs |= {"context": export_context(model, latents), "step": export_step(model.likelihood)}
    return graphs, step_loop(model.likelihood, steps=int(rows.shape[2]))


def space_graphs(model: Autoencoder, condition: Tensor | None, *, latent: int) -> Mapping[str, Graph]:
    """The encoder and the decoder of a space whose decoder is told `condition` (1, conditions) or nothing."""
    z = generator(0, CHECK_STREAM).standard_normal((8, latent)).astype(np.float32)
    with torch.inference_mode():
        x = model.decode(torch.tensor(z), condition).numpy()
    decoder = export_module(_DecodeTold(model, condition), {"z": z}, outputs=["x"])
    return {"encoder": export_encoder(model, x), "decoder": decoder}


def graph_files(
    model: Autoencoder, rows: NDArray[np.float32], latents: NDArray[np.float32]
) -> Mapping[str, Callable[[], bytes]]:
    """What `export_graphs` makes as files of a bundle by name, each made when it is asked for."""
    files = {"encoder.onnx": lambda: with_halves(export_encoder(model, rows).data)}
    likelihood = model.likelihood
    if not isinstance(likelihood, Recurrent):
        return {**files, "decoder.onnx": lambda: with_halves(export_decoder(model, latents).data)}
    loop = step_loop(likelihood, steps=int(rows.shape[2]))
    return {
        **files,
        "context.onnx": lambda: export_context(model, latents).data,
        "step.onnx": lambda: export_step(likelihood).data,
        "steps.json": lambda: json.dumps(loop, indent=2).encode(),
    }


def step_loop(likelihood: Recurrent, *, steps: int) -> dict[str, Any]:
    """How a decoder is made of the graphs "context" and "step", JSON-ready."""
    return {
        "steps": steps,
        "symbols": likelihood.symbols,
        "state": likelihood.width,
        "first": likelihood.symbols,
        "restart": likelihood.restart,
        "end": likelihood.end,
        "loop": [
            "context (batch, width, steps) = context.onnx(z)",
            "state = zeros (batch, state); before = first for every row",
            "for t = 0 .. steps - 1: state = zeros where restart > 0 and t is a multiple of it",
            "log_probability, state = step.onnx(context[:, :, t], before, state)",
            "before = the symbol with the largest log_probability, which is the row's symbol t",
            "where end is a number, a row is over at the first symbol end: what follows is end again",
        ],
    }


def export_context(model: Autoencoder, latents: NDArray[np.float32]) -> Graph:
    """z (batch, latent), and of a conditional model condition -> context (batch, width, steps)."""
    return export_module(_Context(model), _decoder_inputs(model, latents), outputs=["context"])


def export_step(likelihood: Recurrent) -> Graph:
    """context (batch, width), before (batch,) int64, state (batch, width) -> log_probability (batch, symbols), after.

    `before` is the symbol of the step before, or the number of symbols where there is none; `after` is the next state.
    """
    random = generator(0, CHECK_STREAM)
    shape = (8, likelihood.width)
    inputs = {
        "context": random.standard_normal(shape).astype(np.float32),
        "before": random.integers(0, likelihood.symbols + 1, 8),
        "state": random.standard_normal(shape).astype(np.float32),
    }
    return export_module(_Step(likelihood), inputs, outputs=["log_probability", "after"])


def export_encoder(model: Autoencoder, rows: NDArray[np.float32]) -> Graph:
    """x (batch, ...) -> mean, std, both (batch, latent)."""
    return export_module(_Encode(model), {"x": rows}, outputs=["mean", "std"])


def export_decoder(model: Autoencoder, latents: NDArray[np.float32]) -> Graph:
    """z (batch, latent), and of a conditional model condition (batch, conditions) -> x in data units."""
    return export_module(_Decode(model), _decoder_inputs(model, latents), outputs=["x"])


def _decoder_inputs(model: Autoencoder, latents: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    inputs = {"z": latents}
    if model.conditions:
        inputs["condition"] = np.resize(np.eye(model.conditions, dtype=np.float32), (len(latents), model.conditions))
    return inputs
