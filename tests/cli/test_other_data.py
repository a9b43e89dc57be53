"""The same verbs on a table with categories and missing values, and on pictures of odd sizes and channels."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.cli.conftest import Run, pictures, table_text, write_folder


@dataclass(frozen=True)
class Kind:
    """One source and the fit made of it; `shape` of its array rows."""

    name: str
    make: Callable[[Path], Path]
    options: tuple[str, ...]
    shape: tuple[int, ...]


def make_table(folder: Path) -> Path:
    path = folder / "people.csv"
    path.write_text(table_text())
    return path


def make_grey(folder: Path) -> Path:
    np.save(folder / "grey.npy", pictures(60, 1, 13, 17))
    return folder / "grey.npy"


def make_rgba(folder: Path) -> Path:
    return write_folder(folder / "rgba", pictures(60, 4, 19, 11))


TABLE = Kind("table-vae", make_table, ("--label", "kind", "--model", "vae"), (9,))
TABLE_AE = Kind("table-ae", make_table, ("--label", "kind", "--model", "ae"), (9,))
GREY = Kind("grey-ae", make_grey, ("--model", "ae", "--net", "conv", "--steps", "20"), (1, 13, 17))
RGBA = Kind("rgba-vae", make_rgba, ("--model", "vae"), (4, 19, 11))
IMAGES = {"grey-ae": "L", "rgba-vae": "RGBA"}


@dataclass(frozen=True)
class Place:
    """A working folder with a copy of the bundle `space` and the source."""

    folder: Path
    source: Path
    kind: Kind


@pytest.fixture(scope="module", params=[TABLE, TABLE_AE, GREY, RGBA], ids=lambda kind: kind.name)
def place(
    request: pytest.FixtureRequest, fitted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Place:
    kind: Kind = request.param
    folder = tmp_path_factory.mktemp(kind.name)
    source = kind.make(folder)
    shutil.copytree(fitted(source, *kind.options), folder / "space")
    return Place(folder, source, kind)


@pytest.fixture(autouse=True)
def _here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)


def written(place: Place, stem: str) -> Any:
    """The file a verb writes by default: a PIL image, or a pyarrow Table."""
    if place.kind.name in IMAGES:
        return Image.open(f"space-{stem}.png")
    return pc.read_csv(f"space-{stem}.csv")


def test_measure_map_check_and_info(run: Run, place: Place) -> None:
    scores = run("measure", "space", "--json").json["scores"]
    wanted = {"mse"} | ({"negative_elbo", "rate"} if "vae" in place.kind.name else set())
    assert wanted <= set(scores)
    assert all(np.isfinite(score["value"]) for score in scores.values())
    assert run("map", "space", "--json").json["rows"] in (60, 120)
    assert Image.open("space-pca.png").size == (1680, 1260)
    assert run("check", "space", "--json").json["checks"]["passed"]
    assert run("info", "space").status == 0
    assert "<h2>Reconstructions</h2>" in (place.folder / "space/report.html").read_text()


def test_sample_and_traverse_write_what_the_data_are(run: Run, place: Place) -> None:
    assert run("sample", "space", "-n", 7).out.startswith("7 samples: space-samples.")
    assert run("traverse", "space", "--dimensions", 2, "--steps", 3).status == 0
    samples, traversals = written(place, "samples"), written(place, "traversals")
    if place.kind.name in IMAGES:
        tall, wide = place.kind.shape[1:]
        scale = -(-72 // max(tall, wide))
        gutter = max(2, wide * scale // 20)
        assert samples.size == (7 * (wide * scale + gutter) - gutter, tall * scale)
        assert samples.mode == "RGBA"
        assert traversals.height == 2 * (tall * scale + gutter) - gutter
    else:
        assert samples.num_rows == 7
        assert samples.column_names == ["age", "height", "colour", "town"]
        assert set(samples["colour"].to_pylist()) <= {"red", "blue", "green", "", None}
        assert traversals["id"].to_pylist()[0].endswith("/1")
        assert traversals.num_rows == 6


def test_blend_begins_and_ends_at_the_rows(run: Run, place: Place) -> None:
    outcome = run("blend", "space", "0", "1", "--steps", 5, "--path", "lerp", "--json")
    assert outcome.json["frames"] == 5
    run("encode", "space", place.source, "-o", "codes.parquet")
    run("decode", "space", "codes.parquet", "-o", "all.parquet")
    ends = pq.read_table("all.parquet").slice(0, 2)
    if place.kind.name in IMAGES:
        sheet = np.asarray(written(place, "blend"))
        channels, tall, wide = place.kind.shape
        scale = sheet.shape[0] // tall
        first = np.asarray(ends["pixels"][0].as_py()).reshape(channels, tall, wide)[0]
        shown = sheet[: tall * scale : scale, : wide * scale : scale, 0]
        assert np.abs(shown.astype(int) - first).max() <= 1
    else:
        frames = written(place, "blend")
        for column in ("age", "height"):
            got = [frames[column][i].as_py() for i in (0, 4)]
            expected = [ends[column][i].as_py() for i in (0, 1)]
            same = [a is b is None or abs(a - b) < 1e-3 for a, b in zip(got, expected, strict=True)]
            assert all(same)


def test_decoded_codes_are_the_reconstructions(run: Run, place: Place) -> None:
    """decode(encode(x)) through files equals reconstruct, and both equal the space in Python."""
    from latentarium import open_bundle
    from latentarium.data import open_like

    ending = "npy" if place.kind.name in IMAGES else "csv"
    assert run("encode", "space", place.source, "-o", "codes.parquet").status == 0
    assert run("decode", "space", "codes.parquet", "-o", f"decoded.{ending}").status == 0
    bundle = open_bundle("space")
    rows = open_like(place.source, bundle.modality)
    expected = bundle.modality.to_raw(bundle.space.reconstruct(rows.array()))
    if ending == "npy":
        decoded = np.load("decoded.npy")
        assert decoded.shape == expected.shape
        assert np.abs(decoded.astype(int) - expected).max() <= 1
        return
    assert run("reconstruct", "space", place.source, "-n", len(rows), "-o", "again.csv").status == 0
    decoded, again = pc.read_csv("decoded.csv"), pc.read_csv("again.csv")
    assert decoded.column_names == again.column_names == ["id", "age", "height", "colour", "town"]
    assert decoded["town"].to_pylist() == again["town"].to_pylist()
    assert decoded["colour"].to_pylist() == again["colour"].to_pylist()
    ages = [table["age"].to_numpy() for table in (decoded, again)]
    assert np.allclose(*ages, atol=1e-3, equal_nan=True)


def test_reconstruct_of_kept_rows(run: Run, place: Place) -> None:
    outcome = run("reconstruct", "space", "-n", 5, "--json")
    assert outcome.json["rows"] == 5
    assert 0 < outcome.json["mse"] < 5


def test_one_row_of_a_table_can_be_encoded(run: Run, place: Place) -> None:
    """In a table of one row every text column has another value in every row; none of them is an id then."""
    if place.kind.name in IMAGES:
        np.save("one.npy", pictures(1, *place.kind.shape))
        assert run("encode", "space", "one.npy", "-o", "one.parquet", "--json").json["rows"] == 1
        return
    Path("one.csv").write_text("age,height,colour,town\n31,171.5,red,York\n")
    assert run("encode", "space", "one.csv", "-o", "one.parquet", "--json").json["rows"] == 1
    assert run("reconstruct", "space", "one.csv", "-o", "one-again.csv").status == 0
    assert pc.read_csv("one-again.csv").num_rows == 1


def test_new_pictures_of_another_size_are_fitted_to_the_space(run: Run, place: Place) -> None:
    if place.kind.name not in IMAGES:
        pytest.skip("a table has no size")
    channels, tall, wide = place.kind.shape
    write_folder(place.folder / "larger", pictures(3, channels, 2 * tall, 2 * wide))
    assert run("reconstruct", "space", "larger", "-o", "larger.png", "--json").json["rows"] == 3
