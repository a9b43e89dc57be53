"""Seconds of the whole sheet on 10,000 rows and 32 latents, score by score, and how it grows with the rows.

Two quick VAEs are measured: one of Fashion-MNIST, with its labels and training rows, and one of rendered scenes, with
factors and a likelihood of raw values as well, so that no measure is skipped that a continuous space of pictures can
have. More rows than Fashion-MNIST has are made by adding pixel noise to rows that are there.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import latentarium as la
from benchmarks.common import fashion_mnist, save_result
from latentarium.data.factors import scene
from latentarium.measures import Measurements, measure
from latentarium.space import LatentSpace

LATENT, STEPS, LIMIT = 32, 300, 300.0
REFERENCE = 20_000
NOISE = 8
SCENE_SIDE, SCENE_ROWS = 32, 10_000
Given = dict[str, Any]
"""Arguments of `measure`."""


def fitted(data: Any, steps: int, likelihood: str) -> LatentSpace:
    return la.fit(data, latent=LATENT, steps=steps, likelihood=likelihood, progress=False)


def fashion(steps: int) -> tuple[LatentSpace, Callable[[int], Given]]:
    """A VAE, and test rows first, then training rows, then noisy copies."""
    rows = fashion_mnist()
    order = np.concatenate([rows.splits["test"], rows.splits["train"]])
    reference = rows.array(rows.splits["train"][:REFERENCE])

    def taken(count: int) -> Given:
        chosen = np.resize(order, count)
        raw = rows.raw[chosen].astype(np.int16)
        random = np.random.default_rng(0)
        raw[len(order) :] += random.integers(-NOISE, NOISE + 1, raw[len(order) :].shape, dtype=np.int16)
        x = rows.modality.to_array(np.clip(raw, 0, 255).astype(np.uint8))
        return {"x": x, "labels": rows.columns["label"][chosen], "reference": reference}

    return fitted("fashion-mnist", steps, "bernoulli"), taken


def scenes(steps: int) -> tuple[LatentSpace, Callable[[int], Given]]:
    """A VAE, and scenes drawn from the whole grid with their factors."""
    source = scene(size=SCENE_SIDE)
    seen = source.render(source.sample(SCENE_ROWS, seed=1))
    space = fitted(seen, steps, "logistic")

    def taken(count: int) -> Given:
        table = source.sample(count, seed=0)
        return {
            "x": source.render(table),
            "labels": table[:, source.names.index("shape")],
            "factors": dict(zip(source.names, table.T, strict=True)),
            "reference": seen,
            "source": source,
        }

    return space, taken


SPACES = {"fashion-mnist": fashion, "scene": scenes}


def sheet(space: LatentSpace, given: Given) -> tuple[float, Measurements]:
    """Seconds of `measure`, and what it found."""
    began = time.perf_counter()
    found = measure(space, **given)
    return time.perf_counter() - began, found


def listing(found: Measurements) -> dict[str, Any]:
    """Each score with its time, the rows it rests on and how its interval came about, slowest first."""
    slowest = sorted(found.scores, key=lambda name: -found.seconds[name])
    return {
        name: {"seconds": found.seconds[name], "n": found.scores[name].n, "interval": found.scores[name].resampling}
        for name in slowest
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000], help="1000 10000 100000 for the cost curve")
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=list(SPACES))
    parser.add_argument("--steps", type=int, default=STEPS, help="of the fits")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/measures.json")
    given = parser.parse_args()
    value: dict[str, Any] = {"latents": LATENT, "limit_seconds_at_10000": LIMIT, "runs": {}}
    for name in given.spaces:
        space, taken = SPACES[name](given.steps)
        value["runs"][name] = {}
        for count in given.rows:
            seconds, found = sheet(space, taken(count))
            print(f"{name}, {count:,} rows: {seconds:.0f} s, {len(found.scores)} scores, skipped {dict(found.skipped)}",
                  flush=True)  # fmt: skip
            value["runs"][name][str(count)] = {
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
