"""Which modes a GAN keeps: eight blobs on a ring, and stacked MNIST with its thousand; ours beside a plainer game.

Three digits, one a channel, make a thousand modes; a judge with about 99 % on each channel names them in 26,000
samples (the protocol of Metz et al. 2017 and its successors). The plainer game has no pairing and penalises the slopes
at real rows alone, with everything else the same. A third game begins as a VAE and is anchored to its rows.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import save_result
from benchmarks.models.classifier import learn_classes
from latentarium.data import open_source, rows_from_arrays
from latentarium.data.rows import Rows
from latentarium.training.fit import Fitted, train
from latentarium.training.save import space_of, space_of_model
from latentarium.training.settings import FitSettings

Name = Callable[[NDArray[np.float32]], NDArray[np.int64]]
"""Samples (n, c, h, w) to the numbers of their modes, -1 for none."""
GAMES: dict[str, dict[str, Any]] = {"ours": {}, "plainer": {"pairing": False, "penalties": "real"}}
BEGUN = {"net": "dense", "anchor": 0.02, "gamma": 40.0, "augment": 0.0, "patch": 4, "inversion": 0.15}
VAE_STEPS = 5000
SIDE, SPREAD, RADIUS, JITTER = 16, 1.3, 5.0, 0.4


def ring(count: int = 20_000) -> tuple[Rows, Name, int]:
    """Pictures of one blob, at one of eight places on a ring; a sample belongs to the place that correlates most."""
    grid = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    angle = np.arange(8) * np.pi / 4
    places = RADIUS * np.stack([np.sin(angle), np.cos(angle)], axis=1)

    def blobs(centres: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = grid[None] - centres[:, :, None, None]
        return np.exp(-0.5 * (gap**2).sum(1) / SPREAD**2)

    random = np.random.default_rng(0)
    centres = places[random.integers(0, 8, count)] + JITTER * random.standard_normal((count, 2))
    known = blobs(places).reshape(8, -1)
    known /= np.linalg.norm(known, axis=1, keepdims=True)

    def name(samples: NDArray[np.float32]) -> NDArray[np.int64]:
        flat = samples.reshape(len(samples), -1)
        likeness = flat @ known.T / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
        return np.where(likeness.max(1) > 0.85, likeness.argmax(1), -1)

    return rows_from_arrays((255 * blobs(centres)[:, None]).astype(np.uint8)), name, 8


def stacked(path: str, count: int = 100_000) -> tuple[Rows, Name, int]:
    """Random triples of MNIST's training digits as the channels of a picture."""
    digits = open_source(path)
    judge, accuracy = learn_classes(digits, steps=4000)
    print(f"judge: {accuracy:.2%} right", flush=True)
    pool = digits.raw[digits.splits["train"]].reshape(-1, 28, 28)
    triples = pool[np.random.default_rng(0).integers(0, len(pool), (count, 3))]

    def name(samples: NDArray[np.float32]) -> NDArray[np.int64]:
        return sum(10**k * judge(np.ascontiguousarray(samples[:, k : k + 1])) for k in range(3))  # type: ignore[return-value]

    return rows_from_arrays(triples), name, 1000


def found(numbers: NDArray[np.int64], modes: int) -> dict[str, Any]:
    """Modes that occur, and KL(samples || uniform) in nats over those that belong to one."""
    shares = np.bincount(numbers[numbers >= 0], minlength=modes) / max(1, (numbers >= 0).sum())
    kept = shares[shares > 0]
    return {
        "modes": len(kept),
        "kl": round(float((kept * np.log(kept * modes)).sum()), 4) if len(kept) else None,
        "of_no_mode": round(float((numbers < 0).mean()), 4),
    }


def played(rows: Rows, steps: int, options: dict[str, Any]) -> Fitted:
    """A game from nothing."""
    settings = {"model": "gan", "latent": 64, "steps": steps, "inversion": 0.01, **options}
    return train(rows, FitSettings.make(**settings))


def begun(rows: Rows, steps: int) -> Fitted:
    """A game that begins as a VAE."""
    vae = train(rows, FitSettings.make(net="dense", latent=64, steps=VAE_STEPS, threads=1))
    start = {name: value.numpy() for name, value in vae.model.state_dict().items()}
    return train(rows, FitSettings.make(model="gan", latent=64, steps=steps, threads=1, **BEGUN), start=start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="ring, or the path of mnist.npz")
    parser.add_argument("--steps", type=int, default=2000, help="of each game")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of both games")
    parser.add_argument("--games", nargs="+", choices=[*GAMES, "begun"], default=list(GAMES))
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/modes-DATA.json")
    given = parser.parse_args()
    short = "ring" if given.data == "ring" else "stacked"
    rows, name, modes = ring() if short == "ring" else stacked(given.data)
    options = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in given.set)}
    samples = 2000 if short == "ring" else 26_000
    value: dict[str, Any] = {"modes": modes, "samples": samples, "steps": given.steps}
    for game in given.games:
        begins = game == "begun"
        fitted = begun(rows, given.steps) if begins else played(rows, given.steps, options | GAMES[game])
        made = np.clip((space_of if begins else space_of_model)(fitted).sample(samples, seed=0), 0, 1)
        value[game] = {**found(name(made), modes), "seconds": round(fitted.seconds), "alarms": fitted.alarms}
        print(game, json.dumps(value[game], indent=2), flush=True)
    if given.save:
        some = given.games != list(GAMES)
        words = f"{Path(given.data).name} --steps {given.steps}" + f" --games {' '.join(given.games)}" * some
        words += f" --set {' '.join(given.set)}" * bool(given.set) + " --save"
        ending = f"-{'-'.join(given.games)}" * some
        save_result(f"modes-{short}{ending}", f"python -m benchmarks.models.modes {words}", value)


if __name__ == "__main__":
    main()
