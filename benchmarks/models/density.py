"""Density of Fashion-MNIST: bits per dimension of all 10,000 test pictures under three VAEs.

The bound is the negative ELBO with the model's own standard normal prior and one posterior draw a picture; the
importance-weighted bound beside it has 64 draws on 500 pictures. PSNR is that of the mean pictures.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import fashion_mnist, save_result
from latentarium.data.rows import Rows
from latentarium.measures import information as i
from latentarium.pictures.images import sheet
from latentarium.space import LatentSpace
from latentarium.training.fit import train
from latentarium.training.loop import Event
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

SAMPLES, ROWS = 64, 500
MODELS: Mapping[str, Mapping[str, Any]] = {
    "logistic": {"likelihood": "logistic", "batch_size": 128},
    "autoregressive": {"likelihood": "autoregressive", "batch_size": 128},
    "ladder": {"likelihood": "autoregressive", "net": "ladder", "batch_size": 64},
}


def tell(event: Event) -> None:
    if event.kind in ("validation", "alarm"):
        print(event.step, json.dumps(dict(event.record)), flush=True)


def density(space: LatentSpace, x: Any) -> dict[str, Any]:
    """Bounds in bits per dimension, and PSNR in decibels."""
    bits = np.log(2) * x[0].size
    bound = i.negative_elbo(space, x)
    tighter = i.importance_weighted_bound(space, x, samples=SAMPLES, n=ROWS)
    error = np.square(np.clip(space.reconstruct(x), 0, 1) - x, dtype=np.float64).mean()
    return {
        "bits_per_dimension": round(bound.value / bits, 4),
        "interval": [round(end / bits, 4) for end in bound.interval],
        "importance_weighted": round(tighter.value / bits, 4),
        "rate": round(i.rate(space, x).value / bits, 4),
        "psnr": round(float(-10 * np.log10(error)), 2),
    }


def one(rows: Rows, name: str, options: dict[str, Any], pictures: Path | None) -> dict[str, Any]:
    fitted = train(rows, FitSettings.make(**options), callback=tell)
    space, x = space_of_model(fitted), rows.array("test")
    if pictures is not None:
        pairs = np.concatenate([x[:15], space.reconstruct(x[:15]), space.sample(30, seed=0)])
        sheet(np.clip(pairs, 0, 1), columns=15, scale=2).save(pictures / f"{name}.png")
    return {"settings": options, "steps": fitted.steps_done, "seconds": round(fitted.seconds), **density(space, x)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=600.0, help="training time of each")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the fits")
    parser.add_argument("--pictures", type=Path, help="folder for reconstructions and samples")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/density.json")
    given = parser.parse_args()
    rows = fashion_mnist()
    options = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in given.set)}
    found: dict[str, Any] = {}
    for name in given.models:
        found[name] = one(rows, name, {"time": given.seconds, **MODELS[name], **options}, given.pictures)
        print(name, json.dumps(found[name], indent=2), flush=True)
    if given.save:
        words = [
            "--models",
            *given.models,
            "--seconds",
            f"{given.seconds:g}",
            *(["--set", *given.set] if given.set else []),
        ]
        save_result("density", f"python -m benchmarks.models.density {' '.join(words)} --save", {"models": found})


if __name__ == "__main__":
    main()
