"""The file: a header, perhaps ids, chunks of rows, and where each chunk begins; docs/reference/compressed-file.md has
it in full.

Every byte lies under a checksum that begins with those before it: the header's is the start of each chunk's, with its
number, so that no chunk can be altered, moved, or taken from another file unseen.
"""

import io
import lzma
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from latentarium.errors import DamagedFile, invalid

MAGIC = b"\x89LSC\r\n\x1a\n"
MAJOR, MINOR = 1, 1
MODES = ("direct", "bits-back", "lossy")
CODER = b"ans0.5"
"""The entropy coder: ANS of constriction 0.5, whose output a later version may change only with its number."""
MOST_CHUNK_BYTES, MOST_CHUNK_ROWS = 2**30, 2**16
MOST_DIMENSIONS = 4096
MOST_IDS, MOST_ID_BYTES = 2**22, 2**26
_FIXED = struct.Struct("<8sBBBBI")
_FACTS = struct.Struct("<32s6sQIIfBH")
_CHUNK = struct.Struct("<BIII")
_CRC = struct.Struct("<I")
_IDS = struct.Struct("<II")
_EXACT, _NAMED = 1, 2
_BETWEEN = b"\0"
_XZ_MEMORY = 2**27


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself.

    Parameters
    ----------
    mode : "direct", "bits-back" or "lossy"
    exact : whether decoded rows are the same on every machine
    fingerprint : SHA-256 of what a decoder needs of the model
    rows : rows in the file
    chunk_rows : rows in each chunk but the last
    group_rows : rows that are coded side by side
    shape : of a row, uint8
    step : what `--step` was; 0 in lossless files
    units : steps of the latent grid (d,), in multiples of `latents.UNIT`
    named : whether ids of the rows follow
    """

    mode: str
    exact: bool
    fingerprint: bytes
    rows: int
    chunk_rows: int
    group_rows: int
    shape: tuple[int, ...]
    step: float
    units: NDArray[np.uint16]
    named: bool = False

    @property
    def row_bytes(self) -> int:
        """Bytes of a decoded row."""
        return math.prod(self.shape)

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.rows // self.chunk_rows)

    def rows_of(self, chunk: int) -> slice:
        """The rows of a chunk."""
        return slice(chunk * self.chunk_rows, min((chunk + 1) * self.chunk_rows, self.rows))

    def to_bytes(self) -> bytes:
        """The header as it stands in the file, its checksum last."""
        facts = _FACTS.pack(
            self.fingerprint, CODER, self.rows, self.chunk_rows, self.group_rows, self.step,
            len(self.shape), len(self.units),
        )  # fmt: skip
        body = facts + struct.pack(f"<{len(self.shape)}I", *self.shape) + self.units.astype("<u2").tobytes()
        mode, flags = MODES.index(self.mode), _EXACT * self.exact + _NAMED * self.named
        head = _FIXED.pack(MAGIC, MAJOR, MINOR, mode, flags, len(body)) + body
        return head + _CRC.pack(zlib.crc32(head))


@dataclass(frozen=True)
class Chunk:
    """Coded rows: how (see `chunks.KINDS`), the checksum of what they decode to, and the bytes."""

    kind: int
    decoded: int
    payload: bytes


class Writer:
    """Writes a header and, where it says so, packed ids, then chunks one by one; `close` adds where they begin."""

    def __init__(self, file: BinaryIO, header: Header, ids: bytes = b"") -> None:
        self.file = file
        head = header.to_bytes()
        self.seed = _seed(head)
        section = _IDS.pack(len(ids), _ids_checksum(self.seed, ids)) + ids if header.named else b""
        file.write(head + section)
        self.offsets = [len(head) + len(section)]

    def add(self, chunk: Chunk) -> None:
        """Append a chunk."""
        start = _CHUNK.pack(chunk.kind, len(chunk.payload), 0, chunk.decoded)
        check = _checksum(self.seed, len(self.offsets) - 1, start + chunk.payload)
        self.file.write(_CHUNK.pack(chunk.kind, len(chunk.payload), check, chunk.decoded) + chunk.payload)
        self.offsets.append(self.offsets[-1] + _CHUNK.size + len(chunk.payload))

    def close(self) -> None:
        """Write where every chunk begins."""
        places = np.asarray(self.offsets, "<u8").tobytes()
        self.file.write(places + _CRC.pack(zlib.crc32(places, self.seed)))


@dataclass(frozen=True)
class Reader:
    """An opened file: its header, and chunks by number."""

    file: BinaryIO
    name: str
    header: Header
    seed: int
    offsets: NDArray[np.int64]
    packed: bytes = b""

    @classmethod
    def open(cls, file: BinaryIO, name: str) -> "Reader":
        """Read and check the header and the places of the chunks; `DamagedFile` says what is wrong."""
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        header, head = _read_header(file, name, size)
        table = 8 * (header.chunks + 1)
        if table + _CRC.size > size - len(head):
            raise _damaged(name, "it ends too early")
        file.seek(size - table - _CRC.size)
        places, (check,) = file.read(table), _CRC.unpack(file.read(_CRC.size))
        if zlib.crc32(places, _seed(head)) != check:
            raise _damaged(name, "the places of its chunks do not match their checksum, or it was cut")
        packed, first = _read_ids(file, name, head) if header.named else (b"", len(head))
        offsets = np.frombuffer(places, "<u8").astype(np.int64)
        ends = (first, size - table - _CRC.size)
        if (int(offsets[0]), int(offsets[-1])) != ends or (np.diff(offsets) < _CHUNK.size).any():
            raise _damaged(name, "its chunks do not lie where it says")
        return cls(file, name, header, _seed(head), offsets, packed)

    @property
    def ids(self) -> NDArray[np.str_] | None:
        """Ids of the rows (n,), None in a file without them."""
        if not self.header.named:
            return None
        try:
            unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            text = unpacker.decompress(self.packed, MOST_ID_BYTES)
        except lzma.LZMAError:
            text = b""
        if not text.count(_BETWEEN) + 1 == self.header.rows <= MOST_IDS:
            raise _damaged(self.name, "its ids are not those of its rows")
        return np.array([name.decode("utf-8", "surrogateescape") for name in text.split(_BETWEEN)])

    def chunk(self, number: int) -> Chunk:
        """Read and check one chunk."""
        start, end = self.offsets[number : number + 2].tolist()
        self.file.seek(start)
        kind, length, check, decoded = _CHUNK.unpack(self.file.read(_CHUNK.size))
        if length != end - start - _CHUNK.size:
            raise _damaged(self.name, f"chunk {number} has the wrong length")
        payload = self.file.read(length)
        begin = _CHUNK.pack(kind, length, 0, decoded)
        if _checksum(self.seed, number, begin + payload) != check:
            raise _damaged(self.name, f"chunk {number} does not match its checksum")
        return Chunk(kind, decoded, payload)

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk in order."""
        return (self.chunk(number) for number in range(self.header.chunks))


def pack_ids(ids: Sequence[str]) -> bytes:
    """Ids as they stand in a file.

    Raises
    ------
    InvalidInput
        For ids with a zero character, more than four millions of them, or 64 MiB in all.
    """
    names = [str(name).encode("utf-8", "surrogateescape") for name in ids]
    size = sum(map(len, names)) + len(names)
    if any(_BETWEEN in name for name in names) or size > MOST_ID_BYTES or len(names) > MOST_IDS:
        rule = f"without zero characters, {MOST_IDS:,} at most, of {MOST_ID_BYTES:,} bytes in all"
        raise invalid("ids", rule, f"{len(names):,} of {size:,} bytes", "leave them out with --no-ids")
    return lzma.compress(_BETWEEN.join(names), preset=6)


def _read_ids(file: BinaryIO, name: str, head: bytes) -> tuple[bytes, int]:
    """The packed ids, and where the first chunk begins."""
    left = file.seek(0, io.SEEK_END) - file.seek(len(head)) - _IDS.size
    length, check = _IDS.unpack(file.read(_IDS.size)) if left >= 0 else (0, 0)
    packed = file.read(min(length, left))
    if left < 0 or len(packed) != length or _ids_checksum(_seed(head), packed) != check:
        raise _damaged(name, "its ids do not match their checksum")
    return packed, len(head) + _IDS.size + length


def _read_header(file: BinaryIO, name: str, size: int) -> tuple[Header, bytes]:
    start = file.read(_FIXED.size)
    if len(start) < _FIXED.size or start[: len(MAGIC)] != MAGIC:
        raise DamagedFile(f"{name} is not a file made by 'latentarium compress', or its beginning is damaged")
    _, major, _, mode, flags, length = _FIXED.unpack(start)
    if not _FACTS.size <= length <= min(size, _FACTS.size + 4 * 255 + 2 * MOST_DIMENSIONS):
        raise _damaged(name, "its header has an impossible length")
    head = start + file.read(length)
    if zlib.crc32(head) != int.from_bytes(file.read(_CRC.size), "little"):
        raise _damaged(name, "its header does not match its checksum")
    if major != MAJOR:
        raise DamagedFile(f"{name} has format version {major}, this release reads {MAJOR}; use another release")
    header = _header(head[_FIXED.size :], mode, flags, name)
    return header, head + _CRC.pack(zlib.crc32(head))


def _header(body: bytes, mode: int, flags: int, name: str) -> Header:
    """The header from its bytes, with limits on all that memory will be asked for."""
    fingerprint, coder, rows, chunk_rows, group_rows, step, axes, dimensions = _FACTS.unpack_from(body)
    if coder != CODER:
        raise DamagedFile(f"{name} was coded with {coder!r}, this release has {CODER!r}; use another release")
    if len(body) != _FACTS.size + 4 * axes + 2 * dimensions or mode >= len(MODES):
        raise _damaged(name, "its header contradicts itself")
    shape = struct.unpack_from(f"<{axes}I", body, _FACTS.size)
    units = np.frombuffer(body, "<u2", offset=_FACTS.size + 4 * axes).astype(np.uint16)
    header = Header(
        mode=MODES[mode],
        exact=bool(flags & _EXACT),
        fingerprint=fingerprint,
        rows=rows,
        chunk_rows=chunk_rows,
        group_rows=group_rows,
        shape=shape,
        step=step,
        units=units,
        named=bool(flags & _NAMED),
    )
    sizes = 1 <= group_rows <= chunk_rows <= MOST_CHUNK_ROWS
    if not sizes or (units < 1).any() or flags & ~(_EXACT | _NAMED):
        raise _damaged(name, "its header holds an impossible number")
    if chunk_rows * header.row_bytes > MOST_CHUNK_BYTES:
        raise _damaged(name, f"it asks for more than {MOST_CHUNK_BYTES:,} bytes at once")
    return header


def _seed(head: bytes) -> int:
    """The header's checksum, which its end holds."""
    return int(_CRC.unpack(head[-_CRC.size :])[0])


def _checksum(seed: int, number: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(struct.pack("<Q", number), seed))


def _ids_checksum(seed: int, ids: bytes) -> int:
    return zlib.crc32(ids, zlib.crc32(struct.pack("<I", len(ids)), seed))


def _damaged(name: str, why: str) -> DamagedFile:
    return DamagedFile(f"{name} is damaged: {why}; compress the rows again or restore the file")
