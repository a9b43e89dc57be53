import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from latentarium.maps.neighbours import Cells


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 60), st.integers(1, 5), st.integers(0, 1000))
def test_few_codes_are_searched_exactly(rows: int, dim: int, seed: int) -> None:
    codes = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    queries = np.random.default_rng(seed + 1).standard_normal((7, dim)).astype(np.float32)
    found, distances = Cells.of(codes).nearest(queries, 4, threads=1)
    true = np.sort(cdist(queries, codes), axis=1)[:, :4]
    assert distances == pytest.approx(true, abs=1e-5)
    assert np.linalg.norm(codes[found] - queries[:, None], axis=2) == pytest.approx(true, abs=1e-5)


def test_cells_find_nearly_all_neighbours_and_never_the_row_itself(blobs: NDArray[np.float32]) -> None:
    cells = Cells.of(blobs, seed=3)
    assert not cells.exact
    near = cells.neighbours(10, threads=1)
    assert near.shape == (len(blobs), 10)
    assert not (near == np.arange(len(blobs))[:, None]).any()
    rows = np.arange(0, len(blobs), 240)
    true = cdist(blobs[rows], blobs).argsort(axis=1)[:, 1:11]
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(true, near[rows], strict=True)]) > 9.0


def test_a_row_meets_the_same_neighbours_in_any_company(blobs: NDArray[np.float32]) -> None:
    cells = Cells.of(blobs)
    queries = blobs[:300] + np.float32(0.1)
    together, _ = cells.nearest(queries, 5, threads=1)
    alone, _ = cells.nearest(queries[7:8], 5, threads=1)
    assert (alone[0] == together[7]).all()


def test_duplicates_do_not_crowd_out_or_slow_down_the_search() -> None:
    same = np.zeros((30_000, 4), np.float32)
    same[:100] = np.random.default_rng(0).standard_normal((100, 4))
    cells = Cells.of(same)
    near = cells.neighbours(5, threads=1)
    assert near.shape == (30_000, 5)
    assert not (near == np.arange(30_000)[:, None]).any()
    assert (same[near[200:]] == 0).all()
