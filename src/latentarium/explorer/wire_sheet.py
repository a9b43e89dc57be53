"""What the page reads of a report: the types of report.json, from which its TypeScript is made."""

from typing import Literal

from latentarium.explorer.wire import Wire


class Part(Wire):
    """One class or dimension behind a score: its name, its number, and what it scores by itself."""

    name: str
    index: int
    value: float


class Behind(Wire):
    """What a score rests on, what to look at first in front.

    Of `errors` the rows that are reconstructed worst, of `codes` those whose codes lie farthest out; of `classes` and
    of `dimensions` of the basis the parts, with what their values are in words.
    """

    kind: Literal["errors", "codes", "classes", "dimensions"]
    words: str
    basis: str | None
    parts: list[Part]


class ReportScore(Wire):
    """One score of the report; `family` is the title of its group."""

    name: str
    title: str
    value: float | None
    shown: str
    unit: str
    interval: str
    direction: Literal["higher", "lower", "neither"]
    n: int
    meaning: str
    misleads: str
    headline: bool
    family: str
    behind: Behind | None


class ReportFinding(Wire):
    """Something that stands out, in words, and the names of the scores that show it."""

    title: str
    words: str
    advice: str
    scores: list[str]


class ReportFamily(Wire):
    """A group of scores and what they say together."""

    title: str
    about: str


class Report(Wire):
    """report.json: the scores of the bundle's spec sheet."""

    rows: str
    families: list[ReportFamily]
    scores: list[ReportScore]
    findings: list[ReportFinding]
