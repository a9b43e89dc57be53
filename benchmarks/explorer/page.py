"""How quick the explorer's page is, in Chromium without a graphics card: medians of five.

    make bench-explorer
    python -m benchmarks.explorer.page --only points-70000

Each figure stands beside what it must stay under, and the machine's load, without which it says little. Times until a
page is interactive count from navigation, with an empty cache, until every point is drawn and can be pointed at.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.common import median, save_result
from benchmarks.explorer.serving import exploring
from benchmarks.explorer.spaces import of_rows

RUNS, PATIENCE = 5, 120
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
# the page's own clock starts at navigation; its policy allows no evaluation, so that this is there before it
WATCH = """
(() => {
  const seen = (window.__times = {});
  const look = () => {
    const x = window.__explorer, now = performance.now(), drawn = x?.map.painted;
    if (x) seen.opened ??= now;
    if (drawn && drawn.total && drawn.drawn === drawn.total) seen.map ??= now;
    if (x?.stage.decoded) seen.decoded ??= now;
    if (!seen.map || !seen.decoded) requestAnimationFrame(look);
  };
  look();
})();
"""
HIT = """() => {
  const { map } = window.__explorer, grid = map.ground.grid, shown = (row) => !map.isHidden(row);
  const began = performance.now();
  for (let i = 0; i < 200; i++) grid.nearest((i * 7919) % 65536, (i * 104729) % 65536, 1500, shown);
  return (performance.now() - began) / 200;
}"""
# from the event to the frame after it was handled
AFTER = "const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));"
RING = f"""async (row) => {{
  {AFTER}
  const x = window.__explorer, host = document.querySelector('.host'), box = host.getBoundingClientRect();
  const unit = Math.min(box.width, box.height) * 0.9, [a, b] = x.map.place(row);
  const [left, top] = [box.width / 2 + (a - 0.5) * unit, box.height / 2 - (b - 0.5) * unit];
  const at = {{ clientX: box.left + left, clientY: box.top + top }};
  const began = performance.now();
  host.dispatchEvent(new PointerEvent('pointermove', {{ pointerId: 1, bubbles: true, ...at }}));
  await painted();
  if (x.map.hover < 0) throw new Error('nothing is ringed');
  return performance.now() - began;
}}"""
SLIDE = f"""async (share) => {{
  {AFTER}
  const x = window.__explorer, slider = document.querySelector('input[type=range]');
  const began = performance.now();
  slider.value = String(Number(slider.min) + share * (Number(slider.max) - Number(slider.min)));
  slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
  while (x.stage.decoded.z !== x.stage.z) await new Promise((done) => setTimeout(done));
  await painted();
  return performance.now() - began;
}}"""
PAN = """async () => {
  const x = window.__explorer, steps = [], drawn = [];
  let before = performance.now();
  for (let i = 0; i < 60; i++) {
    x.map.camera = { x: 0.5 + 0.2 * Math.sin(i / 9), y: 0.5, k: 1.5 };
    await new Promise((done) => requestAnimationFrame(done));
    const now = performance.now();
    steps.push(now - before);
    before = now;
    drawn.push(x.map.painted.drawn);
  }
  const rested = performance.now();
  while (x.map.painted.drawn < x.map.painted.total) await new Promise((done) => requestAnimationFrame(done));
  return { steps: steps.slice(5), drawn: drawn.slice(5), whole: performance.now() - rested };
}"""
Figures = dict[str, float]


def opened(browser: Browser, address: str, layer: str = "auto") -> Page:
    """A page in a fresh profile, once it has drawn and decoded."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(WATCH)
    page.goto(f"{address}?test=1&layer={layer}")
    end = time.monotonic() + PATIENCE
    while not page.evaluate("window.__times.map && window.__times.decoded"):
        if time.monotonic() > end:
            raise SystemExit(f"{address} shows nothing after {PATIENCE} s")
        time.sleep(0.1)
    return page


def close(page: Page) -> None:
    page.context.close()


def opening(browser: Browser, address: str) -> Figures:
    """Seconds from navigation to a whole map under the pointer, and to the first decoded picture."""
    page = opened(browser, address)
    times = page.evaluate("window.__times")
    page.evaluate(RING, 0)
    close(page)
    return {"interactive_s": times["map"] / 1e3, "decoded_s": times["decoded"] / 1e3}


def pointing(browser: Browser, address: str) -> Figures:
    """Milliseconds of a hit test, and from a pointer's move to the ring."""
    page = opened(browser, address)
    figures = {"hit_ms": page.evaluate(HIT), "ring_ms": median([page.evaluate(RING, row) for row in range(5)])}
    close(page)
    return figures


def sliding(browser: Browser, address: str) -> Figures:
    """Milliseconds from a slider's move to the picture."""
    page = opened(browser, address)
    page.evaluate(SLIDE, 0.5)
    figures = {"slider_ms": median([page.evaluate(SLIDE, share) for share in np.linspace(0.2, 0.8, 9)])}
    close(page)
    return figures


def panning(browser: Browser, address: str, layer: str = "auto") -> Figures:
    """Milliseconds a frame while the map moves, fewest points in one, and seconds until all are there again."""
    page = opened(browser, address, layer)
    found = page.evaluate(PAN)
    close(page)
    return {"frame_ms": median(found["steps"]), "least_drawn": min(found["drawn"]), "whole_s": found["whole"] / 1e3}


def panning_webgl(browser: Browser, address: str) -> Figures:
    """The same by WebGL, which without a graphics card the page takes for few points only."""
    return panning(browser, address, "webgl")


def first_time(browser: Browser, _: str) -> Figures:
    """Seconds from the command of a newcomer to a page under the pointer."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        command = [sys.executable, "-m", "latentarium", "demo", "--quick", "--out", f"{folder}/space"]
        quiet = {**os.environ, "BROWSER": "true", "COLUMNS": "200"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet, cwd=folder
        )
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        served, computed = time.monotonic() - began, _processor_seconds(process.pid)
        page = opened(browser, re.findall(r"http://[\d.:]+/", line)[0])
        seconds = time.monotonic() - began
        close(page)
        process.terminate()
        process.wait(20)
    return {"served_s": served, "interactive_s": seconds, "processor_s": computed}


def _processor_seconds(pid: int) -> float:
    """What a process has computed, which depends less on who else does."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_PAN = {"frame_ms": 50, "least_drawn": 10_000, "whole_s": 3}
# what is shown, what is measured, and what each figure must stay under (at least, of points)
CASES: dict[str, tuple[tuple[str, int], Callable[[Browser, str], Figures], Figures]] = {
    "demo-quick": (("fashion-vae", 0), first_time, {"interactive_s": 15}),
    "points-70000": (("fashion-vae", 70_000), opening, {"interactive_s": 3}),
    "pointer-70000": (("fashion-vae", 70_000), pointing, {"hit_ms": 5, "ring_ms": 50}),
    "slider-28x28": (("fashion-vae", 70_000), sliding, {"slider_ms": 50}),
    "slider-64x64-rgb": (("avatar-vae", 0), sliding, {"slider_ms": 120}),
    "points-1000000": (("fashion-vae", 1_000_000), opening, {"interactive_s": 10}),
    "pointer-1000000": (("fashion-vae", 1_000_000), pointing, {"hit_ms": 5, "ring_ms": 50}),
    "pan-1000000": (("fashion-vae", 1_000_000), panning, _PAN),
    "pan-300000-webgl": (("fashion-vae", 300_000), panning_webgl, _PAN),
}


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def measured(name: str, scratch: Path, runs: int) -> dict[str, Any]:
    """Medians of `runs` of one case."""
    (space, rows), measure, limits = CASES[name]
    path = scratch / f"{space}-{rows}"
    bundle = path if path.exists() else of_rows(space, path, rows).path
    with exploring(bundle) as server, chromium() as browser:
        found = [measure(browser, server.address) for _ in range(runs)]
    figures = {key: round(median([one[key] for one in found]), 2) for key in found[0]}
    met = {k: figures[k] >= v if k == "least_drawn" else figures[k] <= v for k, v in limits.items()}
    return {**figures, "must": limits, "met": all(met.values()), "load_average": round(os.getloadavg()[0], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CASES, action="append", help="one of the cases; may be given several times")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--scratch", type=Path, help="keep the spaces here for another run")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/explorer-page.json")
    given = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = given.scratch or Path(folder)
        for name in given.only or CASES:
            results[name] = measured(name, scratch, given.runs)
            print(json.dumps({name: results[name]}), flush=True)
    if given.save:
        save_result("explorer-page", "python -m benchmarks.explorer.page", {"runs": given.runs, "cases": results})


if __name__ == "__main__":
    main()
