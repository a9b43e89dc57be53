"""`search`: rows like others, and the one that does not belong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentarium import pictures
from latentarium.applications.recipe_files import command_text
from latentarium.arrays import check_positive_int
from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import PICTURES, bold, check_ending, command_line, emit, plain, say, spare, write_picture
from latentarium.data import SentenceModality, TextModality
from latentarium.data.modalities import ImageModality
from latentarium.errors import InvalidInput, invalid


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What to look for: ids or numbers of rows, or data; how many, which and how."""

    query: Sequence[str]
    n: int
    where: Sequence[str]
    store: str
    out: Path | None

    @property
    def data(self) -> str | None:
        """One file, whose rows are looked for each by itself; None where rows or several files were named."""
        named = len(self.query) == 1 and self.query[0] != "" and Path(self.query[0]).exists()
        return self.query[0] if named else None


MOST_QUERIES = 100
SHOWN = 20
"""Rows that are listed of those among which one does not belong, where there are more."""


def run_search(path: Path, request: SearchRequest, *, odd: bool, as_json: bool) -> None:
    """More like these, or the odd one out."""
    check_positive_int(request.n, "-n", high=10_000)
    check_ending(request.out, tuple(PICTURES))
    spare([request.out or _sheet(path)], path, *request.query)
    bundle = open_bundle(path)
    if odd:
        return _odd_one_out(bundle, request, as_json=as_json)
    if request.data is not None:
        return _like_new(bundle, request, request.data, as_json=as_json)
    if isinstance(bundle.modality, SentenceModality | TextModality) and not _names_rows(bundle, request.query):
        return _like_text(bundle, request, " ".join(request.query), as_json=as_json)
    _like_these(bundle, request, as_json=as_json)


def _like_these(bundle: Bundle, request: SearchRequest, *, as_json: bool) -> None:
    """Rows near the middle of several, which may lie in files."""
    from latentarium.applications.given import given_rows
    from latentarium.applications.search import more_like
    from latentarium.applications.search.rows import shown_rows

    given = given_rows(bundle, request.query)
    own = given.numbers[~given.new].tolist()
    hits = more_like(bundle, own, codes=given.codes, count=request.n, where=request.where, store=request.store)
    found = [int(n) for n in hits.numbers[0] if n >= 0]
    target, which = None, ""
    if isinstance(bundle.modality, ImageModality):
        x, which = shown_rows(bundle, [*own, *found])
        target = request.out or _sheet(bundle.path)
        sheet = pictures.query_sheet(given.shown(bundle), x[len(own) :])
        write_picture(sheet, target, text=_text(bundle, request))
    for note in given.notes:
        say(note)
    result = {
        "bundle": str(bundle.path),
        "query": list(given.ids),
        "hits": hits.to_json(bundle)[0],
        "way": hits.way,
        "out": None if target is None else str(target),
    }
    words = _listed(result["hits"]) + (f"\nsheet of {which}: {bold(target)}" if target else "")
    emit(result, as_json=as_json, words=words)


def _sheet(path: Path) -> Path:
    return Path(f"{path.resolve().name}-like.png")


def _text(bundle: Bundle, request: SearchRequest) -> str:
    """What a sheet says of how it was made."""
    settings = {"query": list(request.query), "n": request.n, "where": list(request.where), "store": request.store}
    return command_text("search", bundle, settings, command=command_line())


def _names_rows(bundle: Bundle, query: Sequence[str]) -> bool:
    return all(name.isdigit() or name in bundle.ids for name in query)


def _like_text(bundle: Bundle, request: SearchRequest, text: str, *, as_json: bool) -> None:
    """Neighbours of a text that the space's encoder gives a vector."""
    from latentarium.applications.search import search_rows

    if not text.strip():
        raise InvalidInput("QUERY must be rows, a file or a text, got an empty one")
    modality: Any = bundle.modality
    codes = bundle.space.encode(modality.to_array(modality.parse([text])))
    hits = search_rows(bundle, codes, count=request.n, where=request.where, store=request.store)
    found = hits.to_json(bundle)[0]
    result = {"bundle": str(bundle.path), "query": [text], "hits": found, "way": hits.way, "out": None}
    emit(result, as_json=as_json, words=_listed(found))


def _listed(hits: Sequence[Mapping[str, Any]]) -> str:
    """A line for each hit: distance, id, labels."""
    rows = [[plain(str(value)) for name, value in hit.items() if name != "distance"] for hit in hits]
    return "\n".join(f"{hit['distance']:8.3f}  {'  '.join(row)}" for hit, row in zip(hits, rows, strict=True))


def _like_new(bundle: Bundle, request: SearchRequest, data: str, *, as_json: bool) -> None:
    """Each new row's neighbours among the rows of the bundle."""
    from latentarium.applications.search import search_rows
    from latentarium.applications.search.rows import shown_rows
    from latentarium.data import open_like

    rows = open_like(data, bundle.modality)
    for note in rows.notes:
        say(note)
    if len(rows) > MOST_QUERIES:
        raise invalid("QUERY", f"at most {MOST_QUERIES} rows of new data", len(rows), "search for a few of them")
    x = rows.array()
    hits = search_rows(bundle, bundle.space.encode(x), count=request.n, where=request.where, store=request.store)
    target = None
    if isinstance(bundle.modality, ImageModality):
        beside = [shown_rows(bundle, row[row >= 0])[0] for row in hits.numbers]
        lines = [np.concatenate([x[i : i + 1], near]) for i, near in enumerate(beside)]
        target = request.out or _sheet(bundle.path)
        sheet = pictures.sheet(np.concatenate(lines), columns=len(lines[0]))
        write_picture(sheet, target, text=_text(bundle, request))
    found = hits.to_json(bundle)
    result = {
        "bundle": str(bundle.path),
        "data": data,
        "hits": dict(zip(rows.ids.tolist(), found, strict=True)),
        "way": hits.way,
        "out": None if target is None else str(target),
    }
    lines = [f"{name}: {', '.join(hit['id'] for hit in near)}" for name, near in zip(rows.ids, found, strict=True)]
    emit(result, as_json=as_json, words=plain("\n".join(lines)) + (f"\nsheet: {bold(target)}" if target else ""))


def _odd_one_out(bundle: Bundle, request: SearchRequest, *, as_json: bool) -> None:
    from latentarium.applications.given import given_rows
    from latentarium.applications.search import odd_one_out
    from latentarium.applications.search.exact import MOST_COMPARED

    if request.where:
        raise InvalidInput("--odd-one-out compares the given rows alone; leave --where out")
    if request.data is not None:
        from latentarium.data import open_like

        rows = open_like(request.data, bundle.modality)
        notes, names, codes = rows.notes, rows.ids, bundle.space.encode(rows.array(slice(MOST_COMPARED + 1)))
    else:
        given = given_rows(bundle, request.query)
        twice = [name for at, name in enumerate(given.ids) if name in given.ids[:at]]
        if twice:
            raise invalid("QUERY", "every row once", twice[0])
        notes, names, codes = given.notes, np.array(given.ids), given.codes
    odd, apart = odd_one_out(codes)
    for note in notes:
        say(note)
    distances = {str(name): float(d) for name, d in zip(names, apart)}
    result = {"bundle": str(bundle.path), "odd": str(names[odd]), "mean_distances": distances}
    shown = [*distances] if len(distances) <= SHOWN else sorted(distances, key=lambda name: -distances[name])[:SHOWN]
    remarks = {str(names[odd]): "  does not belong"}
    lines = [f"{distances[name]:8.3f}  {plain(name)}{remarks.get(name, '')}" for name in shown]
    rest = len(distances) - len(shown)
    words = f"the {len(shown)} that lie farthest from the others; {rest} lie nearer\n" if rest else ""
    emit(result, as_json=as_json, words=words + "\n".join(lines))
