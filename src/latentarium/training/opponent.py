"""The discriminator of a GAN and its turn of a step."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from latentarium.nn.generators import Discriminator
from latentarium.objectives import Terms, adversarial_loss, squared_slopes
from latentarium.training.augment import augment
from latentarium.training.companion import Companion, fixed
from latentarium.training.schedule import Turn
from latentarium.training.settings import Adversarial

UNIT = 0.25
"""Published weights of the penalties are for values from -1 to 1; ours go from 0 to 1, where slopes are twice as
steep."""


class Opponent(Companion):
    """Scores pictures, and learns to score real ones above generated ones."""

    def __init__(self, module: Discriminator, game: Adversarial) -> None:
        super().__init__(module, torch.optim.Adam(module.parameters(), betas=(0.0, 0.99), fused=True))
        self.game = game

    def score(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scores (b,); gradients reach `x` alone."""
        return fixed(self.module, x, condition)

    def learn(
        self,
        real: Tensor,
        made: Tensor,
        draws: Tensor,
        turn: Turn,
        *,
        average: Callable[[Tensor], Tensor],
        condition: Tensor | None = None,
    ) -> Terms:
        """One step on real and generated pictures (b, c, h, w); a step that is not finite is left out.

        Parameters
        ----------
        condition : of the real rows (b, k), which the generated ones were made under
        draws : random numbers of the augmentation, for both sides
        average : of gradients over processes
        """
        rows = torch.cat([real, made]).requires_grad_()
        both = None if condition is None else torch.cat([condition, condition])
        scores = self.module(augment(rows, draws, turn.augment), both)
        own, other = scores.chunk(2)
        loss = adversarial_loss(own, other, pairing=self.game.pairing)
        if not self.game.pairing:
            loss = loss + adversarial_loss(-other, other, pairing=False)
        terms = {"discriminator": loss.detach(), "sign": (own - other).detach().sign().mean()}
        if self.game.penalties != "none":
            chosen = {"both": scores, "real": own, "generated": other}[self.game.penalties]
            penalty = UNIT * squared_slopes(chosen, rows).sum() / len(real)
            loss = loss + 0.5 * turn.gamma * penalty
            terms["penalty"] = penalty.detach()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        set_rate(self.optimizer, turn)
        terms["discriminator_norm"] = step_if_finite(self.optimizer, average)
        return terms


def set_rate(optimizer: torch.optim.Optimizer, turn: Turn) -> None:
    """Rate and second decay of this step; the first decay is 0, since a game has no direction to keep."""
    for group in optimizer.param_groups:
        group["lr"], group["betas"] = turn.learning_rate, (0.0, turn.beta2)


def step_if_finite(optimizer: torch.optim.Optimizer, average: Callable[[Tensor], Tensor]) -> Tensor:
    """Average gradients over processes and step; returns their norm, and does not step where it is not finite."""
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    for gradient in gradients:
        gradient.copy_(average(gradient))
    norm = nn.utils.get_total_norm(gradients)
    if bool(torch.isfinite(norm)):
        optimizer.step()
    return norm
