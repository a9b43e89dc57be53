"""Melodies: how many notes come back, what the code is worth, and whether the way between two tunes stays musical.

    python -m benchmarks.models.melody PATH/melodies                     two bars, the default net
    python -m benchmarks.models.melody PATH/melodies --net recurrent     each symbol read from those before it
    python -m benchmarks.models.melody PATH/melodies --bars 16           sixteen bars under a conductor
    python -m benchmarks.models.melody PATH/melodies --bundle src/latentarium/shipped/melody-vae    the one that ships

Tunes are cut into parts by a seed, variants of one tune together; all numbers are of the test part. `--bundle` keeps
the fit, or takes one that is there.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.common import save_result
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source
from latentarium.data.music.attributes import estimated_keys, in_key, melody_attributes, pitch_classes, sounding_pitches
from latentarium.data.rows import Rows
from latentarium.measures import note_f1_between
from latentarium.measures.evidence import Evidence
from latentarium.measures.information import active_units_of, distortion_of, rate_of
from latentarium.models.stored import model_from_weights
from latentarium.nn.likelihoods import Recurrent
from latentarium.rng import generator
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.save import Source
from latentarium.training.settings import FitSettings

Raw = NDArray[np.uint8]
PAIRS, FRAMES, SAMPLES = 500, 9, 2000
PIECE = 500
SILENCE = 12
"""Semitones between a pitch and silence."""


def main() -> None:
    """Fit or open, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--bars", type=int, default=2)
    parser.add_argument("--net", default="auto", choices=("auto", "recurrent"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--latent", type=int, default=0)
    parser.add_argument("--prior", default="mixture:10")
    parser.add_argument("--bundle", type=Path)
    given = parser.parse_args()
    rows = open_source(given.source, size=given.bars)
    bundle = _bundle(given, rows)
    result = {**_settings(bundle, rows), **_reconstruction(bundle, rows), "samples": _samples(bundle, rows)}
    result["interpolation"] = _interpolation(bundle, rows)
    for name, value in result.items():
        print(f"{name}: {value}")
    name = f"melody-{given.bars}-bars" + ("" if given.net == "auto" else f"-{given.net}")
    words = f"python -m benchmarks.models.melody ../shared/data/melodies --bars {given.bars} --net {given.net}"
    how = f"--steps {given.steps}" if given.bundle is None else f"--bundle {given.bundle.as_posix()}"
    save_result(name, f"{words} {how}", result)


def _bundle(given: argparse.Namespace, rows: Rows) -> Bundle:
    place = given.bundle or Path("build") / f"melody-{given.bars}-{given.net}"
    if place.exists():
        return open_bundle(place)
    options = {"net": given.net, "steps": given.steps, "latent": given.latent, "prior": given.prior, "threads": 1}
    source = Source(spec=str(given.source.resolve()), size=given.bars)
    return fit_to_bundle(rows, FitSettings.make(**options), Place(path=place), source=source)


def _settings(bundle: Bundle, rows: Rows) -> dict[str, Any]:
    made = bundle.manifest["provenance"]
    parts = {name: len(numbers) for name, numbers in rows.splits.items()}
    return {
        "rows": parts,
        "latent": bundle.manifest["shape"][0],
        "objective": made["settings"]["objective"],
        "prior": bundle.manifest["prior"],
        "parameters": made["parameters"],
        "steps": made["steps"],
        "seconds": made["seconds"],
        "threads": made["torch_threads"],
        "seed": made["settings"]["seed"],
    }


def _reconstruction(bundle: Bundle, rows: Rows) -> dict[str, Any]:
    """Free-running notes, and the accuracy of symbols beside what guesses without the row's code reach."""
    raw = np.asarray(rows.raw[rows.splits["test"]])
    codes = _encoded(bundle, raw)
    again = _decoded(bundle, codes)
    score = note_f1_between(bundle.modality.to_array(raw), bundle.modality.to_array(again))
    train = np.asarray(rows.raw[rows.splits["train"]])
    commonest = np.bincount(train.ravel()).argmax()
    at_step = np.array([np.bincount(column).argmax() for column in train.T])
    shuffled = generator(0, 1).permutation(len(raw))
    evidence = Evidence.of(bundle.space, bundle.modality.to_array(raw))
    struck = raw >= 2
    forced, swapped = (_forced(bundle, raw, z) for z in (codes, codes[shuffled]))
    return {
        "note_f1": {"value": score.value, "interval": score.interval, "n": score.n},
        "rate": rate_of(evidence).value,
        "distortion": distortion_of(evidence).value,
        "active_units": active_units_of(evidence).value,
        "accuracy": {
            "teacher_forced": _share(forced == raw),
            "free_running": _share(again == raw),
            "shuffled_codes": _share(swapped == raw),
            "unigram": _share(raw == commonest),
            "unigram_of_the_step": _share(raw == at_step),
            "holds_among_symbols": _share(raw == 1),
        },
        "accuracy_of_notes": {
            "teacher_forced": _share((forced == raw)[struck]),
            "free_running": _share((again == raw)[struck]),
            "shuffled_codes": _share((swapped == raw)[struck]),
        },
    }


def _forced(bundle: Bundle, raw: Raw, codes: NDArray[np.float32]) -> Raw:
    """The likeliest symbol at each step given the row's own symbols before it; without a loop the same as decoding."""
    made = bundle.manifest["architecture"]
    model = model_from_weights(made, bundle.tensors("model.safetensors"), bundle.modality, name=bundle.name).eval()
    if not isinstance(model.likelihood, Recurrent):
        return _decoded(bundle, codes)
    found = []
    for start in range(0, len(raw), PIECE):
        x = torch.from_numpy(bundle.modality.to_array(raw[start : start + PIECE]))
        with torch.inference_mode():
            params = model.params(torch.from_numpy(codes[start : start + PIECE]))
            found.append(model.likelihood.logits(params, x).argmax(1).numpy())
    return np.concatenate(found).astype(np.uint8)


def _samples(bundle: Bundle, rows: Rows) -> dict[str, Any]:
    """What draws of the prior have in common with the data."""
    drawn = bundle.modality.to_raw(bundle.space.sample(SAMPLES, seed=0))
    data = np.asarray(rows.raw[rows.splits["test"]])
    common = _overlaps(drawn, data)
    return {"n": SAMPLES, "samples": _traits(drawn), "overlap_with_the_data": common, "data": _traits(data)}


def _traits(raw: Raw) -> dict[str, float]:
    found = melody_attributes(raw)
    pitches = sounding_pitches(raw)
    means = {name: float(found[name].mean()) for name in ("density", "range", "syncopation")}
    return {**means, "in_key": float(in_key(raw).mean()), "silent": _share(pitches < 0)}


def _overlaps(raw: Raw, data: Raw) -> dict[str, float]:
    """What `raw` has in common with the data, 1 less the total variation: of the 24 keys, as estimated for each row,
    and of how long each of the 12 pitch classes sounds.
    """
    pairs = {"keys": (_keys(raw), _keys(data)), "pitch_classes": (pitch_classes(raw), pitch_classes(data))}
    return {name: overlap(first.sum(0), second.sum(0)) for name, (first, second) in pairs.items()}


def _keys(raw: Raw) -> NDArray[np.float64]:
    """Which of the 24 keys each row is in (n, 24)."""
    tonics, modes = estimated_keys(raw)
    return np.eye(24)[tonics + 12 * modes]


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """1 less the total variation between two distributions given as counts: 1 for the same, 0 where none is in both."""
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def _interpolation(bundle: Bundle, rows: Rows) -> dict[str, Any]:
    """Straight ways between codes of two test tunes: how far the frames are from the first, and their traits."""
    random = generator(0, 2)
    test = rows.splits["test"]
    pairs = min(PAIRS, len(test) // 2)
    ends = np.asarray(rows.raw[np.sort(random.choice(test, 2 * pairs, replace=False))])
    ends = ends[random.permutation(len(ends))]
    codes = _encoded(bundle, ends).reshape(pairs, 2, -1)
    ways = np.linspace(0, 1, FRAMES, dtype=np.float32)[None, :, None]
    points = codes[:, :1] * (1 - ways) + codes[:, 1:] * ways
    frames = _decoded(bundle, points.reshape(-1, points.shape[2])).reshape(pairs, FRAMES, -1)
    data = np.asarray(rows.raw[test])
    heard = sounding_pitches(data)
    span = np.quantile(heard[heard >= 0], [0.005, 0.995])
    between = frames[:, 1:-1].reshape(-1, frames.shape[2])
    heard = sounding_pitches(between)
    return {
        "pairs": pairs,
        "frames": FRAMES,
        "monotone": {name: _monotone(distances) for name, distances in distances_from_first(frames).items()},
        "within_the_data's_pitches": _share((heard >= span[0])[heard >= 0] & (heard <= span[1])[heard >= 0]),
        "pitches_of_the_data": span.tolist(),
        "frames_between": _traits(between),
        "overlap_with_the_data": {"frames_between": _overlaps(between, data), "ends": _overlaps(ends, data)},
        "data": _traits(data),
    }


def distances_from_first(frames: Raw) -> dict[str, NDArray[np.float64]]:
    """How far each frame is from the first (pairs, frames), as means over all steps: the share of other symbols, and
    the semitones between the pitches that sound, where a step in which only one of the two sounds counts as an octave.
    """
    pitches = sounding_pitches(frames.reshape(-1, frames.shape[2])).reshape(frames.shape)
    first = pitches[:, :1]
    apart = np.where((pitches >= 0) & (first >= 0), np.abs(pitches - first), SILENCE * ((pitches < 0) != (first < 0)))
    return {"symbols": (frames != frames[:, :1]).mean(2), "pitches, semitones": apart.mean(2)}


def _monotone(distances: NDArray[np.float64]) -> dict[str, Any]:
    """On how many ways no frame is nearer to the first than the one before it, with a 95 % interval (Wilson)."""
    steps = np.diff(distances, axis=1)
    ways = (steps >= 0).all(1)
    found = binomtest(int(ways.sum()), len(ways)).proportion_ci(method="wilson")
    return {"ways": _share(ways), "interval": [found.low, found.high], "steps": _share(steps >= 0)}


def _encoded(bundle: Bundle, raw: Raw) -> NDArray[np.float32]:
    parts = range(0, len(raw), PIECE)
    return np.concatenate([bundle.space.encode(bundle.modality.to_array(raw[p : p + PIECE])) for p in parts])


def _decoded(bundle: Bundle, codes: NDArray[np.float32]) -> Raw:
    parts = range(0, len(codes), PIECE)
    return np.concatenate([bundle.modality.to_raw(bundle.space.decode(codes[p : p + PIECE])) for p in parts])


def _share(found: NDArray[Any]) -> float:
    return float(np.asarray(found).mean())


if __name__ == "__main__":
    main()
