"""Peak memory of a fit on a folder of many small pictures, beyond the memory map: 100,000 against 10,000.

Pictures are generated, the command line is run as a user would, and the process's anonymous memory (all that is not
a mapped file) is watched; few pictures are held in memory, and that array is taken off. Linux only: it reads /proc.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.common import peak_memory, save_result
from latentarium.data.storage import MEMORY_LIMIT

LIMIT = 1.1


def make_folder(root: Path, count: int, size: int) -> Path:
    """`count` PNG pictures of coloured discs in ten sub-folders."""
    random = np.random.default_rng(0)
    grid = np.indices((size, size)) / size
    for number in range(count):
        folder = root / f"kind-{number % 10}"
        if number < 10:
            folder.mkdir(parents=True)
        x, y, radius = random.uniform([0.3, 0.3, 0.1], [0.7, 0.7, 0.3]).tolist()
        inside = ((grid[0] - y) ** 2 + (grid[1] - x) ** 2 < radius**2)[..., None]
        colours = random.integers(0, 256, (2, 3))
        Image.fromarray(np.where(inside, colours[0], colours[1]).astype(np.uint8)).save(folder / f"{number:06d}.png")
    return root


def peak_of_fit(folder: Path, out: Path, size: int) -> int:
    """Highest anonymous memory of a fit, less the pictures where they are few enough to be held in it."""
    peak = peak_memory(["fit", str(folder), "-o", str(out), "--size", str(size), "--steps", "50"], out.parent / "cache")
    pictures = sum(1 for _ in folder.glob("*/*.png")) * 3 * size * size
    return peak - (pictures if pictures <= MEMORY_LIMIT else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/folder.json")
    given = parser.parse_args()
    peaks: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (given.few, given.many):
            folder = make_folder(Path(scratch) / f"pictures-{count}", count, given.size)
            peaks[count] = peak_of_fit(folder, Path(scratch) / f"bundle-{count}", given.size)
            print(f"{count:,} pictures: peak {peaks[count] / 2**20:.0f} MiB beyond the memory map", flush=True)
    ratio = peaks[given.many] / peaks[given.few]
    value = {"peak_bytes": {str(k): v for k, v in peaks.items()}, "ratio": round(ratio, 3), "limit": LIMIT}
    print(json.dumps(value))
    if given.save:
        save_result("folder", "make bench-folder ARGS=--save", value)
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
