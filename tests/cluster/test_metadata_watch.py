"""What the metadata-only watch sees of a real API server, and what it survives."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from certwright.cluster.client import ApiServer
from certwright.cluster.metadata_cache import Scope
from certwright.cluster.metadata_watch import MetadataWatch, scopes_of
from certwright.cluster.retries import Retrying
from certwright.findings import ClusterError, FailureCause
from certwright.pki.render import SecretRecipe
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import MANAGED_BY_LABEL, ApplySecret, Record
from tests.support.cluster_client import connected
from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until_async

SECONDS = 20
UNRELATED = 600
"""More than a page of the list holds."""


class Watching:
    """A running watch of Secrets and ConfigMaps, and what it told."""

    def __init__(self, requests: Retrying, scopes: list[Scope]) -> None:
        self.requests = requests
        self.told: list[ObjectKey] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.watch = MetadataWatch(requests, scopes, on_change=self.told.append, sleep=self._sleep)
        self.cache = self.watch.cache

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.1))
        await self.may_go_on.wait()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async def seen() -> bool:
            return bool(condition())

        await wait_until_async(seen, deadline_seconds=SECONDS, what=what)

    async def until_alive(self) -> None:
        await self.until(lambda: self.watch.is_alive, "the watches to open")

    async def until_told(self, *keys: ObjectKey) -> None:
        await self.until(lambda: set(keys) <= set(self.told), f"a change of {keys} to be told")
        for key in keys:
            self.told.remove(key)

    def told_in(self, namespace: str) -> list[ObjectKey]:
        """Give what was told and not waited for; what is ours is told from every namespace."""
        return [key for key in self.told if key.namespace == namespace]

    def version(self, key: ObjectKey) -> str | None:
        held = self.cache.peek(key)
        return held and held.version.resource_version


@asynccontextmanager
async def watching(kubeconfig: Path, scopes: list[Scope]) -> AsyncIterator[Watching]:
    async with connected(kubeconfig) as requests:
        made = Watching(requests, scopes)
        task = asyncio.create_task(made.watch.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def run(control_plane: ControlPlane) -> AsyncIterator[Watching]:
    scopes = scopes_of([Kind.SECRET, Kind.CONFIG_MAP])
    async with watching(control_plane.kubeconfig_admin, scopes) as made:
        await made.until_alive()
        yield made


@pytest.fixture
def key(namespace: str) -> ObjectKey:
    return ObjectKey(Kind.SECRET, namespace, "upload")


class Objects:
    """Somebody else, who makes and changes Secrets and ConfigMaps."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._client = control_plane.client

    def make(self, key: ObjectKey, **metadata: Any) -> str:
        manifest = {"metadata": {"name": key.name} | metadata}
        made = self._client.create(self._path(key).rpartition("/")[0], manifest)
        version: str = made["metadata"]["resourceVersion"]
        return version

    def change(self, key: ObjectKey, value: str) -> str:
        manifest = {
            "apiVersion": "v1",
            "kind": key.kind.value,
            "metadata": {"name": key.name, "annotations": {"value": value}},
        }
        version: str = self._client.apply(self._path(key), manifest)["metadata"]["resourceVersion"]
        return version

    def remove(self, key: ObjectKey) -> None:
        self._client.delete(self._path(key))

    @staticmethod
    def _path(key: ObjectKey) -> str:
        plural = {Kind.SECRET: "secrets", Kind.CONFIG_MAP: "configmaps"}[key.kind]
        return f"/api/v1/namespaces/{key.namespace}/{plural}/{key.name}"


@pytest.fixture
def objects(control_plane: ControlPlane) -> Objects:
    return Objects(control_plane)


# ---- what it sees


@pytest.mark.parametrize("kind", [Kind.SECRET, Kind.CONFIG_MAP])
async def test_watch_sees_an_object_come_change_go_and_come_again(
    kind: Kind, run: Watching, objects: Objects, namespace: str
) -> None:
    key = ObjectKey(kind, namespace, "upload")
    run.cache.refer(frozenset({key}))
    assert run.cache.is_absent(key)

    made = objects.make(key)
    await run.until_told(key)
    assert run.version(key) == made
    assert not run.cache.is_absent(key)

    changed = objects.change(key, "1")
    await run.until_told(key)
    assert run.version(key) == changed

    objects.remove(key)
    await run.until_told(key)
    assert run.cache.peek(key) is None
    assert run.cache.is_absent(key)

    again = objects.make(key)
    await run.until_told(key)
    assert run.version(key) == again


async def test_watch_knows_names_of_others_and_keeps_nothing_of_them(
    run: Watching, objects: Objects, key: ObjectKey
) -> None:
    stranger = ObjectKey(Kind.SECRET, key.namespace, "stranger")
    run.cache.refer(frozenset({key}))
    objects.make(stranger)
    objects.make(key)
    await run.until_told(key)

    assert run.cache.peek(stranger) is None
    assert not run.cache.is_absent(stranger)
    assert stranger not in run.told


async def test_watch_keeps_ours_without_being_asked(run: Watching, objects: Objects, key: ObjectKey) -> None:
    objects.make(key, labels={MANAGED_BY_LABEL: "certwright"}, annotations={"certwright.io/epoch": "3", "other": "x"})
    await run.until_told(key)

    held = run.cache.peek(key)
    assert held is not None
    assert held.managed
    assert held.annotations == {"certwright.io/epoch": "3"}


async def test_watch_tells_our_own_writes_once_however_their_echoes_come(
    run: Watching, objects: Objects, namespace: str
) -> None:
    class NoEvents:
        def record(self, action: Record) -> None:
            raise AssertionError(action)

    async def render(_recipe: SecretRecipe, _stored: Mapping[str, bytes]) -> dict[str, bytes]:
        return {"a": b"1"}

    api = ApiServer(run.requests, render=render, recorder=NoEvents())
    target, marker = (ObjectKey(Kind.SECRET, namespace, name) for name in ("target", "marker"))
    run.cache.refer(frozenset({target, marker}))
    labels = {MANAGED_BY_LABEL: "certwright"}

    first = await api.apply_secret(ApplySecret(target, None, SecretRecipe(certificates=()), "Opaque", labels, {}))
    run.cache.wrote(first)
    second = await api.apply_secret(
        ApplySecret(target, first.version, SecretRecipe(certificates=()), "Opaque", labels, {"certwright.io/x": "y"})
    )
    run.cache.wrote(second)
    # When this event has come, those of the two writes have come as well.
    objects.make(marker)
    await run.until_told(marker)

    assert run.told_in(namespace) == [target, target]
    assert run.version(target) == second.version.resource_version
    lists = run.watch.figures.relists
    run.watch.relist()
    await run.until(lambda: run.watch.figures.relists == lists + 2 and run.watch.is_alive, "the lists to be read again")
    assert run.told_in(namespace) == [target, target]
    run.told.clear()
    changed = objects.change(target, "drift")
    await run.until_told(target)
    assert run.version(target) == changed


async def test_watch_lists_everything_when_there_are_several_pages(
    control_plane: ControlPlane, objects: Objects, key: ObjectKey
) -> None:
    for number in range(UNRELATED):
        objects.make(ObjectKey(Kind.CONFIG_MAP, key.namespace, f"unrelated-{number}"))
    async with watching(control_plane.kubeconfig_admin, scopes_of([Kind.CONFIG_MAP], [key.namespace])) as run:
        await run.until_alive()

        assert run.cache.name_count >= UNRELATED
        assert run.cache.held_count == 0
        assert run.told == []


# ---- what it survives


async def test_watch_goes_on_when_the_api_server_restarts(
    run: Watching, objects: Objects, key: ObjectKey, control_plane: ControlPlane
) -> None:
    run.cache.refer(frozenset({key}))
    objects.make(key)
    await run.until_told(key)

    await asyncio.to_thread(control_plane.restart_apiserver)
    changed = objects.change(key, "after")
    await run.until_told(key)

    assert run.version(key) == changed
    assert run.watch.figures.restarts >= 1
    assert run.watch.figures.resets == 0
    await run.until_alive()


async def test_watch_tells_what_it_missed_when_history_was_compacted(
    run: Watching, objects: Objects, namespace: str, control_plane: ControlPlane
) -> None:
    names = ("same", "changed", "gone", "remade", "new")
    keys = same, changed, gone, remade, new = [ObjectKey(Kind.SECRET, namespace, name) for name in names]
    run.cache.refer(frozenset(keys))
    for each in (same, changed, gone, remade):
        objects.make(each)
    await run.until_told(same, changed, gone, remade)
    before = run.version(same)

    run.may_go_on.clear()
    await asyncio.to_thread(control_plane.restart_apiserver)
    objects.change(changed, "1")
    objects.remove(gone)
    objects.remove(remade)
    objects.make(remade)
    objects.make(new)
    await asyncio.to_thread(control_plane.expire_resource_versions)
    run.may_go_on.set()
    await run.until_told(changed, gone, remade, new)
    await run.until_alive()

    assert run.told_in(namespace) == []
    assert run.version(same) == before
    assert run.cache.is_absent(gone)
    assert run.watch.figures.relists >= 1
    assert run.watch.figures.resets == 0


async def test_watch_goes_on_when_etcd_is_compacted_under_it(
    run: Watching, objects: Objects, key: ObjectKey, control_plane: ControlPlane
) -> None:
    run.cache.refer(frozenset({key}))
    objects.make(key)
    await run.until_told(key)
    await asyncio.to_thread(control_plane.compact_etcd)

    objects.change(key, "after")
    await run.until_told(key)


# ---- what it may


@pytest.fixture
def account(control_plane: ControlPlane, namespace: str) -> Path:
    """Be a ServiceAccount without any right."""
    control_plane.kubectl("create", "-n", namespace, "serviceaccount", "watcher")
    return control_plane.kubeconfig_for(namespace, "watcher")


async def test_watch_waits_for_its_rights_and_says_which_are_missing(
    control_plane: ControlPlane, account: Path, key: ObjectKey, objects: Objects
) -> None:
    scope = Scope(Kind.SECRET, key.namespace)
    async with watching(account, [scope]) as run:
        await run.until(lambda: run.watch.troubles, "the list to be refused")
        assert run.watch.troubles == {
            scope: f"list Secret {key.namespace}: 403 Forbidden; certwright must be allowed to list secrets there"
        }
        assert not run.cache.is_absent(key)

        user = f"--serviceaccount={key.namespace}:watcher"
        control_plane.kubectl(
            "create", "-n", key.namespace, "role", "watcher", "--verb=list,watch", "--resource=secrets"
        )
        control_plane.kubectl("create", "-n", key.namespace, "rolebinding", "watcher", "--role=watcher", user)
        await run.until_alive()
        run.cache.refer(frozenset({key}))
        objects.make(key)
        await run.until_told(key)
        assert run.watch.troubles == {}


async def test_reads_are_refused_when_only_watching_is_allowed(account: Path, key: ObjectKey) -> None:
    async def render(_recipe: SecretRecipe, _stored: Mapping[str, bytes]) -> dict[str, bytes]:
        return {}

    class NoEvents:
        def record(self, action: Record) -> None:
            raise AssertionError(action)

    async with connected(account) as requests:
        with pytest.raises(ClusterError) as caught:
            await ApiServer(requests, render=render, recorder=NoEvents()).read(key)
    assert caught.value.cause is FailureCause.FORBIDDEN
