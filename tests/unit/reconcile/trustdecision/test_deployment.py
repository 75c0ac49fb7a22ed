"""Where a CA is deployed: one store and several, the finalizer, and how a deleted decision goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Failure, Kind, ObjectKey
from certwright.reconcile.plan import DEPLOYED_FINALIZER, SetFinalizer
from certwright.reconcile.trustdecision import TrustDecisions
from certwright.reconcile.trustdecision.planner import plan
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.trustdecision.desk import OTHER, ROOT, Desk, under

CLUSTER = Kind.CLUSTER_TRUST_STORE


def rows(desk: Desk) -> dict[str, str]:
    return {each["name"]: each["deployStatus"] for each in desk.status.get("stores", ())}


def records(desk: Desk) -> list[ObjectKey]:
    return sorted(key for key in desk.cluster.objects if key.namespace == desk.settings.namespace)


def is_held(desk: Desk) -> bool:
    return DEPLOYED_FINALIZER in desk.subject().finalizers


def word(desk: Desk) -> str | None:
    status: str | None = desk.status.get("deployStatus")
    return status


# ---- one store


async def test_ca_is_deploy_pending_when_no_store_has_it(desk: Desk) -> None:
    await desk.decide(ROOT)
    assert (word(desk), rows(desk), is_held(desk)) == ("DEPLOY_PENDING", {}, False)
    assert desk.conditions()["Deployed"] == "False DeployPending"
    assert desk.message("Deployed") == "No store selects it."

    desk.put_store()
    await desk.rest()
    assert (word(desk), rows(desk)) == ("DEPLOY_PENDING", {"store": "DEPLOY_PENDING"})
    assert desk.status["storesCount"] == 1
    assert desk.message("Deployed") == "Waits to be deployed by TrustStore `store`."

    await desk.deploy(under(OTHER, "other"))
    await desk.rest()
    assert word(desk) == "DEPLOY_PENDING"

    await desk.deploy(under(OTHER, "other"), under(ROOT))
    await desk.rest()
    assert (word(desk), rows(desk), is_held(desk)) == ("DEPLOYED", {"store": "DEPLOYED"}, True)
    assert desk.conditions()["Deployed"] == "True Deployed"
    assert desk.message() == '"Corp Root" is trusted until 2035-01-01 00:00:00 UTC. Deployed in TrustStore `store`.'


async def test_store_says_nothing_when_it_does_not_select_the_decision(desk: Desk) -> None:
    await desk.decide(ROOT, labels={"team": "a"})
    await desk.deploy(selector={"matchLabels": {"team": "b"}})
    await desk.deploy(name="none", selector=None)
    await desk.deploy(under(ROOT, "twin"), name="elsewhere", kind=CLUSTER, decisionNamespace="elsewhere")
    await desk.rest()
    assert (rows(desk), word(desk)) == ({}, "DEPLOY_PENDING")


async def test_ca_is_deployed_when_another_decision_or_the_public_roots_brought_it(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT, "twin"))
    await desk.rest()
    assert (word(desk), is_held(desk)) == ("DEPLOYED", True)
    desk.delete()
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects  # the other decision stands for it


async def test_old_certificate_is_due_to_go_when_the_decision_names_another(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.decide(OTHER)
    assert word(desk) == "DEPLOY_PENDING"  # an automatic store has not looked yet
    await desk.deploy(under(ROOT), leaving=[ROOT])
    await desk.rest()
    assert word(desk) == "DELETE_PENDING"
    await desk.deploy(under(OTHER))
    await desk.rest()
    assert word(desk) == "DEPLOYED"


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"trustStateDesired": "untrusted"}, "DELETE_PENDING"),
        ({"trustUntil": "2026-01-01T00:00:00Z"}, "DELETE_PENDING"),
        ({"fingerprint": "sha256:" + 64 * "0"}, "DEPLOYED"),
    ],
    ids=["withdrawn", "ended", "trouble"],
)
async def test_deployed_ca_is_due_to_go_when_it_is_withdrawn_and_not_when_there_is_trouble(
    desk: Desk, spec: dict[str, Any], status: str
) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.decide(ROOT, **spec)
    assert (word(desk), is_held(desk)) == (status, True)
    await desk.deploy()
    await desk.rest()
    assert (word(desk), is_held(desk)) == (None, False)


async def test_trouble_says_what_stays_deployed_when_there_is_something(desk: Desk) -> None:
    await desk.decide(ROOT)
    for number in range(5):
        await desk.deploy(under(ROOT), name=f"store-{number}")
    await desk.judge(certificate="nothing")
    text = "What is deployed stays, in TrustStore `store-0`, TrustStore `store-1`, TrustStore `store-2` and 2 more."
    assert desk.message().endswith(text)
    assert (desk.conditions()["Deployed"], desk.conditions()["Trusted"]) == ("True Deployed", "False Unparsable")


async def test_ca_is_due_to_go_when_its_store_keeps_it_only_not_to_be_empty(desk: Desk) -> None:
    await desk.decide(ROOT, trustStateDesired="untrusted")
    await desk.deploy(under(ROOT, distrusted=True))
    await desk.rest()
    assert (word(desk), is_held(desk)) == ("DELETE_PENDING", True)
    await desk.decide(ROOT)
    assert word(desk) == "DELETE_PENDING"
    desk.delete()
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects


async def test_labels_take_a_ca_out_when_they_no_longer_fit(desk: Desk) -> None:
    await desk.decide(ROOT, labels={"team": "a"})
    await desk.deploy(under(ROOT), selector={"matchLabels": {"team": "a"}})
    await desk.rest()
    assert word(desk) == "DEPLOYED"
    desk.wish(labels={"team": "b"}, certificate=ROOT.pem)
    await desk.rest()
    assert (word(desk), is_held(desk)) == ("DELETE_PENDING", True)


# ---- several stores


async def test_worst_word_stands_when_several_stores_differ(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT), name="a")
    await desk.rest()
    seen = [word(desk)]
    desk.put_store("b", CLUSTER)
    await desk.rest()
    seen.append(word(desk))
    await desk.deploy(under(ROOT), name="a", leaving=[ROOT])
    await desk.rest()
    seen.append(word(desk))
    assert [each["name"] for each in desk.status["stores"]] == ["a", "b"]
    assert [each.get("namespace") for each in desk.status["stores"]] == [NAMESPACE, None]
    await desk.deploy(under(ROOT), name="b", kind=CLUSTER)
    await desk.rest()
    seen.append(word(desk))
    await desk.deploy(under(ROOT), name="a")
    await desk.rest()
    seen.append(word(desk))
    assert seen == ["DEPLOYED", "DEPLOY_PENDING", "DELETE_PENDING", "DELETE_PENDING", "DEPLOYED"]
    assert [each.reason for each in desk.cluster.events] == [
        "Trusted",
        "Deployed",
        "DeployPending",
        "DeletePending",
        "Deployed",
    ]


# ---- deletion


async def test_decision_goes_at_once_when_nothing_is_deployed(desk: Desk) -> None:
    await desk.decide(ROOT)
    desk.delete()
    assert desk.key() not in desk.cluster.subjects


async def test_decision_goes_when_its_store_has_deployed_without_it(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.rest()
    desk.delete()
    await desk.rest()
    assert (word(desk), desk.status["trustState"], desk.conditions()["Deployed"]) == (
        "DELETE_PENDING",
        "trusted",
        "True DeletePending",
    )
    detail = desk.status["trustStateDetails"][0]
    assert detail["type"] == "https://astra.netapp.io/problems/164"
    assert "create the decision anew" in detail["detail"]
    await desk.reconcile(full=True)
    assert desk.cluster.writes == 0

    await desk.deploy()
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects


async def test_decision_goes_when_its_store_lists_it_as_due_to_go(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT), name="manual")
    await desk.deploy(under(ROOT), name="automatic", kind=CLUSTER)
    await desk.rest()
    desk.delete()
    await desk.deploy(under(ROOT), name="manual", leaving=[ROOT])
    await desk.rest()
    assert rows(desk) == {"automatic": "DELETE_PENDING", "manual": "DELETE_PENDING"}
    await desk.deploy(name="automatic", kind=CLUSTER)
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects


@pytest.mark.parametrize("how", ["gone", "going"])
async def test_decision_goes_when_its_store_does(desk: Desk, how: str) -> None:
    await desk.decide(ROOT)
    store = await desk.deploy(under(ROOT))
    await desk.rest()
    desk.delete()
    if how == "going":
        desk.cluster.subjects[store.key] = replace(store, finalizers=("example.com/other",))
    desk.cluster.delete_subject(store.key)
    assert (store.key in desk.cluster.subjects) == (how == "going")
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects


async def test_decision_is_left_alone_when_only_finalizers_of_others_hold_it(desk: Desk) -> None:
    await desk.decide(ROOT)
    desk.cluster.subjects[desk.key()] = replace(desk.subject(), finalizers=("example.com/other",))
    await desk.deploy(under(ROOT))
    await desk.rest()
    assert desk.subject().finalizers == ("example.com/other", DEPLOYED_FINALIZER)
    desk.delete()
    await desk.deploy()
    await desk.rest()
    assert desk.subject().finalizers == ("example.com/other",)
    result = await desk.reconcile(full=True)
    assert (desk.cluster.writes, result.requeue_at) == (0, None)


# ---- trouble


async def test_row_stays_and_deletion_waits_when_a_record_cannot_be_read(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.rest()
    desk.restart()
    (key,) = records(desk)
    desk.cluster.fail("read", key, *[FailureCause.UNAVAILABLE] * 3)
    result = await desk.reconcile(full=True)
    assert (result.retry, word(desk), desk.conditions()["Deployed"]) == (True, "DEPLOYED", "Unknown NotChecked")
    desk.delete()
    await desk.reconcile()
    assert (word(desk), is_held(desk)) == ("DEPLOYED", True)
    desk.cluster.fail("read", key)
    await desk.rest()
    assert word(desk) == "DELETE_PENDING"


async def test_row_stays_and_deletion_goes_on_when_a_record_is_lost(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.rest()
    desk.restart()
    for key in records(desk):
        desk.cluster.remove(key)
    result = await desk.reconcile(full=True)
    assert (result.retry, word(desk)) == (False, "DEPLOYED")
    desk.delete()
    await desk.rest()
    assert desk.key() not in desk.cluster.subjects


async def test_status_waits_when_the_finalizer_cannot_be_set(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    desk.cluster.fail("finalize", desk.key(), FailureCause.UNAVAILABLE)
    result = await desk.reconcile()
    assert (result.retry, is_held(desk), word(desk)) == (True, False, "DEPLOY_PENDING")
    await desk.rest()
    assert (is_held(desk), word(desk)) == (True, "DEPLOYED")


async def test_plan_waits_when_the_api_server_refused_the_finalizer(desk: Desk) -> None:
    desk.wish(certificate=ROOT.pem)
    desk.cluster.subjects[desk.key()] = replace(desk.subject(), finalizers=(DEPLOYED_FINALIZER,))
    reconciler, snapshot = TrustDecisions(desk.settings), desk.snapshot()
    judgement = reconciler.judge(snapshot)
    ((action,),) = reconciler.plan(judgement, snapshot).stages
    assert isinstance(action, SetFinalizer)
    assert not action.present
    refused = snapshot.with_failure(desk.key(), Failure(FailureCause.INVALID, "patch it: refused"))
    assert plan(judgement, refused, settings=desk.settings, judged_by="rules").stages == ()


async def test_finalizer_is_put_back_when_somebody_takes_it_away(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.rest()
    desk.cluster.subjects[desk.key()] = replace(desk.subject(), finalizers=())
    await desk.rest()
    assert is_held(desk)


# ---- economy


async def test_nothing_is_written_when_a_store_deploys_what_does_not_concern_the_decision(desk: Desk) -> None:
    await desk.decide(ROOT)
    await desk.deploy(under(ROOT))
    await desk.rest()
    version = desk.subject().version
    await desk.deploy(under(ROOT), under(OTHER, "other"))
    await desk.rest()
    assert desk.subject().version == version
    await desk.deploy(under(OTHER, "other"), name="another", selector=None)
    await desk.rest()
    assert desk.subject().version == version


async def test_nothing_is_read_or_written_when_nothing_changed_since_a_restart(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem})
    await desk.judge(
        certificateRef={"kind": "Secret", "name": "ca"}, fingerprint=ROOT.certificate.fingerprint, labels=None
    )
    await desk.deploy(under(ROOT))
    await desk.rest()
    desk.wish(labels={"a": "b"}, **desk.subject().spec)  # news, with which the status tells what it has seen of others
    await desk.rest()
    desk.restart()
    result = await desk.reconcile()
    assert (result.settled, desk.cluster.writes, desk.cluster.reads) == (True, 0, [])
