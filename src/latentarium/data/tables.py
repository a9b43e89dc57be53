"""CSV and Parquet files as tables: what is a label, an id or a column to learn from."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from latentarium.data.columns import check_names, is_id, labels_of
from latentarium.data.draft import Draft
from latentarium.data.long_tables import LongTable, piece_rows, state_of
from latentarium.data.storage import Reading
from latentarium.errors import InvalidInput, invalid

CSV_SUFFIXES = (".csv", ".tsv")
PARQUET_SUFFIXES = (".parquet", ".pq")


def open_table(path: Path, reading: Reading, *, label: str | None = None) -> Draft:
    """A CSV (comma, semicolon or tab) or Parquet file; `label` names the column taken out as "label"."""
    of_parquet = path.suffix.lower() in PARQUET_SUFFIXES
    if label is None and reading.is_long(_size(path, of_parquet=of_parquet)):
        return _long_draft(path, reading, of_parquet=of_parquet)
    read = read_parquet if of_parquet else read_csv
    return table_draft(read(path), path.name, label=label, needed=reading.needed)


def _size(path: Path, *, of_parquet: bool) -> int:
    """Bytes of a table when it is unpacked, about."""
    if not of_parquet:
        return path.stat().st_size
    metadata = _opened_parquet(path).metadata
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def _long_draft(path: Path, reading: Reading, *, of_parquet: bool) -> Draft:
    """A table that is read in pieces."""
    import pyarrow as pa

    scan = _scan_parquet if of_parquet else _scan_csv
    try:
        table = scan(path, reading)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error
    if not table.num_rows:
        raise invalid(path.name, "a table with rows", "a header only")
    return Draft(name=path.stem, table=table, ids=table.ids)


def _scan_parquet(path: Path, reading: Reading) -> LongTable:
    return LongTable.scan(lambda: _parquet_pieces(path), reading, made_from=state_of(path))


def _scan_csv(path: Path, reading: Reading) -> LongTable:
    """Columns whose types were guessed wrongly from the first lines are read as text, of which numbers are made."""
    import pyarrow as pa

    try:
        return LongTable.scan(lambda: _csv_pieces(path), reading, made_from=state_of(path))
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise
    return LongTable.scan(lambda: _csv_pieces(path, as_text=True), reading, made_from=state_of(path))


def _parquet_pieces(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    file = _opened_parquet(path)
    for batch in file.iter_batches(batch_size=piece_rows(file.metadata.num_columns)):
        yield pa.Table.from_batches([batch])


def _csv_pieces(path: Path, *, as_text: bool = False) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    parse, names = _parsing(path)
    types = {name: pa.string() for name in names} if as_text else {}
    with arrow_csv.open_csv(path, parse_options=parse, convert_options=_converting(types)) as reader:
        for batch in reader:
            yield _in_utf8(pa.Table.from_batches([batch]), path)


def table_draft(table: Any, name: str, *, label: str | None = None, needed: Collection[str] = ()) -> Draft:
    """Take label and row ids out of a `pyarrow.Table`.

    The first complete text column with another value in every row, or an unnamed first column of that kind,
    becomes the row ids, unless it is `needed` as a column.
    """
    check_names(table.column_names, name)
    if not table.num_rows or not table.num_columns:
        raise invalid(name, "a table with rows", "a header only" if table.num_columns else "nothing")
    columns = {}
    if label is not None:
        if label not in table.column_names:
            known = ", ".join(map(repr, table.column_names[:20]))
            raise invalid("label", f"a column of {name}", label, f"it has {known}")
        columns["label"] = labels_of(table.column(label))
        table = table.drop_columns([label])
    free = [n for n in table.column_names if n not in needed]
    key = next((n for n in free if _is_key(n, table.column(n))), None)
    if key is None:
        return Draft(name=Path(name).stem, table=table, columns=columns)
    ids = np.array([str(value) for value in table.column(key).to_pylist()])
    note = f"column {key!r} has another value in every row and serves as the row id"
    return Draft(name=Path(name).stem, table=table.drop_columns([key]), ids=ids, columns=columns, notes=(note,))


def read_csv(path: Path) -> Any:
    """A CSV file with a header line as a `pyarrow.Table`; empty cells and NA, NaN, null are missing values.

    Raises
    ------
    InvalidInput
        For an empty file, no header, repeated names, rows of another length, or bytes that are no UTF-8.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    parse, names = _parsing(path)

    def read(types: dict[str, Any]) -> Any:
        return arrow_csv.read_csv(path, parse_options=parse, convert_options=_converting(types))

    try:
        table = read({})
    except pa.ArrowInvalid as error:
        # types are guessed from the first block: a later value that does not fit is judged with all of its column
        if "conversion error" not in str(error):
            raise _unreadable(path, error) from error
        try:
            table = read({name: pa.string() for name in names})
        except pa.ArrowInvalid as again:
            raise _unreadable(path, again) from again
    return _in_utf8(table, path)


def _parsing(path: Path) -> tuple[Any, list[str]]:
    """How the lines of a CSV file are cut, and its column names."""
    from pyarrow import csv as arrow_csv

    delimiter, names = _header(path)
    return arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True), names


def _converting(types: dict[str, Any]) -> Any:
    from pyarrow import csv as arrow_csv

    return arrow_csv.ConvertOptions(strings_can_be_null=True, column_types=types)


def _in_utf8(table: Any, path: Path) -> Any:
    """The table, refused where a column holds other bytes."""
    import pyarrow as pa

    coded = [field.name for field in table.schema if pa.types.is_binary(field.type)]
    if coded:
        raise invalid(path.name, "UTF-8 text", f"other bytes in column {coded[0]!r}", "save it as UTF-8")
    return table


def read_parquet(path: Path) -> Any:
    """A Parquet file as a `pyarrow.Table`."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _opened_parquet(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _is_key(name: str, data: Any) -> bool:
    if is_id(data):
        return True
    unnamed = name in ("", "__index_level_0__")
    return unnamed and not data.null_count and len(data.unique()) == len(data)


def _header(path: Path) -> tuple[str, list[str]]:
    """Delimiter and column names."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline(1 << 20)
    if not line.strip():
        raise invalid(path.name, "a table with a header line", "an empty file" if not line else "an empty first line")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter not in line:
        delimiter = next((d for d in (";", "\t") if d in line), delimiter)
    names = next(csv.reader([line], delimiter=delimiter))
    if all(_is_number(name) for name in names):
        raise invalid(f"the first line of {path.name}", "column names", f"numbers, {names[0]} first", "add a header")
    check_names(names, path.name)
    return delimiter, names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    reason = " ".join(str(error).split())
    return InvalidInput(f"{path.name} must be a complete table file, but it cannot be read ({reason[:160]})")
