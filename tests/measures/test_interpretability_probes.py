import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, f1_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.measures.planted import blobs, rotation

from latentarium.data import open_source
from latentarium.errors import InvalidInput
from latentarium.measures.evidence import Beside
from latentarium.measures.interpretability import probe_accuracy, probe_r2, probe_selectivity, single_latent_f1
from latentarium.measures.interpretability.rows import ROWS, split_rows
from latentarium.measures.nulls import permutation_null
from latentarium.measures.score import Score

LABELLED = (probe_accuracy, probe_selectivity, single_latent_f1)


@pytest.fixture(scope="module")
def digits():
    rows = open_source("digits")
    x = rows.array()
    return x.reshape(len(x), -1), rows.columns["label"]


def test_separated_classes_are_told_apart_and_noise_is_not() -> None:
    codes, labels = blobs(600, gap=8.0)
    assert probe_accuracy(codes, labels).value == 1.0
    noise = np.random.default_rng(1).standard_normal(codes.shape)
    blind = probe_accuracy(noise, labels)
    assert blind.chance is not None
    assert blind.interval[0] < blind.chance < blind.interval[1]
    assert blind.chance == pytest.approx(1 / 3, abs=0.02)


def test_known_overlap_gives_the_known_accuracy() -> None:
    from scipy.stats import norm

    random = np.random.default_rng(0)
    labels = random.integers(2, size=9000)
    codes = random.standard_normal((9000, 3)) + 2.0 * labels[:, None] * np.array([1.0, 0, 0])
    found = probe_accuracy(codes, labels)
    assert found.interval[0] < norm.cdf(1.0) < found.interval[1]
    assert found.n == 3000


def test_accuracy_agrees_with_scikit_learn_on_the_same_split(digits) -> None:
    x, y = digits
    codes = x[:, 16:40]
    split = split_rows(len(codes), seed=5, labels=np.unique(y, return_inverse=True)[1])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=5000)).fit(
        codes[split.train], y[split.train]
    )
    assert probe_accuracy(codes, y, seed=5).value == pytest.approx(
        model.score(codes[split.test], y[split.test]), abs=0.004
    )


def test_the_pca_probe_stands_beside_the_probe(digits) -> None:
    x, y = digits
    found = probe_accuracy(x[:, 24:32], y, x=x)
    assert found.settings["pca_probe"] > found.value + 0.1
    assert len(found.parts["pca_recall"]) == len(found.parts["recall"]) == 10
    assert np.average(found.parts["recall"], weights=found.parts["rows"]) == pytest.approx(found.value)
    assert np.average(found.parts["pca_recall"], weights=found.parts["rows"]) == pytest.approx(
        found.settings["pca_probe"]
    )
    full = probe_accuracy(x, y, x=x)
    assert full.settings["pca_probe"] == pytest.approx(full.value, abs=0.02)


def test_selectivity_is_zero_where_the_codes_say_nothing() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(3, size=900)
    found = probe_selectivity(random.standard_normal((900, 4)), labels)
    assert found.interval[0] < 0 < found.interval[1]


def test_selectivity_is_accuracy_above_the_shuffled_probe() -> None:
    codes, labels = blobs(900, gap=8.0)
    found = probe_selectivity(codes, labels)
    assert found.settings["accuracy"] == 1.0
    assert found.settings["control"] == pytest.approx(1 / 3, abs=0.05)
    assert found.value == pytest.approx(1 - found.settings["control"])
    null = permutation_null(probe_accuracy, codes, labels, permutations=9)
    assert found.settings["control"] == pytest.approx(null.chance, abs=0.04)
    assert null.p_value == 0.1


def test_selectivity_of_a_large_class_is_not_the_accuracy() -> None:
    random = np.random.default_rng(4)
    labels = (random.random(1200) < 0.05).astype(int)
    codes = random.standard_normal((1200, 4))
    assert probe_accuracy(codes, labels).value > 0.93
    assert abs(probe_selectivity(codes, labels).value) < 0.02


def test_r2_agrees_with_scikit_learn_and_with_the_planted_noise() -> None:
    random = np.random.default_rng(0)
    codes = random.standard_normal((3000, 4)) * [1, 10, 0.1, 1]
    factors = np.stack([codes[:, 0] + random.standard_normal(3000), codes[:, 1], random.standard_normal(3000)], axis=1)
    found = probe_r2(codes, dict(zip(["half", "whole", "none"], factors.T, strict=True)), seed=2)
    assert found.parts["r2"] == pytest.approx([0.5, 1.0, 0.0], abs=0.05)
    split = split_rows(3000, seed=2)
    scale = StandardScaler().fit(codes[split.train])
    model = Ridge(alpha=1.0).fit(scale.transform(codes[split.train]), factors[split.train])
    theirs = r2_score(factors[split.test], model.predict(scale.transform(codes[split.test])), multioutput="raw_values")
    assert found.parts["r2"] == pytest.approx(theirs, abs=1e-3)
    assert all(a <= b <= c for a, b, c in zip(*(found.parts[k] for k in ("low", "r2", "high")), strict=True))


def test_one_latent_for_each_class_scores_one_and_a_rotation_of_it_less() -> None:
    labels = np.arange(1200) % 8
    codes = np.eye(8)[labels] + 0.15 * np.random.default_rng(0).standard_normal((1200, 8))
    plain, turned = single_latent_f1(codes, labels), single_latent_f1(codes @ rotation(8), labels)
    assert plain.value > 0.98
    assert plain.parts["latent"] == list(range(8))
    assert set(plain.parts["side"]) == {1.0}
    assert turned.value < 0.8 < turned.value + 0.3
    assert probe_accuracy(codes @ rotation(8), labels).value > 0.98


def test_f1_agrees_with_scikit_learn(digits) -> None:
    x, y = digits
    codes = np.asarray(x[:, :64:3], np.float64)
    found = single_latent_f1(codes, y, seed=1)
    split = split_rows(len(codes), seed=1, labels=np.unique(y, return_inverse=True)[1])
    for row in range(10):
        part = {name: column[row] for name, column in found.parts.items()}
        said = (codes[split.test, int(part["latent"])] - part["threshold"]) * part["side"] > 0
        truth = y[split.test] == np.unique(y)[int(part["class"])]
        assert part["f1"] == pytest.approx(f1_score(truth, said))
        assert part["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))


def test_f1_of_noise_stays_below_its_chance() -> None:
    random = np.random.default_rng(5)
    found = single_latent_f1(random.standard_normal((3000, 16)), random.integers(5, size=3000))
    assert found.chance is not None
    assert found.value < found.chance + 0.02


def test_a_class_of_few_rows_is_left_out_and_not_scored_nan() -> None:
    codes, labels = blobs(600, gap=8.0)
    labels = np.concatenate([labels, [99, 99]])
    codes = np.concatenate([codes, [[0, 0, 0], [1, 1, 1]]])
    found = single_latent_f1(codes, labels)
    assert found.parts["class"] == [0, 1, 2]
    assert probe_accuracy(codes, labels).value > 0.98


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_order_and_scale_of_latents_do_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes, labels = blobs(240, gap=1.5, seed=seed)
    order, scale, shift = random.permutation(3), random.uniform(0.01, 100, 3), random.normal(size=3)
    moved = (codes * scale + shift)[:, order]
    for measure in LABELLED:
        assert measure(moved, labels).value == pytest.approx(measure(codes, labels).value, abs=1e-6)
    factors = codes[:, :1] + random.standard_normal((240, 1))
    assert probe_r2(moved, factors).value == pytest.approx(probe_r2(codes, factors).value, abs=1e-6)
    assert probe_r2(codes, 5 - 3 * factors).value == pytest.approx(probe_r2(codes, factors).value, abs=1e-6)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_a_sign_turns_the_side_and_no_score(seed: int) -> None:
    codes, labels = blobs(240, gap=1.5, seed=seed)
    plain, turned = single_latent_f1(codes, labels), single_latent_f1(-codes, labels)
    assert plain.parts["f1"] == pytest.approx(turned.parts["f1"], abs=0.02)
    assert plain.parts["side"] == [-s for s in turned.parts["side"]]


def test_probes_hardly_feel_a_rotation() -> None:
    codes, labels = blobs(3000, gap=2.0)
    assert probe_accuracy(codes @ rotation(3), labels).value == pytest.approx(
        probe_accuracy(codes, labels).value, abs=0.01
    )


def test_a_constant_latent_and_duplicate_rows_change_nothing() -> None:
    codes, labels = blobs(300, gap=3.0)
    padded = np.concatenate([codes, np.full((300, 1), 0.1)], axis=1)
    for measure in LABELLED:
        assert measure(padded, labels).value == pytest.approx(measure(codes, labels).value)
        assert np.isfinite(measure(np.repeat(codes, 5, axis=0), np.repeat(labels, 5)).value)


def test_only_so_many_rows_are_used_and_the_same_seed_gives_the_same_score() -> None:
    random = np.random.default_rng(0)
    codes, labels = random.standard_normal((ROWS + 3000, 2)), random.integers(2, size=ROWS + 3000)
    found = probe_accuracy(codes, labels, seed=8)
    assert found.n + found.settings["train_rows"] == ROWS
    assert found == probe_accuracy(codes, labels, seed=8)
    assert found.value != probe_accuracy(codes, labels, seed=9).value


def test_numbered_classes_keep_their_order() -> None:
    codes, labels = blobs(300, gap=5.0)
    beside = Beside.of(labels=labels * 5 + 5)
    found = probe_accuracy(codes, beside)
    assert found.settings["classes"] == ["5", "10", "15"]
    assert found == probe_accuracy(codes, labels * 5 + 5)


@pytest.mark.parametrize("measure", LABELLED)
def test_wrong_use_is_named(measure) -> None:
    codes, labels = blobs(60, gap=1.0)
    with pytest.raises(InvalidInput, match="at least 2 classes"):
        measure(codes, np.zeros(60))
    with pytest.raises(InvalidInput, match="one for each label"):
        measure(codes, labels[:-1])
    with pytest.raises(InvalidInput, match="collapsed"):
        measure(np.ones((60, 3)), labels)
    with pytest.raises(InvalidInput, match="finite"):
        measure(np.full((60, 3), np.nan), labels)
    with pytest.raises(InvalidInput, match="at least 6 rows"):
        measure(codes[:5], labels[:5])


def test_a_constant_factor_is_named() -> None:
    with pytest.raises(InvalidInput, match="'still'"):
        probe_r2(np.random.default_rng(0).standard_normal((30, 2)), {"still": np.ones(30)})


def test_every_field_is_filled() -> None:
    codes, labels = blobs(120, gap=1.0)
    scores: list[Score] = [measure(codes, labels) for measure in LABELLED] + [probe_r2(codes, codes[:, :1])]
    for score in scores:
        assert score.chance is not None
        assert score.meaning
        assert score.misleads
        assert score.parts
        assert score.interval[0] <= score.value <= score.interval[1]
        assert Score.from_json(score.to_json()) == score
