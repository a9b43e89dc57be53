"""Sprites, whose factors are known: the truth, a trained model and a rotation of the truth are ranked rightly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.data.factors import FactorSource, sprites
from latentarium.measures import disentanglement as d

Array = NDArray[np.float64]
ROWS = 10_000


@pytest.fixture(scope="module")
def source() -> FactorSource:
    return sprites(size=32)


@pytest.fixture(scope="module")
def table(source: FactorSource) -> NDArray[np.int64]:
    return source.sample(ROWS, seed=0)


@pytest.fixture(scope="module")
def truth(source: FactorSource, table: NDArray[np.int64]) -> Array:
    return source.values(table)


def turned(truth: Array, seed: int) -> Array:
    """The factors in common units, under a random rotation."""
    count = truth.shape[1]
    spread = (truth - truth.mean(0)) / truth.std(0)
    return spread @ np.linalg.qr(np.random.default_rng(seed).standard_normal((count, count)))[0]


@pytest.mark.parametrize("name", ["dci_disentanglement", "infom"])
def test_known_factors_score_one_and_a_rotation_of_them_less_than_half(
    name: str, truth: Array, table: NDArray[np.int64]
) -> None:
    measure = getattr(d, name)
    known = measure(truth, table).value
    assert known >= 0.99
    rotations = [measure(turned(truth, seed)[:4000], table[:4000]).value for seed in range(5)]
    assert np.median(rotations) < known / 2


def test_known_factors_score_one_on_mig_with_the_discrete_estimator(truth: Array, table: NDArray[np.int64]) -> None:
    known = d.mig(truth, table, estimator="discrete").value
    assert known >= 0.99
    for estimator in ("histogram", "discrete", "knn"):
        rotations = [d.mig(turned(truth, s)[:4000], table[:4000], estimator=estimator).value for s in range(5)]
        assert max(rotations) < known / 2
