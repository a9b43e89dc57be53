from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from latentarium.data import TableModality, long_tables, open_like, open_source
from latentarium.errors import InvalidInput


def people(n: int = 60) -> pa.Table:
    random = np.random.default_rng(0)
    age = random.normal(40, 10, n).round(1)
    return pa.table(
        {
            "name": [f"person {i}" for i in range(n)],
            "age": pa.array(age, mask=np.arange(n) % 7 == 3),
            "children": random.integers(0, 4, n),
            "town": pa.array(random.choice(["Oslo", "Rome", "Bern"], n).tolist(), mask=np.arange(n) % 11 == 5),
            "member": random.random(n) > 0.5,
            "income": random.choice(["low", "high"], n).tolist(),
        }
    )


@pytest.fixture(params=["csv", "tsv", "parquet", "dictionary.parquet", "semicolon.csv"])
def table_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"people.{request.param}"
    table = people()
    if request.param == "dictionary.parquet":
        table = table.set_column(3, "town", table["town"].dictionary_encode())
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        delimiter = {"tsv": "\t", "csv": ",", "semicolon.csv": ";"}[request.param]
        csv.write_csv(table, path, csv.WriteOptions(delimiter=delimiter))
    return path


def test_every_file_kind_gives_the_same_rows(table_file: Path) -> None:
    rows = open_source(table_file, label="income")
    modality = rows.modality
    assert isinstance(modality, TableModality)
    assert [(c.name, c.kind, c.has_missing) for c in modality.columns] == [
        ("age", "numeric", True),
        ("children", "numeric", False),
        ("town", "categorical", True),
        ("member", "categorical", False),
    ]
    assert modality.columns[2].categories == ("Bern", "Oslo", "Rome")
    assert modality.columns[3].categories == ("false", "true")
    assert rows.ids[4] == "person 4"
    assert any("'name'" in note for note in rows.notes)
    table = people()
    assert rows.columns["label"].tolist() == table["income"].to_pylist()
    assert modality.to_table(rows.raw)["town"].to_pylist() == table["town"].to_pylist()
    assert modality.to_table(rows.raw)["age"].to_pylist() == table["age"].to_pylist()


def test_scales_come_from_the_training_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    parquet.write_table(people(), path)
    rows = open_source(path)
    age = rows.raw[rows.splits["train"], 0]
    modality = rows.modality
    assert isinstance(modality, TableModality)
    assert modality.columns[0].mean == pytest.approx(np.nanmean(age))
    assert modality.columns[0].std == pytest.approx(np.nanstd(age))
    assert modality.columns[0].mean != pytest.approx(np.nanmean(rows.raw[:, 0]), rel=1e-6)


def test_new_rows_go_through_the_columns_fitted_before(tmp_path: Path) -> None:
    parquet.write_table(people(), tmp_path / "people.parquet")
    fitted = open_source(tmp_path / "people.parquet", label="income")
    csv.write_csv(people().slice(3, 1), tmp_path / "one.csv")
    one = open_like(tmp_path / "one.csv", fitted.modality)
    assert len(one) == len(one.splits["test"]) == 1
    assert np.array_equal(one.raw, fitted.raw[3:4], equal_nan=True)
    assert one.ids.tolist() == ["person 3"]


def test_numbers_that_look_like_text_after_the_first_block_stay_numbers(tmp_path: Path) -> None:
    body = "\n".join(f"{i},{i * 2}" for i in range(300_000))
    (tmp_path / "long.csv").write_text(f"a,b\n{body}\n7.5, 1.25\n")
    rows = open_source(tmp_path / "long.csv")
    assert rows.raw[-1].tolist() == [7.5, 1.25]


def test_a_long_table_is_read_in_pieces_to_the_same_rows(table_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modality = open_source(table_file).modality
    whole = open_like(table_file, modality)
    monkeypatch.setattr(long_tables, "PIECE_ROWS", 7)
    pieces = open_like(table_file, modality, memory_limit=1)
    assert isinstance(pieces.raw, np.memmap)
    assert not isinstance(whole.raw, np.memmap)
    np.testing.assert_array_equal(pieces.raw, whole.raw)
    assert pieces.ids.tolist() == whole.ids.tolist()
    assert pieces.ids[3] == "person 3"


def test_a_long_matrix_is_read_in_pieces_to_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(0).normal(size=(50, 3))
    matrix[4, 1] = np.nan
    np.save(tmp_path / "a.npy", matrix)
    np.savez(tmp_path / "a.npz", x=matrix)
    modality = open_source(tmp_path / "a.npy").modality
    monkeypatch.setattr(long_tables, "PIECE_ROWS", 8)
    for name in ("a.npy", "a.npz"):
        found = open_like(tmp_path / name, modality, memory_limit=1)
        assert isinstance(found.raw, np.memmap)
        np.testing.assert_array_equal(found.raw, matrix)


def test_a_bad_value_deep_in_a_long_table_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(people(), tmp_path / "good.parquet")
    modality = open_source(tmp_path / "good.parquet").modality
    strange = people().set_column(3, "town", pa.array([*["Oslo"] * 45, "Paris", *["Rome"] * 14]))
    parquet.write_table(strange, tmp_path / "bad.parquet")
    monkeypatch.setattr(long_tables, "PIECE_ROWS", 20)
    with pytest.raises(InvalidInput, match="'town'.*'Paris' in row 6.*counted from row 41 on"):
        open_like(tmp_path / "bad.parquet", modality, memory_limit=1)
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "good.parquet").read_bytes()[:500])
    with pytest.raises(InvalidInput, match="cut.parquet must be a complete table file"):
        open_like(tmp_path / "cut.parquet", modality, memory_limit=1)


def test_types_guessed_wrongly_from_the_first_lines_of_a_long_table(tmp_path: Path) -> None:
    lines = ["a,b"] + [f"{i},{i % 3}" for i in range(300_000)] + ["1.5,2"]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    modality = open_source(tmp_path / "t.csv").modality
    found = open_like(tmp_path / "t.csv", modality, memory_limit=1)
    assert found.raw[-1].tolist() == [1.5, 2.0]
    assert len(found) == 300_001


def test_labels_may_be_numbers_text_or_missing(tmp_path: Path) -> None:
    lines = [f"{i},{'' if i == 2 else i % 3},{'' if i == 1 else 'ab'[i % 2]},{i % 3}" for i in range(12)]
    (tmp_path / "t.csv").write_text("x,number,text,count\n" + "\n".join(lines))
    assert np.isnan(open_source(tmp_path / "t.csv", label="number").columns["label"][2])
    assert open_source(tmp_path / "t.csv", label="text").columns["label"].tolist()[:3] == ["a", "", "a"]
    assert open_source(tmp_path / "t.csv", label="count").columns["label"].dtype == np.int64


def test_real_tables(test_data: Path) -> None:
    rows = open_source(test_data / "melodies" / "index.csv", label="mode")
    assert len(rows) == 6000
    assert set(rows.columns["label"]) >= {"major", "minor"}
    assert rows.array("train").shape == (4800, *rows.modality.data_shape)
