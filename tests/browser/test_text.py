"""Lines of text on the page: the same as in Python, read, walked, typed and dropped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.browser.conftest import HOSTS, Hosts, Tab, addresses
from tests.browser.test_music import different, shown
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
StaticHost = Callable[[Site], str]


@pytest.fixture(scope="session")
def written(serve: Callable[[Site], Server], static_host: StaticHost, lines: Bundle) -> Hosts:
    """Addresses of lines of text on every host."""
    return addresses(serve(make_site([lines], api=True)), static_host(make_site([lines], api=False)))


@pytest.fixture(scope="session")
def lines_host(written: Hosts) -> str:
    """Lines of text as nothing but files."""
    return written["static"]


def texts(bundle: Bundle, raw: np.ndarray) -> list[str]:
    return bundle.modality.texts(raw)  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["server", "static"])
def test_the_page_writes_the_same_lines_as_python(host: str, tab: OpenTab, lines: Bundle, written: Hosts) -> None:
    it = tab().open(written[host])
    assert it.ask("x.stage.network.where") == "page"
    z, expected = different(lines)
    for point, raw, text in zip(z, expected, texts(lines, expected), strict=True):
        assert (shown(it, point, lines) == raw).all()
        it.page.locator("dd.large").filter(has_text=text).wait_for()
        assert it.page.locator("dd.large").get_attribute("aria-label") == text


@pytest.mark.parametrize("host", HOSTS)
def test_a_row_is_read_beside_what_its_code_says(host: str, written: Hosts, tab: OpenTab) -> None:
    it = tab().open(written[host])
    it.wait("x.stage.input !== null && x.lines.length > 0")
    text = it.ask("x.lines[x.stage.row]")
    it.page.get_by_label(text, exact=True).last.wait_for()
    it.page.get_by_text("pieces come back").wait_for()
    row = it.clear_row()
    it.page.mouse.move(*it.place(row))
    it.page.locator(".card .plain").filter(has_text=it.ask(f"x.lines[{row}]")[:80]).wait_for()
    it.page.get_by_role("tab", name="Neighbours").click()
    it.wait("x.neighbours !== null")
    assert it.page.get_by_role("tabpanel").get_by_text(it.ask("x.lines[x.neighbours.rows[1]]")).first.is_visible()


def test_lines_are_found_by_what_they_say(lines_host: str, tab: OpenTab) -> None:
    it = tab().open(lines_host)
    it.wait("x.lines.length > 0")
    word = max(it.ask("x.lines[0]").split(), key=len)
    it.page.get_by_role("searchbox").fill(word.upper())
    it.wait("x.finder.rows.includes(0)")
    said = it.ask("x.finder.rows.map((row) => x.lines[row])")
    assert all(word.lower() in line.lower() for line in said)
    assert len(said) < it.ask("x.lines.length")


def test_a_path_is_a_list_of_lines_without_repeats(lines_host: str, tab: OpenTab, lines: Bundle) -> None:
    it = tab().open(lines_host)
    for point in different(lines)[0][:2]:
        it.ask(f"(x.showPoint(Float32Array.from({point.astype(float).tolist()})), x.pin())")
    it.ask("(x.openTab('path'), (x.tray.frames = 9))")
    it.wait("x.tray.decoded.length === 9 && x.tray.decoded.every(Boolean)")
    points = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    said = texts(lines, lines.modality.to_raw(lines.space.decode(points)))
    expected = [text for i, text in enumerate(said) if i == 0 or text != said[i - 1]]
    listed = it.page.get_by_role("list", name="Lines of the path")
    assert listed.locator(".text").all_inner_texts() == [text or "(an empty line)" for text in expected]
    assert len(expected) > 1
    first = max(i for i in range(1, 9) if said[i] != said[i - 1])
    listed.get_by_role("button").last.click()
    it.wait(f"x.tray.position === {first / 8} && x.stage.decoded.z === x.stage.z")
    with it.page.expect_download() as waiting:
        it.page.get_by_role("button", name="Text").click()
    assert Path(waiting.value.path()).read_text().splitlines() == expected
    it.page.get_by_role("tab", name="Latent").click()
    it.page.get_by_role("list", name="Along z").locator("li").first.wait_for()


def test_a_line_is_typed_or_dropped(lines_host: str, tab: OpenTab, lines: Bundle, tmp_path: Path) -> None:
    it = tab().open(lines_host)
    own = ["the cat sings on a roof", "a dog waits", "zwölf no bird  reads"]
    raw = lines.modality.parse(own)  # type: ignore[attr-defined]
    expected = lines.space.encode(lines.modality.to_array(raw))
    field = it.page.get_by_role("textbox", name="A line of your own")
    field.fill(own[0])
    field.press("Enter")
    it.page.get_by_role("heading", name="Your line").wait_for()
    assert np.allclose(it.ask("Array.from(x.stage.z)"), expected[0], atol=1e-3)
    (tmp_path / "own.txt").write_text("\n\n".join(own), encoding="utf-8")
    it.page.get_by_label("A file of lines of your own", exact=True).set_input_files(tmp_path / "own.txt")
    it.page.get_by_role("heading", name="own.txt, line 1").wait_for()
    for number in (1, 2):
        it.page.get_by_role("button", name="The next part").click()
        it.wait(f"x.stage.piece === {number}")
        assert np.allclose(it.ask("Array.from(x.stage.z)"), expected[number], atol=1e-3)
    (tmp_path / "none.txt").write_text(" \n")
    it.page.get_by_label("A file of lines of your own", exact=True).set_input_files(tmp_path / "none.txt")
    it.page.get_by_role("alert").filter(
        has_text="none.txt cannot be read as a file of lines: it holds no line"
    ).wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["lines", "sentences"])
def test_axe_finds_nothing_on_a_page_of_lines(
    name: str, theme: str, tab: OpenTab, static_host: StaticHost, request: pytest.FixtureRequest
) -> None:
    it = tab(theme=theme)
    it.page.goto(f"{static_host(make_site([request.getfixturevalue(name)], api=False))}?test=1")
    it.wait("x?.lines.length > 0 && x.neighbours !== null")
    it.ask("(x.showRow(3), x.pin(), x.showRow(9), x.pin())")
    for act in ("x.openTab('path')", "x.openTab('neighbours')", "x.openTab('latent')", "x.resample()"):
        it.ask(act)
        it.page.wait_for_timeout(300)
        assert [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in it.violations()] == []


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
