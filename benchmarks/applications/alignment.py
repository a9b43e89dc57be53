"""How often pictures are said to lie otherwise than those of a shipped space: as they are, and turned, moved, scaled.

Fashion-MNIST's test pictures that the shipped space does not hold, and the test avatars, whose space holds decoded rows
alone.

    python -m benchmarks.applications.alignment --avatars avatars_64.npz [--rows 1000] [--save]
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import fashion_mnist, save_result
from latentarium.applications.editing.alignment import WAYS, lies, moved
from latentarium.bundle import Bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.rng import draw
from latentarium.shipped import open_shipped

_DRAW = 97


def shares(bundle: Bundle, rows: Rows, count: int) -> dict[str, Any]:
    """Share of `count` test rows, none of them in the bundle, that are said to lie otherwise, by how they lie."""
    fresh = rows.splits["test"][~np.isin(rows.ids[rows.splits["test"]], bundle.ids)]
    levels = np.asarray(rows.raw[draw(fresh, count, seed=0, stream=_DRAW)])
    views = {"as they are": levels, **{name: moved(levels, way) for name, way in WAYS.items()}}
    said = lies(bundle, bundle.modality.to_array(np.concatenate(list(views.values())))) or ()
    odd = np.array([way != "" for way in said]).reshape(len(views), -1).mean(1)
    return {"n": len(levels), **{name: round(float(share), 4) for name, share in zip(views, odd, strict=True)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatars", type=Path, required=True, help="avatars_64.npz")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/alignment.json")
    given = parser.parse_args()
    sources = {"fashion-vae": fashion_mnist(), "avatar-vae": open_source(given.avatars)}
    found = {name: shares(open_shipped(name), rows, given.rows) for name, rows in sources.items()}
    print(json.dumps(found, indent=2))
    if given.save:
        command = "python -m benchmarks.applications.alignment --avatars avatars_64.npz --save"
        save_result("alignment", command, found)


if __name__ == "__main__":
    main()
