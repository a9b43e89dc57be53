"""Smoothness from the decoder's Jacobian: how far straight lines are from shortest paths, and how evenly space is used.

All are exact for at most 64 latent dimensions, as a Jacobian costs one derivative for each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, batches, check_positive_int
from latentarium.errors import invalid
from latentarium.geometry import geodesic, lerp
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence, flat
from latentarium.measures.paths import decode_each, derivative_kind, path_ends, path_settings, push, why_no_ends
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
LARGEST_DIM = 64
PAIRS, NODES, ITERATIONS = 8, 16, 15
POINTS = 64
SMALLEST_RATIO = 1e-6
_CHUNK_VALUES = 4_000_000


def geodesic_gap(
    space: LatentSpace,
    x: ArrayLike,
    *,
    pairs: int = PAIRS,
    nodes: int = NODES,
    iterations: int = ITERATIONS,
    seed: int = 0,
) -> Score:
    """1 - E(geodesic) / E(straight line) under the pullback metric J^T J, averaged over pairs; [0, 1), lower better.

    E is the discrete energy sum |f(z_i+1) - f(z_i)|^2 over `nodes` pieces (Arvanitidis et al. 2018, sec. 2); the
    geodesic comes from at most `iterations` Gauss-Newton steps, so that the gap is a lower bound.

    Raises
    ------
    InvalidInput
        When the space has more than 64 dimensions, there are too few rows, or all decoded ends are alike.
    """
    return geodesic_gap_of(Evidence.of(space, x, seed=seed), pairs=pairs, nodes=nodes, iterations=iterations)


def local_conditioning(space: LatentSpace, x: ArrayLike, *, points: int = POINTS, seed: int = 0) -> Score:
    """Mean log10 of the ratio of the largest to the smallest singular value of J at codes of rows; 0 to 6.

    Lower is better:
    0 means that equal steps in any direction change the data equally. Singular values below 1e-6 of the largest are
    nothing float32 can tell from zero and count as that. Unchanged by rotation of the latents and by any one scale,
    not by scales that differ between dimensions. The parts hold the spectrum.

    Raises
    ------
    InvalidInput
        When the space has more than 64 dimensions, or the decoder does not change at some point.

    Examples
    --------
    >>> scale = np.array([10.0, 0.1], np.float32)
    >>> uneven = LatentSpace(name="uneven", shape=(2,), data_shape=(2,), encode_fn=lambda x: x / scale,
    ...                      decode_fn=lambda z: z * scale, decode_jvp_fn=lambda z, v: (z * scale, v * scale))
    >>> round(local_conditioning(uneven, np.eye(4, 2)).value, 4)
    2.0
    """
    return local_conditioning_of(Evidence.of(space, x, seed=seed), points=points)


def log_volume_variance(space: LatentSpace, x: ArrayLike, *, points: int = POINTS, seed: int = 0) -> Score:
    """Variance over codes of log sqrt det J^T J, in squared nats (Nazari et al. 2023, sec. 3.2); 0 is an even volume.

    Unchanged by any linear map of the latents, as long as no singular value is cut off (see `local_conditioning`).

    Raises
    ------
    InvalidInput
        As `local_conditioning`.
    """
    return log_volume_variance_of(Evidence.of(space, x, seed=seed), points=points)


def geodesic_gap_of(
    evidence: Evidence, *, pairs: int = PAIRS, nodes: int = NODES, iterations: int = ITERATIONS
) -> Score:
    """`geodesic_gap` of evidence at hand."""
    _check_dim(evidence)
    check_positive_int(nodes, "nodes", low=2, high=1000)
    check_positive_int(iterations, "iterations", high=10_000)
    ends = path_ends(evidence, pairs)
    energies = np.array(
        [
            _two_energies(evidence.space, a, b, nodes, iterations)
            for a, b in zip(flat(ends.start), flat(ends.stop), strict=True)
        ]
    )
    line, shortest = energies.T
    if not line.any():
        raise invalid("the decoder", "one that tells points apart", "the same data along every line")
    # the path is read off at even speed between its nodes, which may cost a little more than the line it began as
    rows = np.maximum(1 - shortest / np.where(line > 0, line, 1), 0) * (line > 0)
    return Score(
        name="geodesic_gap",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("paths"),
        n=ends.pairs,
        direction="lower",
        range=(0.0, 1.0),
        parts={"line_energy": line.tolist(), "geodesic_energy": shortest.tolist()},
        settings={
            **path_settings(evidence, ends),
            "path": "lerp against geodesic",
            "nodes": nodes,
            "iterations": iterations,
            "derivative": derivative_kind(evidence.space),
        },
        meaning="Share of a straight line's energy that a better path between the same codes saves.",
        misleads="geodesics of a decoder may leave the data, and few pairs are tried; unevenness of speed counts too.",
    )


def local_conditioning_of(evidence: Evidence, *, points: int = POINTS) -> Score:
    """`local_conditioning` of evidence at hand."""
    values = evidence.once(singular_values, points)
    logs = np.log10(values)
    rows = logs[:, 0] - logs[:, -1]
    low, high = np.quantile(values, [0.1, 0.9], axis=0)
    return Score(
        name="local_conditioning",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("codes"),
        n=len(rows),
        direction="lower",
        unit="log10",
        range=(0.0, float(-np.log10(SMALLEST_RATIO))),
        parts={"singular_value": (10 ** logs.mean(0)).tolist(), "low": low.tolist(), "high": high.tolist()},
        settings=_settings(evidence, values),
        meaning="How much more the data change along the decoder's strongest direction than along its weakest.",
        misleads="one dimension that the decoder ignores brings it to its limit: see the spectrum.",
    )


def log_volume_variance_of(evidence: Evidence, *, points: int = POINTS) -> Score:
    """`log_volume_variance` of evidence at hand."""
    values = evidence.once(singular_values, points)
    volumes = np.log(values).sum(1)
    return Score(
        name="log_volume_variance",
        value=float(volumes.var()),
        interval=bootstrap_interval(volumes, seed=evidence.seed, statistic=lambda v: float(v.var())),
        resampling=bootstrapped("codes"),
        n=len(volumes),
        direction="lower",
        unit="squared nats",
        range=(0.0, np.inf),
        settings=_settings(evidence, values),
        meaning="How unevenly the decoder stretches volume from one code to another.",
        misleads="it grows with the number of dimensions, and dimensions that the decoder ignores add rounding noise.",
    )


def singular_values(evidence: Evidence, points: int) -> Array:
    """Singular values of J at the codes of at most `points` rows, largest first, (points, d), none below 1e-6 of it."""
    _check_dim(evidence)
    check_positive_int(points, "points", low=2, high=10**6)
    space = evidence.space
    ends = path_ends(evidence, max(2, (points + 1) // 2))
    z = np.concatenate([flat(ends.start), flat(ends.stop)])[:points].astype(np.float32)
    size = max(1, _CHUNK_VALUES // (space.dim * int(np.prod(space.data_shape))))
    out = np.zeros((len(z), space.dim))
    for part in batches(len(z), size):
        found = np.linalg.svd(_jacobians(space, z[part]), compute_uv=False)
        out[part, : found.shape[1]] = found
    largest = out[:, :1]
    if not largest.all():
        raise invalid("the decoder", "one that changes at every code", f"{int((largest == 0).sum())} flat points")
    return np.maximum(out, SMALLEST_RATIO * largest)


def why_too_wide(evidence: Evidence) -> str:
    """Why Jacobians are not taken, or an empty string."""
    if evidence.space.dim > LARGEST_DIM:
        return f"the space has {evidence.space.dim} dimensions, and exact Jacobians are taken up to {LARGEST_DIM}"
    return why_no_ends(evidence)


def _check_dim(evidence: Evidence) -> None:
    if evidence.space.dim > LARGEST_DIM:
        raise invalid("space.dim", f"at most {LARGEST_DIM} for exact Jacobians", evidence.space.dim)


def _jacobians(space: LatentSpace, z: FloatArray) -> Array:
    """J at each point (n, d) -> (n, D, d)."""
    count, dim = z.shape
    basis = np.tile(np.eye(dim, dtype=np.float32), (count, 1))
    moved = push(space, np.repeat(z, dim, axis=0), basis)[1]
    return moved.astype(np.float64).reshape(count, dim, -1).transpose(0, 2, 1)


def _two_energies(space: LatentSpace, a: Array, b: Array, nodes: int, iterations: int) -> tuple[float, float]:
    """Discrete energies of the straight line and of the geodesic from `a` to `b`."""
    t = np.linspace(0, 1, nodes + 1)
    shortest = geodesic(lambda z, v: push(space, z, v), a, b, t, nodes=nodes, iterations=iterations)
    shown = decode_each(space, np.stack([lerp(a, b, t), shortest]).astype(np.float32))
    line, bent = nodes * (np.diff(shown, axis=1) ** 2).sum((1, 2))
    return float(line), float(bent)


def _settings(evidence: Evidence, values: Array) -> dict[str, object]:
    cut = int((values[:, -1] <= SMALLEST_RATIO * values[:, 0]).sum())
    return {
        "points": len(values),
        "derivative": derivative_kind(evidence.space),
        "points_cut_off": cut,
        "seed": evidence.seed,
    }


_DECODED = frozenset({"decode"})

ENTRIES = (
    Entry("geodesic_gap", _DECODED, geodesic_gap_of, why_too_wide),
    Entry("local_conditioning", _DECODED, local_conditioning_of, why_too_wide),
    Entry("log_volume_variance", _DECODED, log_volume_variance_of, why_too_wide),
)
