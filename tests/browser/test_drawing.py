"""Many points: as many as a frame allows while the map moves, all of them at rest, and times that are true."""

from collections.abc import Callable

import pytest
from benchmarks.explorer.spaces import of_rows
from tests.browser.conftest import Tab

from latentarium.bundle import Bundle
from latentarium.explorer.site import Site, make_site

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
