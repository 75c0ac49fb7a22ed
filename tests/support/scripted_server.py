"""A real HTTP server on loopback that answers what a test tells it to: late, wrong, half or never."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from certwright.cluster.credentials import Credentials
from certwright.cluster.requests import RequestMetrics

UNUSED_TLS = ssl.create_default_context()
"""The server speaks plain HTTP."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class ScriptedServer:
    """Answer requests from two scripts: one of watches, one of everything else.

    A watch that the script does not name stays open and says nothing. Any other request that it does not name is
    answered by `otherwise`, at first with a 500 that nobody retries.
    """

    answers: deque[Answer] = field(default_factory=deque)
    watches: deque[Answer] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def script(self, *answers: Answer) -> None:
        """Add answers to requests that are no watches, in order."""
        self.answers.extend(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        query = dict(request.query)
        self.received.append(Received(request.method, request.path, query, dict(request.headers), await request.read()))
        if "watch" in query:
            return await (self.watches.popleft() if self.watches else self._silence)(request)
        return await (self.answers.popleft() if self.answers else self.otherwise)(request)

    async def otherwise(self, request: web.Request) -> web.StreamResponse:
        """Answer what the script does not name."""
        return web.json_response({"message": f"failed to convert: no answer for {request.method}"}, status=500)

    async def _silence(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await self._open.wait()
        return response

    def end_silence(self) -> None:
        """Let watches that stay open end."""
        self._open.set()

    def verbs(self) -> list[str]:
        """Return the methods received, a watch as `WATCH`."""
        return ["WATCH" if "watch" in request.query else request.method for request in self.received]


@asynccontextmanager
async def serving() -> AsyncIterator[ScriptedServer]:
    """Run a scripted server on a free port."""
    server = ScriptedServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.end_silence()
        await runner.cleanup()


class StaticCredentials:
    """Give credentials without a file; `tokens` are given one after another, the last one for ever."""

    def __init__(self, url: str, *tokens: str) -> None:
        self.url = url
        self.tokens = list(tokens)
        self.loads: list[bool] = []

    def load(self, *, force: bool = False) -> Credentials:
        """Return the next credentials."""
        self.loads.append(force)
        token = self.tokens.pop(0) if len(self.tokens) > 1 else next(iter(self.tokens), None)
        return Credentials(self.url, token and f"Bearer {token}", tls=UNUSED_TLS, tls_digest=b"")


class CountedRequests(RequestMetrics):
    """Remember what was counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str, int]] = []

    def requests(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Remember one request."""
        assert seconds >= 0
        self.counted.append((verb, resource, code))


# ---- answers


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with JSON."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return handle


def text(body: str, *, status: int = 200) -> Answer:
    """Answer with something that is not JSON."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status)

    return handle


def refusal(
    code: int,
    reason: str = "",
    message: str = "",
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Answer with a `Status`, as the API server does."""
    return answer(status_object(code, reason, message, details=details), status=code, headers=headers)


def status_object(
    code: int, reason: str = "", message: str = "", *, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a `Status` of failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": dict(details or {}),
    }


def never(released: asyncio.Event) -> Answer:
    """Answer only after `released` is set: to the client, never."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    return handle


def hang_up() -> Answer:
    """Close the connection without an answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return handle


def stream(*chunks: bytes, cut: bool = False, until: asyncio.Event | None = None) -> Answer:
    """Answer with chunks, then end; or break off in the middle when `cut`; or stay open `until` an event is set."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if until is not None:
            await until.wait()
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handle


def line(kind: str, obj: Mapping[str, Any]) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def partial(
    name: str,
    version: int | str,
    *,
    namespace: str = "shop",
    uid: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a PartialObjectMetadata."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": dict(labels or {}),
        "annotations": dict(annotations or {}),
    }
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}


def page(version: int | str, *items: Mapping[str, Any], more: str = "") -> Answer:
    """Answer with one page of a list."""
    metadata = {"resourceVersion": str(version)} | ({"continue": more} if more else {})
    return answer({"kind": "PartialObjectMetadataList", "metadata": metadata, "items": list(items)})
