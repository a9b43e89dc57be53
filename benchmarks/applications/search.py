"""Nearest codes among a million: recall, latency and memory, exact and through the vector store.

Each way runs in a process of its own, so that its peak memory is its own.

    python -m benchmarks.applications.search [--rows 1000000] [--dimensions 32]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import save_result
from latentarium.applications.search import nearest
from latentarium.applications.search.filters import Filter
from latentarium.applications.search.store import make_store
from latentarium.files import peak_memory

QUERIES, COUNT, CENTRES = 50, 10, 1000


def codes_of(rows: int, dimensions: int) -> NDArray[np.float32]:
    """A mixture of a thousand Gaussians, as codes of a large collection are clustered."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CENTRES, dimensions)).astype(np.float32)
    codes = random.standard_normal((rows, dimensions), dtype=np.float32) * np.float32(0.5)
    codes += centres[random.integers(CENTRES, size=rows)]
    return codes


def measure(way: str, rows: int, dimensions: int) -> dict[str, Any]:
    """Milliseconds of a single query, recall of ten against all distances in double precision, memory."""
    codes = codes_of(rows, dimensions)
    queries = codes[:: max(1, rows // QUERIES)][:QUERIES] + np.float32(0.1)
    before, began = resident(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if way == "exact":
            built, ask = 0.0, lambda q, **kw: nearest(codes, q, count=COUNT, **kw)
            filtered = {"allowed": np.arange(rows) % 10 == 0}
        else:
            store = make_store(Path(folder), codes, {"tenth": (np.arange(rows) % 10).astype(np.int64)})
            built, ask = time.perf_counter() - began, lambda q, **kw: store.nearest(q, count=COUNT, **kw)
            filtered = {"where": [Filter(column="tenth", sign="=", value=0.0)]}
        plain, found = timed(ask, queries, {})
        narrowed, _ = timed(ask, queries, filtered)
    peak = peak_memory() or 0
    truth = [np.argsort(((codes - q).astype(np.float64) ** 2).sum(1))[:COUNT] for q in queries]
    recall = float(np.mean([len(set(a) & set(b)) / COUNT for a, b in zip(found, truth, strict=True)]))
    return {
        "recall_at_10": recall,
        "milliseconds": plain,
        "milliseconds_with_filter": narrowed,
        "seconds_to_build": round(built, 1),
        "codes_mib": round(codes.nbytes / 2**20),
        "peak_above_codes_mib": round((peak - before) / 2**20),
    }


def resident() -> int:
    """Bytes of this process in memory now, as a new high-water mark. Linux only: it writes to /proc."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_memory() or 0


def timed(ask: Any, queries: NDArray[np.float32], options: dict[str, Any]) -> tuple[float, NDArray[np.int64]]:
    """Median milliseconds of single queries, after one to warm up, and what they found."""
    ask(queries[:1], **options)
    spent, found = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(ask(query[None], **options)[0][0])
        spent.append(1000 * (time.perf_counter() - began))
    return round(float(np.median(spent)), 2), np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=32)
    parser.add_argument("--way", choices=("exact", "lance"))
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measure(given.way, given.rows, given.dimensions)))
        return
    size = ["--rows", str(given.rows), "--dimensions", str(given.dimensions)]
    found = {}
    for way in ("exact", "lance"):
        command = [sys.executable, "-m", "benchmarks.applications.search", "--way", way, *size]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[way] = json.loads(done.stdout.splitlines()[-1])
        print(way, found[way], flush=True)
    value = {"rows": given.rows, "dimensions": given.dimensions, "queries": QUERIES, **found}
    save_result("search", "python -m benchmarks.applications.search", value)


if __name__ == "__main__":
    main()
