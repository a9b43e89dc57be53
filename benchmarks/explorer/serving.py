"""A running `latentarium explore`, as a process of its own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """Where it answers, and its process."""

    address: str
    pid: int


@contextmanager
def exploring(bundle: Path) -> Iterator[Running]:
    """Serve a bundle until the block ends; its prose is shown where it fails."""
    command = [sys.executable, "-m", "latentarium", "explore", str(bundle), "--no-browser", "--json"]
    with tempfile.TemporaryFile("w+") as prose:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=prose, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                prose.seek(0)
                raise SystemExit(f"the explorer did not start: {prose.read()[-500:]}")
            yield Running(json.loads(line)["address"], process.pid)
        finally:
            process.terminate()
            process.wait(20)
