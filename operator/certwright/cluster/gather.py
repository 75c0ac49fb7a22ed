"""From a subject to a snapshot: read what the reconciler needs, until nothing new is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from certwright.cluster.ports import Cluster, Library, MetadataCache
from certwright.findings import ClusterError
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import Reconciler
from certwright.reconcile.questions import GivenList, KeptList

R = TypeVar("R")

MAX_ROUNDS = 8
"""Needs grow from what was read (a reference, then its password); deeper nesting than this is a defect of ours."""

MAX_STALE_READS = 3


async def gather(
    reconciler: Reconciler[Any], snapshot: Snapshot, *, cluster: Cluster, cache: MetadataCache, library: Library
) -> Snapshot:
    """Read everything that the reconciler needs for its verdict.

    References are registered with the cache before they are read, so that a change between the two is not missed. What
    the watch knows to be absent is not asked for. A read that fails is part of the snapshot, not an exception.
    """
    for _ in range(MAX_ROUNDS):
        needs = [need for need in reconciler.needs(snapshot) if not snapshot.knows(need)]
        if not needs:
            return snapshot
        lists = [need for need in needs if isinstance(need, GivenList | KeptList)]
        for need, answer in zip(lists, await side_by_side([library.read(each) for each in lists]), strict=True):
            snapshot = snapshot.with_answer(need, answer)
        wanted = sorted(need for need in needs if isinstance(need, ObjectKey))
        cache.refer(frozenset(wanted))
        found = await side_by_side([_read(key, cluster=cluster, cache=cache) for key in wanted])
        for key, observed in zip(wanted, found, strict=True):
            if isinstance(observed, Failure):
                snapshot = snapshot.with_failure(key, observed)
            else:
                snapshot = snapshot.with_object(key, observed)
    raise RuntimeError(f"the needs of {snapshot.subject.key} did not settle within {MAX_ROUNDS} rounds")


async def side_by_side(work: Sequence[Coroutine[Any, Any, R]]) -> list[R]:
    """Wait for some coroutines at once; the one that most often is alone costs no task."""
    return [await each for each in work] if len(work) < 2 else list(await asyncio.gather(*work))  # noqa: PLR2004


async def _read(key: ObjectKey, *, cluster: Cluster, cache: MetadataCache) -> Observed | Failure | None:
    if cache.is_absent(key):
        return None
    try:
        return await read_fresh(key, cluster=cluster, cache=cache)
    except ClusterError as error:
        return failure_of(error)


async def read_fresh(key: ObjectKey, *, cluster: Cluster, cache: MetadataCache) -> Observed | None:
    """Read one object, again while the answer is older than what the watch has already seen of it.

    Raises:
        ClusterError: the API server could not be asked, or would not answer.
    """
    for _ in range(MAX_STALE_READS):
        observed = await cluster.read(key)
        if observed is None:
            return None
        cache.saw(observed)
        held = cache.peek(key)
        if held is None or held.version == observed.version:
            break
    return observed


def failure_of(error: ClusterError) -> Failure:
    """Give the error as a value that a snapshot can hold."""
    return Failure(error.cause, error.message, error.status, error.retry_after)
