"""Few labels: they spread along the codes, and a new row hears of them."""

import numpy as np
import pytest

import latentarium as la
from latentarium.applications.few_labels import NeighbourGraph, SpreadLabels
from latentarium.errors import InvalidInput


def _moons(count: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_moons

    return make_moons(count, noise=0.06, random_state=0)


def test_one_label_a_moon_is_enough() -> None:
    codes, labels = _moons(600)
    rows = [int(np.flatnonzero(labels == c)[0]) for c in (0, 1)]
    spread = SpreadLabels.fit(codes[:500], rows, labels[rows])
    assert (spread.predict(codes[500:]) == labels[500:]).mean() > 0.95
    np.testing.assert_allclose(spread.predict_proba(codes[500:]).sum(1), 1)


def test_a_large_class_does_not_flood_a_small_one() -> None:
    random = np.random.default_rng(0)
    codes = np.concatenate([random.normal(0, 1, (900, 2)), random.normal(3.5, 1, (100, 2))])
    spread = NeighbourGraph.of(codes).spread([0, 1, 2, 950], ["a", "a", "a", "b"])
    assert (spread.predict(codes[900:]) == "b").mean() > 0.8


def test_what_is_refused() -> None:
    codes, _ = _moons(50)
    with pytest.raises(InvalidInput, match="two classes or more"):
        SpreadLabels.fit(codes, [0, 1], ["a", "a"])


def test_edge_components_of_pictures_know_more_than_pixels() -> None:
    from sklearn.linear_model import LogisticRegression

    rows = la.open_source("digits")
    labels = np.asarray(rows.columns["label"])
    train, test = rows.splits["train"], rows.splits["test"]
    fitted = la.LatentTransformer(model="edges", latent=16).fit(rows.raw[train])
    model = LogisticRegression(max_iter=500).fit(fitted.transform(rows.raw[train]), labels[train])
    assert model.score(fitted.transform(rows.raw[test]), labels[test]) > 0.9
    again = fitted.inverse_transform(fitted.transform(rows.raw[test]))
    x = rows.array("test")
    assert ((again - x) ** 2).mean() < 0.6 * x.var(0).mean()
    with pytest.raises(InvalidInput, match="'edges' for pictures alone"):
        la.LatentTransformer(model="edges").fit(np.random.default_rng(0).normal(size=(20, 3)))
