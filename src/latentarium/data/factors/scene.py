"""A lit solid on a floor before a wall, as in 3D Shapes (Burgess & Kim 2018), with the light as a factor."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import check_positive_int
from latentarium.data.factors.source import Bytes, FactorSource, Levels

Float = NDArray[np.float32]
SHAPES = ("sphere", "cube", "cylinder")
_EYE = np.array([0.0, 1.7, -5.0], np.float32)
_CENTRE_Z, _WALL_Z = 0.0, 2.2
_TILT, _ZOOM = 0.16, 2.1
_AMBIENT, _HEIGHT = 0.4, 0.75
_YAW = 0.55
_FAR = np.float32(1e6)


def scene(*, size: int = 64, hues: int = 10, sizes: int = 8, lights: int = 15) -> FactorSource:
    """Floor hue, wall hue, object hue, object size, shape (sphere, cube, cylinder) and direction of the light.

    The light comes from behind the camera, between 65 degrees to the left and to the right; it shades the solid
    and throws its shadow on floor and wall, so that it can be read from every picture.

    Parameters
    ----------
    size : side in pixels
    hues, sizes, lights : levels of each hue, of the object's size and of the direction of light

    Examples
    --------
    >>> source = scene(size=32)
    >>> source.render(source.sample(2, seed=0)).shape, source.sizes
    ((2, 3, 32, 32), (10, 10, 10, 8, 3, 15))
    """
    for name, count in (("hues", hues), ("sizes", sizes), ("lights", lights)):
        check_positive_int(count, name, high=1000)
    wheel = np.arange(hues) / hues
    grid = {
        "floor_hue": wheel,
        "wall_hue": wheel,
        "object_hue": wheel,
        "object_size": np.linspace(0.55, 1.0, sizes) if sizes > 1 else np.ones(1),
        "shape": np.arange(3.0),
        "light": np.linspace(-65, 65, lights) * np.pi / 180 if lights > 1 else np.zeros(1),
    }

    def draw(table: Levels, side: int) -> Bytes:
        radius, light = grid["object_size"][table[:, 3]], grid["light"][table[:, 5]]
        colours = _rgb(wheel)[table[:, :3]]
        out = np.empty((len(table), 3, side, side), np.uint8)
        _, first, which = np.unique(table[:, 3:], axis=0, return_index=True, return_inverse=True)
        for form, i in enumerate(first):
            surface, bright = _shade(_Solid(int(table[i, 4]), float(radius[i])), float(light[i]), side)
            alike = np.flatnonzero(which.ravel() == form)
            out[alike] = colours[alike].transpose(0, 2, 1)[:, :, surface] * bright + np.float32(0.5)
        return out

    return FactorSource(name="scene", grid=grid, size=size, channels=3, draw=draw, classes={"shape": SHAPES})


def _rgb(hue: NDArray[np.float64]) -> Float:
    """Colours 0 to 255 of medium saturation and full value, (n, 3)."""
    ramps = np.abs((hue[:, None] * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    return (255 * (1 - 0.7 * (1 - np.clip(ramps, 0, 1)))).astype(np.float32)


@dataclass(frozen=True)
class _Solid:
    """A solid of half-height `radius` that stands on the floor."""

    kind: int
    radius: float

    def hit(self, origin: Float, ray: Float) -> tuple[Float, Float]:
        """Distance (n,) along rays from (n, 3) origins, `_FAR` where they miss, and normals (n, 3)."""
        local = origin - np.array([0, self.radius, _CENTRE_Z], np.float32)
        return (_hit_sphere, _hit_cube, _hit_cylinder)[self.kind](local, ray, self.radius)


def _shade(solid: _Solid, azimuth: float, side: int) -> tuple[NDArray[np.intp], Float]:
    """Which surface each pixel shows (0 floor, 1 wall, 2 solid) and how bright it is, both (side, side)."""
    step = (np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1
    across, up = np.meshgrid(step, -step)
    forward = np.full_like(across, _ZOOM)
    tilted = np.stack([across, up * np.cos(_TILT) - forward * np.sin(_TILT),
                       up * np.sin(_TILT) + forward * np.cos(_TILT)], axis=-1).reshape(-1, 3)  # fmt: skip
    ray = (tilted / np.linalg.norm(tilted, axis=1, keepdims=True)).astype(np.float32)
    eye = np.broadcast_to(_EYE, ray.shape)
    with np.errstate(divide="ignore"):
        floor = np.where(ray[:, 1] < 0, -_EYE[1] / ray[:, 1], _FAR)
    wall = (_WALL_Z - _EYE[2]) / ray[:, 2]
    near, normal = solid.hit(eye, ray)
    distances = np.stack([floor, wall, near])
    surface = distances.argmin(0)
    level = np.sqrt(1 - _HEIGHT**2)
    light = np.array([np.sin(azimuth) * level, _HEIGHT, -np.cos(azimuth) * level], np.float32)
    normals = np.where((surface == 2)[:, None], normal, np.eye(3, dtype=np.float32)[[1, 2, 0]][surface] * [1, 1, -1])
    lambert = np.maximum(normals @ light, 0)
    point = eye + ray * distances.min(0)[:, None] + normals * np.float32(1e-3)
    shadow = solid.hit(point.astype(np.float32), np.broadcast_to(light, ray.shape))[0] < _FAR
    bright = _AMBIENT + (1 - _AMBIENT) * lambert * ~(shadow & (surface != 2))
    return surface.reshape(side, side), bright.reshape(side, side).astype(np.float32)


def _hit_sphere(origin: Float, ray: Float, radius: float) -> tuple[Float, Float]:
    along = (origin * ray).sum(1)
    gap = along**2 - (origin**2).sum(1) + radius**2
    distance = -along - np.sqrt(np.maximum(gap, 0))
    distance = np.where((gap > 0) & (distance > 0), distance, _FAR)
    return distance, (origin + ray * distance[:, None]) / radius


def _hit_cube(origin: Float, ray: Float, radius: float) -> tuple[Float, Float]:
    """Slabs in the frame of the cube, which is turned by `_YAW` about the vertical."""
    cos, sin = np.cos(_YAW), np.sin(_YAW)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)
    start, way = origin @ turn, ray @ turn
    half = np.array([0.8, 1.0, 0.8], np.float32) * radius
    way = np.where(np.abs(way) < 1e-9, np.float32(1e-9), way)
    ends = np.stack([(-half - start) / way, (half - start) / way])
    enter, leave = ends.min(0), ends.max(0).min(1)
    axis = enter.argmax(1)
    distance = enter.max(1)
    distance = np.where((distance < leave) & (distance > 0), distance, _FAR)
    face = np.eye(3, dtype=np.float32)[axis] * -np.sign(way)
    return distance, face @ turn.T


def _hit_cylinder(origin: Float, ray: Float, radius: float) -> tuple[Float, Float]:
    wide = 0.8 * radius
    a = np.maximum(ray[:, 0] ** 2 + ray[:, 2] ** 2, 1e-9)
    b = origin[:, 0] * ray[:, 0] + origin[:, 2] * ray[:, 2]
    gap = b**2 - a * (origin[:, 0] ** 2 + origin[:, 2] ** 2 - wide**2)
    side = (-b - np.sqrt(np.maximum(gap, 0))) / a
    height = origin[:, 1] + side * ray[:, 1]
    side = np.where((gap > 0) & (side > 0) & (np.abs(height) <= radius), side, _FAR)
    lid = (radius - origin[:, 1]) / np.where(ray[:, 1] < -1e-9, ray[:, 1], -1e-9)
    met = origin + ray * lid[:, None]
    lid = np.where((lid > 0) & (met[:, 0] ** 2 + met[:, 2] ** 2 <= wide**2), lid, _FAR)
    point = origin + ray * side[:, None]
    round_normal = point * np.array([1, 0, 1], np.float32) / wide
    upright = np.array([0, 1, 0], np.float32)
    return np.minimum(side, lid), np.where((lid < side)[:, None], upright, round_normal)
