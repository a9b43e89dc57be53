"""Sentences on the page: read where nothing can be decoded."""

from collections.abc import Callable

import pytest
from tests.browser.conftest import AXE, Tab
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
StaticHost = Callable[[Site], str]
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_a_page_of_lines(
    theme: str, tab: OpenTab, static_host: StaticHost, sentences: Bundle
) -> None:
    it = tab(theme=theme)
    it.page.goto(f"{static_host(make_site([sentences], api=False))}?test=1")
    it.wait("x?.lines.length > 0 && x.neighbours !== null")
    it.ask("(x.showRow(3), x.pin(), x.showRow(9), x.pin())")
    it.page.evaluate(AXE.read_text(encoding="utf-8"))
    for act in ("x.openTab('path')", "x.openTab('neighbours')", "x.openTab('latent')", "x.resample()"):
        it.ask(act)
        it.page.wait_for_timeout(300)
        found = it.page.evaluate(f"axe.run(document, {RULES}).then((r) => r.violations)")
        assert [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in found] == []


def test_sentences_are_read_where_nothing_can_be_decoded(
    tab: OpenTab, sentences: Bundle, static_host: StaticHost, serve: Callable[[Site], Server]
) -> None:
    site = make_site([sentences], api=False)
    for address in (static_host(site), f"{serve(make_site([sentences], api=True)).address}/"):
        it = tab()
        it.page.goto(f"{address}?test=1")
        it.wait("x?.lines.length > 0 && x.neighbours !== null && x.stage.network.state === 'none'")
        assert it.page.locator(".own").inner_text() == it.ask("x.lines[x.stage.row]")
        it.page.get_by_text("this space only encodes").wait_for()
        assert it.page.get_by_role("alert").count() == 0
        it.ask("x.showMean()")
        it.wait("x.stage.row === -1 && x.neighbours !== null")
        it.page.get_by_role("heading", name="Nearest to this point").wait_for()
