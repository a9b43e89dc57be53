"""Do the intervals cover a truth that is known in closed form, in 95 % of 300 repetitions.

Scores of samples are held against their own mean over 300 fresh pairs of samples, in 60 repetitions: 95 % of them, give
or take two and a half standard errors of such a count, 0.07.
"""

from collections.abc import Callable

import numpy as np
import pytest

from latentarium import measures as m
from latentarium.measures.interpretability import direction_cosines
from latentarium.measures.nulls import subsample_interval
from latentarium.measures.score import bootstrap_interval
from latentarium.space import LatentSpace

RUNS = 300


def coverage(interval: Callable[[np.random.Generator, int], tuple[float, float]], truth: float) -> float:
    found = [interval(np.random.default_rng([9, run]), run) for run in range(RUNS)]
    return float(np.mean([low <= truth <= high for low, high in found]))


def spread(values) -> float:
    return float(np.std(values, ddof=1))


CASES = {
    "bootstrap mean": (lambda v, s: bootstrap_interval(v, seed=s, resamples=200), 0.0),
    "bootstrap median": (lambda v, s: bootstrap_interval(v, seed=s, resamples=200, statistic=np.median), 0.0),
    "bootstrap spread": (lambda v, s: bootstrap_interval(v, seed=s, resamples=200, statistic=spread), 1.0),
    "subsample mean": (lambda v, s: subsample_interval(np.mean, v, seed=s, resamples=200), 0.0),
    "subsample mean of a tenth": (lambda v, s: subsample_interval(np.mean, v, seed=s, size=len(v) // 10), 0.0),
    "subsample spread": (lambda v, s: subsample_interval(spread, v, seed=s, resamples=200), 1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_intervals_of_a_gaussian_sample_cover_the_truth(case: str) -> None:
    interval, truth = CASES[case]
    assert coverage(lambda r, s: interval(r.standard_normal(60), s), truth) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("level", [0.5, 0.8])
def test_other_levels_are_kept_too(level: float) -> None:
    both = (
        lambda r, s: bootstrap_interval(r.standard_normal(60), seed=s, resamples=200, level=level),
        lambda r, s: subsample_interval(np.mean, r.standard_normal(60), seed=s, resamples=200, level=level),
    )
    for interval in both:
        assert coverage(interval, 0.0) == pytest.approx(level, abs=0.07)


def test_information_measures_cover_their_closed_forms(linear) -> None:
    """For the exact posterior: E rate = 1/2 sum log precision, E -ELBO = the entropy of x."""
    space, n = linear.space(batch_size=100), 100
    covariance = linear.weights @ linear.weights.T + 0.25 * np.eye(8)
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    rate = 0.5 * np.log(linear.precision).sum()
    truths = {"rate": rate, "negative_elbo": entropy, "distortion": entropy - rate}
    hits = dict.fromkeys(truths, 0)
    for run in range(RUNS):
        x = linear.rows(n, seed=1000 + run)
        for name, truth in truths.items():
            low, high = getattr(m, name)(space, x, seed=run).interval
            hits[name] += low <= truth <= high
    assert {name: count / RUNS for name, count in hits.items()} == pytest.approx(dict.fromkeys(truths, 0.95), abs=0.04)


def test_mse_covers_the_planted_error() -> None:
    space = LatentSpace(
        name="short", shape=(4,), data_shape=(4,), encode_fn=lambda x: x, decode_fn=lambda z: 0.5 * z, batch_size=80
    )
    found = coverage(lambda r, s: m.mse(space, r.standard_normal((80, 4)), seed=s).interval, 0.25)
    assert found == pytest.approx(0.95, abs=0.04)


def test_direction_cosines_cover_the_planted_angle() -> None:
    def interval(random: np.random.Generator, seed: int) -> tuple[float, float]:
        z = random.standard_normal((120, 2))
        return direction_cosines(z, np.stack([z[:, 0], z.sum(1)], axis=1), seed=seed).interval

    assert coverage(interval, np.sqrt(0.5)) == pytest.approx(0.95, abs=0.04)


SAMPLES = {
    "coverage": m.coverage,
    "precision": m.precision,
    "recall": m.recall,
    "frechet_distance": m.frechet_distance,
    "kid": m.kid,
}
REPEATED, FRESH, PAIR = 60, 300, 150


@pytest.mark.parametrize("name", SAMPLES)
def test_scores_of_gaussian_samples_cover_their_mean_over_fresh_samples(name: str) -> None:
    """Precision and recall of 150 rows are not those of endless rows: the truth is what 150 rows score on average."""

    def sides(run: int) -> list[np.ndarray]:
        random = np.random.default_rng([11, run])
        return [random.normal(shift, 1, (PAIR, 4)) for shift in (0.0, 0.5)]

    truth = np.mean([SAMPLES[name](*sides(run), draws=0).value for run in range(REPEATED, REPEATED + FRESH)])
    found = [SAMPLES[name](*sides(run), seed=run).interval for run in range(REPEATED)]
    assert np.mean([low <= truth <= high for low, high in found]) == pytest.approx(0.95, abs=0.07)


def test_copies_of_fresh_rows_cover_their_one_in_a_hundred() -> None:
    """The threshold is a quantile of the held-out rows, whose chance belongs into the interval."""
    hits = []
    for run in range(REPEATED):
        random = np.random.default_rng([12, run])
        held, generated, trained = (random.standard_normal((n, 4)) for n in (300, 300, 400))
        low, high = m.copies(held, generated, trained, seed=run).interval
        hits.append(low <= 0.01 <= high)
    assert np.mean(hits) >= 0.88


def test_few_draws_give_a_wider_interval_than_their_quantiles() -> None:
    """Of a mean, 24 quarters: by quantiles 0.86 of the intervals hold the truth, by their spread 0.95."""
    held = {
        name: coverage(lambda r, s, size=size: subsample_interval(np.mean, r.standard_normal(80), size=20, seed=s,
                                                                  resamples=size), 0.0)
        for name, size in {"few": 24, "many": 200}.items()
    }  # fmt: skip
    assert held["few"] == pytest.approx(0.95, abs=0.04)
    assert held["many"] == pytest.approx(0.95, abs=0.04)
