"""People change by hand what the operator writes: it is put right, and nothing of theirs is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from certwright.reconcile.objects import Observed
from tests.support.control_plane import ControlPlane
from tests.support.interposer import Interposer, calls
from tests.support.pki import Entity
from tests.support.rough_world import OPERATOR, SECRETS, RoughWorld, fresh_namespace, installed
from tests.support.worlds import OperatorThread, Report
from tests.support.worlds.manifests import secret, serving
from tests.support.worlds.material import stored, upload

TARGET = "shop-tls"
KIND = "importedcertificates"
BEFORE = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running:
        yield running


@pytest.fixture(scope="module")
def interposer(plane: ControlPlane) -> Iterator[Interposer]:
    with Interposer(plane) as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, interposer: Interposer) -> Iterator[OperatorThread]:
    with OperatorThread(interposer.kubeconfig(plane.kubeconfig_for(*OPERATOR))) as running:
        yield running


@pytest.fixture
def world(plane: ControlPlane, interposer: Interposer, operator: OperatorThread) -> Iterator[RoughWorld]:
    with fresh_namespace(plane) as namespace:
        yield RoughWorld(plane, operator, interposer, namespace)
        interposer.reset()
        operator.clock.reset()


def is_ok(report: Report) -> bool:
    return report.is_ok


async def serve(world: RoughWorld, **spec: Any) -> Entity:
    leaf = world.corp.leaf()
    await world.apply(upload(leaf), serving("shop", **spec))
    await world.settle("shop", is_ok)
    return leaf


async def target(world: RoughWorld) -> Observed:
    found = await world.read("Secret", TARGET)
    assert found is not None
    return found


EDITS: dict[str, dict[str, Any]] = {
    "another answer": {"certificateStoreStatus": "ERROR", "responseCode": 529},
    "an error that is none": {"detailedError": "by hand"},
    "no conditions": {"conditions": None},
    "a condition that is not true": {
        "conditions": [
            {
                "type": "Stalled",
                "status": "True",
                "reason": "ByHand",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ]
    },
    "no record": {"record": None},
    "no targets": {"targets": None},
    "another certificate served": {"served": {"fingerprint": f"sha256:{0:064}", "serialNumber": "99"}},
    "findings": {"findings": [{"reason": "Expired", "severity": "Error", "code": 2003, "message": "by hand"}]},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=[name.replace(" ", "-") for name in EDITS])
async def test_status_is_put_right_when_somebody_edits_it(world: RoughWorld, edit: dict[str, Any]) -> None:
    await serve(world)
    before = (await world.status("shop")).status
    wrote = len(world.interposer.of(calls("patch", KIND, namespace=world.namespace, name="shop", subresource="status")))

    world.kubectl(
        "patch", "impcert", "shop", "--subresource=status", "--type=merge", "-p", json.dumps({"status": edit})
    )

    async def is_right() -> bool:
        now = dict((await world.status("shop")).status)
        return strip(now) == strip(before)

    await world.wait(is_right, "the status as it was")
    await world.rest()
    after = world.interposer.of(calls("patch", KIND, namespace=world.namespace, name="shop", subresource="status"))
    assert len(after) - wrote <= 2
    assert world.writes(SECRETS, TARGET) == 1


def strip(status: dict[str, Any]) -> dict[str, Any]:
    status = json.loads(json.dumps(status))
    for each in status.get("conditions") or ():
        each.pop("lastTransitionTime")
    status.get("served", {}).pop("since", None)
    for each in status.get("targets") or ():
        each.pop("storedTime", None)
    return status


async def test_target_follows_the_next_upload_when_its_managed_fields_were_stripped(world: RoughWorld) -> None:
    await serve(world)
    strip_fields = ("--type=merge", "-p", '{"metadata":{"managedFields":[{}]}}')
    world.kubectl("patch", "secret", TARGET, *strip_fields)
    world.kubectl("patch", "impcert", "shop", *strip_fields)
    await world.rest()
    assert world.writes(SECRETS, TARGET) == 2  # theirs, not ours: it still holds what it should

    await world.apply(upload(later := world.corp.leaf()))
    await world.settle("shop", lambda report: report.served["fingerprint"] == later.certificate.fingerprint)
    await world.rest()

    assert (await target(world)).data == stored(later)
    assert world.writes(SECRETS, TARGET) == 3


async def test_condition_that_is_no_longer_true_goes_when_its_managed_fields_were_stripped(world: RoughWorld) -> None:
    await serve(world)
    bad = world.corp.leaf()
    await world.apply(upload(bad, crt=bad.pem))
    await world.settle("shop", lambda report: report.condition("Stalled") == ("True", "IssuerNotFound"))
    world.kubectl("patch", "impcert", "shop", "--type=merge", "-p", '{"metadata":{"managedFields":[{}]}}')

    await world.apply(upload(world.corp.leaf()))
    await world.settle("shop", is_ok)
    await world.rest()  # what the apply left behind is taken away in a second step

    report = await world.status("shop")
    assert report.condition("Stalled") is None
    assert report.status.get("findings", []) == []
    assert report.status.get("detailedError") is None


async def test_condition_of_somebody_else_stays_when_ours_change(world: RoughWorld) -> None:
    await serve(world)
    theirs = {"type": "example.com/Approved", "status": "True", "reason": "ByHand", "message": ""}
    conditions = [*(await world.status("shop")).status["conditions"], {**theirs, "lastTransitionTime": BEFORE}]
    edit = {"status": {"conditions": conditions, "detailedError": "by hand"}}
    world.kubectl("patch", "impcert", "shop", "--subresource=status", "--type=merge", "-p", json.dumps(edit))

    report = await world.settle("shop", lambda report: report.status.get("detailedError") is None)

    assert report.condition("example.com/Approved") == ("True", "ByHand")
    assert report.is_ok


async def test_marks_are_put_back_when_somebody_removes_them(world: RoughWorld) -> None:
    await serve(world)
    before = await target(world)

    world.kubectl("label", "secret", TARGET, "app.kubernetes.io/managed-by-")
    world.kubectl("annotate", "secret", TARGET, "certwright.io/owner-", "certwright.io/epoch-")

    async def is_back() -> bool:
        now = await target(world)
        return (now.labels, now.annotations.get("certwright.io/owner")) == (
            before.labels,
            before.annotations["certwright.io/owner"],
        )

    await world.wait(is_back, "label and annotation")
    await world.rest()
    assert (await target(world)).data == before.data


async def test_target_is_ours_again_when_somebody_applies_over_it_by_force(world: RoughWorld) -> None:
    leaf = await serve(world)
    theirs = secret(
        TARGET,
        {"tls.crt": "theirs", "tls.key": "theirs", "more": "x"},
        labels={"app.kubernetes.io/managed-by": "helm", "team": "shop"},
    )
    theirs["type"] = "kubernetes.io/tls"
    world.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", "-", text=json.dumps(theirs)
    )

    async def is_back() -> bool:
        return (await target(world)).data == {**stored(leaf), "more": b"x"}

    await world.wait(is_back, "the certificate")
    await world.settle("shop", is_ok)
    await world.rest()
    now = await target(world)
    assert now.labels == {"app.kubernetes.io/managed-by": "certwright", "team": "shop"}
    assert world.writes(SECRETS, TARGET) == 3


async def test_target_is_made_again_when_it_was_deleted_behind_a_finalizer_that_goes(world: RoughWorld) -> None:
    leaf = await serve(world)
    before = await target(world)
    world.kubectl("patch", "secret", TARGET, "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/theirs"]}}')
    world.kubectl("delete", "secret", TARGET, "--wait=false")

    report = await world.settle("shop", lambda report: "TargetMissing" in report.errors)
    assert report.condition("Reconciling") is not None
    assert (await target(world)).data == stored(leaf)

    world.kubectl("patch", "secret", TARGET, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    await world.settle("shop", is_ok)
    now = await target(world)
    assert now.version.uid != before.version.uid
    assert now.data == stored(leaf)
    assert world.writes(SECRETS, TARGET) == 1


async def test_nothing_is_written_when_the_last_word_about_the_wish_is_a_foreign_annotation(world: RoughWorld) -> None:
    await serve(world)
    world.kubectl("annotate", "impcert", "shop", "note=mine")
    await world.rest()
    wrote = calls("patch", KIND, namespace=world.namespace, name="shop", subresource="status")
    assert len(world.interposer.of(wrote)) == 1
