"""Disentanglement of six models on two worlds whose factors are known, seed by seed: median and range of each score.

All models of a world see the same pictures for as many steps with the same networks, without linear paths. Each cell
of the table (world, model, seed) is a file of its own, so that a run goes on where it was stopped. Ada-GVAE alone is
told more: which rows differ in one factor. Beside the models stand the factors themselves, as they are and under a
random rotation.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import RESULTS, machine
from latentarium.data import rows_from_arrays
from latentarium.data.factors import FactorSource, scene, sprites
from latentarium.data.rows import Rows
from latentarium.files import write_text
from latentarium.measures import disentanglement as d
from latentarium.training.fit import train
from latentarium.training.pairs import with_pairs
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

LATENT, MEASURED = 10, 10_000
COMMON: Mapping[str, Any] = {
    "latent": LATENT, "linear": False, "net": "dense", "width": 256, "depth": 2, "batch_size": 64,
    "learning_rate": 1e-3, "free_nats": 0.0, "likelihood": "bernoulli", "validations": 2, "threads": 1,
}  # fmt: skip
ONE_BY_ONE: Mapping[str, Any] = {"kl_start": 40.0, "kl_warmup": 0.8}
"""A KL term that falls from 40 times its weight: what makes the axes of a total correlation those of the factors."""
MODELS: Mapping[str, Mapping[str, Any]] = {
    "known": {},
    "rotated": {},
    "vae": {},
    "beta-vae": {"objective": "beta:4", "kl_start": 10.0, "kl_warmup": 0.8},
    "beta-tcvae": {"objective": "beta-tc:20", **ONE_BY_ONE},
    "factor-vae": {"objective": "factor:6.4", **ONE_BY_ONE},
    "qlae": {"model": "ae", "quantiser": "qlae:10"},
    "ada-gvae": {"objective": "ada-gvae:1"},
}
WORLDS: Mapping[str, Callable[[], FactorSource]] = {
    "sprites": lambda: sprites(size=32, orientations=10, positions=12),
    "scene": lambda: scene(size=32, hues=5, sizes=4, lights=7),
}
SCORES = {
    "InfoM": d.infom, "InfoE": d.infoe, "InfoC": d.infoc, "DCI": d.dci_disentanglement, "MIG": d.mig, "MCC": d.mcc,
}  # fmt: skip


def open_world(source: FactorSource) -> Rows:
    """All combinations of the factors once, with partners that differ in one factor."""
    table = source.check(np.stack(np.unravel_index(np.arange(len(source)), source.sizes), axis=1))
    return with_pairs(rows_from_arrays(source.render(table)), table)


def cell(source: FactorSource, rows: Rows, model: str, *, seed: int, steps: int) -> dict[str, Any]:
    """Score the codes of `MEASURED` combinations: of a model fitted to the rows, or the factors themselves."""
    began = time.perf_counter()
    table = source.sample(min(MEASURED, len(source)), seed=0)
    codes = factor_codes(source.values(table), turned=model == "rotated", seed=seed)
    if model not in ("known", "rotated"):
        fitted = train(rows, FitSettings.make(**{**COMMON, **MODELS[model]}, steps=steps, seed=seed))
        codes = space_of_model(fitted).encode(rows.modality.to_array(source.render(table)))
    scores = {name: round(score(codes, table).value, 4) for name, score in SCORES.items()}
    return {"scores": scores, "seconds": round(time.perf_counter() - began, 1)}


def factor_codes(values: NDArray[np.float64], *, turned: bool, seed: int) -> NDArray[Any]:
    """The factors (n, k) as codes, or in common units under a random rotation."""
    if not turned:
        return values
    basis = np.random.default_rng(seed).standard_normal((values.shape[1],) * 2)
    return (values - values.mean(0)) / values.std(0) @ np.linalg.qr(basis)[0]


def run(folder: Path, worlds: list[str], models: list[str], seeds: int, steps: int) -> None:
    """Fill in the cells that are missing, seed by seed, so that a table can be read early."""
    for world in worlds:
        source = WORLDS[world]()
        rows = open_world(source)
        for seed in range(seeds):
            for model in models:
                place = folder / f"{world}-{model}-{steps}-{seed}.json"
                if not place.exists():
                    found = cell(source, rows, model, seed=seed, steps=steps)
                    write_text(place, json.dumps({**found, "machine": machine()}) + "\n")
                    print(f"{place.stem}: {found['scores']}, {found['seconds']:.0f} s", flush=True)


def table(folder: Path, worlds: list[str], models: list[str], steps: int) -> str:
    """Median [least, greatest] of each score over the seeds that are there, as Markdown."""
    lines = [f"| {' | '.join(['world', 'model', 'seeds', *SCORES])} |", "|---" * (3 + len(SCORES)) + "|"]
    for world in worlds:
        for model in models:
            cells = [json.loads(p.read_text()) for p in sorted(folder.glob(f"{world}-{model}-{steps}-*.json"))]
            if cells:
                values = [[c["scores"][name] for c in cells] for name in SCORES]
                shown = [f"{np.median(v):.2f} [{min(v):.2f}, {max(v):.2f}]" for v in values]
                lines.append(f"| {' | '.join([world, model, str(len(cells)), *shown])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--folder", type=Path, default=RESULTS / "disentanglement")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    run(given.folder, given.worlds, given.models, given.seeds, given.steps)
    found = table(given.folder, given.worlds, given.models, given.steps)
    print(found)
    spent = sum(json.loads(place.read_text())["seconds"] for place in given.folder.glob(f"*-{given.steps}-*.json"))
    words = f"`make bench-factors`: {given.steps:,} steps, {spent / 3600:.1f} hours of one core for all cells."
    write_text(given.folder / "table.md", f"{words} Median [least, greatest] over seeds.\n\n{found}\n")


if __name__ == "__main__":
    main()
