"""What happens around kopf: it is cut off, it leaves, its stream has gaps; no event may be lost for that."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from certwright.reconcile.objects import Kind
from tests.support.control_plane import ControlPlane
from tests.support.running_operator import (
    Running,
    apply_crds,
    create_wish,
    delete_crds,
    key_of,
    path_of,
    running,
)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Run a control plane of our own: its API server is killed and its kinds are taken away."""
    with ControlPlane(audit=False) as started:
        yield started


@pytest.fixture
def place(plane: ControlPlane) -> str:
    apply_crds(plane)
    name = f"test-{uuid4().hex[:10]}"
    plane.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


def kopf_task(operator: Running) -> "asyncio.Task[None]":
    task = operator.parts.supervisor._running
    assert task is not None
    return task


async def until_restarted(operator: Running, restarts: int = 1) -> None:
    await operator.until(
        lambda: operator.parts.supervisor.starts > restarts,
        "the watch to begin again",
    )


async def test_nothing_is_lost_when_kopf_is_cut_off(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        for name in ("goes", "stays", "changes"):
            create_wish(plane, place, name)
            await operator.until_judged(place, name)
        kopf_task(operator).cancel()
        await operator.until(lambda: operator.parts.supervisor._running is None, "kopf to be gone")
        plane.client.delete(path_of(place, "goes"))
        create_wish(plane, place, "comes")
        merge(plane, path_of(place, "changes"), {"spec": {"certificateRef": {"name": "other"}}})
        await until_restarted(operator)
        await operator.until_judged(place, "comes")
        await operator.until_judged(place, "changes")
        await operator.until(lambda: key_of(place, "goes") not in operator.parts.mirror, "the deletion to be found")
        assert key_of(place, "stays") in operator.parts.mirror


async def test_our_tasks_live_on_when_kopf_crashes(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        bystander = asyncio.create_task(asyncio.Event().wait(), name="a task younger than kopf")
        victim = next(task for task in asyncio.all_tasks() if task.get_name() == "resource observer")
        victim.cancel()  # one of its root tasks ends: kopf tears everything down
        await until_restarted(operator)
        create_wish(plane, place, "after")
        await operator.until_judged(place, "after")
        assert not bystander.done()
        assert (await operator.ask("/healthz"))[0] == HTTPStatus.OK
        bystander.cancel()


async def test_signal_handlers_are_put_back_each_time_kopf_starts(plane: ControlPlane, place: str) -> None:
    calls: list[str] = []
    async with running(plane, restore_signals=lambda: calls.append(place)) as operator:
        await operator.until_ready()
        assert len(calls) == 1
        operator.parts.supervisor.restart()
        await until_restarted(operator)
        await operator.until(lambda: len(calls) == 2, "the handlers to be restored")


async def test_work_goes_on_when_the_api_server_was_restarted(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        create_wish(plane, place, "before")
        await operator.until_judged(place, "before")
        await asyncio.to_thread(plane.restart_apiserver)
        create_wish(plane, place, "after")
        await operator.until_judged(place, "after", seconds=90)
        secret = {"metadata": {"name": "absent"}, "stringData": {"tls.crt": "no certificate"}}
        plane.client.create(f"/api/v1/namespaces/{place}/secrets", secret)
        await operator.until_judged(place, "before", reason="Unparsable", seconds=90)
        await operator.until_ready(seconds=90)


async def test_a_deletion_is_found_when_the_history_in_between_is_gone(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        for name in ("goes", "stays"):
            create_wish(plane, place, name)
            await operator.until_judged(place, name)

        def cut() -> None:
            plane.expire_resource_versions()
            plane.client.delete(path_of(place, "goes"))

        await asyncio.to_thread(cut)
        await operator.until(
            lambda: key_of(place, "goes") not in operator.parts.mirror, "the deletion to be seen or found", seconds=90
        )
        create_wish(plane, place, "comes")
        await operator.until_judged(place, "comes", seconds=90)
        assert key_of(place, "stays") in operator.parts.mirror


async def test_the_sweep_finds_what_the_watch_never_said(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        create_wish(plane, place, "real")
        await operator.until_judged(place, "real")
        ghost = plane.client.get(path_of(place, "real"))
        assert ghost is not None
        ghost["metadata"] |= {"name": "ghost", "uid": str(uuid4())}
        operator.parts.mirror.observe(Kind.IMPORTED_CERTIFICATE, ghost)
        operator.parts.mirror._entries.pop(key_of(place, "real"))  # as if it had never been delivered
        operator.parts.sweep.request()
        await operator.until(lambda: key_of(place, "ghost") not in operator.parts.mirror, "the ghost to be forgotten")
        await operator.until(lambda: key_of(place, "real") in operator.parts.mirror, "the lost one to be read")


async def test_readyz_names_a_kind_that_was_taken_away_and_all_is_well_when_it_is_back(
    plane: ControlPlane, place: str
) -> None:
    async with running(plane, sweep_seconds=10) as operator:
        await operator.until_ready()
        create_wish(plane, place, "before")
        await operator.until_judged(place, "before")
        delete_crds(plane)
        await operator.until_readyz(
            HTTPStatus.SERVICE_UNAVAILABLE, "does not serve ImportedCertificate, PrivateKey", seconds=90
        )
        apply_crds(plane)
        await operator.until_ready(seconds=90)
        create_wish(plane, place, "after")
        await operator.until_judged(place, "after", seconds=90)
        assert key_of(place, "before") not in operator.parts.mirror


async def test_kopf_leaves_no_mark_on_objects(plane: ControlPlane, place: str) -> None:
    async with running(plane) as operator:
        await operator.until_ready()
        create_wish(plane, place, "shop")
        await operator.until_judged(place, "shop")
        merge(plane, path_of(place, "shop"), {"metadata": {"finalizers": ["example.com/theirs"]}})
        merge(plane, path_of(place, "shop"), {"spec": {"certificateRef": {"name": "other"}}})
        metadata = (await operator.until_judged(place, "shop"))["metadata"]
        assert metadata["finalizers"] == ["example.com/theirs"]
        assert "annotations" not in metadata
        assert {each["manager"] for each in metadata["managedFields"]} == {"certwright-test-harness", "certwright"}
        merge(plane, path_of(place, "shop"), {"metadata": {"finalizers": None}})


def merge(plane: ControlPlane, path: str, change: dict[str, Any]) -> None:
    answer = plane.client.request("PATCH", path, change, headers={"Content-Type": "application/merge-patch+json"})
    assert answer.ok, answer.body


async def test_watching_goes_on_with_new_credentials_when_the_old_are_refused(
    plane: ControlPlane, place: str, tmp_path: Path
) -> None:
    account = f"rotating-{uuid4().hex[:8]}"
    plane.client.create(f"/api/v1/namespaces/{place}/serviceaccounts", {"metadata": {"name": account}})
    bind(plane, place, account)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_bytes(plane.kubeconfig_for(place, account).read_bytes())
    async with running(plane, kubeconfig=kubeconfig) as operator:
        await operator.until_ready()
        # A token ends with its account; the new account of the same name has another.
        plane.client.delete(f"/api/v1/namespaces/{place}/serviceaccounts/{account}")
        plane.client.create(f"/api/v1/namespaces/{place}/serviceaccounts", {"metadata": {"name": account}})
        kubeconfig.write_bytes(plane.kubeconfig_for(place, account).read_bytes())
        await asyncio.to_thread(plane.restart_apiserver)  # no stream outlives that
        create_wish(plane, place, "after")
        await operator.until_judged(place, "after", seconds=90)
        await operator.until_ready(seconds=90)


def bind(plane: ControlPlane, namespace: str, account: str) -> None:
    """Let a ServiceAccount do everything."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "namespace": namespace, "name": account}
    binding = {"metadata": {"name": account}, "roleRef": role, "subjects": [subject]}
    plane.client.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
