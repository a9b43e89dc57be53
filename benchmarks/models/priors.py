"""Priors fitted after training: samples of an AE and a VAE of Fashion-MNIST under each, and nats of held-out codes.

Coverage, density and the Frechet distance compare 2,000 samples with as many test pictures (64 principal components of
the pixels, k = 5); copies is the share of samples nearer to a training picture than 99 % of test pictures are. Nats are
the mean of -log p(z) over 2,000 test rows, z a code of the AE or a draw of the VAE's posterior; they compare within one
model. The last line of each model decodes latents of validation rows: what a perfect prior would give.
"""

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.common import fashion_mnist, save_result
from latentarium.data.rows import Rows
from latentarium.distributions import describe
from latentarium.measures import samples as s
from latentarium.measures.score import Score, bootstrap_interval
from latentarium.space import LatentSpace
from latentarium.training.fit import train
from latentarium.training.priors import Encoded, encode_part, fit_prior, parse_prior
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

LATENT, N, K, SEED = 32, 2000, 5, 0
PRIORS: Mapping[str, tuple[str, ...]] = {
    "ae": ("normal", "mixture:1", "mixture:10", "mixture:100", "flow:8"),
    "vae": ("normal", "mixture:1", "mixture:10", "mixture:100", "vamp:500", "vamp:5000", "flow:8"),
}


class Judge:
    """Compares generated with real pictures by principal components that training pictures gave."""

    def __init__(self, rows: Rows) -> None:
        known = rows.array("train")[:20_000]
        self.features = s.pixel_pca(known)
        self.real, self.known = self.features(rows.array("test")[:N]), self.features(known)

    def scores(self, made: Any) -> dict[str, Any]:
        own = self.features(np.clip(made, 0, 1))
        found = [
            s.coverage(self.real, own, k=K),
            s.density(self.real, own, k=K),
            s.frechet_distance(self.real, own),
            s.copies(self.real, own, self.known),
        ]
        return {score.name: value_of(score) for score in found}


def value_of(score: Score) -> dict[str, Any]:
    """Value and 95 % interval."""
    return {"value": round(score.value, 4), "interval": [round(end, 4) for end in score.interval]}


def one_prior(space: LatentSpace, rows: Rows, text: str, model: str, judge: Judge) -> dict[str, Any]:
    """Fit a prior, draw from it, and price the latents of test rows with it."""
    began = time.perf_counter()
    choice = parse_prior(text, model=model)
    prior = fit_prior(
        choice,
        lambda part: encode_part(space, rows, part, seed=SEED),
        dim=space.dim,
        variational=model == "vae",
        seed=SEED,
    )
    spent = time.perf_counter() - began
    held = Encoded.of(space, rows.array("test")[:N]).draws(SEED)
    nats = -prior.log_prob(held)
    low, high = bootstrap_interval(nats)
    return {
        "model": model,
        "prior": describe(prior),
        "seconds": round(spent, 1),
        "nats": {"value": round(float(nats.mean()), 3), "interval": [round(low, 3), round(high, 3)]},
        **judge.scores(space.with_prior(prior).sample(N, seed=SEED)),
    }


def one_model(rows: Rows, model: str, seconds: float, judge: Judge) -> list[dict[str, Any]]:
    """Every prior of one model, and the latents of validation rows."""
    space = space_of_model(train(rows, FitSettings.make(model=model, latent=LATENT, time=seconds, seed=SEED)))
    lines = [one_prior(space, rows, text, model, judge) for text in PRIORS[model]]
    latents = Encoded.of(space, rows.array("validation")[:N]).draws(SEED)
    return [*lines, {"model": model, "prior": "validation rows", **judge.scores(space.decode(latents))}]


def table(lines: list[dict[str, Any]]) -> str:
    """The lines for a person."""
    names = ("coverage", "density", "frechet_distance", "copies", "nats")
    shown = [f"{'model':6}{'prior':38}" + "".join(f"{name:>28}" for name in names) + f"{'seconds':>9}"]
    for line in lines:
        cells = "".join(f"{_cell(line.get(name)):>28}" for name in names)
        shown.append(f"{line['model']:6}{line['prior']:38}{cells}{line.get('seconds', ''):>9}")
    return "\n".join(shown)


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    low, high = found["interval"]
    return f"{found['value']:.4g} [{low:.4g}, {high:.4g}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="training time of each model")
    parser.add_argument("--models", nargs="*", default=list(PRIORS), choices=list(PRIORS))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/priors.json")
    given = parser.parse_args()
    rows = fashion_mnist()
    judge = Judge(rows)
    lines = [line for model in given.models for line in one_model(rows, model, given.seconds, judge)]
    print(json.dumps(lines, indent=2) if given.json else table(lines))
    if given.save:
        command = f"python -m benchmarks.models.priors --seconds {given.seconds:g} --models {' '.join(given.models)}"
        save_result("priors", command, {"priors": lines})


if __name__ == "__main__":
    main()
