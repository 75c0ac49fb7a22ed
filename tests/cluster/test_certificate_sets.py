"""Sets of certificates on a real control plane: the operator as people install it, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR, installed
from tests.support.set_stage import SetStage, staged
from tests.support.waiting import wait_until

SETTLING = "1"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    log: Path = tmp_path_factory.mktemp("operator") / "operator.log"
    kubeconfig = plane.kubeconfig_for(*OPERATOR)
    with OperatorProcess(kubeconfig, log, log_format="text", set_settling_seconds=SETTLING) as process:
        process.wait_ready()
        yield process
        process.check()
        assert "Traceback" not in log.read_text()


@pytest.fixture
def stage(plane: ControlPlane, operator: OperatorProcess) -> Iterator[SetStage]:
    operator.check()
    with staged(plane, ("proxy", "api", "extra", "more")) as stage:
        stage.wish()
        stage.until_replaced()
        yield stage


def test_set_is_replaced_everywhere_when_its_sources_change(stage: SetStage) -> None:
    assert stage.kept() == ["Journal", *["Payload"] * 4]
    before = stage.status["deployedRevision"]

    for slot in stage.slots:
        stage.upload(slot)
    status = stage.until_replaced()

    assert status["deployedRevision"] != before
    assert status["updatedNamespaces"] == "2/2"
    assert stage.kept() == ["Journal", *["Payload"] * 4]


def shrink(stage: SetStage) -> None:
    """Have the optional certificates removed everywhere."""
    stage.wish(certificates=[stage.from_upload(slot) for slot in stage.slots[:2]], absent=["extra", "more"])
    stage.until(lambda _: len(stage.contents()) == 4, "the removal")


def test_everything_is_as_it_was_when_a_quota_refuses_one_namespace(stage: SetStage, plane: ControlPlane) -> None:
    """There is room for one of two new Secrets: a dry run takes both, one after the other."""
    shrink(stage)
    quota = stage.limit(stage.nodes[1], room=1)
    before = stage.contents()

    stage.upload("proxy")
    stage.wish()
    status = stage.until_code(409)
    stage.until(lambda _: not stage.read()["metadata"].get("finalizers"), "the clean-up")

    assert stage.contents() == before
    assert status["failedRevision"] == status["revision"] != status["deployedRevision"]
    assert "quota" in status["detailedError"]
    plane.client.delete(quota)
    stage.upload("proxy")
    stage.until_replaced()


def test_foreign_secret_is_byte_identical_when_a_rollback_puts_it_back(stage: SetStage, plane: ControlPlane) -> None:
    """It was adopted by consent, replaced, and given back: a quota refuses the other namespace."""
    shrink(stage)
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "extra-tls", "annotations": {"certwright.io/allow-write": stage.owner, "theirs": "x"}},
        "type": "Opaque",
        "stringData": {"tls.crt": "theirs", "more": "theirs"},
    }
    plane.client.create(f"/api/v1/namespaces/{stage.nodes[0]}/secrets", theirs)
    stage.limit(stage.nodes[1], room=1)
    before = stage.contents()

    stage.wish()
    status = stage.until_code(409)
    stage.until(lambda _: not stage.read()["metadata"].get("finalizers"), "the clean-up")

    assert status["failedRevision"] == status["revision"]
    assert stage.contents() == before
    found = plane.client.get(f"/api/v1/namespaces/{stage.nodes[0]}/secrets/extra-tls")
    assert found is not None
    assert found["metadata"]["annotations"]["theirs"] == "x"
    assert "certwright.io/owner" not in found["metadata"]["annotations"]
    assert "labels" not in found["metadata"]


def test_set_is_409_and_untouched_when_a_target_is_somebody_elses(stage: SetStage, plane: ControlPlane) -> None:
    shrink(stage)
    foreign = {"metadata": {"name": "extra-tls"}, "stringData": {"theirs": "x"}}
    plane.client.create(f"/api/v1/namespaces/{stage.nodes[1]}/secrets", foreign)
    before = stage.contents()

    stage.wish()
    status = stage.until_code(409)

    assert stage.contents() == before
    assert status["detailedError"].endswith(f"certwright.io/allow-write={stage.owner}")
    plane.kubectl("annotate", "secret", "-n", stage.nodes[1], "extra-tls", f"certwright.io/allow-write={stage.owner}")
    stage.until_replaced()


def test_namespace_is_left_out_when_it_is_deleted(plane: ControlPlane, operator: OperatorProcess) -> None:
    operator.check()
    with staged(plane, nodes=3) as stage:
        selector = {"matchLabels": {"gateway": stage.name}}
        for node in stage.nodes:
            plane.kubectl("label", "namespace", node, f"gateway={stage.name}")
        stage.wish(namespaces=None, namespaceSelector=selector)
        stage.until(lambda status: status.get("updatedNamespaces") == "3/3", "all three")
        plane.client.delete(f"/api/v1/namespaces/{stage.nodes[2]}")
        stage.upload("proxy")
        stage.until(
            lambda status: status.get("updatedNamespaces") == "2/2" and status["responseCode"] == 200, "the other two"
        )


# ---- the rows of the documented tables


def test_answers_are_those_documented_when_asked_through_the_api_server(stage: SetStage) -> None:
    """200, 400, 403, 406 of an update; 200, 403, 404 of a removal."""
    everything = [stage.from_upload(slot) for slot in stage.slots]
    before = stage.contents()

    stage.wish(certificates=[*everything, {**stage.from_upload("proxy"), "name": "unknown"}])
    assert code(stage.until_code(403), "unknown") == 403
    stage.wish(absent=["unknown"])
    assert code(stage.until_code(404), "unknown") == 404
    stage.wish(certificates=everything[1:], absent=["proxy"])
    assert code(stage.until_code(403), "proxy") == 403
    stage.wish()
    stage.until_code(200)
    ended = stage.pki.at - timedelta(days=1)
    stage.upload("proxy", stage.pki.leaf("proxy.example.com", not_before=ended - timedelta(days=9), not_after=ended))
    assert code(stage.until_code(406), "proxy") == 406
    stage.upload("proxy", stage.pki.leaf("proxy.example.com"), key=stage.pki.leaf("other.example.com"))
    assert code(stage.until_code(400), "proxy") == 400
    assert stage.contents() == before
    stage.upload("proxy")
    assert code(stage.until_replaced(), "proxy") == 200
    shrink(stage)
    assert code(stage.until_code(200), "extra") == 200


def code(status: dict[str, object], name: str) -> int | None:
    rows: list[dict[str, object]] = status["certificates"]  # type: ignore[assignment]
    return next(each.get("responseCode") for each in rows if each["name"] == name)  # type: ignore[return-value]


def test_second_claim_is_refused_and_nobody_flaps_when_two_sets_want_one_secret(
    stage: SetStage, plane: ControlPlane
) -> None:
    before = stage.contents()
    other = SetStage(plane, ("proxy",), 0)
    try:
        other.upload("proxy")
        other.wish(namespaces=list(stage.nodes))
        status = other.until_code(409)
        assert stage.owner in status["detailedError"]
        assert stage.contents() == before
        assert stage.condition("Ready") == "True"
    finally:
        other.end()


def test_keys_are_gone_from_the_operators_namespace_when_a_set_is_deleted(stage: SetStage, plane: ControlPlane) -> None:
    uid = stage.read()["metadata"]["uid"]
    stage.upload("proxy")
    plane.client.delete(stage.path)
    kept = f"/api/v1/namespaces/certwright-system/secrets?labelSelector=certwright.io%2Fset%3D{uid}"
    wait_until(
        lambda: plane.client.get(stage.path) is None and not plane.client.request("GET", kept).json()["items"],
        deadline_seconds=30,
        what="everything of the set to be gone",
    )
