"""The server: the files of a site, and decode and encode for what a page cannot do alone."""

import mimetypes
import socket
import threading
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from latentarium import __version__
from latentarium.bundle import Bundle
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.explorer.guard import Guard, error_body
from latentarium.explorer.site import INDEX, Content, Site
from latentarium.explorer.wire import DecodeRequest, EncodeAnswer, EncodeRequest, ErrorAnswer, Host, Report, View

PORT = 8642
"""Where the explorer listens unless told otherwise, so that an address in the browser's history keeps working."""
MOST_ROWS = 256
_LOOPBACK = ("127.0.0.1", "localhost")
_KINDS = {".js": "text/javascript", ".webp": "image/webp", ".gz": "application/gzip", ".json": "application/json"}
_BINARY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_ERRORS: dict[int | str, dict[str, Any]] = {code: {"model": ErrorAnswer} for code in (400, 403, 404, 413, 421, 422)}


def make_app(site: Site, *, hosts: Collection[str]) -> FastAPI:
    """The application that serves `site` to browsers that ask for one of `hosts` ("127.0.0.1:8642")."""
    app = FastAPI(
        title="Latentarium explorer",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=_ERRORS,
    )
    _add_errors(app)
    _add_api(app, Networks(site.bundles))
    _add_files(app, site.files)
    app.add_middleware(Guard, hosts=hosts)
    return app


def listen(port: int | None) -> socket.socket:
    """A socket on this machine alone: on `port`, or on the usual one or, where that is taken, any that is free."""
    try:
        return _listen(PORT if port is None else port)
    except OSError as error:
        if port is None:
            return _listen(0)
        raise invalid("--port", "one that is free", port, f"leave it out ({error.strerror})") from None


def _listen(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((_LOOPBACK[0], port))
        server.listen()
    except OSError:
        server.close()
        raise
    return server


def serve(site: Site, server: socket.socket) -> None:
    """Answer requests on a listening socket until the process is interrupted."""
    import uvicorn

    port = server.getsockname()[1]
    app = make_app(site, hosts=[f"{name}:{port}" for name in _LOOPBACK])
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[server])


class Networks:
    """Decoders and encoders of the served spaces, one request at a time each: they share the cores anyway."""

    def __init__(self, bundles: Mapping[str, Bundle]) -> None:
        self._bundles = bundles
        self._lock = threading.Lock()

    def decode(self, space: str, z: list[list[float]]) -> NDArray[np.float32]:
        """Data (n, *data_shape) of latent points (n, d)."""
        found = self._bundle(space).space
        rows = _rows(z, found.dim, "z")
        with self._lock:
            return found.decode(rows.reshape(-1, *found.shape))

    def encode(self, space: str, x: list[list[float]]) -> NDArray[np.float32]:
        """Codes (n, d) of rows (n, values)."""
        found = self._bundle(space).space
        rows = _rows(x, int(np.prod(found.data_shape)), "x")
        with self._lock:
            return found.encode(rows.reshape(-1, *found.data_shape)).reshape(len(rows), -1)

    def _bundle(self, space: str) -> Bundle:
        if space not in self._bundles:
            raise invalid("space", f"one of {', '.join(self._bundles)}", space)
        return self._bundles[space]


def _rows(values: list[list[float]], width: int, name: str) -> NDArray[np.float32]:
    if not 1 <= len(values) <= MOST_ROWS:
        raise invalid(name, f"from 1 to {MOST_ROWS} rows", len(values))
    if {len(row) for row in values} != {width}:
        raise invalid(name, f"rows of {width} numbers", f"rows of {sorted({len(row) for row in values})[:4]}")
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def _add_api(app: FastAPI, networks: Networks) -> None:
    @app.post("/api/decode", response_class=Response, responses={200: _BINARY}, tags=["api"])
    def decode(request: DecodeRequest) -> Response:
        """Decoded rows as little-endian float32, (n, values)."""
        x = networks.decode(request.space, request.z)
        return Response(x.astype("<f4").tobytes(), media_type="application/octet-stream")

    @app.post("/api/encode", tags=["api"])
    def encode(request: EncodeRequest) -> EncodeAnswer:
        """Codes of rows."""
        return EncodeAnswer(z=networks.encode(request.space, request.x).tolist())


def _add_files(app: FastAPI, files: Mapping[str, Content]) -> None:
    def answer(name: str) -> Response:
        found = files.get(name)
        if found is None:
            raise HTTPException(404, f"there is no {name[:80]!r} here")
        ending = name[name.rfind(".") :]
        kind = _KINDS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        # names under assets/ hold a digest of their content
        headers = {"cache-control": "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"}
        if isinstance(found, bytes):
            return Response(found, media_type=kind, headers=headers)
        return FileResponse(found, media_type=kind, headers=headers)

    # the page reads these two as files; they are named here so that their types are part of the description
    for path, model in (("/host.json", Host), ("/{space:path}/view.json", View), ("/{space:path}/report.json", Report)):
        _describe(app, path, model, answer)

    @app.api_route("/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def file(name: str) -> Response:
        """A file of the site."""
        return answer(name or INDEX)


def _describe(app: FastAPI, path: str, model: type, answer: Any) -> None:
    @app.get(path, response_model=model, tags=["files"])
    def described(request: Request) -> Response:
        return answer(request.url.path.lstrip("/"))


def _add_errors(app: FastAPI) -> None:
    def shaped(message: str, status: int) -> JSONResponse:
        return JSONResponse(error_body(" ".join(message.split()), status), status)

    @app.exception_handler(LatentariumError)
    async def known(_: Request, error: LatentariumError) -> JSONResponse:
        return shaped(str(error), 400 if error.exit_code == InvalidInput.exit_code else 500)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return shaped(f"{where}: {first['msg']}", 422)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return shaped(str(error.detail), error.status_code)

    @app.exception_handler(Exception)
    async def unknown(_: Request, _error: Exception) -> JSONResponse:
        return shaped("the server failed on this request; its terminal says why", 500)
