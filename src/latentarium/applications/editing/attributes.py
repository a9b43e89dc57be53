"""Attributes that rows have by themselves: what notes say of a tune, and the columns of a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.bundle import Bundle
from latentarium.data.modalities import TableModality
from latentarium.data.music.attributes import drum_attributes, melody_attributes
from latentarium.data.music.modalities import DrumModality, MelodyModality
from latentarium.rng import generator
from latentarium.space import Modality

READ, FEW, DRAWS = 5000, 1000, 2000
"""Rows that are decoded and read, and below how many codes of a bundle so many draws of the prior help out."""
_DRAW = 464
Columns = dict[str, NDArray[Any]]


def has_own(modality: Modality | None) -> bool:
    """Whether rows of this kind have attributes without any label."""
    return isinstance(modality, MelodyModality | DrumModality | TableModality)


def read_off(modality: Modality | None, raw: NDArray[Any]) -> Columns:
    """Attributes of raw rows, (n,) each: density, range, syncopation and mode of melodies, density and syncopation of
    drums, and the columns of a table, numbers or category names; none of other data.
    """
    if isinstance(modality, MelodyModality):
        return melody_attributes(raw)
    if isinstance(modality, DrumModality):
        return drum_attributes(raw)
    if not isinstance(modality, TableModality):
        return {}
    return {name: np.asarray(values.to_pylist()) for name, values in zip(modality.names, modality.to_table(raw))}


def with_own(bundle: Bundle, labels: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Codes of the bundle, its labels and what its decoded rows say of themselves, as arguments of `fit_directions`.

    Where the bundle has under 1,000 codes, 2,000 draws of its prior are decoded as well.
    """
    space, codes = bundle.space, bundle.codes.reshape(len(bundle.codes), -1)
    splits = bundle.splits if len(np.unique(bundle.splits)) > 1 else None
    if len(codes) < FEW and "prior" in space.capabilities:
        draws = space.sample_latents(DRAWS, seed=0).reshape(DRAWS, -1)
        codes, splits = np.concatenate([codes, draws]), None
    read = np.sort(generator(0, _DRAW).permutation(len(codes))[:READ])
    decoded = bundle.modality.to_raw(space.decode(codes[read].reshape(-1, *space.shape)))
    own = {name: _spread(values, read, len(codes)) for name, values in read_off(bundle.modality, decoded).items()}
    known = np.arange(len(bundle.codes))
    return {
        "codes": codes,
        "attributes": {**own, **{name: _spread(values, known, len(codes)) for name, values in labels.items()}},
        "splits": splits,
    }


def _spread(values: NDArray[Any], rows: NDArray[np.int64], count: int) -> NDArray[Any]:
    """A column (count,) of values of some rows, the others not known."""
    if len(rows) == count:
        return values
    found = np.full(count, np.nan) if values.dtype.kind == "f" else np.full(count, None, object)
    found[rows] = values
    return found
