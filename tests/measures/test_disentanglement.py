"""Scores with factors: published corner cases, invariances, independent implementations, degenerate input."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.data.factors import sprites
from latentarium.errors import InvalidInput
from latentarium.measures import disentanglement as d
from latentarium.measures.disentanglement import mutual
from latentarium.measures.disentanglement.dci import Forests, grow_forests
from latentarium.measures.disentanglement.infomec import active_dimensions
from latentarium.measures.disentanglement.tables import Factored
from latentarium.measures.evidence import Beside, Evidence
from latentarium.measures.interpretability import edit_locality
from latentarium.measures.score import Score
from latentarium.space import LatentSpace

Array = NDArray[np.float64]
Measure = Callable[..., Score]
SCORES: dict[str, Measure] = {
    name: getattr(d, name)
    for name in (
        "mig", "modularity", "infom", "infoc", "infoe", "dci_disentanglement", "dci_completeness",
        "dci_informativeness", "dci_explicitness", "sap", "explicitness", "mcc", "factor_vae_score",
        "beta_vae_score", "irs",
    )
}  # fmt: skip
FAST = ("mig", "modularity", "infom", "infoc", "mcc", "irs")


def factors(n: int = 1500, sizes: tuple[int, ...] = (4, 6, 15), seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(sizes, size=(n, len(sizes))).astype(np.float64)


def spread(table: Array) -> Array:
    return (table - table.mean(0)) / table.std(0)


def rotated(table: Array) -> Array:
    """A reflection in which every axis has a part of every factor, none more than two thirds."""
    count = table.shape[1]
    return spread(table) @ (np.eye(count) - 2 / count)


@pytest.mark.parametrize("name", SCORES)
def test_factors_as_codes_score_near_one_and_noise_near_chance(name: str) -> None:
    truth = factors(2000)
    noise = np.random.default_rng(5).standard_normal(truth.shape)
    perfect, blind = SCORES[name](truth, truth), SCORES[name](noise, truth)
    least = {"dci_explicitness": 0.5, "infoe": 0.85, "mig": 0.9}.get(name, 0.95)
    assert least < perfect.value <= perfect.range[1] + 1e-9
    assert perfect.interval[0] - 1e-9 <= perfect.value <= perfect.interval[1] + 1e-9
    assert perfect.direction == "higher"
    assert blind.chance is not None
    assert abs(blind.value - blind.chance) < 0.12


@pytest.mark.parametrize("name", SCORES)
def test_a_constant_code_scores_its_limit_and_never_nan(name: str) -> None:
    score = SCORES[name](np.full((300, 3), 2.5), factors(300))
    assert score.value == pytest.approx(0.0, abs=0.01)
    assert all(np.isfinite(column).all() for column in score.parts.values())


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_seeded(name: str) -> None:
    truth = factors(400)
    codes = rotated(truth)
    assert SCORES[name](codes, truth, seed=4) == SCORES[name](codes, truth, seed=4)


@pytest.mark.parametrize("name", FAST)
@settings(max_examples=8, deadline=None)
@given(scale=st.lists(st.sampled_from([-3.0, 0.5, 2.0, 7.0]), min_size=3, max_size=3), seed=st.integers(0, 50))
def test_permuted_and_scaled_dimensions_score_the_same(name: str, scale: list[float], seed: int) -> None:
    truth = factors(400)
    codes = np.round(rotated(truth), 2)
    order = np.random.default_rng(seed).permutation(3)
    expected = SCORES[name](codes, truth).value
    assert SCORES[name](codes[:, order], truth).value == pytest.approx(expected, abs=0.02)
    # scaling changes which dimensions count as active, and the weights of IRS, by their definitions
    moved = codes * (np.full(3, scale[0]) if name in ("infom", "infoc", "irs") else scale)
    assert SCORES[name](moved + 4, truth).value == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("name", ["dci_disentanglement", "factor_vae_score", "sap"])
def test_learnt_scores_keep_their_value_when_dimensions_are_permuted_and_scaled(name: str) -> None:
    truth = factors(1200)
    codes = truth + 0.2 * np.random.default_rng(0).standard_normal(truth.shape)
    expected = SCORES[name](codes, truth).value
    assert SCORES[name](codes[:, ::-1] * [2.0, 0.1, 30.0], truth).value == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", ["mig", "infom", "infoc", "dci_disentanglement", "dci_completeness", "sap", "mcc"])
def test_a_rotation_lowers_what_depends_on_the_axes(name: str) -> None:
    truth = factors(2000)
    assert SCORES[name](rotated(truth), truth).value < 0.75 * SCORES[name](spread(truth), truth).value


@pytest.mark.parametrize("name", ["infoe", "explicitness", "dci_informativeness"])
def test_a_rotation_leaves_what_does_not(name: str) -> None:
    truth = factors(2000)
    expected = SCORES[name](spread(truth), truth).value
    assert SCORES[name](rotated(truth), truth).value == pytest.approx(expected, abs=0.15)


def test_one_code_of_two_factors_is_complete_but_not_modular() -> None:
    truth = factors(3000, (4, 4))
    one = (truth[:, [0]] * 4 + truth[:, [1]]) @ np.ones((1, 1))
    assert d.infoc(one, truth).value == 1.0
    assert d.infom(one, truth, estimator="discrete").value == pytest.approx(0.0, abs=0.02)
    assert d.dci_completeness(np.concatenate([one, one * 0], axis=1), truth).value == pytest.approx(1.0, abs=0.01)
    assert d.dci_disentanglement(one, truth).value < 0.2
    assert d.modularity(one, truth, bins=16).value == pytest.approx(0.0, abs=0.05)
    assert d.factor_vae_score(one, truth).value < 0.65
    assert d.mcc(one, truth).value == pytest.approx(0.5, abs=0.05)


def test_one_factor_in_two_codes_is_modular_but_not_complete() -> None:
    truth = factors(3000, (4, 4))
    twice = np.concatenate([truth, truth[:, :1]], axis=1)
    assert d.mig(twice, truth, estimator="discrete").value == pytest.approx(0.5, abs=0.01)
    assert d.infom(twice, truth, estimator="discrete").value == pytest.approx(1.0, abs=0.01)
    expected = ((0.5 - 1 / 3) / (1 - 1 / 3) + 1) / 2
    assert d.infoc(twice, truth, estimator="discrete").value == pytest.approx(expected, abs=0.02)
    assert d.sap(twice, truth).value == pytest.approx(0.5, abs=0.15)
    assert d.modularity(twice, truth, bins=4).value == pytest.approx(1.0, abs=0.01)


def test_mutual_information_agrees_with_scikit_learn() -> None:
    from sklearn.feature_selection import mutual_info_classif
    from sklearn.metrics import mutual_info_score

    truth = factors(1000)
    codes = truth + np.random.default_rng(2).standard_normal(truth.shape)
    data = Factored.of(codes, truth)
    knn = mutual.mutual_table(data, estimator="knn", unbiased=False).nats
    plug_in = mutual.mutual_table(data, estimator="histogram", unbiased=False).nats
    for k in range(3):
        assert knn[k, k] > 0.2
        expected = mutual_info_classif(codes, truth[:, k].astype(int), n_neighbors=10, random_state=0)
        assert knn[:, k] == pytest.approx(expected, abs=0.01)
        for j in range(3):
            edges = np.linspace(codes[:, j].min(), codes[:, j].max(), 21)[1:-1]
            score = mutual_info_score(np.digitize(codes[:, j], edges), truth[:, k])
            assert plug_in[j, k] == pytest.approx(score, abs=1e-3)


def test_the_bias_of_mutual_information_is_taken_off_as_scikit_learn_adjusts_it() -> None:
    from sklearn.metrics import adjusted_mutual_info_score

    truth = factors(800, (12, 15))
    codes = np.where(np.random.default_rng(0).random(truth.shape) < 0.5, truth, factors(800, (12, 15), seed=9))
    table = mutual.mutual_table(Factored.of(codes, truth), estimator="discrete")
    for j, k in np.ndindex(2, 2):
        adjusted = adjusted_mutual_info_score(codes[:, j], truth[:, k], average_method="min")
        found = table.nats[j, k] / min(*(mutual._surprise(c[:, [i]].astype(int)).mean()
                                         for c, i in ((codes, j), (truth, k))))  # fmt: skip
        assert found == pytest.approx(max(adjusted, 0), abs=0.02)


def test_plug_in_bias_would_make_noise_look_informed() -> None:
    truth, noise = factors(500, (30, 30)), factors(500, (30, 30), seed=8)
    data = Factored.of(noise, truth)
    assert mutual.mutual_table(data, estimator="discrete", unbiased=False).nats.min() > 0.5
    assert mutual.mutual_table(data, estimator="discrete").nats.max() < 0.1


def test_intervals_of_mig_cover_the_value_of_large_samples() -> None:
    def noisy(n: int, seed: int) -> tuple[Array, Array]:
        truth = factors(n, (5, 5), seed)
        return truth + 0.7 * np.random.default_rng(seed + 1000).standard_normal(truth.shape), truth

    large = d.mig(*noisy(60_000, 1)).value
    inside = 0
    for seed in range(30):
        low, high = d.mig(*noisy(1500, 50 + seed)).interval
        inside += low <= large <= high
    assert inside >= 23


def test_importances_of_dci_agree_with_the_definition() -> None:
    share = np.array([[0.6, 0.2], [0.4, 0.0], [0.0, 0.8]])
    forests = Forests(importance=share, by_tree=share[None], losses=np.ones((5, 2, 3)), names=("a", "b"),
                      settings={"rows": 5, "seed": 0})  # fmt: skip
    from scipy.stats import entropy

    from latentarium.measures.disentanglement import dci

    weights = share.sum(1) / share.sum()
    expected = (weights * (1 - entropy(share.T, base=2))).sum()
    assert dci._disentanglement(forests).value == pytest.approx(expected)
    assert dci._completeness(forests).value == pytest.approx((1 - entropy(share, base=3)).mean())


def test_chance_of_dci_is_what_shuffled_factors_score() -> None:
    """A forest of noise prefers codes of many values to rounded ones, and finds it in none of the factors alone."""
    from latentarium.measures.nulls import permutation_null

    truth, codes = factors(400), np.random.default_rng(5).standard_normal((400, 3))
    codes[:, 0] = np.round(codes[:, 0])
    for measure in (d.dci_disentanglement, d.dci_completeness):
        null = permutation_null(measure, codes, truth, permutations=5)
        assert measure(codes, truth).chance == pytest.approx(null.chance, abs=0.04)
    assert d.dci_completeness(codes, truth).chance > 0.08


def test_trees_cut_at_a_depth_predict_as_trees_of_that_depth() -> None:
    from sklearn.ensemble import RandomForestRegressor

    truth = factors(300, (15, 12))
    codes = np.round(rotated(truth), 1)
    forests = grow_forests(Factored.of(codes, truth), trees=5)
    data = Factored.of(codes, truth)
    learn, held = data.split(2 / 3)
    value = spread(truth)[:, 0]
    for depth in (2, 12):
        model = RandomForestRegressor(5, max_depth=depth, min_samples_leaf=2, random_state=0)
        model.fit(codes[learn], value[learn])
        loss = ((model.predict(codes[held]) - value[held]) ** 2).mean() / (
            (value[held] - value[learn].mean()) ** 2
        ).mean()
        assert forests.losses[:, 0, depth].mean() == pytest.approx(loss, rel=0.15)


def test_explicitness_of_dci_has_its_three_landmarks() -> None:
    from latentarium.measures.disentanglement.dci import _ease

    line, early, late, flat = np.linspace(1, 0, 13), np.r_[1, np.zeros(12)], np.r_[np.ones(12), 0], np.ones(13)
    ease = _ease(np.stack([line, early, late, flat]))
    assert ease == pytest.approx([0.0, 11 / 12, -11 / 12, 0.0], abs=1e-9)


def test_both_active_rules_do_what_their_papers_say() -> None:
    random = np.random.default_rng(0)
    codes = random.standard_normal((1000, 3)) * [1.0, 0.3, 0.001]
    codes[0, 2] = 3.0
    data = Factored.of(codes, factors(1000))
    assert active_dimensions(data, "range")[1].tolist() == [True, True, True]
    assert active_dimensions(data, "iqr")[1].tolist() == [True, True, False]
    with pytest.raises(InvalidInput, match="range or iqr"):
        d.infom(codes, factors(1000), active="all")


def test_one_active_dimension_and_one_factor_are_no_division_by_zero() -> None:
    truth = factors(500, (5, 5))
    single = np.concatenate([truth[:, :1], np.zeros((500, 3))], axis=1)
    score = d.infoc(single, truth)
    assert score.settings["active_dimensions"] == 1
    assert score.value == 0.5
    assert d.infom(truth, truth[:, :1]).value == 0.5
    with pytest.raises(InvalidInput, match="at least 2"):
        d.modularity(truth, truth[:, :1])


def test_infoe_is_scored_on_rows_the_probe_has_not_seen() -> None:
    truth = factors(200, (5, 5))
    wide = np.random.default_rng(0).standard_normal((200, 60))
    assert d.infoe(wide, truth).value == 0.0


def test_explicitness_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    from latentarium.measures.disentanglement.linear import _areas, _wins
    from latentarium.measures.disentanglement.probes import probe

    truth = factors(900)
    data = Factored.of(truth + np.random.default_rng(0).standard_normal(truth.shape), truth)
    probed = probe(data)
    for chances, level in zip(probed.chances, probed.levels.T, strict=True):
        expected = [2 * roc_auc_score(level == c, chances[:, c]) - 1 for c in range(chances.shape[1])]
        assert _areas(chances, level) == pytest.approx(expected)
        assert _wins(chances, level).mean() == pytest.approx(np.mean(expected))


def test_mcc_agrees_with_numpy_and_sees_a_monotone_relation_by_rank() -> None:
    truth = spread(factors(800))
    codes = np.exp(4 * truth[:, [2, 0, 1]])
    assert d.mcc(codes, truth, method="spearman").value == pytest.approx(1.0, abs=1e-9)
    assert d.mcc(codes, truth).value < 0.9
    mixed = rotated(truth)
    table = np.abs(np.corrcoef(mixed.T, truth.T)[:3, 3:])
    from itertools import permutations

    best = max(np.mean([table[order[k], k] for k in range(3)]) for order in permutations(range(3)))
    assert d.mcc(mixed, truth).value == pytest.approx(best)
    with pytest.raises(InvalidInput, match="method"):
        d.mcc(codes, truth, method="kendall")


def test_votes_from_interventions_agree_with_votes_from_a_table() -> None:
    source = sprites(size=16, scales=3, orientations=4, positions=6)
    table = source.sample(1200, seed=0)

    def encode(pictures: NDArray[np.uint8]) -> Array:
        lit = pictures[:, 0] / 255.0
        total = np.maximum(lit.sum((1, 2)), 1)
        at = np.arange(16)
        return np.stack([(lit.sum(1) * at).sum(1) / total, (lit.sum(2) * at).sum(1) / total, total], axis=1)

    grouped = d.factor_vae_score(encode(source.render(table)), table, votes=300)
    rendered = d.factor_vae_score(encode, source, votes=300, batch=40)
    assert "rendered" in rendered.settings["batches"]
    assert grouped.value == pytest.approx(rendered.value, abs=0.12)
    assert rendered.parts["accuracy"][3] > 0.9
    assert rendered.parts["accuracy"][4] > 0.9
    assert rendered.parts["accuracy"][2] < 0.6
    assert d.beta_vae_score(encode, source, votes=300).value > 0.5
    with pytest.raises(InvalidInput, match="FactorSource"):
        d.factor_vae_score(encode, table)
    with pytest.raises(InvalidInput, match="function"):
        d.beta_vae_score(table, source)


def test_constant_dimensions_never_win_the_factor_vae_vote() -> None:
    truth = factors(1200)
    padded = np.concatenate([np.full((1200, 2), 1e8), truth], axis=1)
    score = d.factor_vae_score(padded, truth)
    assert score.settings["active_dimensions"] == 3
    assert score.value > 0.98


def test_a_rotated_code_fools_the_beta_vae_score_less_than_it_loses_mig() -> None:
    truth = factors(2000)
    assert d.beta_vae_score(rotated(truth), truth).value > 0.8
    assert d.mig(rotated(truth), truth).value < 0.4


def test_irs_agrees_with_its_definition_and_ignores_a_factor_that_never_matters() -> None:
    truth = factors(900, (3, 4))
    codes = truth * [1.0, 2.0]
    assert d.irs(codes, truth, quantile=1.0).value == pytest.approx(1.0)
    mixed = codes @ np.array([[1.0, 1.0], [1.0, -1.0]])
    score = d.irs(mixed, truth, quantile=1.0)
    table = np.zeros((2, 2))
    for j, k in np.ndindex(2, 2):
        groups = [mixed[truth[:, k] == v, j] for v in np.unique(truth[:, k])]
        apart = np.mean([np.abs(g - g.mean()).max() for g in groups])
        table[j, k] = 1 - apart / np.abs(mixed[:, j] - mixed[:, j].mean()).max()
    weight = np.abs(mixed - mixed.mean(0)).max(0)
    assert score.value == pytest.approx((table.max(1) * weight).sum() / weight.sum())


def test_factors_that_do_not_vary_are_left_out_and_wrong_tables_named() -> None:
    truth = factors(300)
    with_constant = np.concatenate([truth, np.full((300, 1), 7.0)], axis=1)
    assert d.mig(truth, with_constant).value == pytest.approx(d.mig(truth, truth).value)
    with pytest.raises(InvalidInput, match="constant"):
        d.mig(truth, np.ones((300, 2)))
    with pytest.raises(InvalidInput, match="at least 20 rows"):
        d.mig(truth[:10], truth[:10])
    with pytest.raises(InvalidInput, match="300 codes"):
        d.mcc(truth, truth[:100])
    with pytest.raises(InvalidInput, match="NaN"):
        d.sap(np.full((300, 2), np.nan), truth)
    with pytest.raises(InvalidInput, match="estimator"):
        d.mig(truth, truth, estimator="kde")
    with pytest.raises(InvalidInput, match="16 rows"):
        d.factor_vae_score(truth[:40], np.arange(80.0).reshape(40, 2))


def test_continuous_factors_are_cut_at_their_quantiles() -> None:
    truth = np.random.default_rng(0).exponential(size=(3000, 2)) ** 2
    assert Factored.of(truth, truth).sizes == (20, 20)
    assert d.infom(truth, truth).value > 0.95
    assert d.mcc(truth, truth).value == pytest.approx(1.0)
    assert d.factor_vae_score(np.log(truth), truth).value > 0.95


def test_repeated_rows_do_not_break_the_neighbour_estimate() -> None:
    truth = np.repeat(factors(100, (3, 3)), 20, axis=0)
    score = d.infom(truth, truth)
    assert score.value > 0.95


def test_the_suite_entries_share_their_work_and_agree_with_the_functions() -> None:
    truth = factors(600)
    codes = rotated(truth).astype(np.float32)
    space = LatentSpace(name="same", shape=(3,), data_shape=(3,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    evidence = Evidence.of(space, codes, beside=Beside.of(factors=dict(zip("abc", truth.T, strict=True))))
    for entry in d.ENTRIES:
        score = entry.run(evidence)
        assert score.name == entry.name
        assert score.meaning
        assert score.misleads
        assert score.settings
        assert score.value == pytest.approx(SCORES[entry.name](codes, truth).value), entry.name


def test_disentanglement_is_not_said_without_factors() -> None:
    z = np.random.default_rng(0).standard_normal((200, 3))
    space = LatentSpace(name="same", shape=(3,), data_shape=(3,), encode_fn=lambda x: x, decode_fn=lambda z: z)
    for score in (d.udr([z, z]), edit_locality(space, z)):
        assert "disentangle" not in f"{score.name} {score.meaning} {score.misleads}".lower()
