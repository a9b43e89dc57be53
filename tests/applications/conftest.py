"""A bundle of the digits, fitted for a second and never changed, and copies of it."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

import latentarium as la
from latentarium.bundle import Bundle, open_bundle


def keeps_the_contract(estimator: Any) -> None:
    """Assert that scikit-learn's own checks pass, with no expected failures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(estimator, on_fail=None)
    bad = [(check["check_name"], check["exception"]) for check in found if check["status"] not in ("passed", "skipped")]
    assert not bad
    assert len(found) > 40


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
