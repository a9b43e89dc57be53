import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from sklearn.metrics import balanced_accuracy_score
from tests.measures.planted import rotation

from latentarium.errors import InvalidInput
from latentarium.measures.evidence import Beside
from latentarium.measures.interpretability import match_latents, name_latents, named_latents, stability
from latentarium.measures.interpretability import names as names_module
from latentarium.measures.nulls import permutation_null
from latentarium.measures.score import Score

WORDS = ["a", "b", "c", "d", "e"]


def planted(n: int = 1000, *, noise: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six latents: latent j stands for class j (the third by low values), the sixth for nothing."""
    random = np.random.default_rng(seed)
    labels = random.integers(5, size=n)
    signs = np.array([1, 1, -1, 1, 1, 0])
    return np.eye(6)[labels] * signs + noise * random.standard_normal((n, 6)), labels


def words(codes, labels, **kwargs) -> list[str]:
    return [name.label for name in name_latents(codes, np.eye(5)[labels], names=WORDS, **kwargs)]


def test_planted_names_are_found_and_the_empty_latent_stays_unnamed() -> None:
    codes, labels = planted()
    found = name_latents(codes, np.eye(5)[labels], names=WORDS)
    assert [name.label for name in found] == [*WORDS, "unnamed"]
    assert [name.side for name in found[:5]] == ["high", "high", "low", "high", "high"]
    assert all(name.score > 0.85 and name.p < 1e-6 for name in found[:5])
    assert found[5].p > 0.01
    assert found[5].candidate in WORDS
    top = found[2].exemplars
    assert len(top) == 9
    assert list(codes[list(top), 2]) == sorted(codes[list(top), 2])


def test_the_score_says_how_many_earned_a_name() -> None:
    codes, labels = planted()
    found = named_latents(codes, np.eye(5)[labels], names=WORDS)
    assert found.value == pytest.approx(5 / 6)
    assert found.interval == pytest.approx((5 / 6, 5 / 6))
    assert found.chance == 0.0
    assert found.parts["named"] == [1, 1, 1, 1, 1, 0]
    assert found.settings["names"][0]["label"] == "a"
    assert Score.from_json(found.to_json()) == found
    assert found == named_latents(codes, np.eye(5)[labels], names=WORDS)


def test_nothing_is_ever_named_on_random_codes() -> None:
    named = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        labels = random.integers(5, size=400)
        named += sum(word != "unnamed" for word in words(random.standard_normal((400, 16)), labels, seed=seed))
    assert named == 0


@pytest.mark.parametrize("shares", [[0.2] * 5, [0.9, 0.04, 0.03, 0.02, 0.01]])
def test_p_on_random_codes_is_not_too_small_too_often(shares: list[float]) -> None:
    """Without the floor on the score: the test alone keeps its level, for even and uneven, sorted and tied classes."""
    found = []
    for seed in range(600):
        random = np.random.default_rng(seed)
        labels = np.sort(random.choice(5, size=200, p=shares))
        codes = np.round(random.standard_normal((200, 1)), 1)
        found.append(name_latents(codes, np.eye(5)[labels], seed=seed)[0].p)
    assert np.mean(np.array(found) < 0.05) < 0.05 + 0.02
    assert np.mean(np.array(found) < 0.3) > 0.03


def test_p_is_fishers_and_the_score_scikit_learns() -> None:
    codes, labels = planted(noise=1.5)
    table = np.eye(5)[labels]
    attempts, _ = names_module._attempts(codes, table, WORDS, 0)
    for name, a in zip(name_latents(codes, table, names=WORDS), attempts, strict=True):
        scores, chances = [], []
        for alarms, negative in ((a.alarms, a.negative), (a.rival_alarms, a.rival)):
            truth = np.repeat([1, 0], [a.positive, negative])
            said = np.repeat([1, 0, 1, 0], [a.hits, a.positive - a.hits, alarms, negative - alarms])
            counts = [[a.hits, a.positive - a.hits], [alarms, negative - alarms]]
            scores.append(balanced_accuracy_score(truth, said))
            chances.append(fisher_exact(counts, alternative="greater")[1])
            drawn = permutation_null(accuracy, truth, said, permutations=999)
            assert drawn.p_value == pytest.approx(chances[-1], abs=0.05)
        assert name.score == pytest.approx(min(scores))
        assert name.p == pytest.approx(min(1.0, 6 * max(chances)))


def accuracy(truth, said) -> float:
    return float(said[truth == 1].mean() + 1 - said[truth == 0].mean()) / 2


def test_a_latent_shared_by_two_classes_does_not_pass_for_one() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(5, size=4000)
    codes = (labels <= 1)[:, None] + 0.3 * random.standard_normal((4000, 1))
    name = name_latents(codes, np.eye(5)[labels])[0]
    assert name.label == "unnamed"
    easy = balanced_accuracy_score(labels == 0, codes[:, 0] > 0.5)
    assert easy > 0.8
    assert name.score == pytest.approx(0.5, abs=0.06)


def test_a_rotation_takes_names_away() -> None:
    codes, labels = planted()
    table = np.eye(5)[labels]
    plain, turned = named_latents(codes[:, :5], table), named_latents(codes[:, :5] @ rotation(5), table)
    assert plain.value == 1.0
    assert turned.value < 1.0
    assert np.mean(turned.parts["score"]) < np.mean(plain.parts["score"]) - 0.1


@given(seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_order_sign_and_scale_of_latents_do_not_change_the_names(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes, labels = planted(600, seed=seed)
    order, scale = random.permutation(5), random.uniform(1, 2, 5) * random.choice([-1, 1], 5)
    plain = words(codes[:, :5], labels)
    assert words((codes[:, :5] * scale + 4)[:, order], labels) == [plain[j] for j in order]


def test_a_collapsed_latent_is_not_counted() -> None:
    codes, labels = planted()
    codes = np.concatenate([codes, 1e-3 * codes[:, :1], np.ones((1000, 1))], axis=1)
    found = named_latents(codes, np.eye(5)[labels])
    assert found.parts["latent"] == [0, 1, 2, 3, 4, 5]


def test_classes_and_factors_name_latents() -> None:
    random = np.random.default_rng(0)
    size, kind = random.random(900), random.integers(3, size=900)
    codes = np.stack([size, np.where(kind == 2, 3.0, 0.0) + 0.2 * random.standard_normal(900)], axis=1)
    beside = Beside.of(labels=np.array(["x", "y", "z"])[kind], factors={"size": size})
    assert [n.label for n in name_latents(codes * [4, 1], beside)] in (["size high", "z"], ["size low", "z"])
    levels = Beside.of(factors={"kind": kind})
    assert name_latents(codes[:, 1:], levels)[0].label == "kind = 2"


def test_too_few_rows_of_every_attribute_name_nothing() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 2)
    found = named_latents(random.standard_normal((24, 3)), np.eye(12)[labels])
    assert found.value == 0.0
    assert found.parts["p"] == [1.0] * 3


def test_duplicate_and_tied_codes_are_no_trouble() -> None:
    codes, labels = planted(400)
    tied = np.round(codes)
    assert np.isfinite(named_latents(tied, np.eye(5)[labels]).value)
    quantised = np.eye(5)[labels]
    assert words(quantised, labels) == WORDS


def test_wrong_use_is_named() -> None:
    codes, labels = planted(100)
    with pytest.raises(InvalidInput, match="0 and 1"):
        name_latents(codes, labels[:, None] * 2)
    with pytest.raises(InvalidInput, match="one for each attribute"):
        name_latents(codes, np.eye(5)[labels], names=["a"])
    with pytest.raises(InvalidInput, match="at least 20 rows"):
        name_latents(codes[:10], np.eye(5)[labels[:10]])
    with pytest.raises(InvalidInput, match="collapsed"):
        name_latents(np.ones((100, 2)), np.eye(5)[labels])
    with pytest.raises(InvalidInput, match="labels or factors"):
        name_latents(codes, Beside())


def test_stability_is_one_for_the_same_latents_in_another_guise() -> None:
    z = np.random.default_rng(0).standard_normal((500, 4)) * [1, 2, 3, 1]
    found = stability([z, (-5 * z + 2)[:, [2, 0, 3, 1]], z[:, ::-1]])
    assert found.value == pytest.approx(1.0)
    assert found.interval == pytest.approx((1.0, 1.0))
    assert found.parts["likeness"] == pytest.approx([1.0] * 4)


def test_stability_of_a_planted_likeness() -> None:
    random = np.random.default_rng(0)
    first = random.standard_normal((5000, 3))
    second = 0.6 * first[:, [1, 2, 0]] + 0.8 * random.standard_normal((5000, 3))
    found = stability([first, second])
    assert found.value == pytest.approx(0.6, abs=0.02)
    assert found.interval[0] < 0.6 < found.interval[1]
    partner, alike = match_latents(first, second)
    assert partner.tolist() == [2.0, 0.0, 1.0]
    assert alike == pytest.approx([0.6] * 3, abs=0.03)


def test_stability_of_strangers_is_chance_and_falls_with_a_rotation() -> None:
    random = np.random.default_rng(1)
    first = random.standard_normal((1000, 6))
    strangers = stability([first, random.standard_normal((1000, 6))])
    assert strangers.value == pytest.approx(strangers.chance, abs=0.03)
    assert stability([first, first @ rotation(6)]).value < 0.8


def test_stability_counts_a_latent_without_partner_as_zero_and_drops_collapsed_ones() -> None:
    z = np.random.default_rng(0).standard_normal((300, 4))
    assert stability([z, z[:, :2]]).value == pytest.approx(0.5)
    assert stability([z, np.concatenate([z, 1e-4 * z], axis=1)]).value == pytest.approx(1.0)


def test_matching_agrees_with_every_possible_matching() -> None:
    from itertools import permutations

    random = np.random.default_rng(2)
    first, second = random.standard_normal((30, 4)), random.standard_normal((30, 4))
    table = np.abs(np.corrcoef(first.T, second.T)[:4, 4:])
    best = max(sum(table[i, p[i]] for i in range(4)) for p in permutations(range(4)))
    assert match_latents(first, second)[1].sum() == pytest.approx(best)
    shifted = match_latents(first + 50, second + 50, likeness="cosine")[1]
    assert shifted.min() > 0.99


def test_stability_is_symmetric_and_names_wrong_use() -> None:
    random = np.random.default_rng(3)
    first, second = random.standard_normal((200, 4)), random.standard_normal((200, 3))
    assert stability([first, second]).value == pytest.approx(stability([second, first]).value)
    with pytest.raises(InvalidInput, match="2 spaces"):
        stability([first])
    with pytest.raises(InvalidInput, match="collapsed"):
        stability([first, np.ones((200, 3))])
    with pytest.raises(InvalidInput, match="rows"):
        stability([first, second[:-1]])
    with pytest.raises(InvalidInput, match="likeness"):
        stability([first, second], likeness="rank")
