"""Conditional models: what is given is what comes out, nothing given still works, and fits repeat bit for bit."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.svm import SVC
from tests.training.small import bits, pictures, small
from tests.training.test_resume import finish, pull_at, same

import latentarium as la
from latentarium.bundle import open_bundle
from latentarium.checks import check_space
from latentarium.data import rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.distributions import Mixture
from latentarium.errors import InvalidInput, MissingCapability, TrainingFailed
from latentarium.models.autoencoder import Architecture, build, build_discriminator
from latentarium.models.inversion import invert
from latentarium.space import LatentSpace
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.batches import Batches, View
from latentarium.training.fit import Fitted, train
from latentarium.training.monitors import validate
from latentarium.training.row_conditions import RowConditions
from latentarium.training.save import Source, space_of
from latentarium.training.settings import FitSettings

GAN = {"model": "gan", "width": 16, "batch_size": 32}


def fitted(rows: Rows, **options: Any) -> Fitted:
    return train(rows, small(**{"condition": "label", "steps": 20, **options}))


def squares_told(count: int = 200) -> Rows:
    """Squares with a class and two attributes, some values missing."""
    images = pictures(count)
    labels = {
        "side": np.where(images[:, 0, :, :4].sum((1, 2)) > images[:, 0, :, 4:].sum((1, 2)), "left", "right"),
        "bright": (images.max((1, 2, 3)) > 180).astype(float),
        "top": np.where(images[:, 0, :4].sum((1, 2)) > images[:, 0, 4:].sum((1, 2)), 1, -1),
    }
    labels["side"][::10] = ""
    labels["bright"][::7] = np.nan
    return rows_from_arrays(images, labels=labels)


def agreement(rows: Rows, space: LatentSpace) -> float:
    """Share of draws under each class that a classifier of real digits takes for that class."""
    train_rows = rows.splits["train"]
    judge = SVC(C=10).fit(rows.array("train").reshape(-1, 64), rows.columns["label"][train_rows])
    drawn = [space.given(digit).sample(50, seed=digit).reshape(-1, 64) for digit in range(10)]
    return float(np.mean([judge.predict(x) == digit for digit, x in enumerate(drawn)]))


def test_draws_of_a_vae_are_of_the_class_that_is_given(digits: Rows) -> None:
    space = space_of(fitted(digits, width=128, batch_size=128, steps=600))
    assert agreement(digits, space) >= 0.95
    again = space.given(3).given(7)
    np.testing.assert_array_equal(again.sample(4, seed=0), space.given(label="7").sample(4, seed=0))
    np.testing.assert_array_equal(space.given(3).given().sample(4, seed=0), space.sample(4, seed=0))


def test_draws_of_an_ae_are_of_the_class_that_is_given(digits: Rows, tmp_path: Path) -> None:
    """An AE's code holds the class in spite of the condition: drawn from all codes one in ten would be right."""
    place = Place(path=tmp_path / "space")
    options = small(condition="label", model="ae", width=128, batch_size=128, steps=400)
    space = fit_to_bundle(digits, options, place, source=Source(spec="")).space
    assert agreement(digits, space) >= 0.9
    mean, std = np.ones(space.shape), np.full(space.shape, 2.0)
    moved, plain = space.standardised(mean, std).given(3), space.given(3)
    np.testing.assert_allclose(moved.sample(4, seed=0), plain.sample(4, seed=0), atol=1e-3)
    np.testing.assert_array_equal(plain.given().sample(4, seed=0), space.sample(4, seed=0))


def test_draws_of_a_gan_follow_the_class(digits: Rows) -> None:
    """A fit this short has few kinds of each class, most of them of the class that is given."""
    space = space_of(fitted(digits, latent=6, steps=300, learning_rate=5e-3, **GAN))
    assert agreement(digits, space) >= 0.6


def test_draws_of_a_game_that_began_as_a_vae_keep_its_classes(digits: Rows) -> None:
    """Its codes lie where the VAE's do, class by class; N(0, I) as a whole is no place of one class."""
    began = fitted(digits, net="dense", width=128, batch_size=128, steps=600)
    weights = {name: value.detach().numpy() for name, value in began.model.state_dict().items()}
    likelihood = began.settings.architecture.likelihood
    game = {"model": "gan", "net": "dense", "patch": 4, "anchor": 0.1, "likelihood": likelihood}
    options = small(condition="label", width=128, steps=40, **game)
    space = space_of(train(digits, options, start=weights))
    assert agreement(digits, space) >= 0.9
    assert isinstance(space.prior, Mixture), "and without a class, where codes lie at all"
    codes = space.encode(digits.array("train"))
    ones = codes[digits.columns["label"][digits.splits["train"]] == 1]
    drawn = space.given(1).sample_latents(2000, seed=0)
    assert np.abs(ones.mean(0) - codes.mean(0)).max() > 0.15
    np.testing.assert_allclose(drawn.mean(0), ones.mean(0), atol=0.1)
    # as wide as the decoder was held to: codes and what they leave of N(0, I)
    np.testing.assert_allclose(drawn.var(0), ones.var(0) + np.clip(1 - codes.var(0), 0, None), rtol=0.3)


@pytest.mark.parametrize("options", [{}, {"model": "ae"}, {"net": "conv", "width": 8}, GAN], ids=str)
def test_a_space_that_was_told_something_keeps_the_contract(digits: Rows, options: dict[str, Any]) -> None:
    space = space_of(fitted(digits, **options))
    x = digits.array("test")[:12]
    told = space.given("3")
    for one in (space, told):
        check_space(one, x).raise_if_failed()
    assert told.capabilities == space.capabilities
    assert told.provenance["given"] == ["3"]
    codes = space.encode(x)
    np.testing.assert_array_equal(told.encode(x), codes)
    alike = np.array_equal(told.sample_latents(5, seed=1), space.sample_latents(5, seed=1))
    assert alike == (options is GAN), "codes of a class are drawn where codes of that class lie, but for a GAN's"
    assert not np.array_equal(told.decode(codes), space.decode(codes))
    assert not np.array_equal(told.decode_jvp(codes, codes)[1], space.decode_jvp(codes, codes)[1])
    assert not np.array_equal(told.log_likelihood(x, codes), space.log_likelihood(x, codes))
    mean, std = codes.mean(0), codes.std(0) + 0.1
    moved = space.standardised(mean, std).given(label=3).decode((codes - mean) / std)
    np.testing.assert_allclose(moved, told.decode(codes), atol=1e-4)


def test_a_traversal_and_a_blend_run_under_the_condition(digits: Rows) -> None:
    space = space_of(fitted(digits))
    codes = space.encode(digits.array("test")[:20])
    told = space.given(5)
    np.testing.assert_array_equal(la.blend(told, codes[:2], steps=2, path="lerp"), told.decode(codes[:2]))
    dimensions, frames = la.traverse(told, codes, dimensions=1, steps=2)
    ends = np.repeat(codes.mean(0)[None], 2, axis=0)
    ends[:, dimensions[0]] += np.array([-3, 3]) * codes[:, dimensions[0]].std()
    np.testing.assert_allclose(frames[0], told.decode(ends), atol=1e-5)


def test_classes_and_attributes_together(tmp_path: Path) -> None:
    rows = squares_told()
    place = Place(path=tmp_path / "space")
    settings = small(condition=["side", "bright", "top"], steps=30)
    bundle = fit_to_bundle(rows, settings, place, source=Source(spec=""))
    assert bundle.manifest["conditions"] == [
        {"column": "side", "values": ["left", "right"], "binary": False},
        {"column": "bright", "values": ["0", "1"], "binary": True},
        {"column": "top", "values": ["-1", "1"], "binary": True},
    ]
    assert bundle.manifest["architecture"]["conditions"] == 4
    space = open_bundle(place.path).space
    assert [condition.column for condition in space.conditions] == ["side", "bright", "top"]
    z = np.zeros((1, 4), np.float32)
    both = space.given("left", "bright", top=-1)
    assert space.given_prior is not None
    assert space.given_prior.shares.shape[0] == 6
    np.testing.assert_allclose(space.given_prior.shares.sum(1), 1)
    assert both.provenance["given"] == ["left", "bright", "top=-1"]
    others = (space, space.given("left"), space.given("left", bright=0, top=-1), space.given("left", "bright"))
    assert not any(np.array_equal(both.decode(z), other.decode(z)) for other in others)


def test_the_graph_of_the_decoder_takes_the_condition(digits: Rows, tmp_path: Path) -> None:
    place = Place(path=tmp_path / "space")
    rows, settings = digits.select(slice(0, 300)), small(condition="label", steps=20)
    bundle = fit_to_bundle(rows, settings, place, source=Source(spec=""))
    graph = onnxruntime.InferenceSession(bundle.file("decoder.onnx"))
    assert [entry.name for entry in graph.get_inputs()] == ["z", "condition"]
    z, condition = bundle.codes[:5], np.zeros((5, 10), np.float32)
    plain = np.asarray(graph.run(None, {"z": z, "condition": condition})[0])
    np.testing.assert_allclose(plain, bundle.space.decode(z), atol=1e-4)
    condition[:, 3] = 1
    told = np.asarray(graph.run(None, {"z": z, "condition": condition})[0])
    np.testing.assert_allclose(told, bundle.space.given(3).decode(z), atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"model": "ae"}, {"likelihood": "gaussian", "net": "conv", "width": 8}, GAN])
def test_interruptions_give_the_same_bits(digits: Rows, tmp_path: Path, options: dict[str, Any]) -> None:
    settings = small(**{"condition": "label", "steps": 40, "checkpoint_steps": 4, **options})
    whole = train(digits, settings)
    plugs = [pull_at(("step", 7)), pull_at(("step", 22)), pull_at(("step", 35))]
    assert same(finish(digits, settings, tmp_path / "x", plugs), whole)


@pytest.mark.parametrize("change", ["other labels", "other names", "no labels"])
def test_changed_labels_are_refused_on_resume(digits: Rows, tmp_path: Path, change: str) -> None:
    settings = small(condition="label", checkpoint_steps=5)
    with pytest.raises(Exception, match="^$"):
        train(digits, settings, workdir=tmp_path, callback=pull_at(("step", 8)))
    label = digits.columns["label"]
    columns = {
        "other labels": {"label": label[::-1]},
        "other names": {"label": np.char.add("digit ", label.astype(str))},
        "no labels": {},
    }[change]
    kind = InvalidInput if change == "no labels" else TrainingFailed
    with pytest.raises(kind, match="none, these rows have no labels|cannot resume: the values of label changed"):
        train(dataclasses.replace(digits, columns=columns), settings, workdir=tmp_path, resume=True)
    other = dataclasses.replace(digits, columns={**digits.columns, "more": label})
    assert train(other, settings, workdir=tmp_path, resume=True).steps_done == 60


def batches(rows: Rows, *, dropout: float, size: int = 64, seed: int = 0, shard: tuple[int, int] = (0, 1)) -> Batches:
    shared: dict[str, Any] = {"batch_size": size, "seed": seed, "device": torch.device("cpu"), "shard": shard}
    source = Batches(rows.raw, rows.splits["train"], rows.modality, **shared)
    return source.conditioned(RowConditions.of(rows, ("label",), dropout=dropout))


def told_at(source: Batches, step: int) -> torch.Tensor:
    found = source.conditions(step)
    assert found is not None
    return found


def test_conditions_are_those_of_the_batch_and_a_tenth_is_dropped(digits: Rows) -> None:
    source = batches(digits, dropout=0.1)
    values = torch.from_numpy(digits.raw).flatten(1)
    kept = []
    for step in (0, 30, 5):
        told = told_at(source, step)
        rows = (source.take(step) * 255).round().byte().flatten(1)
        places = (rows[:, None] == values[None]).all(2).int().argmax(1)
        labels = torch.from_numpy(digits.columns["label"])[places]
        kept.append(told.sum(1) > 0)
        assert torch.equal(told[kept[-1]].argmax(1), labels[kept[-1]])
        assert torch.equal(told, told_at(batches(digits, dropout=0.1), step))
    assert not torch.equal(kept[0], kept[1])
    shares = [float((told_at(source, step).sum(1) > 0).float().mean()) for step in range(200)]
    assert np.mean(shares) == pytest.approx(0.9, abs=0.01)
    assert not torch.equal(told_at(source, 0), told_at(batches(digits, dropout=0.1, seed=1), 0))
    assert bool((told_at(batches(digits, dropout=0.0), 3).sum(1) == 1).all())


def test_processes_share_one_global_batch_of_conditions(digits: Rows) -> None:
    whole = batches(digits, dropout=0.3)
    parts = [batches(digits, dropout=0.3, shard=(rank, 2)) for rank in (0, 1)]
    for step in range(3):
        together = torch.stack([told_at(part, step) for part in parts], dim=1).flatten(0, 1)
        assert torch.equal(together, told_at(whole, step))


def test_fits_without_conditions_draw_nothing(digits: Rows) -> None:
    plain = train(digits, small(steps=10))
    assert plain.conditions == ()
    assert bits(plain.model) == bits(train(digits, small(steps=10, condition_dropout=0.7)).model)
    with pytest.raises(MissingCapability, match="cannot be given anything: it was fitted without conditions"):
        space_of(plain).given("3")


def test_validation_is_under_the_rows_own_conditions(digits: Rows) -> None:
    found = fitted(digits, width=128, steps=300, batch_size=128)
    source = batches(digits, dropout=0.1)
    rows = View(source, digits.splits["validation"])
    blind = View(source.conditioned(RowConditions.of(digits, (), dropout=0.1)), digits.splits["validation"])
    noise = torch.zeros(len(rows), 4)
    told, untold = validate(found.model, rows, noise), validate(found.model, blind, noise)
    assert told.distortion < untold.distortion
    assert told.rate == untold.rate


def test_training_starts_with_a_linear_path_that_sees_no_condition(digits: Rows) -> None:
    model = fitted(digits, steps=1, learning_rate=1e-12).model
    weight = dict(model.decoder.named_parameters())["linear.weight"].detach()
    assert weight.shape[1] == 4 + 10
    assert float(weight[:, :4].abs().max()) > 0.01
    assert float(weight[:, 4:].abs().max()) < 1e-9


def test_the_discriminator_adds_a_projection_of_the_condition(digits: Rows) -> None:
    settled = Architecture(latent=4, net="gan", width=16, conditions=3).settle(digits.modality, digits.array("test"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build_discriminator(settled, digits.modality)
    x = torch.from_numpy(digits.array("test")[:6])
    plain = module(x)
    assert torch.equal(module(x, torch.zeros(6, 3)), plain)
    gaps = torch.stack([module(x, row.expand(6, -1)) - plain for row in torch.eye(3)])
    assert float(gaps.detach().abs().min()) > 0
    torch.testing.assert_close(module(x, torch.ones(6, 3)) - plain, gaps.sum(0))


def test_a_conditional_gan_can_be_inverted(digits: Rows) -> None:
    model = fitted(digits, **GAN).model
    assert invert(model, digits.array("test")[:3], steps=2).shape == (3, 4)


def test_columns_are_checked_before_the_fit(digits: Rows) -> None:
    with pytest.raises(InvalidInput, match=r"a label or attribute of the rows \(label\), got 'lable'"):
        fitted(digits, condition="lable")
    with pytest.raises(InvalidInput, match="none, these rows have no labels"):
        train(rows_from_arrays(pictures(40)), small(condition="label"))
    ramp = dataclasses.replace(digits, columns={"c": np.linspace(0, 1, len(digits))})
    with pytest.raises(InvalidInput, match="the condition 'c' must be classes or whole numbers"):
        fitted(ramp, condition="c")
    for wrong in (["label", "label"], [3], [""]):
        with pytest.raises(InvalidInput, match="condition must be names of different columns"):
            FitSettings.make(condition=wrong)
    with pytest.raises(InvalidInput, match="condition_dropout must be at least 0 and at most 1"):
        FitSettings.make(condition_dropout=1.5)
    with pytest.raises(InvalidInput, match="'conditions' is not a setting"):
        FitSettings.make(conditions=3)
    module = torch.nn.Identity()
    with pytest.raises(InvalidInput, match="condition must be left out where modules are given"):
        la.fit("digits", condition="label", encoder=module, decoder=module, progress=False)


def test_settings_with_conditions_survive_json() -> None:
    settings = FitSettings.make(condition=["label", "Male"], condition_dropout=0.2)
    assert settings.condition == ("label", "Male")
    assert FitSettings.from_json(settings.to_json()) == settings
    assert FitSettings.make(condition="label").condition == ("label",)
    assert FitSettings.make().condition == ()


def test_a_time_limit_settles_the_steps(digits: Rows) -> None:
    assert fitted(digits, steps=None, time=0.5).steps_done >= 20


def test_a_decoder_is_built_for_its_conditions(digits: Rows) -> None:
    for net in ("dense", "conv"):
        settled = Architecture(latent=4, net=net, width=16, depth=1, likelihood="gaussian", conditions=3)
        model = build(settled, digits.modality).eval()
        z = torch.zeros(2, 4)
        assert torch.equal(model.decode(z), model.decode(z, torch.zeros(1, 3)))
        assert model.joined(z, torch.ones(1, 3)).shape == (2, 7)
