"""Rows by other ways than the pointer: a table of those in sight, a search, and every key of the map."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.browser.conftest import Hosts, Tab

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


def names(it: Tab) -> list[str]:
    """Labels of all rows."""
    return it.ask("Array.from(x.map.values, (v) => x.map.column.names[v])")


@pytest.mark.parametrize("host", ["server", "static"])
def test_the_rows_in_sight_are_a_table_that_is_walked_by_keyboard(host: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts[host])
    it.page.keyboard.press("v")
    grid = it.page.get_by_role("grid", name="Rows in sight")
    grid.wait_for()
    assert grid.get_attribute("aria-rowcount") == "501"
    lines = grid.get_by_role("row")
    assert lines.count() < 40, "only lines that are seen exist"
    lines.nth(1).focus()
    for _ in range(30):
        it.page.keyboard.press("ArrowDown")
    focused = "document.activeElement.getAttribute('aria-rowindex')"
    it.wait(f"{focused} === '32'")
    assert it.ask("x.map.hover") == 30
    assert it.page.locator(":focus th").inner_text() == it.ask("x.ids[30]")
    it.page.keyboard.press("End")
    it.wait(f"{focused} === '501'")
    it.page.keyboard.press("Enter")
    it.wait("x.stage.row === 499")
    it.page.keyboard.press(" ")
    assert it.ask("x.tray.pins.map((p) => p.row)") == [499]
    it.page.keyboard.press("x")
    it.page.keyboard.press("Home")
    it.wait(f"{focused} === '2'")
    it.page.keyboard.press("x")
    it.wait("x.map.chosenRows.join() === '0,499'")
    assert it.page.get_by_text("2 selected").first.is_visible()

    it.page.get_by_role("button", name="Reconstruction error").click()
    errors = np.array(it.ask("Array.from(x.errors)"))
    worst = it.ask("x.ids")[int(np.argmax(errors))]
    it.wait(f"document.querySelector('#drawer tbody th').textContent === '{worst}'")
    assert grid.get_by_role("columnheader", name="Reconstruction error").get_attribute("aria-sort") == "descending"
    it.page.get_by_role("checkbox", name="Bag").uncheck(force=True)
    shown = sum(name != "Bag" for name in names(it))
    it.wait(f"document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '{shown + 1}'")
    it.ask("(x.map.camera = { x: 0.5, y: 0.5, k: 4 })")
    it.wait(f"Number(document.querySelector('[role=grid]').getAttribute('aria-rowcount')) < {shown // 2}")
    it.ask("(x.map.camera = { x: 9, y: 9, k: 4 })")
    it.page.get_by_text("No row is in sight").wait_for()


@pytest.mark.parametrize("host", ["server", "static"])
def test_rows_are_searched_by_label_and_id(host: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts[host])
    it.wait("x.ids.length > 0")
    it.page.keyboard.press("/")
    it.page.keyboard.type("T-SHIRT")
    expected = [row for row, name in enumerate(names(it)) if name == "T-shirt/top"]
    it.wait(f"x.finder.rows.length === {len(expected)}")
    assert it.ask("x.finder.rows") == expected
    assert it.ask("x.map.matching") == len(expected), "the others are greyed"
    it.page.keyboard.press("Enter")
    it.wait(f"x.stage.row === {expected[0]}")
    it.page.keyboard.press("Enter")
    it.wait(f"x.stage.row === {expected[1]}")
    it.page.keyboard.press("Shift+Enter")
    it.wait(f"x.stage.row === {expected[0]}")
    assert it.page.get_by_text(f"1 of {len(expected)}", exact=True).is_visible()
    it.page.wait_for_timeout(400)
    other = tab().open(it.page.url)
    other.wait(f"x.finder.rows.length === {len(expected)}")
    assert other.page.get_by_role("searchbox").input_value() == "T-SHIRT"
    wanted = it.ask("x.ids[77]")
    it.page.get_by_role("searchbox").fill(wanted)
    it.wait("x.finder.rows.join() === '77'")
    it.page.get_by_role("searchbox").fill("no such row")
    it.wait("x.finder.rows.length === 0 && x.map.matching === 0")
    it.page.keyboard.press("Escape")
    it.wait("x.map.matching === 500")
    assert it.ask("document.activeElement.getAttribute('role')") == "application"


def test_every_key_of_the_map_does_what_the_help_says(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.wait("x.errors !== null && x.reaches !== null")
    it.page.locator(".host").focus()
    it.page.keyboard.press("ArrowRight")
    it.wait("x.map.hover >= 0")
    row = it.ask("x.map.hover")
    error = it.ask(f"x.errors[{row}].toPrecision(2)")
    said = it.page.locator("[aria-live=polite]").last.inner_text()
    reach = it.ask(f"x.reaches[{row}].toPrecision(2)")
    assert said.endswith(f"reconstruction error {error}, 10 neighbours closer than {reach}")
    it.page.keyboard.press("Enter")
    it.page.keyboard.press("a")
    it.page.keyboard.press("ArrowDown")
    it.page.keyboard.press("Enter")
    it.page.keyboard.press("b")
    assert it.ask("x.tray.pins.map((p) => p.row)") == [row, it.ask("x.stage.row")]
    start = it.ask("x.map.place(x.stage.row)")
    it.page.keyboard.press("d")
    it.page.keyboard.press("ArrowRight")
    it.page.keyboard.press("ArrowUp")
    it.wait("x.stage.row === -1 && x.pointPlace !== null && x.stage.decoded.z === x.stage.z")
    place = it.ask("x.pointPlace")
    assert place[0] > start[0]
    assert place[1] > start[1]
    it.page.keyboard.press("Escape")
    assert it.ask("x.map.tool") == "select"
    for key, tab_name in zip("12345", ("latent", "edit", "path", "neighbours", "compare"), strict=True):
        it.page.keyboard.press(key)
        assert it.ask("x.look.tab") == tab_name
    it.page.keyboard.press("n")
    assert it.ask("x.look.tab") == "neighbours"
    it.page.keyboard.press("g")
    assert it.ask("x.map.pictures") is True
    here = it.ask("Array.from(x.stage.z)")
    it.page.keyboard.press("r")
    assert it.ask("Array.from(x.stage.z)") != here
    it.page.keyboard.press("z")
    assert it.ask("Array.from(x.stage.z)") == here
    before = it.ask("x.sliders.basis.order.indexOf(x.sliders.dimension)")
    it.page.keyboard.press("]")
    assert it.ask("x.sliders.basis.order.indexOf(x.sliders.dimension)") == (before + 1) % 16
    it.page.keyboard.press("[")
    assert it.ask("x.sliders.basis.order.indexOf(x.sliders.dimension)") == before
    it.page.keyboard.press("?")
    shown = it.page.get_by_role("dialog").locator("kbd").all_inner_texts()
    assert {"A", "B", "C", "D", "/", "V", "Z", "1 to 5"} <= set(shown)


# what Shift makes of comma and full stop on American and German keyboards; letters that lie there stay letters
SHIFTED = [("<", "Comma", -0.5), (";", "Comma", -0.5), (">", "Period", 0.5), (":", "Period", 0.5), ("W", "Comma", 0)]


@pytest.mark.parametrize(("key", "code", "steps"), SHIFTED)
def test_shift_takes_larger_steps_whatever_it_makes_of_the_key(
    key: str, code: str, steps: float, hosts: Hosts, tab: OpenTab
) -> None:
    it = tab().open(hosts["static"])
    before = it.ask("x.sliders.coordinate(x.sliders.dimension)")
    pressed = f"{{ key: '{key}', code: '{code}', shiftKey: true, bubbles: true }}"
    it.ask(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {pressed}))")
    step = steps * it.ask("x.sliders.basis.dimensions[x.sliders.dimension].std")
    assert it.ask("x.sliders.coordinate(x.sliders.dimension)") == pytest.approx(before + step, abs=1e-5)
