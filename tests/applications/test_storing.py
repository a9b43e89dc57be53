"""Spaces from elsewhere as bundles: what is said of one that cannot be stored."""

import dataclasses
from pathlib import Path

import pytest

from latentarium.adapters import from_callables
from latentarium.applications.storing import Keeping, store_space
from latentarium.data import modality_of_shape
from latentarium.errors import InvalidInput


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        ({}, "nobody knows how to write its functions as ONNX; bring a .keras or .onnx file"),
        ({"kind": "keras", "backend": "jax"}, "Keras on jax writes no ONNX here; save encoder and decoder as .keras"),
        ({"kind": "keras", "backend": "tensorflow"}, "or set KERAS_BACKEND=torch before Keras is imported"),
    ],
)
def test_a_space_that_cannot_be_stored_says_how_to_bring_it(
    tmp_path: Path, provenance: dict[str, str], words: str
) -> None:
    space = dataclasses.replace(from_callables(lambda x: x, lambda z: z, data_shape=(3,)), provenance=provenance)
    with pytest.raises(InvalidInput, match="cannot be stored: ") as caught:
        store_space(space, tmp_path / "space", Keeping(modality=modality_of_shape((3,))))
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())
