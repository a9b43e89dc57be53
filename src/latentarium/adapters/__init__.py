"""Foreign models and stored codes seen as a `LatentSpace`."""

from latentarium.adapters.diffusion import from_diffusers
from latentarium.adapters.entry import as_space
from latentarium.adapters.kerasmodels import from_keras
from latentarium.adapters.onnxfiles import from_onnx
from latentarium.adapters.plain import SpaceFields, from_callables, from_codes
from latentarium.adapters.pytorch import from_torch
from latentarium.adapters.scikit import from_sklearn
from latentarium.adapters.sentences import from_sentences

__all__ = [
    "SpaceFields",
    "as_space",
    "from_callables",
    "from_codes",
    "from_diffusers",
    "from_keras",
    "from_onnx",
    "from_sentences",
    "from_sklearn",
    "from_torch",
]
