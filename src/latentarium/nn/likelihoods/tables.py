"""The likelihood of table rows."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.data.modalities import TableModality
from latentarium.nn.likelihoods.base import LOG_2PI, Likelihood, rows_of


class Mixed(Likelihood):
    """Table rows: a Gaussian with a learned variance for each numeric column (missing cells left out), a Bernoulli
    for each missing-value indicator, a softmax for each categorical column.
    """

    name = "mixed"
    log_sigma: nn.Parameter

    def __init__(self, modality: TableModality) -> None:
        super().__init__()
        blocks = modality.blocks
        self.numeric, self.missing, self.groups = blocks.numeric, blocks.missing, blocks.groups
        self.indicators = blocks.numeric_missing
        self.log_sigma = nn.Parameter(torch.zeros(self.numeric.stop - self.numeric.start))

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        total = self._numeric_log_prob(params, x) + rows_of(
            -F.binary_cross_entropy_with_logits(params[:, self.missing], x[:, self.missing], reduction="none")
        )
        for group in self.groups:
            # a missing category is an all-zero group and so contributes nothing
            total = total + (params[:, group].log_softmax(1) * x[:, group]).sum(1)
        return total

    def _numeric_log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        log_sigma = self.log_sigma.clamp(-6, 3)
        scaled = (x[:, self.numeric] - params[:, self.numeric]) * torch.exp(-log_sigma)
        each = -0.5 * (scaled**2 + LOG_2PI) - log_sigma
        return (each * self._present(x)).sum(1)

    def _present(self, x: Tensor) -> Tensor:
        present = torch.ones_like(x[:, self.numeric])
        for column, indicator in self.indicators:
            present[:, column] = 1 - x[:, indicator]
        return present

    def mean(self, params: Tensor) -> Tensor:
        parts = [params[:, self.numeric], torch.sigmoid(params[:, self.missing])]
        parts += [params[:, group].softmax(1) for group in self.groups]
        return torch.cat(parts, dim=1)

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        centre = params[:, self.numeric]
        noise = torch.empty_like(centre).normal_(generator=generator)
        parts = [centre + torch.exp(self.log_sigma.clamp(-6, 3)) * noise]
        parts.append(torch.bernoulli(torch.sigmoid(params[:, self.missing]), generator=generator))
        for group in self.groups:
            picked = torch.multinomial(params[:, group].softmax(1), 1, generator=generator)[:, 0]
            parts.append(F.one_hot(picked, group.stop - group.start).to(params.dtype))
        return torch.cat(parts, dim=1)
