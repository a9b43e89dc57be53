"""What stands before every request: whose it may be, how large, and headers that keep the page to itself."""

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BYTES, MOST_OF_ALL = 4 * 2**20, 64 * 2**20
"""Bytes that the body of a request may have, and what no row of a space raises that to."""
_NUMBER = 24
"""Bytes of a number in JSON, with its comma."""
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    # a notebook on this machine may show the page in a frame
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def error_body(message: str, status: int) -> dict[str, Any]:
    """The one shape of every error."""
    return {"error": {"message": message, "status": status}}


def most_bytes(values: int) -> int:
    """Bytes that a body may have where one row has so many values: a row has to fit, and nothing has to be endless."""
    return min(MOST_OF_ALL, max(MOST_BYTES, _NUMBER * values + 1024))


class Guard:
    """Lets through requests to `hosts` from their own pages, with bodies up to `most` bytes.

    A page elsewhere on the web can send requests to a server on this machine, and by a name that is made to resolve
    to it can even read the answers; the headers Host and Origin tell.
    """

    def __init__(self, app: App, *, hosts: Collection[str], most: int = MOST_BYTES) -> None:
        self.app, self.hosts, self.most = app, frozenset(hosts), most
        self.origins = frozenset(f"http://{host}" for host in hosts)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(dict(scope["headers"]))
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        body = Body(receive, self.most)
        await self.app(scope, body.receive, body.unless_too_large(_with_headers(send)))
        if body.too_large:
            await _refuse(send, 413, _too_large(self.most))

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if host not in self.hosts:
            return 421, f"this server answers to {' and '.join(sorted(self.hosts))}, not to {host!r}"
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1") not in self.origins:
            return 403, "requests from pages of another origin are refused"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.most:
            return 413, _too_large(self.most)
        return None


def _too_large(most: int) -> str:
    return f"the body of a request may have {most:,} bytes"


class Body:
    """The body of one request while it comes in; its length need not have been stated."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._seen = receive, most, 0

    @property
    def too_large(self) -> bool:
        """Whether more came than is allowed."""
        return self._seen > self._most

    async def receive(self) -> Message:
        """The next piece; the reader is stopped at the first that is too much."""
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self.too_large:
            raise ValueError(_too_large(self._most))
        return message

    def unless_too_large(self, send: Send) -> Send:
        """What the application answers to half a body is not sent: the guard answers."""

        async def sending(message: Message) -> None:
            if not self.too_large:
                await send(message)

        return sending


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _refuse(send: Send, status: int, words: str) -> None:
    body = json.dumps(error_body(words, status)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
