"""Debian's Chromium on two hosts: the server, and an exported folder behind a plain file server."""

import functools
import http.server
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright
from tests.explorer.conftest import (  # noqa: F401 - fixtures
    Server,
    avatars,
    copy,
    drums,
    fashion,
    generator,
    large,
    lines,
    melody,
    page,
    pair,
    recurrent,
    sentences,
    serve,
    served,
    table,
)

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site, write_site

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
SECONDS = 40


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts Chromium with more flags than the usual ones."""
    path = shutil.which("chromium") or CHROMIUM
    if not Path(path).exists():
        reason = "no Chromium: as root, scripts/chromium.sh installs Debian's"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started: dict[tuple[str, ...], Browser] = {}

        def start(*flags: str) -> Browser:
            if flags not in started:
                started[flags] = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
            return started[flags]

        yield start
        for browser in started.values():
            browser.close()


@dataclass
class Tab:
    """A page of the explorer, and everything it complained about or asked another host for."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._watch)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "blob:", "data:")):
            self.problems.append(f"asked another host: {request.url}")

    def open(self, address: str) -> "Tab":
        """Go there and wait until something is decoded."""
        self.page.goto(address)
        self.wait("!!window.__explorer?.stage.decoded")
        return self

    def ask(self, expression: str) -> Any:
        """A value of the page; `x` is the explorer."""
        return self.page.evaluate(f"(() => {{ const x = window.__explorer; return {expression}; }})()")

    def wait(self, expression: str) -> None:
        """Until an expression of `x` holds; the page's policy allows no evaluation of its own."""
        end = time.monotonic() + SECONDS
        while not self.ask(expression):
            assert time.monotonic() < end, f"{expression} does not hold; problems: {self.problems}"
            time.sleep(0.05)

    def drop(self, target: str, name: str, content: bytes, kind: str) -> None:
        """Drop a file on what the selector `target` names, as a visitor's hand does."""
        data = self.page.evaluate_handle(
            """([name, bytes, kind]) => {
              const data = new DataTransfer();
              data.items.add(new File([Uint8Array.from(bytes)], name, { type: kind }));
              return data;
            }""",
            [name, list(content), kind],
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(target, event, {"dataTransfer": data})

    def violations(self) -> list[dict[str, Any]]:
        """What axe finds on the page as it is now."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        return self.page.evaluate(f"axe.run(document, {RULES}).then((found) => found.violations)")

    def place(self, row: int) -> tuple[float, float]:
        """Where a row is on the screen."""
        x, y = self.ask(f"x.map.place({row})")
        return self.at(x, y)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the map is on the screen."""
        camera = self.ask("x.map.camera")
        box = self.page.locator(".host").bounding_box()
        assert box is not None
        unit = min(box["width"], box["height"]) * 0.9 * camera["k"]
        left = box["x"] + box["width"] / 2 + (x - camera["x"]) * unit
        return left, box["y"] + box["height"] / 2 - (y - camera["y"]) * unit

    def clear_row(self) -> int:
        """A row that no legend or tool covers and no other row is near to."""
        return self.ask(
            """(() => {
              const rows = Array.from({ length: x.space.rows }, (_, row) => row);
              return rows.find((row) => {
                const [a, b] = x.map.place(row);
                const near = x.map.ground.grid.several(a * 65535, b * 65535, 2)[1];
                return row !== x.stage.row && a > 0.4 && a < 0.7 && (!near || near[1] > 1e6);
              });
            })()"""
        )


HOSTS = ("server", "server-decode", "static")
Hosts = dict[str, str]


def addresses(server: Server, files: str) -> Hosts:
    """Where a page is: a server whose decoder runs in the page, one that decodes itself, and files alone."""
    return {
        "server": f"{server.address}/?test=1",
        "server-decode": f"{server.address}/?test=1&ep=server",
        "static": f"{files}?test=1",
    }


@pytest.fixture(scope="session")
def static_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Site], str]]:
    """Exports sites and serves each as nothing but files."""
    servers: list[http.server.ThreadingHTTPServer] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    def start(site: Site) -> str:
        folder = tmp_path_factory.mktemp("sites") / "site"
        write_site(site, folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def hosts(served: Server, static_host: Callable[[Site], str], fashion: Bundle) -> Hosts:  # noqa: F811
    """Addresses of the clothes: in-page decode on a server, decode by the server, and files alone."""
    return addresses(served, static_host(make_site([fashion], api=False)))


@pytest.fixture
def tab(launch: Callable[..., Browser]) -> Iterator[Callable[..., Tab]]:
    """Opens pages, and sees at the end that none of them complained."""
    opened: list[Tab] = []
    contexts: list[Any] = []

    def start(*flags: str, width: int = 1280, height: int = 800, theme: str = "light", **more: Any) -> Tab:
        size = {"width": width, "height": height}
        context = launch(*flags).new_context(viewport=size, color_scheme=theme, **more)  # type: ignore[arg-type]
        contexts.append(context)
        opened.append(Tab(context.new_page()))
        return opened[-1]

    yield start
    problems = [problem for one in opened for problem in one.problems]
    for context in contexts:
        context.close()
    assert problems == []
