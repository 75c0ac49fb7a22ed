"""kopf is told to watch and to do nothing else."""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, cast

import kopf
import pytest

from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind
from certwright.runtime.kopf_source import BackOffs, KopfSource, NoDiffBase, NoProgress, _is_of_kopf, kopf_settings


class Lender:
    def __init__(self, error: ClusterError | None = None) -> None:
        self.error = error
        self.lent = 0

    async def lend_session(self) -> tuple[str, Any]:
        if self.error is not None:
            raise self.error
        self.lent += 1
        return "https://127.0.0.1:6443", f"session {self.lent}"


def source(lender: Lender, deliveries: list[Any] | None = None) -> KopfSource:
    def deliver(kind: Kind, type_: str | None, manifest: Mapping[str, Any]) -> None:
        if deliveries is not None:
            deliveries.append((kind, type_, manifest))

    return KopfSource(
        (Kind.IMPORTED_CERTIFICATE,), namespaces=(), lender=lender, deliver=deliver, restore_signals=lambda: None
    )


def test_settings_keep_kopf_from_writing_and_from_killing() -> None:
    settings = kopf_settings()
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    assert settings.process.ultimate_exiting_timeout is None
    assert settings.watching.initial_streaming is False
    assert settings.queueing.worker_limit is None
    assert settings.queueing.idle_timeout <= 0.1
    assert not settings.persistence.finalizer.startswith("certwright.io/")


def test_storages_keep_nothing() -> None:
    body = cast("Any", {"metadata": {"annotations": {"kopf.zalando.org/last-handled-configuration": "{}"}}})
    assert NoDiffBase().fetch(body=body) is None
    assert NoDiffBase().build(body=body) == {}
    essence = object()
    assert NoProgress().clear(essence=essence) is essence
    patch = kopf.Patch()
    NoDiffBase().store(body=body, patch=patch, essence={})
    NoProgress().store(key="x", record={}, body=body, patch=patch)
    NoProgress().touch(body=body, patch=patch, value="x")
    NoProgress().purge(key="x", body=body, patch=patch)
    assert (NoProgress().fetch(key="x", body=body), dict(patch)) == (None, {})


def test_backoffs_have_no_end_and_begin_anew() -> None:
    backoffs = BackOffs()
    for _ in range(2):
        waits = list(itertools.islice(backoffs, 2000))
        assert 0.25 <= waits[0] <= 0.5
        assert all(15 <= wait <= 30 for wait in waits[10:])


def test_registry_holds_one_login_and_one_event_handler_a_kind_and_nothing_else() -> None:
    registry = source(Lender())._registry()
    assert len(registry._activities.get_all_handlers()) == 1
    assert [handler.id for handler in registry._watching.get_all_handlers()] == ["ImportedCertificate"]
    for unwanted in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert not unwanted.get_all_handlers()


async def test_login_hands_a_session_of_ours_over() -> None:
    info = await source(Lender())._log_in()
    assert (info.server, info.aiohttp_session) == ("https://127.0.0.1:6443", "session 1")


async def test_login_waits_when_what_it_gave_was_refused_at_once() -> None:
    lender = Lender()
    asked = source(lender)
    await asked._log_in()
    with pytest.raises(kopf.TemporaryError, match="refused"):
        await asked._log_in()
    assert lender.lent == 1


async def test_login_is_tried_again_when_there_are_no_credentials() -> None:
    with pytest.raises(kopf.TemporaryError, match="cannot be loaded"):
        await source(Lender(ClusterError(FailureCause.UNAUTHORIZED, "the credentials cannot be loaded")))._log_in()


async def test_handler_delivers_the_event_as_it_is() -> None:
    deliveries: list[Any] = []
    handle = source(Lender(), deliveries)._handler(Kind.IMPORTED_CERTIFICATE)
    manifest = {"metadata": {"name": "shop"}}
    assert await handle(event={"type": None, "object": manifest}, retry=0) is None
    assert deliveries == [(Kind.IMPORTED_CERTIFICATE, None, manifest)]


async def test_only_tasks_of_kopf_are_taken_for_its_leftovers() -> None:
    ours = asyncio.create_task(asyncio.sleep(0))
    flag = asyncio.Event()
    theirs = await kopf.spawn_tasks(registry=kopf.OperatorRegistry(), clusterwide=True, stop_flag=flag)
    try:
        assert not _is_of_kopf(ours)
        assert all(_is_of_kopf(task) for task in theirs)
    finally:
        flag.set()
        for task in theirs:
            task.cancel()
        await asyncio.gather(ours, *theirs, return_exceptions=True)
