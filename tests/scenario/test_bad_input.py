"""What people hand in by mistake: it is refused with a reason and a fix, and what was served stays served.

Each time something good is served first; then the bad comes; then somebody else is served as if nothing had happened.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest

from tests.support import pki_files
from tests.support.pki import Entity
from tests.support.pki_files import PASSWORD, VECTORS, openssl
from tests.support.worlds import Corp, World
from tests.support.worlds.manifests import Manifest, config_map, imported, secret, serving
from tests.support.worlds.material import stored, upload
from tests.support.worlds.trouble import Bad, early_leaf, expired_leaf, pair

CERTIFICATE = ("PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525)
EXPIRED = ("CERTIFICATE_IS_EXPIRED", 525)
KEY = ("PRIVATE_KEY_IS_INVALID", 526)
MISMATCH = ("PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE", 523)
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)
STORING = ("GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527)
NOT_FOUND = ("NOT_FOUND", 404)
BAD_REQUEST = ("BAD_REQUEST", 400)
OK = ("OK", 200)

CRT = "`spec.certificateRef`: Secret `shop-upload`, key `tls.crt`: "
TLS_KEY = "`spec.certificateRef`: Secret `shop-upload`, key `tls.key`: "
LOCKED = {"privateKeyRef": {"name": "shop-upload", "passwordRef": {"name": "password"}}}


@dataclass(frozen=True)
class Mistake:
    """What is handed in, and what is said of it.

    Attributes:
        said: `detailedError`, whole; names in braces are those of `Facts`.
        beside: what else is applied.
        more: how many errors there are besides.
    """

    what: str
    handed_in: Callable[[Corp], Bad]
    answer: tuple[str, int]
    validation: int
    reason: str
    detail: str | None
    said: str
    beside: Callable[[Corp], tuple[Manifest, ...]] = field(default=lambda _: ())
    more: int = 0


def _locked(corp: Corp, **spec: Any) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, key=pki_files.encrypted(leaf.key_pem.encode()), **spec)


def _password(text: bytes) -> Callable[[Corp], tuple[Manifest, ...]]:
    return lambda _: (secret("password", {"password": text}),)


def _swapped(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return Bad({"tls.crt": leaf.key_pem, "tls.key": leaf.pem})


def _two_leaves(corp: Corp) -> Bad:
    return pair(corp.leaf(), crt=corp.leaf("one.example.com").pem + corp.leaf("two.example.com").pem)


def _missing_intermediate(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.pem + corp.ca("Other CA").pem + corp.root.pem)


def _lost_intermediate(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.pem)


def _ca(corp: Corp) -> Bad:
    authority = corp.root.issue_ca("Corp Issuing CA 4", **corp.dates)
    return pair(authority, crt=authority.pem + corp.root.pem)


def _request(corp: Corp) -> Bad:
    key = corp.leaf().key_pem
    return Bad({"tls.key": key}, {"certificate": pki_files.request(key.encode()).decode(), **SEPARATE})


SEPARATE = {"privateKeyRef": {"name": "shop-upload"}}
JUNK = hashlib.shake_256(b"junk").digest(1_000_000)

MISTAKES = (
    Mistake(
        "truncated",
        lambda corp: pair(corp.leaf(), crt=corp.leaf().chain_pem[:-100]),
        CERTIFICATE,
        2001,
        "Unparsable",
        "Truncated",
        f"{CRT}block 2 (CERTIFICATE) has no END line: the text was cut short. Copy the file again, as a whole.",
    ),
    Mistake(
        "garbage",
        lambda corp: pair(corp.leaf(), crt=corp.leaf().pem.replace("\nM", "\n%", 1)),
        CERTIFICATE,
        2001,
        "Unparsable",
        "Base64Damaged",
        f"{CRT}the base64 of block 1 (CERTIFICATE) is damaged: line 1 of it holds a character that is not base64. Copy "
        "the file again, as a whole.",
    ),
    Mistake(
        "junk",
        lambda corp: pair(corp.leaf(), crt=JUNK.hex()[:1_000_000]),
        CERTIFICATE,
        2001,
        "Unparsable",
        "NoCertificate",
        f"{CRT}this is base64, but what it decodes to is no certificate. Was it cut short, or encoded more than twice?",
    ),
    Mistake(
        "binary junk",
        lambda corp: Bad({"tls.crt": JUNK, "tls.key": corp.leaf().key_pem}),
        CERTIFICATE,
        2001,
        "Unparsable",
        "NoCertificate",
        f"{CRT}no certificate was found in 1000000 bytes: neither PEM, nor DER, nor base64 of either.",
    ),
    Mistake(
        "swapped",
        _swapped,
        CERTIFICATE,
        2001,
        "Unparsable",
        "WrongType",
        f"{CRT}it holds a private key and no certificate. Were certificate and key swapped?",
        more=1,
    ),
    Mistake(
        "another key",
        lambda corp: pair(corp.leaf(), key=corp.leaf().key_pem),
        MISMATCH,
        0,
        "KeyMismatch",
        None,
        'the private key (ECDSA P-256) does not belong to the certificate "shop.example.com" (serial {serial}, ECDSA '
        "P-256). Hand in the key it was issued for.",
    ),
    Mistake(
        "locked key",
        _locked,
        KEY,
        0,
        "KeyInvalid",
        "Encrypted",
        f"{TLS_KEY}the private key is encrypted and no password is given. Name its Secret in `passwordRef`, or decrypt "
        "the key with `openssl pkey`.",
    ),
    Mistake(
        "wrong password",
        lambda corp: _locked(corp, **LOCKED),
        KEY,
        0,
        "KeyInvalid",
        "WrongPassword",
        "`spec.privateKeyRef`: Secret `shop-upload`, key `tls.key`: the password does not open the private key, or the "
        "file is damaged.",
        _password(b"guess"),
    ),
    Mistake(
        "two leaves",
        _two_leaves,
        CERTIFICATE,
        2001,
        "Unparsable",
        "SeveralLeaves",
        'there are 2 certificates that issue no other, among them "one.example.com" (serial {one}) and '
        '"two.example.com" (serial {two}). Give one leaf and its chain.',
    ),
    Mistake(
        "missing intermediate",
        _missing_intermediate,
        CHAIN,
        2011,
        "IssuerNotFound",
        None,
        'the leaf names issuer "Corp Issuing CA 3" (key id {key_id}), which is not among the 2 certificates given '
        '("Other CA", "Corp Root"). Add it to `spec.chain`.',
    ),
    Mistake(
        "lost intermediate",
        _lost_intermediate,
        CHAIN,
        2011,
        "IssuerNotFound",
        None,
        'the leaf names issuer "Corp Issuing CA 3" (key id {key_id}), which is not given, while what is served has an '
        "intermediate. Add it to `spec.chain`.",
    ),
    Mistake(
        "expired",
        lambda corp: pair(expired_leaf(corp)),
        EXPIRED,
        2003,
        "Expired",
        None,
        "the certificate expired on {yesterday} UTC. Give a newer one.",
    ),
    Mistake(
        "not yet valid",
        lambda corp: pair(early_leaf(corp)),
        CERTIFICATE,
        2004,
        "NotYetValid",
        None,
        "the certificate is not valid before {in_three_days} UTC; now is {now} UTC. It will be looked at again then.",
    ),
    Mistake(
        "CA as server",
        _ca,
        CERTIFICATE,
        2012,
        "UsageMismatch",
        None,
        'the certificate "Corp Issuing CA 4" does not suit its role: its key usage has none of digitalSignature, '
        "keyAgreement, keyEncipherment; a server needs one. Ask its issuer for one that does.",
    ),
    Mistake(
        "UTF-16",
        lambda corp: Bad({"tls.crt": corp.leaf().chain_pem.encode("utf-16"), "tls.key": corp.leaf().key_pem}),
        CERTIFICATE,
        2001,
        "Unparsable",
        "UTF16",
        f"{CRT}the text is UTF-16, as a redirection in PowerShell writes it. Save it as ASCII or UTF-8 (`Set-Content "
        "-Encoding ascii`).",
    ),
    Mistake(
        "request",
        _request,
        CERTIFICATE,
        2001,
        "Unparsable",
        "WrongType",
        "`spec.certificate`: this is a certificate signing request (CSR), not a certificate. Give the certificate "
        "that the CA issued for it.",
    ),
    Mistake(
        "no Secret",
        lambda _: Bad({}, {"certificateRef": {"name": "nowhere"}}),
        NOT_FOUND,
        -1,
        "ReferenceNotFound",
        None,
        "`spec.certificateRef`: there is no Secret `nowhere` in namespace `{namespace}`. It is judged within a second "
        "of its appearance.",
    ),
    Mistake(
        "no such key",
        lambda corp: Bad({"cert.pem": corp.leaf().chain_pem, "tls.key": corp.leaf().key_pem}),
        NOT_FOUND,
        -1,
        "ReferenceNotFound",
        "SecretKeyMissing",
        f"{CRT}the Secret has no such key; it has `cert.pem`, `tls.key`. Add it, or name another `key`.",
    ),
    Mistake(
        "token",
        lambda _: Bad({}, {"certificateRef": {"name": "token", "key": "ca.crt"}}),
        BAD_REQUEST,
        -1,
        "InvalidRequest",
        "SecretTypeNotRead",
        "`spec.certificateRef`: Secret `token`, key `ca.crt`: Secrets of type `kubernetes.io/service-account-token` "
        "are not read. Put the material into a Secret of type `Opaque` or `kubernetes.io/tls`.",
        lambda corp: (
            secret(
                "token",
                {"ca.crt": corp.root.pem},
                type="kubernetes.io/service-account-token",
                annotations={"kubernetes.io/service-account.name": "default"},
            ),
        ),
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what.replace(" ", "-"))
async def test_last_good_stays_served_when_somebody_makes_a_mistake(world: World, mistake: Mistake) -> None:
    good = world.corp.leaf()
    await world.apply(upload(good), serving())
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "shop-tls")
    bad = mistake.handed_in(world.corp)

    await world.apply(*mistake.beside(world.corp), *bad.manifests("shop"))
    report = await world.settle("shop", lambda report: report.reason == mistake.reason)

    assert (report.answer, report.validation) == (mistake.answer, mistake.validation)
    found = report.finding(mistake.reason)
    assert found.get("detail") == mistake.detail
    assert found["message"] == mistake.said.format(**_facts(world, report.status, found["message"]))
    opening = "Waiting: " if report.condition("Reconciling") else "Refused: "
    more = f" {mistake.more} more in `status.findings`." if mistake.more else ""
    assert report.message() == f"{opening}{found['message']}{more} {_still_served(good)}"
    after = await world.read("Secret", "shop-tls")
    assert after == before
    assert after is not None
    assert after.data == stored(good)
    await serve_another(world)


async def test_last_good_stays_served_when_the_source_is_deleted(world: World) -> None:
    good = world.corp.leaf()
    await world.apply(upload(good), serving())
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "shop-tls")

    await world.delete("Secret", "shop-upload")
    report = await world.settle("shop", lambda report: report.answer == NOT_FOUND)

    assert report.message() == (
        "Waiting: `spec.certificateRef`: there is no Secret `shop-upload` in namespace "
        f"`{world.namespace}`. It is judged within a second of its appearance. {_still_served(good)}"
    )
    assert await world.read("Secret", "shop-tls") == before
    await world.travel(timedelta(minutes=10, seconds=1))
    await world.settle("shop", lambda report: report.condition("Stalled") == ("True", "WaitedTooLong"))
    await world.apply(upload(good))
    await world.settle("shop", lambda report: report.is_ok and report.condition("Stalled") is None)
    assert await world.read("Secret", "shop-tls") == before
    await serve_another(world)


async def test_foreign_secret_stays_as_it_is_when_it_is_named_as_target(world: World) -> None:
    good = world.corp.leaf()
    await world.apply(upload(good), serving(), secret("foreign", {"mine": "only"}))
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "foreign"), await world.read("Secret", "shop-tls")

    await world.apply(serving("shop", "shop-tls", "foreign"))
    report = await world.settle("shop")

    assert (report.answer, report.validation) == (STORING, 0)
    assert report.message() == (
        "Secret `foreign` is somebody else's and stays as it is. Choose another `secretName`, or allow it: kubectl "
        f"annotate secret -n {world.namespace} foreign certwright.io/allow-write=ImportedCertificate/shop"
    )
    assert report.target_answer("shop-tls") == OK
    assert (await world.read("Secret", "foreign"), await world.read("Secret", "shop-tls")) == before
    await serve_another(world)


async def test_secret_of_cert_manager_stays_as_it_is_when_it_is_named_as_target(world: World) -> None:
    theirs = {"cert-manager.io/certificate-name": "shop", "certwright.io/allow-write": "ImportedCertificate/shop"}
    await world.apply(upload(world.corp.leaf()), secret("theirs", {"mine": "only"}, annotations=theirs))
    before = await world.read("Secret", "theirs")

    await world.apply(serving("shop", "theirs"))
    report = await world.settle("shop")

    assert report.reason == "TargetNotOwned"
    assert "written by cert-manager" in report.message()
    assert await world.read("Secret", "theirs") == before


async def test_certificate_is_served_when_it_has_fifty_thousand_names(world: World) -> None:
    """Odd, and no mistake: the status lists what it has room for, and says how many there are."""
    leaf = world.corp.leaf("n0.ab", dns=[f"n{number}.ab" for number in range(50_000)])

    await world.apply(upload(leaf), serving())
    report = await world.settle("shop", lambda report: report.is_ok)

    assert (len(report.status["dnsNames"]), report.status["dnsNamesCount"]) == (100, 50_000)
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data == stored(leaf)
    await serve_another(world)


# ---- forms that people have, and that are taken


def _chain_files(leaf: Entity) -> dict[str, bytes]:
    return {
        "leaf.pem": leaf.pem.encode(),
        "chain.pem": leaf.chain_pem.encode(),
        "rest.pem": leaf.issuers[0].pem.encode(),
        "key.pem": leaf.key_pem.encode(),
    }


def _pkcs7(leaf: Entity) -> dict[str, bytes]:
    made = openssl("crl2pkcs7", "-nocrl", "-certfile", "chain.pem", files=_chain_files(leaf))
    return {"tls.crt": made, "tls.key": leaf.key_pem.encode()}


def _der(leaf: Entity) -> dict[str, bytes]:
    made = openssl("x509", "-in", "leaf.pem", "-outform", "DER", files=_chain_files(leaf))
    return {"tls.crt": made, "tls.key": leaf.key_pem.encode()}


def _one_line(leaf: Entity) -> dict[str, bytes]:
    return {"tls.crt": base64.b64encode(leaf.chain_pem.encode()), "tls.key": leaf.key_pem.encode()}


def _pkcs12(leaf: Entity) -> dict[str, bytes]:
    options = ("-in", "leaf.pem", "-inkey", "key.pem", "-certfile", "rest.pem", "-passout", f"pass:{PASSWORD.decode()}")
    return {"shop.p12": openssl("pkcs12", "-export", *options, files=_chain_files(leaf))}


def _traditional_key(leaf: Entity) -> dict[str, bytes]:
    made = openssl("ec", "-in", "key.pem", files=_chain_files(leaf))
    return {"tls.crt": leaf.chain_pem.encode(), "tls.key": made}


PKCS12_UPLOAD = {"name": "shop-upload", "key": "shop.p12", "passwordRef": {"name": "password"}}
FORMS: tuple[tuple[str, Callable[[Entity], Mapping[str, bytes]], Mapping[str, Any]], ...] = (
    ("PKCS#7", _pkcs7, {}),
    ("DER", _der, {"chainRef": {"name": "chain"}}),
    ("one line of base64", _one_line, {}),
    ("SEC1 key", _traditional_key, {}),
    (
        "PKCS#12",
        _pkcs12,
        {"certificateRef": {"name": "shop-upload", "key": "shop.p12", "passwordRef": {"name": "password"}}},
    ),
)


@pytest.mark.parametrize(("made", "spec"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
async def test_target_is_pem_when_the_upload_has_another_form(
    world: World, made: Callable[[Entity], Mapping[str, bytes]], spec: Mapping[str, Any]
) -> None:
    leaf = world.corp.leaf()
    await world.apply(
        secret("password", {"password": PASSWORD}),
        secret("chain", {"tls.crt": world.corp.issuing.pem}),
        secret("shop-upload", made(leaf)),
        serving(**spec),
    )

    await world.settle("shop", lambda report: report.is_ok)

    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert (target.type, target.data) == ("kubernetes.io/tls", stored(leaf))


async def test_pkcs12_is_refused_when_its_password_is_wrong(world: World) -> None:
    await world.apply(
        secret("password", {"password": "guess"}),
        secret("shop-upload", _pkcs12(world.corp.leaf())),
        serving(certificateRef=PKCS12_UPLOAD),
    )

    report = await world.settle("shop", lambda report: report.validation == 2001)

    assert report.finding("Unparsable")["detail"] == "WrongPassword"
    assert await world.read("Secret", "shop-tls") is None
    await world.apply(secret("password", {"password": PASSWORD + b"\n"}))
    await world.settle("shop", lambda report: report.is_ok)


async def test_chain_made_by_openssl_is_served_when_it_comes_in_wrong_order(world: World) -> None:
    await world.travel(datetime.now(UTC) + timedelta(minutes=5) - world.now)
    leaf = pki_files.issued("leaf")
    names = ("root", "leaf", "issuing")
    disordered = b"".join(pki_files.issued(name).certificate for name in names)

    await world.apply(secret("shop-upload", {"tls.crt": disordered, "tls.key": leaf.key}), serving())
    report = await world.settle("shop", lambda report: report.is_ok)

    assert {"Reordered", "RootRemoved"} <= set(report.warnings)
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data["tls.crt"] == leaf.certificate + pki_files.issued("issuing").certificate
    assert openssl("pkey", "-pubout", stdin=target.data["tls.key"]) == openssl("pkey", "-pubout", stdin=leaf.key)


# ---- public certificates, only watched

PUBLIC_ROOTS = Path(certifi.where()).read_text(encoding="utf-8")
OLD_CHAIN = (VECTORS / "x509" / "cryptography.io.chain.pem").read_text()


async def test_public_chain_is_expired_when_it_is_watched_too_late(world: World) -> None:
    leaf, _, _ = OLD_CHAIN.partition("-----END CERTIFICATE-----\n")

    await world.apply(imported("chain", certificate=OLD_CHAIN))
    await world.apply(imported("leaf", certificate=leaf + "-----END CERTIFICATE-----\n"))
    chain, alone = await world.settle("chain"), await world.settle("leaf")

    assert (chain.answer, chain.validation, chain.errors) == (EXPIRED, 2003, ["Expired", "ChainInvalid"])
    assert (alone.answer, alone.validation, alone.errors) == (EXPIRED, 2003, ["Expired"])
    assert alone.condition("ExpiringSoon") == ("True", "Expired")
    assert chain.status["commonName"] == alone.served["commonName"] == "www.cryptography.io"


async def test_public_root_is_valid_when_it_is_watched_without_usage(world: World) -> None:
    isrg = next(each for each in PUBLIC_ROOTS.split("\n\n") if 'Label: "ISRG Root X1"' in each)

    await world.apply(config_map("public", {"ca.crt": isrg}), _watching("public"))
    report = await world.settle("shop", lambda report: report.is_ok)

    assert report.status["isSelfSigned"] == "true"
    assert report.served["fingerprint"] == "sha256:96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"


async def test_public_bundle_is_refused_when_it_is_given_as_one_certificate(world: World) -> None:
    await world.apply(config_map("public", {"ca.crt": PUBLIC_ROOTS}), _watching("public"))
    report = await world.settle("shop", lambda report: report.validation == 2001)

    assert report.finding("Unparsable")["detail"] == "LimitExceeded"


def _watching(name: str) -> Manifest:
    return imported(certificateRef={"kind": "ConfigMap", "name": name, "key": "ca.crt"}, usages=[])


# ---- what every story of this file ends with


async def serve_another(world: World) -> None:
    """See that somebody else is served as if nothing had happened."""
    other = world.corp.leaf("other.example.com")
    await world.apply(upload(other, "other"), serving("other"))
    await world.settle("other", lambda report: report.is_ok)
    target = await world.read("Secret", "other-tls")
    assert target is not None
    assert target.data == stored(other)


def _facts(world: World, status: Mapping[str, Any], said: str) -> dict[str, str]:
    at = world.corp.at
    key_id = world.corp.issuing.key.identifier.hex(":").upper()
    return {
        "namespace": world.namespace,
        "serial": str(status.get("serialNumber")),
        "key_id": key_id,
        "yesterday": f"{at - timedelta(days=1):%Y-%m-%d %H:%M:%S}",
        "in_three_days": f"{at + timedelta(days=3):%Y-%m-%d %H:%M:%S}",
        "now": said.partition("now is ")[2][:19],
        "one": said.partition('"one.example.com" (serial ')[2][:16],
        "two": said.partition('"two.example.com" (serial ')[2][:16],
    }


def _still_served(entity: Entity) -> str:
    certificate = entity.certificate
    return f"Still served: serial {certificate.serial_hex}, until {certificate.not_after:%Y-%m-%d}."
