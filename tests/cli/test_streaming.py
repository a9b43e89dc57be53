"""Sources larger than what a command keeps in memory: many times the rows must not take more of it."""

import time
from pathlib import Path

import numpy as np
import pytest
from benchmarks.common import anonymous_memory
from tests import children

import latentarium as la

pytestmark = pytest.mark.slow
MIB = 2**20
SIZES = {"pictures": (16 * MIB, 128 * MIB), "matrix": (72 * MIB, 184 * MIB)}
"""Of the small and the large source. The small one fills a piece of everything that is done in pieces."""
SLACK = 32 * MIB
"""What the larger source may take beyond the smaller one, little beside the difference."""


def pictures(path: Path, size: int) -> int:
    """Grey pictures in a file of `size` bytes, all but a few of them black and on no disk."""
    count = size // 64**2
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 64, 64))
    rows[:64] = np.random.default_rng(0).integers(0, 256, (64, 64, 64), dtype=np.uint8)
    return count


def matrix(path: Path, size: int) -> int:
    """The rows of a table of 200 columns, likewise."""
    count = size // (8 * 200)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(count, 200))
    rows[:64] = np.random.default_rng(0).normal(size=(64, 200))
    return count


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of pictures and one of a table, small and large sources of both."""
    folder = tmp_path_factory.mktemp("long")
    for make, options in ((pictures, {"likelihood": "gaussian"}), (matrix, {})):
        make(folder / f"{make.__name__}-few.npy", 64 * 4096 if make is pictures else 64 * 1600)
        space = folder / make.__name__
        la.fit(folder / f"{space.name}-few.npy", out=space, latent=2, width=8, steps=2, net="dense", threads=1,
               precision="fp32", progress=False, **options)  # fmt: skip
        for name, size in zip(("small", "large"), SIZES[space.name], strict=True):
            make(folder / f"{space.name}-{name}.npy", size)
    return folder


def peak(here: Path, *arguments: str | Path) -> int:
    """Highest memory that no file backs while the command runs."""
    log, most = here / "log", 0
    process = children.start(arguments, log)
    while process.is_alive():
        most = max(most, anonymous_memory(process.pid or 0))
        time.sleep(0.01)
    assert process.exitcode == 0, log.read_text()
    return most


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pictures", "encode {space} {source} -o out.parquet"),
        ("matrix", "encode {space} {source} -o out.parquet"),
        ("pictures", "detect {space} {source} -o out.parquet"),
        ("matrix", "detect {space} {source} -o out.csv"),
        ("pictures", "compress {space} {source} -o out.lsc --mode lossy --step 50"),
    ],
)
def test_memory_does_not_grow_with_the_source(
    here: Path, kind: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    small, large = (
        peak(here, *words.format(space=here / kind, source=here / f"{kind}-{size}.npy").split())
        for size in ("small", "large")
    )
    assert large - small < SLACK, f"{small / MIB:.0f} MiB for the small source, {large / MIB:.0f} for the large one"
