"""The way to the API server: credentials that stay fresh, TLS, a bounded number of connections, a limit on time.

One call is one exchange; who wants patience takes `certwright.cluster.retries`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from io import BytesIO
from typing import Any, NoReturn, Protocol, Self
from weakref import WeakSet

import aiohttp
from aiohttp import AddrInfoType
from multidict import istr
from yarl import URL

from certwright import __version__
from certwright.cluster.answers import Answer
from certwright.cluster.credentials import Credentials
from certwright.cluster.requests import Request, RequestMetrics
from certwright.findings import ClusterError, FailureCause

CONNECT_SECONDS = 5.0
CREDENTIALS_SECONDS = 60.0
"""How long credentials are taken to be fresh; a pod's token is replaced long before the old one ends."""

REFUSED_SECONDS = 5.0
"""Least time between two loads that a 401 asks for: the load may run a program."""

KEEP_ALIVE_SECONDS = 75.0
LONG_BODY = 2**20
HANG_UP_TURNS = 20
"""Turns of the event loop for transports to notice that their socket is shut; three are enough."""

CLOSED = -1

LOGGER = logging.getLogger(__name__)


class CredentialSource(Protocol):
    """Where credentials come from; `certwright.cluster.credentials.Login`, or a test's."""

    def load(self, *, force: bool = False) -> Credentials:
        """Read the credentials; may block."""
        ...


class DateListener(Protocol):
    """Who wants to know the API server's time; `certwright.cluster.clock.SystemClock`."""

    def heard_date(self, date: str, *, round_trip_seconds: float) -> None:
        """Take note of the `Date` of an answer that has just arrived."""
        ...


class Connection:
    """Exchange requests and answers with one API server.

    Watches have connections of their own, outside the bound: they would otherwise starve everything else.
    """

    def __init__(
        self,
        source: CredentialSource,
        *,
        clock: DateListener | None = None,
        metrics: RequestMetrics | None = None,
        request_seconds: float = 30,
        limit: int = 64,
    ) -> None:
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._request_timeout = aiohttp.ClientTimeout(total=request_seconds, sock_connect=CONNECT_SECONDS)
        self._limit = limit
        self._credentials: Credentials | None = None
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None
        self._sockets: WeakSet[socket.socket] = WeakSet()

    async def __aenter__(self) -> Self:
        """Load the credentials; no request is sent yet.

        Raises:
            ClusterError: there are no credentials.
        """
        await self._load(force=True)
        self._session = self._new_session(limit=self._limit)
        self._streams = self._new_session(limit=0)
        return self

    async def lend_session(self) -> tuple[str, aiohttp.ClientSession]:
        """Open a session for a library that makes its own requests; give the server's URL and the session.

        It bears the credentials of this moment, and the borrower closes it. Its sockets end with this connection.

        Raises:
            ClusterError: there are no credentials.
        """
        await self._load(force=True)
        credentials = await self._fresh()
        return credentials.server, self._new_session(limit=0, credentials=credentials)

    async def __aexit__(self, *_: object) -> None:
        for session in (self._session, self._streams):
            if session is not None:
                await session.close()
        await self._hang_up()

    async def exchange(self, request: Request, *, seconds: float | None = None) -> Answer:
        """Send a request and read the whole answer, whatever its code.

        A 401 makes the credentials be loaded anew, once, before it is believed.

        Args:
            request: what to ask for.
            seconds: how long it may take in all; else the connection's own limit.

        Raises:
            ClusterError: no answer came (`UNAVAILABLE`), or not in time (`TIMEOUT`). A write may have been done.
        """
        answer = await self._exchange(request, seconds)
        if answer.status == HTTPStatus.UNAUTHORIZED and await self._load(force=True):
            answer = await self._exchange(request, seconds)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request, *, idle_seconds: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request whose answer has no end; the content may be read piece by piece.

        Raises:
            ClusterError: no answer came, the stream broke, or nothing came for `idle_seconds`.
        """
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        credentials = await self._fresh()
        started = time.monotonic()
        try:
            async with self._send(self._streams, request, credentials, timeout=timeout) as response:
                self._count(request, response.status, time.monotonic() - started)
                if response.status == HTTPStatus.UNAUTHORIZED:
                    await self._load(force=True)
                yield response
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            _give_up(request, error)

    async def _exchange(self, request: Request, seconds: float | None) -> Answer:
        timeout = self._request_timeout
        if seconds is not None:
            timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))
        credentials = await self._fresh()
        started = time.monotonic()
        try:
            async with self._send(self._session, request, credentials, timeout=timeout) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._count(request, 0, time.monotonic() - started)
            _give_up(request, error)
        took = time.monotonic() - started
        self._count(request, answer.status, took)
        if self._clock is not None and (date := answer.headers.get("Date")):
            self._clock.heard_date(date, round_trip_seconds=took)
        return answer

    def _send(
        self,
        session: aiohttp.ClientSession | None,
        request: Request,
        credentials: Credentials,
        *,
        timeout: aiohttp.ClientTimeout,
    ) -> Any:
        if session is None:
            raise RuntimeError("the connection must be entered before it is used")
        headers = {ACCEPT: request.accept}
        if credentials.authorization is not None:
            headers[AUTHORIZATION] = credentials.authorization
        if request.body is not None:
            headers[CONTENT_TYPE] = request.content_type
        return session.request(
            request.method,
            URL(credentials.server + request.target, encoded=True),
            # The library warns of bytes that long, and takes them piece by piece from a file.
            data=BytesIO(request.body) if request.body and len(request.body) > LONG_BODY else request.body,
            headers=headers,
            ssl=credentials.tls,
            server_hostname=credentials.server_name,
            proxy=credentials.proxy,
            timeout=timeout,
            allow_redirects=False,  # the API server never redirects; whoever does shall not get our token
        )

    def _count(self, request: Request, code: int, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.requests(request.verb.value, request.resource.plural, code, seconds)

    # ---- credentials

    async def _fresh(self) -> Credentials:
        if time.monotonic() - self._loaded_at > CREDENTIALS_SECONDS:
            await self._load(force=False)
        if self._credentials is None:
            raise RuntimeError("the connection must be entered before it is used")
        return self._credentials

    async def _load(self, *, force: bool) -> bool:
        """Load the credentials, unless somebody else just did; say whether there are others now."""
        asked_at = time.monotonic()
        async with self._loading:
            if self._loaded_at > asked_at - (REFUSED_SECONDS if force else 0):
                return False
            before = self._credentials
            try:
                loaded = await asyncio.to_thread(self._source.load, force=force)
            except ClusterError as error:
                if before is None:
                    raise
                # A file that is being replaced; what we have may still do.
                LOGGER.warning("%s; going on with those loaded before", error.message)
                loaded = before
            self._loaded_at = time.monotonic()
            if before is not None and loaded.tls_digest == before.tls_digest and loaded.server == before.server:
                loaded = Credentials(
                    before.server, loaded.authorization, before.tls, before.tls_digest, before.server_name, before.proxy
                )
            self._credentials = loaded
            return before is None or loaded != before

    # ---- sockets

    def _new_session(self, *, limit: int, credentials: Credentials | None = None) -> aiohttp.ClientSession:
        headers = {USER_AGENT: f"certwright/{__version__}"}
        if credentials is not None and credentials.authorization is not None:
            headers[AUTHORIZATION] = credentials.authorization
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=limit,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                socket_factory=self._new_socket,
                ssl=True if credentials is None else credentials.tls,
            ),
            headers=headers,
            proxy=None if credentials is None else credentials.proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    def _new_socket(self, address: AddrInfoType) -> socket.socket:
        made = socket.socket(*address[:3])
        self._sockets.add(made)
        return made

    async def _hang_up(self) -> None:
        """End what streams and requests out of time have left: TLS waits 30 s for the server to say goodbye."""
        for _ in range(HANG_UP_TURNS):
            left = [each for each in self._sockets if each.fileno() != CLOSED]
            if not left:
                return
            for each in left:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0)


ACCEPT = istr("Accept")
AUTHORIZATION = istr("Authorization")
CONTENT_TYPE = istr("Content-Type")
USER_AGENT = istr("User-Agent")


def _give_up(request: Request, error: Exception) -> NoReturn:
    # "from None": errors of the HTTP library carry the request's headers, and so our token.
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        raise ClusterError(FailureCause.TIMEOUT, f"{request}: no answer in time ({name})") from None
    raise ClusterError(FailureCause.UNAVAILABLE, f"{request}: the API server cannot be reached ({name})") from None
