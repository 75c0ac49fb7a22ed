"""Keys on a real API server with `certwright run` as a process: made once, whatever happens, and in nobody's way."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.operator_process import OperatorProcess
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import Manifest, imported, private_key

MANIFESTS = Path(__file__).parents[2] / "manifests"
OPERATOR = "system:serviceaccount:certwright-system:certwright"
RESTARTS = 10
KEY_SECONDS = 120
"""How long a key of 8192 bits may take: it is a matter of luck."""

LAG_SECONDS = 1.0
"""What the loop may be late on a busy machine of two processors; making such a key on it would take several."""


@pytest.fixture(scope="module")
def kubeconfig(control_plane: ControlPlane) -> Path:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS / "overlays" / "default"))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")
    return control_plane.kubeconfig_for("certwright-system", "certwright")


class Scene:
    """A namespace, kubectl in it, and operators that come and go."""

    def __init__(self, control_plane: ControlPlane, namespace: str, kubeconfig: Path, folder: Path) -> None:
        self.control_plane = control_plane
        self.namespace = namespace
        self.kubeconfig = kubeconfig
        self.folder = folder

    def apply(self, *manifests: Manifest) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.control_plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=text)

    def status(self, resource: str, name: str) -> dict[str, Any]:
        found = self.control_plane.client.get(self._path(resource, name)) or {}
        status: dict[str, Any] = found.get("status", {})
        return status

    def lose_status(self, name: str) -> None:
        path = f"{self._path('privatekeys', name)}/status"
        merge = {"Content-Type": "application/merge-patch+json"}
        assert self.control_plane.client.request("PATCH", path, {"status": None}, headers=merge).ok

    def is_ready(self, name: str) -> bool:
        conditions = self.status("privatekeys", name).get("conditions", ())
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

    def is_ok(self, name: str) -> bool:
        return self.status("importedcertificates", name).get("certificateStoreStatus") == "OK"

    def key(self, name: str) -> bytes | None:
        found = self.control_plane.client.get(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        return b64decode(found["data"]["tls.key"]) if found is not None else None

    @contextmanager
    def operator(self, name: str = "operator") -> Iterator[OperatorProcess]:
        with OperatorProcess(self.kubeconfig, self.folder / f"{name}.log") as running:
            running.wait_ready()
            yield running

    def _path(self, resource: str, name: str) -> str:
        return f"/apis/certwright.io/v1alpha1/namespaces/{self.namespace}/{resource}/{name}"


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str, kubeconfig: Path, tmp_path: Path) -> Scene:
    return Scene(control_plane, namespace, kubeconfig, tmp_path)


def hanging(name: str, key: str) -> Manifest:
    named = {"kind": "PrivateKey", "name": key}
    return imported(name, privateKeyRef=named, dnsNames=["x.example.com"], targets=[{"secretName": f"{name}-tls"}])


def test_key_is_the_same_over_ten_restarts_with_and_without_a_status(scene: Scene) -> None:
    with scene.operator():
        scene.apply(private_key("shop-key"), hanging("shop", "shop-key"))
        wait_until(lambda: scene.is_ok("shop"), deadline_seconds=20, what="the certificate")
        wait_until(
            lambda: "certificates" in scene.status("privatekeys", "shop-key"), deadline_seconds=20, what="it listed"
        )
    key, before = scene.key("shop-key"), scene.status("privatekeys", "shop-key")
    for turn in range(RESTARTS):
        mark = scene.control_plane.audit_mark()
        if turn % 2:
            scene.lose_status("shop-key")
        with scene.operator() as operator:
            wait_until(lambda: scene.is_ready("shop-key"), deadline_seconds=20, what="the key")
            if not turn % 2:
                wait_until(lambda: settled(operator) >= 2, deadline_seconds=20, what="both to be found unchanged")
        requests = [
            each
            for each in scene.control_plane.requests(mark, user=OPERATOR)
            if each.namespace == scene.namespace and each.resource != "events"
        ]
        assert scene.key("shop-key") == key
        assert scene.status("privatekeys", "shop-key")["fingerprint"] == before["fingerprint"]
        if not turn % 2:
            assert [
                each.uri for each in requests if each.is_write or (each.verb, each.resource) == ("get", "secrets")
            ] == []
        assert [each.uri for each in requests if each.is_write and each.resource == "secrets"] == []


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_namespace_goes_when_keys_and_certificates_are_in_it(scene: Scene, policy: str) -> None:
    plane = scene.control_plane
    with scene.operator() as operator:
        keys = [private_key(f"key-{number}", deletionPolicy=policy) for number in range(3)]
        certificates = [hanging(f"shop-{number}", f"key-{number}") for number in range(3)]
        for each in certificates:
            each["spec"]["deletionPolicy"] = policy
        scene.apply(*keys, *certificates)
        wait_until(lambda: all(scene.is_ok(f"shop-{number}") for number in range(3)), deadline_seconds=20, what="all")
        plane.kubectl("delete", "namespace", scene.namespace, "--wait=false")
        path = f"/api/v1/namespaces/{scene.namespace}"
        wait_until(lambda: plane.client.get(path) is None, deadline_seconds=60, what="the namespace to be gone")
        assert operator.answer("/healthz")[0] == HTTPStatus.OK
        assert operator.answer("/readyz")[0] == HTTPStatus.OK


def test_key_stays_when_its_object_is_made_anew_at_once(scene: Scene) -> None:
    with scene.operator():
        scene.apply(private_key("shop-key"), hanging("shop", "shop-key"))
        wait_until(lambda: scene.is_ok("shop"), deadline_seconds=20, what="the certificate")
        key = scene.key("shop-key")
        scene.control_plane.kubectl("delete", "-n", scene.namespace, "privkey", "shop-key")
        scene.apply(private_key("shop-key"))
        wait_until(lambda: scene.is_ready("shop-key"), deadline_seconds=20, what="the key")
        wait_until(lambda: scene.is_ok("shop"), deadline_seconds=20, what="the certificate again")
        assert scene.key("shop-key") == key


def settled(operator: OperatorProcess) -> int:
    lines = operator.answer("/metrics")[1].splitlines()
    return sum(
        int(float(each.split()[-1])) for each in lines if "reconcile_total" in each and 'result="settled"' in each
    )


def test_key_is_one_when_two_operators_make_it_at_once(scene: Scene) -> None:
    names = [f"key-{number:02}" for number in range(20)]
    with scene.operator("first"), scene.operator("second"):
        scene.apply(*(private_key(name) for name in names), *(hanging(f"shop-{name}", name) for name in names))
        wait_until(lambda: all(scene.is_ok(f"shop-{name}") for name in names), deadline_seconds=60, what="all of them")
        keys = {name: scene.key(name) for name in names}
        wait_until(lambda: all(scene.is_ready(name) for name in names), deadline_seconds=20, what="all keys")
        assert {name: scene.key(name) for name in names} == keys
    assert len(set(keys.values())) == len(names)
    reasons = {each["reason"] for name in names for each in scene.status("privatekeys", name)["conditions"]}
    assert reasons == {"Valid"}


def test_key_of_8192_bits_is_made_in_nobodys_way_and_once_though_the_operator_is_killed(scene: Scene) -> None:
    with scene.operator() as operator:
        scene.apply(private_key("large", algorithm="RSA", size=8192), private_key("small"))
        wait_until(lambda: scene.is_ready("small"), deadline_seconds=20, what="the small key")
        before_it = 0
        lags: list[float] = []
        while not scene.is_ready("large") and before_it < 30:
            name = f"shop-{before_it}"
            scene.apply(hanging(name, "small"))
            wait_until(lambda name=name: scene.is_ok(name), deadline_seconds=5, what=f"{name} meanwhile")
            lags.append(lag(operator))
            before_it += not scene.is_ready("large")
            if before_it == 1:
                operator.kill()
                operator.start()
                operator.wait_ready()
        wait_until(lambda: scene.is_ready("large"), deadline_seconds=KEY_SECONDS, what="the large key")
        # It signs elsewhere, too.
        scene.apply(hanging("shop-large", "large"))
        wait_until(lambda: scene.is_ok("shop-large"), deadline_seconds=20, what="a certificate under the large key")
        assert operator.answer("/healthz")[0] == HTTPStatus.OK
        status = scene.status("privatekeys", "large")
    assert before_it > 0
    assert max(lags) < LAG_SECONDS
    assert (status["algorithm"], status["size"]) == ("RSA", 8192)


def lag(operator: OperatorProcess) -> float:
    found = re.search(r"^certwright_event_loop_lag_seconds (\S+)$", operator.answer("/metrics")[1], re.MULTILINE)
    assert found is not None
    return float(found.group(1))
