from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from certwright.api.certificateset_spec import SetTrust
from certwright.api.importedcertificate import ImportedCertificateSpec, ImportedCertificateStatus
from certwright.api.model import dump, parse, parse_leniently, timestamp
from certwright.api.revocationsource_spec import IssuerReference, RevocationSourceSpec
from certwright.findings import Detail, MaterialError, Reason

FINGERPRINT = "sha256:" + "0a" * 32


def test_parse_reads_camel_case_and_fills_defaults_when_fields_are_left_out() -> None:
    spec = parse(ImportedCertificateSpec, {"certificateRef": {"name": "upload"}, "targets": [{"secretName": "tls"}]})

    assert spec.certificate_ref is not None
    assert (spec.certificate_ref.kind, spec.certificate_ref.key) == ("Secret", "tls.crt")
    assert (spec.usages, spec.warn_before_percentage, spec.deletion_policy) == (("ServerAuth",), 20, "Retain")
    assert spec.targets[0].secret_name == "tls"


def test_parse_reads_a_trust_store_of_the_namespace_when_no_kind_is_named() -> None:
    trust = parse(ImportedCertificateSpec, {"trust": {"storeRef": {"name": "corporate"}}}).trust

    assert trust is not None
    assert trust.store_ref is not None
    assert (trust.store_ref.kind, trust.store_ref.name, trust.revocation) == ("TrustStore", "corporate", None)


def test_parse_reads_a_store_of_the_cluster_when_a_set_names_no_kind() -> None:
    trust = parse(SetTrust, {"storeRef": {"name": "corporate"}})

    assert (trust.store_ref.kind, trust.store_ref.name, trust.revocation) == ("ClusterTrustStore", "corporate", None)


@pytest.mark.parametrize(
    ("trust", "field"),
    [
        ({"revocation": "Prefer"}, "spec.trust.storeRef"),
        ({"storeRef": {"kind": "TrustStore", "name": "corporate"}}, "spec.trust.storeRef.kind"),
        ({"storeRef": {}}, "spec.trust.storeRef.name"),
        ({"storeRef": {"name": "corporate"}, "revocation": "prefer"}, "spec.trust.revocation"),
    ],
)
def test_parse_names_the_field_of_trust_when_a_set_cannot_follow_it(trust: dict[str, Any], field: str) -> None:
    with pytest.raises(MaterialError) as caught:
        parse(SetTrust, trust, path="spec.trust")
    assert field in caught.value.finding.message


def test_parse_reads_an_issuer_by_its_key_when_the_kind_has_one() -> None:
    def issuer(**fields: str) -> IssuerReference | None:
        return parse(RevocationSourceSpec, {"crl": "x", "issuerRef": {"name": "root", **fields}}).issuer_ref

    plain, decision, chosen = issuer(), issuer(kind="TrustDecision"), issuer(key="root.pem")
    assert plain is not None
    assert decision is not None
    assert chosen is not None
    assert (plain.kind, plain.key, plain.data_key) == ("Secret", None, "ca.crt")
    assert (decision.kind, decision.key) == ("TrustDecision", None)
    assert chosen.data_key == "root.pem"


def test_parse_ignores_unknown_fields_when_another_version_wrote_them() -> None:
    assert parse(ImportedCertificateSpec, {"ocspStapling": True, "subject": {"x": 1}}).subject is not None


def test_parse_names_every_field_that_does_not_fit_when_several_do_not() -> None:
    with pytest.raises(MaterialError) as caught:
        parse(ImportedCertificateSpec, {"usages": ["Sign"], "targets": [{"secretName": "a"}, {"secretName": "B"}]})

    found = caught.value.finding
    assert (found.reason, found.detail) == (Reason.INVALID_REQUEST, Detail.WRONG_TYPE)
    assert "`spec.usages[0]`: Input should be 'ServerAuth' or 'ClientAuth'" in found.message
    assert "`spec.targets[1].secretName`: String should match pattern" in found.message


def test_parse_keeps_the_value_out_of_the_error_when_a_secret_stands_in_the_wrong_field() -> None:
    with pytest.raises(MaterialError) as caught:
        parse(ImportedCertificateSpec, {"certificate": {"key": "hunter2"}, "privateKeyRef": {"name": "hunter2 "}})

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_parse_leniently_reads_a_whole_status_when_it_fits() -> None:
    status = ImportedCertificateStatus(certificate_store_status="OK", response_code=200, dns_names=("a.example",))

    assert parse_leniently(ImportedCertificateStatus, dump(status)) == status


def test_parse_leniently_keeps_what_is_served_when_other_fields_do_not_fit() -> None:
    document = {
        "certificateStoreStatus": "SUPERSEDED",
        "validation": 2099,
        "chain": "none",
        "served": {
            "fingerprint": FINGERPRINT,
            "serialNumber": "01",
            "validFrom": "2026-01-01T00:00:00Z",
            "validThru": "2027-01-01T00:00:00Z",
            "keyFingerprint": FINGERPRINT,
            "since": "2026-01-01T00:00:00Z",
            "chain": [{"fingerprint": FINGERPRINT, "validThru": "2030-01-01T00:00:00Z"}, {"commonName": "CA"}],
        },
        "targets": [
            {"entityId": 3},
            {"secretName": "one", "responseCode": 299, "uid": "u-1"},
            {"secretName": "two", "responseCode": 200, "uid": "u-2"},
        ],
    }

    status = parse_leniently(ImportedCertificateStatus, document)

    assert status.certificate_store_status is None
    assert status.validation is None
    assert status.chain == ()
    assert status.served is not None
    assert [each.fingerprint for each in status.served.chain] == [FINGERPRINT]
    assert [(each.secret_name, each.response_code, each.uid) for each in status.targets] == [
        ("one", None, "u-1"),
        ("two", 200, "u-2"),
    ]
    assert document["validation"] == 2099, "what was read must not be changed"


def test_dump_writes_camel_case_lists_and_only_what_there_is_to_say() -> None:
    status = ImportedCertificateStatus(validation=0, dns_names=("a.example",), observed_generation=3)

    assert dump(status) == {"validation": 0, "dnsNames": ["a.example"], "observedGeneration": 3}


def test_timestamp_is_utc_with_whole_seconds_when_the_instant_is_of_another_zone() -> None:
    at = datetime(2026, 12, 2, 9, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert timestamp(at) == "2026-12-02T08:00:00Z"


def test_timestamp_pads_the_year_when_it_is_short() -> None:
    assert timestamp(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_timestamp_refuses_an_instant_when_it_has_no_zone() -> None:
    with pytest.raises(ValueError, match="must have a time zone"):
        timestamp(datetime(2026, 1, 1))  # noqa: DTZ001 - the defect that is shown
