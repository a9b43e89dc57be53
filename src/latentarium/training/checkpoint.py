"""One checkpoint file: tensors as safetensors, everything else as JSON in its header; written atomically."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentarium.errors import DamagedFile
from latentarium.files import replacing

FORMAT = "latentarium-checkpoint-1"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """State of a fit after `meta["step"]` steps: tensors by name, and a JSON-ready description."""

    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any]


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and counters of `optimizer`, named "parameter number.slot"."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{slot}": value for index, slots in state.items() for slot, value in slots.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    packed = optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = value.clone()
    packed["state"] = slots
    optimizer.load_state_dict(packed)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint`; a killed process leaves the former file."""
    from safetensors.torch import save_file

    header = {"format": FORMAT, "meta": json.dumps(dict(checkpoint.meta))}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=header)
        except Exception as error:
            # safetensors reports a full disk as its own error type
            raise OSError(None, str(error)) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint or raise `DamagedFile` naming it."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        # one read: safetensors opens a file by its name twice, and a running fit may replace it in between
        data = path.read_bytes()
        tensors = load(data)
    except (SafetensorError, OSError) as error:
        raise DamagedFile(f"checkpoint {path} is damaged ({error}); remove its folder to start again") from None
    header = file_header(data)
    if header.get("format") != FORMAT:
        raise DamagedFile(f"checkpoint {path} has format {header.get('format')!r}, this version reads {FORMAT!r}")
    return Checkpoint(tensors=tensors, meta=json.loads(header["meta"]))


def file_header(data: bytes) -> dict[str, str]:
    """The texts stored in a safetensors file: its first eight bytes give the length of its JSON."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]).get("__metadata__", {})
