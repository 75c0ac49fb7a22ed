"""Delete what a former leader created after its time was up, when nobody refers to it.

Updates and deletions that come too late are refused, for they bear the version that they were planned from; a creation
has none to bear. The component `fence` has the API server refuse it. Without that it is found here, by its epoch, as
soon as its event arrives. What the owner refers to is left to the owner's own pass, which the same event starts.

Nothing else may ever be taken for it: a backup that somebody restores, or a copy that somebody makes, bears the same
annotations. So it must have been created after our term began, by a server-side apply of ours, and not touched since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from certwright.cluster.decode import version_of
from certwright.cluster.owner_index import owner_of
from certwright.cluster.ports import Cluster, MetadataCache
from certwright.cluster.requests import FIELD_MANAGER, METADATA_ONLY, get
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import ObjectKey
from certwright.reconcile.plan import EPOCH_ANNOTATION, OWNER_ANNOTATION, Delete
from certwright.reconcile.questions import Owned
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.leadership import Gate

logger = logging.getLogger(__name__)

SAME_WRITE = timedelta(seconds=1)
"""The API server reads its clock twice for one creation, for the creation time and for the time of the fields."""


class Reaper:
    """Look at what changes, and delete what came too late.

    Args:
        requests: reads metadata.
        cluster: deletes.
        cache: what the watch holds.
        dependencies: who refers to what.
        gate: says which term is ours.
    """

    def __init__(
        self, requests: Retrying, cluster: Cluster, cache: MetadataCache, dependencies: Dependencies, *, gate: Gate
    ) -> None:
        self._requests = requests
        self._cluster = cluster
        self._cache = cache
        self._dependencies = dependencies
        self._gate = gate
        self._suspects: asyncio.Queue[ObjectKey] = asyncio.Queue()

    def look(self, key: ObjectKey) -> None:
        """Take note that an object changed, or came."""
        if self._is_suspect(key):
            self._suspects.put_nowait(key)

    async def run(self) -> None:
        """Deal with what came, until cancelled."""
        while True:
            key = await self._suspects.get()
            try:
                await self._judge(key)
            except ClusterError as error:
                logger.warning("what a former leader created stays: %s", error.message, extra={"about": key})

    def _is_suspect(self, key: ObjectKey) -> bool:
        held = self._cache.peek(key)
        if held is None or not (held.managed and self._gate.is_open):
            return False
        owner = owner_of(key, held)
        if owner is not None and self._dependencies.asking(Owned(owner)):
            return False  # it looks at all that it owns
        named, epoch = held.annotations.get(OWNER_ANNOTATION), held.annotations.get(EPOCH_ANNOTATION, "")
        if named is None or not (epoch.isascii() and epoch.isdigit() and int(epoch) < self._gate.epoch):
            return False
        return all(named != f"{each.kind}/{each.name}" for each in self._dependencies.on(key))

    async def _judge(self, key: ObjectKey) -> None:
        try:
            answer = await self._requests.send(get(key, accept=METADATA_ONLY))
        except ClusterError as error:
            if error.cause is FailureCause.NOT_FOUND:
                return
            raise
        metadata = answer.manifest()["metadata"]
        if self._is_late_creation(metadata) and self._is_suspect(key):
            await self._cluster.delete(Delete(key, version_of(metadata)))
            logger.warning("deleted: a former leader created it too late, and nobody wants it", extra={"about": key})

    def _is_late_creation(self, metadata: Mapping[str, Any]) -> bool:
        created, writes = datetime.fromisoformat(metadata["creationTimestamp"]), metadata.get("managedFields", [])
        since = self._gate.since
        if since is None or not since.precedes(created, metadata["resourceVersion"]) or len(writes) != 1:
            return False
        write = writes[0]
        by_us = (write.get("manager"), write.get("operation")) == (FIELD_MANAGER, "Apply")
        return by_us and abs(datetime.fromisoformat(write["time"]) - created) <= SAME_WRITE
