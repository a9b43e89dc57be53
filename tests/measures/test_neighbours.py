import numpy as np
import pytest

from latentarium.errors import InvalidInput
from latentarium.measures import neighbour_recall, trustworthiness


def test_trustworthiness_agrees_with_scikit_learn() -> None:
    from sklearn.manifold import trustworthiness as reference

    random = np.random.default_rng(0)
    codes = random.standard_normal((150, 6))
    flat = codes[:, :2] + 0.3 * random.standard_normal((150, 2))
    assert trustworthiness(codes, flat, neighbours=7).value == pytest.approx(reference(codes, flat, n_neighbors=7))


def test_recall_against_sets_of_neighbours() -> None:
    from sklearn.neighbors import NearestNeighbors

    random = np.random.default_rng(1)
    codes, flat = random.standard_normal((120, 5)), random.standard_normal((120, 2))
    near = [NearestNeighbors(n_neighbors=9).fit(a).kneighbors(return_distance=False) for a in (codes, flat)]
    expected = np.mean([len(set(a) & set(b)) / 9 for a, b in zip(*near, strict=True)])
    assert neighbour_recall(codes, flat, neighbours=9).value == pytest.approx(expected)


def test_rotation_and_scale_of_the_map_do_not_matter() -> None:
    random = np.random.default_rng(2)
    codes, flat = random.standard_normal((100, 4)), random.standard_normal((100, 2))
    turned = 3 * flat @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 5
    for measure in (trustworthiness, neighbour_recall):
        assert measure(codes, turned).value == pytest.approx(measure(codes, flat).value)


def test_sample_is_seeded_and_stated() -> None:
    random = np.random.default_rng(3)
    codes, flat = random.standard_normal((400, 4)), random.standard_normal((400, 2))
    assert neighbour_recall(codes, flat, sample=100, seed=1) == neighbour_recall(codes, flat, sample=100, seed=1)
    assert neighbour_recall(codes, flat, sample=100).n == 100


def test_misfits_are_refused() -> None:
    with pytest.raises(InvalidInput, match="one for each code"):
        trustworthiness(np.zeros((5, 2)), np.zeros((4, 2)))
    with pytest.raises(InvalidInput, match="neighbours"):
        trustworthiness(np.zeros((20, 2)), np.zeros((20, 2)), neighbours=15)
