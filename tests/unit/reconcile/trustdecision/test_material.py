"""Which certificate a decision is about: every place it may stand in, every form, and what is refused."""

from __future__ import annotations

import base64
import textwrap
from typing import Any

import pytest

from certwright.findings import FailureCause, Finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Snapshot
from certwright.reconcile.trust.material import examine_authority, find_objects, read_authority, read_wish
from tests.support import pki_files
from tests.support.memory_cluster import NAMESPACE
from tests.unit.reconcile.trustdecision.desk import OTHER, ROOT, Desk, fingerprint_of

FINGERPRINT = fingerprint_of(ROOT.der)
REFERENCE: dict[str, Any] = {"certificateRef": {"name": "ca"}, "fingerprint": FINGERPRINT}
CONFIG_MAP = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "ca")


def read(desk: Desk, **spec: Any) -> Certificate | Finding:
    return read_authority(desk.wish(**spec), desk.snapshot())


def problem(desk: Desk, **spec: Any) -> tuple[str, str | None, str]:
    found = read(desk, **spec)
    assert isinstance(found, Finding)
    return found.reason.value, found.detail.value if found.detail else None, found.message


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# ---- where it stands


@pytest.mark.parametrize(
    "spec",
    [
        {"certificate": ROOT.pem},
        {"certificate": ROOT.pem, "fingerprint": FINGERPRINT},
        {"certificate": ROOT.pem.replace("\n", "\r\n")},
        {"cert": b64(ROOT.pem)},
        {"cert": "\n".join(textwrap.wrap(b64(ROOT.pem), 64))},
        {"cert": base64.b64encode(ROOT.der).decode()},
    ],
    ids=["pem", "with-fingerprint", "crlf", "base64", "base64-in-lines", "base64-of-der"],
)
def test_certificate_is_read_when_it_stands_in_the_wish(desk: Desk, spec: dict[str, Any]) -> None:
    assert read(desk, **spec) == ROOT.certificate
    assert find_objects(desk.subject()) == frozenset()


@pytest.mark.parametrize("data", [ROOT.pem.encode(), ROOT.der, b"\n" + ROOT.pem.encode()], ids=["pem", "der", "blank"])
def test_certificate_is_read_when_a_config_map_holds_it(desk: Desk, data: bytes) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": data}, kind=Kind.CONFIG_MAP)
    assert read(desk, **REFERENCE) == ROOT.certificate
    assert find_objects(desk.subject()) == {CONFIG_MAP}


def test_certificate_is_read_when_a_secret_holds_it_under_another_key(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"root.pem": ROOT.pem})
    reference = {"kind": "Secret", "name": "ca", "key": "root.pem"}
    assert read(desk, certificateRef=reference, fingerprint=FINGERPRINT) == ROOT.certificate


def test_oddities_of_form_are_told_when_the_certificate_is_read(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem + ROOT.key_pem + ROOT.pem}, kind=Kind.CONFIG_MAP)
    authority = examine_authority(desk.wish(**REFERENCE), desk.snapshot())
    assert authority.certificate == ROOT.certificate
    assert {each.reason for each in authority.warnings} == {"KeyInCertificate", "DuplicateCertificate"}


# ---- what is refused


@pytest.mark.parametrize(
    ("spec", "reason", "detail", "said"),
    [
        ({}, "InvalidRequest", "SourceMissing", "the spec names no certificate"),
        ({"certificate": ROOT.pem, "cert": b64(ROOT.pem)}, "InvalidRequest", "ConflictingFields", "must not both"),
        ({"certificate": ROOT.pem, **REFERENCE}, "InvalidRequest", "ConflictingFields", "must not both"),
        ({"certificateRef": {"name": "ca"}}, "InvalidRequest", None, "`spec.fingerprint` must be set"),
        ({"certificate": ROOT.pem + OTHER.pem}, "InvalidRequest", "SeveralCertificates", "holds 2 certificates"),
        ({"certificate": ROOT.key_pem}, "Unparsable", "WrongType", "a private key and no certificate"),
        ({"certificate": ROOT.pem + ROOT.key_pem}, "InvalidRequest", "WrongType", "treat the key as disclosed"),
        ({"cert": b64(ROOT.key_pem)}, "Unparsable", "WrongType", "a private key and no certificate"),
        ({"cert": "###"}, "Unparsable", "Base64Damaged", "`spec.cert` is not base64"),
        ({"cert": b64("nothing")}, "Unparsable", "NoCertificate", "`spec.cert`"),
        ({"certificate": "nothing"}, "Unparsable", "NoCertificate", "`spec.certificate`"),
        ({"certificate": ROOT.pem[:400]}, "Unparsable", "Truncated", "cut short"),
        ({"certificate": 7}, "InvalidRequest", "WrongType", "`spec.certificate`"),
        (
            {"certificate": OTHER.pem, "fingerprint": FINGERPRINT},
            "FingerprintMismatch",
            None,
            f'holds "Other Root" with the fingerprint {fingerprint_of(OTHER.der)}',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wish_is_refused_with_a_reason_when_it_is_not_about_one_certificate(
    desk: Desk, spec: dict[str, Any], reason: str, detail: str | None, said: str
) -> None:
    found = problem(desk, **spec)
    assert found[:2] == (reason, detail)
    assert said in found[2]
    assert not any(line in found[2] for line in ROOT.key_pem.splitlines()[1:-1])


def test_reference_is_refused_when_its_object_does_not_exist(desk: Desk) -> None:
    assert problem(desk, **REFERENCE)[0] == "ReferenceNotFound"
    assert "there is no ConfigMap `ca`" in problem(desk, **REFERENCE)[2]


def test_reference_is_refused_when_the_object_lacks_the_key(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"tls.crt": ROOT.pem}, kind=Kind.CONFIG_MAP)
    assert problem(desk, **REFERENCE)[:2] == ("ReferenceNotFound", "SecretKeyMissing")


def test_reference_is_refused_when_it_is_a_secret_of_a_type_that_is_not_read(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": ROOT.pem}, type="kubernetes.io/service-account-token")
    reference = {"kind": "Secret", "name": "ca"}
    assert problem(desk, certificateRef=reference, fingerprint=FINGERPRINT)[1] == "SecretTypeNotRead"


def test_reference_is_refused_when_it_holds_another_certificate(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": OTHER.pem}, kind=Kind.CONFIG_MAP)
    assert problem(desk, **REFERENCE)[0] == "FingerprintMismatch"


def test_reference_is_refused_without_asking_for_a_password_when_it_holds_pkcs12(desk: Desk) -> None:
    desk.cluster.put_secret("ca", {"ca.crt": pki_files.pkcs12()}, kind=Kind.CONFIG_MAP)
    reason, detail, message = problem(desk, **REFERENCE)
    assert (reason, detail) == ("Unparsable", "WrongType")
    assert "PKCS#12" in message
    assert "passwordRef" not in message


@pytest.mark.parametrize(
    ("cause", "detail"), [(FailureCause.TIMEOUT, "ReadFailed"), (FailureCause.FORBIDDEN, "Forbidden")]
)
def test_nothing_is_said_about_the_certificate_when_its_object_cannot_be_read(
    desk: Desk, cause: FailureCause, detail: str
) -> None:
    decision = desk.wish(**REFERENCE)
    failed = Snapshot(decision, desk.clock.now, "rules").with_failure(CONFIG_MAP, Failure(cause, "get it: failed"))
    found = read_authority(decision, failed)
    assert isinstance(found, Finding)
    assert (found.reason, found.detail) == ("NotChecked", detail)


def test_objects_are_none_when_the_wish_cannot_be_read(desk: Desk) -> None:
    decision = desk.wish(certificateRef="ca")
    assert (read_wish(decision), find_objects(decision)) == (None, frozenset())
