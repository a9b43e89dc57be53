"""The classic face VAE, 128 x 128 x 3 to 32 latents, on CelebA: speed, memory, and whether it beats PCA and is alive.

Throughput in turns with a bare loop; PSNR on the held-out rows beside PCA's with as many components; the mean distance
between two samples over that between two real faces; peak memory of 8,500 pictures less that of 1,000.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from benchmarks.common import peak_memory, save_result
from benchmarks.speed.overhead import overhead
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.training.fit import train
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

LATENT, SIZE = 32, 128
PCA_ROWS = 4000
FEW = 1000
PICTURE_BYTES = 3 * SIZE * SIZE
Array = NDArray[np.float32]


def psnr(error: Array) -> float:
    """Decibels of a mean squared error over all rows, peak 1."""
    return float(-10 * np.log10(np.square(error, dtype=np.float64).mean()))


def pca_psnr(rows: Rows) -> float:
    """PSNR of the test rows through the leading components of training rows, by the Gram matrix."""
    train_x, test_x = (rows.array(part).reshape(len(rows.splits[part]), -1) for part in ("train", "test"))
    centre = train_x[:PCA_ROWS].mean(0)
    seen = train_x[:PCA_ROWS] - centre
    values, vectors = np.linalg.eigh(seen @ seen.T)
    axes = seen.T @ vectors[:, -LATENT:] / np.sqrt(values[-LATENT:])
    gap = test_x - centre
    return psnr(gap - (gap @ axes) @ axes.T)


def quality(rows: Rows, seconds: float) -> dict[str, Any]:
    """PSNR and the spread of samples after a fit of that long."""
    fitted = train(rows, FitSettings.make(latent=LATENT, time=seconds))
    space = space_of_model(fitted)
    real = rows.array("test")
    drawn = space.sample(64, seed=0)
    spread = [float(pdist(x[:64].reshape(64, -1)).mean()) for x in (drawn, real)]
    return {
        "steps": fitted.steps_done,
        "seconds": round(fitted.seconds, 1),
        "test_rows": len(real),
        "psnr": round(psnr(space.reconstruct(real) - real), 3),
        "pca_psnr": round(pca_psnr(rows), 3),
        "sample_distance_over_real": round(spread[0] / spread[1], 3),
    }


def memory(folder: Path) -> dict[str, Any]:
    """Peak of `fit` on all pictures and on 1,000 of them, in bytes; the rule is all <= pictures + 1.1 x few."""
    files = sorted(folder.rglob("*.jpg"))
    with tempfile.TemporaryDirectory() as work:
        peaks = {}
        for name, chosen in (("all", files), ("few", files[:FEW])):
            pictures = Path(work) / name
            pictures.mkdir()
            for file in chosen:
                (pictures / file.name).symlink_to(file.resolve())
            arguments = ["fit", str(pictures), "-o", f"{work}/{name}.bundle", "--size", str(SIZE), "--steps", "10"]
            peaks[name] = peak_memory(arguments, Path(work) / "cache")
    allowed = len(files) * PICTURE_BYTES + 1.1 * peaks["few"]
    return {"pictures": len(files), **peaks, "all_over_allowed": round(peaks["all"] / allowed, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/faces.json")
    given = parser.parse_args()
    rows = open_source(str(given.folder), size=SIZE)
    speed = FitSettings.make(latent=LATENT, steps=150)
    value = {
        **quality(rows, given.seconds),
        "throughput": overhead(rows=rows, settings=speed, bfloat16=False, turn=5),
        "memory": memory(given.folder),
    }
    print(json.dumps(value, indent=2))
    if given.save:
        save_result("faces", f"make bench-faces ARGS='--seconds {given.seconds:g} --save'", value)


if __name__ == "__main__":
    main()
