"""Rows of one chunk to bytes and back, in each of the three ways, and the plain way out where none fits."""

import lzma
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latentarium.applications.compression.arithmetic import Floats
from latentarium.applications.compression.container import Chunk, Header
from latentarium.applications.compression.entropy import coder_of, empty_coder, payload_of
from latentarium.applications.compression.latents import (
    UNIT,
    Posteriors,
    Table,
    Whole,
    normal_table,
    pop_latents,
    push_latents,
)
from latentarium.applications.compression.model import CodecModel, Levels, whole
from latentarium.arrays import batches
from latentarium.errors import DamagedFile

RAW, DIRECT, BITS_BACK, LOSSY = range(4)
KINDS = ("raw", "direct", "bits-back", "lossy")
SEED_ROWS = 16
"""Rows at the end of a bits-back chunk that are coded directly: their bits are what the others choose latents with."""
_LEAST_BITS = 64
"""An emptier coder has run out, and gave values that were not there."""
_XZ_MEMORY = 2**27
_WORTH_TRYING = 0.5
"""Share of the plain size above which a chunk is also tried as xz."""


@dataclass(frozen=True, eq=False)
class ChunkCoder:
    """Codes the chunks of one file, whose header says how."""

    model: CodecModel
    header: Header

    @cached_property
    def steps(self) -> Floats:
        """Of the latent grid (d,)."""
        return self.header.units * UNIT

    def encode(self, levels: Levels, k: Whole | None = None) -> tuple[Chunk, Levels]:
        """A chunk and what it decodes to; `k` are the rounded codes of a lossy file.

        The chunk has been decoded again; where that gave anything else, rows are stored as they are.
        """
        if k is not None:
            return self._lossy(k)
        coded = self._lossless(levels)
        size = levels.nbytes
        if coded is None or len(coded.payload) > _WORTH_TRYING * size:
            plain = Chunk(RAW, _checksum(levels), lzma.compress(levels.tobytes(), preset=6))
            coded = plain if coded is None or len(plain.payload) < len(coded.payload) else coded
        return coded, levels

    def within(self, k: Whole) -> Whole:
        """Rounded codes (n, d) cut to what a lossy file's tables hold."""
        return np.stack([self._learned(j).cut(k[:, j]) for j in range(k.shape[1])], axis=1)

    def decode(self, chunk: Chunk, count: int, name: str = "the file") -> Levels:
        """The rows of a chunk; `DamagedFile` where they are not those that were coded."""
        levels, check = self._decoded(chunk, count)
        if check != chunk.decoded:
            raise DamagedFile(
                f"{name} does not decode to what was coded; the file, or this machine's memory, is damaged"
            )
        return levels

    def _decoded(self, chunk: Chunk, count: int) -> tuple[Levels, int]:
        """Rows, and the checksum of what the file promises: rows, or rounded codes where nets are not exact."""
        if chunk.kind == RAW and self.header.mode != "lossy":
            levels = self._plain(chunk.payload, count)
        elif chunk.kind == LOSSY and self.header.mode == "lossy":
            k = pop_latents(coder_of(chunk.payload), self._learned, (count, self.model.latent))
            levels = self.model.pictures(k * self.steps)
            return levels, self._check(levels, k)
        elif chunk.kind in (DIRECT, BITS_BACK) and self.header.mode != "lossy":
            levels = self._pop(coder_of(chunk.payload), count, bits_back=chunk.kind == BITS_BACK)
        else:
            raise DamagedFile("the file is damaged: a chunk of a kind that does not belong in it")
        return levels, _checksum(levels)

    def _check(self, levels: Levels, k: Whole) -> int:
        return _checksum(levels) if self.header.exact else zlib.crc32(k.astype("<i8").tobytes())

    def _lossy(self, k: Whole) -> tuple[Chunk, Levels]:
        coder = empty_coder()
        push_latents(coder, self._learned, k)
        chunk = Chunk(LOSSY, 0, payload_of(coder))
        levels, check = self._decoded(chunk, len(k))
        return Chunk(LOSSY, check, chunk.payload), levels

    def _lossless(self, levels: Levels) -> Chunk | None:
        """A chunk that was seen to decode to `levels`, or None."""
        check = _checksum(levels)
        kinds = (BITS_BACK, DIRECT) if self.header.mode == "bits-back" else (DIRECT,)
        for kind in kinds:
            coder = empty_coder()
            if self._push(coder, levels, bits_back=kind == BITS_BACK):
                chunk = Chunk(kind, check, payload_of(coder))
                if self._decoded(chunk, len(levels))[1] == check:
                    return chunk
        return None

    def _groups(self, count: int, *, bits_back: bool) -> tuple[list[slice], list[slice]]:
        """Rows that give bits back and rows that do not, side by side in groups, in decoding order."""
        size = self.header.group_rows
        own = max(count - SEED_ROWS, 0) if bits_back else 0
        shifted = [slice(own + part.start, own + part.stop) for part in batches(count - own, size)]
        return list(batches(own, size)), shifted

    def _push(self, coder: Any, levels: Levels, *, bits_back: bool) -> bool:
        """Put rows on the coder; False where it has too few bits to choose latents with."""
        choosing, direct = self._groups(len(levels), bits_back=bits_back)
        for part in reversed(direct):
            mean, _ = self.model.posterior(levels[part])
            k = whole(mean, self.steps)
            cut = [self._normal(j).cut(k[:, j]) for j in range(k.shape[1])]
            self._push_group(coder, levels[part], np.stack(cut, axis=1))
        for part in reversed(choosing):
            k = Posteriors(*self.model.posterior(levels[part]), self.steps).draw(coder)
            if coder.num_valid_bits() < _LEAST_BITS:
                return False
            self._push_group(coder, levels[part], k)
        return True

    def _push_group(self, coder: Any, levels: Levels, k: Whole) -> None:
        self.model.pixels.push(coder, self.model.parameters(k * self.steps), levels)
        push_latents(coder, self._normal, k)

    def _pop(self, coder: Any, count: int, *, bits_back: bool) -> Levels:
        levels = np.zeros((count, *self.model.shape), np.uint8)
        choosing, direct = self._groups(count, bits_back=bits_back)
        for number, part in enumerate([*choosing, *direct]):
            if coder.is_empty():
                # whatever would come is not what was coded, and the checksum will say so
                break
            k, levels[part] = self._pop_group(coder, part.stop - part.start)
            if number < len(choosing):
                Posteriors(*self.model.posterior(levels[part]), self.steps).give_back(coder, k)
        return levels

    def _pop_group(self, coder: Any, count: int) -> tuple[Whole, Levels]:
        k = pop_latents(coder, self._normal, (count, self.model.latent))
        return k, self.model.pixels.pop(coder, self.model.parameters(k * self.steps))

    def _plain(self, payload: bytes, count: int) -> Levels:
        """Rows that were stored as xz, into no more memory than they need."""
        size = count * self.header.row_bytes
        try:
            found = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY).decompress(payload, size + 1)
        except lzma.LZMAError:
            found = b""
        if len(found) != size:
            raise DamagedFile("the file is damaged: a stored chunk cannot be read")
        return np.frombuffer(found, np.uint8).reshape(count, *self.model.shape)

    def _normal(self, dimension: int) -> Table:
        return normal_table(int(self.header.units[dimension]))

    @cached_property
    def _learned(self) -> Any:
        return self.model.tables(self.steps)


def _checksum(levels: Levels) -> int:
    return zlib.crc32(levels.tobytes())
