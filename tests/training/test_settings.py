"""Settings: every rule, near misses, TOML, JSON."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from latentarium.errors import InvalidInput
from latentarium.models.autoencoder import Architecture
from latentarium.objectives import beta, rae
from latentarium.training.settings import FitSettings, read_config

BAD: list[tuple[dict[str, Any], str]] = [
    ({"latent": -1}, "latent must be an integer from 0 to 4096, got -1"),
    ({"latent": "32"}, "latent must be an integer from 0 to 4096, got '32'"),
    ({"latent": True}, "latent must be an integer"),
    ({"width": -8}, "width must be"),
    ({"depth": 65}, "depth must be an integer from 0 to 64, got 65"),
    ({"net": "resnet"}, "net must be one of auto, dense, conv"),
    ({"model": "flow"}, "model must be one of vae, ae, gan, got 'flow'"),
    ({"steps": 0}, "steps must be an integer"),
    ({"steps": 2.5}, "steps must be an integer"),
    ({"epochs": 0}, "epochs must be above 0, got 0"),
    ({"epochs": "3"}, "epochs must be above 0, got '3'"),
    ({"time": -1}, "time must be above 0"),
    ({"time": float("inf")}, "time must be above 0"),
    ({"steps": 5, "time": 5}, "given once, as steps, epochs or time, got 'steps and time'"),
    ({"batch_size": 0}, "batch_size must be"),
    ({"learning_rate": 0}, "learning_rate must be above 0"),
    ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
    ({"clip": -1}, "clip must be above 0"),
    ({"weight_decay": -1}, "weight_decay must be at least 0"),
    ({"ema": 1.5}, "ema must be at least 0 and at most 1, got 1.5"),
    ({"warmup": -0.1}, "warmup must be at least 0"),
    ({"seed": -1}, "seed must be an integer from 0"),
    ({"seed": 1.5}, "seed must be an integer from 0"),
    ({"device": "tpu"}, "device must be one of auto, cpu, cuda"),
    ({"precision": "fp8"}, "precision must be one of auto, fp32, bf16"),
    ({"objective": "beta:x"}, "objective must be a kind and a number such as beta:4"),
    ({"objective": 4}, "objective must be a kind and a number such as beta:4"),
    ({"objective": "rae:0.1"}, "elbo, beta, beta-tc, factor, dip-1, dip-2 or ada-gvae for a VAE"),
    ({"objective": "beta:4", "model": "ae"}, "rae for an AE"),
    ({"checkpoint_steps": -1}, "checkpoint_steps must be an integer from 0"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[str(options) for options, _ in BAD])
def test_a_broken_rule_gets_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        FitSettings.make(**options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"), [("latnet", "latent"), ("learnign_rate", "learning_rate"), ("epoch", "epochs")]
)
def test_an_unknown_setting_is_refused_with_the_near_one(name: str, near: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{name}' is not a setting of a fit; did you mean {near}?"):
        FitSettings.make(**{name: 1})
    with pytest.raises(InvalidInput, match="known are .*learning_rate"):
        FitSettings.make(zzz=1)


def test_flat_names_reach_the_architecture() -> None:
    settings = FitSettings.make(latent=8, net="conv", model="ae", objective="rae:0.1", steps=3)
    assert settings.architecture == Architecture(latent=8, net="conv", variational=False)
    assert settings.goal == rae(0.1)
    assert FitSettings.make(objective="beta:4").goal == beta(4)


def test_json_gives_back_an_equal_object() -> None:
    settings = FitSettings.make(latent=8, objective="beta-tc:6", time=60.0, seed=7)
    assert FitSettings.from_json(settings.to_json()) == settings
    assert FitSettings.from_json(replace(settings, objective=None).to_json()).goal.kind == "elbo"


def test_a_newer_architecture_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"unknown settings \['attention'\]"):
        Architecture.from_json({"latent": 4, "attention": 8})


def test_toml_tables_are_flattened(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('steps = 12\nobjective = "beta:2"\n[architecture]\nlatent = 5\nwidth = 16\n', encoding="utf-8")
    settings = FitSettings.make(**read_config(path))
    assert (settings.steps, settings.goal, settings.architecture.latent) == (12, beta(2), 5)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"steps = ", "is not valid TOML"), (b"\xff\xfe", "is not valid TOML"), (None, "a TOML file")],
)
def test_bad_config_files_get_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    for place in (path, tmp_path) if content is None else (path,):
        with pytest.raises(InvalidInput, match=words) as caught:
            read_config(place)
        assert "\n" not in str(caught.value)
