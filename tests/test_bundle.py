"""Bundles: written whole, every damage named, nothing in them executed."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tests.contract.models import custom_modules
from tests.training.small import people, pictures, small

from latentarium.bundle import (
    MANIFEST,
    SCHEMA_VERSION,
    Bundle,
    arrays_writer,
    bytes_writer,
    create_bundle,
    json_writer,
    manifest_checksum,
    open_bundle,
    prior_entry,
    table_writer,
)
from latentarium.checks import check_space
from latentarium.data import open_source, rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.distributions import DiagonalMixture, Distribution, Flow, Mixture, to_arrays
from latentarium.errors import DamagedFile, InvalidInput, LatentariumError
from latentarium.files import StorageFailed
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.fit import Fitted, train
from latentarium.training.save import Source, save_fitted, space_of

FILES = (
    "model.safetensors",
    "encoder.onnx",
    "decoder.onnx",
    "rows.parquet",
    "codes.parquet",
    "evaluation.safetensors",
    "history.jsonl",
    "prior.safetensors",
)


@pytest.fixture(scope="module")
def digits() -> Rows:
    return open_source("digits")


@pytest.fixture(scope="module")
def fitted(digits: Rows) -> Fitted:
    return train(digits, small(steps=30))


@pytest.fixture(scope="module")
def made(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return save_fitted(fitted, tmp_path_factory.mktemp("made") / "space", source=Source(spec="digits"))


@pytest.fixture
def copy(made: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.path, tmp_path / "space"))


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the manifest of a bundle and seal it again, as somebody who means harm would."""
    manifest = {**json.loads((folder / MANIFEST).read_text(encoding="utf-8")), **changes}
    manifest["checksum"] = manifest_checksum(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def test_a_bundle_holds_everything_under_a_checksum(made: Bundle, digits: Rows) -> None:
    assert set(made.verify()) == set(FILES) == set(content(made.path)) - {MANIFEST}
    assert made.ids.tolist() == digits.ids.tolist()
    assert {part: (made.splits == part).sum() for part in digits.splits} == {
        k: len(v) for k, v in digits.splits.items()
    }
    assert made.column("label").tolist() == digits.columns["label"].tolist()
    assert made.label_names == ["label"]
    kept = made.kept_rows
    np.testing.assert_array_equal(made.kept, digits.raw[kept])
    assert set(made.splits[kept]) == {"test"}
    history = [json.loads(line) for line in (made.path / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history][-1] == made.manifest["provenance"]["steps"] == 30


def test_the_opened_space_equals_the_one_in_memory_bit_for_bit(made: Bundle, fitted: Fitted, digits: Rows) -> None:
    memory, opened = space_of(fitted), open_bundle(made.path).space
    x = digits.array("test")
    np.testing.assert_array_equal(opened.encode(x), memory.encode(x))
    np.testing.assert_array_equal(opened.posterior(x).std, memory.posterior(x).std)
    np.testing.assert_array_equal(opened.decode(memory.encode(x)), memory.decode(memory.encode(x)))
    np.testing.assert_array_equal(opened.sample(5, seed=3), memory.sample(5, seed=3))
    np.testing.assert_array_equal(made.codes, memory.encode(digits.array()))
    assert (opened.name, opened.prior, opened.capabilities) == (memory.name, opened.prior, memory.capabilities)
    check_space(memory, x[:10], reload=lambda _: open_bundle(made.path).space).raise_if_failed()


def test_the_graphs_agree_with_the_weights_on_the_kept_rows(made: Bundle) -> None:
    x = made.modality.to_array(made.kept)
    space = made.space

    def run(name: str, **arrays: Any) -> Any:
        session = onnxruntime.InferenceSession(made.file(name), providers=["CPUExecutionProvider"])
        return session.run(None, arrays)

    mean, std = run("encoder.onnx", x=x)
    posterior = space.posterior(x)
    assert np.abs(mean - posterior.mean).max() < 1e-4
    assert np.abs(std - posterior.std).max() < 1e-4
    assert np.abs(run("decoder.onnx", z=mean)[0] - space.decode(mean)).max() < 1e-4
    assert max(made.manifest["onnx_error"].values()) < 1e-4


def use(bundle: Bundle) -> None:
    """Read everything a bundle has."""
    bundle.verify()
    bundle.space.encode(bundle.modality.to_array(bundle.kept[:4]))
    assert len(bundle.codes) == len(bundle.ids)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "gone"])
def test_damage_to_any_file_is_named(copy: Path, name: str, damage: str) -> None:
    path = copy / name
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    else:
        path.write_bytes(bytes(data[: len(data) // 2 if damage == "truncated" else 0]))
    with pytest.raises(LatentariumError, match=name) as caught:
        use(open_bundle(copy))
    assert isinstance(caught.value, DamagedFile) or (name, damage) == (MANIFEST, "gone")
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)


def test_every_bit_of_the_manifest_counts(copy: Path) -> None:
    data = (copy / MANIFEST).read_bytes()
    for position in np.random.default_rng(0).integers(0, len(data), 60).tolist():
        if data[position : position + 1].isspace():
            continue
        flipped = bytearray(data)
        flipped[position] ^= 1
        (copy / MANIFEST).write_bytes(bytes(flipped))
        with pytest.raises(DamagedFile):
            open_bundle(copy)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("encoder.onnx", "decoder.onnx"),
        ("model.safetensors", "evaluation.safetensors"),
        ("rows.parquet", "codes.parquet"),
    ],
)
def test_swapped_files_are_named(copy: Path, one: str, other: str) -> None:
    first, second = (copy / one).read_bytes(), (copy / other).read_bytes()
    (copy / one).write_bytes(second)
    (copy / other).write_bytes(first)
    for name in (one, other):
        with pytest.raises(DamagedFile, match=f"{name} does not match its checksum"):
            open_bundle(copy).file(name)


def test_a_file_of_another_bundle_is_named(copy: Path, digits: Rows, tmp_path: Path) -> None:
    other = Place(path=tmp_path / "other")
    fit_to_bundle(digits, small(steps=10, seed=1), other, source=Source(spec="digits"))
    shutil.copy(other.path / "model.safetensors", copy / "model.safetensors")
    with pytest.raises(DamagedFile, match=r"model\.safetensors does not match its checksum"):
        _ = open_bundle(copy).space


def test_a_newer_schema_is_refused_by_name(copy: Path) -> None:
    rewrite(copy, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(DamagedFile, match="has schema version 2, this release reads up to 1; update latentarium"):
        open_bundle(copy)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_a_path_that_leaves_the_bundle_is_refused(copy: Path, name: str) -> None:
    (copy.parent / "secret").write_text("x", encoding="utf-8")
    listed = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["files"]
    rewrite(copy, files={**listed, name: "0" * 64})
    with pytest.raises(LatentariumError, match="a file name in a bundle must be inside space") as caught:
        open_bundle(copy)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "manifest", [b"[]", b"3", b"null", b"{}", b'{"schema_version": 1}', b'{"schema_version": "1"}']
)
def test_a_manifest_that_is_none_is_named(copy: Path, manifest: bytes) -> None:
    (copy / MANIFEST).write_bytes(manifest)
    with pytest.raises(DamagedFile, match=r"is damaged: manifest\.json (lacks|states no schema version)"):
        open_bundle(copy)


@pytest.mark.parametrize("files", [[], "x", 3, None, {"model.safetensors": 3}])
def test_a_manifest_with_a_strange_list_of_files_is_named(copy: Path, files: Any) -> None:
    rewrite(copy, files=files)
    with pytest.raises(DamagedFile, match=r"manifest\.json|model\.safetensors"):
        open_bundle(copy).verify()


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "absent": "the bundle must be a folder made by 'latentarium fit'",
        "file": "the bundle must be a folder",
        "folder": "folder is not a bundle: it has no manifest.json",
    }.items():
        with pytest.raises(InvalidInput, match=words) as caught:
            open_bundle(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_bundle_opens_from_inside_and_after_a_move(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    use(open_bundle("."))
    moved = copy.rename(copy.with_name("moved"))
    use(open_bundle(moved))


def test_files_can_be_added_and_replaced(copy: Path) -> None:
    before = content(copy)
    codes = open_bundle(copy).codes
    kind, writers = prior_entry(Mixture.fit(codes, components=2))
    extra = {
        "notes.json": json_writer({"a": 1}),
        "map.parquet": table_writer({"xy": codes[:, :2], "id": np.array(["é"] * len(codes))}),
    }
    richer = open_bundle(copy).with_files({**writers, **extra}, prior=kind)
    assert richer.json("notes.json") == {"a": 1}
    assert richer.parquet("map.parquet")["id"][0].as_py() == "é"
    assert isinstance(richer.prior, Mixture)
    assert np.isfinite(richer.space.sample(3, seed=0)).all()
    unchanged = set(FILES) - {"prior.safetensors"}
    assert {name: data for name, data in content(copy).items() if name in unchanged} == {
        name: before[name] for name in unchanged
    }
    assert set(richer.verify()) == {*FILES, *extra}
    assert [p.name for p in copy.parent.iterdir()] == ["space"]


class Full(Exception):
    """What a writer of somebody else's may raise."""


@pytest.mark.parametrize(
    ("error", "expected"), [(Full("no"), Full), (OSError(28, "No space left on device"), StorageFailed)]
)
def test_a_failing_writer_leaves_the_old_bundle(copy: Path, error: Exception, expected: type[Exception]) -> None:
    before = content(copy)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise error

    def spoil(path: Path) -> None:
        path.write_bytes(b"new")

    with pytest.raises(expected) as caught:
        open_bundle(copy).with_files({"history.jsonl": spoil, "rows.parquet": fail})
    assert "\n" not in str(caught.value)
    assert content(copy) == before
    assert [p.name for p in copy.parent.iterdir()] == ["space"]
    use(open_bundle(copy))


LIMITED = """
import resource, sys
from pathlib import Path
from latentarium.bundle import arrays_writer, open_bundle, table_writer
from latentarium.errors import LatentariumError
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
wide = np.random.default_rng(0).normal(size=(20_000, 8))
for writers in ({"a": arrays_writer({"a": wide})}, {"b": table_writer({"b": wide})}):
    try:
        open_bundle(sys.argv[1]).with_files(writers)
    except LatentariumError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="file size limits")
def test_a_full_disk_is_one_line_and_loses_nothing(copy: Path) -> None:
    before = content(copy)
    done = subprocess.run([sys.executable, "-c", LIMITED, str(copy)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done
    assert all(line.startswith("could not write") and "nothing was changed" in line for line in lines)
    assert content(copy) == before
    assert [p.name for p in copy.parent.iterdir()] == ["space"]


def test_a_crash_between_the_renames_of_an_exchange_is_put_right(copy: Path) -> None:
    before = content(copy)
    copy.rename(copy.with_name(".space.previous"))
    shutil.copytree(copy.with_name(".space.previous"), copy.with_name(".space.cafe.new"))
    use(open_bundle(copy))
    assert content(copy) == before


def test_reading_beside_a_writer_does_not_disturb_it(copy: Path) -> None:
    """A reader must not take a writer's unfinished folder for a leftover."""

    def write(path: Path) -> None:
        use(open_bundle(copy))
        path.write_bytes(b"late")

    bundle = open_bundle(copy).with_files({"late.bin": write})
    assert bundle.file("late.bin").read_bytes() == b"late"


class Bomb:
    """Sets off when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def test_opening_executes_nothing(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(Bomb())
    listed = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["files"]
    import hashlib

    for name in FILES:
        kept = (copy / name).read_bytes()
        (copy / name).write_bytes(bomb)
        rewrite(copy, files={**listed, name: hashlib.sha256(bomb).hexdigest()})
        opened = open_bundle(copy)
        if name.endswith("safetensors"):
            with pytest.raises(DamagedFile, match=name):
                opened.tensors(name)
        elif name.endswith("parquet"):
            with pytest.raises(DamagedFile, match=name):
                opened.parquet(name)
        (copy / name).write_bytes(kept)
    assert not (tmp_path / "exploded").exists()
    assert {path.suffix for path in copy.iterdir()} == {".safetensors", ".onnx", ".parquet", ".jsonl", ".json"}


FLOW = Flow.gaussian(np.zeros(4), np.eye(4), layers=2, width=8)


@pytest.mark.parametrize("prior", [FLOW, DiagonalMixture.equal(np.zeros((3, 4)), np.ones((3, 4)))])
def test_a_prior_comes_back_from_arrays_without_a_framework(copy: Path, prior: Distribution) -> None:
    kind, writers = prior_entry(prior)
    open_bundle(copy).with_files(writers, prior=kind)
    np.testing.assert_array_equal(open_bundle(copy).space.sample_latents(5, seed=2), prior.sample(5, seed=2))
    code = "import sys; from latentarium.bundle import open_bundle; b = open_bundle(sys.argv[1])\n"
    code += "print(b.prior.log_prob(b.prior.sample(3, seed=0)).shape, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(3,) False"


@pytest.mark.parametrize(
    ("kind", "arrays", "words"),
    [
        ("flow", {**to_arrays(FLOW)[1], "w1": np.zeros((2, 3, 8), np.float32)}, "networks from 2 to 4 values"),
        ("flow", {**to_arrays(FLOW)[1], "orders": np.full((2, 4), 7)}, "orders of the dimensions 0 to 3"),
        ("flow", {"mean": np.zeros(4)}, "the arrays of a prior called 'flow'"),
        ("vamp", {"weights": np.ones(2), "means": np.zeros((2, 4)), "stds": np.ones((2, 4))}, "summing to 1"),
        ("vamp", {"weights": np.ones(1), "means": np.zeros((1, 4)), "stds": np.full((1, 4), np.nan)}, "finite"),
        ("normal", {"mean": np.zeros(3), "std": np.ones(3)}, "has 3 dimensions, not 4"),
        ("diffusion", {"mean": np.zeros(4)}, "one of .*'flow'.* got 'diffusion'"),
    ],
)
def test_a_foreign_prior_is_one_line_that_names_the_file(
    copy: Path, kind: str, arrays: dict[str, np.ndarray], words: str
) -> None:
    bundle = open_bundle(copy).with_files({"prior.safetensors": arrays_writer(arrays)}, prior=kind)
    with pytest.raises(DamagedFile, match=rf"prior\.safetensors .*{words}") as caught:
        _ = bundle.space
    assert "\n" not in str(caught.value)


def test_files_can_be_left_out(copy: Path) -> None:
    bundle = open_bundle(copy).with_files({"a.bin": bytes_writer(b"a")}, without=["history.jsonl", "absent"])
    assert set(bundle.verify()) == {*FILES, "a.bin"} - {"history.jsonl"}
    assert not (copy / "history.jsonl").exists()
    with pytest.raises(InvalidInput, match="inside"):
        bundle.with_files({}, without=["../space/rows.parquet"])
    assert (copy / "rows.parquet").exists()


def test_words_of_a_stranger_are_no_markup(copy: Path) -> None:
    rewrite(copy, name="<script>alert(1)</script>")
    shown = open_bundle(copy)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_newer_architecture_or_modality_is_one_line(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    rewrite(copy, architecture={**manifest["architecture"], "attention": 8})
    with pytest.raises(LatentariumError, match=r"unknown settings \['attention'\]"):
        _ = open_bundle(copy).space
    rewrite(copy, architecture=manifest["architecture"], modality={"kind": "smell"})
    with pytest.raises(LatentariumError, match="the modality's kind must be one of"):
        _ = open_bundle(copy).space


def test_a_bundle_of_custom_modules_runs_from_its_graphs(digits: Rows, tmp_path: Path) -> None:
    from latentarium.training.fit import Modules

    modules: Modules = custom_modules()
    settings = small(net="custom", steps=10)
    bundle = fit_to_bundle(
        digits, settings, Place(path=tmp_path / "own"), source=Source(spec="digits"), modules=modules
    )
    x = digits.array("test")[:10]
    check_space(bundle.space, x, reload=lambda _: open_bundle(bundle.path).space).raise_if_failed()
    assert bundle.space.shape == (4,)


def test_a_table_bundle_keeps_its_columns_and_labels(tmp_path: Path) -> None:
    frame = people(60)
    rows = rows_from_arrays(frame, labels={"group": np.arange(60) % 3, "who": np.array(["é", "b"] * 30)}, name="people")
    bundle = fit_to_bundle(rows, small(model="ae", steps=10), Place(path=tmp_path / "people"), source=Source(spec=""))
    assert bundle.modality == rows.modality
    np.testing.assert_array_equal(bundle.kept, rows.raw[bundle.kept_rows])
    assert bundle.column("who").tolist() == ["é", "b"] * 30
    assert bundle.column("group").tolist() == (np.arange(60) % 3).tolist()
    with pytest.raises(InvalidInput, match="the label must be one of group, who, got 'age'"):
        bundle.column("age")
    assert isinstance(bundle.prior, Mixture)
    use(bundle)


def test_a_bundle_of_the_fewest_rows(tmp_path: Path) -> None:
    rows = rows_from_arrays(pictures(10))
    bundle = fit_to_bundle(rows, small(steps=3), Place(path=tmp_path / "ten"), source=Source(spec=""))
    assert len(bundle.kept) == 1
    np.testing.assert_allclose(bundle.space.encode(rows.array()), bundle.codes, atol=1e-6)


def test_writers_may_not_leave_the_bundle(tmp_path: Path) -> None:
    manifest = {"name": "x", "shape": [1], "modality": {}, "data": {}, "provenance": {}}
    with pytest.raises(InvalidInput, match="inside"):
        create_bundle(tmp_path / "b", manifest, {"../escaped": bytes_writer(b"x")})
    assert list(tmp_path.iterdir()) == []
