"""A coverage-guided search for files that crash the reader: `pytest -m fuzz`, with the extra `fuzz` installed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.applications.compression.codec import compress
from latentarium.bundle import Bundle

RUNS = os.environ.get("LATENTARIUM_FUZZ_RUNS", "3000")


@pytest.mark.fuzz
@pytest.mark.parametrize("mode", ["direct", "bits-back", "lossy"])
def test_no_file_crashes_the_reader(dense: Bundle, digits: NDArray[np.uint8], tmp_path: Path, mode: str) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    compress(dense, digits[:20], tmp_path / "a.lsc", mode=mode, chunk_rows=20)
    (corpus / "file").write_bytes(b"\0" + (tmp_path / "a.lsc").read_bytes())
    (corpus / "payload").write_bytes(b"\x81" + bytes(range(1, 201)))
    limits = ["-timeout=20", "-rss_limit_mb=4096", "-max_len=4096", "-seed=1", f"-runs={RUNS}"]
    arguments = [sys.executable, Path(__file__).with_name("fuzz.py"), dense.path, tmp_path / "a.lsc", *limits, corpus]
    found = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert found.returncode == 0, found.stderr[-3000:]
    assert f"Done {RUNS} runs" in found.stderr
