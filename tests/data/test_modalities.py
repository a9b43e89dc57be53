import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentarium.data import Column, ImageModality, TableModality, modality_from_json
from latentarium.data.columns import ColumnValues
from latentarium.errors import InvalidInput
from latentarium.space import Modality

MIXED = TableModality(
    columns=(
        Column(name="age", kind="numeric", mean=40.0, std=12.5, has_missing=True),
        Column(name="colour", kind="categorical", categories=("blue", "green", "red"), has_missing=True),
        Column(name="height", kind="numeric", mean=-1.0, std=0.25),
        Column(name="shape", kind="categorical", categories=("disc", "square")),
    )
)


@given(
    raw=hnp.arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(8, 12), st.integers(8, 12)))
)
def test_pictures_survive_the_round_trip_exactly(raw: np.ndarray) -> None:
    modality = ImageModality(channels=raw.shape[1], height=raw.shape[2], width=raw.shape[3])
    array = modality.to_array(raw)
    assert array.dtype == np.float32
    assert not array.size or (array.min() >= modality.low and array.max() <= modality.high)
    assert np.array_equal(modality.to_raw(array), raw)


def test_decoded_pictures_are_rounded_and_clipped() -> None:
    modality = ImageModality(channels=1, height=8, width=8)
    array = np.full((1, 1, 8, 8), 1.4, np.float32)
    array[0, 0, 0] = -0.2
    array[0, 0, 1] = 100.4 / 255
    raw = modality.to_raw(array)
    assert raw[0, 0, :3, 0].tolist() == [0, 100, 255]


number = st.floats(-1e6, 1e6, allow_subnormal=False)
missing_number = st.one_of(number, st.just(np.nan))
row = st.tuples(missing_number, st.sampled_from([0.0, 1.0, 2.0, np.nan]), number, st.sampled_from([0.0, 1.0]))


@given(rows=st.lists(row, min_size=1, max_size=20))
def test_table_rows_survive_the_round_trip(rows: list[tuple[float, ...]]) -> None:
    raw = np.array(rows)
    array = MIXED.to_array(raw)
    assert array.shape == (len(raw), *MIXED.data_shape)
    back = MIXED.to_raw(array)
    assert np.array_equal(np.isnan(back), np.isnan(raw))
    assert np.array_equal(back[:, [1, 3]], raw[:, [1, 3]], equal_nan=True)
    np.testing.assert_allclose(back[:, [0, 2]], raw[:, [0, 2]], rtol=1e-6, atol=1e-5)


@given(rows=st.lists(row, min_size=1, max_size=20))
def test_arrow_tables_survive_the_round_trip_exactly(rows: list[tuple[float, ...]]) -> None:
    raw = np.array(rows)
    table = MIXED.to_table(raw)
    assert table.column_names == ["age", "colour", "height", "shape"]
    assert np.array_equal(MIXED.parse(table), raw, equal_nan=True)


def test_whole_numbers_stay_whole() -> None:
    """A decoded age of 37.8 is no age of that table."""
    columns = {"age": [30.0, 40.0, np.nan], "height": [1.5, 2.0, 1.75]}
    read = [ColumnValues(name=name, values=np.array(values)) for name, values in columns.items()]
    modality = TableModality.fit(read, np.arange(3))
    stored = modality.to_json()
    again = modality_from_json(stored)
    assert again == modality
    raw = np.array([[37.8, 1.625], [np.nan, 1.0], [-0.2, 1.0]])
    assert again.to_table(raw).to_pydict() == {"age": [38, None, 0], "height": [1.625, 1.0, 1.0]}  # type: ignore[attr-defined]
    for column in stored["columns"]:
        del column["whole"]
    before = modality_from_json(stored).to_table(raw)  # type: ignore[attr-defined]
    assert before["age"].to_pylist() == [37.8, None, -0.2]


def test_blocks_say_where_everything_lies() -> None:
    blocks = MIXED.blocks
    array = MIXED.to_array(np.array([[np.nan, 2, -0.75, 0], [52.5, np.nan, -1, 1]]))
    assert array[:, blocks.numeric].tolist() == [[0, 1], [1, 0]]
    assert array[:, blocks.missing].tolist() == [[1, 0], [0, 1]]
    assert [array[:, place].tolist() for place in blocks.groups] == [[[0, 0, 1], [0, 0, 0]], [[1, 0], [0, 1]]]
    assert blocks.numeric_columns == (0, 2)
    assert blocks.missing_columns == (0, 1)
    assert blocks.categorical_columns == (1, 3)
    assert blocks.numeric_missing == ((0, 2),)
    assert blocks.group_missing == ((0, 3),)
    assert blocks.width == array.shape[1] == 9


@pytest.mark.parametrize("modality", [MIXED, ImageModality(channels=4, height=28, width=20)])
def test_json_gives_the_same_modality_back(modality: Modality) -> None:
    assert modality_from_json(json.loads(json.dumps(modality.to_json()))) == modality
    assert isinstance(modality, Modality)


@pytest.mark.parametrize(
    "stored",
    [
        {"kind": "hologram"},
        {},
        {"kind": "image", "channels": 1},
        {"kind": "image", "channels": 9, "height": 28, "width": 28},
        {"kind": "table", "columns": [{"name": "a"}]},
        {"kind": "table", "columns": []},
        {"kind": "table", "columns": [{"name": "a", "kind": "numeric", "categories": [], "std": 0.0}]},
        {"kind": "table", "columns": [{"name": "a", "kind": "numeric", "categories": [], "colour": 1}]},
    ],
)
def test_a_foreign_description_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        modality_from_json(stored)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("shape", ["disc", "star"], "'star' in row 2"),
        ("shape", ["disc", None], "'shape' must have no missing values"),
        ("height", [1.0, None], "'height' must have no missing values"),
        ("height", ["1", "tall"], "'tall' in row 2"),
        ("height", [1.0, float("inf")], "'height' must be finite"),
        ("height", [True, False], "'height' must be numbers"),
        ("height", None, "column 'height'"),
    ],
)
def test_new_tables_that_do_not_fit_are_refused(column: str, values: list[object] | None, said: str) -> None:
    table = {"age": [1.0, 2.0], "colour": ["red", "blue"], "height": [1.0, 2.0], "shape": ["disc", "disc"]}
    chosen = {k: v for k, v in (table | {column: values}).items() if v is not None}
    with pytest.raises(InvalidInput, match=said):
        MIXED.parse(pa.table(chosen))


def test_new_tables_may_have_more_columns_another_order_and_only_missing_values() -> None:
    table = pa.table({"more": [1, 2], "shape": ["square", "disc"], "colour": pa.nulls(2), "height": ["3", "4"],
                      "age": pa.nulls(2)})  # fmt: skip
    raw = MIXED.parse(table)
    assert np.array_equal(raw, [[np.nan, np.nan, 3, 1], [np.nan, np.nan, 4, 0]], equal_nan=True)


def test_raw_rows_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="category indices"):
        MIXED.to_array(np.array([[1, 3, 1, 0.0]]))
    with pytest.raises(InvalidInput, match="shape"):
        MIXED.to_array(np.zeros((2, 3)))
    with pytest.raises(InvalidInput, match="uint8"):
        ImageModality(channels=1, height=8, width=8).to_array(np.zeros((1, 1, 8, 8)))
