"""Coverage of 50,000 x 64 in flat memory, and what the neighbour scores cost from 1,000 rows to 100,000.

`make bench-measures` runs both after the sheet; every size runs in its own process, so that peaks are its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.common import save_result
from latentarium.measures.samples import coverage, frechet_distance, kid, precision

WIDTH = 64
MEASURES = {"coverage": coverage, "precision": precision, "frechet_distance": frechet_distance, "kid": kid}


def once(name: str, rows: int) -> dict[str, Any]:
    """Seconds, value and peak memory beyond the features of one score of `rows` real and as many generated rows."""
    real, generated = np.random.default_rng(0).standard_normal((2, rows, WIDTH))
    MEASURES[name](real[:200], generated[:200], draws=0)
    before = _peak()
    began = time.perf_counter()
    score = MEASURES[name](real, generated, draws=0)
    return {
        "measure": name,
        "rows": rows,
        "seconds": round(time.perf_counter() - began, 3),
        "value": score.value,
        "expected": score.settings.get("expected"),
        "features_mib": round(2 * real.nbytes / 2**20),
        "extra_mib": round(_peak() - before),
    }


def apart(name: str, rows: int) -> dict[str, Any]:
    """`once` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.measures.coverage_scale", "--one", name, "--rows", str(rows)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(found.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", choices=sorted(MEASURES))
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/measures-coverage.json")
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(once(chosen.one, chosen.rows)))
        return
    runs = [apart("coverage", chosen.rows)]
    runs += [apart(name, rows) for name in MEASURES for rows in chosen.sizes]
    for run in runs:
        print(json.dumps(run), flush=True)
    if chosen.save:
        save_result("measures-coverage", "make bench-measures ARGS=--save", {"width": WIDTH, "runs": runs})


def _peak() -> float:
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
