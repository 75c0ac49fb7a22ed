"""Keep the metadata cache true: a paged list and a watch per kind, of metadata only, for as long as we run.

kopf cannot watch metadata only, and Secrets read whole would cost memory for every Secret of the cluster. (RBAC knows
no metadata-only list: this saves memory, not rights.)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from certwright.cluster.metadata_cache import MetadataCache, Scope
from certwright.cluster.metadata_reader import MetadataReader, WatchFigures
from certwright.cluster.namespace_cache import NamespaceCache
from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.served import Served
from certwright.reconcile.objects import Kind, ObjectKey

IDLE_SECONDS = 70.0
"""The API server sends a bookmark every 60 s; a stream that is silent for longer is dead, or watches the future."""

LOGGER = logging.getLogger(__name__)


def scopes_of(kinds: Iterable[Kind], namespaces: Iterable[str] = ()) -> list[Scope]:
    """Give what is to be watched: each kind in each namespace, or everywhere when none is named.

    Cluster-scoped kinds are watched everywhere in any case.
    """
    everywhere = ("",)
    named = tuple(namespaces) or everywhere
    return [
        Scope(kind, namespace) for kind in kinds for namespace in (named if RESOURCES[kind].namespaced else everywhere)
    ]


class MetadataWatch:
    """Read lists and watches into a `MetadataCache`, whatever happens to the API server.

    Attributes:
        cache: what the watch knows; the port that reconciling uses.
        namespaces: the same of namespaces, if they are among the scopes.
        served: tells where kinds live that not every API server has.
        figures: what happened so far.
        synced: set once every list has been read to its end.
    """

    def __init__(  # noqa: PLR0913 - what is not a callback has a default
        self,
        requests: Retrying,
        scopes: Iterable[Scope],
        *,
        on_change: Callable[[ObjectKey], None],
        on_owned: Callable[[ObjectKey, ObjectKey], None] = lambda _owner, _key: None,
        on_namespace: Callable[[ObjectKey], None] = lambda _: None,
        served_namespaces: Iterable[str] = (),
        on_reset: Callable[[], None] = lambda: None,
        idle_seconds: float = IDLE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare to watch; `run` does it.

        Args:
            requests: the way to the API server.
            scopes: what to watch; see `scopes_of`.
            on_change: called once with the key of each kept object that changed, by whomever; must not block.
            on_owned: called with owner and key when somebody changed an object that names an owner; must not block.
            on_namespace: called with the key of a namespace that changed in a way that shows; must not block.
            served_namespaces: those that count; empty means all.
            on_reset: called when the API server's history is another one: every other cache is worthless as well.
            idle_seconds: how long a stream may be silent.
            sleep: waits between failures.
        """
        scopes = list(scopes)
        self.requests = requests
        self.served = Served(requests)
        self.cache = MetadataCache(
            [scope for scope in scopes if scope.kind is not Kind.NAMESPACE], on_change=on_change, on_owned=on_owned
        )
        self.namespaces = NamespaceCache(on_change=on_namespace, served=served_namespaces)
        self.figures = WatchFigures()
        self.synced = asyncio.Event()
        self.idle_seconds = idle_seconds
        self.sleep = sleep
        self._on_reset = on_reset
        self._readers = [MetadataReader(scope, self, self._cache_of(scope.kind)) for scope in scopes]

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reader in self._readers:
                group.create_task(reader.run(), name=f"watch {reader.scope.kind} {reader.scope.namespace}".strip())

    def relist(self) -> None:
        """Read every list again and tell what differs; what a sweep asks for that found something missing."""
        for reader in self._readers:
            reader.relist()

    @property
    def is_alive(self) -> bool:
        """Say whether every watch is open at this moment."""
        return all(self._cache_of(reader.scope.kind).is_alive(reader.scope) for reader in self._readers)

    @property
    def silent_seconds(self) -> float:
        """Give how long the most silent watch has said nothing; bookmarks keep it below 70 s."""
        now = time.monotonic()
        return max((now - reader.last_heard for reader in self._readers if not reader.is_unserved), default=0.0)

    @property
    def troubles(self) -> dict[Scope, str]:
        """Give what stands in the way of each watch that is not open, for people."""
        return {reader.scope: reader.trouble for reader in self._readers if reader.trouble}

    def note_listed(self) -> None:
        """Take note that a list was read to its end."""
        if all(self._cache_of(reader.scope.kind).is_listed(reader.scope) for reader in self._readers):
            self.synced.set()

    def reset(self, kind: Kind) -> None:
        """Forget what is known of a kind and start over: etcd was restored from a backup."""
        LOGGER.warning(
            "the API server's history of %s is older than what was seen of it; reading everything anew", kind
        )
        self.figures.resets += 1
        self._cache_of(kind).drop(kind)
        for reader in self._readers:
            if reader.scope.kind is kind:
                reader.relist()
        self._on_reset()

    def _cache_of(self, kind: Kind) -> MetadataCache | NamespaceCache:
        return self.namespaces if kind is Kind.NAMESPACE else self.cache
