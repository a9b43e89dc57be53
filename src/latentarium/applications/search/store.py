"""Codes in an embedded vector store (LanceDB), for more of them than one wants to look through each time."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.search.filters import Filter
from latentarium.arrays import FloatArray, as_rows, batches
from latentarium.bundle import Bundle
from latentarium.errors import MissingExtra
from latentarium.files import read_json, replacing_folder, write_json

TABLE, MARK = "codes", "made-from.json"
PIECE = 65_536
ROWS_A_CELL, CELLS_LOOKED_AT = 4096, 24
_FEWEST_TO_INDEX = 20_000


@dataclass(frozen=True, eq=False)
class Store:
    """An opened store of codes (n, d) and the columns that came with them."""

    table: Any

    def nearest(
        self, queries: ArrayLike, *, count: int = 10, where: Sequence[Filter] = (), cells: int = CELLS_LOOKED_AT
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Row numbers and distances (m, count), nearest first, among rows that meet the conditions.

        `cells` of the index are looked at: more find more of the true neighbours and take longer. Where the conditions
        leave fewer rows than `count`, -1 and infinity fill up.
        """
        asked = np.asarray(queries, np.float32)
        numbers = np.full((len(asked), count), -1, np.int64)
        distances = np.full((len(asked), count), np.inf)
        for i, query in enumerate(asked.reshape(len(asked), -1)):
            search = self.table.search(query).distance_type("l2").limit(count).nprobes(cells)
            if where:
                search = search.where(" AND ".join(f.sql for f in where), prefilter=True)
            found = search.select(["row", "_distance"]).to_arrow()
            numbers[i, : len(found)] = found["row"].to_numpy()
            distances[i, : len(found)] = np.sqrt(np.maximum(found["_distance"].to_numpy(), 0))
        return numbers, distances


def open_store(bundle: Bundle) -> Store:
    """The store beside the bundle, made when it is not there or when the bundle has changed since.

    Raises
    ------
    MissingExtra
        Without LanceDB.
    """
    path = bundle.path.with_name(f"{bundle.path.resolve().name}.search")
    made_from = {"codes": bundle.manifest["files"]["codes.parquet"], "rows": bundle.manifest["files"]["rows.parquet"]}
    if not (path / MARK).is_file() or read_json(path / MARK) != made_from:
        columns = {name: bundle.column(name) for name in bundle.label_names}
        with replacing_folder(path, keep=False) as folder:
            make_store(folder, bundle.codes, columns)
            write_json(folder / MARK, made_from)
    return Store(_lancedb().connect(path).open_table(TABLE))


def make_store(folder: Path, codes: FloatArray, columns: dict[str, NDArray[Any]] | None = None) -> Store:
    """Write codes (n, d) and columns (n,) each into a new store in `folder`, piece by piece, and index it."""
    import pyarrow as pa

    lancedb = _lancedb()
    flat = codes.reshape(len(codes), -1)
    kinds = {name: pa.array(values.tolist(), from_pandas=True).type for name, values in (columns or {}).items()}
    schema = pa.schema([
        ("row", pa.int64()), ("vector", pa.list_(pa.float32(), flat.shape[1])), *kinds.items()
    ])  # fmt: skip

    def pieces() -> Iterator[Any]:
        for part in batches(len(flat), PIECE):
            values = as_rows(flat[part], flat.shape[1:], name="codes").ravel()
            arrays = [
                pa.array(np.arange(part.start, part.stop)),
                pa.FixedSizeListArray.from_arrays(values, flat.shape[1]),
            ]
            arrays += [
                pa.array(values[part].tolist(), type=kinds[name], from_pandas=True)
                for name, values in (columns or {}).items()
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    table = lancedb.connect(folder).create_table(TABLE, data=pieces(), schema=schema)
    if len(flat) >= _FEWEST_TO_INDEX:
        from lancedb.index import IvfFlat

        table.create_index(
            "vector", config=IvfFlat(distance_type="l2", num_partitions=max(1, len(flat) // ROWS_A_CELL))
        )
    return Store(table)


def _lancedb() -> Any:
    # its Rust side writes remarks to stderr, which is ours to speak on
    os.environ.setdefault("LANCE_LOG", "error")
    try:
        import lancedb
    except ImportError:
        raise MissingExtra(
            "the vector store needs LanceDB, which is not installed; run: pip install 'latentarium[search]', "
            "or search with --store exact"
        ) from None
    return lancedb
