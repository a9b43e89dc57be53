"""A judge of samples: a small residual network that learned the classes of real pictures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from latentarium.data.rows import Rows
from latentarium.nn.networks import ConvEncoder, ConvPlan

Labels = NDArray[np.int64]
Judge = Callable[[NDArray[np.float32]], Labels]


def class_numbers(rows: Rows, part: str) -> Labels:
    """Labels of a part as numbers from 0, in the order of the sorted names."""
    names = np.unique(rows.columns["label"])
    return np.searchsorted(names, rows.columns["label"][rows.splits[part]])


def learn_classes(rows: Rows, *, steps: int = 2000, batch_size: int = 128, seed: int = 0) -> tuple[Judge, float]:
    """Train on the training part; the judge and its accuracy on the test part."""
    torch.manual_seed(seed)
    x, y = torch.from_numpy(rows.array("train")), torch.from_numpy(class_numbers(rows, "train"))
    channels, height, width = rows.modality.data_shape
    plan = ConvPlan.design((channels, height, width), base=32)
    net = ConvEncoder(plan, depth=1, outputs=int(y.max()) + 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(x), (batch_size,))
        loss = F.cross_entropy(net(x[chosen]), y[chosen], label_smoothing=0.05)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        rate.step()

    @torch.inference_mode()
    def judge(pictures: NDArray[np.float32]) -> Labels:
        return torch.cat([net(part).argmax(1) for part in torch.from_numpy(pictures).split(500)]).numpy()

    right: NDArray[Any] = judge(rows.array("test")) == class_numbers(rows, "test")
    return judge, float(right.mean())
