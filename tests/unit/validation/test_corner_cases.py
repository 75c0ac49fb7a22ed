"""What users run into, a row each: the code, the reason and the sentence, through the functions a caller uses.

Rows are named for what was done; each goes the whole way: files read, key matched, chain put in order, path judged.
What only the operator can tell (a key of another certificate, a bundle with one expired root) is shown by stories in
`tests/scenario`; here stands what they rest on.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest

from certwright.dialects.root_certificates import CODES
from certwright.dialects.store_status import ANSWERS
from certwright.findings import Detail, Finding, MaterialError, Reason
from certwright.pki.intake import read_material
from certwright.pki.keys import matches, read_private_key
from certwright.pki.list_intake import read_list
from certwright.validation import Options, Revocation, Role, Verdict, arrange, validate, validate_crl
from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.pki import NOW, PKI, Entity, RevokedEntry, SignedList, ec_key, ed25519_key, rsa_key
from tests.support.pki_files import PASSWORD, encrypted, openssl, request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DAY = timedelta(days=1)
WHAT = "`spec.certificate`"
ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA", path_length=0)
LEAF = ISSUING.issue_leaf("shop.example.com")
CHAIN = LEAF.pem + ISSUING.pem
BARE_ROOT = PKI().root("Bare Root", key_usage=None)
OTHER = PKI().root("Other Root")
OFF, REQUIRE = Options(revocation=Revocation.OFF), Options(revocation=Revocation.REQUIRE)
STRICT_ALGORITHMS, STRICT_NAMES = replace(OFF, strict_algorithms=True), replace(OFF, strict_names=True)


@dataclass(frozen=True)
class Outcome:
    """What became of an upload: what names it, and all that is said."""

    reason: Reason
    findings: tuple[Finding, ...]
    verdict: Verdict | None = None


def look_at(
    upload: bytes | str,
    *,
    key: bytes | str | None = None,
    password: bytes | None = None,
    anchors: Sequence[Entity] = (ROOT,),
    crls: Sequence[SignedList] = (),
    **wishes: Any,
) -> Outcome:
    """Go the whole way with an upload, as a server at the instant at which everything made with defaults is valid."""
    try:
        own = None if key is None else read_private_key(_bytes(key), what="`spec.privateKey`", password=password)
        material = read_material(_bytes(upload), what=WHAT, password=password)
        matching = partial(matches, own.key) if own else None
        given = arrange(material.certificates, key_matches=matching)
        lists = [read_list(crl.der, what="`spec.crls`").crl for crl in crls]
    except MaterialError as error:
        return Outcome(error.finding.reason, (error.finding,))
    verdict = validate(
        given.leaf,
        intermediates=given.others,
        anchors=[entity.certificate for entity in anchors],
        crls=lists,
        **{"at": NOW, "role": Role.SERVER, "options": Options() if crls else OFF, **wishes},
    )
    said = (*verdict.findings, *given.warnings, *material.warnings, *(own.warnings if own else ()))
    return Outcome(verdict.reason, said, verdict)


def look_at_list(data: bytes, **wishes: Any) -> Outcome:
    try:
        crl = read_list(data, what="`spec.crls`").crl
    except MaterialError as error:
        return Outcome(error.finding.reason, (error.finding,))
    verdict = validate_crl(crl, intermediates=(), anchors=[ROOT.certificate, BARE_ROOT.certificate], at=NOW, **wishes)
    return Outcome(verdict.reason, verdict.findings, verdict)


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def leaf(issuer: Entity = ISSUING, **wishes: Any) -> Entity:
    return issuer.issue_leaf("shop.example.com", **wishes)


def signed_by(issuer: Entity = ISSUING, **wishes: Any) -> str:
    made = leaf(issuer, **wishes)
    return made.chain_pem


@cache
def pkcs7() -> bytes:
    return openssl("crl2pkcs7", "-nocrl", "-certfile", "chain.pem", files={"chain.pem": CHAIN.encode()})


@cache
def pkcs12() -> bytes:
    files = {"leaf.pem": LEAF.pem.encode(), "key.pem": LEAF.key_pem.encode(), "chain.pem": ISSUING.pem.encode()}
    inputs = ["-in", "leaf.pem", "-inkey", "key.pem", "-certfile", "chain.pem"]
    return openssl("pkcs12", "-export", *inputs, "-passout", f"pass:{PASSWORD.decode()}", files=files)


def key_as(*options: str) -> bytes:
    return openssl("pkey", *options, stdin=LEAF.key_pem.encode())


def broken_lines(width: int) -> str:
    body = "".join(LEAF.pem.splitlines()[1:-1])
    lines = [body[start : start + width] for start in range(0, len(body), width)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]) + ISSUING.pem


def other_name(text: str, tag: int) -> bytes:
    return der.name(("O", text)) if tag == 0x0C else der.sequence(der.set_of(der.attribute("O", text, tag=tag)))


SCOPED = ISSUING.issue_leaf(
    "shop.example.com", extensions=[ext.crl_distribution_points(ext.point(names=[der.uri("http://crl.test/one")]))]
)
ELSEWHERE = ISSUING.crl(extensions=[ext.issuing_distribution_point(names=[der.uri("http://crl.test/two")])])
EXPIRED_CROSS = OTHER.issue_ca("Corp Issuing CA", key=ISSUING.key, not_after=NOW - DAY)
SPELLED = PKI().root("", subject=der.name(("O", "Größe  Corp"), ("CN", "Root")))
RESPELLED = der.name(("O", "grösse CORP"), ("CN", "ROOT"))
LAUGHING = PKI().root("", subject=der.name(("O", "Corp 🎉"), ("CN", "Root")))
SEVERAL = PKI().root("", subject=der.sequence(der.set_of(der.attribute("O", "Corp"), der.attribute("CN", "Root"))))
VALID, NOTHING = Reason.VALID, ""


@dataclass(frozen=True)
class Row:
    """What was done, what becomes of it, and the sentence a person reads about it."""

    name: str
    look: Callable[[], Outcome]
    reason: Reason
    about: Reason
    sentence: str
    detail: Detail | None = None


def refused(name: str, look: Callable[[], Outcome], reason: Reason, sentence: str, detail: Detail | None = None) -> Row:
    return Row(name, look, reason, reason, sentence, detail)


def accepted(name: str, look: Callable[[], Outcome], about: Reason, sentence: str, detail: Detail | None = None) -> Row:
    return Row(name, look, VALID, about, sentence, detail)


def mended(name: str, look: Callable[[], Outcome], what: str) -> Row:
    return accepted(
        f"form: {name}", look, Reason.NORMALIZED, f"{WHAT}: stored in normalised form; it came with {what}."
    )


ROWS: tuple[Row, ...] = (
    accepted(
        "order: root first",
        lambda: look_at(ROOT.pem + ISSUING.pem + LEAF.pem),
        Reason.REORDERED,
        "the certificates were not in order; they are served leaf first.",
    ),
    accepted(
        "order: leaf last, told by its key",
        lambda: look_at(ISSUING.pem + LEAF.pem, key=LEAF.key_pem),
        Reason.REORDERED,
        "the certificates were not in order; they are served leaf first.",
    ),
    refused(
        "chain: intermediate missing",
        lambda: look_at(LEAF.pem),
        Reason.ISSUER_NOT_FOUND,
        f'the leaf names issuer "Corp Issuing CA" (key id {ISSUING.key.identifier.hex(":").upper()}), which is '
        "not given, nor among the 1 that are trusted. Add it to `spec.chain`.",
    ),
    accepted(
        "chain: root included",
        lambda: look_at(CHAIN + ROOT.pem),
        Reason.ROOT_REMOVED,
        'the root "Corp Root" was given with the chain; it is not served, and not trusted for it.',
    ),
    accepted(
        "chain: unrelated certificate",
        lambda: look_at(CHAIN + OTHER.pem),
        Reason.UNUSED_CERTIFICATE,
        'the certificate "Other Root" is no issuer of "shop.example.com"; it is not served. Remove it.',
    ),
    accepted(
        "chain: duplicates",
        lambda: look_at(CHAIN + ISSUING.pem),
        Reason.DUPLICATE_CERTIFICATE,
        f"{WHAT}: 3 certificates were given, 2 of them different; each is kept once.",
    ),
    mended("text around", lambda: look_at(f"Bag Attributes\n    localKeyID: 01\n{CHAIN}"), "text outside the blocks"),
    mended("CRLF", lambda: look_at(CHAIN.replace("\n", "\r\n")), "line ends other than LF"),
    mended("CR", lambda: look_at(CHAIN.replace("\n", "\r")), "line ends other than LF"),
    mended("no last line end", lambda: look_at(CHAIN.rstrip()), "no line end after the last line"),
    mended("byte order mark", lambda: look_at(f"\ufeff{CHAIN}"), "a byte order mark"),
    mended("indented", lambda: look_at("".join(f"  {line}\n" for line in CHAIN.splitlines())), "indented lines"),
    mended("76 columns", lambda: look_at(broken_lines(76)), "lines that are not 64 columns wide"),
    mended("one line", lambda: look_at(broken_lines(10_000)), "lines that are not 64 columns wide"),
    mended("escaped line ends", lambda: look_at(CHAIN.replace("\n", "\\n")), "line ends written as backslash and n"),
    refused(
        "form: UTF-16",
        lambda: look_at(CHAIN.encode("utf-16")),
        Reason.UNPARSABLE,
        f"{WHAT}: the text is UTF-16, as a redirection in PowerShell writes it. Save it as ASCII or UTF-8",
        Detail.UTF16,
    ),
    accepted(
        "key beside the certificate",
        lambda: look_at(LEAF.key_pem + CHAIN),
        Reason.KEY_IN_CERTIFICATE,
        f"{WHAT}: a private key stands beside the certificate. It is not published with it; keep it in a field",
    ),
    refused(
        "key instead of the certificate",
        lambda: look_at(LEAF.key_pem),
        Reason.UNPARSABLE,
        f"{WHAT}: it holds a private key and no certificate. Were certificate and key swapped?",
        Detail.WRONG_TYPE,
    ),
    refused(
        "certificate instead of the key",
        lambda: look_at(CHAIN, key=LEAF.pem),
        Reason.KEY_INVALID,
        "`spec.privateKey`: it holds a certificate and no private key. Were certificate and key swapped?",
        Detail.WRONG_TYPE,
    ),
    mended(
        "base64 without armor", lambda: look_at(base64.b64encode(leaf(ROOT).der)), "base64 without BEGIN and END lines"
    ),
    mended("base64 twice", lambda: look_at(base64.b64encode(CHAIN.encode())), "base64 of PEM (encoded twice)"),
    refused(
        "form: base64 of nothing known",
        lambda: look_at(base64.b64encode(b"hello, world")),
        Reason.UNPARSABLE,
        f"{WHAT}: this is base64, but what it decodes to is no certificate. Was it cut short, or encoded more than",
        Detail.NO_CERTIFICATE,
    ),
    mended("DER", lambda: look_at(leaf(ROOT).der), "DER instead of PEM"),
    mended("PKCS#7", lambda: look_at(pkcs7()), "PKCS#7 instead of PEM"),
    refused(
        "form: PKCS#12 without a password",
        lambda: look_at(pkcs12()),
        Reason.UNPARSABLE,
        f"{WHAT}: this is a PKCS#12 file and no password is given. Name the Secret of its password in `passwordRef`",
        Detail.PASSWORD_MISSING,
    ),
    accepted("form: PKCS#12 with its password", lambda: look_at(pkcs12(), password=PASSWORD), VALID, NOTHING),
    accepted("key: PKCS#8", lambda: look_at(CHAIN, key=LEAF.key_pem), VALID, NOTHING),
    accepted("key: SEC1", lambda: look_at(CHAIN, key=key_as("-traditional")), VALID, NOTHING),
    accepted(
        "key: after EC PARAMETERS",
        lambda: look_at(CHAIN, key=openssl("ecparam", "-name", "prime256v1") + key_as("-traditional")),
        VALID,
        NOTHING,
    ),
    accepted(
        "key: PKCS#1",
        lambda: look_at(signed_by(key=rsa_key()), key=openssl("pkey", "-traditional", stdin=rsa_key().pem.encode())),
        VALID,
        NOTHING,
    ),
    refused(
        "key: encrypted",
        lambda: look_at(CHAIN, key=encrypted(LEAF.key_pem.encode())),
        Reason.KEY_INVALID,
        "`spec.privateKey`: the private key is encrypted",
        Detail.ENCRYPTED,
    ),
    accepted(
        "key: encrypted, with its password",
        lambda: look_at(CHAIN, key=encrypted(LEAF.key_pem.encode()), password=PASSWORD),
        VALID,
        NOTHING,
    ),
    accepted(
        "key: Ed25519",
        lambda: look_at(signed_by(key=ed25519_key("a")), key=ed25519_key("a").pem),
        Reason.UNUSUAL_KEY_TYPE,
        "the key is Ed25519; not every consumer can use it.",
    ),
    refused(
        "form: CSR",
        lambda: look_at(request(LEAF.key_pem.encode())),
        Reason.UNPARSABLE,
        f"{WHAT}: this is a certificate signing request (CSR), not a certificate. Give the certificate that the CA",
        Detail.WRONG_TYPE,
    ),
    refused(
        "form: revocation list",
        lambda: look_at(ROOT.crl().pem),
        Reason.UNPARSABLE,
        f"{WHAT}: this is a certificate revocation list (CRL), not a certificate. Revocation lists belong into a",
        Detail.WRONG_TYPE,
    ),
    refused(
        "trust: an expired root by itself",
        lambda: look_at(PKI().root("Old Root", not_after=NOW - DAY).pem, anchors=(), role=Role.CA),
        Reason.EXPIRED,
        "the certificate expired on 2026-06-14 00:00:00 UTC. Give a newer one.",
    ),
    accepted(
        "trust: an expired root beside a good one",
        lambda: look_at(CHAIN, anchors=(PKI().root("Corp Root", not_after=NOW - DAY), ROOT)),
        VALID,
        NOTHING,
    ),
    accepted(
        "path: expired cross-sign beside a good one",
        lambda: look_at(CHAIN + EXPIRED_CROSS.pem, anchors=(ROOT, OTHER)),
        Reason.EXPIRED_ALTERNATIVE,
        f'the certificate "Corp Issuing CA" (serial {EXPIRED_CROSS.certificate.serial_hex}) '
        "expired on 2026-06-14; a good",
    ),
    refused(
        "dates: from tomorrow",
        lambda: look_at(signed_by(not_before=NOW + DAY)),
        Reason.NOT_YET_VALID,
        "the certificate is not valid before 2026-06-16 00:00:00 UTC; now is 2026-06-15 00:00:00 "
        "UTC. It will be looked",
    ),
    accepted("dates: the last second", lambda: look_at(signed_by(not_after=NOW)), VALID, NOTHING),
    accepted(
        "dates: year 9999",
        lambda: look_at(signed_by(not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))),
        VALID,
        NOTHING,
    ),
    refused(
        "dates: in the wrong order",
        lambda: look_at(signed_by(not_before=NOW + DAY, not_after=NOW - DAY)),
        Reason.NOT_YET_VALID,
        "the certificate is not valid before 2026-06-16 00:00:00 UTC",
    ),
    refused(
        "dates: long dead",
        lambda: look_at(signed_by(not_before=NOW - 9000 * DAY, not_after=NOW - 8000 * DAY)),
        Reason.EXPIRED,
        "the certificate expired on 2004-07-20 00:00:00 UTC. Give a newer one.",
    ),
    accepted(
        "serial: negative",
        lambda: look_at(signed_by(serial=-5)),
        Reason.SERIAL_UNUSUAL,
        "the serial number -05 is not positive or longer than 20 octets; some consumers refuse it.",
    ),
    accepted(
        "serial: zero",
        lambda: look_at(signed_by(serial=0)),
        Reason.SERIAL_UNUSUAL,
        "the serial number 00 is not positive",
    ),
    refused(
        "serial: negative, and revoked",
        lambda: look_at(signed_by(serial=-5), crls=[ISSUING.crl([-5]), ROOT.crl()]),
        Reason.REVOKED,
        'the certificate "shop.example.com" (serial -05) was revoked on 2026-06-01 00:00:00 UTC, says',
    ),
    accepted(
        "names: other spelling",
        lambda: look_at(signed_by(SPELLED, issuer_name=RESPELLED), anchors=[SPELLED]),
        VALID,
        NOTHING,
    ),
    accepted("names: emoji", lambda: look_at(signed_by(LAUGHING), anchors=[LAUGHING]), VALID, NOTHING),
    accepted("names: several values at once", lambda: look_at(signed_by(SEVERAL), anchors=[SEVERAL]), VALID, NOTHING),
    refused(
        "names: emoji, other spelling",
        lambda: look_at(
            signed_by(LAUGHING, issuer_name=der.name(("O", "CORP 🎉"), ("CN", "Root"))), anchors=[LAUGHING]
        ),
        Reason.ISSUER_NOT_FOUND,
        'the leaf names issuer "Root" (key id ',
    ),
    accepted(
        "names: T61 for UTF-8",
        lambda: look_at(
            signed_by(PKI().root("", subject=other_name("Corp", 0x0C)), issuer_name=other_name("CORP", 0x14)),
            anchors=[PKI().root("", subject=other_name("Corp", 0x0C))],
        ),
        VALID,
        NOTHING,
    ),
    refused(
        "names: control characters",
        lambda: look_at(leaf(PKI().root("Evil\x1b[31m\u202eRoot")).pem),
        Reason.ISSUER_NOT_FOUND,
        r'the leaf names issuer "Evil\x1b[31m\u202eRoot" (key id ',
    ),
    accepted(
        "names: subject empty",
        lambda: look_at(signed_by(subject=der.sequence())),
        Reason.NAME_MISSING,
        "the subject is empty and the alternative names are not critical; some consumers refuse that.",
    ),
    accepted(
        "names: common name only",
        lambda: look_at(signed_by(dns=[])),
        Reason.NO_SUBJECT_ALT_NAME,
        "the certificate has no DNS name or IP address among its alternative names; clients ignore the common name.",
    ),
    refused(
        "names: common name only, strictly",
        lambda: look_at(signed_by(dns=[]), options=STRICT_NAMES),
        Reason.USAGE_MISMATCH,
        "the certificate has no DNS name or IP address among its alternative names",
    ),
    accepted(
        "names: wildcard for one label",
        lambda: look_at(signed_by(dns=["*.example.com"]), options=replace(OFF, dns_names=("a.EXAMPLE.com",))),
        VALID,
        NOTHING,
    ),
    refused(
        "names: wildcard for two labels",
        lambda: look_at(signed_by(dns=["*.example.com"]), options=replace(OFF, dns_names=("a.b.example.com",))),
        Reason.NAME_MISSING,
        'the certificate does not cover the DNS name "a.b.example.com"; it names '
        '"*.example.com". Ask its issuer to add',
    ),
    refused(
        "names: address among DNS names",
        lambda: look_at(signed_by(dns=["10.0.0.1"]), options=replace(OFF, ip_addresses=("10.0.0.1",))),
        Reason.NAME_MISSING,
        'the certificate does not cover the IP address "10.0.0.1"; it names none. Ask its issuer to add the name.',
    ),
    refused(
        "lists: only the leaf's issuer has one",
        lambda: look_at(CHAIN, crls=[ISSUING.crl()], options=REQUIRE),
        Reason.CRL_NOT_VALID,
        'there is no revocation list for "Corp Issuing CA", issued by "Corp Root". Add the list of "Corp Root".',
        Detail.CRL_MISSING,
    ),
    accepted(
        "lists: only the leaf's issuer has one, where they are preferred",
        lambda: look_at(CHAIN, crls=[ISSUING.crl()]),
        Reason.CRL_NOT_VALID,
        'there is no revocation list for "Corp Issuing CA", issued by "Corp Root".',
        Detail.CRL_MISSING,
    ),
    refused(
        "lists: expired",
        lambda: look_at(CHAIN, crls=[ROOT.crl(), ISSUING.crl(next_update=NOW - DAY)]),
        Reason.CRL_EXPIRED,
        'the revocation list of "Corp Issuing CA" of 2026-06-01 expired on 2026-06-14 00:00:00 '
        "UTC. Fetch the present one.",
    ),
    refused(
        "lists: of another place",
        lambda: look_at(SCOPED.pem + ISSUING.pem, crls=[ROOT.crl(), ELSEWHERE], options=REQUIRE),
        Reason.CRL_NOT_VALID,
        'the revocation list of "Corp Issuing CA" of 2026-06-01 does not cover the certificate "shop.example.com": '
        "it is for http://crl.test/two, the certificate names http://crl.test/one.",
        Detail.SCOPE,
    ),
    refused(
        "lists: a certificate instead",
        lambda: look_at_list(ROOT.pem.encode()),
        Reason.CRL_INVALID,
        "`spec.crls`: it holds a certificate, not a revocation list. Give one X.509 CRL.",
        Detail.WRONG_TYPE,
    ),
    accepted(
        "lists: by a root without key usage",
        lambda: look_at_list(BARE_ROOT.crl().der),
        Reason.CRL_ISSUER_NOT_AUTHORIZED,
        'the revocation list of "Bare Root" of 2026-06-01 is signed by "Bare Root", a CA without key usage (RFC 10007)',
        Detail.CRL_SIGN_MISSING,
    ),
    refused(
        "lists: by a root without key usage, strictly",
        lambda: look_at_list(BARE_ROOT.crl().der, options=Options(strict_crl_issuer=True)),
        Reason.CRL_ISSUER_NOT_AUTHORIZED,
        'the revocation list of "Bare Root" of 2026-06-01 is not by an authorised issuer: the '
        'key usage of "Bare Root" is',
        Detail.CRL_SIGN_MISSING,
    ),
    accepted(
        "algorithms: SHA-1",
        lambda: look_at(
            signed_by(PKI().root("R", key=rsa_key("a")), sha1=True), anchors=[PKI().root("R", key=rsa_key("a"))]
        ),
        Reason.ALGORITHM_WEAK,
        'the certificate "shop.example.com" is signed with RSA-SHA1, which can be forged.',
    ),
    refused(
        "algorithms: SHA-1, strictly",
        lambda: look_at(
            signed_by(PKI().root("R", key=rsa_key("a")), sha1=True),
            anchors=[PKI().root("R", key=rsa_key("a"))],
            options=STRICT_ALGORITHMS,
        ),
        Reason.CHAIN_INVALID,
        'the certificate "shop.example.com" is signed with',
        Detail.ALGORITHM_NOT_ALLOWED,
    ),
    accepted(
        "algorithms: RSA-1024",
        lambda: look_at(signed_by(key=rsa_key("weak"))),
        Reason.WEAK_KEY,
        'the certificate "shop.example.com" has a key of only 1024 bits. Ask its issuer for a stronger one.',
    ),
    accepted(
        "algorithms: root of version 1",
        lambda: look_at(signed_by(PKI().root("Old", version=1)), anchors=[PKI().root("Old", version=1)]),
        VALID,
        NOTHING,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_has_its_code_reason_and_sentence_when_it_is_walked(row: Row) -> None:
    outcome = row.look()
    assert outcome.reason is row.reason, outcome.findings
    if row.reason in CODES:
        assert (CODES[row.reason] == 0) is (row.reason is VALID)
    else:
        assert ANSWERS[row.reason].response_code == 526
    if row.about is VALID:
        assert outcome.findings == ()
        return
    about = [item for item in outcome.findings if item.reason is row.about]
    assert about, outcome.findings
    assert about[0].message.startswith(row.sentence)
    assert about[0].detail is row.detail
    if row.reason is not VALID:
        assert outcome.findings[0] is about[0]


def test_leaf_from_tomorrow_is_looked_at_again_when_it_begins() -> None:
    verdict = look_at(signed_by(not_before=NOW + DAY)).verdict
    assert verdict is not None
    assert verdict.next_change == NOW + DAY


def test_key_of_another_certificate_is_told_when_compared() -> None:
    key = read_private_key(OTHER.key_pem.encode(), what="`spec.privateKey`").key
    (certificate,) = read_material(LEAF.pem.encode(), what=WHAT).certificates
    assert not matches(key, certificate)


def test_list_of_an_end_entity_without_key_usage_is_never_used() -> None:
    plain = ROOT.issue_leaf("", subject=ISSUING.subject, key=ec_key("plain"), key_usage=None, usages=None)
    scope = ext.issuing_distribution_point(indirect=True)
    lists = [ROOT.crl(), plain.crl([RevokedEntry(LEAF.serial, reason=1)], extensions=[scope])]
    outcome = look_at(CHAIN + plain.pem, key=LEAF.key_pem, crls=lists, options=REQUIRE)
    assert outcome.reason is Reason.CRL_ISSUER_NOT_AUTHORIZED
