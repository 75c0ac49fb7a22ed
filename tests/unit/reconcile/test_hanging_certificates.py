"""Certificates that hang under a PrivateKey: self-signed until the signed one comes, and the request for that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certwright.api.fields import STATUS_PEM_LIMIT
from certwright.findings import FailureCause
from certwright.pki.certificate import Certificate
from certwright.pki.intake import read_material
from certwright.reconcile.importedcertificate.private_key import find_key_question
from certwright.reconcile.importedcertificate.self_signed import renewal_instant
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot
from certwright.reconcile.plan import ALLOW_WRITE_ANNOTATION
from certwright.runtime.passes import Surroundings, judge_inline, run_pass
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import Entity, rsa_key
from tests.support.signing import sign_request, verify_request
from tests.support.worlds import MemoryWorld, Report
from tests.support.worlds.manifests import config_map, decision, imported, private_key, secret, trust_store
from tests.support.worlds.material import HOST

KEY = "PrivateKey"
NAMED = {"privateKeyRef": {"kind": KEY, "name": "shop-key"}}
TARGETS = {"targets": [{"secretName": "shop-tls"}]}
WISH: dict[str, Any] = {**NAMED, **TARGETS, "dnsNames": [HOST]}
SHOP = ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, "shop")
OWNER = ObjectKey(Kind.PRIVATE_KEY, NAMESPACE, "shop-key")
TLS, HELD = (ObjectKey(Kind.SECRET, NAMESPACE, name) for name in ("shop-tls", "shop-key"))
DAY = timedelta(days=1)


class Scene(MemoryWorld):
    """A world with the PrivateKey `shop-key`, and the ImportedCertificate `shop` under it."""

    async def judge(self, **spec: Any) -> Report:
        await self.apply(imported("shop", **spec))
        return await self.rested()

    async def rested(self) -> Report:
        await self.rest()
        return await self.status("shop")

    async def begin(self, *, key: dict[str, Any] | None = None, **spec: Any) -> Report:
        await self.apply(private_key("shop-key", **(key or {})))
        return await self.judge(**{**WISH, **spec})

    async def again(self) -> Report:
        """Make one pass more, whatever the evidence says."""
        around = Surroundings(
            self.cluster, self.cluster, self.cluster.clock, judge_inline, self._engine.judged_by, library=self.library
        )
        reconciler = self._engine.reconcilers[Kind.IMPORTED_CERTIFICATE]
        await run_pass(reconciler, self.cluster.subjects[SHOP], around=around, verified={}, full=True)
        return await self.status("shop")

    def sign(self, request: str, *, issuer: Entity | None = None) -> str:
        """Sign a request as a CA does, and give the certificate with its chain."""
        dates = {"begin": self.now - DAY, "end": self.now + 90 * DAY}
        return sign_request(request, issuer or self.corp.issuing, **dates)

    async def hand_in(self, certificates: str, **spec: Any) -> Report:
        await self.apply(secret("upload", {"tls.crt": certificates}))
        return await self.judge(**{**WISH, "certificateRef": {"name": "upload"}, **spec})

    @property
    def target(self) -> Observed:
        return self.cluster.objects[TLS]

    @property
    def leaf(self) -> Certificate:
        return read_material(self.target.data["tls.crt"], what="the target").certificates[0]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def request_of(report: Report) -> str:
    return str(report.status["certificateSigningRequest"])


# ---- self-signed


async def test_certificate_is_self_signed_and_served_when_none_was_handed_in(scene: Scene) -> None:
    report = await scene.begin(subject={"commonName": "Shop", "countryCode": "DE"}, ipAddresses=["192.0.2.1"])

    assert report.is_ok
    assert report.status["isSelfSigned"] == "true"
    assert (report.status["commonName"], report.status["countryCode"]) == ("Shop", "DE")
    assert report.status["sslCertificate"].encode() == scene.target.data["tls.crt"]
    assert scene.target.data["tls.key"] == scene.cluster.objects[HELD].data["tls.key"]
    assert scene.target.type == "kubernetes.io/tls"
    assert report.served["fingerprint"] == report.status["fingerprint"]
    assert scene.leaf.dns_names == (HOST,)
    assert (scene.leaf.not_before, scene.leaf.not_after) == (scene.now, scene.now + 365 * DAY - timedelta(seconds=1))
    assert report.warnings == []
    assert ", is self-signed and valid until 2027-06-01, stored in 1 Secret." in report.message()


async def test_certificate_is_made_and_kept_when_it_is_only_watched(scene: Scene) -> None:
    report = await scene.begin(targets=[])
    await scene.travel(DAY)
    after = await scene.again()

    assert report.is_ok
    assert after.status == report.status
    assert report.served["fingerprint"] == report.status["fingerprint"]


@pytest.mark.parametrize("key", [{"algorithm": "RSA"}, {"algorithm": "Ed25519"}, {"size": 384}])
async def test_certificate_is_not_made_again_when_nothing_changed(scene: Scene, key: dict[str, Any]) -> None:
    report = await scene.begin(key=key)
    assert report.is_ok
    scene.cluster.forget_calls()
    for _ in range(100 if "size" in key else 5):
        await scene.travel(timedelta(minutes=1))
        await scene.again()
    assert scene.cluster.writes == 0

    await scene.restart()
    scene.cluster.forget_calls()
    assert (await scene.rested()).status == report.status
    assert scene.cluster.calls.total() == 0


async def test_new_certificate_costs_one_write_of_its_secret_and_one_of_its_status(scene: Scene) -> None:
    await scene.apply(private_key("shop-key"))
    await scene.rest()
    scene.cluster.forget_calls()
    await scene.judge(**WISH)

    assert scene.cluster.calls["apply"] == 1
    assert scene.cluster.calls["status"] == 2  # its own, and that of the key, which lists it
    assert scene.cluster.reads == [HELD, HELD]  # the same two


async def test_certificate_is_renewed_with_the_same_key_when_its_warning_begins(scene: Scene) -> None:
    before = await scene.begin(selfSigned={"validityDays": 100})
    turn = renewal_instant(scene.leaf, 20)
    assert before.status["nextCheckTime"] == f"{turn:%Y-%m-%dT%H:%M:%SZ}"
    await scene.stand_at(turn - timedelta(seconds=1))
    assert (await scene.again()).status["fingerprint"] == before.status["fingerprint"]

    await scene.stand_at(turn)
    after = await scene.rested()

    assert after.is_ok
    assert after.warnings == []
    assert after.status["fingerprint"] != before.status["fingerprint"]
    assert after.served["keyFingerprint"] == before.served["keyFingerprint"]
    assert (scene.leaf.not_before, scene.leaf.not_after) == (turn, turn + 100 * DAY - timedelta(seconds=1))
    assert request_of(after) == request_of(before)


@pytest.mark.parametrize(("percentage", "left"), [(0, 20), (10, 10), (50, 50), (80, 50), (100, 50)])
async def test_certificate_is_renewed_in_time_whenever_the_warning_begins(
    scene: Scene, percentage: int, left: int
) -> None:
    await scene.begin(warnBeforePercentage=percentage)
    first = scene.leaf
    lifetime = first.not_after - first.not_before
    turn = (first.not_after - lifetime * left / 100).replace(microsecond=0)
    await scene.stand_at(turn - timedelta(seconds=1))
    await scene.rested()
    assert scene.leaf == first
    await scene.stand_at(turn)
    await scene.rested()
    assert scene.leaf != first


@pytest.mark.parametrize(
    "change",
    [
        {"dnsNames": [HOST, "api.example.com"]},
        {"subject": {"commonName": "Shop"}},
        {"usages": ["ClientAuth"]},
        {"selfSigned": {"validityDays": 30}},
    ],
)
async def test_certificate_is_made_anew_when_the_wish_changes(scene: Scene, change: dict[str, Any]) -> None:
    before = await scene.begin()
    await scene.travel(DAY)
    after = await scene.judge(**{**WISH, **change})

    assert after.is_ok
    assert after.status["fingerprint"] != before.status["fingerprint"]
    assert scene.target.data["tls.crt"].decode() == after.status["sslCertificate"]


async def test_certificate_is_kept_when_what_changes_is_not_in_it(scene: Scene) -> None:
    before = await scene.begin()
    await scene.travel(DAY)
    after = await scene.judge(**{**WISH, "selfSigned": {}, "chain": "ignored", "warnBeforePercentage": 10})

    assert after.status["fingerprint"] == before.status["fingerprint"]


async def test_certificate_is_found_again_when_the_status_is_lost(scene: Scene) -> None:
    before = await scene.begin()
    await scene.travel(DAY)
    await scene.patch("ImportedCertificate", "shop", {"status": None})
    after = await scene.rested()

    assert after.is_ok
    assert after.status["fingerprint"] == before.status["fingerprint"]
    assert after.status["sslCertificate"] == before.status["sslCertificate"]


async def test_certificate_is_found_again_when_somebody_wrote_into_the_status(scene: Scene) -> None:
    before = await scene.begin()
    await scene.travel(DAY)
    await scene.patch("ImportedCertificate", "shop", {"status": {"sslCertificate": "nonsense"}})
    after = await scene.again()

    assert after.status["sslCertificate"] == before.status["sslCertificate"]


async def test_certificate_is_put_back_when_the_target_is_lost(scene: Scene) -> None:
    before = await scene.begin()
    await scene.travel(DAY)
    scene.cluster.remove(TLS)
    after = await scene.rested()

    assert after.is_ok
    assert scene.leaf.fingerprint == before.status["fingerprint"]


async def test_certificate_too_large_for_a_status_is_kept_all_the_same(scene: Scene) -> None:
    names = [f"{'x' * 60}.{'y' * 60}.host-{number:03}.example.com" for number in range(100)]
    report = await scene.begin(targets=[], dnsNames=names, subject={"commonName": "Shop"})
    assert report.is_ok
    assert "sslCertificate" not in report.status
    assert "certificateSigningRequest" not in report.status

    await scene.travel(DAY)
    assert (await scene.again()).status == report.status
    stored = await scene.judge(**{**WISH, "dnsNames": names, "subject": {"commonName": "Shop"}})
    assert stored.status["fingerprint"] == report.status["fingerprint"]
    assert len(scene.target.data["tls.crt"]) > STATUS_PEM_LIMIT


async def test_certificate_is_the_recorded_one_when_a_write_failed_between(scene: Scene) -> None:
    await scene.apply(private_key("shop-key"))
    await scene.rest()
    scene.cluster.fail("apply", TLS, FailureCause.UNAVAILABLE)
    first = await scene.judge(**WISH)
    assert first.reason == "StoreFailed"
    report = await scene.settle("shop", lambda report: report.is_ok)

    assert report.status["fingerprint"] == first.status["fingerprint"] == scene.leaf.fingerprint
    assert scene.leaf.not_before < scene.now


# ---- what is refused


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"dnsNames": []}, "InvalidRequest", "nobody is named"),
        ({"subject": {"commonName": "x" * 65}}, "InvalidRequest", "`subject.commonName` must have at most 64"),
        ({"subject": {"commonName": " "}}, "InvalidRequest", "`subject.commonName` must not be blank"),
        ({"subject": {"organizationName": "a\nb"}}, "InvalidRequest", "must not hold control, invisible"),
        ({"ipAddresses": ["192.0.2.300"]}, "InvalidRequest", "must hold IPv4 and IPv6 addresses"),
        ({"dnsNames": ["192.0.2.1"]}, "InvalidRequest", "move it to `ipAddresses`"),
        ({"privateKeyRef": {"name": "shop-key"}, "selfSigned": {}}, "InvalidRequest", "name a PrivateKey"),
        ({"privateKeyRef": None, "selfSigned": {}}, "InvalidRequest", "name a PrivateKey"),
        ({"privateKeyRef": None}, "InvalidRequest", "names no certificate"),
        ({"privateKeyRef": {"kind": KEY, "name": "absent"}}, "ReferenceNotFound", "there is no PrivateKey `absent`"),
        ({"certificate": "x", "selfSigned": {}}, "InvalidRequest", "`spec.certificate` and `spec.selfSigned`"),
        ({"targets": [{"secretName": "shop-key"}]}, "InvalidRequest", "is also an input of this object"),
    ],
)
async def test_wish_is_refused_when_nothing_can_come_of_it(
    scene: Scene, spec: dict[str, Any], reason: str, words: str
) -> None:
    await scene.apply(private_key("shop-key"))
    wish = {name: value for name, value in {**WISH, **spec}.items() if value is not None}
    report = await scene.judge(**wish)

    assert reason in report.errors
    assert words in str(report.status["findings"])
    assert TLS not in scene.cluster.objects
    scene.cluster.forget_calls()
    await scene.again()
    assert scene.cluster.writes == 0


async def test_self_signed_certificate_is_not_served_where_trust_is_asked_for(scene: Scene) -> None:
    await scene.apply(decision("root", certificate=scene.corp.root.pem), trust_store("corporate", selector={}))
    trusting = {"trust": {"storeRef": {"name": "corporate"}, "revocation": "Require"}}
    report = await scene.begin(**trusting)

    assert (report.answer, report.validation) == (("CERTIFICATE_CHAIN_IS_INVALID", 522), 2014)
    assert report.conditions["Trusted"] == ("False", "InvalidSelfSigned")
    assert "signed below one of its CAs" in report.message()
    assert TLS not in scene.cluster.objects
    assert "CRLNotValid" not in report.errors + report.warnings

    report = await scene.hand_in(
        scene.sign(request_of(report)), trust={"storeRef": {"name": "corporate"}, "revocation": "Off"}
    )
    assert report.is_ok
    assert report.conditions["Trusted"] == ("True", "Valid")


async def test_self_signed_certificate_says_what_its_owner_can_do_when_nothing_but_a_common_name_is_in_it(
    scene: Scene,
) -> None:
    report = await scene.begin(subject={"commonName": HOST, "locality": ""}, dnsNames=[])

    assert report.is_ok
    assert report.warnings == ["NoSubjectAltName"]
    (found,) = report.status["findings"]
    assert found["message"].endswith("Set `spec.dnsNames` or `spec.ipAddresses`.")


async def test_self_signed_certificate_that_is_renewed_by_itself_asks_for_no_successor(scene: Scene) -> None:
    await scene.begin(warnBeforePercentage=90)
    await scene.travel(100 * DAY)
    assert (await scene.again()).warnings == []


async def test_self_signed_certificate_waits_for_no_revocation_list(scene: Scene) -> None:
    report = await scene.begin(trust={"revocation": "Require"})

    assert report.is_ok
    assert report.warnings == []


# ---- the request


async def test_request_is_what_was_wished_for_and_verified_by_openssl(scene: Scene) -> None:
    report = await scene.begin(
        subject={"commonName": "Shop", "organizationName": "Corp", "email": "webmaster@example.com"},
        ipAddresses=["192.0.2.1"],
        usages=["ServerAuth", "ClientAuth"],
    )
    text = verify_request(request_of(report))

    assert "O = Corp, CN = Shop, emailAddress = webmaster@example.com" in text
    assert f"DNS:{HOST}, IP Address:192.0.2.1" in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text


async def test_request_is_there_when_a_certificate_is_and_its_key_is_that_of_a_private_key(scene: Scene) -> None:
    first = await scene.begin()
    report = await scene.hand_in(scene.sign(request_of(first)))

    assert report.is_ok
    assert request_of(report) == request_of(first)


async def test_no_request_is_made_when_nobody_is_named(scene: Scene) -> None:
    signed = scene.sign(request_of(await scene.begin()))
    report = await scene.hand_in(signed, dnsNames=[])

    assert report.is_ok
    assert report.warnings == []
    assert "certificateSigningRequest" not in report.status


async def test_upload_is_not_refused_when_no_request_can_be_made(scene: Scene) -> None:
    signed = scene.sign(request_of(await scene.begin()))
    report = await scene.hand_in(signed, subject={"organizationName": "x" * 65})

    assert report.is_ok
    assert set(report.warnings) == {"InvalidRequest", "SubjectDiffers"}
    assert report.finding("InvalidRequest")["message"].startswith("No request can be made: ")
    assert "certificateSigningRequest" not in report.status


async def test_key_that_signs_at_random_gets_no_request(scene: Scene) -> None:
    ml_dsa = mldsa.MLDSA44PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    scene.cluster.put_secret("theirs", {"tls.key": ml_dsa})
    report = await scene.begin(key={"existingSecretName": "theirs"})

    assert report.errors == ["KeyInvalid"]


# ---- the signed one comes, and goes


async def test_signed_certificate_takes_the_place_of_the_self_signed_one(scene: Scene) -> None:
    first = await scene.begin()
    uid = scene.target.version.uid
    scene.cluster.forget_calls()
    report = await scene.hand_in(scene.sign(request_of(first)))

    assert report.is_ok
    assert (report.status["isSelfSigned"], report.warnings) == ("false", [])
    assert scene.target.version.uid == uid
    assert scene.cluster.calls["apply"] == 1
    assert scene.leaf.issuer == scene.corp.issuing.certificate.subject
    assert "sslCertificate" not in report.status
    assert "selfSigned" not in report.status["record"]


async def test_certificate_for_another_key_is_refused_and_the_self_signed_one_stays(scene: Scene) -> None:
    first = await scene.begin()
    report = await scene.hand_in(scene.corp.leaf().chain_pem)

    assert report.reason == "KeyMismatch"
    assert scene.leaf.fingerprint == first.status["fingerprint"]
    assert report.status["sslCertificate"] == first.status["sslCertificate"]

    await scene.travel(DAY)
    report = await scene.judge(**WISH)
    assert report.is_ok
    assert scene.leaf.fingerprint == first.status["fingerprint"]


async def test_signed_certificate_stays_when_it_is_no_longer_named(scene: Scene) -> None:
    await scene.hand_in(scene.sign(request_of(await scene.begin())))
    signed = scene.leaf
    for served in (signed.fingerprint, None):
        report = await scene.judge(**WISH)
        assert (report.reason, report.answer) == ("SourceRemoved", ("BAD_REQUEST", 400))
        assert "set `spec.selfSigned`" in report.message()
        assert scene.leaf == signed
        assert report.served.get("fingerprint") == served
        # Without a status it is the target that remembers.
        await scene.patch("ImportedCertificate", "shop", {"status": None})

    report = await scene.judge(**{**WISH, "selfSigned": {}})
    assert report.is_ok
    assert report.status["isSelfSigned"] == "true"
    assert scene.leaf != signed


# ---- the key


async def test_certificate_waits_for_its_key(scene: Scene) -> None:
    scene.cluster.fail("apply", HELD, *[FailureCause.FORBIDDEN] * 50)
    report = await scene.begin()
    assert report.reason == "ReferenceNotFound"
    assert "has no key; its status says why" in report.message()
    assert report.condition("Reconciling") == ("True", "ReferenceNotFound")

    scene.cluster.fail("apply", HELD)
    report = await scene.settle("shop", lambda report: report.is_ok)


async def test_certificate_is_in_progress_when_its_key_is_being_made(scene: Scene) -> None:
    await scene.apply(imported("shop", **WISH))
    scene.cluster.put_subject("shop-key", {"secretName": "shop-key"}, kind=Kind.PRIVATE_KEY)
    report = await scene.again()

    assert report.answer == ("IN_PROGRESS", 200)
    assert "has no key yet" in report.message()
    assert (await scene.settle("shop", lambda report: report.is_ok)).is_ok


async def test_served_certificate_stays_when_the_key_is_lost(scene: Scene) -> None:
    first = await scene.begin()
    before = dict(scene.target.data)
    scene.cluster.remove(HELD)
    report = await scene.rested()

    assert (report.reason, report.answer) == ("KeyLost", ("PRIVATE_KEY_IS_INVALID", 526))
    assert report.served["fingerprint"] == first.status["fingerprint"]
    scene.cluster.change(TLS, data={})
    await scene.rested()
    assert (await scene.rested()).errors[0] == "KeyLost"

    scene.cluster.put_secret("shop-key", {"tls.key": before["tls.key"]})
    await scene.patch(
        "Secret", "shop-key", {"metadata": {"annotations": {"certwright.io/owner": "PrivateKey/shop-key"}}}
    )
    report = await scene.settle("shop", lambda report: report.is_ok)
    assert scene.target.data == before


async def test_key_is_lost_when_its_secret_holds_another_before_anybody_noticed(scene: Scene) -> None:
    await scene.begin()
    scene.cluster.change(HELD, data={"tls.key": rsa_key().pem.encode()})
    report = await scene.again()

    assert report.reason == "KeyLost"
    assert report.finding("KeyLost")["detail"] == "Inconsistent"


@pytest.mark.parametrize(
    ("data", "reason"), [({}, "ReferenceNotFound"), ({"tls.key": b"-----"}, "KeyInvalid")], ids=["none", "damaged"]
)
async def test_key_is_missed_when_its_secret_has_changed_before_anybody_noticed(
    scene: Scene, data: dict[str, bytes], reason: str
) -> None:
    await scene.begin()
    scene.cluster.change(HELD, data=data)

    assert (await scene.again()).reason == reason


async def test_request_stays_while_the_key_cannot_be_read(scene: Scene) -> None:
    first = await scene.begin()
    scene.cluster.fail("read", HELD, FailureCause.TIMEOUT)
    report = await scene.again()

    assert report.answer == ("IN_PROGRESS", 200)
    assert request_of(report) == request_of(first)
    assert report.status["sslCertificate"] == first.status["sslCertificate"]
    assert (await scene.again()).status["fingerprint"] == first.status["fingerprint"]


async def test_new_key_gets_a_new_certificate_and_request(scene: Scene) -> None:
    first = await scene.begin()
    await scene.delete(KEY, "shop-key")
    report = await scene.rested()
    assert report.reason == "ReferenceNotFound"
    assert report.served["fingerprint"] == first.status["fingerprint"]

    scene.cluster.remove(HELD)
    await scene.apply(private_key("shop-key"))
    report = await scene.settle("shop", lambda report: report.is_ok)
    assert report.served["keyFingerprint"] != first.served["keyFingerprint"]
    assert request_of(report) != request_of(first)


async def test_nothing_is_made_while_time_is_in_doubt(scene: Scene) -> None:
    await scene.apply(private_key("shop-key"))
    async with scene.doubting_the_clock():
        report = await scene.judge(**WISH)
        assert report.answer == ("IN_PROGRESS", 200)
        assert TLS not in scene.cluster.objects
        assert "sslCertificate" not in report.status
    await scene.travel(timedelta(minutes=2))
    assert (await scene.rested()).is_ok


async def test_foreign_target_is_refused_whatever_it_holds(scene: Scene) -> None:
    theirs = scene.corp.leaf()
    scene.cluster.put_secret("shop-tls", {"tls.crt": theirs.pem, "tls.key": theirs.key_pem}, type="kubernetes.io/tls")
    report = await scene.begin()
    assert report.reason == "TargetNotOwned"

    scene.cluster.change(TLS, annotations={ALLOW_WRITE_ANNOTATION: "ImportedCertificate/shop"})
    assert (await scene.rested()).is_ok


async def test_target_that_becomes_the_secret_of_the_key_is_given_up_and_not_deleted(scene: Scene) -> None:
    upload = scene.corp.leaf()
    await scene.apply(secret("upload", {"tls.crt": upload.chain_pem, "tls.key": upload.key_pem}))
    wish = {"certificateRef": {"name": "upload"}, "targets": [{"secretName": "old"}], "deletionPolicy": "Delete"}
    await scene.judge(**wish)
    await scene.apply(private_key("shop-key", existingSecretName="old"))
    await scene.rest()
    await scene.judge(**{**WISH, "deletionPolicy": "Delete"})

    assert ObjectKey(Kind.SECRET, NAMESPACE, "old") in scene.cluster.objects


# ---- where the work is done


@pytest.mark.parametrize(
    ("algorithm", "size", "heavy"), [("RSA", 8192, {True}), ("RSA", 4096, {False}), ("ECDSA", 256, {False})]
)
async def test_large_keys_sign_in_another_process(scene: Scene, algorithm: str, size: int, heavy: set[bool]) -> None:
    await scene.begin()
    owner = scene.cluster.subjects[OWNER]
    scene.cluster.put_status(OWNER, {**owner.status, "algorithm": algorithm, "size": size})
    reconciler = scene._engine.reconcilers[Kind.IMPORTED_CERTIFICATE]
    snapshot = Snapshot(scene.cluster.subjects[SHOP], scene.now, "rules")
    for question in reconciler.asks(snapshot.subject):
        snapshot = snapshot.with_answer(question, scene.library.ask(question))

    assert {reconciler.is_heavy(snapshot)} == heavy


async def test_wish_asks_for_its_key_only_when_it_names_one(scene: Scene) -> None:
    reconciler = scene._engine.reconcilers[Kind.IMPORTED_CERTIFICATE]
    asked = {}
    for name, spec in {
        "key": WISH,
        "secret": {"privateKeyRef": {"name": "shop-key"}},
        "none": {},
        "nonsense": {"privateKeyRef": {"kind": KEY, "name": {}}},
    }.items():
        await scene.apply(imported("shop", **spec))
        asked[name] = reconciler.asks(scene.cluster.subjects[SHOP])

    assert [name for name, questions in asked.items() if questions] == ["key"]
    assert find_key_question(None, NAMESPACE) is None


async def test_other_inputs_are_read_beside_the_key(scene: Scene) -> None:
    signed = scene.sign(request_of(await scene.begin()))
    leaf, *_ = signed.partition(scene.corp.issuing.pem)
    await scene.apply(config_map("chain", {"tls.crt": scene.corp.issuing.pem}))
    report = await scene.hand_in(leaf, chainRef={"kind": "ConfigMap", "name": "chain"})

    assert report.is_ok
    assert [each["name"] for each in report.status["record"]["inputs"]] == ["chain", "upload"]
