"""The definitions of trust on a real API server: what they teach, fill in, refuse, and never repeat."""

import base64
import json
import subprocess
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certwright.api.conditions import ConditionStatus, ConditionType, Observation, merge_conditions
from certwright.api.fields import FINDINGS_LIMIT, PEM_LIMIT, TARGETS_LIMIT
from certwright.api.model import dump, parse_leniently
from certwright.api.status_parts import FindingEntry, Input
from certwright.api.trustdecision import TrustDecisionStatus
from certwright.api.trustdecision_status import (
    DETAILS_LIMIT,
    DecisionMetadata,
    DecisionRecord,
    Label,
    NameAttribute,
    StoreEntry,
    Transition,
    TrustStateDetail,
)
from certwright.findings import MESSAGE_LIMIT
from tests.support.control_plane import ControlPlane
from tests.support.pki import PKI
from tests.support.waiting import wait_until

CRDS = str(Path(__file__).parents[2] / "crds")

Answer = subprocess.CompletedProcess[str]
Kubectl = Callable[..., Answer]
Apply = Callable[..., Answer]

ROOT = PKI().root("Corp Root")
SECRET = "this-is-the-key-and-must-not-come-back"
KEY = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----\n"
FINGERPRINT = "sha256:" + "0a" * 32
INSTANT = "2026-01-01T00:00:00Z"
GOOD = {"certificate": ROOT.pem}
AUTOMATIC = {"deployment": {"mode": "Automatic"}}


@pytest.fixture(scope="module", autouse=True)
def installed(control_plane: ControlPlane) -> None:
    """Install the definitions; that they are taken shows that no rule is too dear."""
    control_plane.kubectl("apply", "-k", CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=certwright")


def manifest(spec: object, kind: str = "TrustDecision", name: str = "sample") -> dict[str, Any]:
    return {"apiVersion": "certwright.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Apply:
    """Return a function that applies a spec on trial and gives what kubectl said."""

    def run(spec: object, kind: str = "TrustDecision") -> Answer:
        text = json.dumps(manifest(spec, kind))
        return kubectl("apply", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-", input=text, check=False)

    return run


# ---- what they teach and fill in


@pytest.mark.parametrize(
    ("path", "lessons"),
    [
        ("trustdec.spec", ["exactly one of `certificate`, `cert` and `certificateRef`", "Default: `rootCA`"]),
        ("trustdec.spec.trustStateDesired", ["A withdrawal", "without approval", "survives the next synchronisation"]),
        ("trustdec.status", ["deployStatus", "DEPLOY_PENDING", "trustStateTransitions"]),
        ("tstore.spec.targets", ["at most 16", "passwordRef", "RootsAndIntermediates"]),
        ("ctruststore.spec", ["decisionNamespace", 'certwright.io/trust-source: "true"', "-required-"]),
        ("ctruststore.spec.deployment", ["Withdrawals never wait", "kubectl certwright approve"]),
        ("ctruststore.status.pending", ["waits for approval", "addedCount"]),
    ],
)
def test_kubectl_explain_teaches_when_asked_about_a_field(kubectl: Kubectl, path: str, lessons: list[str]) -> None:
    def published() -> str:
        return kubectl("explain", path, check=False).stdout

    text = " ".join(wait_until(published, deadline_seconds=30, what=f"the schema of {path}").split())
    for lesson in lessons:
        assert lesson in text


@pytest.mark.parametrize(
    ("kind", "spec", "stored"),
    [
        ("TrustDecision", GOOD, {**GOOD, "certUse": "rootCA", "trustStateDesired": "trusted"}),
        (
            "TrustDecision",
            {"certificateRef": {"name": "ca"}, "fingerprint": FINGERPRINT},
            {
                "certificateRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
                "fingerprint": FINGERPRINT,
                "certUse": "rootCA",
                "trustStateDesired": "trusted",
            },
        ),
        (
            "TrustStore",
            {"targets": [{"name": "a"}]},
            {
                "publicRoots": "None",
                "revocation": "Off",
                "allowEmpty": False,
                "deletionPolicy": "Delete",
                "deployment": {"mode": "Automatic"},
                "targets": [{"kind": "ConfigMap", "name": "a", "key": "ca.crt", "format": "PEM", "content": "Roots"}],
            },
        ),
        (
            "ClusterTrustStore",
            {**AUTOMATIC, "namespaceSelector": {}, "targets": [{"name": "a"}]},
            {
                **AUTOMATIC,
                "publicRoots": "None",
                "revocation": "Off",
                "allowEmpty": False,
                "deletionPolicy": "Delete",
                "namespaceSelector": {},
                "targets": [{"kind": "ConfigMap", "name": "a", "key": "ca.crt", "content": "Roots"}],
            },
        ),
    ],
    ids=["inline", "reference", "store", "cluster-store"],
)
def test_apply_fills_in_the_documented_defaults_when_a_minimal_wish_is_stored(
    apply: Apply, kind: str, spec: object, stored: object
) -> None:
    answer = apply(spec, kind)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["spec"] == stored


# ---- what they refuse


REFERENCE = {"certificateRef": {"name": "ca"}, "fingerprint": FINGERPRINT}
PKCS12 = {"name": "a", "kind": "Secret", "format": "PKCS12", "passwordRef": {"name": "p"}}


@pytest.mark.parametrize(
    ("kind", "spec", "refusal"),
    [
        ("TrustDecision", {}, "spec.certificate: Required value: must be set, or else `cert` or `certificateRef`"),
        ("TrustDecision", None, "spec: Required value"),
        (
            "TrustDecision",
            {**GOOD, "cert": "QQ=="},
            "spec.cert: Forbidden: must not be set together with `certificate`",
        ),
        ("TrustDecision", {**GOOD, **REFERENCE}, "spec.certificateRef: Forbidden: must not be set together with"),
        ("TrustDecision", {"cert": "QQ==", **REFERENCE}, "spec.certificateRef: Forbidden: must not be set together"),
        ("TrustDecision", {"certificateRef": {"name": "a"}}, "spec.fingerprint: Required value: must be set together"),
        ("TrustDecision", {"cert": "no *base64*"}, "spec.cert: Forbidden: must be base64 of the PEM text"),
        ("TrustDecision", {"cert": ROOT.pem}, "spec.cert: Forbidden: must be base64 of the PEM text"),
        ("TrustDecision", {**GOOD, "certUse": "leaf"}, 'supported values: "rootCA", "intermediateCA"'),
        ("TrustDecision", {**GOOD, "trustStateDesired": "expired"}, 'supported values: "trusted", "untrusted"'),
        ("TrustDecision", {**GOOD, "trustUntil": "tomorrow"}, "spec.trustUntil: Invalid value"),
        ("TrustDecision", {**GOOD, "fingerprint": "ab:cd"}, "spec.fingerprint: Invalid value"),
        ("TrustStore", {"targets": [{"name": "kube-root-ca.crt"}]}, "spec.targets[0].name: Forbidden: must be none of"),
        ("TrustStore", {"targets": [{"name": "a", "format": "PKCS12"}]}, "targets[0].passwordRef: Forbidden: must be"),
        ("TrustStore", {"targets": [{**PKCS12, "format": "PEM"}]}, "targets[0].passwordRef: Forbidden: must be set"),
        ("TrustStore", {"targets": [{"name": "a"}, {"name": "a"}]}, "spec.targets[1]: Duplicate value"),
        ("TrustStore", {"targets": [{"name": f"t-{n}"} for n in range(17)]}, "must have at most 16 items"),
        ("TrustStore", {"deployment": {"mode": "Later"}}, 'supported values: "Automatic", "Manual"'),
        (
            "TrustStore",
            {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "matchExpressions[0].values: Forbidden: must be given for `In`",
        ),
        (
            "TrustStore",
            {"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            "matchExpressions[0].values: Forbidden: must be given for `In`",
        ),
        ("ClusterTrustStore", {}, "spec.deployment: Required value"),
        ("ClusterTrustStore", {"deployment": {}}, "spec.deployment.mode: Required value"),
        ("ClusterTrustStore", {**AUTOMATIC, "targets": [{"name": "a"}]}, "spec.namespaceSelector: Required value"),
        ("ClusterTrustStore", {**AUTOMATIC, "selector": {}}, "spec.decisionNamespace: Required value: must be set"),
        (
            "ClusterTrustStore",
            {**AUTOMATIC, "namespaceSelector": {}, "targets": [{"name": "a", "kind": "Secret"}]},
            'supported values: "ConfigMap"',
        ),
        (
            "ClusterTrustStore",
            {**AUTOMATIC, "clusterTrustBundle": {"name": "a:b"}},
            "spec.clusterTrustBundle.name: Forbidden: must begin with the signer's name",
        ),
        (
            "ClusterTrustStore",
            {**AUTOMATIC, "clusterTrustBundle": {"name": "corp", "signerName": "example.com/corp"}},
            "spec.clusterTrustBundle.name: Forbidden: must begin with the signer's name",
        ),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_api_server_refuses_with_the_way_out_when_a_wish_contradicts_itself(
    apply: Apply, kind: str, spec: object, refusal: str
) -> None:
    answer = apply(spec, kind)

    assert answer.returncode == 1
    assert refusal in answer.stderr


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("TrustDecision", {"certificate": "x" * PEM_LIMIT}),
        ("TrustDecision", {"cert": "x" * PEM_LIMIT}),
        ("TrustDecision", {"cert": base64.b64encode(ROOT.pem.encode()).decode()}),
        ("TrustDecision", {"cert": "\r\n".join(textwrap.wrap(base64.b64encode(ROOT.pem.encode()).decode(), 64))}),
        ("TrustDecision", {**GOOD, "fingerprint": FINGERPRINT, "trustUntil": "2027-03-31T22:00:00+02:00"}),
        ("TrustStore", {}),
        ("TrustStore", {"targets": [{"name": f"t-{n}"} for n in range(TARGETS_LIMIT)], "selector": {}}),
        ("TrustStore", {"targets": [PKCS12, {"name": "a"}], "publicRoots": "Mozilla"}),
        (
            "ClusterTrustStore",
            {
                "deployment": {"mode": "Manual", "approved": FINGERPRINT},
                "decisionNamespace": "trust",
                "selector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
                "clusterTrustBundle": {"name": "example.com:corp:all", "signerName": "example.com/corp"},
            },
        ),
    ],
    ids=["longest-pem", "longest-base64", "base64", "base64-in-lines", "all", "no-wish", "most", "java", "manual"],
)
def test_api_server_stores_a_wish_when_only_the_verdict_can_answer_it(apply: Apply, kind: str, spec: object) -> None:
    answer = apply(spec, kind)

    assert (answer.returncode, answer.stderr) == (0, "")


# ---- what they never repeat


def encoded(offset: int) -> str:
    return base64.b64encode(b"-" * offset + KEY.encode()).decode()


def lines_of(text: str, width: int, end: str) -> str:
    return end.join(text[start : start + width] for start in range(0, len(text), width))


VALUES = {
    "pem": KEY,
    "after-a-certificate": ROOT.pem + KEY,
    **{f"base64+{offset}": encoded(offset) for offset in range(3)},
    "base64-of-both": base64.b64encode((ROOT.pem + KEY).encode()).decode(),
}
IN_LINES = {
    f"{name}-{width}-{label}": lines_of(VALUES[name], width, end)
    for name in ("base64+0", "base64+1", "base64+2", "base64-of-both")
    for width in (7, 64)
    for label, end in (("lf", "\n"), ("crlf", "\r\n"), ("space", " "))
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_api_server_never_repeats_a_private_key_when_it_stands_in_certificate(apply: Apply, value: str) -> None:
    answer = apply({"certificate": value})

    assert answer.returncode == 1
    assert "spec.certificate: Forbidden: must hold certificates only, and it holds a private key" in answer.stderr
    assert_silent(answer.stderr, value)


@pytest.mark.parametrize("value", [*VALUES.values(), *IN_LINES.values()], ids=[*VALUES, *IN_LINES])
def test_api_server_never_repeats_a_private_key_when_it_stands_in_cert(apply: Apply, value: str) -> None:
    answer = apply({"cert": value})

    assert answer.returncode == 1
    assert "spec.cert: Forbidden: must hold certificates only, and it holds a private key" in answer.stderr
    assert_silent(answer.stderr, value)


@pytest.mark.parametrize("field", ["certificate", "cert"])
def test_api_server_never_repeats_a_private_key_when_the_object_is_wrong_elsewhere_too(
    apply: Apply, field: str
) -> None:
    for other in ({"certUse": "nothing"}, {"certificateRef": {"name": "a"}}, {"trustUntil": "never"}):
        answer = apply({field: KEY, **other})

        assert answer.returncode == 1
        assert_silent(answer.stderr, KEY)
    answer = apply({field: KEY * (PEM_LIMIT // len(KEY) + 1)})
    assert "Too long" in answer.stderr
    assert_silent(answer.stderr, KEY)


def assert_silent(said: str, value: str) -> None:
    """Fail when any piece of the value's body came back."""
    assert SECRET not in said
    for start in range(0, len(value) - 16, 8):
        piece = value[start : start + 16]
        assert "PRIVATE KEY" in value[max(0, start - 16) : start + 32] or piece not in said


# ---- several at once, and statuses


def test_good_decisions_are_stored_when_one_of_them_in_the_same_apply_is_refused(
    kubectl: Kubectl, namespace: str
) -> None:
    documents = [manifest(GOOD, name="first"), manifest({"cert": KEY}, name="bad"), manifest(GOOD, name="second")]
    text = "\n---\n".join(map(json.dumps, documents))
    answer = kubectl("apply", "--server-side", "-n", namespace, "-f", "-", input=text, check=False)

    assert answer.returncode == 1
    assert_silent(answer.stderr, KEY)
    names = kubectl("get", "trustdec", "-n", namespace, "-o", "name").stdout.split()
    assert names == [f"trustdecision.certwright.io/{name}" for name in ("first", "second")]


def large_status() -> TrustDecisionStatus:
    """Make a status with every field set."""
    observations = [Observation(each, ConditionStatus.FALSE, "Expired", "m" * 400) for each in ConditionType]
    finding = FindingEntry(
        reason="Expired",
        detail="IssuerExpired",
        severity="Error",
        code=2003,
        fingerprint=FINGERPRINT,
        message="m" * MESSAGE_LIMIT,
    )
    return TrustDecisionStatus(
        id="a26cbed4-2183-48ce-aa19-e37ca8b0531a",
        cn="c" * 511,
        expiry_timestamp=INSTANT,
        is_self_signed="true",
        trust_state="expired",
        trust_state_transitions=(Transition(from_="untrusted", to=("trusted",)),),
        trust_state_details=tuple(
            TrustStateDetail(type="https://t", title="t", detail="d", additional_details=(finding,))
            for _ in range(DETAILS_LIMIT)
        ),
        metadata=DecisionMetadata(labels=(Label(name="a", value="b"),), creation_timestamp=INSTANT, created_by="me"),
        root_certificate_id="0a",
        subject_key_id="0a",
        authority_key_id="0a",
        subject=(NameAttribute(field_name="DC", value="example"), NameAttribute(field_name="DC", value="example")),
        issuer=(NameAttribute(field_name="CN", value="x"),),
        not_before=-1,
        expiry=253402300799000,
        fingerprint=FINGERPRINT,
        validation=2003,
        deploy_status="DELETE_PENDING",
        stores=(
            StoreEntry(kind="TrustStore", namespace="a", name="a", deploy_status="DEPLOYED"),
            StoreEntry(kind="ClusterTrustStore", name="a", deploy_status="DEPLOY_PENDING"),
        ),
        stores_count=2,
        findings=(finding,) * FINDINGS_LIMIT,
        findings_count=99,
        next_check_time=INSTANT,
        observed_generation=1,
        record=DecisionRecord(
            inputs=(Input(kind="ConfigMap", name="a", uid="u", resource_version="1"),),
            judged_by=FINGERPRINT,
            others=FINGERPRINT,
            revoked=f"{FINGERPRINT} {INSTANT} 7",
            fingerprint=FINGERPRINT,
        ),
        conditions=merge_conditions((), observations, generation=1, at=datetime(2026, 1, 1, tzinfo=UTC)),
    )


@pytest.fixture
def stored(control_plane: ControlPlane, kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """Store a decision with a large status, and give what the API server made of it."""
    kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest(GOOD)))
    path = f"/apis/certwright.io/v1alpha1/namespaces/{namespace}/trustdecisions/sample"
    body = {**manifest(None), "status": dump(large_status())}
    del body["spec"]
    control_plane.client.apply(f"{path}/status", body, manager="certwright")
    current = control_plane.client.get(path)
    assert current is not None
    return current


def test_status_comes_back_as_it_was_written_when_every_field_is_set(stored: dict[str, Any]) -> None:
    assert stored["status"] == dump(large_status())
    assert parse_leniently(TrustDecisionStatus, stored["status"]) == large_status()


@pytest.mark.usefixtures("stored")
def test_kubectl_get_shows_the_state_when_there_is_a_status(kubectl: Kubectl, namespace: str) -> None:
    narrow = kubectl("get", "-n", namespace, "trustdec").stdout.splitlines()
    assert narrow[0].split() == ["NAME", "READY", "REASON", "STATE", "DEPLOYED", "CN", "EXPIRES", "AGE"]
    assert narrow[1].split()[:5] == ["sample", "False", "Expired", "expired", "DELETE_PENDING"]
