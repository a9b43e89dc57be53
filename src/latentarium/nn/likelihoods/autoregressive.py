"""A likelihood of pictures whose values depend on their neighbours, not on z alone."""

import torch
import torch.nn.functional as F
from torch import Tensor

from latentarium.nn.likelihoods.base import Likelihood, rows_of
from latentarium.nn.likelihoods.pixels import log_scale_of, logistic_mass, logit_slope, to_levels

COMPONENTS = 3
NEIGHBOURS = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
"""Rows down and columns right of a value to those that it looks at: all come before it, line by line."""
SPREAD = 1.0
"""Distance in logits between the components' centres at the start."""
GUIDANCE = 0.5
"""Weight of the plain Gaussian score of the mean in training. Without it the mean of a good model may be far from
any picture, as the neighbours correct it (9 dB on Fashion-MNIST); with it the bound is no worse up to this weight."""
LEAST_VARIANCE = 1e-5


class Autoregressive(Likelihood):
    """A mixture of discretised logistics around the mean picture plus what neighbours deviate from theirs.

    p(x|z) = prod_i p(x_i | x_<i, z), value by value, line by line. The mixture of value i (Salimans et al. 2017) is
    moved by sum_k w_ik (x_k - m_k) over its neighbours k to the left and above and, in colour, over the earlier
    channels in its place. The decoder gives weights and mixtures for all values at once, so that training stays
    parallel; it also gives the mean picture m, which is what `mean` shows: where nothing deviates nothing is moved.
    A code then only has to say what the neighbours do not (Gulrajani et al. 2017, PixelVAE). Pixels of 256 grey levels.
    """

    name = "autoregressive"
    discrete = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.outputs = 3 * COMPONENTS + len(NEIGHBOURS) + channels - 1

    def bias_for(self, mean: Tensor) -> Tensor:
        """Components in a row around the mean, moved by what lies to the left and above in equal parts."""
        steps = SPREAD * (torch.arange(COMPONENTS, device=mean.device) - (COMPONENTS - 1) / 2)
        centres = torch.logit(mean.clamp(1e-3, 1 - 1e-3)) + steps[:, None, None, None]
        bias = mean.new_zeros(self.outputs, *mean.shape)
        # equal shares, so that the mean picture is the average of the parts
        bias[COMPONENTS : 2 * COMPONENTS] = centres - self._excess(centres, mean)
        bias[3 * COMPONENTS : 3 * COMPONENTS + 2] = 0.5
        return bias.flatten(0, 1)

    @staticmethod
    def _excess(centres: Tensor, mean: Tensor) -> Tensor:
        """How far the logits have to move down for the components' average to be `mean`, by Newton's method."""
        moved = torch.zeros_like(mean)
        wanted = mean.clamp(1e-3, 1 - 1e-3)
        for _ in range(20):
            parts = torch.sigmoid(centres - moved)
            moved = moved + (parts.mean(0) - wanted) / (parts * (1 - parts)).mean(0)
        return moved

    def slope_for(self, mean: Tensor) -> Tensor:
        slope = mean.new_zeros(self.outputs, *mean.shape)
        slope[COMPONENTS : 2 * COMPONENTS] = logit_slope(mean)
        return slope.flatten(0, 1)

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        shares, parts, log_scales, weights = self._split(params)
        deviation = x - _mean(shares, parts)
        centres = parts + self._moved(deviation, weights)[:, None]
        mass = logistic_mass(x[:, None], centres, log_scales)
        return rows_of(torch.logsumexp(shares + mass, 1))

    def guidance(self, params: Tensor, x: Tensor) -> Tensor:
        """A share of the optimal-sigma Gaussian score of the mean (Rybkin et al. 2021)."""
        square = rows_of((x - self.mean(params)) ** 2)
        variance = (square.detach().mean() / x[0].numel()).clamp_min(LEAST_VARIANCE)
        return GUIDANCE * 0.5 * square / variance

    def mean(self, params: Tensor) -> Tensor:
        shares, parts, _, _ = self._split(params)
        return _mean(shares, parts)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        shares, parts, log_scales, weights = self._split(params)
        noise = torch.empty_like(shares).uniform_(1e-6, 1 - 1e-6, generator=generator)
        chosen = (shares - torch.log(-torch.log(noise))).argmax(1, keepdim=True)
        uniform = torch.empty_like(parts[:, 0]).uniform_(1e-5, 1 - 1e-5, generator=generator)
        step = torch.exp(log_scales.gather(1, chosen)[:, 0]) * torch.logit(uniform)
        start, mean = parts.gather(1, chosen)[:, 0] + step, _mean(shares, parts)
        draw, deviation = torch.zeros_like(mean), torch.zeros_like(mean)
        for row in range(mean.shape[2]):
            for column in range(mean.shape[3]):
                for channel in range(self.channels):
                    here = (slice(None), channel, row, column)
                    moved = self._moved_at(deviation, weights, row, column)[:, channel]
                    draw[here] = to_levels(start[here] + moved)
                    deviation[here] = draw[here] - mean[here]
        return draw

    def _split(self, params: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log shares, parts of the mean and log scales (b, components, c, h, w); weights (b, others, c, h, w)."""
        whole = params.unflatten(1, (self.outputs, self.channels))
        shares, centres, raw = (whole[:, i * COMPONENTS : (i + 1) * COMPONENTS] for i in range(3))
        return shares.log_softmax(1), torch.sigmoid(centres), log_scale_of(raw), whole[:, 3 * COMPONENTS :]

    def _moved(self, deviation: Tensor, weights: Tensor) -> Tensor:
        """What the neighbours and the earlier channels add to each centre (b, c, h, w)."""
        height, width = deviation.shape[2:]
        around = F.pad(deviation, (1, 1, 1, 0))
        total = torch.zeros_like(deviation)
        for k, (down, right) in enumerate(NEIGHBOURS):
            seen = around[:, :, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
            total = total + weights[:, k] * seen
        for earlier in range(self.channels - 1):
            seen = deviation[:, earlier : earlier + 1].expand(-1, self.channels - 1 - earlier, -1, -1)
            cross = weights[:, len(NEIGHBOURS) + earlier, earlier + 1 :] * seen
            total = total + F.pad(cross, (0, 0, 0, 0, earlier + 1, 0))
        return total

    def _moved_at(self, deviation: Tensor, weights: Tensor, row: int, column: int) -> Tensor:
        """`_moved` at one place (b, c), from the lines it depends on."""
        lines, columns = slice(max(row - 1, 0), row + 1), slice(max(column - 1, 0), column + 2)
        part = self._moved(deviation[:, :, lines, columns], weights[:, :, :, lines, columns])
        return part[:, :, row - lines.start, column - columns.start]


def _mean(shares: Tensor, parts: Tensor) -> Tensor:
    """The mean picture (b, c, h, w), from log shares and parts of it (b, components, c, h, w)."""
    return (shares.exp() * parts).sum(1)
