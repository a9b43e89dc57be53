"""Differences between two sheets: which count, and how they are shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentarium.measures import Measurements, Score, compare, measure, render_comparison


def sheet(**values: tuple[float, float, str]) -> Measurements:
    scores = {
        name: Score(name=name, value=v, interval=(v - w, v + w), n=50, direction=d)  # type: ignore[arg-type]
        for name, (v, w, d) in values.items()
    }
    return Measurements(scores=scores, skipped={}, seconds={})


@pytest.mark.parametrize(
    ("second", "direction", "better"),
    [(0.9, "higher", "second"), (0.9, "lower", "first"), (0.9, "neither", "neither"), (0.51, "higher", "neither")],
)
def test_the_better_side_needs_a_direction_and_a_clear_gap(second: float, direction: str, better: str) -> None:
    found = compare(sheet(psnr=(0.5, 0.05, direction)), sheet(psnr=(second, 0.05, direction)))
    assert [d.better for d in found] == [better]
    assert found[0].gap == pytest.approx(second - 0.5)


def test_p_is_that_of_a_normal_difference() -> None:
    from scipy.stats import norm

    error = np.hypot(0.1, 0.2) / 1.959964
    found = compare(sheet(mse=(1.0, 0.1, "lower")), sheet(mse=(1.3, 0.2, "lower")))[0]
    assert found.p == pytest.approx(2 * norm.sf(0.3 / error), rel=1e-9)


def test_a_gap_between_intervals_without_width_is_not_tested() -> None:
    counts = {"active_units": (30.0, 0.0, "higher"), "mse": (1.0, 0.1, "lower")}
    more = {"active_units": (31.0, 0.0, "higher"), "mse": (1.3, 0.1, "lower")}
    found = {d.name: d for d in compare(sheet(**counts), sheet(**more))}
    assert (found["active_units"].p, found["active_units"].better) == (None, "neither")
    assert found["active_units"].to_json()["p"] is None
    # what is not tested is no hypothesis to correct for
    alone = compare(sheet(mse=counts["mse"]), sheet(mse=more["mse"]))[0]
    assert found["mse"].p == alone.p
    assert found["mse"].better == "first"
    page = render_comparison(("one", "two"), list(found.values()), rows="60 rows", version="1")
    assert '<td class="number">not tested</td>' in page
    one_sided = compare(sheet(mse=(1.0, 0.0, "lower")), sheet(mse=(1.3, 0.1, "lower")))[0]
    assert one_sided.p is not None


def test_many_measures_are_corrected_for() -> None:
    """Twenty equal pairs with one chance gap at p = 0.03 give no winner, where a lone measure would."""
    lone = {"a0": (1.0, 0.1, "lower")}, {"a0": (1.0 + 2.17 * np.hypot(0.1, 0.1) / 1.96, 0.1, "lower")}
    many = tuple({**side, **{f"a{i}": (1.0, 0.1, "lower") for i in range(1, 20)}} for side in lone)
    assert compare(sheet(**lone[0]), sheet(**lone[1]))[0].better == "first"
    assert {d.better for d in compare(sheet(**many[0]), sheet(**many[1]))} == {"neither"}


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 2), st.floats(0, 2))
def test_swapping_the_sheets_swaps_the_verdict(a: float, b: float, wide: float, narrow: float) -> None:
    one, two = sheet(x=(a, wide, "higher")), sheet(x=(b, narrow, "higher"))
    there, back = compare(one, two)[0], compare(two, one)[0]
    swapped = {"first": "second", "second": "first", "neither": "neither"}
    assert there.p == back.p
    assert there.better == swapped[back.better]


def test_only_shared_measures_are_compared_and_the_page_shows_them(linear) -> None:
    x = linear.rows(60)
    full, part = measure(linear.space(), x), measure(linear.space(), x, only=["rate", "mse"])
    found = compare(full, part)
    assert [d.name for d in found] == [name for name in full.scores if name in ("rate", "mse")]
    assert {d.p for d in found} == {1.0}
    page = render_comparison(("one & only", "two"), found, rows="60 rows", version="1")
    assert "one &amp; only" in page
    assert all(f"<code>{d.name}</code>" in page for d in found)
    assert "<script" not in page
