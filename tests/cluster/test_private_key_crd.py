"""The definitions around keys on a real API server: what they take, what they refuse, what cannot be changed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane

CRDS = Path(__file__).parents[2] / "crds"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Apply = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def established(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(CRDS))
    for plural in ("privatekeys", "importedcertificates"):
        control_plane.kubectl("wait", "--for=condition=Established", f"crd/{plural}.certwright.io")


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Apply:
    """Return a function that applies a spec, on trial unless told otherwise, and gives what kubectl said."""

    def run(spec: dict[str, Any], *, kind: str = "PrivateKey", keep: bool = False) -> subprocess.CompletedProcess[str]:
        manifest = {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": "sample"},
            "spec": spec,
        }
        trial = () if keep else ("--dry-run=server",)
        text = json.dumps(manifest)
        return kubectl("apply", "-n", namespace, *trial, "-o", "json", "-f", "-", input=text, check=False)

    return run


HELD = {"secretName": "shop-key"}


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({}, "spec.secretName", "must be set, or `existingSecretName`"),
        ({**HELD, "existingSecretName": "theirs"}, "spec.existingSecretName", "must not be set together with"),
        ({**HELD, "algorithm": "DSA"}, "spec.algorithm", "Unsupported value"),
        ({**HELD, "size": 128}, "spec.size", "greater than or equal to 256"),
        ({**HELD, "size": 2048}, "spec.size", "must be 256, 384 or 521 for ECDSA"),
        ({**HELD, "algorithm": "ECDSA", "size": 512}, "spec.size", "must be 256, 384 or 521 for ECDSA"),
        ({**HELD, "algorithm": "RSA", "size": 1024}, "spec.size", "from 2048 to 8192"),
        ({**HELD, "algorithm": "RSA", "size": 2049}, "spec.size", "a multiple of 8 for RSA"),
        ({**HELD, "algorithm": "RSA", "size": 16384}, "spec.size", "less than or equal to 8192"),
        ({**HELD, "algorithm": "Ed25519", "size": 384}, "spec.size", "256 or left out for Ed25519"),
        ({"secretName": "No Name"}, "spec.secretName", "should match"),
        ({**HELD, "deletionPolicy": "Burn"}, "spec.deletionPolicy", "Unsupported value"),
    ],
)
def test_key_is_refused_when_it_breaks_a_rule(apply: Apply, spec: dict[str, Any], field: str, words: str) -> None:
    answer = apply(spec)
    assert answer.returncode == 1
    assert field in answer.stderr
    assert words in answer.stderr


@pytest.mark.parametrize(
    "spec",
    [
        HELD,
        {**HELD, "algorithm": "ECDSA", "size": 521},
        {**HELD, "algorithm": "RSA"},
        {**HELD, "algorithm": "RSA", "size": 8192},
        {**HELD, "algorithm": "Ed25519", "size": 256},
        {"existingSecretName": "theirs"},
        {"existingSecretName": "theirs", "algorithm": "RSA", "size": 4096},
    ],
)
def test_key_is_stored_as_it_was_written_when_it_keeps_the_rules(apply: Apply, spec: dict[str, Any]) -> None:
    answer = apply(spec)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["spec"] == {"deletionPolicy": "Retain", **spec}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"algorithm": "Ed25519"}, "spec.algorithm"),
        ({"size": None}, "spec.size"),
        ({"size": 521}, "spec.size"),
        ({"secretName": "other"}, "spec.secretName"),
        ({"secretName": None, "existingSecretName": "shop-key"}, "spec.secretName"),
        ({"secretName": None, "existingSecretName": "shop-key"}, "spec.existingSecretName"),
    ],
)
def test_key_cannot_be_made_another_when_it_is_there(apply: Apply, change: dict[str, Any], field: str) -> None:
    spec = {**HELD, "algorithm": "ECDSA", "size": 384}
    assert apply(spec, keep=True).returncode == 0
    wish = {name: value for name, value in {**spec, **change}.items() if value is not None}
    answer = apply(wish)

    assert answer.returncode == 1
    assert field in answer.stderr
    assert "must not change: make a new object for another one" in answer.stderr


def test_policy_can_be_changed_when_the_key_is_there(apply: Apply) -> None:
    assert apply(HELD, keep=True).returncode == 0
    answer = apply({**HELD, "deletionPolicy": "Delete"}, keep=True)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"certificate": "x", "selfSigned": {}}, "spec.selfSigned", "must not be set together with `certificate`"),
        ({"certificateRef": {"name": "x"}, "selfSigned": {}}, "spec.selfSigned", "together with `certificateRef`"),
        ({"selfSigned": {"validityDays": 0}}, "spec.selfSigned.validityDays", "greater than or equal to 1"),
        ({"selfSigned": {"validityDays": 36501}}, "spec.selfSigned.validityDays", "less than or equal to 36500"),
        (
            {"privateKeyRef": {"kind": "PrivateKey", "name": "x", "key": "tls.key"}},
            "spec.privateKeyRef.key",
            "must not be set for a `PrivateKey`",
        ),
        (
            {"privateKeyRef": {"kind": "PrivateKey", "name": "x", "passwordRef": {"name": "y"}}},
            "spec.privateKeyRef.passwordRef",
            "must not be set for a `PrivateKey`",
        ),
        ({"privateKeyRef": {"kind": "ConfigMap", "name": "x"}}, "spec.privateKeyRef.kind", "Unsupported value"),
        (
            {"privateKeyRef": {"kind": "PrivateKey", "name": "x", "namespace": "other"}},
            "spec.privateKeyRef.namespace",
            "unknown field",
        ),
        ({"subject": {"countryCode": "GER"}}, "spec.subject.countryCode", "Too long"),
        ({"dnsNames": ["bücher.example"]}, "spec.dnsNames[0]", "should match"),
    ],
)
def test_certificate_is_refused_when_its_wish_for_a_key_breaks_a_rule(
    apply: Apply, spec: dict[str, Any], field: str, words: str
) -> None:
    answer = apply(spec, kind="ImportedCertificate")
    assert answer.returncode == 1
    assert field in answer.stderr
    assert words in answer.stderr


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        ({"selfSigned": {}}, {"selfSigned": {"validityDays": 365}}),
        ({"privateKeyRef": {"name": "x"}}, {"privateKeyRef": {"kind": "Secret", "name": "x"}}),
        ({"privateKeyRef": {"name": "x", "key": "k"}}, {"privateKeyRef": {"kind": "Secret", "name": "x", "key": "k"}}),
        (
            {"privateKeyRef": {"kind": "PrivateKey", "name": "x"}},
            {"privateKeyRef": {"kind": "PrivateKey", "name": "x"}},
        ),
    ],
)
def test_certificate_is_stored_with_its_wish_for_a_key(
    apply: Apply, spec: dict[str, Any], stored: dict[str, Any]
) -> None:
    answer = apply(spec, kind="ImportedCertificate")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["spec"].items() >= stored.items()


def test_kubectl_get_shows_which_key_it_is(kubectl: Kubectl, apply: Apply, namespace: str) -> None:
    apply(HELD, keep=True)
    narrow = kubectl("get", "-n", namespace, "privkey").stdout.splitlines()
    wide = kubectl("get", "-n", namespace, "privkey", "-o", "wide").stdout.splitlines()
    assert narrow[0].split() == ["NAME", "READY", "REASON", "ALGORITHM", "SIZE", "AGE"]
    assert wide[0].split()[6:] == ["SECRET", "FINGERPRINT", "MESSAGE"]
