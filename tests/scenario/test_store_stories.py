"""Bundles over time: where they go, who may touch them, and what becomes of them."""

from __future__ import annotations

from typing import Any

from certwright.pki.trust_bundle import holds_trust_store, parse_bundle
from certwright.reconcile.plan import TRUST_BUNDLE_KEY
from tests.support.pki import Entity
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import cluster_trust_store, config_map, decision, secret, trust_store

STORE, CLUSTER_STORE, BUNDLE = "TrustStore", "ClusterTrustStore", "ClusterTrustBundle"
SOURCE = {"certwright.io/trust-source": "true"}
TARGET = {"name": "corporate-ca"}
KEYSTORE = {
    "kind": "Secret",
    "name": "java-ca",
    "key": "trust.p12",
    "format": "PKCS12",
    "passwordRef": {"name": "password"},
}


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


def is_pending(report: Report) -> bool:
    return report.condition("Ready") == ("True", "ApprovalPending")


async def labels_in(world: World, name: str = "corporate-ca", *, namespace: str | None = None) -> set[str]:
    """Give the names of the CAs that a ConfigMap holds; none when there is none."""
    found = await world.read("ConfigMap", name, namespace=namespace)
    return {each.label for each in parse_bundle(found.data["ca.crt"])} if found is not None else set()


async def test_bundle_is_put_back_when_somebody_edits_or_deletes_it(world: World) -> None:
    root = decision("root", certificate=world.corp.root.pem)
    await world.apply(root, trust_store(selector={}, targets=[TARGET]))
    await world.settle("corporate", is_ready, kind=STORE)
    good = await world.read("ConfigMap", "corporate-ca")
    assert good is not None

    await world.patch("ConfigMap", "corporate-ca", {"data": {"ca.crt": "theirs"}})
    await world.wait(lambda: _holds(world, good.data), "what was deployed")
    await world.delete("ConfigMap", "corporate-ca")
    await world.wait(lambda: _holds(world, good.data), "what was deployed")

    # What others add beside it is theirs, and a typo in the decision changes nothing.
    await world.patch("ConfigMap", "corporate-ca", {"data": {"note": "hi"}})
    await world.apply(decision("root", certificate="nonsense"))
    await world.rest()
    kept = await world.read("ConfigMap", "corporate-ca")
    assert kept is not None
    assert kept.data == {**good.data, "note": b"hi"}


async def _holds(world: World, data: Any) -> bool:
    found = await world.read("ConfigMap", "corporate-ca")
    return found is not None and found.data == data


async def test_java_reads_the_bundle_with_the_password_of_now(world: World) -> None:
    root, password = decision("root", certificate=world.corp.root.pem), secret("password", {"password": "changeit"})
    await world.apply(root, trust_store(selector={}, targets=[KEYSTORE]), password)
    await world.settle("corporate", is_ready, kind=STORE)
    assert await _opens(world, b"changeit")

    await world.apply(secret("password", {"password": "different"}))
    await world.wait(lambda: _opens(world, b"different"), "a file of the new password")


async def _opens(world: World, password: bytes) -> bool:
    found = await world.read("Secret", "java-ca")
    return found is not None and holds_trust_store(found.data["trust.p12"], [world.corp.root.certificate], password)


async def test_addition_waits_for_approval_and_withdrawal_does_not(world: World) -> None:
    other = world.corp.ca("Other Root")
    manual: dict[str, Any] = {"selector": {}, "targets": [TARGET]}
    await world.apply(
        decision("root", certificate=world.corp.root.pem),
        decision("other", certificate=other.pem),
        trust_store(**manual, deployment={"mode": "Manual"}),
    )
    report = await world.settle("corporate", lambda report: _waits_for(report, 2), kind=STORE)
    assert await labels_in(world) == set()

    first = report.status["pending"]["id"]
    await world.apply(trust_store(**manual, deployment={"mode": "Manual", "approved": first}))
    await world.wait(lambda: _has(world, "Corp Root", "Other Root"), "what was approved")

    await world.patch("TrustDecision", "other", {"spec": {"trustStateDesired": "untrusted"}})
    await world.wait(lambda: _has(world, "Corp Root"), "the bundle without the CA")
    await world.patch("TrustDecision", "other", {"spec": {"trustStateDesired": "trusted"}})
    report = await world.settle("corporate", lambda report: _waits_for(report, 1), kind=STORE)
    assert report.status["pending"]["id"] != first
    assert await labels_in(world) == {"Corp Root"}
    reasons = [each.reason for each in await world.events("corporate", kind=STORE)]
    assert {"ApprovalPending", "Deployed", "Withdrawn"} <= set(reasons)


def _waits_for(report: Report, count: int) -> bool:
    return is_pending(report) and report.status["pending"].get("addedCount") == count


async def _has(world: World, *labels: str, namespace: str | None = None) -> bool:
    return await labels_in(world, namespace=namespace) == set(labels)


async def spread(world: World, *roots: Entity, **spec: Any) -> str:
    """Spread some CAs from a namespace of decisions over those with a label that only this story uses."""
    source = await world.make_namespace("source", SOURCE)
    name = world.own("corporate")
    for number, root in enumerate(roots):
        await world.apply(decision(f"root-{number}", certificate=root.pem, namespace=source))
    wish = {
        "selector": {},
        "decisionNamespace": source,
        "deployment": {"mode": "Automatic"},
        "namespaceSelector": {"matchLabels": {"story": name}},
        "targets": [TARGET],
    }
    await world.apply(cluster_trust_store(name, **{**wish, **spec}))
    return name


async def test_bundle_follows_the_labels_of_namespaces(world: World) -> None:
    one = await world.make_namespace("one", {"story": world.own("corporate")})
    name = await spread(world, world.corp.root)
    await world.wait(lambda: _has(world, "Corp Root", namespace=one), "the bundle in the first namespace")
    await world.settle(name, is_ready, kind=CLUSTER_STORE)

    two = await world.make_namespace("two", {"story": name})
    await world.wait(lambda: _has(world, "Corp Root", namespace=two), "the bundle in a namespace that appears")
    await world.make_namespace("one", {"story": "another"})
    await world.wait(lambda: _has(world, namespace=one), "no bundle where the label is gone")

    def is_spread(report: Report) -> bool:
        return is_ready(report) and report.status["rollout"]["targets"] == 1

    await world.settle(name, is_spread, kind=CLUSTER_STORE)
    await world.delete(CLUSTER_STORE, name)
    await world.wait(lambda: _has(world, namespace=two), "no bundle without its store")


async def test_config_map_of_somebody_else_stays_until_it_is_allowed(world: World) -> None:
    root = decision("root", certificate=world.corp.root.pem)
    await world.apply(config_map("corporate-ca", {"ca.crt": "theirs"}))
    await world.apply(root, trust_store(selector={}, targets=[TARGET]))
    report = await world.settle("corporate", lambda report: report.reason == "TargetNotOwned", kind=STORE)
    assert report.condition("Stalled") == ("True", "TargetNotOwned")
    annotation = report.message().split()[-1]

    name, _, owner = annotation.partition("=")
    await world.patch("ConfigMap", "corporate-ca", {"metadata": {"annotations": {name: owner}}})
    await world.settle("corporate", is_ready, kind=STORE)
    assert await labels_in(world) == {"Corp Root"}

    # What was taken over is given back, never deleted.
    await world.apply(trust_store(selector={}, targets=[]))
    await world.settle("corporate", is_ready, kind=STORE)
    await world.rest()
    assert await labels_in(world) == {"Corp Root"}


async def test_roots_stand_in_a_cluster_trust_bundle(world: World) -> None:
    bundle = world.own("corporate")
    name = await spread(world, world.corp.root, targets=[], clusterTrustBundle={"name": bundle})
    await world.settle(name, is_ready, kind=CLUSTER_STORE)
    found = await world.read(BUNDLE, bundle, namespace="")
    assert found is not None
    assert found.data[TRUST_BUNDLE_KEY].decode() == world.corp.root.pem

    await world.patch(BUNDLE, bundle, {"spec": {"trustBundle": world.corp.ca("Their Root").pem}}, namespace="")
    await world.wait(lambda: _bundles(world, bundle, world.corp.root), "what was deployed")


async def _bundles(world: World, name: str, root: Entity) -> bool:
    found = await world.read(BUNDLE, name, namespace="")
    return found is not None and found.data[TRUST_BUNDLE_KEY].decode() == root.pem
