"""Files: what is written comes back bit for bit, as small as the model says, on any machine's arithmetic."""

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.contract.models import custom_modules

import latentarium as la
from latentarium.applications.compression.chunks import SEED_ROWS
from latentarium.applications.compression.codec import CHUNK_ROWS, Lossy, compress, open_compressed
from latentarium.applications.compression.container import Writer
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput
from latentarium.measures import information

Levels = NDArray[np.uint8]


@pytest.mark.parametrize("mode", ["direct", "bits-back"])
@pytest.mark.parametrize("rows", [1, 17, 200])
def test_lossless(dense: Bundle, digits: Levels, tmp_path: Path, mode: str, rows: int) -> None:
    written = compress(dense, digits[:rows], tmp_path / "a.lsc", mode=mode, chunk_rows=90)
    assert written.bytes == (tmp_path / "a.lsc").stat().st_size
    assert "raw" not in written.chunks
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        assert len(stored) == rows
        assert (stored[:] == digits[:rows]).all()


def test_lossless_with_convolutions_and_no_neighbours(conv: Bundle, digits: Levels, tmp_path: Path) -> None:
    compress(conv, digits[:100], tmp_path / "a.lsc")
    with open_compressed(conv, tmp_path / "a.lsc") as stored:
        assert stored.header.mode == "bits-back"
        assert (stored[:] == digits[:100]).all()


def test_bits_back_costs_what_the_bound_says(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    x = dense.modality.to_array(digits)
    bound = information.negative_elbo(dense.space, x).value / np.log(2) / x[0].size
    sizes = {
        mode: compress(dense, digits, tmp_path / "a.lsc", mode=mode).bits_per_dimension
        for mode in ("bits-back", "direct")
    }
    assert sizes["bits-back"] == pytest.approx(bound, rel=0.02)
    assert sizes["bits-back"] < sizes["direct"] < 1.1 * bound


def test_rows_of_any_slice(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    compress(dense, digits[:130], tmp_path / "a.lsc", chunk_rows=40)
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        for rows in (slice(39, 41), slice(120, 130), slice(None, None, 50), slice(5, 5), slice(-3, None)):
            assert (stored[rows] == digits[:130][rows]).all()


def test_reading_some_rows_reads_no_other_chunk(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    compress(dense, digits[:120], tmp_path / "a.lsc", chunk_rows=40)
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        first, second = int(stored.reader.offsets[0]), int(stored.reader.offsets[1])
    spoilt = bytearray((tmp_path / "a.lsc").read_bytes())
    spoilt[first:second] = bytes(second - first)
    (tmp_path / "b.lsc").write_bytes(spoilt)
    with open_compressed(dense, tmp_path / "b.lsc") as stored:
        assert (stored[40:80] == digits[40:80]).all()


def test_lossy_is_smaller_with_a_larger_step(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    found = [
        compress(dense, digits, tmp_path / f"{step}.lsc", mode="lossy", lossy=Lossy(step=step))
        for step in (0.5, 3.5, 20)
    ]
    sizes, quality = [f.bytes for f in found], [f.psnr or 0.0 for f in found]
    assert sizes == sorted(sizes, reverse=True)
    assert quality == sorted(quality, reverse=True)
    mean = np.mean((dense.space.reconstruct(dense.modality.to_array(digits)) - digits / 255) ** 2)
    assert quality[0] == pytest.approx(-10 * np.log10(mean), abs=0.1)
    with open_compressed(dense, tmp_path / "0.5.lsc") as stored:
        error = np.mean((stored[:].astype(float) - digits) ** 2)
    assert quality[0] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-6)


def test_rows_unlike_the_training_set_cost_no_more_than_xz(dense: Bundle, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 1, 8, 8), dtype=np.uint8)
    written = compress(dense, noise, tmp_path / "a.lsc")
    assert written.chunks == {"raw": 1}
    assert written.bytes < noise.size + 300
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        assert (stored[:] == noise).all()


@pytest.mark.parametrize("mode", ["bits-back", "lossy"])
@pytest.mark.parametrize("net", ["dense", "conv"])
def test_batch_size_changes_no_bit(
    request: pytest.FixtureRequest, digits: Levels, tmp_path: Path, net: str, mode: str
) -> None:
    bundle = request.getfixturevalue(net)
    compress(bundle, digits[:150], tmp_path / "a.lsc", mode=mode)
    found = []
    for batch in (1, 7, 64):
        with open_compressed(bundle, tmp_path / "a.lsc", batch_size=batch) as stored:
            found.append(stored[:])
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


SETTINGS = [
    {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    {"OPENBLAS_CORETYPE": "Nehalem"},
    {"OPENBLAS_CORETYPE": "Sandybridge", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX FMA3 AVX2"},
]
CHILD = """
import sys, zlib
from latentarium.bundle import open_bundle
from latentarium.applications.compression.codec import open_compressed
bundle = open_bundle(sys.argv[1])
for name in sys.argv[2:]:
    with open_compressed(bundle, name, batch_size=33) as stored:
        print(zlib.crc32(stored[:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS, ids=["threads", "Nehalem", "Sandybridge"])
def test_decodes_with_other_libraries_alike(
    conv: Bundle, digits: Levels, tmp_path: Path, settings: dict[str, str]
) -> None:
    """In a process whose matrix library and NumPy use other instructions, or other threads, every bit is the same."""
    import zlib

    names = []
    for mode in ("bits-back", "lossy"):
        compress(conv, digits[:150], tmp_path / f"{mode}.lsc", mode=mode)
        names.append(str(tmp_path / f"{mode}.lsc"))
    with open_compressed(conv, names[1]) as stored:
        expected = [zlib.crc32(digits[:150]), zlib.crc32(stored[:])]
    arguments = [sys.executable, "-W", "ignore", "-c", CHILD, str(conv.path), *names]
    found = subprocess.run(arguments, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert [int(line) for line in found.stdout.split()] == expected


def test_another_model_is_refused_before_anything_is_decoded(
    dense: Bundle, conv: Bundle, digits: Levels, tmp_path: Path
) -> None:
    compress(dense, digits[:20], tmp_path / "a.lsc")
    with pytest.raises(InvalidInput, match="another model: it needs [0-9a-f]{16}, .* is [0-9a-f]{16}"):
        open_compressed(conv, tmp_path / "a.lsc")


def test_a_failure_leaves_the_old_file(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    compress(dense, digits[:20], tmp_path / "a.lsc")
    before = (tmp_path / "a.lsc").read_bytes()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(dense, digits[:40], tmp_path / "a.lsc", progress=stop)
    assert (tmp_path / "a.lsc").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.lsc"]


def test_reads_a_chunk_at_a_time(dense: Bundle, tmp_path: Path) -> None:
    """Rows come from a memory map in pieces, never all at once."""
    asked: list[slice] = []

    class Watched:
        dtype, shape = np.dtype(np.uint8), (3000, 1, 8, 8)

        def __len__(self) -> int:
            return 3000

        def __getitem__(self, rows: slice) -> Levels:
            asked.append(rows)
            return np.zeros((len(range(*rows.indices(3000))), 1, 8, 8), np.uint8)

    compress(dense, Watched(), tmp_path / "a.lsc")  # type: ignore[arg-type]
    assert max(len(range(*rows.indices(3000))) for rows in asked) <= CHUNK_ROWS
    assert len(asked) > 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "zip"}, "mode"),
        ({"chunk_rows": 0}, "chunk_rows"),
    ],
)
def test_bad_settings(dense: Bundle, digits: Levels, tmp_path: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        compress(dense, digits[:5], tmp_path / "a.lsc", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_rows_may_be_a_list(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    compress(dense, list(digits[:5]), tmp_path / "a.lsc")  # type: ignore[arg-type]
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        assert (stored[:] == digits[:5]).all()
    for rows in ([1, 2, 3], [digits[0], digits[0, 0]], digits[:2].tolist()):
        with pytest.raises(InvalidInput, match="rows must be"):
            compress(dense, rows, tmp_path / "b.lsc")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "says"), [({"step": 0.0}, "step"), ({"step": float("nan")}, "step"), ({"effort": -1}, "effort")]
)
def test_bad_settings_of_a_lossy_file(settings: dict[str, float], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Lossy(**settings)  # type: ignore[arg-type]


def test_ids_are_kept(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    rows = la.open_source("digits").select(np.arange(40))
    named = dataclasses.replace(rows, ids=np.array([f"köln/{7 * i}.jpg" for i in range(40)]))
    numbered = dataclasses.replace(rows, ids=np.array([f"{i:06d}" for i in range(40)]))
    sizes = {}
    for name, given in (("named", named), ("numbered", numbered), ("bare", digits[:40])):
        written = compress(dense, given, tmp_path / name, mode="direct", chunk_rows=15)
        with open_compressed(dense, tmp_path / name) as stored:
            expected = named.ids if name == "named" else np.arange(40).astype(str)
            assert stored.ids.tolist() == expected.tolist()
            assert (stored[:] == digits[:40]).all()
        sizes[name] = (written.bytes - written.id_bytes, written.id_bytes > 0)
    # a length and a checksum of the ids
    assert sizes == {
        "bare": (sizes["bare"][0], False),
        "numbered": (sizes["bare"][0], False),
        "named": (sizes["bare"][0] + 8, True),
    }


def test_a_file_of_the_first_minor_version_opens(
    dense: Bundle, digits: Levels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compress(dense, digits[:5], tmp_path / "a.lsc", mode="direct")
    assert (tmp_path / "a.lsc").read_bytes()[8:10] == bytes([1, 1])
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        header, chunk = stored.header, stored.reader.chunk(0)
    monkeypatch.setattr("latentarium.applications.compression.container.MINOR", 0)
    file = io.BytesIO()
    writer = Writer(file, header)
    writer.add(chunk)
    writer.close()
    assert file.getvalue()[9] == 0
    (tmp_path / "old.lsc").write_bytes(file.getvalue())
    with open_compressed(dense, tmp_path / "old.lsc") as stored:
        assert (stored[:] == digits[:5]).all()


def test_effort_makes_a_lossy_file_better_at_its_size(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    """Both files lie on a line of rate and distortion; descent moves the line."""
    plain = [
        compress(dense, digits[:300], tmp_path / "a.lsc", mode="lossy", lossy=Lossy(step=step)) for step in (2.0, 3.5)
    ]
    better = compress(dense, digits[:300], tmp_path / "b.lsc", mode="lossy", lossy=Lossy(step=3.5, effort=60))
    slope = (plain[0].psnr - plain[1].psnr) / (plain[0].bytes - plain[1].bytes)  # type: ignore[operator]
    at_its_size = plain[1].psnr + slope * (better.bytes - plain[1].bytes)  # type: ignore[operator]
    assert better.psnr is not None
    assert better.psnr > at_its_size + 0.1
    with open_compressed(dense, tmp_path / "b.lsc") as stored:
        assert len(stored[:]) == 300


def test_spaces_that_cannot(tmp_path: Path, digits: Levels) -> None:
    la.fit("digits", model="ae", latent=2, width=8, steps=2, precision="fp32", out=tmp_path / "ae", progress=False)
    bundle = la.open_bundle(tmp_path / "ae")
    with pytest.raises(InvalidInput, match=r"without loss.*--mode lossy"):
        compress(bundle, digits[:5], tmp_path / "a.lsc")
    written = compress(bundle, digits[:50], tmp_path / "a.lsc", mode="lossy")
    with open_compressed(bundle, tmp_path / "a.lsc") as stored:
        assert stored[:].shape == (50, 1, 8, 8)
    assert written.psnr is not None
    assert written.psnr > 5


def test_networks_that_are_not_ours(tmp_path: Path, digits: Levels) -> None:
    """ONNX graphs decode, but with whatever bits the machine gives: the file says so, and checks the codes instead."""
    modules = custom_modules()
    options = {"latent": 4, "steps": 5, "precision": "fp32", "progress": False}
    la.fit("digits", encoder=modules.encoder, decoder=modules.decoder, out=tmp_path / "own", **options)
    bundle = la.open_bundle(tmp_path / "own")
    compress(bundle, digits[:40], tmp_path / "a.lsc", mode="lossy")
    with open_compressed(bundle, tmp_path / "a.lsc") as stored:
        assert not stored.header.exact
        mean = bundle.modality.to_raw(bundle.space.reconstruct(bundle.modality.to_array(digits[:40])))
        assert np.abs(stored[:].astype(float) - mean).mean() < 20
    with pytest.raises(InvalidInput, match=r"without loss.*--mode lossy"):
        compress(bundle, digits[:40], tmp_path / "a.lsc", mode="direct")
    with pytest.raises(InvalidInput, match="effort"):
        compress(bundle, digits[:40], tmp_path / "a.lsc", mode="lossy", lossy=Lossy(effort=5))


def test_a_small_chunk_is_all_seed(dense: Bundle, digits: Levels, tmp_path: Path) -> None:
    """Bits-back with no rows but those that are coded directly."""
    compress(dense, digits[:SEED_ROWS], tmp_path / "a.lsc", mode="bits-back")
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        assert (stored[:] == digits[:SEED_ROWS]).all()
