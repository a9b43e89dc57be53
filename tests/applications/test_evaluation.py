"""Which rows a bundle is judged on, and rows found by name."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.applications.evaluation import evaluation_rows, find_numbers
from latentarium.bundle import Bundle, manifest_checksum, open_bundle
from latentarium.errors import InvalidInput


def changed(bundle: Bundle, **data: object) -> Bundle:
    """The bundle with other entries under "data" in its manifest."""
    stored = json.loads((bundle.path / "manifest.json").read_text())
    stored["data"] |= data
    stored["checksum"] = manifest_checksum(stored)
    (bundle.path / "manifest.json").write_text(json.dumps(stored))
    return open_bundle(bundle.path)


def test_the_whole_test_split_where_the_source_is_at_hand(bundle: Bundle) -> None:
    found = evaluation_rows(bundle)
    assert found.which == "all 180 rows of the test split"
    rows = la.open_source("digits")
    assert np.array_equal(found.raw, rows.raw[rows.splits["test"]])
    assert np.array_equal(bundle.ids[found.numbers], found.ids)
    assert set(bundle.splits[found.numbers]) == {"test"}


def test_the_kept_rows_where_the_source_is_gone(bundle: Bundle) -> None:
    found = evaluation_rows(changed(bundle, source="/nowhere/at/all"))
    assert found.which == "180 test rows kept in the bundle (the source is not at hand)"
    assert np.array_equal(found.raw, evaluation_rows(bundle).raw)


def test_the_kept_rows_where_the_source_has_changed(bundle: Bundle) -> None:
    found = evaluation_rows(changed(bundle, fingerprint="0" * 64))
    assert found.which.endswith("(the source has changed since the fit)")


def test_other_data_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 255, (20, 8, 8), dtype=np.uint8))
    with pytest.raises(InvalidInput, match="fingerprint"):
        evaluation_rows(bundle, data=str(tmp_path / "a.npy"))


def test_the_same_data_from_elsewhere_are_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8))
    la.fit(tmp_path / "a.npy", latent=2, width=8, steps=2, out=tmp_path / "b", progress=False)
    (tmp_path / "moved").mkdir()
    (tmp_path / "a.npy").rename(tmp_path / "moved/a.npy")
    bundle = open_bundle(tmp_path / "b")
    assert "not at hand" in evaluation_rows(bundle).which
    assert evaluation_rows(bundle, data=str(tmp_path / "moved/a.npy")).which == "all 4 rows of the test split"


def test_rows_are_found_by_id_and_by_number(bundle: Bundle) -> None:
    assert find_numbers(bundle, ["digits/000007", "7", "0"]) == [7, 7, 0]
    assert bundle.ids[7] == "digits/000007"


@pytest.mark.parametrize("name", ["digits/9", "-1", "1797", "1.0", ""])
def test_unknown_rows_are_refused(bundle: Bundle, name: str) -> None:
    with pytest.raises(InvalidInput, match="1797"):
        find_numbers(bundle, [name])


def test_an_evaluation_is_frozen(bundle: Bundle) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        evaluation_rows(bundle).which = "others"
