"""One request and its answer, over a connection to addresses that were judged before."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from yarl import URL

from certwright.fetch.failures import HopError
from certwright.fetch.locations import Location
from certwright.findings import Detail

HEADERS = {
    "Accept": "application/pkix-crl, */*;q=0.5",
    # A few bytes of gzip can be gigabytes of zeros. Without compression the size cap is one number and one check.
    "Accept-Encoding": "identity",
    "User-Agent": "certwright",
}
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a fetch may take; seconds and bytes.

    Attributes:
        total_seconds: for all requests of one fetch together; the same again may be spent waiting for a turn.
        connect_seconds: until a connection stands, TLS included.
        idle_seconds: without a byte.
        max_bytes: of a body.
    """

    total_seconds: float = 30
    connect_seconds: float = 5
    idle_seconds: float = 10
    max_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, not judged yet; the body only of a 200."""

    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


async def exchange(
    location: Location,
    addresses: Sequence[str],
    *,
    headers: Mapping[str, str],
    tls: ssl.SSLContext | None,
    limits: Limits,
) -> Reply:
    """Send one GET to one of `addresses` and read the answer.

    No redirect is followed; no proxy, cookie, netrc or other credential is used; the certificate must be one for the
    name in `location`, whatever the address.

    Raises:
        HopError: there was no proper and complete answer within the limits.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_seconds, sock_read=limits.idle_seconds)
    try:
        async with (
            aiohttp.ClientSession(
                connector=pinned_connector(addresses),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.get(
                URL(str(location), encoded=True),
                headers={**HEADERS, **headers},
                ssl=tls if tls is not None else True,
                allow_redirects=False,
            ) as response,
        ):
            body = await _read(response, limits.max_bytes) if response.status == HTTPStatus.OK else b""
            return Reply(response.status, response.headers, body)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise HopError(_class_of(error)) from None


def pinned_connector(addresses: Sequence[str]) -> aiohttp.TCPConnector:
    """Make a connector that never asks for a name's addresses and makes no socket to any other than `addresses`."""
    allowed = frozenset(addresses)

    def make_socket(info: tuple[int, int, int, str, tuple[str | int, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        if address[0] not in allowed:
            raise PermissionError("the address was not judged")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=_Pinned(addresses), use_dns_cache=False, force_close=True, socket_factory=make_socket
    )


class _Pinned(AbstractResolver):
    """Give the addresses that were judged, whatever is asked."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        self._addresses = ()


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise HopError(Detail.CONTENT_ENCODING)
    if (response.content_length or 0) > max_bytes:
        raise HopError(Detail.TOO_LARGE)
    body = BytesIO()
    async for piece in response.content.iter_chunked(PIECE):
        if body.tell() + len(piece) > max_bytes:
            raise HopError(Detail.TOO_LARGE)
        body.write(piece)
    return body.getvalue()


def _class_of(error: Exception) -> Detail:
    # The order matters: the library's errors are each several things at once.
    if isinstance(error, TimeoutError):
        return Detail.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Detail.TLS
    if isinstance(error, aiohttp.ClientConnectorError):
        return Detail.REFUSED
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return Detail.INTERRUPTED
    return Detail.PROTOCOL
