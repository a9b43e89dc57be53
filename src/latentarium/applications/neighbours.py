"""The rows of a bundle whose codes are nearest to a point."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.evaluation import find_rows
from latentarium.arrays import batches, check_positive_int
from latentarium.bundle import Bundle
from latentarium.data import SentenceModality
from latentarium.errors import InvalidInput

_AT_ONCE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Row numbers (n,) and Euclidean distances (n,) of the nearest codes, the nearest first."""

    numbers: NDArray[np.int64]
    distances: NDArray[np.float64]


def nearest(bundle: Bundle, query: str, *, n: int = 10) -> Neighbours:
    """The `n` rows nearest to `query`: a row by id or number, left out itself, or in a space of sentences any text.

    Codes of most sentence encoders have length 1, so that the order is also that of the cosine.

    Raises
    ------
    InvalidInput
        When `query` is neither a row nor a text that the space could encode.

    Examples
    --------
    >>> import tempfile
    >>> import latentarium as la
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = la.fit("digits", latent=2, width=8, steps=2, out=f"{folder}/space", progress=False)
    ...     len(nearest(la.open_bundle(f"{folder}/space"), "digits/000003", n=5).numbers)
    5
    """
    check_positive_int(n, "n", high=10_000)
    point, own = _point(bundle, query)
    codes = bundle.codes
    parts = [np.linalg.norm(codes[part].astype(np.float64) - point, axis=1) for part in batches(len(codes), _AT_ONCE)]
    distances = np.concatenate(parts)
    order = np.argsort(distances, kind="stable")
    order = order[order != own][:n]
    return Neighbours(numbers=order, distances=distances[order])


def _point(bundle: Bundle, query: str) -> tuple[NDArray[Any], int]:
    """The code of the query, and its row number, -1 where it is no row."""
    modality = bundle.modality
    try:
        code = find_rows(bundle, [query])[0].ravel()
    except InvalidInput:
        if not isinstance(modality, SentenceModality):
            raise
        if not query.strip():
            raise InvalidInput("QUERY must be a row or a text, got an empty one") from None
        return bundle.space.encode(modality.to_array(modality.parse([query])))[0].ravel(), -1
    named = np.flatnonzero(bundle.ids == query)
    return code, int(named[0]) if len(named) else int(query)
