"""Linear models whose parameters are known: PCA, whitened PCA, FastICA and anything of the form x W + b."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.canonical import affine_graph
from latentarium.adapters.halves import Jvp, Wiring, joined
from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput, invalid
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
_LEAST = 1e-12
REQUIRED, OPTIONAL = ("components", "mean"), ("explained_variance", "whiten", "mixing")


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """rows @ matrix + offset; satisfies `halves.Half`."""

    matrix: Array
    offset: Array
    name: str = "affine"
    batch: None = None

    @property
    def input_shape(self) -> tuple[int]:
        """Length of a row that goes in."""
        return (self.matrix.shape[0],)

    @property
    def output_shape(self) -> tuple[int]:
        """Length of a row that comes out."""
        return (self.matrix.shape[1],)

    @property
    def jvp(self) -> Jvp:
        """The exact derivative, which is the matrix."""
        return lambda z, v: (self.outputs(z)[0], v.astype(np.float64) @ self.matrix)

    @property
    def to_onnx(self) -> Callable[[FloatArray], bytes]:
        """A graph of one node."""
        return lambda _: affine_graph(self.matrix, self.offset, names=("rows", "result"))

    def outputs(self, rows: FloatArray) -> tuple[NDArray[Any]]:
        """The one result for `rows`, computed in double precision."""
        return (rows.astype(np.float64) @ self.matrix + self.offset,)


def from_parameters(
    arrays: Mapping[str, Any], wiring: Wiring | None = None, **fields: Unpack[SpaceFields]
) -> LatentSpace:
    """A linear latent space from its parameters, named as scikit-learn names them, with or without their underscores.

    Parameters
    ----------
    arrays : components (k, d) and mean (d); of a PCA also explained_variance (k), which gives it a prior, and whiten,
        true where codes are divided by its root; of an ICA also mixing (d, k)
    wiring : axes of a row and its units, where rows are pictures
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    InvalidInput
        For an array that is absent, unknown, or of a shape that does not fit.

    Examples
    --------
    >>> space = from_parameters({"components": [[0.0, 1.0, 0.0]], "mean": [1.0, 1.0, 1.0]})
    >>> space.encode([[1.0, 3.0, 1.0]]).tolist(), space.decode([[2.0]]).tolist()
    ([[2.0]], [[1.0, 3.0, 1.0]])
    """
    known = {name.removesuffix("_"): np.asarray(value) for name, value in arrays.items()}
    components, mean = (_array(known, name) for name in REQUIRED)
    unknown = sorted(set(known) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise invalid("the parameters", f"named {', '.join((*REQUIRED, *OPTIONAL))}", ", ".join(unknown))
    if components.ndim != 2 or mean.shape != components.shape[1:]:
        raise invalid("components and mean", "of shapes (k, d) and (d)", f"{components.shape} and {mean.shape}")
    spread = _spread(known, len(components))
    whiten = bool(known.get("whiten", False))
    if whiten and spread is None:
        raise InvalidInput("a whitened PCA must come with explained_variance, got none")
    scale = spread if whiten and spread is not None else np.ones(len(components))
    forward = components.T / scale
    back = _mixing(known, components) if "mixing" in known else components * scale[:, None]
    encoder = Affine(matrix=forward, offset=-mean @ forward, name="encoder")
    if spread is not None:
        fields.setdefault("prior", Normal(mean=np.zeros(len(spread)), std=spread / scale))
    fields.setdefault("name", "linear")
    clipped = fields.get("modality") is not None
    fields.setdefault("provenance", {"kind": "parameters", "affine": not clipped})
    return joined(encoder, Affine(matrix=back, offset=mean, name="decoder"), wiring or Wiring(), **fields)


def _array(known: Mapping[str, NDArray[Any]], name: str) -> Array:
    if name not in known:
        raise InvalidInput(
            f"the parameters must hold {' and '.join(REQUIRED)}, got {', '.join(sorted(known)) or 'none'}"
        )
    array = known[name]
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise invalid(name, "an array of finite numbers", f"dtype {array.dtype}")
    return array.astype(np.float64)


def _spread(known: Mapping[str, NDArray[Any]], count: int) -> Array | None:
    if "explained_variance" not in known:
        return None
    variance = _array(known, "explained_variance")
    if variance.shape != (count,) or (variance < 0).any():
        raise invalid("explained_variance", f"{count} variances", f"shape {variance.shape}")
    std = np.sqrt(variance)
    return np.maximum(std, max(1e-6 * float(std.max()), _LEAST))


def _mixing(known: Mapping[str, NDArray[Any]], components: Array) -> Array:
    mixing = _array(known, "mixing")
    if mixing.shape != components.T.shape:
        raise invalid("mixing", f"of shape {components.T.shape}", mixing.shape)
    return mixing.T
