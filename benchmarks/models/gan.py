"""A GAN of 28 x 28 pictures: classes, coverage, copies, sharpness, and inversion beside a VAE of as many latents.

Coverage is against 2,000 test pictures (64 principal components, k = 5), beside real against real; classes are named
by a judge that learned them from real pictures; samples come from the bundle's prior, and beside it from N(0, I);
inversion is PSNR on 500 test pictures. Leaves sheets of samples and strips from one latent point to another. A folder
that has a bundle is judged again without another fit.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import save_result
from benchmarks.models.classifier import learn_classes
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.distributions import Normal
from latentarium.measures import samples as s
from latentarium.models.inversion import invert
from latentarium.models.stored import model_from_weights
from latentarium.pictures.images import sheet
from latentarium.space import LatentSpace
from latentarium.training.fit import train
from latentarium.training.loop import Event
from latentarium.training.save import Source, save_fitted
from latentarium.training.settings import FitSettings

LATENT, N, K, INVERTED, VAE_STEPS = 64, 2000, 5, 500, 6000
BEGUN = {"net": "dense", "anchor": 0.01, "gamma": 40.0, "augment": 0.0, "patch": 4, "inversion": 0.15}


def psnr(made: Any, real: Any) -> float:
    """Decibels over all rows, peak 1."""
    return float(-10 * np.log10(np.square(np.clip(made, 0, 1) - real, dtype=np.float64).mean()))


def fitted_bundle(rows: Rows, folder: Path, settings: FitSettings, start: Any = None) -> Bundle:
    """The bundle in `folder`, fitted first where there is none."""
    if not (folder / "manifest.json").exists():
        workdir = folder.with_name(f"{folder.name}-fit")
        fitted = train(rows, settings, workdir=workdir, start=start, resume=workdir.exists(), callback=tell)
        save_fitted(fitted, folder, source=Source(spec=rows.source))
    return open_bundle(folder)


def quality(rows: Rows, space: LatentSpace) -> dict[str, Any]:
    """Scores of 2,000 samples against as many test rows."""
    real, known, other = rows.array("test")[:N], rows.array("train")[:20_000], rows.array("validation")[:N]
    made = np.clip(space.sample(N, seed=0), 0, 1)
    features = s.pixel_pca(known)
    held, seen, own, own_other = (features(part) for part in (real, known, made, other))
    judge, accuracy = learn_classes(rows)
    shares = np.bincount(judge(made), minlength=10) / N
    named = {
        m.__name__: round(m(held, own, k=K, draws=0).value, 4) for m in (s.precision, s.recall, s.density, s.coverage)
    }
    return {
        **named,
        "coverage_real_against_real": round(s.coverage(held, own_other, k=K, draws=0).value, 4),
        "frechet_distance": round(s.frechet_distance(held, own, draws=0).value, 4),
        "copies": round(s.copies(held, own, seen).value, 4),
        "sharpness_ratio": round(s.sharpness_ratio(real, made).value, 3),
        "class_shares": np.round(shares, 4).tolist(),
        "least_share_of_due": round(float(shares.min() * len(shares)), 3),
        "judge_accuracy": round(accuracy, 4),
    }


def inversion(rows: Rows, bundle: Bundle, vae: LatentSpace) -> dict[str, float]:
    """PSNR on test rows: from the encoder alone, after descent, and of a VAE of as many latents."""
    x, space = rows.array("test")[:INVERTED], bundle.space
    weights = bundle.tensors("model.safetensors")
    model = model_from_weights(bundle.manifest["architecture"], weights, bundle.modality, name=bundle.name)
    found = {
        "encoder": psnr(space.reconstruct(x), x),
        "inverted": psnr(space.decode(invert(model, x)), x),
        "vae": psnr(vae.reconstruct(x), x),
    }
    return {name: round(value, 2) for name, value in found.items()}


def draw(space: LatentSpace, folder: Path) -> None:
    """A sheet of samples and eight strips between two latent points."""
    sheet(np.clip(space.sample(120, seed=0), 0, 1), columns=15, scale=2).save(folder / "samples.png")
    ends = np.random.default_rng(1).standard_normal((2, 8, LATENT))
    path = [space.geometry.interpolate(a, b, steps=12) for a, b in zip(*ends, strict=True)]
    strips = space.decode(np.concatenate(path).astype(np.float32))
    sheet(np.clip(strips, 0, 1), columns=12, scale=2).save(folder / "strips.png")


def tell(event: Event) -> None:
    if event.kind in ("validation", "alarm"):
        print(event.step, json.dumps(dict(event.record)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fashion-mnist, or the path of mnist.npz")
    parser.add_argument("--steps", type=int, default=4000, help="of the game and its encoder")
    parser.add_argument("--plain", action="store_true", help="a game that does not begin as a VAE")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the fit")
    parser.add_argument("--folder", type=Path, default=Path("gan"), help="where bundle and pictures go")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/gan-DATA.json")
    given = parser.parse_args()
    rows = open_source(given.data)
    options = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in given.set)}
    given.folder.mkdir(parents=True, exist_ok=True)
    first = FitSettings.make(latent=LATENT, net="dense", steps=VAE_STEPS, threads=options.get("threads", 0))
    vae = fitted_bundle(rows, given.folder / "vae", first)
    start = None if given.plain else vae.tensors("model.safetensors")
    options = ({} if given.plain else BEGUN) | options
    settings = FitSettings.make(model="gan", latent=LATENT, steps=given.steps, **options)
    bundle = fitted_bundle(rows, given.folder / "gan", settings, start)
    space, made = bundle.space, bundle.manifest["provenance"]
    draw(space, given.folder)
    value = {
        "data": rows.name,
        "settings": options,
        "steps": made["steps"],
        "seconds": {"vae": round(vae.manifest["provenance"]["seconds"]), "gan": round(made["seconds"])},
        **quality(rows, space),
        "from_normal": quality(rows, space.with_prior(Normal.standard(LATENT))),
        "psnr": inversion(rows, bundle, vae.space),
        "alarms": made["alarms"],
    }
    print(json.dumps(value, indent=2))
    if given.save:
        words = f"{rows.name} --steps {given.steps}{' --plain' * given.plain} --set {' '.join(given.set)} --save"
        save_result(f"gan-{rows.name}", f"python -m benchmarks.models.gan {words}", value)


if __name__ == "__main__":
    main()
