import functools
import gzip
import shutil
import struct
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from latentarium.data import open_source
from latentarium.data.named import FASHION_DEBIAN, FASHION_SHA256, IDX_NAMES, download_idx
from latentarium.errors import InvalidInput, LatentariumError

needs_fashion = pytest.mark.skipif(
    not FASHION_DEBIAN.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed"
)


@needs_fashion
def test_fashion_mnist_has_its_own_test_part_and_class_names() -> None:
    rows = open_source("fashion-mnist")
    assert rows.raw.shape == (70_000, 1, 28, 28)
    assert {part: len(rows.splits[part]) for part in rows.splits} == {
        "train": 55_000,
        "validation": 5000,
        "test": 10_000,
    }
    assert rows.splits["test"][0] == 60_000
    assert rows.ids[[0, 60_000]].tolist() == ["train/000000", "test/000000"]
    assert rows.columns["label"][:2].tolist() == ["Ankle boot", "T-shirt/top"]
    assert np.unique(rows.columns["label"][60_000:], return_counts=True)[1].tolist() == [1000] * 10


@needs_fashion
def test_a_damaged_cache_is_named_rather_than_used(cache: Path) -> None:
    shutil.copytree(FASHION_DEBIAN, cache / "fashion-mnist")
    labels = cache / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[-1] ^= 1
    labels.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(LatentariumError, match=r"t10k-labels.*SHA-256"):
        open_source("fashion-mnist")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()
        thread.join()


@needs_fashion
def test_a_download_is_checked_and_kept(server: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = server
    for name in FASHION_SHA256:
        (folder / f"{name}.gz").symlink_to(FASHION_DEBIAN / f"{name}.gz")
    target = download_idx(tmp_path / "kept", address)
    assert sorted(path.name for path in target.iterdir()) == sorted(f"{name}.gz" for name in IDX_NAMES)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    (target / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(LatentariumError, match="SHA-256"):
        download_idx(target, address)
    assert not (target / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_failed_download_says_both_ways_out(server: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(LatentariumError, match=r"apt install dataset-fashion-mnist.* or put the four") as caught:
        download_idx(tmp_path / "kept", server[1])
    assert "\n" not in str(caught.value)


def write_idx(path: Path, array: np.ndarray) -> None:
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        write_idx(folder / f"{part}-images-idx3-ubyte", random.integers(0, 256, (count, 12, 9)))
        write_idx(folder / f"{part}-labels.idx1-ubyte.gz", np.arange(count) % 10)
    return folder


def test_a_folder_in_mnists_layout_is_recognised(idx_folder: Path, cache: Path) -> None:
    rows = open_source(idx_folder)
    assert rows.raw.shape == (80, 1, 12, 9)
    assert rows.splits["test"].tolist() == list(range(60, 80))
    assert rows.columns["label"][:12].tolist() == [*range(10), 0, 1]
    shutil.copytree(idx_folder, cache / "mnist")
    assert np.array_equal(open_source("mnist").raw, rows.raw)


def test_a_truncated_idx_file_is_named(idx_folder: Path) -> None:
    path = idx_folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InvalidInput, match="train-images-idx3-ubyte"):
        open_source(idx_folder)
    packed = idx_folder / "t10k-labels.idx1-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-5])
    with pytest.raises(InvalidInput):
        open_source(idx_folder)


def test_mnist_by_path_and_by_name(test_data: Path, cache: Path) -> None:
    archive = test_data / "mnist" / "mnist.npz"
    rows = open_source(archive)
    assert rows.raw.shape == (70_000, 1, 28, 28)
    assert rows.ids[60_000] == "test/000000"
    assert np.unique(rows.columns["label"]).tolist() == list(range(10))
    (cache / "mnist").mkdir()
    (cache / "mnist" / "mnist.npz").symlink_to(archive)
    assert open_source("mnist").fingerprint == rows.fingerprint


def test_absent_mnist_says_where_to_put_it(cache: Path) -> None:
    with pytest.raises(InvalidInput, match=r"mnist.npz"):
        open_source("mnist")


def test_digits_use_the_whole_range() -> None:
    rows = open_source("digits")
    assert rows.raw.shape == (1797, 1, 8, 8)
    assert rows.raw.min() == 0
    assert rows.raw.max() == 255
    assert len(np.unique(rows.raw)) == 17
    assert open_source("digits", size=16).raw.shape == (1797, 1, 16, 16)
