"""Pictures of a map: points coloured by label, each label written where its points are densest."""

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.pictures.images import png_bytes
from latentarium.pictures.svg import OTHER, PALETTE, document, text
from latentarium.rng import generator

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float64]
_WIDTH, _HEIGHT = 560.0, 420.0
_FONT = 15.0
_BINS = 24
_MARGIN = 14.0
_FEW = 500


@dataclass(frozen=True)
class _Tag:
    """A label on the map: its words, colour and centre in pixels of the 560 x 420 frame."""

    words: str
    colour: str
    x: float
    y: float

    @property
    def width(self) -> float:
        return 0.56 * _FONT * len(self.words) + 16


def map_plot(coordinates: ArrayLike, labels: ArrayLike | None = None, *, names: Sequence[str] | None = None) -> str:
    """A map (n, 2) as SVG text: the points as one embedded picture, the labels as text in the page's colours.

    Parameters
    ----------
    coordinates : (n, 2), drawn with equal scales on both axes
    labels : (n,) classes (at most 12 get a colour, the rarer ones are "other"), or floats for a colour scale
    names : what class i is called, where labels are integers
    """
    points, colours, tags = _prepare(coordinates, labels, names)
    raster = base64.b64encode(png_bytes(_raster(points, colours, pixels_per_unit=2))).decode("ascii")
    picture = f'<image width="{_WIDTH:g}" height="{_HEIGHT:g}" href="data:image/png;base64,{raster}"/>'
    return document(_WIDTH, _HEIGHT, f"Map of {len(points)} codes", picture + "".join(_svg_tag(t) for t in tags))


def map_image(
    coordinates: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
    theme: Literal["light", "dark"] = "light",
) -> "Image":
    """The same picture as an RGB image of 1680 x 1260 pixels on an explicit background."""
    from PIL import Image, ImageDraw, ImageFont

    paper, ink = {"light": ("#ffffff", "#1b1f24"), "dark": ("#14171a", "#e8eaed")}[theme]
    points, colours, tags = _prepare(coordinates, labels, names)
    times = 3
    canvas = Image.new("RGBA", (int(_WIDTH) * times, int(_HEIGHT) * times), paper)
    canvas.alpha_composite(_raster(points, colours, pixels_per_unit=times))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_FONT * times)
    for tag in tags:
        x, y = tag.x * times, tag.y * times
        left = x - tag.width * times / 2
        draw.circle((left + 5 * times, y), 5 * times, fill=tag.colour, outline=paper, width=times)
        draw.text(
            (left + 14 * times, y), tag.words, fill=ink, font=font, anchor="lm", stroke_width=times, stroke_fill=paper
        )
    return canvas.convert("RGB")


def _prepare(
    coordinates: ArrayLike, labels: ArrayLike | None, names: Sequence[str] | None
) -> tuple[Array, NDArray[Any], list[_Tag]]:
    points = np.asarray(coordinates, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise invalid("coordinates.shape", "(n, 2) with at least one row", points.shape)
    check_finite(points, "coordinates")
    framed = _framed(points)
    if labels is None:
        return framed, np.full(len(points), PALETTE[0]), []
    marks = np.asarray(labels)
    if marks.shape != (len(points),):
        raise invalid("labels", f"{len(points)} values, one for each point", marks.shape)
    if marks.dtype.kind == "f" and len(np.unique(marks)) > len(PALETTE):
        return framed, _shades(marks), _ends(marks)
    return _by_class(framed, marks, names)


def _by_class(
    framed: Array, marks: NDArray[Any], names: Sequence[str] | None
) -> tuple[Array, NDArray[Any], list[_Tag]]:
    kinds, which, counts = np.unique(marks, return_inverse=True, return_counts=True)
    common = len(kinds) if len(kinds) <= len(PALETTE) else len(PALETTE) - 1
    kept = np.sort(np.argsort(-counts, kind="stable")[:common])
    table = np.full(len(kinds), OTHER, dtype="<U7")
    table[kept] = PALETTE[: len(kept)]
    tags = [_Tag(_name(kinds[k], names), str(table[k]), *_densest(framed[which == k])) for k in kept]
    if len(kept) < len(kinds):
        tags.append(_Tag(f"{len(kinds) - len(kept)} others", OTHER, _WIDTH - 60, _HEIGHT - 14))
    return framed, table[which], _spread_out(tags)


def _name(kind: Any, names: Sequence[str] | None) -> str:
    if names is not None and isinstance(kind, np.integer) and 0 <= int(kind) < len(names):
        return names[int(kind)]
    return str(kind)


def _framed(points: Array) -> Array:
    """Into the frame, equal scales, the second coordinate upwards; the farthest 0.05 % stop at its edge."""
    tail = 0.0005 if len(points) >= _FEW else 0.0
    low, high = np.quantile(points, [tail, 1 - tail], axis=0)
    room = np.array([_WIDTH, _HEIGHT]) - 2 * _MARGIN
    scale = float((room / np.maximum(high - low, 1e-12)).min())
    half = room / 2
    centred = np.clip((points - (low + high) / 2) * scale, -half, half)
    return np.stack([_WIDTH / 2 + centred[:, 0], _HEIGHT / 2 - centred[:, 1]], axis=1)


def _densest(points: Array) -> tuple[float, float]:
    counts, xs, ys = np.histogram2d(points[:, 0], points[:, 1], bins=_BINS, range=[[0, _WIDTH], [0, _HEIGHT]])
    padded = np.pad(counts, 1)
    smooth = sum(padded[i : i + _BINS, j : j + _BINS] for i in range(3) for j in range(3))
    column, row = np.unravel_index(int(np.argmax(smooth)), counts.shape)
    return float(xs[column] + xs[column + 1]) / 2, float(ys[row] + ys[row + 1]) / 2


def _spread_out(tags: list[_Tag]) -> list[_Tag]:
    """Move overlapping labels apart vertically, and all of them into the frame.

    Where a label would end up far from its points, as in a map of mixed classes, all become a legend.
    """
    y = np.array([tag.y for tag in tags])
    height = 1.35 * _FONT
    half = [min(_WIDTH / 2 - 4, tag.width / 2) for tag in tags]
    x = [float(np.clip(tag.x, h + 4, _WIDTH - h - 4)) for tag, h in zip(tags, half, strict=True)]
    for _ in range(200):
        moved = False
        for i, j in itertools.combinations(range(len(tags)), 2):
            overlap = height - abs(y[i] - y[j])
            if overlap > 0.01 and abs(x[i] - x[j]) < half[i] + half[j] + 6:
                direction = 0.5 if y[i] >= y[j] else -0.5
                y[i] += direction * overlap
                y[j] -= direction * overlap
                moved = True
        y = np.clip(y, height / 2, _HEIGHT - height / 2)
        if not moved:
            break
    if max(abs(tag.y - new) for tag, new in zip(tags, y, strict=True)) > 2 * height:
        x, y = [h + 6 for h in half], height * (0.7 + np.arange(len(tags)))
    return [_Tag(t.words, t.colour, a, float(b)) for t, a, b in zip(tags, x, y, strict=True)]


def _shades(values: NDArray[Any]) -> NDArray[Any]:
    from matplotlib import colormaps

    low, high = np.nanquantile(values, [0.01, 0.99])
    unit = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    return colormaps["viridis"](np.nan_to_num(unit))


def _ends(values: NDArray[Any]) -> list[_Tag]:
    low, high = np.nanquantile(values, [0.01, 0.99])
    return [
        _Tag(f"{low:.3g}", "#440154", 40.0, _HEIGHT - 14),
        _Tag(f"{high:.3g}", "#fde725", 120.0, _HEIGHT - 14),
    ]


def _raster(points: Array, colours: NDArray[Any], *, pixels_per_unit: int) -> "Image":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    dpi = 72 * pixels_per_unit
    figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(_HEIGHT, 0)
    # a fixed shuffle keeps the class drawn last from covering the others
    order = generator(0, len(points)).permutation(len(points))
    diameter = float(np.clip(240 / np.sqrt(len(points)), 1.5, 7.0))
    alpha = float(np.clip(75 / np.sqrt(len(points)), 0.35, 0.9))
    axes.scatter(points[order, 0], points[order, 1], c=colours[order], s=diameter**2, alpha=alpha, linewidths=0)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba()).copy())


def _svg_tag(tag: _Tag) -> str:
    left = tag.x - tag.width / 2
    halo = 'stroke="var(--surface, #fff)" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
    dot = (
        f'<circle cx="{left + 5:.1f}" cy="{tag.y:.1f}" r="5.5" fill="{tag.colour}" '
        'stroke="var(--surface, #fff)" stroke-width="2"/>'
    )
    words = text(left + 14, tag.y + _FONT * 0.35, tag.words)
    return f'<g font-size="{_FONT:g}" font-weight="600" {halo}>{words}</g>{dot}'
