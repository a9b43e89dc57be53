"""What a host serves: the built page, host.json, and each space's view, by their paths in the site."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentarium import __version__
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, MissingExtra
from latentarium.explorer.cache import FOLDER, VIEW, view_of
from latentarium.explorer.wire import Host, SpaceEntry, View
from latentarium.files import replacing_folder

STATIC = Path(__file__).parent / "static"
HOST = "host.json"
INDEX = "index.html"
_SERVED = "assets/ort-webgpu"
"""Files of the page that only a server gives: the runtime for WebGPU would double an exported page."""
Content = Path | bytes


@dataclass(frozen=True)
class Site:
    """Files by their path in the site, and the bundles by the folder of their views."""

    files: Mapping[str, Content]
    bundles: Mapping[str, Bundle]

    def size(self, name: str) -> int:
        """Bytes of a file."""
        content = self.files[name]
        return len(content) if isinstance(content, bytes) else content.stat().st_size


def make_site(bundles: Sequence[Bundle], *, api: bool, thumbs: bool = True, exact: bool = False) -> Site:
    """The site of bundles that have an up-to-date view (`cache.with_view`).

    Parameters
    ----------
    api : whether a server answers beside the files
    thumbs : False leaves the rows themselves out, as pictures and as numbers
    exact : True keeps a decoder's weights as they are where it would do with 8 bits each; a server always does

    Raises
    ------
    MissingExtra
        When the page was not built.
    DamagedFile
        When a file of a view does not match its checksum.
    """
    placed: dict[str, Bundle] = {}
    for bundle in bundles:
        placed[_folder(bundle, placed)] = bundle
    entries = [SpaceEntry(name=bundle.name, path=folder) for folder, bundle in placed.items()]
    host = Host(generator=f"Latentarium {__version__}", api=api, spaces=entries)
    page = {name: path for name, path in page_files().items() if api or not name.startswith(_SERVED)}
    files: dict[str, Content] = {**page, HOST: host.model_dump_json().encode()}
    for folder, bundle in placed.items():
        files |= {
            f"{folder}/{name}": content
            for name, content in _space_files(bundle, thumbs=thumbs, small=not (api or exact)).items()
        }
    return Site(files=files, bundles=placed)


def page_files() -> dict[str, Path]:
    """The files of the built page."""
    if not (STATIC / INDEX).is_file():
        raise MissingExtra("the explorer's page is not built; in a checkout run 'make page' (it needs no Node)")
    return {p.relative_to(STATIC).as_posix(): p for p in sorted(STATIC.rglob("*")) if p.is_file()}


def write_site(site: Site, folder: Path) -> int:
    """Write `site` to `folder` in one exchange; the bytes written.

    Raises
    ------
    InvalidInput
        When `folder` holds something else than a site.
    """
    if folder.exists() and not (folder.is_dir() and ((folder / HOST).is_file() or not any(folder.iterdir()))):
        raise InvalidInput(f"{folder} is there and is no exported site; choose a new folder")
    with replacing_folder(folder, keep=False) as new:
        for name, content in site.files.items():
            target = new / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return sum(site.size(name) for name in site.files)


def _folder(bundle: Bundle, taken: Mapping[str, Bundle]) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", bundle.path.resolve().name).strip("-").lower() or "space"
    name, number = f"spaces/{plain}", 2
    while name in taken:
        name, number = f"spaces/{plain}-{number}", number + 1
    return name


def _space_files(bundle: Bundle, *, thumbs: bool, small: bool) -> dict[str, Content]:
    stored = view_of(bundle)
    if stored is None:
        raise InvalidInput(f"bundle {bundle.path} has changed while it was opened; try again")
    view = _with_one_decoder(stored if thumbs else _without_rows(stored), small=small)
    graphs = [graph for graph in (view.decoder, view.encoder) if graph]
    names = {*(graph.file for graph in graphs), *(graph.loop.file for graph in graphs if graph.loop)} - set(view.files)
    files: dict[str, Content] = {name: bundle.file(f"{FOLDER}/{name}") for name in view.files}
    return {VIEW: view.model_dump_json().encode(), **files, **{name: bundle.file(name) for name in sorted(names)}}


def _with_one_decoder(view: View, *, small: bool) -> View:
    """The view with the smaller decoder in place of the exact one, where it has one, or without it."""
    if view.small is None or view.decoder is None:
        return view
    kept, left = (view.small, view.decoder) if small else (view.decoder, view.small)
    hidden = {left.file, left.outputs.file}
    files = {name: facts for name, facts in view.files.items() if name not in hidden}
    return view.model_copy(update={"decoder": kept, "small": None, "files": files})


def _without_rows(view: View) -> View:
    """The view without the rows: no pictures of them, no numbers."""
    hidden: set[str] = set()
    if view.thumbs:
        hidden |= {*view.thumbs.sheets, *([view.thumbs.rows.file] if view.thumbs.rows else [])}
    if view.inputs:
        hidden |= {view.inputs.values.file, *([view.inputs.rows.file] if view.inputs.rows else [])}
    if view.lines:
        hidden.add(view.lines.file)
    files = {name: facts for name, facts in view.files.items() if name not in hidden}
    return view.model_copy(update={"thumbs": None, "inputs": None, "lines": None, "files": files})
