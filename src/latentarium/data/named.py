"""The sets known by name (fashion-mnist, mnist, digits, sprites, scene), and MNIST-like files wherever they lie."""

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.data.arrayfiles import read_npz
from latentarium.data.draft import Draft, number_ids
from latentarium.data.factors import FactorSource, scene, sprites
from latentarium.data.levels import picture_rows
from latentarium.data.storage import Reading
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.files import write_bytes

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FASHION_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FASHION_ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# of the uncompressed content, which is the same whoever packed it
FASHION_SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
IDX_NAMES = tuple(FASHION_SHA256)
MNIST_VALIDATION = 5000
RENDERED_ROWS = 10_000
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
Pair = tuple[NDArray[Any], NDArray[Any]]


def open_fashion_mnist(reading: Reading) -> Draft:
    """Fashion-MNIST from the cache, else the Debian package, else its public address; contents are checked."""
    own = reading.cache / "fashion-mnist"
    folder = next((f for f in (own, FASHION_DEBIAN) if is_idx_folder(f)), None)
    if folder is None:
        folder = download_idx(own, FASHION_ADDRESS)
    arrays = [_read_idx(find_idx(folder, name), FASHION_SHA256[name]) for name in IDX_NAMES]
    names = np.array(FASHION_CLASSES)
    return two_parts("fashion-mnist", (arrays[0], names[arrays[1]]), (arrays[2], names[arrays[3]]), reading)


def open_mnist(reading: Reading) -> Draft:
    """MNIST from `mnist.npz` or the four idx files in the cache folder `mnist`."""
    folder = reading.cache / "mnist"
    if is_idx_folder(folder):
        return open_idx_folder(folder, reading, name="mnist")
    archive = folder / "mnist.npz"
    if archive.is_file():
        return open_two_part_npz(archive, reading)
    raise InvalidInput(
        f"mnist must lie in {folder} as mnist.npz or as the four idx files, got neither; "
        "put it there, or pass the path of mnist.npz or of the folder"
    )


def open_digits(reading: Reading) -> Draft:
    """The 8x8 digits that ship with scikit-learn, their levels 0-16 scaled to 0-255."""
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    raw = np.rint(np.asarray(pictures).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images, notes = picture_rows(raw, "digits", reading)
    return Draft(
        name="digits",
        images=images,
        ids=number_ids(len(raw), "digits/"),
        columns={"label": np.asarray(labels, np.int64)},
        notes=notes,
    )


def open_sprites(reading: Reading) -> Draft:
    """10,000 white sprites; the levels of their factors are columns, the kind of shape is the label."""
    return rendered(sprites(), reading)


def open_scene(reading: Reading) -> Draft:
    """10,000 pictures of a lit solid in a room; the levels of factors are columns, the solid the label."""
    return rendered(scene(), reading)


def rendered(source: FactorSource, reading: Reading) -> Draft:
    """Rows drawn from the grid of a source, rendered at the size asked for; the same rows whatever the size."""
    height, width = reading.frame or (source.size, source.size)
    if height != width:
        raise invalid("size", f"one side for the square pictures of {source.name}", f"{height}x{width}")
    table = source.sample(RENDERED_ROWS, seed=0)
    columns: dict[str, NDArray[Any]] = {name: table[:, k] for k, name in enumerate(source.names)}
    for name, words in source.classes.items():
        columns["label"] = np.array(words)[columns[name]]
    return Draft(
        name=source.name,
        images=source.render(table, size=height),
        ids=number_ids(len(table), f"{source.name}/"),
        columns=columns,
    )


def is_idx_folder(folder: Path) -> bool:
    """Whether the four files of an MNIST-like set are there, packed or not."""
    return folder.is_dir() and all(_find(folder, name) is not None for name in IDX_NAMES)


def open_idx_folder(folder: Path, reading: Reading, *, name: str | None = None) -> Draft:
    """Any set in MNIST's layout: train-images-idx3-ubyte and the three others, packed or not."""
    train_x, train_y, test_x, test_y = (_read_idx(find_idx(folder, part)) for part in IDX_NAMES)
    name = name or folder.resolve().name
    return two_parts(name, (train_x, train_y.astype(np.int64)), (test_x, test_y.astype(np.int64)), reading)


def is_two_part_npz(path: Path) -> bool:
    """Whether an archive has MNIST's four arrays; nothing but its list of names is read."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{key}.npy" for key in _NPZ_KEYS} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def open_two_part_npz(path: Path, reading: Reading) -> Draft:
    """An archive with x_train, y_train, x_test, y_test."""
    arrays = read_npz(path)
    absent = [key for key in _NPZ_KEYS if key not in arrays]
    if absent:
        raise invalid(path.name, f"an archive with {', '.join(_NPZ_KEYS)}", f"no {', '.join(absent)}")
    train, test = ((arrays[f"x_{part}"], _as_labels(arrays[f"y_{part}"])) for part in ("train", "test"))
    return two_parts(path.stem, train, test, reading)


def two_parts(name: str, train: Pair, test: Pair, reading: Reading) -> Draft:
    """Rows of a set with a test part of its own; 5,000 validation rows (a tenth of a small set) are drawn later."""
    for part, (pictures, labels) in (("train", train), ("test", test)):
        if len(pictures) != len(labels) or pictures.shape[1:] != train[0].shape[1:] or pictures.ndim < 3:
            shapes = f"{pictures.shape} and {len(labels)} labels"
            raise invalid(f"the {part} part of {name}", "pictures of one size with a label each", shapes)
    counts = len(train[0]), len(test[0])
    images, notes = picture_rows(np.concatenate([train[0], test[0]]), name, reading)
    return Draft(
        name=name,
        images=images,
        ids=np.concatenate([number_ids(counts[0], "train/"), number_ids(counts[1], "test/")]),
        columns={"label": np.concatenate([train[1], test[1]])},
        test=np.arange(counts[0], sum(counts)),
        validation_rows=MNIST_VALIDATION if counts[0] > 10 * MNIST_VALIDATION else 0.1,
        notes=notes,
    )


def download_idx(folder: Path, address: str) -> Path:
    """Fetch the four packed files of Fashion-MNIST into `folder`, each checked before it gets its name."""
    for name, expected in FASHION_SHA256.items():
        if _find(folder, name) is None:
            _download(f"{address}{name}.gz", folder / f"{name}.gz", expected)
    return folder


def find_idx(folder: Path, name: str) -> Path:
    """The file called `name`, packed or not."""
    found = _find(folder, name)
    if found is None:
        raise invalid(f"{folder}", f"a folder with {name} or {name}.gz", "neither")
    return found


def _find(folder: Path, name: str) -> Path | None:
    dotted = name.replace("-idx", ".idx")
    names = (name, f"{name}.gz", dotted, f"{dotted}.gz")
    return next((folder / n for n in names if (folder / n).is_file()), None)


def _download(address: str, path: Path, expected: str) -> None:
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            packed = response.read()
        content = gzip.decompress(packed)
    except (OSError, http.client.HTTPException, EOFError, zlib.error) as error:
        raise LatentariumError(
            f"fashion-mnist is neither in {path.parent} nor in {FASHION_DEBIAN} and cannot be fetched from {address} "
            f"({error}); run `apt install dataset-fashion-mnist`, or put the four idx .gz files into {path.parent}"
        ) from error
    _check_content(content, path, expected)
    write_bytes(path, packed)


def _check_content(content: bytes, path: Path, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise LatentariumError(
            f"{path} must have content of SHA-256 {expected[:16]}.., got {found[:16]}..; remove it and try again, "
            "or run `apt install dataset-fashion-mnist`"
        )


def _read_idx(path: Path, expected: str | None = None) -> NDArray[np.uint8]:
    """An idx file of bytes: 0 0 8 n, n big-endian 32-bit lengths, then the values (LeCun's MNIST page)."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path.name} must be a complete gzip file, got {error}; fetch it again") from error
    if expected is not None:
        _check_content(content, path, expected)
    axes = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    if axes and len(content) >= 4 + 4 * axes:
        shape = np.frombuffer(content, ">u4", axes, 4).astype(np.int64)
        if len(content) == 4 + 4 * axes + int(np.prod(shape)):
            return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    raise invalid(path.name, "an idx file of bytes with as many values as its header says", f"{len(content)} bytes")


def _as_labels(values: NDArray[Any]) -> NDArray[Any]:
    flat = values.reshape(len(values), -1)[:, 0]
    return flat.astype(np.int64) if flat.dtype.kind in "iu" else flat
