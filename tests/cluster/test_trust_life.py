"""Trust on a real API server, with `certwright run` as a process: deletions, kills, restarts, losses, many targets."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import AuditedRequest, ControlPlane
from tests.support.crowd import wait_at_rest
from tests.support.interposer import Held, Interposer, calls
from tests.support.operator_process import OperatorProcess
from tests.support.pki_files import openssl
from tests.support.rough_world import MANIFESTS, OPERATOR, installed
from tests.support.trust_place import MERGE, PATIENCE_SECONDS, RECORDS, Place, gone
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import secret
from tests.support.worlds.material import Corp
from tests.support.worlds.trust import bundle_of, certificates

BUNDLES = "/apis/certificates.k8s.io/v1beta1/clustertrustbundles"
USER = "system:serviceaccount:certwright-system:certwright"
FINALIZER = "certwright.io/deployed"
NAMESPACES = 30


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Run one of our own: what is counted here, nobody else asks for."""
    with installed(audit=True) as running:
        yield running


@pytest.fixture(scope="module")
def kubeconfig(plane: ControlPlane) -> Path:
    return plane.kubeconfig_for(*OPERATOR)


@pytest.fixture
def corp() -> Corp:
    return Corp(datetime.now(tz=UTC).replace(microsecond=0))


@contextmanager
def operating(kubeconfig: Path, log: Path, **settings: str) -> Iterator[OperatorProcess]:
    with OperatorProcess(kubeconfig, log, **settings) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def operator(kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    with operating(kubeconfig, tmp_path / "operator.log") as process:
        yield process


# ---- deleted, in every order


def test_nothing_is_left_and_nothing_stuck_in_whatever_order_everything_is_deleted(
    plane: ControlPlane, kubeconfig: Path, tmp_path: Path, corp: Corp
) -> None:
    with operating(kubeconfig, tmp_path / "operator.log", sweep_seconds="10") as process:
        places = [*_wide_places(plane, corp), *_own_places(plane, corp)]
        for _, place in places:
            place.until_deployed(corp.root)
            place.until(lambda place=place: place.deploy_status() == "DEPLOYED", "the decision to know of it")
        uids = {place.name: place.plane.client.get(place.store_path)["metadata"]["uid"] for _, place in places}

        for step in range(max(len(order) for order, _ in places)):
            asked = [path for order, place in places for path in order[step : step + 1] if _delete(place, path)]
            for path in asked:
                wait_until(lambda path=path: gone(plane, path), deadline_seconds=PATIENCE_SECONDS, what=f"{path} to go")
            wait_at_rest(process)

        stems = tuple(f"store-{uid}-" for uid in uids.values())

        def left() -> list[str]:
            names = (each["metadata"]["name"] for each in plane.client.get(RECORDS)["items"])
            bundles = (each["metadata"]["name"] for each in plane.client.get(BUNDLES)["items"])
            return [*(name for name in names if name.startswith(stems)), *(name for name in bundles if name in uids)]

        wait_until(lambda: not left(), deadline_seconds=PATIENCE_SECONDS, what=f"the last of {left()} to go")
        process.check()


Ordered = tuple[Sequence[str], Place]


def _wide_places(plane: ControlPlane, corp: Corp) -> Iterable[Ordered]:
    """Make a store of the cluster for each order of store, decision, and the namespaces of decisions and bundles."""
    for order in permutations(range(4)):
        place = Place.make(plane, corp)
        place.decide("root", corp.root)
        place.wish(clusterTrustBundle={"name": place.name})
        what = (
            place.store_path,
            place.decision_path(),
            f"/api/v1/namespaces/{place.trust}",
            f"/api/v1/namespaces/{place.consumers[0]}",
        )
        yield [what[each] for each in order], place


def _own_places(plane: ControlPlane, corp: Corp) -> Iterable[Ordered]:
    """Make a store of a namespace for each order, which deploys after approval."""
    for order in permutations(range(3)):
        place = Place.make(plane, corp, cluster=False)
        place.decide("root", corp.root)
        place.wish("Manual")
        place.approve()
        what = (place.store_path, place.decision_path(), f"/api/v1/namespaces/{place.trust}")
        yield [what[each] for each in order], place


def _delete(place: Place, path: str) -> bool:
    """Delete something, unless it went with its namespace."""
    answer = place.plane.client.request("DELETE", path)
    assert answer.ok or answer.code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}, answer.body
    return answer.ok


def test_targets_go_with_the_store_and_records_and_finalizers_too(
    plane: ControlPlane, kubeconfig: Path, tmp_path: Path, corp: Corp
) -> None:
    with operating(kubeconfig, tmp_path / "operator.log", sweep_seconds="10"):
        place = Place.make(plane, corp, consumers=2)
        kept = Place.make(plane, corp, cluster=False)
        place.decide("root", corp.root)
        place.wish(clusterTrustBundle={"name": place.name})
        kept.decide("root", corp.root)
        kept.wish(deletionPolicy="Retain")
        for each in (place, kept):
            each.until_deployed(corp.root)
            each.until(
                lambda each=each: plane.client.get(each.decision_path())["metadata"].get("finalizers") == [FINALIZER],
                "the finalizer",
            )
        records = [*place.records(), *kept.records()]
        assert len(records) == 2

        for each in (place, kept):
            plane.client.delete(each.store_path)

        place.until(lambda: place.bundles() == [None, None] and gone(plane, f"{BUNDLES}/{place.name}"), "no target")
        for each in (place, kept):
            each.until(lambda each=each: gone(plane, each.store_path), "the store to go")
            each.until(
                lambda each=each: "finalizers" not in plane.client.get(each.decision_path())["metadata"],
                "the finalizer to go",
            )
            each.until(lambda each=each: each.deploy_status() == "DEPLOY_PENDING", "the decision to know of it")
        for record in records:
            place.until(lambda record=record: gone(plane, f"{RECORDS}/{record}"), f"{record} to go")
        assert kept.bundles() == [bundle_of(corp.root)]


# ---- killed


def _record(_: Place) -> Any:
    return calls("patch", "configmaps", namespace="certwright-system")


def _status(place: Place) -> Any:
    return calls("patch", "clustertruststores", name=place.name, subresource="status")


def _target(place: Place) -> Any:
    return calls("patch", "configmaps", namespace=place.consumers[0], name="bundle")


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("where", [_record, _status, _target], ids=["record", "status", "target"])
def test_bundle_stays_as_deployed_and_is_finished_when_the_operator_is_killed(
    plane: ControlPlane,
    kubeconfig: Path,
    tmp_path: Path,
    corp: Corp,
    *,
    where: Callable[[Place], Any],
    answered: bool,
) -> None:
    place, other = Place.make(plane, corp, consumers=3), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.wish()
    with Interposer(plane) as way:
        process = OperatorProcess(way.kubeconfig(kubeconfig), tmp_path / "operator.log")
        with process:
            process.wait_ready()
            place.until_deployed(corp.root)
            wait_at_rest(process)
            first = place.records()
            hold = way.hold_answer if answered else way.hold
            held: Held = hold(where(place), what="the request to be killed at")
            place.decide("other", other)
            held.wait()

            process.kill()
            held.drop()
            way.reset()
            allowed = [bundle_of(corp.root), bundle_of(corp.root, other)]
            assert all(each in allowed for each in place.bundles())
            if where is not _target:
                assert place.bundles() == [bundle_of(corp.root)] * 3

            process.start()
            process.wait_ready()
            place.until_deployed(corp.root, other)
            wait_at_rest(process)
        assert place.records()[: len(first)] == first
        assert len(place.records()) == 2
        written = [each for each in way.of(_target(place)) if each.answered < HTTPStatus.BAD_REQUEST and each.code]
        assert len(written) <= 3, "the bundle must not have been written again and again"
        for name in ("root", "other"):
            place.until(lambda name=name: place.deploy_status(name) == "DEPLOYED", f"{name} to be deployed")


def test_withdrawal_is_not_lost_when_the_operator_is_killed_over_it(
    plane: ControlPlane, kubeconfig: Path, tmp_path: Path, corp: Corp
) -> None:
    place, other = Place.make(plane, corp, cluster=False), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.decide("other", other)
    place.wish("Manual")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as process:
        process.wait_ready()
        place.until(lambda: (place.store().get("pending") or {}).get("addedCount") == 2, "both to wait")
        place.approve()
        place.until_deployed(corp.root, other)
        process.kill()

        place.patch(place.decision_path(), {"spec": {"trustStateDesired": "untrusted"}})
        assert place.bundles() == [bundle_of(corp.root, other)]
        process.start()
        process.wait_ready()
        place.until_deployed(other)


# ---- at rest


def _told(requests: Iterable[AuditedRequest]) -> list[str]:
    return sorted(f"{each.verb} {each.uri}" for each in requests)


def _deploy_all_kinds(plane: ControlPlane, process: OperatorProcess, corp: Corp) -> tuple[Place, Place]:
    """Have everything deployed that stores can deploy, and decisions of every kind."""
    wide, own = Place.make(plane, corp, consumers=NAMESPACES), Place.make(plane, corp, cluster=False)
    plane.client.create(f"/api/v1/namespaces/{own.trust}/secrets", secret("password", {"password": "changeit"}))
    for place in (wide, own):
        place.decide("root", corp.root)
        place.decide("issuing", corp.issuing, certUse="intermediateCA")
        place.decide("distrusted", corp.ca("Bad Root"), trustStateDesired="untrusted")
    wide.wish("Manual", publicRoots="Mozilla", clusterTrustBundle={"name": wide.name})
    own.wish(targets=[{"name": "bundle", "content": "RootsAndIntermediates"}, JAVA])
    own.until_deployed(corp.root, corp.issuing)
    wide.until(lambda: (wide.store().get("pending") or {}).get("addedCount", 0) > 100, "the public roots")
    wait_at_rest(process)
    wide.approve()
    wide.until(lambda: wide.store().get("rollout", {}).get("percentComplete") == 100, "all targets")
    for place in (wide, own):
        place.until(lambda place=place: place.deploy_status("issuing") == "DEPLOYED", "the decisions to know of it")
    wait_at_rest(process)
    return wide, own


JAVA = {"kind": "Secret", "name": "java", "key": "trust.p12", "format": "PKCS12", "passwordRef": {"name": "password"}}


def test_restart_with_nothing_changed_writes_nothing_and_reads_no_secret_nor_any_target(
    plane: ControlPlane, kubeconfig: Path, tmp_path: Path, corp: Corp
) -> None:
    with operating(kubeconfig, tmp_path / "first.log") as process:
        wide, own = _deploy_all_kinds(plane, process, corp)
    versions = [*wide.versions(), *own.versions()]

    mark = plane.audit_mark()
    with operating(kubeconfig, tmp_path / "second.log") as process:
        wait_until(lambda: _looked_at(process) >= 8, deadline_seconds=PATIENCE_SECONDS, what="a look at everything")
        wait_at_rest(process)
    requests = plane.requests(mark, user=USER)

    assert any(each.verb == "watch" and each.resource == "trustdecisions" for each in requests)
    unimportant = {"leases", "selfsubjectaccessreviews"}
    assert _told(each for each in requests if each.is_write and each.resource not in unimportant) == []
    assert _told(each for each in requests if each.reads_secret_data) == []
    # What decisions cannot tell from their status is whether a store still holds them: its record is read once.
    records = [f"get {RECORDS}/{name}" for place in (wide, own) for name in place.records()[-1:]]
    read = _told(each for each in requests if each.verb == "get" and each.resource in {"configmaps", "secrets"})
    assert [each for each in read if each.startswith(tuple(records))] == sorted(records)
    assert [each for each in read if "/store-" not in each] == []
    assert len(read) == len(set(read))
    assert [*wide.versions(), *own.versions()] == versions


def _looked_at(process: OperatorProcess) -> float:
    lines = process.answer("/metrics")[1].splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("certwright_reconcile_total{"))


# ---- lost


def test_lost_status_is_made_anew_from_the_records_and_no_target_is_touched(
    operator: OperatorProcess, plane: ControlPlane, corp: Corp
) -> None:
    place = Place.make(plane, corp, consumers=2)
    place.decide("root", corp.root)
    place.wish("Manual")
    place.approve()
    place.until_deployed(corp.root)
    wait_at_rest(operator)
    before, records, versions = place.store(), place.records(), place.versions()

    answer = plane.client.request("PATCH", f"{place.store_path}/status", {"status": None}, headers=MERGE)
    assert answer.ok, answer.body

    place.until(lambda: place.store().get("deployedRevision") == before["deployedRevision"], "the status to be back")
    place.until_deployed(corp.root)
    wait_at_rest(operator)
    assert place.store()["record"]["deployed"] == before["record"]["deployed"]
    assert (place.records(), place.versions()) == (records, versions)
    assert "pending" not in place.store()


def test_lost_record_is_written_anew_when_the_same_is_trusted_and_else_bundles_stay(
    operator: OperatorProcess, plane: ControlPlane, corp: Corp
) -> None:
    place, other = Place.make(plane, corp, consumers=2), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.decide("other", other)
    place.wish("Manual")
    place.until(lambda: (place.store().get("pending") or {}).get("addedCount") == 2, "both to wait")
    place.approve()
    place.until_deployed(corp.root, other)
    wait_at_rest(operator)
    versions, revision = place.versions(), place.store()["deployedRevision"]
    (lost,) = place.records()

    plane.client.delete(f"{RECORDS}/{lost}")
    place.until(lambda: place.records() not in ([], [lost]), "another record")
    place.until(lambda: place.condition("Ready") == ("True", "Valid"), "the store to be well")
    assert (place.versions(), place.store()["deployedRevision"]) == (versions, revision)

    # A change waits for approval, and the record goes: it cannot be made from what is trusted now.
    plane.client.delete(place.decision_path("other"))
    place.until(lambda: (place.store().get("pending") or {}).get("removedCount") == 1, "the change to wait")
    for name in place.records():
        plane.client.delete(f"{RECORDS}/{name}")
    place.until(lambda: place.condition("Ready") == ("False", "LastGoodLost"), "the loss to be told")
    assert place.condition("Stalled") == ("True", "LastGoodLost")
    assert "Targets stay as they are. Trust exactly the same CAs again and it is written anew" in place.message()
    wait_at_rest(operator)
    assert place.versions() == versions

    place.decide("other", other)
    place.until(lambda: place.condition("Ready") == ("True", "Valid"), "the record to be written anew")
    assert (place.versions(), place.store()["deployedRevision"]) == (versions, revision)


# ---- ClusterTrustBundles


def test_cluster_trust_bundle_holds_the_roots_and_is_put_back(
    operator: OperatorProcess, plane: ControlPlane, corp: Corp
) -> None:
    place, other = Place.make(plane, corp, consumers=0), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.decide("issuing", corp.issuing, certUse="intermediateCA")
    place.wish(clusterTrustBundle={"name": place.name}, targets=[])
    path = f"{BUNDLES}/{place.name}"

    def held() -> list[bytes] | None:
        found = plane.client.get(path)
        return certificates(found["spec"]["trustBundle"].encode()) if found is not None else None

    place.until(lambda: held() == bundle_of(corp.root), "the ClusterTrustBundle")
    found = plane.client.get(path)
    assert found["apiVersion"] == "certificates.k8s.io/v1beta1"
    assert "#" not in found["spec"]["trustBundle"]
    assert found["metadata"]["annotations"]["certwright.io/owner"] == f"ClusterTrustStore/{place.name}"

    place.decide("other", other)
    place.until(lambda: held() == bundle_of(corp.root, other), "the other root")
    place.patch(path, {"spec": {"trustBundle": corp.root.pem}})
    place.until(lambda: held() == bundle_of(corp.root, other), "it to be put back")
    operator.check()


def test_store_says_that_cluster_trust_bundles_are_not_served_and_writes_its_other_targets(
    tmp_path: Path, corp: Corp
) -> None:
    with ControlPlane(audit=False, trust_bundles=False) as plane:
        plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "overlays" / "default"))
        plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")
        with operating(plane.kubeconfig_for(*OPERATOR), tmp_path / "operator.log"):
            place = Place.make(plane, corp)
            place.decide("root", corp.root)
            place.wish(clusterTrustBundle={"name": place.name})
            place.until(lambda: place.bundles() == [bundle_of(corp.root)], "the ConfigMap")
            place.until(lambda: place.condition("Ready") == ("False", "BundleNotServed"), "the condition")
            assert place.message() == (
                f"ClusterTrustBundle `{place.name}`: this API server does not serve ClusterTrustBundles. Enable "
                "`certificates.k8s.io/v1beta1` and the feature gate `ClusterTrustBundle`, or remove "
                "`spec.clusterTrustBundle`. Deployed: 1 certificate."
            )
            rollout = place.store()["rollout"]
            assert (rollout["state"], rollout["updatedTargets"], rollout["failed"]) == ("Failed", 1, 1)

            place.patch(place.store_path, {"spec": {"clusterTrustBundle": None}})
            place.until(lambda: place.condition("Ready") == ("True", "Valid"), "the store to be well without")


# ---- many namespaces


def test_namespaces_get_the_bundle_as_they_come_and_lose_it_as_they_leave_the_selection(
    operator: OperatorProcess, plane: ControlPlane, corp: Corp
) -> None:
    place, other = Place.make(plane, corp, consumers=NAMESPACES), corp.ca("Other Root")
    place.decide("root", corp.root)
    place.wish()
    place.until_deployed(corp.root)
    assert place.store()["rollout"] == {
        "state": "Complete", "targets": NAMESPACES, "updatedTargets": NAMESPACES, "percentComplete": 100, "failed": 0,
    }  # fmt: skip
    wait_at_rest(operator)
    versions = place.versions()

    # One appears: the others are not touched for it.
    place.add_consumer(f"{place.name}-late")
    place.until_deployed(corp.root)
    assert place.versions()[:-1] == versions

    # One leaves the selection: its ConfigMap goes, and the namespace stays.
    leaver = place.consumers.pop(0)
    place.patch(f"/api/v1/namespaces/{leaver}", {"metadata": {"labels": {"bundle": "none"}}})
    place.until(lambda: gone(plane, f"/api/v1/namespaces/{leaver}/configmaps/bundle"), "its ConfigMap to go")

    # One is about to go and cannot: nothing is written there, and nobody waits for it.
    held = place.consumers.pop(0)
    stubborn = {"metadata": {"name": "held", "finalizers": ["test.example/held"]}}
    plane.client.create(f"/api/v1/namespaces/{held}/configmaps", stubborn)
    plane.client.delete(f"/api/v1/namespaces/{held}")
    place.until(lambda: gone(plane, f"/api/v1/namespaces/{held}/configmaps/bundle"), "its ConfigMap to go")
    place.decide("other", other)
    place.until_deployed(corp.root, other)
    rollout = place.store()["rollout"]
    assert (rollout["targets"], rollout["updatedTargets"], rollout["failed"]) == (NAMESPACES - 1, NAMESPACES - 1, 0)
    assert "targets" not in place.store()
    assert gone(plane, f"/api/v1/namespaces/{held}/configmaps/bundle")
    place.patch(f"/api/v1/namespaces/{held}/configmaps/held", {"metadata": {"finalizers": None}})
    place.until(lambda: gone(plane, f"/api/v1/namespaces/{held}"), "the namespace to go")

    # Several at once are put back from the record, whoever edits them.
    for name in place.consumers[:5]:
        place.patch(f"/api/v1/namespaces/{name}/configmaps/bundle", {"data": {"ca.crt": "mine"}})
    place.until_deployed(corp.root, other)


def test_pkcs12_trust_store_is_written_and_follows_its_password(
    operator: OperatorProcess, plane: ControlPlane, corp: Corp
) -> None:
    place = Place.make(plane, corp, cluster=False)
    secrets = f"/api/v1/namespaces/{place.trust}/secrets"
    plane.client.create(secrets, secret("password", {"password": "changeit"}))
    place.decide("root", corp.root)
    place.wish(targets=[JAVA])

    def opens(password: str) -> bool:
        found = plane.client.get(f"{secrets}/java")
        if found is None:
            return False
        files = {"trust.p12": b64decode(found["data"]["trust.p12"])}
        try:
            text = openssl("pkcs12", "-nokeys", "-in", "trust.p12", "-passin", f"pass:{password}", files=files)
        except RuntimeError:
            return False
        return certificates(text) == [corp.root.der]

    place.until(lambda: opens("changeit"), "the trust store")
    version = plane.client.get(f"{secrets}/java")["metadata"]["resourceVersion"]
    place.patch(f"{secrets}/password", {"metadata": {"annotations": {"touched": "yes"}}})
    wait_at_rest(operator)
    assert plane.client.get(f"{secrets}/java")["metadata"]["resourceVersion"] == version

    place.patch(f"{secrets}/password", json.loads('{"stringData": {"password": "changed"}}'))
    place.until(lambda: opens("changed") and not opens("changeit"), "the other password")
