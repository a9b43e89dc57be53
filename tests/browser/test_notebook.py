"""A space in a notebook: the page in a frame, served by the kernel, alive in a browser."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from latentarium.bundle import Bundle

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("page")]
CELLS = """
import latentarium as la
space = la.fit("digits", latent=4, width=32, steps=20, seed=0, progress=False)
---
space.explore("digits", height=500)
---
page = la.open_bundle({bundle!r}).explore()
page
"""


@pytest.fixture(scope="module")
def outputs(fashion: Bundle) -> Iterator[list[str]]:
    """The HTML that an executed notebook shows for its cells, while its kernel lives."""
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(text.strip()) for text in CELLS.format(bundle=str(fashion.path)).split("---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=240, kernel_name="python3")
    with client.setup_kernel():
        for number, cell in enumerate(cells):
            client.execute_cell(cell, number)
        yield [out["data"]["text/html"] for cell in cells for out in cell.outputs if "data" in out]


def test_an_executed_notebook_shows_the_page(
    outputs: list[str], launch: Callable[..., Browser], tmp_path: Path
) -> None:
    shown = "".join(f"<div>{html}</div>" for html in outputs)
    (tmp_path / "notebook.html").write_text(f"<!doctype html><title>notebook</title>{shown}", encoding="utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = launch().new_page()
    page.goto(f"http://localhost:{server.server_port}/notebook.html")
    first, second = (page.frame_locator("iframe").nth(number) for number in (0, 1))
    first.get_by_text("1,797 points ·").wait_for(timeout=40_000)
    second.get_by_text("500 points ·").wait_for(timeout=40_000)
    for frame in (first, second):
        frame.get_by_text("in the page").wait_for(timeout=40_000)
    assert page.locator("iframe").first.get_attribute("height") == "500"
    page.close()
    server.shutdown()
