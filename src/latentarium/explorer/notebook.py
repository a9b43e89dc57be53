"""The page in a notebook: a server in a thread of this process, and a frame that shows it."""

import html
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentarium.applications.storing import Keeping, store_space
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, invalid
from latentarium.explorer.cache import with_view
from latentarium.explorer.server import listen, running
from latentarium.explorer.site import make_site
from latentarium.space import LatentSpace
from latentarium.training.api import open_rows

HEIGHT = 800


@dataclass(frozen=True)
class Page:
    """A page that is being served; a notebook shows it where it is the value of a cell.

    Parameters
    ----------
    address : where it answers, on this machine alone, until `close` or the end of the process
    height : pixels of its frame
    """

    address: str
    name: str
    height: int
    _stop: threading.Event

    def close(self) -> None:
        """Stop serving."""
        self._stop.set()

    def _repr_html_(self) -> str:
        title, address = html.escape(f"{self.name} in the explorer", quote=True), html.escape(self.address, quote=True)
        frame = (
            f'<iframe src="{address}" title="{title}" width="100%" height="{self.height}" '
            'allow="clipboard-write" style="border: 1px solid #8884; border-radius: 6px"></iframe>'
        )
        return f'{frame}<div><a href="{address}" target="_blank" rel="noopener">in a tab of its own</a></div>'

    def __repr__(self) -> str:
        return f"{self.name} is at {self.address} until this process ends; a notebook shows it in a frame"


def explore(shown: LatentSpace | Bundle, data: Any = None, *, height: int = HEIGHT) -> Page:
    """Serve the explorer's page of a space or a bundle from this process.

    Outside of a notebook the address is written to stderr.

    Parameters
    ----------
    shown : a bundle, or a space that can be written as ONNX
    data : rows to put on the map of a space, in any form that `fit` takes; without them draws of its prior, decoded
    height : pixels of the frame

    Raises
    ------
    InvalidInput
        For data of another shape, for data beside a bundle, and for a space that cannot be stored.

    Examples
    --------
    >>> import latentarium as la
    >>> space = la.fit("digits", latent=2, width=8, steps=2, progress=False)
    >>> page = explore(space, "digits")  # doctest: +SKIP
    """
    if isinstance(height, bool) or not isinstance(height, int) or height < 1:
        raise invalid("height", "a number of pixels", height)
    if isinstance(shown, Bundle):
        if data is not None:
            raise InvalidInput("a bundle is explored with the rows it holds; leave data out")
        return _serve(with_view(shown), height, keep=None)
    folder = tempfile.TemporaryDirectory(prefix="latentarium-")
    return _serve(with_view(_stored(shown, data, Path(folder.name) / "space")), height, keep=folder)


def _stored(space: LatentSpace, data: Any, path: Path) -> Bundle:
    if space.modality is None:
        raise InvalidInput(f"{space.name!r} does not say what its arrays are; give it a modality")
    if data is None:
        return store_space(space, path, Keeping(modality=space.modality))
    rows, source = open_rows(data)
    if rows.modality.data_shape != space.data_shape:
        raise invalid("data", f"rows of shape {space.data_shape}", rows.modality.data_shape)
    return store_space(space, path, Keeping(modality=rows.modality, rows=rows, source=source))


def _serve(bundle: Bundle, height: int, *, keep: Any) -> Page:
    socket = listen(0)
    site, stop = make_site([bundle], api=True), threading.Event()
    # the thread holds on to the folder of a space that has none of its own
    threading.Thread(target=_until, args=(site, socket, stop, keep), daemon=True).start()
    page = Page(f"http://127.0.0.1:{socket.getsockname()[1]}/", bundle.name, height, stop)
    if not _in_notebook():
        sys.stderr.write(f"{page!r}\n")
    return page


def _until(site: Any, socket: Any, stop: threading.Event, keep: Any) -> None:
    with running(site, socket):
        stop.wait()
    if keep is not None:
        keep.cleanup()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
