"""Interrupted fits end bit for bit like uninterrupted ones, and a resume that cannot is refused."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.small import bits, poison, small

from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, TrainingFailed
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from latentarium.training.fit import Fitted, train
from latentarium.training.loop import Callback, Event
from latentarium.training.save import Source
from latentarium.training.settings import FitSettings


class Pulled(Exception):
    """The plug."""


def pull_at(*moments: tuple[str, int], also: Callback | None = None) -> Callback:
    def hear(event: Event) -> None:
        if also is not None:
            also(event)
        if (event.kind, event.step) in moments:
            raise Pulled

    return hear


def finish(rows: Rows, settings: FitSettings, workdir: Path, plugs: list[Callback]) -> Fitted:
    """Fit, pulling one plug after the other and resuming after each."""
    for number, plug in enumerate(plugs):
        with pytest.raises(Pulled):
            train(rows, settings, workdir=workdir, resume=number > 0, callback=plug)
    return train(rows, settings, workdir=workdir, resume=bool(plugs))


def same(first: Fitted, second: Fitted) -> bool:
    lines = [[{**line, "seconds": 0} for line in fitted.history] for fitted in (first, second)]
    return bits(first.model) == bits(second.model) and lines[0] == lines[1] and first.alarms == second.alarms


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"likelihood": "gaussian", "objective": "beta:2"},
        {"model": "ae", "precision": "fp32"},
        {"objective": "factor:6.4"},
        {"model": "ae", "quantiser": "vq:64-2"},
        {"model": "ae", "quantiser": "qlae:6"},
    ],
    ids=str,
)
def test_any_number_of_interruptions_gives_the_same_bits(digits: Rows, tmp_path: Path, options: dict[str, Any]) -> None:
    settings = small(steps=120, checkpoint_steps=9, **options)
    whole = train(digits, settings)
    moments = sorted(np.random.default_rng(1).choice(np.arange(10, 120), 6, replace=False).tolist())
    assert same(finish(digits, settings, tmp_path / "x", [pull_at(("step", m)) for m in moments]), whole)


def test_a_fit_in_two_stages_goes_on_at_their_seam(digits: Rows, tmp_path: Path) -> None:
    settings = small(steps=60, checkpoint_steps=10, pretrain=0.5, free_rate=4.0)
    whole = train(digits, settings)
    seam = [pull_at(("checkpoint", 30)), pull_at(("step", 31)), pull_at(("step", 37))]
    assert same(finish(digits, settings, tmp_path / "x", seam), whole)


def test_the_decoder_begins_anew_and_the_encoder_stays(digits: Rows) -> None:
    """One step on from the seam, the decoder is near its first weights again and the encoder near its learned ones."""
    seen: dict[int, dict[str, torch.Tensor]] = {}

    def hear(event: Event) -> None:
        if event.kind in ("start", "step"):
            seen[event.step] = {name: value.clone() for name, value in event.model.state_dict().items()}

    train(digits, small(steps=40, pretrain=0.5, learning_rate=1e-3, linear=False), callback=hear)

    def moved(first: int, second: int, part: str) -> float:
        pairs = [(value, seen[second][name]) for name, value in seen[first].items() if name.startswith(part)]
        return float(sum((a - b).square().sum() for a, b in pairs)) ** 0.5

    assert moved(20, 21, "encoder.") < 0.2 * moved(0, 20, "encoder.")
    assert moved(20, 21, "decoder.") > 5 * moved(0, 20, "decoder.")


def test_interruptions_between_the_parts_of_a_step(digits: Rows, tmp_path: Path) -> None:
    settings = small(steps=60, checkpoint_steps=10)
    whole = train(digits, settings)
    plugs = [pull_at(moment) for moment in (("validation", 12), ("checkpoint", 20), ("validation", 36), ("step", 60))]
    assert same(finish(digits, settings, tmp_path / "x", plugs), whole)


def test_interruptions_around_a_skipped_step_and_a_rollback(digits: Rows, tmp_path: Path) -> None:
    settings = small(steps=60, checkpoint_steps=10)
    whole = train(digits, settings, callback=poison({12}))
    plugs = [pull_at(("step", 15), also=poison({12}))]
    with pytest.raises(Pulled):
        train(digits, settings, workdir=tmp_path / "x", callback=plugs[0])
    assert same(train(digits, settings, workdir=tmp_path / "x", resume=True, callback=poison({12})), whole)
    rolled = train(digits, settings, callback=poison({33}, weights=True))
    with pytest.raises(Pulled):
        train(digits, settings, workdir=tmp_path / "y", callback=pull_at(("step", 36), also=poison({33}, weights=True)))
    again = train(digits, settings, workdir=tmp_path / "y", resume=True, callback=poison({33}, weights=True))
    assert same(again, rolled)
    assert any("rolled back to those of step 30" in alarm for alarm in rolled.alarms)


def test_a_convolutional_net_and_a_table_resume_too(squares: Rows, table: Rows, tmp_path: Path) -> None:
    for rows, options in ((squares, {"net": "conv", "width": 8}), (table, {})):
        settings = small(steps=20, checkpoint_steps=4, batch_size=32, **options)
        whole = train(rows, settings)
        plugs = [pull_at(("step", 6)), pull_at(("step", 17))]
        assert same(finish(rows, settings, tmp_path / rows.name / str(options), plugs), whole)


def test_what_a_fit_fixed_at_its_start_holds_on_resume(digits: Rows, tmp_path: Path) -> None:
    """The number of steps under a time limit, the precision and the settings come from the checkpoint."""
    settings = small(steps=None, time=1.5, checkpoint_steps=5)
    seen: list[int] = []

    def watch(event: Event) -> None:
        seen.append(event.steps)
        if event.kind == "checkpoint" and event.step >= 5:
            raise Pulled

    with pytest.raises(Pulled):
        train(digits, settings, workdir=tmp_path / "x", callback=watch)
    again = train(digits, small(steps=3, latent=9, precision="fp32"), workdir=tmp_path / "x", resume=True)
    assert again.plan.steps == seen[0]
    assert again.plan.precision == "bf16"
    assert again.settings.architecture.latent == 4


def test_a_killed_fit_leaves_only_whole_files(digits: Rows, tmp_path: Path) -> None:
    with pytest.raises(Pulled):
        train(digits, small(checkpoint_steps=10), workdir=tmp_path / "x", callback=pull_at(("step", 35)))
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == ["checkpoint.safetensors", "history.jsonl"]
    assert load_checkpoint(tmp_path / "x" / "checkpoint.safetensors").meta["step"] == 30


@pytest.fixture
def unfinished(digits: Rows, tmp_path: Path) -> Place:
    place = Place(path=tmp_path / "space")
    with pytest.raises(Pulled):
        fit_to_bundle(
            digits,
            small(checkpoint_steps=10),
            place,
            source=Source(spec="digits"),
            callback=pull_at(("step", 35)),
        )
    assert place.unfinished
    assert not place.path.exists()
    return place


def resumed(place: Place) -> Place:
    return dataclasses.replace(place, resume=True)


def test_changed_data_are_refused(digits: Rows, unfinished: Place) -> None:
    raw = digits.raw.copy()
    raw[0, 0, 0, 0] ^= 1
    changed = dataclasses.replace(digits, raw=raw)
    with pytest.raises(TrainingFailed, match="cannot resume: the data changed since the checkpoint") as caught:
        fit_to_bundle(changed, small(), resumed(unfinished), source=Source(spec="digits"))
    assert "\n" not in str(caught.value)
    assert unfinished.unfinished


def test_other_splits_are_other_data(digits: Rows, unfinished: Place) -> None:
    train_rows = digits.splits["train"]
    moved = {
        "train": train_rows[1:],
        "validation": np.sort(np.append(digits.splits["validation"], train_rows[0])),
        "test": digits.splits["test"],
    }
    other = dataclasses.replace(digits, splits=moved)
    with pytest.raises(TrainingFailed, match="cannot resume: the rows are cut into other .* parts"):
        fit_to_bundle(other, small(), resumed(unfinished), source=Source(spec="digits"))


@pytest.mark.parametrize(("key", "value"), [("device", "cuda"), ("processes", 2)])
def test_another_machine_is_refused(digits: Rows, unfinished: Place, key: str, value: Any) -> None:
    path = unfinished.workdir / "checkpoint.safetensors"
    saved = load_checkpoint(path)
    meta = {**saved.meta, "plan": {**saved.meta["plan"], key: value}}
    save_checkpoint(path, Checkpoint(tensors=saved.tensors, meta=meta))
    with pytest.raises(TrainingFailed, match="give the same --device and --processes") as caught:
        fit_to_bundle(digits, small(), resumed(unfinished), source=Source(spec="digits"))
    assert "\n" not in str(caught.value)


def test_nothing_to_resume_and_nothing_lost_unasked(digits: Rows, unfinished: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing to resume"):
        Place(path=tmp_path / "other", resume=True).check()
    with pytest.raises(InvalidInput, match="go on with --resume or start again with --overwrite"):
        unfinished.check()
    before = (unfinished.workdir / "checkpoint.safetensors").read_bytes()
    with pytest.raises(InvalidInput):
        fit_to_bundle(digits, small(), unfinished, source=Source(spec="digits"))
    assert (unfinished.workdir / "checkpoint.safetensors").read_bytes() == before


def test_overwrite_starts_again(digits: Rows, unfinished: Place) -> None:
    fresh = dataclasses.replace(unfinished, overwrite=True)
    first: list[int] = []

    def watch(event: Event) -> None:
        if event.kind == "start":
            first.append(event.step)
        if event.kind == "step":
            raise Pulled

    with pytest.raises(Pulled):
        fit_to_bundle(digits, small(), fresh, source=Source(spec="digits"), callback=watch)
    assert first == [0]
    assert not unfinished.unfinished


def test_places_that_cannot_be_written_to_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("x", encoding="utf-8")
    cases = {
        tmp_path / "file": "that is a file",
        tmp_path / "folder": "already exists",
        Path("."): "a folder with a name of its own",
        Path("/"): "a folder with a name of its own",
        Path(".."): "a folder with a name of its own",
    }
    for path, words in cases.items():
        with pytest.raises(InvalidInput, match=words) as caught:
            Place(path=path).check()
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="a folder with other files in it"):
        Place(path=tmp_path / "folder", overwrite=True).check()
    assert (tmp_path / "folder" / "thesis.txt").exists()


def test_threads_are_those_of_the_start(digits: Rows, unfinished: Place) -> None:
    path = unfinished.workdir / "checkpoint.safetensors"
    assert load_checkpoint(path).meta["plan"]["threads"] == 1
    torch.set_num_threads(2)
    again = train(digits, small(threads=0), workdir=unfinished.workdir, resume=True)
    assert again.plan.threads == torch.get_num_threads() == 1


def test_a_resume_of_a_finished_fit_changes_nothing(digits: Rows, tmp_path: Path) -> None:
    settings = small(steps=30)
    whole = train(digits, settings, workdir=tmp_path / "x")
    steps = itertools.count()
    again = train(digits, settings, workdir=tmp_path / "x", resume=True, callback=lambda e: next(steps) and None)
    assert same(whole, again)
