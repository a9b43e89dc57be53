"""`fit --condition` and `--given` on the verbs that decode."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import Run, table_text

from latentarium import open_bundle


@pytest.fixture(scope="module")
def told(fitted: Callable[..., Path]) -> Path:
    return fitted("digits", "--condition", "label", name="told")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "verb",
    [
        ("sample", "-n", 4),
        ("blend", "3", "8", "--steps", 3),
        ("traverse", "--dimensions", 2, "--steps", 3),
    ],
    ids=lambda verb: verb[0],
)
def test_pictures_depend_on_what_is_given(run: Run, told: Path, verb: tuple[object, ...]) -> None:
    name, *rest = verb
    shown = {}
    for given in ((), ("--given", "3"), ("--given", "label=3"), ("--given", "7")):
        outcome = run(name, told, *rest, *given, "--out", "x.png")
        assert outcome.status == 0, outcome.err
        shown[given] = np.asarray(Image.open("x.png"))
    plain, three, same, seven = shown.values()
    assert np.array_equal(three, same)
    assert not np.array_equal(plain, three)
    assert not np.array_equal(three, seven)


@pytest.mark.parametrize("ending", ["npy", "parquet"])
def test_decode_under_a_condition(run: Run, told: Path, ending: str) -> None:
    assert run("encode", told, "digits", "--out", "codes.parquet").status == 0
    assert run("decode", told, "codes.parquet", "--given", "3", "--out", f"three.{ending}").status == 0
    bundle = open_bundle(told)
    expected = bundle.modality.to_raw(bundle.space.given("3").decode(bundle.codes))
    if ending == "npy":
        assert np.array_equal(np.load("three.npy"), expected)
        return
    import pyarrow.parquet as pq

    assert pq.read_table("three.parquet")["pixels"][5].as_py() == expected[5].ravel().tolist()


def test_mistakes_are_one_line(run: Run, told: Path, digits: Path) -> None:
    for arguments, words in (
        (("sample", told, "--given", "threee"), "the decoder was never told of 'threee'; known are 0, 1, 2"),
        (("sample", told, "--given", "lable=3"), "the decoder was never told of 'lable'; did you mean label?"),
        (("sample", told, "--given", "label=12"), "label must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got '12'"),
        (("sample", told, "--given", "3", "--given", "4"), "label must be given once, got '4'"),
        (("sample", told, "--given", "label=3", "--given", "label=4"), "--given must be said once of a column"),
        (("sample", digits, "--given", "3"), "cannot be given anything: it was fitted without conditions"),
        (("fit", "digits", "--condition", "lable", "-o", "x"), "condition must be a label or attribute of the rows"),
    ):
        outcome = run(*arguments)
        assert outcome.status == 2
        assert words in outcome.err.splitlines()[-1]
        assert "Traceback" not in outcome.err
    assert not Path("x").exists()


def test_a_table_and_a_config_file(run: Run, tiny: Path) -> None:
    Path("people.csv").write_text(table_text())
    Path("run.toml").write_text(tiny.read_text() + 'condition = ["label"]\n')
    outcome = run("fit", "people.csv", "--label", "kind", "--config", "run.toml", "--out", "people", "--json")
    assert outcome.status == 0, outcome.err
    (entry,) = json.loads(Path("people/manifest.json").read_text())["conditions"]
    assert entry == {"column": "label", "values": ["a", "b"], "binary": False}
    assert run("sample", "people", "-n", 5, "--given", "label=b", "--out", "b.csv").status == 0
    assert run("check", "people").status == 0
    again = run("fit", "--config", "people", "--out", "again")
    assert again.status == 0, again.err
    first, second = (open_bundle(Path(name)).tensors("model.safetensors") for name in ("people", "again"))
    assert all(np.array_equal(first[name], second[name]) for name in first)
