import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentarium.errors import InvalidInput
from latentarium.rng import check_seed, generator, torch_generator

seeds = st.integers(0, 2**63 - 1)


@given(seeds)
def test_equal_seeds_equal_bits(seed: int) -> None:
    assert np.array_equal(generator(seed).random(4), generator(seed).random(4))
    first = torch.rand(4, generator=torch_generator(seed))
    assert torch.equal(first, torch.rand(4, generator=torch_generator(seed)))


@given(seeds, st.integers(0, 1000), st.integers(0, 1000))
def test_streams_of_one_seed_differ(seed: int, a: int, b: int) -> None:
    same = np.array_equal(generator(seed, a).random(4), generator(seed, b).random(4))
    assert same == (a == b)


def test_torch_streams_differ() -> None:
    draws = [torch.rand(4, generator=torch_generator(*path)) for path in ((0,), (1,), (0, 1), (0, 2))]
    assert len({tuple(draw.tolist()) for draw in draws}) == 4


def test_global_state_is_left_alone() -> None:
    torch_before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002 - this is the state that must not change
    generator(3).random()
    torch.rand(2, generator=torch_generator(3))
    assert torch.equal(torch_before, torch.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, "0", None, True, np.float64(3)])
def test_bad_seeds_are_refused(seed: object) -> None:
    with pytest.raises(InvalidInput, match="seed must be an integer from 0"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, np.int64(5), np.uint8(7), 2**63 - 1])
def test_integers_of_any_kind_are_seeds(seed: object) -> None:
    assert type(check_seed(seed)) is int
