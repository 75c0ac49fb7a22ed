"""From a subject to a snapshot: read what the reconciler needs, until nothing new is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from typing import Any, TypeVar

from certwright.cluster.ports import Cluster, Library, MetadataCache
from certwright.findings import ClusterError
from certwright.reconcile.objects import Failure, ObjectKey, Observed, Snapshot
from certwright.reconcile.questions import GivenList, KeptList, KeptTrust
from certwright.reconcile.reconciler import Reconciler

R = TypeVar("R")

MAX_ROUNDS = 8
"""Needs grow from what was read (a reference, then its password); deeper nesting than this is a defect of ours."""

MAX_STALE_READS = 3

IN_FLIGHT = 32
"""How many requests of one pass wait for their answers at once: what an API server of two cores can make use of."""


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
        lists = [need for need in needs if isinstance(need, GivenList | KeptList | KeptTrust)]
        for need, answer in zip(lists, await side_by_side([library.read(each) for each in lists]), strict=True):
            snapshot = snapshot.with_answer(need, answer)
        snapshot = await _gather_objects(
            [need for need in needs if isinstance(need, ObjectKey)], snapshot, cluster, cache
        )
    raise RuntimeError(f"the needs of {snapshot.subject.key} did not settle within {MAX_ROUNDS} rounds")


async def _gather_objects(
    keys: Collection[ObjectKey], snapshot: Snapshot, cluster: Cluster, cache: MetadataCache
) -> Snapshot:
    objects: dict[ObjectKey, Observed | None] = {key: None for key in sorted(keys) if cache.is_absent(key)}
    wanted = sorted(key for key in keys if key not in objects)
    # Of what is absent nothing is to be kept: whoever must hear of its creation has it among its references.
    cache.refer(frozenset(wanted))
    found = await side_by_side([_read(key, cluster=cluster, cache=cache) for key in wanted])
    failures: dict[ObjectKey, Failure] = {}
    for key, observed in zip(wanted, found, strict=True):
        if isinstance(observed, Failure):
            failures[key] = observed
        else:
            objects[key] = observed
    return snapshot.with_objects(objects, failures)


async def side_by_side(work: Sequence[Coroutine[Any, Any, R]]) -> list[R]:
    """Wait for some coroutines, at most `IN_FLIGHT` at once; the one that most often is alone costs no task."""
    if len(work) < 2:  # noqa: PLR2004
        return [await each for each in work]
    if len(work) <= IN_FLIGHT:
        return list(await asyncio.gather(*work))
    results: dict[int, R] = {}
    rest = iter(enumerate(work))

    async def take() -> None:
        for place, each in rest:
            results[place] = await each

    takers = [asyncio.create_task(take()) for _ in range(IN_FLIGHT)]
    try:
        await asyncio.gather(*takers)
    finally:
        for taker in takers:
            taker.cancel()
        for _, each in rest:
            each.close()
    return [results[place] for place in range(len(work))]


async def _read(key: ObjectKey, *, cluster: Cluster, cache: MetadataCache) -> Observed | Failure | None:
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
