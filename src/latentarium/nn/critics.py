"""Networks that judge codes."""

from torch import Tensor, nn


class DensityRatio(nn.Module):
    """Codes (b, latent) -> logits (b,) that tell codes from codes whose dimensions were permuted over rows.

    The shape of FactorVAE's critic (Kim & Mnih 2018, app. A), narrower and with fewer layers.
    """

    def __init__(self, *, latent: int, width: int = 256, depth: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (latent, *[width] * (depth - 1)):
            layers += [nn.Linear(before, width), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, z: Tensor) -> Tensor:
        return self.body(z)[:, 0]
