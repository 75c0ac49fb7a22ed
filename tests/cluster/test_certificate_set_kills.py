"""The operator is killed before and after every request of a commit, and stopped with one built and unsent."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Call, Held, Interposer, Where, calls
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import installed
from tests.support.set_fire import Nth, kill_and_restart, replica
from tests.support.set_stage import SetStage, staged
from tests.support.waiting import wait_until

MOST_WRITES = 60


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


def is_quiet(stage: SetStage) -> None:
    """Check that all namespaces hold one revision, and that nothing is left over."""
    assert stage.kept() == ["Journal", "Payload", "Payload"]
    assert stage.status["updatedNamespaces"] == "2/2"
    assert set(stage.contents()) == {(node, f"{slot}-tls") for node in stage.nodes for slot in stage.slots}


def replace_under_fire(stage: SetStage, process: OperatorProcess, way: Interposer, number: int, *, after: bool) -> bool:
    """Replace everything, with the operator killed at one request; say whether there was such a request."""
    where = Nth(number)
    held: Held = way.hold_answer(where) if after else way.hold(where)
    for slot in stage.slots:
        stage.upload(slot)

    def is_decided() -> bool:
        return held.has_arrived or is_replaced(stage)

    wait_until(is_decided, deadline_seconds=60, what="the request, or the end")
    if not held.has_arrived:
        way.reset()
        return False
    kill_and_restart(process, way, held)
    stage.until_replaced()
    is_quiet(stage)
    return True


def is_replaced(stage: SetStage) -> bool:
    try:
        stage.until_replaced(seconds=0.5)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_all_namespaces_hold_one_revision_when_the_operator_is_killed_at_any_request(
    plane: ControlPlane, tmp_path: Path, *, after: bool
) -> None:
    with replica(plane, tmp_path, "only") as (process, way), staged(plane) as stage:
        process.start()
        process.wait_ready()
        stage.wish()
        stage.until_replaced()
        number = 0
        while replace_under_fire(stage, process, way, number, after=after):
            number += 1
            assert number < MOST_WRITES
        assert number > 12
        assert "Traceback" not in process.log.read_text()


def after_the_rehearsal(stage: SetStage) -> Where:
    """Choose the first update of a target that is no dry run; each is rehearsed once before."""
    target, seen = calls("patch", "secrets", namespace=stage.nodes[0]), []

    def where(call: Call) -> bool:
        if target(call):
            seen.append(call)
            return len(seen) > len(stage.slots)
        return False

    return where


def test_update_of_a_stopped_leader_is_refused_when_another_has_taken_over(plane: ControlPlane, tmp_path: Path) -> None:
    quick = {"lease_seconds": "3", "lease_renew_seconds": "2", "lease_retry_seconds": "0.4", "leader_election": "true"}
    with (
        replica(plane, tmp_path, "one", **quick) as (one, way),
        replica(plane, tmp_path, "two", **quick) as (two, _),
        staged(plane) as stage,
    ):
        one.start()
        one.wait_ready()
        stage.wish()
        stage.until_replaced()
        two.start()
        two.wait_ready()
        held = way.hold(after_the_rehearsal(stage), what="the update of a target")
        for slot in stage.slots:
            stage.upload(slot)
        held.wait()
        os.kill(one.pid, signal.SIGSTOP)
        stage.until_replaced()
        before = stage.contents()
        held.release()
        os.kill(one.pid, signal.SIGCONT)
        stage.until_replaced()
        assert stage.contents() == before
        is_quiet(stage)
