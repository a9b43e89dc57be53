"""Latent spaces from plain functions on arrays, and from codes alone."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike

from latentarium.arrays import FloatArray, as_rows
from latentarium.distributions import Distribution, Empirical
from latentarium.errors import InvalidInput, invalid
from latentarium.geometry import Geometry
from latentarium.space import LatentSpace, Modality


class SpaceFields(TypedDict, total=False):
    """Fields of a `LatentSpace` that every `from_*` function passes on unchanged."""

    name: str
    prior: Distribution | None
    geometry: Geometry
    axes: tuple[str, ...]
    modality: Modality | None
    provenance: Mapping[str, Any]
    batch_size: int


def from_callables(
    encode: Callable[[FloatArray], ArrayLike] | None = None,
    decode: Callable[[FloatArray], ArrayLike] | None = None,
    *,
    data_shape: tuple[int, ...],
    latent_shape: tuple[int, ...] | None = None,
    posterior: Callable[[FloatArray], tuple[ArrayLike, ArrayLike]] | None = None,
    decode_jvp: Callable[[FloatArray, FloatArray], tuple[ArrayLike, ArrayLike]] | None = None,
    log_likelihood: Callable[[FloatArray, FloatArray], ArrayLike] | None = None,
    **fields: Unpack[SpaceFields],
) -> LatentSpace:
    """A latent space from functions on batches of float32 arrays, rows first.

    Parameters
    ----------
    encode, decode : (b, *data_shape) -> (b, *latent_shape) and back; either may be left out
    latent_shape : asked of `encode` when None
    posterior : (b, *data_shape) -> (mean, std)
    decode_jvp : (z, v) -> (decode(z), J(z) v)
    log_likelihood : (x, z) -> log p(x|z) in nats, (b,)
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Examples
    --------
    >>> space = from_callables(lambda x: x[:, :2], data_shape=(3,))
    >>> space.encode([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0]]
    """
    if encode is None and decode is None:
        raise InvalidInput("from_callables needs encode, decode or both, got neither; for codes alone use from_codes")
    if latent_shape is None:
        latent_shape = _asked_shape(encode, data_shape)
    fields.setdefault("name", "callables")
    fields.setdefault("provenance", {"kind": "callables"})
    return LatentSpace(
        shape=latent_shape,
        data_shape=data_shape,
        encode_fn=encode,
        decode_fn=decode,
        posterior_fn=posterior,
        decode_jvp_fn=decode_jvp,
        log_likelihood_fn=log_likelihood,
        **fields,
    )


def _asked_shape(encode: Callable[[FloatArray], ArrayLike] | None, data_shape: tuple[int, ...]) -> tuple[int, ...]:
    if encode is None:
        raise InvalidInput("latent_shape must be given where there is no encoder")
    codes = np.asarray(encode(np.zeros((2, *data_shape), np.float32)))
    if codes.ndim < 2 or len(codes) != 2:
        raise invalid("the result of encode", "an array of shape (b, *latent_shape)", f"{codes.shape} for b = 2")
    return codes.shape[1:]


def from_codes(codes: ArrayLike, ids: Sequence[Hashable] | None = None, **fields: Unpack[SpaceFields]) -> LatentSpace:
    """A latent space of which only codes are known: a t-SNE, or the output of a model that is gone.

    It has no functions. Its prior resamples the codes, unless another one is given.

    Parameters
    ----------
    codes : float array of shape (n, *latent_shape), n >= 1
    ids : one distinct id for each row; kept in the provenance
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Examples
    --------
    >>> space = from_codes([[0.0, 1.0], [2.0, 3.0]], ids=["a", "b"])
    >>> sorted(space.capabilities), space.provenance["n"]
    (['prior'], 2)
    """
    shape = np.shape(codes)
    if len(shape) < 2 or 0 in shape:
        raise invalid("codes.shape", "(n, *latent_shape) with no axis of length 0", shape)
    points = as_rows(codes, shape[1:], name="codes").copy()
    points.flags.writeable = False
    fields.setdefault("name", "codes")
    fields.setdefault("prior", Empirical(codes=points.reshape(len(points), -1)))
    provenance: dict[str, Any] = {"kind": "codes", "n": len(points), **fields.get("provenance", {})}
    if ids is not None:
        provenance["ids"] = _checked_ids(ids, len(points))
    return LatentSpace(shape=points.shape[1:], data_shape=(), **cast(SpaceFields, {**fields, "provenance": provenance}))


def _checked_ids(ids: Sequence[Hashable], count: int) -> list[Hashable]:
    listed = [item.item() if isinstance(item, np.generic) else item for item in ids]
    if len(listed) != count:
        raise invalid("ids", f"{count} values, one for each row of codes", len(listed))
    if len(set(listed)) != count:
        raise invalid("ids", "distinct", f"{count - len(set(listed))} repeated")
    return listed
