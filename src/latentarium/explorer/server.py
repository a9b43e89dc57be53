"""The server: the files of a site, and decode and encode for what a page cannot do alone."""

import mimetypes
import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from latentarium import __version__
from latentarium.errors import InvalidInput, LatentariumError, invalid
from latentarium.explorer.api import (
    DecodeRequest,
    EditAnswer,
    EditRequest,
    EncodeAnswer,
    EncodeRequest,
    ErrorAnswer,
    RowsRequest,
)
from latentarium.explorer.editing import Contradiction, Unknown
from latentarium.explorer.guard import Guard, error_body, most_bytes
from latentarium.explorer.served import Networks, narrowed
from latentarium.explorer.site import INDEX, Content, Site
from latentarium.explorer.wire import Host, View
from latentarium.explorer.wire_sheet import Report

if TYPE_CHECKING:
    import uvicorn

PORT = 8642
"""Where the explorer listens unless told otherwise, so that an address in the browser's history keeps working."""
_GOODBYE = 2
"""Seconds that open requests get when the server stops."""
_LOOPBACK = ("127.0.0.1", "localhost")
_KINDS = {".js": "text/javascript", ".webp": "image/webp", ".gz": "application/gzip", ".json": "application/json"}
_BINARY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer} for code in (400, 403, 404, 409, 413, 415, 421, 422)
}


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
    networks = Networks(site.bundles)
    _add_api(app, networks)
    _add_files(app, site.files)
    app.add_middleware(Guard, hosts=hosts, most=most_bytes(networks.widest))
    narrowed(app.openapi(), site.bundles)
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
    _uvicorn(site, server).run(sockets=[server])


@contextmanager
def running(site: Site, server: socket.socket) -> Iterator[None]:
    """Answer requests on a listening socket in a thread, while the block lasts."""
    host = _uvicorn(site, server)
    thread = threading.Thread(target=host.run, kwargs={"sockets": [server]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        host.should_exit = True
        thread.join(_GOODBYE)


def _uvicorn(site: Site, server: socket.socket) -> "uvicorn.Server":
    import uvicorn

    port = server.getsockname()[1]
    app = make_app(site, hosts=[f"{name}:{port}" for name in _LOOPBACK])
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GOODBYE)
    return uvicorn.Server(settings)


def _add_api(app: FastAPI, networks: Networks) -> None:
    api = APIRouter(prefix="/api", tags=["api"], dependencies=[Depends(_json_only)])

    @api.post("/decode", response_class=Response, responses={200: _BINARY})
    async def decode(request: DecodeRequest) -> Response:
        """Decoded rows as little-endian float32, (n, values)."""
        x = await networks.decode(request.space, request.z)
        return Response(x.astype("<f4").tobytes(), media_type="application/octet-stream")

    @api.post("/encode")
    async def encode(request: EncodeRequest) -> EncodeAnswer:
        """Codes of rows."""
        return EncodeAnswer(z=(await networks.encode(request.space, request.x)).tolist())

    @api.post("/rows", response_class=Response, responses={200: _BINARY})
    async def rows(request: RowsRequest) -> Response:
        """Rows as they were stored, in array units as little-endian float32, (n, values); 404 for one not at hand."""
        x = await networks.rows(request.space, request.rows)
        if x is None:
            raise HTTPException(404, "one of these rows is not kept in the bundle, and its source is not at hand")
        return Response(x.astype("<f4").tobytes(), media_type="application/octet-stream")

    @api.post("/edit")
    async def edit(request: EditRequest) -> EditAnswer:
        """Codes moved along the directions of labels; 404 for a name without one, 409 for what cannot be at once."""
        return await networks.edit(request)

    app.include_router(api)


def _json_only(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, f"the body must be of type application/json, not {kind[:80]!r}")


def _add_files(app: FastAPI, files: Mapping[str, Content]) -> None:
    def answer(name: str) -> Response:
        found = files.get(name)
        if found is None and f"/{name}" in app.openapi()["paths"]:
            raise HTTPException(405, "this path takes POST", {"allow": "POST"})
        if found is None:
            raise HTTPException(404, f"there is no {name[:80]!r} here")
        ending = name[name.rfind(".") :]
        kind = _KINDS.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        # names under assets/ hold a digest of their content
        headers = {"cache-control": "max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"}
        if isinstance(found, Path) and not found.is_file():
            raise HTTPException(404, f"{name[:80]} was here and is gone; start the explorer again")
        if isinstance(found, bytes):
            return Response(found, media_type=kind, headers=headers)
        return FileResponse(found, media_type=kind, headers=headers)

    # the page reads these two as files; they are named here so that their types are part of the description
    described = {"/host.json": Host, "/spaces/{name}/view.json": View, "/spaces/{name}/report.json": Report}
    for path, model in described.items():
        _describe(app, path, model, answer)

    @app.api_route("/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def file(name: str) -> Response:
        """A file of the site."""
        return answer(name or INDEX)


def _describe(app: FastAPI, path: str, model: type, answer: Any) -> None:
    if "{name}" not in path:
        app.get(path, response_model=model, tags=["files"])(lambda: answer(path[1:]))
        return

    @app.get(path, response_model=model, tags=["files"])
    def described(name: str) -> Response:
        return answer(path[1:].format(name=name))


def _add_errors(app: FastAPI) -> None:
    def shaped(message: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse(error_body(" ".join(message.split()), status), status, headers)

    @app.exception_handler(LatentariumError)
    async def known(_: Request, error: LatentariumError) -> JSONResponse:
        usual = 400 if error.exit_code == InvalidInput.exit_code else 500
        return shaped(str(error), {Unknown: 404, Contradiction: 409}.get(type(error), usual))

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
        return shaped(f"{where}: {first['msg']}", 422)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return shaped(str(error.detail), error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unknown(_: Request, _error: Exception) -> JSONResponse:
        return shaped("the server failed on this request; its terminal says why", 500)
