"""What the page does when its host goes, comes back, gives damaged files, or is none at all."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from tests.browser.conftest import Tab

from latentarium.bundle import Bundle, open_bundle
from latentarium.explorer.server import listen, make_app
from latentarium.explorer.site import Site, make_site, write_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]


class Restarted:
    """A server that can be stopped, and started again where it was."""

    def __init__(self, site: Site) -> None:
        self._site, self.port = site, 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        socket = listen(self.port)
        self.port = socket.getsockname()[1]
        app = make_app(self._site, hosts=[f"127.0.0.1:{self.port}"])
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [socket]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


def test_after_a_restart_the_page_goes_on_where_it_was(tab: OpenTab, fashion: Bundle) -> None:
    server = Restarted(make_site([fashion], api=True))
    it = tab().open(f"{server.address}?test=1&ep=server")
    it.ask("(x.showRow(3), x.pin(), x.openTab('path'))")
    server.stop()
    it.ask("x.showRow(40)")
    it.page.get_by_text("The server does not answer").wait_for()
    it.ask("x.showRow(77)")
    server.start()
    it.wait("x.stage.row === 77 && x.stage.decoded.z === x.stage.z")
    it.wait("!x.stage.away")
    assert it.page.get_by_text("The server does not answer").count() == 0
    assert (it.ask("x.tray.pins.length"), it.ask("x.look.tab")) == (1, "path")
    it.problems.clear()  # the browser's own lines about a host that was away
    server.stop()


def test_a_request_that_is_refused_is_told_until_the_next_is_answered(tab: OpenTab, fashion: Bundle) -> None:
    server = Restarted(make_site([fashion], api=True))
    it = tab().open(f"{server.address}?test=1&ep=server")
    it.ask("x.showPoint(new Float32Array(16).fill(2e9))")
    alert = it.page.get_by_role("alert").filter(has_text="Decoding failed: the server refused")
    alert.wait_for()
    assert it.ask("x.stage.decoded") is None, "no other point's picture is shown for it"
    it.problems.clear()  # the browser's own line about the status
    it.ask("x.showRow(40)")
    it.wait("x.stage.decoded?.z === x.stage.z")
    assert it.page.get_by_role("alert").count() == 0
    server.stop()


BREAK = "(x.stage.decoder.run = () => Promise.reject(new Error('out of memory')), true)"


def test_a_decoder_that_fails_at_work_leaves_the_rest_to_the_server(tab: OpenTab, fashion: Bundle) -> None:
    server = Restarted(make_site([fashion], api=True))
    it = tab().open(f"{server.address}?test=1")
    it.ask(BREAK)
    it.ask("(x.showRow(40), x.pin(), x.showRow(41), x.pin(), x.openTab('path'))")
    it.wait("x.stage.decoded?.z === x.stage.z && x.stage.network.where === 'server'")
    it.page.get_by_text("The decoder in the page is not used: out of memory.").wait_for()
    it.wait("x.tray.decoded.filter(Boolean).length === 9")
    server.stop()


def test_without_a_server_a_decoder_that_fails_at_work_can_be_opened_again(
    tab: OpenTab, fashion: Bundle, static_host: Callable[[Site], str]
) -> None:
    it = tab().open(f"{static_host(make_site([fashion], api=False))}?test=1")
    it.ask(BREAK)
    it.ask("x.showRow(40)")
    alert = it.page.get_by_role("alert").filter(has_text="Decoding failed: out of memory.")
    alert.get_by_role("button", name="Try again").click()
    it.wait("x.stage.decoded?.z === x.stage.z")
    assert it.page.get_by_role("alert").count() == 0


def test_a_search_that_fails_is_told_and_works_again_later(
    tab: OpenTab, fashion: Bundle, static_host: Callable[[Site], str]
) -> None:
    it = tab()
    it.page.route("**/near.worker*", lambda route: route.abort())
    it.open(f"{static_host(make_site([fashion], api=False))}?test=1#v=1&c=none")
    alert = it.page.get_by_role("alert").filter(has_text="What lies near this point is not known")
    alert.wait_for()
    it.problems.clear()
    it.page.unroute("**/near.worker*")
    it.ask("x.showRow(40)")
    it.wait("x.neighbours?.rows[0] === 40 && x.stage.typical !== null")
    assert it.page.get_by_role("alert").count() == 0
    # labels that cannot be had leave ids to be searched, and are had later
    it.page.route("**/column-0.u8", lambda route: route.abort())
    it.wait("x.ids.length > 0")
    it.ask("x.finder.look('sneaker')")
    it.page.get_by_role("alert").filter(has_text="column-0.u8 could not be fetched").wait_for()
    it.problems.clear()
    it.ask("x.finder.look(x.ids[77])")
    it.wait("x.finder.rows.join() === '77'")
    it.page.unroute("**/column-0.u8")
    it.ask("x.finder.look('sneaker')")
    it.wait("x.finder.rows.length > 0")
    assert it.page.get_by_role("alert").count() == 0


def test_colours_that_cannot_be_had_are_told_though_the_map_is_there(
    tab: OpenTab, fashion: Bundle, static_host: Callable[[Site], str]
) -> None:
    it = tab()
    it.page.route("**/column-0.u8", lambda route: route.abort())
    it.open(f"{static_host(make_site([fashion], api=False))}?test=1")
    alert = it.page.get_by_role("alert").filter(has_text="column-0.u8 could not be fetched")
    alert.wait_for()
    it.ask("x.map.show('pca')")
    it.wait("x.map.ground.linear !== null")
    assert alert.is_visible()
    it.problems.clear()
    it.page.unroute("**/column-0.u8")
    it.page.get_by_role("combobox", name="Colour").select_option("reconstruction_error")
    it.page.get_by_role("combobox", name="Colour").select_option("label")
    it.wait("x.map.values !== null")
    assert alert.count() == 0


def test_offline_a_page_with_its_own_decoder_goes_on(tab: OpenTab, fashion: Bundle) -> None:
    server = Restarted(make_site([fashion], api=True))
    it = tab().open(f"{server.address}?test=1")
    server.stop()
    it.ask("x.showPoint(Float32Array.from(x.space.code(40), (v) => v / 2))")
    it.wait("x.stage.decoded.z === x.stage.z")
    assert not it.ask("x.stage.away")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "latent.u16 is damaged: it has 15997 bytes, not 16000"),
        (lambda path: path.write_bytes(bytes(16000)), "latent.u16 is damaged: it does not match its checksum"),
        (lambda path: path.unlink(), "latent.u16 could not be fetched: the host answers 404"),
    ],
)
def test_a_bundle_that_is_damaged_while_it_is_served_is_named(
    spoil: Callable[[Path], object], words: str, tab: OpenTab, copy: Path
) -> None:
    server = Restarted(make_site([open_bundle(copy)], api=True))
    spoil(copy / "explorer" / "latent.u16")
    it = tab()
    it.page.goto(server.address)
    assert words in it.page.get_by_role("alert").inner_text(timeout=30_000)
    it.problems.clear()
    server.stop()


def test_opened_as_a_file_the_page_says_how_to_serve_it(tab: OpenTab, fashion: Bundle, tmp_path: Path) -> None:
    write_site(make_site([fashion], api=False), tmp_path / "site")
    it = tab()
    it.page.goto((tmp_path / "site" / "index.html").as_uri())
    it.page.get_by_text("python -m http.server").wait_for(timeout=20_000)
    it.problems.clear()  # asked for files of the disk, and the browser's lines about them
