"""The detector: scikit-learn's own contract, determinism, maps that sum to scores, thresholds that hold."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.applications.conftest import keeps_the_contract

import latentarium as la
from latentarium.applications.anomaly.parts import SCORES
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.pictures import heat

QUICK = {"steps": 30, "width": 32, "threads": 1}


def _curve(count: int, seed: int = 0) -> np.ndarray:
    """Normal rows: a noisy circle in six dimensions."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, count)
    plane = np.stack([np.cos(angle), np.sin(angle)], 1)
    return plane @ np.eye(2, 6) + 0.05 * random.normal(size=(count, 6))


ODD = np.random.default_rng(9).uniform(-0.4, 0.4, (100, 6))
"""Inside the circle: odd, though near the mean of every column."""


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    rows = la.open_source("digits")
    return rows.raw[np.asarray(rows.columns["label"]).astype(str) == "3"]


@pytest.fixture(scope="module")
def vae() -> la.LatentOutlierDetector:
    return la.LatentOutlierDetector(model="vae", latent=3, options=QUICK).fit(_curve(300))


@pytest.mark.parametrize(
    "estimator",
    [la.LatentOutlierDetector(), la.LatentOutlierDetector(scores="weighted+mahalanobis", threshold="quantile")],
    ids=["default", "combined"],
)
def test_scikit_learn_contract(estimator: Any) -> None:
    keeps_the_contract(estimator)


@pytest.mark.slow
def test_scikit_learn_contract_with_a_vae() -> None:
    keeps_the_contract(la.LatentOutlierDetector(model="vae", scores="elbo", options={**QUICK, "steps": 3, "width": 8}))


@pytest.mark.parametrize("scores", ["plane", "weighted", "plane+weighted", "data-neighbours", "plain"])
def test_a_hole_in_the_middle_is_odd(scores: str) -> None:
    detector = la.LatentOutlierDetector(scores=scores, latent=2).fit(_curve(600))
    assert detector.space_.shape == (2,)
    quality = roc_auc_score([0] * 300 + [1] * 100, detector.anomaly_score(np.concatenate([_curve(300, 1), ODD])))
    assert quality > (0.9 if scores in ("plane", "data-neighbours") else 0.7)


@pytest.mark.parametrize("scores", [*SCORES, "plane+elbo"])
def test_scores_are_repeatable_and_maps_sum_to_them(vae: la.LatentOutlierDetector, scores: str) -> None:
    detector = la.LatentOutlierDetector(vae.space_, scores=scores).fit(vae._frame.array(_curve(200)))
    new = vae._frame.array(_curve(150, 2))
    whole = detector.anomaly_score(new)
    assert np.array_equal(whole, detector.anomaly_score(new))
    alone = np.concatenate([detector.anomaly_score(new[i : i + 1]) for i in range(0, 150, 29)])
    assert np.array_equal(alone, whole[::29])
    maps = detector.explain(new)
    assert maps.shape == new.shape
    np.testing.assert_allclose(maps.sum(1), whole, rtol=1e-6)


def test_maps_of_pictures_sum_and_lie_where_the_damage_is(pictures: np.ndarray) -> None:
    detector = la.LatentOutlierDetector().fit(pictures)
    assert detector.space_.data_shape == (1, 8, 8)
    damaged = pictures[:5].copy()
    damaged[:, :, 4:, :4] = 255 - damaged[:, :, 4:, :4]
    before, after = detector.explain(pictures[:5]), detector.explain(damaged)
    np.testing.assert_allclose(after.sum((1, 2, 3)), detector.anomaly_score(damaged), rtol=1e-6)
    grown = (after - before).sum((0, 1))
    assert grown[4:, :4].sum() > 0.5 * grown.sum()
    assert before.max() < 4 * detector.map_scale_


@pytest.mark.parametrize("scores", ["elbo", "iwae", "elbo+plane"])
def test_maps_of_a_density_are_seen(pictures: np.ndarray, scores: str) -> None:
    """A bound in nats lies below 0 where the data have a density; what is damaged glows all the same."""
    options = {**QUICK, "likelihood": "gaussian", "steps": 200}
    detector = la.LatentOutlierDetector(model="vae", latent=8, scores=scores, options=options).fit(pictures)
    damaged = pictures[:5].copy()
    damaged[:, :, 4:, :4] = 255 - damaged[:, :, 4:, :4]
    assert "plane" in scores or np.median(detector.anomaly_score(pictures)) < 0
    before, after = detector.explain(pictures[:5]), detector.explain(damaged)
    np.testing.assert_allclose(after.sum((1, 2, 3)), detector.anomaly_score(damaged), rtol=1e-6)
    lit = heat(after, scale=detector.map_scale_, floor=detector.map_floor_).sum(1)
    usual = heat(before, scale=detector.map_scale_, floor=detector.map_floor_).sum(1)
    assert lit[:, 4:, :4].mean() > 2 * usual[:, 4:, :4].mean()
    assert lit[:, 4:, :4].mean() > 1.5 * lit[:, :4, 4:].mean()
    assert usual.max() > 1


def test_the_odd_feature_is_named() -> None:
    rows = _curve(400)
    odd = _curve(20, 3)
    odd[:, 4] += 2
    maps = la.LatentOutlierDetector().fit(rows).explain(odd)
    assert (maps.argmax(1) == 4).all()


def test_a_column_that_did_not_vary_speaks_up() -> None:
    rows = np.concatenate([_curve(200), np.full((200, 1), 7.0)], axis=1)
    detector = la.LatentOutlierDetector().fit(rows)
    new = rows[:2].copy()
    new[1, 6] = 9
    assert detector.predict(new).tolist() == [1, -1]


def test_alpha_is_the_share_of_new_normal_rows_that_is_called_odd() -> None:
    shares = [
        (la.LatentOutlierDetector(alpha=0.1, seed=s).fit(_curve(500, s)).predict(_curve(2000, 50 + s)) == -1).mean()
        for s in range(8)
    ]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)


def test_contamination_and_alpha_are_two_things() -> None:
    mixed = np.concatenate([_curve(450), ODD[:50]])
    trusting = la.LatentOutlierDetector().fit(mixed)
    told = la.LatentOutlierDetector(contamination=0.1).fit(mixed)
    labels = la.LatentOutlierDetector(contamination=0.1).fit_predict(mixed)
    assert (labels == -1).sum() == 50
    assert (labels[450:] == -1).mean() > 0.8
    # with the odd rows left out the threshold is that of normal rows
    assert told.threshold_.value < trusting.threshold_.value
    assert (told.predict(ODD[50:]) == -1).mean() > 0.9
    assert (told.predict(_curve(1000, 7)) == -1).mean() < 0.12


def test_novelty_trusts_the_rows() -> None:
    with pytest.raises(InvalidInput, match="contamination must be 'auto' where novelty is true"):
        la.LatentOutlierDetector(novelty=True, contamination=0.1).fit(_curve(50))
    with pytest.raises(InvalidInput, match="fit_predict judges the rows it learns from"):
        la.LatentOutlierDetector(novelty=True).fit_predict(_curve(50))


def test_own_calibration_rows() -> None:
    detector = la.LatentOutlierDetector().fit(_curve(200), calibration_rows=_curve(333, 1))
    assert detector.threshold_.calibration == 333
    assert len(detector.calibration_scores_) == 333


def test_a_bundle_stands_for_its_space(bundle: Bundle) -> None:
    x = la.open_source("digits").array("train")[:300]
    own, of_space = (clone(la.LatentOutlierDetector(space)).fit(x) for space in (bundle, bundle.space))
    np.testing.assert_array_equal(own.anomaly_score(x[:20]), of_space.anomaly_score(x[:20]))
    assert own.space_.dim == 4


def test_discoveries_and_drift() -> None:
    detector = la.LatentOutlierDetector().fit(_curve(4000))
    new = np.concatenate([_curve(100, 1), ODD[:20]])
    found = detector.discoveries(new, alpha=0.2)
    assert found[100:].mean() > 0.8
    assert found[:100].mean() < 0.1
    assert not detector.drift(new).broken
    assert detector.drift(1.3 * _curve(300, 2)).broken
    few = la.LatentOutlierDetector().fit(_curve(40))
    with pytest.raises(InvalidInput, match="need 999 calibration rows for a single one, got 8"):
        few.discoveries(_curve(100, 1), alpha=0.1)


def test_settings_say_what_is_wrong() -> None:
    rows = _curve(50)
    for options, words in (
        ({"scores": "reconstruction"}, "scores must be one of plane, weighted"),
        ({"scores": "plane+plane"}, "each part once"),
        ({"threshold": "best"}, "threshold must be one of conformal, quantile, pot, got 'best'"),
        ({"alpha": 1.5}, "alpha must be a share between 0 and 1"),
        ({"contamination": None}, "contamination must be 'auto' or a share above 0 and at most 0.5, got None"),
        ({"contamination": "none"}, "contamination must be 'auto' or a share"),
        ({"contamination": 0.7}, "contamination must be 'auto' or a share"),
        ({"model": "gan"}, "model must be one of pca, edges, vae, ae"),
        ({"neighbours": 0}, "neighbours must be an integer"),
        ({"options": {"steps": 5}}, "model 'pca' takes no options"),
    ):
        with pytest.raises(InvalidInput, match=words):
            la.LatentOutlierDetector(**options).fit(rows)
    with pytest.raises(MissingCapability, match="no posterior, which the score needs"):
        la.LatentOutlierDetector(scores="elbo").fit(rows)
    with pytest.raises(NotFittedError):
        la.LatentOutlierDetector().explain(rows)


def test_shares_may_be_of_any_type_of_number() -> None:
    options = {"alpha": np.float32(0.1), "calibration": np.float32(0.25), "contamination": np.float32(0.1)}
    assert la.LatentOutlierDetector(**options).fit(_curve(100)).threshold_.alpha == pytest.approx(0.1)


def test_inside_scikit_learn() -> None:
    rows = _curve(200)
    pipeline = make_pipeline(StandardScaler(), la.LatentOutlierDetector(latent=2)).fit(rows)
    assert pipeline.predict(ODD).shape == (100,)
    labels = np.r_[np.ones(200), -np.ones(100)]
    search = GridSearchCV(
        la.LatentOutlierDetector(contamination=0.3), {"neighbours": [5, 10]}, scoring="roc_auc", cv=StratifiedKFold(2)
    ).fit(np.concatenate([rows, ODD]), labels)
    assert search.best_score_ > 0.5
    given = la.LatentOutlierDetector(la.LatentOutlierDetector().fit(rows).space_)
    assert clone(given).space is not None


def test_a_fitted_detector_can_be_pickled(vae: la.LatentOutlierDetector) -> None:
    again = pickle.loads(pickle.dumps(vae))  # noqa: S301 - what scikit-learn users do, with bytes of our own
    new = _curve(10, 4)
    assert np.array_equal(again.anomaly_score(new), vae.anomaly_score(new))
