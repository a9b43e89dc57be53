"""The training loop: batch, step, average, validate, checkpoint; every state it needs can be saved and restored."""

import copy
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor

from latentarium.errors import TrainingFailed
from latentarium.models.autoencoder import Autoencoder
from latentarium.objectives import Terms
from latentarium.training import monitors
from latentarium.training.batches import Batches, View
from latentarium.training.checkpoint import Checkpoint, load_optimizer, optimizer_tensors, under
from latentarium.training.companion import Companion
from latentarium.training.runtime import Runtime
from latentarium.training.schedule import Plan
from latentarium.training.settings import FitSettings

SKIPS_BEFORE_ROLLBACK = 5
MOST_ROLLBACKS = 10


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a callback hears: "start", "step", "validation", "alarm", "checkpoint" or "interrupted".

    `record` holds the objective's terms as tensors (step), the line of the history (validation) or the words
    (alarm); `model` is the model in training.
    """

    kind: str
    step: int
    steps: int
    record: Mapping[str, Any]
    model: Autoencoder


Callback = Callable[[Event], None]


@dataclass(kw_only=True)
class State:
    """The changing part of a fit."""

    model: Autoencoder
    shadow: Autoencoder
    optimizer: torch.optim.Optimizer
    critic: Companion | None = None
    step: int = 0
    skipped: int = 0
    in_row: int = 0
    rollbacks: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    alarms: list[str] = field(default_factory=list[str])
    best: tuple[float, dict[str, Tensor]] | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a fit of one kind does; randomness is a function of (seed, step).

    Parameters
    ----------
    new_state : the state before the first step
    forward : what `step` calls, prepared once in a run
    step : one step; the objective's terms, and whether it was finite and taken
    validate : a line of the history, and words to speak, each told once by what stands before its colon
    """

    new_state: Callable[[Autoencoder, FitSettings], State]
    forward: Callable[["Job", State], Any]
    step: Callable[["Job", State, Any], tuple[Terms, bool]]
    validate: Callable[["Job", State], tuple[dict[str, Any], list[str]]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """The fixed part of a fit; `save` writes a checkpoint and `hear` passes events on."""

    recipe: Recipe

    settings: FitSettings
    plan: Plan
    runtime: Runtime
    batches: Batches
    validation_rows: View
    save: Callable[[State], None]
    hear: Callback


def run(job: Job, state: State) -> None:
    """Train to the last step of the plan; on Ctrl-C save a checkpoint and raise KeyboardInterrupt."""
    forward = job.recipe.forward(job, state)
    snapshot = capture(state)
    began, before = time.perf_counter(), state.seconds
    with _stop_flag() as stop:
        while state.step < job.plan.steps:
            _advance(job, state, forward)
            state.seconds = before + time.perf_counter() - began
            if state.in_row >= SKIPS_BEFORE_ROLLBACK:
                _roll_back(job, state, snapshot)
            if due(state.step, job.plan.validate_every, job.plan.steps):
                _validate(job, state)
            if due(state.step, job.plan.checkpoint_every, job.plan.steps) and _sound(state):
                snapshot = capture(state)
                job.save(state)
                _tell(job, state, "checkpoint", {})
            if job.runtime.any(stop.is_set()):
                _interrupt(job, state)
    _check_outcome(job, state)


def _interrupt(job: Job, state: State) -> NoReturn:
    if _sound(state):
        job.save(state)
    _tell(job, state, "interrupted", {})
    raise KeyboardInterrupt


def timed_steps(job: Job, state: State, *, most_seconds: float, most_steps: int) -> list[float]:
    """Durations of steps of `state` (a copy the caller throws away), the first few left out as warm-up."""
    forward = job.recipe.forward(job, state)
    durations: list[float] = []
    began = time.perf_counter()
    while len(durations) < 5 or (len(durations) < most_steps and time.perf_counter() - began < most_seconds):
        before = time.perf_counter()
        _advance(job, state, forward)
        if job.runtime.device.type == "cuda":
            torch.cuda.synchronize()
        durations.append(time.perf_counter() - before)
    return durations[2:]


def final_weights(state: State) -> Autoencoder:
    """The averaged weights of the step with the best validation value of the objective after the warm-up."""
    if state.best is not None:
        state.shadow.load_state_dict(state.best[1])
    return state.shadow.eval()


def _advance(job: Job, state: State, forward: Any) -> None:
    terms, finite = job.recipe.step(job, state, forward)
    if finite:
        state.in_row = 0
    else:
        state.skipped, state.in_row = state.skipped + 1, state.in_row + 1
        _alarm(job, state, monitors.nan_alarm(state.step, state.skipped))
    state.step += 1
    _tell(job, state, "step", terms)


def _validate(job: Job, state: State) -> None:
    record, words = job.recipe.validate(job, state)
    _tell(job, state, "validation", record)
    for sentence in words:
        if not any(sentence.split(":")[0] == known.split(":")[0] for known in state.alarms):
            _alarm(job, state, sentence)


def _sound(state: State) -> bool:
    """Whether this state is worth going back to: steps are finite, and so are the weights they led to."""
    return state.in_row == 0 and all(math.isfinite(float(p.detach().sum())) for p in state.model.parameters())


def _check_outcome(job: Job, state: State) -> None:
    if state.best is None or 2 * state.skipped > job.plan.steps:
        raise TrainingFailed(
            f"the fit diverged: {state.skipped} of {job.plan.steps} steps were not finite; {_way_out(job)}"
        )


def _way_out(job: Job) -> str:
    clip = "set clip" if job.settings.clip is None else f"lower clip (now {job.settings.clip:g})"
    return f"lower learning_rate (now {job.settings.learning_rate:g}), or {clip}"


def _roll_back(job: Job, state: State, snapshot: Checkpoint) -> None:
    state.rollbacks += 1
    if state.rollbacks > MOST_ROLLBACKS:
        raise TrainingFailed(f"the fit diverged: {state.rollbacks} rollbacks by step {state.step}; {_way_out(job)}")
    restore_tensors(state, snapshot.tensors)
    state.in_row = 0
    _alarm(job, state, monitors.rollback_alarm(state.step, snapshot.meta["step"]))


def capture(state: State) -> Checkpoint:
    """A copy of everything that changes during a fit."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"shadow.{k}": v for k, v in state.shadow.state_dict().items()}
    tensors |= {f"optimizer.{k}": v for k, v in optimizer_tensors(state.optimizer).items()}
    if state.critic is not None:
        tensors |= {f"critic.{k}": v for k, v in state.critic.tensors().items()}
    if state.best is not None:
        tensors |= {f"best.{k}": v for k, v in state.best[1].items()}
    counters = ("step", "skipped", "in_row", "rollbacks", "seconds", "history", "alarms")
    meta = {name: copy.deepcopy(getattr(state, name)) for name in counters}
    meta["best"] = None if state.best is None else state.best[0]
    return Checkpoint(tensors={k: v.detach().clone() for k, v in tensors.items()}, meta=meta)


def restore(state: State, checkpoint: Checkpoint) -> None:
    """Put `checkpoint` into a fresh state; one of other networks raises `TrainingFailed`."""
    _check_fit(state, checkpoint.tensors)
    restore_tensors(state, checkpoint.tensors)
    for name in ("step", "skipped", "in_row", "rollbacks", "seconds", "history", "alarms"):
        setattr(state, name, copy.deepcopy(checkpoint.meta[name]))
    if checkpoint.meta["best"] is not None:
        state.best = (checkpoint.meta["best"], under("best.", checkpoint.tensors))


def _check_fit(state: State, tensors: Mapping[str, Tensor]) -> None:
    """Names and shapes first: the fused optimiser writes past the end of moments that are too short."""
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    wanted = {k: v.shape for k, v in state.model.state_dict().items()}
    same = {k: v.shape for k, v in under("model.", tensors).items()} == wanted
    same = same and (state.critic is None) == (not under("critic.", tensors))
    for name, value in under("optimizer.", tensors).items():
        index, slot = name.split(".")
        same = same and int(index) < len(parameters)
        same = same and (slot == "step" or value.shape == parameters[int(index)].shape)
    if not same:
        raise TrainingFailed(
            "cannot resume: the checkpoint belongs to other networks, perhaps of another release; "
            "start again with --overwrite"
        )


def restore_tensors(state: State, tensors: Mapping[str, Tensor]) -> None:
    """Weights, averages and optimiser moments from `tensors`."""
    state.model.load_state_dict(under("model.", tensors))
    state.shadow.load_state_dict(under("shadow.", tensors))
    load_optimizer(state.optimizer, under("optimizer.", tensors))
    if state.critic is not None:
        state.critic.load(under("critic.", tensors))


def due(step: int, every: int, last: int) -> bool:
    """Whether something done `every` so many steps, and at the `last`, is to be done after `step`."""
    return step % every == 0 or step == last


def _alarm(job: Job, state: State, words: str) -> None:
    state.alarms.append(words)
    _tell(job, state, "alarm", {"words": words})


def _tell(job: Job, state: State, kind: str, record: Mapping[str, Any]) -> None:
    if job.runtime.main:
        job.hear(Event(kind=kind, step=state.step, steps=job.plan.steps, record=record, model=state.model))


@contextmanager
def _stop_flag() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second interrupts at once. Only the main thread can listen."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    former = signal.getsignal(signal.SIGINT)

    def ask(_signal: int, _frame: Any) -> None:
        flag.set()
        signal.signal(signal.SIGINT, former)

    signal.signal(signal.SIGINT, ask)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, former)
