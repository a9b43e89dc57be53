"""What a visitor does, on each host: look, compare, walk, pin, blend, find neighbours, select, share."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from tests.browser.conftest import HOSTS, Hosts, Tab

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


@pytest.mark.parametrize("host", HOSTS)
def test_a_row_is_found_on_the_map_and_compared_with_its_reconstruction(
    host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle
) -> None:
    it = tab().open(hosts[host])
    assert it.ask("x.stage.network.where") == ("server" if host == "server-decode" else "page")
    row = it.clear_row()
    it.page.mouse.move(*it.place(row))
    it.wait(f"x.map.hover === {row}")
    it.page.locator(".card .id").wait_for()
    name = it.page.locator(".card .id").inner_text()
    it.page.mouse.click(*it.place(row))
    it.wait(f"x.stage.row === {row} && x.stage.input && x.stage.decoded.z === x.stage.z")
    it.page.get_by_role("heading", name=name).wait_for()
    decoded = np.array(it.ask("Array.from(x.stage.decoded.values)"), np.float32)
    place = list(fashion.ids).index(name)
    expected = fashion.space.decode(fashion.codes[[place]]).ravel()
    # codes on the page have 16 bits, pictures of rows are compressed, an exported decoder has 8 bits a weight
    assert np.abs(decoded - expected).max() < (0.1 if host == "static" else 5e-3)
    shown = np.array(it.ask("Array.from(x.stage.input.values)"))
    raw = fashion.kept[list(fashion.kept_rows).index(place)].ravel() / 255
    assert np.abs(shown - raw).mean() < 0.02
    assert it.page.get_by_text("Squared error").is_visible()


@pytest.mark.parametrize("host", HOSTS)
def test_a_slider_moves_the_picture_along_its_dimension(host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts[host])
    strongest = it.ask("x.sliders.basis.order[0]")
    before = it.ask("Array.from(x.stage.z)")
    slider = it.page.get_by_role("slider", name=f"z{strongest}", exact=True)
    slider.fill(str(it.ask(f"x.sliders.basis.dimensions[{strongest}].histogram.low")))
    it.wait("x.stage.row === -1 && x.stage.decoded.z === x.stage.z")
    after = it.ask("Array.from(x.stage.z)")
    assert [d for d in range(16) if before[d] != after[d]] == [strongest]
    decoded = np.array(it.ask("Array.from(x.stage.decoded.values)"), np.float32)
    # an exported site's decoder has its weights in 8 bits
    most = 0.1 if host == "static" else 1e-4
    assert np.abs(decoded - fashion.space.decode(np.array([after], np.float32)).ravel()).max() < most
    it.page.get_by_text("Principal components").click()
    assert it.page.get_by_role("slider", name="PC 1", exact=True).is_visible()
    assert it.ask("x.sliders.coordinate(0)") == pytest.approx(
        it.ask("x.sliders.basis.axes[0].reduce((s, a, d) => s + a * (x.stage.z[d] - x.sliders.basis.mean[d]), 0)")
    )


@pytest.mark.parametrize("host", HOSTS)
def test_three_points_are_pinned_and_blended(host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts[host])
    it.page.get_by_role("tab", name="Path").click()
    it.page.get_by_text("A path needs two stops").wait_for()
    for row in (3, 40, 77):
        it.ask(f"x.showRow({row})")
        it.page.get_by_role("button", name="Pin", exact=True).click()
    frames = it.page.get_by_role("group", name="Frames of the path").get_by_role("button")
    assert frames.count() == 17
    stops = np.array([it.ask(f"Array.from(x.space.code({row}))") for row in (3, 40, 77)], np.float32)
    points = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    legs = [fashion.space.geometry.interpolate(a, b, steps=9) for a, b in zip(stops, stops[1:], strict=False)]
    assert np.allclose(points, np.concatenate([legs[0], legs[1][1:]]), atol=1e-6)
    it.page.get_by_text("Spherical").click()
    curved = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    assert np.allclose(curved[4], fashion.space.geometry.interpolate(*stops[:2], steps=9, path="slerp")[4], atol=1e-5)
    it.page.get_by_role("slider", name="Position on the path").fill("0.5")
    it.wait("x.stage.decoded.z === x.stage.z && x.tray.position === 0.5")
    it.page.get_by_role("button", name="Play", exact=True).click()
    it.wait("x.tray.position > 0.6")
    it.page.get_by_role("button", name="Pause").click()
    it.page.get_by_role("button", name="PNG").wait_for()
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name="PNG").click()
    with Image.open(waiting.value.path()) as strip:
        assert strip.size == (17 * 28 * 4, 28 * 4)
        pixels = np.asarray(strip.convert("L"), float)
        assert pixels.std() > 10
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name="GIF").click()
    with Image.open(waiting.value.path()) as film:
        assert (film.format, film.size) == ("GIF", (112, 112))
        assert film.info["duration"] > 500, "it rests at the ends"
        assert len(list(ImageSequence.Iterator(film))) == 2 * 17 - 2
        for frame, place in ((0, 0), (5, 5), (16, 16), (20, 12)):
            film.seek(frame)
            shown = np.asarray(film.convert("L"), float)
            assert np.abs(shown - pixels[:, 112 * place : 112 * (place + 1)]).mean() < 4


@pytest.mark.parametrize("host", HOSTS)
def test_a_geodesic_is_walked_more_evenly_than_a_straight_line(
    host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle
) -> None:
    it = tab().open(hosts[host])
    it.ask("(x.openTab('path'), [3, 40].forEach((row) => (x.showRow(row), x.pin())), (x.tray.frames = 17))")
    straight = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    it.page.get_by_text("Geodesic", exact=True).click()
    it.page.get_by_text("Geodesic (approximate): equal steps").wait_for()
    it.wait("x.tray.complete")
    found = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    line, page = steps_of(fashion, straight), steps_of(fashion, found)
    assert np.array_equal(found[[0, -1]], straight[[0, -1]])
    assert page.std() / page.mean() < 0.5 * line.std() / line.mean()
    assert page.sum() < line.sum()


def test_a_path_begins_in_the_way_of_its_space(tab: OpenTab, static_host: Callable[..., str], fashion: Bundle) -> None:
    site = make_site([fashion], api=False)
    name = "spaces/fashion/view.json"
    round_space = {**site.files, name: bytes(site.files[name]).replace(b'"path":"lerp"', b'"path":"slerp"')}  # type: ignore[arg-type]
    it = tab().open(f"{static_host(Site(round_space, {}))}?test=1")
    it.ask("(x.openTab('path'), [3, 40].forEach((row) => (x.showRow(row), x.pin())))")
    assert it.page.get_by_label("Spherical").is_checked()
    ends = np.array(it.ask("x.tray.pins.map((pin) => Array.from(pin.z))"), np.float32)
    middle = fashion.space.geometry.interpolate(*ends, steps=9, path="slerp")[4]
    assert np.allclose(it.ask("Array.from(x.tray.points[4])"), middle, atol=1e-5)
    it.page.get_by_text("Straight", exact=True).click()
    it.wait("location.hash.includes('w=lerp')")


def steps_of(bundle: Bundle, points: np.ndarray) -> np.ndarray:
    """How far what is decoded goes from each point to the next."""
    decoded = bundle.space.decode(points).reshape(len(points), -1)
    return np.linalg.norm(np.diff(decoded, axis=0), axis=1)


def test_a_search_for_a_geodesic_can_be_left(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["server-decode"])
    it.ask("(x.openTab('path'), Array.from({ length: 9 }, (_, row) => (x.showRow(row), x.pin())))")
    it.page.get_by_text("Geodesic", exact=True).click()
    it.page.get_by_role("button", name="Cancel").click()
    it.wait("x.tray.way === 'lerp' && x.tray.searching === null && x.tray.complete")
    assert it.ask("x.tray.curves.size") < 8


def test_a_path_is_saved_after_it_became_shorter_and_when_it_is_long(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.ask("(x.openTab('path'), [3, 40, 77].forEach((row) => (x.showRow(row), x.pin())))")
    it.wait("x.tray.complete")
    it.page.get_by_role("button", name="Remove stop B").click()
    it.wait("x.tray.points.length === 9 && x.tray.complete")
    with Image.open(saved(it, "PNG")) as strip:
        assert strip.size == (9 * 112, 112)
    with Image.open(saved(it, "GIF")) as film:
        assert len(list(ImageSequence.Iterator(film))) == 16
    it.page.get_by_label("Once round").check(force=True)
    it.page.get_by_role("combobox", name="Frames a leg").select_option("3")
    it.wait("x.tray.points.length === 5 && x.tray.complete")
    with Image.open(saved(it, "GIF")) as film:
        assert len(list(ImageSequence.Iterator(film))) == 4, "the first stop comes once"
    film = saved(it, "WebM").read_bytes()
    assert film[:4] == bytes.fromhex("1a45dfa3")
    assert b"webm" in film[:64]
    assert len(film) > 500
    it.page.get_by_label("There and back").check(force=True)
    it.ask("(Array.from({ length: 9 }, (_, row) => (x.showRow(row), x.pin())), (x.tray.frames = 33))")
    it.wait("x.tray.points.length === 321 && x.tray.complete")
    with Image.open(saved(it, "PNG")) as sheet:
        assert sheet.size == (65 * 112, 5 * 112), "five lines in place of one of 35,952 pixels"
        last = np.asarray(sheet.convert("L"), float)[448:, 60 * 112 : 61 * 112]
    assert np.abs(last[2::4, 2::4].ravel() / 255 - it.ask("Array.from(x.tray.decoded[320])")).max() < 0.01


def saved(it: Tab, name: str) -> Path:
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name=name, exact=True).click()
    return Path(waiting.value.path())


def test_neighbours_are_the_nearest_codes_and_can_be_walked(hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts["static"])
    it.page.get_by_role("tab", name="Neighbours").click()
    it.wait("x.neighbours && x.ids.length > 0")
    start = it.ask("x.stage.row")
    ids = it.ask("x.ids")
    codes = np.array([it.ask(f"Array.from(x.space.code({start}))")])
    order = {name: place for place, name in enumerate(fashion.ids)}
    everyone = fashion.codes[[order[name] for name in ids]]
    distances = np.linalg.norm(everyone - codes, axis=1)
    found = [row for row in it.ask("x.neighbours.rows") if row != start][:12]
    nearest = [row for row in np.argsort(distances) if row != start][:12]
    assert len(set(found) & set(nearest)) >= 11, "rounding may swap the last two"
    shown = it.page.locator(".found").get_by_role("listitem")
    assert shown.count() == 12
    for many in (5, 50):
        it.page.get_by_role("slider", name="How many").fill(str(many))
        it.wait(f"document.querySelectorAll('.found li').length === {many}")
    shown.first.get_by_role("button").click()
    it.wait(f"x.stage.row === {found[0]}")
    shown.nth(2).get_by_role("button").click()
    it.wait("x.trail.length === 3")
    way = it.page.get_by_role("navigation", name="The way here").get_by_role("button")
    assert way.all_inner_texts() == [f"Back to {ids[row]}" for row in it.ask("x.trail")]
    way.first.click()
    it.wait(f"x.stage.row === {start} && x.trail.length === 1")


@pytest.mark.parametrize("host", ["server-decode", "static"])
def test_rows_that_are_near_as_they_are(host: str, hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts[host])
    it.page.get_by_role("tab", name="Neighbours").click()
    it.wait("x.ids.length > 0 && x.stage.input !== null")
    it.page.get_by_role("radio", name="Pixels").check()
    it.wait("x.around.near !== null")
    start, ids = it.ask("x.stage.row"), it.ask("x.ids")
    order = {name: place for place, name in enumerate(fashion.ids[fashion.kept_rows])}
    raw = np.asarray(fashion.kept).reshape(len(order), -1)[[order[name] for name in ids]] / 255
    distances = np.linalg.norm(raw - raw[start], axis=1)
    nearest = [row for row in np.argsort(distances) if row != start][:12]
    found = [row for row in it.ask("x.around.near.rows") if row != start][:12]
    assert len(set(found) & set(nearest)) >= 11, "pictures of rows are compressed"
    assert it.ask("x.around.near.distances[1]") == pytest.approx(distances[nearest[0]], rel=0.03)
    too = len(set(found) & {row for row in it.ask("x.neighbours.rows") if row != start})
    assert it.page.get_by_text(f"{too} are near by their codes too").is_visible()
    it.ask("x.adjust(x.sliders.movedAlong(0, 1))")
    it.wait("x.stage.decoded.z === x.stage.z")
    decoded = np.array(it.ask("Array.from(x.stage.decoded.values)"))
    nearest = np.argsort(np.linalg.norm(raw - decoded, axis=1))[:5]
    it.wait(f"x.around.near.rows.slice(0, 5).filter((row) => {nearest.tolist()}.includes(row)).length >= 4")


def test_the_directions_around_a_point_and_the_way_back_to_it(hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts["static"])
    it.ask("x.showRow(40)")
    it.page.get_by_text("Local", exact=True).click()
    it.wait("x.sliders.basis.name === 'local'")
    codes = np.array(it.ask("Array.from({ length: 500 }, (_, row) => Array.from(x.space.code(row)))"))
    around = codes[np.argsort(np.linalg.norm(codes - codes[40], axis=1))[:64]]
    values, vectors = np.linalg.eigh(np.cov(around.T, bias=True))
    axes = np.array(it.ask("x.sliders.basis.axes"))
    assert it.ask("x.sliders.basis.dimensions.map((d) => d.std)") == pytest.approx(np.sqrt(values[::-1]), rel=1e-3)
    assert np.abs(np.sum(axes[:4] * vectors.T[::-1][:4], axis=1)) == pytest.approx(1, abs=1e-3)
    slider = it.page.get_by_role("slider", name="L1", exact=True)
    home = it.ask("x.sliders.coordinate(0)")
    slider.fill(str(it.ask("x.sliders.basis.dimensions[0].histogram.high * 0.5")))
    it.wait("x.stage.row === -1 && x.stage.decoded.z === x.stage.z")
    moved = np.array(it.ask("Array.from(x.stage.z)")) - codes[40]
    assert np.abs(np.dot(moved, axes[0]) / np.linalg.norm(moved)) == pytest.approx(1, abs=1e-4)
    assert it.page.locator(".slider.chosen .home").is_visible(), "where the row lies"
    slider.dblclick()
    assert it.ask("x.sliders.coordinate(0)") == pytest.approx(home, abs=1e-5)
    slider.press("ArrowRight")
    slider.press("Backspace")
    assert it.ask("x.sliders.coordinate(0)") == pytest.approx(home, abs=1e-5)
    it.ask("x.showRow(3)")
    it.wait("Math.abs(x.sliders.coordinate(0, x.space.code(40)) - x.sliders.coordinate(0)) > 0.1 && x.stage.row === 3")
    assert not np.allclose(it.ask("x.sliders.basis.axes[0]"), axes[0], atol=1e-3), "found anew for another row"
    it.page.get_by_text("Dimensions", exact=True).click()
    it.page.keyboard.press("r")
    first = it.ask("x.sliders.basis.order[0]")
    it.page.get_by_role("slider", name=f"z{first}", exact=True).dblclick()
    mean = it.ask(f"x.sliders.basis.dimensions[{first}].mean")
    assert it.ask(f"x.sliders.coordinate({first})") == pytest.approx(mean, abs=1e-5), "a point that came from nowhere"


def test_places_between_points_are_decoded(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.mouse.click(*it.at(0.97, 0.03))
    it.wait("x.stage.row === -1 && x.stage.from.length === 8")
    assert it.page.get_by_text("a blend of the 8 rows around it").is_visible()
    it.page.get_by_text("PCA", exact=True).click()
    it.wait("x.map.ground.linear !== null")
    it.page.mouse.click(*it.at(0.9, 0.93))
    it.wait("x.stage.from.length === 0 && x.stage.decoded.z === x.stage.z")
    mean, axes = it.ask("x.map.ground.linear.mean"), it.ask("x.map.ground.linear.axes")
    scale, offset = it.ask("x.map.ground.points.scale"), it.ask("x.map.ground.points.offset")
    z = np.array(it.ask("Array.from(x.stage.z)"))
    place = (np.array(axes) @ (z - mean) - offset) / scale / 65535
    assert np.allclose(place, [0.9, 0.93], atol=3e-3)
    # the ring of the same point is elsewhere on other maps
    it.page.get_by_text("z × z").click()
    it.wait("x.map.name === 'dims' && x.map.ground.linear.mean.every((v) => v === 0) && x.pointPlace !== null")
    scale, offset = it.ask("x.map.ground.points.scale"), it.ask("x.map.ground.points.offset")
    expected = (z[it.ask("x.map.pair")] - offset) / scale / 65535
    assert np.allclose(it.ask("x.pointPlace"), expected, atol=1e-4)


def test_far_from_the_data_the_gauge_says_so(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.get_by_text("among the data").wait_for()
    it.ask("x.showPoint(Float32Array.from({ length: 16 }, () => 6))")
    it.page.get_by_text("few training items here").wait_for()


def test_a_lasso_selects_and_the_legend_filters(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.keyboard.press("l")
    corners = [(0.35, 0.35), (0.65, 0.35), (0.65, 0.65), (0.35, 0.65)]
    it.page.mouse.move(*it.at(*corners[0]))
    it.page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        it.page.mouse.move(*it.at(*corner), steps=6)
    it.page.mouse.up()
    it.wait("x.map.chosenRows.length > 0")
    inside = it.ask(
        "Array.from({length: 500}, (_, r) => r).filter((r) => x.map.place(r).every((v) => v > 0.35 && v < 0.65)).length"
    )
    chosen = it.ask("x.map.chosenRows.length")
    assert abs(chosen - inside) <= 2
    assert it.page.get_by_text(f"{chosen} selected").is_visible()
    it.page.get_by_role("button", name="Decode their mean").click()
    it.wait("x.stage.row === -1")
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name="Ids").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert (lines[0], len(lines)) == ("id", chosen + 1)
    it.page.keyboard.press("Escape")
    it.wait("x.map.chosen === null")
    it.page.get_by_role("checkbox", name="Sneaker").uncheck(force=True)
    counts = dict(it.ask("x.map.column.names.map((n, i) => [n, x.map.column.counts[i]])"))
    assert it.ask("x.map.matching") == 500 - counts["Sneaker"]
    it.page.get_by_role("button", name="Show all", exact=True).click()
    assert it.ask("x.map.matching") == 500


def test_shift_and_drag_selects_what_a_box_holds(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    # two corners: a lasso through them would hold nothing
    it.page.mouse.move(*it.at(0.35, 0.6))
    it.page.keyboard.down("Shift")
    it.page.mouse.down()
    it.page.mouse.move(*it.at(0.65, 0.4), steps=4)
    camera = it.ask("x.map.camera")
    it.page.mouse.up()
    it.page.keyboard.up("Shift")
    it.wait("x.map.chosenRows.length > 0")
    inside = it.ask(
        """Array.from({length: 500}, (_, r) => r).filter((r) => ((p) =>
          p[0] > 0.35 && p[0] < 0.65 && p[1] > 0.4 && p[1] < 0.6)(x.map.place(r)))"""
    )
    assert len(set(inside) ^ set(it.ask("x.map.chosenRows"))) <= 2
    assert it.ask("x.map.camera") == camera, "the map stays where it is"


def test_the_point_under_the_pointer_is_decoded_while_d_is_held(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.mouse.move(*it.at(0.9, 0.1))
    it.page.keyboard.down("d")
    for _ in range(6):
        it.page.wait_for_timeout(80)
        it.page.keyboard.down("d")  # as a held key repeats
    assert it.ask("x.map.tool") == "probe"
    camera = it.ask("x.map.camera")
    it.page.mouse.down()
    for place in (0.2, 0.4):
        it.page.mouse.move(*it.at(0.9, place), steps=3)
        it.wait(f"x.stage.row === -1 && Math.abs(x.pointPlace[1] - {place}) < 0.01 && x.stage.decoded.z === x.stage.z")
    it.page.mouse.up()
    it.page.keyboard.up("d")
    assert it.ask("x.map.tool") == "select"
    assert it.ask("x.map.camera") == camera
    place = it.ask("x.pointPlace")
    it.page.mouse.move(*it.at(0.5, 0.5))
    assert it.ask("x.pointPlace") == place
    it.page.keyboard.press("d")
    assert it.ask("x.map.tool") == "probe", "struck, it stays"


SLOW = """(() => {
  const { decoder } = x.stage, run = decoder.run;
  window.__runs = 0;
  decoder.run = async (values, rows) => {
    if (rows === 1) window.__runs++;
    const { values: found } = await run(values, rows);
    return { values: found, milliseconds: 400 };
  };
  x.showRow(40);
  return true;
})()"""


def test_a_slow_decoder_waits_for_the_end_of_a_drag_and_the_nearest_row_stands_in(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.ask(SLOW)
    it.wait("x.stage.decoded.z === x.stage.z && x.stage.decoded.milliseconds === 400")
    it.page.get_by_text("Decoded", exact=True).wait_for()
    box = it.page.get_by_role("slider", name=f"z{it.ask('x.sliders.basis.order[0]')}", exact=True).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    it.page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    it.page.mouse.down()
    it.wait("x.stage.row === -1")
    it.page.wait_for_timeout(300)
    before = it.ask("window.__runs")
    for share in (0.4, 0.5, 0.6):
        it.page.mouse.move(box["x"] + share * box["width"], middle, steps=4)
        it.page.get_by_text("Nearest row", exact=True).wait_for()
    assert it.ask("window.__runs") == before
    assert it.ask("x.stage.waiting")
    it.page.mouse.up()
    it.wait("x.stage.decoded.z === x.stage.z && !x.stage.waiting")
    it.page.get_by_text("Decoded", exact=True).wait_for()
    assert it.page.get_by_text("Nearest row", exact=True).count() == 0


def test_everything_can_be_done_by_keyboard(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.page.locator(".host").focus()
    start = it.ask("x.map.place(x.stage.row)")
    it.page.keyboard.press("ArrowRight")
    it.wait("x.map.hover >= 0")
    assert it.ask("x.map.place(x.map.hover)")[0] > start[0]
    assert it.page.locator("[aria-live=polite]").inner_text().startswith("Point ")
    it.page.keyboard.press("Enter")
    it.wait("x.stage.row === x.map.hover")
    it.page.keyboard.press(" ")
    it.page.keyboard.press("ArrowDown")
    it.page.keyboard.press("Enter")
    it.page.keyboard.press(" ")
    it.wait("x.tray.pins.length === 2")
    before = it.ask("x.sliders.coordinate(x.sliders.dimension)")
    it.page.keyboard.press(".")
    step = 0.1 * it.ask("x.sliders.basis.dimensions[x.sliders.dimension].std")
    assert it.ask("x.sliders.coordinate(x.sliders.dimension)") == pytest.approx(before + step, abs=1e-5)
    it.page.keyboard.press("3")
    it.wait("x.look.tab === 'path'")
    it.page.keyboard.press("i")
    it.wait("x.tray.playing")
    it.page.keyboard.press("i")
    it.page.keyboard.press("+")
    assert it.ask("x.map.camera.k") > 1
    it.page.keyboard.press("0")
    assert it.ask("x.map.camera.k") == 1
    it.page.keyboard.press("?")
    it.page.get_by_role("heading", name="Getting around").wait_for()
    it.page.get_by_role("checkbox", name="Single keys are commands").uncheck()
    it.page.keyboard.press("Escape")
    theme = it.ask("x.look.theme")
    it.page.keyboard.press("t")
    assert it.ask("x.look.theme") == theme, "single keys can be switched off"


def test_a_picture_of_ones_own_is_encoded_in_the_page(
    hosts: Hosts, tab: OpenTab, fashion: Bundle, tmp_path: Path
) -> None:
    raw = np.asarray(fashion.kept[5])
    Image.fromarray(raw[0]).save(tmp_path / "mine.png")
    (tmp_path / "no.png").write_text("no picture")
    expected = fashion.space.encode(fashion.modality.to_array(raw[None]))[0]
    for host in HOSTS:
        it = tab().open(hosts[host])
        chooser = it.page.get_by_label("A picture of your own", exact=True)
        chooser.set_input_files(tmp_path / "mine.png")
        it.page.get_by_role("heading", name="mine.png").wait_for()
        assert np.allclose(it.ask("Array.from(x.stage.z)"), expected, atol=2e-3)
        chooser.set_input_files(tmp_path / "no.png")
        it.page.get_by_text("no.png cannot be read as a picture").wait_for()


HOLD = """(() => {
  const { drop } = x.stage, read = drop.read;
  drop.read = async (file, name) => {
    const pieces = await read(file, name);
    if (name === 'slow.png') await new Promise((done) => (window.__release = done));
    return pieces;
  };
  return true;
})()"""


def test_of_two_files_the_later_one_stays(hosts: Hosts, tab: OpenTab, fashion: Bundle, tmp_path: Path) -> None:
    it = tab().open(hosts["static"])
    it.ask(HOLD)
    for name, row in (("slow", 5), ("quick", 9)):
        Image.fromarray(np.asarray(fashion.kept[row])[0]).save(tmp_path / f"{name}.png")
    chooser = it.page.get_by_label("A picture of your own", exact=True)
    for later, words in (("chooser", "quick.png"), ("row", it.ask("x.name(40)"))):
        chooser.set_input_files(tmp_path / "slow.png")
        it.wait("!!window.__release")
        if later == "row":
            it.ask("x.showRow(40)")
        else:
            chooser.set_input_files(tmp_path / "quick.png")
        it.page.get_by_role("heading", name=words, exact=True).wait_for()
        z = it.ask("Array.from(x.stage.z)")
        it.ask("(window.__release(), (window.__release = null))")
        it.page.wait_for_timeout(300)
        assert it.ask("Array.from(x.stage.z)") == z
        assert it.page.get_by_role("heading", name=words, exact=True).is_visible()
        assert it.page.get_by_role("alert").count() == 0


def test_the_report_is_that_of_the_bundle(hosts: Hosts, tab: OpenTab, fashion: Bundle) -> None:
    it = tab().open(hosts["static"])
    it.page.get_by_role("button", name="Report").click()
    it.page.get_by_role("heading", name="PSNR").wait_for()
    stored = json.loads((fashion.path / "measures.json").read_text())["scores"]["psnr"]["value"]
    assert it.page.get_by_text(f"{stored:.2f}", exact=False).first.is_visible()


def test_a_table_is_decoded_column_by_column(tab: OpenTab, table: Bundle, static_host: Callable[..., str]) -> None:
    it = tab().open(f"{static_host(make_site([table], api=False))}?test=1")
    it.wait("x.stage.input !== null")
    z = np.array([it.ask("Array.from(x.stage.z)")], np.float32)
    shown = it.page.get_by_role("row").filter(has_text="town").get_by_role("cell").first.inner_text()
    decoded = table.modality.to_raw(table.space.decode(z))
    column = [c.name for c in table.modality.columns].index("town")  # type: ignore[attr-defined]
    assert shown == table.modality.columns[column].categories[int(decoded[0, column])]  # type: ignore[attr-defined]
    assert not it.page.get_by_role("button", name="Pictures instead of dots").is_visible()
