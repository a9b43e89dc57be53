"""What all tests share: where the real data lies."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# programs of their own, that need what this environment has not
collect_ignore = ["applications/compression/fuzz.py", "on_tensorflow/keras_models.py"]
# Keras reads it when it is first imported; TensorFlow is not in this environment
os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data: $LATENTARIUM_TEST_DATA, else ../shared/data; its absence skips, and fails in CI."""
    folder = Path(os.environ.get("LATENTARIUM_TEST_DATA", "../shared/data"))
    folder = folder if folder.is_absolute() else ROOT / folder
    if not folder.is_dir():
        reason = f"no real data in {folder}; set LATENTARIUM_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder.resolve()
