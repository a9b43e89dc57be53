"""How close reconstructions come to the data: MSE, PSNR, SSIM."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import batches
from latentarium.errors import invalid
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Evidence
from latentarium.measures.score import Score, bootstrap_interval, bootstrapped, check_row_count
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
_SMALLEST_MSE = 1e-12
_CHUNK_VALUES = 2_000_000


def mse(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Mean squared error of decode(encode(x)), averaged over data dimensions and rows; from 0, lower is better."""
    evidence = Evidence.of(space, x, seed=seed)
    return mse_between(evidence.x, evidence.reconstruction, seed=seed)


def psnr(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Peak signal-to-noise ratio of decode(encode(x)) in dB, from the mean MSE; higher is better."""
    evidence = Evidence.of(space, x, seed=seed)
    return psnr_between(evidence.x, evidence.reconstruction, peak=evidence.peak or 1.0, seed=seed)


def ssim(space: LatentSpace, x: ArrayLike, *, seed: int = 0) -> Score:
    """Mean structural similarity of images and their reconstructions (Wang et al. 2004); -1 to 1, higher is better."""
    evidence = Evidence.of(space, x, seed=seed)
    return ssim_between(evidence.x, evidence.reconstruction, peak=evidence.peak or 1.0, seed=seed)


def mse_between(x: ArrayLike, reconstruction: ArrayLike, *, seed: int = 0) -> Score:
    """MSE of aligned arrays (n, ..).

    Examples
    --------
    >>> mse_between(np.zeros((4, 3)), np.full((4, 3), 0.5)).value
    0.25
    """
    rows = row_errors(x, reconstruction)
    return Score(
        name="mse",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=seed),
        resampling=bootstrapped(),
        n=len(rows),
        direction="lower",
        range=(0.0, np.inf),
        settings={"seed": seed},
        meaning="Squared error of a reconstruction, averaged over data dimensions.",
        misleads="blur is preferred to a sharp picture that is one pixel off.",
    )


def psnr_between(x: ArrayLike, reconstruction: ArrayLike, *, peak: float = 1.0, seed: int = 0) -> Score:
    """PSNR in dB of the mean MSE of aligned arrays whose range is `peak` wide; capped at 120 dB for peak 1.

    Examples
    --------
    >>> round(psnr_between(np.zeros((4, 3)), np.full((4, 3), 0.1)).value, 6)
    20.0
    """
    rows = row_errors(x, reconstruction)

    def decibel(error: float) -> float:
        return float(10 * np.log10(peak**2 / max(error, _SMALLEST_MSE)))

    low, high = bootstrap_interval(rows, seed=seed)
    return Score(
        name="psnr",
        value=decibel(float(rows.mean())),
        interval=(decibel(high), decibel(low)),
        resampling=bootstrapped(),
        n=len(rows),
        direction="higher",
        unit="dB",
        range=(-np.inf, decibel(0.0)),
        settings={"peak": peak, "seed": seed, "average": "of the squared error, before the logarithm"},
        meaning="Reconstruction fidelity on a logarithmic scale; 3 dB halve the squared error.",
        misleads="few wrong pixels on a plain background already score high.",
    )


def ssim_between(x: ArrayLike, reconstruction: ArrayLike, *, peak: float = 1.0, seed: int = 0) -> Score:
    """Mean SSIM of aligned images (n, c, h, w), averaged over channels."""
    rows = row_ssim(x, reconstruction, peak=peak)
    return Score(
        name="ssim",
        value=float(rows.mean()),
        interval=bootstrap_interval(rows, seed=seed),
        resampling=bootstrapped(),
        n=len(rows),
        direction="higher",
        range=(-1.0, 1.0),
        settings={"peak": peak, "window": ssim_window(np.shape(x)), "sigma": 1.5, "seed": seed},
        meaning="Likeness of local structure; 1 is identical.",
        misleads="flat regions count as much as detail, and small images shrink the window.",
    )


def row_errors(x: ArrayLike, reconstruction: ArrayLike) -> Array:
    """Mean squared error of each row, (n, ..) twice -> (n,)."""
    first, second = _aligned(x, reconstruction)
    out = np.empty(len(first))
    for part in batches(len(first), _rows_per_chunk(first)):
        gap = first[part].astype(np.float64) - second[part]
        out[part] = (gap**2).reshape(len(gap), -1).mean(1)
    return out


def row_ssim(x: ArrayLike, reconstruction: ArrayLike, *, peak: float = 1.0) -> Array:
    """SSIM of each image (Wang et al. 2004, eq. 13): Gaussian window of 11, sigma 1.5, only where it fits whole.

    The window shrinks to the largest odd size that fits a smaller image.
    """
    first, second = _aligned(x, reconstruction)
    if first.ndim != 4:
        raise invalid("x.shape", "(n, channels, height, width) for SSIM", first.shape)
    window = ssim_window(first.shape)
    out = np.empty(len(first))
    for part in batches(len(first), _rows_per_chunk(first)):
        out[part] = _ssim_map(first[part].astype(np.float64), second[part].astype(np.float64), window, peak)
    return out


def ssim_window(shape: tuple[int, ...]) -> int:
    """The largest odd window, at most 11, that fits images of `shape`."""
    side = min(11, *shape[-2:])
    return side if side % 2 else side - 1


def _ssim_map(a: Array, b: Array, window: int, peak: float) -> Array:
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b = _blur(a, window), _blur(b, window)
    var_a = _blur(a * a, window) - mean_a**2
    var_b = _blur(b * b, window) - mean_b**2
    covariance = _blur(a * b, window) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (top / bottom).mean(axis=(1, 2, 3))


def _blur(images: Array, window: int) -> Array:
    from scipy.ndimage import correlate1d

    half = window // 2
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / 1.5) ** 2)
    weights /= weights.sum()
    tall, wide = images.shape[-2:]
    down = correlate1d(images, weights, axis=-2)[..., half : tall - half, :]
    return correlate1d(down, weights, axis=-1)[..., half : wide - half]


def _rows_per_chunk(array: NDArray[Any]) -> int:
    return max(1, _CHUNK_VALUES // max(1, int(np.prod(array.shape[1:]))))


def _aligned(x: ArrayLike, reconstruction: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = np.asarray(x), np.asarray(reconstruction)
    if first.shape != second.shape:
        raise invalid("reconstruction.shape", f"{first.shape}, as x", second.shape)
    check_row_count(len(first))
    return first, second


def _why_no_peak(evidence: Evidence) -> str:
    if not evidence.is_image:
        return "the data are not images"
    return "" if evidence.peak else "the data have no stated range"


_REBUILT = frozenset({"encode", "decode"})

ENTRIES = (
    Entry("mse", _REBUILT, lambda e: mse_between(e.x, e.reconstruction, seed=e.seed)),
    Entry(
        "psnr",
        _REBUILT,
        lambda e: psnr_between(e.x, e.reconstruction, peak=e.peak or 1.0, seed=e.seed),
        _why_no_peak,
    ),
    Entry(
        "ssim",
        _REBUILT,
        lambda e: ssim_between(e.x, e.reconstruction, peak=e.peak or 1.0, seed=e.seed),
        _why_no_peak,
    ),
)
