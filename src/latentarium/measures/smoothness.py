"""Smoothness: how evenly and directly the decoded data move along paths between codes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, batches, check_finite
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence
from latentarium.measures.paths import (
    Ends,
    Motion,
    Speeds,
    derivative_kind,
    motion,
    path_ends,
    path_settings,
    push,
    speeds,
    why_no_ends,
)
from latentarium.measures.score import Score, bootstrap_interval, bootstrap_means, bootstrapped, interval_of
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
Features = Callable[[FloatArray], ArrayLike]
PAIRS, TIMES = 1000, 4
WALKS, STEPS = 200, 32
EPSILON = 1e-4
_CHUNK_VALUES = 4_000_000


def path_energy(space: LatentSpace, x: ArrayLike, *, pairs: int = PAIRS, times: int = TIMES, seed: int = 0) -> Score:
    """E |J(g(t)) g'(t)|^2 over paths g between codes and times t, in squared data units; from 0, lower is smoother.

    The limit of the perceptual path length for small steps (Karras et al. 2019, sec. 4.1) on raw data, by the exact
    derivative where the space has one. Unchanged by any linear map of the latents. A straight path at even speed
    has the least energy its ends allow, so `energy_per_variance` in the settings, the energy over the total
    variance of the decoded ends, is 2 at best.

    Parameters
    ----------
    space : one that decodes, and encodes or has a prior
    x : (n, *data_shape), 4 rows at least
    pairs : paths, between rows drawn by `seed`
    times : moments of each path, one in each of as many equal parts of it

    Raises
    ------
    InvalidInput
        When there are too few rows.

    Examples
    --------
    >>> double = LatentSpace(name="double", shape=(1,), data_shape=(1,), encode_fn=lambda x: x / 2,
    ...                      decode_fn=lambda z: 2 * z, decode_jvp_fn=lambda z, v: (2 * z, 2 * v))
    >>> score = path_energy(double, np.random.default_rng(0).normal(size=(2000, 1)))
    >>> round(score.settings["energy_per_variance"])
    2
    """
    return path_energy_of(Evidence.of(space, x, seed=seed), pairs=pairs, times=times)


def perceptual_path_length(
    space: LatentSpace,
    x: ArrayLike,
    *,
    features: Features | None = None,
    features_name: str = "",
    epsilon: float = EPSILON,
    pairs: int = PAIRS,
    seed: int = 0,
) -> Score:
    """E |phi(f(g(t + e))) - phi(f(g(t)))|^2 / e^2 (Karras et al. 2019, sec. 4.1); from 0, lower is smoother.

    Parameters
    ----------
    features : (b, *data_shape) -> (b, ..), what distances are taken between; the data themselves where None
    features_name : what the score calls them; needed with `features`
    epsilon : the step e in t, 1e-4 in the paper

    Raises
    ------
    InvalidInput
        When there are too few rows, `epsilon` is outside (0, 0.1], or features have no name.
    """
    evidence = Evidence.of(space, x, seed=seed)
    return perceptual_path_length_of(
        evidence, features=features, features_name=features_name, epsilon=epsilon, pairs=pairs
    )


def straightness(space: LatentSpace, x: ArrayLike, *, pairs: int = WALKS, steps: int = STEPS, seed: int = 0) -> Score:
    """Mean length of decoded paths over the mean distance of their ends; from 1, lower is straighter.

    The ratio of means, so that a path whose ends look alike does not outweigh all others.

    Raises
    ------
    InvalidInput
        When there are too few rows, or the decoded ends of all paths coincide.
    """
    return straightness_of(Evidence.of(space, x, seed=seed), pairs=pairs, steps=steps)


def speed_variation(
    space: LatentSpace, x: ArrayLike, *, pairs: int = WALKS, steps: int = STEPS, seed: int = 0
) -> Score:
    """Standard deviation of the speed of decoded data along a path over its mean, averaged over paths; 0 is even.

    At most sqrt(steps - 1), where all change falls into one step. The parts hold the speed over t: mean, 10 % and
    90 % quantiles over paths, each path in units of its own mean, and the least even path. Paths along which
    nothing changes are left out and counted.

    Raises
    ------
    InvalidInput
        When there are too few rows, or nothing changes along any path.
    """
    return speed_variation_of(Evidence.of(space, x, seed=seed), pairs=pairs, steps=steps)


def path_energy_of(evidence: Evidence, *, pairs: int = PAIRS, times: int = TIMES) -> Score:
    """`path_energy` of evidence at hand."""
    space = evidence.space
    ends = path_ends(evidence, pairs)
    moments = motion(space, ends, times_each=times, seed=evidence.seed)
    energies = _energies(space, moments)
    rows = energies.mean(1)
    variance, least = _spread_of_ends(space, ends)
    value = float(rows.mean())
    jumps = (
        ", and here it jumps: these derivatives cannot add up to the distance of the ends"
        if value < 0.9 * least
        else ""
    )
    return Score(
        name="path_energy",
        value=value,
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("paths"),
        n=len(rows),
        direction="lower",
        unit="squared data units",
        range=(0.0, np.inf),
        parts={"t": _middles(times), "energy": energies.mean(0).tolist()},
        settings={
            **path_settings(evidence, ends),
            "times": times,
            "derivative": derivative_kind(space),
            "output_variance": variance,
            "energy_per_variance": value / variance if variance > 0 else None,
            "least_energy": least,
        },
        meaning="How fast the decoded data change on the way from one code to another, squared.",
        misleads=f"a collapsed decoder scores 0: read it per unit of output variance, 2 at best; a decoder that jumps"
        f" has no derivative there, so that speed_variation sees what this misses{jumps}.",
    )


def perceptual_path_length_of(
    evidence: Evidence,
    *,
    features: Features | None = None,
    features_name: str = "",
    epsilon: float = EPSILON,
    pairs: int = PAIRS,
) -> Score:
    """`perceptual_path_length` of evidence at hand."""
    if not 0 < epsilon <= 0.1:
        raise invalid("epsilon", "above 0 and at most 0.1", epsilon)
    if features is not None and not features_name:
        raise invalid("features_name", "given with features", features_name, "distances mean nothing without it")
    space = evidence.space
    ends = path_ends(evidence, pairs)
    moments = motion(space, ends, times_each=TIMES, seed=evidence.seed)
    rows = _step_energies(space, moments, features, epsilon).mean(1)
    return Score(
        name="perceptual_path_length",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("paths"),
        n=len(rows),
        direction="lower",
        unit="squared feature units",
        range=(0.0, np.inf),
        settings={
            **path_settings(evidence, ends),
            "times": TIMES,
            "features": features_name if features is not None else "the data themselves",
            "epsilon": epsilon,
            "trimmed": "none",
        },
        meaning="How much features change over a small step between two codes, squared, per squared step.",
        misleads="features differ between papers and so do the numbers; a collapsed decoder scores 0; small steps"
        " lose digits in float32.",
    )


def straightness_of(evidence: Evidence, *, pairs: int = WALKS, steps: int = STEPS) -> Score:
    """`straightness` of evidence at hand."""
    ends, moved = evidence.once(_walked, pairs, steps)
    table = np.stack([moved.lengths, moved.chords], axis=1)
    length, chord = table.mean(0)
    if chord <= 1e-6 * length:
        raise invalid("the decoder", "one that tells codes apart", "the same data at both ends of every path")
    draws = bootstrap_means(table, seed=evidence.seed)
    # rounding can leave a straight path shorter than its chord
    low, high = interval_of(draws[:, 0] / np.maximum(draws[:, 1], 1e-6 * draws[:, 0]))
    return Score(
        name="straightness",
        value=max(1.0, float(length / chord)),
        interval=(max(1.0, low), max(1.0, high)),
        resampling=bootstrapped("paths"),
        n=ends.pairs,
        direction="lower",
        range=(1.0, np.inf),
        settings={**path_settings(evidence, ends), "steps": steps, "average": "mean length over mean distance"},
        meaning="Length of the way the data take between two codes over the direct distance; 1 is a straight line.",
        misleads="cross-fading two pictures is perfectly straight: read it with midpoint_realism.",
    )


def speed_variation_of(evidence: Evidence, *, pairs: int = WALKS, steps: int = STEPS) -> Score:
    """`speed_variation` of evidence at hand."""
    ends, moved = evidence.once(_walked, pairs, steps)
    moving = moved.lengths > 0
    relative = moved.steps[moving] / moved.steps[moving].mean(1, keepdims=True)
    rows = relative.std(1)
    low, high = np.quantile(relative, [0.1, 0.9], axis=0)
    return Score(
        name="speed_variation",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=evidence.seed),
        resampling=bootstrapped("paths"),
        n=len(rows),
        direction="lower",
        range=(0.0, float(np.sqrt(steps - 1))),
        parts={
            "t": _middles(steps),
            "speed": relative.mean(0).tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "least_even": relative[rows.argmax()].tolist(),
        },
        settings={**path_settings(evidence, ends), "steps": steps, "unmoved_paths": int((~moving).sum())},
        meaning="Unevenness of change along a path; high where the data stand still and then jump.",
        misleads="a jump shorter than one step looks no worse than a step; a cross-fade of pixels scores 0.",
    )


def _walked(evidence: Evidence, pairs: int, steps: int) -> tuple[Ends, Speeds]:
    ends = path_ends(evidence, pairs)
    return ends, speeds(evidence.space, ends, steps)


def _energies(space: LatentSpace, moments: Motion) -> Array:
    """|J v|^2 of each moment, (paths, times)."""
    out = np.empty(len(moments.points))
    for part in batches(len(out), _rows_at_once(space)):
        moved = push(space, moments.points[part], moments.velocities[part])[1].astype(np.float64)
        out[part] = (moved**2).sum(1)
    return out.reshape(-1, moments.times_each)


def _step_energies(space: LatentSpace, moments: Motion, features: Features | None, epsilon: float) -> Array:
    def seen(points: NDArray[Any]) -> Array:
        shown = space.decode(points)
        found = np.asarray(shown if features is None else features(shown), np.float64)
        if len(found) != len(points):
            raise invalid("features", f"a function that keeps the {len(points)} rows", found.shape)
        check_finite(found, "features")
        return found.reshape(len(found), -1)

    out = np.empty(len(moments.points))
    for part in batches(len(out), _rows_at_once(space)):
        here = moments.points[part].astype(np.float64)
        ahead = here + epsilon * moments.velocities[part]
        out[part] = ((seen(ahead) - seen(here)) ** 2).sum(1) / epsilon**2
    return out.reshape(-1, moments.times_each)


def _spread_of_ends(space: LatentSpace, ends: Ends) -> tuple[float, float]:
    """Total variance of the decoded ends, and the mean squared distance of the two ends of a path."""
    first, last = (space.decode(z).reshape(ends.pairs, -1).astype(np.float64) for z in (ends.start, ends.stop))
    both = np.concatenate([first, last])
    return float(both.var(0).sum()), float(((last - first) ** 2).sum(1).mean())


def _rows_at_once(space: LatentSpace) -> int:
    return max(space.batch_size, _CHUNK_VALUES // int(np.prod(space.data_shape)))


def _middles(count: int) -> list[float]:
    return ((np.arange(count) + 0.5) / count).tolist()


_DECODED = frozenset({"decode"})

ENTRIES = (
    Entry("path_energy", _DECODED, path_energy_of, why_no_ends),
    Entry("perceptual_path_length", _DECODED, perceptual_path_length_of, why_no_ends),
    Entry("straightness", _DECODED, straightness_of, why_no_ends),
    Entry("speed_variation", _DECODED, speed_variation_of, why_no_ends),
)
