"""`LatentSpace`: the one object that every model, ours or foreign, is seen as."""

import dataclasses
import html
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.arrays import FloatArray, as_rows, check_positive_int, map_batched
from latentarium.conditions import Condition, condition_vector, told_values
from latentarium.distributions import ConditionalMixture, Distribution, tempered, truncated
from latentarium.errors import MissingCapability, invalid
from latentarium.geometry import Geometry
from latentarium.rng import check_seed

Array = NDArray[np.float64]
Codes = FloatArray


@runtime_checkable
class Modality(Protocol):
    """The pair raw <-> array of one kind of data, with its range and units.

    `raw` is how rows are kept (uint8 images channels first, table columns); `array` is the float32 form a
    `LatentSpace` sees, of shape (n, *data_shape) with values within [low, high] (None where unbounded).
    """

    kind: ClassVar[str]

    @property
    def data_shape(self) -> tuple[int, ...]: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...

    def to_array(self, raw: NDArray[Any]) -> FloatArray: ...

    def to_raw(self, array: NDArray[Any]) -> NDArray[Any]: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """A diagonal Gaussian q(z|x) per row: `mean` and `std` of shape (n, *shape)."""

    mean: Codes
    std: Codes


@dataclass(frozen=True, kw_only=True)
class Alphabet:
    """The finite set of codes of a quantised space: `sizes[i]` codes at position i, everywhere the same if `shared`.

    `to_integers` gives the numbers of the nearest codes, (b, *shape) -> (b, positions); `to_codes` is the way back.
    """

    sizes: tuple[int, ...]
    to_integers: Callable[[FloatArray], ArrayLike]
    to_codes: Callable[[NDArray[np.int64]], ArrayLike]
    shared: bool = True


@dataclass(frozen=True, kw_only=True)
class LatentSpace:
    """A latent space: functions between data and latent points, and what is known about them.

    Every function, and the prior, may be None; `capabilities` says which are there, and asking for a missing
    one raises `MissingCapability`. Arrays are float32 numpy, rows first, cut into batches inside.

    Parameters
    ----------
    name : what messages call it
    shape : shape of one latent point, (32,) or (4, 32, 32)
    data_shape : shape of one datum in array units
    encode_fn : (b, *data_shape) -> (b, *shape), deterministic: the posterior mean, or the code
    decode_fn : (b, *shape) -> (b, *data_shape), in data units
    posterior_fn : (b, *data_shape) -> (mean, std), each (b, *shape)
    decode_jvp_fn : (z, v) -> (decode(z), J(z) v); finite differences stand in, announced, where it is None
    log_likelihood_fn : (x, z) -> log p(x|z) in nats, (b,); what rate-distortion measures need
    prior : a distribution over flattened latents, or None until one is fitted
    geometry : distances and paths
    axes : names of the latent dimensions, empty where nobody can name them
    alphabet : the codes of a quantised space, None where every point is one; draws of the prior move to the nearest
    conditions : what its decoder can be told beside a point, see `given`
    given_fn : condition vector (k,) -> the space whose decoder is told it; zeros are what this space has been told
    given_prior : where codes of rows with a given value lie, None where the prior does not depend on it
    untold_prior : the prior while nothing is given, in a space that has been given something
    graphs_fn : () -> "encoder" and "decoder" as ONNX bytes in the units of this space, for a bundle to hold; None where
        the functions cannot be stored, or are stored in another form
    modality : raw <-> array, or None where the caller speaks array units
    provenance : where the space came from, JSON-ready
    batch_size : rows per call of the functions above; every call gets exactly this many

    Examples
    --------
    >>> half = LatentSpace(name="half", shape=(2,), data_shape=(2,), encode_fn=lambda x: x / 2)
    >>> half.encode(np.ones((1, 2))).tolist()
    [[0.5, 0.5]]
    >>> sorted(half.capabilities)
    ['encode']
    """

    name: str
    shape: tuple[int, ...]
    data_shape: tuple[int, ...]
    encode_fn: Callable[[FloatArray], ArrayLike] | None = None
    decode_fn: Callable[[FloatArray], ArrayLike] | None = None
    posterior_fn: Callable[[FloatArray], tuple[ArrayLike, ArrayLike]] | None = None
    decode_jvp_fn: Callable[[FloatArray, FloatArray], tuple[ArrayLike, ArrayLike]] | None = None
    log_likelihood_fn: Callable[[FloatArray, FloatArray], ArrayLike] | None = None
    prior: Distribution | None = None
    geometry: Geometry = field(default_factory=Geometry)
    axes: tuple[str, ...] = ()
    alphabet: Alphabet | None = None
    conditions: tuple[Condition, ...] = ()
    given_fn: Callable[[FloatArray], "LatentSpace"] | None = None
    given_prior: ConditionalMixture | None = None
    untold_prior: Distribution | None = None
    graphs_fn: Callable[[], Mapping[str, bytes]] | None = None
    modality: Modality | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    batch_size: int = 64

    _CAPABILITIES: ClassVar[Mapping[str, str]] = {
        "encode": "encode_fn",
        "decode": "decode_fn",
        "posterior": "posterior_fn",
        "derivative": "decode_jvp_fn",
        "likelihood": "log_likelihood_fn",
        "prior": "prior",
    }

    def __post_init__(self) -> None:
        for name in ("shape", "data_shape"):
            value: Any = getattr(self, name)
            if not _is_shape(value):
                raise invalid(name, "a tuple of positive integers", value)
        check_positive_int(self.batch_size, "batch_size")
        if self.axes and len(self.axes) != self.dim:
            raise invalid("axes", f"{self.dim} names, one for each latent dimension", len(self.axes))
        if self.prior is not None and self.prior.dim != self.dim:
            raise invalid("prior.dim", f"{self.dim}, the flattened latent size", self.prior.dim)
        if self.decode_fn is not None:
            object.__setattr__(self, "geometry", dataclasses.replace(self.geometry, push_forward=self.decode_jvp))

    @property
    def dim(self) -> int:
        """Flattened latent size d."""
        return int(np.prod(self.shape))

    @property
    def capabilities(self) -> frozenset[str]:
        """What this space can do, among encode, decode, posterior, derivative, likelihood, prior."""
        return frozenset(name for name, slot in self._CAPABILITIES.items() if getattr(self, slot) is not None)

    def encode(self, x: ArrayLike) -> Codes:
        """Codes of the rows of `x` (n, *data_shape) -> (n, *shape); deterministic."""
        function = self._need("encode")
        return map_batched(function, self._data(x), shape=self.shape, batch_size=self.batch_size)

    def decode(self, z: ArrayLike) -> FloatArray:
        """Data for the latent points `z` (n, *shape) -> (n, *data_shape), in data units; deterministic."""
        function = self._need("decode")
        return map_batched(function, self._latent(z), shape=self.data_shape, batch_size=self.batch_size)

    def reconstruct(self, x: ArrayLike) -> FloatArray:
        """decode(encode(x)), the reconstruction of each row."""
        return self.decode(self.encode(x))

    def posterior(self, x: ArrayLike) -> Posterior:
        """Mean and standard deviation of q(z|x) for each row of `x`."""
        function = self._need("posterior")

        def both(batch: FloatArray) -> NDArray[Any]:
            mean, std = function(batch)
            return np.stack([np.asarray(mean), np.asarray(std)], axis=1)

        pair = map_batched(both, self._data(x), shape=(2, *self.shape), batch_size=self.batch_size)
        return Posterior(mean=np.ascontiguousarray(pair[:, 0]), std=np.ascontiguousarray(pair[:, 1]))

    def log_likelihood(self, x: ArrayLike, z: ArrayLike) -> Array:
        """log p(x|z) in nats, summed over data dimensions, for aligned rows of `x` and `z`, shape (n,)."""
        function = self._need("likelihood")
        data, latent = self._data(x), self._latent(z)
        if len(data) != len(latent):
            raise invalid("z", f"{len(data)} rows, one for each row of x", len(latent))
        return map_batched(function, data, latent, shape=(), batch_size=self.batch_size).astype(np.float64)

    def decode_jvp(self, z: ArrayLike, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """decode(z) and its directional derivative J(z) v, each (n, *data_shape)."""
        latent, tangent = self._latent(z), self._latent(v)
        if self.decode_jvp_fn is None:
            self._need("decode")
            return self._finite_difference(latent, tangent)
        function = self.decode_jvp_fn

        def both(points: FloatArray, vectors: FloatArray) -> NDArray[Any]:
            value, derivative = function(points, vectors)
            return np.stack([np.asarray(value), np.asarray(derivative)], axis=1)

        pair = map_batched(both, latent, tangent, shape=(2, *self.data_shape), batch_size=self.batch_size)
        return pair[:, 0], pair[:, 1]

    def sample(self, n: int, *, seed: int, temperature: float = 1.0, truncation: float = 1.0) -> FloatArray:
        """`n` data decoded from draws of the prior, see `sample_latents`."""
        self._need("decode")
        return self.decode(self.sample_latents(n, seed=seed, temperature=temperature, truncation=truncation))

    def sample_latents(self, n: int, *, seed: int, temperature: float = 1.0, truncation: float = 1.0) -> Codes:
        """`n` draws of the prior, shape (n, *shape).

        `temperature` scales the noise of each draw: of a mixture it stays with its component. `truncation` moves the
        draws towards the prior's mean. Below 1 both give up variety, for draws more typical of the data.
        """
        prior = cast(Distribution, self._need("prior"))
        check_positive_int(n, "n", low=0)
        draws = truncated(tempered(prior, n, seed=check_seed(seed), temperature=temperature), prior, truncation)
        points = self.geometry.project(draws.reshape(n, *self.shape))
        return points if self.alphabet is None else self.integers_to_codes(self.codes_to_integers(points))

    def codes_to_integers(self, z: ArrayLike) -> NDArray[np.int64]:
        """Numbers of the codes nearest to the latent points `z`, int64 (n, positions), of a quantised space."""
        alphabet = self._letters()
        shape = (len(alphabet.sizes),)
        found = map_batched(alphabet.to_integers, self._latent(z), shape=shape, batch_size=self.batch_size)
        return found.astype(np.int64)

    def integers_to_codes(self, integers: ArrayLike) -> Codes:
        """The latent points of code numbers (n, positions), of a quantised space."""
        alphabet = self._letters()
        numbers = as_rows(integers, (len(alphabet.sizes),), name="integers").astype(np.int64)
        if numbers.size and (numbers.min() < 0 or (numbers >= alphabet.sizes).any()):
            raise invalid("integers", f"from 0, below {max(alphabet.sizes)}", f"{numbers.min()} to {numbers.max()}")
        return map_batched(alphabet.to_codes, numbers, shape=self.shape, batch_size=self.batch_size)

    def _letters(self) -> Alphabet:
        if self.alphabet is None:
            raise MissingCapability(f"{self.name!r} has no integer codes: it was fitted without a quantiser.")
        return self.alphabet

    def given(self, *names: object, **values: object) -> "LatentSpace":
        """The same space with a decoder that is told a class or attributes, in place of any it was told before.

        `given("Sneaker")`, `given(label="Sneaker")` and `given("Smiling", Male=0)` say names and values of
        `conditions`; what is left out stays unknown, and `given()` makes all of it so. Decoded data, their derivative
        and the likelihood are then those under the condition, and samples are drawn where codes of such rows lie; the
        codes stay as they are.
        """
        if self.given_fn is None:
            raise MissingCapability(f"{self.name!r} cannot be given anything: it was fitted without conditions.")
        told = self.given_fn(condition_vector(self.conditions, names, values))
        untold, prior = self.untold_prior or self.prior, self.prior
        if self.given_prior is not None:
            numbers = told_values(self.conditions, names, values)
            prior = self.given_prior.given(numbers) if numbers else untold
        return dataclasses.replace(
            self,
            prior=prior,
            untold_prior=untold,
            decode_fn=told.decode_fn,
            decode_jvp_fn=told.decode_jvp_fn,
            log_likelihood_fn=told.log_likelihood_fn,
            graphs_fn=told.graphs_fn,
            provenance={**self.provenance, "given": [*map(str, names), *(f"{k}={v}" for k, v in values.items())]},
        )

    def with_prior(self, prior: Distribution) -> "LatentSpace":
        """The same space with another prior, for instance `Mixture.fit(codes)`."""
        return dataclasses.replace(self, prior=prior, untold_prior=None)

    def standardised(self, mean: ArrayLike, std: ArrayLike) -> "LatentSpace":
        """The space of w = (z - mean) / std; codes, posterior, prior, derivative and axes all follow."""
        centre = np.broadcast_to(np.asarray(mean, np.float32), self.shape)
        scale = np.broadcast_to(np.asarray(std, np.float32), self.shape)
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise invalid("std", "finite and positive", float(scale.min()), "drop constant dimensions first")
        return _standardised(self, centre, scale)

    def explore(self, data: Any = None, *, height: int = 800) -> Any:
        """The explorer's page in a notebook, over rows or draws of the prior (`explorer.notebook.explore`)."""
        return import_module("latentarium.explorer.notebook").explore(self, data, height=height)

    def _repr_html_(self) -> str:
        able = ", ".join(sorted(self.capabilities)) or "nothing but its codes"
        rows = {"latent shape": self.shape, "data shape": self.data_shape, "can": able}
        cells = "".join(
            f"<tr><th style='text-align:left'>{k}</th><td>{html.escape(str(v))}</td></tr>" for k, v in rows.items()
        )
        return f"<table><caption><b>{html.escape(self.name)}</b>: a latent space</caption>{cells}</table>"

    def _need(self, capability: str) -> Callable[..., Any]:
        slot = self._CAPABILITIES[capability]
        value = getattr(self, slot)
        if value is None:
            raise MissingCapability(
                f"{self.name!r} cannot {_VERBS[capability]}: it has no {slot}. Has: {sorted(self.capabilities)}."
            )
        return value

    def _data(self, x: ArrayLike) -> FloatArray:
        low = self.modality.low if self.modality else None
        high = self.modality.high if self.modality else None
        return as_rows(x, self.data_shape, name="x", low=low, high=high)

    def _latent(self, z: ArrayLike) -> FloatArray:
        return as_rows(z, self.shape, name="z")

    def _finite_difference(self, z: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        warnings.warn(f"{self.name!r} has no decode_jvp_fn: derivatives by central differences", stacklevel=3)
        norm = np.linalg.norm(v.reshape(len(v), -1), axis=1).reshape(-1, *[1] * len(self.shape))
        step = 1e-2 / np.maximum(norm, 1e-12)
        ahead, behind = self.decode(z + step * v), self.decode(z - step * v)
        scale = (2 * step).reshape(-1, *[1] * len(self.data_shape))
        derivative = np.where(norm.reshape(scale.shape) > 0, (ahead - behind) / scale, 0)
        return self.decode(z), derivative.astype(np.float32)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(n, int) and n > 0 for n in cast(tuple[object, ...], value))


_VERBS: Mapping[str, str] = {
    "encode": "encode", "decode": "decode", "posterior": "give a posterior", "likelihood": "score a likelihood",
    "derivative": "differentiate its decoder", "prior": "sample",
}  # fmt: skip


def _rescaled(geometry: Geometry, mean: FloatArray, std: FloatArray) -> Geometry:
    if geometry.radius is None:
        return geometry
    if mean.any() or (std != std.flat[0]).any():
        raise invalid("mean and std", "0 and one common number in a spherical space", "others", "they bend the sphere")
    return dataclasses.replace(geometry, radius=geometry.radius / float(std.flat[0]))


def _moved(prior: Any, mean: FloatArray, std: FloatArray) -> Any:
    """A prior in units (z - mean) / std, None for None."""
    return prior and prior.transformed(mean.ravel().astype(float), std.ravel().astype(float))


def _standardised(space: LatentSpace, mean: FloatArray, std: FloatArray) -> LatentSpace:
    def inward(z: ArrayLike) -> FloatArray:
        return ((np.asarray(z) - mean) / std).astype(np.float32)

    def outward(w: FloatArray) -> FloatArray:
        return (w * std + mean).astype(np.float32)

    def posterior(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        original = cast(Callable[[FloatArray], tuple[ArrayLike, ArrayLike]], space.posterior_fn)
        centre, spread = original(x)
        return inward(centre), (np.asarray(spread) / std).astype(np.float32)

    def jvp(w: FloatArray, v: FloatArray) -> tuple[ArrayLike, ArrayLike]:
        original = cast(Callable[[FloatArray, FloatArray], tuple[ArrayLike, ArrayLike]], space.decode_jvp_fn)
        return original(outward(w), (v * std).astype(np.float32))

    def likelihood(x: FloatArray, w: FloatArray) -> ArrayLike:
        original = cast(Callable[[FloatArray, FloatArray], ArrayLike], space.log_likelihood_fn)
        return original(x, outward(w))

    def encode(x: FloatArray) -> FloatArray:
        return inward(cast(Callable[[FloatArray], ArrayLike], space.encode_fn)(x))

    def decode(w: FloatArray) -> ArrayLike:
        return cast(Callable[[FloatArray], ArrayLike], space.decode_fn)(outward(w))

    def to_integers(w: FloatArray) -> ArrayLike:
        return cast(Alphabet, space.alphabet).to_integers(outward(w))

    def to_codes(k: NDArray[np.int64]) -> ArrayLike:
        return inward(cast(Alphabet, space.alphabet).to_codes(k))

    def given(condition: FloatArray) -> LatentSpace:
        original = cast(Callable[[FloatArray], LatentSpace], space.given_fn)
        return _standardised(original(condition), mean, std)

    letters = space.alphabet
    return dataclasses.replace(
        space,
        alphabet=letters and dataclasses.replace(letters, to_integers=to_integers, to_codes=to_codes),
        encode_fn=space.encode_fn and encode,
        decode_fn=space.decode_fn and decode,
        posterior_fn=space.posterior_fn and posterior,
        decode_jvp_fn=space.decode_jvp_fn and jvp,
        log_likelihood_fn=space.log_likelihood_fn and likelihood,
        given_fn=space.given_fn and given,
        graphs_fn=None,
        **{slot: _moved(getattr(space, slot), mean, std) for slot in ("prior", "given_prior", "untold_prior")},
        geometry=_rescaled(space.geometry, mean, std),
        provenance={**space.provenance, "standardised": {"mean": mean.tolist(), "std": std.tolist()}},
    )
