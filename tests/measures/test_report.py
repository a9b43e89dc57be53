import re
from html.parser import HTMLParser

import numpy as np
import pytest

from latentarium import pictures
from latentarium.errors import InvalidInput
from latentarium.measures import ReportContent, Section, measure, render_report

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed out of order or never."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def content(linear) -> ReportContent:
    found = measure(linear.space(), linear.rows(80))
    kl = found.scores["kl_per_dimension"].parts["kl"]
    sheet = pictures.png_bytes(pictures.sheet(np.random.default_rng(0).random((4, 1, 8, 8))))
    return ReportContent(
        title="Linear <toy>",
        measurements=found,
        facts=[("latent size", "3")],
        sections=[Section(title="Samples", pictures=[("Four draws", sheet), ("Spectrum", pictures.spectrum_plot(kl))])],
        notes=["One dimension & more collapsed."],
        command="latentarium fit toy -o toy.bundle",
        settings={"model": "vae"},
        version="0.1.0",
    )


def test_every_score_skip_fact_note_and_command_is_there(content: ReportContent) -> None:
    page = render_report(content)
    for name, score in content.measurements.scores.items():
        assert f"<code>{name}</code>" in page
        assert score.misleads.replace("'", "&#x27;") in page
    for name, why in content.measurements.skipped.items():
        assert re.search(f"<li>[^<]*(<code>\\w+</code>, )*<code>{name}</code>[^:]*: {re.escape(why)}</li>", page)
    for words in ("latent size", "One dimension &amp; more collapsed.", "toy.bundle", "Linear &lt;toy&gt;", "vae"):
        assert words in page


def test_it_stands_alone(content: ReportContent) -> None:
    page = render_report(content)
    assert "http" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_it_is_well_formed_and_the_same_each_time(content: ReportContent) -> None:
    page = render_report(content)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page == render_report(content)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_unknown_pictures_are_refused(content: ReportContent) -> None:
    for bad in (b"GIF89a", "<div>", "<svg><script>1</script></svg>"):
        with pytest.raises(InvalidInput, match="PNG bytes or SVG"):
            render_report(
                ReportContent(
                    title="t", measurements=content.measurements, sections=[Section(title="s", pictures=[("", bad)])]
                )
            )
