"""Scores that hold a factor fixed, by pictures rendered for the purpose, as functions and through the suite."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.data.factors import FactorSource, sprites
from latentarium.data.modalities import ImageModality
from latentarium.errors import InvalidInput
from latentarium.measures import beta_vae_score, factor_vae_score, irs, measure
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
SIDE = 16
HELD = ("factor_vae_score", "beta_vae_score", "irs")


@pytest.fixture(scope="module")
def source() -> FactorSource:
    return sprites(size=SIDE, scales=3, orientations=4, positions=6)


def seen(pictures: NDArray[Any]) -> Array:
    """Centre across, centre down and area of what is lit, in [0, 1]."""
    lit = np.asarray(pictures, np.float64)[:, 0]
    lit /= max(lit.max(), 1e-9)
    total = np.maximum(lit.sum((1, 2)), 1)
    at = np.arange(SIDE) / SIDE
    return np.stack([(lit.sum(1) * at).sum(1) / total, (lit.sum(2) * at).sum(1) / total, total / SIDE**2], axis=1)


def space(encode=seen) -> LatentSpace:
    return LatentSpace(
        name="moments",
        shape=(3,),
        data_shape=(1, SIDE, SIDE),
        encode_fn=encode,
        modality=ImageModality(channels=1, height=SIDE, width=SIDE),
    )


def measured(source: FactorSource, *, rendered: bool, encode=seen, **options: Any) -> dict[str, Any]:
    table = source.sample(1200, seed=0)
    factors = dict(zip(source.names, table.T, strict=True))
    options |= {"source": source} if rendered else {}
    return dict(measure(space(encode), source.render(table), factors=factors, only=HELD, **options).scores)


def test_the_suite_renders_its_batches_where_it_knows_the_source(source: FactorSource) -> None:
    grouped, rendered = measured(source, rendered=False), measured(source, rendered=True)
    for name in HELD:
        assert grouped[name].settings["batches"] == "rows grouped by equal level"
        assert rendered[name].settings["batches"] == "sprites rendered with one factor fixed"
        assert rendered[name].value == pytest.approx(grouped[name].value, abs=0.15), name
        low, high = rendered[name].interval
        assert low <= rendered[name].value <= high
    assert rendered["factor_vae_score"].settings["batch"] == 64
    assert rendered["factor_vae_score"].value == pytest.approx(factor_vae_score(seen, source, votes=600).value)
    assert rendered["beta_vae_score"].value == pytest.approx(beta_vae_score(seen, source, votes=600).value, abs=0.02)


def test_an_intervention_sees_what_rows_that_go_together_hide() -> None:
    """Among rows, x and y are one: a code of x alone stays as still when y is held as when x is."""
    source = sprites(size=SIDE, scales=1, orientations=1, positions=6)
    table = source.sample(100, seed=0)
    table = np.repeat(table[table[:, 3] == table[:, 4]], 30, axis=0)
    factors = dict(zip(source.names, table.T, strict=True))
    both = {"factors": factors, "only": ["irs"]}
    grouped = measure(space(), source.render(table), **both).scores["irs"]
    rendered = measure(space(), source.render(table), source=source, **both).scores["irs"]
    columns = grouped.parts["x"][0], grouped.parts["y"][0]
    assert columns == pytest.approx((1.0, 1.0), abs=0.1)
    assert rendered.parts["x"][0] > 0.8
    assert rendered.parts["y"][0] < 0.2


def test_irs_by_intervention_against_its_definition(source: FactorSource) -> None:
    score = irs(seen, source, quantile=1.0, seed=3)
    codes = seen(source.render(source.check(np.stack(np.unravel_index(np.arange(len(source)), source.sizes), axis=1))))
    levels = np.stack(np.unravel_index(np.arange(len(source)), source.sizes), axis=1)
    widest = np.abs(codes - codes.mean(0)).max(0)
    table = np.zeros((3, 5))
    for k, size in enumerate(source.sizes):
        groups = [codes[levels[:, k] == v] for v in range(size)]
        table[:, k] = 1 - np.mean([np.abs(g - g.mean(0)).max(0) for g in groups], axis=0) / widest
    expected = np.average(np.clip(table, 0, 1).max(1), weights=widest)
    assert score.value == pytest.approx(expected, abs=0.05)
    assert score.chance is not None
    assert score.chance < 0.1 < score.value


def test_shuffled_factors_score_chance_by_intervention_too(source: FactorSource) -> None:
    found = measured(source, rendered=True, nulls=4)
    for name, score in found.items():
        assert (score.p_value, score.permutations) == (0.2, 4)
        assert score.value > score.chance + 0.1, name
    assert found["factor_vae_score"].chance == pytest.approx(1 / 5, abs=0.1)


def test_pictures_are_rendered_and_encoded_once_for_all(source: FactorSource) -> None:
    counts = [0]

    def encode(pictures: NDArray[Any]) -> Array:
        counts[0] += len(pictures)
        return seen(pictures)

    measured(source, rendered=True, encode=encode)
    once = counts[0]
    counts[0] = 0
    measured(source, rendered=True, encode=encode, nulls=3)
    assert counts[0] == once


def test_a_source_of_other_pictures_is_refused_at_once(source: FactorSource) -> None:
    x = source.render(source.sample(30, seed=0))
    with pytest.raises(InvalidInput, match=r"source must be one that renders pictures of shape \(1, 16, 16\)"):
        measure(space(), x, source=sprites(size=32))
    with pytest.raises(InvalidInput, match="beside a FactorSource"):
        irs(np.zeros((40, 3)), source)
    with pytest.raises(InvalidInput, match="function that encodes"):
        irs(seen, np.zeros((40, 3)))
