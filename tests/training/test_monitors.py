"""Monitors: what is watched in a fit, and when words are spoken."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.small import pictures, small

from latentarium.data import ImageModality
from latentarium.data.rows import Rows
from latentarium.models.autoencoder import Architecture, Autoencoder, build
from latentarium.objectives import Objective, beta, elbo, gaussian_kl, rae
from latentarium.training.batches import Batches, View
from latentarium.training.fit import train
from latentarium.training.monitors import Validation, collapse_alarm, collapsed, validate

HEALTHY = Validation(negative_elbo=100.0, distortion=95.0, rate=5.0, active_units=4, shuffle_gap=20.0)


def model(*, variational: bool = True) -> Autoencoder:
    architecture = Architecture(
        latent=3, variational=variational, net="dense", width=16, depth=1, likelihood="bernoulli"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(architecture, ImageModality(channels=1, height=8, width=8))


def drawn(count: int = 12) -> tuple[View, torch.Tensor]:
    modality = ImageModality(channels=1, height=8, width=8)
    every = np.arange(count)
    batches = Batches(pictures(count), every, modality, batch_size=count, seed=0, device=torch.device("cpu"))
    return View(batches, every), torch.randn(count, 3, generator=torch.Generator().manual_seed(0))


def test_validation_is_the_bound_in_nats() -> None:
    network, (rows, noise) = model().eval(), drawn()
    found = validate(network, rows, noise)
    x = torch.from_numpy(pictures(12)).float() / 255
    with torch.inference_mode():
        out = network(x, noise)
        rate = float(gaussian_kl(out.mean, out.log_variance).sum(1).mean())
        distortion = -float(network.likelihood.log_prob(out.params, x).mean())
        swapped = -float(network.likelihood.log_prob(network.decoder(out.z.roll(1, 0)), x).mean())
    assert found.rate == pytest.approx(rate)
    assert found.distortion == pytest.approx(distortion)
    assert found.negative_elbo == pytest.approx(rate + distortion)
    assert found.shuffle_gap == pytest.approx(swapped - distortion, abs=1e-4)


def test_only_the_first_rows_swap_their_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentarium.training.monitors.SWAPPED_ROWS", 7)
    network, (rows, noise) = model().eval(), drawn(12)
    found = validate(network, rows, noise)
    x = torch.from_numpy(pictures(12)).float() / 255
    with torch.inference_mode():
        out = network(x, noise)
        plain = -network.likelihood.log_prob(out.params, x)
        swapped = -network.likelihood.log_prob(network.decoder(out.z.roll(1, 0)), x)
    assert found.shuffle_gap == pytest.approx(float((swapped - plain)[:7].mean()), abs=1e-4)


def test_pieces_do_not_change_the_numbers() -> None:
    rows, noise = drawn(11)
    whole = validate(model(), rows, noise).to_json()
    rows.piece = 4
    assert validate(model(), rows, noise).to_json() == pytest.approx(whole, abs=1e-4)


def test_an_autoencoder_has_no_rate_and_a_single_row_no_neighbour() -> None:
    assert validate(model(variational=False), *drawn()).rate == 0
    lonely = validate(model(), *drawn(1))
    assert math.isnan(lonely.shuffle_gap)
    assert not collapsed(replace(lonely, rate=3.0), elbo())


@pytest.mark.parametrize(
    ("changes", "objective", "expected"),
    [
        ({}, elbo(), False),
        ({}, beta(4), False),
        ({"rate": 0.02}, elbo(), True),
        ({"rate": 1.0}, elbo(), False),
        ({"rate": 1.0}, beta(0.5), False),
        ({"rate": 0.6}, beta(50), True),
        ({"rate": 3.4}, beta(10), False),
        ({"shuffle_gap": 0.01}, elbo(), True),
        ({"rate": 0.0}, rae(), False),
        ({"rate": 0.0, "shuffle_gap": 0.01}, rae(), True),
    ],
)
def test_a_collapse_is_a_code_without_information(
    changes: dict[str, float], objective: Objective, expected: bool
) -> None:
    assert collapsed(replace(HEALTHY, **changes), objective) is expected


def line(*, warm: bool = True, fallen: bool = True) -> dict[str, Any]:
    return {**HEALTHY.to_json(), "warmed_up": warm, "collapsed": fallen}


def test_the_alarm_waits_for_three_in_a_row_or_the_end() -> None:
    fallen, fine, early = line(), line(fallen=False), line(warm=False)
    assert collapse_alarm([fallen] * 2, last=False) is None
    assert collapse_alarm([fallen, fine, fallen, fallen], last=False) is None
    assert collapse_alarm([early, fallen, fallen], last=False) is None
    assert collapse_alarm([fine, fallen], last=True) is not None
    assert collapse_alarm([fallen, fallen, fine], last=True) is None
    words = collapse_alarm([fallen] * 3, last=False)
    assert words is not None
    assert words.startswith("posterior collapse: a code carries 5.00 nats")
    assert "lower beta" in words
    assert "\n" not in words


@pytest.mark.parametrize(
    "options", [{"likelihood": "bernoulli"}, {"likelihood": "gaussian"}, {"latent": 32, "steps": 800}], ids=str
)
def test_beta_of_fifty_raises_the_alarm_on_digits(digits: Rows, options: dict[str, Any]) -> None:
    fitted = train(digits, small(**{"objective": "beta:50", "steps": 200, **options}))
    assert len(fitted.alarms) == 1
    assert fitted.alarms[0].startswith("posterior collapse")


@pytest.mark.parametrize(
    "options",
    [
        {"likelihood": "bernoulli"},
        {"likelihood": "gaussian"},
        {"likelihood": "logistic"},
        {"latent": 32},
        {"model": "ae", "latent": 8},
        {"objective": "beta-tc:2"},
    ],
    ids=str,
)
def test_healthy_fits_of_digits_raise_none(digits: Rows, options: dict[str, Any]) -> None:
    fitted = train(digits, small(steps=300, **options))
    assert fitted.alarms == []
    assert fitted.history[-1]["shuffle_gap"] > 1


@pytest.mark.parametrize("options", [{"latent": 2}, {"latent": 16}, {"model": "ae", "latent": 2}], ids=str)
def test_healthy_fits_of_a_table_raise_none(table: Rows, options: dict[str, Any]) -> None:
    assert train(table, small(steps=300, **options)).alarms == []


def test_a_collapsed_table_raises_the_alarm(table: Rows) -> None:
    assert train(table, small(steps=200, objective="beta:50")).alarms[0].startswith("posterior collapse")
