"""Keys and the certificates that hang under them, from the first self-signed one to the last day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from certwright.pki.keys import read_private_key
from certwright.reconcile.objects import Observed
from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION
from tests.support.pki import ec_key, rsa_key
from tests.support.pki_files import openssl
from tests.support.signing import Issuer, make_authority, sign_request, verify_request
from tests.support.worlds import Report, World
from tests.support.worlds.manifests import decision, imported, private_key, secret, trust_store
from tests.support.worlds.material import HOST

KEY = "PrivateKey"
NAMED = {"privateKeyRef": {"kind": KEY, "name": "shop-key"}}
SUBJECT = {
    "commonName": HOST,
    "organizationName": "D9T GmbH",
    "organizationUnit": "IT",
    "locality": "Ulm",
    "stateProvince": "BW",
    "countryCode": "DE",
    "email": "webmaster@example.com",
}
WISH: dict[str, Any] = {
    **NAMED,
    "subject": SUBJECT,
    "dnsNames": [HOST],
    "targets": [{"secretName": "shop-tls"}],
}
DAY = timedelta(days=1)


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


def is_ok(report: Report) -> bool:
    return report.is_ok


async def begin(world: World, **spec: Any) -> Report:
    """Make a key, and a certificate under it."""
    await world.apply(private_key("shop-key"), imported("shop", **{**WISH, **spec}))
    return await world.settle("shop", is_ok)


async def held(world: World, name: str = "shop-key") -> Observed:
    """Give a Secret that is there."""
    found = await world.read("Secret", name)
    assert found is not None
    return found


def signed(world: World, report: Report, issuer: Issuer | None = None) -> str:
    """Have the request of a certificate signed, by the company's CA unless told otherwise, for 90 days."""
    request = report.status["certificateSigningRequest"]
    return sign_request(request, issuer or world.corp.issuing, begin=world.now - DAY, end=world.now + 90 * DAY)


def accepts(world: World, pem: bytes, *, trusted: str) -> bool:
    """Ask OpenSSL, as a client would, whether a server may show this for the host."""
    verify = ["-attime", f"{world.now.timestamp():.0f}", "-purpose", "sslserver", "-verify_hostname", HOST]
    files = {"sent.pem": pem, "trusted.pem": trusted.encode()}
    options = ["-x509_strict", "-no-CApath", "-no-CAstore", *verify, "-trusted", "trusted.pem"]
    answer = openssl("verify", *options, "-untrusted", "sent.pem", "sent.pem", files=files)
    return answer == b"sent.pem: OK\n"


def fingerprint(key: Observed) -> str:
    return read_private_key(key.data["tls.key"], what="the key").key.public.fingerprint


async def test_certificate_goes_from_self_signed_to_signed_under_one_key_and_is_listed(world: World) -> None:
    await world.apply(private_key("shop-key"))
    await look_at_new_key(world)
    await world.apply(imported("shop", **WISH))
    first = await look_at_self_signed(world)
    before = await held(world, "shop-tls")
    text = verify_request(first.status["certificateSigningRequest"])
    assert "C = DE, ST = BW, L = Ulm, O = D9T GmbH, OU = IT, CN = shop.example.com" in text

    authority = make_authority("OpenSSL CA", begin=world.now - DAY, end=world.now + 900 * DAY)
    await world.apply(
        secret("upload", {"tls.crt": signed(world, first, authority)}),
        imported("shop", **WISH, certificateRef={"name": "upload"}),
    )
    second = await look_at_signed(world, before, authority)
    await look_at_list(world, second)

    # What was served outlives its object, and the key outlives its own.
    key, now = await held(world), await held(world, "shop-tls")
    await world.delete("ImportedCertificate", "shop")
    await world.settle("shop-key", lambda report: "certificates" not in report.status, kind=KEY)
    await world.delete(KEY, "shop-key")
    await world.rest()
    assert (await held(world, "shop-tls")).data == now.data
    assert (await held(world)).data == key.data


async def look_at_new_key(world: World) -> None:
    report = await world.settle("shop-key", is_ready, kind=KEY)
    assert (report.status["algorithm"], report.status["size"]) == ("ECDSA", 256)
    assert "certificates" not in report.status
    made = await held(world)
    assert (set(made.data), made.type) == ({"tls.key"}, "Opaque")
    assert report.status["fingerprint"] == fingerprint(made)


async def look_at_self_signed(world: World) -> Report:
    """See a certificate that works at once, for whoever trusts it."""
    report = await world.settle("shop", is_ok)
    served = await held(world, "shop-tls")
    assert report.status["isSelfSigned"] == "true"
    assert {name: report.status[name] for name in SUBJECT} == SUBJECT
    assert served.data["tls.key"] == (await held(world)).data["tls.key"]
    assert served.data["tls.crt"].decode() == report.status["sslCertificate"]
    assert accepts(world, served.data["tls.crt"], trusted=report.status["sslCertificate"])
    return report


async def look_at_signed(world: World, before: Observed, authority: Issuer) -> Report:
    """See that what the CA signed took the place of the self-signed one, in the same Secret and with the same key."""
    report = await world.settle("shop", lambda report: report.is_ok and report.status["isSelfSigned"] == "false")
    now = await held(world, "shop-tls")
    assert now.version.uid == before.version.uid
    assert now.data["tls.key"] == before.data["tls.key"]
    assert accepts(world, now.data["tls.crt"], trusted=authority.pem)
    assert "sslCertificate" not in report.status
    assert report.warnings == ["IssuerMissing"]  # a root that signs by itself leaves nothing to send along
    return report


async def look_at_list(world: World, certificate: Report) -> None:
    """See the certificate under its key, as it is now."""
    dates = {name: certificate.status[name] for name in ("validFrom", "validThru")}
    row = {"id": certificate.subject.version.uid, "name": "shop", "commonName": HOST, **dates}
    key = await world.settle("shop-key", lambda report: report.status.get("certificates") == [row], kind=KEY)
    assert key.status["certificatesCount"] == 1


async def test_events_tell_the_story_and_nothing_secret(world: World) -> None:
    await begin(world)
    await world.settle("shop-key", is_ready, kind=KEY)

    async def told() -> bool:
        keys = [event.reason for event in await world.events("shop-key", kind=KEY)]
        certificates = [event.reason for event in await world.events("shop")]
        return keys == ["KeyStored"] and certificates[-1:] == ["Stored"]

    await world.wait(told, "the events")
    lines = (await held(world)).data["tls.key"].decode().splitlines()[1:-1]
    said = [event.note for event in (*await world.events("shop"), *await world.events("shop-key", kind=KEY))]
    statuses = [(await world.status("shop")).status, (await world.status("shop-key", kind=KEY)).status]
    assert not [line for line in lines if line in f"{said} {statuses}"]


async def test_key_is_the_same_when_the_status_is_lost(world: World) -> None:
    first = await begin(world)
    key = await held(world)
    for _ in range(3):
        await world.patch(KEY, "shop-key", {"status": None})
        report = await world.settle("shop-key", is_ready, kind=KEY)
        assert report.status["fingerprint"] == fingerprint(key)
    await world.patch("ImportedCertificate", "shop", {"status": None})
    again = await world.settle("shop", is_ok)

    assert (await held(world)).data == key.data
    assert again.status["fingerprint"] == first.status["fingerprint"]


async def test_key_is_lost_and_not_made_again_when_its_secret_is_deleted(world: World) -> None:
    first = await begin(world)
    key, served = await held(world), await held(world, "shop-tls")
    await world.delete("Secret", "shop-key")
    lost = await world.settle("shop-key", lambda report: report.reason == "KeyLost", kind=KEY)

    assert lost.condition("Stalled") == ("True", "KeyLost")
    assert lost.status["fingerprint"] == fingerprint(key)
    report = await world.settle("shop", lambda report: report.reason == "KeyLost")
    assert report.answer == ("PRIVATE_KEY_IS_INVALID", 526)
    assert report.served["fingerprint"] == first.status["fingerprint"]
    await world.rest()
    assert await world.read("Secret", "shop-key") is None
    assert (await held(world, "shop-tls")).data == served.data

    consent = {ALLOW_WRITE_ANNOTATION: "PrivateKey/shop-key"}
    await world.apply(secret("shop-key", {"tls.key": served.data["tls.key"]}, annotations=consent))
    await world.settle("shop-key", is_ready, kind=KEY)
    again = await world.settle("shop", is_ok)
    assert again.status["fingerprint"] == first.status["fingerprint"]


async def test_key_is_lost_when_another_is_put_in_its_place(world: World) -> None:
    await begin(world)
    good = await world.settle("shop-key", is_ready, kind=KEY)
    key, served = await held(world), await held(world, "shop-tls")
    await world.apply(
        secret(
            "shop-key", {"tls.key": ec_key("mallory").pem}, annotations=dict(key.annotations), labels=dict(key.labels)
        )
    )
    lost = await world.settle("shop-key", lambda report: report.reason == "KeyLost", kind=KEY)

    assert "holds another key" in lost.message()
    assert lost.status["fingerprint"] == good.status["fingerprint"]
    await world.settle("shop", lambda report: report.reason == "KeyLost")
    assert (await held(world, "shop-tls")).data == served.data


async def test_existing_key_is_used_and_never_written(world: World) -> None:
    pem = rsa_key().pem
    await world.apply(secret("theirs", {"tls.key": pem, "note": "keep"}))
    before = await held(world, "theirs")
    await world.apply(private_key("shop-key", existingSecretName="theirs"), imported("shop", **WISH))
    report = await world.settle("shop", is_ok)
    key = await world.settle("shop-key", is_ready, kind=KEY)

    assert report.status["keyAlgorithm"] == "RSA 2048"
    assert (key.status["algorithm"], key.status["fingerprint"]) == ("RSA", fingerprint(before))
    verify_request(report.status["certificateSigningRequest"])
    assert await held(world, "theirs") == before


async def test_foreign_secret_is_taken_over_only_when_its_owner_allows_it(world: World) -> None:
    pem = ec_key("theirs").pem
    await world.apply(secret("shop-key", {"tls.key": pem}), private_key("shop-key"))
    report = await world.settle("shop-key", lambda report: report.reason == "TargetNotOwned", kind=KEY)
    assert report.message().endswith(f"{ALLOW_WRITE_ANNOTATION}=PrivateKey/shop-key")

    allowed = {"metadata": {"annotations": {ALLOW_WRITE_ANNOTATION: "PrivateKey/shop-key"}}}
    await world.patch("Secret", "shop-key", allowed)
    await world.settle("shop-key", is_ready, kind=KEY)
    assert (await held(world)).data == {"tls.key": pem.encode()}


async def test_key_of_another_kind_than_wished_for_is_refused_and_stays(world: World) -> None:
    await world.apply(
        secret("theirs", {"tls.key": rsa_key().pem}),
        private_key("shop-key", existingSecretName="theirs", algorithm="ECDSA", size=384),
    )
    report = await world.settle("shop-key", lambda report: report.reason == "KeyInvalid", kind=KEY)

    assert "RSA 2048, and another is wished for (ECDSA 384)" in report.message()
    assert report.condition("Stalled") == ("True", "KeyInvalid")


async def test_self_signed_certificate_is_renewed_with_the_same_key_in_time(world: World) -> None:
    first = await begin(world, selfSigned={"validityDays": 100})
    before = await held(world, "shop-tls")
    await world.travel(79 * DAY)
    await world.rest()
    assert (await world.status("shop")).status["fingerprint"] == first.status["fingerprint"]

    await world.travel(2 * DAY)
    report = await world.settle("shop", lambda report: report.status["fingerprint"] != first.status["fingerprint"])

    assert report.is_ok
    assert report.warnings == []
    assert report.served["keyFingerprint"] == first.served["keyFingerprint"]
    after = await world.wait(lambda: _changed(world, before), "the target to change")
    assert after is not None
    assert after.data["tls.key"] == before.data["tls.key"]
    assert accepts(world, after.data["tls.crt"], trusted=report.status["sslCertificate"])


async def _changed(world: World, before: Observed) -> Observed | None:
    now = await held(world, "shop-tls")
    return now if now.data["tls.crt"] != before.data["tls.crt"] else None


async def test_signed_certificate_stays_until_a_self_signed_one_is_asked_for(world: World) -> None:
    first = await begin(world)
    upload = secret("upload", {"tls.crt": signed(world, first)})
    await world.apply(upload, imported("shop", **WISH, certificateRef={"name": "upload"}))
    await world.settle("shop", lambda report: report.is_ok and report.status["isSelfSigned"] == "false")
    kept = await held(world, "shop-tls")

    await world.apply(imported("shop", **WISH))
    report = await world.settle("shop", lambda report: report.reason == "SourceRemoved")
    assert report.answer == ("BAD_REQUEST", 400)
    assert (await held(world, "shop-tls")).data == kept.data

    await world.apply(imported("shop", **WISH, selfSigned={}))
    report = await world.settle("shop", is_ok)
    assert report.status["isSelfSigned"] == "true"


async def test_certificate_for_another_key_is_refused_and_the_self_signed_one_served(world: World) -> None:
    first = await begin(world)
    await world.apply(
        secret("upload", {"tls.crt": world.corp.leaf().chain_pem}),
        imported("shop", **WISH, certificateRef={"name": "upload"}),
    )
    report = await world.settle("shop", lambda report: report.reason == "KeyMismatch")

    assert report.answer == ("PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE", 523)
    assert report.served["fingerprint"] == first.status["fingerprint"]


async def test_arbitrary_key_signs_nothing(world: World) -> None:
    await world.apply(
        secret("theirs", {"tls.key": rsa_key().pem}),
        imported("shop", **{**WISH, "privateKeyRef": {"name": "theirs"}, "selfSigned": {}}),
    )
    report = await world.settle("shop", lambda report: report.reason == "InvalidRequest")

    assert report.answer == ("BAD_REQUEST", 400)
    assert "certificateSigningRequest" not in report.status
    assert await world.read("Secret", "shop-tls") is None


async def test_certificate_waits_for_a_key_that_is_wished_for_later(world: World) -> None:
    await world.apply(imported("shop", **WISH))
    report = await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    assert report.answer == ("NOT_FOUND", 404)
    assert report.condition("Reconciling") == ("True", "ReferenceNotFound")

    await world.apply(private_key("shop-key"))
    await world.settle("shop", is_ok)
    key = await world.settle("shop-key", lambda report: "certificates" in report.status, kind=KEY)
    assert [each["name"] for each in key.status["certificates"]] == ["shop"]


async def test_self_signed_certificate_is_not_served_where_trust_is_asked_for(world: World) -> None:
    await world.apply(decision("root", certificate=world.corp.root.pem), trust_store("corporate", selector={}))
    await world.settle("corporate", is_ready, kind="TrustStore")
    trusting = {**WISH, "trust": {"storeRef": {"name": "corporate"}}}
    await world.apply(private_key("shop-key"), imported("shop", **trusting))
    report = await world.settle("shop", lambda report: report.reason == "InvalidSelfSigned")
    assert (report.answer, report.validation) == (("CERTIFICATE_CHAIN_IS_INVALID", 522), 2014)
    assert await world.read("Secret", "shop-tls") is None

    await world.apply(
        secret("upload", {"tls.crt": signed(world, report)}),
        imported("shop", **trusting, certificateRef={"name": "upload"}),
    )
    report = await world.settle("shop", is_ok)
    assert report.conditions["Trusted"] == ("True", "Valid")


async def test_certificates_stay_served_when_their_key_is_deleted_before_them(world: World) -> None:
    first = await begin(world)
    await world.apply(
        secret("upload", {"tls.crt": signed(world, first)}),
        imported("shop", **WISH, certificateRef={"name": "upload"}),
        imported("blog", **{**WISH, "targets": [{"secretName": "blog-tls"}]}),
    )
    await world.settle("shop", lambda report: report.is_ok and report.status["isSelfSigned"] == "false")
    await world.settle("blog", is_ok)
    kept = {name: await held(world, f"{name}-tls") for name in ("shop", "blog")}
    key = await held(world)
    await world.delete(KEY, "shop-key")
    for name in kept:
        report = await world.settle(name, lambda report: report.reason == "ReferenceNotFound")
        assert "there is no PrivateKey `shop-key`" in report.message()
    await world.rest()
    assert {name: (await held(world, f"{name}-tls")).data for name in kept} == {
        name: each.data for name, each in kept.items()
    }
    assert (await held(world)).data == key.data

    # An object of the same name takes the key up again, and everything is as it was.
    await world.apply(private_key("shop-key"))
    for name, before in kept.items():
        await world.settle(name, is_ok)
        assert (await held(world, f"{name}-tls")).data == before.data
    listed = await world.settle("shop-key", lambda report: report.status.get("certificatesCount") == 2, kind=KEY)
    assert [each["name"] for each in listed.status["certificates"]] == ["blog", "shop"]


async def test_key_goes_with_its_object_when_that_is_wished_and_what_it_served_stays(world: World) -> None:
    await world.apply(private_key("shop-key", deletionPolicy="Delete"), imported("shop", **WISH))
    first = await world.settle("shop", is_ok)
    await world.apply(
        secret("upload", {"tls.crt": signed(world, first)}),
        imported("shop", **WISH, certificateRef={"name": "upload"}),
    )
    await world.settle("shop", lambda report: report.is_ok and report.status["isSelfSigned"] == "false")
    before, served = await held(world), await held(world, "shop-tls")
    await world.delete(KEY, "shop-key")

    async def gone() -> bool:
        return await world.read("Secret", "shop-key") is None

    await world.wait(gone, "the Secret to go with its PrivateKey")
    report = await world.settle("shop", lambda report: report.reason == "ReferenceNotFound")
    assert (await held(world, "shop-tls")).data == served.data
    assert report.served["serialNumber"]

    # Another key is another key: the old certificate stays served, and the message says what does not fit.
    await world.apply(private_key("shop-key", deletionPolicy="Delete"))
    await world.settle("shop", lambda report: report.reason == "KeyMismatch")
    assert fingerprint(await held(world)) != fingerprint(before)
    assert (await held(world, "shop-tls")).data == served.data

    await world.delete("ImportedCertificate", "shop")
    await world.delete(KEY, "shop-key")
    await world.wait(gone, "the second Secret to go")
    assert (await held(world, "shop-tls")).data == served.data


async def test_secrets_of_others_are_nobodys_key_when_names_collide(world: World) -> None:
    await begin(world)
    key, served = await held(world), await held(world, "shop-tls")
    await world.apply(
        private_key("second", secretName="shop-key"),
        private_key("third", secretName="shop-tls"),
        private_key("reader", existingSecretName="shop-key"),
        imported("blog", **{**WISH, "targets": [{"secretName": "shop-key"}]}),
        imported("news", dnsNames=[HOST], targets=[{"secretName": "shop-key"}], certificateRef={"name": "shop-tls"}),
    )
    for name, owner in (("second", "PrivateKey/shop-key"), ("third", "ImportedCertificate/shop")):
        report = await world.settle(name, lambda report: report.reason == "TargetNotOwned", kind=KEY)
        assert f"belongs to {owner}" in report.message()
    reader = await world.settle("reader", is_ready, kind=KEY)
    assert reader.status["fingerprint"] == fingerprint(key)
    blog = await world.settle("blog", lambda report: report.reason == "InvalidRequest")
    assert "is also an input of this object" in blog.message()
    news = await world.settle("news", lambda report: report.reason == "TargetNotOwned")
    assert "belongs to PrivateKey/shop-key" in news.message()

    await world.rest()
    assert (await held(world)).data == key.data
    assert (await held(world, "shop-tls")).data == served.data


@pytest.mark.parametrize("feed", ["a Secret", "a key"])
async def test_circle_is_refused_when_it_is_closed_by_a_key_that_is_taken_from_a_target(
    world: World, feed: str
) -> None:
    """What feeds the first certificate is a Secret, or another key that is taken from one."""
    leaf = world.corp.leaf()
    allowed = {ALLOW_WRITE_ANNOTATION: "ImportedCertificate/back"}
    first = secret("first", {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem}, annotations=allowed)
    source = {"certificateRef": {"name": "first"}, "targets": [{"secretName": "second"}]}
    under = {"privateKeyRef": {"kind": KEY, "name": "one"}, "subject": SUBJECT, "targets": [{"secretName": "second"}]}
    await world.apply(
        first, private_key("one", existingSecretName="first"), imported("shop", **under if feed == "a key" else source)
    )
    await world.settle("shop", is_ok)
    await world.apply(private_key("two", existingSecretName="second"))
    await world.settle("two", is_ready, kind=KEY)
    before = await held(world, "first")

    back = {"privateKeyRef": {"kind": KEY, "name": "two"}, "targets": [{"secretName": "first"}]}
    await world.apply(imported("back", **{**WISH, **back}))
    report = await world.settle("back", lambda report: report.reason == "InvalidRequest")

    assert report.finding("InvalidRequest")["detail"] == "TargetCycle"
    await world.rest()
    assert (await held(world, "first")).data == before.data
    assert (await world.status("shop")).is_ok


async def test_upload_that_says_another_subject_is_served_with_a_warning(world: World) -> None:
    first = await begin(world)
    certificate = signed(world, first)
    differing = {**WISH, "subject": {**SUBJECT, "organizationName": "Another GmbH", "locality": ""}}
    await world.apply(
        secret("upload", {"tls.crt": certificate}), imported("shop", **differing, certificateRef={"name": "upload"})
    )
    report = await world.settle("shop", lambda report: report.is_ok and report.status["isSelfSigned"] == "false")

    assert report.warnings == ["SubjectDiffers"]
    assert (await held(world, "shop-tls")).data["tls.crt"].decode() == certificate


async def test_bad_upload_is_forgotten_when_it_is_no_longer_named(world: World) -> None:
    first = await begin(world)
    await world.apply(
        secret("upload", {"tls.crt": "no certificate"}), imported("shop", **WISH, certificateRef={"name": "upload"})
    )
    await world.settle("shop", lambda report: report.reason == "Unparsable")
    await world.apply(imported("shop", **WISH))
    report = await world.settle("shop", is_ok)

    assert report.status["fingerprint"] == first.status["fingerprint"]
