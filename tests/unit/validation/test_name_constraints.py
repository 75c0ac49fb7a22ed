"""Name constraints by form, intersections and traps (RFC 5280 4.2.1.10)."""

import pytest

from certwright.findings import Detail, Reason
from certwright.validation import Limits, Options, Role
from certwright.validation.name_constraints import is_dns_within, is_email_within, is_uri_within, uri_host
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge, worst
from tests.support.pki import PKI, Entity


def verdict_of(leaf_wishes: dict[str, object], *constraints: ext.Ext, **wishes: object) -> tuple[Reason, Detail | None]:
    """Judge a leaf below one CA for each of `constraints`."""
    root = PKI().root("Root")
    chain: list[Entity] = [root]
    for place, constraint in enumerate(constraints):
        subject = der.name(("O", "Corp"), ("CN", f"CA {place}"))
        chain.append(chain[-1].issue_ca("", subject=subject, extensions=[constraint]))
    leaf = chain[-1].issue_leaf("", **{"subject": der.name(("O", "Corp"), ("CN", "leaf")), "dns": [], **leaf_wishes})
    return worst(judge(leaf, chain[1:], anchors=[root], **{"role": Role.ANY, **wishes}))


VALID = (Reason.VALID, None)
INVALID = (Reason.CHAIN_INVALID, Detail.NAME_CONSTRAINTS)


def permit(*bases: bytes) -> ext.Ext:
    return ext.name_constraints(permitted=bases)


def exclude(*bases: bytes) -> ext.Ext:
    return ext.name_constraints(excluded=bases)


CASES = [
    ({"dns": ["a.corp.test"]}, permit(der.dns_name("corp.test")), VALID),
    ({"dns": ["a.corp.test", "a.evil.test"]}, permit(der.dns_name("corp.test")), INVALID),
    ({"dns": ["evilcorp.test"]}, permit(der.dns_name("corp.test")), INVALID),
    ({"dns": ["*.corp.test"]}, permit(der.dns_name("corp.test")), VALID),
    ({"dns": ["A.CORP.TEST"]}, permit(der.dns_name("corp.test")), VALID),
    ({"dns": ["a.secret.test"]}, exclude(der.dns_name("secret.test")), INVALID),
    ({"dns": ["*.corp.test"]}, exclude(der.dns_name("secret.corp.test")), INVALID),
    ({"dns": ["*.corp.test"]}, exclude(der.dns_name("deep.secret.corp.test")), VALID),
    ({"ips": ["192.0.2.7"]}, permit(der.ip_address("192.0.2.0/24")), VALID),
    ({"ips": ["192.0.3.7"]}, permit(der.ip_address("192.0.2.0/24")), INVALID),
    ({"ips": ["2001:db8::7"]}, permit(der.ip_address("192.0.2.0/24")), INVALID),
    ({"ips": ["2001:db8::7"]}, exclude(der.ip_address("2001:db8::/32")), INVALID),
    ({"dns": ["a.test"]}, permit(der.ip_address("192.0.2.0/24")), VALID),
    ({"emails": ["pki@corp.test"]}, permit(der.email("corp.test")), VALID),
    ({"emails": ["pki@mail.corp.test"]}, permit(der.email("corp.test")), INVALID),
    ({"emails": ["pki@mail.corp.test"]}, permit(der.email(".corp.test")), VALID),
    ({"emails": ["pki@corp.test"]}, permit(der.email("pki@CORP.test")), VALID),
    ({"emails": ["PKI@corp.test"]}, permit(der.email("pki@corp.test")), INVALID),
    ({"uris": ["https://corp.test/x"]}, permit(der.uri("corp.test")), VALID),
    ({"uris": ["https://a.corp.test:8443/x"]}, permit(der.uri(".corp.test")), VALID),
    ({"uris": ["https://a.corp.test/x"]}, permit(der.uri("corp.test")), INVALID),
    ({"uris": ["urn:x:y"]}, permit(der.uri("corp.test")), INVALID),
    ({"uris": ["urn:x:y"]}, exclude(der.uri("corp.test")), INVALID),
    ({}, permit(der.directory(der.name(("O", "CORP")))), VALID),
    ({}, permit(der.directory(der.name(("O", "Other")))), INVALID),
    ({}, exclude(der.directory(der.name(("O", "Corp")))), INVALID),
    ({"names": [der.directory(der.name(("O", "Other")))]}, permit(der.directory(der.name(("O", "Corp")))), INVALID),
    # a mail address in the subject counts where there are no alternative names
    ({"subject": der.name(("emailAddress", "x@evil.test"))}, permit(der.email("corp.test")), INVALID),
    ({"subject": der.name(("emailAddress", "x@corp.test"))}, permit(der.email("corp.test")), VALID),
    ({"subject": der.name(("emailAddress", "x@evil.test")), "dns": ["a.test"]}, permit(der.email("corp.test")), VALID),
    # forms that nothing compares: harmless until they are constrained
    ({"names": [der.explicit(0, der.oid("1.2.3"))]}, permit(der.dns_name("corp.test")), VALID),
    ({"names": [der.explicit(0, der.oid("1.2.3"))]}, permit(der.explicit(0, der.oid("1.2.4"))), INVALID),
    ({"names": [der.implicit(2, b"\xfc.test")]}, permit(der.dns_name("corp.test")), INVALID),
    ({"names": [der.implicit(7, b"\x01")]}, exclude(der.ip_address("192.0.2.0/24")), INVALID),
    ({"names": [der.explicit(4, der.tlv(0x30, b"\x31\x00"))]}, exclude(der.directory(der.name(("O", "X")))), INVALID),
    ({"emails": ["x@a.test"]}, exclude(der.email("b.test"), der.uri("c.test")), VALID),
]


@pytest.mark.parametrize(("leaf", "constraint", "expected"), CASES, ids=range(len(CASES)))
def test_names_are_held_to_the_constraints_above(
    leaf: dict[str, object], constraint: ext.Ext, expected: tuple[Reason, Detail | None]
) -> None:
    assert verdict_of(leaf, constraint) == expected


def test_permitted_names_of_several_cas_intersect() -> None:
    wide, narrow = permit(der.dns_name("corp.test")), permit(der.dns_name("shop.corp.test"), der.dns_name("x.test"))
    assert verdict_of({"dns": ["a.shop.corp.test"]}, wide, narrow) == VALID
    assert verdict_of({"dns": ["a.corp.test"]}, wide, narrow) == INVALID
    assert verdict_of({"dns": ["x.test"]}, wide, narrow) == INVALID


def test_self_issued_intermediates_are_spared_and_targets_are_not() -> None:
    root = PKI().root("Root", extensions=[permit(der.directory(der.name(("O", "Corp"))))])
    rolled = root.issue_ca("Root")
    leaf = rolled.issue_leaf("", subject=der.name(("O", "Corp"), ("CN", "x")), dns=["a.test"])
    assert judge(leaf, [rolled], anchors=[root]).is_valid
    assert worst(judge(rolled, anchors=[root], role=Role.CA)) == INVALID


def test_constraints_of_anchors_count_unless_the_option_is_off() -> None:
    root = PKI().root("Root", extensions=[permit(der.dns_name("corp.test"))])
    leaf = root.issue_leaf("a.evil.test")
    verdict = judge(leaf, anchors=[root])
    assert worst(verdict) == INVALID
    assert 'holds the DNS name "a.evil.test"' in verdict.findings[0].message
    assert judge(leaf, anchors=[root], options=Options(anchor_constraints=False)).is_valid


def test_bombs_of_names_and_constraints_are_stopped() -> None:
    many = [der.dns_name(f"d{number}.test") for number in range(600)]
    names = [f"a.d{number}.test" for number in range(600)]
    assert verdict_of({"dns": names}, exclude(*many)) == (Reason.VALIDATION_ERROR, Detail.LIMIT_EXCEEDED)
    assert verdict_of({"dns": names}, permit(*many), options=Options(limits=Limits(name_comparisons=10**6))) == VALID


@pytest.mark.parametrize(
    ("name", "tree", "within"),
    [
        ("corp.test", "corp.test", True),
        ("corp.test.", "corp.test", True),
        ("corp.test", ".corp.test", False),
        ("a.corp.test", ".corp.test", True),
        ("anything", "", True),
    ],
)
def test_dns_trees(name: str, tree: str, *, within: bool) -> None:
    assert is_dns_within(name, tree) is within


def test_hosts_of_uris() -> None:
    assert uri_host("https://user@Corp.Test.:443/x") == "corp.test"
    assert uri_host("http://[2001:db8::1]/") is None
    assert uri_host("http://192.0.2.1/") is None
    assert uri_host("http://[broken") is None
    assert uri_host("mailto:x@y") is None
    assert is_uri_within("http://a.test", "")
    assert is_email_within("x@a.test", "")
