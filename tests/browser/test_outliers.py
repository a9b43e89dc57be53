"""Odd rows are listed beside what becomes of them, ringed on the map, and walked by mouse and by keyboard."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.browser.conftest import HOSTS, Hosts, Tab

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


def column(it: Tab, name: str) -> np.ndarray:
    """A column of numbers as the page has it."""
    wanted = f"x.space.view.columns.find((c) => c.name === '{name}').values"
    return np.array(
        it.page.evaluate(
            f"(() => {{ const x = window.__explorer; return x.space.array({wanted}).then((v) => Array.from(v)); }})()"
        )
    )


@pytest.mark.parametrize("host", HOSTS)
def test_an_outlier_is_found_and_compared(host: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts[host])
    it.page.get_by_role("button", name="Outliers").click()
    listed = it.page.get_by_role("list", name="Worst reconstructed").get_by_role("button")
    listed.first.wait_for()
    errors = column(it, "reconstruction_error")
    expected = np.argsort(-errors, kind="stable")[:40]
    assert it.ask("x.map.marks") == expected.tolist()
    listed.nth(1).hover()
    assert it.ask("x.map.hover") == expected[1]
    it.page.locator(".card .id").wait_for()
    listed.nth(1).click()
    it.wait(f"x.stage.row === {expected[1]} && x.stage.input && x.stage.decoded.z === x.stage.z")
    shown = it.ask("x.stage.decoded.values.reduce((s, v, i) => s + (v - x.stage.input.values[i]) ** 2, 0) / 784")
    assert shown == pytest.approx(errors[expected[1]], rel=0.05), "pictures of rows are compressed"
    pixels = """(() => [...document.querySelectorAll('.trio')[1].querySelectorAll('canvas')].map((c) =>
      Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0)))()"""
    it.wait(f"new Set({pixels}[2]).size > 20")
    given, decoded, difference = np.array(it.ask(pixels), float)
    assert np.abs(given / 255 - it.ask("Array.from(x.stage.input.values)")).max() < 0.01
    assert np.abs(decoded / 255 - it.ask("Array.from(x.stage.decoded.values)")).max() < 0.01
    # orange where it is brighter than the input, blue where darker
    assert difference[decoded - given > 100].min() > difference[given - decoded > 100].max()

    it.page.get_by_text("Farthest from others").click()
    it.page.get_by_role("list", name="Farthest from others").wait_for()
    far = np.argsort(-column(it, "neighbour_distance"), kind="stable")[:40]
    it.wait(f"x.map.marks[0] === {far[0]}")
    it.page.get_by_role("checkbox", name="Sandal").uncheck(force=True)
    names, labels = it.ask("x.map.column.names"), it.ask("Array.from(x.map.values)")
    assert {names[labels[row]] for row in it.ask("x.map.marks")}.isdisjoint({"Sandal"})
    it.page.get_by_role("button", name="Outliers").click()
    assert it.ask("x.map.marks") == []


def test_outliers_are_walked_by_keyboard_and_kept_in_sight(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.get_by_role("button", name="Outliers").press("Enter")
    listed = it.page.get_by_role("list", name="Worst reconstructed").get_by_role("button")
    listed.first.focus()
    it.ask("(x.map.camera = { x: 5, y: 5, k: 8 })")
    it.page.keyboard.press("ArrowRight")
    second = it.ask("x.map.marks[1]")
    it.wait(f"x.map.hover === {second}")
    left, top = it.place(second)
    drawer = it.page.locator("#drawer").bounding_box()
    host = it.page.locator(".host").bounding_box()
    assert drawer is not None
    assert host is not None
    assert host["x"] < left < host["x"] + host["width"]
    assert host["y"] < top < drawer["y"], "the drawer does not lie over it"
    assert it.page.locator("[aria-live=polite]").last.inner_text().endswith("2 of 40")
    it.page.keyboard.press("End")
    assert it.ask("x.map.hover === x.map.marks[39]")
    it.page.keyboard.press("Enter")
    it.wait("x.stage.row === x.map.marks[39]")
    it.page.wait_for_timeout(400)
    assert tab().open(it.page.url).page.get_by_role("list", name="Worst reconstructed").is_visible()


def test_what_cannot_be_odd_says_so(
    tab: OpenTab, static_host: Callable[[Site], str], avatars: Bundle, table: Bundle
) -> None:
    it = tab().open(f"{static_host(make_site([avatars], api=False))}?test=1")
    it.page.get_by_role("button", name="Outliers").click()
    it.page.get_by_role("list", name="Farthest from others").wait_for()
    assert not it.page.get_by_text("Worst reconstructed").is_visible(), "its rows are decoded ones"
    other = tab().open(f"{static_host(make_site([table], api=False))}?test=1")
    other.page.get_by_role("button", name="Outliers").click()
    first = other.page.get_by_role("list", name="Worst reconstructed").get_by_role("button").first
    first.click()
    other.wait("x.stage.row === x.map.marks[0]")
