"""`compress` and `decompress`: rows into one file and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.codes import write_codes
from latentarium.applications.compression.codec import CompressedRows, Lossy, compress, decibels, open_compressed
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.coding import Pieces, run_decode, write_npy, write_parquet
from latentarium.cli.output import bold, check_ending, counting, emit, spare
from latentarium.data.modalities import ImageModality
from latentarium.data.rows import Rows
from latentarium.errors import invalid

PLAIN, ENDING = "plain", ".lsc"


@dataclass(frozen=True, kw_only=True)
class CompressRequest:
    """What the user asked for."""

    data: str
    out: Path
    mode: str
    lossy: Lossy
    chunk: int | None


def run_compress(path: Path, request: CompressRequest, *, as_json: bool) -> None:
    """Compress data, and say what it came to."""
    from latentarium.data import open_like

    check_ending(request.out, (".parquet",) if request.mode == PLAIN else (ENDING,))
    spare([request.out], path, request.data)
    bundle = open_bundle(path)
    rows = open_like(request.data, bundle.modality)
    if request.mode == PLAIN:
        result = _plain(bundle, rows, request.out)
    else:
        with counting("compressing") as tell:
            done = compress(
                bundle,
                rows.raw,
                request.out,
                mode=request.mode,
                lossy=request.lossy,
                chunk_rows=request.chunk,
                progress=tell,
            )
        result = {**done.to_json(), "rows_per_second": done.rows / done.seconds}
    emit({"bundle": str(path), **result}, as_json=as_json, words=_words(result))


def run_decompress(path: Path, *, file: Path, rows: str | None, out: Path, as_json: bool) -> None:
    """Write the rows of a compressed file, or some of them, as they were."""
    if file.suffix.lower() == ".parquet":
        if rows is not None:
            raise invalid("--rows", f"left out for a file that does not end in {ENDING}", rows)
        return run_decode(path, codes=file, given=(), out=out, as_json=as_json)
    check_ending(out, (".npy", ".parquet"))
    spare([out], path, file)
    bundle = open_bundle(path)
    with open_compressed(bundle, file) as stored, counting("decompressing") as tell:
        wanted = _wanted(rows, len(stored))
        pieces = stored.pieces(tell) if rows is None else _some(stored, wanted)
        if out.suffix.lower() == ".npy":
            write_npy(bundle, pieces, out, len(wanted))
        else:
            write_parquet(bundle, pieces, out, np.array([str(number) for number in wanted]))
    result = {"bundle": str(path), "rows": len(wanted), "mode": stored.header.mode, "out": str(out)}
    emit(result, as_json=as_json, words=f"{len(wanted):,} rows in {bold(out)}")


def _some(stored: CompressedRows, wanted: range) -> Pieces:
    yield slice(0, len(wanted)), stored[wanted.start : wanted.stop]


def _wanted(words: str | None, count: int) -> range:
    """The rows that START:STOP asks for."""
    if words is None:
        return range(count)
    first, colon, last = words.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and int(first) < int(last) <= count):
        raise invalid("--rows", f"START:STOP within 0:{count}", words)
    return range(int(first), int(last))


def _plain(bundle: Bundle, rows: Rows, out: Path) -> dict[str, Any]:
    """Codes as they are, in Parquet, decoded again to see how well they do."""
    pictures, squares = isinstance(bundle.modality, ImageModality), 0
    with counting("encoding") as tell:
        for part, codes in write_codes(bundle, rows, out, labels=False):
            squares += _squares(bundle, rows, part, codes) if pictures else 0
            tell(part.stop, len(rows))
    size, values = out.stat().st_size, len(rows) * int(np.prod(bundle.space.data_shape))
    return {
        "path": str(out),
        "mode": PLAIN,
        "rows": len(rows),
        "bytes": size,
        "bits_per_dimension": 8 * size / values,
        "psnr": decibels(squares, values) if pictures else None,
    }


def _squares(bundle: Bundle, rows: Rows, part: slice, codes: NDArray[np.float32]) -> int:
    """Squared error, in grey levels, of what codes of some of the rows decode to."""
    again = bundle.modality.to_raw(bundle.space.decode(codes.reshape(-1, *bundle.space.shape)))
    return int(((again.astype(np.int64) - rows.raw[part]) ** 2).sum())


def _words(result: dict[str, Any]) -> str:
    size = f"{result['rows']:,} rows in {result['bytes']:,} bytes"
    rate = f"{result['bits_per_dimension']:.3f} bits per dimension, {result['bytes'] / result['rows']:.1f} bytes a row"
    loss = "" if result["psnr"] is None else f", PSNR {result['psnr']:.2f} dB"
    speed = f", {result['rows_per_second']:,.0f} rows/s" if "rows_per_second" in result else ""
    model = f"; the model beside it has {result['model_bytes']:,}" if "model_bytes" in result else ""
    return f"{size}: {rate}{loss}{speed}{model}: {bold(result['path'])}"
