"""The fit of a GAN: it learns, resumes bit for bit, says when modes are lost, and its losses are the published ones."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.training.small import bits, pictures, poison
from tests.training.test_resume import finish, pull_at, same
from torch import Tensor, nn

import latentarium as la
from latentarium.data import rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput
from latentarium.objectives import adversarial_loss, squared_slopes
from latentarium.training import adversarial
from latentarium.training.augment import DRAWS, augment
from latentarium.training.fit import Fitted, train
from latentarium.training.modes import Watch, mode_alarms
from latentarium.training.opponent import Opponent
from latentarium.training.save import space_of_model
from latentarium.training.schedule import adversarial_steps, turn
from latentarium.training.settings import Adversarial, FitSettings

SMALL = {"model": "gan", "latent": 6, "width": 16, "batch_size": 32, "steps": 40, "threads": 1}


def small(**options: Any) -> FitSettings:
    return FitSettings.make(**{**SMALL, **options})


def test_a_short_fit_learns_digits(digits: Rows) -> None:
    fitted = train(digits, small(steps=150, learning_rate=5e-3))
    first, last = fitted.history[0], fitted.history[-1]
    z = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    real = torch.from_numpy(digits.array("train")).mean(0)
    fresh = train(digits, small(steps=1)).model
    with torch.inference_mode():
        before, after = (float((model.decode(z).mean(0) - real).square().mean()) for model in (fresh, fitted.model))
    assert after < 0.25 * before
    assert last["psnr"] > 9
    assert first["psnr"] is None
    assert -1 <= last["sign"] <= 1


@pytest.mark.parametrize("moments", [[("step", 7), ("validation", 16), ("step", 33)], [("step", 32), ("step", 39)]])
def test_any_interruption_gives_the_same_bits(digits: Rows, tmp_path: Path, moments: list[tuple[str, int]]) -> None:
    settings = small(checkpoint_steps=4)
    whole = train(digits, settings)
    assert same(finish(digits, settings, tmp_path / "x", [pull_at(moment) for moment in moments]), whole)


def test_a_step_that_is_not_finite_is_skipped_and_the_game_goes_on(digits: Rows) -> None:
    fitted = train(digits, small(checkpoint_steps=5), callback=poison({12}))
    assert sum(words.startswith("loss or gradient was not finite") for words in fitted.alarms) == 1
    assert all(bool(torch.isfinite(p).all()) for p in fitted.model.parameters())


def test_weights_that_stay_broken_are_rolled_back(digits: Rows) -> None:
    fitted = train(digits, small(checkpoint_steps=5), callback=poison({12}, weights=True))
    assert any("rolled back" in words for words in fitted.alarms)
    assert all(bool(torch.isfinite(p).all()) for p in fitted.model.parameters())


def test_the_encoder_learns_on_the_averaged_generator_alone(digits: Rows) -> None:
    seen: dict[int, dict[str, bytes]] = {}

    def hear(event: Any) -> None:
        if event.kind == "step":
            seen[event.step] = bits(event.model)

    fitted = train(digits, small(), callback=hear)
    decoder = [name for name in seen[40] if name.startswith("decoder.")]
    encoder = [name for name in seen[40] if name.startswith("encoder.") and name != "encoder.shift"]
    assert all(seen[33][name] == seen[40][name] == bits(fitted.model)[name] for name in decoder)
    assert any(seen[32][name] != seen[33][name] for name in decoder)
    assert all(seen[1][name] == seen[32][name] for name in encoder)
    assert any(seen[33][name] != seen[40][name] for name in encoder)


@pytest.mark.parametrize(
    "options", [{"pairing": False}, {"penalties": "real"}, {"penalties": "none"}, {"augment": 1.0}]
)
def test_each_option_changes_the_fit(digits: Rows, options: dict[str, Any]) -> None:
    plain, other = (train(digits, small(steps=12, **given)) for given in ({}, options))
    assert bits(plain.model) != bits(other.model)


def test_paired_and_plain_losses() -> None:
    own, other = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    paired = (math.log1p(math.exp(-1)) + math.log1p(math.exp(5))) / 2
    plain = (math.log1p(math.exp(-1)) + math.log1p(math.exp(2))) / 2
    assert float(adversarial_loss(own, other)) == pytest.approx(paired)
    assert float(adversarial_loss(own, other, pairing=False)) == pytest.approx(plain)


class Quadratic(nn.Module):
    """D(x) = a |x|^2 / 2, whose slope is a x."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        assert condition is None
        return self.a * x.square().flatten(1).sum(1) / 2


def test_the_penalty_of_a_quadratic_score_and_its_gradient() -> None:
    score, x = Quadratic(3.0), torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = squared_slopes(score(x), x)
    lengths = x.detach().square().flatten(1).sum(1)
    torch.testing.assert_close(found.detach(), 9 * lengths)
    found.sum().backward()
    assert float(score.a.grad) == pytest.approx(float(6 * lengths.sum()), rel=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("penalties", "sides"), [("both", (1, 1)), ("real", (1, 0)), ("generated", (0, 1))])
def test_a_step_of_the_discriminator_penalises_the_sides_asked_for(penalties: str, sides: tuple[int, int]) -> None:
    """With a tiny weight of the scores the penalty is gamma / 2 a^2 (|x|^2 + |g|^2) / 4."""
    random = torch.Generator().manual_seed(1)
    real, made = torch.rand(8, 1, 4, 4, generator=random), torch.rand(8, 1, 4, 4, generator=random)
    opponent = Opponent(Quadratic(2.0), Adversarial(penalties=penalties))  # type: ignore[arg-type]
    stage = turn(small(gamma=1.0), 100, 0)
    terms = opponent.learn(real, made, torch.zeros(16, DRAWS), stage, average=lambda g: g)
    squares = [float(side.square().flatten(1).sum(1).mean()) for side in (real, made)]
    expected = 0.25 * 4 * sum(use * square for use, square in zip(sides, squares, strict=True))
    assert float(terms["penalty"]) == pytest.approx(expected, rel=1e-5)


def test_augmentation_keeps_rows_where_it_is_off_and_moves_whole_pixels() -> None:
    x = torch.rand(6, 2, 16, 12, generator=torch.Generator().manual_seed(0))
    draws = torch.rand(6, DRAWS, generator=torch.Generator().manual_seed(1))
    assert torch.equal(augment(x, draws, 0.0), x)
    draws[:, :3] = torch.tensor([0.0, 1.0, 1.0])
    moved = augment(x, draws, 0.5)
    for row, (given, found) in enumerate(zip(x, moved, strict=True)):
        down = math.floor(float(draws[row, 3]) * 5) - 2
        right = math.floor(float(draws[row, 4]) * 5) - 2
        rolled = torch.roll(given, (down, right), (1, 2))
        inner = (slice(None), slice(2, -2), slice(2, -2))
        torch.testing.assert_close(found[inner], rolled[inner])


def test_augmentation_has_a_second_derivative() -> None:
    x = torch.rand(2, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    draws = torch.rand(2, DRAWS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradgradcheck(lambda t: augment(t, draws, 0.9).square(), x)


def test_the_schedule_runs_from_its_first_values_to_its_last() -> None:
    settings = small(gamma=2.0, learning_rate=4e-4, augment=0.3, half_life=0.1)
    first, last = turn(settings, 1000, 0), turn(settings, 1000, 1000)
    assert (first.learning_rate, first.beta2, first.gamma, first.augment, first.half_life) == (4e-4, 0.9, 2.0, 0.0, 0.0)
    assert (last.learning_rate, last.beta2, last.gamma) == pytest.approx((1e-4, 0.99, 0.2))
    assert (last.augment, last.half_life) == pytest.approx((0.3, 3200))
    assert adversarial_steps(settings, 1000) == 800


def modes(count: int, kept: int, seed: int) -> NDArray[np.float32]:
    """Pictures of eight well-separated kinds, of which `kept` occur."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(9).random((8, 1, 8, 8)) > 0.5
    return (0.8 * centres[random.integers(0, kept, count)] + 0.05 * random.random((count, 1, 8, 8))).astype(np.float32)


def line(sighting: Any, **more: Any) -> dict[str, Any]:
    return {"step": 1, "settled": True, "sign": 0.3, "sign_held_out": 0.3, **sighting.to_json(), **more}


def test_a_planted_loss_of_modes_is_named_and_a_sound_generator_is_not() -> None:
    watch = Watch.of(modes(400, 8, 0), modes(400, 8, 1), seed=0)
    sound, halved = (line(watch.look(modes(400, kept, 2))) for kept in (8, 4))
    assert mode_alarms([sound], last=True) == []
    assert sound["coverage"] == pytest.approx(sound["expected"], abs=0.05)
    lost, missing = mode_alarms([sound, halved], last=True)
    assert lost.startswith("modes are being lost: generated rows reach 4")
    assert missing.startswith("modes are missing")
    assert halved["lost"] >= 4
    assert mode_alarms([sound, {**halved, "settled": False}], last=False) == []


def test_a_generator_that_repeats_itself_and_a_discriminator_that_memorises_are_named() -> None:
    watch = Watch.of(modes(400, 8, 0), modes(400, 8, 1), seed=0)
    few = modes(16, 8, 3)[np.arange(400) % 16]
    words = mode_alarms([line(watch.look(few))], last=True)
    assert any(sentence.startswith("the generator repeats itself: 100%") for sentence in words)
    sure = line(watch.look(modes(400, 8, 2)), sign=0.99, sign_held_out=0.2)
    assert mode_alarms([sure], last=False)[0].startswith("the discriminator knows the training rows by heart")


def test_a_generator_that_is_left_behind_is_named_unless_it_covers_the_data() -> None:
    watch = Watch.of(modes(400, 8, 0), modes(400, 8, 1), seed=0)
    noise = np.random.default_rng(0).random((400, 1, 8, 8), np.float32)
    behind = line(watch.look(noise), sign=0.99, sign_held_out=0.99)
    assert any(sentence.startswith("the generator is left behind") for sentence in mode_alarms([behind], last=False))
    good = line(watch.look(modes(400, 8, 2)), sign=0.99, sign_held_out=0.99)
    assert mode_alarms([good], last=False) == []


def test_a_fit_that_collapses_says_so() -> None:
    """No pairing, no penalty and a wild rate on eight kinds of pictures."""
    data = (255 * modes(400, 8, 0)).astype(np.uint8)
    options = {"pairing": False, "penalties": "none", "learning_rate": 2e-2, "steps": 120}
    fitted = train(rows_from_arrays(data), small(**options))
    assert any(words.startswith("modes are missing") for words in fitted.alarms)


def test_tiny_data_and_four_channels_are_fitted() -> None:
    fitted = train(rows_from_arrays(pictures(12, (4, 9, 11))), small(steps=6, batch_size=4))
    assert fitted.history[-1]["step"] == 6


def test_a_time_limit_times_both_phases(digits: Rows) -> None:
    fitted = train(digits, FitSettings.make(**{k: v for k, v in SMALL.items() if k != "steps"}, time=4.0))
    assert fitted.steps_done >= 20
    # others may take the cores between the timing and the fit
    assert fitted.seconds < 12


def test_the_weight_of_the_penalties_follows_the_picture() -> None:
    shapes = {(1, 28, 28): 1.0, (3, 32, 32): 0.1, (3, 64, 64): 2.0, (1, 100, 128): 20.0}
    for shape, gamma in shapes.items():
        assert adversarial.settle(small(), shape).adversarial.gamma == gamma
    assert adversarial.settle(small(gamma=0.5), (1, 28, 28)).adversarial.gamma == 0.5


BAD: list[tuple[dict[str, Any], str]] = [
    ({"objective": "beta:4"}, "objective must be left out for a GAN"),
    ({"weight_decay": 0.1}, "weight_decay must be left out for a GAN"),
    ({"free_nats": 1.0}, "free_nats must be left out for a GAN"),
    ({"compile": True}, "compile must be left out for a GAN"),
    ({"net": "ladder"}, "net must be left out for a GAN, got 'ladder'"),
    ({"anchor": -1}, "anchor must be at least 0"),
    ({"likelihood": "logistic"}, "likelihood must be left out for a GAN"),
    ({"likelihood": "bernoulli"}, "likelihood must be left out for a GAN with nets of its own"),
    ({"precision": "bf16"}, "precision must be fp32 or auto for a GAN"),
    ({"penalties": "some"}, "penalties must be one of both, real, generated, none"),
    ({"pairing": 1.5}, "pairing must be true or false, got 1.5"),
    ({"gamma": -1}, "gamma must be at least 0"),
    ({"augment": 2}, "augment must be at least 0 and at most 1"),
    ({"inversion": 1.0}, "inversion must be at least 0.01 and at most 0.9"),
    ({"patch": 3}, "patch must be 0, 1, 2, 4 or 8"),
    ({"model": "vae", "pairing": False}, "are settings of a GAN; leave them out or give model gan, got vae"),
    ({"model": "ae", "patch": 2}, "are settings of a GAN"),
    ({"model": "vae", "net": "gan"}, "net must be dense, conv or auto where model is vae"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[str(options) for options, _ in BAD])
def test_a_setting_that_does_not_apply_gets_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        FitSettings.make(**{"model": "gan", **options})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_survive_json_and_take_the_models_defaults() -> None:
    settings = small(pairing=False, penalties="real")
    assert FitSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    default = FitSettings.make(model="gan")
    assert (default.learning_rate, FitSettings.make(model="gan", learning_rate=1e-3).learning_rate) == (2e-4, 1e-3)


def test_tables_and_own_modules_are_refused(table: Rows) -> None:
    with pytest.raises(InvalidInput, match="model must be vae or ae for data that are not images, got 'gan'"):
        train(table, small())
    with pytest.raises(InvalidInput, match="net must be left out for a GAN"):
        la.fit(pictures(20), **SMALL, encoder=nn.Linear(2, 2), decoder=nn.Linear(2, 2), progress=False)


def test_a_bundle_holds_a_gan_and_gives_it_back(tmp_path: Path, digits: Rows) -> None:
    space = la.fit(digits, **SMALL, out=tmp_path / "gan", progress=False)
    again = la.open_bundle(tmp_path / "gan")
    assert again.manifest["architecture"]["net"] == "gan"
    assert (again.space.geometry.path, type(again.space.prior).__name__) == ("slerp", "Normal")
    x = digits.array("test")[:5]
    np.testing.assert_array_equal(again.space.reconstruct(x), space.reconstruct(x))
    assert max(again.manifest["onnx_error"].values()) < 1e-4


DENSE = {"latent": 4, "net": "dense", "width": 32}


@pytest.fixture(scope="module", params=["gaussian", "bernoulli"])
def begun(digits: Rows, request: pytest.FixtureRequest) -> Fitted:
    """A VAE to begin with; its decoder gives pictures, or their logits."""
    options = {"objective": "beta:4", "batch_size": 64, "steps": 150, "precision": "fp32"}
    return train(digits, FitSettings.make(**DENSE, **options, likelihood=request.param))


def as_begun(fitted: Fitted, **options: Any) -> FitSettings:
    """A game with the nets of the VAE it begins as."""
    likelihood = fitted.settings.architecture.likelihood
    return FitSettings.make(**DENSE, model="gan", likelihood=likelihood, inversion=0.01, patch=4, **options)


def weights_of(fitted: Fitted) -> dict[str, NDArray[Any]]:
    return {name: value.detach().numpy() for name, value in fitted.model.state_dict().items()}


def test_a_game_can_begin_as_a_vae(digits: Rows, begun: Fitted) -> None:
    """Its decoder generates from the first step on, and the encoder is that of its means."""
    settings = as_begun(begun, steps=4, learning_rate=1e-9, half_life=0.0)
    game = train(digits, settings, start=weights_of(begun))
    assert not game.model.variational
    x = digits.array("test")
    before, after = space_of_model(begun).reconstruct(x), space_of_model(game).reconstruct(x)
    assert float(np.square(before - x).mean()) < 0.85 * float(x.var(0).mean())
    np.testing.assert_allclose(after, before, atol=0.02)


def test_an_anchor_keeps_real_rows_where_the_encoder_puts_them(digits: Rows, begun: Fitted) -> None:
    def error(anchor: float) -> float:
        settings = as_begun(begun, steps=60, learning_rate=5e-3, anchor=anchor)
        game = train(digits, settings, start=weights_of(begun))
        x = digits.array("test")
        return float(np.square(space_of_model(game).reconstruct(x) - x).mean())

    assert error(1.0) < 0.9 * error(0.0)
