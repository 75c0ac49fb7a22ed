"""Fetching, step by step.

Judge the URL, wait for a turn, resolve once, judge the addresses, ask; judge a redirect in the same way and go on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Self

from multidict import CIMultiDictProxy

from certwright.fetch.addresses import AddressPolicy
from certwright.fetch.allowed_hosts import AllowedHosts
from certwright.fetch.exchange import Limits, Reply, exchange
from certwright.fetch.failures import (
    HopError,
    HostNotAllowedError,
    fetch_failed,
    host_not_allowed,
    redirect_not_allowed,
    url_unusable,
)
from certwright.fetch.locations import Location, LocationError, follow, read_location
from certwright.fetch.ports import Fetched, FetchRequest, Resolver
from certwright.fetch.resolver import SystemResolver
from certwright.fetch.tls import client_context
from certwright.fetch.turns import Allowance, Turns
from certwright.findings import Detail, Finding, Reason, warning
from certwright.settings import Settings

MOST_REDIRECTS = 5
MOST_ADDRESSES = 8
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TYPES = frozenset(
    {
        "application/pkix-crl",  # RFC 2585 §4.2
        "application/x-pkcs7-crl",
        "application/x-x509-crl",
        "application/x-pem-file",
        "application/pem-certificate-chain",
        "application/octet-stream",
        "binary/octet-stream",
        "text/plain",
    }
)
"""The media types that lists are served under; any other is worth a note, and the content decides."""

# RFC 9110 §8.8.3 and §5.6.7. Both are stored and sent back, so they are no room for anything else.
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"')
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")


class HTTPFetcher:
    """Fetch over HTTP and HTTPS; implements `certwright.fetch.ports.Fetcher`.

    Args:
        hosts: which may be asked.
        addresses: which may be connected to.
        limits: how much a fetch may take.
        resolver: who knows the addresses of names; asked at most once for each name in a fetch.
    """

    def __init__(
        self, hosts: AllowedHosts, addresses: AddressPolicy, *, limits: Limits, resolver: Resolver | None = None
    ) -> None:
        self._hosts = hosts
        self._addresses = addresses
        self._limits = limits
        self._resolver = resolver or SystemResolver()
        self._turns = Turns()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make the one that the settings describe.

        Raises:
            ValueError: a host pattern or a network in the settings cannot be read.
        """
        limits = Limits(total_seconds=settings.crl_fetch_seconds, max_bytes=settings.crl_max_bytes)
        return cls(AllowedHosts(settings.crl_hosts), AddressPolicy(settings.crl_private_addresses), limits=limits)

    async def fetch(self, request: FetchRequest) -> Fetched:
        """Fetch one body, or learn that it has not changed.

        Raises:
            FetchError: nothing was fetched; the finding says why, in words of ours.
        """
        try:
            start = read_location(request.url)
        except LocationError as error:
            raise url_unusable(str(error)) from None
        if not self._hosts.allow(start):
            raise host_not_allowed(start.host)
        try:
            reply = await self._follow(start, request)
            return _fetched(reply, request, host=start.host)
        except HopError as error:
            raise fetch_failed(start.host, error) from None
        except HostNotAllowedError:
            raise redirect_not_allowed(start.host) from None

    async def _follow(self, here: Location, request: FetchRequest) -> Reply:
        """Ask until the answer is not a redirect."""
        work = Allowance(self._limits.total_seconds)
        patience = Allowance(self._limits.total_seconds)
        known: dict[str, Sequence[str]] = {}
        for _ in range(MOST_REDIRECTS + 1):
            async with self._turns.turn(here.host, patience):
                try:
                    async with work.spend():
                        if here.host not in known:
                            known[here.host] = await self._resolve(here)
                        reply = await self._ask(here, known[here.host], request)
                except TimeoutError:
                    raise HopError(Detail.TIMEOUT) from None
            if reply.status not in REDIRECTS:
                return reply
            here = self._next(here, reply)
        raise HopError(Detail.REDIRECT)

    async def _resolve(self, location: Location) -> Sequence[str]:
        """Give the addresses to connect to; one that is not allowed spoils them all: the name is not what it seems."""
        try:
            found = [location.host] if _is_address(location.host) else await self._resolve_name(location)
        except (OSError, UnicodeError):
            raise HopError(Detail.NAME_RESOLUTION) from None
        admitted = [address for text in found if (address := self._addresses.admit(text)) is not None]
        if len(admitted) < len(found):
            raise HopError(Detail.ADDRESS)
        return admitted[:MOST_ADDRESSES]

    async def _resolve_name(self, location: Location) -> Sequence[str]:
        found = await self._resolver.resolve(location.host, location.port)
        if not found:
            raise HopError(Detail.NAME_RESOLUTION)
        return found

    async def _ask(self, location: Location, addresses: Sequence[str], request: FetchRequest) -> Reply:
        tls = await asyncio.to_thread(client_context, request.ca_pem) if location.is_secure else None
        return await exchange(location, addresses, headers=_validators(request), tls=tls, limits=self._limits)

    def _next(self, here: Location, reply: Reply) -> Location:
        try:
            there = follow(here, reply.headers.get("Location", ""))
        except LocationError:
            raise HopError(Detail.REDIRECT) from None
        if not self._hosts.allow(there):
            raise HostNotAllowedError
        return there


def _is_address(host: str) -> bool:
    # `Location` holds names whose last label is no number, and addresses.
    return ":" in host or host.rpartition(".")[2].isdigit()


def _validators(request: FetchRequest) -> dict[str, str]:
    etag, date = _matching(_ETAG, request.etag), _matching(_DATE, request.last_modified)
    named = {"If-None-Match": etag, "If-Modified-Since": date}
    return {name: value for name, value in named.items() if value is not None}


def _fetched(reply: Reply, request: FetchRequest, *, host: str) -> Fetched:
    etag = _matching(_ETAG, reply.headers.get("ETag"))
    date = _matching(_DATE, reply.headers.get("Last-Modified"))
    if reply.status == HTTPStatus.NOT_MODIFIED and (asked := _validators(request)):
        kept = asked.get("If-None-Match"), asked.get("If-Modified-Since")
        return Fetched(b"", etag or kept[0], date or kept[1], not_modified=True)
    if reply.status != HTTPStatus.OK:
        raise HopError(Detail.STATUS, status=reply.status)
    return Fetched(reply.body, etag, date, notes=_notes(reply.headers, host))


def _notes(headers: CIMultiDictProxy[str], host: str) -> tuple[Finding, ...]:
    media_type = headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip().lower()
    if media_type in TYPES:
        return ()
    message = (
        f"`{host}` serves the content of `url` under a media type that is not one of revocation lists. When the "
        "content is none either, `url` may lead to a page for people; else the type should be `application/pkix-crl`."
    )
    return (warning(Reason.NORMALIZED, message, detail=Detail.MEDIA_TYPE),)


def _matching(form: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and form.fullmatch(text) else None
