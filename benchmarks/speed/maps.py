"""Seconds and faithfulness of t-SNE maps of Fashion-MNIST codes, against scikit-learn and openTSNE's defaults.

The codes are those of a VAE fitted for a few hundred steps. Every contender runs in its own process, in turn; all
are judged on the same 5,000 rows. Then placing: 5,000 rows are held out of a fit and placed, and judged beside
fitted ones. `--million` maps generated codes and watches the memory; `--slow` lets scikit-learn map 70,000 rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import anonymous_memory, fashion_mnist, median, save_result

Array = NDArray[np.float32]
NEIGHBOURS, JUDGED = 15, 5000
TRUST, RECALL, RATE = 0.003, 0.9, 20_000


def vae_codes(steps: int) -> Array:
    """Codes (70000, 32) of all Fashion-MNIST pictures."""
    import latentarium

    rows = fashion_mnist()
    space = latentarium.fit(rows, steps=steps, progress=False)
    codes = np.concatenate([space.encode(rows.array(part)) for part in ("train", "validation", "test")])
    return codes.reshape(len(codes), -1)


def ours(codes: Array, threads: int) -> Array:
    from latentarium.maps import Effort, fit_map

    found = fit_map(codes, method="tsne", effort=Effort(threads=threads))
    print(found.settings["choice"], file=sys.stderr)
    return found.coordinates


def opentsne(codes: Array, threads: int) -> Array:
    from openTSNE import TSNE

    return np.asarray(TSNE(n_jobs=threads, random_state=0).fit(codes), np.float32)


def sklearn(codes: Array, threads: int) -> Array:
    from sklearn.manifold import TSNE

    return TSNE(n_jobs=threads, random_state=0).fit_transform(codes)


CONTENDERS = {"ours": ours, "openTSNE": opentsne, "scikit-learn": sklearn}


def nearest(points: Array, queries: Array, count: int) -> NDArray[np.int64]:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points).kneighbors(queries, return_distance=False)


def shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Share of the neighbours in `a` that are in `b`."""
    return float((a[:, :, None] == b[:, None, :]).any(2).mean())


def judged(codes: Array, coordinates: Array) -> dict[str, float]:
    """Trustworthiness and recall within 5,000 rows, and those rows' recall among all rows."""
    from sklearn.manifold import trustworthiness

    rows = np.sort(np.random.default_rng(5).permutation(len(codes))[:JUDGED])
    high, low, count = codes[rows], coordinates[rows], NEIGHBOURS + 1
    within = shared(nearest(high, high, count)[:, 1:], nearest(low, low, count)[:, 1:])
    among_all = shared(nearest(codes, high, count)[:, 1:], nearest(coordinates, low, count)[:, 1:])
    trust = float(trustworthiness(high, low, n_neighbors=NEIGHBOURS))
    return {"trustworthiness": trust, "recall": within, "recall_among_all": among_all}


def contend(name: str, codes: Array, threads: int) -> dict[str, Any]:
    began = time.perf_counter()
    coordinates = CONTENDERS[name](codes, threads)
    seconds = time.perf_counter() - began
    return {"seconds": round(seconds, 2), **judged(codes, coordinates)}


def placing(codes: Array, threads: int) -> dict[str, Any]:
    """Recall of held-out rows beside that of fitted rows, among the fitted rows; and rows placed a second."""
    from latentarium.maps import Effort, fit_map

    random = np.random.default_rng(6)
    order = random.permutation(len(codes))
    held, kept = codes[order[:JUDGED]], codes[order[JUDGED:]]
    found = fit_map(kept, method="tsne", effort=Effort(threads=threads))
    count = NEIGHBOURS + 1
    fitted = shared(
        nearest(kept, kept[:JUDGED], count)[:, 1:], nearest(found.coordinates, found.coordinates[:JUDGED], count)[:, 1:]
    )
    placed = found.place(held, threads=threads)
    recall = shared(nearest(kept, held, NEIGHBOURS), nearest(found.coordinates, placed, NEIGHBOURS))
    many = generated(codes, 100_000)
    began = time.perf_counter()
    found.place(many, threads=threads)
    rate = len(many) / (time.perf_counter() - began)
    return {"fitted_recall": fitted, "placed_recall": recall, "placed_rows_per_second": round(rate)}


def generated(codes: Array, count: int) -> Array:
    """Codes jittered by a tenth of each dimension's deviation."""
    random = np.random.default_rng(7)
    out = codes[random.integers(0, len(codes), count)]
    out += random.standard_normal(out.shape, dtype=np.float32) * (0.1 * codes.std(0))
    return out


def large(codes: Array, count: int, threads: int) -> dict[str, Any]:
    """Seconds for a map of `count` generated codes, and peak memory beyond what the process held with the codes."""
    from latentarium.maps import Effort, fit_map

    many = generated(codes, count)
    held = [anonymous_memory(os.getpid())]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            held.append(anonymous_memory(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    found = fit_map(many, method="tsne", effort=Effort(threads=threads))
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    facts = {"rows": count, "seconds": round(seconds, 1), "peak_mib_beyond_the_codes": (max(held) - held[0]) // 2**20}
    return {**facts, "choice": found.settings["choice"], "quality": dict(found.quality)}


def job(name: str, rows: int, path: Path, threads: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed.maps", "--job", name, "--rows", str(rows), "--codes", str(path)]
    done = subprocess.run([*command, "--threads", str(threads)], stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{rows:>9,} {name:14s} {json.dumps(result)}", flush=True)
    return result


def run_job(name: str, rows: int, codes: Array, threads: int) -> dict[str, Any]:
    if name == "million":
        return large(codes, rows, threads)
    few = codes[np.sort(np.random.default_rng(8).permutation(len(codes))[:rows])]
    return placing(few, threads) if name == "placing" else contend(name, few, threads)


def race(path: Path, rows: int, rounds: int, peers: list[str], threads: int) -> dict[str, Any]:
    """Median seconds and the scores of the last round, ratios to ours, and the musts."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ("ours", *peers)}
    for _ in range(rounds):
        for name, found in runs.items():
            found.append(job(name, rows, path, threads))
    last = {name: {**found[-1], "seconds": median([run["seconds"] for run in found])} for name, found in runs.items()}
    mine = last["ours"]
    return {
        "contenders": last,
        "times_faster": {name: round(last[name]["seconds"] / mine["seconds"], 2) for name in peers},
        "trustworthy": all(mine["trustworthiness"] >= last[name]["trustworthiness"] - TRUST for name in peers),
        "recalls": all(mine[key] >= RECALL * last["openTSNE"][key] for key in ("recall", "recall_among_all")),
    }


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600, help="of the VAE whose codes are mapped")
    parser.add_argument("--codes", type=Path, help="codes (n, d) as .npy instead, made there where the file is absent")
    parser.add_argument("--slow", action="store_true", help="scikit-learn at 70,000 rows, too: ten minutes")
    parser.add_argument("--million", action="store_true", help="map 250,000 and 1,000,000 generated codes")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/maps.json")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def whole(given: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Every race, in turn."""
    if not path.exists():
        np.save(path, vae_codes(given.steps))
    every = ["openTSNE", "scikit-learn"]
    value: dict[str, Any] = {
        "10000": race(path, 10_000, given.rounds, every, given.threads),
        "70000": race(path, 70_000, given.rounds, every if given.slow else every[:1], given.threads),
        "placing": job("placing", 70_000, path, given.threads),
    }
    placed = value["placing"]
    placed["recalls"] = placed["placed_recall"] >= RECALL * placed["fitted_recall"]
    placed["fast"] = placed["placed_rows_per_second"] >= RATE
    if given.million:
        value["large"] = [job("million", rows, path, given.threads) for rows in (250_000, 1_000_000)]
    return value


def main() -> None:
    given = options()
    if given.job:
        print(json.dumps(run_job(given.job, given.rows, np.load(given.codes), given.threads)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        value = whole(given, given.codes or Path(scratch) / "codes.npy")
    print(json.dumps(value, indent=2))
    if given.save:
        save_result("maps", f"make bench-maps ARGS='{' '.join(sys.argv[1:])}'", value)


if __name__ == "__main__":
    main()
