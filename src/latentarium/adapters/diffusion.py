"""The autoencoders of latent diffusion models, from Hugging Face diffusers, as a `LatentSpace`."""

from typing import Any, Unpack

from latentarium.adapters.plain import SpaceFields
from latentarium.adapters.pytorch import from_torch
from latentarium.arrays import check_positive_int
from latentarium.errors import InvalidInput, invalid
from latentarium.space import LatentSpace

_BATCH = 4


def from_diffusers(
    autoencoder: Any, *, size: int | tuple[int, int] | None = None, **fields: Unpack[SpaceFields]
) -> LatentSpace:
    """The latent space that a diffusion model works in: an `AutoencoderKL` or an `AutoencoderTiny`.

    Pictures are float (channels, height, width) in [0, 1]; the model's own -1 to 1 is left inside, and what it decodes
    is clipped, as its pipelines do. Latents (4, h, w) are those that the diffusion model sees: the encoder's, minus
    `shift_factor`, times `scaling_factor` of its configuration. There is no prior, since its training hardly asked for
    N(0, I); fit one to codes, or give one.

    Parameters
    ----------
    autoencoder : an `AutoencoderKL`, which has a posterior, or an `AutoencoderTiny`
    size : one side of square pictures, or (height, width), each a multiple of what the encoder shrinks by; the model's
        `sample_size` where None
    fields : name, prior, geometry, axes, modality, provenance, batch_size of the `LatentSpace`

    Raises
    ------
    InvalidInput
        For another class, or a size that the model's layers cannot halve as often as they do.

    References
    ----------
    Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models", appendix G

    Examples
    --------
    >>> from diffusers import AutoencoderTiny
    >>> small = {f"{half}_block_out_channels": (8, 8) for half in ("encoder", "decoder")}
    >>> tiny = AutoencoderTiny(num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1), **small)
    >>> from_diffusers(tiny, size=16).shape
    (4, 8, 8)
    """
    kind = type(autoencoder).__name__
    if kind not in ("AutoencoderKL", "AutoencoderTiny"):
        raise invalid("autoencoder", "an AutoencoderKL or an AutoencoderTiny", kind, "wrap its halves with from_torch")
    shape = (int(autoencoder.config["in_channels"]), *_sides(autoencoder, size))
    encoder, decoder = _halves(autoencoder)
    fields.setdefault("name", kind)
    fields.setdefault("prior", None)
    fields.setdefault("batch_size", _BATCH)
    shift, scale = _units(autoencoder.config)
    fields.setdefault("provenance", {"kind": "diffusers", "class": kind, "shift": shift, "scale": scale})
    return from_torch(encoder, decoder, data_shape=shape, **fields)


def _sides(autoencoder: Any, size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Height and width, checked against the halvings of the encoder."""
    config = autoencoder.config
    size = config.get("sample_size") if size is None else size
    if size is None:
        raise InvalidInput(f"size must be given for an {type(autoencoder).__name__}, such as size=64")
    height, width = (size, size) if isinstance(size, int) else size
    blocks = config.get("block_out_channels") or config["encoder_block_out_channels"]
    factor = 2 ** (len(blocks) - 1)
    for side in (height, width):
        if check_positive_int(side, "size") % factor:
            raise invalid("size", f"a multiple of {factor}, which the encoder shrinks pictures by", side)
    return height, width


def _units(config: Any) -> tuple[list[float], list[float]]:
    """Shift and scale of each latent channel: the model's own latent is shift + scale z."""
    channels, factor = int(config["latent_channels"]), float(config["scaling_factor"])
    mean, std = config.get("latents_mean"), config.get("latents_std")
    if mean is None or std is None:
        mean, std = [float(config.get("shift_factor") or 0.0)] * channels, [1.0] * channels
    return [float(m) for m in mean], [float(s) / factor for s in std]


def _halves(autoencoder: Any) -> tuple[Any, Any]:
    """Modules from pictures in [0, 1] to scaled latents, a pair where there is a posterior, and back."""
    import torch
    from torch import nn

    shift, scale = (torch.tensor(values).reshape(1, -1, 1, 1) for values in _units(autoencoder.config))

    class Half(nn.Module):
        shift: torch.Tensor
        scale: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.autoencoder = autoencoder
            place = next(autoencoder.parameters())
            self.register_buffer("shift", shift.to(place), persistent=False)
            self.register_buffer("scale", scale.to(place), persistent=False)

    class Encode(Half):
        def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
            found = self.autoencoder.encode((2 * x - 1).to(self.scale.dtype))
            if not hasattr(found, "latent_dist"):
                return (found.latents - self.shift) / self.scale
            posterior = found.latent_dist
            return (posterior.mean - self.shift) / self.scale, posterior.logvar - 2 * torch.log(self.scale)

    class Decode(Half):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            pictures = self.autoencoder.decode(z.to(self.scale.dtype) * self.scale + self.shift).sample
            return ((pictures + 1) / 2).clamp(0, 1)

    return Encode(), Decode()
