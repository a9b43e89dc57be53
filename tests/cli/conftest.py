"""Bundles small enough to fit in seconds, and the command line run in this very process."""

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentarium import cli

TINY = 'width = 32\nvalidations = 2\nprecision = "fp32"\nbatch_size = 64\nsteps = 60\nlatent = 4\n'


@dataclass(frozen=True)
class Outcome:
    """What one command left: exit status and both streams."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object that stdout must be."""
        assert self.out.count("\n") == 1, f"stdout holds more than one line: {self.out!r}"
        return json.loads(self.out, parse_constant=_no_number)


def _no_number(word: str) -> None:
    raise AssertionError(f"JSON has no {word}")


Run = Callable[..., Outcome]


def run_in_process(*arguments: object) -> Outcome:
    """`latentarium ARGUMENTS`, its streams captured."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.run([str(argument) for argument in arguments])
    return Outcome(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def run() -> Run:
    """The command line as a function."""
    return run_in_process


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings of a fit that takes a second."""
    path = tmp_path_factory.mktemp("settings") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Callable[..., Path]:
    """Fits a bundle of the given source and options and gives its path."""

    def fit(source: object, *options: object, name: str = "space") -> Path:
        out = tmp_path_factory.mktemp("bundles") / name
        outcome = run_in_process("fit", source, "--config", tiny, "--out", out, *options)
        assert outcome.status == 0, outcome.err
        return out

    return fit


@pytest.fixture(scope="session")
def digits(fitted: Callable[..., Path]) -> Path:
    """A VAE of the 8x8 digits; tests read it and work on copies where they would change it."""
    return fitted("digits", name="digits")


def table_text(rows: int = 120, *, seed: int = 0) -> str:
    """A CSV file with two numbers, two categories, a label and missing cells."""
    random = np.random.default_rng(seed)
    lines = ["age,height,colour,town,kind"]
    for i in range(rows):
        kind = int(random.integers(2))
        age = f"{20 + 30 * kind + random.normal(0, 4):.2f}" if i % 9 else ""
        colour = ("red", "blue", "green")[kind + int(random.integers(2))] if i % 7 else ""
        town = ("York", "Bath")[int(random.random() < 0.2 + 0.6 * kind)]
        lines.append(f"{age},{160 + 15 * kind + random.normal(0, 3):.3f},{colour},{town},{'ab'[kind]}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def table(fitted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source") / "people.csv"
    source.write_text(table_text())
    return fitted(source, "--label", "kind", "--steps", 5, name="table")


def pictures(rows: int, channels: int, height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Soft blobs at random places, uint8 (rows, channels, height, width)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    centres = random.uniform(0.2, 0.8, (rows, channels, 2, 1, 1)) * np.array([height, width])[:, None, None]
    distance = (y - centres[:, :, 0]) ** 2 + (x - centres[:, :, 1]) ** 2
    return np.rint(255 * np.exp(-distance / (0.08 * height * width))).astype(np.uint8)


def write_folder(folder: Path, images: np.ndarray, *, classes: Sequence[str] = ("one", "two")) -> Path:
    """PNG files in a folder for each class."""
    for i, picture in enumerate(images):
        place = folder / classes[i % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
        Image.fromarray(np.ascontiguousarray(pixels)).save(place / f"{i:03}.png")
    return folder
