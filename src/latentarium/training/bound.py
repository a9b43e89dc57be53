"""The fit of models with a likelihood, VAE or AE: one step on the objective, the bound on held-out rows."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from latentarium.models.autoencoder import Autoencoder, Outputs, build
from latentarium.objectives import Terms, regularised_terms, variational_terms
from latentarium.rng import generator, torch_generator
from latentarium.training import monitors, schedule
from latentarium.training.batches import View
from latentarium.training.critic import CodeCritic
from latentarium.training.loop import Job, Recipe, State, due
from latentarium.training.settings import FitSettings

AVERAGE_EVERY = 16
CALIBRATION_ROWS = 1024
LINEAR_SHARE = 0.1
"""Learning rate of the linear paths as a share of the others'."""
VALIDATION_STREAM, CODEBOOK_STREAM, LIKELIHOOD_STREAM, ANEW_STREAM = 3, 12, 16, 19


def new_state(model: Autoencoder, settings: FitSettings) -> State:
    """State before the first step. Gains, biases and a quantiser's values are not decayed; linear paths, which begin
    at their optimum and sum over many inputs, move slowly.
    """
    linear = [p for name, p in model.named_parameters() if name.split(".")[1:2] == ["linear"]]
    slow = {id(p) for p in linear}
    free = {id(p) for p in model.parameters() if p.ndim <= 1}
    free |= {id(p) for p in model.quantiser.parameters()} if model.quantiser is not None else set()
    deep = [p for p in model.parameters() if id(p) not in slow]
    # latent quantisation organises its codes by decay alone, so that there no matrix is spared
    linear_decay = settings.decay if settings.latent_scalars else 0.0
    groups = [
        {"params": [p for p in deep if id(p) not in free], "weight_decay": settings.decay, "share": 1.0},
        {"params": [p for p in deep if id(p) in free], "weight_decay": 0.0, "share": 1.0},
        {"params": linear, "weight_decay": linear_decay, "share": LINEAR_SHARE},
    ]
    filled = [group for group in groups if group["params"]]
    optimizer = torch.optim.AdamW(filled, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
    critic = None
    if settings.goal.kind == "factor":
        device = next(model.parameters()).device
        critic = CodeCritic(latent=settings.architecture.latent, seed=settings.seed, device=device)
    return State(model=model, shadow=copy.deepcopy(model), optimizer=optimizer, critic=critic)


def _forward(job: Job, state: State) -> Any:
    wrapped = job.runtime.wrap(state.model)
    return torch.compile(wrapped) if job.plan.compile else wrapped


def _step_bound(job: Job, state: State, forward: Any) -> tuple[Terms, bool]:
    settings, plan = job.settings, job.plan
    if state.step and state.step == schedule.pretrain_steps(settings, plan):
        _begin_anew(job, state)
    for group in state.optimizer.param_groups:
        group["lr"] = group["share"] * schedule.learning_rate(settings, plan, state.step)
    if not state.model.training:
        state.model.train()
    x = job.batches.take(state.step)
    noise = job.batches.noise(state.step, settings.architecture.latent)
    likelihood = state.model.likelihood
    if likelihood.stirred:
        likelihood.stir(torch_generator(settings.seed, LIKELIHOOD_STREAM, state.step, device=x.device))
    with job.runtime.autocast():
        out = forward(x, noise, settings.goal.kind == "ada-gvae", job.batches.conditions(state.step))
    terms = _terms(job, state, out, x)
    state.optimizer.zero_grad(set_to_none=True)
    terms["loss"].backward()
    checked = terms["loss"].detach()
    if settings.clip is not None:
        checked = checked + nn.utils.clip_grad_norm_(state.model.parameters(), settings.clip)
    finite = math.isfinite(float(job.runtime.mean(checked)))
    if finite:
        state.optimizer.step()
        _learn_beside(job, state, out)
        if due(state.step + 1, AVERAGE_EVERY, plan.steps):
            begun = schedule.pretrain_steps(settings, plan)
            _average(state, settings.ema, state.step + 1 - (begun if state.step >= begun else 0))
    return terms, finite


@torch.no_grad()
def _begin_anew(job: Job, state: State) -> None:
    """Keep the encoder, and put decoder and likelihood where a fit begins: weights, averages and moments.

    It depends on the seed alone, so that a fit that is resumed at this very step does the same again.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(generator(job.settings.seed, ANEW_STREAM).integers(2**62)))
        fresh = build(job.settings.architecture, job.batches.modality).state_dict()
    for model in (state.model, state.shadow):
        for name, value in model.state_dict().items():
            if not name.startswith("encoder."):
                value.copy_(fresh[name])
    state.shadow.encoder.load_state_dict(state.model.encoder.state_dict())
    for part in (state.model.decoder, state.model.likelihood):
        for parameter in part.parameters():
            state.optimizer.state.pop(parameter, None)


def _learn_beside(job: Job, state: State, out: Outputs) -> None:
    """What has no gradient in the model's loss: the critic of codes, the codebook of a quantiser."""
    if isinstance(state.critic, CodeCritic):
        state.critic.learn(out.z.detach(), state.step, average=job.runtime.mean)
    if state.model.quantiser is not None and out.raw is not None:
        source = torch_generator(job.settings.seed, CODEBOOK_STREAM, state.step, device=out.raw.device)
        state.model.quantiser.learn(out.raw.detach(), source)


def _terms(job: Job, state: State, out: Outputs, x: Tensor) -> Terms:
    terms = dict(_objective_terms(job, state, out, x))
    guidance = state.model.likelihood.guidance(out.params, x)
    if guidance is not None:
        terms["loss"] = terms["loss"] + guidance.mean()
    return terms


def _objective_terms(job: Job, state: State, out: Outputs, x: Tensor) -> Terms:
    log_px = state.model.likelihood.log_prob(out.params, x)
    objective = job.settings.goal
    if not objective.variational:
        return regularised_terms(objective, log_px, out.z, quantisation=out.quantisation, values=x[0].numel())
    ramp = schedule.ramp(job.settings, job.plan, state.step)
    posterior = (out.mean, out.log_variance, out.z)
    log_ratio = state.critic.log_ratio(out.z) if isinstance(state.critic, CodeCritic) else None
    rows = len(job.batches.indices)
    return variational_terms(objective, log_px, posterior, ramp=ramp, dataset_size=rows, log_ratio=log_ratio)


@torch.no_grad()
def _average(state: State, decay: float, done: int) -> None:
    """Move the shadow weights; after few steps `done` the average is short, so that it forgets the first weights."""
    now = min(decay, (1 + done) / (10 + done)) ** AVERAGE_EVERY
    for kept, new in zip(state.shadow.parameters(), state.model.parameters(), strict=True):
        kept.lerp_(new, 1 - now)
    for kept, new in zip(state.shadow.buffers(), state.model.buffers(), strict=True):
        kept.copy_(new)


def _validate_bound(job: Job, state: State) -> tuple[dict[str, Any], list[str]]:
    rows = job.validation_rows
    calibrate(job, state.shadow, most=min(CALIBRATION_ROWS, len(rows)))
    source = torch_generator(job.settings.seed, VALIDATION_STREAM, device=job.runtime.device)
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
    words = monitors.collapse_alarm(state.history, last=state.step == job.plan.steps)
    return record, [] if words is None else [words]


@torch.inference_mode()
def calibrate(job: Job, model: Autoencoder, *, most: int = CALIBRATION_ROWS) -> None:
    """Give the likelihood what evaluation needs, from a fixed sample of training rows."""
    model.eval()
    chosen = job.batches.indices[:: max(1, len(job.batches.indices) // most)][:most]
    source = torch_generator(job.settings.seed, VALIDATION_STREAM, 1, device=job.runtime.device)
    rows = View(job.batches, chosen)
    noise = torch.randn(len(rows), job.settings.architecture.latent, generator=source, device=source.device)
    model.likelihood.calibrate((model(x, part, condition=c).params, x) for x, part, c in rows.with_noise(noise))


BOUND = Recipe(new_state=new_state, forward=_forward, step=_step_bound, validate=_validate_bound)
"""The fit of a VAE or AE on its objective."""
