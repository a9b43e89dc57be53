"""Distances and paths between latent points: straight lines, great circles, shortest paths as the decoder sees, splines
through several points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_finite, check_positive_int
from latentarium.errors import InvalidInput, MissingCapability, invalid

FloatArray = NDArray[np.float32]
Array = NDArray[np.float64]
Path = Literal["lerp", "slerp", "geodesic"]
Way = Literal["lerp", "slerp", "geodesic", "spline"]
PushForward = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
"""(z, v) -> (decode(z), J(z) v), both batched over rows."""

PATHS: tuple[Path, ...] = ("lerp", "slerp", "geodesic")
WAYS: tuple[Way, ...] = (*PATHS, "spline")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """How distance and straightness are meant in one latent space.

    Parameters
    ----------
    path : the default interpolation: "lerp" for flat spaces, "slerp" where the prior is a high-dimensional
        normal and no encoder pulls codes off its shell (GANs).
    radius : when given, points live on a sphere of this radius and `project` puts them there.
    push_forward : decoder derivative that `geodesic` needs; None where the space cannot decode.

    Examples
    --------
    >>> line = Geometry().interpolate(np.zeros(2), np.array([2.0, 0.0]), steps=3)
    >>> line.tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    """

    path: Path = "lerp"
    radius: float | None = None
    push_forward: PushForward | None = None

    def distance(self, a: NDArray[Any], b: NDArray[Any]) -> Array:
        """Euclidean distance (arc length on a sphere) between rows of `a` and `b`, shape (n,)."""
        first, second = _flat_pair(a, b)
        if self.radius is None:
            return np.linalg.norm(first - second, axis=1)
        return self.radius * _angle(first, second)

    def project(self, z: NDArray[Any]) -> FloatArray:
        """The nearest points of the space to `z`: itself, or its radial projection on the sphere."""
        points = np.asarray(z, np.float32)
        if self.radius is None:
            return points.copy()
        norm = np.linalg.norm(points.reshape(len(points), -1), axis=1).reshape(-1, *[1] * (points.ndim - 1))
        return (points * (self.radius / np.maximum(norm, 1e-12))).astype(np.float32)

    def interpolate(self, a: NDArray[Any], b: NDArray[Any], *, steps: int = 9, path: Path | None = None) -> FloatArray:
        """`steps` points from `a` to `b`, both included, shape (steps, *a.shape)."""
        check_positive_int(steps, "steps", low=2, high=100_000)
        start, stop = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if start.shape != stop.shape:
            raise invalid("interpolate", "given two points of equal shape", (start.shape, stop.shape))
        check_finite(start, "a")
        check_finite(stop, "b")
        chosen = path or self.path
        line = self._walk(chosen, start.ravel(), stop.ravel(), np.linspace(0, 1, steps))
        line[0], line[-1] = start.ravel(), stop.ravel()
        return line.astype(np.float32).reshape(steps, *start.shape)

    def through(
        self, stops: NDArray[Any], times: NDArray[Any], *, path: Way | None = None, loop: bool = False
    ) -> FloatArray:
        """Points of the way through all `stops` (k, *shape) at `times`, shape (len(times), *shape).

        Time i is at stop i and i + 1/2 half of the way to the next one; times run from 0 to k - 1, those of a loop to
        k, back at the first stop. `path` is one of `interpolate` from each stop to the next, or "spline", which passes
        all of them without a corner.

        Examples
        --------
        >>> Geometry().through(np.array([[0.0], [1.0], [5.0]]), np.array([0.5, 1.5, 2.5]), loop=True).ravel().tolist()
        [0.5, 3.0, 2.5]
        """
        if path is not None and path not in WAYS:
            raise invalid("path", f"one of {', '.join(WAYS)}", path)
        wide, clock = np.asarray(stops, np.float64), np.asarray(times, np.float64)
        check_finite(wide, "stops")
        if len(wide) < 2:
            raise invalid("stops", "two points or more", len(wide))
        flat = wide.reshape(len(wide), -1)
        if loop:
            flat = np.concatenate([flat, flat[:1]])
        if clock.size and not (clock.min() >= 0 and clock.max() <= len(flat) - 1):
            raise invalid("times", f"from 0 to {len(flat) - 1}", f"{clock.min():g} to {clock.max():g}")
        points = self._spline(flat, clock, loop) if path == "spline" else self._legs(path or self.path, flat, clock)
        return self.project(points).reshape(len(clock), *wide.shape[1:])

    def _legs(self, path: str, stops: Array, times: Array) -> Array:
        points = np.empty((len(times), stops.shape[1]))
        legs = np.minimum(times.astype(np.int64), len(stops) - 2)
        for leg, (start, stop) in enumerate(pairwise(stops)):
            here = np.flatnonzero(legs == leg)
            if len(here):
                points[here] = self._walk(path, start, stop, times[here] - leg)
        return points

    def _spline(self, stops: Array, times: Array, loop: bool) -> Array:
        """In a space of directions these have the spline, and lengths change evenly between the stops."""
        if self.radius is None and self.path != "slerp":
            return spline(stops, times, loop=loop)
        lengths = np.linalg.norm(stops, axis=1)
        turned = spline(stops / np.maximum(lengths, 1e-12)[:, None], times, loop=loop)
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
        return turned * self._legs("lerp", lengths[:, None], times)

    def _walk(self, path: str, a: Array, b: Array, t: Array) -> Array:
        if path == "lerp":
            return lerp(a, b, t)
        if path == "slerp":
            return slerp(a, b, t)
        if path == "geodesic":
            if self.push_forward is None:
                raise MissingCapability("a geodesic needs a space that can decode; use path='lerp' or 'slerp'")
            return geodesic(self.push_forward, a, b, t)
        raise invalid("path", f"one of {', '.join(PATHS)}", path)


def lerp(a: Array, b: Array, t: Array) -> Array:
    """Points a + t (b - a), shape (len(t), d); exact at both ends."""
    weight = t[:, None]
    return (1 - weight) * a + weight * b


def slerp(a: Array, b: Array, t: Array) -> Array:
    """Great-circle interpolation of direction with linear interpolation of length (Shoemake 1985; White 2016).

    Falls back to `lerp` where the directions coincide or oppose, since no single great circle joins them.
    """
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norm_a, norm_b) < 1e-12:
        return lerp(a, b, t)
    unit_a, unit_b = a / norm_a, b / norm_b
    omega = float(_angle(unit_a[None], unit_b[None])[0])
    if omega < 1e-6 or np.pi - omega < 1e-6:
        return lerp(a, b, t)
    weight = t[:, None]
    direction = (np.sin((1 - weight) * omega) * unit_a + np.sin(weight * omega) * unit_b) / np.sin(omega)
    return direction * ((1 - weight) * norm_a + weight * norm_b)


def spline(stops: Array, times: Array, *, loop: bool) -> Array:
    """Points at `times` of a cubic spline through `stops` (k, d), time i being at stop i, shape (len(times), d).

    The knots are centripetal, apart by the root of the distance (Lee 1989), so that the curve makes no loops where
    distances differ. Its ends are natural; with `loop` the last stop is the first again, and it has none.
    """
    from scipy.interpolate import CubicSpline  # pyright: ignore[reportMissingTypeStubs]

    apart = np.sqrt(np.linalg.norm(np.diff(stops, axis=0), axis=1))
    # a stop that comes twice in a row needs knots of its own
    apart = np.maximum(apart, max(1e-3 * float(apart.max()), 1e-9))
    knots = np.concatenate([[0.0], np.cumsum(apart)])
    curve: Any = CubicSpline(knots, stops, bc_type="periodic" if loop else "natural")
    points: Array = curve(np.interp(times, np.arange(len(knots)), knots))
    return points


def geodesic(push: PushForward, a: Array, b: Array, t: Array, *, nodes: int = 16, iterations: int = 30) -> Array:
    """A discrete geodesic of the pullback metric G = J^T J (Arvanitidis et al. 2018), read off at times `t`.

    Minimises the path energy sum |f(z_i+1) - f(z_i)|^2 over the inner nodes by damped Gauss-Newton steps
    (the residuals are linear in J, so second derivatives of the decoder are not needed), then spaces the
    result evenly in data space.
    """
    path = lerp(a, b, np.linspace(0, 1, nodes + 1))
    damping = 1e-2
    energy = _energy(_decode(push, path))
    for _ in range(iterations):
        step = _gauss_newton_step(push, path, damping)
        trial = path.copy()
        trial[1:-1] += step
        trial_energy = _energy(_decode(push, trial))
        if trial_energy < energy:
            small_gain = energy - trial_energy < 1e-5 * energy
            path, energy, damping = trial, trial_energy, damping / 4
            if small_gain:
                break
        else:
            damping *= 8
            if damping > 1e6:
                break
    return _constant_speed(path, _decode(push, path), t)


def _decode(push: PushForward, path: Array) -> Array:
    points = path.astype(np.float32)
    value, _ = push(points, np.zeros_like(points))
    return np.asarray(value, np.float64).reshape(len(path), -1)


def _energy(images: Array) -> float:
    return float((np.diff(images, axis=0) ** 2).sum())


def _jacobians(push: PushForward, points: Array) -> tuple[Array, Array]:
    """decode (n, D) and J (n, D, d) at each point, one push-forward per latent dimension."""
    count, dim = points.shape
    repeated = np.repeat(points, dim, axis=0).astype(np.float32)
    basis = np.tile(np.eye(dim, dtype=np.float32), (count, 1))
    value, columns = push(repeated, basis)
    flat = np.asarray(columns, np.float64).reshape(count, dim, -1)
    return np.asarray(value, np.float64).reshape(count, dim, -1)[:, 0], flat.transpose(0, 2, 1)


def _gauss_newton_step(push: PushForward, path: Array, damping: float) -> Array:
    inner, dim = len(path) - 2, path.shape[1]
    values, jacobians = _jacobians(push, path[1:-1])
    ends = _decode(push, path[[0, -1]])
    images = np.concatenate([ends[:1], values, ends[1:]])
    pull = images[2:] + images[:-2] - 2 * values
    gradient: Array = np.einsum("nij,ni->nj", jacobians, pull).ravel()
    hessian = np.zeros((inner * dim, inner * dim))
    for i in range(inner):
        here = slice(i * dim, (i + 1) * dim)
        hessian[here, here] = 2 * jacobians[i].T @ jacobians[i]
        if i + 1 < inner:
            after = slice((i + 1) * dim, (i + 2) * dim)
            hessian[here, after] = -jacobians[i].T @ jacobians[i + 1]
            hessian[after, here] = hessian[here, after].T
    scale = np.diagonal(hessian).mean() + 1e-12
    hessian[np.diag_indices_from(hessian)] += damping * scale
    return np.linalg.solve(hessian, gradient).astype(np.float64).reshape(inner, dim)


def _constant_speed(path: Array, images: Array, t: Array) -> Array:
    lengths = np.linalg.norm(np.diff(images, axis=0), axis=1)
    if lengths.sum() <= 0:
        return lerp(path[0], path[-1], t)
    clock = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
    columns: list[Array] = [np.interp(t, clock, path[:, k]) for k in range(path.shape[1])]
    return np.stack(columns, axis=1)


def _flat_pair(a: NDArray[Any], b: NDArray[Any]) -> tuple[Array, Array]:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape[1:] != second.shape[1:]:
        raise InvalidInput(f"points must have one shape, got {first.shape[1:]} and {second.shape[1:]}")
    return first.reshape(len(first), -1), second.reshape(len(second), -1)


def _angle(a: Array, b: Array) -> Array:
    """Angle between rows by the half-chord formula, accurate near 0 and pi where arccos is not."""
    unit_a = a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300)
    unit_b = b / np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1e-300)
    return 2 * np.arctan2(np.linalg.norm(unit_a - unit_b, axis=1), np.linalg.norm(unit_a + unit_b, axis=1))
