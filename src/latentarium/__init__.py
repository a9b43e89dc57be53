"""Latentarium, the workbench for latent spaces.

>>> import latentarium as la
>>> rows = la.open_source("digits")
>>> space = la.fit(rows, latent=8, steps=40, seed=0, progress=False)
>>> space.encode(rows.array("test")).shape
(180, 8)
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from latentarium.adapters import (
        as_space,
        from_callables,
        from_codes,
        from_diffusers,
        from_keras,
        from_onnx,
        from_sklearn,
        from_torch,
    )
    from latentarium.applications.anomaly import LatentOutlierDetector
    from latentarium.applications.compression.codec import compress, open_compressed
    from latentarium.applications.paths import blend, traverse
    from latentarium.applications.transfer import LatentTransformer
    from latentarium.applications.walks import palette, walk
    from latentarium.bundle import open_bundle
    from latentarium.checks import check_space
    from latentarium.data import open_source
    from latentarium.maps import fit_map
    from latentarium.measures import measure
    from latentarium.space import LatentSpace
    from latentarium.training.api import fit

# name -> module it is defined in; resolved on first use, so that importing the package loads no framework
_HOMES = {
    "LatentOutlierDetector": "latentarium.applications.anomaly",
    "LatentSpace": "latentarium.space",
    "LatentTransformer": "latentarium.applications.transfer",
    "as_space": "latentarium.adapters",
    "blend": "latentarium.applications.paths",
    "check_space": "latentarium.checks",
    "compress": "latentarium.applications.compression.codec",
    "fit": "latentarium.training.api",
    "fit_map": "latentarium.maps",
    "from_callables": "latentarium.adapters",
    "from_codes": "latentarium.adapters",
    "from_diffusers": "latentarium.adapters",
    "from_keras": "latentarium.adapters",
    "from_onnx": "latentarium.adapters",
    "from_sklearn": "latentarium.adapters",
    "from_torch": "latentarium.adapters",
    "measure": "latentarium.measures",
    "open_bundle": "latentarium.bundle",
    "open_compressed": "latentarium.applications.compression.codec",
    "open_source": "latentarium.data",
    "palette": "latentarium.applications.walks",
    "traverse": "latentarium.applications.paths",
    "walk": "latentarium.applications.walks",
}

__all__ = [
    "LatentOutlierDetector",
    "LatentSpace",
    "LatentTransformer",
    "as_space",
    "blend",
    "check_space",
    "compress",
    "fit",
    "fit_map",
    "from_callables",
    "from_codes",
    "from_diffusers",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "measure",
    "open_bundle",
    "open_compressed",
    "open_source",
    "palette",
    "traverse",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'latentarium' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
