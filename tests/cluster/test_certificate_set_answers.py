"""The documented answers to an update, to a single update, and to a removal: each row, asked through the API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR, installed
from tests.support.set_fire import DELETING, refusing, versions
from tests.support.set_stage import SetStage, staged

SLOTS = ("proxy", "api", "extra")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    log: Path = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(
        plane.kubeconfig_for(*OPERATOR), log, log_format="text", set_settling_seconds="0.5"
    ) as process:
        process.wait_ready()
        yield process
        process.check()
        assert "Traceback" not in log.read_text()


@pytest.fixture
def stage(plane: ControlPlane, operator: OperatorProcess) -> Iterator[SetStage]:
    operator.check()
    with staged(plane, SLOTS) as stage:
        stage.wish()
        stage.until_replaced()
        yield stage


def all_of(stage: SetStage) -> list[dict[str, Any]]:
    return [stage.from_upload(slot) for slot in stage.slots]


def upload_expired(stage: SetStage, slot: str) -> None:
    ended = stage.pki.at - timedelta(days=1)
    leaf = stage.pki.leaf(f"{slot}.example.com", not_before=ended - timedelta(days=9), not_after=ended)
    stage.upload(slot, leaf)


def upload_invalid(stage: SetStage, slot: str) -> None:
    stage.upload(slot, key=stage.pki.leaf("other.example.com"))


# ---- what a person does


def update_with_good_ones(stage: SetStage) -> None:
    for slot in stage.slots:
        stage.upload(slot)


def update_with_an_invalid_one(stage: SetStage) -> None:
    update_with_good_ones(stage)
    upload_invalid(stage, "api")


def update_with_an_unknown_one(stage: SetStage) -> None:
    update_with_good_ones(stage)
    stage.wish(certificates=[*all_of(stage), {**stage.from_upload("proxy"), "name": "unknown"}])


def update_with_an_expired_one(stage: SetStage) -> None:
    update_with_good_ones(stage)
    upload_expired(stage, "api")


def update_one(stage: SetStage) -> None:
    stage.upload("api")


def update_one_that_is_invalid(stage: SetStage) -> None:
    upload_invalid(stage, "api")


def update_one_that_is_unknown(stage: SetStage) -> None:
    certificates = [stage.from_upload("proxy"), {**stage.from_upload("api"), "name": "unknown"}]
    stage.wish(certificates=[*certificates, stage.from_upload("api"), stage.from_upload("extra")])


def update_one_that_does_not_exist(stage: SetStage) -> None:
    stage.plane.client.delete(f"/api/v1/namespaces/{stage.uploads}/secrets/api")
    stage.plane.kubectl("annotate", "certset", stage.name, "touched=now")


def update_one_that_is_expired(stage: SetStage) -> None:
    upload_expired(stage, "api")


def remove(stage: SetStage, name: str) -> None:
    certificates = [each for each in all_of(stage) if each["name"] != name]
    stage.wish(certificates=certificates, absent=[name])


@dataclass(frozen=True)
class Row:
    """One row of a documented table, and what is said of it.

    Attributes:
        do: what the person does.
        code: of the whole.
        named: the certificate that the row is about.
        reason: of that certificate.
        said: a part of the detailed error.
    """

    do: Callable[[SetStage], None]
    code: int
    named: str
    reason: str
    said: str = ""


REFUSED = {
    "update-400-invalid": Row(update_with_an_invalid_one, 400, "api", "KeyMismatch", "does not belong"),
    "update-403-unknown": Row(update_with_an_unknown_one, 403, "unknown", "UnknownName", "`unknown`"),
    "update-406-expired": Row(update_with_an_expired_one, 406, "api", "Expired", "expired"),
    "single-400-invalid": Row(update_one_that_is_invalid, 400, "api", "KeyMismatch", "does not belong"),
    "single-403-unknown": Row(update_one_that_is_unknown, 403, "unknown", "UnknownName", "`unknown`"),
    "single-404-not-there": Row(
        update_one_that_does_not_exist, 404, "api", "ReferenceNotFound", "there is no Secret `api`"
    ),
    "single-406-expired": Row(update_one_that_is_expired, 406, "api", "Expired", "expired"),
    "delete-403-required": Row(lambda stage: remove(stage, "proxy"), 403, "proxy", "RequiredCertificate", "`proxy`"),
    "delete-404-unknown": Row(lambda stage: stage.wish(absent=["none"]), 404, "none", "UnknownName", "`none`"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_answer_is_the_documented_one_and_nothing_is_touched_when_it_is_a_refusal(
    stage: SetStage, plane: ControlPlane, row: Row
) -> None:
    before, deployed = versions(plane, stage), stage.status["deployedRevision"]

    row.do(stage)
    status = stage.until_code(row.code)

    found = certificate(status, row.named)
    assert (found["responseCode"], found["reason"]) == (row.code, row.reason)
    assert row.said in status["detailedError"]
    others = [each for each in status["certificates"] if each["name"] != row.named]
    assert {each["responseCode"] for each in others} <= {200}
    assert [(each["name"], each["revision"]) for each in status["namespaces"]] == [
        (node, deployed) for node in stage.nodes
    ]
    assert status["deployedRevision"] == deployed
    assert (stage.condition("Valid"), stage.condition("Deployed")) == ("False", "True")
    assert versions(plane, stage) == before


DONE = {"update-200-all-replaced": update_with_good_ones, "single-200-replaced": update_one}


@pytest.mark.parametrize("do", DONE.values(), ids=DONE)
def test_answer_is_200_everywhere_when_all_is_replaced(stage: SetStage, do: Callable[[SetStage], None]) -> None:
    before = stage.status["deployedRevision"]

    do(stage)
    status = stage.until_replaced()

    is_good(stage, status)
    assert status["deployedRevision"] != before


def is_good(stage: SetStage, status: dict[str, Any]) -> None:
    assert (status["responseCode"], "detailedError" in status) == (200, False)
    assert {each["responseCode"] for each in status["certificates"]} == {200}
    rows = [(each["name"], each["revision"], each["updated"]) for each in status["namespaces"]]
    assert rows == [(node, status["deployedRevision"], True) for node in stage.nodes]
    assert (stage.condition("Ready"), stage.condition("Deployed")) == ("True", "True")


CONFLICTS = {"update-409-not-all-nodes": update_with_good_ones, "single-409-not-all-nodes": update_one}


@pytest.mark.parametrize("do", CONFLICTS.values(), ids=CONFLICTS)
def test_answer_is_409_and_names_the_namespace_when_one_cannot_follow(
    stage: SetStage, plane: ControlPlane, do: Callable[[SetStage], None]
) -> None:
    before, deployed = stage.contents(), stage.status["deployedRevision"]
    with refusing(plane, stage, stage.nodes[1]):
        do(stage)
        stage.until(
            lambda now: now.get("responseCode") == 409 and now.get("failedRevision") == now.get("revision"), "409"
        )
        stage.until(lambda _: not stage.read()["metadata"].get("finalizers"), "the clean-up")

        status = stage.status
        rows = {each["name"]: each for each in status["namespaces"]}
        assert stage.contents() == before
        assert {each["revision"] for each in rows.values()} == {status["deployedRevision"]} == {deployed}
        assert stage.nodes[1] in rows[stage.nodes[1]]["message"]
        assert not any(each["updated"] for each in rows.values())
        assert stage.nodes[1] in status["detailedError"]
        assert (stage.condition("Deployed"), stage.condition("Stalled")) == ("False", "True")


# ---- removals


def test_answer_is_200_when_an_optional_one_is_removed__delete_200(stage: SetStage) -> None:
    remove(stage, "extra")
    stage.until(lambda status: status.get("responseCode") == 200 and len(stage.contents()) == 4, "the removal")

    is_good(stage, stage.status)


def test_answer_is_500_and_it_is_tried_again_when_a_removal_fails__delete_500(
    stage: SetStage, plane: ControlPlane
) -> None:
    first, second = stage.nodes
    with refusing(plane, stage, second, DELETING):
        remove(stage, "extra")
        status = stage.until_code(500)

        assert "extra-tls" in status["detailedError"]
        assert certificate(status, "extra")["responseCode"] == 500
        assert stage.condition("Deployed") == "False"
        assert second in next(each["message"] for each in status["namespaces"] if each["name"] == second)
        assert ((first, "extra-tls") in stage.contents(), (second, "extra-tls") in stage.contents()) == (False, True)
        assert "failedRevision" not in status

    stage.until(lambda status: status.get("responseCode") == 200 and len(stage.contents()) == 4, "the removal")
    is_good(stage, stage.status)


def test_removal_waits_and_is_never_undone_when_a_finalizer_keeps_a_secret(
    stage: SetStage, plane: ControlPlane
) -> None:
    first, second = stage.nodes
    path = f"/api/v1/namespaces/{second}/secrets/extra-tls"
    keep(plane, path, ["example.com/keep"])

    remove(stage, "extra")
    status = stage.until_code(500)

    assert "extra-tls" in status["detailedError"]
    assert (stage.condition("Ready"), stage.condition("Deployed")) == ("False", "False")
    assert ((first, "extra-tls") in stage.contents(), (second, "extra-tls") in stage.contents()) == (False, True)
    keep(plane, path, None)
    stage.until(lambda status: status.get("responseCode") == 200 and len(stage.contents()) == 4, "the removal")
    is_good(stage, stage.status)


def keep(plane: ControlPlane, path: str, finalizers: list[str] | None) -> None:
    body = {"metadata": {"finalizers": finalizers}}
    assert plane.client.request("PATCH", path, body, headers={"Content-Type": "application/merge-patch+json"}).ok


def certificate(status: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in status["certificates"] if each["name"] == name)
    return found
