"""The few SVG pieces that charts share: scales, ticks, text. Colours follow the page through `currentColor`."""

import math
from dataclasses import dataclass
from html import escape

PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
    "#7A5CC6", "#8C5A2B", "#DCCB2E", "#6B8E23", "#E5718A", "#3B8EA5",
)  # fmt: skip
"""Class colours: six of Okabe & Ito (2008), told apart by the colour-blind, then six more."""
OTHER = "#8A8A8A"
FIRST, SECOND = "var(--plot-a, #0072B2)", "var(--plot-b, #D55E00)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A plotting area inside an SVG: data limits to pixels."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        low, high = self.x
        span = self.width - self.left - self.right
        return self.left + span * (value - low) / ((high - low) or 1)

    def down(self, value: float) -> float:
        low, high = self.y
        span = self.height - self.top - self.bottom
        return self.height - self.bottom - span * (value - low) / ((high - low) or 1)

    def grid(self, ticks: list[float]) -> str:
        """Horizontal hairlines with their values at the left."""
        end = self.width - self.right
        return "".join(
            f'<line x1="{self.left}" x2="{end}" y1="{self.down(t):.1f}" y2="{self.down(t):.1f}" '
            f'stroke="currentColor" stroke-opacity="{0.3 if t == self.y[0] else 0.12}"/>'
            + text(self.left - 7, self.down(t) + 4, tick_label(t), anchor="end", faint=True)
            for t in ticks
        )

    def x_labels(self, ticks: list[float], title: str) -> str:
        """Values under the area, and what they are at its lower right."""
        under = self.height - self.bottom + 17
        marks = (text(self.across(t), under, tick_label(t), anchor="middle", faint=True) for t in ticks)
        return "".join(marks) + text(self.width - self.right, self.height - 4, title, anchor="end", faint=True)


def document(width: float, height: float, title: str, body: str) -> str:
    """A scalable SVG with a text alternative."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}" font-family="{FONT}" font-size="12.5">{body}</svg>'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", faint: bool = False, fill: str = "") -> str:
    """One line of text; `faint` for axes."""
    colour = fill or "currentColor"
    opacity = ' fill-opacity="0.66"' if faint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{opacity}>{escape(words)}</text>'


def ticks(low: float, high: float, *, about: int = 4) -> list[float]:
    """Round values within [low, high], in steps of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(0, 9.3)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(span / s - about))
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + i) * step, 12) for i in range(count)]


def tick_label(value: float) -> str:
    """A tick's value: thousands as k, no trailing zeros.

    Examples
    --------
    >>> [tick_label(v) for v in (0.0, 0.25, 1500.0, 20000.0)]
    ['0', '0.25', '1500', '20k']
    """
    if abs(value) >= 10_000 and value % 100 == 0:
        return f"{value / 1000:g}k"
    return f"{value:g}"
