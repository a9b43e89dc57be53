"""Attributes are edited along their directions, what leaks is shown, and all of it can be undone and shared."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.browser.conftest import HOSTS, Hosts, Tab

from latentarium.applications.editing import Directions, directions_of
from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def directions(fashion: Bundle) -> Directions:
    """The directions of the clothes, as Python has them."""
    return directions_of(fashion)


def point(it: Tab) -> np.ndarray:
    return np.array(it.ask("Array.from(x.stage.z)"), np.float32)


def readings(it: Tab) -> dict[str, float]:
    """Shares after the edits, by name."""
    return dict(it.ask("x.editing.edits.readings.map((r) => [r.direction.name, r.after])"))


def lasso(it: Tab, corners: list[tuple[float, float]]) -> None:
    it.page.keyboard.press("l")
    it.page.mouse.move(*it.at(*corners[0]))
    it.page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        it.page.mouse.move(*it.at(*corner), steps=4)
    it.page.mouse.up()
    it.wait("x.map.chosenRows.length > 0")


@pytest.mark.parametrize("host", HOSTS)
def test_an_attribute_is_edited_and_its_leakage_is_seen(
    host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle, directions: Directions
) -> None:
    it = tab().open(hosts[host])
    it.page.get_by_role("tab", name="Edit").click()
    start = point(it)
    slider = it.page.get_by_role("slider", name="Bag", exact=True)
    reach = float(slider.get_attribute("max") or 0)
    slider.fill(str(reach / 2))
    it.wait("x.stage.row === -1 && x.stage.decoded.z === x.stage.z")
    strength = it.ask("x.editing.edits.strengthOf('Bag')")
    assert strength == pytest.approx(reach / 2, rel=0.01)
    expected = directions.edit(start, {"label=Bag": strength})
    assert np.allclose(point(it), expected, atol=1e-4)
    decoded = np.array(it.ask("Array.from(x.stage.decoded.values)"), np.float32)
    error = decoded - fashion.space.decode(expected[None]).ravel()
    # a static page carries the weights in 8 bits, which is at least 40 dB
    assert np.sqrt(np.mean(error**2)) < (0.01 if host == "static" else 1e-4)
    after = dict(zip((name.removeprefix("label=") for name in directions.names), directions.predict(expected)[0]))
    assert readings(it) == pytest.approx(after, abs=1e-4)
    assert it.page.get_by_role("listitem").filter(has_text="Bag +").is_visible()
    it.page.get_by_text("Leakage: the others moved by").wait_for()
    leak = it.ask("x.editing.edits.leak.mean")
    before = dict(zip(after, directions.predict(start)[0]))
    assert leak == pytest.approx(np.mean([abs(after[n] - before[n]) for n in after if n != "Bag"]), abs=1e-4)

    it.page.get_by_role("switch", name="Keep the others").check(force=True)
    it.wait("x.stage.decoded.z === x.stage.z")
    assert it.ask("x.editing.edits.leak.mean") < 1e-4
    kept = directions.edit(start, {"label=Bag": strength}, keep=["label"])
    assert np.allclose(point(it), kept, atol=1e-3)
    it.page.get_by_role("button", name="Reset").click()
    it.wait("x.stage.row >= 0")
    assert np.array_equal(point(it), start)


def test_edits_are_made_undone_and_done_again_by_keyboard(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    start = point(it)
    it.page.keyboard.press("2")
    it.page.get_by_role("slider", name="Coat", exact=True).focus()
    for _ in range(30):
        it.page.keyboard.press("ArrowRight")
    it.wait("x.editing.edits.list.length === 1")
    coat = point(it)
    assert it.page.get_by_role("slider", name="Coat").get_attribute("aria-valuetext").endswith("%")
    it.page.get_by_role("slider", name="Trouser", exact=True).focus()
    it.page.keyboard.press("ArrowLeft")
    it.wait("x.editing.edits.list.length === 2")
    both = point(it)
    it.page.keyboard.press("z")
    assert np.array_equal(point(it), coat)
    it.page.keyboard.press("z")
    assert it.ask("x.stage.row") >= 0
    assert np.array_equal(point(it), start)
    it.page.keyboard.press("Shift+Z")
    it.page.keyboard.press("Shift+Z")
    assert np.array_equal(point(it), both)
    it.ask("x.showRow(9)")
    it.page.keyboard.press("z")
    assert np.array_equal(point(it), both), "also what left the edits behind is undone"
    assert it.ask("x.stage.input.row") == it.ask("x.editing.edits.row")


@pytest.mark.parametrize("host", HOSTS)
def test_two_lassos_make_a_direction_that_is_named_used_and_shared(host: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts[host])
    groups = []
    for corners, button in (
        ([(0.2, 0.3), (0.45, 0.3), (0.45, 0.7), (0.2, 0.7)], "As group A"),
        ([(0.6, 0.3), (0.85, 0.3), (0.85, 0.7), (0.6, 0.7)], "As group B"),
    ):
        lasso(it, corners)
        rows = it.ask("x.map.chosenRows")
        groups.append(np.mean([it.ask(f"Array.from(x.space.code({row}))") for row in rows], axis=0))
        it.page.get_by_role("button", name=button, exact=True).click()
        it.wait("x.map.chosen === null")
    save = it.page.get_by_role("button", name="Save direction")
    name = it.page.get_by_label("Name of the direction")
    name.fill("Bag")
    it.page.get_by_text("There is an attribute of that name").wait_for()
    assert save.is_disabled()
    name.fill("left, to right: 1")
    save.click()
    slider = it.page.get_by_role("slider", name="left, to right: 1")
    start = point(it)
    slider.fill("1")
    it.wait("x.stage.row === -1")
    assert np.allclose(point(it) - start, groups[1] - groups[0], atol=1e-5)
    it.page.get_by_role("slider", name="Sandal").fill("2")
    it.page.get_by_role("switch", name="Keep the others").check(force=True)
    it.wait("x.editing.edits.list.length === 2 && x.stage.decoded.z === x.stage.z")
    it.page.wait_for_timeout(400)
    other = tab().open(it.page.url)
    strengths = "x.editing.edits.list.map((e) => [e.name, e.strength.toPrecision(3)])"
    kept = f"[{strengths}, x.editing.edits.keep, x.editing.edits.row, x.look.tab]"
    assert other.ask(kept) == it.ask(kept)
    assert np.allclose(point(other), point(it), atol=5e-3)
    other.wait("x.stage.input !== null")
    other.page.get_by_role("button", name="Remove the direction left, to right: 1").click()
    assert other.ask("x.editing.edits.list.map((e) => e.name)") == ["Sandal"]


def test_a_class_is_selected_in_the_legend_without_a_pointer(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    box = it.page.get_by_role("checkbox", name="Sneaker")
    box.focus()
    it.page.keyboard.press("Enter")
    it.page.get_by_role("button", name="Select these").press("Enter")
    it.wait("x.map.chosenRows.length > 0")
    counts = dict(it.ask("x.map.column.names.map((n, i) => [n, x.map.column.counts[i]])"))
    assert it.ask("x.map.chosenRows.length") == counts["Sneaker"]


def test_a_space_without_attributes_says_so_and_takes_directions_of_ones_own(
    tab: OpenTab, static_host: Callable[[Site], str], avatars: Bundle
) -> None:
    it = tab().open(f"{static_host(make_site([avatars], api=False))}?test=1")
    it.page.get_by_role("tab", name="Edit").click()
    it.page.get_by_text("No attribute is known of this space").wait_for()
    it.ask("(x.map.choose([1, 2]), x.editing.takeGroup(0), x.map.choose([3]), x.editing.takeGroup(1))")
    it.page.get_by_label("Name of the direction").fill("mine")
    it.page.keyboard.press("Enter")
    it.page.get_by_role("slider", name="mine").fill("-1")
    it.wait("x.stage.row === -1")
    assert not it.page.get_by_text("Leakage").is_visible()
