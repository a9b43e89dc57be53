"""What the benchmarks share: Fashion-MNIST as every contender gets it, the yardstick, and result files."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentarium.data import open_source
from latentarium.data.rows import Rows

RESULTS = Path(__file__).parent / "results"


def fashion_mnist() -> Rows:
    """55,000 training, 5,000 validation and 10,000 test pictures."""
    return open_source("fashion-mnist")


def floats(rows: Rows, part: str) -> Tensor:
    """A part as float32 (n, 1, 28, 28) in [0, 1], the way most programs hold it."""
    return torch.from_numpy(rows.array(part))


def grey_elbo(probabilities: Tensor, x: Tensor, mean: Tensor, log_variance: Tensor) -> float:
    """Negative ELBO in nats a row: grey values as Bernoulli, N(0, I) prior, the z behind `probabilities` one draw."""
    p = probabilities.reshape(len(x), -1)
    distortion = F.binary_cross_entropy(p, x.reshape(len(x), -1), reduction="sum")
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
    return float(distortion + kl) / len(x)


def machine() -> dict[str, Any]:
    """The machine in words that travel."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def save_result(name: str, command: str, value: dict[str, Any]) -> None:
    """Write a result with the command and the machine it is from."""
    RESULTS.mkdir(exist_ok=True)
    whole = {"command": command, "machine": machine(), **value}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def median(values: list[float]) -> float:
    """The median, NaN for none."""
    return float(np.median(np.asarray(values))) if values else float("nan")


def chunks(x: Tensor, size: int = 500) -> list[Tensor]:
    """Rows in pieces."""
    return list(x.split(size))


def peak_memory(arguments: list[str], cache: Path) -> int:
    """Highest memory in bytes that no file backs while `latentarium ARGUMENTS` runs. Linux only: it reads /proc."""
    environment = {**os.environ, "LATENTARIUM_CACHE": str(cache)}
    command = [sys.executable, "-m", "latentarium", *arguments]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, env=environment, stderr=told, stdout=told)
        peak = 0
        while process.poll() is None:
            peak = max(peak, anonymous_memory(process.pid))
            time.sleep(0.02)
        if process.returncode:
            told.seek(0)
            raise SystemExit(f"{' '.join(arguments)} failed with status {process.returncode}: {told.read()[-500:]}")
    return peak


def anonymous_memory(pid: int) -> int:
    """Bytes of a process that no file backs; 0 for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon")), 0)
