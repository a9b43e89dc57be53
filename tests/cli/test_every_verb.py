"""What holds for every verb: an interrupt leaves no half-written file, and a bad bundle or option is one clear line."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from tests import children
from tests.cli.conftest import Run
from tests.cli.test_bad_inputs import snapshot

from latentarium.cli.app import app

LINES = {
    "blend": "blend space 1 2 -o new.png",
    "check": "check space",
    "compare": "compare space other -o new.html",
    "compress": "compress space rows.npy -o new.lsc --mode lossy",
    "decode": "decode space codes.parquet -o new.npy",
    "decompress": "decompress space rows.lsc -o new.npy",
    "demo": "demo --source digits --time 3s --no-serve -o new",
    "detect": "detect space rows.npy -o new.parquet",
    "edit": "edit space 3 --set label=0=1 -o new.png",
    "encode": "encode space rows.npy -o new.parquet",
    "explore": "explore space --no-browser",
    "export": "export space new",
    "fit": "fit digits --steps 2 --latent 2 -o new",
    "import": "import pca.npz --shape 8,8 --data digits -o new",
    "info": "info space",
    "map": "map space --rows 50",
    "measure": "measure space --only psnr",
    "palette": "palette space 1 2 3 4 --size 3 -o new.png",
    "prior": "prior space mixture:2",
    "probe": "probe space --draws 1 -o new.html",
    "reconstruct": "reconstruct space -o new.png",
    "remake": "remake made.png space -o new.png",
    "sample": "sample space -o new.png",
    "search": "search space 1 2 -o new.png",
    "traverse": "traverse space -o new.png",
    "walk": "walk space 1 2 --frames 4 -o new.gif",
}
"""A call of each verb that would succeed in the folder `here`."""
READERS = {"check", "info"}
WITH_BUNDLE = sorted(verb for verb, line in LINES.items() if " space" in line)


@pytest.fixture(scope="module")
def stocked(digits: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the lines need."""
    from tests.cli.test_import import digits_pca

    place = tmp_path_factory.mktemp("verbs") / "here"
    shutil.copytree(digits, place / "space")
    rows = np.random.default_rng(0).integers(0, 256, (70, 8, 8), dtype=np.uint8)
    np.save(place / "rows.npy", rows)
    pca = digits_pca()
    np.savez(place / "pca.npz", components=pca.components_, mean=pca.mean_, explained_variance=pca.explained_variance_)
    space, source = str(place / "space"), str(place / "rows.npy")
    for line in (
        ("measure", space, "--only", "psnr"),
        ("sample", space, "-o", str(place / "made.png")),
        ("encode", space, source, "-o", str(place / "codes.parquet")),
        ("compress", space, source, "-o", str(place / "rows.lsc"), "--mode", "lossy"),
    ):
        assert run(*line).status == 0
    shutil.copytree(place / "space", place / "other")
    return place


@pytest.fixture
def here(stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTARIUM_CACHE", str(tmp_path / "cache"))
    place = shutil.copytree(stocked, tmp_path / "here")
    monkeypatch.chdir(place)
    return place


def test_no_verb_is_missing() -> None:
    assert set(LINES) == set(typer.main.get_command(app).commands), "give LINES a call of each verb"  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("verb", sorted(LINES))
def test_an_interrupt_leaves_everything_as_it_was(
    here: Path, tmp_path: Path, verb: str, number: signal.Signals
) -> None:
    before, log = snapshot(here), tmp_path / "log"
    place = "read_json" if verb in READERS else "_sync"
    process = children.start(LINES[verb].split(), log, interrupt=(number, place))
    process.join(120)
    said = log.read_text().splitlines()
    assert process.exitcode == 1, said
    assert said[-1] == "latentarium: interrupted; nothing was changed"
    assert not any("Traceback" in words for words in said)
    assert snapshot(here) == before


def refused(run: Run, here: Path, line: list[str], change: Callable[[], object] = lambda: None) -> str:
    """What a line that cannot work says: one line, status 1 or 2, and everything as it was."""
    change()
    before = snapshot(here)
    outcome = run(*line)
    assert outcome.status in (1, 2), outcome.out
    assert outcome.err.startswith("latentarium: "), outcome.err
    assert outcome.err.count("\n") == 1, outcome.err
    assert snapshot(here) == before
    return outcome.err


@pytest.mark.parametrize("verb", sorted(LINES))
def test_an_unknown_option(run: Run, here: Path, verb: str) -> None:
    assert "--colour" in refused(run, here, [*LINES[verb].split(), "--colour"])


def no_array(path: Path) -> None:
    path.write_text("hello")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


REPLACING = {
    "blend": "blend space 1 2 -o space/made.png",
    "compare": "compare space other -o space/report.html",
    "compress": "compress space codes.parquet --mode plain -o codes.parquet",
    "decode": "decode space codes.parquet -o codes.parquet",
    "decompress": "decompress space codes.parquet -o ./codes.parquet",
    "detect, its table": "detect space codes.parquet -o codes.parquet",
    "detect, its sheet": "detect space made.png -o made.csv",
    "detect, its maps": "detect space maps.npz -o made.csv --maps maps.npz",
    "detect, its page": "detect space made.html -o made.csv",
    "detect, a picture in a folder": "detect space folder -o folder/made.csv",
    "edit": "edit space made.png --set label=0=1 -o made.png",
    "edit, its labels": "edit space 3 --set label=0=1 --labels made.png -o made.png",
    "encode": "encode space codes.parquet -o codes.parquet",
    "map": "map space -o space/made.png",
    "palette": "palette space 1 2 3 4 -o space/made.png",
    "probe": "probe space --draws 2 -o space/report.html",
    "reconstruct": "reconstruct space made.png -o made.png",
    "remake": "remake made.png space -o made.png",
    "search": "search space made.png -o made.png",
    "search, the usual name": "search space space-like.png",
    "traverse": "traverse space -o space/made.png",
    "walk": "walk space 1 2 -o space/made.png",
    "walk, a stop": "walk space 1 made.png -o made.png",
}
"""Calls whose output would take the place of something that they read."""


@pytest.mark.parametrize("name", REPLACING)
def test_nothing_that_is_read_is_replaced(run: Run, here: Path, name: str) -> None:
    (here / "folder").mkdir()
    (here / "made.html").write_text("")
    (here / "maps.npz").write_text("")
    for copy in ("space-like.png", "folder/made.png", "space/made.png"):
        shutil.copy(here / "made.png", here / copy)
    assert "--out must be another file than those that are read" in refused(run, here, REPLACING[name].split())


BAD_DATA: dict[str, Callable[[Path], object]] = {
    "absent": Path.unlink,
    "text": no_array,
    "half": half,
    "objects": lambda path: np.save(path, np.array([{}], object)),
    "no-rows": lambda path: np.save(path, np.zeros((0, 8, 8), np.uint8)),
    "nan": lambda path: np.save(path, np.full((12, 8, 8), np.nan)),
    "out-of-range": lambda path: np.save(path, np.full((12, 8, 8), 3.5)),
    "another-shape": lambda path: np.save(path, np.zeros((12, 3, 8, 8), np.uint8)),
    "a-table": lambda path: np.save(path, np.zeros((12, 64))),
}


READING = {verb: line for verb, line in LINES.items() if "rows.npy" in line} | {
    "blend": "blend space 1 rows.npy -o new.png",
    "edit": "edit space rows.npy --set label=0=1 -o new.png",
    "edit, its labels": "edit space 3 --set label=0=1 --labels rows.npy -o new.png",
    "probe": "probe space --data rows.npy --draws 1 -o new.html",
    "reconstruct": "reconstruct space rows.npy -o new.png",
    "search": "search space rows.npy -o new.png",
    "search, several": "search space 1 rows.npy -o new.png",
    "search, the odd one": "search space rows.npy --odd-one-out",
    "traverse": "traverse space --row rows.npy -o new.png",
}
"""Calls that read new data."""


@pytest.mark.parametrize("spoil", BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("name", sorted(READING))
def test_bad_data(run: Run, here: Path, name: str, spoil: Callable[[Path], object]) -> None:
    assert "rows" in refused(run, here, READING[name].split(), lambda: spoil(here / "rows.npy"))


@pytest.mark.parametrize("verb", WITH_BUNDLE)
def test_a_bundle_that_is_not_there(run: Run, here: Path, verb: str) -> None:
    assert "'nowhere'" in refused(run, here, LINES[verb].replace(" space", " nowhere").split())


@pytest.mark.parametrize("verb", WITH_BUNDLE)
def test_a_bundle_of_cut_files(run: Run, here: Path, verb: str) -> None:
    def cut() -> None:
        for path in (here / "space").rglob("*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert "space" in refused(run, here, LINES[verb].split(), cut)


@pytest.mark.parametrize("verb", WITH_BUNDLE)
def test_a_bundle_whose_manifest_alone_is_whole(run: Run, here: Path, verb: str) -> None:
    def cut() -> None:
        for path in (here / "space").rglob("*"):
            if path.is_file() and path.name != "manifest.json":
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert "checksum" in refused(run, here, LINES[verb].split(), cut)
