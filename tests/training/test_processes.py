"""Two processes reach what one reaches, and only the first of them writes and speaks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.training.small import bound, small

from latentarium.bundle import open_bundle
from latentarium.data.rows import Rows
from latentarium.training.fit import train

pytestmark = pytest.mark.slow

STEPS = 200
CONFIG = f"steps = {STEPS}\nlatent = 4\nwidth = 32\nbatch_size = 64\nthreads = 1\n"


def fit(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "run.toml").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "latentarium", "fit", *options, "--config", str(folder / "run.toml"), "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=folder, timeout=240, check=False
    )


def test_two_processes_reach_the_bound_of_one(digits: Rows, tmp_path: Path) -> None:
    done = fit(tmp_path, "digits", "-o", "space", "--processes", "2")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.strip().splitlines()
    assert json.loads(line)["bundle"] == "space"
    assert done.stderr.count("1,797 rows") == 1
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.toml", "space"]
    bundle = open_bundle(tmp_path / "space")
    assert bundle.manifest["provenance"]["plan"]["processes"] == 2
    history = [json.loads(line) for line in bundle.file("history.jsonl").read_text().splitlines()]
    single = train(digits, small(steps=STEPS))
    assert len(history) == len(single.history)
    assert bound(history) == pytest.approx(bound(single.history), rel=0.01)


def test_a_mistake_is_still_one_line(tmp_path: Path) -> None:
    done = fit(tmp_path, "nowhere", "-o", "space", "--processes", "2")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith("latentarium: the source must be")
    assert not (tmp_path / "space").exists()
