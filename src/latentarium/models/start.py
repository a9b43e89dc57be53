"""Where training starts: at the best linear model of the data, with the deep part silent.

A linear Gaussian VAE has its optimum in closed form, probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019).
Our networks have a linear path beside the deep one, so they can begin there and only learn what is not linear.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from latentarium.models.autoencoder import LOG_VARIANCE_RANGE, Autoencoder
from latentarium.nn.ladder import LadderDecoder, LadderEncoder
from latentarium.nn.melodies import MelodyDecoder, MelodyEncoder
from latentarium.nn.networks import ConvDecoder, ConvEncoder, DenseDecoder, DenseEncoder
from latentarium.rng import torch_generator

OVERSAMPLING = 8
START_STREAM = 9
# a quarter of a grey level, squared: constant pictures have no variance at all
LEAST_NOISE = 1e-6
CURVE_NOISE = 0.02
"""Of a melody's curves: less than would move a note to the next key."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Leading principal components (d, k), their variances (k,), and the noise variance left for each pooled value."""

    components: Tensor
    variances: Tensor
    noise: float

    @property
    def signal(self) -> Tensor:
        """Variances without the noise in them (k,), kept positive where a component is lost in it."""
        return (self.variances - self.noise).clamp_min(0.01 * self.noise)


@torch.no_grad()
def start_linear(model: Autoencoder, pieces: Iterable[Tensor], mean: Tensor, *, latent: int, seed: int) -> None:
    """Centre the nets on `mean` and set their linear paths to probabilistic PCA of the rows in `pieces`.

    Networks of the user's own are left as they are, nets without linear paths are centred only. A likelihood without
    a slope (a table's, a categorical one) gets only the encoder's centring.
    """
    encoder, decoder = model.encoder, model.decoder
    if isinstance(encoder, LadderEncoder) and isinstance(decoder, LadderDecoder):
        encoder.shift.copy_(mean)
        bias = model.likelihood.bias_for(mean)
        decoder.shift.copy_(torch.zeros_like(decoder.shift) if bias is None else bias)
        return
    if isinstance(encoder, MelodyEncoder) and isinstance(decoder, MelodyDecoder):
        _start_curves(encoder, decoder, pieces, latent=latent, seed=seed, variational=model.variational)
        return
    if not isinstance(encoder, DenseEncoder | ConvEncoder) or not isinstance(decoder, DenseDecoder | ConvDecoder):
        return
    encoder.shift.copy_(mean.reshape(encoder.shift.shape))
    bias, slope = model.likelihood.bias_for(mean), model.likelihood.slope_for(mean)
    if model.variational:
        encoder.head.weight[latent:].mul_(0.01)
    if bias is None or slope is None:
        return
    decoder.shift.copy_(bias)
    if encoder.linear is None or decoder.linear is None:
        return
    rows, total = _pooled(encoder, pieces)
    most = min(latent, len(rows) - 1, rows.shape[1])
    merged = mean.numel() / rows.shape[1]
    found = principal(rows, total, latent=most, merged=merged, seed=seed)
    noise = (model.likelihood.noise_for(mean) or 0.0) / merged
    found = replace(found, noise=max(found.noise, noise, LEAST_NOISE))
    _set_encoder((encoder.linear, encoder.head), found, latent, variational=model.variational)
    _set_decoder(decoder, decoder.linear, found, slope)


def _start_curves(
    encoder: MelodyEncoder,
    decoder: MelodyDecoder,
    pieces: Iterable[Tensor],
    *,
    latent: int,
    seed: int,
    variational: bool,
) -> None:
    """Melodies start at the principal components of their curves."""
    rows = torch.cat([encoder.pooled(x) for x in pieces])
    mean = rows.mean(0)
    encoder.shift.copy_(mean)
    decoder.shift.copy_(mean)
    if encoder.linear is None or decoder.linear is None:
        return
    total = float((rows - mean).square().sum(1).mean())
    found = principal(rows - mean, total, latent=min(latent, len(rows) - 1, rows.shape[1]), merged=1, seed=seed)
    found = replace(found, noise=max(found.noise, CURVE_NOISE))
    _set_encoder((encoder.linear, encoder.head), found, latent, variational=variational)
    weights = torch.sqrt(found.signal) * found.components
    decoder.linear.weight[:, : weights.shape[1]] = weights


def _pooled(encoder: DenseEncoder | ConvEncoder, pieces: Iterable[Tensor]) -> tuple[Tensor, float]:
    """Centred rows as the linear path sees them, and the mean squared length of the full rows."""
    rows, squares, count = [], 0.0, 0
    for x in pieces:
        rows.append(encoder.pooled(x))
        squares += float((x.flatten(1) - encoder.shift.flatten()).square().sum())
        count += len(x)
    return torch.cat(rows), squares / count


def principal(rows: Tensor, total: float, *, latent: int, merged: float, seed: int) -> Principal:
    """Randomised PCA (Halko et al. 2011) of centred `rows`, each value the mean of `merged` values of the full rows,
    whose variance is `total`; averaging that many values divides their noise by as much.
    """
    width = min(latent + OVERSAMPLING, *rows.shape)
    probe = torch.randn(rows.shape[1], width, generator=torch_generator(seed, START_STREAM))
    basis, _ = torch.linalg.qr(rows @ probe)
    for _ in range(4):
        basis, _ = torch.linalg.qr(rows @ (rows.T @ basis))
    _, lengths, directions = torch.linalg.svd(basis.T @ rows, full_matrices=False)
    variances = lengths[:latent] ** 2 / len(rows)
    unexplained = max(total - merged * float(variances.sum()), 0.01 * total)
    noise = unexplained / (rows.shape[1] * merged) / merged
    return Principal(components=directions[:latent].T.contiguous(), variances=variances, noise=noise)


def _set_encoder(last: tuple[nn.Linear, nn.Linear], found: Principal, latent: int, *, variational: bool) -> None:
    linear, head = last
    signal = found.signal
    low, high = LOG_VARIANCE_RANGE
    used = len(found.variances)
    head.weight.zero_()
    head.bias.zero_()
    linear.weight[:used] = (torch.sqrt(signal) / (signal + found.noise) * found.components).T
    if variational:
        wanted = torch.log(found.noise / (found.noise + signal)).clamp(low + 0.5, high - 0.5)
        head.bias[latent : latent + used] = low + torch.log(torch.expm1(wanted - low))


def _set_decoder(decoder: DenseDecoder | ConvDecoder, linear: nn.Linear, found: Principal, slope: Tensor) -> None:
    weights = torch.sqrt(found.signal) * found.components
    for parameter in decoder.head.parameters():
        parameter.zero_()
    if isinstance(decoder, ConvDecoder):
        slope = decoder.shrunk(slope)
    repeats = slope.numel() // len(weights)
    linear.weight[:, : weights.shape[1]] = slope.reshape(-1, 1) * weights.repeat(repeats, 1)
