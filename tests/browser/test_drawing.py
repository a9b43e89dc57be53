"""Many points: as many as a frame allows while the map moves, all of them at rest, and times that are true."""

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.explorer.spaces import of_rows
from tests.browser.conftest import Tab

from latentarium.bundle import Bundle, table_writer
from latentarium.explorer.cache import with_view
from latentarium.explorer.site import Site, make_site
from latentarium.shipped import copy_shipped

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
ROWS = 150_000


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, static_host: Callable[[Site], str]) -> str:
    """Address of the clothes with many more codes scattered around theirs."""
    many: Bundle = of_rows("fashion-vae", tmp_path_factory.mktemp("many") / "clothes", ROWS)
    return f"{static_host(make_site([many], api=False))}?test=1&layer="


PAN = """async () => {
  const x = window.__explorer, drawn = [], words = new Set();
  for (let i = 0; i < 40; i++) {
    x.map.camera = { x: 0.5 + 0.2 * Math.sin(i / 9), y: 0.5, k: 1 };
    await new Promise((done) => requestAnimationFrame(done));
    drawn.push(x.map.painted.drawn);
    words.add(document.querySelector('.status').textContent);
  }
  const rested = performance.now();
  while (x.map.painted.drawn < x.map.painted.total) await new Promise((done) => requestAnimationFrame(done));
  return { drawn, words: [...words], rest: performance.now() - rested };
}"""
# reading a pixel back waits for what was drawn, whatever the browser says of fences
DRAW = """async () => {
  const x = window.__explorer, gl = document.querySelector('.host canvas:not(.overlay)').getContext('webgl2');
  const began = performance.now();
  gl.drawArrays(gl.POINTS, 0, x.space.rows);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return performance.now() - began;
}"""


@pytest.mark.parametrize("layer", ["webgl", "canvas"])
def test_a_moving_map_shows_a_part_and_a_resting_one_all(layer: str, crowd: str, tab: OpenTab) -> None:
    it = tab().open(crowd + layer)
    it.wait(f"x.map.painted?.drawn === {ROWS}")
    found = it.page.evaluate(PAN)
    assert min(found["drawn"]) >= 10_000
    assert found["rest"] <= 3000
    assert any(f"of {ROWS:,}" in words for words in found["words"]) == (min(found["drawn"]) < ROWS)
    if layer == "webgl":
        # a processor plays graphics here, and needs far more than a frame for all of them
        assert min(found["drawn"]) < ROWS / 2
        assert it.page.evaluate(DRAW) < 8 * it.ask("x.map.painted.milliseconds")


ALL_AT_ONCE = """(() => {
  const canvas = document.querySelector('.host canvas:not(.overlay)'), gl = canvas.getContext('webgl2');
  const seen = canvas.toDataURL();
  gl.clear(gl.COLOR_BUFFER_BIT);
  gl.drawArrays(gl.POINTS, 0, x.space.rows);
  return seen === canvas.toDataURL();
})()"""


def test_what_is_drawn_in_several_frames_is_what_is_drawn_at_once(crowd: str, tab: OpenTab) -> None:
    it = tab().open(crowd + "webgl")
    it.ask("(x.map.camera = { x: 0.4, y: 0.5, k: 2 })")
    it.wait(f"x.map.painted.drawn < {ROWS}")
    it.wait(f"x.map.painted.drawn === {ROWS}")
    assert it.ask(ALL_AT_ONCE)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory, static_host: Callable[[Site], str]) -> str:
    """Address of the clothes in six classes."""
    bundle = copy_shipped("fashion-vae", tmp_path_factory.mktemp("six") / "clothes")
    labels = np.array([f"class {number % 6}" for number in range(len(bundle.ids))])
    columns = {"id": bundle.ids, "split": bundle.splits, "kept": np.ones(len(labels), bool), "label": labels}
    bundle = with_view(bundle.with_files({"rows.parquet": table_writer(columns)}))
    return f"{static_host(make_site([bundle], api=False))}?test=1&layer="


# for each class a row with no other near it
ALONE = """(() => {
  const { grid } = x.map.ground, { values } = x.map;
  const alone = (row) => grid.several(...x.map.place(row).map((v) => v * 65535), 2)[1][1] > 300 ** 2;
  return [0, 1, 2, 3, 4, 5].map((name) => values.findIndex((value, row) => value === name && alone(row)));
})()"""
HALF = 12
# how dense each pixel is around the middle of the map
DENSITY = f"""(() => {{
  const canvas = document.querySelector('.host canvas:not(.overlay)');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const [left, top] = [canvas.width, canvas.height].map((side) => Math.floor(side / 2) - {HALF});
  const {{ data }} = copy.getImageData(left, top, 2 * {HALF} + 1, 2 * {HALF} + 1);
  return Array.from(data).filter((_, i) => i % 4 === 3);
}})()"""
SHAPES = {
    "disc": lambda x, y: np.hypot(x, y) <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 0.85,
    "triangle": lambda x, y: (y <= 0.6) & (abs(x) * 0.866 - y * 0.5 <= 0.6),
    "diamond": lambda x, y: abs(x) + abs(y) <= 1.2,
    "plus": lambda x, y: (np.minimum(abs(x), abs(y)) <= 0.4) & (np.maximum(abs(x), abs(y)) <= 1.1),
    "upside down": lambda x, y: (y >= -0.6) & (abs(x) * 0.866 + y * 0.5 <= 0.6),
}


def shape_of(density: list[int], radius: float) -> str:
    """The shape that a point has, wherever in its pixel its middle lies."""
    inked = np.reshape(density, (2 * HALF + 1, -1)) > 110
    y, x = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    apart = {
        name: min(
            int((inside((x - dx) / radius, (y - dy) / radius) != inked).sum())
            for dx in np.arange(-1, 1.1, 0.25)
            for dy in np.arange(-1, 1.1, 0.25)
        )
        for name, inside in SHAPES.items()
    }
    return min(apart, key=lambda name: apart[name])


@pytest.mark.parametrize("layer", ["webgl", "canvas"])
def test_a_few_classes_have_shapes_that_the_legend_shows(layer: str, six: str, tab: OpenTab) -> None:
    it = tab().open(six + layer)
    it.wait("x.map.values !== null")
    swatches = it.page.locator(".legend .swatch path")
    assert len(set(swatches.evaluate_all("(all) => all.map((one) => one.getAttribute('d'))"))) == 6
    found = []
    for row in it.ask(ALONE):
        it.ask(f"((p) => (x.map.camera = {{ x: p[0], y: p[1], k: 60 }}))(x.map.place({row}))")
        it.page.wait_for_timeout(500)
        found.append(shape_of(it.ask(DENSITY), 7.14))
    assert found == list(SHAPES)
    it.ask("x.map.colourBy('reconstruction_error')")
    assert swatches.count() == 0
