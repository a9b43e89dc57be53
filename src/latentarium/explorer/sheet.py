"""The bundle's scores as the page shows them."""

import math

from latentarium.bundle import Bundle
from latentarium.explorer.behind import behind
from latentarium.explorer.wire_sheet import Report, ReportFamily, ReportFinding, ReportScore
from latentarium.measures import Measurements
from latentarium.measures.report import HEADLINES, readable
from latentarium.measures.score import Score, format_value
from latentarium.measures.suite import FAMILIES

MEASURES = "measures.json"
_FAMILY = {entry.name: family.title for family in FAMILIES for entry in family.entries}


def report(bundle: Bundle) -> Report | None:
    """The scores of measures.json, headlines first; None for a bundle that was not measured."""
    if not bundle.has(MEASURES):
        return None
    stored = bundle.json(MEASURES)
    scores = Measurements.from_json(stored).scores
    first = [name for name in HEADLINES if name in scores]
    names = [*first, *(name for name in scores if name not in first)]
    return Report(
        rows=stored.get("rows", ""),
        families=[ReportFamily(title=family.title, about=family.about) for family in FAMILIES],
        scores=[_score(scores[name], headline=name in first) for name in names],
        findings=[
            ReportFinding(
                title=readable(found["trouble"]),
                words=found["words"],
                advice=found["advice"],
                scores=[name for name in found.get("scores", ()) if name in scores],
            )
            for found in stored.get("findings", ())
        ],
    )


def _score(score: Score, *, headline: bool) -> ReportScore:
    low, high = score.interval
    return ReportScore(
        name=score.name,
        title=readable(score.name),
        value=score.value if math.isfinite(score.value) else None,
        shown=format_value(score.value),
        unit=score.unit,
        interval=f"{format_value(low)} to {format_value(high)}",
        direction=score.direction,
        n=score.n,
        meaning=score.meaning,
        misleads=score.misleads,
        headline=headline,
        family=_FAMILY.get(score.name, ""),
        behind=behind(score),
    )
