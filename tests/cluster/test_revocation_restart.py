"""Revocation on a real API server with `certwright run` as a process: settings, restarts, cost, and how quickly."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.hostile_server import HostileServer, reply
from tests.support.operator_process import OperatorProcess
from tests.support.pki import Entity
from tests.support.waiting import wait_until
from tests.support.worlds.manifests import Manifest, config_map, serving, source
from tests.support.worlds.material import Corp, upload

MANIFESTS = Path(__file__).parents[2] / "manifests"
OPERATOR = "system:serviceaccount:certwright-system:certwright"
ENTRIES = 20_000


@pytest.fixture(scope="module")
def kubeconfig(control_plane: ControlPlane) -> Path:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS / "overlays" / "default"))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")
    return control_plane.kubeconfig_for("certwright-system", "certwright")


class Scene:
    """A namespace, and kubectl in it."""

    def __init__(self, control_plane: ControlPlane, namespace: str, kubeconfig: Path, folder: Path) -> None:
        self.control_plane = control_plane
        self.namespace = namespace
        self.kubeconfig = kubeconfig
        self.folder = folder
        self.corp = Corp(datetime.now(tz=UTC).replace(microsecond=0))

    def crl(self, *revoked: Entity | int, number: int) -> bytes:
        dates = {"this_update": self.corp.at - timedelta(hours=1), "next_update": self.corp.at + timedelta(days=7)}
        return self.corp.issuing.crl(revoked, number=number, **dates).der

    def apply(self, *manifests: Manifest) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.control_plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=text)

    def status(self, resource: str, name: str) -> dict[str, Any]:
        path = f"/apis/certwright.io/v1alpha1/namespaces/{self.namespace}/{resource}/{name}"
        found = self.control_plane.client.get(path) or {}
        status: dict[str, Any] = found.get("status", {})
        return status

    @contextmanager
    def operator(self, port: int) -> Iterator[OperatorProcess]:
        settings = {"crl_hosts": f'["127.0.0.1:{port}"]', "crl_private_addresses": '["127.0.0.0/8"]'}
        with OperatorProcess(self.kubeconfig, self.folder / "operator.log", **settings) as running:
            running.wait_ready()
            yield running


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str, kubeconfig: Path, tmp_path: Path) -> Scene:
    return Scene(control_plane, namespace, kubeconfig, tmp_path)


async def test_last_good_list_survives_a_restart_without_a_fetch_or_a_write(scene: Scene) -> None:
    noise = range(10**9, 10**9 + ENTRIES)
    async with HostileServer({"/list": reply(scene.crl(*noise, number=5), ETag='"five"')}) as server:
        await asyncio.to_thread(_first_run, scene, server.port)
        assert len(server.visits) == 1
        await asyncio.to_thread(_second_run, scene, server.port)
        assert len(server.visits) == 1


def _first_run(scene: Scene, port: int) -> None:
    leaf = scene.corp.leaf()
    with scene.operator(port) as operator:
        scene.apply(
            config_map("issuers", {"ca.crt": scene.corp.issuing.pem}),
            upload(leaf),
            serving(trust={"revocation": "Prefer"}),
            source("corp", url=f"http://127.0.0.1:{port}/list", issuerRef={"kind": "ConfigMap", "name": "issuers"}),
        )
        listed = wait_until(
            lambda: scene.status("revocationsources", "corp").get("crlNumber") == "5",
            deadline_seconds=30,
            what="the list to be in use",
        )
        assert listed
        wait_until(lambda: _is_ok(scene) and _has_lists(scene), deadline_seconds=20, what="a verdict by it")
        metric = next(
            line for line in operator.answer("/metrics")[1].splitlines() if "crl_next_update" in line and "{" in line
        )
        assert f'kind="RevocationSource",name="corp",namespace="{scene.namespace}"' in metric
        assert float(metric.split()[-1]) == (scene.corp.at + timedelta(days=7)).timestamp()


def _second_run(scene: Scene, port: int) -> None:
    before = scene.status("revocationsources", "corp"), scene.status("importedcertificates", "shop")
    mark = scene.control_plane.audit_mark()
    with scene.operator(port) as operator:
        wait_until(lambda: _settled(operator) >= 2, deadline_seconds=20, what="both to be found unchanged")
        requests = scene.control_plane.requests(mark, user=OPERATOR)
        assert [each for each in requests if each.code == HTTPStatus.FORBIDDEN] == []
        ours = [each for each in requests if each.namespace == scene.namespace]
        assert [each.uri for each in ours if each.is_write] == []
        assert [each.uri for each in ours if each.verb == "get" and each.resource in {"secrets", "configmaps"}] == []
        assert (scene.status("revocationsources", "corp"), scene.status("importedcertificates", "shop")) == before

        # Now the list is needed, and comes from where it was kept.
        leaf = scene.corp.leaf()
        scene.apply(upload(leaf))
        wait_until(
            lambda: (
                _is_ok(scene)
                and scene.status("importedcertificates", "shop")["served"]["serialNumber"].endswith(f"{leaf.serial:x}")
            ),
            deadline_seconds=20,
            what="the new certificate to be served",
        )
        read = {
            each.name
            for each in scene.control_plane.requests(mark, user=OPERATOR)
            if each.resource == "configmaps" and each.verb == "get"
        }
        assert len([name for name in read if name.startswith("crl-")]) == 1


def _settled(operator: OperatorProcess) -> int:
    lines = operator.answer("/metrics")[1].splitlines()
    return sum(
        int(float(line.split()[-1])) for line in lines if "reconcile_total" in line and 'result="settled"' in line
    )


def _is_ok(scene: Scene) -> bool:
    return scene.status("importedcertificates", "shop").get("certificateStoreStatus") == "OK"


def _has_lists(scene: Scene) -> bool:
    findings = scene.status("importedcertificates", "shop").get("findings", [])
    return all(each.get("detail") != "CRLMissing" for each in findings)


async def test_certificate_is_revoked_within_a_second_when_its_list_is_changed(scene: Scene) -> None:
    await asyncio.to_thread(_revoke, scene)


def _revoke(scene: Scene) -> None:
    leaf = scene.corp.leaf()
    issuer = {"issuerRef": {"kind": "ConfigMap", "name": "issuers"}}
    reference = {"crlRef": {"kind": "ConfigMap", "name": "lists"}, **issuer}
    with scene.operator(1):
        scene.apply(
            config_map("issuers", {"ca.crt": scene.corp.issuing.pem}),
            config_map("lists", binary={"ca.crl": scene.crl(number=1)}),
            source("corp", **reference),
            upload(leaf),
            serving(trust={"revocation": "Prefer"}),
        )
        wait_until(lambda: _is_ok(scene) and _has_lists(scene), deadline_seconds=30, what="a good certificate")
        scene.apply(config_map("lists", binary={"ca.crl": scene.crl(leaf, number=2)}))
        started = time.monotonic()
        wait_until(
            lambda: scene.status("importedcertificates", "shop").get("validation") == 2005,
            deadline_seconds=10,
            what="the certificate to be revoked",
        )
        assert time.monotonic() - started < 1


async def test_operator_says_which_setting_is_wrong_when_hosts_cannot_be_read(scene: Scene) -> None:
    process = OperatorProcess(scene.kubeconfig, scene.folder / "operator.log", crl_hosts='["http://crl.example.com"]')

    def run() -> str:
        with process:
            wait_until(lambda: "settings do not fit" in process.log_tail(), deadline_seconds=20, what="the complaint")
        return process.log_tail()

    assert "CERTWRIGHT_CRL_HOSTS" in await asyncio.to_thread(run)
