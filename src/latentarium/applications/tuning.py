"""An encoder goes on learning from the few labels that there are, and from all rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentarium.applications.few_labels import SpreadLabels
from latentarium.applications.learning import Network
from latentarium.arrays import FloatArray
from latentarium.errors import invalid
from latentarium.rng import generator, torch_generator

STEPS, BATCH, LABELLED = 400, 128, 32
LEARNING_RATE = 5e-4
_ROWS, _NOISE = 91, 92


def label_numbers(labels: ArrayLike) -> NDArray[np.int64]:
    """Class numbers of labels (n,), -1 for rows without one: those with -1, NaN, None or an empty text.

    Raises
    ------
    InvalidInput
        When fewer than two classes have a labelled row.

    Examples
    --------
    >>> label_numbers(["shoe", "", "bag", None]).tolist()
    [1, -1, 0, -1]
    """
    given = np.asarray(labels)
    if given.dtype.kind in "fiu":
        known = np.isfinite(given) & (given != -1)
    else:
        given = np.asarray(["" if value is None else str(value) for value in given.tolist()])
        known = given != ""
    classes, numbers = np.unique(given[known], return_inverse=True)
    if len(classes) < 2:
        raise invalid(
            "y", "labels of two classes or more, -1, NaN or '' where there is none", f"{len(classes)} classes"
        )
    found = np.full(len(given), -1, np.int64)
    found[known] = numbers
    return found


def tune(network: Network, x: FloatArray, classes: NDArray[np.int64], *, weight: float, seed: int) -> Network:
    """`network` after a few hundred steps on its own bound and, on top of the code, a linear head that tells classes.

    What the head learns of rows without a label is what `SpreadLabels` finds from their neighbours' codes, counted by
    how sure that is (self-training on a graph, after Iscen et al. 2019); labelled rows are in every batch.

    Parameters
    ----------
    x : rows in array form (n, *data_shape)
    classes : class numbers (n,), -1 where there is no label
    weight : of a row's cross-entropy in nats beside its bound, above 0

    Raises
    ------
    InvalidInput
        For a weight that is not positive.
    """
    import torch
    from torch.nn import functional

    if not 0 < weight < float("inf"):
        raise invalid("supervision", "a positive number, the weight of the labels", weight)
    model = network.model().train()
    targets, trust = _targets(network.encode(x), classes)
    head: Any = torch.nn.utils.skip_init(torch.nn.Linear, int(np.prod(network.space.shape)), targets.shape[1])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimiser = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=LEARNING_RATE)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for step, rows in enumerate(_batches(classes, seed)):
        batch = torch.from_numpy(x[rows])
        noise = torch.randn(len(rows), head.in_features, generator=torch_generator(seed, _NOISE, step))
        out = model(batch, noise)
        wrong = functional.cross_entropy(head(out.z), torch.from_numpy(targets[rows]), reduction="none")
        loss = _bound(model, out, batch) + weight * (torch.from_numpy(trust[rows]) * wrong).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)
        optimiser.step()
        decay.step()
    return network.with_weights({name: value.detach().numpy() for name, value in model.state_dict().items()})


def _targets(codes: FloatArray, classes: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """What each row's label may be, (n, classes), and how far to trust it, (n,)."""
    labelled = np.flatnonzero(classes >= 0)
    shares = SpreadLabels.fit(codes, labelled, classes[labelled]).shares.copy()
    shares[labelled] = np.eye(shares.shape[1])[classes[labelled]]
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(1)
    return shares.astype(np.float32), (1 - entropy / np.log(shares.shape[1])).clip(0, 1).astype(np.float32)


def _batches(classes: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each step: any rows, and labelled ones."""
    labelled = np.flatnonzero(classes >= 0)
    for step in range(STEPS):
        random = generator(seed, _ROWS, step)
        yield np.concatenate([random.integers(len(classes), size=BATCH), random.choice(labelled, LABELLED)])


def _bound(model: Any, out: Any, batch: Any) -> Any:
    """Minus the ELBO, or the distortion of an AE, in nats a row."""
    from latentarium.objectives import gaussian_kl

    distortion = -model.likelihood.log_prob(out.params, batch).mean()
    return distortion + gaussian_kl(out.mean, out.log_variance).sum(1).mean() if model.variational else distortion
