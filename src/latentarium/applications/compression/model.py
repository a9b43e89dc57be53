"""What the codec needs of a bundle: posteriors, likelihood parameters and pictures, and how codes are distributed."""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentarium.applications.compression.arithmetic import Floats, sigmoid, softmax
from latentarium.applications.compression.latents import Table, Tables, Whole, learned_table, split_posterior
from latentarium.applications.compression.networks import Layer, exact
from latentarium.applications.compression.pixels import PixelCoder
from latentarium.arrays import batches
from latentarium.bundle import MODEL, Bundle
from latentarium.data.modalities import ImageModality
from latentarium.errors import InvalidInput, invalid
from latentarium.models.stored import model_from_weights
from latentarium.nn.likelihoods import Likelihood
from latentarium.nn.likelihoods.autoregressive import COMPONENTS

Levels = NDArray[np.uint8]
BATCH = 128
AE_SPREAD = 0.1
"""Stand-in for the posterior's spread in a space without one: this share of the codes' spread, all dimensions alike."""


@dataclass(frozen=True, eq=False)
class CodecModel:
    """A bundle of pictures as the codec sees it; rows are evaluated `batch_size` at a time, which no result shows."""

    bundle: Bundle
    batch_size: int = BATCH

    def __post_init__(self) -> None:
        if not isinstance(self.bundle.modality, ImageModality):
            raise invalid("BUNDLE", "one of pictures", f"one of {self.bundle.modality.kind} rows", "use --mode plain")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a row: channels, height, width."""
        return self.bundle.modality.data_shape  # type: ignore[return-value]

    @property
    def latent(self) -> int:
        """Latent dimensions."""
        return int(np.prod(self.bundle.manifest["shape"]))

    @property
    def exact(self) -> bool:
        """Whether the networks are ours and so give the same bits everywhere."""
        return self.bundle.built_in and self.bundle.manifest["architecture"]["net"] != "gan"

    @property
    def size(self) -> int:
        """Bytes of what a decoder needs beside a file: the weights."""
        return sum(self.bundle.file(name).stat().st_size for name in self._decoding)

    @property
    def _decoding(self) -> list[str]:
        """Files of the bundle that a decoder needs."""
        return [name for name in ((MODEL,) if self.bundle.built_in else ("decoder.onnx",)) if self.bundle.has(name)]

    def fingerprint(self, *, with_codes: bool) -> bytes:
        """SHA-256 of the networks and, `with_codes`, of the codes whose distribution lossy files are coded with."""
        manifest = self.bundle.manifest
        names = self._decoding + [name for name in ("codes.parquet",) if with_codes and self.bundle.has(name)]
        told = {
            "architecture": manifest["architecture"],
            "modality": manifest["modality"],
            "files": [manifest["files"][name] for name in names],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()

    @cached_property
    def network(self) -> Any:
        """The torch module, in float32."""
        bundle = self.bundle
        weights = bundle.tensors(MODEL)
        return model_from_weights(bundle.manifest["architecture"], weights, bundle.modality, name=bundle.name).eval()

    @cached_property
    def _encoder(self) -> Layer:
        return exact(self.network.encoder)

    @cached_property
    def _decoder(self) -> Layer:
        decoder, conditions = exact(self.network.decoder), self.network.conditions
        return lambda z: decoder(np.concatenate([z, np.zeros((len(z), conditions))], axis=1))

    @cached_property
    def pixels(self) -> PixelCoder:
        """The coder of grey levels; `InvalidInput` where the space has no mass for them."""
        if not self.exact or not self.network.variational:
            raise InvalidInput(
                f"{self.bundle.name!r} cannot compress without loss: it is not a VAE of this package; "
                "fit with --model vae --likelihood autoregressive, or compress with --mode lossy"
            )
        return PixelCoder.of(self.network.likelihood, self.shape)

    def posterior(self, levels: Levels) -> tuple[Floats, Floats]:
        """Exact mean and standard deviation (n, d) of q(z|x)."""
        return split_posterior(self._batched(self._encoder, levels / 255.0))

    def parameters(self, z: Floats) -> Floats:
        """Exact outputs of the decoder."""
        return self._batched(self._decoder, z)

    def pictures(self, z: Floats) -> Levels:
        """Grey levels (n, c, h, w) that latent points decode to; exact where the networks are ours."""
        if not self.exact:
            return self.bundle.modality.to_raw(self.bundle.space.decode(z.astype(np.float32)))
        likelihood = self.network.likelihood
        return self._batched(lambda part: mean_levels(likelihood, self._decoder(part), self.shape), z)

    def codes(self, levels: Levels) -> Floats:
        """Codes (n, d) as the space gives them."""
        return self.bundle.space.encode(self.bundle.modality.to_array(levels)).reshape(len(levels), -1).astype(float)

    def spread(self, levels: Levels) -> Floats:
        """Standard deviations (n, d) of the posteriors, which steps are measured in."""
        space = self.bundle.space
        if space.posterior_fn is None:
            return np.full((1, self.latent), AE_SPREAD * float(self.bundle.codes.std(0).mean()))
        return space.posterior(self.bundle.modality.to_array(levels)).std.reshape(len(levels), -1)

    @cached_property
    def seen(self) -> NDArray[np.float32]:
        """Codes (n, d) of the training rows, or of all that the bundle has."""
        training = self.bundle.codes[self.bundle.splits == "train"]
        found = training if len(training) > 1 else self.bundle.codes
        if not len(found):
            raise InvalidInput(f"{self.bundle.name!r} has no codes, whose distribution a lossy file is coded with")
        return found.reshape(len(found), -1)

    def tables(self, steps: Floats) -> Tables:
        """How rounded codes are distributed in each dimension on the grid of `steps`."""

        @functools.cache
        def table(dimension: int) -> Table:
            return learned_table(whole(self.seen[:, dimension].astype(float), steps[dimension]))

        return table

    def _batched(self, function: Callable[[Any], Any], values: NDArray[Any]) -> Any:
        return np.concatenate([function(values[part]) for part in batches(len(values), self.batch_size)])


def whole(codes: Floats, steps: Floats) -> Whole:
    """Codes rounded to the grid of `steps`."""
    return np.rint(codes / steps).astype(np.int64)


def mean_levels(likelihood: Likelihood, params: Floats, shape: tuple[int, int, int]) -> Levels:
    """`Likelihood.mean` as grey levels, in exact arithmetic."""
    whole = params.reshape(len(params), -1, *shape).swapaxes(0, 1)
    name = likelihood.name
    if name == "gaussian":
        mean = whole[0]
    elif name in ("bernoulli", "logistic"):
        mean = sigmoid(whole[0])
    elif name == "autoregressive":
        mean = _expected(whole[:COMPONENTS], sigmoid(whole[COMPONENTS : 2 * COMPONENTS]))
    else:
        mean = _expected(whole, np.linspace(0, 1, len(whole)))
    return np.rint(np.clip(mean, 0, 1) * 255).astype(np.uint8)


def _expected(logits: Floats, values: Floats) -> Floats:
    """The mean of `values` under the shares that `logits` stand for, added up in order."""
    total = np.zeros(logits.shape[1:])
    for share, value in zip(softmax(logits), values, strict=True):
        total += share * value
    return total
