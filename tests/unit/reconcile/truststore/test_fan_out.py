"""One store for a whole cluster: ConfigMaps in the namespaces that match, and the ClusterTrustBundle."""

from __future__ import annotations

from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION, TRUST_BUNDLE_KEY
from certwright.reconcile.questions import Namespaces
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.truststore.yard import (
    BUNDLE,
    CLUSTER_STORE,
    NEXT,
    OPERATOR,
    ROOT,
    SOURCE,
    TARGET,
    Yard,
)

TEAM = {"team": "a"}
OWNER = "ClusterTrustStore/corporate"
SPREAD: dict[str, Any] = {"targets": [TARGET], "namespaceSelector": {"matchLabels": TEAM}}


def spot(namespace: str, name: str = "corporate-ca") -> ObjectKey:
    return ObjectKey(Kind.CONFIG_MAP, namespace, name)


def holders(yard: Yard) -> set[str]:
    """Give the namespaces that have the target."""
    return {key.namespace for key in yard.cluster.objects if key.name == "corporate-ca"}


async def spread(yard: Yard, count: int = 3, **spec: Any) -> None:
    for number in range(count):
        yard.cluster.put_namespace(f"team-{number}", TEAM)
    yard.decide("corp", ROOT)
    yard.wish(**{**SPREAD, **spec})
    await yard.rest()


async def test_bundle_goes_to_every_namespace_that_matches(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard)
    assert holders(yard) == {"team-0", "team-1", "team-2"}
    assert yard.bundle(spot("team-1")) == {"Corp Root"}
    assert yard.target(spot("team-1")).annotations["certwright.io/owner"] == OWNER
    assert yard.rollout == {"state": "Complete", "targets": 3, "updatedTargets": 3, "percentComplete": 100, "failed": 0}
    assert "targets" not in yard.status
    assert yard.status["targetsCount"] == 3
    assert (yard.calls["apply"], yard.calls["status"], yard.calls["read"]) == (3, 2, 1)


async def test_new_namespace_costs_one_write(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard)
    yard.cluster.put_namespace("team-new", TEAM)
    await yard.rest()
    assert (yard.calls["apply"], yard.calls["status"], yard.writes) == (1, 1, 2)
    assert yard.bundle(spot("team-new")) == {"Corp Root"}


async def test_namespace_that_matches_no_more_costs_one_deletion(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard)
    yard.cluster.put_namespace("team-1", {"team": "b"})
    await yard.rest()
    assert (yard.calls["delete"], yard.calls["status"], yard.writes) == (1, 1, 2)
    assert holders(yard) == {"team-0", "team-2"}


async def test_namespace_that_terminates_is_left_to_itself(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard)
    before = dict(yard.cluster.objects)
    facts = yard.cluster.namespaces["team-1"]
    yard.cluster.delete_namespace("team-1")
    yard.cluster.namespaces["team-1"] = type(facts)(facts.name, facts.uid, facts.labels, terminating=True)
    yard.cluster.objects[spot("team-1")] = before[spot("team-1")]
    await yard.rest()
    assert (yard.calls["delete"], yard.calls["apply"], yard.calls["status"]) == (0, 0, 1)
    assert yard.rollout["targets"] == 2
    assert (await yard.pass_over(CLUSTER_STORE)).settled


async def test_namespace_that_begins_to_terminate_meanwhile_is_no_failure(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.fail("apply", spot("team-1"), FailureCause.NAMESPACE_TERMINATING)
    for number in range(2):
        yard.cluster.put_namespace(f"team-{number}", TEAM)
    yard.decide("corp", ROOT)
    yard.wish(**SPREAD)
    await yard.pass_over(yard.decision("corp"))
    await yard.pass_over(CLUSTER_STORE)
    assert yard.rollout == {"state": "Complete", "targets": 1, "updatedTargets": 1, "percentComplete": 100, "failed": 0}
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_every_namespace_may_be_meant_but_those_of_the_system(cluster_yard: Yard) -> None:
    yard = cluster_yard
    for name in ("kube-system", "kube-public", "kube-node-lease"):
        yard.cluster.put_namespace(name)
    await spread(yard, 1, namespaceSelector={})
    assert holders(yard) == {"team-0", NAMESPACE, SOURCE, "kube-node-lease"}


async def test_settings_may_name_namespaces_of_the_system() -> None:
    settings = Settings(bundle_namespaces=("kube-system", OPERATOR))
    yard = Yard(main=CLUSTER_STORE, settings=settings)
    for name in ("kube-system", "kube-public"):
        yard.cluster.put_namespace(name)
    await spread(yard, 1, namespaceSelector={}, targets=[TARGET, {"name": "store-of-roots"}])
    assert {"kube-system", OPERATOR} <= holders(yard)
    assert "kube-public" not in holders(yard)
    assert spot(OPERATOR, "store-of-roots") not in yard.cluster.objects
    assert yard.bundle(spot("kube-system", "store-of-roots")) == {"Corp Root"}
    assert yard.reasons == ["InvalidRequest"]
    assert (await yard.pass_over(CLUSTER_STORE)).settled


async def test_only_namespaces_that_are_served_get_bundles() -> None:
    yard = Yard(main=CLUSTER_STORE, settings=Settings(watch_namespaces=("team-0", SOURCE)))
    await spread(yard)
    assert holders(yard) == {"team-0"}


async def test_each_target_is_written_once_when_the_set_changes(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard, targets=[TARGET, {"name": "all-cas", "content": "RootsAndIntermediates"}])
    assert yard.calls["apply"] == 6
    yard.decide("next", NEXT)
    await yard.rest()
    assert (yard.calls["apply"], yard.calls["keep"], yard.calls["status"]) == (6, 1, 2)
    assert all(yard.bundle(spot(f"team-{number}")) == {"Corp Root", "Next Root"} for number in range(3))


async def test_targets_that_are_up_to_date_are_not_read(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard)
    await yard.rest(full=True)
    assert (yard.writes, yard.calls["read"]) == (0, 0)
    yard.restart()
    assert (await yard.pass_over(CLUSTER_STORE)).settled
    assert yard.cluster.calls.total() == 0


async def test_one_refused_target_does_not_stop_the_others(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.put_namespace("team-1", TEAM)
    yard.cluster.put_secret("corporate-ca", {"ca.crt": "theirs"}, kind=Kind.CONFIG_MAP, namespace="team-1")
    await spread(yard)
    assert yard.rollout["updatedTargets"] == 2
    assert yard.rollout["percentComplete"] == 66
    assert [(each["namespace"], each["name"]) for each in yard.status["targets"]] == [("team-1", "corporate-ca")]
    assert yard.message().endswith(
        f"kubectl annotate configmap -n team-1 corporate-ca {ALLOW_WRITE_ANNOTATION}={OWNER}"
    )
    yard.restart()
    assert (await yard.pass_over(CLUSTER_STORE)).settled
    yard.cluster.change(spot("team-1"), annotations={ALLOW_WRITE_ANNOTATION: OWNER})
    await yard.rest()
    assert yard.rollout["state"] == "Complete"


async def test_status_stays_small_whatever_is_refused(cluster_yard: Yard) -> None:
    yard = cluster_yard
    name = "x" * 250
    for number in range(150):
        namespace = f"{'n' * 58}-{number:03}"
        yard.cluster.put_namespace(namespace, TEAM)
        yard.cluster.put_secret(name, {"ca.crt": "theirs"}, kind=Kind.CONFIG_MAP, namespace=namespace)
    yard.decide("corp", ROOT)
    yard.wish(targets=[{"name": name}], namespaceSelector={"matchLabels": TEAM}, deployment={"mode": "Automatic"})
    await yard.rest()
    assert yard.size() < 64 * 1024
    assert yard.rollout["failed"] == 150
    assert yard.status["targetsCount"] == 150
    assert yard.status["findingsCount"] == 150
    assert yard.events.count("TargetRefused") == 3
    await yard.rest(full=True)
    assert yard.writes == 0


async def test_target_that_a_decision_is_read_from_is_refused_there_alone(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.put_namespace(SOURCE, {**TEAM, "certwright.io/trust-source": "true"})
    yard.cluster.put_secret("corporate-ca", {"ca.crt": ROOT.pem}, kind=Kind.CONFIG_MAP, namespace=SOURCE)
    yard.decide("file", certificateRef={"name": "corporate-ca"}, fingerprint=ROOT.certificate.fingerprint)
    await spread(yard)
    assert yard.status["findings"][0]["detail"] == "TargetIsInput"
    assert f"namespace `{SOURCE}`" in yard.found
    assert yard.target(spot(SOURCE)).data == {"ca.crt": ROOT.pem.encode()}
    assert yard.bundle(spot("team-0")) == {"Corp Root"}


async def test_reserved_name_is_said_once(cluster_yard: Yard) -> None:
    await spread(cluster_yard, targets=[{"name": "kube-root-ca.crt"}])
    assert cluster_yard.reasons == ["InvalidRequest"]
    assert cluster_yard.rollout["failed"] == 3


async def test_reserved_name_is_said_though_no_namespace_matches(cluster_yard: Yard) -> None:
    await spread(cluster_yard, 0, targets=[{"name": "kube-root-ca.crt"}])
    assert cluster_yard.reasons == ["InvalidRequest"]


# ---- where decisions come from


async def test_namespace_must_be_a_source_of_trust(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.put_namespace(SOURCE)
    await spread(yard)
    assert yard.conditions["Ready"] == ("False", "InvalidRequest")
    assert f"kubectl label namespace {SOURCE}" in yard.found
    assert holders(yard) == set()
    yard.cluster.put_namespace(SOURCE, {"certwright.io/trust-source": "true"})
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")
    yard.cluster.put_namespace(SOURCE)
    yard.decide("next", NEXT)
    await yard.rest()
    assert yard.bundle(spot("team-0")) == {"Corp Root"}
    assert yard.conditions["Ready"] == ("False", "InvalidRequest")


async def test_namespace_of_the_decisions_is_waited_for(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard, decisionNamespace="absent")
    assert yard.conditions["Ready"] == ("False", "ReferenceNotFound")
    assert yard.conditions["Reconciling"] == ("True", "ReferenceNotFound")


async def test_store_may_have_public_roots_alone(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard, selector=None, decisionNamespace=None, publicRoots="Mozilla")
    assert len(yard.bundle(spot("team-0"))) > 100
    assert Namespaces() in yard.reconcilers[CLUSTER_STORE.kind].asks(yard.store)


# ---- ClusterTrustBundle


@pytest.mark.parametrize("signer", [None, "example.com/corporate"])
async def test_cluster_trust_bundle_holds_the_roots(cluster_yard: Yard, signer: str | None) -> None:
    yard = cluster_yard
    name = "corporate" if signer is None else "example.com:corporate:main"
    bundle = {"name": name} if signer is None else {"name": name, "signerName": signer}
    await spread(yard, 0, targets=[], clusterTrustBundle=bundle)
    key = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", name)
    assert yard.target(key).data[TRUST_BUNDLE_KEY] == ROOT.pem.encode()
    assert yard.target(key).manifest["spec"]["signerName"] == signer
    assert yard.target(key).owner_references[0]["uid"] == yard.store.version.uid
    assert [(each["kind"], each["updated"]) for each in yard.status["targets"]] == [("ClusterTrustBundle", True)]
    yard.cluster.change(key, data={TRUST_BUNDLE_KEY: b"theirs"})
    await yard.rest()
    assert yard.target(key).data[TRUST_BUNDLE_KEY] == ROOT.pem.encode()
    yard.restart()
    assert (await yard.pass_over(CLUSTER_STORE)).settled
    yard.rewish(clusterTrustBundle=None)
    await yard.rest()
    assert key not in yard.cluster.objects


async def test_cluster_without_such_a_kind_is_said(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.serves_bundles = False
    yard.decide("corp", ROOT)
    yard.cluster.put_namespace("team-0", TEAM)
    yard.wish(**SPREAD, clusterTrustBundle={"name": "corporate"})
    await yard.pass_over(yard.decision("corp"))
    result = await yard.pass_over(CLUSTER_STORE)
    assert result.retry
    assert yard.conditions["Ready"] == ("False", "BundleNotServed")
    assert yard.conditions["Stalled"] == ("True", "BundleNotServed")
    assert yard.bundle(spot("team-0")) == {"Corp Root"}
    yard.cluster.serves_bundles = True
    await yard.rest()
    assert yard.conditions["Ready"] == ("True", "Valid")


async def test_right_to_attest_is_asked_for(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.decide("corp", ROOT)
    yard.wish(clusterTrustBundle={"name": "corporate"})
    await yard.pass_over(yard.decision("corp"))
    yard.cluster.fail("apply", BUNDLE, FailureCause.FORBIDDEN)
    await yard.pass_over(CLUSTER_STORE)
    assert "attest" in yard.found


async def test_cluster_trust_bundle_of_somebody_else_is_left_alone(cluster_yard: Yard) -> None:
    yard = cluster_yard
    yard.cluster.put_secret("corporate", {TRUST_BUNDLE_KEY: "x"}, kind=Kind.CLUSTER_TRUST_BUNDLE, namespace="")
    await spread(yard, 0, clusterTrustBundle={"name": "corporate"})
    assert yard.message().endswith(f"kubectl annotate clustertrustbundle corporate {ALLOW_WRITE_ANNOTATION}={OWNER}")


async def test_cluster_trust_bundle_cannot_be_empty(cluster_yard: Yard) -> None:
    yard = cluster_yard
    await spread(yard, 0, clusterTrustBundle={"name": "corporate"}, allowEmpty=True)
    yard.undecide("corp")
    await yard.rest()
    assert yard.status["certificates"] == 0
    assert yard.target(BUNDLE).data[TRUST_BUNDLE_KEY] == ROOT.pem.encode()
    assert yard.conditions["Ready"] == ("False", "EmptyBundle")
