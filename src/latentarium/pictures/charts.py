"""Line, bar and dot charts as SVG text that follows the page's colours, light or dark."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import check_finite
from latentarium.errors import invalid
from latentarium.pictures.svg import FIRST, OTHER, PALETTE, SECOND, Panel, document, text, tick_label, ticks

Array = NDArray[np.float64]
_WIDTH, _HEIGHT = 440.0, 250.0
CARRIES = 0.01


def spectrum_plot(kl: ArrayLike, *, low: ArrayLike | None = None, high: ArrayLike | None = None) -> str:
    """KL per latent dimension in nats, sorted, as bars; `low` and `high` add intervals.

    Dimensions under 0.01 nats carry nothing and are drawn grey.
    """
    values = np.asarray(kl, np.float64).ravel()
    if not values.size or not np.isfinite(values).all():
        raise invalid("kl", "a non-empty row of finite numbers", values)
    order = np.argsort(-values, kind="stable")
    values = values[order]
    ends = [np.asarray(end, np.float64).ravel()[order] for end in (low, high) if end is not None]
    top = max(float(values.max()), *(float(end.max()) for end in ends), 1e-3) * 1.06
    panel = _panel((0.0, float(len(values))), (0.0, top), left=40)
    bars = "".join(_bar(panel, i, float(v), float(v) >= CARRIES) for i, v in enumerate(values))
    pairs = zip(*ends, strict=True) if len(ends) == 2 else ()
    whiskers = "".join(_whisker(panel, i, float(a), float(b)) for i, (a, b) in enumerate(pairs))
    carrying = int((values >= CARRIES).sum())
    note = text(_WIDTH - 8, 18, f"{carrying} of {len(values)} carry information", anchor="end")
    body = panel.grid(ticks(0, top)) + text(2, 18, "nats", faint=True) + bars + whiskers + note
    labels = panel.x_labels([], "latent dimensions, most informative first")
    return document(_WIDTH, _HEIGHT, f"KL of each latent dimension; {carrying} of {len(values)} carry", body + labels)


def history_plot(rows: Sequence[Mapping[str, Any]], *, series: Mapping[str, str], x: str = "step") -> str:
    """Training curves: `series` maps a key of the rows to its label; rows without the key are passed over.

    The first tenth of each curve may leave the top of the panel, so that the later part can be read.
    """
    lines = {label: _line(rows, x, key) for key, label in series.items()}
    lines = {label: line for label, line in lines.items() if len(line)}
    if not lines:
        raise invalid("series", f"keys of the history rows beside {x!r}", list(series))
    settled = np.concatenate([line[len(line) // 10 :, 1] for line in lines.values()])
    low, high = float(settled.min()), float(settled.max())
    pad = 0.06 * ((high - low) or abs(high) or 1.0)
    ends = np.concatenate([line[:, 0] for line in lines.values()])
    panel = _panel((float(ends.min()), float(ends.max())), (low - pad, high + pad), left=48, right=20)
    colours = (FIRST, SECOND, "var(--plot-c, #009E73)", OTHER)
    drawn, legend, at = "", "", panel.left
    for i, (label, line) in enumerate(lines.items()):
        colour = colours[i % len(colours)]
        drawn += _polyline(panel, line, colour)
        legend += f'<rect x="{at:.1f}" y="9" width="14" height="4" rx="2" fill="{colour}"/>'
        words = f"{label} {_short(float(line[-1, 1]))}"
        legend += text(at + 20, 16, words)
        at += 20 + 7.2 * len(words) + 16
    body = panel.grid(ticks(low - pad, high + pad)) + drawn + legend
    steps = ticks(*panel.x, about=5)
    return document(_WIDTH, _HEIGHT, "Training curve", body + panel.x_labels(steps, x))


def profile_plot(values: ArrayLike, *, title: str, x: str, y: str, level: float | None = None) -> str:
    """One curve over [0, 1], with a dashed line at `level`; the axis begins at 0."""
    curve = np.asarray(values, np.float64).ravel()
    if len(curve) < 2 or not np.isfinite(curve).all():
        raise invalid("values", "at least two finite numbers", curve)
    top = 1.08 * max(float(curve.max()), level or 0.0, 1e-12)
    panel = _panel((0.0, 1.0), (0.0, top), left=44, right=16)
    line = np.column_stack([np.linspace(0, 1, len(curve)), curve])
    dashes = ""
    if level is not None:
        height = f"{panel.down(level):.1f}"
        dashes = (
            f'<line x1="{panel.left}" x2="{_WIDTH - panel.right}" y1="{height}" y2="{height}" stroke="currentColor" '
            'stroke-opacity="0.5" stroke-dasharray="4 4"/>'
        )
    body = panel.grid(ticks(0, top)) + text(2, 18, y, faint=True) + dashes + _polyline(panel, line, FIRST)
    return document(_WIDTH, _HEIGHT, title, body + panel.x_labels(ticks(0, 1), x))


def feature_bars(
    x: ArrayLike,
    reconstruction: ArrayLike,
    names: Sequence[str],
    *,
    keys: tuple[str, str] = ("data", "reconstruction"),
    title: str = "Features of a row and of its reconstruction",
) -> str:
    """Pairs of values, as of a row of a table and its reconstruction: a dot for either value, joined by a line."""
    first, second = np.asarray(x, np.float64).ravel(), np.asarray(reconstruction, np.float64).ravel()
    if not len(first) == len(second) == len(names):
        raise invalid("names", f"{len(first)} names, one for each feature of both rows", len(names))
    both = np.concatenate([first, second])
    pad = 0.06 * ((float(both.max()) - float(both.min())) or 1.0)
    height = 44 + 22.0 * len(names)
    gutter = min(170.0, 14 + 7.0 * max(len(name) for name in names))
    panel = Panel(
        width=_WIDTH,
        height=height,
        left=gutter,
        right=14,
        top=26,
        bottom=18,
        y=(0, 1),
        x=(float(both.min()) - pad, float(both.max()) + pad),
    )
    rows = "".join(
        _dumbbell(panel, 40 + 22.0 * i, name, (float(a), float(b)))
        for i, (name, a, b) in enumerate(zip(names, first, second, strict=True))
    )
    second_key = gutter + 39 + 7.0 * len(keys[0])
    key = _dot(gutter + 5, 12, FIRST) + text(gutter + 15, 16, keys[0])
    key += _ring(second_key, 12) + text(second_key + 10, 16, keys[1])
    labels = "".join(
        text(panel.across(t), height - 4, tick_label(t), anchor="middle", faint=True) for t in ticks(*panel.x, about=5)
    )
    return document(_WIDTH, height, title, key + rows + labels)


def share_bars(values: ArrayLike, names: Sequence[str], *, title: str) -> str:
    """Horizontal bars from 0, one a name, in the order given."""
    sizes = np.asarray(values, np.float64).ravel()
    if not len(sizes) == len(names) > 0:
        raise invalid("names", f"{len(sizes)} names, one for each value", len(names))
    check_finite(sizes, "values")
    height = 26 + 22.0 * len(names)
    gutter = min(170.0, 14 + 7.0 * max(len(name) for name in names))
    limits = (min(0.0, float(sizes.min())), max(float(sizes.max()), 1e-12))
    panel = Panel(width=_WIDTH, height=height, left=gutter, right=54, top=8, bottom=18, y=(0, 1), x=limits)
    start = panel.across(0)
    bars = ""
    for i, (name, size) in enumerate(zip(names, sizes, strict=True)):
        y, end = 14 + 22.0 * i, panel.across(float(size))
        bars += text(gutter - 8, y + 10, name, anchor="end")
        bars += (
            f'<rect x="{min(start, end):.1f}" y="{y:.1f}" width="{abs(end - start):.1f}" height="14" fill="{FIRST}"/>'
        )
        bars += text(max(start, end) + 6, y + 11, _short(float(size)), faint=True)
    return document(_WIDTH, height, title, bars)


def curves_plot(
    curves: Mapping[str, Sequence[tuple[float, float, float, float]]], *, title: str, x: str, y: str
) -> str:
    """Lines of (x, y, low, high) by name, x on a logarithmic scale, intervals as whiskers."""
    points = [np.asarray(line, np.float64) for line in curves.values()]
    if not points or not all(line.ndim == 2 and line.shape[1] == 4 for line in points):
        raise invalid("curves", "one or more lines of (x, y, low, high)", [np.shape(line) for line in points])
    whole = np.concatenate(points)
    across, low, high = np.log10(whole[:, 0]), float(whole[:, 2].min()), float(whole[:, 3].max())
    panel = _panel((float(across.min()) - 0.1, float(across.max()) + 0.1), (low, high), left=44, right=150)
    drawn = ""
    for i, (name, line) in enumerate(zip(curves, points, strict=True)):
        colour = PALETTE[i % len(PALETTE)]
        drawn += _polyline(panel, np.column_stack([np.log10(line[:, 0]), line[:, 1]]), colour)
        for at, _, lowest, highest in line:
            left = f"{panel.across(float(np.log10(at))):.1f}"
            ends = f'y1="{panel.down(lowest):.1f}" y2="{panel.down(highest):.1f}"'
            drawn += f'<line x1="{left}" x2="{left}" {ends} stroke="{colour}" stroke-width="2"/>'
        drawn += text(_WIDTH - 142, 24 + 17 * i, name, fill=colour)
    marks = "".join(
        text(panel.across(float(np.log10(at))), _HEIGHT - 21, f"{at:g}", anchor="middle", faint=True)
        for at in np.unique(whole[:, 0])
    )
    marks += text(_WIDTH - 150, _HEIGHT - 4, x, anchor="end", faint=True)
    return document(_WIDTH, _HEIGHT, title, panel.grid(ticks(low, high)) + text(2, 18, y, faint=True) + drawn + marks)


def _panel(x: tuple[float, float], y: tuple[float, float], *, left: float, right: float = 8) -> Panel:
    return Panel(width=_WIDTH, height=_HEIGHT, left=left, right=right, top=30, bottom=38, x=x, y=y)


def _bar(panel: Panel, at: int, value: float, carries: bool) -> str:
    pitch = panel.across(1) - panel.across(0)
    width = max(pitch * 0.78, 0.5)
    left, top = panel.across(at) + (pitch - width) / 2, panel.down(max(value, 0))
    tall = max(panel.down(0) - top, 1.0)
    fill = FIRST if carries else OTHER
    radius = min(2.0, width / 2, tall / 2)
    return (
        f'<rect x="{left:.2f}" y="{panel.down(0) - tall:.2f}" width="{width:.2f}" height="{tall:.2f}" '
        f'rx="{radius:.1f}" fill="{fill}"><title>{tick_label(round(value, 4))} nats</title></rect>'
    )


def _whisker(panel: Panel, at: int, low: float, high: float) -> str:
    middle = panel.across(at + 0.5)
    return (
        f'<line x1="{middle:.2f}" x2="{middle:.2f}" y1="{panel.down(low):.2f}" y2="{panel.down(high):.2f}" '
        'stroke="currentColor" stroke-opacity="0.7" stroke-width="1"/>'
    )


def _line(rows: Sequence[Mapping[str, Any]], x: str, key: str) -> Array:
    pairs = [(float(r[x]), float(r[key])) for r in rows if r.get(x) is not None and r.get(key) is not None]
    table = np.array(pairs, np.float64).reshape(-1, 2)
    return table[np.isfinite(table).all(1)]


def _polyline(panel: Panel, line: Array, colour: str) -> str:
    above = line[:, 1] > panel.y[1]
    line = line[max(0, int(np.argmin(above)) - 1) :]
    stride = max(1, len(line) // 600)
    kept = np.concatenate([line[:-1:stride], line[-1:]])
    points = " ".join(f"{panel.across(a):.1f},{panel.down(min(b, panel.y[1])):.1f}" for a, b in kept.tolist())
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _dumbbell(panel: Panel, y: float, name: str, values: tuple[float, float]) -> str:
    a, b = panel.across(values[0]), panel.across(values[1])
    shown = name if len(name) <= 24 else name[:23] + "…"
    join = f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}" stroke="currentColor" stroke-opacity="0.3"/>'
    return text(panel.left - 8, y + 4, shown, anchor="end", faint=True) + join + _ring(b, y) + _dot(a, y, FIRST)


def _dot(x: float, y: float, fill: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}"/>'


def _ring(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="none" stroke="{SECOND}" stroke-width="2"/>'


def _short(value: float) -> str:
    return f"{value:.4g}"
