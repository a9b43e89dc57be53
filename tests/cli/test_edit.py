"""`edit`: pictures, rows, tables and melodies moved along attributes, what is said of it, and what is refused."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import Run
from tests.data.tunes import write_tunes

import latentarium as la
from latentarium.shipped import copy_shipped


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A folder with a bundle, and a picture of its kind beside one that is not."""
    folder = tmp_path_factory.mktemp("edit")
    shutil.copytree(digits, folder / "digits")
    picture = la.open_source("digits").raw[3, 0]
    Image.fromarray(picture).save(folder / "three.png")
    Image.fromarray(255 - picture).save(folder / "negative.png")
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_a_photo_gets_more_of_an_attribute(run: Run) -> None:
    found = run("edit", "digits", "three.png", "--set", "label=0=+4", "--keep", "label=4, label=6 ,", "--json")
    assert found.status == 0, found.err
    result = found.json
    effect = {attribute["name"]: attribute for attribute in result["attributes"]}
    odds = {name: np.log(p / (1 - p)) for name in ("before", "after") for p in [effect["label=0"][name]]}
    assert odds["after"] - odds["before"] == pytest.approx(4, abs=1e-3)
    assert effect["label=0"]["role"] == "set"
    for name in ("label=4", "label=6"):
        assert effect[name]["role"] == "kept"
        assert effect[name]["after"] == pytest.approx(effect[name]["before"], abs=1e-6)
        assert 0 <= effect[name]["seen_after"] <= 1
    assert result["rows"] == ["three.png"]
    assert 0 < result["leakage"] < 1
    with Image.open(result["out"]) as sheet:
        # before, reconstruction, three steps between and the edited one
        assert sheet.width > 5.5 * sheet.height


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_a_photo_of_other_channels_is_converted(run: Run, place: Path, mode: str) -> None:
    """Into grey, as the space is; what is transparent lies on white."""
    grey = Image.fromarray(la.open_source("digits").raw[3, 0]).resize((40, 30), Image.Resampling.BICUBIC)
    photo = grey.convert(mode)
    if mode in ("RGBA", "LA"):
        photo.putalpha(Image.new("L", photo.size, 128))
    photo.save(place / "photo.png")
    found = run("edit", "digits", "photo.png", "three.png", "--set", "label=0=1", "--out", "a.png", "--json")
    assert found.status == 0, found.err
    assert found.json["rows"] == ["photo.png", "three.png"]
    kind = {"RGB": "RGB", "P": "RGB", "RGBA": "RGBA", "LA": "RGBA"}.get(mode)
    said = [line for line in found.err.splitlines() if "taken as grey" in line]
    white = " on white" if kind == "RGBA" else ""
    assert said == ([f"1 of 1 pictures are {kind}; taken as grey{white}, by their luminance"] if kind else [])
    with Image.open("a.png") as sheet:
        assert sheet.height > 2 * 24


def test_several_photos_and_rows_at_once(run: Run) -> None:
    found = run("edit", "digits", "three.png", "5", "negative.png", "--set", "label=0=1", "--steps", 2, "--json")
    assert found.json["rows"] == ["three.png", "digits/000005", "negative.png"]
    assert len(found.json["typicality"]) == 3
    notes = [note for note in found.json["notes"] if "is unlike" in note]
    assert [note.split()[0] for note in notes] == ["negative.png"]


def test_people_see_a_table_and_a_row_of_the_bundle(run: Run) -> None:
    found = run("edit", "digits", "3", "digits/000010", "--set", "label=0=1", "--out", "rows.png", "--steps", 2)
    assert found.status == 0, found.err
    lines = found.out.splitlines()
    assert lines[0].split() == ["attribute", "before", "after", "seen", "before", "seen", "after"]
    assert lines[1].startswith("label=0")
    assert "typicality" in lines[-2]
    assert lines[-1] == "rows.png"


def test_directions_are_kept_in_the_bundle(run: Run, digits: Path, tmp_path: Path) -> None:
    space = shutil.copytree(digits, tmp_path / "space")
    files = la.open_bundle(space).manifest["files"]
    assert run("edit", space, "3", "--set", "Hat=1").status == 2
    assert la.open_bundle(space).manifest["files"] == files
    assert run("edit", space, "--json").status == 0
    assert set(la.open_bundle(space).manifest["files"]) - set(files) == {"directions.json", "directions.safetensors"}
    people = run("edit", "digits")
    assert people.out.startswith("label=0: AUC ")
    listed = run("edit", space, "--json").json
    assert [a["name"] for a in listed["unsupervised"]] == [
        f"{way}:{k}" for way in ("pca", "jacobian") for k in range(1, 5)
    ]
    for way in ("pca", "jacobian"):
        shares = [a["value"] for a in listed["unsupervised"] if a["name"].startswith(way)]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)


def test_what_is_unlike_the_data_is_said_to_be(run: Run) -> None:
    usual = run("edit", "digits", "three.png", "--set", "label=0=0.1", "--out", "a.png")
    assert "unlike" not in usual.err
    found = run("edit", "digits", "negative.png", "--set", "label=0=0.1", "--out", "a.png")
    assert found.status == 0
    assert "negative.png is unlike the rows the space was learned from: it " in found.err
    assert "comes back worse than 100.0 % of held-out rows" in found.err
    far = run("edit", "digits", "three.png", "--set", "label=0=80", "--out", "a.png")
    assert "the edit of three.png left the data: its code is further out than 100.0 % of held-out rows" in far.err


def test_a_column_gets_another_value(run: Run) -> None:
    found = run("edit", "digits", "3", "5", "--set", "label=0", "--keep", "pca:4", "--out", "a.png", "--json")
    assert found.status == 0, found.err
    assert found.json["set"] == {"label": "0"}
    effect = {attribute["name"]: attribute for attribute in found.json["attributes"]}
    assert effect["label=0"]["after"] > 0.5 > effect["label=0"]["before"]
    assert effect["label=6"]["role"] == "set"
    assert effect["pca:4"]["after"] == pytest.approx(effect["pca:4"]["before"], abs=1e-5)
    refused = run("edit", "digits", "3", "--set", "label=0", "--curved", "--out", "a.png")
    assert "--curved moves by numbers" in refused.err


def test_a_curved_way(run: Run) -> None:
    arguments = ("edit", "digits", "3", "--set", "label=0=3", "--keep", "label=4", "--out", "a.png", "--json")
    straight, curved = (run(*arguments, *more) for more in ((), ("--curved",)))
    assert curved.status == 0, curved.err
    effect = {attribute["name"]: attribute for attribute in curved.json["attributes"]}
    assert effect["label=0"]["after"] > effect["label=0"]["before"]
    assert curved.json["length"] != straight.json["length"]
    refused = run("edit", "digits", "3", "--set", "pca:1=3", "--curved", "--out", "a.png")
    assert refused.status == 2
    assert "--curved follows probes of labels, and pca:1 has none; leave one of the two out" in refused.err


def test_directions_without_labels(run: Run) -> None:
    found = run("edit", "digits", "3", "--set", "pca:2=+1.5", "--keep", "label=3,pca:1", "--out", "a.png", "--json")
    assert found.status == 0, found.err
    effect = {attribute["name"]: attribute for attribute in found.json["attributes"]}
    assert effect["pca:2"]["after"] - effect["pca:2"]["before"] == pytest.approx(1.5)
    assert effect["label=3"]["after"] == pytest.approx(effect["label=3"]["before"])
    assert run("edit", "digits", "3", "--set", "jacobian:1=1", "--out", "a.png").status == 0


def test_rows_of_a_table(run: Run, table: Path, tmp_path: Path) -> None:
    space = shutil.copytree(table, tmp_path / "table")
    found = run("edit", space, "3", "--set", "pca:1=2", "--steps", 2, "--out", tmp_path / "rows.csv")
    assert found.status == 0, found.err
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    ids = [row["id"] for row in rows]
    assert [name.rsplit("/", 1)[1] for name in ids] == ["before", "0 %", "50 %", "100 %"]


def test_columns_of_a_table_are_attributes(run: Run, fitted: Callable[..., Path], tmp_path: Path) -> None:
    """Without any label: more of a number, another value of a category."""
    random = np.random.default_rng(0)
    weight = random.normal(70, 10, 600)
    lines = [f"{w:.2f},{w / 2 + random.normal(0, 1):.2f},{'big' if w > 70 else 'small'}" for w in weight]
    (tmp_path / "t.csv").write_text("\n".join(["weight,waist,size", *lines]) + "\n")
    space = fitted(tmp_path / "t.csv", "--steps", 300, name="sizes")
    names = {a["name"]: a["kind"] for a in run("edit", space, "--json").json["attributes"]}
    assert names == {"weight": "number", "waist": "number", "size=big": "class", "size=small": "class"}
    row = str(int(np.argmin(weight)))
    for change, column, grows in (
        ("weight=2", "weight", True),
        ("size=big", "waist", True),
        ("waist=-1", "weight", False),
    ):
        assert run("edit", space, row, "--set", change, "--steps", 1, "--out", tmp_path / "rows.csv").status == 0
        with (tmp_path / "rows.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert (float(rows[2][column]) > float(rows[1][column])) is grows


def test_notes_of_decoded_melodies_are_attributes(run: Run, tmp_path: Path) -> None:
    """The shipped space of melodies has no label and no tune: only codes and what they decode to."""
    copy_shipped("melody-vae", tmp_path / "melodies")
    edit = ("edit", tmp_path / "melodies", *map(str, range(12)), "--set", "density=1.5", "--keep", "range")
    found = run(*edit, "--steps", 1, "--out", tmp_path / "a.png", "--json")
    assert found.status == 0, found.err
    effect = {a["name"]: a for a in found.json["attributes"]}
    assert effect["density"]["after"] > effect["density"]["before"] + 0.3
    assert effect["range"]["after"] == pytest.approx(effect["range"]["before"], abs=1e-4)


def test_a_melody_is_heard_on_its_way(run: Run, fitted: Callable[..., Path], tmp_path: Path) -> None:
    tunes = tmp_path / "tunes"
    write_tunes(tunes)
    space = fitted(tunes, name="tunes")
    found = run("edit", space, "3", "--set", "pca:1=1", "--out", tmp_path / "tune.wav")
    assert found.status == 0, found.err
    assert (tmp_path / "tune.wav").read_bytes().startswith(b"RIFF")


def test_labels_come_from_other_rows(run: Run, digits: Path, tmp_path: Path) -> None:
    """A slim copy has too few rows of its own."""
    from latentarium.applications.slimming import slim_bundle

    slim = slim_bundle(la.open_bundle(digits), tmp_path / "slim", rows=20, decoded=True).path
    refused = run("edit", slim, "3", "--set", "label=0=1")
    assert refused.status == 2
    assert "bring rows with some: --labels DATA" in refused.err
    found = run("edit", slim, "3", "--labels", "digits", "--set", "label=0=1", "--out", tmp_path / "a.png")
    assert found.status == 0, found.err
    assert run("edit", slim, "4", "--set", "label=0=1", "--out", tmp_path / "b.png").status == 0


def test_the_bundles_own_directions_stay(run: Run, digits: Path, tmp_path: Path) -> None:
    """Those of other rows, or of another method, are of one edit."""
    space = shutil.copytree(digits, tmp_path / "space")
    rows = la.open_source("digits")
    nought = (np.asarray(rows.columns["label"]).astype(str) == "0").astype(int)
    np.savez(tmp_path / "other.npz", x=rows.raw[:, 0], nought=nought)
    out = ("--out", tmp_path / "a.png")
    other = run("edit", space, "3", "--labels", tmp_path / "other.npz", "--set", "nought=1", *out, "--json")
    assert other.status == 0, other.err
    assert not la.open_bundle(space).has("directions.json")
    assert run("edit", space, "3", "--method", "lda", "--set", "label=0=1", *out).status == 0
    assert not la.open_bundle(space).has("directions.json")
    usual = run("edit", space, "3", "--set", "label=0=1", *out, "--json").json
    for more in (("--labels", tmp_path / "other.npz", "--set", "nought=1"), ("--method", "lda", "--set", "label=0=1")):
        assert run("edit", space, "3", *more, *out).status == 0
        assert run("edit", space, "3", "--set", "label=0=1", *out, "--json").json == usual
    assert la.open_bundle(space).json("directions.json")["settings"]["method"] == "logistic"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("3", "--set", "label=0="), "--set must be ATTRIBUTE=NUMBER or COLUMN=VALUE"),
        (("3", "--set", "+2"), "--set must be ATTRIBUTE=NUMBER"),
        (("3", "--set", "label=red"), "--set must be ATTRIBUTE=NUMBER or COLUMN=VALUE"),
        (("3", "--set", "label=0=1", "--set", "label=0=2"), "once for each attribute"),
        (("3", "--set", "label=0=nan"), "the change of label=0 must be a finite number"),
        (("3", "--set", "Hat=1"), "an attribute must be one of label=0"),
        (("3", "--set", "label=0=1", "--keep", "Hat"), "an attribute must be one of label=0"),
        (("3", "--set", "label=0=1", "--keep", "label"), "allow some slack"),
        (("3", "--set", "label=0=1", "--slack", "1"), "slack must be a number from 0 up to 1"),
        (("3", "--set", "label=0=1", "--steps", "0"), "steps must be an integer from 1 to 100"),
        (
            ("nowhere.png",),
            "--set is missing, which says what to change, such as Blond_Hair=+2; to see what can be set, leave WHAT",
        ),
        (("--keep", "label=3", "--curved", "--out", "a.png"), "leave --keep, --curved, --out out"),
        (("3", "--set", "label=0=1", "--method", "svm"), "--method must be one of logistic, lda"),
        (("3", "--set", "pca:9=1"), "the place of a direction must be a number from 1 to 4"),
        (("--set", "label=0=1"), "WHAT to edit is missing"),
        (("nobody.png", "--set", "label=0=1"), "or a file, got 'nobody.png': no file has that name, and ids look like"),
        (("3", "--set", "0=1"), "did you mean label=0?"),
        (
            ("3", "--set", "label=0", "--set", "label=5"),
            "--set must be one value of a column, got 'label=0 and label=5'",
        ),
        ((*map(str, range(40)), "--set", "label=0=1"), "WHAT must be at most 32 rows, got 40"),
        (("3", "--set", "label=0=1", "--out", "a.txt"), "--out must be a file ending in"),
    ],
)
def test_what_is_refused(run: Run, arguments: tuple[str, ...], words: str) -> None:
    found = run("edit", "digits", *arguments)
    assert found.status == 2
    assert words in found.err
    assert found.err.count("\n") == 1
