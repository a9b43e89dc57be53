"""Files written once must be readable for ever: the very bytes that a fixed model and fixed rows give."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.applications.compression.codec import compress, open_compressed
from latentarium.bundle import MODEL, Bundle, arrays_writer, create_bundle, table_writer
from latentarium.data.modalities import ImageModality
from latentarium.models.autoencoder import Architecture, build
from latentarium.nn.likelihoods.autoregressive import COMPONENTS

EXPECTED = {
    ("dense", "direct"): "cab1b4b60133a85f",
    ("dense", "bits-back"): "357b4c3a2b53d527",
    ("conv", "bits-back"): "5c61c88b5bc3f7cf",
    ("ladder", "direct"): "9631dc6c280ded4e",
}


def whole_numbers(shape: tuple[int, ...], start: int) -> NDArray[np.float32]:
    """Values from -1/128 to 1/128 that follow from whole numbers alone."""
    count = int(np.prod(shape))
    return (((np.arange(count) + start) * 7919 % 1021 - 510) / 65536).astype(np.float32).reshape(shape)


def fixed_bundle(net: str, path: Path) -> Bundle:
    """A bundle whose weights no random generator has chosen."""
    modality = ImageModality(channels=3, height=10, width=12)
    wanted = Architecture(net=net, latent=3, width=8, likelihood="autoregressive")
    architecture = wanted.settle(modality, np.zeros((2, 3, 10, 12), np.float32))
    shapes = {name: tuple(tensor.shape) for name, tensor in build(architecture, modality).state_dict().items()}
    weights = {name: whole_numbers(shape, at) for at, (name, shape) in enumerate(sorted(shapes.items()))}
    # narrow components, as wide as the rows need
    weights["decoder.shift"].reshape(-1, 3, 10, 12)[2 * COMPONENTS : 3 * COMPONENTS] = -3.5
    ids, codes = np.array(["a", "b"]), np.zeros((2, architecture.latent), np.float32)
    manifest = {
        "name": "fixed",
        "shape": [architecture.latent],
        "modality": modality.to_json(),
        "architecture": architecture.to_json(),
        "data": {},
        "provenance": {},
    }
    rows = {"id": ids, "split": np.array(["train", "train"]), "kept": np.zeros(2, bool)}
    writers = {
        MODEL: arrays_writer(weights),
        "rows.parquet": table_writer(rows),
        "codes.parquet": table_writer({"id": ids, "code": codes}),
    }
    return create_bundle(path, manifest, writers)


@pytest.mark.parametrize(("net", "mode"), EXPECTED)
def test_the_same_bytes_for_ever(net: str, mode: str, tmp_path: Path) -> None:
    bundle = fixed_bundle(net, tmp_path / "space")
    # near the middle grey that such weights expect
    levels = (np.arange(40 * 360) ** 2 * 2654435761 % 2**32 >> 29).astype(np.uint8).reshape(40, 3, 10, 12) + 124
    compress(bundle, levels, tmp_path / "a.lsc", mode=mode, chunk_rows=30)
    with open_compressed(bundle, tmp_path / "a.lsc") as stored:
        assert (stored[:] == levels).all()
        chunks = list(stored.reader.chunks())
        told = stored.header.units.tobytes() + b"".join(chunk.payload for chunk in chunks)
    assert {chunk.kind for chunk in chunks} == {{"direct": 1, "bits-back": 2}[mode]}
    assert hashlib.sha256(told).hexdigest()[:16] == EXPECTED[net, mode]
