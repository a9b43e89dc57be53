"""Generator scores as the suite runs them: on a space's own samples, beside real rows against real rows."""

import dataclasses

import numpy as np
import pytest

from latentarium.distributions import Normal
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.samples import ENTRIES, FeatureMap, Samples, pixel_pca
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

SIDE = 6


def space(*, spread: float = 1.0, name: str = "plain") -> LatentSpace:
    """Images whose 36 pixels are the latents, with a prior as wide as stated."""
    shape = (1, SIDE, SIDE)
    return LatentSpace(
        name=name,
        shape=(SIDE * SIDE,),
        data_shape=shape,
        decode_fn=lambda z: z.reshape(len(z), *shape),
        prior=Normal(mean=np.zeros(SIDE * SIDE), std=np.full(SIDE * SIDE, spread)),
    )


def evidence(n: int = 300, *, spread: float = 1.0, labels: bool = True, seed: int = 0) -> Evidence:
    random = np.random.default_rng(5)
    x, seen = random.normal(size=(2, n, 1, SIDE, SIDE)).astype(np.float32)
    beside = Beside.of(labels=np.arange(n) % 3) if labels else None
    return Evidence.of(space(spread=spread), x, seed=seed, beside=beside, reference=seen)


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    at_hand = evidence()
    return {entry.name: entry.run(at_hand) for entry in ENTRIES}


def test_every_entry_gives_its_score_beside_real_rows(scores: dict[str, Score]) -> None:
    assert len(scores) == 17
    for name, score in scores.items():
        assert score.name == name
        assert np.isfinite(score.settings["real_against_real"])
        assert score.settings["features"] == ("pixels" if name == "sharpness_ratio" else "pixel_pca(36)")
        assert score.n == 150
        assert Score.from_json(score.to_json()) == score


def test_a_healthy_generator_scores_as_real_rows_do(scores: dict[str, Score]) -> None:
    for name in ("precision", "recall", "coverage", "class_coverage", "nearest_neighbour_two_sample"):
        assert scores[name].value == pytest.approx(scores[name].settings["real_against_real"], abs=0.15), name
    assert scores["copies"].value < 0.05


def test_a_narrow_generator_scores_worse_than_real_rows_do() -> None:
    narrow = evidence(spread=0.3)
    found = {entry.name: entry.run(narrow) for entry in ENTRIES}
    for name in ("recall", "class_coverage"):
        assert found[name].value < found[name].settings["real_against_real"]
    for name in ("frechet_distance", "kid", "sliced_wasserstein"):
        assert found[name].interval[0] > found[name].settings["real_against_real"]
    assert found["sharpness_ratio"].value == pytest.approx(0.09, abs=0.01)


def test_samples_are_drawn_once_from_the_seed_and_halves_are_disjoint() -> None:
    at_hand = evidence()
    samples = at_hand.once(Samples.of)
    assert at_hand.once(Samples.of) is samples
    assert at_hand.generated is at_hand.generated
    assert not set(samples.first) & set(samples.second)
    assert len(samples.first) == len(samples.second) == len(samples.generated) == 150
    assert (evidence().generated == at_hand.generated).all()
    assert (evidence(seed=1).generated != at_hand.generated).any()


def test_components_are_fitted_to_rows_that_no_copy_test_looks_at_where_training_rows_are_few() -> None:
    """Components of a hundred training rows would set those apart, so that every fresh row looks like a copy of one."""
    random = np.random.default_rng(8)
    few, many = random.normal(size=(100, 1, SIDE, SIDE)), random.normal(size=(1000, 1, SIDE, SIDE))
    for reference, words in ((few, "150 measured rows that are in no copy test"), (many, "1,000 reference rows")):
        at_hand = dataclasses.replace(evidence(), reference=reference.astype(np.float32))
        samples = at_hand.once(Samples.of)
        score = next(entry for entry in ENTRIES if entry.name == "authenticity").run(at_hand)
        assert score.settings["features_fitted_on"] == words
        fitted = pixel_pca(at_hand.x[samples.second] if len(reference) < 1000 else reference.astype(np.float32))
        assert (samples.features(at_hand.x) == fitted(at_hand.x)).all()
    short = dataclasses.replace(evidence(100), reference=few.astype(np.float32)).once(Samples.of)
    assert short.fitted_on == "100 reference rows, so few that copies and authenticity are off"


def test_the_features_of_the_caller_replace_the_components() -> None:
    mean = FeatureMap("row means", lambda x: x.mean((1, 2)))
    at_hand = dataclasses.replace(evidence(), features=mean)
    score = {entry.name: entry for entry in ENTRIES}["precision"].run(at_hand)
    assert score.settings["features"] == "row means"
    assert "features_fitted_on" not in score.settings


def test_needs_and_refusals() -> None:
    by_name = {entry.name: entry for entry in ENTRIES}
    assert "reference" in by_name["copies"].needs
    assert "labels" in by_name["class_kl"].needs
    assert all({"decode", "prior"} <= entry.needs for entry in ENTRIES)
    flat = LatentSpace(name="flat", shape=(2,), data_shape=(2,), decode_fn=lambda z: z, prior=Normal.standard(2))
    rows = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    assert by_name["sharpness_ratio"].refuse(Evidence.of(flat, rows)) == "the rows are no images"
    with pytest.raises(ValueError, match="at least 48 rows"):
        by_name["precision"].run(Evidence.of(flat, rows[:40]))
