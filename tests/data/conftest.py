"""Pictures and tables written to disk for the tests of the data layer."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WritePictures = Callable[..., list[Path]]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LATENTARIUM_CACHE", str(folder))
    return folder


@pytest.fixture
def write_pictures() -> WritePictures:
    """Write `count` random pictures of `mode` to `folder`; sizes (width, height) are cycled through."""

    def write(
        folder: Path,
        count: int = 12,
        *,
        mode: str = "RGB",
        sizes: Sequence[tuple[int, int]] = ((16, 16),),
        suffix: str = ".png",
        prefix: str = "p",
    ) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        channels = len(Image.new(mode, (1, 1)).getbands())
        paths: list[Path] = []
        for i in range(count):
            width, height = sizes[i % len(sizes)]
            levels = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
            path = folder / f"{prefix}{i:03d}{suffix}"
            Image.fromarray(levels[..., 0] if channels == 1 else levels, mode=None).save(path)
            paths.append(path)
        return paths

    return write
