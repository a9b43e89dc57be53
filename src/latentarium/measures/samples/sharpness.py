"""How sharp generated images are beside real ones."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches, check_finite
from latentarium.errors import invalid
from latentarium.measures.samples.compare import DRAWS, Statement
from latentarium.measures.score import Score, bootstrapped, check_row_count, interval_of
from latentarium.rng import generator

Array = NDArray[np.float64]
_BOOTSTRAP, _RESAMPLES = 541, 500

_SHARPNESS = Statement(
    name="sharpness_ratio",
    direction="neither",
    range=(0.0, np.inf),
    meaning="Laplacian energy of generated images over that of real ones: 1 is as sharp, less is blurred.",
    misleads="noise is sharp too: above 1 look at the images.",
)


def sharpness_ratio(real: ArrayLike, generated: ArrayLike, *, seed: int = 0, draws: int = DRAWS) -> Score:
    """Mean squared Laplacian (4 neighbours, inner pixels) of generated images over that of real images.

    Free of a constant added to every pixel and of a common factor.

    Parameters
    ----------
    real, generated : (n, c, h, w) and (m, c, h, w), at least 3 x 3 pixels
    draws : 0 for no interval; any other number takes the bootstrap over images

    Raises
    ------
    InvalidInput
        When shapes differ, values are not finite, or the real images are flat.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(30, 1, 8, 8))
    >>> round(sharpness_ratio(noise, noise / 2).value, 6)
    0.25
    """
    first, second = _energy(real, "real"), _energy(generated, "generated")
    if np.shape(real)[1:] != np.shape(generated)[1:]:
        raise invalid("generated.shape", f"(m, {', '.join(map(str, np.shape(real)[1:]))})", np.shape(generated))
    if first.mean() <= 0:
        raise invalid("real", "images with edges", "flat ones")
    value = float(second.mean() / first.mean())
    random = generator(seed, _BOOTSTRAP)
    found = [_resampled(second, random) / max(_resampled(first, random), 1e-300) for _ in range(_RESAMPLES)]
    return Score(
        name=_SHARPNESS.name,
        value=value,
        interval=interval_of(np.array(found)) if draws else (value, value),
        resampling=bootstrapped("images of both sides", resamples=_RESAMPLES) if draws else "none asked for",
        n=len(second),
        direction=_SHARPNESS.direction,
        range=_SHARPNESS.range,
        settings={"filter": "4-neighbour Laplacian", "real": len(first), "generated": len(second), "seed": seed},
        meaning=_SHARPNESS.meaning,
        misleads=_SHARPNESS.misleads,
    )


def _energy(images: ArrayLike, name: str) -> Array:
    """Mean squared Laplacian of each image, (n,)."""
    table: NDArray[Any] = np.asarray(images)
    if table.ndim != 4 or min(table.shape[2:]) < 3:
        raise invalid(f"{name}.shape", "(n, c, h, w) with at least 3 x 3 pixels", table.shape)
    check_row_count(len(table))
    check_finite(table, name)
    out = np.empty(len(table))
    for part in batches(len(table), 256):
        x = table[part].astype(np.float64)
        around = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
        out[part] = ((around - 4 * x[..., 1:-1, 1:-1]) ** 2).mean((1, 2, 3))
    return out


def _resampled(rows: Array, random: np.random.Generator) -> float:
    return float(rows[random.integers(len(rows), size=len(rows))].mean())
