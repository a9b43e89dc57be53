"""`fit`: data in, a latent space out; `train`: the same over rows already opened, with checkpoints."""

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.arrays import batches
from latentarium.conditions import Condition
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, TrainingFailed, invalid
from latentarium.models.autoencoder import Autoencoder, build
from latentarium.models.custom import custom_autoencoder
from latentarium.models.start import start_linear
from latentarium.rng import draw, generator
from latentarium.training import adversarial, loop, schedule
from latentarium.training.batches import Batches, View
from latentarium.training.bound import BOUND, calibrate
from latentarium.training.checkpoint import load_checkpoint
from latentarium.training.loop import Callback, Event, Job, Recipe, State
from latentarium.training.pairs import training_pairs
from latentarium.training.row_conditions import RowConditions
from latentarium.training.runtime import Runtime, open_runtime
from latentarium.training.saved import fixed_meta, same_conditions, same_machine, saved_settings, saver
from latentarium.training.schedule import Plan
from latentarium.training.settings import FitSettings

DEFAULT_EPOCHS = 30.0
SAMPLE_STREAM, WEIGHT_STREAM = 4, 5
SAMPLE_ROWS = 2048
SAMPLE_VALUES = 2**23
START_ROWS = 4096
START_VALUES = 2**26
"""The linear start sees fewer rows of large pictures: what it reads stays in the process's memory for good."""
VALIDATION_SHARE = 0.01
FEWEST_VALIDATIONS = 5
VALIDATION_ROWS = 2000
FEWEST_VALIDATION_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class Modules:
    """The user's own networks: `encoder` gives (b, 2 latent) or (mean, log variance); `decoder` gives the
    likelihood's parameters.
    """

    encoder: nn.Module
    decoder: nn.Module


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A finished fit: the model in evaluation mode and everything needed to say how it came about."""

    model: Autoencoder
    settings: FitSettings
    plan: Plan
    rows: Rows
    history: list[dict[str, Any]]
    alarms: list[str]
    seconds: float
    steps_done: int
    main: bool = True
    conditions: tuple[Condition, ...] = ()


LAST_LAYERS = ("encoder.head.weight", "encoder.head.bias", "encoder.linear.weight")
"""What gives the means and, in a VAE, then the log variances."""


def train(
    rows: Rows,
    settings: FitSettings,
    *,
    workdir: Path | None = None,
    resume: bool = False,
    start: Mapping[str, NDArray[Any]] | None = None,
    modules: Modules | None = None,
    callback: Callback | None = None,
) -> Fitted:
    """Fit a model to the training split of `rows`.

    Parameters
    ----------
    workdir : folder of the checkpoint and history; None keeps everything in memory
    resume : go on from the checkpoint in `workdir`
    start : weights to begin from (a warm start)
    modules : the user's own encoder and decoder

    Raises
    ------
    InvalidInput
        For data or settings that break a rule.
    TrainingFailed
        When the loss keeps diverging, or a checkpoint belongs to other data or settings.
    """
    _check_rows(rows)
    saved = load_checkpoint(workdir / "checkpoint.safetensors") if resume and workdir else None
    if saved is not None:
        settings = saved_settings(saved, rows)
    row_conditions = RowConditions.of(rows, settings.condition, dropout=settings.condition_dropout)
    if saved is not None:
        same_conditions(saved, row_conditions)
    plan = Plan.from_json(saved.meta["plan"]) if saved else None
    sample = _sample(rows, settings)
    architecture = replace(settings.architecture, conditions=row_conditions.width)
    settings = replace(settings, architecture=architecture.settle(rows.modality, sample)).suited(rows.modality)
    if start is not None:
        # weights that are read on from are not to be thrown away
        settings = replace(settings, pretrain=0.0 if settings.pretrain else settings.pretrain)
    recipe = BOUND
    if settings.model == "gan":
        settings = adversarial.settle(settings, rows.modality.data_shape)
        recipe = adversarial.recipe(rows.modality, sample, _watched(rows), seed=settings.seed)
    runtime = open_runtime(settings, precision=plan.precision if plan else None)
    if plan:
        same_machine(plan, runtime)
    model = _fresh_model(rows, settings, sample, modules).to(runtime.device)
    if start is not None:
        _warm_start(model, start, adversarial=settings.model == "gan")
    source = _batches(rows, settings, runtime).conditioned(row_conditions)
    plan = plan or _plan(settings, runtime, source, (recipe, model))
    state = recipe.new_state(model, settings)
    if saved:
        loop.restore(state, saved)
    job = Job(
        recipe=recipe,
        settings=settings,
        plan=plan,
        runtime=runtime,
        batches=source,
        validation_rows=_validation_rows(rows, settings, plan, source),
        save=saver(workdir if runtime.main else None, fixed_meta(rows, settings, plan=plan, conditions=row_conditions)),
        hear=callback or _silent,
    )
    return _finish(job, state, rows, row_conditions.conditions)


def _finish(job: Job, state: State, rows: Rows, conditions: tuple[Condition, ...]) -> Fitted:
    job.hear(Event(kind="start", step=state.step, steps=job.plan.steps, record={}, model=state.model))
    try:
        loop.run(job, state)
    except RuntimeError as error:
        if job.runtime.world == 1 or "connection" not in str(error).lower():
            raise
        words = "another process of the fit was lost; go on from the last checkpoint with --resume"
        raise TrainingFailed(words) from None
    model = loop.final_weights(state)
    calibrate(job, model)
    return Fitted(
        model=model,
        settings=job.settings,
        plan=job.plan,
        rows=rows,
        history=state.history,
        alarms=state.alarms,
        seconds=state.seconds,
        steps_done=state.step,
        main=job.runtime.main,
        conditions=conditions,
    )


def _check_rows(rows: Rows) -> None:
    for split in ("train", "validation"):
        if len(rows.splits.get(split, ())) == 0:
            raise invalid("rows", f"enough to leave a {split} split", len(rows), "give at least 10 rows")


def _sample(rows: Rows, settings: FitSettings) -> NDArray[np.float32]:
    fitting = max(64, SAMPLE_VALUES // int(np.prod(rows.modality.data_shape)))
    return rows.array(_drawn(rows, min(SAMPLE_ROWS, fitting), settings.seed))


def _drawn(rows: Rows, most: int, seed: int) -> NDArray[np.int64]:
    """At most `most` training rows, a seeded draw."""
    return draw(rows.splits["train"], most, seed=seed, stream=SAMPLE_STREAM)


def _fresh_model(
    rows: Rows, settings: FitSettings, sample: NDArray[np.float32], modules: Modules | None
) -> Autoencoder:
    if modules is not None and settings.pretrain:
        raise invalid("pretrain", "left out where modules are given, which cannot begin anew", settings.pretrain)
    if modules is not None:
        return custom_autoencoder(modules.encoder, modules.decoder, settings.architecture, rows.modality, sample)
    if settings.architecture.net == "custom":
        raise invalid("net", "dense, conv or auto where no modules are given", "custom")
    with torch.random.fork_rng(devices=[]):
        # layer constructors draw from torch's global generator; the fork gives it back untouched. Not
        # torch.manual_seed, which would also seed the generators of every GPU
        torch.default_generator.manual_seed(int(generator(settings.seed, WEIGHT_STREAM).integers(2**62)))
        model = build(settings.architecture, rows.modality)
    mean = torch.from_numpy(sample.mean(0, dtype=np.float64).astype(np.float32))
    pieces = _start_rows(rows, settings)
    start_linear(model, pieces, mean, latent=settings.architecture.latent, seed=settings.seed)
    return model


def _start_rows(rows: Rows, settings: FitSettings) -> Iterator[Tensor]:
    """Training rows the linear start is computed from, in pieces."""
    values = int(np.prod(rows.modality.data_shape))
    chosen = _drawn(rows, min(START_ROWS, max(64, START_VALUES // values)), settings.seed)
    piece = max(16, SAMPLE_VALUES // values // 4)
    for part in batches(len(chosen), piece):
        yield torch.from_numpy(rows.array(chosen[part]))


def _warm_start(model: Autoencoder, start: Mapping[str, NDArray[Any]], *, adversarial: bool) -> None:
    """Put in weights; a GAN takes the means alone of a VAE's posterior."""
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    weights = {name: torch.from_numpy(np.array(value)) for name, value in start.items()}
    for name in LAST_LAYERS:
        if adversarial and name in weights and name in wanted and len(weights[name]) == 2 * wanted[name][0]:
            weights[name] = weights[name][: wanted[name][0]]
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise InvalidInput(
            "the bundle given as --from has another architecture than this fit; give the same latent, net, width, "
            "depth, likelihood and picture size"
        ) from None


def _batches(rows: Rows, settings: FitSettings, runtime: Runtime) -> Batches:
    indices, partners = rows.splits["train"], None
    if settings.goal.kind == "ada-gvae":
        indices, partners = training_pairs(rows)
    source = Batches(
        rows.raw,
        indices,
        rows.modality,
        batch_size=settings.batch_size,
        seed=settings.seed,
        device=runtime.device,
        shard=(runtime.rank, runtime.world),
    )
    source = source.transposed(settings.transpose)
    return source if partners is None else source.paired(partners)


def _validation_rows(rows: Rows, settings: FitSettings, plan: Plan, batches: Batches) -> View:
    """Evenly spaced rows of the validation split; fewer where the fit is so short that they would weigh in it."""
    chosen = rows.splits["validation"]
    count = settings.validation_rows
    if count is None:
        affordable = VALIDATION_SHARE * plan.validate_every * batches.batch_size
        count = int(np.clip(affordable, FEWEST_VALIDATION_ROWS, VALIDATION_ROWS))
    stride = max(1, len(chosen) // count)
    return View(batches, chosen[::stride][:count])


def _watched(rows: Rows) -> NDArray[np.float32]:
    """Held-out rows that a GAN's are compared with."""
    chosen = rows.splits["validation"]
    return rows.array(chosen[:: max(1, len(chosen) // adversarial.WATCHED_ROWS)])


def _plan(settings: FitSettings, runtime: Runtime, batches: Batches, kind: tuple[Recipe, Autoencoder]) -> Plan:
    """Fix what decides the bits; under a time limit the step is timed on a throwaway copy first."""
    if settings.time is not None:
        spent, step_time = _time_steps(settings, runtime, batches, kind)
        steps = max(20, int((settings.time - spent) / (step_time * 1.03)))
    elif settings.steps is not None:
        steps = settings.steps
    else:
        steps = max(1, round((settings.epochs or DEFAULT_EPOCHS) * batches.steps_per_epoch))
    steps = int(runtime.mean(torch.tensor(float(steps), device=runtime.device)))
    every = max(1, steps // _validations(settings, steps, batches))
    return Plan(
        steps=steps,
        validate_every=every,
        checkpoint_every=settings.checkpoint_steps or max(1, min(steps // 10 or 1, 500)),
        precision=runtime.precision,
        compile=settings.compile,
        threads=torch.get_num_threads(),
        device=runtime.device.type,
        processes=runtime.world,
    )


def _validations(settings: FitSettings, steps: int, batches: Batches) -> int:
    """As many validations as asked for, fewer where they would take more than a few percent of the fit."""
    affordable = VALIDATION_SHARE * steps * batches.batch_size / (settings.validation_rows or VALIDATION_ROWS)
    return int(np.clip(affordable, min(FEWEST_VALIDATIONS, settings.validations), settings.validations))


def _time_steps(
    settings: FitSettings, runtime: Runtime, batches: Batches, kind: tuple[Recipe, Autoencoder]
) -> tuple[float, float]:
    """Seconds spent, and the median seconds of a step over all phases, measured on a copy that is thrown away."""
    recipe, model = kind
    trial = recipe.new_state(copy.deepcopy(model), settings)
    plan = Plan(
        steps=10**6,
        validate_every=10**7,
        checkpoint_every=10**7,
        precision=runtime.precision,
        compile=settings.compile,
        threads=1,
        device=runtime.device.type,
        processes=runtime.world,
    )
    job = Job(
        recipe=recipe,
        settings=settings,
        plan=plan,
        runtime=runtime,
        batches=batches,
        validation_rows=View(batches, batches.indices[:0]),
        save=lambda _: None,
        hear=_silent,
    )
    began, step_time = time.perf_counter(), 0.0
    for trial.step, share in schedule.phases(settings, plan.steps):
        most = share * min(3.0, 0.05 * (settings.time or 60.0))
        step_time += share * float(np.median(loop.timed_steps(job, trial, most_seconds=most, most_steps=200)))
    return time.perf_counter() - began, step_time


def _silent(event: Event) -> None:
    del event
