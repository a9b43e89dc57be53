"""Lines of text: what a code says of its line, and what the space costs beside a language model of the same decoder.

    python -m benchmarks.models.text PATH/text/fortunes_en.json
    python -m benchmarks.models.text PATH/text/clinc150/data_full.json --name clinc150

Lines are cut into parts by a seed where the file has none; all numbers are of lines of the test part. The language
model is the decoder alone, told nothing of a line, trained by the same loop with the same settings for as many steps as
both stages of the VAE have together, and its best validation is kept as the VAE's is. Both fits are kept under `build`
and go on where they were stopped; `--only` trains one of them.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.common import save_result
from benchmarks.models.bleu import self_bleu
from latentarium.applications.paths import blend
from latentarium.data import TextModality, open_texts
from latentarium.data.rows import Rows
from latentarium.data.texts import END
from latentarium.distributions import Normal
from latentarium.measures import active_units, importance_weighted_bound, mutual_information, rate
from latentarium.measures.score import Score, bootstrap_interval
from latentarium.models.autoencoder import Autoencoder, build
from latentarium.objectives import rae
from latentarium.rng import generator
from latentarium.space import LatentSpace
from latentarium.training import loop
from latentarium.training.batches import Batches, View
from latentarium.training.bound import BOUND
from latentarium.training.checkpoint import load_checkpoint
from latentarium.training.fit import Fitted, train
from latentarium.training.runtime import open_runtime
from latentarium.training.save import space_of
from latentarium.training.saved import saver
from latentarium.training.schedule import Plan
from latentarium.training.settings import FitSettings

SAMPLES, PIECE = 100, 100
SHOWN, FRAMES = 6, 7
SETTINGS: dict[str, Any] = {
    "batch_size": 32,
    "latent": 16,
    "width": 64,
    "learning_rate": 4e-3,
    "clip": 5.0,
    "kl_warmup": 0.5,
    "validations": 5,
    "validation_rows": 256,
    "threads": 1,
}


def main() -> None:
    """Fit or go on, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--name")
    parser.add_argument("--pairs", type=int, default=512)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument(
        "--rows", type=int, default=500, help="of the test part, for the likelihoods; others have 2,000"
    )
    parser.add_argument("--only", choices=("vae", "model"))
    given = parser.parse_args()
    name = given.name or given.source.stem
    rows = open_texts(given.source, pairs=given.pairs, size=given.size)
    place = Path("build") / f"text-{name}-{given.steps}"
    settings = FitSettings.make(**SETTINGS, steps=given.steps)
    fitted = None if given.only == "model" else _space(rows, settings, place / "vae")
    model = None if given.only == "vae" else _language_model(rows, settings, place / "model")
    if fitted is None or model is None:
        return
    result = {**_settings(fitted), **_measured(fitted, model, rows, given.rows)}
    for key, value in result.items():
        print(f"{key}: {value}")
    where = f"../shared/data/text/{given.source.name if given.name is None else f'{name}/{given.source.name}'}"
    words = f"python -m benchmarks.models.text {where}{f' --name {name}' if given.name else ''}"
    how = f"--pairs {given.pairs} --size {given.size} --steps {given.steps} --rows {given.rows}"
    save_result(f"text-{name}", f"{words} {how}", result)


def _space(rows: Rows, settings: FitSettings, place: Path) -> Fitted:
    return train(rows, settings, workdir=place, resume=(place / "checkpoint.safetensors").exists())


def _settings(fitted: Fitted) -> dict[str, Any]:
    settings, rows = fitted.settings.to_json(), fitted.rows
    return {
        "rows": {name: len(numbers) for name, numbers in rows.splits.items()},
        "symbols": rows.modality.data_shape[0],
        "symbols_of_a_row": rows.modality.data_shape[1],
        "notes": list(rows.notes),
        "parameters": sum(p.numel() for p in fitted.model.parameters()),
        "settings": {name: settings[name] for name in (*_NAMED, *SETTINGS) if name in settings},
        "latent": fitted.settings.architecture.latent,
        "width": fitted.settings.architecture.width,
        "seconds": fitted.seconds,
        "alarms": fitted.alarms,
    }


_NAMED = ("steps", "pretrain", "free_rate", "seed")


def _measured(fitted: Fitted, model: Autoencoder, rows: Rows, count: int) -> dict[str, Any]:
    """Nats that a code costs and those it knows of its line; nats of a line, and those of the language model."""
    space, prior = space_of(fitted), Normal.standard(fitted.settings.architecture.latent)
    order = generator(0, 1).permutation(rows.splits["test"])
    few, many = (np.sort(order[:most]) for most in (count, 2000))
    x = rows.array(many)
    cost, known = rate(space, x, prior=prior), mutual_information(space, x, prior=prior)
    bound = importance_weighted_bound(space, rows.array(few), samples=SAMPLES, n=len(few), prior=prior)
    plain = _nll(model, rows, few)
    again = rows.modality.to_raw(space.reconstruct(x))
    written = np.asarray(rows.raw[many]) != END
    return {
        "kl": _told(cost),
        "mutual_information": {**_told(known), "bound": "lower"},
        "active_units": active_units(space, x).value,
        "nll_importance_weighted": {**_told(bound), "samples": SAMPLES},
        "nll_language_model": {
            "value": float(plain.mean()),
            "interval": bootstrap_interval(plain, seed=0),
            "n": len(plain),
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "nll_over_language_model": bound.value / float(plain.mean()) - 1,
        "symbols_that_come_back": float((again == rows.raw[many])[written].mean()),
        "self_bleu": _alike(space, rows, few),
        "shown": _shown(space, rows, few),
    }


def _told(score: Score) -> dict[str, Any]:
    return {"value": score.value, "interval": score.interval, "n": score.n}


def _alike(space: LatentSpace, rows: Rows, chosen: NDArray[np.int64]) -> dict[str, Any]:
    """How alike draws of the prior are among each other, beside as many lines of the test part."""
    modality = rows.modality
    assert isinstance(modality, TextModality)
    drawn = modality.to_raw(space.sample(len(chosen), seed=0))
    both = {"samples": drawn, "data": np.asarray(rows.raw[chosen])}
    found = {name: self_bleu(modality.texts(raw)) for name, raw in both.items()}
    return {
        name: {"value": float(scores.mean()), "interval": bootstrap_interval(scores, seed=0), "n": len(scores)}
        for name, scores in found.items()
    }


class _Silent(nn.Module):
    """Says nothing of a row."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.latent)


def _language_model(rows: Rows, settings: FitSettings, place: Path) -> Autoencoder:
    """The same decoder without a code, after as many steps."""
    own = replace(settings.architecture, variational=False).settle(rows.modality, rows.array(slice(0, 1)))
    settings = replace(settings, model="ae", objective=rae(0.0), architecture=own)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        whole = build(own, rows.modality)
    model = Autoencoder(_Silent(own.latent), whole.decoder, whole.likelihood, variational=False)
    runtime = open_runtime(settings)
    source = Batches(
        rows.raw,
        rows.splits["train"],
        rows.modality,
        batch_size=settings.batch_size,
        seed=settings.seed,
        device=runtime.device,
    )
    held, steps = rows.splits["validation"], settings.steps or 1
    most = settings.validation_rows or len(held)
    job = loop.Job(
        recipe=BOUND,
        settings=settings,
        plan=Plan(
            steps=steps,
            validate_every=max(1, steps // settings.validations),
            checkpoint_every=max(1, steps // 10),
            precision=runtime.precision,
            compile=False,
            threads=1,
            device=runtime.device.type,
            processes=1,
        ),
        runtime=runtime,
        batches=source,
        validation_rows=View(source, held[:: max(1, len(held) // most)][:most]),
        save=saver(place, {}),
        hear=lambda _: None,
    )
    state = BOUND.new_state(model, settings)
    if (place / "checkpoint.safetensors").exists():
        loop.restore(state, load_checkpoint(place / "checkpoint.safetensors"))
    loop.run(job, state)
    return loop.final_weights(state)


@torch.inference_mode()
def _nll(model: Autoencoder, rows: Rows, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    found = []
    for start in range(0, len(chosen), PIECE):
        x = torch.from_numpy(rows.array(chosen[start : start + PIECE]))
        found.append(-model.likelihood.log_prob(model(x, None).params, x).double().numpy())
    return np.concatenate(found)


def _shown(space: LatentSpace, rows: Rows, chosen: NDArray[np.int64]) -> dict[str, Any]:
    """Lines as they come back, ways between two of them, and draws."""
    modality = rows.modality
    assert isinstance(modality, TextModality)
    x = rows.array(chosen[: 2 * SHOWN])
    codes = space.encode(x)
    lines, again = (modality.texts(modality.to_raw(array)) for array in (x, space.decode(codes)))
    ways = [blend(space, codes[[i, i + 1]], steps=FRAMES) for i in range(0, 2 * SHOWN - 1, 4)]
    return {
        "reconstructions": [list(pair) for pair in zip(lines, again, strict=True)],
        "interpolations": [modality.texts(modality.to_raw(way)) for way in ways],
        "samples": modality.texts(modality.to_raw(space.sample(2 * SHOWN, seed=0))),
    }


if __name__ == "__main__":
    main()
