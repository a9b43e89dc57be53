"""Bundles of the digits for the codec, fitted once."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import latentarium as la
from latentarium.bundle import Bundle, open_bundle
from latentarium.data import open_source

TINY = {"steps": 60, "validations": 2, "precision": "fp32", "progress": False, "threads": 1}


@pytest.fixture(scope="session")
def digits() -> NDArray[np.uint8]:
    """All 1,797 digits, uint8 (n, 1, 8, 8)."""
    return np.asarray(open_source("digits").raw)


@pytest.fixture(scope="session")
def dense_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codec") / "dense"
    la.fit("digits", likelihood="autoregressive", latent=4, width=32, out=path, **TINY)
    return path


@pytest.fixture(scope="session")
def dense(dense_path: Path) -> Bundle:
    """Dense nets with the autoregressive likelihood, 4 latents."""
    return open_bundle(dense_path)


@pytest.fixture(scope="session")
def conv(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Convolutional nets with the plain logistic likelihood."""
    path = tmp_path_factory.mktemp("codec") / "conv"
    la.fit("digits", likelihood="logistic", net="conv", latent=4, width=8, out=path, **{**TINY, "steps": 20})
    return open_bundle(path)
