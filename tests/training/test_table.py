"""A table with categories and missing values is learned: its rows are likelier than under independent columns."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.training.small import small

from latentarium.data.modalities import TableModality
from latentarium.data.rows import Rows
from latentarium.measures import importance_weighted_bound, negative_elbo
from latentarium.training.fit import train
from latentarium.training.save import space_of


def independent_columns(rows: Rows) -> NDArray[np.float64]:
    """log p of each test row in array units: a Gaussian or category frequencies a column, and its missing share."""
    modality = rows.modality
    assert isinstance(modality, TableModality)
    train_rows, test_rows = rows.raw[rows.splits["train"]], rows.raw[rows.splits["test"]]
    total = np.zeros(len(test_rows))
    for column, known, values in zip(modality.columns, train_rows.T, test_rows.T, strict=True):
        missing = np.isnan(values)
        if column.has_missing:
            share = np.isnan(known).mean()
            total += np.where(missing, np.log(share), np.log1p(-share))
        seen, shown = known[~np.isnan(known)], np.where(missing, 0, values)
        if column.kind == "categorical":
            counts = np.bincount(seen.astype(int), minlength=len(column.categories))
            each = np.log(counts / counts.sum())[shown.astype(int)]
        else:
            scaled = (np.where(missing, column.mean, values) - column.mean) / column.std
            spread = seen.std() / column.std
            each = -0.5 * ((scaled / spread) ** 2 + np.log(2 * np.pi)) - np.log(spread)
        total += np.where(missing, 0, each)
    return total


@pytest.fixture(scope="module")
def scores(table: Rows) -> dict[str, float]:
    fitted = train(table, small(steps=600, latent=4, width=64))
    assert fitted.alarms == []
    space, x = space_of(fitted), table.array("test")
    return {
        "independent": float(independent_columns(table).mean()),
        "bound": -negative_elbo(space, x).value,
        "tighter": -importance_weighted_bound(space, x, samples=50).value,
    }


def test_held_out_rows_are_likelier_than_under_independent_columns(scores: dict[str, float]) -> None:
    assert scores["bound"] > scores["independent"] + 0.3
    assert scores["tighter"] >= scores["bound"] - 0.05


def test_shuffled_columns_gain_nothing(table: Rows) -> None:
    """Without dependence nothing can beat independent columns, so that the score above is no artefact."""
    import dataclasses

    raw = table.raw.copy()
    for index, column in enumerate(raw.T):
        raw[:, index] = np.random.default_rng(index).permutation(column)
    rows = dataclasses.replace(table, raw=raw)
    space = space_of(train(rows, small(steps=200)))
    tighter = -importance_weighted_bound(space, rows.array("test"), samples=50).value
    assert tighter < float(independent_columns(rows).mean()) + 0.1


def test_samples_are_rows_of_the_table(table: Rows) -> None:
    space = space_of(train(table, small(steps=100)))
    drawn = table.modality.to_raw(space.sample(50, seed=0))
    assert drawn.shape == (50, 5)
    frame = table.modality.to_table(drawn).to_pydict()  # type: ignore[attr-defined]
    assert set(frame["colour"]) <= {"red", "green", "blue"}
    assert set(frame["size"]) <= {"big", "small", None}
