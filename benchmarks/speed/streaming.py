"""Sources larger than the memory that a command is given: encode, detect and compress under a hard limit.

Each command runs in a process whose memory that no file backs is limited by the system (RLIMIT_DATA), on a source of
more bytes than that. The rows are pictures or numbers like those that the space was fitted to, then zeros, which lie
on no disk. Linux only.

    python -m benchmarks.speed.streaming [--limit 700] [--times 1.2] [--save]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import latentarium as la
from benchmarks.common import anonymous_memory, save_result

MIB = 2**20
SIDE, COLUMNS, FITTED = 64, 200, 300
COMMANDS = {
    "encode pictures": ("encode", "pictures", "out.parquet"),
    "encode matrix": ("encode", "matrix", "out.parquet"),
    "encode csv": ("encode", "csv", "out.parquet"),
    "detect pictures": ("detect", "pictures", "odd.parquet"),
    "detect matrix": ("detect", "matrix", "odd.csv"),
    "compress pictures": ("compress", "pictures", "out.lsc", "--mode", "lossy", "--step", "50"),
}


def make_sources(folder: Path, size: int) -> None:
    """Spaces of pictures and of a table, and sources of `size` bytes for each."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (FITTED, SIDE, SIDE), dtype=np.uint8)
    numbers = random.normal(size=(FITTED, COLUMNS))
    shared: dict[str, Any] = {"latent": 8, "width": 32, "steps": 5, "net": "dense", "threads": 1, "progress": False}
    for name, rows, options in (("pictures", pictures, {"likelihood": "gaussian"}), ("matrix", numbers, {})):
        np.save(folder / "few.npy", rows)
        la.fit(folder / "few.npy", out=folder / f"{name}-space", **shared, **options)
        count = size // rows[0].nbytes
        mapped = np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=rows.dtype, shape=(count, *rows.shape[1:])
        )
        mapped[:FITTED] = rows
    _write_csv(folder / "csv.csv", numbers, size)


def _write_csv(path: Path, numbers: Any, size: int) -> None:
    lines = ("\n".join(",".join(f"{value:.6f}" for value in row) for row in numbers) + "\n").encode()
    with path.open("wb") as file:
        file.write((",".join(f"column_{i}" for i in range(COLUMNS)) + "\n").encode())
        while file.tell() < size:
            file.write(lines)


def run_limited(arguments: list[str], limit: int, folder: Path) -> dict[str, Any]:
    """Peak memory and seconds of one command under the limit; a failure is told."""

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    environment = {**os.environ, "LATENTARIUM_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "latentarium", *arguments]
    began, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, preexec_fn=lower, env=environment, stdout=told, stderr=told)
        while process.poll() is None:
            peak = max(peak, anonymous_memory(process.pid))
            time.sleep(0.02)
        told.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed with status {process.returncode}: {told.read()[-500:]}")
    return {"peak_mib": round(peak / MIB), "seconds": round(time.perf_counter() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=700, help="MiB of memory that no file backs")
    parser.add_argument("--times", type=float, default=1.2, help="size of each source, times the limit")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/streaming.json")
    given = parser.parse_args()
    size = int(given.limit * MIB * given.times)
    found: dict[str, Any] = {"limit_mib": given.limit, "source_mib": round(size / MIB), "commands": {}}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_sources(folder, size)
        for name, (verb, kind, out, *options) in COMMANDS.items():
            space = folder / ("pictures-space" if kind == "pictures" else "matrix-space")
            source = folder / (f"{kind}.csv" if kind == "csv" else f"{kind}.npy")
            line = [verb, str(space), str(source), "-o", str(folder / out), *options]
            found["commands"][name] = run_limited(line, given.limit * MIB, folder)
            print(name, json.dumps(found["commands"][name]), flush=True)
    if given.save:
        save_result("streaming", "make bench-streaming ARGS=--save", found)


if __name__ == "__main__":
    main()
