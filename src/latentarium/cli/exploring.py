"""`explore` and `export`: the bundle's page, served here or as a folder for any host."""

import contextlib
import sys
import threading
import webbrowser
from pathlib import Path

from latentarium.bundle import Bundle, open_bundle
from latentarium.cli.output import bold, emit, naming, say
from latentarium.errors import invalid


def run_explore(path: Path, other: Path | None, *, port: int | None, browser: bool, as_json: bool) -> None:
    """Serve the page of a bundle, or of two side by side, until Ctrl-C."""
    explore(*_opened(path, other), port=port, browser=browser, as_json=as_json)


def explore(
    bundle: Bundle, *others: Bundle, port: int | None = None, browser: bool = True, as_json: bool = False
) -> None:
    """Bring the views up to date, open the browser, serve."""
    from latentarium.explorer.server import listen, serve
    from latentarium.explorer.site import make_site, page_files

    page_files()
    server = listen(port)
    site = make_site([_with_view(one) for one in (bundle, *others)], api=True)
    address = f"http://127.0.0.1:{server.getsockname()[1]}/"
    words = f"{bundle.name} is at {bold(address)}; stop with Ctrl-C"
    emit({"bundle": str(bundle.path), "address": address}, as_json=as_json, words=words)
    # whoever reads this from a pipe must not wait for the end
    sys.stdout.flush()
    if browser:
        # the socket already listens: a browser that is early waits for the first answer
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    # a shell that runs this in the background has Ctrl-C ignored, and the server then ends by itself
    with contextlib.suppress(KeyboardInterrupt):
        serve(site, server)
    say("stopped")


def run_export(path: Path, other: Path | None, *, site: Path, thumbs: bool, exact: bool, as_json: bool) -> None:
    """Write the page and the view as a folder, and say what it makes public."""
    from latentarium.explorer.site import make_site, write_site

    made = make_site([_with_view(one) for one in _opened(path, other)], api=False, thumbs=thumbs, exact=exact)
    size = write_site(made, site)
    shown = "its codes, ids and labels" if not thumbs else "its codes, ids, labels and pictures of its rows"
    say(f"whoever can open the page can read {shown}" + ("; leave pictures out with --no-thumbs" if thumbs else ""))
    files = {name: made.size(name) for name in made.files}
    words = f"{len(files)} files, {size / 2**20:.1f} MB: {bold(site)}\ntry it: python -m http.server --directory {site}"
    emit({"bundle": str(path), "site": str(site), "bytes": size, "files": files}, as_json=as_json, words=words)


def _opened(path: Path, other: Path | None) -> list[Bundle]:
    """One bundle, or two that have rows in common."""
    bundles = [open_bundle(one) for one in (path, other) if one is not None]
    if len(bundles) == 2 and not set(bundles[0].ids) & set(bundles[1].ids):
        names = " and ".join(f"{one.manifest['data']['name']} ({one.path.name})" for one in bundles)
        raise invalid("the other bundle", "a space of some of the same rows", names)
    return bundles


def _with_view(bundle: Bundle) -> Bundle:
    from latentarium.explorer.cache import with_view

    with naming("preparing the page") as tell:
        return with_view(bundle, progress=tell)
