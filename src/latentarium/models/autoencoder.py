"""Autoencoder and VAE: encoder x decoder x likelihood, described by one frozen, JSON-ready architecture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from latentarium.arrays import check_positive_int
from latentarium.data.modalities import ImageModality, TableModality
from latentarium.data.music.modalities import DrumModality, MelodyModality
from latentarium.data.symbols import TokenModality
from latentarium.errors import InvalidInput, invalid
from latentarium.nn.generators import Discriminator, Generator, design
from latentarium.nn.ladder import LadderDecoder, LadderEncoder, ladder_size
from latentarium.nn.likelihoods import UNBROKEN_BARS, Likelihood, build_likelihood
from latentarium.nn.melodies import MelodyDecoder, MelodyEncoder
from latentarium.nn.networks import ConvDecoder, ConvEncoder, ConvPlan, DenseDecoder, DenseEncoder
from latentarium.nn.quantisers import Quantiser, build_quantiser, check_quantiser
from latentarium.nn.recurrent import Conductor, EveryStep, FoldingEncoder
from latentarium.objectives import share_pairs
from latentarium.space import Modality

LOG_VARIANCE_RANGE = (-8.0, 4.0)
NETS = ("auto", "dense", "conv", "ladder", "melody", "recurrent", "custom", "gan")
SYMBOL_NETS = ("melody", "recurrent")
OPPONENT_WIDTH = 64
"""Of the discriminator of a generator with dense or convolutional nets."""
LATENT = 32
LATENT_PER_BAR, MOST_LATENT = 64, 512
"""Of melodies."""
DENSE_UP_TO = 1024
"""Images with at most this many values get dense nets: on a CPU they learn several times faster there."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What has to be known to build a model again; "auto" values are settled by `settle`.

    Parameters
    ----------
    latent : latent dimensions; 0 for 32, for melodies 128 or, where they are long, 512; "ladder" has its own number,
        which follows from the picture's size
    variational : a VAE (encoder gives mean and log variance) or an AE
    net : "dense", "conv", "ladder" (top-down, latent maps at every grid size), "melody", "recurrent" (rows of symbols
        one after the other), "custom" (the user's own modules), "gan" (set by the model) or "auto"
    width : hidden units (dense, melody, recurrent), channels at the finest grid (conv, ladder) or at grids of up to 16
        (gan); 0 for the default
    depth : residual blocks on each side (dense, melody) or at each grid size (conv, ladder, gan); 0 for the default
    patch : pixels a side that the finest grid of a GAN, or of its discriminator, sees as one; 0 for a grid of at most
        16, patches of at most 4
    likelihood : "bernoulli", "gaussian", "logistic", "categorical", "autoregressive", "mixed", "melody", "recurrent" or
        "auto"
    levels : grey levels of the categorical likelihood
    quantiser : "fsq:8-5-5-5", "vq:512", "qlae:10" (see `nn/quantisers.py`), or "" for continuous codes
    conditions : values that the decoder is told beside z, set by a fit's `condition`
    linear : linear paths beside the nets, which start at the best linear model: much faster to a good likelihood, but
        its axes are mixtures of the factors; False to disentangle
    """

    latent: int = 0
    variational: bool = True
    net: str = "auto"
    width: int = 0
    depth: int = 0
    patch: int = 0
    likelihood: str = "auto"
    levels: int = 16
    quantiser: str = ""
    linear: bool = True
    conditions: int = 0

    def __post_init__(self) -> None:
        check_positive_int(self.latent, "latent", low=0, high=4096)
        check_positive_int(self.width, "width", low=0, high=8192)
        check_positive_int(self.depth, "depth", low=0, high=64)
        check_positive_int(self.conditions, "conditions", low=0, high=2**16)
        check_quantiser(self.quantiser, self.latent or LATENT)
        if self.net not in NETS:
            raise invalid("net", f"one of {', '.join(NETS[:-1])}", self.net)
        if self.patch not in (0, 1, 2, 4, 8):
            raise invalid("patch", "0, 1, 2, 4 or 8", self.patch)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Architecture":
        unknown = set(stored) - {f.name for f in fields(cls)}
        if unknown:
            raise InvalidInput(f"architecture has unknown settings {sorted(unknown)}; it was made by a newer version")
        return cls(**stored)

    def settle(self, modality: Modality, sample: NDArray[np.float32]) -> "Architecture":
        """Choose what is "auto" from the data: `sample` is a few thousand training rows in array units."""
        if not self.latent:
            return replace(self, latent=default_latent(modality)).settle(modality, sample)
        if self.net == "gan":
            return self._settle_gan(modality)
        net = self.net
        if isinstance(modality, TokenModality) or net in SYMBOL_NETS:
            return self._settle_symbols(modality)
        if net == "auto":
            small = int(np.prod(modality.data_shape)) <= DENSE_UP_TO
            net = "dense" if small or not isinstance(modality, ImageModality) else "conv"
        if net in ("conv", "ladder"):
            _check_image(modality)
            if self.width % 8:
                raise invalid("width", "a multiple of 8 for a convolutional net", self.width)
        dense = net == "dense"
        return replace(
            self,
            net=net,
            latent=self._ladder_size(modality) if net == "ladder" else self.latent,
            width=self.width or (512 if dense else 32),
            depth=self.depth or 1,
            likelihood=choose_likelihood(modality, sample) if self.likelihood == "auto" else self.likelihood,
        )

    def _settle_symbols(self, modality: Modality) -> "Architecture":
        """Melodies have a net of their own; other rows of symbols, and melodies where asked for, are read in order."""
        if not isinstance(modality, TokenModality):
            raise invalid("net", "dense, conv, ladder or auto for data that are not rows of symbols", self.net)
        melody = isinstance(modality, MelodyModality)
        allowed = ("auto", *SYMBOL_NETS) if melody else ("auto", "recurrent")
        if self.net not in allowed:
            raise invalid("net", f"{', '.join(allowed)} for data of kind {modality.kind!r}", self.net)
        recurrent = self.net == "recurrent" or self.likelihood == "recurrent" or not melody
        net = "recurrent" if recurrent else "melody"
        if self.likelihood not in ("auto", net):
            raise invalid("likelihood", f"{net!r} for the net {net!r}", self.likelihood)
        width = self.width or (256 if recurrent else 512)
        return replace(self, net=net, likelihood=net, width=width, depth=self.depth or 2)

    def _ladder_size(self, modality: Modality) -> int:
        if self.quantiser:
            raise invalid("quantiser", "'' for the net 'ladder'", self.quantiser)
        return ladder_size(ConvPlan.design(_image_shape(modality), base=8))

    def _settle_gan(self, modality: Modality) -> "Architecture":
        if not isinstance(modality, ImageModality):
            raise invalid("model", "vae or ae for data that are not images", "gan")
        _check_image(modality)
        if self.width % 8:
            raise invalid("width", "a multiple of 8 for a GAN", self.width)
        plan = design(modality.data_shape, base=8, patch=self.patch)
        # the encoder's codes are scored as means of a Gaussian, whose spread the fit's end measures
        filled = {"width": self.width or 96, "depth": self.depth or 1, "patch": plan.patch}
        return replace(self, likelihood="gaussian", **filled)


def default_latent(modality: Modality) -> int:
    """Latent dimensions where nobody said how many: a melody has more to say than a picture of its size."""
    if isinstance(modality, MelodyModality):
        return min(MOST_LATENT, LATENT_PER_BAR * modality.bars)
    return LATENT


def _image_shape(modality: Modality) -> tuple[int, int, int]:
    channels, height, width = modality.data_shape
    return channels, height, width


def _check_image(modality: Modality) -> None:
    if not isinstance(modality, ImageModality):
        raise invalid("net", "'dense' for data that are not images", "conv")
    channels, height, width = modality.data_shape
    if not (min(height, width) >= 8 and max(height, width) <= 256):
        raise invalid("image size", "from 8 to 256 pixels a side", f"{height}x{width}", "resize with --size 64")
    if not 1 <= channels <= 4:
        raise invalid("image channels", "1 to 4", channels)


def choose_likelihood(modality: Modality, sample: NDArray[np.float32]) -> str:
    """Mixed for tables; Bernoulli for drums and one-channel images with a third of their pixels black or white; else
    Gaussian.
    """
    if isinstance(modality, TableModality):
        return "mixed"
    if isinstance(modality, DrumModality):
        return "bernoulli"
    extreme = float(((sample <= 0) | (sample >= 1)).mean())
    return "bernoulli" if modality.data_shape[0] == 1 and extreme >= 1 / 3 else "gaussian"


class Outputs(NamedTuple):
    """One pass through the model: likelihood parameters, q(z|x) and its draw, all float32; with a quantiser also what
    the encoder gave it and the quantiser's loss of each row.
    """

    params: Tensor
    mean: Tensor
    log_variance: Tensor
    z: Tensor
    raw: Tensor | None = None
    quantisation: Tensor | None = None


class Autoencoder(nn.Module):
    """An AE or VAE. `forward(x, noise)` is the training pass; noise None means z = mean.

    With a `quantiser` the means are its codes. `paired` rows, the first half and the second, share their posteriors
    (see `objectives.share_pairs`).

    With `conditions` the decoder sees p(x|z, c): z joined with a condition c (b, conditions), zeros where it is not
    known (dropped at random in training, Ho & Salimans 2022). The encoder stays q(z|x), since the class is as good as
    a function of the row.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        *,
        variational: bool,
        quantiser: Quantiser | None = None,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.variational = variational
        self.quantiser = quantiser
        self.conditions = conditions

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (b, latent); the log variance of an AE is the lower limit of the range."""
        hidden = self.encoder(x)
        low, high = LOG_VARIANCE_RANGE
        if not self.variational:
            raw = hidden.float()
            mean = raw if self.quantiser is None else self.quantiser(raw).codes
            return mean, torch.full_like(mean, low)
        mean, raw = hidden if isinstance(hidden, tuple) else hidden.float().chunk(2, dim=1)
        return mean.float(), high - F.softplus(high - low - F.softplus(raw.float() - low))

    def forward(
        self, x: Tensor, noise: Tensor | None, paired: bool = False, condition: Tensor | None = None
    ) -> Outputs:
        if self.quantiser is not None:
            raw = self.encoder(x).float()
            z, loss = self.quantiser(raw)
            lowest = torch.full_like(z, LOG_VARIANCE_RANGE[0])
            return Outputs(self.params(z, condition), z, lowest, z, raw, loss)
        mean, log_variance = self.posterior(x)
        if paired:
            mean, log_variance = share_pairs(mean, log_variance)
        z = mean if noise is None or not self.variational else mean + torch.exp(0.5 * log_variance) * noise
        return Outputs(self.params(z, condition), mean, log_variance, z)

    def joined(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """What the decoder sees (b, latent + conditions): z, then the condition (b or 1, conditions)."""
        if not self.conditions:
            return z
        known = z.new_zeros(1, self.conditions) if condition is None else condition
        # not len(z), which an exporter takes for a constant
        return torch.cat([z, known.expand(z.shape[0], -1)], dim=1)

    def params(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The likelihood's parameters at latent points, float32."""
        return self.decoder(self.joined(z, condition)).float()

    def unclipped(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """`decode` before values are brought into the data's range."""
        return self.likelihood.unclipped(self.params(z, condition))

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Latent points to data units."""
        return self.likelihood.mean(self.decoder(self.joined(z, condition)))


def build(architecture: Architecture, modality: Modality) -> Autoencoder:
    """A fresh model for settled `architecture`; torch's current generator sets the initial weights."""
    likelihood = build_likelihood(
        architecture.likelihood, modality, levels=architecture.levels, width=architecture.width
    )
    per_latent = 2 if architecture.variational else 1
    outputs = architecture.latent * per_latent
    shape, linear = modality.data_shape, architecture.linear
    inputs = architecture.latent + architecture.conditions
    if architecture.net == "gan":
        # two thirds narrower than the generator: the encoder only has to find a place that descent can start from
        inward = ConvPlan.design(_image_shape(modality), base=max(8, architecture.width // 3 // 8 * 8))
        encoder: nn.Module = ConvEncoder(inward, depth=1, outputs=outputs)
        outward = design(_image_shape(modality), base=architecture.width, patch=architecture.patch)
        decoder: nn.Module = Generator(outward, latent=inputs, depth=architecture.depth)
    elif architecture.net == "ladder":
        plan = ConvPlan.design(_image_shape(modality), base=architecture.width)
        size = {"depth": architecture.depth}
        encoder = LadderEncoder(plan, per_latent=per_latent, **size)
        channels = shape[0] * likelihood.outputs
        decoder = LadderDecoder(plan, channels=channels, conditions=architecture.conditions, **size)
    elif architecture.net == "conv":
        plan = ConvPlan.design(_image_shape(modality), base=architecture.width)
        encoder = ConvEncoder(plan, depth=architecture.depth, outputs=outputs, linear=linear)
        channels = shape[0] * likelihood.outputs
        decoder = ConvDecoder(plan, latent=inputs, depth=architecture.depth, channels=channels, linear=linear)
    elif isinstance(modality, TokenModality):
        encoder, decoder = _symbol_nets(architecture, modality, outputs)
    else:
        size = {"width": architecture.width, "depth": architecture.depth, "linear": linear}
        encoder = DenseEncoder(features=int(np.prod(shape)), outputs=outputs, **size)
        decoder = DenseDecoder(latent=inputs, shape=(shape[0] * likelihood.outputs, *shape[1:]), **size)
    quantiser = build_quantiser(architecture.quantiser, architecture.latent)
    return Autoencoder(
        encoder,
        decoder,
        likelihood,
        variational=architecture.variational,
        quantiser=quantiser,
        conditions=architecture.conditions,
    )


def _symbol_nets(architecture: Architecture, modality: TokenModality, outputs: int) -> tuple[nn.Module, nn.Module]:
    steps, inputs = modality.length, architecture.latent + architecture.conditions
    if architecture.net == "melody":
        size = {"steps": steps, "width": architecture.width, "depth": architecture.depth, "linear": architecture.linear}
        return MelodyEncoder(outputs=outputs, **size), MelodyDecoder(latent=inputs, **size)
    width = architecture.width
    encoder = FoldingEncoder(symbols=modality.symbols, steps=steps, width=width, outputs=outputs)
    if isinstance(modality, MelodyModality) and modality.bars > UNBROKEN_BARS:
        return encoder, Conductor(latent=inputs, width=width, bars=modality.bars, steps=steps)
    return encoder, EveryStep(latent=inputs, width=width, steps=steps)


def build_discriminator(architecture: Architecture, modality: Modality) -> Discriminator:
    """A fresh opponent for the generator that `build` makes; it is needed in training only."""
    own = architecture.net == "gan"
    plan = design(_image_shape(modality), base=architecture.width if own else OPPONENT_WIDTH, patch=architecture.patch)
    return Discriminator(plan, depth=architecture.depth if own else 1, conditions=architecture.conditions)
