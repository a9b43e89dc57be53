"""Rows a bundle is judged on: the whole test split where the source is at hand, else the kept rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle
from latentarium.data import open_source
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, LatentariumError
from latentarium.rng import generator

MEASURED_ROWS, REFERENCE_ROWS = 10_000, 20_000
_MOST_VALUES = 2**28
"""Values of either set of rows, so that large pictures do not fill the memory as floats."""
_MEASURED_STREAM, _REFERENCE_STREAM = 10, 9


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Rows a space is judged on.

    Parameters
    ----------
    raw, ids : the rows and their ids
    numbers : their codes' row numbers in the bundle
    which : a sentence saying which they are
    reference : raw training rows, a seeded draw of at most 20,000; None where the source is not at hand
    """

    raw: NDArray[Any]
    ids: NDArray[Any]
    numbers: NDArray[np.int64]
    which: str
    reference: NDArray[Any] | None = None


def evaluation_rows(bundle: Bundle, *, data: str | None = None) -> Evaluation:
    """The test split of the bundle's source (or of `data`), or the kept rows when the source is not at hand.

    Above 10,000 rows, or 2^28 values, a seeded draw of them.

    Raises
    ------
    InvalidInput
        When `data` is given and is not the data the bundle was made from.
    """
    try:
        rows = source_rows(bundle, data=data)
    except SourceChanged:
        if data is not None:
            raise
        return _kept(bundle, "the source has changed since the fit")
    except LatentariumError:
        if data is not None:
            raise
        return _kept(bundle, "the source is not at hand")
    whole = rows.splits["test"]
    test = _drawn(rows, whole, MEASURED_ROWS, _MEASURED_STREAM)
    share = "all" if len(test) == len(whole) else f"{len(test):,} of"
    return Evaluation(
        raw=rows.raw[test],
        ids=rows.ids[test],
        numbers=test,
        which=f"{share} {len(whole):,} rows of the test split",
        reference=rows.raw[_drawn(rows, rows.splits["train"], REFERENCE_ROWS, _REFERENCE_STREAM)],
    )


def _drawn(rows: Rows, numbers: NDArray[np.int64], most: int, stream: int) -> NDArray[np.int64]:
    count = min(most, max(2, _MOST_VALUES // int(np.prod(rows.modality.data_shape))))
    if len(numbers) <= count:
        return numbers
    return np.sort(generator(0, stream).choice(numbers, count, replace=False))


class SourceChanged(InvalidInput):
    """A source holds other rows than those a bundle was made from."""


def source_rows(bundle: Bundle, *, data: str | None = None) -> Rows:
    """The rows the bundle was made from, opened again at their source or at `data`.

    Raises
    ------
    LatentariumError
        When the source is not at hand; `SourceChanged` where it holds other rows.
    """
    known = bundle.manifest["data"]
    if data is None and not known["source"]:
        raise InvalidInput("the bundle was made from an array in memory")
    place = data or known["source"]
    rows = open_source(place, size=known["size"], seed=known["seed"], label=known["label"])
    if rows.fingerprint != known["fingerprint"]:
        raise SourceChanged(
            f"data {place!r} must be the rows the bundle was made from, got another fingerprint"
            + ("; leave --data out" if data is not None else "")
        )
    return rows


def _kept(bundle: Bundle, why: str) -> Evaluation:
    numbers = bundle.kept_rows
    which = f"{len(numbers):,} test rows kept in the bundle ({why})"
    if bundle.manifest["data"].get("decoded"):
        which = f"{len(numbers):,} rows decoded from codes, no data: what is near to them need not be near to data"
    return Evaluation(raw=bundle.kept, ids=bundle.ids[numbers], numbers=numbers, which=which)


def find_rows(bundle: Bundle, names: list[str]) -> NDArray[np.float32]:
    """Codes of rows named by id, or by position in the bundle."""
    return bundle.codes[find_numbers(bundle, names)]


def find_numbers(bundle: Bundle, names: list[str]) -> list[int]:
    """Row numbers of rows named by id, or by position in the bundle."""
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
    return found
