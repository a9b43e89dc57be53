"""Fits: the same bits from the same seed, nothing of the caller's touched, and what goes wrong said in one line."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from tests.contract.models import custom_modules
from tests.training.small import bits, bound, pictures, poison, small
from torch import nn

import latentarium as la
from latentarium.data import rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, TrainingFailed
from latentarium.training.fit import Fitted, Modules, train
from latentarium.training.loop import Event, Job, State


@pytest.mark.parametrize(
    "options",
    [{}, {"model": "ae"}, {"likelihood": "gaussian"}, {"net": "conv", "width": 8, "steps": 20}, {"precision": "fp32"}],
    ids=str,
)
def test_the_same_seed_gives_the_same_bits(digits: Rows, options: dict[str, Any]) -> None:
    first, second = train(digits, small(**options)), train(digits, small(**options))
    assert bits(first.model) == bits(second.model)
    for a, b in zip(first.history, second.history, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    assert bits(train(digits, small(**options, seed=1)).model) != bits(first.model)


def test_the_same_bits_whatever_the_global_random_state(squares: Rows) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = train(squares, small(steps=10))
        torch.manual_seed(2)
        second = train(squares, small(steps=10))
    assert bits(first.model) == bits(second.model)


def test_global_random_states_are_left_alone(squares: Rows, table: Rows) -> None:
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    numpy_before, torch_before = np.random.get_state()[1].tolist(), torch.random.get_rng_state()  # type: ignore[index, union-attr]  # noqa: NPY002
    for rows, model in ((squares, "vae"), (table, "ae")):
        la.fit(rows, model=model, latent=2, steps=10, width=16, progress=False)
    assert np.random.get_state()[1].tolist() == numpy_before  # type: ignore[index, union-attr]  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), torch_before)


def test_the_callers_arrays_are_left_alone() -> None:
    images, matrix = pictures(40), np.random.default_rng(0).normal(size=(60, 3))
    matrix[3, 1] = np.nan
    for array in (images, images / np.float32(255), matrix):
        before = array.copy()
        space = la.fit(array, latent=2, steps=10, width=16, progress=False)
        np.testing.assert_array_equal(array, before)
        assert space.shape == (2,)


def test_a_fit_learns(digits: Rows) -> None:
    fitted = train(digits, small(steps=300))
    first, last = fitted.history[0], fitted.history[-1]
    assert last["negative_elbo"] < first["negative_elbo"] - 0.2
    assert last["negative_elbo"] == pytest.approx(last["distortion"] + last["rate"])
    assert [line["step"] for line in fitted.history] == list(range(60, 301, 60))
    assert fitted.steps_done == fitted.plan.steps == 300


def test_the_weights_of_the_best_validation_are_kept(digits: Rows) -> None:
    """A rate far too high at the end spoils the last weights, not the result."""

    def spoil(event: Event) -> None:
        if event.kind == "step" and event.step > 200:
            with torch.no_grad():
                for parameter in event.model.decoder.parameters():
                    parameter.mul_(1.2)

    fitted = train(digits, small(steps=240), callback=spoil)
    best = bound(fitted.history)
    assert fitted.history[-1]["negative_elbo"] > best + 1
    x = torch.from_numpy(digits.array("validation"))
    with torch.inference_mode():
        out = fitted.model(x, None)
        distortion = -float(fitted.model.likelihood.log_prob(out.params, x).mean())
    assert distortion < best


def test_averaged_weights_are_used_even_in_the_shortest_fit(squares: Rows) -> None:
    one, seven = (train(squares, small(steps=steps, free_until=0.0)) for steps in (1, 7))
    assert bits(one.model) != bits(seven.model)


def test_networks_of_the_user_cannot_begin_anew(digits: Rows) -> None:
    with pytest.raises(InvalidInput, match="pretrain must be left out where modules are given"):
        train(digits, small(net="custom", pretrain=0.5), modules=custom_modules())


def test_weights_that_a_fit_starts_from_are_kept(digits: Rows) -> None:
    """A fit that begins with the decoder of another one does not throw it away."""
    first = train(digits, small(steps=30))
    start = {name: value.numpy() for name, value in first.model.state_dict().items()}
    again = train(digits, small(steps=4, pretrain=0.5, learning_rate=1e-9), start=start)
    assert again.settings.pretrain == 0
    weights = again.model.state_dict()
    assert all(torch.allclose(weights[name], value, atol=1e-5) for name, value in first.model.state_dict().items())


def test_batch_statistics_of_custom_modules_reach_the_result(digits: Rows) -> None:
    fitted = train(digits, small(net="custom", steps=40), modules=custom_modules())
    norm = next(m for m in fitted.model.encoder.modules() if isinstance(m, nn.BatchNorm1d))
    tracked = {name: float(value.float().abs().sum()) for name, value in norm.named_buffers()}
    assert tracked["num_batches_tracked"] == 40
    assert tracked["running_mean"] > 0


def test_events_come_in_order(squares: Rows) -> None:
    heard: list[tuple[str, int]] = []
    train(squares, small(steps=40, checkpoint_steps=10), callback=lambda e: heard.append((e.kind, e.step)))
    assert heard[0] == ("start", 0)
    assert [step for kind, step in heard if kind == "step"] == list(range(1, 41))
    assert [step for kind, step in heard if kind == "validation"] == list(range(8, 41, 8))
    assert [step for kind, step in heard if kind == "checkpoint"] == [10, 20, 30, 40]


def test_records_of_steps_are_named_terms_in_nats(squares: Rows) -> None:
    records: list[dict[str, float]] = []

    def hear(event: Event) -> None:
        if event.kind == "step":
            records.append({name: float(value.detach()) for name, value in event.record.items()})

    train(squares, small(steps=5, objective="beta-tc:3", kl_warmup=0.0, free_until=0.0), callback=hear)
    for record in records:
        assert record["negative_elbo"] == pytest.approx(record["distortion"] + record["rate"], rel=1e-5)
        assert {"mutual_information", "dimension_kl"} < set(record)
        assert record["loss"] == pytest.approx(record["negative_elbo"] + 2 * record["total_correlation"], rel=1e-4)


@pytest.fixture(scope="module")
def clean(digits: Rows) -> Fitted:
    return train(digits, small(steps=200))


@pytest.mark.parametrize("steps", [{50}, {50, 51, 52}, {7, 90, 150}], ids=str)
def test_a_transient_nan_is_skipped_and_the_fit_ends_as_well(digits: Rows, clean: Fitted, steps: set[int]) -> None:
    fitted = train(digits, small(steps=200), callback=poison(steps))
    assert fitted.alarms == [
        f"loss or gradient was not finite at step {step}: step skipped ({k} so far)"
        for k, step in enumerate(sorted(steps), start=1)
    ]
    assert bound(fitted.history) == pytest.approx(bound(clean.history), rel=0.02)
    assert all(bool(torch.isfinite(p).all()) for p in fitted.model.parameters())


@pytest.mark.parametrize("step", [3, 55, 100, 199])
def test_a_nan_that_stays_is_rolled_back_and_the_fit_ends_as_well(digits: Rows, clean: Fitted, step: int) -> None:
    """At 100 it falls on a checkpoint, which must not keep it; at 199 the fit is over before the fifth step."""
    fitted = train(digits, small(steps=200), callback=poison({step}, weights=True))
    back = [alarm for alarm in fitted.alarms if "rolled back" in alarm]
    if step < 195:
        assert back == [
            f"five steps in a row were not finite at step {step + 5}: weights rolled back to those of step "
            f"{20 * ((step - 1) // 20)}"
        ]
    assert bound(fitted.history) == pytest.approx(bound(clean.history), rel=0.02)
    assert all(bool(torch.isfinite(p).all()) for p in fitted.model.parameters())


@pytest.mark.parametrize("steps", [30, 200])
def test_endless_nan_ends_the_fit_with_one_line(digits: Rows, steps: int) -> None:
    with pytest.raises(TrainingFailed, match=r"the fit diverged: .*lower learning_rate \(now 0\.002\)") as caught:
        train(digits, small(steps=steps), callback=poison(set(range(1000)), weights=True))
    assert "\n" not in str(caught.value)


class Sulking(nn.Module):
    """An encoder that gives NaN in training and sound values otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) * (float("nan") if self.training else 1.0)


def test_a_network_that_never_trains_is_no_success(digits: Rows) -> None:
    modules = Modules(encoder=Sulking(), decoder=custom_modules().decoder)
    with pytest.raises(TrainingFailed, match="the fit diverged: 30 of 30 steps were not finite"):
        train(digits, small(net="custom", steps=30), modules=modules)


BAD_DATA: list[tuple[str, Any, str]] = [
    ("values to 300", np.random.default_rng(0).uniform(0, 300, (40, 8, 8)), "300|uint8"),
    ("negative", np.full((40, 8, 8), -0.5), "0"),
    ("NaN", np.where(np.arange(40)[:, None, None] == 7, np.nan, np.zeros((40, 8, 8))), "NaN"),
    ("one row", pictures(1), "at least 10"),
    ("nine rows", pictures(9), "at least 10, got 9"),
    ("too small", np.zeros((40, 1, 4, 4), np.uint8), "8 to 256"),
    ("text", np.array([["a"] * 3] * 20), "numeric"),
    ("a number", 3, "array"),
]


@pytest.mark.parametrize(("data", "words"), [row[1:] for row in BAD_DATA], ids=[row[0] for row in BAD_DATA])
def test_data_out_of_range_are_refused_before_training(data: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        la.fit(data, likelihood="bernoulli", progress=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("steps", "given", "used"), [(4, None, 256), (40_000, None, 2000), (4, 300, 300)])
def test_short_fits_validate_on_fewer_rows(
    monkeypatch: pytest.MonkeyPatch, steps: int, given: int | None, used: int
) -> None:
    seen: list[int] = []

    def stop(job: Job, state: State) -> None:
        seen.append(len(job.validation_rows))
        raise KeyboardInterrupt

    monkeypatch.setattr("latentarium.training.loop.run", stop)
    rows = rows_from_arrays(pictures(25_000))
    with pytest.raises(KeyboardInterrupt):
        train(rows, small(steps=steps, validation_rows=given))
    assert seen == [used]


def test_rows_without_a_validation_part_are_refused(squares: Rows) -> None:
    train_rows, nothing = np.arange(len(squares)), np.empty(0, np.int64)
    bare = dataclasses.replace(squares, splits={"train": train_rows, "validation": nothing, "test": nothing})
    with pytest.raises(InvalidInput, match="enough to leave a validation split"):
        train(bare, small())


def test_the_fewest_rows_that_are_allowed(digits: Rows) -> None:
    space = la.fit(pictures(10), latent=2, steps=5, width=16, progress=False)
    assert space.encode(np.zeros((3, 1, 8, 8))).shape == (3, 2)


def test_constant_pictures_can_be_fitted() -> None:
    for likelihood in ("gaussian", "bernoulli", "logistic", "autoregressive"):
        fitted = train(rows_from_arrays(np.full((30, 8, 8), 7, np.uint8)), small(steps=20, likelihood=likelihood))
        assert np.isfinite(fitted.history[-1]["negative_elbo"])
