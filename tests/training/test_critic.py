"""FactorVAE's critic: it finds the total correlation, stays out of the model's gradients, and can be put back."""

import math

import pytest
import torch
from tests.training.small import bits, small

from latentarium.data.rows import Rows
from latentarium.training.critic import CodeCritic
from latentarium.training.fit import train
from latentarium.training.loop import Event

CPU = torch.device("cpu")


def codes(step: int, correlation: float) -> torch.Tensor:
    """Pairs of standard normals with a given correlation."""
    noise = torch.randn(256, 2, generator=torch.Generator().manual_seed(step))
    second = correlation * noise[:, 0] + math.sqrt(1 - correlation**2) * noise[:, 1]
    return torch.stack([noise[:, 0], second], dim=1)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_estimate_is_the_total_correlation_of_gaussians(correlation: float) -> None:
    critic = CodeCritic(latent=2, seed=0, device=CPU)
    for step in range(400):
        critic.learn(codes(step, correlation), step, average=lambda value: value)
    with torch.inference_mode():
        found = float(critic.log_ratio(torch.cat([codes(1000 + k, correlation) for k in range(20)])).mean())
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.1)


def test_gradients_of_the_estimate_reach_the_codes_alone() -> None:
    critic = CodeCritic(latent=2, seed=0, device=CPU)
    z = codes(0, 0.5).requires_grad_()
    critic.log_ratio(z).mean().backward()
    assert z.grad is not None
    assert bool((z.grad != 0).any())
    assert all(parameter.grad is None for parameter in critic.module.parameters())


def test_a_critic_put_back_goes_on_with_the_same_bits() -> None:
    critic, other = (CodeCritic(latent=2, seed=seed, device=CPU) for seed in (0, 1))
    for step in range(3):
        critic.learn(codes(step, 0.5), step, average=lambda value: value)
    other.load({name: value.clone() for name, value in critic.tensors().items()})
    other.seed = 0
    for each in (critic, other):
        each.learn(codes(3, 0.5), 3, average=lambda value: value)
    assert bits(critic.module) == bits(other.module)


def test_a_weighted_total_correlation_is_lower_at_the_end(digits: Rows) -> None:
    def last(objective: str) -> float:
        seen: list[float] = []

        def hear(event: Event) -> None:
            if event.kind == "step":
                seen.append(float(event.record["total_correlation"].detach()))

        train(digits, small(objective=objective, steps=300, free_nats=0.0), callback=hear)
        return sum(seen[-50:]) / 50

    free, weighted = last("factor:0"), last("factor:20")
    assert 0 <= weighted < 0.7 * free
