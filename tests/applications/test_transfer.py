"""The transformer: scikit-learn's own contract, names, pandas, pictures and the way back."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tests.applications.conftest import keeps_the_contract

import latentarium as la
from latentarium.errors import InvalidInput

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


@pytest.mark.parametrize("codes", [np.zeros((2, 3)), np.zeros(4), np.zeros((2, 2, 2)), [["a"] * 4]])
def test_the_way_back_takes_codes_alone(codes: Any) -> None:
    fitted = la.LatentTransformer(model="pca", latent=4).fit(np.random.default_rng(0).normal(size=(30, 6)))
    with pytest.raises(InvalidInput, match="^X"):
        fitted.inverse_transform(codes)


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


@pytest.fixture(scope="module")
def few() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits, their labels, and the labels of which three a class are left."""
    rows = la.open_source("digits")
    labels = np.asarray(rows.columns["label"]).astype(np.int64)
    known = np.concatenate([np.flatnonzero(labels == c)[:3] for c in range(10)])
    some = np.full(len(labels), -1)
    some[known] = labels[known]
    return rows.raw, labels, some


def told_apart(codes: np.ndarray, labels: np.ndarray, some: np.ndarray) -> float:
    """Accuracy, on rows without a label, of a linear probe on codes of the rows with one."""
    known = some >= 0
    return float(LogisticRegression(max_iter=500).fit(codes[known], some[known]).score(codes[~known], labels[~known]))


def test_few_labels_teach_the_encoder(few: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    raw, labels, some = few
    options = {"steps": 300, "width": 64, "threads": 1}
    plain = la.LatentTransformer(latent=8, options=options).fit_transform(raw, some)
    tuned = la.LatentTransformer(latent=8, options=options, supervision=50.0).fit(raw, some)
    better = told_apart(tuned.transform(raw), labels, some)
    assert better > told_apart(plain, labels, some) + 0.04
    assert better > 0.8
    again = pickle.loads(pickle.dumps(tuned))  # noqa: S301 - what scikit-learn users do, with bytes of our own
    np.testing.assert_array_equal(again.transform(raw[:5]), tuned.transform(raw[:5]))
    # what the labels taught did not cost the way back to the data
    assert np.abs(tuned.inverse_transform(tuned.transform(raw)) - raw / 255).mean() < 0.15


def test_the_encoder_of_a_bundle_is_tuned(few: tuple[np.ndarray, np.ndarray, np.ndarray], digits_path: Any) -> None:
    _, labels, some = few
    bundle = la.open_bundle(digits_path)
    x = la.open_source("digits").array()
    before = bundle.space.encode(x)
    tuned = la.LatentTransformer(bundle, supervision=50.0).fit(x, np.where(some < 0, "", some.astype(str)))
    assert told_apart(tuned.transform(x), labels, some) > told_apart(before, labels, some)
    np.testing.assert_array_equal(la.LatentTransformer(bundle).fit_transform(x), before)


@pytest.mark.parametrize(
    ("options", "y", "words"),
    [
        ({"model": "pca", "supervision": 1.0}, [0, 1] * 20, "supervision must be 0, or"),
        ({"supervision": 1.0}, None, "y must be a label"),
        ({"supervision": 1.0}, [0, -1] * 20, "two classes or more"),
        ({"supervision": -1.0}, [0, 1] * 20, "a positive number"),
    ],
)
def test_what_supervision_needs(options: dict[str, Any], y: Any, words: str) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(InvalidInput, match=words):
        la.LatentTransformer(latent=2, options=QUICK, **options).fit(rows, y)
