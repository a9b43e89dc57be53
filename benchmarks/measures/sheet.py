"""Seconds of the whole sheet on 10,000 rows and 32 latents, score by score, and how it grows with the rows.

A quick VAE of Fashion-MNIST is measured with its labels and training rows. More rows than the data have are made by
adding pixel noise to rows that are there.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import fashion_mnist, save_result
from latentarium.data.rows import Rows
from latentarium.measures import Measurements, measure
from latentarium.space import LatentSpace
from latentarium.training.fit import train
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

LATENT, STEPS, LIMIT = 32, 300, 300.0
REFERENCE = 20_000
NOISE = 8


def taken(rows: Rows, count: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """`count` rows and labels: test rows first, then training rows, then noisy copies."""
    order = np.concatenate([rows.splits["test"], rows.splits["train"]])
    chosen = np.resize(order, count)
    raw = rows.raw[chosen].astype(np.int16)
    random = np.random.default_rng(0)
    raw[len(order) :] += random.integers(-NOISE, NOISE + 1, raw[len(order) :].shape, dtype=np.int16)
    return rows.modality.to_array(np.clip(raw, 0, 255).astype(np.uint8)), rows.columns["label"][chosen]


def sheet(space: LatentSpace, rows: Rows, count: int) -> tuple[float, Measurements]:
    """Seconds of `measure` on that many rows, and what it found."""
    x, labels = taken(rows, count)
    reference = rows.array(rows.splits["train"][:REFERENCE])
    began = time.perf_counter()
    found = measure(space, x, labels=labels, reference=reference)
    return time.perf_counter() - began, found


def listing(found: Measurements) -> dict[str, Any]:
    """Each score with its time and the rows it rests on, slowest first."""
    slowest = sorted(found.scores, key=lambda name: -found.seconds[name])
    return {name: {"seconds": found.seconds[name], "n": found.scores[name].n} for name in slowest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000], help="1000 10000 100000 for the cost curve")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/measures.json")
    given = parser.parse_args()
    rows = fashion_mnist()
    space = space_of_model(train(rows, FitSettings.make(latent=LATENT, steps=STEPS, likelihood="bernoulli")))
    value: dict[str, Any] = {"latents": LATENT, "limit_seconds_at_10000": LIMIT, "runs": {}}
    for count in given.rows:
        seconds, found = sheet(space, rows, count)
        print(f"{count:,} rows: {seconds:.0f} s, {len(found.scores)} scores, skipped {dict(found.skipped)}", flush=True)
        value["runs"][str(count)] = {
            "seconds": round(seconds, 1),
            "scores": listing(found),
            "skipped": dict(found.skipped),
        }
    print(json.dumps(value, indent=2))
    if given.save:
        listed = " ".join(map(str, given.rows))
        save_result("measures", f"make bench-measures ARGS='--rows {listed} --save'", value)


if __name__ == "__main__":
    main()
