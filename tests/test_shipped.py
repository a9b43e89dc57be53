"""The spaces that come with the package: small, whole, honest about what they were trained on, and usable at once."""

from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.data import ImageModality, open_source
from latentarium.errors import InvalidInput
from latentarium.measures import note_f1_between
from latentarium.rng import generator
from latentarium.shipped import FOLDER, copy_shipped, open_shipped, shipped_names

MOST_BYTES, MOST_WEIGHTS = 15_000_000, 7_500_000


def test_all_of_them_are_a_few_megabytes() -> None:
    assert "fashion-vae" in shipped_names()
    sizes = {path: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < MOST_BYTES
    assert sum(size for path, size in sizes.items() if path.name == "model.safetensors") < MOST_WEIGHTS


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_space_keeps_the_contract_and_says_where_it_is_from(name: str) -> None:
    bundle = open_shipped(name)
    bundle.verify()
    made = bundle.manifest["provenance"]
    assert made["settings"]["seed"] == 0
    assert made["trained_on"]["name"] in ("fashion-mnist", "avatars_64", "melodies")
    assert made["trained_on"]["fingerprint"]
    assert bundle.manifest["data"]["decoded"] == (not name.startswith("fashion")), "its data are not ours to pass on"
    space, x = bundle.space, bundle.modality.to_array(bundle.kept[:64])
    assert la.check_space(space, x).passed
    # the page shows pictures, and need not wait for an export
    assert bundle.has("decoder.onnx") == isinstance(bundle.modality, ImageModality)
    error = float(np.square(space.reconstruct(x) - x).mean())
    assert error < 0.5 * float(x.var(0).mean())
    assert space.sample(4, seed=0).shape == (4, *space.data_shape)


def test_melodies_bring_back_notes_of_tunes_that_they_were_not_trained_on(test_data: Path) -> None:
    bundle = open_shipped("melody-vae")
    rows = open_source(test_data / "melodies")
    # the same parts as in training, so these tunes are unseen
    assert rows.fingerprint == bundle.manifest["provenance"]["trained_on"]["fingerprint"]
    chosen = np.sort(generator(0).choice(rows.splits["test"], 400, replace=False))
    raw = np.asarray(rows.raw[chosen])
    x = bundle.modality.to_array(raw)
    codes = bundle.space.encode(x)
    again = bundle.space.decode(codes)
    score = note_f1_between(x, again)
    assert score.interval[0] >= 0.85
    # no symbol is read back by this decoder, so that its accuracy is the teacher-forced one
    assert bundle.manifest["architecture"]["likelihood"] == "melody"
    accuracy = (bundle.modality.to_raw(again) == raw).mean()
    commonest = np.bincount(np.asarray(rows.raw[rows.splits["train"]]).ravel()).argmax()
    shuffled = bundle.modality.to_raw(bundle.space.decode(codes[generator(1).permutation(len(codes))]))
    assert accuracy > 0.95
    assert (raw == commonest).mean() < 0.7
    assert (shuffled == raw).mean() < 0.6


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="the shipped space must be one of .*fashion-vae.*, got 'faces'"):
        open_shipped("faces")


def test_a_copy_can_be_written_to(tmp_path: Path) -> None:
    bundle = copy_shipped("fashion-vae", tmp_path / "mine")
    bundle.with_files({"note.txt": lambda path: path.write_text("mine", encoding="utf-8")})  # type: ignore[arg-type]
    assert not (FOLDER / "fashion-vae" / "note.txt").exists()
