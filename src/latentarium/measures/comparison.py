"""Two sheets side by side: which differences between two spaces are more than chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from latentarium.measures.report import html_page, numbers_html, scores_html
from latentarium.measures.score import Score, format_p, format_value
from latentarium.measures.suite import FAMILIES, Measurements

LEVEL = 0.05
_HALF_WIDTHS = 2 * 1.959964
Verdict = Literal["first", "second", "neither"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One measure of two spaces.

    Parameters
    ----------
    name : of the measure
    first, second : its scores
    p : two-sided probability of a difference this large by chance, corrected for the number of measures compared; None
        where the values differ and neither has an interval of any width, so that nothing says what chance could do
    better : "first" or "second" where the difference is significant and the measure has a better side
    """

    name: str
    first: Score
    second: Score
    p: float | None
    better: Verdict

    @property
    def gap(self) -> float:
        """second - first."""
        return self.second.value - self.first.value

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "first": self.first.value,
            "second": self.second.value,
            "difference": self.gap,
            "p": self.p,
            "better": self.better,
            "direction": self.first.direction,
            "unit": self.first.unit,
        }

    def __str__(self) -> str:
        return f"{self.name}: {format_value(self.first.value)} against {format_value(self.second.value)}"


def compare(first: Measurements, second: Measurements) -> list[Difference]:
    """The measures that both sheets have, in the first's order.

    The standard error of a score is its 95 % interval over 2 x 1.96, and the two count as independent. Scores of the
    same rows rise and fall together, so that the test errs on the side of finding no difference. Holm's correction
    (1979) keeps the chance of any false finding at 5 %. Scores whose intervals have no width on either side, as counts
    may have, are not tested.

    Examples
    --------
    >>> half = lambda v: Score(name="mse", value=v, interval=(v - 0.01, v + 0.01), n=100, direction="lower")
    >>> sheets = [Measurements(scores={"mse": half(v)}, skipped={}, seconds={}) for v in (0.2, 0.3)]
    >>> compare(*sheets)[0].better
    'first'
    """
    shared = [name for name in first.scores if name in second.scores]
    found = {name: _p_value(first.scores[name], second.scores[name]) for name in shared}
    corrected = _holm({name: p for name, p in found.items() if p is not None})
    return [_difference(name, first.scores[name], second.scores[name], corrected.get(name)) for name in shared]


def _difference(name: str, first: Score, second: Score, p: float | None) -> Difference:
    better: Verdict = "neither"
    if p is not None and p < LEVEL and first.direction != "neither":
        higher = second.value > first.value
        better = "second" if higher == (first.direction == "higher") else "first"
    return Difference(name=name, first=first, second=second, p=p, better=better)


def _p_value(first: Score, second: Score) -> float | None:
    widths = [(score.interval[1] - score.interval[0]) / _HALF_WIDTHS for score in (first, second)]
    gap, error = abs(second.value - first.value), math.hypot(*widths)
    if gap == 0:
        return 1.0
    # an interval without width comes of too few rows or of counts, not of certainty: nothing to hold the gap against
    return math.erfc(gap / error / math.sqrt(2)) if error > 0 else None


def _holm(raw: Mapping[str, float]) -> dict[str, float]:
    """Each p times the number of hypotheses not yet rejected, never falling along the sorted list."""
    corrected: dict[str, float] = {}
    worst = 0.0
    for rank, name in enumerate(sorted(raw, key=lambda key: raw[key])):
        worst = max(worst, min(1.0, raw[name] * (len(raw) - rank)))
        corrected[name] = worst
    return corrected


def render_comparison(names: tuple[str, str], differences: Sequence[Difference], *, rows: str, version: str) -> str:
    """The comparison as the text of one HTML file, grouped as the sheet is; significant differences are marked."""
    wins = [sum(d.better == side for d in differences) for side in ("first", "second")]
    lead = (
        f"Measured on {rows}. Of {len(differences)} shared scores {names[0]} is better in {wins[0]}, {names[1]} in "
        f"{wins[1]}; the rest do not differ beyond chance or have no better side."
    )
    by_name = {d.name: d for d in differences}
    groups = [(family, [by_name[e.name] for e in family.entries if e.name in by_name]) for family in FAMILIES]
    tables = "".join(
        f'<section><h2>{escape(family.title)}</h2><p class="caption">{escape(family.about)}</p>'
        f"{_table(names, members)}</section>"
        for family, members in groups
        if members
    )
    note = (
        '<p class="caption">p is two-sided, from the 95 % intervals, with Holm&#x27;s correction; both spaces saw the '
        "same rows, which makes the test cautious. A score whose intervals have no width is not tested.</p>"
    )
    title = f"{names[0]} and {names[1]}"
    body = f'<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>{tables}{note}'
    return html_page(title, body, version=version)


def render_agreement(names: Sequence[str], scores: Sequence[Score], *, rows: str, version: str) -> str:
    """What several fits of the same rows have in common, as the text of one HTML file; `udr` has a line a fit."""
    title = f"{', '.join(names[:-1])} and {names[-1]}"
    lead = f"Measured on {rows}: do these {len(names)} spaces find the same latent dimensions?"
    parts = {score.name: score.parts for score in scores}["udr"]
    lines = zip(names, map(format_value, parts["udr"]), map(format_value, parts["dimensions"]), strict=True)
    body = (
        f'<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>'
        f"<section>{scores_html(scores)}</section>"
        + numbers_html(["space", "UDR with the others", "dimensions in use"], lines)
    )
    return html_page(title, body, version=version)


def _table(names: tuple[str, str], differences: Sequence[Difference]) -> str:
    heads = "".join(f"<th class='number'>{escape(name)}</th>" for name in names)
    rows = "".join(_row(difference) for difference in differences)
    return (
        f'<div class="card scroll"><table class="scores"><thead><tr><th>measure</th>{heads}'
        "<th class='number'>difference</th><th class='number'>p</th><th>better side</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(found: Difference) -> str:
    cells = [
        f'<td class="number{" best" if found.better == side else ""}">{format_value(score.value)}'
        f" <small>[{format_value(score.interval[0])}, {format_value(score.interval[1])}]</small></td>"
        for side, score in (("first", found.first), ("second", found.second))
    ]
    unit = f' <span class="unit">{escape(found.first.unit)}</span>' if found.first.unit else ""
    return (
        f"<tr><td><code>{escape(found.name)}</code>{unit}</td>{''.join(cells)}"
        f'<td class="number">{format_value(found.gap)}</td><td class="number">{escape(format_p(found.p))}</td>'
        f"<td>{found.first.direction}</td></tr>"
    )
