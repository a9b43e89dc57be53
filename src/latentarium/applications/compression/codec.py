"""`compress` rows into a file and read them back, all or some of them."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.compression.arithmetic import Floats
from latentarium.applications.compression.chunks import KINDS, ChunkCoder
from latentarium.applications.compression.container import (
    MODES,
    MOST_CHUNK_ROWS,
    Chunk,
    Header,
    Reader,
    Writer,
    pack_ids,
)
from latentarium.applications.compression.latents import Whole, posterior_steps, rounding_steps, units_of
from latentarium.applications.compression.model import BATCH, CodecModel, Levels, whole
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle
from latentarium.data.draft import number_ids
from latentarium.data.rows import Rows
from latentarium.errors import DamagedFile, InvalidInput, invalid
from latentarium.files import replacing

STEP = 3.5
"""Close to the square root of 12, where rounding adds as much noise as the posterior that training saw."""
FEW_ROWS = 64
"""Below this many rows a file is not worth the bits that bits-back needs to begin with."""
CHUNK_BYTES, CHUNK_ROWS = 2**24, 1024
_SAMPLE_ROWS = 512
_GROUP_VALUES = 2**21
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Lossy:
    """What a lossy file keeps.

    Parameters
    ----------
    step : between codes that are told apart, in median standard deviations of the posteriors: larger is smaller and
        worse
    effort : steps of descent on each row's own code, which make a file smaller and better and take time; 0 for none

    Raises
    ------
    InvalidInput
        For a step outside 0.05 to 100 or an effort outside 0 to 10,000.
    """

    step: float = STEP
    effort: int = 0

    def __post_init__(self) -> None:
        if not 0.05 <= self.step <= 100:
            raise invalid("step", "a number from 0.05 to 100", self.step)
        check_positive_int(self.effort, "effort", low=0, high=10_000)


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """What `compress` wrote.

    Parameters
    ----------
    path, mode : the file, and "direct", "bits-back" or "lossy"
    rows, bytes : in the file, and its whole size
    bits_per_dimension : of the whole file
    psnr : decibels, peak 255, over all rows; None where nothing is lost
    model_bytes : of the weights that a reader needs beside the file
    id_bytes : of the file, those that hold the rows' ids
    chunks : how many were coded in which way
    seconds : it took, decoding for the check included
    """

    path: Path
    mode: str
    rows: int
    bytes: int
    bits_per_dimension: float
    psnr: float | None
    model_bytes: int
    id_bytes: int
    chunks: dict[str, int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "path": str(self.path)}


def compress(
    bundle: Bundle,
    rows: NDArray[np.uint8] | Rows,
    path: str | Path,
    *,
    mode: str = "auto",
    lossy: Lossy | None = None,
    chunk_rows: int | None = None,
    progress: Progress | None = None,
) -> Compressed:
    """Write pictures to `path` in the code of the bundle's space; the file appears when all of it has been checked.

    Parameters
    ----------
    rows : uint8 (n, channels, height, width), which may be a memory map: a chunk at a time is read; or `Rows`, whose
        ids are kept in the file where they are more than numbers
    mode : "bits-back" and "direct" lose nothing (Townsend et al. 2019; a two-part code), "lossy" keeps what the space
        keeps; "auto" is bits-back for 64 rows or more, else direct
    lossy : settings of a lossy file
    chunk_rows : rows that can only be read together; None for up to 1,024

    Raises
    ------
    InvalidInput
        When rows do not have the bundle's shape, or its space cannot do what `mode` asks for.

    Examples
    --------
    >>> import tempfile
    >>> import latentarium as la
    >>> rows = la.open_source("digits")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     options = {"likelihood": "autoregressive", "latent": 2, "width": 8, "steps": 2, "precision": "fp32"}
    ...     _ = la.fit(rows, **options, out=f"{folder}/space", progress=False)
    ...     bundle = la.open_bundle(f"{folder}/space")
    ...     written = compress(bundle, rows.raw[:20], f"{folder}/digits.lsc")
    ...     with open_compressed(bundle, f"{folder}/digits.lsc") as stored:
    ...         bool((stored[5:9] == rows.raw[5:9]).all())
    True
    """
    begun = time.perf_counter()
    ids = _kept_ids(rows) if isinstance(rows, Rows) else b""
    given, model = _as_levels(rows.raw if isinstance(rows, Rows) else rows), CodecModel(bundle)
    wanted = lossy or Lossy()
    header = _header(model, given, mode=mode, step=wanted.step, chunk_rows=chunk_rows)
    header = dataclasses.replace(header, named=bool(ids))
    tally = _Tally()
    coder = ChunkCoder(model, header)
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        writer = Writer(file, header, ids)
        for number in range(header.chunks):
            levels = np.ascontiguousarray(given[header.rows_of(number)])
            chunk, again = coder.encode(levels, _rounded(coder, levels, wanted.effort))
            writer.add(chunk)
            tally.add(chunk, levels, again)
            if progress is not None:
                progress(header.rows_of(number).stop, len(given))
        writer.close()
        size = file.tell()
    return Compressed(
        path=Path(path),
        mode=header.mode,
        rows=len(given),
        bytes=size,
        bits_per_dimension=8 * size / max(1, len(given) * header.row_bytes),
        psnr=tally.psnr if header.mode == "lossy" else None,
        model_bytes=model.size,
        id_bytes=len(ids),
        chunks=tally.kinds,
        seconds=time.perf_counter() - begun,
    )


def _kept_ids(rows: Rows) -> bytes:
    """Ids as they stand in a file; those that say no more than which row it is are left out."""
    return b"" if np.array_equal(rows.ids, number_ids(len(rows))) else pack_ids(rows.ids.tolist())


def _as_levels(rows: Any) -> Any:
    """Rows that came as a list as an array."""
    try:
        return np.asarray(rows) if isinstance(rows, list | tuple) else rows
    except ValueError as error:
        raise invalid("rows", "an array of uint8", f"rows of different shapes ({error})") from None


def _rounded(coder: ChunkCoder, levels: Levels, effort: int) -> Whole | None:
    """The codes of a lossy file, rounded; None for a lossless one."""
    if coder.header.mode != "lossy":
        return None
    codes = coder.model.codes(levels)
    if effort:
        from latentarium.applications.compression.refine import refined

        codes = refined(coder.model, levels, codes, coder.steps, effort=effort)
    return coder.within(whole(codes, coder.steps))


def _header(model: CodecModel, rows: Any, *, mode: str, step: float, chunk_rows: int | None) -> Header:
    """The header of a file of `rows`, its settings checked and chosen."""
    if rows.dtype != np.uint8 or rows.shape[1:] != model.shape:
        raise invalid("rows", f"uint8 of shape (n, {', '.join(map(str, model.shape))})", f"{rows.dtype} {rows.shape}")
    if not len(rows):
        raise InvalidInput("rows must be one or more, got 0")
    if mode not in ("auto", *MODES):
        raise invalid("mode", f"auto or one of {', '.join(MODES)}", mode)
    lossy = mode == "lossy"
    chosen = mode if mode != "auto" else "bits-back" if len(rows) >= FEW_ROWS else "direct"
    row_bytes = int(np.prod(model.shape))
    most = max(1, min(CHUNK_ROWS, CHUNK_BYTES // row_bytes))
    count = most if chunk_rows is None else check_positive_int(chunk_rows, "chunk_rows", high=MOST_CHUNK_ROWS)
    return Header(
        mode=chosen,
        exact=model.exact,
        fingerprint=model.fingerprint(with_codes=lossy),
        rows=len(rows),
        chunk_rows=min(count, len(rows)),
        group_rows=min(count, len(rows)) if lossy else _group_rows(model, count, len(rows)),
        shape=model.shape,
        step=step if lossy else 0.0,
        units=units_of(_steps(model, rows, mode=chosen, step=step)),
    )


def _group_rows(model: CodecModel, chunk_rows: int, rows: int) -> int:
    """Rows whose likelihood parameters fit into the memory for a group."""
    values = int(np.prod(model.shape)) * (3 * model.pixels.components + 4)
    return min(chunk_rows, rows, BATCH, max(1, _GROUP_VALUES // values))


def _steps(model: CodecModel, rows: Any, *, mode: str, step: float) -> Floats:
    """Steps of the latent grid, from the posteriors of some of the rows."""
    some = np.asarray(rows[:: max(1, len(rows) // _SAMPLE_ROWS)][:_SAMPLE_ROWS])
    if mode == "lossy":
        return rounding_steps(model.spread(some), step)
    _, spread = model.posterior(some)
    return posterior_steps(spread) if mode == "bits-back" else rounding_steps(spread, STEP)


@dataclass
class _Tally:
    """Counts chunks and errors as they come."""

    kinds: dict[str, int] = field(default_factory=dict)
    squares: int = 0
    values: int = 0

    def add(self, chunk: Chunk, levels: Levels, again: Levels) -> None:
        """Count one chunk."""
        kind = KINDS[chunk.kind]
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.squares += int(((levels.astype(np.int64) - again) ** 2).sum())
        self.values += levels.size

    @property
    def psnr(self) -> float:
        """Decibels over all rows so far."""
        return decibels(self.squares, self.values)


def decibels(squares: int, values: int) -> float:
    """PSNR of a sum of squared errors in grey levels over so many values, peak 255; infinite for none."""
    return 10 * math.log10(255**2 * values / squares) if squares else math.inf


@dataclass(frozen=True, eq=False)
class CompressedRows:
    """An opened file: `len`, slices such as `stored[100:110]`, and `pieces` in order. Use it in a `with` statement."""

    coder: ChunkCoder
    reader: Reader

    @property
    def header(self) -> Header:
        """What the file says of itself."""
        return self.reader.header

    @property
    def ids(self) -> NDArray[np.str_]:
        """Ids of the rows (n,); their numbers where the file has none."""
        found = self.reader.ids
        return np.arange(len(self)).astype(str) if found is None else found

    def __len__(self) -> int:
        return self.header.rows

    def __getitem__(self, rows: slice) -> Levels:
        """Rows of a slice, uint8 (n, channels, height, width); only the chunks that hold them are read."""
        if not isinstance(rows, slice):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise invalid("rows of a compressed file", "a slice such as 5:9", rows)
        numbers = np.arange(len(self))[rows]
        found = np.empty((len(numbers), *self.header.shape), np.uint8)
        owners = numbers // self.header.chunk_rows
        for chunk in np.unique(owners).tolist():
            here = owners == chunk
            found[here] = self.chunk(chunk)[numbers[here] - self.header.rows_of(chunk).start]
        return found

    def chunk(self, number: int) -> Levels:
        """The rows of a chunk."""
        part = self.header.rows_of(number)
        return self.coder.decode(self.reader.chunk(number), part.stop - part.start, self.reader.name)

    def pieces(self, progress: Progress | None = None) -> Iterator[tuple[slice, Levels]]:
        """All rows, chunk by chunk, with where they belong."""
        for number in range(self.header.chunks):
            part = self.header.rows_of(number)
            yield part, self.chunk(number)
            if progress is not None:
                progress(part.stop, len(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.reader.file.close()


def open_compressed(bundle: Bundle, path: str | Path, *, batch_size: int = BATCH) -> CompressedRows:
    """Open a file that `compress` wrote with the same model.

    Parameters
    ----------
    batch_size : rows that networks see at once; it costs memory and time, and changes no bit

    Raises
    ------
    DamagedFile
        When the file is damaged, or was written by a release that this one cannot follow.
    InvalidInput
        When it was written with another model, before anything is decoded.

    Examples
    --------
    >>> import tempfile
    >>> from latentarium.shipped import open_shipped
    >>> bundle = open_shipped("fashion-vae")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = compress(bundle, bundle.kept[:30], f"{folder}/clothes.lsc", mode="lossy")
    ...     with open_compressed(bundle, written.path) as stored:
    ...         len(stored), stored[10:12].shape
    (30, (2, 1, 28, 28))
    """
    check_positive_int(batch_size, "batch_size")
    model = CodecModel(bundle, batch_size)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed by the caller's `with`
    except OSError as error:
        raise invalid("FILE", "a file made by 'latentarium compress'", str(path), error.strerror or "") from None
    try:
        reader = Reader.open(file, str(path))
        _check_model(model, reader)
    except BaseException:
        file.close()
        raise
    return CompressedRows(ChunkCoder(model, reader.header), reader)


def _check_model(model: CodecModel, reader: Reader) -> None:
    header, name = reader.header, reader.name
    own = model.fingerprint(with_codes=header.mode == "lossy")
    if header.fingerprint != own:
        raise InvalidInput(
            f"{name} was compressed with another model: it needs {header.fingerprint.hex()[:16]}, "
            f"{model.bundle.path} is {own.hex()[:16]}; give the bundle it was made with"
        )
    if header.shape != model.shape or len(header.units) != model.latent:
        raise DamagedFile(f"{name} is damaged: its rows are not of the shape that its model has")
    if header.mode != "lossy" and header.group_rows > BATCH:
        raise DamagedFile(f"{name} is damaged: it codes {header.group_rows} rows side by side, {BATCH} are allowed")
