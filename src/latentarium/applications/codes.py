"""Codes as Parquet with a schema: ids, codes and labels, and in the file's metadata the model that they come from."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium import __version__
from latentarium.arrays import FloatArray, batches, check_finite
from latentarium.bundle import MODEL, Bundle, arrow_table
from latentarium.data.rows import Rows
from latentarium.errors import DamagedFile, InvalidInput, invalid
from latentarium.files import replacing
from latentarium.training.priors import rows_at_once

KEY, FORMAT = b"latentarium", 1
"""Under this key of the schema's metadata lies a JSON object; see docs/reference/codes.md."""
ID, CODE, NAMED = "id", "code", "z"


@dataclass(frozen=True, kw_only=True, eq=False)
class Codes:
    """What a file of codes holds.

    Parameters
    ----------
    ids : of the rows, str (n,)
    codes : float32 (n, *shape)
    labels : columns that came with the rows, (n,) each
    model : what the file says of the space: model, fingerprint, shape, preprocessing; empty where it says nothing
    """

    ids: NDArray[Any]
    codes: FloatArray
    labels: Mapping[str, NDArray[Any]]
    model: Mapping[str, Any]


def encoder_fingerprint(bundle: Bundle) -> str:
    """SHA-256 (hex) of what decides a code: the network that encodes, and how rows are prepared for it."""
    network = bundle.manifest["files"].get(MODEL) or bundle.manifest["files"].get("encoder.onnx", "")
    return hashlib.sha256(json.dumps([network, bundle.manifest["modality"]], sort_keys=True).encode()).hexdigest()


def write_codes(
    bundle: Bundle, rows: Rows, out: Path, *, named: bool = False, labels: bool = True
) -> Iterator[tuple[slice, FloatArray]]:
    """Write ids, codes and labels to a Parquet file, which appears at the end; yields the rows done and their codes.

    Parameters
    ----------
    named : a column z0, z1, .. for each number of a code, in place of one column of fixed-size lists
    labels : whether labels that come with the rows are written too
    """
    import pyarrow.parquet as pq

    names = tuple(f"{NAMED}{i}" for i in range(bundle.space.dim)) if named else (CODE,)
    own = {name: values for name, values in rows.columns.items() if labels and name not in (ID, *names)}

    def table(part: slice, codes: FloatArray) -> Any:
        columns = dict(zip(names, codes.T, strict=True)) if named else {CODE: codes}
        shown = {name: values[part] for name, values in own.items()}
        return arrow_table({ID: rows.ids[part], **columns, **shown}).replace_schema_metadata(told)

    told = {KEY: json.dumps({**_model(bundle), "columns": names, "labels": list(own)}).encode()}
    schema = table(slice(0, 1), np.zeros((1, bundle.space.dim), np.float32)).schema
    with replacing(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part in batches(len(rows), rows_at_once(bundle.space)):
            codes = bundle.space.encode(rows.array(part)).reshape(-1, bundle.space.dim)
            writer.write_table(table(part, codes))
            yield part, codes


def _model(bundle: Bundle) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": bundle.name,
        "fingerprint": encoder_fingerprint(bundle),
        "shape": bundle.space.shape,
        "preprocessing": bundle.manifest["modality"],
        "latentarium": __version__,
    }


def read_codes(path: str | Path, *, bundle: Bundle | None = None) -> Codes:
    """Read a Parquet file of codes: one that `write_codes` wrote, or one of yours with lists of numbers in "code".

    Parameters
    ----------
    bundle : the codes must be of its space

    Raises
    ------
    InvalidInput
        When the file is absent, holds no codes, or holds those of another space or size.
    DamagedFile
        When it is no readable Parquet file.
    """
    path = Path(path)
    table = _opened(path)
    model = _told(path, (table.schema.metadata or {}).get(KEY))
    if bundle is not None and model and model["fingerprint"] != encoder_fingerprint(bundle):
        raise InvalidInput(
            f"{path} holds codes of another space: of {model['model']!r} ({model['fingerprint'][:12]}), while "
            f"{bundle.path} is {encoder_fingerprint(bundle)[:12]}; give the bundle that made them, or encode the data "
            "again"
        )
    shape = bundle.space.shape if bundle is not None else tuple(model["shape"]) if model else None
    columns = table.column_names
    flat = _numbers(path, table, model.get("columns") or _guessed(columns), None if shape is None else math.prod(shape))
    ids = table[ID].to_pylist() if ID in columns else range(len(table))
    return Codes(
        ids=np.asarray([str(name) for name in ids]),
        codes=flat.reshape(len(table), *(shape or flat.shape[1:])),
        labels={
            name: np.asarray(table[name].to_pylist()) for name in model.get("labels", ()) if name in table.schema.names
        },
        model=model,
    )


def _opened(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise invalid("CODES", "a Parquet file that exists", str(path))
    try:
        return pq.read_table(path)
    except pa.ArrowException as error:
        raise DamagedFile(f"{path} is not a readable Parquet file ({str(error).splitlines()[0]})") from None


def _told(path: Path, stored: bytes | None) -> dict[str, Any]:
    """What the file says of its model; nothing in a file that is not ours."""
    if stored is None:
        return {}
    try:
        told = json.loads(stored)
        known = {"format": int, "model": str, "fingerprint": str, "shape": list, "columns": list, "labels": list}
        broken = [name for name, kind in known.items() if not isinstance(told[name], kind)]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{path} is damaged: what it says of its model cannot be read ({error})") from None
    if broken or told["format"] != FORMAT:
        raise DamagedFile(f"{path} is of a format that this release does not know ({told['format']!r})")
    return told


def _guessed(columns: Sequence[str]) -> list[str]:
    """Where the codes are in a file that says nothing of it, such as one that went through another program."""
    named = [f"{NAMED}{i}" for i in range(len(columns))]
    return [name for name in named if name in columns] if CODE not in columns and NAMED + "0" in columns else [CODE]


def _numbers(path: Path, table: Any, names: Sequence[str], dim: int | None) -> FloatArray:
    """The codes, float32 (n, numbers)."""
    absent = [name for name in names if name not in table.column_names]
    if absent:
        raise InvalidInput(f"{path} must have a column {absent[0]!r}, got {', '.join(table.column_names)}")
    if list(names) != [CODE]:
        wide = table.select(names)
        texts = [field.name for field in wide.schema if not _is_number(field.type)]
        if texts or (dim is not None and len(names) != dim):
            wanted = "numbers" if texts else f"{dim} columns of numbers"
            raise invalid(f"the codes in {path}", wanted, f"text in {texts[0]!r}" if texts else f"{len(names)} columns")
        flat = np.stack([np.asarray(column.to_numpy(), np.float32) for column in wide.columns], axis=1)
    else:
        flat = _lists(path, table[CODE].combine_chunks(), dim)
    check_finite(flat, f"the codes in {path}")
    return flat


def _lists(path: Path, column: Any, dim: int | None) -> FloatArray:
    import pyarrow.compute as pc

    size = "equally many" if dim is None else dim
    if not _is_list_of_numbers(column.type):
        raise invalid(f"the code column of {path}", f"lists of {size} numbers", f"values of type {column.type}")
    widths = np.unique(pc.call_function("list_value_length", [column]).to_numpy(zero_copy_only=False))
    if len(column) and (len(widths) != 1 or widths[0] != (widths[0] if dim is None else dim)):
        found = ", ".join(f"{width:g}" for width in widths[:5])
        raise invalid(f"the codes in {path}", f"lists of {size} numbers", f"lists of {found}")
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(len(column), -1)


def _is_list_of_numbers(kind: Any) -> bool:
    import pyarrow as pa

    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and _is_number(kind.value_type)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_floating(kind) or pa.types.is_integer(kind)
