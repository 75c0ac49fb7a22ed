"""The definition of ImportedCertificate on a real API server: what it teaches, fills in, refuses and never repeats."""

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certwright.api.conditions import CONDITION_MESSAGE_LIMIT, ConditionStatus, ConditionType, Observation
from certwright.api.conditions import merge_conditions as merge
from certwright.api.fields import CHAIN_LIMIT, DETAIL_LIMIT, FINDINGS_LIMIT, INPUTS_LIMIT, PEM_LIMIT, TARGETS_LIMIT
from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.importedcertificate_status import ChainEntry, Record, Served, TargetStatus
from certwright.api.model import dump, parse_leniently
from certwright.api.size import STATUS_LIMIT, first_names, fit_status
from certwright.api.status_parts import FindingEntry, Input
from certwright.findings import MESSAGE_LIMIT
from tests.support.control_plane import ControlPlane
from tests.support.waiting import wait_until

CRDS = str(Path(__file__).parents[2] / "crds")

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "this-is-the-key-and-must-not-come-back"
KEY = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----\n"
FINGERPRINT = "sha256:" + "0a" * 32
INSTANT = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install the definitions; they stay installed, for other tests of the session use the same control plane."""
    control_plane.kubectl("apply", "-k", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


def manifest(spec: object, name: str = "sample") -> str:
    return json.dumps(
        {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "ImportedCertificate",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Callable[[object], subprocess.CompletedProcess[str]]:
    """Return a function that applies a spec on trial and gives what kubectl said."""

    def run(spec: object) -> subprocess.CompletedProcess[str]:
        return kubectl(
            "apply", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", input=manifest(spec), check=False
        )

    return run


Apply = Callable[[object], subprocess.CompletedProcess[str]]


# ---- what it teaches and shows


@pytest.mark.parametrize(
    ("path", "lessons"),
    [
        ("spec", ["spec is your wish", "warnBeforePercentage", "Default: `[ServerAuth]`"]),
        ("spec.targets", ["at most 16", "Default: none", "secretName", "never replaces or removes"]),
        ("spec.targets.formats", ["PKCS12", "alias", "-required-"]),
        ("spec.warnBeforePercentage", ["18 days for a certificate of 90 days", "per cent"]),
        ("status.served", ["what consumers have now", "keyFingerprint"]),
    ],
)
def test_kubectl_explain_teaches_when_asked_about_a_field(kubectl: Kubectl, path: str, lessons: list[str]) -> None:
    def published() -> str:
        return kubectl("explain", f"impcert.{path}", check=False).stdout

    # The API server publishes the schema a moment after the definition is established.
    text = " ".join(wait_until(published, deadline_seconds=30, what=f"the schema of {path}").split())
    for lesson in lessons:
        assert lesson in text


def test_kubectl_get_shows_the_verdict_and_what_is_served_when_there_is_a_status(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", input=manifest({"certificateRef": {"name": "upload"}}))
    write_status(control_plane, namespace, dump(large_status()))

    category = kubectl("get", "-n", namespace, "certwright").stdout.splitlines()
    narrow = kubectl("get", "-n", namespace, "impcert").stdout.splitlines()
    wide = kubectl("get", "-n", namespace, "impcert", "-o", "wide").stdout.splitlines()

    assert narrow[0].split() == ["NAME", "READY", "REASON", "EXPIRES", "AGE"]
    assert narrow[1].split()[:4] == ["sample", "False", "Expired", "2027-01-01T00:00:00Z"]
    assert category[1].split()[:2] == ["importedcertificate.certwright.io/sample", "False"]
    assert wide[0].split() == [
        *["NAME", "READY", "REASON", "EXPIRES", "AGE", "STATUS", "CODE"],
        *["COMMON", "NAME", "ISSUER", "SERIAL", "MESSAGE"],
    ]
    assert "CERTIFICATE_IS_EXPIRED   525" in wide[1]


def test_apply_fills_in_the_documented_defaults_when_a_minimal_wish_is_stored(apply: Apply) -> None:
    answer = apply(
        {
            "certificateRef": {"name": "upload", "passwordRef": {"name": "p"}},
            "chainRef": {"name": "chain"},
            "privateKeyRef": {"name": "key"},
            "targets": [{"secretName": "tls"}],
        }
    )

    assert json.loads(answer.stdout)["spec"] == {
        "certificateRef": {
            "kind": "Secret",
            "name": "upload",
            "key": "tls.crt",
            "passwordRef": {"name": "p", "key": "password"},
        },
        "chainRef": {"kind": "Secret", "name": "chain", "key": "tls.crt"},
        "privateKeyRef": {"kind": "Secret", "name": "key"},
        "usages": ["ServerAuth"],
        "warnBeforePercentage": 20,
        "deletionPolicy": "Retain",
        "targets": [{"secretName": "tls"}],
    }


def test_api_server_names_the_kind_of_store_and_leaves_the_rest_to_the_store_when_a_wish_trusts_one(
    apply: Apply,
) -> None:
    answer = apply({"certificateRef": {"name": "a"}, "trust": {"storeRef": {"name": "corporate"}}})

    assert json.loads(answer.stdout)["spec"]["trust"] == {"storeRef": {"kind": "TrustStore", "name": "corporate"}}


# ---- what it refuses


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        (
            {"certificate": "x", "certificateRef": {"name": "a"}},
            "spec.certificateRef: Forbidden: must not be set together with `certificate`: remove one of the two",
        ),
        (
            {"chain": "x", "chainRef": {"name": "a"}},
            "spec.chainRef: Forbidden: must not be set together with `chain`: remove one of the two",
        ),
        (
            {"targets": [{"secretName": "a"}, {"secretName": "a"}]},
            'spec.targets[1]: Duplicate value: {"secretName":"a"}',
        ),
        (
            {
                "targets": [
                    {"secretName": "a", "formats": [{"type": "PKCS12", "key": "ca.crt", "passwordRef": {"name": "p"}}]}
                ]
            },
            "spec.targets[0].formats[0].key: Forbidden: must be none of `tls.crt`, `tls.key` and `ca.crt`",
        ),
        (
            {"targets": [{"secretName": "a", "formats": [{"type": "PKCS12", "key": "a.p12"}]}]},
            "spec.targets[0].formats[0].passwordRef: Required value",
        ),
        (
            {"ipAddresses": ["192.0.2.1", "192.0.2.0/24"]},
            "spec.ipAddresses: Forbidden: must hold only IPv4 and IPv6 addresses",
        ),
        ({"dnsNames": ["shop example"]}, "spec.dnsNames[0]: Invalid value"),
        ({"usages": ["CodeSigning"]}, 'supported values: "ServerAuth", "ClientAuth"'),
        ({"warnBeforePercentage": 101}, "should be less than or equal to 100"),
        ({"deletionPolicy": "Orphan"}, 'supported values: "Retain", "Delete"'),
        ({"privateKeyRef": {"kind": "ConfigMap", "name": "a"}}, 'supported values: "Secret"'),
        ({"targets": [{"secretName": f"t-{n}"} for n in range(17)]}, "must have at most 16 items"),
        (
            {"trust": {"storeRef": {"kind": "Secret", "name": "a"}}},
            'supported values: "TrustStore", "ClusterTrustStore"',
        ),
        ({"trust": {"storeRef": {"kind": "TrustStore"}}}, "spec.trust.storeRef.name: Required value"),
        (None, "spec: Required value"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_api_server_refuses_with_the_way_out_when_a_wish_contradicts_itself(
    apply: Apply, spec: object, refusal: str
) -> None:
    answer = apply(spec)

    assert answer.returncode == 1
    assert refusal in answer.stderr


@pytest.mark.parametrize(
    "spec",
    [
        {"certificate": "x" * PEM_LIMIT},
        {"certificateRef": {"name": "a"}, "chain": "x"},
        {"usages": [], "dnsNames": ["*.example.com", "xn--bcher-kva.example"], "ipAddresses": ["2001:db8::10"]},
        {"targets": [{"secretName": f"t-{n}"} for n in range(TARGETS_LIMIT)]},
        {"targets": [{"secretName": "a", "entityType": "ROUTER"}]},
        {},
    ],
    ids=["longest-pem", "chain-beside", "names", "most-targets", "judged-in-status", "judged-in-status-too"],
)
def test_api_server_stores_a_wish_when_only_the_verdict_can_answer_it(apply: Apply, spec: object) -> None:
    answer = apply(spec)

    assert (answer.returncode, answer.stderr) == (0, "")


def encoded(offset: int) -> str:
    return base64.b64encode(b"-" * offset + KEY.encode()).decode()


@pytest.mark.parametrize("field", ["certificate", "chain"])
@pytest.mark.parametrize(
    "value", [KEY, *(encoded(offset) for offset in range(3))], ids=["pem", "b64", "b64+1", "b64+2"]
)
def test_api_server_never_repeats_a_private_key_when_it_stands_in_a_public_field(
    apply: Apply, field: str, value: str
) -> None:
    answer = apply({field: value})

    assert answer.returncode == 1
    assert f"spec.{field}: Forbidden: must hold certificates only, and it holds a private key" in answer.stderr
    assert_silent(answer.stderr, value)


def test_api_server_never_repeats_a_private_key_when_the_object_is_wrong_elsewhere_too(apply: Apply) -> None:
    for other in ({"usages": ["Nothing"]}, {"certificateRef": {"name": "a"}}, {"chain": "x" * (PEM_LIMIT + 1)}):
        answer = apply({"certificate": KEY, **other})

        assert answer.returncode == 1
        assert_silent(answer.stderr, KEY)


def test_api_server_never_repeats_a_private_key_when_it_is_too_long(apply: Apply) -> None:
    answer = apply({"certificate": KEY * (PEM_LIMIT // len(KEY) + 1)})

    assert "Too long" in answer.stderr
    assert_silent(answer.stderr, KEY)


def assert_silent(said: str, value: str) -> None:
    """Fail when any piece of the value's body came back."""
    for start in range(0, len(value) - 12, 6):
        piece = value[start : start + 12]
        assert "PRIVATE KEY" in value[max(0, start - 12) : start + 24] or piece not in said
    assert SECRET not in said


# ---- statuses


def large_status() -> ImportedCertificateStatus:
    """Make a status with every field set and every list full."""
    chain = tuple(
        ChainEntry(common_name="x" * 512, fingerprint=FINGERPRINT, valid_thru="9999-12-31T23:59:59Z")
        for _ in range(CHAIN_LIMIT)
    )
    observations = [Observation(each, ConditionStatus.FALSE, "Expired", "m" * 4000) for each in ConditionType]
    return ImportedCertificateStatus(
        certificate_store_status="CERTIFICATE_IS_EXPIRED",
        response_code=525,
        detailed_error="d" * DETAIL_LIMIT,
        validation=2003,
        findings=tuple(
            FindingEntry(
                reason="Expired",
                detail="IssuerExpired",
                severity="Error",
                code=2003,
                fingerprint=FINGERPRINT,
                message="m" * MESSAGE_LIMIT,
            )
            for _ in range(FINDINGS_LIMIT)
        ),
        findings_count=99,
        common_name="c" * 512,
        organization_name="o" * 512,
        organization_unit="u" * 512,
        locality="l" * 512,
        state_province="s" * 512,
        country_code="DE",
        email="e" * 512,
        valid_from="0001-01-01T00:00:00Z",
        valid_thru="2027-01-01T00:00:00Z",
        serial_number="0" * 128,
        fingerprint=FINGERPRINT,
        issuer="i" * 2048,
        dns_names=first_names("n" * 253 for _ in range(100)),
        dns_names_count=100,
        key_algorithm="ECDSA P-256",
        is_self_signed="false",
        chain=chain,
        chain_count=CHAIN_LIMIT,
        served=Served(
            fingerprint=FINGERPRINT,
            common_name="c" * 512,
            serial_number="01",
            valid_from=INSTANT,
            valid_thru="2027-01-01T00:00:00Z",
            key_fingerprint=FINGERPRINT,
            chain=chain,
            anchor=chain[0],
            since=INSTANT,
        ),
        targets=tuple(
            TargetStatus(
                secret_name=f"target-{number}",
                entity_type="SERVER",
                entity_id=2**62,
                certificate_store_status="OK",
                response_code=200,
                detailed_error="d" * 100,
                digest=FINGERPRINT,
                uid="0" * 36,
                resource_version="1" * 20,
                stored_time=INSTANT,
                refreshed_time=INSTANT,
            )
            for number in range(TARGETS_LIMIT)
        ),
        next_check_time=INSTANT,
        observed_generation=1,
        record=Record(
            inputs=tuple(
                Input(kind="Secret", name=f"s-{n}", uid="u", resource_version="1") for n in range(INPUTS_LIMIT)
            ),
            judged_by="j" * 512,
            trust=FINGERPRINT,
            decision_namespace="n" * 63,
        ),
        conditions=merge((), observations, generation=1, at=datetime(2026, 1, 1, tzinfo=UTC)),
    )


def write_status(control_plane: ControlPlane, namespace: str, status: dict[str, Any]) -> dict[str, Any]:
    path = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/importedcertificates/sample/status"
    body = {
        "apiVersion": "certwright.io/v1alpha1",
        "kind": "ImportedCertificate",
        "metadata": {"name": "sample"},
        "status": status,
    }
    return control_plane.client.apply(path, body, manager="certwright")


def test_status_comes_back_as_it_was_written_when_every_field_is_full(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", input=manifest({"certificateRef": {"name": "upload"}}))
    status = large_status()

    stored = write_status(control_plane, namespace, dump(status))["status"]

    assert stored == dump(status)
    assert parse_leniently(ImportedCertificateStatus, stored) == status
    assert len(status.conditions[0].message) == CONDITION_MESSAGE_LIMIT


def test_status_is_stored_when_it_was_cut_to_the_limit(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", input=manifest({"certificateRef": {"name": "upload"}}))
    fitted = fit_status(dump(large_status()))

    assert len(json.dumps(fitted, separators=(",", ":"))) <= STATUS_LIMIT
    assert write_status(control_plane, namespace, fitted)["status"] == fitted


def test_status_writes_nothing_when_the_same_is_applied_again(
    control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", input=manifest({"certificateRef": {"name": "upload"}}))
    first = write_status(control_plane, namespace, dump(large_status()))

    assert write_status(control_plane, namespace, dump(large_status())) == first
