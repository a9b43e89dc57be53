"""Codes in Parquet: the schema, what other programs read, the way back, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import latentarium as la
from latentarium.applications.codes import KEY, encoder_fingerprint, read_codes, write_codes
from latentarium.bundle import Bundle
from latentarium.errors import DamagedFile, InvalidInput


def write(bundle: Bundle, path: Path, **options: bool) -> Path:
    for _ in write_codes(bundle, la.open_source("digits").select(np.arange(50)), path, **options):
        pass
    return path


@pytest.mark.parametrize("named", [False, True])
def test_there_and_back(bundle: Bundle, tmp_path: Path, named: bool) -> None:
    rows = la.open_source("digits").select(np.arange(50))
    expected = bundle.space.encode(rows.array())
    path = write(bundle, tmp_path / "codes.parquet", named=named)
    found = read_codes(path, bundle=bundle)
    np.testing.assert_array_equal(found.codes, expected)
    assert found.ids.tolist() == rows.ids.tolist()
    assert found.labels["label"].tolist() == np.asarray(rows.columns["label"]).tolist()
    assert found.model["model"] == bundle.name
    assert found.model["fingerprint"] == encoder_fingerprint(bundle)
    assert found.model["preprocessing"] == bundle.manifest["modality"]
    np.testing.assert_array_equal(read_codes(path).codes, expected)


def test_the_schema_is_what_it_says(bundle: Bundle, tmp_path: Path) -> None:
    schema = pq.read_schema(write(bundle, tmp_path / "codes.parquet"))
    assert schema.names == ["id", "code", "label"]
    assert schema.field("code").type.list_size == 4
    assert schema.field("code").type.value_type == pa.float32()
    assert json.loads(schema.metadata[KEY])["shape"] == [4]
    frame = pd.read_parquet(write(bundle, tmp_path / "named.parquet", named=True))
    assert list(frame.columns) == ["id", "z0", "z1", "z2", "z3", "label"]
    assert (frame.dtypes[["z0", "z3"]] == np.float32).all()


@pytest.mark.parametrize("named", [False, True])
def test_codes_that_went_through_another_program(bundle: Bundle, tmp_path: Path, named: bool) -> None:
    path = write(bundle, tmp_path / "codes.parquet", named=named)
    pd.read_parquet(path).to_parquet(tmp_path / "again.parquet")
    again = read_codes(tmp_path / "again.parquet", bundle=bundle)
    np.testing.assert_array_equal(again.codes, read_codes(path).codes)
    assert not again.model


def test_codes_of_another_space_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    la.fit("digits", latent=4, width=16, steps=2, precision="fp32", out=tmp_path / "other", progress=False)
    path = write(bundle, tmp_path / "codes.parquet")
    with pytest.raises(InvalidInput, match="holds codes of another space"):
        read_codes(path, bundle=la.open_bundle(tmp_path / "other"))


@pytest.mark.parametrize(
    ("told", "words"),
    [(b"{", "cannot be read"), (b"[]", "cannot be read"), (None, "format that this release does not know")],
)
def test_a_damaged_description_is_named(bundle: Bundle, tmp_path: Path, told: bytes | None, words: str) -> None:
    path = write(bundle, tmp_path / "codes.parquet")
    table = pq.read_table(path)
    newer = {**json.loads(table.schema.metadata[KEY]), "format": 99}
    pq.write_table(table.replace_schema_metadata({KEY: told or json.dumps(newer).encode()}), path)
    with pytest.raises(DamagedFile, match=words):
        read_codes(path)


def test_named_columns_must_be_numbers_and_all_there(bundle: Bundle, tmp_path: Path) -> None:
    path = write(bundle, tmp_path / "codes.parquet", named=True)
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, "z0", pa.array(["a"] * 50)), path)
    with pytest.raises(InvalidInput, match="text in 'z0'"):
        read_codes(path, bundle=bundle)
    pq.write_table(table.drop_columns(["z2"]), path)
    with pytest.raises(InvalidInput, match="must have a column 'z2'"):
        read_codes(path, bundle=bundle)
    pq.write_table(table.drop_columns(["z3"]).replace_schema_metadata(), path)
    with pytest.raises(InvalidInput, match="4 columns of numbers"):
        read_codes(path, bundle=bundle)
