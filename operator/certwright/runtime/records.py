"""Delete the records that nobody needs any more: of what is no longer in use, and of objects that are gone.

There is no finalizer that would do it and none is wanted: nothing may hang on our being there. What is not needed in
two rounds goes, so that a record which was written a moment before its status is not taken away under it.

The mirror only says what to look at. It may be empty, or behind, as after a restore of etcd; so nothing is deleted
unless its owner, read at that moment, is gone or names other records.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from certwright.cluster.decode import version_of
from certwright.cluster.ports import Cluster
from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.survey import read_pages
from certwright.findings import ClusterError
from certwright.reconcile.certificateset.kept import read_kept_name
from certwright.reconcile.objects import Kind, ObjectKey, Subject, Version
from certwright.reconcile.offers import NAME_PREFIX as LIST_PREFIX
from certwright.reconcile.offers import kept_list
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL, NAMESPACE_LABEL, OWNER_ANNOTATION, Delete
from certwright.reconcile.questions import Collection
from certwright.reconcile.set_actions import SET_LABEL
from certwright.reconcile.trust.deployed import needed_records
from certwright.reconcile.trust.record import read_record_name
from certwright.runtime.leadership import Gate
from certwright.runtime.mirror import Mirror

logger = logging.getLogger(__name__)

ALL_SOURCES = Collection(Kind.REVOCATION_SOURCE, "")
ALL_STORES = (Collection(Kind.TRUST_STORE, ""), Collection(Kind.CLUSTER_TRUST_STORE, ""))
_OWNERS = frozenset({Kind.REVOCATION_SOURCE, Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE, Kind.CLUSTER_CERTIFICATE_SET})

Served = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is listed.

    Attributes:
        owner: the object that it is kept for; `None` when it does not say, and then it stays.
    """

    version: Version
    owner: ObjectKey | None


ListRecords = Callable[[], Awaitable[Mapping[ObjectKey, Kept]]]
"""Lists the records in the operator's namespace."""


async def list_records(requests: Retrying, namespace: str, served: Served) -> Mapping[ObjectKey, Kept]:
    """List the records that are kept for objects of the namespaces that are served; of all when none is named.

    What is kept for sets of certificates, keys among it, is listed as well.

    Raises:
        ClusterError: they cannot be listed.
    """
    # The comma at the end stands for the empty value, which is that of cluster-scoped owners.
    among = f"{NAMESPACE_LABEL} in ({','.join(served)},)" if served else NAMESPACE_LABEL
    selector = f"{MANAGED_BY_LABEL}={MANAGED_BY},{among}"
    found = await _list(requests, Kind.CONFIG_MAP, namespace, selector)
    for kind in (Kind.CONFIG_MAP, Kind.SECRET):
        found |= await _list(requests, kind, namespace, f"{MANAGED_BY_LABEL}={MANAGED_BY},{SET_LABEL}")
    return found


async def _list(requests: Retrying, kind: Kind, namespace: str, selector: str) -> dict[ObjectKey, Kept]:
    found: dict[ObjectKey, Kept] = {}
    pages = read_pages(requests, RESOURCES[kind], namespace=namespace, selector=selector)
    async with aclosing(pages):
        async for page in pages:
            for item in page.get("items") or ():
                key = ObjectKey(kind, namespace, item["metadata"]["name"])
                found[key] = Kept(version_of(item["metadata"]), _owner_of(item["metadata"]))
    return found


def _owner_of(metadata: Mapping[str, Any]) -> ObjectKey | None:
    """Read whom a record is kept for: `<Kind>/<namespace>/<name>`, and of a set `<Kind>/<name>`."""
    kind, *place = (metadata.get("annotations") or {}).get(OWNER_ANNOTATION, "").split("/")
    if kind not in _OWNERS or len(place) not in {1, 2} or not place[-1]:
        return None
    return ObjectKey(Kind(kind), place[0] if len(place) > 1 else "", place[-1])


class Records:
    """Tidy the operator's namespace.

    Args:
        listed: lists the records.
        mirror: all our own objects.
        cluster: reads owners, and deletes.
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
        self._haste = asyncio.Event()

    async def run(self, seconds: float) -> None:
        """Make a round now and then, until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._haste.wait(), seconds)
            hastened = self._haste.is_set()
            self._haste.clear()
            if self._gate.is_open:
                await (self._tidy_sets() if hastened else self.tidy())

    def gone(self, key: ObjectKey) -> None:
        """Take note that an object is gone: keys that were kept for a set do not stay until the next round."""
        if key.kind is Kind.CLUSTER_CERTIFICATE_SET:
            self._haste.set()

    async def tidy(self) -> None:
        """Make one round."""
        try:
            found = await self._list()
            idle = self._idle(found)
            await self._delete(self._suspects & idle, found)
        except ClusterError as error:
            logger.warning("the records could not be tidied: %s", error.message)
            return
        self._suspects = idle

    async def _tidy_sets(self) -> None:
        """Delete what was kept for sets that are gone; the uid of one never comes back."""
        try:
            found = await self._list()
            await self._delete(self._without_set(found), found)
        except ClusterError as error:
            logger.warning("what was kept for a set could not be deleted yet: %s", error.message)

    async def _delete(self, keys: Iterable[ObjectKey], found: Mapping[ObjectKey, Kept]) -> None:
        owners: dict[ObjectKey, Subject | None] = {}
        for key in sorted(keys):
            version, owner = found[key].version, found[key].owner
            if owner is None:
                continue
            if owner not in owners:
                owners[owner] = await self._cluster.read_subject(owner)
            if self._is_needed(key, owners[owner]):
                logger.debug("a record stays, for its owner is there", extra={"about": key})
                continue
            await self._cluster.delete(Delete(key, version))
            logger.info("deleted a record that nobody needs", extra={"about": key})

    def _is_needed(self, key: ObjectKey, owner: Subject | None) -> bool:
        """Say whether an owner, as it is now, needs what is kept for it."""
        if owner is None:
            return False
        if owner.key.kind is Kind.REVOCATION_SOURCE:
            offer = kept_list(owner, self._namespace)
            return offer is not None and key in offer.parts
        record = read_record_name(key.name)
        if record is not None:
            return record[0] == owner.version.uid and record[1] >= self._oldest_deployment(owner)
        return read_kept_name(key.name) == owner.version.uid

    def _without_set(self, found: Iterable[ObjectKey]) -> set[ObjectKey]:
        sets = {entry.uid for key, entry in self._mirror.items() if key.kind is Kind.CLUSTER_CERTIFICATE_SET}
        return {key for key in found if (uid := read_kept_name(key.name)) is not None and uid not in sets}

    def _idle(self, found: Iterable[ObjectKey]) -> set[ObjectKey]:
        lists = (kept_list(source, self._namespace) for source in self._subjects(ALL_SOURCES))
        needed = {part for each in lists if each is not None for part in each.parts}
        oldest = self._oldest_deployments()
        idle = {key for key in found if key.name.startswith(LIST_PREFIX) and key not in needed}
        idle |= self._without_set(found)
        for key in found:
            record = read_record_name(key.name)
            if record is not None and record[1] < oldest.get(record[0], inf):
                idle.add(key)
        return idle

    def _oldest_deployments(self) -> dict[str, int]:
        """Give by uid the oldest deployment that the status of a store names.

        What is younger stays: it is about to be named. And all of a store whose status was lost, for they are its way
        back.
        """
        oldest = {}
        for collection in ALL_STORES:
            for store in self._subjects(collection):
                oldest[store.version.uid] = self._oldest_deployment(store)
        return oldest

    def _oldest_deployment(self, store: Subject) -> int:
        names = (read_record_name(key.name) for key in needed_records(store, self._namespace))
        return min((each[1] for each in names if each is not None), default=0)

    def _subjects(self, collection: Collection) -> Iterator[Subject]:
        subjects = (self._mirror.subject(key) for key in self._mirror.members(collection))
        return (subject for subject in subjects if subject is not None)
