from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from latentarium.data import ImageModality, TableModality, open_like, open_source, rows_from_arrays
from latentarium.errors import InvalidInput

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (30, 10, 14, 3), dtype=np.uint8)
FIRST = PICTURES.transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "array",
    [PICTURES, FIRST, FIRST.copy(), FIRST / 255, (FIRST / 255).astype(np.float32), FIRST.astype(np.int64)],
    ids=["nhwc", "view", "nchw", "float64", "float32", "int64"],
)
def test_every_layout_and_number_type_gives_the_same_pictures(array: np.ndarray, tmp_path: Path) -> None:
    before = array.copy()
    assert np.array_equal(rows_from_arrays(array).raw, FIRST)
    assert np.array_equal(array, before)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", images=array)
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        rows = open_source(path)
        assert np.array_equal(rows.raw, FIRST)
        assert any("256 grey levels" in note for note in rows.notes) == (array.dtype.kind == "f")


def test_channels_first_bytes_stay_on_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FIRST.copy())
    rows = open_source(tmp_path / "a.npy")
    assert isinstance(rows.raw, np.memmap)
    assert rows.modality == ImageModality(channels=3, height=10, width=14)
    assert rows.ids[7] == "000007"


def test_converted_arrays_beyond_the_limit_are_mapped(tmp_path: Path, cache: Path) -> None:
    np.save(tmp_path / "a.npy", PICTURES / 255)
    rows = open_source(tmp_path / "a.npy", memory_limit=100)
    assert isinstance(rows.raw, np.memmap)
    assert Path(str(rows.raw.filename)).is_relative_to(cache)
    assert np.array_equal(rows.raw, FIRST)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_black_and_white_is_seen(dtype: type) -> None:
    array = (RANDOM.random((20, 12, 12)) > 0.5).astype(dtype)
    rows = rows_from_arrays(array)
    assert set(np.unique(rows.raw)) == {0, 255}
    assert np.array_equal(rows.raw[:, 0] == 255, array == 1)
    assert rows.notes == ("values 0 and 1 are taken as black and white",)


def test_arrays_are_resized_when_asked(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((12, 40, 20, 2), 77, np.uint8))
    rows = open_source(tmp_path / "a.npy", size=32)
    assert rows.raw.shape == (12, 2, 32, 32)
    assert (rows.raw == 77).all()
    assert rows.notes == ("12 of 12 pictures are smaller than 32x32 and were enlarged",)


def test_what_lies_beside_the_main_array_becomes_columns(tmp_path: Path) -> None:
    classes = np.arange(30) % 3
    np.savez(
        tmp_path / "a.npz",
        imgs=PICTURES,
        y=classes,
        class_names=np.array(["cat", "dog", "fox"]),
        factors=np.stack([classes, classes * 2], axis=1),
        factor_names=np.array(["breed", "weight"]),
        masks=np.zeros((30, 10, 14), bool),
    )
    rows = open_source(tmp_path / "a.npz")
    assert rows.columns["label"][:4].tolist() == ["cat", "dog", "fox", "cat"]
    assert rows.columns["weight"].tolist() == (classes * 2).tolist()
    assert set(rows.columns) == {"label", "breed", "weight"}
    assert rows.notes == ("arrays not used: masks",)


def test_a_matrix_is_a_table_and_its_constant_columns_are_left_out(tmp_path: Path) -> None:
    matrix = RANDOM.normal(size=(40, 4))
    matrix[:, 1] = 3
    matrix[5, 2] = np.nan
    rows = rows_from_arrays(matrix)
    assert isinstance(rows.modality, TableModality)
    assert rows.modality.names == ("column_0", "column_2", "column_3")
    assert rows.modality.columns[1].has_missing
    assert rows.notes == ("1 of 4 columns do not vary over the training rows and are left out: column_1",)
    np.save(tmp_path / "new.npy", matrix[:3])
    assert np.array_equal(open_like(tmp_path / "new.npy", rows.modality).raw, rows.raw[:3])


def test_labels_travel_with_the_rows() -> None:
    labels = torch.arange(30) % 2
    assert rows_from_arrays(PICTURES, labels=labels).columns["label"].tolist() == labels.tolist()
    named = rows_from_arrays(PICTURES, labels={"size": np.arange(30), "label": ["a"] * 30})
    assert set(named.columns) == {"size", "label"}
    for wrong in (np.arange(29), np.zeros((30, 2)), "size"):
        with pytest.raises(InvalidInput, match="labels"):
            rows_from_arrays(PICTURES, labels=wrong)


def test_frames_and_tables_are_read_by_column() -> None:
    frame = pd.DataFrame({"a": np.arange(20.0), "b": ["x", "y"] * 10, "c": [1, 0] * 10}, index=range(5, 25))
    rows = rows_from_arrays(frame, labels="c", name="frame")
    assert rows.name == "frame"
    assert rows.columns["label"].tolist() == [1, 0] * 10
    assert [c.kind for c in rows.modality.columns] == ["numeric", "categorical"]  # type: ignore[attr-defined]
    arrow = rows_from_arrays(pa.Table.from_pandas(frame, preserve_index=False).drop_columns(["c"]), labels=frame["c"])
    assert np.array_equal(arrow.raw, rows.raw)
    assert arrow.columns["label"].tolist() == rows.columns["label"].tolist()


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(torch.tensor(FIRST / 255, dtype=torch.float32))


@pytest.mark.parametrize("batch", [None, 7])
def test_datasets_and_loaders_give_their_items_in_order(batch: int | None) -> None:
    dataset = TensorDataset(torch.tensor(FIRST / 255, dtype=torch.float32), torch.arange(30))
    data = dataset if batch is None else DataLoader(dataset, batch_size=batch)
    rows = rows_from_arrays(data)
    assert np.array_equal(rows.raw, FIRST)
    assert rows.columns["label"].tolist() == list(range(30))
    assert len(rows.notes) == 1


@pytest.mark.parametrize(
    "data",
    [Stream(), DataLoader(Stream(), batch_size=7), torch.tensor(FIRST.copy()), PICTURES.tolist(), iter(PICTURES)],
    ids=["stream", "batched stream", "tensor", "lists", "iterator"],
)
def test_anything_that_gives_arrays_is_taken(data: Any) -> None:
    assert np.array_equal(rows_from_arrays(data).raw, FIRST)


def test_a_tensor_that_needs_gradients_is_taken() -> None:
    matrix = torch.randn(20, 3, requires_grad=True)
    np.testing.assert_allclose(rows_from_arrays(matrix).raw, matrix.detach().numpy())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.arange(20.0), "shape"),
        (np.zeros((20, 2, 2, 2, 2)), "shape"),
        (np.zeros((20, 9, 9, 9)), "1 to 4 channels"),
        (np.zeros((20, 4, 4)), "8 to 256 pixels"),
        (np.zeros((0, 8, 8)), "values"),
        (np.full((20, 8, 8), np.nan), "finite"),
        (np.linspace(0, 300, 20 * 64).reshape(20, 8, 8), "0 to 300"),
        (np.linspace(0, 255, 20 * 64).reshape(20, 8, 8), "divide by 255"),
        (np.linspace(-1, 1, 20 * 64).reshape(20, 8, 8), "-1 to 1"),
        (np.arange(20 * 64).reshape(20, 8, 8), "0 to 1279"),
        (np.array(["a", "b"]), "at least 10"),
        (np.array([["a", "b"]] * 20), "numeric"),
        (np.array([object()] * 20), "numeric"),
        (np.ones((20, 3)), "vary"),
        (np.ones((20, 3)) * np.inf, "finite"),
        (np.full((20, 3), np.nan), "only missing"),
        (np.random.default_rng(0).random((1, 5)), "at least 10"),
        ([[1.0, 2.0], [3.0]], "one shape"),
        (7, "Dataset"),
        (object(), "Dataset"),
        ([{"x": 1}] * 12, "numeric"),
        (iter([]), "at least one item"),
        (iter([{"x": 1}]), "pairs"),
        (iter([(1, 2, 3)]), "pairs"),
        (iter([np.zeros((8, 8)), np.zeros((9, 9))]), "one shape"),
        (pd.DataFrame(np.ones((12, 2)), columns=["a", "a"]), "'a' twice"),
        (pd.DataFrame({"a": [1, "x"] * 6}), "one type"),
    ],
)  # fmt: skip
def test_what_is_no_data_gets_one_line(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        rows_from_arrays(data, name="mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "shape", "columns"),
    [
        ("avatars/avatars_64.npz", (10000, 3, 64, 64), "hairColor"),
        ("olivetti/olivetti.npz", (400, 1, 64, 64), "person"),
        ("freyfaces/freyfaces.npz", (1965, 1, 28, 20), None),
        ("magnetic_tile/magnetic_tile_128.npz", (1344, 1, 128, 128), "label"),
        ("adbench/26_optdigits.npz", (5216, 62), "label"),
        ("adbench/6_cardio.npz", (1831, 21), "label"),
        ("adbench/25_musk.npz", (3062, 166), "label"),
    ],
)
def test_real_archives(test_data: Path, file: str, shape: tuple[int, ...], columns: str | None) -> None:
    rows = open_source(test_data / file)
    assert rows.raw.shape == shape
    assert columns is None or columns in rows.columns
    assert rows.array("test").shape == (len(rows.splits["test"]), *rows.modality.data_shape)
    if file.startswith("magnetic"):
        assert (rows.columns["label"] == "Free").sum() == 952


def test_every_anomaly_table_opens(test_data: Path) -> None:
    paths = sorted((test_data / "adbench").glob("*.npz"))
    assert paths
    for path in paths:
        rows = open_source(path)
        assert set(rows.columns["label"]) == {0, 1}
        train = rows.array("train")
        np.testing.assert_allclose(train.mean(0), 0, atol=1e-3)
        np.testing.assert_allclose(train.std(0), 1, atol=1e-3)
