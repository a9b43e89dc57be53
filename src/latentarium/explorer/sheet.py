"""The bundle's scores as the page shows them."""

import math

from latentarium.bundle import Bundle
from latentarium.explorer.wire import Report, ReportFinding, ReportScore
from latentarium.measures import Measurements
from latentarium.measures.report import HEADLINES, readable
from latentarium.measures.score import Score, format_value

MEASURES = "measures.json"


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
        scores=[_score(scores[name], headline=name in first) for name in names],
        findings=[
            ReportFinding(title=readable(found["trouble"]), words=found["words"], advice=found["advice"])
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
    )
