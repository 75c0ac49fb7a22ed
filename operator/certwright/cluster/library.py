"""Answers to what a pass asks besides objects by name: the simple way, in this process and without a network.

`certwright.runtime.library` is the operator's own: it reads long lists in other processes, keeps them at hand, and
fetches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from certwright.cluster.gather import failure_of
from certwright.cluster.ports import Cluster
from certwright.findings import ClusterError, Finding, MaterialError
from certwright.pki.list_intake import read_and_pack, unpack_list
from certwright.reconcile.objects import Failure, Snapshot, Subject
from certwright.reconcile.plan import StartFetch
from certwright.reconcile.questions import (
    IDLE,
    Collection,
    FetchState,
    GivenList,
    KeptList,
    Question,
    Reading,
    Recalled,
)

PART_BYTES = 900 * 1024
"""The most that one ConfigMap holds: etcd takes objects of up to 1.5 MiB."""

LIST_BYTES = 32 * 1024 * 1024


class LocalLibrary:
    """Implement `certwright.cluster.ports.Library`; fetches nothing.

    Args:
        cluster: where lists are kept; without one they are all lost.
        subjects: gives the objects of a collection.
    """

    def __init__(
        self, cluster: Cluster | None = None, subjects: Callable[[Collection], Iterable[Subject]] | None = None
    ) -> None:
        self._cluster = cluster
        self._subjects = subjects or _nobody

    def ask(self, question: Question) -> Any:
        """Answer from memory."""
        if isinstance(question, Collection):
            return tuple(sorted(self._subjects(question), key=lambda subject: subject.key))
        return IDLE

    async def read(self, need: GivenList | KeptList) -> Any:
        """Read and parse a list."""
        if isinstance(need, GivenList):
            return read_given(need)
        return await self._recall(need)

    def start(self, action: StartFetch) -> FetchState:
        """Fetch nothing."""
        del action
        return IDLE

    def conclude(self, snapshot: Snapshot) -> None:
        """Hold nothing that could be let go."""

    async def _recall(self, need: KeptList) -> Recalled | Failure | None:
        parts = await recall_parts(need, self._cluster) if self._cluster is not None and need.parts else None
        if parts is None or isinstance(parts, Failure):
            return parts
        crl = unpack_list(parts, need.fingerprint, LIST_BYTES)
        return Recalled(crl) if crl is not None else None


def read_given(need: GivenList) -> Reading | Finding:
    """Read and pack a list that was handed in."""
    try:
        return Reading(*read_and_pack(need.data, need.what, PART_BYTES, LIST_BYTES))
    except MaterialError as error:
        return error.finding


async def recall_parts(need: KeptList, cluster: Cluster) -> tuple[bytes, ...] | Failure | None:
    """Read what a list is kept in; `None` when a part is missing."""
    parts = []
    for key in need.parts:
        try:
            observed = await cluster.read(key)
        except ClusterError as error:
            return failure_of(error)
        if observed is None:
            return None
        parts += [observed.data[name] for name in sorted(observed.data)]
    return tuple(parts)


def _nobody(collection: Collection) -> Iterable[Subject]:
    del collection
    return ()
