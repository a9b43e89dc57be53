"""Rate and distortion: curves of PCA and of picture formats, and what one curve saves over another."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import PchipInterpolator
from sklearn.utils.extmath import randomized_svd

Levels = NDArray[np.uint8]
Curve = list[tuple[float, float]]
"""(bytes a picture, PSNR in decibels), rates rising."""
WEBP_HEADER = 30
"""RIFF and chunk headers (20) and the VP8 frame header (10)."""
COMPONENTS, PCA_STEPS = (50, 100, 200, 400, 800), (3.0, 2.5, 2.0, 1.6, 1.3, 1.0, 0.8, 0.65, 0.5, 0.4)
QUALITIES = (0, 1, 3, 5, 8, 12, 16, 20, 25)


def psnr(error: NDArray[np.floating]) -> float:
    """Decibels of errors in units where the range is 1."""
    return float(-10 * np.log10(np.mean(np.square(error, dtype=np.float64))))


def pca_curve(train: Levels, test: Levels, *, seed: int = 0) -> Curve:
    """PCA with rounded coefficients: the best of several numbers of components at each rate."""
    rows = train.reshape(len(train), -1) / np.float32(255)
    centre = rows.mean(0)
    rows -= centre
    _, _, axes = randomized_svd(rows, max(COMPONENTS), n_iter=3, random_state=seed)
    seen, gap = rows @ axes.T, test.reshape(len(test), -1) / np.float32(255) - centre
    codes = gap @ axes.T
    whole, found = float(np.square(gap, dtype=np.float64).sum(1).mean()), []
    for step in PCA_STEPS:
        bits = np.array([_bits(seen[:, j], codes[:, j], step) for j in range(max(COMPONENTS))])
        gained = np.square(codes) - np.square(codes - step * np.rint(codes / step))
        left = whole - np.cumsum(gained.mean(0, dtype=np.float64))
        found += [(float(bits[:k].sum()) / 8, float(-10 * np.log10(left[k - 1] / gap.shape[1]))) for k in COMPONENTS]
    return hull(found)


def _bits(seen: NDArray[np.floating], codes: NDArray[np.floating], step: float) -> float:
    """Mean bits of a rounded coefficient under the histogram of the training rows, a tenth of a count everywhere."""
    known, k = np.rint(seen / step).astype(int), np.rint(codes / step).astype(int)
    lowest = min(known.min(), k.min())
    counts = np.bincount(known - lowest, minlength=max(known.max(), k.max()) - lowest + 1) + 0.1
    return float(-np.log2(counts[k - lowest] / counts.sum()).mean())


def picture_curve(raw: Levels, kind: str) -> Curve:
    """A picture format at several qualities, its headers not counted."""
    found = []
    for quality in QUALITIES:
        sizes, errors = zip(*(_coded(x, kind, quality) for x in raw), strict=True)
        found.append((float(np.mean(sizes)), float(-10 * np.log10(np.mean(errors)))))
    return hull(found)


def _coded(x: Levels, kind: str, quality: int) -> tuple[int, float]:
    """Bytes after the headers, and the mean squared error."""
    out = BytesIO()
    options = {"method": 6} if kind == "WEBP" else {"optimize": True}
    Image.fromarray(x.transpose(1, 2, 0)).save(out, kind, quality=quality, **options)
    again = np.asarray(Image.open(BytesIO(out.getvalue())).convert("RGB")).transpose(2, 0, 1)
    size = len(out.getvalue()) - (WEBP_HEADER if kind == "WEBP" else _scan(out.getvalue()))
    return size, float(np.mean(np.square((again.astype(np.float64) - x) / 255)))


def _scan(data: bytes) -> int:
    """Bytes of a JPEG file before its scan, and its end mark."""
    start = data.index(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") + 2


def hull(points: Sequence[tuple[float, float]]) -> Curve:
    """The points that no other beats in both, rates rising."""
    best: Curve = []
    for rate, quality in sorted(points):
        if not best or quality > best[-1][1]:
            best.append((rate, quality))
    return best


def psnr_at(curve: Curve, rate: float) -> float:
    """Decibels at a rate, by interpolation over its logarithm; NaN beyond the curve."""
    rates, qualities = np.array(hull(curve)).T
    return float(PchipInterpolator(np.log(rates), qualities, extrapolate=False)(np.log(rate)))


def bd_rate(anchor: Curve, curve: Curve, *, most: float) -> float:
    """Mean difference in rate at equal quality, in per cent of the anchor's (Bjontegaard 2001, piecewise cubic as in
    VCEG-AE07), over the qualities that both reach below `most` bytes; negative is better than the anchor.
    """
    (first, first_psnr), (second, second_psnr) = (np.array(_below(c, most)).T for c in (anchor, curve))
    low, high = max(first_psnr[0], second_psnr[0]), min(first_psnr[-1], second_psnr[-1])
    if not low < high:
        return float("nan")
    areas = [
        PchipInterpolator(q, np.log(r)).integrate(low, high) for r, q in ((first, first_psnr), (second, second_psnr))
    ]
    return 100 * float(np.exp((areas[1] - areas[0]) / (high - low)) - 1)


def _below(curve: Curve, most: float) -> Curve:
    return [point for point in hull(curve) if point[0] <= most]
