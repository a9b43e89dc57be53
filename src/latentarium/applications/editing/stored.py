"""Directions in a bundle: two files, numbers and words, that are made again where the codes have changed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.editing.attributes import has_own, read_off, with_own
from latentarium.applications.editing.directions import NUMBERS, Directions, quality_from_json, quality_json
from latentarium.applications.editing.fitting import Method, fit_directions
from latentarium.applications.editing.typicality import Typicality
from latentarium.bundle import MODEL, PRIOR, Bundle, arrays_writer, json_writer
from latentarium.data.rows import Rows
from latentarium.errors import DamagedFile, InvalidInput
from latentarium.training.save import encode_rows

ARRAYS, WORDS = "directions.safetensors", "directions.json"
OTHER_ROWS = "labels"
"""The setting of directions that were not fitted to a bundle's own labels: the name of the rows that were."""
MADE_FROM = ("codes.parquet", "rows.parquet")


def directions_of(bundle: Bundle, *, method: Method | None = None) -> Directions:
    """The directions of the bundle's own labels and attributes: those stored in it, or fitted now.

    Stored ones are taken where they belong to the bundle's codes and labels and, with `method`, were fitted by it.
    Those fitted now learn from the training rows and are judged on the test rows.

    Raises
    ------
    InvalidInput
        When the bundle has no label or attribute, or too few rows.
    DamagedFile
        When stored ones cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import latentarium as la
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = la.fit("digits", latent=8, width=8, steps=9, out=f"{folder}/space", progress=False)
    ...     directions_of(la.open_bundle(f"{folder}/space")).names[:2]
    ('label=0', 'label=1')
    """
    if has_directions(bundle):
        found = read_directions(bundle)
        if method in (None, found.settings["method"]):
            return found
    return fit_directions(method=method or "logistic", **labelled_codes(bundle))


def directions_for(
    bundle: Bundle, *, method: Method | None = None, rows: Rows | None = None
) -> tuple[Directions, bool]:
    """Directions of the bundle's own labels, or of those of other `rows`, and whether they are to be stored in it.

    To be stored are its own ones that were fitted now in the usual way, and those of other rows where it has none.

    Raises
    ------
    InvalidInput, DamagedFile
        As `directions_of`, and for rows without labels.
    """
    if rows is None:
        return directions_of(bundle, method=method), method is None and not has_directions(bundle)
    found = fit_directions(method=method or "logistic", **labelled_codes(bundle, rows))
    found = dataclasses.replace(found, settings={**found.settings, OTHER_ROWS: rows.name})
    return found, not _has_own(bundle)


def _has_own(bundle: Bundle) -> bool:
    """Whether the bundle's own labels give directions."""
    if has_directions(bundle):
        return OTHER_ROWS not in read_directions(bundle).settings
    try:
        directions_of(bundle)
    except InvalidInput:
        return False
    return True


def labelled_codes(bundle: Bundle, rows: Rows | None = None) -> dict[str, Any]:
    """Arguments of `fit_directions`: the bundle's own codes and labels, or those of other rows of the same kind.

    To the labels of melodies, drums and tables come the attributes that rows have by themselves.

    Raises
    ------
    InvalidInput
        When there is no label or attribute.
    """
    own = has_own(bundle.modality)
    if rows is not None:
        columns = {**(read_off(rows.modality, np.asarray(rows.raw)) if own else {}), **rows.columns}
        if not columns:
            raise InvalidInput(f"{rows.name} has no label or attribute to find directions of")
        return {"codes": encode_rows(bundle.space, rows), "attributes": columns}
    if own and "decode" in bundle.space.capabilities:
        return with_own(bundle, {name: bundle.column(name) for name in bundle.label_names})
    if not bundle.label_names:
        raise InvalidInput(
            f"bundle {bundle.path} has no label or attribute to find directions of; bring rows with some: --labels DATA"
        )
    columns = {name: bundle.column(name) for name in bundle.label_names}
    splits = bundle.splits if len(np.unique(bundle.splits)) > 1 else None
    return {"codes": bundle.codes, "attributes": columns, "splits": splits}


def store_directions(bundle: Bundle, directions: Directions) -> Bundle:
    """The bundle with these directions in it, in one exchange."""
    writers = {ARRAYS: arrays_writer(to_arrays(directions)), WORDS: json_writer(to_json(directions, bundle))}
    return bundle.with_files(writers)


def has_directions(bundle: Bundle) -> bool:
    """Whether directions are stored that belong to the bundle's codes and labels."""
    if not (bundle.has(ARRAYS) and bundle.has(WORDS)):
        return False
    stored = bundle.json(WORDS)
    return isinstance(stored, dict) and stored.get("made_from") == _made_from(bundle)


def read_directions(bundle: Bundle) -> Directions:
    """The directions stored in the bundle."""
    words, arrays = bundle.json(WORDS), bundle.tensors(ARRAYS)
    try:
        return from_stored(words, arrays)
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise DamagedFile(f"bundle {bundle.path} is damaged: {WORDS} ({error})") from None


def to_arrays(directions: Directions) -> dict[str, NDArray[Any]]:
    """The numbers of directions by name."""
    return {**{name: getattr(directions, name) for name in NUMBERS}, **directions.typicality.arrays()}


def to_json(directions: Directions, bundle: Bundle | None = None) -> dict[str, Any]:
    """The words of directions; of a bundle's with what they were made from."""
    return {
        "names": list(directions.names),
        "columns": list(directions.columns),
        "kinds": list(directions.kinds),
        "quality": [quality_json(quality) for quality in directions.quality],
        "left_out": dict(directions.left_out),
        "settings": dict(directions.settings),
        "made_from": {} if bundle is None else _made_from(bundle),
    }


def from_stored(words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Directions:
    """Back from `to_json` and `to_arrays`."""
    return Directions(
        names=tuple(words["names"]),
        columns=tuple(words["columns"]),
        kinds=tuple(words["kinds"]),
        quality=tuple(quality_from_json(quality) for quality in words["quality"]),
        typicality=Typicality(**{field.name: arrays[field.name] for field in dataclasses.fields(Typicality)}),
        left_out=words["left_out"],
        settings=words["settings"],
        **{name: arrays[name] for name in NUMBERS},
    )


def _made_from(bundle: Bundle) -> dict[str, str]:
    """What directions belong to; those of rows that have attributes by themselves are made of the decoder too."""
    names = (*MADE_FROM, MODEL, PRIOR) if has_own(bundle.modality) else MADE_FROM
    return {name: bundle.manifest["files"].get(name, "") for name in names}
