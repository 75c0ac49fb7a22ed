"""Every example comes to the state it promises, by an operator that has the rights of the manifests and no others."""

import json
import re
import subprocess
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.demo.examples import (
    CERTIFICATE,
    EXAMPLES,
    Expectation,
    identity_of,
    read_examples,
    reasons_of,
    state_of,
)
from tests.support.operator_process import OperatorProcess
from tests.support.waiting import wait_until

MANIFESTS = EXAMPLES.parent
REDIS = [
    f"redis-{name}" for name in ("api", "cm", "metrics-exporter", "proxy", "syncer", "ldap-client", "mtls-trusted-ca")
]
BLOCKED = {
    "gateway": ["", ""],
    "swapped-keys": [
        "proxy\t400\tKeyMismatch\napi\t400\tKeyMismatch\n",
        "swapped-keys-node\tIt holds nothing of this set yet.\n",
    ],
}
SETS = ("redis", "gateway", "expired-among-good", "unknown-name", "no-consent", "swapped-keys")
OPERATOR = "system:serviceaccount:certwright-system:certwright"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install as people do; it stays installed, for other tests of the session use the same control plane."""
    control_plane.kubectl("apply", "-k", str(MANIFESTS / "overlays" / "default"))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


def test_examples_come_to_what_they_promise_when_the_operator_runs_with_the_rights_of_the_base(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    mark = control_plane.audit_mark()
    promises = {
        promise.identity: promise
        for folder in ("good", "cluster", "bad", "cluster-bad")
        for example in read_examples(folder)
        for promise in example.expectations
    }

    kubeconfig = control_plane.kubeconfig_for("certwright-system", "certwright")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as operator:
        operator.wait_ready()
        kubectl("apply", "-n", namespace, "-f", str(EXAMPLES / "good"), "-f", str(EXAMPLES / "bad"))
        kubectl("apply", "-f", str(EXAMPLES / "cluster"), "-f", str(EXAMPLES / "cluster-bad"))
        wait_until(
            lambda: not differences(kubectl, namespace, promises),
            deadline_seconds=60,
            what="every example in the state that it promises",
        )
        bundle = kubectl("get", "configmap", "approval-in-git-ca", "-n", "approval-in-git-shop", "-o", "yaml").stdout
        assert "BEGIN CERTIFICATE" in bundle
        assert secrets_of_sets(kubectl) == {
            *{("redis-east", name) for name in REDIS},
            *{("redis-west", name) for name in REDIS},
            *{
                (f"gateway-{node}", f"gateway-{name}")
                for node in "ab"
                for name in ("proxy-tls", "api-tls", "client-ca")
            },
        }
        for name, rows in BLOCKED.items():
            assert [kubectl("get", "certset", name, "-o", each).stdout for each in commands_of_the_page()[:2]] == rows
        targets = good_targets(kubectl, namespace)
        kubectl("delete", "certset", *SETS, "--wait=false")
        kubectl("delete", "ctruststore", "approval-in-git", "--wait=false")
        kubectl("delete", "trustdec", "--all", "-n", "approval-in-git", "--wait=false")
        wait_until(
            lambda: not whole_cluster(kubectl),
            deadline_seconds=60,
            what="the examples for the whole cluster gone, decision, store and sets",
        )
    for folder in ("cluster", "cluster-bad"):
        kubectl("delete", "--wait=false", "--ignore-not-found", "-f", str(EXAMPLES / folder))

    refused = [
        request for request in control_plane.requests(mark, user=OPERATOR) if request.code == HTTPStatus.FORBIDDEN
    ]
    assert refused == []
    written = json.loads(kubectl("get", "secret", "-n", namespace, "-o", "json").stdout)["items"]
    owned = {
        secret["metadata"]["name"]
        for secret in written
        if secret["metadata"].get("annotations", {}).get("certwright.io/owner", "").startswith("ImportedCertificate/")
    }
    assert owned == {*targets, "entity-type-tls"}


def commands_of_the_page() -> list[str]:
    """Give what the page on sets has people ask for at night."""
    text = (MANIFESTS.parent / "docs" / "certificate-sets.md").read_text(encoding="utf-8")
    found = re.findall(r"^kubectl get certset gateway -o '?(jsonpath=)'?(\{range.*\})'$", text, re.MULTILINE)
    return ["".join(each) for each in found]


def whole_cluster(kubectl: Kubectl) -> str:
    """Name what is there of the examples for the whole cluster."""
    store = kubectl("get", "ctruststore", "approval-in-git", "--ignore-not-found", "-o", "name")
    sets = kubectl("get", "certset", *SETS, "--ignore-not-found", "-o", "name").stdout
    return store.stdout + sets + kubectl("get", "trustdec", "-n", "approval-in-git", "-o", "name").stdout


def secrets_of_sets(kubectl: Kubectl) -> set[tuple[str, str]]:
    """Give namespace and name of every Secret that a set of the examples has written."""
    items = json.loads(kubectl("get", "secret", "--all-namespaces", "-o", "json").stdout)["items"]
    owners = {f"ClusterCertificateSet/{name}" for name in SETS}
    return {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in items
        if each["metadata"].get("annotations", {}).get("certwright.io/owner") in owners
        and each["metadata"]["namespace"] != "certwright-system"
    }


def differences(kubectl: Kubectl, namespace: str, promises: dict[str, Expectation]) -> list[str]:
    found = {identity_of(each): each for each in ours(kubectl, namespace)}
    missing = [f"{name}: not there" for name in promises.keys() - found.keys()]
    return missing + [
        f"{name}: {state_of(each)} {sorted(reasons_of(each))}"
        for name, each in found.items()
        if not promises[name].seen_in(each)
    ]


def good_targets(kubectl: Kubectl, namespace: str) -> set[str]:
    return {
        target["secretName"]
        for found in ours(kubectl, namespace)
        if found["kind"] == CERTIFICATE and found["status"].get("certificateStoreStatus") == "OK"
        for target in found["spec"].get("targets", [])
    }


def ours(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    """Give all of ours in the namespace of the test and in those of the examples for the whole cluster."""
    kinds, found = "impcert,revsrc,trustdec,truststore", []
    for wanted, place in ((kinds, namespace), (kinds, "approval-in-git"), (kinds, "approval-in-git-shop")):
        found += json.loads(kubectl("get", wanted, "-n", place, "-o", "json").stdout)["items"]
    found += json.loads(kubectl("get", "certset", *SETS, "-o", "json").stdout)["items"]
    return [*found, json.loads(kubectl("get", "ctruststore", "approval-in-git", "-o", "json").stdout)]
