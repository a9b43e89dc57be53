"""A second network beside the model, with an optimiser of its own: what a checkpoint keeps of it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from latentarium.training.checkpoint import load_optimizer, optimizer_tensors, under


class Companion:
    """A network and its optimiser, trained beside the model, saved and restored with it."""

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.module = module
        self.optimizer = optimizer

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments by name."""
        weights = {f"weights.{name}": value for name, value in self.module.state_dict().items()}
        return weights | {f"optimizer.{name}": value for name, value in optimizer_tensors(self.optimizer).items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        self.module.load_state_dict(under("weights.", tensors))
        load_optimizer(self.optimizer, under("optimizer.", tensors))


def fixed(module: nn.Module, *inputs: Tensor | None) -> Tensor:
    """`module(*inputs)` with weights that get no gradient."""
    weights = {name: value.detach() for name, value in module.named_parameters()}
    return torch.func.functional_call(module, weights, inputs)
