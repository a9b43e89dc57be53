"""Runs `tests/on_tensorflow` in the environment that has TensorFlow, which needs another h5py than ours."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / ".venv-tensorflow/bin/python"


@pytest.mark.slow
def test_keras_on_tensorflow() -> None:
    python = Path(os.environ.get("LATENTARIUM_TENSORFLOW_PYTHON", DEFAULT))
    if not python.exists():
        reason = f"no TensorFlow at {python}; make it with: make .venv-tensorflow/.ready"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    surroundings = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KERAS"))},
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    tests = ROOT / "tests/on_tensorflow/keras_models.py"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "-c", os.devnull, tests]
    found = subprocess.run(command, env=surroundings, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-1000:]
    assert " passed" in found.stdout
