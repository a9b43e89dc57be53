"""The schedule as pure functions of the step; what a fit fixes at its start is a `Plan`."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from latentarium.objectives import Ramp
from latentarium.training.settings import FitSettings

LOWEST_RATE = 0.01
ENCODER_RATE = 1e-3
MOST_HALF_LIFE = 500_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides the bits of a fit besides its settings and data; written to the first checkpoint."""

    steps: int
    validate_every: int
    checkpoint_every: int
    precision: str
    compile: bool
    threads: int
    device: str
    processes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Plan":
        return cls(**stored)


def pretrain_steps(settings: FitSettings, plan: Plan) -> int:
    """How many steps come before the decoder begins anew; 0 where it does not."""
    return min(plan.steps - 1, round((settings.pretrain or 0.0) * plan.steps))


def _in_stage(settings: FitSettings, plan: Plan, step: int) -> tuple[int, int]:
    """Steps done of the stage that `step` is in, and how many it has."""
    first = pretrain_steps(settings, plan)
    return (step, first) if step < first else (step - first, plan.steps - first)


def learning_rate(settings: FitSettings, plan: Plan, step: int) -> float:
    """Linear warm-up, then cosine decay to 1 % of the peak, in each stage of the fit."""
    step, steps = _in_stage(settings, plan, step)
    warm = max(1, round(settings.warmup * steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return settings.learning_rate * (LOWEST_RATE + (1 - LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def ramp(settings: FitSettings, plan: Plan, step: int) -> Ramp:
    """KL factor to 1, up in a line or down by a constant ratio, and free nats -> 0 as shares of the fit's last stage;
    before it the factor that it begins with.
    """
    if step < pretrain_steps(settings, plan):
        return Ramp(kl=settings.kl_start)
    done, steps = _in_stage(settings, plan, step)
    share = done / steps
    done = min(1.0, share / settings.kl_warmup) if settings.kl_warmup else 1.0
    begin = settings.kl_start
    kl = begin ** (1 - done) if begin > 1 else begin + (1 - begin) * done
    free = max(0.0, 1 - share / settings.free_until) if settings.free_until else 0.0
    return Ramp(kl=kl, free_nats=settings.free_nats * free, free_rate=settings.free_rate or 0.0)


def warmed_up(settings: FitSettings, plan: Plan, step: int) -> bool:
    """Whether the objective is the final one, so that bounds of different steps compare."""
    first = pretrain_steps(settings, plan)
    return step - first >= max(settings.kl_warmup, settings.free_until) * (plan.steps - first)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Where the schedule of a GAN stands: `half_life` of the generator's average is in pictures."""

    learning_rate: float
    beta2: float
    gamma: float
    augment: float
    half_life: float


def adversarial_steps(settings: FitSettings, steps: int) -> int:
    """How many of `steps` are adversarial; the others train the encoder."""
    return max(1, round((1 - settings.adversarial.inversion) * steps))


def phases(settings: FitSettings, steps: int) -> tuple[tuple[int, float], ...]:
    """A step in each part of a fit whose steps cost alike, and the part's share of all steps."""
    if settings.model != "gan":
        return ((0, 1.0),)
    first = adversarial_steps(settings, steps)
    return ((first // 2, first / steps), (first, 1 - first / steps))


def turn(settings: FitSettings, steps: int, step: int) -> Turn:
    """Cosines over the `steps` adversarial ones, from a quick loose game to a slow tight one (Huang et al. 2024)."""
    game = settings.adversarial
    done = 0.5 * (1 - math.cos(math.pi * min(1.0, step / steps)))
    shown = min(MOST_HALF_LIFE, game.half_life * steps * settings.batch_size)
    return Turn(
        learning_rate=settings.learning_rate * (1 - 0.75 * done),
        beta2=0.9 + 0.09 * done,
        gamma=game.gamma * (1 - 0.9 * done),
        augment=game.augment * done,
        half_life=shown * done,
    )


def encoder_rate(settings: FitSettings, plan: Plan, step: int) -> float:
    """Cosine decay to 1 % over the steps that train a GAN's encoder."""
    first = adversarial_steps(settings, plan.steps)
    done = (step - first) / max(1, plan.steps - first)
    return ENCODER_RATE * (LOWEST_RATE + (1 - LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))
