"""Rows a bundle is judged on: the whole test split where the source is at hand, else the kept rows."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.arrays import rows_within
from latentarium.bundle import Bundle
from latentarium.data import SentenceModality, TextModality, open_as, open_sentences, open_source
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput, LatentariumError
from latentarium.rng import draw

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
    columns : labels of rows that are not the bundle's own, else None
    """

    raw: NDArray[Any]
    ids: NDArray[Any]
    numbers: NDArray[np.int64]
    which: str
    reference: NDArray[Any] | None = None
    columns: Mapping[str, NDArray[Any]] | None = None

    def column(self, bundle: Bundle, name: str) -> NDArray[Any]:
        """A label or attribute of these rows."""
        return bundle.column(name)[self.numbers] if self.columns is None else self.columns[name]

    def label_names(self, bundle: Bundle) -> list[str]:
        """Names of the labels and attributes that these rows have."""
        return bundle.label_names if self.columns is None else list(self.columns)


def evaluation_rows(bundle: Bundle, *, data: str | None = None) -> Evaluation:
    """The test split of the bundle's source (or of `data`), or the kept rows when the source is not at hand.

    Above 10,000 rows, or 2^28 values, a seeded draw of them. A model without an encoder is judged on any rows that it
    could have made.

    Raises
    ------
    InvalidInput
        When `data` is given and is not the data the bundle was made from.
    """
    known = bundle.manifest["data"]
    try:
        if known.get("decoded") and (data or known["source"]):
            return _of_other_rows(bundle, _opened(bundle, data or known["source"]))
        rows = source_rows(bundle, data=data)
    except SourceChanged:
        if data is not None:
            raise
        return _kept(bundle, "the source has changed since the fit")
    except LatentariumError:
        if data is not None:
            raise
        return _kept(bundle, "the source is not at hand")
    return _of_rows(rows)


def _of_rows(rows: Rows) -> Evaluation:
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


def _of_other_rows(bundle: Bundle, rows: Rows) -> Evaluation:
    """Rows that the bundle has no codes of."""
    found = _of_rows(rows)
    columns = {name: values[found.numbers] for name, values in rows.columns.items()}
    which = f"{found.which} of {rows.name}"
    return dataclasses.replace(found, numbers=bundle.kept_rows, which=which, columns=columns)


def _drawn(rows: Rows, numbers: NDArray[np.int64], most: int, stream: int) -> NDArray[np.int64]:
    count = rows_within(_MOST_VALUES, rows.modality.data_shape, most=most)
    return draw(numbers, count, seed=0, stream=stream)


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
    rows = _opened(bundle, place)
    if rows.fingerprint != known["fingerprint"]:
        raise SourceChanged(
            f"data {place!r} must be the rows the bundle was made from, got another fingerprint"
            + ("; leave --data out" if data is not None else "")
        )
    return rows


def _opened(bundle: Bundle, place: str) -> Rows:
    known = bundle.manifest["data"]
    modality = bundle.modality
    if isinstance(modality, SentenceModality | TextModality):
        return open_sentences(place, lambda _: modality, seed=known["seed"], label=known["label"])
    if known.get("foreign"):
        return open_as(place, modality.data_shape, seed=known["seed"], label=known["label"])
    return open_source(place, size=known["size"], seed=known["seed"], label=known["label"])


def _kept(bundle: Bundle, why: str) -> Evaluation:
    numbers = bundle.kept_rows
    which = f"{len(numbers):,} test rows kept in the bundle ({why})"
    if bundle.manifest["data"].get("decoded"):
        which = f"{len(numbers):,} rows decoded from codes, no data: what is near to them need not be near to data"
    return Evaluation(raw=bundle.kept, ids=bundle.ids[numbers], numbers=numbers, which=which)


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
