"""What a view says of attributes: directions to edit along, and what is read of each in a code."""

import numpy as np

from latentarium.applications.editing import Directions, directions_of
from latentarium.arrays import FloatArray
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput
from latentarium.explorer.wire import Attribute

MOST = 60
"""Attributes on the page; those that are read best, where there are more."""
_LABELS = {"auc": "AUC", "r2": "R²"}


def attributes(bundle: Bundle, codes: FloatArray) -> list[Attribute]:
    """The directions of a bundle's labels in their order, at most the 60 that are read best; none without labels.

    Parameters
    ----------
    codes : (n, d), whose scores say how far an edit may go
    """
    try:
        found = directions_of(bundle)
    except InvalidInput:
        # no labels, too few rows of each, or none that the codes tell
        return []
    best = sorted(range(len(found.names)), key=lambda a: -found.quality[a].value)[:MOST]
    scores = np.percentile(found.scores(codes), (1, 99), axis=0)
    return [_attribute(found, a, scores[:, a]) for a in sorted(best)]


def _attribute(found: Directions, a: int, ends: np.ndarray) -> Attribute:
    quality = found.quality[a]
    low, high = ends.tolist()
    return Attribute(
        name=_title(found, a),
        id=found.names[a],
        column=found.columns[a],
        kind=found.kinds[a],
        vector=found.vectors[a].tolist(),
        weights=found.weights[a].tolist(),
        bias=float(found.bias[a]),
        mean=float(found.mean[a]),
        scale=float(found.scale[a]),
        low=low,
        high=max(high, low + 1e-6),
        quality=f"{_LABELS[quality.measure]} {quality.value:.2f}",
    )


def _title(found: Directions, a: int) -> str:
    """The value alone where the page could not take it for another column's."""
    plain = [name.removeprefix(f"{column}=") for name, column in zip(found.names, found.columns, strict=True)]
    return plain[a] if plain.count(plain[a]) == 1 else found.names[a]
