"""Every verb on the digits: status, JSON against golden files, what people see, and the files left behind."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.cli.conftest import Run
from tests.cli.golden import check_golden

SEVERAL = ("digits/000001", "digits/000005", "7")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A folder with a copy of the bundle, which verbs may change."""
    folder = tmp_path_factory.mktemp("golden")
    shutil.copytree(digits, folder / "digits")
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_demo_fits_measures_maps_and_draws(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    arguments = ("demo", "--source", "digits", "--time", "2s", "--latent", 4, "--no-serve", "--json", "-o", out)
    outcome = run(*arguments)
    assert outcome.status == 0, outcome.err
    result = outcome.json
    assert set(result) == {"bundle", "scores", "seconds"}
    assert result["bundle"] == str(out)
    assert {"negative_elbo", "rate", "distortion", "psnr", "active_units"} <= set(result["scores"])
    for score in result["scores"].values():
        assert {"value", "interval", "n", "direction"} <= set(score)
        assert score["interval"][0] <= score["value"] <= score["interval"][1]
    assert {"fit", "measure", "map_pca", "map_tsne", "total"} == set(result["seconds"])
    report = (out / "report.html").read_text()
    assert report.startswith("<!doctype html>")
    assert "t-SNE of 1,797 codes" in report
    assert {f.name for f in (out / "maps").iterdir()} == {"pca.safetensors", "tsne.safetensors"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo"]
    assert "Traceback" not in outcome.err


def test_fit_prints_one_object(run: Run, tiny: Path, tmp_path: Path) -> None:
    outcome = run("fit", "digits", "--config", tiny, "--steps", 20, "-o", tmp_path / "b", "--json")
    assert outcome.status == 0, outcome.err
    check_golden("fit", outcome.json, places={str(tmp_path): "HERE"})
    assert "digits: 1,797 rows (1,437 train, 180 validation, 180 test)" in outcome.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]


def test_measure(run: Run, place: Path) -> None:
    outcome = run("measure", "digits", "--json")
    assert outcome.status == 0, outcome.err
    check_golden("measure", outcome.json, places={})
    people = run("measure", "digits", "--only", "psnr", "--only", "rate")
    assert people.status == 0
    assert [line.split()[0] for line in people.out.splitlines()[1:4]] == ["measure", "rate", "psnr"]
    assert people.out.splitlines()[-1] == "report: digits/report.html"
    for picture in (place / "digits" / "pictures").glob("*.png"):
        assert np.asarray(Image.open(picture).convert("L")).std() > 1


def test_measure_against_shuffled_labels(run: Run, place: Path) -> None:
    people = run("measure", "digits", "--only", "probe_accuracy", "--only", "mse", "--nulls", 3)
    assert people.status == 0, people.err
    lines = people.out.splitlines()
    assert lines[1].endswith("p against shuffled rows")
    ends = {line.split()[0]: line.split()[-1] for line in lines[2:4]}
    assert ends == {"mse": "lower", "probe_accuracy": "0.250"}
    stored = json.loads((place / "digits" / "measures.json").read_text())["scores"]["probe_accuracy"]
    assert (stored["p_value"], stored["permutations"]) == (0.25, 3)
    assert stored["resampling"].startswith("1,000 bootstrap resamples")
    refused = run("measure", "digits", "--nulls", -1)
    assert refused.status == 2


def test_compare(run: Run, place: Path) -> None:
    outcome = run("compare", "digits", "digits", "--json", "--out", "pair.html")
    assert outcome.status == 0, outcome.err
    assert {d["p"] for d in outcome.json["differences"]} == {1.0}
    assert (place / "pair.html").read_text(encoding="utf-8").count("<code>") == len(outcome.json["differences"])
    people = run("compare", "digits", "digits", "--out", "pair.html")
    assert people.out.splitlines()[-1] == "page: pair.html"
    refused = run("compare", "digits", "digits", "--out", "pair.png")
    assert refused.status == 2
    assert "--out must be a file ending in .html" in refused.err


def test_compare_of_three_says_whether_they_agree(run: Run, place: Path) -> None:
    outcome = run("compare", "digits", "digits", "digits", "--json", "--out", "three.html")
    assert outcome.status == 0, outcome.err
    assert set(outcome.json) == {"bundles", "rows", "scores", "page"}
    assert outcome.json["bundles"] == ["digits"] * 3
    assert outcome.json["scores"]["stability"]["value"] == pytest.approx(1.0)
    assert len(outcome.json["scores"]["udr"]["parts"]["udr"]) == 3
    page = (place / "three.html").read_text(encoding="utf-8")
    assert "<h1>digits, digits and digits</h1>" in page
    assert page.count("<td>digits</td>") == 3
    people = run("compare", "digits", "digits", "digits", "--out", "three.html")
    assert [line.split()[0] for line in people.out.splitlines()[-4:]] == ["measure", "udr", "stability", "page:"]
    assert run("compare", "digits").status == 2


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_map(run: Run, place: Path, method: str) -> None:
    outcome = run("map", "digits", "--method", method, "--rows", 300, "--json", "--out", f"{method}.png")
    assert outcome.status == 0, outcome.err
    check_golden(f"map-{method}", outcome.json, places={})
    with Image.open(f"{method}.png") as picture:
        assert picture.mode == "RGB"
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 50
    people = run("map", "digits", "--method", method, "--rows", 300, "--label", "label")
    assert people.out.splitlines()[0].startswith(f"{method} map of 300 codes: trustworthiness 0.")
    assert people.out.splitlines()[1] == f"picture: digits-{method}.png"


def test_prior(run: Run, digits: Path, tmp_path: Path) -> None:
    space = shutil.copytree(digits, tmp_path / "own")
    outcome = run("prior", space, "mixture:3", "--json")
    assert outcome.status == 0, outcome.err
    check_golden("prior", outcome.json, places={str(space): "BUNDLE"})
    people = run("prior", space, "vamp:50")
    assert people.out.startswith(f"{space} now draws from a VampPrior of 50 posteriors: ")
    assert "nats a held-out row (180 test rows); before, from a mixture of 3 Gaussians: " in people.out
    assert "a VampPrior of 50 posteriors" in run("info", space).out
    assert run("sample", space, "-n", 2, "--out", tmp_path / "two.png").status == 0
    assert run("measure", space, "--only", "aggregated_posterior_mmd").status == 0


def test_a_fit_takes_a_prior(run: Run, tiny: Path, tmp_path: Path) -> None:
    arguments = ("--config", tiny, "--steps", 5, "--model", "ae", "--prior", "flow:2", "-o", tmp_path / "b", "--json")
    outcome = run("fit", "digits", *arguments)
    assert outcome.status == 0, outcome.err
    assert "a flow of 2 couplings" in run("info", tmp_path / "b").out


def test_sample(run: Run, place: Path) -> None:
    outcome = run("sample", "digits", "-n", 6, "--seed", 3, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("sample", outcome.json, places={})
    first = (place / "digits-samples.png").read_bytes()
    assert run("sample", "digits", "-n", 6, "--seed", 3, "-o", "again.png").out == "6 samples: again.png\n"
    assert (place / "again.png").read_bytes() == first
    run("sample", "digits", "-n", 6, "--seed", 4, "-o", "other.png")
    assert (place / "other.png").read_bytes() != first


def test_a_jpeg_has_white_gutters(run: Run) -> None:
    assert run("sample", "digits", "-n", 2, "--out", "two.JPG").status == 0
    with Image.open("two.JPG") as picture:
        assert picture.format == "JPEG"
        middle = picture.convert("L").getpixel((picture.width // 2, picture.height // 2))
    assert middle > 200


def test_reconstruct(run: Run) -> None:
    outcome = run("reconstruct", "digits", "-n", 4, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("reconstruct", outcome.json, places={})
    with Image.open("digits-reconstructions.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.width < 5 * 80


@pytest.mark.parametrize("way", ["lerp", "slerp", "geodesic"])
def test_blend(run: Run, way: str) -> None:
    outcome = run("blend", "digits", *SEVERAL, "--path", way, "--steps", 4, "--json", "--out", f"{way}.png")
    assert outcome.status == 0, outcome.err
    check_golden(f"blend-{way}", outcome.json, places={})
    assert outcome.json["frames"] == 7


def test_walk(run: Run) -> None:
    outcome = run("walk", "digits", *SEVERAL, "--loop", "--seconds", 2, "--frames", 12, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("walk", outcome.json, places={})
    with Image.open("digits-walk.gif") as film:
        assert film.format == "GIF"
        assert film.size == (256, 256)
    people = run("walk", "digits", "--draws", 3, "--frames", 5, "-o", "a.webp")
    assert people.out == "5 frames through 3 draws: a.webp\n"


def test_palette(run: Run) -> None:
    outcome = run("palette", "digits", *SEVERAL, "0", "--size", 4, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("palette", outcome.json, places={})
    assert run("palette", "digits", "-o", "p.png").out == "9 by 9 blends of four draws: p.png\n"


def test_remake(run: Run, place: Path) -> None:
    run("sample", "digits", "-n", 3, "--seed", 5, "-o", "three.png")
    outcome = run("remake", "three.png", "digits", "--json")
    assert outcome.status == 0, outcome.err
    check_golden("remake", outcome.json, places={})
    assert (place / "three-again.png").read_bytes() == (place / "three.png").read_bytes()


def test_traverse(run: Run) -> None:
    outcome = run("traverse", "digits", "--row", "3", "--dimensions", 2, "--steps", 5, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("traverse", outcome.json, places={})


def test_decoded_codes_are_the_reconstructions(run: Run, digits: Path) -> None:
    from latentarium import open_bundle, open_source

    outcome = run("encode", "digits", "digits", "--out", "codes.parquet", "--json")
    assert outcome.status == 0, outcome.err
    check_golden("encode", outcome.json, places={})
    assert pq.read_table("codes.parquet").column_names == ["id", "code", "label"]
    back = run("decode", "digits", "codes.parquet", "--out", "decoded.npy", "--json")
    check_golden("decode", back.json, places={})
    decoded = np.load("decoded.npy")
    bundle = open_bundle(digits)
    expected = bundle.modality.to_raw(bundle.space.reconstruct(open_source("digits").array()))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, expected)
    assert run("decode", "digits", "codes.parquet", "--out", "decoded.parquet").status == 0
    table = pq.read_table("decoded.parquet")
    assert table["id"][5].as_py() == "digits/000005"
    assert table["pixels"][5].as_py() == expected[5].ravel().tolist()


def test_info(run: Run, digits: Path) -> None:
    outcome = run("info", digits, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("info", outcome.json, places={str(digits): "BUNDLE"})
    people = run("info", digits).out
    assert "1,437 train, 180 validation, 180 test" in people
    assert "vae, dense" in people


def test_check(run: Run, digits: Path) -> None:
    outcome = run("check", digits, "--json")
    assert outcome.status == 0, outcome.err
    check_golden("check", outcome.json, places={str(digits): "BUNDLE"})
    people = run("check", digits).out.splitlines()
    assert people[0] == "8 files match their checksums"
    assert all(line.startswith("passed") for line in people[1:])


def test_files_written_follow_the_umask(run: Run, place: Path, digits: Path) -> None:
    run("sample", "digits", "-n", 2, "--out", "rights.png")
    plain = place / "plain"
    plain.touch()
    assert (place / "rights.png").stat().st_mode == plain.stat().st_mode
    assert (digits / "manifest.json").stat().st_mode == plain.stat().st_mode


def test_brackets_in_a_name_are_shown(run: Run) -> None:
    assert run("sample", "digits", "-n", 2, "--out", "a[b]c.png").out == "2 samples: a[b]c.png\n"


def test_version_and_help(run: Run) -> None:
    from latentarium import __version__

    assert run("--version").out == f"{__version__}\n"
    for verb in ("", "fit", "map"):
        shown = run(*([verb] if verb else []), "--help")
        assert shown.status == 0
        assert "latentarium" in shown.out
