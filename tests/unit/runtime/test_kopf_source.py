"""kopf is told to watch and to do nothing else."""

import asyncio
import itertools
import ssl
from collections.abc import Mapping
from typing import Any, cast

import kopf
import pytest

from certwright.cluster.credentials import Credentials
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind
from certwright.runtime.kopf_source import BackOffs, KopfSource, NoDiffBase, NoProgress, _is_of_kopf, kopf_settings


class Login:
    def __init__(self, answer: Credentials | ClusterError) -> None:
        self.answer = answer

    def load(self, *, force: bool = False) -> Credentials:
        assert force
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer


def source(login: Login, deliveries: list[Any] | None = None) -> KopfSource:
    def deliver(kind: Kind, type_: str | None, manifest: Mapping[str, Any]) -> None:
        if deliveries is not None:
            deliveries.append((kind, type_, manifest))

    return KopfSource(
        (Kind.IMPORTED_CERTIFICATE,), namespaces=(), login=login, deliver=deliver, restore_signals=lambda: None
    )


def credentials(authorization: str | None) -> Credentials:
    return Credentials("https://127.0.0.1:6443", authorization, ssl.create_default_context(), b"digest")


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
    registry = source(Login(credentials(None)))._registry()
    assert len(registry._activities.get_all_handlers()) == 1
    assert [handler.id for handler in registry._watching.get_all_handlers()] == ["ImportedCertificate"]
    for unwanted in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert not unwanted.get_all_handlers()


async def test_login_hands_our_credentials_over() -> None:
    info = await source(Login(credentials("Bearer abc")))._log_in()
    assert info.server == "https://127.0.0.1:6443"
    assert info.as_http_headers() == {"Authorization": "Bearer abc"}
    assert info.as_ssl_context() is info.as_ssl_context()
    assert "abc" not in repr(info)
    assert (await source(Login(credentials(None)))._log_in()).as_http_headers() == {}


async def test_login_is_tried_again_when_there_are_no_credentials() -> None:
    with pytest.raises(kopf.TemporaryError, match="cannot be loaded"):
        await source(Login(ClusterError(FailureCause.UNAUTHORIZED, "the credentials cannot be loaded")))._log_in()


async def test_handler_delivers_the_event_as_it_is() -> None:
    deliveries: list[Any] = []
    handle = source(Login(credentials(None)), deliveries)._handler(Kind.IMPORTED_CERTIFICATE)
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
