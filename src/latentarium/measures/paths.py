"""Paths between the codes of rows: ends drawn by seed, points, velocities and how far the decoded data move."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import FloatArray, batches, check_positive_int
from latentarium.errors import invalid
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import check_row_count
from latentarium.rng import generator
from latentarium.space import Codes, LatentSpace

Array = NDArray[np.float64]
GEODESIC_PATHS = 16
_SEGMENTS = 64
_CHUNK_VALUES = 4_000_000
_ENDS, _TIMES, _PRIOR_ENDS = 301, 302, 303


@dataclass(frozen=True, kw_only=True, eq=False)
class Ends:
    """Where paths begin and end.

    Parameters
    ----------
    start, stop : (pairs, *shape)
    rows : (2 pairs,) rows drawn for them, no row twice; the others are free to stand for real data
    others : the rows that were not drawn, in random order
    source : "codes of rows", or "draws of the prior" where the space cannot encode
    """

    start: Codes
    stop: Codes
    rows: NDArray[np.intp]
    others: NDArray[np.intp]
    source: str

    @property
    def pairs(self) -> int:
        return len(self.start)


def path_ends(evidence: Evidence, pairs: int) -> Ends:
    """At most `pairs` pairs of rows drawn by the seed, no row twice, so that paths are independent of each other.

    Where the space's own path is a geodesic, at most `GEODESIC_PATHS` are taken, as each costs seconds.
    """
    check_positive_int(pairs, "pairs", low=2, high=10**6)
    space, count = evidence.space, len(evidence.x)
    check_row_count(count, least=4)
    pairs = min(pairs, count // 2, GEODESIC_PATHS if space.geometry.path == "geodesic" else pairs)
    order = generator(evidence.seed, _ENDS).permutation(count)
    rows = order[: 2 * pairs]
    if _encodes(evidence):
        points, source = evidence.codes[rows], "codes of rows"
    else:
        seed = int(generator(evidence.seed, _PRIOR_ENDS).integers(2**62))
        points, source = space.sample_latents(2 * pairs, seed=seed), "draws of the prior"
    return Ends(start=points[:pairs], stop=points[pairs:], rows=rows, others=order[2 * pairs :], source=source)


def why_no_ends(evidence: Evidence) -> str:
    """Why no path can be laid, or an empty string."""
    able = _encodes(evidence) or "prior" in evidence.capabilities
    return "" if able else "the space has neither codes of rows nor a prior to lay paths between"


def walk(space: LatentSpace, ends: Ends, steps: int) -> Codes:
    """Points at even times along each path of the space's geometry, ends included, (pairs, steps, *shape)."""
    ways = [space.geometry.interpolate(a, b, steps=steps) for a, b in zip(ends.start, ends.stop, strict=True)]
    return np.stack(ways)


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Moments of paths: points (m, *shape), velocities d(point)/dt of the same shape, times (m,) in [0, 1].

    The moments of one path follow each other, `times_each` a path.
    """

    points: Codes
    velocities: Codes
    times: Array
    times_each: int


def motion(space: LatentSpace, ends: Ends, *, times_each: int, seed: int) -> Motion:
    """`times_each` moments of each path, one uniform in each of as many equal parts of [0, 1].

    A path is taken as 64 straight pieces: exact for a line, and to 1e-4 for a quarter of a circle.
    """
    check_positive_int(times_each, "times", high=10_000)
    nodes = walk(space, ends, _SEGMENTS + 1).astype(np.float64)
    shift = generator(seed, _TIMES).random((ends.pairs, times_each))
    times = (np.arange(times_each) + shift) / times_each
    piece = np.minimum((times * _SEGMENTS).astype(np.intp), _SEGMENTS - 1)
    path = np.arange(ends.pairs)[:, None]
    chord = nodes[path, piece + 1] - nodes[path, piece]
    along = (times * _SEGMENTS - piece).reshape(*times.shape, *[1] * len(space.shape))
    points = nodes[path, piece] + along * chord
    return Motion(
        points=points.reshape(-1, *space.shape).astype(np.float32),
        velocities=(chord * _SEGMENTS).reshape(-1, *space.shape).astype(np.float32),
        times=times.ravel(),
        times_each=times_each,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Speeds:
    """How decoded data move: `steps` (pairs, T) lengths of the T steps of each path, `chords` (pairs,) end to end."""

    steps: Array
    chords: Array

    @property
    def lengths(self) -> Array:
        return self.steps.sum(1)


def speeds(space: LatentSpace, ends: Ends, steps: int) -> Speeds:
    """Euclidean lengths in data space of `steps` steps along each path, decoded some paths at a time."""
    check_positive_int(steps, "steps", low=2, high=10_000)
    points = walk(space, ends, steps + 1)
    moved, chords = np.empty((ends.pairs, steps)), np.empty(ends.pairs)
    size = max(1, _CHUNK_VALUES // ((steps + 1) * int(np.prod(space.data_shape))))
    for part in batches(ends.pairs, size):
        shown = decode_each(space, points[part])
        moved[part] = np.linalg.norm(np.diff(shown, axis=1), axis=2)
        chords[part] = np.linalg.norm(shown[:, -1] - shown[:, 0], axis=1)
    if not moved.any():
        raise invalid("the decoder", "one that tells points apart", "the same data along every path")
    return Speeds(steps=moved, chords=chords)


def decode_each(space: LatentSpace, points: Codes) -> Array:
    """Decoded points (a, b, *shape) -> (a, b, data dimensions) in float64."""
    shown = space.decode(points.reshape(-1, *space.shape))
    return shown.reshape(*points.shape[:2], -1).astype(np.float64)


def push(space: LatentSpace, z: NDArray[Any], v: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """decode(z) and J(z) v of points and directions in any shape that holds them, each (n, data dimensions)."""
    with warnings.catch_warnings():
        # the settings of every score name the derivative, so the announcement would only repeat itself
        warnings.simplefilter("ignore", UserWarning)
        value, moved = space.decode_jvp(z.reshape(-1, *space.shape), v.reshape(-1, *space.shape))
    return value.reshape(len(value), -1), moved.reshape(len(moved), -1)


def derivative_kind(space: LatentSpace) -> str:
    """How J v is computed, for the settings of a score."""
    return "exact" if "derivative" in space.capabilities else "central differences"


def path_settings(evidence: Evidence, ends: Ends) -> dict[str, Any]:
    """What every score on paths states."""
    path = evidence.space.geometry.path
    return {"pairs": ends.pairs, "ends": ends.source, "path": path, "seed": evidence.seed}


def _encodes(evidence: Evidence) -> bool:
    return bool({"encode", "posterior"} & evidence.capabilities)
