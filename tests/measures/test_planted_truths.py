"""Sprites, whose factors are known: the truth, a trained model and a rotation of the truth are ranked rightly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.data import rows_from_arrays
from latentarium.data.factors import FactorSource, sprites
from latentarium.measures import disentanglement as d
from latentarium.training.fit import train
from latentarium.training.save import space_of_model
from latentarium.training.settings import FitSettings

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


SMALL = {"size": 32, "orientations": 10, "positions": 12}
"""Few enough pictures for a fit of half a minute."""
RECIPE: Mapping[str, Any] = {
    "objective": "beta-tc:20", "kl_start": 40.0, "kl_warmup": 0.8, "free_nats": 0.0, "likelihood": "bernoulli",
    "latent": 10, "net": "dense", "width": 256, "depth": 2, "linear": False, "batch_size": 64, "learning_rate": 1e-3,
    "steps": 6000, "threads": 1, "validations": 2,
}  # fmt: skip
RANKED = (d.dci_disentanglement, d.infom, d.mig)


def test_a_trained_beta_tcvae_lies_between_the_truth_and_a_rotation_of_it() -> None:
    """By the medians of three fits and of five rotations: how well the axes come out varies with the seed."""
    small = sprites(**SMALL)  # type: ignore[arg-type]
    table = small.sample(4000, seed=0)
    grid = small.check(np.stack(np.unravel_index(np.arange(len(small)), small.sizes), axis=1))
    rows, truth = rows_from_arrays(small.render(grid)), small.values(table)
    x = rows.modality.to_array(small.render(table))
    learned = [space_of_model(train(rows, FitSettings.make(**RECIPE, seed=s))).encode(x) for s in range(3)]
    for measure in RANKED:
        rotated = np.median([measure(turned(truth, seed), table).value for seed in range(5)])
        trained = np.median([measure(codes, table).value for codes in learned])
        assert rotated < trained < measure(truth, table).value, measure.__name__
