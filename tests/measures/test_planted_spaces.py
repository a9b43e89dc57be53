"""Troubles planted in spaces are named in words, alone, and the spaces without them have none."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.distributions import Normal
from latentarium.measures import findings, measure
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
ROWS, DIM = 600, 4
WATCHED = [
    "rate", "collapse_fraction", "effective_rank", "aggregated_posterior_mmd", "midpoint_realism", "cycle_error",
    "speed_variation",
]  # fmt: skip


def normal(n: int, d: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def space(*, spare: int = 0, spread: float = 1.0) -> LatentSpace:
    """The data themselves as codes of posterior std 0.1, beside `spare` dimensions that are all noise."""

    def encode(x: Array) -> Array:
        return np.pad(x, ((0, 0), (0, spare)))

    stds = np.r_[np.full(DIM, 0.1), np.ones(spare)]
    return LatentSpace(
        name="planted",
        shape=(DIM + spare,),
        data_shape=(DIM,),
        encode_fn=encode,
        decode_fn=lambda z: z[:, :DIM],
        posterior_fn=lambda x: (encode(x), np.broadcast_to(stds, (len(x), DIM + spare))),
        prior=Normal(mean=np.zeros(DIM + spare), std=np.full(DIM + spare, spread)),
    )


def named(planted: LatentSpace, x: Array | None = None) -> dict[str, str]:
    found = findings(measure(planted, normal(ROWS, DIM) if x is None else x, only=WATCHED).scores)
    return {finding.trouble: finding.words for finding in found}


def test_a_healthy_space_has_none() -> None:
    assert named(space()) == {}
    assert named(space(spare=DIM)) == {}


def test_dimensions_that_carry_nothing_are_counted() -> None:
    assert named(space(spare=3 * DIM)) == {
        "collapsed dimensions": "12 of 16 latent dimensions carry nothing about a row."
    }


def test_codes_on_a_line_have_collapsed_in_rank() -> None:
    thin = normal(ROWS, 1) * np.ones(DIM, np.float32) / 2 + 1e-3 * normal(ROWS, DIM, 1)
    line = LatentSpace(
        name="line",
        shape=(16,),
        data_shape=(DIM,),
        encode_fn=lambda x: np.repeat(x, 4, axis=1),
        decode_fn=lambda z: z[:, ::4],
    )
    assert list(named(line, thin)) == ["rank collapse"]


def test_a_prior_where_no_code_lies_is_a_mismatch() -> None:
    assert list(named(space(spread=1.2))) == []
    assert list(named(space(spread=2.0))) == ["prior mismatch"]


def test_midpoints_of_data_in_clumps_lie_off_them() -> None:
    clumps = 5 * np.eye(DIM, dtype=np.float32)[np.arange(ROWS) % DIM] + 0.1 * normal(ROWS, DIM)
    assert list(named(dataclasses.replace(space(), posterior_fn=None), clumps)) == ["gaps between codes"]


@pytest.mark.parametrize(("angle", "expected"), [(0.3, []), (1.2, ["codes that do not come back"])])
def test_codes_that_come_back_elsewhere_are_told(angle: float, expected: list[str]) -> None:
    turn = np.eye(DIM)
    turn[:2, :2] = turn[2:, 2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turned = dataclasses.replace(space(), posterior_fn=None, decode_fn=lambda z: z @ turn)
    assert list(named(turned)) == expected
