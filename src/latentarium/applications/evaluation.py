"""Rows a bundle is judged on: the whole test split where the source is at hand, else the kept rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, LatentariumError


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Raw evaluation rows, their ids, their codes' row numbers in the bundle, and a sentence saying which they are."""

    raw: NDArray[Any]
    ids: NDArray[Any]
    numbers: NDArray[np.int64]
    which: str


def evaluation_rows(bundle: Bundle, *, data: str | None = None) -> Evaluation:
    """The test split of the bundle's source (or of `data`), or the kept rows when the source is not at hand.

    Raises
    ------
    InvalidInput
        When `data` is given and is not the data the bundle was made from.
    """
    try:
        rows = _source_rows(bundle, data)
    except LatentariumError:
        if data is not None:
            raise
        return _kept(bundle, "the source is not at hand")
    if rows.fingerprint != bundle.manifest["data"]["fingerprint"]:
        if data is not None:
            raise InvalidInput(
                f"data {data!r} must be the rows the bundle was made from, got another fingerprint; leave --data out"
            )
        return _kept(bundle, "the source has changed since the fit")
    test = rows.splits["test"]
    which = f"all {len(test):,} rows of the test split"
    return Evaluation(raw=rows.raw[test], ids=rows.ids[test], numbers=test, which=which)


def _source_rows(bundle: Bundle, data: str | None) -> Rows:
    known = bundle.manifest["data"]
    if data is None and not known["source"]:
        raise InvalidInput("the bundle was made from an array in memory")
    return open_source(data or known["source"], size=known["size"], seed=known["seed"], label=known["label"])


def _kept(bundle: Bundle, why: str) -> Evaluation:
    numbers = bundle.kept_rows
    which = f"{len(numbers):,} test rows kept in the bundle ({why})"
    return Evaluation(raw=bundle.kept, ids=bundle.ids[numbers], numbers=numbers, which=which)


def find_rows(bundle: Bundle, names: list[str]) -> NDArray[np.float32]:
    """Codes of rows named by id, or by position in the bundle."""
    ids = {str(name): number for number, name in enumerate(bundle.ids)}
    found: list[int] = []
    for name in names:
        number = ids.get(name)
        if number is None and name.isdigit() and int(name) < len(ids):
            number = int(name)
        if number is None:
            raise InvalidInput(
                f"row must be an id of the bundle or a number below {len(ids)}, got {name!r}; "
                f"ids look like {next(iter(ids))!r}"
            )
        found.append(number)
    return bundle.codes[found]
