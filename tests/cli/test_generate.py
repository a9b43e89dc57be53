"""What generates: films, palettes and tunes made again from the settings that their files carry."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.cli.conftest import Run
from tests.data.tunes import write_tunes

import latentarium as la
from latentarium import pictures

ROWS = ("digits/000001", "digits/000005", "digits/000007", "digits/000011")


@pytest.fixture
def here(tmp_path: Path, digits: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(digits, tmp_path / "space")
    shutil.copytree(table, tmp_path / "table")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def melodies(fitted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    write_tunes(folder / "tunes", 10)
    return fitted(folder / "tunes", "--latent", 8, "--steps", 5)


def ok(run: Run, *arguments: object) -> str:
    outcome = run(*arguments)
    assert outcome.status == 0, outcome.err
    return outcome.out


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        ("sample space -n 5 --temperature 0.8 --truncation 0.7 --columns 3 --seed 2", "a.png"),
        ("sample space -n 5", "a.jpg"),
        ("sample table -n 5 --seed 1", "a.parquet"),
        ("blend space 3 digits/000005 --steps 4 --path slerp", "a.webp"),
        ("traverse space --row 7 --dimensions 2 --steps 3", "a.png"),
        ("palette space 1 2 3 4 --size 3 --path slerp --truncation 0.5", "a.png"),
        ("palette table --size 2 --seed 4", "a.parquet"),
        ("walk space 1 2 3 --loop --timing even --path spline --frames 6", "a.gif"),
        ("walk space 1 2 --frames 4 --scale 2", "a.png"),
        ("walk space --draws 3 --temperature 0.5 --frames 5 --seed 8", "a.webp"),
        ("walk space 1 2 --frames 5", "a.mp4"),
        ("walk table 1 2", "a.parquet"),
        ("walk space one.png 2 two.png one.png --frames 4", "a.gif"),
        ("walk space one.png two.png --frames 4 --truncation 0.7", "a.mp4"),
        ("blend space two.png 5 one.png --steps 3", "a.png"),
        ("palette space 1 one.png 3 two.png --size 3", "a.webp"),
        ("traverse space --row one.png --dimensions 2 --steps 3", "a.png"),
        ("edit space 3 digits/000007 --set label=0=+2 --keep label=3,pca:2 --steps 2", "a.png"),
        ("edit space 3 --set label=5 --slack 0.3 --keep label=3", "a.png"),
        ("edit space 3 --set label=0=+2 --curved --method lda", "a.webp"),
        ("edit table 3 --set age=1", "a.parquet"),
    ],
)
def test_a_file_made_again_has_the_same_bytes(run: Run, here: Path, verb: str, name: str) -> None:
    for number, picture in enumerate(("one.png", "two.png")):
        Image.fromarray(la.open_source("digits").raw[number, 0]).save(picture)
    ok(run, *verb.split(), "-o", name)
    for picture in ("one.png", "two.png"):
        Path(picture).unlink()
    ok(run, "remake", name, verb.split()[1], "-o", f"again-{name}")
    assert (here / f"again-{name}").read_bytes() == (here / name).read_bytes()


def test_a_film_becomes_one_of_another_format(run: Run, here: Path) -> None:
    ok(run, "walk", "space", *ROWS, "--loop", "--frames", 8, "-o", "a.mp4")
    ok(run, "walk", "space", *ROWS, "--loop", "--frames", 8, "-o", "a.webp")
    ok(run, "remake", "a.mp4", "space", "-o", "b.webp")
    assert (here / "b.webp").read_bytes() == (here / "a.webp").read_bytes()
    refused = run("remake", "a.mp4", "space", "-o", "b.csv")
    assert (refused.status, "--out must be" in refused.err) == (2, True)


def test_a_film_goes_through_the_rows_it_names(run: Run, here: Path) -> None:
    ok(run, "walk", "space", *ROWS, "--frames", 7, "-o", "a.webp", "--scale", 1)
    bundle = la.open_bundle("space")
    codes = bundle.codes[[1, 5, 7, 11]].reshape(-1, *bundle.space.shape)
    expected = pictures.to_pixels(bundle.space.decode(codes))[..., :3]
    with Image.open("a.webp") as film:
        for i in range(4):
            film.seek(2 * i)
            assert np.array_equal(np.asarray(film.convert("RGB")), expected[i])


def test_own_pictures_are_stops(run: Run, here: Path) -> None:
    """A picture of the set, as a file, is where its row is."""
    Image.fromarray(la.open_source("digits").raw[5, 0]).save("five.png")
    by_row = run("blend", "space", "1", "5", "--steps", 3, "-o", "a.png", "--json").json
    by_file = run("blend", "space", "1", "./five.png", "--steps", 3, "-o", "b.png", "--json").json
    assert by_file["rows"] == ["digits/000001", "five.png"]
    assert by_row["frames"] == by_file["frames"]
    with Image.open("a.png") as first, Image.open("b.png") as second:
        assert np.abs(np.asarray(first, int) - np.asarray(second, int)).max() <= 1
    for line, words in (
        ("blend space 1 nowhere.png", "or a file, got 'nowhere.png': no file has that name"),
        ("walk space 1 nowhere.png", "no file has that name"),
        ("palette space 1 2 3 nowhere.png", "no file has that name"),
        ("traverse space --row nowhere.png", "no file has that name"),
        ("blend space 1 rows.npy", "ROWS must be one row for each name, got 4; give files of one row"),
        ("blend space 1 five.png -o five.png", "--out must be another file than those that are read"),
    ):
        np.save("rows.npy", la.open_source("digits").raw[:3, 0])
        refused = run(*line.split())
        assert (refused.status, words in refused.err) == (2, True), refused.err


@pytest.mark.parametrize(
    "line",
    [
        "blend space 1 colour.png",
        "walk space colour.png 1 --frames 3",
        "palette space 1 2 3 colour.png --size 2",
        "traverse space --row colour.png --steps 2",
        "reconstruct space colour.png",
        "encode space colour.png -o codes.parquet",
    ],
)
def test_what_was_made_of_own_pictures_is_said(run: Run, here: Path, line: str) -> None:
    Image.fromarray(la.open_source("digits").raw[5, 0]).convert("RGB").save("colour.png")
    outcome = run(*line.split())
    assert outcome.status == 0, outcome.err
    assert "1 of 1 pictures are RGB; taken as grey, by their luminance\n" in outcome.err


def test_what_shows_more_than_the_bundle_says_how_it_was_made(run: Run, here: Path) -> None:
    Image.fromarray(la.open_source("digits").raw[5, 0]).save("my five.png")
    np.save("rows.npy", la.open_source("digits").raw[:3, 0])
    for line, name in (
        (("edit", "space", "my five.png", "--set", "label=0=1", "-o", "a.png"), "a.png"),
        (("edit", "space", "3", "--labels", "digits", "--set", "label=0=1", "-o", "b.png"), "b.png"),
        (("search", "space", "3", "-n", "2", "-o", "c.png"), "c.png"),
        (("search", "space", "rows.npy", "-n", "2", "-o", "d.png"), "d.png"),
        (("detect", "space", "rows.npy", "--seed", "3", "-o", "e.parquet"), "e.png"),
        (("detect", "space", "rows.npy", "--seed", "3", "-o", "e.parquet"), "e.parquet"),
    ):
        ok(run, *line)
        refused = run("remake", name, "space")
        assert refused.status == 2
        rest = f"was made by: latentarium {shlex.join(line)}; run that again\n"
        assert refused.err == f"latentarium: {name} shows more than the bundle holds, and {rest}"
    stored = json.loads(pictures.read_text(here / "e.png") or "")
    assert (stored["verb"], stored["settings"]["seed"], stored["settings"]["data"]) == ("detect", 3, "rows.npy")


def test_rows_of_a_table_walk_too(run: Run, here: Path) -> None:
    ok(run, "walk", "table", "1", "2", "--frames", 3)
    found = pyarrow.csv.read_csv("table-walk.csv")
    assert found["id"].to_pylist() == [0, 1, 2]
    assert found.column_names[1:] == ["age", "height", "colour", "town"]
    refused = run("remake", "table-walk.csv", "table")
    assert (refused.status, "room for settings" in refused.err) == (2, True)


@pytest.mark.parametrize("ending", ["gif", "wav", "mid", "mp4"])
def test_a_walk_between_tunes_made_again(
    run: Run, melodies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENTARIUM_SOUNDFONT", "none")
    ok(run, "walk", melodies, "0", "5", "--frames", 3, "-o", f"a.{ending}")
    ok(run, "remake", f"a.{ending}", melodies)
    assert (tmp_path / f"a-again.{ending}").read_bytes() == (tmp_path / f"a.{ending}").read_bytes()


def test_every_kind_of_file_is_written_of_tunes(
    run: Run, melodies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("walk", melodies, "0", "5", "--json")
    assert outcome.json["files"] == [f"{melodies.name}-walk.{ending}" for ending in ("gif", "wav", "mid")]
    assert (outcome.json["frames"], outcome.json["seconds"]) == (5, 2.5)
    assert all(Path(file).stat().st_size > 100 for file in outcome.json["files"])


def test_settings_do_not_mind_maps_but_another_prior(run: Run, here: Path) -> None:
    ok(run, "sample", "space", "-n", 2, "-o", "a.png")
    ok(run, "map", "space", "--rows", 50)
    ok(run, "remake", "a.png", "space")
    ok(run, "prior", "space", "mixture:2")
    refused = run("remake", "a.png", "space")
    assert refused.status == 2
    assert "BUNDLE must be the one that a.png was made with" in refused.err


def with_recipe(path: Path, **changes: object) -> None:
    """A picture whose settings are those of `path` with changes."""
    stored = json.loads(pictures.read_text(path) or "")
    settings = {**stored["settings"], **changes.pop("settings", {})}  # type: ignore[dict-item]
    chunks = PngInfo()
    chunks.add_text(pictures.TEXT_KEY, json.dumps({**stored, "settings": settings, **changes}))
    Image.new("L", (2, 2)).save("changed.png", pnginfo=chunks)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"n": "many"}}, "the setting n in changed.png"),
        ({"settings": {"n": 10**9}}, "-n must be an integer from 1 to 100000"),
        ({"settings": {"code": "print(1)"}}, "a setting in changed.png must be one of sample, got 'code'"),
        ({"settings": {"given": [1]}}, "the setting given.0 in changed.png"),
        ({"settings": {"temperature": None}}, "the setting temperature in changed.png"),
        ({"verb": "fit"}, "changed.png carries no settings"),
        ({"verb": ["fit"]}, "changed.png carries no settings"),
        ({"fingerprint": "0"}, "BUNDLE must be the one"),
    ],
)
def test_settings_of_a_stranger_are_checked(run: Run, here: Path, changes: dict[str, object], words: str) -> None:
    ok(run, "sample", "space", "-n", 2, "-o", "a.png")
    with_recipe(here / "a.png", **changes)
    refused = run("remake", "changed.png", "space")
    assert refused.status == 2
    assert words in refused.err
    assert refused.err.count("\n") == 1


def test_truncation_makes_draws_alike(run: Run, here: Path) -> None:
    def spread(*options: object) -> float:
        ok(run, "sample", "table", "-n", 200, "-o", "a.parquet", *options)
        return float(np.std(pq.read_table("a.parquet")["height"].to_numpy()))

    assert spread("--truncation", 0.1) < 0.5 * spread()
    assert spread("--truncation", 0) == pytest.approx(0, abs=1e-3)


def test_the_python_names_do_the_same(here: Path) -> None:
    bundle = la.open_bundle("space")
    codes = bundle.codes[:4].reshape(-1, *bundle.space.shape)
    assert la.walk(bundle.space, codes, frames=5, loop=True).shape == (5, *bundle.space.data_shape)
    assert la.palette(bundle.space, codes, rows=2, columns=3).shape == (2, 3, *bundle.space.data_shape)
