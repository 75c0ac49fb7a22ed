"""What rest costs: nothing is written and no Secret is read when nothing has changed, as the API server counts it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import AuditedRequest, ControlPlane
from tests.support.waiting import wait_until
from tests.support.worlds import OperatorThread
from tests.support.worlds.manifests import Manifest, imported, secret, serving, workload
from tests.support.worlds.material import Corp, upload

MANIFESTS = Path(__file__).parents[2] / "manifests"
OPERATOR = "system:serviceaccount:certwright-system:certwright"
OBJECTS = 24
READABLE = OBJECTS - OBJECTS // 4
"""Objects with a Secret that exists."""

SWEEPS_AN_HOUR = 6


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    """Run one of our own: nobody else's objects cost anything here, and others see no right of `refresh`."""
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="module")
def kubeconfig(control_plane: ControlPlane) -> Path:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS / "overlays" / "default"))
    refresh = MANIFESTS / "components" / "refresh" / "clusterrole.yaml"
    control_plane.kubectl("apply", "--server-side", "-f", str(refresh))
    control_plane.kubectl("wait", "--for=condition=Established", "crd/importedcertificates.certwright.io")
    return control_plane.kubeconfig_for("certwright-system", "certwright")


@pytest.fixture
def at_rest(control_plane: ControlPlane, kubeconfig: Path, namespace: str) -> Iterator[OperatorThread]:
    """Run an operator that has judged everything there is."""
    everything = {"apiVersion": "v1", "kind": "List", "items": list(objects(Corp(datetime.now(tz=UTC))))}
    with OperatorThread(kubeconfig) as operator:
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(everything))
        wait_until(lambda: all_judged(control_plane, namespace), deadline_seconds=60, what="a verdict on everything")
        wait_until(lambda: operator.is_idle, deadline_seconds=20, what="the operator to be idle")
        # Who waits in vain is told so once, after ten minutes; that is over, too.
        move(operator, timedelta(minutes=20))
        wait_until(lambda: none_reconciling(control_plane, namespace), deadline_seconds=20, what="nobody to wait")
        operator.flush_events()
        yield operator


def objects(corp: Corp) -> Iterator[Manifest]:
    """Yield objects of every way to be: served, refused, waiting, watching, with a key store, with a roll-out."""
    keystore = {"type": "PKCS12", "key": "keystore.p12", "passwordRef": {"name": "password"}}
    yield secret("password", {"password": "changeit"})
    yield workload("Deployment", "shop", replicas=0)
    for number in range(OBJECTS // 4):
        name = f"shop-{number}"
        yield upload(corp.leaf(f"{name}.example.com"), name)
        target = {"secretName": f"{name}-tls"}
        more = {0: {"formats": [keystore]}, 1: {"refresh": [{"kind": "Deployment", "name": "shop"}]}}
        yield serving(name, {**target, **more.get(number, {})})
        yield imported(f"waiting-{number}", certificateRef={"name": f"absent-{number}"})
        yield secret(f"bad-{number}-upload", {"tls.crt": "no certificate", "tls.key": "no key"})
        yield serving(f"bad-{number}")
        yield imported(f"watching-{number}", certificateRef={"name": f"{name}-upload"})


def move(operator: OperatorThread, delta: timedelta) -> None:
    operator.clock.travel(delta)
    operator.wake()
    wait_until(lambda: operator.is_idle, deadline_seconds=20, what="the operator to be idle")


def statuses(control_plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    listed = control_plane.client.get(f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/importedcertificates")
    assert listed is not None
    return [each.get("status", {}) for each in listed["items"]]


def none_reconciling(control_plane: ControlPlane, namespace: str) -> bool:
    conditions = (each for status in statuses(control_plane, namespace) for each in status["conditions"])
    return all(each["type"] != "Reconciling" for each in conditions)


def all_judged(control_plane: ControlPlane, namespace: str) -> bool:
    states = [each.get("certificateStoreStatus", "IN_PROGRESS") for each in statuses(control_plane, namespace)]
    return len(states) == OBJECTS and not {"IN_PROGRESS", "CERTIFICATE_STORED_BUT_NOT_REFRESHED"} & set(states)


@dataclass(frozen=True)
class Cost:
    """What the operator asked of one namespace, and of the whole cluster, since a mark."""

    writes: list[str]
    secret_reads: list[str]
    lists: int


def cost_since(mark: int, control_plane: ControlPlane, namespace: str) -> Cost:
    def told(each: AuditedRequest) -> str:
        return f"{each.verb} {each.uri}"

    requests = control_plane.requests(mark, user=OPERATOR)
    ours = [each for each in requests if each.namespace == namespace]
    return Cost(
        writes=[told(each) for each in ours if each.is_write],
        secret_reads=[told(each) for each in ours if each.reads_secret_data],
        lists=sum(each.resource == "importedcertificates" and each.verb == "list" for each in requests),
    )


def test_operator_writes_and_reads_nothing_when_an_hour_passes(
    control_plane: ControlPlane, at_rest: OperatorThread, namespace: str
) -> None:
    mark = control_plane.audit_mark()
    for swept in range(SWEEPS_AN_HOUR):
        move(at_rest, timedelta(hours=1) / SWEEPS_AN_HOUR)
        at_rest.sweep()
        wait_until(
            lambda wanted=swept + 1: cost_since(mark, control_plane, namespace).lists >= wanted,
            deadline_seconds=20,
            what="the sweep",
        )
    wait_until(lambda: at_rest.is_idle, deadline_seconds=20, what="the operator to be idle")
    cost = cost_since(mark, control_plane, namespace)
    assert cost.writes == []
    assert cost.secret_reads == []


def test_operator_writes_and_reads_nothing_when_it_starts_again(
    control_plane: ControlPlane, kubeconfig: Path, at_rest: OperatorThread, namespace: str
) -> None:
    at_rest.stop()
    mark = control_plane.audit_mark()
    with OperatorThread(kubeconfig) as again:
        wait_until(lambda: again.passes >= OBJECTS, deadline_seconds=30, what="a look at every object")
        wait_until(lambda: again.is_idle, deadline_seconds=20, what="the operator to be idle")
        again.flush_events()
    cost = cost_since(mark, control_plane, namespace)
    assert cost.lists > 0, "it must have looked for this to mean anything"
    assert cost.writes == []
    assert cost.secret_reads == []


def test_operator_writes_nothing_when_everything_is_read_again(
    control_plane: ControlPlane, at_rest: OperatorThread, namespace: str
) -> None:
    mark = control_plane.audit_mark()
    at_rest.read_everything()
    wait_until(
        lambda: len(cost_since(mark, control_plane, namespace).secret_reads) >= READABLE,
        deadline_seconds=60,
        what="everything to be read, whatever the evidence says",
    )
    wait_until(lambda: at_rest.is_idle, deadline_seconds=20, what="the operator to be idle")
    at_rest.flush_events()
    assert cost_since(mark, control_plane, namespace).writes == []
