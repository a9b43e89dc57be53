import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measures.planted import blobs, rotation

from latentarium.data import open_source
from latentarium.errors import InvalidInput, MissingCapability
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.interpretability import (
    ENTRIES,
    attribute_directions,
    direction_cosines,
    edit_leakage,
    edit_monotonicity,
    edit_success,
)
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

EDITS = (edit_success, edit_leakage, edit_monotonicity)


def identity(dim: int = 2) -> LatentSpace:
    return LatentSpace(name="same", shape=(dim,), data_shape=(dim,), encode_fn=lambda x: x, decode_fn=lambda z: z)


def shares(x) -> np.ndarray:
    """P of three classes: the first two coordinates, each cut to [0, 1] and halved, and what is left."""
    some = np.clip(x[:, :2], 0, 1) / 2
    return np.concatenate([1 - some.sum(1, keepdims=True), some], axis=1)


def planted(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Rows just below the origin, all classes alike, so that every edit has the same known effect."""
    return -0.01 * np.random.default_rng(0).random((n, 2)), np.arange(n) % 3


@pytest.fixture(scope="module")
def digits() -> tuple[LatentSpace, np.ndarray, np.ndarray]:
    from sklearn.decomposition import PCA

    rows = open_source("digits")
    x = rows.array()
    model = PCA(n_components=16, random_state=0).fit(x.reshape(len(x), -1))
    space = LatentSpace(
        name="pca",
        shape=(16,),
        data_shape=x.shape[1:],
        encode_fn=lambda a: model.transform(a.reshape(len(a), -1)),
        decode_fn=lambda z: np.clip(model.inverse_transform(z), 0, 1).reshape(-1, *x.shape[1:]),
        batch_size=256,
    )
    return space, x, rows.columns["label"]


def test_a_direction_is_the_difference_of_means_and_a_regression_slope() -> None:
    codes, labels = blobs(300, gap=2.0)
    has = (labels == 1).astype(float)
    expected = codes[labels == 1].mean(0) - codes[labels != 1].mean(0)
    np.testing.assert_allclose(attribute_directions(codes, has[:, None])[0], expected)
    factor = codes @ [1.0, 2.0, 3.0]
    slopes = [np.polyfit(factor, codes[:, j], 1)[0] for j in range(3)]
    np.testing.assert_allclose(attribute_directions(codes, factor[:, None])[0], slopes)


def test_cosines_of_planted_directions() -> None:
    z = np.random.default_rng(0).standard_normal((20_000, 3))
    attributes = np.stack([z[:, 0], z[:, 0] + z[:, 1], -z[:, 2]], axis=1)
    found = direction_cosines(z, attributes, names=["one", "both", "other"])
    assert found.parts["one"] == pytest.approx([1, np.sqrt(0.5), 0], abs=0.03)
    assert found.value == pytest.approx(np.sqrt(0.5) / 3, abs=0.02)
    assert direction_cosines(z, np.stack([z[:, 0], -z[:, 0]], axis=1)).value == pytest.approx(1.0)
    assert direction_cosines(z, z[:, :2]).value < 0.03


def test_cosines_agree_with_scikit_learn() -> None:
    from sklearn.metrics.pairwise import cosine_similarity

    codes, labels = blobs(300, gap=2.0)
    attributes = np.eye(3)[labels]
    table = cosine_similarity(attribute_directions(codes, attributes))
    parts = direction_cosines(codes, attributes).parts
    np.testing.assert_allclose(np.array(list(parts.values())).T, table, atol=1e-12)


@pytest.mark.parametrize("dim", [2, 5, 40])
def test_chance_is_the_mean_cosine_of_random_directions(dim: int) -> None:
    random = np.random.default_rng(dim)
    pairs = random.standard_normal((2, 20_000, dim))
    cosines = (pairs[0] * pairs[1]).sum(1) / np.linalg.norm(pairs, axis=2).prod(0)
    found = direction_cosines(random.standard_normal((50, dim)), random.standard_normal((50, 2)))
    assert found.chance == pytest.approx(np.abs(cosines).mean(), rel=0.03)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_cosines_ignore_rotation_scale_and_order_of_rows(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes, labels = blobs(90, gap=1.0, seed=seed)
    attributes, order = np.eye(3)[labels], random.permutation(90)
    moved = (codes @ rotation(3, seed) * 7 + 3)[order]
    expected = direction_cosines(codes, attributes).value
    assert direction_cosines(moved, attributes[order] * [1, 5, -2]).value == pytest.approx(expected)


def test_a_lone_or_constant_attribute_is_named() -> None:
    codes, labels = blobs(90, gap=1.0)
    with pytest.raises(InvalidInput, match="at least 2"):
        direction_cosines(codes, labels[:, None])
    with pytest.raises(InvalidInput, match="constant column 1"):
        direction_cosines(codes, np.stack([labels, np.ones(90)], axis=1))
    with pytest.raises(InvalidInput, match="collapsed"):
        direction_cosines(np.ones((90, 3)), np.eye(3)[labels])
    entry = next(e for e in ENTRIES if e.name == "direction_cosines")
    assert "3 classes" in entry.refuse(Evidence.of(identity(3), codes, beside=Beside.of(labels=labels % 2)))
    assert not entry.refuse(Evidence.of(identity(3), codes, beside=Beside.of(labels=labels)))


def test_edits_have_their_known_effect() -> None:
    x, labels = planted()
    step = {"target": 1, "classifier": shares}
    assert edit_success(identity(), x, labels, [1.0, 0.0], **step).value == pytest.approx(0.5, abs=0.01)
    assert edit_success(identity(), x, labels, [0.5, 0.0], **step).value == pytest.approx(0.25, abs=0.01)
    assert edit_success(identity(), x, labels, [-1.0, 0.0], **step).value == 0
    assert edit_leakage(identity(), x, labels, [1.0, 0.0], **step).value == pytest.approx(0.25, abs=0.03)
    assert edit_monotonicity(identity(), x, labels, [1.0, 0.0], **step).value == pytest.approx(1.0)


def test_leakage_counts_neither_the_target_nor_the_own_class() -> None:
    x, labels = planted()
    labels = np.where(labels == 2, 0, labels)
    labels[:6] = 2
    clean = edit_leakage(identity(), x, labels, [1.0, 0.0], target=1, classifier=shares)
    both = edit_leakage(identity(), x, labels, [1.0, 1.0], target=1, classifier=shares)
    assert clean.value == pytest.approx(0.0, abs=0.03)
    assert both.value == pytest.approx(0.5, abs=0.03)


def test_parts_follow_the_dose() -> None:
    x, labels = planted()
    parts = edit_success(identity(), x, labels, [1.0, 0.0], target=1, classifier=shares).parts
    assert parts["dose"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert parts["probability"] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5], abs=0.01)
    assert parts["leakage"][0] == 0.0


def test_monotonicity_is_spearmans_and_sees_an_overshoot() -> None:
    from scipy.stats import spearmanr

    def bump(x) -> np.ndarray:
        there = np.exp(-((x[:, 0] - 0.4) ** 2) / 0.05) / 2
        return np.stack([1 - there, there], axis=1)

    x, labels = planted()
    found = edit_monotonicity(identity(), x, labels % 2, [1.0, 0.0], target=1, classifier=bump)
    doses = np.linspace(0, 1, 5)
    path = np.stack([doses - 0.005, np.zeros(5)], axis=1)
    assert found.value == pytest.approx(spearmanr(doses, bump(path)[:, 1])[0], abs=0.01)
    assert found.value < 0.5
    flat = edit_monotonicity(identity(), x, labels, [0.0, 1.0], target=1, classifier=shares)
    assert flat.value == 0.0


def test_chance_is_a_random_direction_walked_over_the_same_doses() -> None:
    """P(target) rises along the half of all directions that have a part of the axis, and stays 0 along the others."""
    x, labels = planted(3000)
    found = edit_monotonicity(identity(), x, labels, [1.0, 0.0], target=1, classifier=shares)
    assert found.value == pytest.approx(1.0)
    assert found.chance == pytest.approx(0.5, abs=0.1)
    assert edit_success(identity(), x, labels, [1.0, 0.0], target=1, classifier=shares).chance == pytest.approx(
        1 / (2 * np.pi), abs=0.03
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_edits_do_not_depend_on_how_the_space_is_turned(seed: int) -> None:
    x, labels = planted()
    turn = rotation(2, seed)
    turned = dataclasses.replace(identity(), encode_fn=lambda a: 3 * a @ turn, decode_fn=lambda z: z @ turn.T / 3)
    for measure in EDITS:
        plain = measure(identity(), x, labels, [0.7, 0.4], target=1, classifier=shares)
        moved = measure(turned, x, labels, 3 * np.array([0.7, 0.4]) @ turn, target=1, classifier=shares)
        assert moved.value == pytest.approx(plain.value, abs=1e-4)


def test_a_class_direction_of_real_pictures_beats_a_random_one(digits) -> None:
    space, x, y = digits
    codes = space.encode(x)
    direction = attribute_directions(codes, (y == 8).astype(float)[:, None])[0]
    success = edit_success(space, x, y, 1.5 * direction, target="8")
    assert success.settings["classifier_accuracy"] > 0.9
    assert success.chance is not None
    assert success.interval[0] > success.chance + 0.3
    assert edit_success(space, x, y, -1.5 * direction, target="8").value < 0.02
    assert edit_leakage(space, x, y, 1.5 * direction, target=8).value < 1.0
    random = np.random.default_rng(0).standard_normal(16)
    stray = edit_success(space, x, y, random * np.linalg.norm(direction) / np.linalg.norm(random), target="8")
    assert abs(stray.value) < 0.2


def test_the_suite_edits_towards_every_class(digits) -> None:
    space, x, y = digits
    entries = {e.name: e for e in ENTRIES}
    evidence = Evidence.of(space, x, beside=Beside.of(labels=y))
    scores = {name: entries[name].run(evidence) for name in ("edit_success", "edit_leakage", "edit_monotonicity")}
    success = scores["edit_success"]
    assert sorted(set(success.parts["target"])) == list(range(10))
    assert success.value > success.chance + 0.2
    assert scores["edit_monotonicity"].value > 0.7
    assert scores["edit_leakage"].n == success.n == 400
    for score in scores.values():
        assert score.interval[0] <= score.value <= score.interval[1]
        assert score.misleads
        assert Score.from_json(score.to_json()) == score


def test_labels_without_meaning_cannot_be_edited(digits) -> None:
    space, x, y = digits
    mixed = np.random.default_rng(0).permutation(y)
    evidence = Evidence.of(space, x, beside=Beside.of(labels=mixed))
    assert abs(next(e for e in ENTRIES if e.name == "edit_success").run(evidence).value) < 0.05


def test_wrong_edits_are_named(digits) -> None:
    space, x, y = digits
    with pytest.raises(InvalidInput, match="direction.shape"):
        edit_success(space, x, y, np.ones(3), target="8")
    with pytest.raises(InvalidInput, match="of some length"):
        edit_success(space, x, y, np.zeros(16), target="8")
    with pytest.raises(InvalidInput, match="one of the classes"):
        edit_success(space, x, y, np.ones(16), target="zebra")
    with pytest.raises(InvalidInput, match="probabilities"):
        edit_success(space, x, y, np.ones(16), target="8", classifier=lambda a: np.ones(len(a)))
    with pytest.raises(MissingCapability, match="decode"):
        edit_success(dataclasses.replace(space, decode_fn=None), x, y, np.ones(16), target="8")
