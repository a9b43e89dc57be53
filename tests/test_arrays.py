from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentarium.arrays import as_rows, batches, check_positive_int, map_batched, pad_rows
from latentarium.errors import InvalidInput

MATRIX = np.random.default_rng(0).normal(size=(13, 7)).astype(np.float32)


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=4), elements=st.floats(-1e6, 1e6, width=32)))
def test_rows_keep_values_and_become_contiguous_float32(values: np.ndarray) -> None:
    for given_values in (values, values.astype(np.float64), values[::-1][::-1], np.asfortranarray(values)):
        rows = as_rows(given_values, values.shape[1:], name="x")
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        assert np.array_equal(rows, values)


@pytest.mark.parametrize("values", [[[1, 2]], [[True, False]], np.ones((1, 2), np.uint8), torch.ones(1, 2)])
def test_lists_integers_and_tensors_are_taken(values: Any) -> None:
    assert as_rows(values, (2,), name="x").shape == (1, 2)


def test_a_tensor_with_a_gradient_is_taken() -> None:
    assert as_rows(torch.ones(1, 2, requires_grad=True), (2,), name="x").tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((3, 3)), r"x\.shape must be \(n, 2\), got \(3, 3\)$"),
        (np.ones(2), "add a leading axis for a single row"),
        (np.array([["a", "b"]]), "x must be a numeric array"),
        (np.array([[1, None]]), "x must be a numeric array"),
        (np.ones((1, 2), complex), "x must be a numeric array"),
        (np.array([[0, 0], [0, np.nan]]), "got 1 NaN or infinite values, the first in row 1"),
        (np.array([[0, np.inf]]), "must be finite"),
        (np.array([[0, 255]]), r"within \[0, 1\], got 'values from 0 to 255'; rescale"),
        (np.array([[-0.1, 1]]), r"within \[0, 1\]"),
    ],
)
def test_bad_rows_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        as_rows(values, (2,), name="x", low=0, high=1)


def test_values_too_large_for_float32_are_refused() -> None:
    with pytest.raises(InvalidInput, match="x as float32 must be finite"):
        as_rows([[0, 1e39]], (2,), name="x")


def test_rounding_beyond_the_range_is_forgiven() -> None:
    assert as_rows([[-1e-7, 1 + 1e-6]], (2,), name="x", low=0, high=1).shape == (1, 2)


@given(st.integers(0, 500), st.integers(1, 60))
def test_batches_cover_the_range_in_order(count: int, size: int) -> None:
    parts = list(batches(count, size))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    assert all(part.stop - part.start <= size for part in parts)


@given(st.integers(0, 40), st.integers(1, 9))
def test_a_row_does_not_depend_on_its_batch(count: int, size: int) -> None:
    x = np.random.default_rng(count).normal(size=(count, 13)).astype(np.float32)
    together = map_batched(lambda b: np.tanh(b @ MATRIX), x, shape=(7,), batch_size=size)
    alone = [
        map_batched(lambda b: np.tanh(b @ MATRIX), x[i : i + 1], shape=(7,), batch_size=size) for i in range(count)
    ]
    assert together.shape == (count, 7)
    assert np.array_equal(together, np.concatenate([np.empty((0, 7), np.float32), *alone]))


def test_every_call_gets_one_batch_length() -> None:
    seen: list[tuple[int, int]] = []

    def function(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        seen.append((len(a), len(b)))
        return a + b

    result = map_batched(function, np.arange(10.0), np.arange(10.0), shape=(), batch_size=4)
    assert seen == [(4, 4)] * 3
    assert result.tolist() == [2.0 * i for i in range(10)]


def test_a_wrong_result_shape_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"returned shape \(4, 2\), expected \(4, 3\)"):
        map_batched(lambda b: b[:, :2], np.ones((1, 3)), shape=(3,), batch_size=4)


def test_padding_repeats_the_last_row() -> None:
    assert pad_rows(np.array([[1], [2]]), 4).tolist() == [[1], [2], [2], [2]]
    assert pad_rows(np.array([[1], [2]]), 1).tolist() == [[1], [2]]


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True, 2**31 + 1])
def test_bad_counts_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="steps must be an integer from 1"):
        check_positive_int(value, "steps")


def test_numpy_integers_are_counts() -> None:
    assert type(check_positive_int(np.int32(4), "steps")) is int
