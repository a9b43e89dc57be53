"""Where a fit runs: device, precision, threads and processes."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentarium.errors import invalid
from latentarium.training.settings import FitSettings


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Device, precision and place among the processes of one fit."""

    device: torch.device
    precision: str
    rank: int = 0
    world: int = 1
    accelerator: Any = None

    @property
    def main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """bf16 where asked for; losses leave it as float32 by explicit casts in the model."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def wrap(self, model: nn.Module) -> nn.Module:
        """The module whose backward pass averages gradients over processes."""
        return self.accelerator.prepare_model(model) if self.accelerator is not None else model

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in some process, the same answer in all of them."""
        if self.accelerator is None:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def mean(self, value: Tensor) -> Tensor:
        """`value` averaged over processes, so that all of them take the same decision."""
        return self.accelerator.reduce(value, reduction="mean") if self.accelerator is not None else value


def open_runtime(settings: FitSettings, *, precision: str | None = None) -> Runtime:
    """Settle "auto" device and precision, threads, and the process group that torchrun announced."""
    device = _device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    chosen = precision or _precision(settings, device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Runtime(device=device, precision=chosen)
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=device.type == "cpu")
    return Runtime(
        device=accelerator.device,
        precision=chosen,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
        accelerator=accelerator,
    )


def _precision(settings: FitSettings, device: torch.device) -> str:
    """bf16 doubles the speed of dense layers on a CPU and of everything on a GPU; small convolutions on a CPU it
    slows down.
    """
    if settings.precision != "auto":
        return settings.precision
    if settings.model == "gan":
        return "fp32"
    return "bf16" if device.type == "cuda" or settings.architecture.net in ("dense", "melody") else "fp32"


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise invalid("device", "'cpu' on this machine, which has no CUDA device", name)
    return torch.device(name)
