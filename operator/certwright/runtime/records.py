"""Delete the records that nobody needs any more: of lists that are no longer in use, and of objects that are gone.

There is no finalizer that would do it and none is wanted: nothing may hang on our being there. What is not needed in
two rounds goes, so that a record which was written a moment before its status is not taken away under it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from certwright.cluster.decode import version_of
from certwright.cluster.ports import Cluster
from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import read_pages
from certwright.findings import ClusterError
from certwright.reconcile.objects import Kind, ObjectKey, Version
from certwright.reconcile.offers import NAME_PREFIX, kept_list
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL, NAMESPACE_LABEL, Delete
from certwright.reconcile.questions import Collection
from certwright.runtime.leadership import Gate
from certwright.runtime.mirror import Mirror

logger = logging.getLogger(__name__)

ALL_SOURCES = Collection(Kind.REVOCATION_SOURCE, "")

Served = tuple[str, ...]

ListRecords = Callable[[], Awaitable[Mapping[ObjectKey, Version]]]
"""Lists the records in the operator's namespace."""


async def list_records(requests: Retrying, namespace: str, served: Served) -> Mapping[ObjectKey, Version]:
    """List the records that are kept for objects of the namespaces that are served; of all when none is named.

    Raises:
        ClusterError: they cannot be listed.
    """
    among = f"{NAMESPACE_LABEL} in ({','.join(served)})" if served else NAMESPACE_LABEL
    selector = f"{MANAGED_BY_LABEL}={MANAGED_BY},{among}"
    found = {}
    pages = read_pages(requests, RESOURCES[Kind.CONFIG_MAP], namespace=namespace, selector=selector)
    async with aclosing(pages):
        async for page in pages:
            for item in page.get("items") or ():
                key = ObjectKey(Kind.CONFIG_MAP, namespace, item["metadata"]["name"])
                found[key] = version_of(item["metadata"])
    return found


class Records:
    """Tidy the operator's namespace.

    Args:
        listed: lists the records.
        mirror: all our own objects.
        cluster: deletes.
        gate: whether this process may write.
        namespace: the operator's own.
    """

    def __init__(self, listed: ListRecords, mirror: Mirror, cluster: Cluster, *, gate: Gate, namespace: str) -> None:
        self._list = listed
        self._mirror = mirror
        self._cluster = cluster
        self._gate = gate
        self._namespace = namespace
        self._suspects: set[ObjectKey] = set()

    async def run(self, seconds: float) -> None:
        """Make a round now and then, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            if self._gate.is_open:
                await self.tidy()

    async def tidy(self) -> None:
        """Make one round."""
        try:
            found = await self._list()
            needed = self._needed()
            idle = {key for key in found if key.name.startswith(NAME_PREFIX) and key not in needed}
            for key in sorted(self._suspects & idle):
                await self._cluster.delete(Delete(key, found[key]))
                logger.info("deleted a record that nobody needs", extra={"about": key})
        except ClusterError as error:
            logger.warning("the records could not be tidied: %s", error.message)
            return
        self._suspects = idle

    def _needed(self) -> set[ObjectKey]:
        subjects = (self._mirror.subject(key) for key in self._mirror.members(ALL_SOURCES))
        kept = (kept_list(subject, self._namespace) for subject in subjects if subject is not None)
        return {part for each in kept if each is not None for part in each.parts}
