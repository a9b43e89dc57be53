"""FactorVAE's critic of codes."""

from collections.abc import Callable

import torch
from torch import Tensor

from latentarium.nn.critics import DensityRatio
from latentarium.objectives import density_ratio_loss, permute_dimensions
from latentarium.rng import generator, torch_generator
from latentarium.training.companion import Companion, fixed

LEARNING_RATE = 1e-3
"""Ten times the published rate, since a fit here has a hundredth of the published steps."""
PERMUTATION_STREAM, WEIGHT_STREAM = 10, 11


class CodeCritic(Companion):
    """Estimates log q(z) / prod q(z_j) by telling codes from permuted ones."""

    def __init__(self, *, latent: int, seed: int, device: torch.device) -> None:
        self.seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(generator(seed, WEIGHT_STREAM).integers(2**62)))
            module = DensityRatio(latent=latent).to(device)
        super().__init__(module, torch.optim.Adam(module.parameters(), lr=LEARNING_RATE, betas=(0.5, 0.9)))

    def log_ratio(self, z: Tensor) -> Tensor:
        """The estimate for each row (b,); gradients reach `z` alone."""
        return fixed(self.module, z)

    def learn(self, z: Tensor, step: int, *, average: Callable[[Tensor], Tensor]) -> None:
        """One step on detached codes; `average` is that of gradients over processes."""
        source = torch_generator(self.seed, PERMUTATION_STREAM, step, device=z.device)
        mixed = permute_dimensions(z, torch.rand(z.shape, generator=source, device=z.device))
        joint, product = self.module(torch.cat([z, mixed])).chunk(2)
        self.optimizer.zero_grad(set_to_none=True)
        density_ratio_loss(joint, product).backward()
        for parameter in self.module.parameters():
            if parameter.grad is not None:
                parameter.grad = average(parameter.grad)
        self.optimizer.step()
