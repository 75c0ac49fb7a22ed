"""Secrets of a set that somebody changes while no operator runs, or that a policy marks anew, on a real API server."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR, installed
from tests.support.set_stage import SetStage, staged
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture
def operator(plane: ControlPlane, tmp_path: Path) -> Iterator[OperatorProcess]:
    log = tmp_path / "operator.log"
    with OperatorProcess(plane.kubeconfig_for(*OPERATOR), log, log_format="text", set_settling_seconds="1") as process:
        process.wait_ready()
        yield process
        process.check()
        assert "Traceback" not in log.read_text()


@pytest.fixture
def stage(plane: ControlPlane, operator: OperatorProcess) -> Iterator[SetStage]:
    operator.check()
    with staged(plane) as stage:
        stage.wish()
        stage.until_replaced()
        yield stage


def owners(plane: ControlPlane, stage: SetStage) -> set[tuple[str, ...]]:
    """Give whom the garbage collector takes the Secrets of the set for."""
    found = set()
    for node in stage.nodes:
        for slot in stage.slots:
            secret = plane.client.get(f"/api/v1/namespaces/{node}/secrets/{slot}-tls")
            assert secret is not None
            found.add(tuple(each["uid"] for each in secret["metadata"].get("ownerReferences") or ()))
    return found


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
def test_value_is_put_back_when_somebody_changed_it_while_no_operator_ran(
    plane: ControlPlane, operator: OperatorProcess, stage: SetStage, name: str
) -> None:
    """The managed fields of the other value say that it is ours, and as it was."""
    before = stage.contents()
    operator.stop()
    patch = json.dumps({"data": {name: b64encode(b"other").decode()}})
    plane.kubectl("patch", "-n", stage.nodes[0], "secret", "proxy-tls", "--type=merge", f"-p={patch}")
    assert stage.contents() != before

    operator.start()
    operator.wait_ready()

    wait_until(lambda: stage.contents() == before, deadline_seconds=60, what="the value to be put back")


def test_secrets_are_marked_anew_when_the_policy_of_a_deployed_set_changes(
    plane: ControlPlane, stage: SetStage
) -> None:
    before, uid = stage.contents(), stage.read()["metadata"]["uid"]
    for policy, wanted in (("Delete", {(uid,)}), ("Retain", {()})):
        stage.wish(deletionPolicy=policy)
        wait_until(lambda wanted=wanted: owners(plane, stage) == wanted, deadline_seconds=60, what=f"{policy} to count")
        assert stage.until_code(200)["updatedNamespaces"] == "2/2"
    assert stage.contents() == before
