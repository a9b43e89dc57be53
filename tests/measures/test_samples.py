"""Generator scores: known answers, invariances, independent implementations, and the traps they must not fall into."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.errors import InvalidInput
from latentarium.measures.samples import (
    FeatureMap,
    authenticity,
    birthday_estimate,
    class_coverage,
    class_kl,
    copies,
    coverage,
    density,
    encoder_features,
    expected_coverage,
    frechet_distance,
    frechet_distance_infinity,
    kid,
    ndb,
    nearest_neighbour_two_sample,
    pixel_pca,
    precision,
    recall,
    sharpness_ratio,
    sliced_wasserstein,
    vendi,
)
from latentarium.measures.samples.balls import memberships, nearest
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
Measure = Callable[..., Score]
BALLS: tuple[Measure, ...] = (precision, recall, density, coverage)
MOMENTS: tuple[Measure, ...] = (frechet_distance, frechet_distance_infinity, kid, sliced_wasserstein, vendi)
COUNTS: tuple[Measure, ...] = (ndb, birthday_estimate, nearest_neighbour_two_sample)
PAIRS = (*BALLS, *MOMENTS, *COUNTS)


def rows(n: int, d: int = 4, *, seed: int = 0, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(shift, 1, (n, d))


def values(real: Array, generated: Array, k: int = 5) -> list[float]:
    return [m(real, generated, k=k, draws=0).value for m in BALLS]


def rotation(d: int, seed: int = 0) -> Array:
    return np.linalg.qr(rows(d, d, seed=seed))[0]


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


class TestCopying:
    def test_support_of_repeated_rows(self) -> None:
        real = rows(2000, 16)
        repeated = np.repeat(rows(50, 16, seed=1), 40, axis=0)
        score = birthday_estimate(real, repeated)
        assert score.value == pytest.approx(50, rel=0.05)
        assert score.settings["collisions"] == 50 * 40 * 39 / 2
        draws = rows(200, 16, seed=2)[np.random.default_rng(0).integers(200, size=2000)]
        assert birthday_estimate(real, draws).value == pytest.approx(200, rel=0.1)

    def test_no_collision_is_a_bound(self) -> None:
        score = birthday_estimate(rows(100), 100 * rows(100, seed=1))
        assert score.settings["collisions"] == 0
        assert score.value == 9900

    def test_two_sample_test_knows_one_law_two_laws_and_memory(self) -> None:
        real = rows(1000, 8)
        one_law = nearest_neighbour_two_sample(real, rows(1000, 8, seed=1))
        assert one_law.value == pytest.approx(0.5, abs=0.04)
        assert one_law.interval[0] < 0.5 < one_law.interval[1]
        assert nearest_neighbour_two_sample(real, rows(1000, 8, seed=1, shift=9)).value == 1.0
        assert nearest_neighbour_two_sample(real, real + 1e-9).value < 0.01
        assert nearest_neighbour_two_sample(np.ones((40, 2)), np.ones((60, 2))).value == 0.5

    def test_two_sample_test_against_scikit_learn(self) -> None:
        from sklearn.model_selection import LeaveOneOut, cross_val_score
        from sklearn.neighbors import KNeighborsClassifier

        real, generated = rows(60), rows(60, seed=1, shift=0.5)
        both, side = np.concatenate([real, generated]), np.repeat([0, 1], 60)
        expected = cross_val_score(KNeighborsClassifier(1), both, side, cv=LeaveOneOut()).mean()
        assert nearest_neighbour_two_sample(real, generated).value == pytest.approx(expected)

    def test_copies_are_found_and_held_out_rows_are_none(self) -> None:
        held, trained = rows(1000, 8), rows(3000, 8, seed=1)
        assert copies(held, rows(1000, 8, seed=2), trained).value == pytest.approx(0.01, abs=0.012)
        half = np.concatenate([trained[:500] + 1e-6, rows(500, 8, seed=3)])
        assert copies(held, half, trained).value == pytest.approx(0.5, abs=0.02)
        assert authenticity(held, half, trained).value == pytest.approx(0.25, abs=0.05)
        assert authenticity(held, trained[:300], trained).value == 0.0
        fresh = authenticity(held, rows(1000, 8, seed=2), trained)
        assert fresh.value == pytest.approx(fresh.settings["real_rows"], abs=0.06)
        assert 0.45 < fresh.settings["real_rows"] < 0.65

    def test_copies_of_a_set_with_duplicates(self) -> None:
        doubled = np.repeat(rows(50, 3), 4, axis=0)
        assert copies(doubled, doubled, doubled).value == 1.0
        assert authenticity(doubled, doubled, doubled).value == 0.0

    @settings(max_examples=5, deadline=None)
    @given(seed=st.integers(0, 100), scale=st.sampled_from([1e-3, 1.0, 1e3]))
    def test_free_of_rotation_and_scale(self, seed: int, scale: float) -> None:
        real, generated, trained = rows(80, seed=seed), rows(60, seed=seed + 1), rows(150, seed=seed + 2)
        turn = rotation(4, seed) * scale
        for measure, more in (
            (birthday_estimate, ()),
            (nearest_neighbour_two_sample, ()),
            (copies, (trained,)),
            (authenticity, (trained,)),
        ):
            before = measure(real, generated, *more, draws=0).value
            after = measure(real @ turn, generated @ turn, *(t @ turn for t in more), draws=0).value
            assert after == pytest.approx(before)


class TestSharpness:
    def test_against_scipy(self) -> None:
        from scipy.ndimage import laplace

        real, generated = rows(10, 192).reshape(10, 3, 8, 8), rows(6, 192, seed=1).reshape(6, 3, 8, 8)

        def energy(images: Array) -> float:
            found = [laplace(channel)[1:-1, 1:-1] for image in images for channel in image]
            return float((np.array(found) ** 2).mean())

        expected = energy(generated) / energy(real)
        score = sharpness_ratio(real, generated)
        assert score.value == pytest.approx(expected)
        assert score.interval[0] < score.value < score.interval[1]

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 100), shift=st.floats(-3, 3), scale=st.floats(0.1, 5))
    def test_free_of_brightness_and_contrast_and_turns(self, seed: int, shift: float, scale: float) -> None:
        real, generated = rows(8, 49, seed=seed).reshape(8, 1, 7, 7), rows(9, 49, seed=seed + 1).reshape(9, 1, 7, 7)
        before = sharpness_ratio(real, generated, draws=0).value
        after = sharpness_ratio(scale * np.rot90(real, axes=(2, 3)) + shift, scale * generated[::-1] + shift, draws=0)
        assert after.value == pytest.approx(before, rel=1e-6)

    def test_flat_and_misshapen_images_are_refused(self) -> None:
        flat = np.ones((4, 1, 8, 8))
        with pytest.raises(InvalidInput, match="images with edges"):
            sharpness_ratio(flat, flat)
        with pytest.raises(InvalidInput, match="at least 3 x 3"):
            sharpness_ratio(np.ones((4, 64)), flat)
        with pytest.raises(InvalidInput, match=r"generated\.shape"):
            sharpness_ratio(rows(4, 64).reshape(4, 1, 8, 8), rows(4, 81).reshape(4, 1, 9, 9))


class TestFeatures:
    def test_principal_components_against_a_decomposition(self) -> None:
        real = rows(200, 12) * np.arange(1, 13)
        features = pixel_pca(real.reshape(200, 3, 4), components=5)
        assert features.name == "pixel_pca(5)"
        spectrum = np.linalg.svd(real - real.mean(0), compute_uv=False)
        assert np.linalg.norm(features(real.reshape(200, 3, 4)), axis=0) == pytest.approx(spectrum[:5], rel=1e-5)

    def test_features_do_not_depend_on_the_batch(self) -> None:
        real = rows(700, 30)
        features = pixel_pca(real, components=8)
        assert (features(real)[613:640] == features(real[613:640])).all()

    def test_every_score_names_its_features(self) -> None:
        half = FeatureMap("first half", lambda x: x[:, :2])
        encoder = LatentSpace(name="half", shape=(2,), data_shape=(4,), encode_fn=lambda x: x[:, :2])
        real, generated = rows(60), rows(60, seed=1)
        for measure in PAIRS:
            given, by_name = (
                measure(real[:, :2], generated[:, :2], draws=0),
                measure(real, generated, features=half, draws=0),
            )
            assert (given.settings["features"], by_name.settings["features"]) == ("as given", "first half")
            assert by_name.value == given.value
        coded = precision(real, generated, features=encoder_features(encoder))
        assert coded.settings["features"] == "codes of half"

    def test_features_that_lose_rows_or_are_not_finite_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="60 rows, one for each"):
            kid(rows(60), rows(60), features=lambda x: x[:5])
        with pytest.raises(InvalidInput, match="finite"):
            kid(rows(60), np.full((60, 4), np.nan))
        with pytest.raises(InvalidInput, match="4 features a row"):
            kid(rows(60), rows(60, 3))
        with pytest.raises(InvalidInput, match="at least 24 rows"):
            kid(rows(5), rows(60))
        with pytest.raises(InvalidInput, match="16 values a row"):
            pixel_pca(rows(30, 16))(rows(30, 9))

    def test_constant_pixels_have_features(self) -> None:
        features = pixel_pca(np.ones((30, 16)))
        assert np.isfinite(features(np.ones((3, 16)))).all()


class TestIntervals:
    @pytest.mark.parametrize("measure", PAIRS)
    def test_hold_the_value_lie_in_the_range_and_come_from_the_seed(self, measure: Measure) -> None:
        real, generated = rows(200), rows(150, seed=1, shift=0.3)
        score = measure(real, generated, seed=3)
        assert score == measure(real, generated, seed=3)
        assert score.range[0] <= score.interval[0] <= score.value <= score.interval[1] <= score.range[1]
        assert score.interval[0] < score.interval[1]
        assert score.meaning
        assert score.misleads

    @pytest.mark.parametrize("measure", [precision, coverage, frechet_distance, nearest_neighbour_two_sample])
    def test_are_as_wide_as_the_spread_of_fresh_draws(self, measure: Measure) -> None:
        scores = [measure(rows(400, seed=2 * s), rows(400, seed=2 * s + 1, shift=0.5)) for s in range(12)]
        spread = np.std([s.value for s in scores], ddof=1)
        width = np.mean([s.interval[1] - s.interval[0] for s in scores]) / (2 * 1.96)
        assert 0.5 < width / spread < 2

    def test_can_be_left_out(self) -> None:
        score = coverage(rows(60), rows(60, seed=1), draws=0)
        assert score.interval == (score.value, score.value)
