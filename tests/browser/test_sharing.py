"""What is on the page is in its address: shared, gone back to, pasted into an open page, or kept as a file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.browser.conftest import HOSTS, Hosts, Tab

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
KEPT = """[x.map.name, x.map.camera, x.map.colour, [...x.map.hidden], x.map.pictures, x.map.chosenRows, x.look.tab,
  x.look.drawer, x.look.theme, x.tray.pins.map((pin) => pin.row), x.tray.way, x.tray.loop, x.tray.frames,
  x.tray.position, x.sliders.basis.name, x.sliders.dimension, x.neighbourCount, x.finder.query, x.editing.edits.row,
  x.editing.edits.list.map((edit) => edit.name)]"""
RICH = """(x.showRow(12), x.pin(), x.adjust(x.sliders.movedAlong(3, 1.25)), x.pin(), x.showRow(9),
  x.editing.set('Bag', 1.5), x.map.choose([3, 77, 410]), (x.map.hidden = new Set([2])), (x.map.pictures = true),
  (x.tray.way = 'slerp'), x.tray.setLoop('round'), (x.tray.frames = 17), (x.tray.position = 1.25),
  x.setNeighbourCount(23), x.sliders.choose(x.space.view.bases[1]), (x.sliders.dimension = 4), x.finder.look('s'),
  x.look.openDrawer('tray'))"""


def points(it: Tab) -> np.ndarray:
    """The point on the stage, and those of the path."""
    return np.array(it.ask("[x.stage.z, ...x.tray.points].map((z) => Array.from(z))"), np.float32)


@pytest.mark.parametrize("host", HOSTS)
def test_a_shared_address_brings_back_what_was_there(host: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts[host])
    it.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    it.ask(RICH)
    it.page.get_by_text("PCA", exact=True).click()
    it.page.get_by_role("button", name="Zoom in").click()
    it.page.get_by_role("tab", name="Path").click()
    it.page.get_by_role("button", name="Dark theme").click()
    it.wait("x.finder.rows.length > 0 && x.map.ground.linear !== null")
    it.page.get_by_role("button", name="Share").click()
    it.page.get_by_text("The address is copied.").wait_for()
    address = it.page.evaluate("navigator.clipboard.readText()")
    assert address == it.page.get_by_role("textbox", name="Address").input_value()
    other = tab().open(address)
    other.wait("x.finder.rows.length > 0 && x.map.values !== null")
    assert other.ask(KEPT) == it.ask(KEPT)
    assert np.allclose(points(other), points(it), atol=2e-3)
    foreign = tab().open(address.replace("b=", "b=00"))
    assert foreign.page.get_by_text("made for another space").is_visible()
    assert foreign.ask("x.tray.pins.length + x.map.chosenRows.length + x.map.hidden.size") == 0


def test_where_nothing_may_be_copied_the_address_is_shown(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    it.ask("(navigator.clipboard.writeText = () => Promise.reject(new Error('no')), 1)")
    it.ask("x.showRow(12)")
    it.page.get_by_role("button", name="Share").press("Enter")
    it.page.get_by_text("Copy this address.").wait_for()
    assert "sel=12" in it.page.get_by_role("textbox", name="Address").input_value()
    it.page.keyboard.press("Escape")
    assert not it.page.get_by_role("textbox", name="Address").is_visible()


def visit(it: Tab, act: str) -> None:
    """Do something, and wait until the address says so."""
    before = it.page.url
    it.ask(act)
    it.wait(f"location.href !== {json.dumps(before)}")


def test_one_goes_back_step_by_step_and_a_pasted_link_is_followed(hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(hosts["static"])
    visit(it, "x.showRow(12)")
    visit(it, "x.adjust(x.sliders.movedAlong(3, 1.25))")
    visit(it, "x.adjust(x.sliders.movedAlong(3, 0.5))")
    visit(it, "x.openTab('neighbours')")
    visit(it, "x.map.show('pca')")
    visit(it, "(x.map.camera = { x: 0.4, y: 0.4, k: 3 })")
    visit(it, "(x.showRow(40), x.pin())")
    shared = it.page.url
    it.page.go_back()
    it.wait("x.tray.pins.length === 0 && x.stage.row === -1 && x.map.camera.k === 3 && x.map.name === 'pca'")
    it.page.go_back()
    it.wait("x.map.name === 'tsne' && x.map.camera.k === 1 && x.map.ground.linear === null")
    it.page.go_back()
    it.wait("x.look.tab === 'latent'")
    assert it.ask("x.stage.z[3]") == pytest.approx(0.5, abs=1e-3), "a drag is one step, and its end is kept"
    it.page.go_back()
    it.wait("x.stage.row === 12")
    it.page.go_forward()
    it.wait("x.stage.row === -1")
    it.page.wait_for_timeout(400)
    it.page.go_forward()
    it.wait("x.look.tab === 'neighbours'")
    it.ask(f"(location.hash = {json.dumps('#' + shared.split('#')[1])})")
    it.wait("x.stage.row === 40 && x.tray.pins.length === 1 && x.map.name === 'pca' && x.map.camera.k === 3")


def test_what_is_too_long_for_a_link_is_kept_as_a_file(hosts: Hosts, tab: OpenTab, tmp_path: Path) -> None:
    it = tab().open(hosts["static"])
    pins = "Array.from({ length: 60 }, (_, row) => (x.showPoint(x.space.code(row).map((v) => v + 0.01)), x.pin()))"
    it.ask(f"({pins}, x.openTab('path'))")
    it.page.get_by_role("button", name="Share").click()
    it.page.get_by_text("Some programs cut it").wait_for()
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name="Save as a file").click()
    file = Path(waiting.value.path())
    other = tab().open(hosts["static"])
    other.page.get_by_role("button", name="Share").click()
    (tmp_path / "no.json").write_text("{}")
    other.page.get_by_label("A saved view").set_input_files(tmp_path / "no.json")
    other.page.get_by_role("alert").filter(has_text="no.json cannot be opened: it is not a view").wait_for()
    other.page.get_by_label("A saved view").set_input_files({
        "name": "view.json", "mimeType": "application/json", "buffer": file.read_bytes(),
    })  # fmt: skip
    other.wait("x.tray.pins.length === 60 && x.look.tab === 'path'")
    assert np.allclose(points(other)[1:], points(it)[1:], atol=2e-3)
    dropped = tab().open(hosts["static"])
    dropped.drop(".stage", "view.json", file.read_bytes(), "application/json")
    dropped.wait("x.tray.pins.length === 60 && x.stage.decoded.z === x.stage.z")
    assert not dropped.page.get_by_text("cannot be read as a picture").is_visible()
    dropped.drop(".map", "other.json", b"[]", "application/json")
    dropped.page.locator(".remark").filter(has_text="other.json cannot be opened").wait_for()


@pytest.mark.parametrize(
    "bad", ["cam=0.5,0.5,0", "map=dims:-1:3", "map=dims:0", "f=7", "w=x", "at=99", "k=900", "ax=x:9", "c=no"]
)
def test_an_address_that_makes_no_sense_is_as_none(bad: str, hosts: Hosts, tab: OpenTab) -> None:
    it = tab().open(f"{hosts['static']}#v=1&{bad}")
    assert it.ask("[x.map.name, x.map.camera.k, x.map.colour, x.tray.way, x.tray.frames, x.tray.position]") == [
        "tsne", 1, "label", "lerp", 9, 0,
    ]  # fmt: skip
    assert it.ask("[x.neighbourCount, x.sliders.basis.name, x.map.values !== null]") == [12, "z", True]
