"""Which model gives the direction of the light a dimension of its own: numbers, and a traversal of that dimension.

The models of the disentanglement table, seed 0, on the scene. For each: the dimension that knows most of the light, its
share of the light's entropy, the gap to the next dimension, and purity, the part of all that the dimension knows about
factors which is about the light. A line of the picture moves that dimension alone, from one end to the other.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import save_result
from benchmarks.models.disentanglement import COMMON, MEASURED, MODELS, WORLDS, open_world
from latentarium.measures.disentanglement.mutual import mutual_table
from latentarium.measures.disentanglement.tables import Factored
from latentarium.pictures.images import traversals
from latentarium.training.fit import train
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

FRAMES, ENDS = 9, (2, 98)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--models", nargs="+", default=[m for m in MODELS if m not in ("known", "rotated")])
    parser.add_argument("--pictures", type=Path, default=Path("."), help="folder for lighting.png")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/lighting.json")
    given = parser.parse_args()
    source = WORLDS["scene"]()
    rows, light = open_world(source), source.names.index("light")
    table = source.sample(MEASURED, seed=0)
    x = rows.modality.to_array(source.render(table))
    found: dict[str, Any] = {}
    lines = []
    for model in given.models:
        fitted = train(rows, FitSettings.make(**{**COMMON, **MODELS[model]}, steps=given.steps, seed=0))
        space = space_of_model(fitted)
        codes = space.encode(x)
        known = mutual_table(Factored.of(codes, table), estimator="histogram")
        dimension = int(known.nats[:, light].argmax())
        first, second = np.sort(known.nats[:, light] / known.entropy[light])[::-1][:2]
        found[model] = {
            "dimension": dimension,
            "share": round(float(first), 3),
            "gap": round(float(first - second), 3),
            "purity": round(float(known.nats[dimension, light] / known.nats[dimension].clip(0).sum()), 3),
        }
        print(model, json.dumps(found[model]), flush=True)
        path = np.repeat(np.median(codes, axis=0)[None], FRAMES, axis=0)
        path[:, dimension] = np.linspace(*np.percentile(codes[:, dimension], ENDS), FRAMES)
        lines.append(np.clip(space.decode(path.astype(np.float32)), 0, 1))
    traversals(np.stack(lines), labels=given.models, scale=2).save(given.pictures / "lighting.png")
    if given.save:
        save_result("lighting", f"python -m benchmarks.models.lighting --steps {given.steps} --save", found)


if __name__ == "__main__":
    main()
