"""The verbs of fitting: lengths, repeats from a bundle, warm starts, what is written beside a fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.small import bits, pictures, small

import latentarium as la
from latentarium.bundle import Bundle, open_bundle
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput
from latentarium.training.api import Place, fit_to_bundle, open_rows, repeat_settings
from latentarium.training.fit import train
from latentarium.training.loop import Event
from latentarium.training.save import Source
from latentarium.training.settings import FitSettings


@pytest.fixture(scope="module")
def bundle(digits: Rows, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    place = Place(path=tmp_path_factory.mktemp("api") / "space")
    settings = small(steps=None, epochs=1.5, seed=0, objective="beta:2")
    return fit_to_bundle(digits, settings, place, source=Source(spec="digits"))


def test_lengths_of_a_fit(digits: Rows) -> None:
    per_epoch = len(digits.splits["train"]) // 64
    assert train(digits, small(steps=None, epochs=2)).plan.steps == 2 * per_epoch
    assert train(digits, small(steps=None, epochs=0.01)).plan.steps == 1
    assert train(digits, small(steps=7)).steps_done == 7


def test_a_time_limit_is_kept_about_and_fixed_in_the_plan(digits: Rows) -> None:
    fitted = train(digits, small(steps=None, time=6.0))
    assert 2 < fitted.seconds < 12
    assert fitted.plan.steps == fitted.steps_done > 100
    assert fitted.settings.time == 6.0


def test_a_bundle_says_how_it_came_about(bundle: Bundle) -> None:
    made = bundle.manifest["provenance"]
    assert made["plan"]["steps"] == made["steps"] == 33
    assert made["settings"]["objective"] == {"kind": "beta", "weight": 2.0}
    assert (made["plan"]["threads"], made["plan"]["device"], made["plan"]["precision"]) == (1, "cpu", "bf16")
    assert made["settings"]["architecture"]["likelihood"] == made["likelihood"]["name"] == "bernoulli"
    assert bundle.manifest["data"]["source"] == "digits"
    assert not bundle.path.with_name("space.fit").exists()


def test_a_fit_repeated_from_its_bundle_has_the_same_bits(bundle: Bundle) -> None:
    settings, source = repeat_settings(bundle)
    rows, _ = open_rows(source.spec, size=source.size, labels=source.label, seed=source.seed)
    again = train(rows, settings)
    stored = {name: value.tobytes() for name, value in bundle.tensors("model.safetensors").items()}
    assert bits(again.model) == stored


def test_a_fit_of_arrays_cannot_be_repeated(tmp_path: Path) -> None:
    la.fit(pictures(30), latent=2, steps=3, width=16, out=tmp_path / "space", progress=False)
    with pytest.raises(InvalidInput, match="cannot be repeated: its data were an array in memory"):
        repeat_settings(open_bundle(tmp_path / "space"))
    with pytest.raises(InvalidInput, match="already exists"):
        la.fit(pictures(30), latent=2, steps=3, out=tmp_path / "space", progress=False)


def test_a_warm_start_begins_where_the_bundle_ended(digits: Rows, bundle: Bundle) -> None:
    weights = bundle.tensors("model.safetensors")
    heard: list[float] = []

    def first_loss(event: Event) -> None:
        if event.kind == "step" and event.step == 1:
            heard.append(float(event.record["distortion"].detach()))

    settings = small(steps=5, learning_rate=1e-6, ema=0.0)
    cold = train(digits, settings, callback=first_loss)
    warm = train(digits, settings, start=weights, callback=first_loss)
    assert heard[1] < heard[0] - 0.05
    moved = max(np.abs(weights[k] - v.numpy()).max() for k, v in warm.model.state_dict().items() if "variance" not in k)
    assert moved < 1e-3
    assert bits(warm.model) != bits(cold.model)


def test_a_warm_start_of_another_architecture_is_refused(digits: Rows, bundle: Bundle, tmp_path: Path) -> None:
    for options in ({"latent": 5}, {"width": 64}, {"model": "ae"}, {"net": "conv", "width": 8}):
        with pytest.raises(InvalidInput, match="--from has another architecture than this fit") as caught:
            fit_to_bundle(
                digits,
                small(**options),
                Place(path=tmp_path / "x", start=bundle.path),
                source=Source(spec="digits"),
            )
        assert "\n" not in str(caught.value)


def test_the_command_line_repeats_and_starts_from_a_bundle(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from latentarium.cli import run

    again, warm = tmp_path / "again", tmp_path / "warm"
    assert run(["fit", "-o", str(again), "--config", str(bundle.path), "--json"]) == 0
    assert (again / "model.safetensors").read_bytes() == (bundle.path / "model.safetensors").read_bytes()
    assert json.loads(capsys.readouterr().out)["steps"] == 33
    config = tmp_path / "run.toml"
    config.write_text("latent = 4\nwidth = 32\nthreads = 1\nsteps = 900\n", encoding="utf-8")
    fit = ["fit", "digits", "-o", str(warm), "--config", str(config), "--from", str(bundle.path), "--steps", "4"]
    assert run([*fit, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 4


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("latnet = 3", "'latnet' is not a setting of a fit; did you mean latent?"),
        ("latent = 0", "latent must be an integer from 1 to 4096, got 0"),
        ("steps = 3\nepochs = 2", "given once, as steps, epochs or time"),
        ("steps = ", "is not valid TOML"),
    ],
)
def test_mistakes_in_a_config_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toml: str, words: str
) -> None:
    from latentarium.cli import run

    config = tmp_path / "run.toml"
    config.write_text(toml, encoding="utf-8")
    assert run(["fit", "digits", "-o", str(tmp_path / "space"), "--config", str(config)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert words in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.toml"]


def test_unknown_settings_in_python_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'latents' is not a setting of a fit; did you mean latent?"):
        la.fit(pictures(20), latents=3, progress=False)


def test_fit_takes_rows_paths_arrays_frames_and_loaders(tmp_path: Path) -> None:
    import torch

    images = pictures(24)
    np.save(tmp_path / "images.npy", images)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.arange(24))
    loader = torch.utils.data.DataLoader(dataset, batch_size=10)
    options: dict[str, Any] = {"latent": 2, "steps": 4, "width": 16, "threads": 1, "progress": False}
    spaces = [la.fit(data, **options) for data in (images, tmp_path / "images.npy", loader, dataset)]
    x = images.astype(np.float32) / 255
    for space in spaces[1:]:
        np.testing.assert_array_equal(space.encode(x), spaces[0].encode(x))


def test_settings_are_not_shared_between_fits(digits: Rows) -> None:
    settings = small(steps=3)
    before = FitSettings.from_json(settings.to_json())
    train(digits, settings)
    assert settings == before
