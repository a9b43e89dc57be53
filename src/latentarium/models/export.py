"""Encoder and decoder as ONNX graphs, checked against torch before they are handed out."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.models.autoencoder import Autoencoder
from latentarium.nn.graphs import ExportFailed, Graph, export_module

__all__ = ["ExportFailed", "Graph", "export_decoder", "export_encoder"]


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
    return export_module(_Encode(model), {"x": rows}, outputs=["mean", "std"])


def export_decoder(model: Autoencoder, latents: NDArray[np.float32]) -> Graph:
    """z (batch, latent), and of a conditional model condition (batch, conditions) -> x in data units."""
    inputs = {"z": latents}
    if model.conditions:
        inputs["condition"] = np.resize(np.eye(model.conditions, dtype=np.float32), (len(latents), model.conditions))
    return export_module(_Decode(model), inputs, outputs=["x"])
