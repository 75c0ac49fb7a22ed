import pickle
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.findings import Detail, MaterialError, Reason
from certwright.pki.certificate import Certificate, key_id_text
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.pki import NOT_AFTER, NOT_BEFORE, PKI, Entity, ec_key, ed25519_key, rsa_key, sign


@pytest.fixture(scope="module")
def root() -> Entity:
    return PKI().root("Corp Root")


def refusal(data: bytes) -> tuple[Reason, Detail | None, str]:
    with pytest.raises(MaterialError) as caught:
        Certificate.from_der(data)
    found = caught.value.finding
    return found.reason, found.detail, found.message


def test_facts_are_read_when_the_certificate_is_good(root: Entity) -> None:
    issuing = root.issue_ca("Corp Issuing CA 3", path_length=0)
    leaf = issuing.issue_leaf("shop.example.com", serial=0x1AB, ips=["192.0.2.7", "2001:db8::7"])
    certificate = leaf.certificate
    openssl = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    printed = subprocess.run(openssl, input=leaf.pem, text=True, capture_output=True, check=True).stdout
    assert certificate.fingerprint == "sha256:" + printed.split("=")[1].strip().replace(":", "").lower()
    assert certificate.version == 3
    assert (certificate.serial_number, certificate.serial_hex) == (0x1AB, "01ab")
    assert (certificate.not_before, certificate.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert certificate.subject.common_name == certificate.label == "shop.example.com"
    assert certificate.issuer.rfc4514 == "CN=Corp Issuing CA 3"
    assert certificate.dns_names == ("shop.example.com",)
    assert [str(address) for address in certificate.ip_addresses] == ["192.0.2.7", "2001:db8::7"]
    assert certificate.signature_algorithm.name == "ECDSA-SHA256"
    assert (certificate.public_key.algorithm, certificate.public_key.size) == ("ECDSA", 256)
    assert certificate.public_key.description == "ECDSA P-256"
    assert certificate.key_usage == {"digitalSignature"}
    assert certificate.extended_key_usage == tuple(ext.PURPOSES[name] for name in ("serverAuth", "clientAuth"))
    assert certificate.signed_by(issuing.certificate)
    assert not certificate.signed_by(root.certificate)


def test_roles_in_a_chain_are_read(root: Entity) -> None:
    issuing = root.issue_ca("Corp Issuing CA 3", path_length=0)
    certificate = issuing.issue_leaf("shop.example.com").certificate
    assert not certificate.is_ca
    assert certificate.path_length is None
    assert not certificate.is_self_issued
    assert issuing.certificate.is_ca
    assert issuing.certificate.path_length == 0
    assert issuing.certificate.basic_constraints is not None
    assert root.certificate.is_self_issued
    assert root.certificate.subject_alt_names.is_empty
    assert certificate.authority_key_id is not None
    assert certificate.authority_key_id.key_id == issuing.certificate.subject_key_id
    assert key_id_text(b"\x4f\xa0") == "4F:A0"
    assert key_id_text(None) == ""


def test_absent_extensions_are_none() -> None:
    certificate = PKI().self_signed("x", version=1).certificate
    absent = (
        certificate.basic_constraints,
        certificate.name_constraints,
        certificate.certificate_policies,
        certificate.policy_mappings,
        certificate.policy_constraints,
        certificate.inhibit_any_policy,
        certificate.crl_distribution_points,
        certificate.freshest_crl,
        certificate.key_usage,
        certificate.extended_key_usage,
        certificate.subject_key_id,
        certificate.authority_key_id,
    )
    assert set(absent) == {None}
    assert certificate.critical_unknown == ()
    assert certificate.version == 1


def test_certificates_are_values(root: Entity) -> None:
    certificate = root.certificate
    again = pickle.loads(pickle.dumps(certificate))  # noqa: S301 - our own bytes
    assert again == certificate
    assert hash(again) == hash(certificate)
    assert certificate != root.issue_leaf("x").certificate
    assert certificate != root.der
    assert repr(certificate) == f"Certificate('Corp Root', serial {certificate.serial_hex})"
    with pytest.raises(AttributeError):
        certificate.serial_number = 5  # type: ignore[misc]


@pytest.mark.parametrize(("serial", "text"), [(0, "00"), (-1, "-01"), (-0x1AB, "-01ab"), (2**200, "01" + 50 * "0")])
def test_unusual_serial_numbers_are_read(root: Entity, serial: int, text: str) -> None:
    certificate = root.issue_leaf("x", serial=serial).certificate
    assert certificate.serial_number == serial
    assert certificate.serial_hex == text


def test_the_last_year_of_the_calendar_is_read(root: Entity) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert root.issue_leaf("x", not_after=last).certificate.not_after == last


@pytest.mark.parametrize(
    ("key", "description"),
    [(rsa_key("a"), "RSA 2048"), (rsa_key("weak"), "RSA 1024"), (ed25519_key("x"), "Ed25519")],
)
def test_keys_are_described_and_verify(key: object, description: str) -> None:
    certificate = PKI().root("R", key=key).certificate
    assert certificate.public_key.description == description
    assert certificate.signed_by(certificate)


def test_alternative_names_are_read_when_one_of_them_is_odd(root: Entity) -> None:
    odd = [der.implicit(7, b"\x01\x02\x03"), der.implicit(2, "ü.example".encode()), der.explicit(0, der.oid("1.2.3"))]
    leaf = root.issue_leaf("", dns=["a.example"], names=odd)
    assert leaf.certificate.dns_names == ("a.example",)
    assert len(leaf.certificate.subject_alt_names.others) == 3
    assert leaf.certificate.label == "a.example"
    assert leaf.certificate.extended_key_usage is not None


def test_fifty_thousand_names_are_read(root: Entity) -> None:
    leaf = root.issue_leaf("x", dns=[f"host-{number}.example.com" for number in range(50_000)])
    assert len(leaf.certificate.dns_names) == 50_000


def test_unknown_extensions_are_listed_when_critical(root: Entity) -> None:
    other = "1.3.6.1.4.1.99999.2"
    leaf = root.issue_leaf("x", extensions=[ext.unknown(), ext.unknown(critical=False, oid=other)])
    assert leaf.certificate.critical_unknown == (ext.UNKNOWN,)
    assert leaf.certificate.extensions.present[other] is False


def test_it_is_unparsable_when_it_is_no_whole_certificate(root: Entity) -> None:
    assert refusal(b"")[0] is Reason.UNPARSABLE
    assert refusal(root.der[:-1])[:2] == (Reason.UNPARSABLE, Detail.DER_DAMAGED)
    assert refusal(root.der + b"\x05\x00")[:2] == (Reason.UNPARSABLE, Detail.TRAILING_DATA)
    assert refusal(der.sequence(der.integer(1)))[:2] == (Reason.UNPARSABLE, Detail.WRONG_TYPE)
    reason, detail, message = refusal(root.crl().der)
    assert (reason, detail) == (Reason.UNPARSABLE, Detail.WRONG_TYPE)
    assert message.startswith("this is a certificate revocation list (CRL), not a certificate")
    assert refusal(b"\x30\x80\x00\x00")[:2] == (Reason.UNPARSABLE, Detail.DER_DAMAGED)


def test_it_is_undecodable_when_an_extension_is_repeated(root: Entity) -> None:
    usage = ext.key_usage("digitalSignature")
    twice = ext.Ext(usage.oid + ".99", b"")  # a place holder of another kind, renamed below
    leaf = root.issue_leaf("x", extensions=[twice])
    renamed = leaf.der.replace(der.oid(twice.oid), der.oid(usage.oid) + b"")
    assert refusal(renamed)[0] is Reason.UNPARSABLE  # lengths do not fit any more
    same_length = leaf.der.replace(der.oid("2.5.29.35"), der.oid("2.5.29.14"))
    assert refusal(same_length)[:2] == (Reason.UNDECODABLE, Detail.DUPLICATE_EXTENSION)


def test_it_is_undecodable_when_the_version_does_not_fit() -> None:
    key = ec_key("v")
    for version, tail in ((1, b""), (2, b"")):
        tbs = der.sequence(
            der.explicit(0, der.integer(version - 1)) if version > 1 else b"",
            der.integer(1),
            key.algorithm(),
            der.common_name("x"),
            der.sequence(der.time(NOT_BEFORE), der.time(NOT_AFTER)),
            der.common_name("x"),
            key.spki,
            tail,
            der.explicit(3, der.sequence(ext.unknown(critical=False).der)),
        )
        assert refusal(sign(tbs, key))[:2] == (Reason.UNDECODABLE, Detail.VERSION)
    good = PKI().self_signed("x").der
    for value in (0, 3):
        changed = good.replace(der.explicit(0, der.integer(2)), der.explicit(0, der.integer(value)), 1)
        assert refusal(changed)[:2] == (Reason.UNDECODABLE, Detail.VERSION)
    identified = PKI().self_signed("x", version=1)
    assert identified.certificate.version == 1


def test_it_is_undecodable_when_the_algorithms_inside_and_outside_differ(root: Entity) -> None:
    other = der.sequence(der.oid("1.2.840.10045.4.3.3"))
    reason, _, message = refusal(root.issue_leaf("x", outer_algorithm=other).der)
    assert reason is Reason.UNDECODABLE
    assert "inside and outside" in message


@pytest.mark.parametrize(
    "extension",
    [
        ext.Ext(ext.OIDS["basicConstraints"], der.sequence(der.integer(-1))),
        ext.Ext(ext.OIDS["keyUsage"], b"\x05\x00"),
        ext.Ext(ext.OIDS["subjectAltName"], der.sequence()),
        ext.Ext(ext.OIDS["nameConstraints"], der.sequence(der.implicit(5, b""))),
    ],
)
def test_it_is_undecodable_when_an_extension_that_matters_is_damaged(root: Entity, extension: ext.Ext) -> None:
    reason, detail, message = refusal(root.issue_leaf("x", extensions=[extension]).der)
    assert (reason, detail) == (Reason.UNDECODABLE, Detail.DER_DAMAGED)
    assert extension.oid in message


def test_it_is_undecodable_when_the_key_type_is_unsupported(root: Entity) -> None:
    leaf = root.issue_leaf("x").der
    unknown = leaf.replace(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.2.9"))
    assert refusal(unknown)[:2] == (Reason.UNDECODABLE, Detail.KEY_TYPE_UNSUPPORTED)


def test_it_is_undecodable_when_a_date_does_not_exist(root: Entity) -> None:
    changed = root.der.replace(b"250101000000Z", b"251301000000Z")
    reason, _, message = refusal(changed)
    assert reason is Reason.UNDECODABLE
    assert "validity" in message


@given(st.data())
def test_reading_fails_with_a_finding_when_any_bytes_are_damaged(root: Entity, data: st.DataObject) -> None:
    damaged = bytearray(root.der)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificate = Certificate.from_der(bytes(damaged))
    except MaterialError as error:
        assert error.finding.reason in {Reason.UNPARSABLE, Reason.UNDECODABLE}  # noqa: PT017 - either outcome is right
    else:
        assert certificate.der == bytes(damaged)
        assert certificate == root.certificate or not certificate.signed_by(root.certificate)


@given(st.binary(max_size=200))
def test_reading_fails_with_a_finding_when_the_bytes_are_noise(noise: bytes) -> None:
    assert refusal(noise)[0] is Reason.UNPARSABLE
