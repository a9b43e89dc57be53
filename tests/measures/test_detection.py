"""Detection: thresholds, p-values, drift, and the quality of scores and maps, against known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from latentarium.errors import InvalidInput
from latentarium.measures.detection import (
    Neighbours,
    OrientedEdges,
    aupro,
    auroc,
    average_precision,
    benjamini_hochberg,
    calibration_drift,
    conformal_p_values,
    conformal_threshold,
    null_share,
    peaks_over_threshold,
    pixel_auroc,
    plane_residuals,
    quantile_threshold,
    rows_needed,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("ties", [False, True])
def test_row_scores_are_those_of_scikit_learn(random: np.random.Generator, ties: bool) -> None:
    odd = random.random(400) < 0.2
    scores = random.normal(size=400) + odd
    scores = scores.round(1) if ties else scores
    assert auroc(scores, odd).value == pytest.approx(roc_auc_score(odd, scores), abs=1e-12)
    assert average_precision(scores, odd).value == pytest.approx(average_precision_score(odd, scores), abs=1e-12)


def test_the_interval_of_the_auroc_covers(random: np.random.Generator) -> None:
    truth, inside = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(300):
        odd = np.arange(120) < 30
        low, high = auroc(random.normal(size=120) + odd, odd).interval
        inside += low <= truth <= high
    assert 0.91 <= inside / 300 <= 0.99


def test_maps_are_judged_by_pixel_and_by_region() -> None:
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:4, 2:4] = masks[0, 10:18, 10:18] = True
    maps = np.zeros((2, 20, 20))
    maps[0, 10:18, 10:18] = 1
    found = pixel_auroc(maps, masks)
    assert found.value == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
    # one of two regions lights up, the other only once every pixel does
    assert aupro(maps, masks).value == pytest.approx(0.5, abs=0.01)
    assert aupro(masks.astype(float), masks).value == pytest.approx(1)


def test_judged_rows_need_both_kinds() -> None:
    with pytest.raises(InvalidInput, match="odd must be true for some rows"):
        auroc([1.0, 2.0], [True, True])
    with pytest.raises(InvalidInput, match="masks must be one value a pixel"):
        pixel_auroc(np.zeros((2, 4, 4)), np.zeros((2, 3, 3)))


def test_false_alarms_are_as_many_as_the_exact_interval_says(random: np.random.Generator) -> None:
    alarms, covered = [], 0
    for _ in range(400):
        found = quantile_threshold(random.normal(size=200), alpha=0.05)
        alarms.append(stats.norm.sf(found.value))
        covered += found.interval[0] <= alarms[-1] <= found.interval[1]
    assert 0.92 <= covered / 400 <= 0.98


def test_a_conformal_threshold_keeps_its_word(random: np.random.Generator) -> None:
    alarms = [stats.norm.sf(conformal_threshold(random.normal(size=99), alpha=0.1).value) for _ in range(500)]
    assert np.mean(alarms) == pytest.approx(0.1, abs=0.005)
    few = conformal_threshold([1.0, 2.0], alpha=0.05)
    assert few.value == np.inf
    assert "2 calibration rows are too few for alpha 0.05, which needs 19" in few.notes[0]


def test_a_tail_reaches_beyond_the_calibration_rows(random: np.random.Generator) -> None:
    scores = random.exponential(size=5000)
    found = peaks_over_threshold(scores, alpha=1e-4)
    assert found.method == "pot"
    assert found.value == pytest.approx(-np.log(1e-4), rel=0.25)
    assert found.facts is not None
    assert found.facts["shape_interval"][0] < 0 < found.facts["shape_interval"][1]


def test_a_tail_that_cannot_be_fitted_falls_back(random: np.random.Generator) -> None:
    few = peaks_over_threshold(random.exponential(size=200), alpha=0.001)
    assert few.method == "quantile"
    assert "50 needed" in few.notes[0]
    lumps = np.concatenate([random.random(4000), np.repeat([2.0, 9.0], 60)])
    assert "no generalised Pareto" in peaks_over_threshold(lumps, alpha=0.001).notes[0]


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=40), st.lists(st.floats(-5, 5), min_size=1, max_size=10))
def test_p_values_count_calibration_scores(calibration: list[float], scores: list[float]) -> None:
    found = conformal_p_values(calibration, scores)
    expected = [(1 + sum(c >= s for c in calibration)) / (len(calibration) + 1) for s in scores]
    assert found.tolist() == pytest.approx(expected)
    drawn = conformal_p_values(calibration, scores, seed=1)
    assert (drawn <= found + 1e-12).all()


def test_discoveries_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.02, 0.04, 0.9], alpha=0.05).tolist() == [True, True, False, False]
    # the largest p-value under the line takes smaller ones that are over theirs along
    assert benjamini_hochberg([0.03, 0.035, 0.036], alpha=0.05).tolist() == [True, True, True]
    assert rows_needed(100, alpha=0.1) == 999
    assert null_share(np.linspace(0, 1, 1000)) == pytest.approx(1, abs=0.01)


def test_false_discoveries_are_controlled_and_power_is_that_of_the_oracle(random: np.random.Generator) -> None:
    alpha, false, hits, oracle = 0.1, [], [], []
    for _ in range(200):
        odd = np.arange(500) < 50
        scores = random.normal(size=500) + 4 * odd
        found = benjamini_hochberg(conformal_p_values(random.normal(size=2000), scores), alpha=alpha)
        false.append((found & ~odd).sum() / max(1, found.sum()))
        hits.append((found & odd).sum() / 50)
        oracle.append(_oracle(scores, odd, alpha))
    assert np.mean(false) <= alpha + 2 * np.std(false) / np.sqrt(200)
    assert np.mean(hits) >= 0.8 * np.mean(oracle)


def _oracle(scores: np.ndarray, odd: np.ndarray, alpha: float) -> float:
    """Share of odd rows found by the lowest threshold whose own false discoveries are at most alpha."""
    order = np.argsort(-scores)
    false = np.cumsum(~odd[order]) / np.arange(1, len(odd) + 1)
    good = np.flatnonzero(false <= alpha)
    return float(odd[order[: good[-1] + 1]].sum() / odd.sum()) if len(good) else 0.0


def test_drift_is_told_from_odd_rows(random: np.random.Generator) -> None:
    alarms = []
    for _ in range(200):
        calibration, new = random.normal(size=300), random.normal(size=300)
        new[:60] += 6
        alarms.append(calibration_drift(calibration, new).broken)
    assert np.mean(alarms) <= 0.01
    calibration = random.normal(size=1000)
    for shift in (-0.6, 1.2):
        found = calibration_drift(calibration, random.normal(size=1000) + shift)
        assert found.broken
        assert found.words.startswith("the calibration is broken")


def test_a_plane_takes_what_lies_in_it(random: np.random.Generator) -> None:
    axes = np.linalg.qr(random.normal(size=(8, 3)))[0].T.astype(np.float32)
    neighbours = (random.normal(size=(1, 12, 3)).astype(np.float32) @ axes) + 2
    inside = random.normal(size=(1, 3)).astype(np.float32) @ axes + 2
    normal = np.linalg.svd(axes)[2][-1].astype(np.float32)
    assert np.abs(plane_residuals(inside, neighbours, ridge=1e-7)).max() < 1e-4
    off = plane_residuals(inside + 3 * normal, neighbours, ridge=1e-7)
    np.testing.assert_allclose(off[0], 3 * normal, atol=1e-4)
    # neighbours that all coincide span nothing
    np.testing.assert_allclose(
        plane_residuals(inside, np.repeat(inside[:, None], 4, 1) + 1), -np.ones((1, 8)), atol=1e-6
    )


def test_neighbours_are_exact_and_never_oneself(random: np.random.Generator) -> None:
    points = random.normal(size=(300, 5)).astype(np.float32)
    numbers, distances = Neighbours(points).nearest(points, 7)
    full = ((points[:, None].astype(np.float64) - points[None]) ** 2).sum(2)
    np.fill_diagonal(full, np.inf)
    np.testing.assert_array_equal(numbers, np.argsort(full, axis=1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(full, axis=1)[:, :7])
    twin = np.concatenate([points, points[:1]])
    assert Neighbours(twin).nearest(points[:1], 1)[1][0, 0] == 0


def test_edges_forgive_a_small_move_and_maps_keep_the_sum(random: np.random.Generator) -> None:
    edges = OrientedEdges((1, 28, 28))
    picture = np.zeros((3, 1, 28, 28), np.float32)
    picture[0, 0, 8:20, 8:20] = picture[1, 0, 8:20, 9:21] = 1
    picture[2, 0, 12:16, 2:26] = 1
    flat = edges.cells(picture).reshape(3, -1)
    moved, other = ((flat[0] - flat[i]) @ (flat[0] - flat[i]) for i in (1, 2))
    pixels = [((picture[0] - picture[i]) ** 2).sum() for i in (1, 2)]
    assert moved / other < 0.8 * pixels[0] / pixels[1]
    energies = random.random((2, 49))
    np.testing.assert_allclose(edges.spread(energies).sum((1, 2, 3)), energies.sum(1))
