"""Two spaces of the same rows: what each makes of a row, what lies around it, what they share, their scores."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from tests.browser.conftest import HOSTS, Hosts, Tab, addresses
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
Pair = tuple[Bundle, Bundle]
ROLLS = "[...document.querySelectorAll('.strip figure canvas')].map((canvas) => canvas.toDataURL())"


@pytest.fixture(scope="module")
def both(pair: Pair, serve: Callable[[Site], Server], static_host: Callable[[Site], str]) -> Hosts:
    """Addresses of two spaces of digits on every host."""
    return addresses(serve(make_site(pair, api=True)), static_host(make_site(pair, api=False)))


def opened(tab: OpenTab, address: str) -> Tab:
    it = tab().open(address)
    it.page.get_by_role("tab", name="Compare").click()
    it.page.get_by_text("Nearest 10").wait_for()
    return it


def nearest(codes: np.ndarray, row: int) -> list[int]:
    distances = np.linalg.norm(codes - codes[row], axis=1)
    return [int(one) for one in np.argsort(distances, kind="stable") if one != row][:10]


@pytest.mark.parametrize("host", HOSTS)
def test_a_row_is_seen_in_both_spaces(host: str, both: Hosts, tab: OpenTab, pair: Pair) -> None:
    it = opened(tab, both[host])
    ids = it.ask("x.ids")
    order = np.array([list(pair[0].ids).index(name) for name in ids])
    it.ask("x.showRow(5)")
    it.wait("x.stage.input && x.stage.decoded.z === x.stage.z")
    strip = """[...document.querySelectorAll('.strip figure canvas')].slice(-3).map((c) =>
      Array.from(c.getContext('2d').getImageData(0, 0, 8, 8).data).filter((_, i) => i % 4 === 0))"""
    expected = [pair[side].space.decode(pair[side].codes[order[5]][None]).ravel() for side in (0, 1)]
    want = np.rint(255 * np.clip(expected, 0, 1))

    def matches() -> bool:
        shown = np.array(it.ask(strip), float)
        return shown.shape == (3, 64) and np.abs(shown[1:] - want).max() <= 4

    for _ in range(100):
        if matches():
            break
        it.page.wait_for_timeout(100)
    assert matches()
    for side, name in ((0, "A"), (1, "B")):
        listed = it.page.get_by_role("list", name=f"Nearest in {name}").get_by_role("button")
        assert listed.count() == 10
        found = [ids.index(listed.nth(i).get_attribute("aria-label").split(",")[0]) for i in range(10)]
        # codes of the page have 16 bits: the last two may swap
        assert len(set(found) & set(nearest(pair[side].codes[order], 5))) >= 9
    it.page.get_by_role("list", name="Nearest in B").get_by_role("button").first.click()
    it.wait("x.stage.row !== 5")


def test_neighbours_in_the_other_space_are_listed_and_walked(both: Hosts, tab: OpenTab, pair: Pair) -> None:
    it = tab().open(both["static"])
    it.ask("(x.showRow(5), x.openTab('neighbours'), x.around.choose('other'))")
    it.wait("x.around.near !== null && x.ids.length > 0")
    order = np.array([list(pair[0].ids).index(name) for name in it.ask("x.ids")])
    found = [row for row in it.ask("x.around.near.rows") if row != 5][:10]
    assert len(set(found) & set(nearest(pair[1].codes[order], 5))) >= 9
    it.page.locator(".found button").first.click()
    it.wait(f"x.stage.row === {found[0]} && x.around.near.rows[0] === {found[0]}")
    it.page.wait_for_timeout(400)
    again = tab().open(it.page.url)
    again.wait("x.around.by === 'other' && x.around.near !== null")
    it.ask("x.showMean()")
    it.page.get_by_text("Only rows are in both spaces").wait_for()


def test_tunes_are_compared_as_piano_rolls_and_lines_as_lines(
    tab: OpenTab, static_host: Callable[[Site], str], melody: Bundle, lines: Bundle
) -> None:
    it = opened(tab, f"{static_host(make_site([melody, melody], api=False))}?test=1")
    # the rows that come along are decoded ones: there is no input, and its roll has no notes
    it.wait(f"((rolls) => rolls.length === 3 && rolls[1] === rolls[2] && rolls[0] !== rolls[1])({ROLLS})")
    assert it.page.get_by_role("columnheader", name="Deviation from the mean").count() == 0
    it = opened(tab, f"{static_host(make_site([lines, lines], api=False))}?test=1")
    it.wait("x.stage.decoded?.z === x.stage.z")
    said = it.page.locator("dd.large").get_attribute("aria-label")
    figures = it.page.locator(".strip figure p")
    figures.nth(2).filter(has_text=said).wait_for()
    assert figures.nth(1).inner_text() == said
    assert figures.nth(0).inner_text() == it.ask("x.lines[x.stage.row]")


def test_what_they_share_is_a_colour_and_the_maps_are_linked(both: Hosts, tab: OpenTab, pair: Pair) -> None:
    it = opened(tab, both["static"])
    it.page.get_by_role("button", name="Colour by them").click()
    it.wait("x.map.colour === 'shared_neighbours' && x.map.values !== null")
    order = np.array([list(pair[0].ids).index(name) for name in it.ask("x.ids")])
    shown = np.array(it.ask("Array.from(x.map.values.slice(0, 60))"))
    around = [[set(nearest(bundle.codes[order], row)) for row in range(60)] for bundle in pair]
    expected = np.array([len(a & b) / len(a | b) for a, b in zip(*around, strict=True)])
    assert np.abs(shown - expected).mean() < 0.01, "but for neighbours that swap by rounding"
    assert it.page.get_by_role("combobox", name="Colour").input_value() == "shared_neighbours"
    mini = it.page.get_by_role("application", name="Map of B")
    box = mini.bounding_box()
    assert box is not None
    mini.scroll_into_view_if_needed()
    box = mini.bounding_box()
    assert box is not None
    it.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    it.wait("x.map.hover >= 0")
    row = it.ask("x.map.hover")
    it.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    it.wait(f"x.stage.row === {row}")
    it.page.wait_for_timeout(400)
    again = tab().open(it.page.url)
    again.wait("x.map.values !== null && x.map.colour === 'shared_neighbours'")
    elsewhere = tab().open(it.page.url.replace("tab=compare", "tab=path"))
    elsewhere.wait("x.map.values !== null && x.map.colour === 'shared_neighbours'")
    assert elsewhere.page.get_by_role("combobox", name="Colour").input_value() == "shared_neighbours"


def test_scores_stand_side_by_side_and_the_spaces_can_be_swapped(both: Hosts, tab: OpenTab, pair: Pair) -> None:
    it = opened(tab, both["static"])
    row = it.page.get_by_role("row").filter(has_text="PSNR")
    stored = [json.loads((b.path / "measures.json").read_text())["scores"]["psnr"]["value"] for b in pair]
    cells = row.get_by_role("cell").all_inner_texts()
    assert [float(cell) for cell in cells[:2]] == pytest.approx(stored, abs=0.006)
    delta = stored[1] - stored[0]
    assert cells[2].startswith(f"{'+' if delta > 0 else '−'}{abs(delta):.3g}"[:4])
    assert f"{'B' if delta > 0 else 'A'} is better" in cells[2]
    it.page.get_by_role("button", name="Swap").click()
    it.wait("window.__explorer?.space.dim === 2")
    it.page.get_by_text("Nearest 10").wait_for()


def test_one_space_alone_and_rows_that_are_not_shared_are_said(
    tab: OpenTab, hosts: Hosts, static_host: Callable[[Site], str], fashion: Bundle, avatars: Bundle
) -> None:
    it = tab().open(hosts["static"])
    it.page.keyboard.press("c")
    it.page.get_by_text("One space is open").wait_for()
    it.page.get_by_role("tab", name="Compare").wait_for()
    other = tab().open(f"{static_host(make_site([fashion, avatars], api=False))}?test=1")
    other.page.keyboard.press("5")
    other.page.get_by_text("These spaces share no row").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_comparison(theme: str, both: Hosts, tab: OpenTab) -> None:
    it = tab(theme=theme).open(both["static"])
    it.page.keyboard.press("c")
    it.page.get_by_role("button", name="Colour by them").wait_for()
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in it.violations()] == []
    assert it.page.evaluate("document.documentElement.scrollWidth") <= 1280


SHOWN = """(() => {
  const canvas = document.querySelector('.mini canvas:not(.overlay)');
  return canvas.toDataURL();
})()"""


def test_the_second_map_moves_with_the_first_and_is_walked_by_keyboard(both: Hosts, tab: OpenTab) -> None:
    it = opened(tab, both["static"])
    it.page.get_by_text("PCA, moves with the map of A").wait_for()
    it.page.wait_for_timeout(300)
    whole = it.ask(SHOWN)
    it.ask("(x.map.camera = { x: 0.5, y: 0.5, k: 2 })")
    it.page.wait_for_timeout(600)
    assert it.ask(SHOWN) != whole
    mini = it.page.get_by_role("application", name="Map of B")
    mini.focus()
    it.page.keyboard.press("0")
    it.wait("x.map.camera.k === 1")
    it.page.wait_for_timeout(600)
    assert it.ask(SHOWN) == whole
    it.page.keyboard.press("ArrowRight")
    it.wait("x.map.hover >= 0")
    row = it.ask("x.map.hover")
    assert it.page.locator("[aria-live=polite]").last.inner_text().startswith(f"Point {it.ask(f'x.name({row})')}")
    it.page.keyboard.press("Enter")
    it.wait(f"x.stage.row === {row}")
    # both move while one is dragged, and a drag is no click
    mini.scroll_into_view_if_needed()
    box = mini.bounding_box()
    assert box is not None
    it.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    it.page.mouse.down()
    it.page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2, steps=4)
    it.page.mouse.up()
    assert it.ask("x.map.camera.x") < 0.49
    assert it.ask("x.stage.row") == row
    # on a map that the second space does not have each goes its own way
    it.page.get_by_text("z × z").click()
    it.wait("x.map.name === 'dims' && x.map.camera.x === 0.5")
    it.page.get_by_text("PCA", exact=True).last.wait_for()
    mini.focus()
    it.page.keyboard.press("+")
    it.page.wait_for_timeout(300)
    assert it.ask("x.map.camera.k") == 1


CONTEXTS = """(() => {
  const made = (window.__contexts = []), plain = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    const context = plain.call(this, kind, ...more);
    if (kind === 'webgl2' && context && !made.includes(context)) made.push(context);
    return context;
  };
})()"""


def test_a_visit_leaves_nothing_behind(both: Hosts, tab: OpenTab) -> None:
    it = tab()
    it.page.add_init_script(CONTEXTS)
    it.open(both["static"])
    workers = len(it.page.workers)
    alive = "window.__contexts.filter((one) => !one.isContextLost()).length"
    for visit in range(3):
        it.page.keyboard.press("5")
        # moving while the second space opens must not open more of them
        for row in range(4):
            it.ask(f"x.showRow({row})")
            it.page.wait_for_timeout(20)
        it.page.get_by_text("Nearest 10").wait_for()
        assert it.ask(alive) == 2
        it.page.get_by_role("button", name="Colour by them").wait_for()
        assert len(it.page.workers) <= workers + 2, "a search and a decoder"
        it.page.keyboard.press("1")
        for _ in range(50):
            if len(it.page.workers) == workers:
                break
            it.page.wait_for_timeout(50)
        assert (len(it.page.workers), it.ask(alive)) == (workers, 1), f"after visit {visit + 1}"
    it.page.keyboard.press("5")
    it.page.keyboard.press("1")
    it.page.wait_for_timeout(1500)
    assert (len(it.page.workers), it.ask(alive)) == (workers, 1), "left before the second space was there"


def test_a_link_to_another_space_leaves_nothing_of_the_first_behind(both: Hosts, tab: OpenTab) -> None:
    it = tab().open(both["static"])
    it.wait("x.stage.decoded")
    paths, workers = it.ask("x.host.spaces.map(({ path }) => path)"), len(it.page.workers)
    for path in (paths[1], paths[0]):
        it.ask(f"(location.hash = '#v=1&s=' + encodeURIComponent({json.dumps(path)}))")
        it.wait(f"x.space.path === {json.dumps(path)} && x.stage.decoded")
        for _ in range(50):
            if len(it.page.workers) == workers:
                break
            it.page.wait_for_timeout(50)
        assert len(it.page.workers) == workers, path


def test_the_colour_of_an_address_that_cannot_be_had_gives_way_to_the_usual_one(both: Hosts, tab: OpenTab) -> None:
    it = tab()
    it.page.route("**/overlap.worker*", lambda route: route.abort())
    it.open(f"{both['static']}#v=1&c=shared_neighbours")
    it.wait("x.map.colour === x.map.firstColour")
    it.problems.clear()  # the browser's own line about the file


def test_a_second_space_that_failed_can_be_opened_again(both: Hosts, tab: OpenTab) -> None:
    it = tab().open(both["static"])
    it.page.route("**/spaces/two/ids.json", lambda route: route.abort())
    it.page.keyboard.press("5")
    alert = it.page.get_by_role("alert").filter(has_text="ids.json could not be fetched")
    alert.wait_for()
    it.problems.clear()
    it.page.unroute("**/spaces/two/ids.json")
    alert.get_by_role("button", name="Try again").click()
    it.page.get_by_text("Nearest 10").wait_for()
    assert it.page.get_by_role("alert").count() == 0
