"""Copies, sharpness, features and intervals of generator scores."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.measures.planted import rotation, rows

from latentarium.errors import InvalidInput
from latentarium.measures.samples import (
    FeatureMap,
    authenticity,
    birthday_estimate,
    copies,
    coverage,
    density,
    encoder_features,
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
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
Measure = Callable[..., Score]
BALLS: tuple[Measure, ...] = (precision, recall, density, coverage)
MOMENTS: tuple[Measure, ...] = (frechet_distance, frechet_distance_infinity, kid, sliced_wasserstein, vendi)
COUNTS: tuple[Measure, ...] = (ndb, birthday_estimate, nearest_neighbour_two_sample)
PAIRS = (*BALLS, *MOMENTS, *COUNTS)


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

    def test_the_interval_of_a_support_is_that_of_its_collisions(self) -> None:
        from scipy.stats import poisson

        real, generated = rows(2000, 16), rows(50, 16, seed=1)[np.random.default_rng(0).integers(50, size=60)]
        score = birthday_estimate(real, generated)
        low, high = score.interval
        count, pairs = score.settings["collisions"], 60 * 59 / 2
        assert score.value == pytest.approx(pairs / count)
        # at the ends so many collisions, or fewer, or more, have a chance of one in forty
        assert poisson.cdf(count, pairs / low) == pytest.approx(0.025)
        assert poisson.sf(count - 1, pairs / high) == pytest.approx(0.025)
        none = birthday_estimate(rows(100), 100 * rows(100, seed=1))
        assert none.interval == (pytest.approx(4950 / -np.log(0.025)), none.value)

    def test_the_interval_of_a_support_covers_it(self) -> None:
        """300 batches of 60 rows from 100: the exact interval is cautious, 0.95 and more."""
        real, kinds = rows(400, 16), rows(100, 16, seed=1)
        found = [
            birthday_estimate(real, kinds[np.random.default_rng(s).integers(100, size=60)]).interval for s in range(300)
        ]
        assert 0.93 <= np.mean([low <= 100 <= high for low, high in found]) <= 1.0

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
