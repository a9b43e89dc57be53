"""A bundle of the digits, fitted for a second and never changed, and copies of it."""

import shutil
from pathlib import Path

import pytest

import latentarium as la
from latentarium.bundle import Bundle, open_bundle


@pytest.fixture(scope="session")
def digits_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "space"
    la.fit("digits", latent=4, width=32, steps=40, validations=2, precision="fp32", out=path, progress=False)
    return path


@pytest.fixture
def bundle(digits_path: Path, tmp_path: Path) -> Bundle:
    """A copy that a test may change."""
    shutil.copytree(digits_path, tmp_path / "space")
    return open_bundle(tmp_path / "space")
