"""Search: exact neighbours, the store, conditions, more like this and the odd one out."""

from pathlib import Path

import numpy as np
import pytest

import latentarium as la
from latentarium.applications.search import more_like, nearest, odd_one_out, search_rows
from latentarium.applications.search.filters import parse_filters
from latentarium.applications.search.store import make_store, open_store
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("search") / "digits"
    la.fit("digits", latent=4, width=16, steps=20, out=path, progress=False)
    return la.open_bundle(path)


def _true(codes: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    apart = ((codes.astype(np.float64)[None] - queries.astype(np.float64)[:, None]) ** 2).sum(2)
    return np.argsort(apart, axis=1, kind="stable")[:, :count]


def test_exact_search_is_exact_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    codes, queries = random.normal(size=(5000, 6)).astype(np.float32), random.normal(size=(40, 6)).astype(np.float32)
    monkeypatch.setattr("latentarium.applications.search.exact.PIECE_VALUES", 6 * 1024)
    # far from the origin the fast formula loses digits
    for table, asked in ((codes, queries), (codes + 30, queries + 30)):
        numbers, distances = nearest(table, asked, count=7)
        recall = np.mean([len(set(a) & set(b)) / 7 for a, b in zip(numbers, _true(table, asked, 7))])
        assert recall >= 0.99
        assert (np.diff(distances, axis=1) >= 0).all()
    allowed = np.arange(5000) % 3 == 0
    numbers, _ = nearest(codes, queries, count=5, allowed=allowed)
    np.testing.assert_array_equal(numbers, 3 * _true(codes[::3], queries, 5))
    assert nearest(codes[:3], queries, count=10)[0].shape == (40, 3)


def test_a_store_finds_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(30_000, 8)).astype(np.float32)
    kinds = np.array(["a", "b'c"])[np.arange(30_000) % 2]
    store = make_store(tmp_path, codes, {"kind": kinds})
    numbers, distances = store.nearest(codes[:20], count=10)
    exact, true = nearest(codes, codes[:20], count=10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(numbers, exact)])
    assert recall >= 0.95
    np.testing.assert_allclose(distances[:, 0], true[:, 0], atol=1e-3)


def test_conditions_hold_both_ways(bundle: Bundle) -> None:
    labels = bundle.column("label").astype(str)
    codes = bundle.codes[:5]
    for store in ("exact", "lance"):
        hits = search_rows(bundle, codes, count=6, where=["label=5"], store=store)
        assert hits.way == store
        assert (labels[hits.numbers] == "5").all()
    first = search_rows(bundle, codes, count=6, where=["label!=5"], store="lance").numbers
    second = search_rows(bundle, codes, count=6, where=["label!=5"], store="exact").numbers
    np.testing.assert_array_equal(first, second)


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Digits with a year, a truth and a size, of which some are not known."""
    rows = la.open_source("digits")
    place, count = tmp_path_factory.mktemp("dated"), 300
    size = np.where(np.arange(count) % 3, np.arange(count) / 2, np.nan)
    np.savez(place / "rows.npz", x=rows.raw[:count, 0], year=np.arange(count), ok=np.arange(count) % 2 == 0, size=size)
    la.fit(place / "rows.npz", latent=2, width=16, steps=2, out=place / "dated", progress=False)
    return la.open_bundle(place / "dated")


@pytest.mark.parametrize("store", ["exact", "lance"])
@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("ok=True", 150),
        ("ok=1", 150),
        ("ok!=yes", 150),
        ("year==20", 1),
        ("year<19.5", 20),
        ("year<=19.5", 20),
        ("year>290.5", 9),
        ("year<1e300", 300),
        ("size>=0", 200),
        ("size!=2.5", 199),
        ("size<2.5", 3),
    ],
)
def test_a_condition_is_of_the_columns_kind(dated: Bundle, store: str, word: str, count: int) -> None:
    hits = search_rows(dated, dated.codes[:1], count=300, where=[word], store=store)
    assert (hits.numbers >= 0).sum() == count


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("year<inf", "--where must be a number for the column 'year', got 'inf'"),
        ("size<nan", "--where must be a number for the column 'size', got 'nan'"),
        ("year=2.5", "--where must be a whole number for the column 'year', got '2.5'"),
        ("ok=perhaps", "--where must be true or false for the column 'ok', got 'perhaps'"),
        ("ok<1", "--where must be = or != for the true or false column 'ok'"),
        ("nope=1", "--where must be a condition on one of the columns year, ok, size, got 'nope=1'"),
    ],
)
def test_a_condition_of_another_kind_is_refused(dated: Bundle, word: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        search_rows(dated, dated.codes[:1], where=[word])


def test_a_store_is_made_anew_when_the_bundle_changed(bundle: Bundle) -> None:
    open_store(bundle)
    mark = bundle.path.with_name("digits.search") / "made-from.json"
    before = mark.stat().st_mtime_ns
    open_store(bundle)
    assert mark.stat().st_mtime_ns == before
    mark.write_text('{"codes": "of another bundle"}')
    open_store(bundle)
    assert "another" not in mark.read_text()


def test_more_like_these_leaves_them_out(bundle: Bundle) -> None:
    hits = more_like(bundle, [3, 10], count=8)
    middle = bundle.codes[[3, 10]].mean(0, keepdims=True)
    expected = [n for n in _true(bundle.codes, middle, 10)[0] if n not in (3, 10)][:8]
    assert hits.numbers[0].tolist() == expected


def test_the_odd_one_out() -> None:
    odd, apart = odd_one_out(np.array([[0, 0], [1, 0], [9, 9], [0, 1]]))
    assert odd == 2
    assert apart.argmax() == 2
    with pytest.raises(InvalidInput, match="at least 3"):
        odd_one_out(np.zeros((2, 2)))
    with pytest.raises(InvalidInput, match="at most 5,000, got 5001; 'latentarium detect'"):
        odd_one_out(np.zeros((5001, 2)))


def test_conditions_say_what_is_wrong(bundle: Bundle) -> None:
    for word, rule in (
        ("label", "a condition such as"),
        ("colour=red", "--where must be a condition on one of the columns label"),
        ("label=eleven", "a condition that some row meets|a number for the column"),
    ):
        with pytest.raises(InvalidInput, match=rule):
            search_rows(bundle, bundle.codes[:1], where=[word])
    assert parse_filters(bundle, ["label = 3"])[0].sign == "="
