"""Columns as condition vectors: what is a class, what an attribute, what is refused and in which words."""

import json
from typing import Any

import numpy as np
import pytest

from latentarium.conditions import (
    MOST_CLASSES,
    Condition,
    condition_vector,
    conditions_from_json,
    conditions_to_json,
    read_condition,
    told_values,
)
from latentarium.errors import InvalidInput

KIND = Condition(column="kind", values=("bag", "boot", "coat"))
SMILING = Condition(column="Smiling", values=("0", "1"), binary=True)
BOTH = (KIND, SMILING)


def read(values: Any, rows: int | None = None) -> Condition:
    column = np.asarray(values)
    return read_condition("c", column, np.arange(len(column))[:rows])


@pytest.mark.parametrize(
    ("values", "expected", "binary"),
    [
        (["b", "a", "", "b"], ("a", "b"), False),
        ([10, 9, 2, 10], ("2", "9", "10"), False),
        ([3.0, np.nan, 1.0, 3.0], ("1", "3"), False),
        (np.array(["x", None, "y"], object), ("x", "y"), False),
        (np.array([0, 1, 1], np.int8), ("0", "1"), True),
        ([1.0, np.nan, 0.0], ("0", "1"), True),
        ([-1, 1, -1], ("-1", "1"), True),
        ([True, False], ("False", "True"), True),
        ([1, 2, 1], ("1", "2"), False),
    ],
    ids=str,
)
def test_what_a_column_is_told_as(values: Any, expected: tuple[str, ...], binary: bool) -> None:
    assert read(values) == Condition(column="c", values=expected, binary=binary)


def test_missing_and_unheard_of_values_are_unknown() -> None:
    column = np.array([3.0, np.nan, 1.0, 7.0, 3.0])
    condition = read_condition("c", column, np.arange(3))
    assert condition.values == ("1", "3")
    numbers = condition.numbers(column)
    assert numbers.tolist() == [1, -1, 0, -1, 1]
    assert condition.table[numbers].tolist() == [[0, 1], [0, 0], [1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([2.0, 1.5, 2.5], "the condition 'c' must be classes or whole numbers, got 1.5; cut it into groups"),
        ([0.0, np.inf], "the condition 'c' must be classes or whole numbers, got inf; cut it into groups"),
        (np.arange(MOST_CLASSES + 2), "the condition 'c' must be a column of at most 1000 classes, got 1002"),
        (
            ["a", "a", ""],
            "the condition 'c' must be a column that varies over the training rows, got only 'a'",
        ),
        (
            [np.nan, np.nan],
            "the condition 'c' must be a column that varies over the training rows, got only missing values",
        ),
    ],
    ids=["fractions", "infinite", "too many", "constant", "missing"],
)
def test_columns_that_no_decoder_can_be_told(values: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(values)
    assert str(caught.value).startswith(message)


def test_a_column_that_varies_outside_the_training_rows_only() -> None:
    with pytest.raises(InvalidInput, match="varies over the training rows, got only 'a'"):
        read(["a", "a", "b"], rows=2)


@pytest.mark.parametrize(
    ("names", "values", "expected"),
    [
        ((), {}, [0, 0, 0, 0]),
        (("boot",), {}, [0, 1, 0, 0]),
        ((), {"kind": "coat", "Smiling": 0}, [0, 0, 1, -1]),
        (("Smiling",), {}, [0, 0, 0, 1]),
        (("bag", "Smiling"), {}, [1, 0, 0, 1]),
        ((), {"Smiling": False}, [0, 0, 0, -1]),
        ((), {"Smiling": "1"}, [0, 0, 0, 1]),
    ],
    ids=str,
)
def test_what_is_given_as_a_vector(names: tuple[str, ...], values: dict[str, object], expected: list[float]) -> None:
    found = condition_vector(BOTH, names, values)
    assert found.dtype == np.float32
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (("bot",), {}, "the decoder was never told of 'bot'; did you mean boot?"),
        (("zzz",), {}, "the decoder was never told of 'zzz'; known are bag, boot, coat, Smiling"),
        ((), {"Smilling": 1}, "the decoder was never told of 'Smilling'; did you mean Smiling?"),
        ((), {"kind": "bagg"}, "kind must be one of bag, boot, coat, got 'bagg'; did you mean bag?"),
        ((), {"Smiling": 2}, "Smiling must be one of 0, 1, got '2'"),
        ((), {"kind": True}, "kind must be one of bag, boot, coat, got 'True'"),
        (("bag", "boot"), {}, "kind must be given once, got 'boot'"),
        (("bag",), {"kind": "boot"}, "kind must be given once, got 'boot'"),
    ],
    ids=str,
)
def test_what_cannot_be_given(names: tuple[str, ...], values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        condition_vector(BOTH, names, values)
    assert str(caught.value) == message


def test_a_name_of_two_columns_needs_its_column() -> None:
    two = (Condition(column="a", values=("1", "2")), Condition(column="b", values=("2", "3")))
    with pytest.raises(InvalidInput, match="'2' is of more than one column, a and b; say a=2"):
        condition_vector(two, ("2",), {})
    assert condition_vector(two, (1,), {"b": 2}).tolist() == [1, 0, 1, 0]


def test_a_long_list_of_classes_is_cut_short() -> None:
    many = (Condition(column="c", values=tuple(f"n{i:03}" for i in range(300))),)
    with pytest.raises(InvalidInput, match=r"known are n000, .*, n011 and 288 more$"):
        condition_vector(many, ("zzz",), {})


def test_json_round_trip() -> None:
    assert conditions_from_json(json.loads(json.dumps(conditions_to_json(BOTH)))) == BOTH


def test_what_is_given_is_numbered_over_all_columns() -> None:
    assert told_values(BOTH, ["coat"], {}) == [2]
    assert told_values(BOTH, ["Smiling"], {"kind": "boot"}) == [1, 4]
    assert told_values(BOTH, [], {"Smiling": 0}) == [3]
    assert told_values(BOTH, [], {}) == []
