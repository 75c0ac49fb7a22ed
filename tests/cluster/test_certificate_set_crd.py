"""The definition of ClusterCertificateSet on a real API server: what it takes, fills in and refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_plane import ControlPlane

CRDS = str(Path(__file__).parents[2] / "crds")
KEY = "-----BEGIN EC PRIVATE KEY-----\nthis-is-the-key-and-must-not-come-back\n-----END EC PRIVATE KEY-----\n"

SLOT = {"name": "metrics_exporter", "secretName": "metrics-exporter-tls"}
GOOD: dict[str, Any] = {"slots": [SLOT], "namespaces": ["a"]}
UPLOAD = {"certificateRef": {"namespace": "up", "name": "upload"}}

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Apply = Callable[[object], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install the definitions; they stay installed, for other tests of the session use the same control plane."""
    control_plane.kubectl("apply", "--server-side", "-k", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


@pytest.fixture
def apply(kubectl: Kubectl) -> Apply:
    """Return a function that applies a spec on trial and gives what kubectl said."""

    def run(spec: object) -> subprocess.CompletedProcess[str]:
        manifest = {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "ClusterCertificateSet",
            "metadata": {"name": "sample"},
            "spec": spec,
        }
        return kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(manifest), check=False)

    return run


def test_certificate_set_fills_in_defaults_when_applied(apply: Apply) -> None:
    answer = apply({**GOOD, "certificates": [{"name": "unknown", **UPLOAD}], "absent": ["nobody"]})

    assert answer.returncode == 0, answer.stderr
    spec = json.loads(answer.stdout)["spec"]
    assert spec["slots"][0]["required"] is True
    assert spec["slots"][0]["privateKey"] == "Required"
    assert spec["certificates"][0]["certificateRef"]["key"] == "tls.crt"
    assert spec["deletionPolicy"] == "Retain"


def test_certificate_set_trusts_by_a_store_of_the_cluster_when_no_kind_is_named(apply: Apply) -> None:
    answer = apply({**GOOD, "trust": {"storeRef": {"name": "corporate"}}})

    assert answer.returncode == 0, answer.stderr
    store = {"kind": "ClusterTrustStore", "name": "corporate"}
    assert json.loads(answer.stdout)["spec"]["trust"] == {"storeRef": store}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"slots": [SLOT]}, "spec.namespaceSelector"),
        ({**GOOD, "namespaceSelector": {}}, "spec.namespaceSelector"),
        ({"namespaces": ["a"]}, "spec.slots"),
        ({**GOOD, "slots": [SLOT, SLOT]}, "spec.slots[1]"),
        ({**GOOD, "slots": [{"name": "x"}]}, "spec.slots[0].secretName"),
        ({**GOOD, "certificates": [{"name": "x"}]}, "spec.certificates[0].certificateRef"),
        ({**GOOD, "certificates": [{"name": "x", "certificate": "PEM", **UPLOAD}]}, "certificateRef"),
        ({**GOOD, "certificates": [{"name": "x", "certificate": KEY}]}, "spec.certificates[0].certificate"),
        ({**GOOD, "certificates": [{"name": "x", "chain": KEY, **UPLOAD}]}, "spec.certificates[0].chain"),
        ({**GOOD, "certificates": [{"name": "x", "certificateRef": {"name": "upload"}}]}, "namespace"),
        ({**GOOD, "trust": {"revocation": "Prefer"}}, "spec.trust.storeRef"),
        ({**GOOD, "trust": {"storeRef": {"kind": "TrustStore", "name": "corporate"}}}, "spec.trust.storeRef.kind"),
        ({**GOOD, "trust": {"storeRef": {"kind": "ClusterTrustStore"}}}, "spec.trust.storeRef.name"),
        ({**GOOD, "trust": {"storeRef": {"name": "corporate"}, "revocation": "Always"}}, "spec.trust.revocation"),
    ],
)
def test_certificate_set_is_refused_with_the_field_when_its_shape_is_wrong(
    apply: Apply, spec: dict[str, Any], field: str
) -> None:
    answer = apply(spec)

    assert answer.returncode != 0
    assert field in answer.stderr
    assert "this-is-the-key" not in answer.stderr
