"""The report: one HTML file with everything inside it, for any screen and for paper."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import Any

from latentarium.errors import invalid
from latentarium.measures.findings import Finding, findings
from latentarium.measures.score import Score, format_p, format_value
from latentarium.measures.suite import FAMILIES, Family, Measurements

HEADLINES = (
    "negative_elbo", "bits_per_dimension", "psnr", "active_units", "straightness", "infom", "coverage",
    "probe_accuracy", "rate", "distortion", "mse", "ssim", "aggregated_posterior_mmd",
)  # fmt: skip
_MOST_TILES = 8
_ARROWS: Mapping[str, str] = {
    "higher": '<span role="img" title="higher is better" aria-label="higher is better">↑</span>',
    "lower": '<span role="img" title="lower is better" aria-label="lower is better">↓</span>',
    "neither": "",
}


@dataclass(frozen=True, kw_only=True)
class Section:
    """One titled part of the report: a sentence, and pictures with captions.

    A picture is the bytes of a PNG file, or SVG text whose colours follow the page.
    """

    title: str
    caption: str = ""
    pictures: Sequence[tuple[str, bytes | str]] = ()


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """What a report shows.

    Parameters
    ----------
    title, subtitle : of the page
    facts : pairs such as ("latent size", "32"), shown under the title
    measurements : scores, and what was skipped
    sections : pictures in the order to be shown
    exhibits : pictures that belong to the scores of a family, by the family's title: (words, picture)
    notes : warnings and alarms, in words
    command : how to make the report's subject again
    settings : the full configuration, JSON-ready, folded away
    headlines : names of the scores shown large; those present among the usual ones where empty
    version : of the software, for the foot
    """

    title: str
    measurements: Measurements
    subtitle: str = ""
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()
    exhibits: Mapping[str, Sequence[tuple[str, bytes | str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, bytes | str]]]
    )
    notes: Sequence[str] = ()
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headlines: Sequence[str] = ()
    version: str = ""


def render_report(content: ReportContent) -> str:
    """The report as the text of one HTML file; it loads nothing from elsewhere and runs no script.

    Raises
    ------
    InvalidInput
        When a picture is neither PNG bytes nor SVG text.

    Examples
    --------
    >>> empty = Measurements(scores={}, skipped={"rate": "the space has no posterior"}, seconds={})
    >>> "the space has no posterior" in render_report(ReportContent(title="t", measurements=empty))
    True
    """
    parts = (
        _head(content),
        _findings(content.measurements),
        _tiles(content),
        *(section_html(section) for section in content.sections),
        *(_family(family, content) for family in FAMILIES),
        _skipped(content.measurements),
        _again(content),
    )
    return html_page(content.title, "".join(parts), version=content.version)


def html_page(title: str, body: str, *, version: str) -> str:
    """`body` as one HTML file with the report's looks."""
    style = resources.files("latentarium.measures").joinpath("report.css").read_text(encoding="utf-8")
    foot = f"<footer>Made by Latentarium {escape(version)}".rstrip() + "</footer>"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}{foot}\n</main>\n</body>\n</html>\n"
    )


def numbers_html(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A part of a page with a table of plain words and numbers.

    Examples
    --------
    >>> "<tr><td>a &amp; b</td><td>1</td></tr>" in numbers_html(["name", "value"], [("a & b", 1)])
    True
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<section><h2>In numbers</h2><div class="scroll">{table}</div></section>\n'


def _head(content: ReportContent) -> str:
    lead = f'<p class="lead">{escape(content.subtitle)}</p>' if content.subtitle else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in content.notes)
    return (
        f"<header><h1>{escape(content.title)}</h1>{lead}"
        + facts_html(content.facts)
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
        + "</header>\n"
    )


def facts_html(facts: Sequence[tuple[str, str]]) -> str:
    """Pairs of words, such as ("latent size", "32"), under a title."""
    shown = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts)
    return f'<dl class="facts">{shown}</dl>' if shown else ""


def _tiles(content: ReportContent) -> str:
    scores = content.measurements.scores
    wanted = content.headlines or HEADLINES
    shown = [scores[name] for name in wanted if name in scores][:_MOST_TILES]
    if not shown:
        return ""
    tiles = "".join(_tile(score) for score in shown)
    about = "Each with its 95 % interval over the measured rows; an arrow says which way is better."
    return f'<section><h2>At a glance</h2><p class="caption">{about}</p><div class="tiles">{tiles}</div></section>\n'


def _tile(score: Score) -> str:
    better = _ARROWS[score.direction]
    unit = f" <small>{escape(score.unit)}</small>" if score.unit else ""
    return (
        f'<div class="tile"><p class="name">{escape(readable(score.name))}{better}</p>'
        f'<p class="value">{format_value(score.value)}{unit}</p>'
        f'<p class="interval">{_interval(score)}</p><p class="meaning">{escape(score.meaning)}</p></div>'
    )


def section_html(section: Section) -> str:
    """A titled part of a page: a sentence and pictures."""
    caption = f'<p class="caption">{escape(section.caption)}</p>' if section.caption else ""
    figures = "".join(f'<div class="card">{_figure(words, picture)}</div>' for words, picture in section.pictures)
    layout = "cards" if len(section.pictures) > 1 else "single"
    return f'<section><h2>{escape(section.title)}</h2>{caption}<div class="{layout}">{figures}</div></section>\n'


def _figure(words: str, picture: bytes | str) -> str:
    caption = f"<figcaption>{escape(words)}</figcaption>" if words else ""
    if isinstance(picture, str):
        if not picture.startswith("<svg") or "<script" in picture:
            raise invalid("picture", "PNG bytes or SVG text without scripts", picture[:40])
        inline = picture.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)
        return f"<figure>{inline}{caption}</figure>"
    if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
        raise invalid("picture", "PNG bytes or SVG text", picture[:8])
    data = base64.b64encode(picture).decode("ascii")
    width = int.from_bytes(picture[16:20], "big")
    height = int.from_bytes(picture[20:24], "big")
    # a small sheet grows to at most one and a half times its size, so that its pixels stay crisp
    size = f'width="{width}" height="{height}" style="max-width:{1.5 * width:.0f}px"'
    image = f'<img {size} alt="{escape(words)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}{caption}</figure>"


def _findings(measurements: Measurements) -> str:
    """What stands out, in words; or that nothing does, and how many scores were looked at."""
    if not measurements.scores:
        return ""
    found = findings(measurements.scores)
    if not found:
        words = f"None of the known troubles shows in these {len(measurements.scores)} scores."
        return f'<section><h2>Troubles</h2><p class="clear">{words}</p></section>\n'
    items = "".join(_finding(finding) for finding in found)
    return f'<section><h2>Troubles</h2><ul class="findings">{items}</ul></section>\n'


def _finding(finding: Finding) -> str:
    behind = ", ".join(f"<code>{escape(name)}</code>" for name in finding.scores)
    return (
        f"<li><strong>{escape(readable(finding.trouble))}</strong><span>{escape(finding.words)}</span>"
        f'<span class="advice">{escape(finding.advice)} <small>Seen in {behind}.</small></span></li>'
    )


def _family(family: Family, content: ReportContent) -> str:
    """The scores of one family with the pictures that show them; nothing where none was taken."""
    scores = content.measurements.scores
    taken = [scores[entry.name] for entry in family.entries if entry.name in scores]
    if not taken:
        return ""
    pieces = content.exhibits.get(family.title, ())
    cards = "".join(f'<div class="card">{_figure(words, picture)}</div>' for words, picture in pieces)
    shown = f'<div class="cards">{cards}</div>' if cards else ""
    return (
        f'<section><h2>{escape(family.title)}</h2><p class="caption">{escape(family.about)}</p>'
        f"{shown}{scores_html(taken)}</section>\n"
    )


def scores_html(scores: Sequence[Score]) -> str:
    """A part of a page with a table of scores, each with what it is to be read by."""
    rows = "".join(_score_row(score) for score in scores)
    heads = (
        "<th>measure</th><th class='number'>value</th><th class='number'>95 % interval</th>"
        "<th class='number'>to compare with</th><th class='number'>rows</th>"
        "<th>says, and misleads when</th>"
    )
    return (
        '<div class="card scroll"><table class="scores">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _score_row(score: Score) -> str:
    unit = f' <span class="unit">{escape(score.unit)}</span>' if score.unit else ""
    return (
        f"<tr><td><code>{escape(score.name)}</code></td>"
        f'<td class="number">{format_value(score.value)}{unit}{_arrow(score)}</td>'
        f'<td class="number optional">{_interval(score)}</td><td class="number optional">{_yardstick(score)}</td>'
        f'<td class="number optional rows">{score.n:,}</td>'
        f'<td class="words">{escape(score.meaning)} <em>{escape(score.misleads)}</em>{_origin(score)}</td></tr>'
    )


def _origin(score: Score) -> str:
    """How the interval came about; nothing for a score stored before it said so."""
    return f" <small>Interval: {escape(score.resampling)}.</small>" if score.resampling else ""


def _arrow(score: Score) -> str:
    mark = _ARROWS[score.direction]
    return f"&nbsp;{mark}" if mark else ""


def _yardstick(score: Score) -> str:
    """What the value is to be held against: the same between real rows, or chance, with p where rows were shuffled."""
    real = score.settings.get("real_against_real")
    if isinstance(real, int | float):
        return f"{format_value(real)} real rows"
    if score.chance is None:
        return ""
    p = f", p {escape(format_p(score.p_value))} of {score.permutations:,} shuffles" if score.permutations else ""
    return f"{format_value(score.chance)} chance{p}"


def _skipped(measurements: Measurements) -> str:
    if not measurements.skipped:
        return ""
    items = "".join(
        f"<li>{', '.join(f'<code>{escape(name)}</code>' for name in names)}: {escape(why)}</li>"
        for why, names in by_reason(measurements.skipped).items()
    )
    return f'<section><h2>Not measured</h2><div class="card"><ul class="plain">{items}</ul></div></section>\n'


def by_reason(skipped: Mapping[str, str]) -> dict[str, list[str]]:
    """Names of the skipped measures by why they were skipped.

    Examples
    --------
    >>> by_reason({"rate": "no posterior", "mig": "no factors", "sap": "no factors"})
    {'no posterior': ['rate'], 'no factors': ['mig', 'sap']}
    """
    reasons: dict[str, list[str]] = {}
    for name, why in skipped.items():
        reasons.setdefault(why, []).append(name)
    return reasons


def _again(content: ReportContent) -> str:
    if not content.command and not content.settings:
        return ""
    command = f"<pre>{escape(content.command)}</pre>" if content.command else ""
    settings = ""
    if content.settings:
        listing = escape(json.dumps(dict(content.settings), indent=2, ensure_ascii=False, default=str))
        settings = f"<details><summary>All settings</summary><pre>{listing}</pre></details>"
    return f'<section><h2>How to make this again</h2><div class="card">{command}{settings}</div></section>\n'


def _interval(score: Score) -> str:
    low, high = score.interval
    return f"{format_value(low)} to {format_value(high)}"


def readable(name: str) -> str:
    """A measure's name as words.

    Examples
    --------
    >>> readable("negative_elbo"), readable("active_units")
    ('Negative ELBO', 'Active units')
    """
    words = name.replace("_", " ")
    words = words[:1].upper() + words[1:]
    for short in ("elbo", "mse", "psnr", "ssim", "mmd", "kl"):
        words = " ".join(short.upper() if word.lower() == short else word for word in words.split(" "))
    return words
