"""Pictures of every pane of the explorer's page, to look at: three sizes, light and dark.

python scripts/screenshots.py BUNDLE FOLDER
python scripts/screenshots.py BUNDLE FOLDER --size 320x700 --pane path --theme dark
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from json import loads
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
SIZES = ("1280x800", "375x812", "2560x1440")
THEMES = ("light", "dark")
STOPS = "for (const row of [3, 40, 77]) { x.showRow(row); x.pin(); }"
# what brings each pane up; `x` is the explorer
PANES = {
    "latent": "",
    "components": "x.basis = x.space.view.bases.at(-1);",
    "path": f"{STOPS} x.openTab('path'); x.tray.position = 0.6;",
    "neighbours": "x.showRow(3); x.openTab('neighbours');",
    "edit": "x.openTab('edit');",
    "compare": "x.openTab('compare');",
    "tray": f"{STOPS} x.look.openDrawer('tray');",
    "outliers": "x.look.openDrawer('outliers');",
    "rows": "x.look.openDrawer('rows');",
    "report": "x.look.openDrawer('report');",
    "behind": "x.look.openDrawer('report'); setTimeout(() => document.querySelector('#score-psnr .act').click(), 400);",
    "help": "x.look.help = true;",
    "selection": "x.map.choose(Array.from({ length: 60 }, (_, row) => row));",
    "pictures": "x.map.pictures = true;",
    "place": "x.showPlace(0.55, 0.45);",
    "one-class": "x.map.only(2);",
}


@contextmanager
def served(bundle: Path) -> Iterator[str]:
    """The address of a bundle's page."""
    command = [sys.executable, "-m", "latentarium", "explore", str(bundle), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield loads(process.stdout.readline() if process.stdout else "{}")["address"]
        finally:
            process.terminate()


def shoot(browser: Browser, address: str, size: str, theme: str, panes: list[str]) -> Iterator[tuple[str, bytes]]:
    """A picture of each pane, whole pages where they are longer than the screen."""
    width, height = map(int, size.split("x"))
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
    for pane in panes:
        page = context.new_page()
        page.goto(f"{address}?test=1")
        wait(lambda page=page: page.evaluate("!!window.__explorer?.stage.decoded"))
        page.evaluate(f"(() => {{ const x = window.__explorer; {PANES[pane]} }})()")
        page.wait_for_timeout(1200)
        yield pane, page.screenshot(full_page=True)
        page.close()
    context.close()


def wait(done: object, seconds: float = 90) -> None:
    """Until it holds; the page's policy lets nothing else wait for it."""
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        if time.monotonic() > end:
            sys.exit("the page does not come up")
        time.sleep(0.1)


def main() -> None:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", action="append", help=f"WIDTHxHEIGHT; {', '.join(SIZES)} where left out")
    parser.add_argument("--theme", action="append", choices=THEMES)
    parser.add_argument("--pane", action="append", choices=PANES)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with served(given.bundle) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for size, theme in product(given.size or SIZES, given.theme or THEMES):
            for pane, picture in shoot(browser, address, size, theme, given.pane or list(PANES)):
                place = given.folder / f"{pane}-{size}-{theme}.png"
                place.write_bytes(picture)
                print(place)


if __name__ == "__main__":
    main()
