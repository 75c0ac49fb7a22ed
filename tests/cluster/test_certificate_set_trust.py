"""A set that trusts a store, on a real control plane: a root is withdrawn, and trusted again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR, installed
from tests.support.set_stage import Contents, SetStage, staged
from tests.support.trust_place import Place

DESIRED = "trustStateDesired"


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
        yield stage


def anchors(contents: Contents) -> set[str]:
    """Give what stands in `ca.crt` of all Secrets; empty where there is none."""
    return {data.get("ca.crt", b"").decode() for _, data in contents.values()}


def test_set_follows_its_store_when_a_root_is_withdrawn_and_trusted_again(plane: ControlPlane, stage: SetStage) -> None:
    root = stage.pki.root
    place = Place.make(plane, stage.pki, consumers=0)
    trust = {"storeRef": {"kind": "ClusterTrustStore", "name": place.name}}

    # Nothing goes out before the store has deployed a CA; then it does without anybody's help.
    stage.wish(trust=trust)
    status = stage.until_code(404)
    assert {each["reason"] for each in status["findings"]} == {"ReferenceNotFound"}
    assert stage.contents() == {}
    place.decide("root", root)
    place.wish()
    deployed = stage.until_replaced()["deployedRevision"]
    before = stage.contents()
    assert anchors(before) == {root.pem}

    # Withdrawn: what is deployed stays, and it is said.
    place.patch(place.decision_path(), {"spec": {DESIRED: "untrusted"}})
    status = stage.until(lambda found: found.get("responseCode") in {400, 404}, "the withdrawal to count")
    assert stage.condition("Valid") == "False"
    assert stage.condition("Deployed") == "True"
    assert (status["deployedRevision"], stage.contents()) == (deployed, before)
    assert place.name in status["detailedError"]

    # A lost Secret comes back from what is kept, anchor and all, though nothing new would be let in.
    node = stage.nodes[0]
    plane.client.delete(f"/api/v1/namespaces/{node}/secrets/proxy-tls")
    stage.until(lambda _: stage.contents() == before, "the lost Secret to come back")

    place.patch(place.decision_path(), {"spec": {DESIRED: "trusted"}})
    stage.until_replaced()
    assert (stage.status["deployedRevision"], stage.contents()) == (deployed, before)


def test_verdict_changes_by_itself_when_trust_ends_on_a_date(plane: ControlPlane, stage: SetStage) -> None:
    place = Place.make(plane, stage.pki, consumers=0)
    end = (datetime.now(UTC) + timedelta(seconds=25)).replace(microsecond=0)
    until = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    place.decide("root", stage.pki.root, trustUntil=until)
    place.wish()
    stage.wish(trust={"storeRef": {"name": place.name}})
    status = stage.until_replaced()
    assert status["nextCheckTime"] == until
    before = stage.contents()

    stage.until(lambda found: found.get("responseCode") in {400, 404}, "the end of trust")
    assert datetime.now(UTC) >= end
    assert stage.condition("Ready") == "False"
    assert stage.contents() == before
