"""Generator scores as the suite runs them: on a space's own samples, beside real rows against real rows."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from latentarium.data.modalities import ImageModality
from latentarium.distributions import Normal
from latentarium.errors import InvalidInput
from latentarium.measures import measure
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.samples import ENTRIES, FeatureMap, Samples, encoder_features, pixel_pca
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


def encoding(name: str = "plain") -> LatentSpace:
    return dataclasses.replace(
        space(name=name), encode_fn=lambda x: np.asarray(x).reshape(len(x), -1)[:, :8].repeat(5, 1)[:, :36]
    )


def test_features_of_the_suite_are_a_choice_and_named() -> None:
    """In codes of its first pixels a generator that gets those right and all others wrong is perfect."""
    x = evidence().x
    able = encoding()
    wrong = dataclasses.replace(
        able, decode_fn=lambda z: np.where(np.arange(36) < 8, z, 9 + z).reshape(len(z), 1, SIDE, SIDE)
    )
    found = {choice: measure(wrong, x, only=["precision"], features=choice).scores["precision"]
             for choice in (None, "codes", first_pixels, encoder_features(encoding("other")))}  # fmt: skip
    assert [score.settings["features"] for score in found.values()] == [
        "pixel_pca(36)", "codes of plain", "first_pixels", "codes of other",
    ]  # fmt: skip
    values = [score.value for score in found.values()]
    assert values[0] == 0.0
    assert min(values[1:]) > 0.6
    assert values[1] == values[3]


def first_pixels(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows.reshape(len(rows), -1)[:, :8]


def test_features_that_cannot_be_are_refused_at_once() -> None:
    x = evidence().x
    with pytest.raises(InvalidInput, match="a space that encodes, got 'plain'"):
        measure(space(), x, features="codes")
    for bad in ("pixels", 3):
        with pytest.raises(InvalidInput, match="features must be None, 'codes' or a function"):
            measure(space(), x, features=bad)


def test_codes_of_samples_that_leave_the_range_are_those_of_its_end() -> None:
    able = LatentSpace(
        name="bright",
        shape=(64,),
        data_shape=(1, 8, 8),
        encode_fn=lambda x: x.reshape(len(x), -1),
        modality=ImageModality(channels=1, height=8, width=8),
    )
    assert (encoder_features(able)(np.full((3, 1, 8, 8), 1.2, np.float32)) == 1).all()


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
