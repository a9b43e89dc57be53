"""The fit of a GAN: a game of generator and discriminator, then an encoder for the finished generator.

Every step plays both turns with fresh rows and draws that are functions of (seed, step). Generated rows are made under
the conditions of the real rows they are compared with. The last steps, a share the settings state, train the encoder on
generated pairs (G(z), z) and on real rows with the averaged generator held still.
"""

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentarium.models.autoencoder import Autoencoder, build_discriminator
from latentarium.objectives import Terms, adversarial_loss
from latentarium.rng import generator, torch_generator
from latentarium.space import Modality
from latentarium.training import schedule
from latentarium.training.augment import DRAWS, augment
from latentarium.training.batches import Batches
from latentarium.training.bound import VALIDATION_STREAM
from latentarium.training.companion import fixed
from latentarium.training.loop import Job, Recipe, State
from latentarium.training.modes import SETTLED, Watch, mode_alarms
from latentarium.training.opponent import Opponent, set_rate, step_if_finite
from latentarium.training.settings import FitSettings

OPPONENT_STREAM, AUGMENT_STREAM = 13, 14
WATCHED_ROWS = 500
PIXEL_WEIGHT = 10.0
"""Weight of the squared pixel error of real rows beside the squared error of generated rows' latents."""
PRIOR_WEIGHT = 1e-3


def settle(settings: FitSettings, data_shape: tuple[int, ...]) -> FitSettings:
    """Choose the weight of the penalties by the picture's size where the settings leave it open."""
    if settings.adversarial.gamma:
        return settings
    longest = max(data_shape[1:])
    small = 1.0 if data_shape[0] == 1 else 0.1
    gamma = small if longest <= 32 else 2.0 if longest <= 64 else 20.0
    return replace(settings, adversarial=replace(settings.adversarial, gamma=gamma))


def recipe(modality: Modality, train: NDArray[np.float32], held_out: NDArray[np.float32], *, seed: int) -> Recipe:
    """How a GAN for `modality` is fitted, watched with training rows and held-out ones (both (n, *data_shape))."""
    real = held_out[:WATCHED_ROWS]
    if len(real) < WATCHED_ROWS:
        # too few rows have no neighbourhoods to speak of
        real = np.concatenate([real, train[: WATCHED_ROWS - len(real)]])
    play = Play(modality=modality, train=train[:WATCHED_ROWS], held_out=real, watch=Watch.of(train, real, seed=seed))
    return Recipe(new_state=play.new_state, forward=_nothing, step=_step, validate=play.validate)


@dataclass(frozen=True, kw_only=True, eq=False)
class Play:
    """What a fit of a GAN needs besides its `Job`: the pictures' kind and what generated rows are compared with."""

    modality: Modality
    train: NDArray[np.float32]
    held_out: NDArray[np.float32]
    watch: Watch

    def new_state(self, model: Autoencoder, settings: FitSettings) -> State:
        """State before the first step."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(generator(settings.seed, OPPONENT_STREAM).integers(2**62)))
            module = build_discriminator(settings.architecture, self.modality)
        device = next(model.parameters()).device
        groups = [{"params": list(part.parameters())} for part in (model.decoder, model.encoder)]
        return State(
            model=model,
            shadow=copy.deepcopy(model),
            optimizer=torch.optim.Adam(groups, betas=(0.0, 0.99), fused=True),
            critic=Opponent(module.to(device), settings.adversarial),
        )

    def validate(self, job: Job, state: State) -> tuple[dict[str, Any], list[str]]:
        """Which modes the averaged generator keeps, how sure the discriminator is, how well the encoder inverts."""
        opponent = _opponent(state)
        first = schedule.adversarial_steps(job.settings, job.plan.steps)
        made = self._made(job, state.shadow)
        record: dict[str, Any] = {
            "step": state.step,
            "seconds": round(state.seconds, 3),
            "settled": state.step >= SETTLED * first,
            **self.watch.look(made).to_json(),
            "sign": _sign(opponent, job.runtime.device, self.train, made),
            "sign_held_out": _sign(opponent, job.runtime.device, self.held_out, made),
            "psnr": _psnr(state.shadow, job.runtime.device, self.held_out) if state.step > first else None,
        }
        state.history.append(record)
        if state.step == job.plan.steps and math.isfinite(record["psnr"] or 0.0):
            state.best = (-record["coverage"], {k: v.clone() for k, v in state.shadow.state_dict().items()})
        return record, mode_alarms(state.history, last=state.step == job.plan.steps)

    @torch.inference_mode()
    def _made(self, job: Job, model: Autoencoder) -> NDArray[np.float32]:
        """Generated rows, from the same latent points at each validation, under conditions of training rows."""
        model.eval()
        device = job.runtime.device
        source = torch_generator(job.settings.seed, VALIDATION_STREAM, device=device)
        count, rows = len(self.held_out), job.batches.indices
        z = torch.randn(count, job.settings.architecture.latent, generator=source, device=device)
        condition = job.batches.conditions_at(rows[np.linspace(0, len(rows) - 1, count).astype(int)])
        points = model.joined(z, condition)
        return torch.cat([model.likelihood.mean(model.decoder(part)) for part in points.split(64)]).cpu().numpy()


def _nothing(job: Job, state: State) -> None:
    """No form of the model to prepare: gradients are averaged over processes where they are made."""
    del job, state


def _step(job: Job, state: State, forward: Any) -> tuple[Terms, bool]:
    """One step of the game, or of the encoder once the game is over."""
    del forward
    state.model.train()
    first = schedule.adversarial_steps(job.settings, job.plan.steps)
    if state.step == first:
        state.model.decoder.load_state_dict(state.shadow.decoder.state_dict())
    terms = _game(job, state, first) if state.step < first else _encoder(job, state, first)
    norms = torch.stack([value for name, value in terms.items() if name.endswith("norm")])
    return terms, bool(torch.isfinite(norms).all())


def _game(job: Job, state: State, steps: int) -> Terms:
    """The discriminator's turn, the generator's, and the generator's average."""
    settings, step, batches, model = job.settings, state.step, job.batches, state.model
    turn = schedule.turn(settings, steps, step)
    opponent, latent = _opponent(state), settings.architecture.latent
    real, condition = batches.take(step), batches.conditions(step)
    with torch.no_grad():
        made = model.unclipped(batches.noise(2 * step, latent), condition)
    terms = opponent.learn(real, made, _draws(job, step, 0), turn, average=job.runtime.mean, condition=condition)
    # rows the discriminator has not just been trained on
    real, condition = batches.take(step + 1), batches.conditions(step + 1)
    made = model.unclipped(batches.noise(2 * step + 1, latent), condition)
    draws = _draws(job, step, 1)
    with torch.no_grad():
        other = opponent.score(augment(real, draws[: len(real)], turn.augment), condition)
    own = opponent.score(augment(made, draws[len(real) :], turn.augment), condition)
    loss = adversarial_loss(own, other, pairing=settings.adversarial.pairing)
    if settings.adversarial.anchor:
        loss = loss + settings.adversarial.anchor * _drift(model, real, batches.noise(2 * step, latent), condition)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    set_rate(state.optimizer, turn)
    norm = step_if_finite(state.optimizer, job.runtime.mean)
    if bool(torch.isfinite(norm)):
        kept = 0.5 ** (batches.batch_size / max(turn.half_life, 1e-9))
        _follow(state.shadow.decoder, model.decoder, kept)
    return {"loss": loss.detach(), **terms, "generator_norm": norm}


def _drift(model: Autoencoder, real: Tensor, noise: Tensor, condition: Tensor | None) -> Tensor:
    """Squared error of real rows behind the encoder, which only the generator can lower; a sum over values.

    Codes are scattered as far as they leave N(0, I) unfilled, or the game would be free to spoil what lies between.
    """
    with torch.no_grad():
        codes = model.posterior(real)[0]
        codes = codes + (1 - codes.var(0, correction=0)).clamp_min(0).sqrt() * noise
    return (model.unclipped(codes, condition) - real).square().flatten(1).sum(1).mean()


def _encoder(job: Job, state: State, first: int) -> Terms:
    """One step of the encoder: latent points of generated rows, pixels of real ones (Zhu et al. 2020)."""
    step, batches, model = state.step, job.batches, state.model
    z, real = batches.noise(2 * step, job.settings.architecture.latent), batches.take(step)
    condition = batches.conditions(step)
    with torch.no_grad():
        made = model.decode(z, condition)
    guessed, codes = model.posterior(torch.cat([made, real]))[0].split([len(z), len(real)])
    latent_error = (guessed - z).square().mean()
    found = model.likelihood.unclipped(fixed(model.decoder, model.joined(codes, condition)))
    pixel_error = (found - real).square().mean()
    loss = latent_error + PIXEL_WEIGHT * pixel_error + PRIOR_WEIGHT * codes.square().mean()
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    for group in state.optimizer.param_groups:
        group["lr"], group["betas"] = schedule.encoder_rate(job.settings, job.plan, step), (0.9, 0.99)
    norm = step_if_finite(state.optimizer, job.runtime.mean)
    if bool(torch.isfinite(norm)):
        done = step - first
        _follow(state.shadow.encoder, model.encoder, min(job.settings.ema, (1 + done) / (10 + done)))
    terms = {"loss": loss, "latent_error": latent_error, "pixel_error": pixel_error}
    return {name: value.detach() for name, value in terms.items()} | {"encoder_norm": norm}


@torch.no_grad()
def _follow(kept: torch.nn.Module, new: torch.nn.Module, decay: float) -> None:
    """Move averaged weights towards the new ones."""
    for old, now in zip(kept.parameters(), new.parameters(), strict=True):
        old.lerp_(now, 1 - decay)


def _opponent(state: State) -> Opponent:
    if not isinstance(state.critic, Opponent):
        raise TypeError("the state of a GAN has an opponent")
    return state.critic


def _draws(job: Job, step: int, turn: int) -> Tensor:
    """Random numbers of the augmentation of both sides, for this process's rows (2b, 8)."""
    batches: Batches = job.batches
    source = torch_generator(job.settings.seed, AUGMENT_STREAM, step, turn, device=batches.device)
    both = torch.rand(2, batches.batch_size, DRAWS, generator=source, device=batches.device)
    rank, world = batches.shard
    return both[:, rank::world].flatten(0, 1)


@torch.inference_mode()
def _sign(opponent: Opponent, device: torch.device, rows: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Mean sign of the score of real rows over generated ones: 0 undecided, 1 always right."""
    real, other = (
        torch.cat([opponent.module(part.to(device)) for part in torch.from_numpy(side).split(64)])
        for side in (rows, made)
    )
    return float((real[:, None] - other[None]).sign().mean())


@torch.inference_mode()
def _psnr(model: Autoencoder, device: torch.device, rows: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio, in dB, of rows that went through encoder and generator."""
    model.eval()
    errors = [
        (model.decode(model.posterior(part.to(device))[0]).cpu() - part).square().flatten(1).mean(1)
        for part in torch.from_numpy(rows).split(64)
    ]
    return -10 * math.log10(max(float(torch.cat(errors).mean()), 1e-12))
