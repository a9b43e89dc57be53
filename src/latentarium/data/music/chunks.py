"""The chunks of a MIDI file: whether it is whole, and what of it has to be read."""

import struct
from collections.abc import Iterator

from latentarium.errors import InvalidInput

HEADER = b"MThd"
TRACK = b"MTrk"
END_OF_TRACK = b"\xff\x2f\x00"
_HEADER_BYTES = 6


def whole_midi(data: bytes, name: str) -> bytes:
    """Header and tracks of a Standard MIDI File (MMA 1996), after looking whether nothing of it is missing.

    A parser that believes what it finds reads a file that was cut off between two events as a shorter tune. So every
    chunk has to be as long as it says, there have to be as many tracks as the header says, and each track has to end.
    What a whole file may have besides is left out: chunks of other kinds, a longer header, bytes behind the last chunk
    or behind the end of a track. A track without a byte is whole too.

    Raises
    ------
    InvalidInput
        Naming the file and what is missing.

    Examples
    --------
    >>> whole_midi(b"MThd\\0\\0\\0\\6\\0\\0\\0\\1\\1\\xe0MTrk\\0\\0\\0\\4\\0\\xff", "a.mid")
    Traceback (most recent call last):
        ...
    latentarium.errors.InvalidInput: a.mid must be a complete MIDI file, but its track 1 of 1 is cut off: 2 of 4 bytes
    """
    stated = _tracks_stated(data, name)
    tracks: list[bytes] = []
    start = 8 + int.from_bytes(data[4:8], "big")
    for kind, length, content in _chunks(data, start):
        if kind != TRACK:
            continue
        number = f"its track {len(tracks) + 1} of {stated}"
        if len(content) < length:
            raise _broken(name, f"{number} is cut off: {len(content):,} of {length:,} bytes")
        if content and END_OF_TRACK not in content:
            raise _broken(name, f"{number} has no end-of-track event (FF 2F 00)")
        tracks.append(content)
    if len(tracks) < stated:
        raise _broken(name, f"its header states {stated} tracks and it holds {len(tracks)}")
    header = HEADER + struct.pack(">I", _HEADER_BYTES) + data[8:10] + struct.pack(">H", len(tracks)) + data[12:14]
    return header + b"".join(TRACK + struct.pack(">I", len(track)) + track for track in tracks)


def _tracks_stated(data: bytes, name: str) -> int:
    if not data.startswith(HEADER):
        raise _broken(name, f"it does not begin with {HEADER.decode()}" if data else "it is empty")
    length = int.from_bytes(data[4:8], "big")
    if length < _HEADER_BYTES:
        raise _broken(name, f"its header states a length of {length} bytes in place of {_HEADER_BYTES}")
    if len(data) < 8 + length:
        raise _broken(name, "its header is cut off")
    return int.from_bytes(data[10:12], "big")


def _chunks(data: bytes, start: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Kind, stated length and what there is of each chunk; bytes too few to be the head of one are none."""
    while start + 8 <= len(data):
        length = int.from_bytes(data[start + 4 : start + 8], "big")
        yield data[start : start + 4], length, data[start + 8 : start + 8 + length]
        start += 8 + length


def _broken(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{name} must be a complete MIDI file, but {reason}")
