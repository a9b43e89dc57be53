"""What can be edited in a bundle: attributes, and directions that need no label."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.editing.directions import Directions, quality_json
from latentarium.applications.editing.fitting import Method, targets_of
from latentarium.applications.editing.stored import directions_for, labelled_codes
from latentarium.applications.editing.typicality import FULL
from latentarium.applications.editing.unsupervised import WAYS, Way, name_directions, unsupervised_directions
from latentarium.bundle import Bundle
from latentarium.data.rows import Rows
from latentarium.errors import InvalidInput

MOST = 8
_OF: Mapping[Way, str] = {"pca": "the codes' variance", "jacobian": "the change of the data"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Settable:
    """What can be set.

    Parameters
    ----------
    directions : of attributes, None where there are none
    fresh : those that are to be stored in the bundle
    unsupervised : plain values of each direction without a label: its share of the whole, and a name where held-out
        rows bear one out
    notes : why something is missing
    """

    directions: Directions | None
    fresh: Directions | None
    unsupervised: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        found = self.directions
        return {
            "attributes": []
            if found is None
            else [
                {"name": name, "kind": kind, **quality_json(quality)}
                for name, kind, quality in zip(found.names, found.kinds, found.quality, strict=True)
            ],
            "left_out": {} if found is None else dict(found.left_out),
            "unsupervised": list(self.unsupervised),
            "notes": list(self.notes),
        }


def what_can_be_set(bundle: Bundle, *, method: Method | None = None, labelled: Rows | None = None) -> Settable:
    """Attributes of the bundle, or of other `labelled` rows, and the first directions that need no label."""
    notes: list[str] = []
    found, keep = None, False
    try:
        found, keep = directions_for(bundle, method=method, rows=labelled)
    except InvalidInput as error:
        if labelled is not None:
            raise
        notes.append(str(error))
    return Settable(
        directions=found,
        fresh=found if keep else None,
        unsupervised=tuple(row for way in WAYS for row in _without_labels(bundle, way)),
        notes=tuple(notes),
    )


def _without_labels(bundle: Bundle, way: Way) -> list[dict[str, Any]]:
    space = bundle.space
    if space.dim > FULL or len(bundle.codes) < MOST or (way == "jacobian" and "decode" not in space.capabilities):
        return []
    with warnings.catch_warnings():
        # central differences are good enough for a list
        warnings.simplefilter("ignore")
        found = unsupervised_directions(space, bundle.codes, way=way, count=min(MOST, space.dim))
    names = _names(bundle, found)
    return [
        {"name": name, "value": quality.value, "of": _OF[way], "label": label}
        for name, quality, label in zip(found.names, found.quality, names, strict=True)
    ]


def _names(bundle: Bundle, directions: Directions) -> list[str]:
    """A name for each direction, "" where no attribute is borne out."""
    try:
        given = labelled_codes(bundle)
    except InvalidInput:
        return [""] * len(directions.names)
    columns = _classes(given["attributes"], len(given["codes"]))
    if not columns:
        return [""] * len(directions.names)
    known = np.logical_and.reduce([np.isfinite(values) for values in columns.values()])
    if known.sum() < 2 * MOST:
        return [""] * len(directions.names)
    truth = {name: values[known] > 0.5 for name, values in columns.items()}
    found = {name.latent: name.label for name in name_directions(directions, given["codes"][known], truth)}
    # a direction along which nothing varies has no entry
    labels = [found.get(place, "unnamed") for place in range(len(directions.names))]
    return ["" if label == "unnamed" else label for label in labels]


def _classes(attributes: Mapping[str, NDArray[Any]], count: int) -> dict[str, NDArray[np.float64]]:
    """Attributes as 0 and 1 with NaN for what is not known; of a number whether it is above the median."""
    found: dict[str, NDArray[np.float64]] = {}
    for name, values in attributes.items():
        for target in targets_of(name, values, count, {}):
            split = target.values if target.kind == "class" else target.values > np.nanmedian(target.values)
            known = np.isfinite(target.values)
            name_ = target.name if target.kind == "class" else f"high {target.name}"
            found[name_] = np.where(known, split, np.nan)
    return {name: values for name, values in found.items() if 0 < np.nanmean(values) < 1}
