"""Changes to real and generated pictures alike that keep a discriminator from learning rows by heart.

Every change is linear in the picture and made of products, so that it can be differentiated twice (a gradient penalty
needs that) and gives equal bits when repeated. None mirrors: a mirrored digit or letter is another one (Karras et al.
2020, Zhao et al. 2020).
"""

import torch
from torch import Tensor

DRAWS = 8
FARTHEST_SHIFT = 1 / 8
CUT = 0.4
BRIGHTEST = 0.25


def augment(x: Tensor, draws: Tensor, probability: float) -> Tensor:
    """Shift, cut out and brighten rows of `x` (b, c, h, w), each with `probability`.

    Parameters
    ----------
    draws : uniform numbers (b, 8) that decide everything
    """
    if probability <= 0:
        return x
    used = (draws[:, :3] < probability).to(x.dtype)
    height, width = x.shape[2:]
    down = _shifts(draws[:, 3], used[:, 0], height)
    right = _shifts(draws[:, 4], used[:, 0], width)
    moved = down @ x @ right.transpose(2, 3)
    rows = _outside(draws[:, 5], height)[:, :, None]
    columns = _outside(draws[:, 6], width)[:, None, :]
    hidden = (1 - torch.maximum(rows, columns)) * used[:, 1, None, None]
    lighter = BRIGHTEST * (2 * draws[:, 7] - 1) * used[:, 2]
    return moved * (1 - hidden)[:, None] + lighter[:, None, None, None]


def _shifts(draws: Tensor, used: Tensor, size: int) -> Tensor:
    """For each row a matrix (b, 1, size, size) that moves a picture by whole pixels and fills with zeros."""
    farthest = max(1, round(FARTHEST_SHIFT * size))
    by = ((draws * (2 * farthest + 1)).floor() - farthest).clamp(-farthest, farthest) * used
    place = torch.arange(size, device=draws.device)
    return (place[None, :, None] - place[None, None, :] == by[:, None, None]).to(draws.dtype)[:, None]


def _outside(draws: Tensor, size: int) -> Tensor:
    """1 outside a stretch of 40 % of `size` about a drawn middle (b, size), else 0."""
    middle = (draws * size).floor()[:, None]
    place = torch.arange(size, device=draws.device)[None]
    return ((place - middle).abs() > CUT * size / 2).to(draws.dtype)
