"""Rights that are withdrawn and namespaces that are deleted while a set is replaced, or while that is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Interposer, Where, calls
from tests.support.rough_world import installed
from tests.support.set_fire import read_journal, refusing, replica
from tests.support.set_stage import Contents, SetStage, staged
from tests.support.waiting import wait_until

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
SUBJECT = {"kind": "ServiceAccount", "name": "certwright", "namespace": "certwright-system"}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def way(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interposer]:
    folder: Path = tmp_path_factory.mktemp("operator")
    with replica(plane, folder, "only", backoff_max_seconds="2") as (process, way):
        process.start()
        process.wait_ready()
        yield way
        process.check()
        assert "Traceback" not in process.log.read_text()


@pytest.fixture
def stage(plane: ControlPlane, way: Interposer) -> Iterator[SetStage]:
    way.reset()
    with staged(plane, nodes=3) as stage:
        stage.wish()
        stage.until_replaced()
        yield stage


@contextmanager
def without_rights(plane: ControlPlane, stage: SetStage, *nodes: str) -> Iterator[None]:
    """Take the right to write Secrets away in some namespaces: rights add up, so it is granted in all others."""
    role = plane.client.get(f"{ROLES}/certwright")
    assert role is not None
    rules = [rule for rule in role["rules"] if rule["resources"] != ["secrets"]]
    secrets = [rule for rule in role["rules"] if rule["resources"] == ["secrets"]]
    seeing = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
    name = f"{stage.name}-secrets"
    plane.client.create(ROLES, {"metadata": {"name": name}, "rules": secrets})
    namespaces = [stage.uploads, *stage.nodes, "certwright-system"]
    granted = [each for each in namespaces if each not in nodes]
    for namespace in granted:
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        plane.client.create(path, {"metadata": {"name": name}, "roleRef": reference, "subjects": [SUBJECT]})
    give(plane, [*rules, *seeing])
    wait_until(lambda: not may_write(plane, nodes[0]), deadline_seconds=30, what="the right to be gone")
    try:
        yield
    finally:
        give(plane, role["rules"])
        wait_until(lambda: may_write(plane, nodes[0]), deadline_seconds=30, what="the right to be back")


def give(plane: ControlPlane, rules: object) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    assert plane.client.request("PATCH", f"{ROLES}/certwright", {"rules": rules}, headers=headers).ok


def may_write(plane: ControlPlane, namespace: str) -> bool:
    user = "system:serviceaccount:certwright-system:certwright"
    said = plane.kubectl("auth", "can-i", "patch", "secrets", "-n", namespace, f"--as={user}", check=False)
    return said.stdout.strip() == "yes"


def until_undone(stage: SetStage) -> dict[str, object]:
    def undone(status: dict[str, object]) -> bool:
        failed = status.get("failedRevision")
        return failed is not None and failed == status.get("revision") and status.get("responseCode") == 409

    status: dict[str, object] = stage.until(undone, "the roll-back")
    stage.until(lambda _: not stage.read()["metadata"].get("finalizers"), "the clean-up")
    return status


def real_write(stage: SetStage, node: str) -> Where:
    """Choose the first write of a Secret of a namespace that is no dry run; each is rehearsed once before."""
    target, seen = calls("patch", "secrets", namespace=node), []

    def where(call: object) -> bool:
        if target(call):  # type: ignore[arg-type]
            seen.append(call)
            return len(seen) > len(stage.slots)
        return False

    return where


def without(contents: Contents, node: str) -> Contents:
    return {place: held for place, held in contents.items() if place[0] != node}


def replace_all(stage: SetStage) -> None:
    for slot in stage.slots:
        stage.upload(slot)


# ---- rights


def test_commit_is_undone_exactly_and_done_later_when_rights_in_one_namespace_go_half_way(
    stage: SetStage, plane: ControlPlane, way: Interposer
) -> None:
    before, node = stage.contents(), stage.nodes[2]
    held = way.hold(real_write(stage, node))
    replace_all(stage)
    held.wait()
    with without_rights(plane, stage, node):
        held.release()
        stage.until(
            lambda status: node in str(status.get("detailedError")) and stage.condition("Stalled") == "True",
            "the status to say so",
        )
        status = stage.status
        rows = {each["name"]: each for each in status["namespaces"]}
        assert stage.condition("Deployed") == "False"
        assert "forbidden" in rows[node]["message"].lower()
        assert not rows[node]["updated"]
        assert read_journal(plane, stage)["phase"] == "RollingBack"
        elsewhere = without(before, node)
        wait_until(
            lambda: without(stage.contents(), node) == elsewhere, deadline_seconds=60, what="all else to be put back"
        )

    until_undone(stage)
    assert stage.contents() == before
    stage.upload("proxy")
    stage.until_replaced()


def test_status_is_honest_and_all_converges_when_all_rights_to_write_go_during_a_rollback(
    stage: SetStage, plane: ControlPlane, way: Interposer
) -> None:
    before = stage.contents()
    with refusing(plane, stage, stage.nodes[2]):
        held = way.hold_answer(lambda call: call.resource == "configmaps" and b"RollingBack" in call.body)
        replace_all(stage)
        held.wait()
        with without_rights(plane, stage, *stage.nodes):
            held.release()
            stage.until(lambda _: stage.condition("Stalled") == "True", "the status to say so")
            status = stage.status
            assert stage.condition("Deployed") == "False"
            assert all("forbidden" in each["message"].lower() for each in status["namespaces"])
            assert status["updatedNamespaces"] == "0/3"
            assert stage.contents() != before

        until_undone(stage)
        assert stage.contents() == before
    assert json.dumps(read_journal(plane, stage)["entries"]) == "[]"


# ---- namespaces


@pytest.fixture
def selected(plane: ControlPlane, way: Interposer) -> Iterator[SetStage]:
    way.reset()
    with staged(plane, nodes=3) as stage:
        for node in stage.nodes:
            plane.kubectl("label", "namespace", node, f"gateway={stage.name}")
        stage.wish(namespaces=None, namespaceSelector={"matchLabels": {"gateway": stage.name}})
        stage.until_replaced()
        yield stage


def test_others_are_replaced_when_a_namespace_is_deleted_half_way(
    selected: SetStage, plane: ControlPlane, way: Interposer
) -> None:
    gone = selected.nodes[0]
    held = way.hold(real_write(selected, gone))
    replace_all(selected)
    held.wait()
    plane.client.delete(f"/api/v1/namespaces/{gone}")
    until_terminating(plane, gone)
    held.release()
    selected.nodes = selected.nodes[1:]

    selected.until_replaced()

    remaining = list(selected.nodes)
    selected.until(
        lambda status: [each["name"] for each in status["namespaces"]] == remaining, "the rows of those that remain"
    )
    assert "failedRevision" not in selected.status


def test_others_are_put_back_when_a_namespace_is_deleted_during_a_rollback(
    selected: SetStage, plane: ControlPlane, way: Interposer
) -> None:
    gone, before = selected.nodes[0], selected.contents()
    with refusing(plane, selected, selected.nodes[2]):
        held = way.hold_answer(lambda call: call.resource == "configmaps" and b"RollingBack" in call.body)
        replace_all(selected)
        held.wait()
        plane.client.delete(f"/api/v1/namespaces/{gone}")
        until_terminating(plane, gone)
        held.release()
        until_undone(selected)
    selected.nodes = selected.nodes[1:]

    assert selected.contents() == without(before, gone)
    assert read_journal(plane, selected)["phase"] == "Idle"


def until_terminating(plane: ControlPlane, namespace: str) -> None:
    def is_going() -> bool:
        found = plane.client.get(f"/api/v1/namespaces/{namespace}")
        return found is None or "deletionTimestamp" in found["metadata"]

    wait_until(is_going, deadline_seconds=30, what="the namespace to go")
