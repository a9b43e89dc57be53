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
from torch import Tensor, nn

from latentarium.errors import TrainingFailed
from latentarium.models.autoencoder import Autoencoder, Outputs
from latentarium.objectives import Terms, regularised_terms, variational_terms
from latentarium.rng import torch_generator
from latentarium.training import monitors, schedule
from latentarium.training.batches import Batches, View
from latentarium.training.checkpoint import Checkpoint
from latentarium.training.runtime import Runtime
from latentarium.training.schedule import Plan
from latentarium.training.settings import FitSettings

AVERAGE_EVERY = 8
LINEAR_SHARE = 0.1
"""Learning rate of the linear paths as a share of the others'."""
SKIPS_BEFORE_ROLLBACK = 5
MOST_ROLLBACKS = 10
VALIDATION_STREAM = 3


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
    step: int = 0
    skipped: int = 0
    in_row: int = 0
    rollbacks: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    alarms: list[str] = field(default_factory=list[str])
    best: tuple[float, dict[str, Tensor]] | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """The fixed part of a fit; `save` writes a checkpoint and `hear` passes events on."""

    settings: FitSettings
    plan: Plan
    runtime: Runtime
    batches: Batches
    validation_rows: View
    save: Callable[[State], None]
    hear: Callback


def new_state(model: Autoencoder, settings: FitSettings) -> State:
    """State before the first step. Gains and biases are not decayed; linear paths, which begin at their optimum and
    sum over many inputs, move slowly.
    """
    linear = [p for name, p in model.named_parameters() if name.split(".")[1:2] == ["linear"]]
    slow = {id(p) for p in linear}
    deep = [p for p in model.parameters() if id(p) not in slow]
    decay = settings.weight_decay
    groups = [
        {"params": [p for p in deep if p.ndim > 1], "weight_decay": decay, "share": 1.0},
        {"params": [p for p in deep if p.ndim <= 1], "weight_decay": 0.0, "share": 1.0},
        {"params": linear, "weight_decay": 0.0, "share": LINEAR_SHARE},
    ]
    filled = [group for group in groups if group["params"]]
    optimizer = torch.optim.AdamW(filled, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
    return State(model=model, shadow=copy.deepcopy(model), optimizer=optimizer)


def run(job: Job, state: State) -> None:
    """Train to the last step of the plan; on Ctrl-C save a checkpoint and raise KeyboardInterrupt."""
    wrapped = job.runtime.wrap(state.model)
    forward = torch.compile(wrapped) if job.plan.compile else wrapped
    snapshot = capture(state)
    began, before = time.perf_counter(), state.seconds
    with _stop_flag() as stop:
        while state.step < job.plan.steps:
            _advance(job, state, forward)
            state.seconds = before + time.perf_counter() - began
            if state.in_row >= SKIPS_BEFORE_ROLLBACK:
                _roll_back(job, state, snapshot)
            if _due(state.step, job.plan.validate_every, job.plan.steps):
                _validate(job, state)
            if _due(state.step, job.plan.checkpoint_every, job.plan.steps) and _sound(state):
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
    wrapped = job.runtime.wrap(state.model)
    forward = torch.compile(wrapped) if job.plan.compile else wrapped
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
    settings, plan = job.settings, job.plan
    for group in state.optimizer.param_groups:
        group["lr"] = group["share"] * schedule.learning_rate(settings, plan, state.step)
    state.model.train()
    x = job.batches.take(state.step)
    noise = job.batches.noise(state.step, settings.architecture.latent)
    with job.runtime.autocast():
        out = forward(x, noise)
    terms = _terms(job, state, out, x)
    state.optimizer.zero_grad(set_to_none=True)
    terms["loss"].backward()
    norm = _clip(state.model, settings.clip)
    finite = bool(torch.isfinite(job.runtime.mean(norm + terms["loss"].detach())))
    if finite:
        state.optimizer.step()
        state.in_row = 0
    else:
        state.skipped, state.in_row = state.skipped + 1, state.in_row + 1
        _alarm(job, state, monitors.nan_alarm(state.step, state.skipped))
    state.step += 1
    if finite and _due(state.step, AVERAGE_EVERY, plan.steps):
        _average(state, settings.ema)
    _tell(job, state, "step", terms)


def _clip(model: nn.Module, most: float) -> Tensor:
    """The gradients' norm; they are written to only where it is too large, which saves a pass over memory."""
    used = [p for p in model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm([p.grad for p in used if p.grad is not None])
    if norm > most:
        nn.utils.clip_grads_with_norm_(used, most, norm)
    return norm


def _terms(job: Job, state: State, out: Outputs, x: Tensor) -> Terms:
    log_px = state.model.likelihood.log_prob(out.params, x)
    objective = job.settings.goal
    if not objective.variational:
        return regularised_terms(objective, log_px, out.z)
    ramp = schedule.ramp(job.settings, job.plan, state.step)
    posterior = (out.mean, out.log_variance, out.z)
    return variational_terms(objective, log_px, posterior, ramp=ramp, dataset_size=len(job.batches.indices))


@torch.no_grad()
def _average(state: State, decay: float) -> None:
    """Move the shadow weights; early in a fit the average is short, so that it forgets the first weights."""
    now = min(decay, (1 + state.step) / (10 + state.step)) ** AVERAGE_EVERY
    for kept, new in zip(state.shadow.parameters(), state.model.parameters(), strict=True):
        kept.lerp_(new, 1 - now)
    for kept, new in zip(state.shadow.buffers(), state.model.buffers(), strict=True):
        kept.copy_(new)


def _validate(job: Job, state: State) -> None:
    calibrate(job, state.shadow)
    source = torch_generator(job.settings.seed, VALIDATION_STREAM, device=job.runtime.device)
    rows = job.validation_rows
    noise = torch.randn(len(rows), job.settings.architecture.latent, generator=source, device=source.device)
    result = monitors.validate(state.shadow, rows, noise)
    warm = schedule.warmed_up(job.settings, job.plan, state.step)
    goal = job.settings.goal
    record = {"step": state.step, "seconds": round(state.seconds, 3), "warmed_up": warm, **result.to_json()}
    record["collapsed"] = monitors.collapsed(result, goal)
    state.history.append(record)
    bound = result.distortion + goal.kl_weight * result.rate
    if warm and math.isfinite(bound) and (state.best is None or bound < state.best[0]):
        state.best = (bound, {k: v.clone() for k, v in state.shadow.state_dict().items()})
    _tell(job, state, "validation", record)
    words = monitors.collapse_alarm(state.history, last=state.step == job.plan.steps)
    if words is not None and not any(alarm.startswith("posterior collapse") for alarm in state.alarms):
        _alarm(job, state, words)


@torch.inference_mode()
def calibrate(job: Job, model: Autoencoder) -> None:
    """Give the likelihood what evaluation needs, from a fixed sample of training rows."""
    model.eval()
    chosen = job.batches.indices[:: max(1, len(job.batches.indices) // 1024)][:1024]
    source = torch_generator(job.settings.seed, VALIDATION_STREAM, 1, device=job.runtime.device)
    rows = View(job.batches, chosen)
    noise = torch.randn(len(rows), job.settings.architecture.latent, generator=source, device=source.device)
    model.likelihood.calibrate((model(x, part).params, x) for x, part in rows.with_noise(noise))


def _sound(state: State) -> bool:
    """Whether this state is worth going back to: steps are finite, and so are the weights they led to."""
    return state.in_row == 0 and all(bool(torch.isfinite(p).all()) for p in state.model.parameters())


def _check_outcome(job: Job, state: State) -> None:
    if state.best is None or 2 * state.skipped > job.plan.steps:
        raise TrainingFailed(
            f"the fit diverged: {state.skipped} of {job.plan.steps} steps were not finite; lower learning_rate "
            f"(now {job.settings.learning_rate:g}) or clip (now {job.settings.clip:g})"
        )


def _roll_back(job: Job, state: State, snapshot: Checkpoint) -> None:
    state.rollbacks += 1
    if state.rollbacks > MOST_ROLLBACKS:
        raise TrainingFailed(
            f"the fit diverged: {state.rollbacks} rollbacks by step {state.step}; lower learning_rate "
            f"(now {job.settings.learning_rate:g}) or clip (now {job.settings.clip:g})"
        )
    restore_tensors(state, snapshot.tensors)
    state.in_row = 0
    _alarm(job, state, monitors.rollback_alarm(state.step, snapshot.meta["step"]))


def capture(state: State) -> Checkpoint:
    """A copy of everything that changes during a fit."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"shadow.{k}": v for k, v in state.shadow.state_dict().items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
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
        state.best = (checkpoint.meta["best"], _under("best.", checkpoint.tensors))


def _check_fit(state: State, tensors: Mapping[str, Tensor]) -> None:
    """Names and shapes first: the fused optimiser writes past the end of moments that are too short."""
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    wanted = {k: v.shape for k, v in state.model.state_dict().items()}
    same = {k: v.shape for k, v in _under("model.", tensors).items()} == wanted
    for name, value in _under("optimizer.", tensors).items():
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
    state.model.load_state_dict(_under("model.", tensors))
    state.shadow.load_state_dict(_under("shadow.", tensors))
    packed = state.optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, slot = name.split(".")
        slots.setdefault(int(index), {})[slot] = value.clone()
    packed["state"] = slots
    state.optimizer.load_state_dict(packed)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _due(step: int, every: int, last: int) -> bool:
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
