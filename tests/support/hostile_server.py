"""A real HTTP(S) server on loopback that misbehaves on purpose, byte by byte.

>>> async with HostileServer({"/list": reply(b"..."), "/slow": silence()}) as server:
...     server.port, server.visits

Everything a server can say in prose holds `TATTLE`, so that a test can show that nothing of it is repeated. What
takes its time waits for the client to leave, not for a clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

TATTLE = "tattle"
"""Stands in everything that must not come back out."""

DRIP_SECONDS = 0.02


@dataclass
class Visit:
    """One request, and the means to mistreat who sent it."""

    target: str
    headers: Mapping[str, str]
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def departure(self) -> None:
        """Wait until the client has closed the connection."""
        await self.reader.read()


Behaviour = Callable[[Visit], Awaitable[None]]


class HostileServer:
    """Serve `behaviours` by path on a free port of 127.0.0.1.

    Args:
        behaviours: what to do at which path.
        tls: speak TLS with this context.
        greeting: sent before anything was asked.
    """

    def __init__(
        self, behaviours: Mapping[str, Behaviour], *, tls: ssl.SSLContext | None = None, greeting: bytes = b""
    ) -> None:
        self._behaviours = behaviours
        self._tls = tls
        self._greeting = greeting
        self._tasks: set[asyncio.Task[None]] = set()
        self._active: Counter[str] = Counter()
        self.visits: list[Visit] = []
        self.connections = 0
        self.busiest: Counter[str] = Counter()
        """The most requests that were under way at once, by `Host`."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            writer.write(self._greeting)
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass  # the client left, or the test is over: neither is a failure here
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        visit = Visit(head[0].split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}, reader, writer)
        self.visits.append(visit)
        async with self._counted(visit.headers["host"]):
            await self._behaviours[visit.target.partition("?")[0]](visit)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                writer.close()
                await writer.wait_closed()

    @asynccontextmanager
    async def _counted(self, host: str) -> AsyncIterator[None]:
        self._active[host] += 1
        self.busiest[host] = max(self.busiest[host], self._active[host])
        try:
            yield
        finally:
            self._active[host] -= 1


def head(status: str = "200 OK", **headers: object) -> bytes:
    """Write a status line and headers; underscores become hyphens."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(body: bytes = b"", status: str = "200 OK", **headers: object) -> Behaviour:
    """Answer properly."""
    return raw(head(status, **{"Content_Length": len(body), "Content_Type": "application/pkix-crl", **headers}) + body)


def raw(data: bytes) -> Behaviour:
    """Send these bytes and close."""

    async def behave(visit: Visit) -> None:
        await visit.send(data)

    return behave


def redirect(location: str, status: str = f"302 {TATTLE}") -> Behaviour:
    """Send the client elsewhere."""
    return reply(TATTLE.encode(), status, Location=location)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave differently each time, the last for ever."""
    ahead = itertools.chain(behaviours, itertools.repeat(behaviours[-1]))

    async def behave(visit: Visit) -> None:
        await next(ahead)(visit)

    return behave


def gated(gate: asyncio.Event, then: Behaviour, *, arrived: asyncio.Event | None = None) -> Behaviour:
    """Hold the answer back until the gate opens; `arrived` is set when the question is there."""

    async def behave(visit: Visit) -> None:
        if arrived is not None:
            arrived.set()
        await gate.wait()
        await then(visit)

    return behave


def silence(after: bytes = b"") -> Behaviour:
    """Send a beginning and then nothing, for as long as the client has patience."""

    async def behave(visit: Visit) -> None:
        await visit.send(after)
        await visit.departure()

    return behave


def drip(after: bytes, piece: bytes) -> Behaviour:
    """Send a piece again and again, slowly, until the client leaves: never idle and never done."""

    async def behave(visit: Visit) -> None:
        await visit.send(after)
        leaving = asyncio.ensure_future(visit.departure())
        try:
            while not leaving.done():
                await visit.send(piece)
                await asyncio.wait({leaving}, timeout=DRIP_SECONDS)
        finally:
            leaving.cancel()

    return behave


def flood(after: bytes, piece: bytes) -> Behaviour:
    """Send a piece again and again, as fast as it goes, until the client leaves."""

    async def behave(visit: Visit) -> None:
        await visit.send(after)
        while True:
            await visit.send(piece)

    return behave


def reset(after: bytes) -> Behaviour:
    """Send a beginning and reset the connection."""

    async def behave(visit: Visit) -> None:
        await visit.send(after)
        plain: socket.socket = visit.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        visit.writer.transport.abort()

    return behave


def bomb(size: int) -> bytes:
    """Compress `size` zeros."""
    return gzip.compress(bytes(size), mtime=0)


class ScriptedResolver:
    """Answer from a script: each time a name is asked for the next of its answers, the last for ever."""

    def __init__(self, answers: Mapping[str, Iterable[list[str] | OSError]]) -> None:
        self._answers = {name: list(script) for name, script in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        del port
        self.asked.append(host)
        script = self._answers.get(host, [["127.0.0.1"]])
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, OSError):
            raise answer
        return answer
