"""Every extension that a rule needs: read when right, an error when damaged (RFC 5280 4.2)."""

import pytest

from certwright.pki.der import DerError
from certwright.pki.distribution_points import DistributionPoint, read_issuing_point
from certwright.pki.extensions import (
    BasicConstraints,
    DuplicateExtensionError,
    Extension,
    Extensions,
    read_authority_key_id,
    read_extensions,
    split_extensions,
)
from certwright.pki.general_names import GeneralNames, IPRange
from certwright.pki.names import Name
from tests.support import der_writer as der
from tests.support import extension_writer as ext

CORP = der.name(("O", "Corp"))


def facts(*extensions: ext.Ext) -> Extensions:
    return read_extensions(tuple(Extension(e.oid, e.critical, e.value) for e in extensions))


def test_each_extension_is_read() -> None:
    read = facts(
        ext.basic_constraints(ca=True, path_length=3),
        ext.key_usage("keyCertSign", "decipherOnly"),
        ext.extended_key_usage("serverAuth"),
        ext.certificate_policies("1.2.3", "1.2.4"),
        ext.policy_mappings(("1.2.3", "1.2.4")),
        ext.policy_constraints(explicit=1, mapping=0),
        ext.inhibit_any_policy(2),
        ext.subject_key_id(b"\x01\x02"),
        ext.authority_key_id(b"\x03"),
        ext.unknown(critical=False),
    )
    assert read.basic_constraints == BasicConstraints(ca=True, path_length=3)
    assert read.key_usage == {"keyCertSign", "decipherOnly"}
    assert read.extended_key_usage == (ext.PURPOSES["serverAuth"],)
    assert read.certificate_policies == ("1.2.3", "1.2.4")
    assert read.policy_mappings == (("1.2.3", "1.2.4"),)
    assert read.policy_constraints is not None
    assert (read.policy_constraints.require_explicit_policy, read.policy_constraints.inhibit_policy_mapping) == (1, 0)
    assert read.inhibit_any_policy == 2
    assert read.subject_key_id == b"\x01\x02"
    assert read.authority_key_id is not None
    assert read.authority_key_id.key_id == b"\x03"
    assert read.critical_unknown == ()
    assert not read.subject_alt_names_critical


def test_alternative_names_of_every_form_are_read() -> None:
    names = [
        der.dns_name("a.test"),
        der.ip_address("192.0.2.7"),
        der.email("x@a.test"),
        der.uri("http://a.test/"),
        der.directory(CORP),
        der.implicit(8, b"\x2a"),
    ]
    read = facts(ext.subject_alt_names(*names)).subject_alt_names
    assert read is not None
    assert read.texts == ("a.test", "192.0.2.7", "x@a.test", "http://a.test/", "O=Corp")
    assert read.others == ((0x88, b"\x2a"),)
    assert not read.is_empty


def test_general_names_overlap_in_every_form() -> None:
    one = GeneralNames(dns=("A.test",), emails=("X@a.test",), others=((0x88, b"\x01"),))
    assert one.overlaps(GeneralNames(dns=("a.TEST",)))
    assert one.overlaps(GeneralNames(emails=("x@A.test",)))
    assert one.overlaps(GeneralNames(others=((0x88, b"\x01"),)))
    assert not one.overlaps(GeneralNames(uris=("a.test",)))


def test_name_constraints_are_read_by_form() -> None:
    bases = [der.dns_name("a"), der.ip_address("192.0.2.0/24"), der.email("b"), der.uri("c"), der.directory(CORP)]
    read = facts(ext.name_constraints(permitted=[*bases, der.explicit(0, der.oid("1.2.3"))])).name_constraints
    assert read is not None
    assert len(read.permitted) == 6
    assert read.permitted.ips == (IPRange(b"\xc0\x00\x02\x00", b"\xff\xff\xff\x00"),)
    assert read.permitted.others == (0xA0,)
    assert len(read.excluded) == 0


def test_distribution_points_are_read() -> None:
    point = ext.point(names=[der.uri("http://a.test")], reasons=["keyCompromise"], crl_issuer=CORP)
    relative = ext.point(relative_name=der.attribute("CN", "x"))
    first, second = facts(ext.crl_distribution_points(point, relative)).crl_distribution_points or ()
    assert first.reasons == {"keyCompromise"}
    assert first.crl_issuer is not None
    assert first.names_under(Name.from_der(CORP)) == GeneralNames(uris=("http://a.test",))
    completed = second.names_under(Name.from_der(CORP))
    assert completed is not None
    assert completed.directories[0].rfc4514 == "CN=x,O=Corp"
    assert DistributionPoint().names_under(Name.from_der(CORP)) is None
    scope = read_issuing_point(ext.issuing_distribution_point(relative_name=der.attribute("CN", "x")).value)
    assert scope.names_under(Name.from_der(CORP)) == completed


def test_an_authority_may_be_named_by_issuer_and_serial_number() -> None:
    value = der.sequence(der.explicit(1, der.directory(CORP)), der.implicit(2, b"\x05"))
    read = read_authority_key_id(value)
    assert read.serial_number == 5
    assert read.issuer is not None


DAMAGED = {
    "basicConstraints": [
        der.NULL,
        der.sequence(der.NULL),
        der.sequence(der.integer(1), der.boolean(value=True)),
        der.sequence(der.boolean(value=True), der.boolean(value=True)),
        der.sequence(der.integer(-1)),
    ],
    "keyUsage": [der.NULL, der.tlv(3, b"")],
    "subjectAltName": [der.sequence(), der.sequence(der.tlv(0x89, b""))],
    "nameConstraints": [
        der.sequence(der.explicit(2)),
        der.sequence(der.explicit(0, der.sequence())),
        der.sequence(der.explicit(0, der.sequence(der.dns_name("a"), der.implicit(0, b"\x01")))),
        der.sequence(der.explicit(0, der.sequence(der.dns_name("a"), der.implicit(1, b"\x01")))),
        der.sequence(der.explicit(0, der.sequence(der.implicit(2, b"\xff")))),
        der.sequence(der.explicit(0, der.sequence(der.implicit(7, b"\x01")))),
        der.sequence(der.explicit(0, der.sequence(der.directory(der.NULL)))),
    ],
    "crlDistributionPoints": [
        der.sequence(),
        der.sequence(der.sequence(der.implicit(5, b""))),
        der.sequence(der.sequence(der.explicit(0, der.explicit(2)))),
        der.sequence(der.sequence(der.explicit(0, der.explicit(1, der.NULL)))),
    ],
    "certificatePolicies": [der.sequence(), der.sequence(der.sequence())],
    "policyMappings": [der.sequence(der.sequence(der.oid("1.2.3")))],
    "policyConstraints": [der.sequence(der.implicit(2, b"\x00")), der.sequence(der.implicit(0, b"\xff"))],
    "extendedKeyUsage": [der.sequence()],
    "inhibitAnyPolicy": [der.integer(-1)],
    "subjectKeyIdentifier": [der.NULL],
    "authorityKeyIdentifier": [der.sequence(der.NULL)],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in DAMAGED.items() for value in values])
def test_an_extension_that_a_rule_needs_is_an_error_when_damaged(name: str, value: bytes) -> None:
    with pytest.raises(DerError, match=ext.OIDS[name]):
        facts(ext.Ext(ext.OIDS[name], value))


def split(*items: bytes) -> tuple[Extension, ...]:
    data = der.sequence(*items)
    return split_extensions(data, (0x30, 2 if len(data) < 130 else 3, len(data)))


def test_extensions_are_split_with_their_criticality() -> None:
    explicit = der.sequence(der.oid("1.2.3"), der.boolean(value=False), der.octets(b"x"))
    assert split(explicit, ext.unknown().der) == (
        Extension("1.2.3", critical=False, value=b"x"),
        Extension(ext.UNKNOWN, critical=True, value=der.NULL),
    )


@pytest.mark.parametrize(
    "item",
    [
        der.NULL,
        der.sequence(der.oid("1.2.3")),
        der.sequence(der.oid("1.2.3"), der.NULL),
        der.sequence(der.oid("1.2.3"), der.NULL, der.octets(b"")),
        b"",
    ],
)
def test_a_list_of_extensions_is_an_error_when_damaged(item: bytes) -> None:
    with pytest.raises(DerError):
        split(item)


def test_an_extension_is_an_error_when_repeated() -> None:
    with pytest.raises(DuplicateExtensionError, match="twice"):
        split(ext.unknown().der, ext.unknown().der)
