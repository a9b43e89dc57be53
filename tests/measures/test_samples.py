"""Balls, moments and classes of generator scores: known answers, invariances, independent implementations, traps."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.measures.planted import rotation, rows

from latentarium.errors import InvalidInput
from latentarium.measures.samples import (
    class_coverage,
    class_kl,
    coverage,
    density,
    expected_coverage,
    frechet_distance,
    frechet_distance_infinity,
    kid,
    ndb,
    precision,
    recall,
    sliced_wasserstein,
    vendi,
)
from latentarium.measures.samples.balls import memberships, nearest
from latentarium.measures.score import Score

Array = NDArray[np.float64]
Measure = Callable[..., Score]
BALLS: tuple[Measure, ...] = (precision, recall, density, coverage)
MOMENTS: tuple[Measure, ...] = (frechet_distance, frechet_distance_infinity, kid, sliced_wasserstein, vendi)


def values(real: Array, generated: Array, k: int = 5) -> list[float]:
    return [m(real, generated, k=k, draws=0).value for m in BALLS]


class TestBalls:
    def test_against_prdc_on_rows_without_ties(self) -> None:
        prdc = pytest.importorskip("prdc")
        real, generated = rows(300), rows(200, seed=1, shift=0.3)
        theirs = prdc.compute_prdc(real, generated, nearest_k=5)
        ours = dict(zip(("precision", "recall", "density", "coverage"), values(real, generated)))
        assert ours == pytest.approx(theirs, abs=1e-12)

    def test_against_tables_of_all_distances(self) -> None:
        from scipy.spatial.distance import cdist

        real, generated = rows(150), rows(90, seed=1, shift=0.5)
        table = cdist(real, generated)
        real_radius = np.sort(cdist(real, real), axis=1)[:, 3]
        made_radius = np.sort(cdist(generated, generated), axis=1)[:, 3]
        inside = table <= real_radius[:, None]
        expected = [
            inside.any(0).mean(), (table <= made_radius).any(1).mean(), inside.sum(0).mean() / 3, inside.any(1).mean(),
        ]  # fmt: skip
        assert values(real, generated, k=3) == pytest.approx(expected, abs=1e-12)

    def test_neighbours_against_scikit_learn(self) -> None:
        from sklearn.neighbors import NearestNeighbors

        points, others = rows(70), rows(110, seed=1)
        expected = NearestNeighbors(n_neighbors=4, algorithm="kd_tree").fit(others).kneighbors(points)
        found = nearest(points, others, 4)
        assert np.sqrt(found[0]) == pytest.approx(expected[0])
        assert (found[1] == expected[1]).all()

    def test_a_collapsed_generator_is_precise_and_recalls_little_and_a_wide_one_the_other_way_round(self) -> None:
        real = np.concatenate([rows(200), rows(200, seed=1, shift=30)])
        collapsed = rows(400, seed=2)
        assert precision(real, collapsed).value > 0.8
        assert recall(real, collapsed).value < 0.55
        assert precision(collapsed, real).value < 0.55
        assert recall(collapsed, real).value > 0.8

    def test_two_samples_of_one_law_give_the_expected_coverage(self) -> None:
        real, generated = rows(1000, 16), rows(1000, 16, seed=1)
        score = coverage(real, generated)
        assert score.settings["expected"] == pytest.approx(0.969, abs=5e-4)
        assert score.value == pytest.approx(score.settings["expected"], abs=0.02)
        assert density(real, generated, draws=0).value == pytest.approx(1, abs=0.1)
        assert expected_coverage(200, 50, 3) == pytest.approx(1 - (199 * 198 * 197) / (249 * 248 * 247))

    def test_identical_rows_with_ten_copies_of_each_are_covered(self) -> None:
        copied = np.repeat(rows(60, 8), 10, axis=0)
        assert values(copied, copied)[:2] == [1.0, 1.0]
        assert values(copied, copied)[2] >= 1
        assert coverage(copied, copied).value == 1.0
        assert coverage(copied, copied).settings["zero_radii"] == 1.0
        assert "radius 0" in coverage(copied, copied).settings["warning"]
        assert "warning" not in coverage(rows(60), rows(60)).settings

    def test_equal_rows_everywhere_are_covered(self) -> None:
        same = np.full((40, 3), 0.1)
        assert values(same, same, k=3) == [1.0, 1.0, pytest.approx(40 / 3), 1.0]
        assert values(same, same + 1, k=3) == [0.0, 0.0, 0.0, 0.0]

    def test_a_row_on_the_surface_of_a_ball_is_inside(self) -> None:
        line = np.arange(30.0)[:, None]
        far = np.concatenate([[[30.0]], np.full((29, 1), 500.0)])
        assert precision(line, far, k=1).value == pytest.approx(1 / 30)
        assert coverage(line, far, k=1).value == pytest.approx(1 / 30)
        far[0] = 30.0000001
        assert precision(line, far, k=1).value == 0.0

    def test_decisions_at_the_surface_are_exact_far_from_the_origin_and_in_any_block(self) -> None:
        points = rows(300, 6) * 1e-3 + 1e4
        radii = nearest(points, points, 5, same=True)[0][:, -1]
        whole = memberships(points, points, radii)
        assert (memberships(points, points, radii, block=1) == whole).all()
        assert (memberships(points, points, radii, block=1000) == whole).all()
        assert whole.sum() == 300 * (5 + 1)

    def test_too_many_neighbours_for_the_rows_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match=r"k must be an integer from 1 to 9"):
            coverage(rows(40), rows(40), k=10)
        with pytest.raises(InvalidInput, match="k must be"):
            precision(rows(40), rows(40), k=0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 0.5, 3.0, 1e6]))
@pytest.mark.parametrize("measure", BALLS)
def test_balls_are_free_of_rotation_shift_scale_and_order(measure: Measure, seed: int, scale: float) -> None:
    real, generated = rows(90, seed=seed), rows(70, seed=seed + 1, shift=0.4)
    turn, order = rotation(4, seed), np.random.default_rng(seed)
    before = measure(real, generated, draws=0).value
    after = measure(
        scale * (order.permutation(real) @ turn + 5), scale * (order.permutation(generated) @ turn + 5), draws=0
    ).value
    assert after == pytest.approx(before, abs=1e-12)


class TestMoments:
    def test_frechet_against_scipy(self) -> None:
        from scipy.linalg import sqrtm

        real, generated = rows(200, 5), rows(300, 5, seed=1, shift=0.5) @ rows(5, 5, seed=2)
        a, b = np.cov(real.T), np.cov(generated.T)
        gap = real.mean(0) - generated.mean(0)
        expected = gap @ gap + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
        assert frechet_distance(real, generated).value == pytest.approx(expected, rel=1e-9)

    def test_frechet_of_rows_with_fewer_rows_than_features_and_of_constants(self) -> None:
        real = rows(30, 60)
        assert frechet_distance(real, real).value == pytest.approx(0, abs=1e-6)
        same = np.ones((30, 3))
        assert frechet_distance(same, same + 2).value == pytest.approx(12)

    def test_extrapolation_takes_the_bias_out(self) -> None:
        pairs = [(rows(1500, 24, seed=s), rows(1500, 24, seed=s + 50)) for s in range(5)]
        finite = np.mean([frechet_distance(a, b, draws=0).value for a, b in pairs])
        endless = np.mean([frechet_distance_infinity(a, b, draws=0).value for a, b in pairs])
        assert finite > 0.15
        assert abs(endless) < 0.03
        shifted = frechet_distance_infinity(pairs[0][0], pairs[0][1] + 1, draws=0).value
        assert shifted == pytest.approx(24, rel=0.1)

    def test_kid_against_scikit_learn(self) -> None:
        from sklearn.metrics.pairwise import polynomial_kernel

        a, b = rows(60, 6), rows(40, 6, seed=1, shift=0.3)
        within = sum(
            (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
            for k in (polynomial_kernel(t, degree=3, gamma=1 / 6, coef0=1) for t in (a, b))
        )
        expected = within - 2 * polynomial_kernel(a, b, degree=3, gamma=1 / 6, coef0=1).mean()
        assert kid(a, b).value == pytest.approx(expected)

    def test_kid_of_one_law_is_nothing_and_its_interval_holds_zero(self) -> None:
        low, high = kid(rows(1000), rows(1000, seed=1)).interval
        assert low < 0 < high
        assert kid(rows(1000), rows(1000, seed=1, shift=0.5)).interval[0] > 0.1

    def test_sliced_against_scipy_in_one_dimension(self) -> None:
        from scipy.stats import wasserstein_distance

        a, b = rows(100, 1), rows(100, 1, seed=1, shift=4)
        squared = ((np.sort(a[:, 0]) - np.sort(b[:, 0])) ** 2).mean()
        assert sliced_wasserstein(a, b).value == pytest.approx(np.sqrt(squared))
        assert sliced_wasserstein(a, b).value >= wasserstein_distance(a[:, 0], b[:, 0])
        assert sliced_wasserstein(a, np.repeat(a, 3, axis=0)).value == pytest.approx(0)

    def test_vendi_against_the_kernel_of_all_rows(self) -> None:
        real, generated = rows(80), rows(50, seed=1, shift=0.2)
        centred = generated - real.mean(0)
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        spectrum = np.linalg.eigvalsh(unit @ unit.T / 50)
        spectrum = spectrum[spectrum > 1e-12]
        assert vendi(real, generated).value == pytest.approx(np.exp(-(spectrum * np.log(spectrum)).sum()))
        assert vendi(real, np.ones((40, 4))).value == pytest.approx(1)
        assert vendi(np.ones((40, 4)), np.ones((40, 4))).value == 1.0


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
@pytest.mark.parametrize("measure", [frechet_distance, kid, vendi])
def test_moments_are_free_of_rotation_and_order(measure: Measure, seed: int) -> None:
    real, generated = rows(60, seed=seed), rows(50, seed=seed + 1, shift=0.4)
    turn, order = rotation(4, seed), np.random.default_rng(seed)
    after = measure(order.permutation(real) @ turn, order.permutation(generated) @ turn, draws=0).value
    assert after == pytest.approx(measure(real, generated, draws=0).value, rel=1e-8, abs=1e-10)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10))
def test_distances_scale_with_the_features(seed: int, scale: float) -> None:
    real, generated = rows(60, seed=seed), rows(50, seed=seed + 1, shift=0.4)
    for measure, power in ((frechet_distance, 2), (frechet_distance_infinity, 2), (sliced_wasserstein, 1)):
        before, after = (measure(real * s, generated * s, draws=0).value for s in (1.0, scale))
        assert after == pytest.approx(before * scale**power, rel=1e-6, abs=1e-9)


class TestClasses:
    CENTRES = 10 * np.eye(10)

    def clusters(self, classes: list[int], each: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
        labels = np.repeat(classes, each)
        return self.CENTRES[labels] + rows(len(labels), 10, seed=seed), labels

    def test_lost_classes_are_counted_and_named(self) -> None:
        real, labels = self.clusters(list(range(10)), 60, seed=0)
        generated, _ = self.clusters(list(range(9)), 60, seed=1)
        score = class_coverage(real, generated, labels)
        assert score.value == pytest.approx(0.9, abs=0.03)
        assert score.settings["modes_hit"] == 9
        assert score.parts["ratio"][9] == 0
        assert score.parts["class"] == list(map(float, range(10)))
        assert score.interval[1] < 0.95
        assert class_kl(real, generated, labels).value == pytest.approx(np.log(10 / 9), abs=0.03)

    def test_one_class_alone_and_all_classes(self) -> None:
        real, labels = self.clusters(list(range(10)), 60, seed=0)
        alone, _ = self.clusters([3], 300, seed=1)
        assert class_coverage(real, alone, labels).settings["modes_hit"] == 1
        assert class_coverage(real, alone, labels).value == pytest.approx(0.1)
        assert class_kl(real, alone, labels).value == pytest.approx(np.log(10), abs=0.2)
        healthy, _ = self.clusters(list(range(10)), 60, seed=2)
        assert class_coverage(real, healthy, labels).value > 0.9
        assert class_kl(real, healthy, labels).value < 0.05

    def test_labels_are_free_of_their_names_and_checked(self) -> None:
        real, labels = self.clusters([0, 1, 2], 40, seed=0)
        named = np.array(["a", "b", "c"])[labels]
        assert class_coverage(real, real[:60], labels).value == class_coverage(real, real[:60], named).value
        assert class_coverage(real, real, named).settings["classes"] == ["a", "b", "c"]
        with pytest.raises(InvalidInput, match="two classes or more"):
            class_kl(real, real, np.zeros(120))
        with pytest.raises(InvalidInput, match="one for each real row"):
            class_coverage(real, real, labels[:5])

    def test_bins_differ_by_luck_in_one_law_and_all_over_where_half_is_lost(self) -> None:
        real, _ = self.clusters(list(range(10)), 200, seed=0)
        same, _ = self.clusters(list(range(10)), 100, seed=1)
        half, _ = self.clusters([0, 1, 2, 3, 4], 200, seed=2)
        assert ndb(real, same, bins=50).value < 0.2
        assert ndb(real, half, bins=50).value > 0.7
        assert ndb(np.ones((40, 2)), np.ones((40, 2))).value == 0.0

    @settings(max_examples=5, deadline=None)
    @given(seed=st.integers(0, 100), scale=st.sampled_from([0.01, 1.0, 100.0]))
    def test_classes_and_bins_are_free_of_rotation_and_scale(self, seed: int, scale: float) -> None:
        real, labels = self.clusters([0, 1, 2], 40, seed=seed)
        generated, _ = self.clusters([0, 1], 40, seed=seed + 1)
        turn = rotation(10, seed) * scale
        for measure, more in ((class_coverage, (labels,)), (class_kl, (labels,)), (ndb, ())):
            before = measure(real, generated, *more, draws=0).value
            assert measure(real @ turn, generated @ turn, *more, draws=0).value == pytest.approx(before)
