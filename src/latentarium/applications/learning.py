"""What the scikit-learn estimators share: arrays as rows of a space, and a space learned on the spot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.adapters import from_callables
from latentarium.arrays import FloatArray, as_rows, batches, check_positive_int
from latentarium.bundle import MODEL, Bundle
from latentarium.data.levels import channels_first
from latentarium.data.modalities import MOST_CHANNELS, SMALLEST, Column, ImageModality, TableModality
from latentarium.data.music.modalities import GridModality
from latentarium.data.rows import Rows
from latentarium.data.texts import TextModality
from latentarium.errors import InvalidInput, invalid
from latentarium.measures.detection import OrientedEdges
from latentarium.rng import generator
from latentarium.space import LatentSpace, Modality

MODELS = ("pca", "edges", "vae", "ae")
FEWEST_STEPS, EPOCHS = 100, 30
_VALIDATION = 71
VALIDATION_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The caller's arrays as rows of a space: numbers in standard deviations, pictures from 0 to 1.

    Parameters
    ----------
    data_shape : of one row of the space
    modality : of data that a space is to be learned from; None where the caller's arrays are in the space's units
    is_picture : whether rows are pictures (channels, height, width)
    summed : whether the first axis of a row is shown in one colour: channels of pictures, symbols of a tune or a text
    """

    data_shape: tuple[int, ...]
    modality: Modality | None = None
    is_picture: bool = False
    summed: bool = False

    @classmethod
    def of(cls, x: NDArray[Any]) -> "Frame":
        """For rows that a space is to be learned from: a matrix (n, d), or pictures as `la.fit` takes them."""
        if x.ndim > 2:
            _, channels, height, width = channels_first(x, "X").shape
            modality: Modality = ImageModality(channels=channels, height=height, width=width)
            return cls(data_shape=modality.data_shape, modality=modality, is_picture=True, summed=True)
        mean, std = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
        # a column that does not vary keeps its units: another value there is as odd as it looks
        still = std <= 1e-12 * np.maximum(1, np.abs(mean))
        std[still] = 1
        columns = tuple(
            Column(name=f"x{i}", kind="numeric", mean=float(m), std=float(s)) for i, (m, s) in enumerate(zip(mean, std))
        )
        return cls(data_shape=(x.shape[1],), modality=TableModality(columns=columns))

    @classmethod
    def of_space(cls, space: LatentSpace) -> "Frame":
        """For a space that is there: its own units, rows flattened or not."""
        shape = space.data_shape
        shaped = len(shape) == 3 and shape[0] <= MOST_CHANNELS and min(shape[1:]) >= SMALLEST
        known = isinstance(space.modality, ImageModality) if space.modality is not None else shaped
        of_symbols = isinstance(space.modality, GridModality | TextModality)
        return cls(data_shape=shape, is_picture=known, summed=known or of_symbols)

    def array(self, x: NDArray[Any]) -> FloatArray:
        """Rows in array units, float32 (n, *data_shape)."""
        if isinstance(self.modality, TableModality):
            return as_rows(self.modality.to_array(x), self.data_shape, name="X")
        if self.modality is not None:
            return _unit(channels_first(x, "X"), self.data_shape)
        if x.ndim == 2 and int(np.prod(self.data_shape)) == x.shape[1]:
            x = x.reshape(-1, *self.data_shape)
        return as_rows(x, self.data_shape, name="X")

    def raw(self, x: FloatArray) -> NDArray[Any]:
        """The way back from array units: table columns in their own units, pictures from 0 to 1."""
        return self.modality.to_raw(x) if isinstance(self.modality, TableModality) else x


def checked_rows(estimator: Any, given: Any, *, reset: bool) -> NDArray[Any]:
    """What a scikit-learn user passed as X, checked as scikit-learn does; `reset` in `fit`, which needs two rows."""
    from sklearn.utils.validation import validate_data

    fewest = 2 if reset else 1
    return np.asarray(
        validate_data(estimator, given, reset=reset, allow_nd=True, dtype="numeric", ensure_min_samples=fewest)
    )


def learn_space(
    x: FloatArray, frame: Frame, *, model: str, latent: int, seed: int, options: Mapping[str, Any] | None = None
) -> LatentSpace:
    """A space of the rows `x` (n, *data_shape): principal components in closed form, or a fitted VAE or AE.

    Parameters
    ----------
    model : "pca"; "edges", components of the edge directions of pictures (`measures.detection.OrientedEdges`) with
        the best linear way back to pixels; "vae" or "ae"
    latent : dimensions, at most what the rows allow
    options : settings of the fit such as steps or epochs; a VAE or AE has 30 epochs, at least 100 steps
    """
    if model not in MODELS:
        raise invalid("model", f"one of {', '.join(MODELS)}", model)
    check_positive_int(latent, "latent", high=4096)
    if model in ("pca", "edges"):
        if options:
            raise InvalidInput(f"model {model!r} takes no options, got {', '.join(sorted(options))}")
        return _principal(x, latent=latent, seed=seed) if model == "pca" else _edges(x, frame, latent=latent, seed=seed)
    network, provenance = learn_network(x, frame, model=model, latent=latent, seed=seed, options=options)
    return network.as_space(model, provenance)


@dataclass(frozen=True, eq=False)
class _Axes:
    """Principal components as functions that can be pickled, since scikit-learn's users pickle estimators."""

    mean: FloatArray
    basis: FloatArray
    shape: tuple[int, ...]

    def encode(self, x: FloatArray) -> FloatArray:
        return np.asarray((x.reshape(len(x), -1) - self.mean) @ self.basis.T, np.float32)

    def decode(self, z: FloatArray) -> FloatArray:
        return np.asarray(z @ self.basis + self.mean, np.float32).reshape(-1, *self.shape)


@dataclass(frozen=True, eq=False)
class _EdgeAxes:
    """Components of edge directions, and a linear way from them to pixels."""

    features: OrientedEdges
    mean: FloatArray
    basis: FloatArray
    back: FloatArray

    def encode(self, x: FloatArray) -> FloatArray:
        cells = self.features.cells(x).reshape(len(x), -1)
        return np.asarray((cells - self.mean) @ self.basis.T, np.float32)

    def decode(self, z: FloatArray) -> FloatArray:
        pixels = z @ self.back[:-1] + self.back[-1]
        return np.clip(pixels, 0, 1).astype(np.float32).reshape(-1, *self.features.data_shape)


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network as functions that can be pickled: its weights travel, and it is rebuilt when first asked."""

    architecture: Mapping[str, Any]
    weights: Mapping[str, NDArray[Any]]
    modality: Modality

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> "Network":
        """The networks of a bundle.

        Raises
        ------
        InvalidInput
            When they are not ours, make discrete codes, or are told a condition.
        """
        architecture = bundle.manifest["architecture"]
        if not bundle.built_in or architecture.get("quantiser") or architecture.get("conditions"):
            words = "a bundle of a VAE or AE that was fitted here, with continuous codes and no conditions"
            raise invalid("space", words, str(bundle.path))
        return cls(architecture, bundle.tensors(MODEL), bundle.modality)

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> "Network":
        """The same architecture with other weights."""
        return Network(self.architecture, weights, self.modality)

    def model(self) -> Any:
        """A fresh torch module with these weights."""
        from latentarium.models.stored import model_from_weights

        return model_from_weights(self.architecture, self.weights, self.modality, name="network")

    @cached_property
    def space(self) -> LatentSpace:
        """The networks as a space, rebuilt when it is first asked for."""
        from latentarium.models.stored import space_from_weights

        shared: dict[str, Any] = {"name": "network", "prior": None, "provenance": {}}
        return space_from_weights(self.architecture, self.weights, self.modality, **shared)

    def as_space(self, name: str, provenance: Mapping[str, Any]) -> LatentSpace:
        """A space whose functions are those of this object, so that it can be pickled."""
        able = self.space.capabilities
        return from_callables(
            self.encode,
            self.decode,
            data_shape=self.modality.data_shape,
            latent_shape=self.space.shape,
            posterior=self.posterior if "posterior" in able else None,
            decode_jvp=self.decode_jvp,
            log_likelihood=self.log_likelihood,
            prior=self.space.prior,
            modality=self.modality,
            name=name,
            provenance=provenance,
            batch_size=self.space.batch_size,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "space"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def encode(self, x: FloatArray) -> Any:
        return _there(self.space.encode_fn)(x)

    def decode(self, z: FloatArray) -> Any:
        return _there(self.space.decode_fn)(z)

    def posterior(self, x: FloatArray) -> Any:
        return _there(self.space.posterior_fn)(x)

    def decode_jvp(self, z: FloatArray, v: FloatArray) -> Any:
        return _there(self.space.decode_jvp_fn)(z, v)

    def log_likelihood(self, x: FloatArray, z: FloatArray) -> Any:
        return _there(self.space.log_likelihood_fn)(x, z)


def _there(function: Callable[..., Any] | None) -> Callable[..., Any]:
    if function is None:
        raise InvalidInput("the network lacks a function that it was fitted with")
    return function


def _principal(x: FloatArray, *, latent: int, seed: int) -> LatentSpace:
    flat, shape = x.reshape(len(x), -1).astype(np.float64), x.shape[1:]
    fitted = _components(flat, latent, seed)
    axes = _Axes(np.asarray(fitted.mean_, np.float32), np.asarray(fitted.components_, np.float32), shape)
    return from_callables(
        axes.encode,
        axes.decode,
        data_shape=shape,
        latent_shape=(len(axes.basis),),
        name="principal components",
        provenance={"kind": "pca", "latent": len(axes.basis)},
        batch_size=256,
    )


def _edges(x: FloatArray, frame: Frame, *, latent: int, seed: int) -> LatentSpace:
    """Components of edge directions; axes of large variance are shrunk to the root of their spread."""
    if not frame.is_picture:
        raise invalid("model", "'edges' for pictures alone", f"rows of shape {frame.data_shape}")
    features = OrientedEdges(frame.data_shape)
    cells = np.concatenate(
        [features.cells(x[part]).reshape(part.stop - part.start, -1) for part in batches(len(x), 256)]
    )
    fitted = _components(cells.astype(np.float64), latent, seed)
    spread = np.sqrt(np.maximum(fitted.explained_variance_, 1e-12))
    basis = np.asarray(fitted.components_ / np.sqrt(spread)[:, None], np.float32)
    mean = np.asarray(fitted.mean_, np.float32)
    codes = ((cells - mean) @ basis.T).astype(np.float64)
    back = np.linalg.lstsq(np.c_[codes, np.ones(len(codes))], x.reshape(len(x), -1).astype(np.float64), rcond=None)[0]
    network = _EdgeAxes(features, mean, basis, np.asarray(back, np.float32))
    return from_callables(
        network.encode,
        network.decode,
        data_shape=frame.data_shape,
        latent_shape=(len(basis),),
        modality=frame.modality,
        name="edge components",
        provenance={"kind": "edges", "latent": len(basis)},
        batch_size=256,
    )


def _components(flat: NDArray[np.float64], latent: int, seed: int) -> Any:
    """scikit-learn's PCA, by the way that suits the shape."""
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if flat.shape[1] <= min(len(flat), 2048) else "full"
    if min(flat.shape) > 2048:
        solver = "randomized"
    return PCA(min(latent, *flat.shape), svd_solver=solver, random_state=seed).fit(flat)


def learn_network(
    x: FloatArray, frame: Frame, *, model: str, latent: int, seed: int, options: Mapping[str, Any] | None = None
) -> tuple[Network, dict[str, Any]]:
    """A VAE or AE fitted to the rows, and how it came about; as `learn_space`."""
    from latentarium.training.fit import train
    from latentarium.training.settings import FitSettings

    if frame.modality is None:
        raise invalid("modality", "known where a space is learned", None)
    if len(x) < 2:
        raise invalid("the rows to learn from", "at least 2", len(x))
    options = dict(options or {})
    if not {"steps", "epochs", "time"} & set(options):
        batch = options.get("batch_size", 256)
        options["steps"] = max(FEWEST_STEPS, EPOCHS * len(x) // batch)
    settings = FitSettings.make(model=model, latent=latent, seed=seed, **options)
    fitted = train(_rows(x, frame.modality, seed), settings)
    weights = {name: value.detach().cpu().numpy() for name, value in fitted.model.state_dict().items()}
    network = Network(fitted.settings.architecture.to_json(), weights, frame.modality)
    return network, {"kind": model, "settings": fitted.settings.to_json(), "steps": fitted.steps_done}


def _rows(x: FloatArray, modality: Modality, seed: int) -> Rows:
    """Rows of a fit; a few of them watch it and are not trained on."""
    order = generator(seed, _VALIDATION).permutation(len(x))
    watched = max(1, round(VALIDATION_SHARE * len(x)))
    parts = {"train": np.sort(order[watched:]), "validation": np.sort(order[:watched]), "test": order[:0]}
    ids = np.array([str(i) for i in range(len(x))])
    return Rows(name="rows", modality=modality, raw=modality.to_raw(x), ids=ids, columns={}, splits=parts, source="")


def _unit(planes: NDArray[Any], shape: tuple[int, ...]) -> FloatArray:
    """Pictures as floats from 0 to 1: uint8 grey levels are divided by 255."""
    if planes.dtype.kind in "iu":
        return as_rows(planes / np.float32(255), shape, name="X", low=0, high=1)
    return as_rows(planes, shape, name="X", low=0, high=1)
