"""A leader that is stopped with the creation of a set's Secret built and unsent, and goes on when another leads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Call, Where, calls
from tests.support.rough_world import MANIFESTS, OPERATOR, installed
from tests.support.set_fire import replica
from tests.support.set_stage import SetStage, staged
from tests.support.waiting import wait_until

QUICK = {"lease_seconds": "3", "lease_renew_seconds": "2", "lease_retry_seconds": "0.4", "leader_election": "true"}
EVENT_SECONDS = 10.0
"""Promised is a second; a loaded machine gets more."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


def late_creation(plane: ControlPlane, stage: SetStage, folder: Path) -> int:
    """Have a creation of a former leader arrive when its set does not want it any more; give its answer's code."""
    place = stage.nodes[0], "extra-tls"
    path = f"/api/v1/namespaces/{place[0]}/secrets/{place[1]}"
    with replica(plane, folder, "one", **QUICK) as (one, way), replica(plane, folder, "two", **QUICK) as (two, _):
        one.start()
        one.wait_ready()
        stage.wish(certificates=[stage.from_upload("proxy")])
        stage.until(
            lambda status: status.get("updatedNamespaces") == "2/2" and stage.condition("Ready") == "True", "it"
        )
        two.start()
        two.wait_ready()
        held = way.hold(after_the_rehearsal(*place), what="the creation of a target")
        stage.wish()
        held.wait()
        os.kill(one.pid, signal.SIGSTOP)
        try:
            stage.until_replaced()
            stage.wish(certificates=[stage.from_upload("proxy")], absent=["extra"])
            stage.until(lambda _: len(stage.contents()) == len(stage.nodes), "the removal")
            stage.until(lambda _: stage.condition("Ready") == "True", "rest")
            before = stage.contents()
            held.release()
            answer = way.wait_for(lambda call: is_target(call, *place), 2)[-1]
            wait_until(
                lambda: plane.client.get(path) is None, deadline_seconds=EVENT_SECONDS, what="the creation to be undone"
            )
        finally:
            os.kill(one.pid, signal.SIGCONT)
        one.wait_ready()
        stage.until(lambda _: stage.condition("Ready") == "True", "rest")
        assert stage.contents() == before
        return answer.code


def is_target(call: Call, namespace: str, name: str) -> bool:
    return calls("patch", "secrets", namespace=namespace, name=name)(call)


def after_the_rehearsal(namespace: str, name: str) -> Where:
    """Choose the first creation of a target that is no dry run."""
    seen: list[Call] = []

    def where(call: Call) -> bool:
        if is_target(call, namespace, name):
            seen.append(call)
            return len(seen) > 1
        return False

    return where


def test_creation_of_a_stopped_leader_is_undone_when_it_arrives_after_a_take_over(
    plane: ControlPlane, tmp_path: Path
) -> None:
    with staged(plane, ("proxy", "extra")) as stage:
        assert late_creation(plane, stage, tmp_path) == HTTPStatus.CREATED


def test_creation_of_a_stopped_leader_is_refused_when_the_fence_stands(plane: ControlPlane, tmp_path: Path) -> None:
    plane.kubectl("apply", "-f", str(MANIFESTS / "components" / "fence" / "policy.yaml"))
    manifest = (
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"probe","annotations":{"certwright.io/epoch":"-1"}}}'
    )
    operator = plane.kubeconfig_for(*OPERATOR)

    def stands() -> bool:
        said = plane.kubectl(
            *("apply", "--server-side", "--field-manager=certwright", "--dry-run=server", "-n", "default", "-f", "-"),
            input=manifest,
            check=False,
            kubeconfig=operator,
        )
        return "fence.certwright.io" in said.stderr

    wait_until(stands, deadline_seconds=60, what="the policy to be in force")
    with staged(plane, ("proxy", "extra")) as stage:
        assert late_creation(plane, stage, tmp_path) == HTTPStatus.FORBIDDEN
