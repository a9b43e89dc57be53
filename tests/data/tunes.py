"""Tunes written to disk for tests: random walks on a scale, the way folk tunes go, and files that are wrong."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import symusic

C_MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])


def write_midi(
    path: Path,
    notes: Sequence[tuple[float, float, int]],
    *,
    drums: bool = False,
    signature: tuple[int, int] | None = None,
) -> Path:
    """A file of (start, length, pitch) in sixteenths, one voice or drums."""
    score = symusic.Score(480)
    if signature is not None:
        score.time_signatures.append(symusic.TimeSignature(0, *signature))
    track = symusic.Track(is_drum=drums)
    for start, length, pitch in notes:
        track.notes.append(symusic.Note(round(120 * start), round(120 * length), pitch, 80))
    score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(score.dumps_midi())
    return path


def with_drums(path: Path, hits: Sequence[tuple[float, float, int]]) -> Path:
    """The file `path` with a track of drums beside what it holds."""
    score = symusic.Score(path)
    track = symusic.Track(is_drum=True)
    for start, length, pitch in hits:
        track.notes.append(symusic.Note(round(120 * start), round(120 * length), pitch, 80))
    score.tracks.append(track)
    path.write_bytes(score.dumps_midi())
    return path


def tune(seed: int, steps: int = 64) -> list[tuple[float, float, int]]:
    """A walk on a major scale in quarters and eighths."""
    random = np.random.default_rng(seed)
    key, degree, start, notes = int(random.integers(55, 67)), 7, 0, []
    while start < steps:
        length = min(int(random.choice([2, 2, 4])), steps - start)
        notes.append((start, length, key + 12 * (degree // 7) + int(C_MAJOR[degree % 7])))
        degree = int(np.clip(degree + random.integers(-2, 3), 3, 12))
        start += length
    return notes


def write_tunes(folder: Path, count: int = 24, *, steps: int = 64) -> Path:
    """Tunes in two folders."""
    for seed in range(count):
        write_midi(folder / ("jigs", "reels")[seed % 2] / f"{seed:02}.mid", tune(seed, steps))
    return folder


def write_drums(folder: Path, count: int = 24) -> Path:
    """Four bars each of kick and snare in turn and hats on eighths, some of them left out."""
    for seed in range(count):
        random = np.random.default_rng(seed)
        hits = [(beat, 1, 36 if beat % 8 == 0 else 38) for beat in range(0, 64, 4)]
        hits += [(step, 1, 42) for step in range(0, 64, 2) if random.random() < 0.8]
        write_midi(folder / f"{seed:02}.mid", hits, drums=True)
    return folder


JIG = """X:1
T:A jig
M:6/8
L:1/8
K:D
"D"A|:d2f a2f|gfe d2A|B2g f2e|d3 d2A:|

X:2
T:A reel
M:4/4
L:1/8
K:C
C2 E2 G2 c2|B2 A2 G4|A2 F2 D2 B,2|C8|
"""
