"""Training throughput of each model over that of a bare loop of the same network and precision, in turns.

Bare loops know nothing of a fit: batch, forward, loss, backward, step. The bare loop of a VAE is the same for every
objective, so what an objective adds counts; that of a GAN plays the same game with both penalties.
"""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import fashion_mnist, save_result
from benchmarks.speed.overhead import BareLoop, compare
from latentarium.data.rows import Rows
from latentarium.models.autoencoder import build, build_discriminator
from latentarium.training.settings import FitSettings

LEAST = 0.9
MODELS: Mapping[str, Mapping[str, Any]] = {
    "VAE, dense": {"steps": 800},
    "VAE, convolutional": {"net": "conv", "steps": 100},
    "AE, dense": {"model": "ae", "steps": 800},
    "beta-TCVAE": {"objective": "beta-tc:6", "steps": 800},
    "FactorVAE": {"objective": "factor:6.4", "steps": 800},
    "DIP-VAE II": {"objective": "dip-2:10", "steps": 800},
    "AE, FSQ": {"model": "ae", "quantiser": "fsq:8-5-5-5", "latent": 4, "steps": 800},
    "AE, VQ": {"model": "ae", "quantiser": "vq:512", "steps": 800},
    "AE, QLAE": {"model": "ae", "quantiser": "qlae:10", "steps": 800},
    "VAE, conditional": {"condition": ("label",), "steps": 800},
    "GAN": {"model": "gan", "width": 32, "latent": 64, "steps": 120, "inversion": 0.01},
}


class BareGame:
    """Discriminator's and generator's step of a paired game with both penalties, and nothing else."""

    def __init__(self, rows: Rows, settings: FitSettings, *, steps: int) -> None:
        sample = rows.array(rows.splits["train"][:500])
        architecture = settings.architecture.settle(rows.modality, sample)
        torch.manual_seed(0)
        self.generator = build(architecture, rows.modality).decoder
        self.discriminator = build_discriminator(architecture, rows.modality)
        self.optimizers = [
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.0, 0.9), fused=True)
            for net in (self.discriminator, self.generator)
        ]
        self.data = torch.from_numpy(np.ascontiguousarray(rows.raw[rows.splits["train"]]))
        self.count, self.latent, self.steps = settings.batch_size, architecture.latent, steps

    def turn(self) -> float:
        """Seconds for a turn."""
        began = time.perf_counter()
        for _ in range(self.steps):
            self._discriminate()
            self._generate()
        return time.perf_counter() - began

    def _real(self) -> Tensor:
        return self.data[torch.randint(len(self.data), (self.count,))].float().div_(255)

    def _discriminate(self) -> None:
        with torch.no_grad():
            made = self.generator(torch.randn(self.count, self.latent))
        x = torch.cat([self._real(), made]).requires_grad_()
        scores = self.discriminator(x)
        own, other = scores.chunk(2)
        (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        loss = F.softplus(other - own).mean() + 0.5 * slopes.square().sum() / self.count
        self._step(0, loss)

    def _generate(self) -> None:
        made = self.generator(torch.randn(self.count, self.latent))
        with torch.no_grad():
            other = self.discriminator(self._real())
        self.discriminator.requires_grad_(False)
        self._step(1, F.softplus(other - self.discriminator(made)).mean())
        self.discriminator.requires_grad_(True)

    def _step(self, number: int, loss: Tensor) -> None:
        self.optimizers[number].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[number].step()


def ratio(rows: Rows, options: Mapping[str, Any]) -> dict[str, Any]:
    """Rows per second of the fit and of the bare loop, and their ratio."""
    settings = FitSettings.make(**options)
    steps = max(5, (settings.steps or 0) // 20)
    if settings.model == "gan":
        return compare(rows, settings, BareGame(rows, settings, steps=steps))
    bfloat16 = options.get("net") != "conv"
    return compare(rows, settings, BareLoop(rows, settings, bfloat16=bfloat16, steps=steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/throughput.json")
    given = parser.parse_args()
    rows = fashion_mnist()
    found: dict[str, Any] = {}
    for name in given.models:
        found[name] = ratio(rows, MODELS[name])
        print(f"{name:20s} {found[name]['ratio']:.3f}", flush=True)
    value = {"least": LEAST, "met": all(one["ratio"] >= LEAST for one in found.values()), "models": found}
    print(json.dumps(value, indent=2))
    if given.save:
        save_result("throughput", "make bench-models", value)


if __name__ == "__main__":
    main()
