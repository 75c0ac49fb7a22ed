"""ClusterTrustBundles live in one of two versions, or nowhere; nothing breaks where they do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from certwright.cluster.metadata_cache import Scope
from certwright.cluster.metadata_reader import UNSERVED_SECONDS
from certwright.cluster.metadata_watch import MetadataWatch
from certwright.cluster.resources import RESOURCES
from certwright.cluster.retries import Retrying
from certwright.cluster.served import Served
from certwright.findings import ClusterError
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support.scripted_server import Answer, ScriptedServer, answer, page, partial, refusal
from tests.support.waiting import wait_until_async

BUNDLES = Kind.CLUSTER_TRUST_BUNDLE
KEY = ObjectKey(BUNDLES, "", "corporate")
NOT_THERE = refusal(404)


def group(*kinds: str) -> Answer:
    return answer({"resources": [{"name": kind.lower(), "kind": kind} for kind in kinds]})


OLD_ONLY = (group("CertificateSigningRequest"), group("ClusterTrustBundle"))
NEITHER = (group("CertificateSigningRequest"), NOT_THERE)


async def test_kind_that_every_server_has_is_not_asked_for(server: ScriptedServer, requests: Retrying) -> None:
    assert await Served(requests).resource(Kind.SECRET) is RESOURCES[Kind.SECRET]
    assert server.received == []


@pytest.mark.parametrize(
    ("script", "version"),
    [((group("ClusterTrustBundle"),), "certificates.k8s.io/v1"), (OLD_ONLY, "certificates.k8s.io/v1beta1")],
)
async def test_newest_version_that_is_served_is_found_once(
    server: ScriptedServer, requests: Retrying, script: tuple[Answer, ...], version: str
) -> None:
    server.script(*script)
    served = Served(requests)

    found = await served.resource(BUNDLES)

    assert found is not None
    assert (found.api_version, found.single("", "corporate")) == (
        version,
        f"/apis/{version}/clustertrustbundles/corporate",
    )
    assert await served.resource(BUNDLES) is found
    assert len(server.received) == len(script)


async def test_kind_is_asked_for_again_when_it_was_not_served_or_is_no_more(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(*NEITHER, *OLD_ONLY, group("ClusterTrustBundle"))
    served = Served(requests)

    assert await served.resource(BUNDLES) is None
    found = [await served.resource(BUNDLES)]
    served.forget(BUNDLES)
    found.append(await served.resource(BUNDLES))

    assert [each and each.api_version for each in found] == ["certificates.k8s.io/v1beta1", "certificates.k8s.io/v1"]


async def test_answer_is_demanded_when_it_is_not_known(server: ScriptedServer, requests: Retrying) -> None:
    server.script(refusal(403, "Forbidden"))
    with pytest.raises(ClusterError):
        await Served(requests).resource(BUNDLES)


# ---- watching such a kind


class Running:
    """A watch of ClusterTrustBundles that runs; whoever waits long is told and let go on."""

    def __init__(self, requests: Retrying) -> None:
        self.waits: list[float] = []
        self.go_on = asyncio.Event()
        self.watch = MetadataWatch(requests, [Scope(BUNDLES)], on_change=lambda _: None, sleep=self._sleep)
        self.watch.cache.refer(frozenset({KEY}))

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if seconds >= UNSERVED_SECONDS:
            await self.go_on.wait()


@asynccontextmanager
async def running(requests: Retrying) -> AsyncIterator[Running]:
    made = Running(requests)
    task = asyncio.create_task(made.watch.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_watch_is_complete_when_the_kind_is_not_served_and_follows_it_when_it_is(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(*NEITHER, *OLD_ONLY, page(10, partial("corporate", 4, namespace="")))
    async with running(requests) as run:
        await asyncio.wait_for(run.watch.synced.wait(), 5)

        assert (run.watch.is_alive, run.watch.troubles, run.watch.silent_seconds) == (True, {}, 0.0)
        assert run.watch.cache.is_absent(KEY)

        run.go_on.set()

        async def seen() -> bool:
            return run.watch.cache.peek(KEY) is not None and run.watch.is_alive

        await wait_until_async(seen, deadline_seconds=5, what="the bundle")
        assert run.waits == [UNSERVED_SECONDS]
        assert server.received[-1].path == "/apis/certificates.k8s.io/v1beta1/clustertrustbundles"


async def test_watch_finds_the_kind_again_when_its_version_is_served_no_more(
    server: ScriptedServer, requests: Retrying
) -> None:
    server.script(*OLD_ONLY, NOT_THERE, group("ClusterTrustBundle"), page(20, partial("corporate", 4, namespace="")))
    async with running(requests) as run:

        async def seen() -> bool:
            return run.watch.cache.peek(KEY) is not None and run.watch.is_alive

        await wait_until_async(seen, deadline_seconds=5, what="the bundle")
        assert server.received[-1].path == "/apis/certificates.k8s.io/v1/clustertrustbundles"


async def test_namespaces_are_watched_when_they_are_among_the_scopes(
    server: ScriptedServer, requests: Retrying
) -> None:
    told: list[ObjectKey] = []
    watch = MetadataWatch(
        requests,
        [Scope(Kind.NAMESPACE)],
        on_change=lambda _: None,
        on_namespace=told.append,
        served_namespaces=["shop"],
    )
    server.script(page(10, partial("shop", 4, namespace=""), partial("blog", 5, namespace="")))
    task = asyncio.create_task(watch.run())
    try:
        await asyncio.wait_for(watch.synced.wait(), 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert [facts.name for facts in watch.namespaces.all()] == ["shop"]
    assert told == [ObjectKey(Kind.NAMESPACE, "", "shop")]
    assert watch.cache.name_count == 0
