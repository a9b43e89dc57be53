"""Odd rows: Fashion-MNIST one class against the rest, ten ADBench tables, magnetic tiles with their masks.

Every contender gets the same rows in one run. The detector has its defaults throughout; they were chosen on training
rows of MNIST, and nothing is chosen on the sets below. Each cell (case, seed, contender) is written when it is done, so
that a run goes on where it was stopped:

    python -m benchmarks.applications.anomaly [images|tables|tiles ..] [--seeds 3] [--only latentarium ..]
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.applications.contenders import CONTENDERS, DETECTOR, IMAGES, TABLES, TILES, Fitted
from benchmarks.common import RESULTS, machine
from latentarium.data import open_source
from latentarium.files import read_json, write_json
from latentarium.measures.detection import aupro, auroc, average_precision, pixel_auroc

DATA = Path(os.environ.get("LATENTARIUM_TEST_DATA", "../shared/data"))
CLASSES = 10
TILES_TO_LEARN_FROM = 700


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows to learn from, rows to judge and the truth about them; `masks` where odd pixels are known."""

    name: str
    train: NDArray[Any]
    test: NDArray[Any]
    odd: NDArray[np.bool_]
    masks: NDArray[np.bool_] | None = None


def fashion(seed: int) -> Iterator[Case]:
    """One class of Fashion-MNIST is normal: all of its training pictures against all test pictures."""
    del seed
    rows = open_source("fashion-mnist")
    labels = np.asarray(rows.columns["label"])
    learn = np.sort(np.concatenate([rows.splits["train"], rows.splits["validation"]]))
    names = sorted(set(labels.tolist()))
    test = rows.splits["test"]
    for name in names:
        yield Case(
            name=name.replace("/", " or "),
            train=rows.raw[learn[labels[learn] == name]],
            test=rows.raw[test],
            odd=labels[test] != name,
        )


def clean_tables(seed: int) -> Iterator[Case]:
    """Half of the normal rows to learn from, the others and all odd rows to judge."""
    for name, x, odd in _tables():
        order = np.random.default_rng(seed).permutation(np.flatnonzero(~odd))
        half = len(order) // 2
        judged = np.concatenate([order[half:], np.flatnonzero(odd)])
        yield Case(name=name, train=x[order[:half]], test=x[judged], odd=odd[judged])


def mixed_tables(seed: int) -> Iterator[Case]:
    """70 % of all rows to learn from, odd ones among them; the others to judge."""
    for name, x, odd in _tables():
        order = np.random.default_rng(seed).permutation(len(x))
        cut = round(0.7 * len(x))
        yield Case(name=f"{name}*", train=x[order[:cut]], test=x[order[cut:]], odd=odd[order[cut:]])


def tables(seed: int) -> Iterator[Case]:
    """Both ways of learning from a table."""
    yield from clean_tables(seed)
    yield from mixed_tables(seed)


def tiles(seed: int) -> Iterator[Case]:
    """Magnetic tiles: 700 good ones to learn from, the other good ones and all defects to judge."""
    stored = np.load(DATA / "magnetic_tile" / "magnetic_tile_128.npz", allow_pickle=False)
    good = np.random.default_rng(seed).permutation(np.flatnonzero(stored["label"] == 0))
    judged = np.concatenate([good[TILES_TO_LEARN_FROM:], np.flatnonzero(stored["label"] != 0)])
    pictures = stored["x"][:, None]
    yield Case(
        name="tiles",
        train=pictures[good[:TILES_TO_LEARN_FROM]],
        test=pictures[judged],
        odd=stored["label"][judged] != 0,
        masks=stored["mask"][judged],
    )


def _tables() -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    for path in sorted((DATA / "adbench").glob("*.npz")):
        stored = np.load(path, allow_pickle=False)
        yield path.stem.split("_", 1)[1], stored["X"].astype(np.float64), stored["y"].ravel().astype(bool)


PARTS: Mapping[str, tuple[Callable[[int], Iterator[Case]], tuple[str, ...]]] = {
    "images": (fashion, IMAGES),
    "tables": (tables, TABLES),
    "tiles": (tiles, TILES),
}


def cell(case: Case, contender: str, seed: int) -> dict[str, float]:
    """Fit, score, compare with the truth; seconds are those of fitting and scoring."""
    began = time.perf_counter()
    used = time.process_time()
    fitted: Fitted = CONTENDERS[contender](case.train, seed)
    scores = fitted.scores(case.test)
    found = {
        "auroc": auroc(scores, case.odd).value,
        "average_precision": average_precision(scores, case.odd).value,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - used,
    }
    if case.masks is not None and fitted.maps is not None:
        maps = fitted.maps(case.test).sum(1)
        found |= {"pixel_auroc": pixel_auroc(maps, case.masks).value, "aupro": aupro(maps, case.masks).value}
    return {name: round(value, 5) for name, value in found.items()}


def run(part: str, *, seeds: int, only: list[str]) -> None:
    """Fill in the cells of a part that are not there yet."""
    cases, contenders = PARTS[part]
    path = RESULTS / f"anomaly-{part}.json"
    cells: dict[str, dict[str, float]] = read_json(path)["cells"] if path.exists() else {}
    for seed in range(seeds):
        for case in cases(seed):
            for contender in contenders:
                key = f"{contender}/{case.name}/{seed}"
                if key in cells or (only and contender not in only):
                    continue
                cells[key] = cell(case, contender, seed)
                print(f"{part} {key}: {json.dumps(cells[key])}", flush=True)
                save(path, part, cells)
    if cells:
        save(path, part, cells)
        print(table(part, cells))


def save(path: Path, part: str, cells: Mapping[str, Mapping[str, float]]) -> None:
    """All cells so far, with their means."""
    whole = {
        "command": f"make bench-anomaly ARGS={part}",
        "machine": machine(),
        "detector": DETECTOR,
        "means": means(cells),
        "cells": dict(cells),
    }
    write_json(path, whole)


def means(cells: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Each contender's mean over cases and seeds; tables learned from with odd rows among them stand apart."""
    groups: dict[str, list[Mapping[str, float]]] = {}
    for key, found in cells.items():
        contender, case, _ = key.split("/")
        groups.setdefault(contender + (" *" if case.endswith("*") else ""), []).append(found)
    return {
        name: {"cells": len(found), **{k: round(float(np.mean([f[k] for f in found])), 5) for k in found[0]}}
        for name, found in groups.items()
    }


def table(part: str, cells: Mapping[str, Mapping[str, float]]) -> str:
    """The means as text."""
    rows = means(cells)
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [f"{part:22s}" + "".join(f"{name:>20s}" for name in columns)]
    for name, row in sorted(rows.items(), key=lambda pair: -pair[1]["auroc"]):
        lines.append(f"{name:22s}" + "".join(f"{row.get(column, float('nan')):20.4g}" for column in columns))
    starred = "\n* learned from rows with odd ones among them" if any("*" in name for name in rows) else ""
    return "\n".join(lines) + starred


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[], help="images, tables, tiles; all where left out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], choices=list(CONTENDERS))
    given = parser.parse_args()
    for part in given.parts or PARTS:
        run(part, seeds=given.seeds, only=given.only)


if __name__ == "__main__":
    main()
