"""Conditional models: how often a judge that learned from real pictures sees the class that was asked for.

Each model is fitted with `condition = label`, then draws as many samples of each class. Beside the agreement on samples
stands that on real test pictures, which is the judge's accuracy.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import save_result
from benchmarks.models.classifier import learn_classes
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.measures.score import bootstrap_interval
from latentarium.pictures.images import sheet
from latentarium.training.fit import Fitted, train
from latentarium.training.save import space_of
from latentarium.training.settings import FitSettings

EACH = 200
MODELS: Mapping[str, Mapping[str, Any]] = {
    "vae": {},
    "ae": {"model": "ae"},
    "gan": {"model": "gan", "net": "dense", "anchor": 0.03, "gamma": 40.0, "augment": 0.0, "patch": 4},
}
GAME_STEPS = 1500
"""Of the GAN, which goes on from the VAE."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fashion-mnist, digits, or the path of mnist.npz")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["vae", "ae"])
    parser.add_argument("--seconds", type=float, default=60.0, help="training time of each")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--pictures", type=Path, help="folder for sheets of samples, a line for each class")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/conditional-DATA.json")
    given = parser.parse_args()
    rows = open_source(given.data)
    judge, accuracy = learn_classes(rows)
    names = [str(name) for name in np.unique(rows.columns["label"])]
    found: dict[str, Any] = {"judge_on_real": round(accuracy, 4), "samples_of_each_class": EACH}
    for model in given.models:
        space = space_of(_fitted(rows, model, seconds=given.seconds, threads=given.threads))
        made = [np.clip(space.given(name).sample(EACH, seed=i), 0, 1) for i, name in enumerate(names)]
        agree = np.stack([judge(part) == i for i, part in enumerate(made)]).astype(float)
        low, high = bootstrap_interval(agree.ravel())
        found[model] = {
            "agreement": round(float(agree.mean()), 4),
            "interval": [round(low, 4), round(high, 4)],
            "by_class": dict(zip(names, np.round(agree.mean(1), 3).tolist(), strict=True)),
        }
        print(model, json.dumps(found[model]), flush=True)
        if given.pictures is not None:
            lines = np.concatenate([part[:15] for part in made])
            sheet(lines, columns=15, scale=2).save(given.pictures / f"conditional-{rows.name}-{model}.png")
    if given.save:
        words = f"{Path(given.data).name} --models {' '.join(given.models)} --seconds {given.seconds:g}"
        words += f" --threads {given.threads}" * bool(given.threads) + " --save"
        save_result(f"conditional-{rows.name}", f"python -m benchmarks.models.conditional {words}", found)


def _fitted(rows: Rows, model: str, *, seconds: float, threads: int) -> Fitted:
    options = {"condition": ("label",), "threads": threads, **MODELS[model]}
    if model != "gan":
        return train(rows, FitSettings.make(time=seconds, **options))
    vae = train(rows, FitSettings.make(condition=("label",), threads=threads, net="dense", time=seconds))
    start = {name: value.numpy() for name, value in vae.model.state_dict().items()}
    return train(rows, FitSettings.make(steps=GAME_STEPS, **options), start=start)


if __name__ == "__main__":
    main()
