"""The definition of RevocationSource on a real API server: what it takes, what it refuses, what kubectl shows."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane

CRDS = Path(__file__).parents[2] / "crds"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Apply = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def established(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(CRDS))
    control_plane.kubectl("wait", "--for=condition=Established", "crd/revocationsources.certwright.io")


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Apply:
    """Return a function that applies a spec on trial and gives what kubectl said."""

    def run(spec: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        manifest = {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "RevocationSource",
            "metadata": {"name": "sample"},
            "spec": spec,
        }
        text = json.dumps(manifest)
        return kubectl("apply", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", input=text, check=False)

    return run


REF = {"name": "lists"}
URL = "http://crl.example.com/list"


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({}, "spec.crl", "a source has exactly one of the three"),
        ({"crl": "x", "crlRef": REF}, "spec.crlRef", "must not be set together with `crl`"),
        ({"crl": "x", "url": URL}, "spec.url", "must not be set together with `crl`"),
        ({"crlRef": REF, "url": URL}, "spec.url", "must not be set together with `crlRef`"),
        ({"crl": "x", "caRef": REF}, "spec.caRef", "must not be set without `url`"),
        ({"crl": "x", "intervalSeconds": 600}, "spec.intervalSeconds", "must not be set without `url`"),
        ({"url": URL, "intervalSeconds": 299}, "spec.intervalSeconds", "greater than or equal to 300"),
        ({"url": "ftp://crl.example.com/list"}, "spec.url", "must be an http or https URL"),
        ({"url": "http:///list"}, "spec.url", "must be an http or https URL"),
        ({"crl": "-----BEGIN PRIVATE KEY-----"}, "spec.crl", "it holds a private key"),
        ({"crlRef": {"kind": "Pod", "name": "x"}}, "spec.crlRef.kind", "Unsupported value"),
        (
            {"crl": "x", "issuerRef": {"kind": "TrustDecision", "name": "root", "key": "ca.crt"}},
            "spec.issuerRef.key",
            "must not be set for a `TrustDecision`",
        ),
    ],
)
def test_wish_is_refused_when_it_breaks_a_rule(apply: Apply, spec: dict[str, Any], field: str, words: str) -> None:
    answer = apply(spec)
    assert answer.returncode == 1
    assert field in answer.stderr
    assert words in answer.stderr


def test_password_is_not_repeated_when_a_url_with_one_is_refused(apply: Apply) -> None:
    answer = apply({"url": "http://user:hunter2@crl.example.com/list"})
    assert answer.returncode == 1
    assert "hunter2" not in answer.stderr
    assert "without user or password" in answer.stderr


@pytest.mark.parametrize(
    "spec",
    [
        {"crl": "-----BEGIN X509 CRL-----"},
        {"crlRef": REF, "issuerRef": {"kind": "ConfigMap", "name": "issuer"}},
        {"url": "https://crl.example.com:8443/a/list?x=y", "caRef": REF, "intervalSeconds": 300, "issuerRef": REF},
        {"url": "http://[2001:db8::1]/list"},
        {"crlRef": REF, "issuerRef": {"kind": "TrustDecision", "name": "corporate-root"}},
        {"crlRef": REF, "issuerRef": {"kind": "Secret", "name": "issuer", "key": "root.pem"}},
    ],
)
def test_wish_is_stored_when_it_keeps_the_rules(apply: Apply, spec: dict[str, Any]) -> None:
    answer = apply(spec)
    assert answer.returncode == 0, answer.stderr
    stored = json.loads(answer.stdout)["spec"]
    assert set(stored) == set(spec)
    assert stored.get("crlRef", {}).get("key", "ca.crl") == "ca.crl"
    assert stored.get("issuerRef", {}).get("key") == spec.get("issuerRef", {}).get("key")
    assert stored.get("issuerRef", {}).get("kind", "Secret") == spec.get("issuerRef", {}).get("kind", "Secret")


def test_kubectl_get_shows_until_when_the_list_holds(kubectl: Kubectl, namespace: str) -> None:
    manifest = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "RevocationSource",
        "metadata": {"name": "sample"},
        "spec": {"crlRef": REF},
    }
    kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))
    narrow = kubectl("get", "-n", namespace, "revsrc").stdout.splitlines()
    wide = kubectl("get", "-n", namespace, "revsrc", "-o", "wide").stdout.splitlines()
    assert narrow[0].split() == ["NAME", "READY", "REASON", "NEXTUPDATE", "AGE"]
    assert wide[0].split()[5:] == ["ENTRIES", "CRLNUMBER", "FETCHED", "MESSAGE"]
