"""What the page does when something is missing, broken or narrow; and that everyone can use it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.browser.conftest import Hosts, Tab
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
    empty = changed(site, "host.json", lambda _: b'{"version":1,"generator":"","api":false,"spaces":[]}')
    assert "holds no space" in problem_of(tab(), static_host(empty))
    missing = Site({k: v for k, v in site.files.items() if k != f"{folder}/view.json"}, {})
    assert "view.json could not be fetched: the host answers 404" in problem_of(tab(), static_host(missing))


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
    it.page.get_by_text("This space came without its decoder").wait_for()
    it.page.get_by_role("button", name="Report").click()
    it.page.get_by_text("This space was not measured").wait_for()
    it.page.get_by_role("button", name="Outliers").click()
    it.page.get_by_text("No row stands out").wait_for()
    assert not it.page.get_by_role("button", name="Encode a picture of your own").is_visible()


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
  // what was drawn can be read at the end of the drawing only
  gl.finish = () => {
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
  };
  window.__lose = gl.getExtension('WEBGL_lose_context');
})()"""


def test_a_lost_context_comes_back_with_all_that_was_drawn(tab: OpenTab, hosts: Hosts) -> None:
    it = tab().open(hosts["static"] + "&layer=webgl")
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
    "local": "(x.openTab('latent'), x.chooseLocal())",
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
