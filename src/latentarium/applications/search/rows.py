"""Rows of a bundle found by codes: more like these, with conditions, exactly or through the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.evaluation import source_rows
from latentarium.applications.search.exact import nearest
from latentarium.applications.search.filters import allowed_rows, parse_filters
from latentarium.applications.search.store import open_store
from latentarium.bundle import Bundle
from latentarium.errors import LatentariumError, invalid

EXACT_ROWS = 1_000_000
STORES = ("auto", "exact", "lance")


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Rows found for each query.

    Parameters
    ----------
    numbers : rows of the bundle (m, count), nearest first; -1 where there were too few
    distances : between codes, (m, count)
    way : "exact" or "lance"
    """

    numbers: NDArray[np.int64]
    distances: NDArray[np.float64]
    way: str

    def to_json(self, bundle: Bundle) -> list[list[dict[str, Any]]]:
        """Ids, distances and labels of what was found, one list a query."""
        labels = {name: bundle.column(name) for name in bundle.label_names}

        def hit(number: int, apart: float) -> dict[str, Any]:
            own = {name: values[number : number + 1].tolist()[0] for name, values in labels.items()}
            return {"id": str(bundle.ids[number]), "distance": float(apart), **own}

        pairs = zip(self.numbers, self.distances, strict=True)
        return [[hit(n, d) for n, d in zip(row, apart, strict=True) if n >= 0] for row, apart in pairs]


def search_rows(
    bundle: Bundle,
    codes: ArrayLike,
    *,
    count: int = 10,
    where: Sequence[str] = (),
    store: str = "auto",
    without: Sequence[int] = (),
) -> Hits:
    """The rows of `bundle` nearest to each of `codes` (m, d).

    Parameters
    ----------
    where : conditions on columns such as label=Sneaker, all of which must hold
    store : "exact", "lance" (an index beside the bundle), or "auto": exact up to a million rows
    without : row numbers that shall not be found, such as the queries themselves

    Raises
    ------
    InvalidInput
        For conditions that no row meets.
    MissingExtra
        For "lance" without LanceDB.
    """
    if store not in STORES:
        raise invalid("store", f"one of {', '.join(STORES)}", store)
    filters = parse_filters(bundle, where)
    allowed = allowed_rows(bundle, filters)
    asked = np.asarray(codes, np.float32).reshape(len(np.asarray(codes)), -1)
    way = ("exact" if len(bundle.codes) <= EXACT_ROWS else "lance") if store == "auto" else store
    more = count + len(without)
    if way == "exact":
        numbers, distances = nearest(bundle.codes, asked, count=more, allowed=allowed)
    else:
        numbers, distances = open_store(bundle).nearest(asked, count=more, where=filters)
    return Hits(**_left(numbers, distances, without, count), way=way)


def more_like(bundle: Bundle, numbers: Sequence[int], *, codes: ArrayLike | None = None, **options: Any) -> Hits:
    """Rows like all of these: nearest to the mean of their codes, themselves left out; options as `search_rows`.

    `codes` (m, d) are of all of these and of rows besides that are not in the bundle.
    """
    rows = list(numbers)
    every = bundle.codes[rows] if codes is None else np.asarray(codes, np.float32)
    middle = every.reshape(len(every), -1).mean(0, keepdims=True)
    return search_rows(bundle, middle, without=rows, **options)


def shown_rows(bundle: Bundle, numbers: Sequence[int]) -> tuple[NDArray[np.float32], str]:
    """Rows of the bundle as arrays, and where they are from: the source where it is at hand, else decoded codes."""
    wanted = np.asarray(numbers, np.int64)
    try:
        return source_rows(bundle).array(wanted), "rows of the source"
    except LatentariumError:
        codes = bundle.codes[wanted].reshape(-1, *bundle.space.shape)
        return bundle.space.decode(codes), "decoded codes, since the source is not at hand"


def _left(
    numbers: NDArray[np.int64], distances: NDArray[np.float64], without: Sequence[int], count: int
) -> dict[str, Any]:
    """What was found without some rows, `count` at most."""
    gone = np.isin(numbers, list(without))
    order = np.argsort(gone, axis=1, kind="stable")[:, :count]
    dropped = np.take_along_axis(gone, order, 1)
    numbers, distances = np.take_along_axis(numbers, order, 1), np.take_along_axis(distances, order, 1)
    return {"numbers": np.where(dropped, -1, numbers), "distances": np.where(dropped, np.inf, distances)}
