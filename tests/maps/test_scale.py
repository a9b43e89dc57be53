import importlib.util
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentarium.errors import InvalidInput, MissingExtra
from latentarium.maps import Effort, Map, fit_map, tsne
from latentarium.maps.neighbours import Cells
from latentarium.maps.placing import place_near
from latentarium.maps.umap import epochs_within

Array = NDArray[np.float32]


def recall(codes: Array, places: Array, new: Array, placed: Array) -> float:
    """Share of the 15 codes nearest to the `new` ones that are nearest to where those were `placed`."""
    from sklearn.neighbors import NearestNeighbors

    high = NearestNeighbors(n_neighbors=15).fit(codes).kneighbors(new, return_distance=False)
    low = NearestNeighbors(n_neighbors=15).fit(places).kneighbors(placed, return_distance=False)
    return float(np.mean([len(np.intersect1d(a, b)) / 15 for a, b in zip(high, low, strict=True)]))


@pytest.fixture(scope="module")
def landmarked(blobs: NDArray[np.float32]) -> Map:
    effort = Effort(landmarks_above=5000, landmarks=600, threads=1)
    return fit_map(blobs, method="tsne", seed=2, effort=effort)


def test_above_the_limit_landmarks_are_fitted_and_the_rest_is_placed(
    blobs: NDArray[np.float32], landmarked: Map
) -> None:
    assert landmarked.coordinates.shape == (len(blobs), 2)
    assert landmarked.settings["choice"] == (
        "fitted 600 landmarks, since there are more than 5,000, 750 iterations, exact neighbours; 23,400 rows placed"
    )
    assert landmarked.anchors["codes"].shape == (600, 8)
    assert landmarked.quality["trustworthiness"] > 0.9
    assert landmarked.place(blobs) == pytest.approx(landmarked.coordinates, abs=1e-2)


def test_a_map_of_many_rows_goes_from_coarse_to_fine(
    blobs: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tsne, "COARSE_ROWS", 500)
    codes, held = blobs[:1500], blobs[1500:2500]
    fitted = fit_map(codes, method="tsne", effort=Effort(threads=1))
    monkeypatch.undo()
    assert fitted.settings["coarse_rows"] == 500
    flat = fit_map(codes, method="tsne", effort=Effort(threads=1))
    for name in ("trustworthiness", "continuity"):
        assert fitted.quality[name] > flat.quality[name] - 0.02
    assert fitted.quality["neighbour_recall"] > 0.9 * flat.quality["neighbour_recall"]
    placed = recall(codes, fitted.coordinates, held, fitted.place(held))
    itself = recall(codes, fitted.coordinates, codes, fitted.coordinates)
    # a fitted row is among its own 15 on both sides, and few rows are fitted more closely than many
    assert placed > 0.75 * (15 * itself - 1) / 14


def test_a_budget_is_kept_and_explained(blobs: NDArray[np.float32]) -> None:
    began = time.perf_counter()
    found = fit_map(blobs, method="tsne", effort=Effort(threads=1, budget=4.0))
    assert time.perf_counter() - began < 12
    assert "to stay within 4 s" in found.settings["choice"]
    assert found.settings["fitted"] < len(blobs)
    assert np.isfinite(found.coordinates).all()


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 6.2), st.integers(0, 100))
def test_placing_turns_and_moves_with_the_map(angle: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.standard_normal((60, 3)).astype(np.float32)
    places = random.standard_normal((60, 2)).astype(np.float32)
    new = random.standard_normal((9, 3)).astype(np.float32)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    cells = Cells.of(codes)
    straight = place_near(new, cells, places, threads=1)
    moved = np.float32(5) * places @ turn + np.float32([3, -1])
    assert place_near(new, cells, moved, threads=1) == pytest.approx(5 * straight @ turn + [3, -1], abs=1e-3)


def test_a_code_between_two_islands_is_placed_on_one_of_them() -> None:
    random = np.random.default_rng(0)
    codes = np.concatenate([random.uniform(0, 0.49, 500), random.uniform(0.52, 1, 500)])[:, None].astype(np.float32)
    places = np.where(codes < 0.5, -50, 50) + random.standard_normal((1000, 2)).astype(np.float32)
    found = place_near(np.float32([[0.5], [0.51]]), Cells.of(codes), places, threads=1)
    assert np.abs(np.abs(found) - 50).max() < 4


def test_umap_maps_places_and_repeats(blobs: NDArray[np.float32]) -> None:
    if importlib.util.find_spec("umap") is None:
        pytest.skip("umap-learn is not installed")
    first = fit_map(blobs[:600], method="umap", seed=4)
    again = fit_map(blobs[:600], method="umap", seed=4)
    assert (first.coordinates == again.coordinates).all()
    assert first.quality["trustworthiness"] > 0.9
    assert first.place(blobs[:600]) == pytest.approx(first.coordinates, abs=1e-2)


def test_umap_plans_its_epochs_for_a_budget_and_says_so(blobs: NDArray[np.float32]) -> None:
    """It cannot be stopped: fewer rows, and as many epochs as the rest of the time should last."""
    if importlib.util.find_spec("umap") is None:
        pytest.skip("umap-learn is not installed")
    whole = fit_map(blobs[:600], method="umap")
    assert whole.settings["choice"] == "fitted all rows, 500 epochs, exact neighbours"
    began = time.perf_counter()
    found = fit_map(blobs, method="umap", effort=Effort(threads=1, budget=4.0))
    assert time.perf_counter() - began < 12
    epochs = found.settings["epochs"]
    assert 50 <= epochs < 500
    assert "landmarks, to stay within 4 s" in found.settings["choice"]
    assert f", {epochs} epochs planned, " in found.settings["choice"]
    # what is spent before it begins is no longer there for epochs
    assert epochs_within(2000, 1.401) == 200
    assert epochs_within(2000, 1e-3) == epochs_within(2000, -5.0) == 50
    assert epochs_within(2000, 1e6) == 500
    assert epochs_within(50_000, 1e6) == 200


def test_without_umap_learn_one_line_says_how_to_get_it(
    blobs: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtra, match=r"pip install 'latentarium\[umap\]'"):
        fit_map(blobs[:50], method="umap")


@pytest.mark.parametrize("bad", [{"budget": 0}, {"budget": float("nan")}, {"landmarks": 1}, {"threads": 0}])
def test_bad_effort_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        Effort(**bad)  # type: ignore[arg-type]


def test_collapsed_codes_give_a_finite_map() -> None:
    for method in ("pca", "tsne"):
        found = fit_map(np.ones((60, 4)), method=method, effort=Effort(threads=1))
        assert np.isfinite(found.coordinates).all()
        assert np.isfinite(found.place(np.zeros((2, 4)))).all()
