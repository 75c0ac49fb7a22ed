"""What is handed in: sources, references, keys, and what the judge says of them."""

from __future__ import annotations

import base64
import pickle
from dataclasses import replace
from datetime import datetime

import pytest

from certwright.findings import Detail, FailureCause, Reason, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.objects import Kind, ObjectKey
from tests.support import pki_files
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, ROOT, SERVING, SHOP, UPLOAD, World, secret_key

KEYED = {"privateKeyRef": {"name": "key"}}


async def test_judge_accepts_when_the_secret_holds_certificate_chain_and_key(world: World) -> None:
    world.upload(SHOP)
    status = await world.judge(REFERENCED)
    assert status["certificateStoreStatus"] == "OK"
    assert (status["responseCode"], status["validation"]) == (200, 0)
    assert "detailedError" not in status
    assert world.condition("Ready") == ("True", "Valid")
    assert world.condition("Stored") is None
    assert status["served"]["fingerprint"] == SHOP.certificate.fingerprint
    assert status["issuer"] == "CN=Corp Issuing CA 3"
    assert status["isSelfSigned"] == "false"
    assert [each["commonName"] for each in status["chain"]] == ["Corp Issuing CA 3"]


async def test_judge_accepts_when_the_certificate_is_inline(world: World) -> None:
    world.cluster.put_secret("key", {"tls.key": SHOP.key_pem})
    status = await world.judge({"certificate": SHOP.chain_pem, **KEYED, "targets": [{"secretName": "shop-tls"}]})
    assert status["certificateStoreStatus"] == "OK"
    assert world.target.data["tls.crt"].decode() == SHOP.chain_pem
    assert world.target.data["tls.key"].decode() == SHOP.key_pem


async def test_judge_accepts_when_certificate_and_chain_stand_in_config_maps(world: World) -> None:
    world.cluster.put_secret("upload", {"leaf.pem": SHOP.pem}, kind=Kind.CONFIG_MAP)
    world.cluster.put_secret("corporate", {"tls.crt": ROOT.pem + ISSUING.pem}, kind=Kind.CONFIG_MAP)
    status = await world.judge(
        {
            "certificateRef": {"kind": "ConfigMap", "name": "upload", "key": "leaf.pem"},
            "chainRef": {"kind": "ConfigMap", "name": "corporate"},
        }
    )
    assert status["certificateStoreStatus"] == "OK"
    assert "RootRemoved" in world.reasons


async def test_judge_accepts_when_pkcs12_comes_with_its_password(world: World) -> None:
    world.cluster.put_secret("upload", {"shop.p12": pki_files.pkcs12()})
    world.cluster.put_secret("password", {"password": pki_files.PASSWORD + b"\n"})
    reference = {"name": "upload", "key": "shop.p12", "passwordRef": {"name": "password"}}
    world.clock.now = pki_files_now()
    status = await world.judge({"certificateRef": reference, "targets": [{"secretName": "shop-tls"}]})
    assert status["certificateStoreStatus"] == "OK"
    assert world.target.data["tls.key"].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert world.reconciler.is_heavy(world.snapshot())


def pki_files_now() -> datetime:
    """Give an instant at which the files of the `openssl` command are valid: they are made when the tests run."""
    return Certificate.from_der(pki_files.issued("leaf").der).not_before.replace(microsecond=0)


async def test_judge_refuses_when_the_password_is_wrong(world: World) -> None:
    world.cluster.put_secret("upload", {"shop.p12": pki_files.pkcs12()})
    world.cluster.put_secret("password", {"password": "wrong"})
    reference = {"name": "upload", "key": "shop.p12", "passwordRef": {"name": "password"}}
    await world.judge({"certificateRef": reference})
    assert world.condition("Stalled") == ("True", "Unparsable")
    assert world.status["findings"][0]["detail"] == "WrongPassword"
    assert "the password does not open the PKCS#12 file" in world.message()


async def test_judge_asks_for_a_password_when_it_is_empty(world: World) -> None:
    world.cluster.put_secret("upload", {"shop.p12": pki_files.pkcs12()})
    world.cluster.put_secret("password", {"password": "\r\n"})
    reference = {"name": "upload", "key": "shop.p12", "passwordRef": {"name": "password"}}
    await world.judge({"certificateRef": reference})
    assert world.condition("Stalled") == ("True", "InvalidRequest")
    assert "the password is empty" in world.message()


async def test_judge_waits_when_the_password_does_not_exist(world: World) -> None:
    world.cluster.put_secret("upload", {"shop.p12": pki_files.pkcs12()})
    reference = {"name": "upload", "key": "shop.p12", "passwordRef": {"name": "password"}}
    await world.judge({"certificateRef": reference})
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")
    assert "`spec.certificateRef.passwordRef`: there is no Secret `password`" in world.message()


async def test_judge_decrypts_when_the_key_has_a_password(world: World) -> None:
    leaf = PKI().self_signed("shop.example.com")
    encrypted = pki_files.encrypted(leaf.key_pem.encode())
    world.cluster.put_secret("upload", {"tls.crt": leaf.pem})
    world.cluster.put_secret("key", {"tls.key": encrypted})
    world.cluster.put_secret("password", {"password": pki_files.PASSWORD})
    key = {"name": "key", "passwordRef": {"name": "password"}}
    spec = {**REFERENCED, "privateKeyRef": key, "targets": [{"secretName": "shop-tls"}]}
    status = await world.judge(spec)
    assert status["certificateStoreStatus"] == "OK"
    assert world.target.data["tls.key"].decode() == leaf.key_pem
    assert world.reconciler.is_heavy(world.snapshot())


async def test_judge_refuses_when_the_key_is_encrypted_and_no_password_is_named(world: World) -> None:
    world.cluster.put_secret(
        "upload", {"tls.crt": SHOP.chain_pem, "tls.key": pki_files.encrypted(SHOP.key_pem.encode())}
    )
    status = await world.judge(SERVING)
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("PRIVATE_KEY_IS_INVALID", 526)
    assert status["validation"] == 0
    assert status["findings"][0]["detail"] == "Encrypted"
    assert world.condition("Valid") == ("False", "KeyInvalid")


# ---- references


async def test_judge_waits_when_the_reference_does_not_exist(world: World) -> None:
    status = await world.judge(SERVING)
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("NOT_FOUND", 404)
    assert status["validation"] == -1
    assert status["findings"] == [
        {
            "reason": "ReferenceNotFound",
            "severity": "Error",
            "code": 1002,
            "message": "`spec.certificateRef`: there is no Secret `upload` in namespace `shop`. It is judged within a "
            "second of its appearance.",
        }
    ]
    assert world.condition("Ready") == ("False", "ReferenceNotFound")
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")
    assert world.condition("Valid") == ("Unknown", "ReferenceNotFound")
    assert world.message().startswith("Waiting: ")
    assert world.message().endswith("Nothing is served yet.")
    assert world.events == ["ReferenceNotFound"]


async def test_judge_names_the_keys_there_are_when_the_key_is_missing(world: World) -> None:
    world.cluster.put_secret("upload", {f"k{number}": "x" for number in range(10)})
    await world.judge(REFERENCED)
    assert world.condition("Ready") == ("False", "ReferenceNotFound")
    assert world.status["findings"][0]["detail"] == "SecretKeyMissing"
    assert "it has `k0`, `k1`, `k2`, `k3`, `k4`, `k5`, `k6`, `k7` and 2 more" in world.message()


async def test_judge_says_empty_when_the_secret_holds_nothing(world: World) -> None:
    world.cluster.put_secret("upload", {})
    await world.judge(REFERENCED)
    assert "the Secret has no such key; it is empty" in world.message()


async def test_judge_reads_nothing_when_the_secret_is_of_another_type(world: World) -> None:
    world.cluster.put_secret(
        "upload", {"tls.crt": SHOP.chain_pem, "tls.key": SHOP.key_pem}, type="kubernetes.io/service-account-token"
    )
    status = await world.judge(SERVING)
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("BAD_REQUEST", 400)
    assert world.condition("Stalled") == ("True", "InvalidRequest")
    assert status["findings"][0]["detail"] == "SecretTypeNotRead"


async def test_judge_reads_it_when_a_secret_of_another_type_is_ours(world: World) -> None:
    world.cluster.put_secret(
        "upload",
        {"tls.crt": SHOP.chain_pem},
        type="example.com/special",
        labels={"app.kubernetes.io/managed-by": "certwright"},
        annotations={"certwright.io/owner": "ImportedCertificate/other"},
    )
    await world.judge(REFERENCED)
    assert world.condition("Ready") == ("True", "Valid")


@pytest.mark.parametrize(
    ("cause", "detail"), [(FailureCause.UNAVAILABLE, "ReadFailed"), (FailureCause.FORBIDDEN, "Forbidden")]
)
async def test_judge_is_not_checked_when_an_input_cannot_be_read(
    world: World, cause: FailureCause, detail: str
) -> None:
    world.upload(SHOP)
    world.wish(SERVING)
    await world.reconcile()
    before = world.status
    world.upload(NEXT)
    world.cluster.fail("read", UPLOAD, cause)
    result = await world.reconcile()
    assert result.retry
    assert (world.status["certificateStoreStatus"], world.status["responseCode"]) == ("IN_PROGRESS", 200)
    assert world.status["validation"] == -1
    assert world.status["findings"][0]["detail"] == detail
    assert world.condition("Ready") == ("False", "NotChecked")
    assert world.condition("Reconciling") == ("True", "NotChecked")
    assert world.condition("Stored") == ("True", "NotChecked")
    assert "Still served: serial " in world.message()
    # What was known of the material stays until it can be read again.
    assert world.status["commonName"] == before["commonName"]
    assert world.status["served"] == before["served"]
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")
    assert world.status["served"]["fingerprint"] == NEXT.certificate.fingerprint


# ---- no source, conflicting sources


async def test_judge_refuses_when_no_source_is_named(world: World) -> None:
    status = await world.judge({"targets": [{"secretName": "shop-tls"}]})
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("BAD_REQUEST", 400)
    assert status["findings"][0]["detail"] == "SourceMissing"
    assert world.condition("Stalled") == ("True", "InvalidRequest")


async def test_judge_keeps_what_is_served_when_the_source_is_removed(world: World) -> None:
    world.upload(SHOP)
    world.wish(SERVING)
    await world.reconcile()
    stored = world.target
    status = await world.judge({"targets": SERVING["targets"]})
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("BAD_REQUEST", 400)
    assert world.condition("Ready") == ("False", "SourceRemoved")
    assert world.condition("Stored") == ("True", "SourceRemoved")
    assert "Still served: serial " in world.message()
    assert world.target == stored
    assert status["served"]["fingerprint"] == SHOP.certificate.fingerprint


async def test_judge_refuses_when_two_sources_are_named(world: World) -> None:
    world.upload(SHOP)
    await world.judge({**REFERENCED, "certificate": SHOP.pem, "chain": ISSUING.pem, "chainRef": {"name": "upload"}})
    assert world.condition("Stalled") == ("True", "InvalidRequest")
    assert [each["message"].split()[0] for each in world.status["findings"][:2]] == [
        "`spec.certificate`",
        "`spec.chain`",
    ]


async def test_judge_refuses_when_the_wish_does_not_fit_the_schema(world: World) -> None:
    status = await world.judge({"certificate": 7, "targets": "all"})
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("BAD_REQUEST", 400)
    assert status["findings"][0]["detail"] == "WrongType"
    assert world.condition("Stalled") == ("True", "InvalidRequest")
    assert "`spec.certificate`" in world.message()


async def test_judge_leaves_targets_alone_when_the_wish_stops_fitting_the_schema(world: World) -> None:
    world.upload(SHOP)
    await world.judge(SERVING)
    rows, stored = world.status["targets"], world.target
    await world.judge({"targets": "all"})
    assert world.status["targets"] == rows
    assert world.target == stored


# ---- keys


async def test_judge_takes_the_key_from_the_file_when_it_stands_beside_the_certificate(world: World) -> None:
    world.cluster.put_secret("upload", {"both.pem": SHOP.chain_pem + SHOP.key_pem})
    await world.judge(
        {"certificateRef": {"name": "upload", "key": "both.pem"}, "targets": [{"secretName": "shop-tls"}]}
    )
    assert world.condition("Ready") == ("True", "Valid")
    assert "KeyInCertificate" in world.reasons
    assert b"PRIVATE" not in world.target.data["tls.crt"]


async def test_judge_takes_the_fitting_key_when_several_stand_in_the_file(world: World) -> None:
    world.cluster.put_secret("upload", {"both.pem": SHOP.chain_pem + NEXT.key_pem + SHOP.key_pem})
    await world.judge(
        {"certificateRef": {"name": "upload", "key": "both.pem"}, "targets": [{"secretName": "shop-tls"}]}
    )
    assert world.target.data["tls.key"].decode() == SHOP.key_pem


async def test_judge_refuses_when_no_key_in_the_file_fits(world: World) -> None:
    world.cluster.put_secret("upload", {"both.pem": SHOP.chain_pem + NEXT.key_pem})
    world.clock.advance(hours=1)
    await world.judge(
        {"certificateRef": {"name": "upload", "key": "both.pem"}, "targets": [{"secretName": "shop-tls"}]}
    )
    assert world.condition("Ready") == ("False", "KeyMismatch")


async def test_judge_asks_for_the_key_when_targets_need_it(world: World) -> None:
    world.cluster.put_secret("upload", {"tls.crt": SHOP.chain_pem})
    status = await world.judge(SERVING)
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("NOT_FOUND", 404)
    assert status["findings"][0]["detail"] == "SecretKeyMissing"
    assert "`spec.certificateRef`: Secret `upload`, key `tls.key`" in world.message()


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"certificate": SHOP.chain_pem}, "`spec.certificate`"),
        ({"certificateRef": {"kind": "ConfigMap", "name": "upload"}}, "ConfigMap `upload`"),
    ],
)
async def test_judge_asks_for_a_reference_when_only_a_certificate_is_given(
    world: World, spec: dict[str, object], where: str
) -> None:
    world.cluster.put_secret("upload", {"tls.crt": SHOP.chain_pem}, kind=Kind.CONFIG_MAP)
    status = await world.judge({**spec, "targets": [{"secretName": "shop-tls"}]})
    assert (status["certificateStoreStatus"], status["findings"][0]["detail"]) == ("BAD_REQUEST", "NoKey")
    assert f"{where} gives the certificate alone" in world.message()


async def test_judge_needs_no_key_when_it_only_watches(world: World) -> None:
    world.cluster.put_secret("upload", {"tls.crt": SHOP.chain_pem})
    await world.judge(REFERENCED)
    assert world.condition("Ready") == ("True", "Valid")


async def test_judge_checks_the_key_of_the_same_secret_when_it_only_watches(world: World) -> None:
    world.upload(SHOP, key=NEXT)
    world.clock.advance(hours=1)
    world.wish(REFERENCED)
    await world.reconcile()
    world.clock.advance(hours=1)
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "KeyMismatch")


async def test_judge_demands_the_key_when_it_is_named_though_it_only_watches(world: World) -> None:
    world.cluster.put_secret("upload", {"tls.crt": SHOP.chain_pem})
    await world.judge({**REFERENCED, **KEYED})
    assert world.condition("Ready") == ("False", "ReferenceNotFound")
    assert "`spec.privateKeyRef`: there is no Secret `key`" in world.message()


async def test_judge_names_both_when_the_key_does_not_match(world: World) -> None:
    world.upload(SHOP, key=NEXT)
    status = await world.judge(SERVING)
    assert status["certificateStoreStatus"] == "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE"
    assert (status["responseCode"], status["validation"]) == (523, 0)
    assert secret_key("shop-tls") not in world.cluster.objects
    assert 'the private key (ECDSA P-256) does not belong to the certificate "shop.example.com"' in world.message()


# ---- the certificate itself


async def test_judge_says_what_was_put_right_when_the_order_is_wrong(world: World) -> None:
    text = ROOT.pem + ISSUING.pem + SHOP.pem
    world.cluster.put_secret("upload", {"tls.crt": text, "tls.key": SHOP.key_pem})
    await world.judge(SERVING)
    assert world.condition("Ready") == ("True", "Valid")
    assert {"Reordered", "RootRemoved"} <= set(world.reasons)
    assert {each["severity"] for each in world.status["findings"]} == {"Warning"}
    assert {each["code"] for each in world.status["findings"]} == {0}
    assert world.target.data["tls.crt"].decode() == SHOP.chain_pem


async def test_judge_refuses_when_nothing_tells_two_leaves_apart(world: World) -> None:
    world.cluster.put_secret("upload", {"tls.crt": SHOP.pem + NEXT.pem})
    await world.judge(REFERENCED)
    assert world.status["findings"][0]["detail"] == "SeveralLeaves"
    assert world.condition("Stalled") == ("True", "Unparsable")


async def test_judge_warns_when_a_lone_leaf_never_had_a_chain(world: World) -> None:
    world.upload(SHOP, chain=False)
    await world.judge(SERVING)
    assert world.condition("Ready") == ("True", "Valid")
    assert "IssuerMissing" in world.reasons
    await world.reconcile(full=True)
    assert world.condition("Ready") == ("True", "Valid")


async def test_judge_refuses_when_the_intermediate_is_lost(world: World) -> None:
    world.upload(SHOP)
    await world.judge(SERVING)
    stored = world.target
    world.upload(NEXT, chain=False)
    await world.reconcile()
    assert (world.status["certificateStoreStatus"], world.status["validation"]) == (
        "CERTIFICATE_CHAIN_IS_INVALID",
        2011,
    )
    assert world.condition("Stalled") == ("True", "IssuerNotFound")
    assert world.message().startswith("Refused: ")
    assert world.message().endswith(f"Still served: serial {SHOP.certificate.serial_hex}, until 2027-01-01.")
    assert world.target == stored


@pytest.mark.parametrize("targets", [[], [{"secretName": "shop-tls"}]])
async def test_judge_stays_at_its_verdict_when_it_is_made_again(world: World, targets: list[object]) -> None:
    """The verdict on a lost intermediate must not depend on having been written."""
    world.upload(SHOP)
    await world.judge({**REFERENCED, "targets": targets})
    world.upload(NEXT, chain=False)
    for _ in range(3):
        await world.reconcile(full=True)
        assert world.condition("Ready") == ("False", "IssuerNotFound")


async def test_judge_demands_names_when_the_wish_lists_them(world: World) -> None:
    world.upload(SHOP)
    status = await world.judge({**SERVING, "dnsNames": ["api.example.com"], "ipAddresses": ["192.0.2.1"]})
    assert (status["certificateStoreStatus"], status["responseCode"], status["validation"]) == (
        "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
        525,
        2012,
    )
    assert world.reasons[:2] == ["NameMissing", "NameMissing"]
    assert 'does not cover the DNS name "api.example.com"' in world.message()
    assert "1 more in `status.findings`." in world.message()


@pytest.mark.parametrize(
    ("usages", "granted", "reason"),
    [
        (["ServerAuth"], ("serverAuth",), "Valid"),
        (["ClientAuth"], ("serverAuth",), "UsageMismatch"),
        (["ServerAuth", "ClientAuth"], ("serverAuth",), "UsageMismatch"),
        (["ServerAuth", "ClientAuth"], ("serverAuth", "clientAuth"), "Valid"),
        ([], ("codeSigning",), "Valid"),
    ],
)
async def test_judge_demands_usages_when_the_wish_lists_them(
    world: World, usages: list[str], granted: tuple[str, ...], reason: str
) -> None:
    world.upload(ISSUING.issue_leaf("shop.example.com", usages=granted))
    await world.judge({**SERVING, "usages": usages})
    assert world.condition("Ready") == ("True" if reason == "Valid" else "False", reason)


async def test_judge_warns_when_the_subject_differs(world: World) -> None:
    world.upload(SHOP)
    wished = {"commonName": "SHOP.example.com", "organizationName": "Example GmbH"}
    await world.judge({**SERVING, "subject": wished})
    assert world.condition("Ready") == ("True", "Valid")
    assert [each["message"] for each in world.status["findings"] if each["reason"] == "SubjectDiffers"] == [
        '`spec.subject.organizationName` is "Example GmbH", and the subject of the certificate says nothing.'
    ]


async def test_judge_shows_what_the_subject_says_when_it_differs(world: World) -> None:
    world.upload(SHOP)
    await world.judge({**REFERENCED, "subject": {"commonName": "other.example.com"}})
    assert 'says "shop.example.com".' in world.status["findings"][-1]["message"]


async def test_judge_becomes_a_finding_when_something_unforeseen_happens(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.upload(SHOP)
    await world.judge(SERVING)
    stored = world.target

    def burst(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("certwright.reconcile.importedcertificate.judge.arrange", burst)
    world.upload(NEXT)
    await world.reconcile()
    assert (world.status["certificateStoreStatus"], world.status["responseCode"]) == ("ERROR", 529)
    assert (world.status["validation"], world.status["findings"][0]["code"]) == (2010, 1020)
    assert "unexpected ZeroDivisionError" in world.message()
    assert "judging ImportedCertificate shop/shop failed" in caplog.text
    assert world.target == stored
    assert world.status["targets"][0]["digest"]


async def test_judge_is_refused_when_its_time_is_up(world: World) -> None:
    world.upload(SHOP)
    await world.judge(SERVING)
    snapshot = world.snapshot()
    problem = finding(Reason.VALIDATION_ERROR, "took too long", detail=Detail.LIMIT_EXCEEDED)
    plan = world.reconciler.plan(world.reconciler.refuse(snapshot, problem), snapshot)
    status = plan.stages[0][0].status  # type: ignore[union-attr]
    assert (status["certificateStoreStatus"], status["validation"]) == ("ERROR", 2010)
    assert status["targets"][0]["digest"]


async def test_status_holds_no_secret_when_anything_is_wrong_with_it(world: World) -> None:
    password = "correct horse battery staple"
    world.cluster.put_secret("upload", {"tls.crt": "x" + SHOP.key_pem[40:90], "tls.key": SHOP.key_pem[:120]})
    world.cluster.put_secret("password", {"password": password})
    await world.judge(
        {"certificateRef": {"name": "upload", "passwordRef": {"name": "password"}}, "targets": SERVING["targets"]}
    )
    everything = str(world.status) + str(world.cluster.events)
    assert password not in everything
    assert base64.b64encode(password.encode()).decode() not in everything
    assert SHOP.key_pem[40:60] not in everything


def test_references_name_every_object_when_all_fields_are_used(world: World) -> None:
    subject = world.wish(
        {
            "certificateRef": {"name": "a", "passwordRef": {"name": "b"}},
            "chainRef": {"kind": "ConfigMap", "name": "c"},
            "privateKeyRef": {"name": "d", "passwordRef": {"name": "e"}},
            "targets": [
                {
                    "secretName": "f",
                    "formats": [{"type": "PKCS12", "key": "k", "passwordRef": {"name": "g"}}],
                    "refresh": [{"kind": "Deployment", "name": "h"}],
                }
            ],
        }
    )
    names = sorted((each.kind.value, each.name) for each in world.reconciler.references(subject))
    assert names == [("ConfigMap", "c"), *(("Secret", name) for name in "abdefg")]
    assert {each.namespace for each in world.reconciler.references(subject)} == {NAMESPACE}


def test_references_are_those_of_the_status_when_the_wish_cannot_be_read(world: World) -> None:
    subject = replace(world.wish({"targets": "all"}), status={"targets": [{"secretName": "old"}]})
    assert world.reconciler.references(subject) == {ObjectKey(Kind.SECRET, NAMESPACE, "old")}
    assert not world.reconciler.is_heavy(world.snapshot())


@pytest.mark.parametrize(("size", "heavy"), [(10, False), (100_000, True)])
def test_is_heavy_says_yes_when_the_input_is_large(world: World, size: int, heavy: bool) -> None:  # noqa: FBT001
    world.cluster.put_secret("upload", {"tls.crt": "x" * size})
    world.wish(REFERENCED)
    assert world.reconciler.is_heavy(world.snapshot()) is heavy


def test_is_heavy_says_yes_when_a_format_is_asked_for(world: World) -> None:
    formats = [{"type": "PKCS12", "key": "k", "passwordRef": {"name": "g"}}]
    world.wish({**REFERENCED, "targets": [{"secretName": "f", "formats": formats}]})
    assert world.reconciler.is_heavy(world.snapshot())


def test_is_heavy_says_yes_when_a_key_has_a_password(world: World) -> None:
    world.wish({**REFERENCED, "privateKeyRef": {"name": "d", "passwordRef": {"name": "e"}}})
    assert world.reconciler.is_heavy(world.snapshot())


async def test_judgement_survives_the_trip_when_it_was_made_in_another_process(world: World) -> None:
    world.upload(SHOP)
    world.cluster.put_secret("password", {"password": "changeit"})
    formats = [{"type": "PKCS12", "key": "k", "passwordRef": {"name": "password"}}]
    world.wish({**REFERENCED, "targets": [{"secretName": "shop-tls", "formats": formats}]})
    reconciler = pickle.loads(pickle.dumps(world.reconciler))  # noqa: S301 - our own bytes
    snapshot = pickle.loads(pickle.dumps(world.snapshot()))  # noqa: S301
    judgement = pickle.loads(pickle.dumps(reconciler.judge(snapshot)))  # noqa: S301
    assert world.reconciler.plan(judgement, snapshot) == reconciler.plan(reconciler.judge(snapshot), snapshot)
    assert "changeit" not in repr(judgement)
    assert "PRIVATE KEY" not in repr(judgement) + repr(snapshot)
