"""Fashion-MNIST from few labels and through a linear probe: codes learned without labels against raw rows and PCA.

Codes see all training pictures and no label. The test split is only judged on. A small net trained on the same few
labels stands beside.

    python -m benchmarks.applications.transfer [--draws 10] [--net-draws 3]
"""

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import fashion_mnist, save_result
from latentarium import LatentTransformer
from latentarium.applications.probing import Probe, Sides, few_label_rows, run_probes
from latentarium.measures.interpretability.rows import pca_of
from latentarium.rng import generator

LATENT, TAUGHT, COUNTS = 32, 20_000, (1, 5, 10, 100, 1000)
NET_STEPS = 300


def sides(seed: int) -> Sides:
    """Edge components of all training pictures, PCA of equal size, raw rows; probes are taught 20,000 of them."""
    rows = fashion_mnist()
    train = np.sort(np.concatenate([rows.splits["train"], rows.splits["validation"]]))
    taught = np.sort(generator(seed, 1).choice(train, TAUGHT, replace=False))
    fitted = LatentTransformer(model="edges", latent=LATENT).fit(rows.raw[train])
    labels = np.asarray(rows.columns["label"])
    flat = {name: rows.raw[part].reshape(len(part), -1) / 255.0 for name, part in _parts(taught, rows).items()}
    project = pca_of(flat["train"], np.arange(TAUGHT), LATENT, seed=0)
    tables = [
        {"codes": fitted.transform(rows.raw[part]).astype(np.float64), "PCA-32": project(flat[name]), "raw": flat[name]}
        for name, part in _parts(taught, rows).items()
    ]
    test = rows.splits["test"]
    return Sides(train=tables[0], test=tables[1], train_labels=labels[taught], test_labels=labels[test])


def _parts(taught: NDArray[np.int64], rows: Any) -> dict[str, NDArray[np.int64]]:
    return {"train": taught, "test": rows.splits["test"]}


def small_net(found: Sides, *, count: int, draws: int, seed: int) -> list[float]:
    """Accuracy of a small convolutional net trained on the same few labels alone."""
    import torch
    from torch import nn
    from torch.nn import functional

    classes = np.unique(found.train_labels)
    test = torch.from_numpy(found.test["raw"].astype(np.float32)).reshape(-1, 1, 28, 28)
    accuracies = []
    for draw, rows in enumerate(few_label_rows(found.train_labels, count, draws, seed)):
        torch.manual_seed(draw)
        net = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, len(classes)),
        )  # fmt: skip
        x = torch.from_numpy(found.train["raw"][rows].astype(np.float32)).reshape(-1, 1, 28, 28)
        y = torch.from_numpy(np.searchsorted(classes, found.train_labels[rows]))
        optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=1e-2)
        for _ in range(NET_STEPS):
            optimiser.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            optimiser.step()
        net.eval()
        with torch.inference_mode():
            guess = torch.cat([net(part).argmax(1) for part in test.split(1000)]).numpy()
        accuracies.append(float((classes[guess] == found.test_labels).mean()))
    return accuracies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--net-draws", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    found = sides(given.seed)
    probes = run_probes(found, counts=COUNTS, draws=given.draws, seed=given.seed)
    net = small_net(found, count=10, draws=given.net_draws, seed=given.seed)
    for probe in probes:
        print(line(probe))
    print(f"small net, 10 labels a class: {np.mean(net):.1%}")
    value = {
        "latent": LATENT,
        "taught": TAUGHT,
        "seed": given.seed,
        "probes": [probe.to_json() for probe in probes],
        "small_net_10": net,
        "seconds": round(time.perf_counter() - began, 1),
    }
    save_result("transfer", "python -m benchmarks.applications.transfer", value)


def line(probe: Probe) -> str:
    """One probe in words."""
    features, classifier, labels, accuracy, span = probe.row
    return f"{features:8s} {classifier:10s} {labels:>5s} {accuracy} ({span})"


if __name__ == "__main__":
    main()
