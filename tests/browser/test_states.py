"""What the page does when something is missing, broken or narrow; and that everyone can use it."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.browser.conftest import HOSTS, Hosts, Tab
from tests.explorer.conftest import Server

from latentarium.bundle import Bundle
from latentarium.explorer.cache import FOLDER, view_of
from latentarium.explorer.site import Site, make_site

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
StaticHost = Callable[[Site], str]


@pytest.mark.parametrize("space", ["fashion", "avatars"])
@pytest.mark.parametrize("exact", [True, False])
def test_the_decoder_in_the_page_agrees_with_torch(
    space: str, exact: bool, tab: OpenTab, static_host: StaticHost, request: pytest.FixtureRequest
) -> None:
    bundle: Bundle = request.getfixturevalue(space)
    it = tab().open(f"{static_host(make_site([bundle], api=False, exact=exact))}?test=1")
    assert it.page.get_by_text("weights in 8 bits").count() == (0 if exact else 1)
    random = np.random.default_rng(0)
    spread = bundle.codes.std(0)
    z = (bundle.codes[:4] + random.normal(size=(4, bundle.space.dim)) * spread).astype(np.float32)
    for point in z:
        it.ask(f"x.showPoint(Float32Array.from({point.astype(float).tolist()}))")
        it.wait("x.stage.decoded.z === x.stage.z")
        got = np.array(it.ask("Array.from(x.stage.decoded.values)"), np.float32)
        expected = bundle.space.decode(point[None]).ravel()
        if exact:
            assert np.abs(got - expected).max() <= 1e-4
        else:
            assert -10 * np.log10(np.square(got - expected).mean()) >= 40


def changed(site: Site, name: str, change: Callable[[bytes], bytes]) -> Site:
    """A site with one file altered."""
    content = site.files[name]
    return Site({**site.files, name: change(content if isinstance(content, bytes) else content.read_bytes())}, {})


def problem_of(it: Tab, address: str) -> str:
    """What the page says instead of showing a space; the browser's own line about it does not count."""
    it.page.goto(address)
    words = it.page.get_by_role("alert").inner_text(timeout=20_000)
    it.problems.clear()
    return words


def test_a_file_that_is_cut_or_altered_is_named(tab: OpenTab, static_host: StaticHost, fashion: Bundle) -> None:
    site, folder = make_site([fashion], api=False), "spaces/fashion"
    cut = changed(site, f"{folder}/latent.u16", lambda data: data[:-1])
    assert "latent.u16 is damaged: it has 15999 bytes, not 16000" in problem_of(tab(), static_host(cut))
    flipped = changed(site, f"{folder}/latent.u16", lambda data: bytes([data[0] ^ 1]) + data[1:])
    assert "latent.u16 is damaged: it does not match its checksum" in problem_of(tab(), static_host(flipped))
    torn = changed(site, f"{folder}/view.json", lambda data: data[:99])
    assert "view.json is damaged: it is not valid JSON" in problem_of(tab(), static_host(torn))
    newer = changed(site, f"{folder}/view.json", lambda data: data.replace(b'"version":1', b'"version":2', 1))
    assert "view.json is of version 2" in problem_of(tab(), static_host(newer))
    later = changed(site, "host.json", lambda data: data.replace(b'"version":1', b'"version":7', 1))
    assert "host.json is of version 7, this page reads up to 1. Export again" in problem_of(tab(), static_host(later))
    empty = changed(site, "host.json", lambda _: b'{"version":1,"generator":"","api":false,"spaces":[]}')
    assert "holds no space" in problem_of(tab(), static_host(empty))
    missing = Site({k: v for k, v in site.files.items() if k != f"{folder}/view.json"}, {})
    assert "view.json could not be fetched: the host answers 404" in problem_of(tab(), static_host(missing))


@pytest.mark.parametrize(
    ("kind", "file", "act"),
    [
        ("fashion", "thumbs-0.webp", "(x.showRow(3))"),
        ("fashion", "map-pca.u16", "x.map.show('pca')"),
        ("fashion", "column-0.u8", "true"),
        ("fashion", "ids.json", "true"),
        ("fashion", "error.f32", "true"),
        ("fashion", "report.json", "x.look.openDrawer('report')"),
        ("lines", "lines.json", "true"),
        ("table", "inputs.f32", "true"),
    ],
)
def test_a_file_that_the_page_can_do_without_is_named_beside_the_rest(
    kind: str, file: str, act: str, tab: OpenTab, static_host: StaticHost, request: pytest.FixtureRequest
) -> None:
    bundle: Bundle = request.getfixturevalue(kind)
    site = make_site([bundle], api=False)
    path = next(name for name in site.files if name.endswith(f"/{file}"))
    it = tab().open(f"{static_host(changed(site, path, lambda data: data[:-1] + bytes([data[-1] ^ 1])))}?test=1")
    it.ask(f"({act}, true)")
    alert = it.page.get_by_role("alert").filter(has_text=f"{file} is damaged: it does not match its checksum.")
    alert.wait_for()
    it.wait("x.stage.decoded.z === x.stage.z")
    it.ask("x.showRow(5)")
    it.wait("x.stage.row === 5 && x.stage.decoded.z === x.stage.z")


def test_a_decoder_that_fails_its_check_is_not_used(tab: OpenTab, static_host: StaticHost, fashion: Bundle) -> None:
    view = view_of(fashion)
    assert view is not None
    assert view.decoder is not None
    name = view.decoder.outputs.file
    wrong = np.fromfile(fashion.file(f"{FOLDER}/{name}"), "<f4") + 0.25
    view.files.pop(name)
    site = changed(
        make_site([fashion], api=False, exact=True),
        "spaces/fashion/view.json",
        lambda _: view.model_dump_json().encode(),
    )
    site = changed(site, f"spaces/fashion/{name}", lambda _: wrong.astype("<f4").tobytes())
    it = tab()
    it.page.goto(f"{static_host(site)}?test=1")
    assert "differs from the trained network by 2.5e-1" in it.page.get_by_role("alert").inner_text(timeout=20_000)
    assert it.ask("x.stage.decoded") is None


def test_without_decoder_report_or_pictures_the_page_says_so(
    tab: OpenTab, static_host: StaticHost, fashion: Bundle
) -> None:
    view = view_of(fashion)
    assert view is not None
    bare = view.model_copy(update={"decoder": None, "encoder": None, "report": None, "thumbs": None, "columns": []})
    site = changed(
        make_site([fashion], api=False), "spaces/fashion/view.json", lambda _: bare.model_dump_json().encode()
    )
    it = tab()
    it.page.goto(f"{static_host(site)}?test=1")
    it.page.get_by_text("This space came without its decoder. Open its bundle with latentarium explore").wait_for()
    it.page.get_by_role("button", name="Report").click()
    it.page.get_by_text("This space was not measured").wait_for()
    it.page.get_by_role("button", name="Outliers").click()
    it.page.get_by_text("No row stands out").wait_for()
    assert not it.page.get_by_role("button", name="Encode a picture of your own").is_visible()


def without_decoder(fashion: Bundle) -> Site:
    """The clothes as a page that got no decoder."""
    view = view_of(fashion)
    assert view is not None
    notes = ["the decoder network cannot be written as ONNX (loops)"]
    bare = view.model_copy(update={"decoder": None, "small": None, "notes": notes})
    return changed(
        make_site([fashion], api=False), "spaces/fashion/view.json", lambda _: bare.model_dump_json().encode()
    )


@pytest.mark.parametrize("how", ["none", "failed"])
def test_without_a_decoder_rows_are_shown_as_they_are(
    how: str, tab: OpenTab, static_host: StaticHost, fashion: Bundle
) -> None:
    it = tab()
    if how == "failed":
        it.page.route("**/*.gz", lambda route: route.abort())
    site = without_decoder(fashion) if how == "none" else make_site([fashion], api=False)
    it.page.goto(f"{static_host(site)}?test=1")
    alert = it.page.get_by_role("alert")
    alert.wait_for()
    words = (
        "cannot be written as ONNX (loops)). Open its bundle with latentarium explore"
        if how == "none"
        else "cannot be used"
    )
    assert words in alert.inner_text()
    it.problems.clear()
    it.ask("x.showRow(40)")
    it.wait("x.stage.input?.row === 40")
    it.page.get_by_text("Input", exact=True).wait_for()
    pixels = """Array.from(document.querySelector('.scene canvas').getContext('2d').getImageData(0, 0, 28, 28).data)
      .filter((_, i) => i % 4 === 0)"""
    shown = np.array(it.ask(pixels), float)
    assert np.abs(shown - 255 * np.array(it.ask("Array.from(x.stage.input.values)"))).max() <= 1
    assert it.page.get_by_text("Decoded", exact=True).count() == 0
    # a point that is no row is told by the row that is nearest to it
    it.ask("x.showPoint(x.space.code(77).map((v) => v * 1.01))")
    it.page.get_by_text("Nearest row", exact=True).wait_for()
    it.wait(f"{pixels}.some((v, i) => v !== {shown.astype(int).tolist()}[i])")
    assert it.page.locator(".scene canvas").first.get_attribute("aria-label") == f"Nearest row {it.ask('x.name(77)')}"
    assert np.mean(it.ask(pixels)) > 5


@pytest.mark.parametrize("kind", ["melody", "lines", "table"])
def test_without_a_decoder_other_kinds_of_rows_are_shown_too(
    kind: str, tab: OpenTab, static_host: StaticHost, drums: Bundle, lines: Bundle, table: Bundle
) -> None:
    bundle = {"melody": drums, "lines": lines, "table": table}[kind]
    it = tab()
    it.page.route("**/*.gz", lambda route: route.abort())
    it.page.goto(f"{static_host(make_site([bundle], api=False))}?test=1")
    it.page.get_by_role("alert").wait_for()
    it.problems.clear()
    first = it.ask("x.space.view.first")
    it.wait(f"x.stage.input?.row === {first}")
    it.page.locator(".scene").get_by_text("Input").first.wait_for()
    it.ask(f"x.showPoint(x.space.code({first}).map((v) => v * 1.01))")
    it.page.locator(".scene").get_by_text("Nearest row").first.wait_for()
    for words in ("lost", "come back", " back"):
        assert it.page.locator(".scene").get_by_text(words).count() == 0, "nothing is compared"


@pytest.fixture(scope="module")
def shrunk(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The clothes as if they were too many for pictures in full."""
    from latentarium.explorer import rows
    from latentarium.explorer.cache import with_view
    from latentarium.shipped import copy_shipped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MOST_PIXELS", 500 * 14 * 14)
        patch.setattr(rows, "SMALL", 14)
        return with_view(copy_shipped("fashion-vae", tmp_path_factory.mktemp("shrunk") / "clothes"))


@pytest.mark.parametrize("host", ["server", "static"])
def test_pictures_that_came_along_smaller_are_compared_as_well_as_they_can_be(
    host: str, tab: OpenTab, static_host: StaticHost, serve: Callable[[Site], Server], shrunk: Bundle
) -> None:
    site = make_site([shrunk], api=host == "server")
    it = tab().open(f"{serve(site).address}/?test=1" if host == "server" else f"{static_host(site)}?test=1")
    it.ask("x.showRow(40)")
    it.wait("x.stage.input?.row === 40 && x.stage.decoded.z === x.stage.z")
    number = list(shrunk.ids).index(it.ask("x.ids[40]"))
    raw = shrunk.kept[np.searchsorted(shrunk.kept_rows, number)].astype(float)[0]
    read = """((i) => { const c = document.querySelectorAll('.pictures canvas')[i];
      const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return [c.width, Array.from(data).filter((_, i) => i % 4 === 0)]; })"""
    side, shown = it.ask(f"{read}(1)")
    if host == "server":
        assert side == 28
        assert np.array_equal(np.reshape(shown, (28, 28)), raw)
        assert it.page.get_by_text("14 × 14").count() == 0
        return
    assert side == 14
    assert it.page.get_by_text("14 × 14").count() == 2, "of the input and of the difference"
    small = raw.reshape(14, 2, 14, 2).mean((1, 3))
    assert np.abs(np.reshape(shown, (14, 14)) - small).mean() < 8
    side, difference = it.ask(f"{read}(2)")
    decoded = np.reshape(it.ask("Array.from(x.stage.decoded.values)"), (14, 2, 14, 2)).mean((1, 3))
    share = np.clip(2 * (decoded - np.reshape(shown, (14, 14)) / 255), -1, 1)
    expected = 245 + (np.where(share > 0, 240, 74) - 245) * np.abs(share)
    assert side == 14
    assert np.abs(np.reshape(difference, (14, 14)) - expected).max() <= 1.5
    assert it.page.get_by_text("Squared error").is_visible(), "it is known from the exact ones"


@pytest.mark.parametrize("host", ["server", "static"])
def test_a_space_that_only_decodes_takes_no_file(
    host: str, tab: OpenTab, static_host: StaticHost, serve: Callable[[Site], Server], generator: Bundle
) -> None:
    site = make_site([generator], api=host == "server")
    it = tab().open(f"{serve(site).address}/?test=1" if host == "server" else f"{static_host(site)}?test=1")
    assert it.ask("x.stage.drop") is None
    assert it.page.get_by_role("button", name="of your own").count() == 0


def test_one_row_is_a_space_too(tab: OpenTab, static_host: StaticHost, fashion: Bundle, tmp_path: Path) -> None:
    from latentarium.applications.slimming import slim_bundle
    from latentarium.explorer.cache import with_view

    one = with_view(slim_bundle(fashion, tmp_path / "one", rows=1))
    it = tab().open(f"{static_host(make_site([one], api=False))}?test=1")
    it.page.get_by_role("tab", name="Neighbours").click()
    it.page.get_by_text("This space has no other row").wait_for()
    it.page.get_by_role("button", name="Outliers").click()
    it.page.get_by_text("Worst reconstructed").wait_for()
    it.page.get_by_text("z × z").click()
    it.wait("x.map.ground.linear.axes[0].length === 16")


def test_without_webgl_points_are_drawn_on_a_plain_canvas(tab: OpenTab, hosts: Hosts) -> None:
    it = tab("--disable-3d-apis").open(hosts["static"])
    it.page.get_by_text("500 points · canvas").wait_for()
    banner = it.page.get_by_role("status").filter(has_text="gives no WebGL2")
    banner.wait_for()
    assert it.violations() == []
    banner.get_by_role("button", name="Close").click()
    assert banner.count() == 0
    inked = """(() => {
      const canvas = document.querySelector('.host canvas:not(.overlay)');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return data.filter((v, i) => i % 4 === 3 && v > 100).length;
    })()"""
    assert it.ask(inked) > 5000
    it.page.mouse.click(*it.place(it.clear_row()))
    it.wait("x.stage.row >= 0")


INK = """(() => {
  const canvas = document.querySelector('.host canvas:not(.overlay)');
  const gl = canvas.getContext('webgl2');
  window.__ink = [];
  // a fence is set up when something was drawn
  const fence = gl.fenceSync.bind(gl);
  gl.fenceSync = (...given) => {
    const data = new Uint8Array(4 * canvas.width * canvas.height);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
    const colours = new Set();
    let [inked, sum] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 100) inked++;
      if (data[i + 3] > 200) colours.add((data[i] >> 5) * 64 + (data[i + 1] >> 5) * 8 + (data[i + 2] >> 5));
      sum = (sum * 31 + data[i] + 2 * data[i + 1] + 3 * data[i + 2] + 5 * data[i + 3]) % 1000003;
    }
    window.__ink.push({ inked, colours: colours.size, sum, lost: gl.isContextLost() });
    return fence(...given);
  };
  window.__lose = gl.getExtension('WEBGL_lose_context');
})()"""


@pytest.mark.parametrize("host", HOSTS)
def test_a_lost_context_comes_back_with_all_that_was_drawn(host: str, tab: OpenTab, hosts: Hosts) -> None:
    it = tab().open(hosts[host] + "&layer=webgl")
    it.ask(INK)
    it.ask("(x.map.hidden = new Set([2]))")
    it.wait("window.__ink.length > 0")
    it.page.wait_for_timeout(300)
    before = it.ask("window.__ink.at(-1)")
    assert before["inked"] > 5000
    assert before["colours"] >= 9, "every class that is shown has its colour"
    it.ask("(window.__ink = [], window.__lose.loseContext())")
    it.wait("document.querySelector('.host canvas:not(.overlay)').getContext('webgl2').isContextLost()")
    it.ask("(x.map.camera = { ...x.map.camera })")
    it.page.wait_for_timeout(300)
    assert it.ask("window.__ink.length") == 0, "nothing is drawn while there is no context"
    it.ask("window.__lose.restoreContext()")
    it.wait("window.__ink.length > 0")
    # the same points in the same colours with the same ones greyed, pixel for pixel, with nothing sent anew by the page
    assert it.ask("window.__ink[0]") == before
    it.ask("(window.__ink = [], x.map.hidden = new Set())")
    it.wait("window.__ink.length > 0")
    assert it.ask("window.__ink.at(-1).sum") != before["sum"], "and the map goes on"
    it.page.mouse.click(*it.place(it.clear_row()))
    it.wait("x.stage.row >= 0")


def test_a_context_that_does_not_come_back_leaves_a_plain_canvas(tab: OpenTab, hosts: Hosts) -> None:
    it = tab().open(hosts["static"])
    it.ask("(x.map.hidden = new Set([2]))")
    it.page.get_by_text("500 points · WebGL2").wait_for()
    it.ask(
        """document.querySelector('.host canvas:not(.overlay)').getContext('webgl2')
        .getExtension('WEBGL_lose_context').loseContext()"""
    )
    it.page.get_by_role("status").filter(has_text="did not come back").wait_for()
    it.page.get_by_text("500 points · canvas").wait_for()
    shades = """(() => {
      const canvas = document.querySelector('.host canvas:not(.overlay)');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Map();
      for (let i = 0; i < data.length; i += 4) {
        const key = `${data[i] >> 5} ${data[i + 1] >> 5} ${data[i + 2] >> 5}`;
        if (data[i + 3] > 200) seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      return [...seen.values()].filter((count) => count > 100).length;
    })()"""
    assert it.ask(shades) >= 9, "every class that is shown has its colour"
    it.page.mouse.click(*it.place(it.clear_row()))
    it.wait("x.stage.row >= 0")


def test_a_broken_runtime_leaves_the_server_to_decode(tab: OpenTab, hosts: Hosts) -> None:
    it = tab()
    it.page.route("**/*.gz", lambda route: route.abort())
    it.open(hosts["server"])
    assert it.ask("x.stage.network.where") == "server"
    it.page.get_by_text("The decoder in the page is not used").wait_for()
    it.problems.clear()


def test_without_a_server_a_broken_runtime_is_told_and_can_be_tried_again(tab: OpenTab, hosts: Hosts) -> None:
    it = tab()
    it.page.route("**/*.gz", lambda route: route.abort())
    it.page.goto(hosts["static"])
    alert = it.page.get_by_role("alert").filter(has_text="The decoder cannot be used")
    alert.wait_for()
    assert it.ask("x.stage.decoded") is None
    assert it.ask("x.map.painted !== null"), "the map does not need it"
    it.problems.clear()
    it.page.unroute("**/*.gz")
    alert.get_by_role("button", name="Try again").click()
    it.wait("!!x.stage.decoded")
    assert it.page.get_by_role("alert").count() == 0


@pytest.mark.parametrize("host", ["server", "static"])
def test_a_network_with_an_operation_that_the_runtime_lacks(
    host: str, tab: OpenTab, static_host: StaticHost, serve: Callable[[Site], Server], fashion: Bundle
) -> None:
    site = make_site([fashion], api=host == "server", exact=True)
    strange = changed(site, "spaces/fashion/decoder.onnx", lambda data: data.replace(b"Sigmoid", b"Sigmoix"))
    strange = Site(strange.files, site.bundles)
    it = tab()
    it.page.goto(f"{serve(strange).address}/?test=1" if host == "server" else f"{static_host(strange)}?test=1")
    if host == "server":
        it.wait("!!x?.stage.decoded")
        assert it.ask("x.stage.network.where") == "server"
        it.page.get_by_text("The decoder in the page is not used").filter(has_text="Sigmoix").wait_for()
    else:
        it.page.get_by_role("alert").filter(has_text="The decoder cannot be used").filter(has_text="Sigmoix").wait_for()
        assert it.ask("x.stage.decoded") is None


SOFT_GPU = ("--enable-unsafe-webgpu", "--enable-unsafe-swiftshader", "--use-webgpu-adapter=swiftshader")


@pytest.mark.parametrize(
    ("host", "flags", "words"),
    [
        ("server", (), "WebGPU is not used: this browser has none."),
        # right, but slower: a processor that plays graphics
        ("server", SOFT_GPU, "WebGPU is not used: it takes "),
        ("static", SOFT_GPU, "WebGPU is not used: an exported page comes without its runtime."),
    ],
)
def test_webgpu_is_tried_where_it_is_asked_for(
    host: str, flags: tuple[str, ...], words: str, tab: OpenTab, hosts: Hosts
) -> None:
    it = tab(*flags)
    fetched: list[str] = []
    it.page.on("request", lambda request: fetched.append(request.url))
    it.open(f"{hosts[host]}&ep=webgpu")
    assert it.ask("x.stage.network.runtime") == "WebAssembly"
    it.page.get_by_text(words).wait_for()
    assert any("ort-webgpu" in url for url in fetched) == words.endswith("it takes ")


def test_webgpu_costs_nothing_where_nobody_asks_for_it(tab: OpenTab, hosts: Hosts) -> None:
    it = tab(*SOFT_GPU)
    fetched: list[str] = []
    it.page.on("request", lambda request: fetched.append(request.url))
    it.open(hosts["server"])
    assert it.ask("x.stage.network.runtime") == "WebAssembly"
    assert not [url for url in fetched if "gpu" in url]


PANES = {
    "latent": None,
    "edit": "(x.openTab('edit'), x.editing.set('Bag', 3))",
    "groups": "(x.map.choose([1, 2]), x.editing.takeGroup(0))",
    "path": "(x.showRow(3), x.pin(), x.showRow(40), x.pin(), x.openTab('path'))",
    "local": "(x.openTab('latent'), x.sliders.chooseLocal())",
    "neighbours": "(x.openTab('neighbours'), x.around.choose('data'))",
    "outliers": "x.look.openDrawer('outliers')",
    "rows": "x.look.openDrawer('rows')",
    "search": "(x.finder.look('bag'), x.finder.step(1))",
    "tray": "(x.finder.look(''), x.pin(), x.look.openDrawer('tray'))",
    "report": "x.look.openDrawer('report')",
    "share": "document.querySelector('header .actions button').click()",
    "help": "(x.look.help = true)",
    "selection": "x.map.choose([1, 2, 3])",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_pane(theme: str, tab: OpenTab, hosts: Hosts) -> None:
    it = tab(theme=theme).open(hosts["static"])
    found: list[str] = []
    for name, act in PANES.items():
        if act:
            it.ask(act)
        it.page.wait_for_timeout(400)
        for rule in it.violations():
            found += [f"{name}: {rule['id']} ({rule['help']}): {n['html'][:160]}" for n in rule["nodes"][:3]]
        it.ask("(x.look.help = false)")
    assert found == []


WIDE = ("edit", "path", "neighbours", "outliers", "rows", "report")


@pytest.mark.parametrize("width", [320, 375, 1280, 2560])
def test_nothing_is_wider_than_the_screen(width: int, tab: OpenTab, hosts: Hosts) -> None:
    it = tab(width=width, height=812).open(hosts["static"])
    for act in (
        "x.openTab('latent')",
        PANES["edit"],
        PANES["path"],
        "x.openTab('neighbours')",
        "x.look.openDrawer('report')",
    ):
        it.ask(act)
        it.page.wait_for_timeout(200)
        assert it.page.evaluate("document.documentElement.scrollWidth") <= width
        if width >= 1280:
            assert it.page.evaluate("document.documentElement.scrollHeight") <= 812, act
    small = it.page.evaluate(
        """[...document.querySelectorAll('button, select, input:not(.sr-only), [role=tab]')].filter((e) => {
          const b = e.getBoundingClientRect();
          return b.width && b.height && (b.width < 24 || b.height < 24) && !e.closest('label');
        }).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert small == []


# how far a part of the page stands out: colours of the screen within it, by their counts
SEEN = """(selector) => {
  const part = [...document.querySelectorAll(selector)].find((one) => one.getBoundingClientRect().width);
  part.scrollIntoView({ block: 'center' });
  const { x, y, width, height } = part.getBoundingClientRect();
  return { x, y, width, height };
}"""


def stands_out(it: Tab, selector: str) -> bool:
    """Whether a part of the page has another colour than what lies around it."""
    box = it.page.evaluate(SEEN, selector)
    clip = {"x": box["x"] - 6, "y": box["y"] - 6, "width": box["width"] + 12, "height": box["height"] + 12}
    shot = np.asarray(Image.open(io.BytesIO(it.page.screenshot(clip=clip))).convert("RGB"), float)
    inside = shot[6:-6, 6:-6].reshape(-1, 3)
    return bool((np.abs(inside - shot[0, 0]).max(1) > 40).mean() > 0.15)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_told_by_colour_is_seen_with_colours_of_the_visitors_own(
    theme: str, tab: OpenTab, hosts: Hosts
) -> None:
    it = tab(theme=theme, forced_colors="active").open(hosts["static"] + "#v=1&th=light")
    assert it.ask("x.look.theme") == theme, "it follows the system"
    for selector in (".slider .needle", ".slider .hill", ".legend .swatch", "dd .needle", "dd .zone.three"):
        assert stands_out(it, selector), selector
    colour = "(selector) => getComputedStyle(document.querySelector(selector)).backgroundColor"
    fills = it.page.locator(".swatch").evaluate_all("(all) => all.map((one) => getComputedStyle(one).fill)")
    assert len(set(fills)) == 10
    for on, off in (
        (".tools [aria-pressed=true]", ".tools [aria-pressed=false]"),
        (".segments label:has(:checked)", ".segments label:has(:not(:checked))"),
    ):
        assert it.page.evaluate(colour, on) != it.page.evaluate(colour, off), on
    it.ask("(x.openTab('edit'), x.editing.set('Bag', 3))")
    for selector in (".track .knob", ".track .pull", ".reads .tick", ".reads .change"):
        it.page.locator(selector).first.wait_for(state="attached")
        assert stands_out(it, selector), selector
    it.ask("(x.showRow(3), x.pin(), x.showRow(40), x.pin(), x.openTab('path'))")
    it.page.locator(".here").first.wait_for()
    outline = "getComputedStyle(document.querySelector('.here')).outlineStyle"
    assert it.page.evaluate(outline) == "solid"
    assert it.violations() == []
