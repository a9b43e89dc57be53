"""Bad inputs: one clear line on stderr, status 1 or 2, and everything on disk as it was."""

import hashlib
import json
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from tests.cli.conftest import Run, pictures, table_text, write_folder

from latentarium.bundle import manifest_checksum


@dataclass(frozen=True)
class Case:
    """`prepare` makes files in the working folder, where `space` is a bundle of digits and `table` one of a table;
    `arguments` must then fail with `status` and a line that holds every one of `says`."""

    name: str
    arguments: str
    says: tuple[str, ...]
    status: int = 2
    prepare: Callable[[Path], object] = lambda here: None


def grey(here: Path, name: str = "photos", rows: int = 24, side: int = 12) -> Path:
    return write_folder(here / name, pictures(rows, 1, side, side))


def truncated_jpeg(here: Path) -> None:
    for i in range(12):
        (here / "photos").mkdir(exist_ok=True)
        noise = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(here / f"photos/{i:02}.jpg")
    broken = here / "photos/07.jpg"
    broken.write_bytes(broken.read_bytes()[:600])


def bomb(here: Path) -> None:
    """A valid PNG of 40,000 x 40,000 black pixels in a few hundred kilobytes."""
    grey(here)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    (here / "photos/one/bomb.png").write_bytes(png)


def mixed_channels(here: Path) -> None:
    grey(here)
    Image.fromarray(np.zeros((12, 12, 3), np.uint8)).save(here / "photos/one/colour.png")


def broken_header(here: Path) -> None:
    grey(here)
    (here / "photos/one/fake.png").write_text("no picture")


def text(name: str, content: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_text(content)


def not_utf8(here: Path) -> None:
    (here / "notes.txt").write_bytes("für\n".encode("latin1"))


def array(name: str, values: Any) -> Callable[[Path], object]:
    return lambda here: np.save(here / name, values)


def with_nan(here: Path) -> None:
    values = np.random.default_rng(0).random((30, 8, 8))
    values[4, 2, 2] = np.nan
    np.save(here / "a.npy", values)


def object_archive(here: Path) -> None:
    """An archive whose array is a pickle that would write a file when read."""
    np.savez(here / "a.npz", x=np.array([Bomb(here / "gotcha"), 1], dtype=object))


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def pickled(here: Path) -> None:
    (here / "a.npy").write_bytes(pickle.dumps(Bomb(here / "gotcha")))


def config(content: str) -> Callable[[Path], object]:
    return text("run.toml", content)


def codes(here: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), here / "codes.parquet")


def truncate(name: str) -> Callable[[Path], object]:
    def cut(here: Path) -> None:
        path = here / "space" / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return cut


def swap(name: str) -> Callable[[Path], object]:
    """The file of the same name from the other bundle."""
    return lambda here: shutil.copy(here / "table" / name, here / "space" / name)


def manifest(**changes: Any) -> Callable[[Path], object]:
    def change(here: Path) -> None:
        path = here / "space/manifest.json"
        stored = json.loads(path.read_text())
        for key, value in changes.items():
            stored[key] = {**stored[key], **value} if isinstance(value, dict) else value
        stored["checksum"] = manifest_checksum(stored)
        path.write_text(json.dumps(stored))

    return change


def altered_manifest(here: Path) -> None:
    path = here / "space/manifest.json"
    path.write_text(path.read_text().replace('"latent": 4', '"latent": 5'))


def unfinished(here: Path) -> None:
    (here / "new.fit").mkdir()
    (here / "new.fit/checkpoint.safetensors").write_bytes(b"something")


STORED = (
    "model.safetensors", "encoder.onnx", "decoder.onnx", "rows.parquet", "codes.parquet", "evaluation.safetensors",
    "history.jsonl", "prior.safetensors",
)  # fmt: skip

TABLE = table_text()

SOURCES = [
    Case("no source", "fit -o new", ("SOURCE is missing",)),
    Case("unknown source", "fit nowhere -o new", ("'nowhere'", "digits")),
    Case("empty folder", "fit photos -o new", ("photos", "picture"), prepare=lambda h: (h / "photos").mkdir()),
    Case("truncated JPEG", "fit photos -o new", ("07.jpg",), prepare=truncated_jpeg),
    Case("decompression bomb", "fit photos -o new", ("bomb.png", "pixels"), prepare=bomb),
    Case("mixed channels", "fit photos -o new", ("grey", "RGB", "colour.png"), prepare=mixed_channels),
    Case("text called .png", "fit photos -o new", ("fake.png",), prepare=broken_header),
    Case(
        "one picture file",
        "fit one.png -o new",
        ("folder", "one.png"),
        prepare=lambda h: Image.new("L", (9, 9)).save(h / "one.png"),
    ),
    Case("unknown ending", "fit notes.doc -o new", ("notes.doc", ".csv"), prepare=text("notes.doc", "hello")),
    Case(
        "two lines of text",
        "fit notes.txt -o new",
        ("rows", "at least 10", "2"),
        prepare=text("notes.txt", "one\ntwo\n"),
    ),
    Case("a text in no encoding", "fit notes.txt -o new", ("UTF-8", "line 1"), prepare=not_utf8),
    Case("one row", "fit t.csv -o new", ("10", "1"), prepare=text("t.csv", "a,b\n1,2\n")),
    Case("nine rows", "fit a.npy -o new", ("10", "9"), prepare=array("a.npy", np.zeros((9, 8, 8), np.uint8))),
    Case("header only", "fit t.csv -o new", ("t.csv",), prepare=text("t.csv", "a,b\n")),
    Case("empty table", "fit t.csv -o new", ("t.csv",), prepare=text("t.csv", "")),
    Case("only constant columns", "fit t.csv -o new", ("vary", "'a'"), prepare=text("t.csv", "a\n" + "1\n" * 20)),
    Case("ragged table", "fit t.csv -o new", ("t.csv", "3"), prepare=text("t.csv", "a,b\n1,2\n3,4,5\n")),
    Case("no header", "fit t.csv -o new", ("header",), prepare=text("t.csv", "1,2\n" * 20)),
    Case("unknown label", "fit t.csv --label sort -o new", ("'sort'", "kind"), prepare=text("t.csv", TABLE)),
    Case("unknown label of digits", "fit digits --label sort -o new", ("'sort'",)),
    Case("NaN in .npy", "fit a.npy -o new", ("NaN",), prepare=with_nan),
    Case(
        "floats to 300",
        "fit a.npy -o new",
        ("0 to 300",),
        prepare=array("a.npy", np.linspace(0, 300, 1280).reshape(20, 8, 8)),
    ),
    Case("object array", "fit a.npz -o new", ("a.npz",), prepare=object_archive),
    Case("pickle called .npy", "fit a.npy -o new", ("a.npy",), prepare=pickled),
    Case("text called .npz", "fit a.npz -o new", ("a.npz",), prepare=text("a.npz", "hello")),
    Case("array of one axis", "fit a.npy -o new", ("shape",), prepare=array("a.npy", np.zeros(40, np.uint8))),
    Case("4x4 pictures", "fit a.npy -o new", ("8 to 256", "4"), prepare=array("a.npy", pictures(20, 1, 4, 4))),
    Case(
        "300x300 pictures", "fit a.npy -o new", ("8 to 256", "300"), prepare=array("a.npy", pictures(12, 1, 300, 300))
    ),
    Case("size of 300", "fit photos --size 300 -o new", ("size", "256", "300"), prepare=grey),
    Case("size of a table", "fit t.csv --size 16 -o new", ("size",), prepare=text("t.csv", TABLE)),
]

SETTINGS = [
    Case("bad time", "fit digits --time soon -o new", ("--time", "'soon'")),
    Case("no time", "demo --source digits --time 0 -o new --no-serve", ("--time", "'0'")),
    Case("no steps", "fit digits --steps 0 -o new", ("steps", "0")),
    Case("negative epochs", "fit digits --epochs -1 -o new", ("epochs", "-1")),
    Case("epochs and steps", "fit digits --epochs 1 --steps 5 -o new", ("steps and epochs",)),
    Case("no latents", "fit digits --latent 0 -o new", ("latent", "0")),
    Case("too many latents", "fit digits --latent 1000000000 -o new", ("latent", "4096", "1000000000")),
    Case("latent of a word", "fit digits --latent many -o new", ("--latent", "'many'")),
    Case("unknown model", "fit digits --model flow -o new", ("model", "vae, ae, gan", "'flow'")),
    Case("objective of a VAE for a GAN", "fit digits --model gan --objective elbo -o new", ("objective", "GAN")),
    Case("unknown objective", "fit digits --objective gamma:3 -o new", ("objective", "'gamma'")),
    Case("objective without number", "fit digits --objective beta:x -o new", ("objective", "'beta:x'")),
    Case("objective of the other model", "fit digits --model ae --objective beta:4 -o new", ("objective", "rae")),
    Case("unknown likelihood", "fit digits --likelihood poisson -o new", ("likelihood", "'poisson'")),
    Case("likelihood of tables", "fit digits --likelihood mixed -o new", ("likelihood", "mixed")),
    Case(
        "likelihood of pictures",
        "fit t.csv --likelihood bernoulli -o new",
        ("likelihood",),
        prepare=text("t.csv", TABLE),
    ),
    Case("unknown net", "fit digits --net transformer -o new", ("net", "'transformer'")),
    Case("conv net for a table", "fit t.csv --net conv -o new", ("net", "conv"), prepare=text("t.csv", TABLE)),
    Case("unknown device", "fit digits --device tpu -o new", ("device", "'tpu'")),
    Case("unknown precision", "fit digits --precision fp8 -o new", ("precision", "'fp8'")),
    Case("unknown prior", "fit digits --prior gauss -o new", ("prior", "flow:8", "'gauss'")),
    Case("flow of no layers", "fit digits --prior flow:0 -o new", ("prior", "'flow:0'", "flow:64")),
    Case("VampPrior of an AE", "fit digits --model ae --prior vamp:9 -o new", ("prior", "AE", "'vamp:9'")),
    Case("prior of a GAN", "fit digits --model gan --prior flow -o new", ("prior", "GAN", "'flow'")),
    Case("prior of a number", "fit digits --config run.toml -o new", ("prior", "8"), prepare=config("prior = 8")),
    Case("negative seed", "fit digits --seed -1 -o new", ("seed", "-1")),
    Case("no batch", "fit digits --batch-size 0 -o new", ("--batch-size", "0")),
    Case("infinite rate", "fit digits --learning-rate inf -o new", ("--learning-rate", "inf")),
    Case("no processes", "fit digits --processes 0 -o new", ("--processes", "0")),
    Case("unknown option", "fit digits --stepz 3 -o new", ("--stepz", "--steps")),
    Case("unknown verb", "train digits", ("train",)),
    Case("no verb", "", ("verb",)),
    Case("missing config", "fit digits --config no.toml -o new", ("no.toml",)),
    Case("folder as config", "fit digits --config conf -o new", ("conf",), prepare=lambda h: (h / "conf").mkdir()),
    Case("invalid TOML", "fit digits --config run.toml -o new", ("run.toml", "TOML"), prepare=config("latent = = 3")),
    Case(
        "binary TOML",
        "fit digits --config run.toml -o new",
        ("run.toml",),
        prepare=lambda h: (h / "run.toml").write_bytes(b"\xff\xfe\0"),
    ),
    Case(
        "unknown setting", "fit digits --config run.toml -o new", ("'latnet'", "latent"), prepare=config("latnet = 3")
    ),
    Case(
        "setting of the wrong type",
        "fit digits --config run.toml -o new",
        ("latent", "'three'"),
        prepare=config('latent = "three"'),
    ),
    Case("source of a number", "fit --config run.toml -o new", ("source", "5"), prepare=config("source = 5")),
    Case("size of a word", "fit digits --config run.toml -o new", ("size", "'big'"), prepare=config("size = 'big'")),
    Case(
        "objective table",
        "fit digits --config run.toml -o new",
        ("objective",),
        prepare=config("[objective]\nkind = 'beta'\nwait = 3"),
    ),
]

PLACES = [
    Case("existing bundle", "fit digits -o space", ("space", "--overwrite")),
    Case("folder with other files", "fit digits -o photos --overwrite", ("photos", "other files"), prepare=grey),
    Case("demo into a folder with other files", "demo --source digits -o photos --no-serve", ("photos",), prepare=grey),
    Case("file as output", "fit digits -o notes.txt", ("notes.txt", "file"), prepare=text("notes.txt", "hello")),
    Case(
        "file as parent of the output",
        "fit digits --steps 2 -o notes.txt/new",
        ("notes.txt", "irectory"),
        1,
        text("notes.txt", "hello"),
    ),
    Case("unfinished fit", "fit digits -o new", ("--resume", "--overwrite"), prepare=unfinished),
    Case("damaged checkpoint", "fit digits -o new --resume", ("checkpoint",), 1, prepare=unfinished),
    Case("nothing to resume", "fit digits -o new --resume", ("resume", "new.fit")),
    Case("start from no bundle", "fit digits -o new --from nowhere", ("nowhere",)),
    Case(
        "start from another architecture", "fit digits --steps 2 --latent 7 -o new --from space", ("--from", "latent")
    ),
    Case("repeat with another size", "fit --config space --size 16 -o new", ("--config",)),
    Case("repeat with other settings", "fit --config space --latent 3 -o new", ("--config",)),
]

BUNDLES = [
    *(
        Case(f"{verb} of nothing", f"{verb} nowhere", ("'nowhere'",))
        for verb in ("measure", "map", "sample", "info", "check")
    ),
    Case("no bundle named", "info", ("BUNDLE",)),
    Case("file as bundle", "info notes.txt", ("notes.txt",), prepare=text("notes.txt", "hello")),
    Case("folder that is no bundle", "info photos", ("photos", "manifest.json"), prepare=grey),
    *(Case(f"truncated {name}", "check space", (name, "checksum"), 1, truncate(name)) for name in STORED),
    *(Case(f"swapped {name}", "check space", (name, "checksum"), 1, swap(name)) for name in STORED[:6]),
    Case("truncated manifest", "info space", ("manifest.json",), 1, truncate("manifest.json")),
    Case("swapped manifest", "check space", ("checksum",), 1, swap("manifest.json")),
    Case("lost file", "check space", ("codes.parquet",), 1, lambda h: (h / "space/codes.parquet").unlink()),
    Case("altered manifest", "info space", ("manifest.json", "checksum"), 1, altered_manifest),
    Case("newer schema", "info space", ("schema version 99",), 1, manifest(schema_version=99)),
    Case("older nonsense schema", "info space", ("manifest.json",), 1, manifest(schema_version="one")),
    Case("manifest of a list", "info space", ("manifest.json",), 1, text("space/manifest.json", "[]")),
    Case("manifest without provenance", "info space", ("provenance",), 1, manifest(provenance=None)),
    Case("manifest with another kind of data", "sample space", ("kind",), 2, manifest(modality={"kind": "smell"})),
    Case(
        "manifest with settings of a newer release",
        "sample space",
        ("flavour",),
        2,
        manifest(architecture={"flavour": 1}),
    ),
    Case("manifest with another width", "sample space", ("weights",), 1, manifest(architecture={"width": 33})),
    Case("path leaving the bundle", "info space", ("../secret",), 2, manifest(files={"../secret": "0" * 64})),
    Case("absolute path in the bundle", "info space", ("/etc/passwd",), 2, manifest(files={"/etc/passwd": "0" * 64})),
]

VERBS = [
    Case(
        "other data for measure",
        "measure space --data a.npy",
        ("a.npy", "fingerprint"),
        prepare=array("a.npy", pictures(30, 1, 8, 8)),
    ),
    Case("absent data for measure", "measure space --data nowhere", ("nowhere",)),
    Case("unknown measure", "measure space --only beauty", ("'beauty'",)),
    Case("negative seed of measure", "measure space --seed -2", ("seed", "-2")),
    Case("unknown map", "map space --method som", ("method", "som")),
    Case("map of one row", "map space --rows 1", ("--rows", "1")),
    Case("map by an unknown label", "map space --label sort", ("label", "'sort'")),
    Case("map to a text file", "map space -o map.txt", ("--out", "map.txt", ".png")),
    Case("no prior", "prior space", ("PRIOR",)),
    Case("unknown prior to replace", "prior space gauss", ("prior", "'gauss'")),
    Case(
        "prior of other rows",
        "prior space flow --data a.npy",
        ("a.npy", "fingerprint", "--data"),
        prepare=array("a.npy", pictures(30, 1, 8, 8)),
    ),
    Case("no samples", "sample space -n 0", ("-n", "0")),
    Case("samples of a word", "sample space -n few", ("-n", "'few'")),
    Case("samples to a table", "sample space -o samples.csv", ("--out", "samples.csv")),
    Case("rows to a picture", "sample table -o samples.png", ("--out", "samples.png", ".csv")),
    Case("output without an ending", "sample space -o samples", ("--out", "samples")),
    Case("cold samples", "sample space --temperature -1", ("temperature", "-1")),
    Case(
        "folder as output of sample", "sample space -o here.png", ("here.png",), 1, lambda h: (h / "here.png").mkdir()
    ),
    Case("one row to blend", "blend space 3", ("ROWS", "two", "1")),
    Case("no row to blend", "blend space", ("ROWS",)),
    Case("unknown row", "blend space 3 digits/999999", ("'digits/999999'",)),
    Case("row beyond the end", "blend space 3 99999", ("'99999'", "1797")),
    Case("unknown path", "blend space 1 2 --path zigzag", ("path", "zigzag")),
    Case("blend of one step", "blend space 1 2 --steps 1", ("steps", "1")),
    Case("cold and far samples", "sample space --truncation 3", ("truncation", "0 to 2", "3")),
    Case("sheet without columns", "sample space --columns 0", ("--columns", "0")),
    Case("walk of one row", "walk space 3", ("ROWS", "two", "1")),
    Case("walk through an unknown row", "walk space 3 digits/999999", ("'digits/999999'",)),
    Case("walk through one draw", "walk space --draws 1", ("--draws", "1")),
    Case("walk of no frames", "walk space 3 4 --frames 0", ("--frames", "2", "0")),
    Case("walk of no time", "walk space 3 4 --seconds 0", ("--seconds", "0")),
    Case("walk of endless time", "walk space 3 4 --seconds inf", ("--seconds", "inf")),
    Case("walk too fast for a GIF", "walk space 3 4 --frames 99 --seconds 1", ("frames", "50", "99", "seconds")),
    Case("walk to a table", "walk space 3 4 -o walk.csv", ("--out", ".gif", "'walk.csv'")),
    Case("walk without an ending", "walk space 3 4 -o walk", ("--out", ".mp4", "'walk'")),
    Case("walk to a JPEG", "walk space 3 4 -o walk.jpg", ("--out", "'walk.jpg'")),
    Case("walk of rows to a film", "walk table 3 4 -o walk.gif", ("--out", ".csv", "'walk.gif'")),
    Case("walk in zigzag", "walk space 3 4 --path zigzag", ("path", "spline", "'zigzag'")),
    Case("walk of late timing", "walk space 3 4 --timing late", ("timing", "eased", "'late'")),
    Case("walk of no scale", "walk space 3 4 --scale 0", ("--scale", "0")),
    Case("temperature of rows", "walk space 3 4 --temperature 0.5", ("--temperature", "0.5")),
    Case("palette of three", "palette space 3 4 5", ("ROWS", "four", "3")),
    Case("palette of one", "palette space --size 1", ("--size", "1")),
    Case("palette with a spline", "palette space --path spline", ("path", "geodesic", "'spline'")),
    Case("nothing to make again", "remake no.png space", ("FILE", "'no.png'")),
    Case("text to make again", "remake a.txt space", ("FILE", ".gif", "'a.txt'"), prepare=text("a.txt", "hello")),
    Case("damaged picture to make again", "remake a.png space", ("a.png",), prepare=text("a.png", "hello")),
    Case("damaged video to make again", "remake a.mp4 space", ("a.mp4",), prepare=text("a.mp4", "hello")),
    Case("damaged tune to make again", "remake a.mid space", ("a.mid", "settings"), prepare=text("a.mid", "MThd")),
    Case("damaged table to make again", "remake a.parquet space", ("a.parquet",), prepare=text("a.parquet", "PAR1")),
    Case("picture of others to make again", "remake photos/one/000.png space", ("000.png", "settings"), prepare=grey),
    Case("no dimensions", "traverse space --dimensions 0", ("dimensions", "0")),
    Case("unknown row to traverse", "traverse space --row nobody", ("'nobody'",)),
    Case(
        "pictures of channels other than the space's",
        "encode space a.npy",
        ("grey", "RGB"),
        prepare=array("a.npy", pictures(4, 3, 8, 8)),
    ),
    Case("table for a space of pictures", "encode space t.csv", ("'image'", "table"), prepare=text("t.csv", TABLE)),
    Case("pictures for a space of tables", "encode table digits", ("digits",)),
    Case("missing column", "encode table t.csv", ("'height'",), prepare=text("t.csv", "age,colour,town\n1,red,York\n")),
    Case(
        "text in a number column",
        "encode table t.csv",
        ("'height'", "tall"),
        prepare=text("t.csv", "age,height,colour,town\n1,tall,red,York\n2,3,red,Bath\n"),
    ),
    Case(
        "unknown category",
        "encode table t.csv",
        ("'town'", "Oslo"),
        prepare=text("t.csv", "age,height,colour,town\n1,3,red,Oslo\n"),
    ),
    Case(
        "new missing values",
        "encode table t.csv",
        ("'height'", "missing"),
        prepare=text("t.csv", "age,height,colour,town\n1,,red,York\n2,3,red,Bath\n"),
    ),
    Case(
        "wrong number of columns", "encode table a.npy", ("'age'", "column_0"), prepare=array("a.npy", np.zeros((4, 2)))
    ),
    Case("codes to another format", "encode space digits -o codes.csv", ("--out", "codes.csv")),
    Case("absent codes", "decode space nowhere.parquet", ("nowhere.parquet",)),
    Case(
        "codes that are no Parquet", "decode space codes.parquet", ("codes.parquet",), 1, text("codes.parquet", "hello")
    ),
    Case(
        "codes without a code column",
        "decode space codes.parquet",
        ("'code'", "id"),
        prepare=lambda h: codes(h, id=["a"], z=[[1.0] * 4]),
    ),
    Case(
        "codes of another width",
        "decode space codes.parquet",
        ("4", "3"),
        prepare=lambda h: codes(h, id=["a"], code=[[1.0] * 3]),
    ),
    Case(
        "codes of text",
        "decode space codes.parquet",
        ("codes.parquet",),
        prepare=lambda h: codes(h, id=["a"], code=["1 2 3 4"]),
    ),
    Case(
        "codes of plain numbers",
        "decode space codes.parquet",
        ("codes.parquet",),
        prepare=lambda h: codes(h, id=["a"] * 4, code=[1.0] * 4),
    ),
    Case(
        "codes of unequal widths",
        "decode space codes.parquet",
        ("codes.parquet",),
        prepare=lambda h: codes(h, code=[[1.0] * 3, [1.0] * 5]),
    ),
    Case(
        "codes with NaN",
        "decode space codes.parquet",
        ("NaN",),
        prepare=lambda h: codes(h, code=[[1.0, 2.0, float("nan"), 4.0]]),
    ),
    Case(
        "decoded pictures as text",
        "decode space codes.parquet -o out.csv",
        ("--out", "out.csv"),
        prepare=lambda h: codes(h, code=[[1.0] * 4]),
    ),
]

CASES = [*SOURCES, *SETTINGS, *PLACES, *BUNDLES, *VERBS]


@pytest.fixture
def here(tmp_path: Path, digits: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a bundle of digits, `space`, and one of a table, `table`."""
    monkeypatch.setenv("LATENTARIUM_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "here"
    place.mkdir()
    shutil.copytree(digits, place / "space")
    shutil.copytree(table, place / "table")
    monkeypatch.chdir(place)
    return place


def snapshot(folder: Path) -> dict[str, str]:
    """Every path below `folder` with the hash of its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[str(path.relative_to(folder))] = content
    return found


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_bad_input_is_one_clear_line_and_nothing_is_lost(case: Case, here: Path, run: Run) -> None:
    case.prepare(here)
    before = snapshot(here)
    outcome = run(*case.arguments.split())
    assert outcome.err.startswith("latentarium: "), outcome.err
    assert outcome.err.count("\n") == 1, outcome.err
    for words in case.says:
        assert words in outcome.err, f"{words!r} is not in {outcome.err!r}"
    assert outcome.status == case.status, outcome.err
    assert len(outcome.err) < 500
    assert snapshot(here) == before
    assert not (here / "gotcha").exists()
    again = run(*case.arguments.split(), "--json")
    assert again.status == case.status
    if case.arguments:
        assert again.json == {
            "error": {"message": again.err.removeprefix("latentarium: ").strip(), "status": case.status}
        }
    assert snapshot(here) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(here: Path, run: Run) -> None:
    before = snapshot(here)
    outcome = run("fit", "digits", "--device", "cuda", "-o", "new")
    assert outcome.status == 2
    assert outcome.err == "latentarium: --device must be 'cpu' on this machine, which has no CUDA device, got 'cuda'\n"
    assert snapshot(here) == before
