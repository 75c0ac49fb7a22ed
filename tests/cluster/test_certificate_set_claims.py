"""Several who want one Secret, and bad input: the second is refused, nothing flaps, and nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.crowd import wait_at_rest
from tests.support.operator_process import OperatorProcess
from tests.support.rough_world import OPERATOR, SECRETS, installed, times_written
from tests.support.running_operator import path_of
from tests.support.set_fire import History, read_journal, versions
from tests.support.set_stage import SetStage, staged
from tests.support.waiting import wait_until

SETTLING_SECONDS = 2.0
TEN = tuple(f"slot-{number}" for number in range(10))


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    log: Path = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(
        plane.kubeconfig_for(*OPERATOR), log, log_format="text", set_settling_seconds=f"{SETTLING_SECONDS:g}"
    ) as process:
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


def count_passes(operator: OperatorProcess) -> float:
    lines = operator.answer("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("certwright_reconcile_total"))


# ---- claims


def test_nobody_flaps_when_two_sets_claim_one_secret(
    stage: SetStage, plane: ControlPlane, operator: OperatorProcess
) -> None:
    with staged(plane, ("proxy",), 0) as other:
        other.wish(namespaces=list(stage.nodes))
        status = other.until_code(409)

        assert {each["reason"] for each in status["findings"]} == {"TargetNotOwned"}
        assert stage.owner in status["detailedError"]
        poke(plane, other, operator)
        assert_calm_after_pokes(plane, operator, other, stage)
        assert (stage.condition("Ready"), other.condition("Ready")) == ("True", "False")


def test_nobody_flaps_when_a_set_claims_the_secret_of_an_imported_certificate(
    plane: ControlPlane, operator: OperatorProcess
) -> None:
    with staged(plane) as stage:
        node = stage.nodes[0]
        import_certificate(plane, stage, node)
        wait_until(lambda: reason_of(plane, node) == "Valid", deadline_seconds=60, what="the first to be ready")
        before = stage.contents()

        stage.wish()
        status = stage.until_code(409)

        assert {each["reason"] for each in status["findings"]} == {"TargetNotOwned"}
        assert "ImportedCertificate/first" in status["detailedError"]
        assert stage.contents() == before
        assert_calm_after_pokes(plane, operator, stage, stage)
        assert reason_of(plane, node) == "Valid"


def test_nobody_flaps_when_an_imported_certificate_claims_the_secret_of_a_set(
    stage: SetStage, plane: ControlPlane, operator: OperatorProcess
) -> None:
    node, before = stage.nodes[0], stage.contents()

    import_certificate(plane, stage, node)
    wait_until(lambda: reason_of(plane, node) == "TargetNotOwned", deadline_seconds=60, what="the second to be refused")

    assert {place: held for place, held in stage.contents().items() if place in before} == before
    assert_calm_after_pokes(plane, operator, stage, stage)
    assert (stage.condition("Ready"), reason_of(plane, node)) == ("True", "TargetNotOwned")


def import_certificate(plane: ControlPlane, stage: SetStage, node: str) -> None:
    """Want `proxy-tls` of a namespace for an ImportedCertificate, too."""
    source = plane.client.get(f"/api/v1/namespaces/{stage.uploads}/secrets/proxy")
    assert source is not None
    upload = {"metadata": {"name": "upload"}, "type": "kubernetes.io/tls", "data": source["data"]}
    plane.client.create(f"/api/v1/namespaces/{node}/secrets", upload)
    spec = {"certificateRef": {"name": "upload"}, "targets": [{"secretName": "proxy-tls"}]}
    kind = {"apiVersion": "certwright.io/v1alpha1", "kind": "ImportedCertificate"}
    plane.client.apply(path_of(node, "first"), {**kind, "metadata": {"name": "first"}, "spec": spec})


def reason_of(plane: ControlPlane, node: str) -> str:
    found = plane.client.get(path_of(node, "first")) or {}
    conditions = found.get("status", {}).get("conditions", ())
    return next((str(each["reason"]) for each in conditions if each["type"] == "Ready"), "")


def poke(plane: ControlPlane, stage: SetStage, operator: OperatorProcess) -> None:
    """Have a set looked at anew."""
    passes = count_passes(operator)
    plane.kubectl("annotate", "--overwrite", "certset", stage.name, f"poked={passes:g}")
    for slot in stage.slots:
        plane.kubectl("annotate", "--overwrite", "secret", "-n", stage.uploads, slot, f"poked={passes:g}")
    wait_until(lambda: count_passes(operator) > passes, deadline_seconds=60, what="another look")
    stage.until(lambda status: status.get("responseCode") is not None, "a verdict")


def assert_calm_after_pokes(plane: ControlPlane, operator: OperatorProcess, loser: SetStage, holder: SetStage) -> None:
    """Check that no Secret in the namespaces is written, whoever is made to look at them."""
    wait_at_rest(operator)
    before = {node: times_written(plane, SECRETS, node) for node in holder.nodes}
    for each in (loser, holder, loser):
        poke(plane, each, operator)
    wait_at_rest(operator)
    assert {node: times_written(plane, SECRETS, node) for node in holder.nodes} == before


# ---- bad input


def test_nothing_changes_anywhere_when_one_of_eleven_is_expired(plane: ControlPlane, operator: OperatorProcess) -> None:
    operator.check()
    with staged(plane, ("proxy", *TEN)) as stage:
        stage.wish()
        stage.until_replaced()
        before = versions(plane, stage)
        ended = stage.pki.at - timedelta(days=1)
        old = stage.pki.leaf("proxy.example.com", not_before=ended - timedelta(days=9), not_after=ended)
        stage.upload("proxy", old)
        for slot in TEN:
            stage.upload(slot)

        status = stage.until_code(406)

        assert versions(plane, stage) == before
        codes = {each["name"]: each["responseCode"] for each in status["certificates"]}
        assert codes == {"proxy": 406, **dict.fromkeys(TEN, 200)}


def test_nothing_changes_when_keys_are_swapped_between_two_slots(stage: SetStage, plane: ControlPlane) -> None:
    before, leaves = versions(plane, stage), {slot: stage.pki.leaf(f"{slot}.example.com") for slot in stage.slots}

    stage.upload("proxy", leaves["proxy"], key=leaves["api"])
    stage.upload("api", leaves["api"], key=leaves["proxy"])
    status = stage.until_code(400)

    assert [each["reason"] for each in status["certificates"]] == ["KeyMismatch", "KeyMismatch"]
    assert versions(plane, stage) == before


@pytest.mark.parametrize("how", ["from certificates", "from certificates and slots"])
def test_required_certificate_stays_when_it_is_left_out(stage: SetStage, plane: ControlPlane, how: str) -> None:
    before = versions(plane, stage)
    changes: dict[str, Any] = {"certificates": [stage.from_upload("proxy")]}
    if how == "from certificates and slots":
        changes["slots"] = [each for each in stage.spec()["slots"] if each["name"] == "proxy"]

    stage.wish(**changes)
    # Without the slot nobody says any more that it was required: it is kept, and a warning says so.
    status = stage.until_code(403 if "slots" not in changes else 200)

    reasons = {each["reason"] for each in status["findings"]}
    assert reasons == {"RequiredCertificate" if "slots" not in changes else "SourceRemoved"}
    assert versions(plane, stage) == before


def test_nothing_is_read_or_touched_when_a_set_is_too_large(plane: ControlPlane, operator: OperatorProcess) -> None:
    operator.check()
    slots = tuple(f"slot-{number}" for number in range(64))
    with staged(plane, (), 0) as stage:
        wanted = [
            {"name": slot, "secretName": f"{slot}-tls", "required": False, "privateKey": "None"} for slot in slots
        ]
        certificates = [{"name": slots[0], "certificate": stage.pki.leaf("a.example.com").chain_pem}]
        namespaces = [f"{stage.name}-{number:03}" for number in range(200)]
        stage.wish(slots=wanted, certificates=certificates, namespaces=namespaces)
        status = stage.until_code(400)

        assert "12800 Secrets" in status["detailedError"].replace(",", "")
        assert "LimitExceeded" in {each.get("detail") for each in status["findings"]}
        assert stage.kept() == []
        assert not stage.read()["metadata"].get("finalizers")
        assert len(status["namespaces"]) <= 100
        assert status["namespacesCount"] == 200


def test_sources_go_out_in_one_commit_when_they_change_one_after_another(stage: SetStage, plane: ControlPlane) -> None:
    epoch, history = read_journal(plane, stage)["epoch"], History(plane, stage)

    for slot in (*stage.slots, *stage.slots):
        stage.upload(slot)
    stage.until_replaced()

    assert history.switches() == {(node, f"{slot}-tls"): 1 for node in stage.nodes for slot in stage.slots}
    assert read_journal(plane, stage)["epoch"] == epoch + 1


def test_nothing_is_read_into_the_set_when_a_source_does_not_consent(stage: SetStage, plane: ControlPlane) -> None:
    before = versions(plane, stage)
    plane.kubectl("annotate", "secret", "-n", stage.uploads, "api", "certwright.io/allow-read-")

    status = stage.until_code(400)

    assert status["detailedError"].endswith(f"certwright.io/allow-read={stage.owner}")
    assert versions(plane, stage) == before


def test_last_good_stays_and_is_mended_when_a_source_is_deleted(stage: SetStage, plane: ControlPlane) -> None:
    before, contents, node = versions(plane, stage), stage.contents(), stage.nodes[1]
    plane.client.delete(f"/api/v1/namespaces/{stage.uploads}/secrets/api")

    status = stage.until_code(404)
    assert versions(plane, stage) == before
    assert status["deployedRevision"] == read_journal(plane, stage)["deployed"]

    plane.client.delete(f"/api/v1/namespaces/{node}/secrets/api-tls")
    wait_until(lambda: stage.contents() == contents, deadline_seconds=60, what="what is deployed to be put back")
