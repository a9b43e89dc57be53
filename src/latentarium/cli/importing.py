"""`import`."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentarium.cli.output import bold, counting, emit, say
from latentarium.errors import InvalidInput, invalid


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user said of the model files, as written on the command line."""

    models: tuple[Path, ...]
    encoder: Path | None
    decoder: Path | None
    shape: str | None
    latent_shape: str | None
    channels_last: bool | None
    values: str


def run_import(wanted: Wanted, given: Mapping[str, Any], *, out: Path, overwrite: bool, as_json: bool) -> None:
    """Read the model, encode its data, write the bundle."""
    # a .keras file opens on any backend, and this is the one whose graphs can be written
    os.environ["KERAS_BACKEND"] = "torch"
    from latentarium.adapters.halves import Wiring
    from latentarium.applications.importing import Data, Foreign, Told, import_model
    from latentarium.distributions import describe
    from latentarium.training.api import Place

    began = time.perf_counter()
    if not (wanted.models or wanted.encoder or wanted.decoder):
        raise InvalidInput(
            "MODEL is missing; give a .keras, .onnx, .npz or .safetensors file, or a folder of diffusers"
        )
    wiring = Wiring(
        shape=_whole(wanted.shape, "--shape"),
        latent_shape=_whole(wanted.latent_shape, "--latent-shape"),
        values=_pair(wanted.values),
    )
    foreign = Foreign(
        models=wanted.models,
        encoder=wanted.encoder,
        decoder=wanted.decoder,
        wiring=wiring,
        channels_last=wanted.channels_last,
    )
    with counting("importing") as tell:
        bundle = import_model(foreign, Data(**given), Place(path=out, overwrite=overwrite), Told(tell, say))
    space, data = bundle.space, bundle.manifest["data"]
    prior = None if bundle.prior is None else describe(bundle.prior)
    result = {
        "bundle": str(out),
        "capabilities": sorted(space.capabilities),
        "latent_shape": list(space.shape),
        "data_shape": list(space.data_shape),
        "rows": data["rows"],
        "decoded": data["decoded"],
        "prior": prior,
        "seconds": {"total": round(time.perf_counter() - began, 1)},
    }
    rows = f"{data['rows']:,} rows" if not data["decoded"] else f"{data['rows']:,} decoded draws in place of rows"
    words = f"{bold(out)} is ready: {rows} {space.data_shape}, codes {space.shape}, prior {prior or 'none'}; "
    emit(result, as_json=as_json, words=words + f"next: {bold(f'latentarium measure {out}')}")


def _whole(text: str | None, option: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.replace("x", ",").split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 2**20 for part in parts):
        raise invalid(option, "whole numbers with commas between them, such as 28,28", text)
    return tuple(map(int, parts))


def _pair(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise invalid("--values", "two numbers with a comma between them, such as -1,1", text) from None
    return low, high
