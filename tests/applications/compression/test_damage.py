"""Damaged and forged files: one clear error or the right rows, in bounded time and memory, never anything else."""

import dataclasses
import lzma
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.applications.compression.codec import compress, open_compressed
from latentarium.applications.compression.container import MODES, Chunk, Header, Writer
from latentarium.bundle import Bundle
from latentarium.data import open_source
from latentarium.errors import DamagedFile, LatentariumError

Levels = NDArray[np.uint8]
ROWS, MUTATIONS, FORGERIES = 40, 10_000, 150
MOST_MEMORY = 2**28


@pytest.fixture(scope="module")
def files(dense: Bundle, digits: Levels, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Levels]]:
    """A small file of each mode, one of them with ids, and the rows in it."""
    folder, found = tmp_path_factory.mktemp("files"), {}
    for mode in MODES:
        rows = open_source("digits").select(np.arange(ROWS)) if mode == "direct" else digits[:ROWS]
        compress(dense, rows, folder / mode, mode=mode, chunk_rows=15)
        with open_compressed(dense, folder / mode) as stored:
            found[mode] = ((folder / mode).read_bytes(), stored[:])
    return found


def places(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, size - 1)


@st.composite
def mutations(draw: st.DrawFn, whole: bytes) -> bytes:
    """`whole` with bits flipped, bytes replaced, a piece cut out, doubled, moved or added, or the end lost."""
    data, size = bytearray(whole), len(whole)
    kind = draw(st.sampled_from(["flip", "replace", "cut", "double", "swap", "insert", "truncate"]))
    start, length = draw(places(size)), draw(st.integers(1, 200))
    if kind == "flip":
        for place in draw(st.lists(places(size), min_size=1, max_size=8)):
            data[place] ^= 1 << draw(st.integers(0, 7))
    elif kind == "replace":
        data[start : start + length] = draw(st.binary(min_size=1, max_size=length))
    elif kind == "cut":
        del data[start : start + length]
    elif kind == "double":
        data[start:start] = data[start : start + length]
    elif kind == "swap":
        other = draw(places(size))
        first, second = bytes(data[start : start + length]), bytes(data[other : other + length])
        data[start : start + length], data[other : other + length] = second, first
    elif kind == "insert":
        data[start:start] = draw(st.binary(min_size=1, max_size=64))
    else:
        del data[start:]
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_mutated_files(
    dense: Bundle, files: dict[str, tuple[bytes, Levels]], tmp_path_factory: pytest.TempPathFactory, mode: str
) -> None:
    whole, rows = files[mode]
    path = tmp_path_factory.mktemp("mutated") / "a.lsc"
    refused = [0]

    @settings(max_examples=MUTATIONS // len(MODES) + 1, deadline=2000, database=None, derandomize=True)
    @given(mutations(whole))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            with open_compressed(dense, path) as stored:
                found = stored[:]
        except LatentariumError:
            refused[0] += 1
            assert data != whole
            return
        assert (found == rows).all()
        assert data == whole, "an altered file was read as if nothing had happened"

    check()
    assert refused[0] > MUTATIONS // len(MODES) // 2


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(MODES),
        "exact": st.booleans(),
        "named": st.booleans(),
        "rows": st.integers(0, 2**32 - 1),
        "chunk_rows": st.one_of(st.integers(0, 100), st.integers(0, 2**32 - 1)),
        "group_rows": st.one_of(st.integers(0, 200), st.integers(0, 2**32 - 1)),
        "shape": st.lists(st.integers(0, 2**20), max_size=5).map(tuple),
        "units": st.lists(st.integers(0, 2**16 - 1), max_size=6).map(lambda units: np.array(units, np.uint16)),
    },
)


def forged(path: Path, header: Header, chunks: list[Chunk]) -> None:
    """A file whose checksums are all right."""
    with path.open("wb") as file:
        writer = Writer(file, header)
        for chunk in chunks:
            writer.add(chunk)
        writer.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_forged_files(
    dense: Bundle, files: dict[str, tuple[bytes, Levels]], tmp_path_factory: pytest.TempPathFactory, mode: str
) -> None:
    """Headers and payloads of any content under checksums that hold: an error, or rows that match their own."""
    path = tmp_path_factory.mktemp("forged") / "a.lsc"
    path.write_bytes(files[mode][0])
    with open_compressed(dense, path) as stored:
        header, chunks = stored.header, list(stored.reader.chunks())
    payloads = st.one_of(st.binary(max_size=400), mutations(chunks[0].payload))

    @settings(
        max_examples=FORGERIES, deadline=10_000, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(HEADERS, st.integers(0, 5), payloads)
    def check(changes: dict[str, object], kind: int, payload: bytes) -> None:
        one = Chunk(kind, chunks[0].decoded, payload)
        forged(path, dataclasses.replace(header, **changes), [one, *chunks[1:]])  # type: ignore[arg-type]
        tracemalloc.start()
        try:
            with open_compressed(dense, path) as stored:
                stored[: header.chunk_rows]
        except LatentariumError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < MOST_MEMORY

    check()


def test_a_file_that_decodes_to_other_rows_is_refused(
    dense: Bundle, files: dict[str, tuple[bytes, Levels]], tmp_path: Path
) -> None:
    """A payload that is fine in itself, in the place of another one."""
    (tmp_path / "a.lsc").write_bytes(files["direct"][0])
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        header, chunks = stored.header, list(stored.reader.chunks())
    swapped = dataclasses.replace(chunks[1], decoded=chunks[0].decoded)
    forged(tmp_path / "b.lsc", header, [swapped, *chunks[1:]])
    with open_compressed(dense, tmp_path / "b.lsc") as stored:
        with pytest.raises(DamagedFile, match="does not decode to what was coded"):
            stored[:5]
        assert (stored[15:] == files["direct"][1][15:]).all()


BOMB = lzma.compress(b"\0" * 2**27)


@pytest.mark.parametrize(
    "packed", [b"", b"no xz", lzma.compress(b"a\0b"), BOMB[:-20], BOMB], ids=["none", "other", "few", "cut", "bomb"]
)
def test_forged_ids(dense: Bundle, files: dict[str, tuple[bytes, Levels]], tmp_path: Path, packed: bytes) -> None:
    (tmp_path / "a.lsc").write_bytes(files["direct"][0])
    with open_compressed(dense, tmp_path / "a.lsc") as stored:
        header, chunks = stored.header, list(stored.reader.chunks())
        assert stored.ids[:2].tolist() == ["digits/000000", "digits/000001"]
    with (tmp_path / "b.lsc").open("wb") as file:
        writer = Writer(file, header, packed)
        for chunk in chunks:
            writer.add(chunk)
        writer.close()
    tracemalloc.start()
    with open_compressed(dense, tmp_path / "b.lsc") as stored:
        assert len(stored[:3]) == 3
        with pytest.raises(DamagedFile, match="its ids are not those of its rows"):
            _ = stored.ids
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MEMORY


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [(0, 0, "not a file made by 'latentarium compress'"), (8, 9, "does not match its checksum")],
)
def test_says_what_is_wrong(
    dense: Bundle, files: dict[str, tuple[bytes, Levels]], tmp_path: Path, at: int, value: int, says: str
) -> None:
    data = bytearray(files["direct"][0])
    data[at] = value
    (tmp_path / "a.lsc").write_bytes(data)
    with pytest.raises(DamagedFile, match=says):
        open_compressed(dense, tmp_path / "a.lsc")
