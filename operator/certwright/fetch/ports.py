"""What the other floors see of fetching, and what fetching needs from the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from certwright.findings import Finding


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch.

    Attributes:
        url: `http` or `https`, of a host that the settings allow.
        ca_pem: the CAs that may have issued the server's certificate, and no others; absent: the system's.
        etag: what `Fetched.etag` was for the same URL; leave it out to have the body in any case.
        last_modified: what `Fetched.last_modified` was for the same URL. Neither is sent unless it looks like one.
    """

    url: str
    ca_pem: bytes | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came.

    Attributes:
        body: the content as served; empty when `not_modified`.
        etag: for the next request; opaque, a stranger's, not for people.
        last_modified: the same.
        not_modified: the server says that the body which came with the validators sent is still current. That can be
            untrue and cannot be seen from here: ask without validators once in a while.
        notes: warnings, ready for a status.
    """

    body: bytes = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False
    notes: tuple[Finding, ...] = ()


class Fetcher(Protocol):
    """Who fetches; `certwright.fetch.http_fetcher.HTTPFetcher`, or a test's."""

    async def fetch(self, request: FetchRequest) -> Fetched:
        """Fetch one body, or learn that it has not changed.

        Raises:
            FetchError: nothing was fetched; the finding says why, in words of ours.
        """
        ...


class Resolver(Protocol):
    """Who knows the addresses of a name."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Give the addresses of `host`, the one to be tried first at the front.

        Raises:
            OSError: there are none, or nobody could be asked.
        """
        ...
