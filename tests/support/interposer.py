"""A reverse proxy between the operator and the API server that does what networks and API servers do on a bad day.

It ends TLS with the API server's own certificate, so that a kubeconfig needs another address and nothing else; who uses
it is told from a token, for a client certificate ends here. It runs in a thread of its own: tests and operator may each
be where they like.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import aiohttp
from aiohttp import web

from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until

START_SECONDS = 30.0
HOLD_SECONDS = 60.0
LARGEST_BODY = 16 * 1024 * 1024
ALWAYS = 10**9
CLOSED = -1

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# What belongs to one connection and not to the message, or is made anew on this side.
NOT_FORWARDED = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host", "server"})


@dataclass(eq=False)
class Call:
    """One request, as RBAC would speak of it.

    Attributes:
        at: monotonic time of its arrival.
        code: what the API server answered; 0 before that, and when it was never asked.
    """

    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    body: bytes = field(repr=False)
    at: float = field(default_factory=time.monotonic)
    code: int = 0
    answered: int = 0

    @classmethod
    def of(cls, request: web.BaseRequest, body: bytes) -> Call:
        """Read method and path."""
        steps = request.path.strip("/").split("/")
        steps = steps[2:] if steps[0] == "api" else steps[3:] if steps[0] == "apis" else []
        namespace = ""
        if steps[:1] == ["namespaces"] and len(steps) > 2:
            namespace, steps = steps[1], steps[2:]
        resource, name, subresource = (*steps, "", "", "")[:3]
        verb = VERBS.get(request.method) or ("get" if name else "list")
        if "watch" in request.query:
            verb = "watch"
        return cls(verb, resource, namespace, name, subresource, body)


Where = Callable[[Call], bool]
Forward = Callable[[], Awaitable[web.StreamResponse]]
Treatment = Callable[[Call, web.BaseRequest, Forward], Awaitable[web.StreamResponse]]


def calls(verb: str = "", resource: str = "", *, namespace: str = "", name: str = "", subresource: str = "") -> Where:
    """Choose requests; what is not named may be anything, but only `subresource` chooses those of a subresource."""

    def matches(call: Call) -> bool:
        return (
            verb in ("", call.verb)
            and resource in ("", call.resource)
            and namespace in ("", call.namespace)
            and name in ("", call.name)
            and subresource == call.subresource
        )

    return matches


def everything(_call: Call) -> bool:
    """Choose all requests."""
    return True


def watches(call: Call) -> bool:
    """Choose all watches."""
    return call.verb == "watch"


@dataclass(eq=False)
class Rule:
    """What becomes of the next `times` requests that fit."""

    where: Where
    treat: Treatment
    times: int


class Held:
    """A request that waits, on its way there or on its way back, until the test says what becomes of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, what: str) -> None:
        self._loop = loop
        self._what = what
        self._fate: asyncio.Future[bool] = loop.create_future()
        self._arrived = threading.Event()

    @property
    def has_arrived(self) -> bool:
        """Say whether the request is held now, or was."""
        return self._arrived.is_set()

    def wait(self, *, deadline_seconds: float = HOLD_SECONDS) -> None:
        """Wait until there is something to hold.

        Raises:
            AssertionError: nothing came.
        """
        assert self._arrived.wait(deadline_seconds), f"waited {deadline_seconds:g} s for {self._what}"

    def release(self) -> None:
        """Let it go on."""
        self._decide(goes_on=True)

    def drop(self) -> None:
        """Let it never arrive: the connection ends."""
        self._decide(goes_on=False)

    async def stand(self) -> bool:
        """Wait for the word of the test; for the treatment only."""
        self._arrived.set()
        return await self._fate

    def _decide(self, *, goes_on: bool) -> None:
        def decide() -> None:
            if not self._fate.done():
                self._fate.set_result(goes_on)

        self._loop.call_soon_threadsafe(decide)


class Interposer:
    """Be one proxy in front of one control plane.

    Attributes:
        seen: every request, in the order of arrival.
        date_offset: how far the answers' `Date` is moved.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane_url = plane.url
        self._pki = plane.folder / "pki"
        self._kubeconfigs = plane.folder / "kubeconfigs"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="interposer")
        self._rules: list[Rule] = []
        self._held: list[Held] = []
        self._sockets: WeakSet[Any] = WeakSet()
        self._open: dict[Call, web.BaseRequest] = {}
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self.seen: list[Call] = []
        self.date_offset = timedelta(0)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reset()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def kubeconfig(self, original: Path) -> Path:
        """Write a copy of a kubeconfig that leads here; it must have a token."""
        text = original.read_text()
        assert "token" in text, "a client certificate ends at the proxy"
        path = self._kubeconfigs / f"{original.stem}-interposed.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(text.replace(self._plane_url, self.url))
        return path

    # ---- what a test asks for

    def refuse(
        self,
        where: Where,
        code: int,
        *,
        reason: str = "",
        retry_after: int | None = None,
        times: int = 1,
    ) -> Rule:
        """Answer in place of the API server, which hears nothing of it."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}

        async def treat(call: Call, _request: web.BaseRequest, _forward: Forward) -> web.StreamResponse:
            call.answered = code
            return web.json_response({**status, "message": f"{code} by the interposer"}, status=code, headers=headers)

        return self._add(where, treat, times)

    def swallow(self, where: Where, *, times: int = 1) -> Rule:
        """Have the request carried out and its answer lost: the connection ends instead."""

        async def treat(_call: Call, request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
            await forward()
            return _hang_up(request)

        return self._add(where, treat, times)

    def lose(self, where: Where, *, times: int = 1) -> Rule:
        """End the connection; the API server hears nothing of the request."""

        async def treat(_call: Call, request: web.BaseRequest, _forward: Forward) -> web.StreamResponse:
            return _hang_up(request)

        return self._add(where, treat, times)

    def hold(self, where: Where, *, what: str = "a request to hold") -> Held:
        """Hold the next such request; the API server has not heard of it."""
        held = self._new_held(what)

        async def treat(_call: Call, request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
            return await forward() if await held.stand() else _hang_up(request)

        self._add(where, treat, 1)
        return held

    def hold_answer(self, where: Where, *, what: str = "an answer to hold") -> Held:
        """Have the next such request carried out, and hold the answer."""
        held = self._new_held(what)

        async def treat(_call: Call, request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
            answer = await forward()
            return answer if await held.stand() else _hang_up(request)

        self._add(where, treat, 1)
        return held

    @contextmanager
    def cut(self, where: Where = everything) -> Iterator[None]:
        """End all connections with such requests, and all new ones until the end of the block."""

        async def treat(_call: Call, request: web.BaseRequest, _forward: Forward) -> web.StreamResponse:
            return _hang_up(request)

        rule = self._add(where, treat, ALWAYS)
        self._run(self._hang_up_all(where))
        try:
            yield
        finally:
            self.remove(rule)

    def remove(self, rule: Rule) -> None:
        """Let a rule hold no more."""
        self._run(self._remove(rule))

    def reset(self) -> None:
        """Be a plain proxy again, and let everything go that is held."""
        self._run(self._reset())
        self.date_offset = timedelta(0)

    # ---- what a test looks at

    def of(self, where: Where, since: float = 0.0) -> list[Call]:
        """Give the requests that fit, from an instant of the monotonic clock on."""
        return [call for call in list(self.seen) if call.at >= since and where(call)]

    def wait_for(self, where: Where, count: int = 1, *, since: float = 0.0, deadline_seconds: float = 60) -> list[Call]:
        """Wait until so many requests that fit were answered by the API server, and give all of them."""

        def found() -> list[Call]:
            done = [call for call in self.of(where, since) if call.code]
            return done if len(done) >= count else []

        return wait_until(found, deadline_seconds=deadline_seconds, what=f"{count} such requests to be answered")

    # ---- inside: in the test's thread

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SECONDS)

    def _new_held(self, what: str) -> Held:
        held = Held(self._loop, what)
        self._held.append(held)
        return held

    def _add(self, where: Where, treat: Treatment, times: int) -> Rule:
        rule = Rule(where, treat, times)
        self._run(self._insert(rule))
        return rule

    # ---- inside: in the proxy's thread

    async def _insert(self, rule: Rule) -> None:
        self._rules.append(rule)

    async def _remove(self, rule: Rule) -> None:
        if rule in self._rules:
            self._rules.remove(rule)

    async def _reset(self) -> None:
        self._rules.clear()
        for held in self._held:
            held.release()
        self._held.clear()

    async def _hang_up_all(self, where: Where) -> None:
        for call, request in list(self._open.items()):
            if where(call):
                _abort(request)

    async def _start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._pki / "server.crt", self._pki / "server.key")
        trusted = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trusted, socket_factory=self._new_socket),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
        )
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), handle_signals=False, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _end(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._hang_up_all(everything)
        for connection in self._runner.server.connections if self._runner.server is not None else ():
            if (transport := connection.transport) is not None:
                self._sockets.add(transport.get_extra_info("socket"))
                transport.abort()
        await self._runner.cleanup()
        await self._session.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A transport closes its socket a few turns after it was told to; the loop must not end before.
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        deadline = self._loop.time() + START_SECONDS
        while any(each.fileno() != CLOSED for each in self._sockets) and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _new_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        made = socket.socket(*address[:3])
        self._sockets.add(made)
        return made

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        call = Call.of(request, body)
        self.seen.append(call)
        self._open[call] = request
        try:
            rule = next((each for each in self._rules if each.where(call)), None)
            if rule is None:
                return await self._forward(call, request)
            rule.times -= 1
            if rule.times <= 0:
                self._rules.remove(rule)
            return await rule.treat(call, request, lambda: self._forward(call, request))
        except (aiohttp.ClientError, OSError, TimeoutError):
            return _hang_up(request)  # the API server is gone, or the operator is
        finally:
            del self._open[call]

    async def _forward(self, call: Call, request: web.BaseRequest) -> web.StreamResponse:
        assert self._session is not None
        async with self._session.request(
            request.method,
            f"{self._plane_url}{request.raw_path}",
            data=call.body or None,
            headers=_forwarded(request.headers),
            allow_redirects=False,
        ) as upstream:
            headers = _forwarded(upstream.headers)
            if self.date_offset and "Date" in headers:
                headers["Date"] = _moved(headers["Date"], self.date_offset)
            if call.verb == "watch":
                return await self._stream(call, request, upstream, headers=headers)
            content = await upstream.read()
            call.code = call.answered = upstream.status
            return web.Response(status=upstream.status, headers=headers, body=content)

    async def _stream(
        self, call: Call, request: web.BaseRequest, upstream: aiohttp.ClientResponse, *, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(request)
        call.code = call.answered = upstream.status
        with suppress(ConnectionResetError):
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
        return response


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}


def _moved(date: str, offset: timedelta) -> str:
    return format_datetime((parsedate_to_datetime(date) + offset).astimezone(UTC), usegmt=True)


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    _abort(request)
    return web.Response(status=502)  # it goes nowhere


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
