"""What is asked of the target itself: roles, names, and advice (the corner cases users hit)."""

import ipaddress

import pytest

from certwright.findings import Detail, Reason
from certwright.validation import Options, Role, validate
from certwright.validation.demanded_names import covers_dns, normalize_dns
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.judging import judge, warned, worst
from tests.support.pki import NOW, PKI, Entity, ed25519_key, rsa_key

ROOT = PKI().root("Corp Root")
BOTH = frozenset({Role.SERVER, Role.CLIENT})


def leaf(cn: str = "a.example.com", **wishes: object) -> Entity:
    return ROOT.issue_leaf(cn, **wishes)


def reason_of(target: Entity, role: Role | frozenset[Role], **options: object) -> Reason:
    return judge(target, anchors=[ROOT], role=role, options=Options(**options)).reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wishes", "fits"),
    [
        ({}, BOTH),
        ({"usages": ["serverAuth"]}, {Role.SERVER}),
        ({"usages": ["clientAuth"]}, {Role.CLIENT}),
        ({"usages": ["codeSigning"]}, set()),
        ({"usages": ["anyExtendedKeyUsage"]}, BOTH),
        ({"usages": None}, BOTH),
        ({"key_usage": None}, BOTH),
        ({"key_usage": ["keyEncipherment"]}, {Role.SERVER}),
        ({"key_usage": ["keyAgreement"]}, BOTH),
        ({"key_usage": ["keyCertSign"]}, set()),
    ],
)
def test_a_certificate_suits_its_roles(wishes: dict[str, object], fits: set[Role]) -> None:
    target = leaf(**wishes)
    for role in BOTH:
        assert reason_of(target, role) is (Reason.VALID if role in fits else Reason.USAGE_MISMATCH)
    both = Reason.VALID if fits >= BOTH else Reason.USAGE_MISMATCH
    assert reason_of(target, Role.BOTH) is both
    assert reason_of(target, BOTH) is both
    assert reason_of(target, Role.ANY) is Reason.VALID


def test_any_purpose_serves_only_where_the_option_says_so() -> None:
    target = leaf(usages=["anyExtendedKeyUsage"])
    assert reason_of(target, Role.SERVER, any_purpose=False) is Reason.USAGE_MISMATCH


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, (Reason.VALID, None)),
        ({"key_usage": None}, (Reason.VALID, None)),
        ({"ca": None}, (Reason.USAGE_MISMATCH, Detail.CA_FLAG_MISSING)),
        ({"key_usage": ["cRLSign"]}, (Reason.USAGE_MISMATCH, Detail.KEY_CERT_SIGN_MISSING)),
    ],
)
def test_a_ca_must_be_one(wishes: dict[str, object], expected: tuple[Reason, Detail | None]) -> None:
    assert worst(judge(ROOT.issue_ca("CA", **wishes), anchors=[ROOT], role=Role.CA)) == expected


def test_all_findings_are_collected_and_the_worst_comes_first() -> None:
    target = leaf(usages=["clientAuth"], key_usage=["keyCertSign"], dns=["b.test"])
    verdict = judge(target, options=Options(dns_names=("a.test",), previous_had_intermediate=True))
    reasons = [item.reason for item in verdict.errors]
    assert reasons == [
        Reason.USAGE_MISMATCH,
        Reason.USAGE_MISMATCH,
        Reason.NAME_MISSING,
        Reason.ISSUER_NOT_FOUND,
    ]
    assert verdict.reason is Reason.USAGE_MISMATCH


def test_demanded_names_are_looked_for_in_the_alternative_names_only() -> None:
    options = Options(dns_names=("a.example.com", "b.example.com"), ip_addresses=("192.0.2.7", "2001:DB8::7", "bad"))
    target = leaf("b.example.com", dns=["a.example.com"], ips=["192.0.2.7", "2001:db8::7"])
    verdict = judge(target, anchors=[ROOT], options=options)
    assert [item.reason for item in verdict.errors] == [Reason.NAME_MISSING, Reason.NAME_MISSING]
    assert 'does not cover the DNS name "b.example.com"; it names "a.example.com".' in verdict.errors[0].message
    assert 'the IP address "bad"' in verdict.errors[1].message
    assert ipaddress.ip_address("192.0.2.7") in target.certificate.ip_addresses
    none = judge(leaf("x y", dns=[]), anchors=[ROOT], role=Role.ANY, options=Options(dns_names=("a.example.com",)))
    assert "it names none." in none.errors[0].message
    many = judge(leaf(dns=list("abcdefg")), anchors=[ROOT], options=Options(dns_names=("x.example.com",)))
    assert "and 2 more" in many.errors[0].message


@pytest.mark.parametrize(
    ("offered", "demanded", "covered"),
    [
        ("a.example.com", "A.Example.COM.", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "*.example.com", True),
        ("a.example.com", "*.example.com", False),
        ("a*.example.com", "ab.example.com", False),
        ("*", "example", False),
        ("*", "*", False),
        ("*.com", "example.com", False),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("a.example.com", "", False),
    ],
)
def test_wildcards_stand_for_one_whole_label(offered: str, demanded: str, *, covered: bool) -> None:
    assert covers_dns({normalize_dns(offered)}, demanded) is covered


def test_names_that_are_no_domains_are_left_as_they_are() -> None:
    assert normalize_dns("ü" * 70) == "ü" * 70


def test_a_common_name_alone_is_a_warning_for_servers_and_strictly_a_mismatch() -> None:
    target = leaf("a.example.com", dns=[])
    verdict = judge(target, anchors=[ROOT])
    assert verdict.is_valid
    assert warned(verdict, Reason.NO_SUBJECT_ALT_NAME) is not None
    assert reason_of(target, Role.SERVER, strict_names=True) is Reason.USAGE_MISMATCH
    assert warned(judge(target, anchors=[ROOT], role=Role.ANY), Reason.NO_SUBJECT_ALT_NAME) is None


@pytest.mark.parametrize(("serial", "odd"), [(1, False), (0, True), (-5, True), (2**159 - 1, False), (2**159, True)])
def test_unusual_serial_numbers_are_a_warning(serial: int, *, odd: bool) -> None:
    verdict = judge(leaf(serial=serial), anchors=[ROOT])
    assert verdict.is_valid
    assert (warned(verdict, Reason.SERIAL_UNUSUAL) is not None) is odd


def test_an_empty_subject_needs_alternative_names() -> None:
    bare = {"subject": der.sequence()}
    critical = ext.subject_alt_names(der.dns_name("a.example.com")).marked(critical=True)
    assert judge(leaf("", **bare, extensions=[critical]), anchors=[ROOT]).findings[1:] == ()
    verdict = judge(leaf("", **bare, dns=["a.example.com"]), anchors=[ROOT])
    assert verdict.is_valid
    assert warned(verdict, Reason.NAME_MISSING) is not None
    assert worst(judge(leaf("", **bare), anchors=[ROOT], role=Role.ANY)) == (Reason.NAME_MISSING, None)


def test_unusual_keys_are_a_warning() -> None:
    found = warned(judge(leaf(key=ed25519_key("x")), anchors=[ROOT]), Reason.UNUSUAL_KEY_TYPE)
    assert found is not None
    assert "Ed25519" in found.message


def test_weak_signatures_are_a_warning_and_strictly_refused() -> None:
    root = PKI().root("Old Root", key=rsa_key("a"), sha1=True)
    issuing = root.issue_ca("Old CA", key=rsa_key("b"), sha1=True)
    target = issuing.issue_leaf("a.example.com")
    verdict = judge(target, [issuing], anchors=[root])
    assert verdict.is_valid
    weak = [item.fingerprint for item in verdict.findings if item.reason is Reason.ALGORITHM_WEAK]
    assert weak == [issuing.certificate.fingerprint]  # not the root, whose signature protects nothing
    strict = judge(target, [issuing], anchors=[root], options=Options(strict_algorithms=True))
    assert worst(strict) == (Reason.CHAIN_INVALID, Detail.ALGORITHM_NOT_ALLOWED)


def test_foreign_text_is_made_harmless() -> None:
    target = leaf("evil\u202egnp.exe\x1b[31m", dns=["b.test"])
    verdict = judge(target)
    assert all(item.message.isprintable() for item in verdict.findings)
    long = PKI().root("x" * 5000)
    messages = [item.message for item in judge(long.issue_leaf("y" * 5000), [ROOT]).findings]
    assert all(len(message) <= 400 for message in messages)


def test_a_defect_of_ours_becomes_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    target = leaf()
    broken = target.certificate.from_der(target.der)
    object.__setattr__(broken, "subject", None)
    verdict = validate(broken, intermediates=[], anchors=None, at=NOW, role=Role.SERVER)
    assert worst(verdict) == (Reason.VALIDATION_ERROR, None)
    assert broken.fingerprint in caplog.text
