"""Follow one scope of the cluster: read its list, then its watch, and both again when they break."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from certwright.cluster.answers import Answer, Refusal, error_of
from certwright.cluster.metadata_cache import Listing, Scope
from certwright.cluster.requests import list_of, watch_of
from certwright.cluster.resources import OLDER_VERSIONS, RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.served import Served
from certwright.cluster.survey import read_pages
from certwright.cluster.versions import as_number
from certwright.cluster.watch_stream import EventType, WatchEvent, parse_event, read_lines
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind

MOST_LISTS = 3

SHORTEST_WATCH_SECONDS = 290
LONGEST_WATCH_SECONDS = 590
"""Watches end by themselves in between, so that after an outage they do not all come back at once for ever."""

SHORT_STREAM_SECONDS = 1.0
"""A stream that ended sooner and said nothing is a failure, whatever its code."""

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 30.0

UNSERVED_SECONDS = 300.0
"""How often is asked whether the API server has come to know a kind."""

LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class WatchFigures:
    """What happened to all watches together.

    Attributes:
        restarts: how often a watch was opened again.
        relists: how often a list was read again.
        resets: how often the API server's history turned out to be another one.
        events: how many events were taken in, bookmarks included.
    """

    restarts: int = 0
    relists: int = 0
    resets: int = 0
    events: int = 0


class Feed(Protocol):
    """What a reader feeds: `certwright.cluster.metadata_cache.MetadataCache`, or the one of namespaces."""

    def highest(self, kind: Kind, /) -> int:
        """Give the newest version of any object of this kind that was ever seen, 0 before the first."""
        ...

    def heard_version(self, kind: Kind, version: str, /) -> None:
        """Take note of a version that a list or a bookmark bears."""
        ...

    def page(self, scope: Scope, listing: Listing, items: Iterable[Mapping[str, Any]], /) -> None:
        """Take in a page of a list."""
        ...

    def complete(self, scope: Scope, listing: Listing, /) -> None:
        """End a list."""
        ...

    def put(self, scope: Scope, metadata: Mapping[str, Any], /) -> None:
        """Take in that an object was created or changed."""
        ...

    def remove(self, scope: Scope, metadata: Mapping[str, Any], /) -> None:
        """Take in that an object was deleted."""
        ...

    def set_alive(self, scope: Scope, /, *, alive: bool) -> None:
        """Say whether the watch is open."""
        ...


class ReaderHost(Protocol):
    """What a reader works for; `certwright.cluster.metadata_watch.MetadataWatch`."""

    requests: Retrying
    served: Served
    figures: WatchFigures
    idle_seconds: float
    sleep: Callable[[float], Awaitable[None]]

    def note_listed(self) -> None:
        """Take note that a list was read to its end."""
        ...

    def reset(self, kind: Kind) -> None:
        """Forget what is known of a kind and have it read anew."""
        ...


class MetadataReader:
    """Keep one scope of a cache true.

    Attributes:
        scope: what is followed.
        last_heard: monotonic time of the last word of the API server about it.
        trouble: why the watch is not open; empty when it is.
        is_unserved: the API server does not know the kind, so nothing is to be heard.
    """

    def __init__(self, scope: Scope, host: ReaderHost, cache: Feed) -> None:
        self.scope = scope
        self.last_heard = time.monotonic()
        self.trouble = ""
        self.is_unserved = False
        self._host = host
        self._cache = cache
        self._resource = RESOURCES[scope.kind]
        self._version = ""  # where the watch goes on; empty: a list is due
        self._lists = 0
        self._failures = 0
        self._interruption: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Watch until cancelled; nothing else ends it."""
        while True:
            try:
                await self._follow()
            except ClusterError as error:
                self._note_failure(error.message)
                if error.cause is FailureCause.GONE:
                    self._version = ""
                if error.status == HTTPStatus.NOT_FOUND and self.scope.kind in OLDER_VERSIONS:
                    self._host.served.forget(self.scope.kind)
                    self._version = ""
            except Exception:
                # A defect of ours, or an answer of a shape the API does not have: begin anew, and say so.
                LOGGER.exception("the watch of %s failed", self.scope.kind)
                self._note_failure("internal error")
                self._version = ""
            if self._failures:
                wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(self._failures - 1, 10), LONGEST_WAIT_SECONDS)
                await self._host.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - spreads load, guards nothing

    def relist(self) -> None:
        """Leave the watch and read the list again."""
        self._version = ""
        if self._interruption is not None:
            self._interruption.reschedule(asyncio.get_running_loop().time())
            self._interruption = None  # once is enough, and twice is an error

    async def _follow(self) -> None:
        if not self._version:
            if not await self._is_served():
                await self._host.sleep(UNSERVED_SECONDS)
                return
            await self._list()
        else:
            await self._check_history()
            self._host.figures.restarts += 1
        if not self._version:
            return
        try:
            async with asyncio.timeout(None) as self._interruption:
                await self._watch()
        except TimeoutError:
            LOGGER.debug("the watch of %s was interrupted to read the list again", self.scope.kind)
        finally:
            self._interruption = None
            self._cache.set_alive(self.scope, alive=False)

    def _note_failure(self, message: str) -> None:
        self._failures += 1
        self.trouble = message
        LOGGER.log(logging.WARNING if self._failures > 1 else logging.INFO, "watch interrupted: %s", message)

    async def _is_served(self) -> bool:
        """Find out in which version the kind is served; when in none, there are no objects of it."""
        resource = await self._host.served.resource(self.scope.kind)
        self.last_heard = time.monotonic()
        self.is_unserved = resource is None
        self._cache.set_alive(self.scope, alive=self.is_unserved)
        if resource is not None:
            self._resource = resource
            return True
        self.trouble, self._failures = "", 0
        self._cache.complete(self.scope, Listing("0"))
        self._host.note_listed()
        return False

    # ---- the list

    async def _list(self) -> None:
        for attempt in range(1, MOST_LISTS + 1):
            try:
                listing = await self._read_pages()
            except ClusterError as error:
                # A list that takes minutes may outlive the version it is a list of.
                if error.cause is not FailureCause.GONE or attempt == MOST_LISTS:
                    raise
            else:
                break
        self._host.figures.relists += self._lists > 0
        self._lists += 1
        self._cache.complete(self.scope, listing)
        self._version = listing.version
        self._host.note_listed()

    async def _read_pages(self) -> Listing:
        highest = self._cache.highest(self.scope.kind)
        listing: Listing | None = None
        pages = read_pages(self._host.requests, self._resource, namespace=self.scope.namespace)
        async with aclosing(pages):
            async for page in pages:
                self.last_heard = time.monotonic()
                if listing is None:
                    listing = Listing(self._checked_version(page, highest))
                self._cache.page(self.scope, listing, page.get("items") or ())
        if listing is None:
            raise RuntimeError("a list must have at least one page")
        return listing

    async def _check_history(self) -> None:
        """Ask what time it is in etcd: a watch that starts in the future of a restored etcd says nothing, ever."""
        highest = self._cache.highest(self.scope.kind)
        request = list_of(self._resource, namespace=self.scope.namespace, query="limit=1")
        answer = await self._host.requests.send(request)
        self.last_heard = time.monotonic()
        self._checked_version(answer.manifest(), highest)

    def _checked_version(self, page: Mapping[str, Any], highest: int) -> str:
        """Give the version of a list, and drop everything when it lies before `highest`.

        `highest` must be from before the request: our own writes may pass a list that is under way.
        """
        version: str = page["metadata"]["resourceVersion"]
        number = as_number(version)
        if number is not None and number < highest:
            self._host.reset(self.scope.kind)
        return version

    # ---- the watch

    async def _watch(self) -> None:
        seconds = random.randint(SHORTEST_WATCH_SECONDS, LONGEST_WATCH_SECONDS)  # noqa: S311 - as above
        query = f"watch=1&allowWatchBookmarks=true&resourceVersion={self._version}&timeoutSeconds={seconds}"
        request = watch_of(self._resource, namespace=self.scope.namespace, query=query)
        opened, before = time.monotonic(), self._host.figures.events
        async with self._host.requests.connection.stream(request, idle_seconds=self._host.idle_seconds) as response:
            if response.status != HTTPStatus.OK:
                answer = Answer(response.status, response.headers, await response.read())
                self._refused(Refusal.of(answer))
            self.trouble = ""
            self.last_heard = time.monotonic()
            self._cache.set_alive(self.scope, alive=True)
            async with aclosing(read_lines(response.content.iter_any())) as lines:
                async for line in lines:
                    self._take(parse_event(line))
        if self._host.figures.events == before and time.monotonic() - opened < SHORT_STREAM_SECONDS:
            raise ClusterError(FailureCause.UNAVAILABLE, f"{request}: the stream ended at once")
        self._failures = 0

    def _take(self, event: WatchEvent) -> None:
        self.last_heard = time.monotonic()
        self._host.figures.events += 1
        if event.type is EventType.ERROR:
            self._refused(Refusal.of_status(event.object, status=event.object.get("code", 500)))
        self._failures = 0
        metadata = event.object["metadata"]
        if event.type is EventType.BOOKMARK:
            self._cache.heard_version(self.scope.kind, metadata["resourceVersion"])
        elif event.type is EventType.DELETED:
            self._cache.remove(self.scope, metadata)
        else:
            self._cache.put(self.scope, metadata)
        if self._version:  # a change may have asked for a new list
            self._version = metadata["resourceVersion"]

    def _refused(self, refusal: Refusal) -> None:
        if refusal.has_cause("ResourceVersionTooLarge"):
            self._host.reset(self.scope.kind)
        request = watch_of(self._resource, namespace=self.scope.namespace, query="")
        raise error_of(refusal, request)
