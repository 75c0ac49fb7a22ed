"""What a former leader created too late goes; nothing else does, whatever it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from certwright.cluster.client import ApiServer
from certwright.cluster.connection import Connection
from certwright.cluster.metadata_cache import MetadataCache, Scope
from certwright.cluster.retries import Retrying
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.questions import Owned
from certwright.runtime.dependencies import Dependencies
from certwright.runtime.leadership import AlwaysLeader, Beginning
from certwright.runtime.reaper import Reaper
from tests.support.scripted_server import ScriptedServer, StaticCredentials, answer, refusal, serving
from tests.support.waiting import wait_until_async

SECRETS = Scope(Kind.SECRET)
TARGET = ObjectKey(Kind.SECRET, "shop", "shop-tls")
OWNER = ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "shop")
SINCE = Beginning(datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC), "40")
SAME_SECOND = "2026-06-01T12:00:00Z"
LATER = "2026-06-01T12:00:05Z"
ANNOTATIONS = {"certwright.io/owner": "ImportedCertificate/shop", "certwright.io/epoch": "3"}
BY_US = {"manager": "certwright", "operation": "Apply", "time": LATER}


def late(**changes: Any) -> dict[str, Any]:
    """Write the metadata of what a former leader created."""
    return {
        "name": TARGET.name,
        "namespace": TARGET.namespace,
        "uid": "u",
        "resourceVersion": "50",
        "creationTimestamp": LATER,
        "labels": {"app.kubernetes.io/managed-by": "certwright"},
        "annotations": ANNOTATIONS,
        "managedFields": [BY_US],
        **changes,
    }


@dataclass
class Term(AlwaysLeader):
    """A term of ours."""

    is_open: bool = True
    epoch: int = 4
    since: Beginning | None = SINCE


@dataclass
class Scene:
    """A reaper between a watch and an API server."""

    server: ScriptedServer
    requests: Retrying
    term: Term = field(default_factory=Term)

    def __post_init__(self) -> None:
        self.cache = MetadataCache([SECRETS], on_change=self._on_change)
        self.dependencies = Dependencies(self.cache)
        cluster = ApiServer(self.requests, render=None, recorder=None)  # type: ignore[arg-type]  # neither is asked
        self.reaper = Reaper(self.requests, cluster, self.cache, self.dependencies, gate=self.term)

    def _on_change(self, key: ObjectKey) -> None:
        self.reaper.look(key)

    async def hears_of(self, metadata: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> None:
        """Let an object come, and say what it is like when it is read."""
        self.server.script(answer({"kind": "PartialObjectMetadata", "metadata": now or metadata}), answer({}))
        self.cache.put(SECRETS, metadata)
        await self.until_at_rest()

    async def until_at_rest(self) -> None:
        """Run until nothing is left to look at."""
        task = asyncio.create_task(self.reaper.run())

        async def waits() -> bool:
            queue = self.reaper._suspects
            return queue.empty() and bool(queue._getters)  # type: ignore[attr-defined]

        await wait_until_async(waits, deadline_seconds=10, what="the reaper to have nothing left to do")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with serving() as server, Connection(StaticCredentials(server.url), request_seconds=5) as connection:
        yield Scene(server, Retrying(connection))


async def test_late_creation_is_deleted_with_its_version_when_nobody_refers_to_it(scene: Scene) -> None:
    await scene.hears_of(late())

    assert scene.server.verbs() == ["GET", "DELETE"]
    assert "PartialObjectMetadata" in scene.server.received[0].headers["Accept"]
    assert scene.server.received[1].path == "/api/v1/namespaces/shop/secrets/shop-tls"
    assert scene.server.received[1].json()["preconditions"] == {"uid": "u", "resourceVersion": "50"}


async def test_late_creation_is_deleted_when_it_came_in_the_second_in_which_our_term_began(scene: Scene) -> None:
    await scene.hears_of(late(creationTimestamp=SAME_SECOND, managedFields=[{**BY_US, "time": SAME_SECOND}]))

    assert scene.server.verbs() == ["GET", "DELETE"]


async def test_late_creation_is_deleted_when_only_others_refer_to_it(scene: Scene) -> None:
    scene.dependencies.update(ObjectKey(Kind.IMPORTED_CERTIFICATE, "shop", "another"), {TARGET})
    await scene.hears_of(late())

    assert scene.server.verbs() == ["GET", "DELETE"]


async def test_late_creation_is_left_to_its_owner_when_that_refers_to_it(scene: Scene) -> None:
    scene.dependencies.update(OWNER, {TARGET})
    await scene.hears_of(late())

    assert scene.server.verbs() == []


async def test_late_creation_stays_when_its_owner_begins_to_refer_to_it_meanwhile(scene: Scene) -> None:
    scene.cache.put(SECRETS, late())
    scene.dependencies.update(OWNER, {TARGET})
    scene.server.script(answer({"kind": "PartialObjectMetadata", "metadata": late()}))
    await scene.until_at_rest()

    assert scene.server.verbs() == ["GET"]


UNSUSPICIOUS: dict[str, Mapping[str, Any]] = {
    "of our term": {"annotations": {**ANNOTATIONS, "certwright.io/epoch": "4"}},
    "of a later term": {"annotations": {**ANNOTATIONS, "certwright.io/epoch": "5"}},
    "without a term": {"annotations": {"certwright.io/owner": "ImportedCertificate/shop"}},
    "of no such term": {"annotations": {**ANNOTATIONS, "certwright.io/epoch": "²"}},
    "without an owner": {"annotations": {"certwright.io/epoch": "3"}},
    "without our label": {"labels": {}},
}


@pytest.mark.parametrize("changes", UNSUSPICIOUS.values(), ids=[name.replace(" ", "-") for name in UNSUSPICIOUS])
async def test_object_is_not_even_read_when_it_is_unsuspicious(scene: Scene, changes: Mapping[str, Any]) -> None:
    await scene.hears_of(late(**changes))

    assert scene.server.verbs() == []


async def test_nothing_is_read_when_another_leads(scene: Scene) -> None:
    scene.term.is_open = False
    await scene.hears_of(late())

    assert scene.server.verbs() == []


INNOCENT: dict[str, Mapping[str, Any]] = {
    "created before our term": {"creationTimestamp": "2026-06-01T11:59:59Z"},
    "created in the same second but before it": {
        "creationTimestamp": SAME_SECOND,
        "resourceVersion": "39",
        "managedFields": [{**BY_US, "time": SAME_SECOND}],
    },
    "a copy that somebody made": {"managedFields": [{**BY_US, "manager": "kubectl-create", "operation": "Update"}]},
    "restored from a backup": {"managedFields": [{**BY_US, "time": "2026-05-01T00:00:00Z"}]},
    "touched by somebody": {"managedFields": [BY_US, {**BY_US, "manager": "kubectl-edit", "operation": "Update"}]},
    "of unknown making": {"managedFields": []},
}


@pytest.mark.parametrize("changes", INNOCENT.values(), ids=[name.replace(" ", "-") for name in INNOCENT])
async def test_object_stays_when_it_is(scene: Scene, changes: Mapping[str, Any]) -> None:
    await scene.hears_of(late(), late(**changes))

    assert scene.server.verbs() == ["GET"]


async def test_object_stays_when_there_are_no_terms(scene: Scene) -> None:
    scene.term.since = None
    await scene.hears_of(late())

    assert scene.server.verbs() == ["GET"]


async def test_next_one_is_looked_at_when_one_is_gone_or_cannot_be_read(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.server.script(
        refusal(404, "NotFound", details={"name": TARGET.name}),
        refusal(403, "Forbidden"),
        answer({"kind": "PartialObjectMetadata", "metadata": late()}),
        answer({}),
    )
    for number in (50, 51, 52):
        scene.cache.put(SECRETS, late(resourceVersion=str(number)))
    await scene.until_at_rest()

    assert scene.server.verbs() == ["GET", "GET", "GET", "DELETE"]
    assert [each.getMessage()[:35] for each in caplog.records] == [
        "what a former leader created stays:",
        "deleted: a former leader created it",
    ]


async def test_late_bundle_is_left_to_the_store_that_looks_at_all_it_owns(scene: Scene) -> None:
    store = ObjectKey(Kind.TRUST_STORE, "shop", "local")
    scene.dependencies.update(store, {Owned(store)})
    marks = {"certwright.io/owner": "TrustStore/local", "certwright.io/epoch": "3"}
    await scene.hears_of(late(annotations=marks))
    assert scene.server.verbs() == []

    scene.dependencies.forget(store)
    await scene.hears_of(late(annotations=marks, resourceVersion="51"))
    assert scene.server.verbs() == ["GET", "DELETE"]
