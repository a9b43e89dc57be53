"""A slim copy of a bundle: a space that answers as the whole one does, in a fraction of the bytes."""

from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.applications.slimming import slim_bundle
from latentarium.applications.specsheet import write_sheet
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput


def size(bundle: Bundle) -> int:
    return sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("slim") / "whole"
    la.fit("digits", model="ae", latent=4, width=64, steps=60, out=path, progress=False)
    return la.open_bundle(path)


def test_a_slim_copy_answers_as_the_whole_one(whole: Bundle, tmp_path: Path) -> None:
    slim = slim_bundle(whole, tmp_path / "slim", rows=50, name="small")
    assert slim.name == "small"
    assert size(slim) < size(whole) / 3
    x = whole.modality.to_array(whole.kept[:50])
    np.testing.assert_allclose(slim.space.encode(x), whole.space.encode(x), atol=0.02)
    np.testing.assert_allclose(slim.space.reconstruct(x), whole.space.reconstruct(x), atol=0.02)
    np.testing.assert_array_equal(slim.codes, slim.space.encode(x))
    np.testing.assert_array_equal(slim.column("label"), whole.column("label")[whole.kept_rows[:50]])
    assert slim.space.prior is not None
    assert whole.space.prior is not None
    np.testing.assert_array_equal(slim.space.prior.sample(5, seed=1), whole.space.prior.sample(5, seed=1))


def test_it_stands_for_itself_and_says_what_it_was_trained_on(whole: Bundle, tmp_path: Path) -> None:
    slim = slim_bundle(whole, tmp_path / "slim")
    assert slim.manifest["provenance"]["trained_on"]["rows"] == 1797
    assert slim.manifest["data"]["rows"] == len(slim.kept) == 180
    slim.verify()
    sheet = write_sheet(slim, only=["mse", "coverage"])
    assert sheet.which.startswith("180 test rows kept in the bundle")


def test_rows_that_must_not_be_passed_on_are_decoded_from_their_codes(whole: Bundle, tmp_path: Path) -> None:
    slim = slim_bundle(whole, tmp_path / "slim", rows=40, decoded=True)
    data, plain = whole.kept[:40], slim_bundle(whole, tmp_path / "plain", rows=40)
    assert not any((slim.kept == row).all(axis=(1, 2, 3)).any() for row in data)
    back = plain.space.reconstruct(whole.modality.to_array(data))
    np.testing.assert_array_equal(slim.kept, whole.modality.to_raw(back))
    assert slim.label_names == []
    assert not set(slim.ids) & set(whole.ids[whole.kept_rows[:40]])
    assert write_sheet(slim, only=["mse"]).which.startswith("40 rows decoded from codes, no data")


def test_networks_that_are_not_ours_are_refused(whole: Bundle, tmp_path: Path) -> None:
    foreign = slim_bundle(whole, tmp_path / "foreign").with_files({}, without=["model.safetensors"])
    with pytest.raises(InvalidInput, match="cannot be slimmed: its networks are not built in"):
        slim_bundle(foreign, tmp_path / "slim")
    assert not (tmp_path / "slim").exists()
