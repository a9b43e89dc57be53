"""FactorVAE's critic and its optimiser: trained beside the model, saved and restored with it."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from latentarium.nn.critics import DensityRatio
from latentarium.objectives import density_ratio_loss, permute_dimensions
from latentarium.rng import generator, torch_generator
from latentarium.training.checkpoint import load_optimizer, optimizer_tensors, under

LEARNING_RATE = 1e-3
"""Ten times the published rate, since a fit here has a hundredth of the published steps."""
PERMUTATION_STREAM, WEIGHT_STREAM = 10, 11


class CodeCritic:
    """Estimates log q(z) / prod q(z_j) by telling codes from permuted ones."""

    def __init__(self, *, latent: int, seed: int, device: torch.device) -> None:
        self.seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(generator(seed, WEIGHT_STREAM).integers(2**62)))
            self.module = DensityRatio(latent=latent).to(device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=LEARNING_RATE, betas=(0.5, 0.9))

    def log_ratio(self, z: Tensor) -> Tensor:
        """The estimate for each row (b,); gradients reach `z` alone."""
        fixed = {name: value.detach() for name, value in self.module.named_parameters()}
        return torch.func.functional_call(self.module, fixed, (z,))

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

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments by name."""
        weights = {f"weights.{name}": value for name, value in self.module.state_dict().items()}
        return weights | {f"optimizer.{name}": value for name, value in optimizer_tensors(self.optimizer).items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        self.module.load_state_dict(under("weights.", tensors))
        load_optimizer(self.optimizer, under("optimizer.", tensors))
