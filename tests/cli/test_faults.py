"""Ctrl-C and a full disk: one line, and nothing on disk but what was there before."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run, pictures
from tests.cli.test_bad_inputs import snapshot

import latentarium
from latentarium.applications.specsheet import write_sheet
from latentarium.bundle import open_bundle
from latentarium.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from latentarium.training.fit import train
from latentarium.training.settings import FitSettings

PATIENCE = 120.0
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(latentarium.__file__).resolve().parents[1])}


def start(*arguments: object, limit: int | None = None) -> subprocess.Popen[str]:
    """The command line in a process of its own, files limited to `limit` bytes."""

    def lower() -> None:
        # a suite that runs in the background of a shell has Ctrl-C ignored, which its children would inherit
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "latentarium", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lower,
        env=ENVIRONMENT,
    )


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, "nothing happened"
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture
def here(tmp_path: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    place.mkdir()
    shutil.copytree(digits, place / "space")
    monkeypatch.chdir(place)
    return place


@pytest.mark.slow
def test_ctrl_c_in_encode_leaves_no_file(here: Path) -> None:
    np.save(here / "many.npy", np.tile(pictures(1000, 1, 8, 8), (400, 1, 1, 1)))
    before = snapshot(here)
    process = start("encode", "space", "many.npy", "-o", "codes.parquet")
    wait_for(lambda: any(here.glob(".codes.parquet.*")), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err == "latentarium: interrupted; nothing was changed\n"
    assert snapshot(here) == before


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["compress", "decompress"])
def test_ctrl_c_in_compression_leaves_no_file(here: Path, run: Run, verb: str) -> None:
    np.save(here / "many.npy", np.tile(pictures(1000, 1, 8, 8), (100, 1, 1, 1)))
    out = {"compress": ("many.npy", "-o", "a.lsc"), "decompress": ("all.lsc", "-o", "a.npy")}[verb]
    lossy = ("--mode", "lossy", "--chunk", 50)
    if verb == "decompress":
        assert run("compress", "space", "many.npy", *lossy, "-o", "all.lsc").status == 0
    before = snapshot(here)
    process = start(verb, "space", *out, *(lossy if verb == "compress" else ()))
    wait_for(lambda: any(here.glob(".a.*")), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err == "latentarium: interrupted; nothing was changed\n"
    assert snapshot(here) == before


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_ctrl_c_in_a_walk_leaves_the_film_that_was_there(here: Path, ending: str) -> None:
    (here / f"walk.{ending}").write_bytes(b"an older one")
    before = snapshot(here)
    process = start("walk", "space", "1", "2", "--frames", 2000, "--seconds", 100, "-o", f"walk.{ending}")
    wait_for(lambda: any(path.stat().st_size for path in here.glob(f".walk.{ending}.*")), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err == "latentarium: interrupted; nothing was changed\n"
    assert snapshot(here) == before


def test_ctrl_c_in_measure_leaves_the_bundle_as_it_was(here: Path) -> None:
    before = snapshot(here)

    def stop(name: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sheet(open_bundle("space"), progress=stop)
    assert snapshot(here) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupt_in_fit_says_how_to_go_on(here: Path, run: Run, tiny: Path, number: signal.Signals) -> None:
    process = start("fit", "digits", "--config", tiny, "--steps", 40_000, "-o", "long")
    wait_for((here / "long.fit/checkpoint.safetensors").exists, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    last = err.splitlines()[-1]
    assert last.startswith("latentarium: interrupted; the fit so far is saved in long.fit")
    assert last.endswith("go on with 'latentarium fit --out long --resume'")
    assert not (here / "long").exists()
    assert run("fit", "digits", "--out", "long").status == 2


@pytest.mark.parametrize("name", ["model.encoder.head.weight", "optimizer.3.exp_avg"])
def test_a_checkpoint_of_other_networks_is_refused(here: Path, run: Run, name: str) -> None:
    """Moments of another shape would make the fused optimiser write where it must not."""
    rows = latentarium.open_source("digits")
    settings = FitSettings.make(latent=4, width=16, steps=4, validations=1)
    train(rows, settings, workdir=here / "long.fit")
    path = here / "long.fit/checkpoint.safetensors"
    found = load_checkpoint(path)
    assert name in found.tensors
    tensors = {**found.tensors, name: found.tensors[name].flatten()[:3].clone()}
    save_checkpoint(path, Checkpoint(tensors=tensors, meta=found.meta))
    before = snapshot(here)
    outcome = run("fit", "digits", "--out", "long", "--resume")
    assert outcome.status == 1
    assert outcome.err.startswith("latentarium: cannot resume: the checkpoint belongs to other networks")
    assert outcome.err.count("\n") == 1
    assert snapshot(here) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ("fit digits --steps 5 --latent 4 -o new", 100_000),
        ("encode space digits -o codes.parquet", 4_000),
        ("measure space", 20_000),
        ("sample space -n 40 -o samples.png", 1_000),
        ("walk space 1 2 -o walk.gif", 4_000),
        ("walk space 1 2 -o walk.mp4", 4_000),
    ],
)
def test_a_full_disk_is_one_line_and_nothing_is_lost(here: Path, arguments: str, limit: int) -> None:
    before = snapshot(here)
    process = start(*arguments.split(), limit=limit)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, (out, err)
    last = err.splitlines()[-1]
    assert last.startswith("latentarium: could not write ")
    assert "nothing was changed" in last
    assert "Traceback" not in err
    assert snapshot(here) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("arguments", ["sample space -o shut/x.png", "encode space digits -o shut/c.parquet"])
def test_a_folder_without_the_right_to_write(here: Path, run: Run, arguments: str) -> None:
    (here / "shut").mkdir(mode=0o500)
    before = snapshot(here)
    outcome = run(*arguments.split())
    assert outcome.status == 1
    assert outcome.err.startswith("latentarium: could not write shut/")
    assert snapshot(here) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_source_without_the_right_to_read(here: Path, run: Run) -> None:
    (here / "t.csv").write_text("a,b\n" + "1,2\n" * 20)
    (here / "t.csv").chmod(0)
    outcome = run("fit", "t.csv", "-o", "new")
    assert outcome.status == 2
    assert "t.csv" in outcome.err


def test_a_reader_that_leaves_early_is_no_failure_to_speak_of(here: Path) -> None:
    command = f"{sys.executable} -m latentarium info space --json | true"
    finished = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert finished.stderr == ""


def test_what_a_killed_process_left_is_cleared_by_the_next_writer(here: Path, run: Run) -> None:
    left = here / ".space.0123abcd.new"
    shutil.copytree(here / "space", left)
    assert run("map", "space", "--rows", 50).status == 0
    assert not left.exists()
