"""Coverage-guided damage to compressed files: `python fuzz.py BUNDLE FILE [libFuzzer options]`; see test_fuzz.py.

The first byte of an input says whether the rest is a file, or the payload of a chunk under checksums that hold.
"""

import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["latentarium.applications.compression"]):
    from latentarium.applications.compression.chunks import ChunkCoder
    from latentarium.applications.compression.codec import open_compressed
    from latentarium.applications.compression.container import Chunk, Reader, Writer

from latentarium.bundle import open_bundle
from latentarium.errors import LatentariumError

ARGUMENTS = 3


def main() -> None:
    with open_compressed(open_bundle(sys.argv[1]), Path(sys.argv[2])) as stored:
        model, header, first = stored.coder.model, stored.header, stored.reader.chunk(0)

    def one(data: bytes) -> None:
        file = io.BytesIO(data[1:])
        if data[:1] > b"\x7f":
            file = io.BytesIO()
            writer = Writer(file, header)
            writer.add(Chunk(data[0] & 3, first.decoded, data[1:]))
            writer.close()
        try:
            reader = Reader.open(file, "fuzzed")
            for number in range(reader.header.chunks):
                part = reader.header.rows_of(number)
                ChunkCoder(model, reader.header).decode(reader.chunk(number), part.stop - part.start)
        except LatentariumError:
            pass

    atheris.Setup([sys.argv[0], *sys.argv[ARGUMENTS:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
