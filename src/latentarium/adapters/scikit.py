"""Fitted scikit-learn transformers as a `LatentSpace`."""

import warnings
from collections.abc import Callable
from typing import Any, Unpack, cast

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters.canonical import affine_graph
from latentarium.adapters.plain import SpaceFields
from latentarium.arrays import FloatArray
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput, invalid
from latentarium.space import LatentSpace

Rows = Callable[[FloatArray], NDArray[Any]]

# Decoders of the form W z + b: a difference of two decodings is their exact derivative.
_AFFINE_DECODERS = frozenset(
    [
        "PCA",
        "IncrementalPCA",
        "TruncatedSVD",
        "FastICA",
        "NMF",
        "MiniBatchNMF",
        "SparsePCA",
        "MiniBatchSparsePCA",
        "StandardScaler",
    ]
)
# Encoders that iterate on all rows together until all have converged, so that rows would depend on their neighbours.
_JOINT_ENCODERS = frozenset({"NMF", "MiniBatchNMF"})
# Encoders and decoders of that form, which can be stored as two matrices.
_AFFINE = _AFFINE_DECODERS - _JOINT_ENCODERS
_CENTRED_CODES = frozenset({"PCA", "IncrementalPCA"})


def from_sklearn(estimator: Any, **fields: Unpack[SpaceFields]) -> LatentSpace:
    """A fitted, unsupervised scikit-learn estimator with `transform`, and `inverse_transform` where it has one.

    Data are rows of shape (n_features,) in the units the estimator was fitted in. PCA comes with the prior that
    its explained variances state (ones where it whitens), and affine decoders with their exact derivative.

    Parameters
    ----------
    estimator : PCA, NMF, FastICA, KernelPCA, a pipeline of such, or anything with `transform`
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    InvalidInput
        When the estimator is not fitted, is supervised, or has no `transform`.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> space = from_sklearn(PCA(2).fit(np.random.default_rng(0).normal(size=(20, 5))))
    >>> sorted(space.capabilities)
    ['decode', 'derivative', 'encode', 'prior']
    """
    _check_usable(estimator)
    kinds = {kind.__name__ for kind in type(estimator).__mro__ if kind.__module__.startswith("sklearn.")}
    data_shape = (int(estimator.n_features_in_),)
    encode = _rows_function(estimator, "transform")
    codes = encode(np.zeros((2, *data_shape), np.float32))
    if codes.ndim != 2:
        raise invalid(
            f"the transform of {type(estimator).__name__}", "one that gives dense rows", f"shape {codes.shape}"
        )
    decode = _decoder(estimator, codes.astype(np.float32))
    dim = codes.shape[1]
    affine = _is_affine(estimator, _AFFINE_DECODERS)
    fields.setdefault("name", type(estimator).__name__)
    provenance = {"kind": "sklearn", "estimator": type(estimator).__name__, "affine": bool(decode and affine)}
    fields.setdefault("provenance", provenance)
    fields.setdefault("prior", _explained(estimator) if kinds & _CENTRED_CODES else None)
    if kinds & _JOINT_ENCODERS:
        fields.setdefault("batch_size", 1)
    return LatentSpace(
        shape=codes.shape[1:],
        data_shape=data_shape,
        encode_fn=encode,
        decode_fn=decode,
        decode_jvp_fn=_affine_jvp(decode, dim) if decode and affine else None,
        graphs_fn=_graphs(encode, decode, data_shape[0], dim) if affine and _is_affine(estimator, _AFFINE) else None,
        **fields,
    )


def _is_affine(estimator: Any, kinds: frozenset[str]) -> bool:
    """Whether its class, or every step of a pipeline, is one of `kinds`."""
    steps = getattr(estimator, "steps", None)
    if steps is not None:
        return all(step is None or step == "passthrough" or _is_affine(step, kinds) for _, step in steps)
    return any(kind.__name__ in kinds for kind in type(estimator).__mro__ if kind.__module__.startswith("sklearn."))


def _graphs(encode: Rows, decode: Rows | None, width: int, dim: int) -> Callable[[], dict[str, bytes]]:
    """The two matrices, as ONNX; what an affine function is shows in the images of the unit vectors."""

    def graph(function: Rows, size: int, names: tuple[str, str]) -> bytes:
        origin = function(np.zeros((1, size), np.float32))
        return affine_graph(function(np.eye(size, dtype=np.float32)) - origin, origin[0], names=names)

    def graphs() -> dict[str, bytes]:
        back = {} if decode is None else {"decoder": graph(decode, dim, ("z", "x"))}
        return {"encoder": graph(encode, width, ("x", "mean")), **back}

    return graphs


def _check_usable(estimator: Any) -> None:
    from sklearn.base import BaseEstimator, is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(estimator, BaseEstimator):
        raise invalid("estimator", "a fitted scikit-learn estimator", estimator, "wrap functions with from_callables")
    if is_classifier(estimator) or is_regressor(estimator):
        raise invalid("estimator", "unsupervised", estimator, "use a transformer such as PCA")
    if getattr(estimator, "transform", None) is None:
        raise invalid(
            "estimator", "one with a transform", estimator, "where only codes are known use from_codes(codes)"
        )
    try:
        check_is_fitted(estimator)
        _ = cast(Any, estimator).n_features_in_
    except (NotFittedError, AttributeError) as error:
        raise invalid("estimator", "fitted", estimator, "call fit(X) first") from error


def _rows_function(estimator: Any, method: str) -> Rows:
    from sklearn.exceptions import NotFittedError

    # Estimators fitted in single precision refuse rows of another one.
    components = getattr(estimator, "components_", None)
    dtype = components.dtype if isinstance(components, np.ndarray) else np.dtype(np.float64)

    def run(rows: FloatArray) -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            try:
                found = np.asarray(getattr(estimator, method)(rows.astype(dtype)))
                # the sparse PCAs give the codes of a single row without their first axis
                return found[None] if found.ndim == 1 and len(rows) == 1 else found
            except NotFittedError:
                raise
            except ValueError as error:
                raise InvalidInput(f"{type(estimator).__name__}.{method} refuses these rows: {error}") from error

    return run


def _decoder(estimator: Any, code: FloatArray) -> Rows | None:
    """`inverse_transform`, or None: some estimators say only when called that they were fitted without one."""
    from sklearn.exceptions import NotFittedError

    if getattr(estimator, "inverse_transform", None) is None:
        return None
    decode = _rows_function(estimator, "inverse_transform")
    try:
        decode(code)
    except (NotFittedError, AttributeError):
        return None
    return decode


def _affine_jvp(decode: Rows, dim: int) -> Callable[[FloatArray, FloatArray], tuple[NDArray[Any], NDArray[Any]]]:
    origin = decode(np.zeros((1, dim), np.float32))

    def jvp(z: FloatArray, v: FloatArray) -> tuple[NDArray[Any], NDArray[Any]]:
        return decode(z), decode(v) - origin

    return jvp


def _explained(estimator: Any) -> Normal:
    if estimator.whiten:
        return Normal.standard(int(estimator.n_components_))
    std = np.sqrt(np.asarray(estimator.explained_variance_, np.float64))
    return Normal(mean=np.zeros(len(std)), std=np.maximum(std, max(1e-6 * float(std.max()), 1e-12)))
