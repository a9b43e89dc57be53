"""The checkpoint of a fit on disk, and what it must agree with to go on from there."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentarium.data.rows import Rows
from latentarium.errors import TrainingFailed
from latentarium.files import write_text
from latentarium.training import loop
from latentarium.training.checkpoint import Checkpoint, save_checkpoint
from latentarium.training.loop import State
from latentarium.training.row_conditions import RowConditions
from latentarium.training.runtime import Runtime
from latentarium.training.schedule import Plan
from latentarium.training.settings import FitSettings


def saved_settings(saved: Checkpoint, rows: Rows) -> FitSettings:
    """The settings of the fit; `TrainingFailed` where `rows` are not those that it began with."""
    expected = saved.meta["fingerprint"]
    if rows.fingerprint != expected:
        raise TrainingFailed(
            f"cannot resume: the data changed since the checkpoint (fingerprint {rows.fingerprint[:12]}, was "
            f"{expected[:12]}); put the data back, or start again with --overwrite"
        )
    if _parts(rows) != saved.meta["parts"]:
        raise TrainingFailed(
            "cannot resume: the rows are cut into other train and validation parts than at the start; give the same "
            "--seed, or leave it out"
        )
    return FitSettings.from_json(saved.meta["settings"])


def _parts(rows: Rows) -> str:
    """Digest of which rows are trained on and validated with."""
    digest = hashlib.sha256()
    for part in ("train", "validation"):
        digest.update(np.ascontiguousarray(rows.splits[part], np.int64).tobytes() + part.encode())
    return digest.hexdigest()


def same_conditions(saved: Checkpoint, row_conditions: RowConditions) -> None:
    """Refuse labels that changed; the rows' fingerprint knows nothing of them."""
    if saved.meta.get("conditions", "") != row_conditions.digest:
        names = ", ".join(condition.column for condition in row_conditions.conditions)
        raise TrainingFailed(
            f"cannot resume: the values of {names} changed since the checkpoint; put them back, or start again with "
            "--overwrite"
        )


def same_machine(plan: Plan, runtime: Runtime) -> None:
    """Refuse another device or number of processes, and take the threads of the start."""
    if (plan.device, plan.processes) != (runtime.device.type, runtime.world):
        raise TrainingFailed(
            f"cannot resume: the fit began on {plan.device} with {plan.processes} processes, now it is "
            f"{runtime.device.type} with {runtime.world}; give the same --device and --processes"
        )
    torch.set_num_threads(plan.threads)


def fixed_meta(rows: Rows, settings: FitSettings, *, plan: Plan, conditions: RowConditions) -> dict[str, Any]:
    """What a checkpoint says of the fit that never changes."""
    fixed = {"settings": settings.to_json(), "plan": plan.to_json(), "fingerprint": rows.fingerprint}
    return {**fixed, "parts": _parts(rows), "conditions": conditions.digest}


def saver(workdir: Path | None, fixed: Mapping[str, Any]) -> Callable[[State], None]:
    """A function that writes checkpoint and history to `workdir`; None for one that does nothing."""

    def save(state: State) -> None:
        if workdir is None:
            return
        captured = loop.capture(state)
        whole = Checkpoint(tensors=captured.tensors, meta={**fixed, **captured.meta})
        save_checkpoint(workdir / "checkpoint.safetensors", whole)
        write_text(workdir / "history.jsonl", "".join(json.dumps(line) + "\n" for line in state.history))

    return save
