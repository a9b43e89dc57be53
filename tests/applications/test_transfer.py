"""The transformer: scikit-learn's own contract, names, pandas, pictures and the way back."""

from typing import Any

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tests.applications.conftest import keeps_the_contract

import latentarium as la

QUICK = {"steps": 3, "width": 8, "threads": 1}


@pytest.mark.parametrize(
    "estimator",
    [
        la.LatentTransformer(model="pca"),
        pytest.param(la.LatentTransformer(latent=4, options=QUICK), marks=pytest.mark.slow),
    ],
    ids=["pca", "vae"],
)
def test_scikit_learn_contract(estimator: Any) -> None:
    keeps_the_contract(estimator)


def test_inside_scikit_learn() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(120) % 2
    rows = random.normal(size=(120, 5)) + 2 * labels[:, None]
    search = GridSearchCV(
        make_pipeline(la.LatentTransformer(model="pca"), LogisticRegression()),
        {"latenttransformer__latent": [1, 3]},
        cv=2,
    ).fit(rows, labels)
    assert search.best_score_ > 0.9
    with config_context(transform_output="pandas"):
        frame = la.LatentTransformer(model="pca", latent=2).fit_transform(rows)
    assert list(frame.columns) == ["latenttransformer0", "latenttransformer1"]


def test_the_way_back() -> None:
    rows = np.random.default_rng(0).normal(size=(80, 4)) * [1, 10, 100, 1] + [0, 5, 0, 0]
    codes = (fitted := la.LatentTransformer(model="pca", latent=4).fit(rows)).transform(rows)
    np.testing.assert_allclose(fitted.inverse_transform(codes), rows, atol=1e-2)


def test_pictures() -> None:
    rows = la.open_source("digits")
    fitted = la.LatentTransformer(latent=3, options=QUICK).fit(rows.raw[:200])
    assert fitted.transform(rows.raw[:7]).shape == (7, 3)
    assert fitted.inverse_transform(np.zeros((2, 3))).shape == (2, 1, 8, 8)


def test_a_space_that_is_there() -> None:
    space = la.fit("digits", latent=2, width=8, steps=2, progress=False)
    x = la.open_source("digits").array("test")
    found = la.LatentTransformer(space).fit_transform(x.reshape(len(x), -1))
    np.testing.assert_array_equal(found, space.encode(x))
