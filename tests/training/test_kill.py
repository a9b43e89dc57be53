"""A fit killed at random moments of its life: resumed it ends bit for bit the same, and the bundle is old or new."""

import os
import random
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tests import children
from tests.training.small import bits, small

from latentarium.bundle import open_bundle
from latentarium.data.rows import Rows
from latentarium.training.checkpoint import load_checkpoint
from latentarium.training.fit import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and SIGINT are POSIX"),
]

STEPS = 300
CONFIG = f"steps = {STEPS}\nlatent = 4\nwidth = 32\nbatch_size = 64\nthreads = 1\ncheckpoint_steps = 5\n"

# a fresh fit, and another over its bundle: encoding and exporting come after training, the files last
PARTS = (("training",) * 4 + ("after",), ("training",) * 3 + ("after", "files"))


class Victim:
    """A fit at `path` that is started, killed and resumed."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.config = path.with_suffix(".toml")
        self.config.write_text(CONFIG, encoding="utf-8")
        self.log = path.with_suffix(".log")
        self.checkpoint = path.with_name(f"{path.name}.fit") / "checkpoint.safetensors"
        self.begun = False

    def begin(self) -> BaseProcess:
        """The command as a user would give it: first plain, then with --resume."""
        again = ["--resume"] if self.begun else (["--overwrite"] if self.path.exists() else [])
        self.begun = True
        fit = ["fit", "digits", "-o", self.path, "--config", self.config, "--seed", self.seed]
        return children.start([str(part) for part in [*fit, *again]], self.log)

    def step(self) -> int:
        return load_checkpoint(self.checkpoint).meta["step"] if self.checkpoint.exists() else 0

    def finish(self) -> None:
        process = self.begin()
        process.join(120)
        assert process.exitcode == 0, self.log.read_text(encoding="utf-8")


def kill_in(part: str, victim: Victim, moments: random.Random) -> bool:
    return kill_in_training(victim, moments) if part == "training" else kill_in_writing(victim, moments, part)


def kill_in_training(victim: Victim, moments: random.Random) -> bool:
    """Kill at a random moment after a checkpoint that this process writes, far enough from the end of the fit."""
    wanted = victim.step() + moments.randint(1, STEPS // 6)
    process = victim.begin()
    assert children.wait_until(lambda: victim.step() >= wanted, process), victim.log.read_text(encoding="utf-8")
    time.sleep(moments.uniform(0, 0.02))
    return children.kill(process)


def kill_in_writing(victim: Victim, moments: random.Random, part: str) -> bool:
    """Kill at a random moment after the last step, or when the first files of the bundle lie beside it."""
    process = victim.begin()
    if part == "files":
        beside = f".{victim.path.name}.*.new/*"
        assert children.wait_until(lambda: any(victim.path.parent.glob(beside)), process)
        time.sleep(moments.uniform(0, 0.03))
    else:
        assert children.wait_until(lambda: victim.step() == STEPS, process)
        time.sleep(moments.uniform(0, 1.0))
    return children.kill(process)


def weights(path: Path) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in load_file(path / "model.safetensors").items()}


def test_ten_kills_lose_nothing(digits: Rows, tmp_path: Path) -> None:
    moments = random.Random(2024)
    path = tmp_path / "space"
    expected = {seed: bits(train(reseeded(digits, seed), small(steps=STEPS, seed=seed)).model) for seed in (0, 1)}
    kills = 0
    for seed in (0, 1):
        victim = Victim(path, seed)
        known = [] if seed == 0 else [0]
        for part in PARTS[seed]:
            kills += kill_in(part, victim, moments)
            check_old_or_new(path, known, seed)
            if not victim.checkpoint.exists():
                break
        if victim.checkpoint.exists():
            victim.finish()
        assert weights(path) == expected[seed]
        assert open_bundle(path).verify()
        assert sorted(p.name for p in tmp_path.iterdir()) == ["space", "space.log", "space.toml"]
    assert kills >= 9


def reseeded(rows: Rows, seed: int) -> Rows:
    from latentarium.data import open_source

    return rows if seed == 0 else open_source("digits", seed=seed)


def check_old_or_new(path: Path, known: list[int], current: int) -> None:
    """Whatever the moment of death, the bundle is whole: absent or an old one, or the new one."""
    if not path.exists():
        assert known == []
        return
    bundle = open_bundle(path)
    assert set(bundle.verify()) == {p.name for p in path.iterdir()} - {"manifest.json"}
    assert bundle.manifest["provenance"]["settings"]["seed"] in [*known, current]
    assert bundle.space.shape == (4,)


def test_ctrl_c_saves_says_how_to_go_on_and_loses_nothing(digits: Rows, tmp_path: Path) -> None:
    victim = Victim(tmp_path / "space", 0)
    process = victim.begin()
    assert children.wait_until(lambda: victim.step() >= 14, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    assert process.exitcode == 1
    words = children.last_line(victim.log)
    assert words.startswith("latentarium: interrupted")
    assert "--resume" in words
    assert "Traceback" not in victim.log.read_text(encoding="utf-8")
    assert 14 <= victim.step() < STEPS
    assert not victim.path.exists()
    victim.finish()
    assert weights(victim.path) == bits(train(digits, small(steps=STEPS)).model)


def test_a_full_disk_loses_neither_the_old_bundle_nor_the_fit(tmp_path: Path) -> None:
    victim = Victim(tmp_path / "space", 0)
    victim.finish()
    before = {p.name: p.read_bytes() for p in victim.path.iterdir()}
    sizes = {name: len(content) for name, content in before.items()}
    log = tmp_path / "full.log"

    def refused(limit: int, *options: str) -> str:
        fit = ["fit", "digits", "-o", victim.path, "--config", victim.config, "--seed", "1", *options]
        assert children.run([str(part) for part in fit], log, largest_file=limit) == 1
        words = children.last_line(log)
        assert words.startswith("latentarium: could not write"), words
        assert "Traceback" not in log.read_text(encoding="utf-8")
        assert {p.name: p.read_bytes() for p in victim.path.iterdir()} == before
        assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
        return words

    assert "checkpoint.safetensors" in refused(sizes["model.safetensors"], "--overwrite")
    renewed = Victim(victim.path, 1)
    process = renewed.begin()
    assert children.wait_until(lambda: renewed.step() == STEPS, process)
    children.kill(process)
    assert "space" in refused(sizes["model.safetensors"] - 1, "--resume")
    assert renewed.step() == STEPS
