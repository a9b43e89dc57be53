"""Maps and the spec sheet as they are kept in a bundle."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.applications.comparing import agreement, sheets
from latentarium.applications.mapping import add_map, map_labels, mapped_rows, read_map
from latentarium.applications.specsheet import feature_names, write_sheet
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source
from latentarium.data.modalities import Column, TableModality
from latentarium.errors import InvalidInput
from latentarium.measures import compare, findings, stability, udr_of_spaces


def test_a_map_is_kept_and_read_back(bundle: Bundle) -> None:
    kept, made = add_map(bundle, method="pca", rows=200, seed=3)
    again = read_map(kept, "pca")
    assert np.array_equal(again.coordinates, made.coordinates)
    assert np.array_equal(again.ids, made.ids)
    assert len(made.ids) == 200
    assert set(kept.manifest["maps"]) == {"pca"}
    assert np.array_equal(map_labels(kept, again.ids), kept.column("label")[again.ids])
    placed = again.place(kept.codes[again.ids[:5]])
    assert np.allclose(placed, again.coordinates[:5], atol=1e-4)


def test_the_rows_of_a_map_are_a_seeded_draw(bundle: Bundle) -> None:
    assert np.array_equal(mapped_rows(bundle, 10_000, 0), np.arange(1797))
    first, same, other = (mapped_rows(bundle, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert len(set(first.tolist())) == 50


def test_a_map_that_was_not_made_is_named(bundle: Bundle) -> None:
    with pytest.raises(InvalidInput, match=r"tsne.*latentarium map"):
        read_map(bundle, "tsne")


def test_the_sheet_is_written_into_the_bundle(bundle: Bundle) -> None:
    bundle, _ = add_map(bundle, method="pca", rows=100)
    sheet = write_sheet(bundle, seed=0)
    stored = sheet.bundle.json("measures.json")
    assert stored["rows"] == sheet.which == "all 180 rows of the test split"
    assert set(stored["scores"]) == set(sheet.measurements.scores)
    assert "bits_per_dimension" in stored["skipped"]
    page = sheet.bundle.file("report.html").read_text()
    titles = re.findall("<h2>(.*?)</h2>", page)
    wanted = ["Reconstructions", "Samples", "Interpolations", "Traversals", "Maps", "Training"]
    assert [title for title in titles if title in wanted] == wanted
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert all(sheet.bundle.has(name) for name in sheet.pictures)
    evidence = {
        "pictures/reconstruction-and-information-evidence.png",
        "pictures/smoothness-evidence.png",
        "pictures/smoothness-evidence-2.svg",
        "pictures/compactness-evidence.svg",
        "pictures/coverage-and-collapse-evidence.svg",
        "pictures/coverage-and-collapse-evidence-2.png",
    }
    assert {"pictures/training.svg", "pictures/samples.png", "pictures/maps.svg"} | evidence <= set(sheet.pictures)
    assert stored["complete"]
    assert stored["findings"] == [finding.to_json() for finding in findings(sheet.measurements.scores)]
    assert {"copies", "class_coverage", "probe_accuracy"} <= set(stored["scores"])
    assert sheet.bundle.verify()


def test_the_same_seed_gives_the_same_sheet(bundle: Bundle) -> None:
    pages = [write_sheet(bundle, seed=4, only=["psnr", "rate"]).bundle.file("report.html").read_bytes() for _ in "ab"]
    assert pages[0] == pages[1]


def test_only_some_measures(bundle: Bundle) -> None:
    sheet = write_sheet(bundle, only=["psnr"])
    assert list(sheet.measurements.scores) == ["psnr"]
    assert list(json.loads((bundle.path / "measures.json").read_text())["scores"]) == ["psnr"]


def test_every_place_of_a_table_row_has_a_name() -> None:
    modality = TableModality(
        columns=(
            Column(name="age", kind="numeric", mean=1, std=2, has_missing=True),
            Column(name="town", kind="categorical", categories=("Bath", "York"), has_missing=True),
        )
    )
    assert feature_names(modality) == ["age", "age missing", "town missing", "town = Bath", "town = York"]
    assert len(feature_names(modality)) == modality.data_shape[0]


def test_two_bundles_of_the_same_rows_are_compared(bundle: Bundle, tmp_path: Path) -> None:
    names = ["psnr", "rate", "mse"]
    other = copied(write_sheet(bundle, seed=0).bundle, tmp_path / "other")
    (first, second), which = sheets((bundle, other), seed=0)
    assert which == "all 180 rows of the test split"
    assert all(d.p == 1.0 and d.better == "neither" for d in compare(first, second))
    assert set(names) <= {d.name for d in compare(first, second)}


def test_samples_are_compared_in_codes_of_this_bundle_or_another(bundle: Bundle, tmp_path: Path) -> None:
    other = copied(bundle, tmp_path / "other")
    for choice, name in (("pixels", "pixel_pca(64)"), ("codes", f"codes of {bundle.space.name}"),
                         (str(other.path), f"codes of {other.space.name}")):  # fmt: skip
        sheet = write_sheet(bundle, only=["coverage", "mse"], features=choice)
        assert sheet.measurements.scores["coverage"].settings["features"] == name
        assert sheet.bundle.json("measures.json")["features"] == choice
    strange = tmp_path / "strange"
    la.fit(np.random.default_rng(0).random((40, 6)), latent=2, width=8, steps=2, out=strange, progress=False)
    with pytest.raises(InvalidInput, match="features must be pixels, codes, or a bundle learned from data of the same"):
        write_sheet(bundle, features=str(strange))


def test_a_rendered_set_is_measured_by_true_interventions(tmp_path: Path) -> None:
    held = ["factor_vae_score", "beta_vae_score", "irs"]
    la.fit("sprites", size=16, latent=3, width=8, net="dense", steps=2, out=tmp_path / "own", progress=False)
    scores = write_sheet(open_bundle(tmp_path / "own"), only=held).measurements.scores
    assert {scores[name].settings["batches"] for name in held} == {"sprites rendered with one factor fixed"}
    rows = open_source("sprites", size=16)
    np.savez(tmp_path / "sprites.npz", x=rows.raw[:300], y=rows.columns["shape"][:300])
    la.fit(tmp_path / "sprites.npz", latent=3, width=8, net="dense", steps=2, out=tmp_path / "file", progress=False)
    other = write_sheet(open_bundle(tmp_path / "file"), only=["irs"], factors=["label"]).measurements.scores["irs"]
    assert other.settings["batches"] == "rows grouped by equal level"


def test_a_sheet_in_other_features_is_not_compared(bundle: Bundle, tmp_path: Path) -> None:
    """Its coverage would stand beside one in pixels."""
    coded = copied(write_sheet(bundle, seed=0, features="codes").bundle, tmp_path / "coded")
    (first, second), _ = sheets((bundle, coded), seed=0)
    assert first.scores["coverage"].settings["features"] == second.scores["coverage"].settings["features"]


def test_bundles_of_other_rows_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    la.fit(np.random.default_rng(0).random((40, 6)), latent=2, width=8, steps=2, out=strange, progress=False)
    with pytest.raises(InvalidInput, match="same rows"):
        sheets((bundle, open_bundle(strange)))


def test_several_fits_agree_as_their_codes_do(bundle: Bundle, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    for seed, path in enumerate(paths):
        la.fit("digits", latent=4, width=16, steps=5, seed=seed + 1, out=path, progress=False)
    bundles = [bundle, *map(open_bundle, paths)]
    scores, which = agreement(bundles)
    assert which == "all 180 rows of the test split"
    x = open_source("digits").array("test")
    spaces = [b.space for b in bundles]
    assert scores["udr"] == udr_of_spaces(spaces, x)
    assert scores["stability"] == stability([space.encode(x) for space in spaces])
    assert scores["stability"].settings["spaces"] == 3
    strange = tmp_path / "strange"
    la.fit(np.random.default_rng(0).random((40, 6)), latent=2, width=8, steps=2, out=strange, progress=False)
    with pytest.raises(InvalidInput, match="same rows"):
        agreement([*bundles, open_bundle(strange)])


def copied(bundle: Bundle, target: Path) -> Bundle:
    shutil.copytree(bundle.path, target)
    return open_bundle(target)
