"""The codec beside PNG, WebP, JPEG, xz and PCA: one container of held-out pictures, every byte of it counted.

lossless: the 10,000 test pictures of Fashion-MNIST, which neither model nor settings have seen. The model's size is
printed beside; PNG and WebP are one file a picture, xz is one file of all pictures' bytes.
lossy: faces of CelebA at 64 x 64 that the models were not trained on, over rate. PCA is coded to the entropy of its
rounded coefficients under the training rows' histograms, with no container at all; headers of WebP and JPEG are not
counted (30 bytes; all that comes before the scan).
plain: 32 numbers a row in Parquet, with the model of the lossless part.
Models are fitted first, or taken from --models where an earlier run has left them.
"""

import argparse
import dataclasses
import functools
import json
import lzma
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.applications.faces import COPIES, with_altered
from benchmarks.applications.rates import Curve, bd_rate, pca_curve, picture_curve, psnr_at
from benchmarks.common import fashion_mnist, save_result
from latentarium.applications.codes import read_codes, write_codes
from latentarium.applications.compression.codec import Lossy, compress, decibels, open_compressed
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.files import default_cache
from latentarium.measures import information
from latentarium.training.api import Place, fit_to_bundle
from latentarium.training.save import Source
from latentarium.training.settings import FitSettings

Levels = NDArray[np.uint8]
CLOTHES = {"likelihood": "autoregressive", "batch_size": 128, "steps": 4000, "threads": 1}
FACES = {
    "faces-24": {"net": "conv", "latent": 192, "objective": "beta:24", "steps": 24000},
    "faces-12": {"net": "conv", "latent": 192, "objective": "beta:12", "steps": 24000},
    "faces-17": {
        "net": "conv",
        "latent": 192,
        "objective": "beta:17",
        "steps": 5000,
        "learning_rate": 6e-4,
        "kl_warmup": 0.0,
        "from": "faces-12",
        "copies": 5,
    },
    "faces-3": {"net": "conv", "latent": 768, "objective": "beta:3", "steps": 4000},
}
"""Few bytes to many; one goes on from another with fewer altered rows beside each real one."""
FACE_SETTINGS = {"likelihood": "gaussian", "batch_size": 64, "threads": 1}
STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.5)
SIDE, MOST_BYTES, EFFORT = 64, 400, 60
SMALL = (32, 48, 64)
PARTS = ("lossless", "plain", "lossy")


def fitted(folder: Path, name: str, rows: Callable[[], Rows], options: dict[str, Any], spec: str) -> Bundle:
    """The bundle called `name`, fitted where it is not there; a fit that was interrupted goes on."""
    start = options.pop("from", None)
    place = Place(path=folder / name, start=folder / start if start else None)
    if place.path.is_dir():
        return open_bundle(place.path)
    print(f"fitting {name}: {json.dumps(options)}", flush=True)
    place = dataclasses.replace(place, resume=place.unfinished)
    return fit_to_bundle(rows(), FitSettings.make(**options), place, source=Source(spec=spec))


def timed(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What a function gives, and the seconds it took by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    found = function()
    return found, {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - processor}


def lossless(folder: Path, scratch: Path) -> dict[str, Any]:
    """Bits per dimension of every contender, and the codec's speed both ways."""
    rows = fashion_mnist()
    bundle = fitted(folder, "clothes", lambda: rows, {**CLOTHES}, "fashion-mnist")
    raw = np.asarray(rows.raw[rows.splits["test"]])
    bound = information.negative_elbo(bundle.space, rows.array("test"))
    bits = bound.value / np.log(2) / raw[0].size
    found: dict[str, Any] = {"rows": len(raw), "settings": CLOTHES, "elbo_bits_per_dimension": round(bits, 4)}
    for mode in ("bits-back", "direct"):
        found[mode] = _both_ways(bundle, raw, scratch / "clothes.lsc", mode)
        found[mode]["over_elbo_percent"] = round(100 * (found[mode]["bits_per_dimension"] / bits - 1), 3)
        print(mode, json.dumps(found[mode]), flush=True)
    packed = {
        "PNG": sum(len(_encoded(x, "PNG", optimize=True)) for x in raw),
        "WebP": sum(len(_encoded(x, "WEBP", lossless=True, method=6, quality=100)) for x in raw),
        "xz": len(lzma.compress(raw.tobytes(), preset=9 | lzma.PRESET_EXTREME)),
    }
    found["others"] = {name: {"bytes": size, "bits_per_dimension": _rate(size, raw)} for name, size in packed.items()}
    print(json.dumps(found["others"]), flush=True)
    return found


def _both_ways(bundle: Bundle, raw: Levels, path: Path, mode: str) -> dict[str, Any]:
    written, there = timed(lambda: compress(bundle, raw, path, mode=mode))
    with open_compressed(bundle, path) as stored:
        again, back = timed(lambda: stored[:])
    assert (again == raw).all()
    return {
        "bytes": written.bytes,
        "bits_per_dimension": round(written.bits_per_dimension, 4),
        "model_bytes": written.model_bytes,
        "compress_per_second": round(len(raw) / there["seconds"]),
        "decompress_per_second": round(len(raw) / back["seconds"]),
        "compress_per_cpu_second": round(len(raw) / there["cpu_seconds"]),
        "decompress_per_cpu_second": round(len(raw) / back["cpu_seconds"]),
    }


def _encoded(x: Levels, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    Image.fromarray(x[0]).save(out, kind, **options)
    return out.getvalue()


def _rate(size: int, raw: Levels) -> float:
    return round(8 * size / raw.size, 4)


def plain(folder: Path, scratch: Path) -> dict[str, Any]:
    """32 numbers a row to Parquet and back, with the model of the lossless part; row ids are in the file too."""
    rows = fashion_mnist()
    bundle = fitted(folder, "clothes", lambda: rows, {**CLOTHES}, "fashion-mnist")
    test, path = rows.select("test"), scratch / "codes.parquet"
    for _ in write_codes(bundle, test, path, labels=False):
        pass
    again = bundle.modality.to_raw(bundle.space.decode(read_codes(path, bundle=bundle).codes))
    squares = int(((again.astype(np.int64) - test.raw) ** 2).sum())
    size = path.stat().st_size
    found = {
        "numbers": bundle.space.dim,
        "bytes": size,
        "bytes_a_row": round(size / len(test), 1),
        "psnr": round(decibels(squares, again.size), 2),
    }
    print("plain", json.dumps(found), flush=True)
    return found


def lossy(folder: Path, scratch: Path, data: Path) -> dict[str, Any]:
    """Rate and distortion of faces, and what they come to: gain over PCA at few bytes, BD-rate against WebP."""
    rows = open_source(data, size=SIDE)
    raw = np.asarray(rows.raw[rows.splits["test"]])
    curves = {"PCA": pca_curve(np.asarray(rows.raw[rows.splits["train"]]), raw)}
    curves |= {kind: picture_curve(raw, kind) for kind in ("WEBP", "JPEG")}
    points: Curve = []
    for name, chosen in FACES.items():
        options = {**FACE_SETTINGS, **chosen}
        more = functools.partial(with_altered, rows, data, copies=options.pop("copies", COPIES))
        bundle = fitted(folder, name, more, options, str(data))
        for step in STEPS:
            written = compress(bundle, raw, scratch / "faces.lsc", mode="lossy", lossy=Lossy(step=step, effort=EFFORT))
            assert written.psnr is not None
            points.append((written.bytes / len(raw), written.psnr))
            print(name, step, points[-1], flush=True)
    curves["latentarium"] = sorted(points)
    found = {"rows": len(raw), "settings": {**FACE_SETTINGS, **FACES}, "curves": curves, **_verdict(curves)}
    print(json.dumps({key: found[key] for key in ("gain_over_pca", "bd_rate_percent")}, indent=2), flush=True)
    return found


def _verdict(curves: dict[str, Curve]) -> dict[str, Any]:
    ours = curves["latentarium"]
    # a size that a curve does not reach has no gain
    gains = {str(size): psnr_at(ours, size) - psnr_at(curves["PCA"], size) for size in SMALL}
    gain = {size: round(value, 3) if np.isfinite(value) else None for size, value in gains.items()}
    others = {name: round(bd_rate(curve, ours, most=MOST_BYTES), 1) for name, curve in curves.items() if curve != ours}
    return {"gain_over_pca": gain, "bd_rate_percent": others}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=("lossless", "plain", "lossy"), default=("lossless", "plain", "lossy")
    )
    parser.add_argument("--models", type=Path, default=default_cache() / "benchmarks" / "compression")
    parser.add_argument("--data", type=Path, help="CelebA's folder, for the lossy part")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/compression-PART.json")
    given = parser.parse_args()
    scratch = given.models / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "lossless": lambda: lossless(given.models, scratch),
        "plain": lambda: plain(given.models, scratch),
        "lossy": lambda: lossy(given.models, scratch, given.data),
    }
    for name in given.only:
        found = parts[name]()
        if given.save:
            save_result(
                f"compression-{name}", f"python -m benchmarks.applications.compression --only {name} --save", found
            )


if __name__ == "__main__":
    main()
