"""`measure`: every measure that a space's capabilities allow, in one pass over the rows."""

import dataclasses
import difflib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from latentarium.arrays import check_positive_int
from latentarium.data.factors import FactorSource
from latentarium.errors import LatentariumError, invalid
from latentarium.measures import (
    compactness,
    curvature,
    dependence,
    disentanglement,
    information,
    interpretability,
    intrinsic,
    music,
    prior_match,
    realism,
    reconstruction,
    samples,
    smoothness,
)
from latentarium.measures.entry import Entry
from latentarium.measures.evidence import Beside, Evidence, Factors
from latentarium.measures.nulls import null_of, orders
from latentarium.measures.score import Score, format_value, score_row
from latentarium.space import LatentSpace


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Scores by name, and which measures were skipped and why; `seconds` is the time each score took."""

    scores: Mapping[str, Score]
    skipped: Mapping[str, str]
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return {
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "skipped": dict(self.skipped),
            "seconds": dict(self.seconds),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Measurements":
        """Rebuild what `to_json` gave."""
        scores = {name: Score.from_json(score) for name, score in stored["scores"].items()}
        return cls(scores=scores, skipped=dict(stored["skipped"]), seconds=dict(stored["seconds"]))

    def frame(self) -> Any:
        """A pandas DataFrame with one row a score."""
        import pandas as pd

        columns = ["name", "value", "low", "high", "n", "direction", "unit"]
        return pd.DataFrame([score_row(score) for score in self.scores.values()], columns=columns).set_index("name")

    def _repr_html_(self) -> str:
        rows = "".join(_html_row(score) for score in self.scores.values())
        heads = "".join(f"<th>{h}</th>" for h in ("measure", "value", "interval", "n", "better"))
        skipped = "".join(f"<li>{escape(k)}: {escape(why)}</li>" for k, why in self.skipped.items())
        tail = f"<p>Skipped:</p><ul>{skipped}</ul>" if skipped else ""
        return f"<table><tr>{heads}</tr>{rows}</table>{tail}"


@dataclass(frozen=True)
class Family:
    """Measures of one virtue, as the sheet groups them."""

    title: str
    about: str
    entries: tuple[Entry, ...]


FAMILIES: tuple[Family, ...] = (
    Family(
        "Reconstruction and information",
        "What a code keeps of its row, and what it costs to send.",
        (*information.ENTRIES, *reconstruction.ENTRIES, *music.ENTRIES, *prior_match.ENTRIES, *dependence.ENTRIES),
    ),
    Family(
        "Smoothness",
        "Whether a small step through the space is a small change of the data, and equal steps equal changes.",
        (*smoothness.ENTRIES, *curvature.ENTRIES, *realism.ENTRIES),
    ),
    Family(
        "Disentanglement",
        "Whether each known factor of variation has a latent of its own.",
        disentanglement.ENTRIES,
    ),
    Family(
        "Compactness",
        "How many dimensions the codes use, and how many they would need.",
        (*compactness.ENTRIES, *intrinsic.ENTRIES),
    ),
    Family(
        "Coverage and collapse",
        "Whether samples show everything the data hold, look like them, and copy none of them.",
        samples.ENTRIES,
    ),
    Family(
        "Interpretability",
        "What can be read off the codes, and what edits along a direction do.",
        interpretability.ENTRIES,
    ),
)
_SUITE: tuple[Entry, ...] = tuple(entry for family in FAMILIES for entry in family.entries)
MEASURES: tuple[str, ...] = tuple(entry.name for entry in _SUITE)


Progress = Callable[[str, int, int], None]


class Options(TypedDict, total=False):
    """How `measure` runs."""

    seed: int
    only: Iterable[str] | None
    nulls: int
    features: samples.Choice
    source: FactorSource | None
    progress: Progress | None


def measure(
    space: LatentSpace,
    x: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    factors: Factors | None = None,
    reference: ArrayLike | None = None,
    **options: Unpack[Options],
) -> Measurements:
    """Run the measures that `space` is capable of on the rows `x`; say which were skipped and why.

    Parameters
    ----------
    space : any latent space
    x : (n, *data_shape) in array units, or raw uint8 images where the space knows its modality
    labels : (n,) classes, for the measures that use them
    factors : true factors of variation, (n, k) or columns by name: whole numbers for the levels of a factor or
        floats for a continuous one
    reference : (m, *data_shape) rows that the space was trained on: what samples must not copy
    options : seed (equal seeds give equal scores, 0 where left out), only (names from `MEASURES`; all of them where
        None), nulls (shuffles of whole rows of labels and factors behind a permutation p for every score that relates
        codes to them; each costs these scores once more; 0 where left out), features (what samples and real rows are
        compared in: None for principal components of the data, "codes" for the space's own encoder, or any function of
        rows, named by a `FeatureMap`), source (what renders such rows from factors, as `data.factors.sprites()`: scores
        that hold a factor fixed then render their batches), progress (called with (what, done, total) before each
        measure and each shuffle)

    Raises
    ------
    InvalidInput
        When `x` does not fit the space, labels do not align, or a name in `only` is unknown.

    Examples
    --------
    >>> half = LatentSpace(name="half", shape=(2,), data_shape=(2,), encode_fn=lambda x: x / 2,
    ...                    decode_fn=lambda z: 2 * z)
    >>> found = measure(half, [[1.0, 1.0], [1.0, 1.0]])
    >>> found.scores["mse"].value, found.skipped["rate"]
    (0.0, 'the space has no posterior')
    """
    beside = Beside.of(labels=labels, factors=factors)
    evidence = dataclasses.replace(
        Evidence.of(space, x, seed=options.get("seed", 0), beside=beside, reference=reference),
        features=samples.chosen_features(space, options.get("features")),
        source=_checked_source(space, options.get("source")),
    )
    entries, tell = _wanted(options.get("only")), options.get("progress") or _unheard
    nulls = check_positive_int(options.get("nulls", 0), "nulls", low=0, high=10**6)
    total = len(entries) + nulls
    scores: dict[str, Score] = {}
    skipped: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for done, entry in enumerate(entries):
        tell(entry.name, done, total)
        began = time.perf_counter()
        outcome = _run(entry, evidence)
        if isinstance(outcome, str):
            skipped[entry.name] = outcome
            continue
        scores[entry.name] = outcome
        seconds[entry.name] = round(time.perf_counter() - began, 4)
    found = Measurements(scores=scores, skipped=skipped, seconds=seconds)
    related = [entry for entry in entries if entry.relates and entry.name in scores]
    if not nulls or not related:
        return found
    return _with_nulls(found, evidence, related, nulls, lambda words, done: tell(words, len(entries) + done, total))


def _with_nulls(
    found: Measurements, evidence: Evidence, related: Sequence[Entry], nulls: int, tell: Callable[[str, int], None]
) -> Measurements:
    """The scores of `related` with what shuffled labels and factors score; a shuffle is one for all of them."""
    each = sum(found.seconds[entry.name] for entry in related)
    draws: dict[str, list[Score | str]] = {entry.name: [] for entry in related}
    for number, order in enumerate(orders(len(evidence.x), nulls, seed=evidence.seed)):
        tell(f"shuffle {number + 1} of {nulls}, {each:.1f} s each", number)
        began, shuffled = time.perf_counter(), evidence.shuffled(order, number + 1)
        for entry in related:
            draws[entry.name].append(_run(entry, shuffled))
        each = time.perf_counter() - began
    beside = {name: _beside_null(found.scores[name], drawn) for name, drawn in draws.items()}
    return dataclasses.replace(found, scores={**found.scores, **beside})


def _beside_null(score: Score, drawn: Sequence[Score | str]) -> Score:
    failed = next((outcome for outcome in drawn if isinstance(outcome, str)), "")
    if failed:
        return dataclasses.replace(score, settings={**score.settings, "no_null": failed})
    values = np.array([outcome.value for outcome in drawn if isinstance(outcome, Score)])
    null = null_of(score, values)
    return dataclasses.replace(score, chance=null.chance, p_value=null.p_value, permutations=len(values))


def _checked_source(space: LatentSpace, source: FactorSource | None) -> FactorSource | None:
    shape = None if source is None else (source.channels, source.size, source.size)
    if source is not None and (shape != space.data_shape or space.modality is None):
        rule = f"one that renders pictures of shape {space.data_shape} for a space that knows its modality"
        raise invalid("source", rule, f"{source.name} of {shape}")
    return source


def _unheard(what: str, done: int, total: int) -> None:
    del what, done, total


_OWNERS = {"labels": "the rows have", "factors": "the rows have", "reference": "the caller gave"}


def _run(entry: Entry, evidence: Evidence) -> Score | str:
    """The score, or why there is none."""
    missing = sorted(entry.needs - evidence.capabilities)
    if missing:
        owners = sorted({_OWNERS.get(name, "the space has") for name in missing}, reverse=True)
        return "; ".join(_lacks(owner, missing) for owner in owners)
    reason = entry.refuse(evidence)
    if reason:
        return reason
    try:
        return entry.run(evidence)
    except LatentariumError as error:
        return str(error)


def _lacks(owner: str, missing: Sequence[str]) -> str:
    names = [name for name in missing if _OWNERS.get(name, "the space has") == owner]
    return f"{owner} no {' and no '.join(names)}"


def _wanted(only: Iterable[str] | None) -> list[Entry]:
    if only is None:
        return list(_SUITE)
    names = list(only)
    unknown = sorted(set(names) - set(MEASURES))
    if unknown:
        near = [close for name in unknown for close in difflib.get_close_matches(name, MEASURES, n=2)]
        meant = f"did you mean {' or '.join(near)}?" if near else "the reference of measures lists them all"
        raise invalid("only", "names of measures, such as mse or coverage", unknown, meant)
    return [entry for entry in _SUITE if entry.name in names]


def _html_row(score: Score) -> str:
    low, high = (format_value(v) for v in score.interval)
    cells = (escape(score.name), f"{format_value(score.value)} {escape(score.unit)}", f"[{low}, {high}]", score.n)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, score.direction)) + "</tr>"
