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
from latentarium.data.folders import SUFFIXES
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.texts import TextModality
from latentarium.errors import InvalidInput, invalid
from latentarium.files import inside, replacing, replacing_folder
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
    """Decode a Parquet file of codes; pictures to .npy, .parquet or a folder, melodies to .npy, .parquet, .mid or .wav,
    tables to .csv or .parquet, lines of text to these or .txt.
    """
    bundle = open_bundle(path)
    modality = bundle.modality
    sounds = SOUNDS if isinstance(modality, GridModality) else ()
    words = (*TABLES, ".txt") if isinstance(modality, TextModality) else ()
    folder = ("",) if isinstance(modality, ImageModality) else ()
    columns = isinstance(modality, TableModality)
    check_ending(out, words or ((".parquet", ".csv") if columns else (*folder, ".parquet", ".npy", *sounds)))
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
    else:
        write_pictures(bundle, _decoded(bundle, space, latents), out, ids)
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


def write_pictures(bundle: Bundle, pieces: Pieces, out: Path, ids: NDArray[Any]) -> None:
    """Write pictures, or other grids, given in pieces, to a .npy or .parquet file or, without an ending, a folder."""
    ending = out.suffix.lower()
    if ending == ".npy":
        _write_npy(bundle, pieces, out, len(ids))
    else:
        (_write_parquet if ending else _write_folder)(bundle, pieces, out, ids)


def _write_folder(bundle: Bundle, pieces: Pieces, out: Path, ids: NDArray[Any]) -> None:
    """A PNG file for each picture, called as its id."""
    from PIL import Image

    del bundle
    names = _file_names(ids.tolist(), out)
    with replacing_folder(out, keep=False) as folder:
        for part, raw in pieces:
            for name, picture in zip(names[part], raw, strict=True):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
                Image.fromarray(np.ascontiguousarray(pixels)).save(folder / name, format="PNG")


def _file_names(ids: Sequence[str], out: Path) -> list[str]:
    """A name for each id, none twice and none that leads out of the folder."""
    found: dict[str, None] = {}
    for name in ids:
        stem, dot, ending = name.rpartition(".")
        bare = stem if f"{dot}{ending}".lower() in SUFFIXES else name
        wanted, times = f"{bare}.png", 1
        while wanted in found:
            times += 1
            wanted = f"{bare}-{times}.png"
        try:
            inside(out, wanted)
        except InvalidInput:
            raise invalid("ids", "names of files for a folder", name, "write .npy or .parquet") from None
        found[wanted] = None
    return list(found)


def _write_npy(bundle: Bundle, pieces: Pieces, out: Path, count: int) -> None:
    """Write `count` pictures, given in pieces, to a .npy file."""
    with replacing(out) as temporary:
        kept = bundle.kept
        shape = (count, *kept.shape[1:])
        target = np.lib.format.open_memmap(temporary, mode="w+", dtype=kept.dtype, shape=shape)
        for part, raw in pieces:
            target[part] = raw
        target.flush()


def _write_parquet(bundle: Bundle, pieces: Pieces, out: Path, ids: NDArray[Any]) -> None:
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
