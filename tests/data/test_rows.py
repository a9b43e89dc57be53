import dataclasses
import time

import numpy as np
import pytest

from latentarium.data import Rows, rows_from_arrays
from latentarium.errors import InvalidInput

PICTURES = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)


@pytest.fixture
def rows() -> Rows:
    return rows_from_arrays(PICTURES, labels=np.arange(40))


def test_rows_come_as_arrays_by_part_slice_or_number(rows: Rows) -> None:
    assert rows.array().shape == (40, 1, 8, 8)
    assert np.array_equal(rows.array("test"), PICTURES[rows.splits["test"]] / np.float32(255))
    assert np.array_equal(rows.array(slice(3, 5)), rows.array(np.array([3, 4])))
    with pytest.raises(InvalidInput, match="'holdout'"):
        rows.array("holdout")


def test_selected_rows_keep_ids_labels_and_parts(rows: Rows) -> None:
    some = rows.select(np.array([7, 3, 11]))
    assert some.ids.tolist() == ["000007", "000003", "000011"]
    assert some.columns["label"].tolist() == [7, 3, 11]
    assert np.array_equal(some.raw, PICTURES[[7, 3, 11]])
    for part, kept in some.splits.items():
        assert set(some.columns["label"][kept]) == {7, 3, 11} & set(rows.splits[part].tolist())
    assert len(rows.select("test").splits["test"]) == len(rows.splits["test"])


def test_the_fingerprint_sees_content_ids_and_order_alone(rows: Rows) -> None:
    changed = PICTURES.copy()
    changed[39, 0, 7, 7] ^= 1
    prints = {
        rows.fingerprint,
        rows_from_arrays(changed).fingerprint,
        rows.select(slice(0, 39)).fingerprint,
        rows.select(np.arange(40)[::-1]).fingerprint,
        dataclasses.replace(rows, ids=np.char.add("x", rows.ids)).fingerprint,
    }
    assert len(prints) == 5
    assert rows_from_arrays(PICTURES.copy(), seed=5, name="other").fingerprint == rows.fingerprint


def test_the_fingerprint_of_fashion_mnists_size_is_quick() -> None:
    large = rows_from_arrays(np.zeros((60_000, 28, 28), np.uint8))
    seconds = []
    for _ in range(3):
        fresh = dataclasses.replace(large)
        start = time.perf_counter()
        _ = fresh.fingerprint
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ids": np.array(["a"] * 40)}, "unique"),
        ({"ids": np.array(["a"])}, "one value for each"),
        ({"columns": {"label": np.arange(3)}}, "'label'"),
        ({"splits": {"train": np.arange(40)}}, "splits"),
        ({"splits": {"train": np.arange(40), "validation": np.arange(1), "test": np.arange(0)}}, "disjoint"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(rows: Rows, change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        dataclasses.replace(rows, **change)  # type: ignore[arg-type]
