"""Replacements that are undone or delete something, with the operator killed before and after every write of that."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.interposer import Interposer
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import installed
from tests.support.set_fire import History, Nth, kill_and_restart, read_journal, refusing, replica
from tests.support.set_stage import Contents, SetStage, staged
from tests.support.waiting import wait_until

MOST_WRITES = 40
FEWEST_OF_A_ROLLBACK = 8
FEWEST_OF_A_DELETION = 5


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def manned(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[OperatorProcess, Interposer]]:
    with replica(plane, tmp_path_factory.mktemp("operator"), "only") as (process, way):
        process.start()
        process.wait_ready()
        yield process, way
        process.check()
        assert "Traceback" not in process.log.read_text()


Metadata = dict[str, Any]


class Mixed:
    """A set that replaces one Secret, creates one and adopts one in a namespace, while the other namespace refuses."""

    def __init__(self, plane: ControlPlane, stage: SetStage) -> None:
        self.plane = plane
        self.stage = stage
        slots = [{"name": slot, "secretName": f"{slot}-tls", "required": slot == "proxy"} for slot in stage.slots]
        self.spec = {"slots": slots}
        stage.wish(**self.spec, certificates=[stage.from_upload("proxy")])
        stage.until(lambda _: len(stage.contents()) == len(stage.nodes), "the first certificate")
        until_tidy(stage)
        metadata = {
            "name": "theirs-tls",
            "labels": {"app": "theirs"},
            "annotations": {"certwright.io/allow-write": stage.owner, "theirs": "x"},
        }
        theirs = {"metadata": metadata, "type": "Opaque", "stringData": {"tls.crt": "theirs", "more": "theirs"}}
        plane.client.create(f"/api/v1/namespaces/{stage.nodes[0]}/secrets", theirs)
        self.before = stage.contents()
        self.adopted = self.read_adopted()

    def read_adopted(self) -> Metadata:
        """Give what its owner wrote about the Secret that is adopted."""
        found = self.plane.client.get(f"/api/v1/namespaces/{self.stage.nodes[0]}/secrets/theirs-tls")
        assert found is not None
        return {name: found["metadata"].get(name) for name in ("uid", "labels", "annotations", "ownerReferences")}

    def attempt(self) -> None:
        """Ask for another revision, which can be written in one namespace only."""
        self.stage.upload("proxy")
        self.stage.wish(**self.spec)

    @property
    def is_undone(self) -> bool:
        """Say whether the last attempt ended, by its journal: it names what is uploaded now as failed."""
        status = self.stage.status
        return bool(
            status.get("responseCode") == 409
            and status.get("failedRevision") == status.get("revision")
            and is_tidy(self.stage)
        )

    def check(self) -> None:
        """Check that all is as it was before the attempt."""
        stage, journal = self.stage, read_journal(self.plane, self.stage)
        assert stage.contents() == self.before
        without_fence = self.read_adopted()
        without_fence["annotations"].pop("certwright.io/commit-epoch", None)
        assert without_fence == self.adopted
        assert (journal["phase"], journal["entries"]) == ("Idle", [])
        assert stage.kept() == ["Journal", "Payload"]
        assert journal["deployed"] == stage.status["deployedRevision"]
        assert stage.condition("Deployed") == "False"


def is_tidy(stage: SetStage) -> bool:
    return not stage.read()["metadata"].get("finalizers")


def until_tidy(stage: SetStage) -> None:
    stage.until(lambda _: is_tidy(stage), "the clean-up")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_all_is_as_it_was_when_the_operator_is_killed_at_any_request_of_a_rollback(
    plane: ControlPlane, manned: tuple[OperatorProcess, Interposer], *, after: bool
) -> None:
    process, way = manned
    with staged(plane, ("proxy", "new", "theirs")) as stage:
        mixed = Mixed(plane, stage)
        with refusing(plane, stage, stage.nodes[1]):
            number = 0
            while undo_under_fire(mixed, process, way, number, after=after):
                number += 1
                assert number < MOST_WRITES
        assert number > FEWEST_OF_A_ROLLBACK


def undo_under_fire(mixed: Mixed, process: OperatorProcess, way: Interposer, number: int, *, after: bool) -> bool:
    """Have a commit undone, with the operator killed at one request of that; say whether there was such a request."""
    earlier = mixed.stage.status.get("failedRevision")
    where = Nth(number, since="RollingBack")
    held = way.hold_answer(where) if after else way.hold(where)
    mixed.attempt()

    def ended() -> bool:
        return mixed.is_undone and mixed.stage.status["failedRevision"] != earlier

    wait_until(lambda: held.has_arrived or ended(), deadline_seconds=60, what="the request, or the end")
    found = held.has_arrived
    if found:
        kill_and_restart(process, way, held)
        wait_until(ended, deadline_seconds=60, what=f"the end of the roll-back; status: {mixed.stage.status}")
    way.reset()
    mixed.check()
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_nothing_is_left_of_a_removed_certificate_when_the_operator_is_killed_at_any_request_of_its_deletion(
    plane: ControlPlane, manned: tuple[OperatorProcess, Interposer], *, after: bool
) -> None:
    process, way = manned
    with staged(plane, ("proxy", "extra")) as stage:
        number = 0
        while delete_under_fire(stage, process, way, number, after=after):
            number += 1
            assert number < MOST_WRITES
        assert number > FEWEST_OF_A_DELETION
        assert read_journal(plane, stage)["phase"] == "Idle"


def delete_under_fire(stage: SetStage, process: OperatorProcess, way: Interposer, number: int, *, after: bool) -> bool:
    """Fill a slot and have it emptied, with the operator killed at one request of that; say whether there was one."""
    stage.wish()
    stage.until_replaced()
    where = Nth(number, since="Deleting")
    held = way.hold_answer(where) if after else way.hold(where)
    stage.upload("proxy")
    stage.wish(certificates=[stage.from_upload("proxy")], absent=["extra"])

    def ended() -> bool:
        status = stage.status
        return bool(
            holds_proxy_alone(stage, stage.contents())
            and (status.get("responseCode"), status.get("updatedNamespaces")) == (200, "2/2")
            and status["revision"] == status["deployedRevision"]
            and is_tidy(stage)
        )

    wait_until(lambda: held.has_arrived or ended(), deadline_seconds=60, what="the request, or the end")
    found = held.has_arrived
    if found:
        kill_and_restart(process, way, held)
        wait_until(ended, deadline_seconds=60, what=f"the end of the deletion; status: {stage.status}")
    way.reset()
    assert stage.kept() == ["Journal", "Payload"]
    return found


def holds_proxy_alone(stage: SetStage, contents: Contents) -> bool:
    upload = stage.plane.client.get(f"/api/v1/namespaces/{stage.uploads}/secrets/proxy")
    assert upload is not None
    served = {place: data["tls.crt"] for place, (_, data) in contents.items()}
    return served == {(node, "proxy-tls"): b64decode(upload["data"]["tls.crt"]) for node in stage.nodes}


# ---- what a reader sees


@pytest.mark.usefixtures("manned")
def test_each_secret_switches_once_when_a_set_is_replaced(plane: ControlPlane) -> None:
    with staged(plane) as stage:
        stage.wish()
        stage.until_replaced()
        history = History(plane, stage)
        for slot in stage.slots:
            stage.upload(slot)
        stage.until_replaced()

        places = [(node, f"{slot}-tls") for node in stage.nodes for slot in stage.slots]
        assert history.switches() == dict.fromkeys(places, 1)


@pytest.mark.usefixtures("manned")
def test_each_secret_switches_twice_at_most_when_a_replacement_is_undone(plane: ControlPlane) -> None:
    with staged(plane, ("proxy", "new", "theirs")) as stage:
        mixed = Mixed(plane, stage)
        history = History(plane, stage)
        with refusing(plane, stage, stage.nodes[1]):
            mixed.attempt()
            wait_until(lambda: mixed.is_undone, deadline_seconds=60, what="the end of the roll-back")
            mixed.check()

        first, second = stage.nodes
        fenced_only = {(second, "proxy-tls"): 0}
        written = {(first, f"{name}-tls"): 2 for name in ("proxy", "new", "theirs")}
        assert history.switches() == {**written, **fenced_only}
