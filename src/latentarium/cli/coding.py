"""`encode` and `decode`: data to codes in Parquet and back."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.codes import read_codes, write_codes
from latentarium.applications.recipes import space_given
from latentarium.arrays import batches
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import bold, check_ending, counting, emit, say, spare
from latentarium.cli.showing import SOUNDS, TABLES, lines_of, show, write_lines, write_rows
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.texts import TextModality
from latentarium.files import replacing
from latentarium.space import LatentSpace
from latentarium.training.priors import rows_at_once


def run_encode(path: Path, *, data: str, named: bool, out: Path, as_json: bool) -> None:
    """Stream rows through the encoder into one Parquet file."""
    from latentarium.data import open_like

    check_ending(out, (".parquet",))
    spare([out], path, data)
    bundle = open_bundle(path)
    rows = open_like(data, bundle.modality)
    for note in rows.notes:
        say(f"note: {note}")
    dim = bundle.space.dim
    with counting("encoding") as tell:
        for part, _ in write_codes(bundle, rows, out, named=named):
            tell(part.stop, len(rows))
    result = {
        "bundle": str(path),
        "rows": len(rows),
        "dimensions": dim,
        "out": str(out),
    }
    emit(result, as_json=as_json, words=f"{len(rows):,} codes of {dim} numbers in {bold(out)}")


def run_decode(path: Path, *, codes: Path, given: Sequence[str], out: Path, as_json: bool) -> None:
    """Decode a Parquet file of codes; pictures to .npy or .parquet, melodies to .mid and .wav as well, tables to .csv
    or .parquet, lines of text to these or .txt.
    """
    bundle = open_bundle(path)
    modality = bundle.modality
    of_table = isinstance(modality, TableModality)
    sounds = SOUNDS if isinstance(modality, GridModality) else ()
    words = (*TABLES, ".txt") if isinstance(modality, TextModality) else ()
    check_ending(out, words or ((".parquet", ".csv") if of_table else (".parquet", ".npy", *sounds)))
    spare([out], path, codes)
    space = space_given(bundle, given)
    found = read_codes(codes, bundle=bundle)
    ids, latents = found.ids, found.codes
    if isinstance(modality, TableModality):
        write_rows(bundle, space.decode(latents), out, ids)
    elif words:
        write_lines({"id": ids.tolist(), "text": lines_of(bundle, space.decode(latents))}, [out])
    elif out.suffix.lower() in sounds:
        show(bundle, space.decode(latents), [out], columns=1)
    elif out.suffix.lower() == ".npy":
        write_npy(bundle, _decoded(bundle, space, latents), out, len(latents))
    else:
        write_parquet(bundle, _decoded(bundle, space, latents), out, ids)
    emit(
        {"bundle": str(path), "rows": len(latents), "out": str(out)},
        as_json=as_json,
        words=f"{len(latents):,} rows in {bold(out)}",
    )


Pieces = Iterator[tuple[slice, NDArray[Any]]]


def _decoded(bundle: Bundle, space: LatentSpace, latents: NDArray[np.float32]) -> Pieces:
    with counting("decoding") as tell:
        for part in batches(len(latents), rows_at_once(space)):
            yield part, bundle.modality.to_raw(space.decode(latents[part]))
            tell(part.stop, len(latents))


def write_npy(bundle: Bundle, pieces: Pieces, out: Path, count: int) -> None:
    """Write `count` pictures, given in pieces, to a .npy file."""
    with replacing(out) as temporary:
        kept = bundle.kept
        shape = (count, *kept.shape[1:])
        target = np.lib.format.open_memmap(temporary, mode="w+", dtype=kept.dtype, shape=shape)
        for part, raw in pieces:
            target[part] = raw
        target.flush()


def write_parquet(bundle: Bundle, pieces: Pieces, out: Path, ids: NDArray[Any]) -> None:
    """Write pictures, given in pieces, and their ids to a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = bundle.kept
    size, name = int(np.prod(kept.shape[1:])), "pixels" if isinstance(bundle.modality, ImageModality) else "steps"
    schema = pa.schema(
        [("id", pa.string()), (name, pa.list_(pa.from_numpy_dtype(kept.dtype), size))],
        metadata={"shape": str(list(kept.shape[1:]))},
    )
    with replacing(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part, raw in pieces:
            column = pa.FixedSizeListArray.from_arrays(pa.array(raw.reshape(-1)), size)
            writer.write_table(pa.table({"id": ids[part].tolist(), name: column}, schema=schema))
