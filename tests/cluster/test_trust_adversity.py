"""People who wish trust ill, or do not care, on a real API server: what may be written without any right to trust."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from certwright.reconcile.objects import Kind
from tests.support.control_plane import ControlPlane
from tests.support.crowd import wait_at_rest
from tests.support.operator_process import OperatorProcess
from tests.support.pki import Entity
from tests.support.rough_world import OPERATOR, installed
from tests.support.running_operator import Running, running
from tests.support.trust_place import GROUP, PATIENCE_SECONDS, Place
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import secret, serving
from tests.support.worlds.material import Corp, upload

BEYOND = "9999-12-31T23:59:59-12:00"
"""The API server takes it; in UTC it lies behind the last year that there is."""

CROWD = 150
KINDS = ("configmaps", "secrets")
OWN_KINDS = ("importedcertificates", "trustdecisions", "truststores", "clustertruststores")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with installed() as running_plane:
        yield running_plane


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(plane.kubeconfig_for(*OPERATOR), log) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def corp() -> Corp:
    return Corp(datetime.now(tz=UTC).replace(microsecond=0))


def fingerprints(*entities: Entity) -> list[list[bytes]]:
    return [sorted(each.certificate.der for each in entities)]


def until_holding(place: Place, *entities: Entity) -> None:
    wanted = fingerprints(*entities) * len(place.targets())

    def holds() -> bool:
        return [sorted(each) if each is not None else None for each in place.bundles()] == wanted

    wait_until(holds, deadline_seconds=PATIENCE_SECONDS, what="the bundles to hold what is trusted")


# ---- first, for here an operator runs in the test itself, and of two without a Lease each writes what it thinks


async def test_nothing_is_written_when_everything_is_looked_at_anew(plane: ControlPlane, corp: Corp) -> None:
    wide, own = Place.make(plane, corp, consumers=10), Place.make(plane, corp, cluster=False)
    for place in (wide, own):
        place.decide("root", corp.root)
        place.decide("issuing", corp.issuing, certUse="intermediateCA")
        place.decide("gone", corp.ca("Gone Root"), trustStateDesired="untrusted")
    wide.wish(publicRoots="Mozilla", clusterTrustBundle={"name": wide.name})
    own.wish("Manual", targets=[{"name": "bundle"}, _keystore()])
    _apply(plane, own, secret("password", {"password": "changeit"}), "/api/v1", "secrets")
    leaf = corp.leaf()
    _apply(plane, own, upload(leaf), "/api/v1", "secrets")
    wish = serving(trust={"storeRef": {"name": own.name}})
    _apply(plane, own, wish, GROUP, "importedcertificates")
    async with running(plane, kubeconfig=plane.kubeconfig_for(*OPERATOR)) as operator:
        await operator.until_ready()
        await asyncio.to_thread(own.approve)
        for place in (wide, own):
            await operator.until(lambda place=place: place.store().get("rollout", {}).get("state") == "Complete", "all")
        await _until_idle(operator)
        before = _versions(plane)

        await operator.parts.rereads.go_round()
        await _until_idle(operator)

        assert _versions(plane) == before
        kinds = {key.kind for key, _ in operator.parts.mirror.items()}
        assert {Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE, Kind.TRUST_DECISION, Kind.IMPORTED_CERTIFICATE} <= kinds


# ---- the operator as a process of its own


def test_no_decision_keeps_a_store_from_withdrawing(plane: ControlPlane, operator: OperatorProcess, corp: Corp) -> None:
    place, other = Place.make(plane, corp), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.decide("other", other)
    place.wish()
    until_holding(place, corp.root, other)

    place.decide("bomb", corp.ca("Third Root"), trustStateDesired="untrusted", trustUntil=BEYOND)
    place.patch(place.decision_path(), {"spec": {"trustStateDesired": "untrusted"}})

    until_holding(place, other)
    operator.check()


def test_bundle_that_is_forged_in_our_name_is_put_back(
    plane: ControlPlane, operator: OperatorProcess, corp: Corp
) -> None:
    place, evil = Place.make(plane, corp), corp.ca("Evil Root")
    place.decide("root", corp.root)
    place.wish()
    until_holding(place, corp.root)
    wait_at_rest(operator)
    path = place.targets()[0]

    _forge(plane, path, evil)
    until_holding(place, corp.root)

    # What changes nothing that matters is looked into once, and then believed.
    wait_at_rest(operator)
    place.patch(path, {"metadata": {"labels": {"team": "shop"}}})
    wait_at_rest(operator)
    settled = place.versions()
    place.decide("second", corp.ca("Second Root"), trustStateDesired="untrusted")
    wait_at_rest(operator)
    assert place.versions() == settled


def test_bundle_that_is_forged_in_our_name_while_nobody_runs_is_put_back_at_the_start(
    plane: ControlPlane, operator: OperatorProcess, corp: Corp
) -> None:
    place, evil = Place.make(plane, corp, consumers=3), corp.ca("Evil Root")
    place.decide("root", corp.root)
    place.wish()
    until_holding(place, corp.root)
    wait_at_rest(operator)
    others = place.versions()[1:]

    operator.stop()
    _forge(plane, place.targets()[0], evil)
    operator.start()
    operator.wait_ready()

    until_holding(place, corp.root)
    wait_at_rest(operator)
    assert place.versions()[1:] == others


def _forge(plane: ControlPlane, path: str, evil: Entity) -> None:
    """Write a bundle as certwright would, with the digest that stands there."""
    found = plane.client.get(path)
    assert found is not None
    marks = {
        name: found["metadata"][name] for name in ("name", "namespace", "labels", "annotations", "ownerReferences")
    }
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": marks, "data": {"ca.crt": evil.pem}}
    plane.client.apply(path, forged, manager="certwright")


def test_crowd_of_intermediates_does_not_hold_up_the_others(
    plane: ControlPlane, operator: OperatorProcess, corp: Corp
) -> None:
    """Each looks at all others: what that costs must not grow so that one namespace stops the operator."""
    crowd, place = Place.make(plane, corp, cluster=False), Place.make(plane, corp)
    crowd.wish()
    crowd.decide("root", corp.root)
    for number in range(CROWD):
        crowd.decide(f"issuing-{number}", corp.issuing, certUse="intermediateCA")

    place.decide("root", corp.root)
    place.wish()

    until_holding(place, corp.root)
    wait_at_rest(operator)
    judged = plane.client.get(f"{GROUP}/namespaces/{crowd.trust}/trustdecisions")
    assert judged is not None
    assert {each["status"]["deployStatus"] for each in judged["items"]} == {"DEPLOYED"}


async def _until_idle(operator: Running) -> None:
    queue = operator.parts.workers.queue
    await operator.until(lambda: not (queue.running or len(queue)), "nothing to do")
    # Events are written behind the work, one after another.
    await operator.parts.recorder.flush()


def _keystore() -> dict[str, Any]:
    password = {"passwordRef": {"name": "password"}}
    return {"kind": "Secret", "name": "java", "key": "trust.p12", "format": "PKCS12", **password}


def _apply(plane: ControlPlane, place: Place, manifest: dict[str, Any], group: str, plural: str) -> None:
    path = f"{group}/namespaces/{place.trust}/{plural}/{manifest['metadata']['name']}"
    plane.client.apply(path, manifest, manager="kubectl")


def _versions(plane: ControlPlane) -> dict[str, str]:
    """Give the version of everything that the operator writes."""
    paths = [*(f"/api/v1/{kind}" for kind in KINDS), *(f"{GROUP}/{kind}" for kind in OWN_KINDS)]
    lists = (plane.client.get(path) or {} for path in (*paths, "/apis/events.k8s.io/v1/events"))
    found = (each["metadata"] for listed in lists for each in listed["items"])
    return {each["uid"]: each["resourceVersion"] for each in found}
