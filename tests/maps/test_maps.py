import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.errors import InvalidInput
from latentarium.maps import Effort, Map, fit_map
from latentarium.maps.quality import map_quality
from latentarium.measures import neighbour_recall, trustworthiness


@pytest.fixture(scope="module")
def digits() -> NDArray[np.float32]:
    from sklearn.datasets import load_digits

    return (load_digits().data[:500] / 16).astype(np.float32)


@pytest.fixture(scope="module")
def tsne(digits: NDArray[np.float32]) -> Map:
    return fit_map(digits[:400], method="tsne", seed=1, effort=Effort(threads=1))


def test_pca_agrees_with_scikit_learn_up_to_sign(digits: NDArray[np.float32]) -> None:
    from sklearn.decomposition import PCA

    reference = PCA(2, svd_solver="full").fit(digits)
    fitted = fit_map(digits)
    for j in range(2):
        correlation = np.corrcoef(fitted.coordinates[:, j], reference.transform(digits)[:, j])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-4)
    assert fitted.settings["explained_variance"] == pytest.approx(reference.explained_variance_ratio_, rel=1e-4)


def test_pca_signs_do_not_depend_on_row_order(digits: NDArray[np.float32]) -> None:
    order = np.random.default_rng(0).permutation(len(digits))
    assert fit_map(digits[order]).coordinates == pytest.approx(fit_map(digits).coordinates[order], abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 12), st.integers(1, 4), st.integers(0, 1000))
def test_pca_places_its_own_rows_where_it_fitted_them(rows: int, dim: int, seed: int) -> None:
    codes = np.random.default_rng(seed).standard_normal((rows, dim))
    fitted = fit_map(codes)
    assert fitted.place(codes) == pytest.approx(fitted.coordinates, abs=1e-5)


def test_tsne_is_repeatable_and_better_than_pca(digits: NDArray[np.float32], tsne: Map) -> None:
    again = fit_map(digits[:400], method="tsne", seed=1, effort=Effort(threads=1))
    assert (again.coordinates == tsne.coordinates).all()
    assert tsne.quality["neighbour_recall"] > fit_map(digits[:400]).quality["neighbour_recall"] + 0.2


def test_tsne_places_fitted_rows_on_themselves_and_new_rows_near_theirs(digits: NDArray[np.float32], tsne: Map) -> None:
    assert tsne.place(digits[:400]) == pytest.approx(tsne.coordinates, abs=1e-2)
    new = digits[400:]
    nearest = ((new[:, None] - digits[None, :400]) ** 2).sum(2).argmin(1)
    width = tsne.coordinates.std()
    assert np.median(np.linalg.norm(tsne.place(new) - tsne.coordinates[nearest], axis=1)) < 0.5 * width


def test_quality_agrees_with_the_measures(digits: NDArray[np.float32]) -> None:
    flat = fit_map(digits[:200]).coordinates
    quality = map_quality(digits[:200], flat)
    assert quality["trustworthiness"] == pytest.approx(trustworthiness(digits[:200], flat).value, abs=1e-4)
    assert quality["continuity"] == pytest.approx(trustworthiness(flat, digits[:200]).value, abs=1e-4)
    assert quality["neighbour_recall"] == pytest.approx(neighbour_recall(digits[:200], flat).value, abs=2e-3)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_stored_and_read_back(method: str, digits: NDArray[np.float32], tsne: Map) -> None:
    fitted = tsne if method == "tsne" else fit_map(digits, ids=[f"row-{i}" for i in range(len(digits))])
    facts, arrays = fitted.to_arrays()
    back = Map.from_arrays(json.loads(json.dumps(facts, allow_nan=False)), arrays)
    assert (back.place(digits) == fitted.place(digits)).all()
    assert (back.ids == fitted.ids).all()
    assert back.quality == fitted.quality
    assert back.settings == fitted.settings


def test_progress_is_told(digits: NDArray[np.float32]) -> None:
    seen: list[tuple[str, int, int]] = []
    fit_map(digits[:60], method="tsne", effort=Effort(threads=1), progress=lambda *step: seen.append(step))
    assert seen
    assert all(0 < done <= total for _, done, total in seen)
    assert {re.sub(r"[\d,]+/s$", "N/s", what) for what, _, _ in seen} == {"neighbours, N/s", "t-SNE, N/s"}


def test_bad_input_is_refused(digits: NDArray[np.float32]) -> None:
    for codes, words in ((digits[:2], "at least 3 rows"), (np.full((5, 2), np.nan), "finite")):
        with pytest.raises(InvalidInput, match=words):
            fit_map(codes)
    with pytest.raises(InvalidInput, match="method"):
        fit_map(digits, method="som")
    with pytest.raises(InvalidInput, match="ids"):
        fit_map(digits, ids=[1, 2])
    with pytest.raises(InvalidInput, match=r"codes\.shape"):
        fit_map(digits).place(np.zeros((3, 5)))
