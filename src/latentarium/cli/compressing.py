"""`compress` and `decompress`: rows into one file and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.codes import write_codes
from latentarium.applications.compression.codec import CompressedRows, Lossy, compress, decibels, open_compressed
from latentarium.applications.compression.container import MODES, MOST_CHUNK_ROWS
from latentarium.applications.compression.model import CodecModel
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.coding import Pieces, run_decode, write_pictures
from latentarium.cli.output import bold, check_ending, counting, emit, say, spare
from latentarium.data.modalities import ImageModality
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, invalid

PLAIN, ENDING, AUTO = "plain", ".lsc", "auto"


@dataclass(frozen=True, kw_only=True)
class CompressRequest:
    """What the user asked for; None where nothing was said."""

    data: str
    out: Path
    mode: str
    step: float | None
    effort: int | None
    chunk: int | None
    ids: bool

    def check(self) -> None:
        """Refuse a mode that there is not, and options that the mode does not look at."""
        modes = (AUTO, *MODES, PLAIN)
        if self.mode not in modes:
            raise invalid("--mode", f"one of {', '.join(modes)}", self.mode)
        check_ending(self.out, (".parquet",) if self.mode == PLAIN else (ENDING,))
        lossy = {"--step": self.step, "--effort": self.effort}
        unused = [name for name, value in lossy.items() if value is not None and self.mode != "lossy"]
        if unused:
            raise InvalidInput(f"only --mode lossy looks at {' and '.join(unused)}; add it, or leave them out")
        if self.chunk is not None and self.mode == PLAIN:
            raise InvalidInput("--mode plain writes no chunks; leave --chunk out")
        if self.chunk is not None:
            check_positive_int(self.chunk, "--chunk", high=MOST_CHUNK_ROWS)

    @property
    def lossy(self) -> Lossy:
        """Settings of a lossy file."""
        given = {"step": self.step, "effort": self.effort}
        return Lossy(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def run_compress(path: Path, request: CompressRequest, *, as_json: bool) -> None:
    """Compress data, and say what it came to."""
    from latentarium.data import open_like

    request.check()
    spare([request.out], path, request.data)
    bundle, lossy = open_bundle(path), request.lossy
    if request.mode == AUTO:
        _check_lossless(bundle, request)
    rows = open_like(request.data, bundle.modality, convert=False)
    for note in rows.notes:
        say(note)
    if request.mode == PLAIN:
        result = _plain(bundle, rows, request.out)
    else:
        given = rows if request.ids else rows.raw
        with counting("compressing") as tell:
            done = compress(
                bundle, given, request.out, mode=request.mode, lossy=lossy, chunk_rows=request.chunk, progress=tell
            )
        result = {**done.to_json(), "rows_per_second": done.rows / done.seconds}
    emit({"bundle": str(path), **result}, as_json=as_json, words=_words(result))


def _check_lossless(bundle: Bundle, request: CompressRequest) -> None:
    """Say which command works where the bundle cannot compress without loss."""
    line = f"latentarium compress {bundle.path} {request.data}"
    if not isinstance(bundle.modality, ImageModality):
        raise InvalidInput(
            f"{bundle.name!r} is a space of {bundle.modality.kind} rows, of which codes alone can be written; "
            f"run: {line} --mode {PLAIN} --out {request.out.with_suffix('.parquet')}"
        )
    try:
        CodecModel(bundle).pixels  # noqa: B018 - made when asked for
    except InvalidInput:
        raise InvalidInput(
            f"{bundle.name!r} cannot compress without loss, which takes a VAE fitted with --likelihood autoregressive "
            f"or logistic; with loss it can: {line} --mode lossy --out {request.out}"
        ) from None


def run_decompress(path: Path, *, file: Path, rows: str | None, out: Path, as_json: bool) -> None:
    """Write the rows of a compressed file, or some of them, as they were."""
    if file.suffix.lower() == ".parquet":
        if rows is not None:
            raise invalid("--rows", f"left out for a file that does not end in {ENDING}", rows)
        return run_decode(path, codes=file, given=(), out=out, as_json=as_json)
    check_ending(out, ("", ".npy", ".parquet"))
    spare([out], path, file)
    bundle = open_bundle(path)
    with open_compressed(bundle, file) as stored, counting("decompressing") as tell:
        wanted = _wanted(rows, len(stored))
        pieces = stored.pieces(tell) if rows is None else _some(stored, wanted)
        write_pictures(bundle, pieces, out, stored.ids[wanted.start : wanted.stop])
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
