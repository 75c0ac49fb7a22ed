"""The table of reasons, walked: every reason an ImportedCertificate can come to, with all that it says and stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from certwright.dialects.store_status import StoreStatus
from certwright.findings import Detail, Reason
from tests.support.pki import Entity, ed25519_key, rsa_key
from tests.support.worlds import Corp, Report, World
from tests.support.worlds.manifests import imported, secret, serving, workload
from tests.support.worlds.material import upload
from tests.support.worlds.trouble import (
    DAY,
    Bad,
    below_expired_issuer,
    contradicting,
    early_leaf,
    expired_leaf,
    falsely_self_signed,
    laborious,
    pair,
)

CERTIFICATE = ("PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525)
EXPIRED = ("CERTIFICATE_IS_EXPIRED", 525)
KEY = ("PRIVATE_KEY_IS_INVALID", 526)
MISMATCH = ("PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE", 523)
CHAIN = ("CERTIFICATE_CHAIN_IS_INVALID", 522)
STORING = ("GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527)
NOT_REFRESHED = ("CERTIFICATE_STORED_BUT_NOT_REFRESHED", 528)
NOT_FOUND = ("NOT_FOUND", 404)
BAD_REQUEST = ("BAD_REQUEST", 400)
ERROR = ("ERROR", 529)
NO_STATUS = ("ERROR", 500)
IN_PROGRESS = ("IN_PROGRESS", 200)
OK = ("OK", 200)

FINE = {"Ready": "True Valid", "Valid": "True Valid", "Stored": "True Valid", "ExpiringSoon": "False Valid"}


# ---- material that is refused


@dataclass(frozen=True)
class Refusal:
    """A reason that is about what was handed in.

    Attributes:
        message: a piece of what the finding says.
        valid: the status of the condition `Valid`.
        progress: which of the two stands beside `Ready=False`.
        event: its reason; of `Refused` the finding names the rest.
    """

    reason: Reason
    handed_in: Callable[[Corp], Bad]
    answer: tuple[str, int]
    validation: int
    message: str
    detail: Detail | None = None
    code: int | None = None
    valid: str = "False"
    progress: str = "Stalled"
    event: str = "Refused"

    def conditions(self, *, served: bool) -> dict[str, str]:
        reason = self.reason.value
        return {
            "Ready": f"False {reason}",
            "Valid": f"{self.valid} {reason}",
            "Stored": f"True {reason}" if served else f"False {reason}",
            "ExpiringSoon": "False Valid" if served else "Unknown NotChecked",
            self.progress: f"True {reason}",
        }


def _laborious(corp: Corp) -> Bad:
    leaf, certificates = laborious(corp)
    return pair(leaf, crt=certificates)


def _beside_wrong_intermediate(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.pem + corp.ca("Other CA").pem + corp.root.pem)


REFUSALS = (
    Refusal(
        Reason.UNPARSABLE,
        lambda corp: pair(corp.leaf(), crt=corp.leaf().pem[:400]),
        CERTIFICATE,
        2001,
        "block 1 (CERTIFICATE) has no END line: the text was cut short",
        Detail.TRUNCATED,
        2001,
    ),
    Refusal(
        Reason.UNPARSABLE,
        lambda corp: pair(corp.leaf(), crt=corp.leaf().pem * 65),
        CERTIFICATE,
        2001,
        "65 certificates are more than the 64 allowed",
        Detail.LIMIT_EXCEEDED,
        2001,
    ),
    Refusal(
        Reason.UNDECODABLE,
        lambda corp: pair(contradicting(corp)),
        CERTIFICATE,
        2002,
        "signature",
        Detail.DER_DAMAGED,
        2002,
    ),
    Refusal(
        Reason.EXPIRED, lambda corp: pair(expired_leaf(corp)), EXPIRED, 2003, "the certificate expired on ", None, 2003
    ),
    Refusal(
        Reason.NOT_YET_VALID,
        lambda corp: pair(early_leaf(corp)),
        CERTIFICATE,
        2004,
        "the certificate is not valid before ",
        None,
        2004,
    ),
    Refusal(
        Reason.VALIDATION_ERROR,
        _laborious,
        ERROR,
        2010,
        "the certificate cannot be judged: more than 64 paths would be needed",
        Detail.LIMIT_EXCEEDED,
        2010,
    ),
    Refusal(
        Reason.ISSUER_NOT_FOUND,
        _beside_wrong_intermediate,
        CHAIN,
        2011,
        'the leaf names issuer "Corp Issuing CA 3" (key id ',
        None,
        2011,
    ),
    Refusal(
        Reason.USAGE_MISMATCH,
        lambda corp: pair(corp.leaf(usages=("clientAuth",))),
        CERTIFICATE,
        2012,
        "its extended key usage does not name serverAuth",
        None,
        2012,
    ),
    Refusal(
        Reason.NAME_MISSING,
        lambda corp: pair(corp.leaf(), dnsNames=["api.example.com"]),
        CERTIFICATE,
        2012,
        "api.example.com",
        None,
        2012,
    ),
    Refusal(
        Reason.CHAIN_INVALID,
        lambda corp: pair(below_expired_issuer(corp)),
        CHAIN,
        2013,
        'the certificate "Corp Issuing CA 2" expired on ',
        Detail.ISSUER_EXPIRED,
        2013,
    ),
    Refusal(
        Reason.INVALID_SELF_SIGNED,
        lambda corp: pair(falsely_self_signed(corp)),
        CHAIN,
        2014,
        "the certificate calls itself self-signed, and its signature is not by its own key",
        Detail.SIGNATURE,
        2014,
    ),
    Refusal(
        Reason.KEY_INVALID,
        lambda corp: pair(corp.leaf(), key="no key at all"),
        KEY,
        0,
        "no private key was found in 13 bytes",
        Detail.NO_KEY,
    ),
    Refusal(
        Reason.KEY_MISMATCH,
        lambda corp: pair(corp.leaf(), key=corp.leaf().key_pem),
        MISMATCH,
        0,
        'does not belong to the certificate "shop.example.com"',
        progress="Reconciling",
    ),
    Refusal(
        Reason.REFERENCE_NOT_FOUND,
        lambda _: Bad({}, {"certificateRef": {"name": "nowhere"}}),
        NOT_FOUND,
        -1,
        "`spec.certificateRef`: there is no Secret `nowhere` in namespace ",
        None,
        1002,
        valid="Unknown",
        progress="Reconciling",
        event="ReferenceNotFound",
    ),
    Refusal(
        Reason.INVALID_REQUEST,
        lambda corp: Bad({}, {"certificate": corp.leaf().chain_pem}),
        BAD_REQUEST,
        -1,
        "targets need the private key",
        Detail.NO_KEY,
        -1,
        valid="Unknown",
        event="InvalidRequest",
    ),
)


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: f"{row.reason}-{row.detail}")
async def test_material_gets_documented_answer_when_it_is_bad(world: World, row: Refusal) -> None:
    good, bad = world.corp.leaf(), row.handed_in(world.corp)
    await world.apply(upload(good), serving())
    await world.settle("shop", lambda report: report.is_ok)
    before = await world.read("Secret", "shop-tls")

    await world.apply(*bad.manifests("shop"), *bad.manifests("fresh"))
    shop = await world.settle("shop", lambda report: row.reason.value in report.errors)
    fresh = await world.settle("fresh", lambda report: row.reason.value in report.errors)

    for report, served in ((shop, good), (fresh, None)):
        assert (report.answer, report.validation) == (row.answer, row.validation)
        assert report.errors[0] == row.reason
        found = report.finding(row.reason)
        assert (found.get("detail"), found.get("code")) == (row.detail, row.code)
        assert row.message in found["message"]
        assert report.status["detailedError"] == found["message"]
        assert _said(report) == row.conditions(served=served is not None)
        assert report.message().endswith(_served_line(served))
        assert report.served.get("fingerprint") == (served.certificate.fingerprint if served else None)
        assert report.target_answer(f"{report.subject.key.name}-tls") == row.answer
        await _expect_event(world, report, row.event)
    assert await world.read("Secret", "shop-tls") == before
    assert await world.read("Secret", "fresh-tls") is None


# ---- states that take a story to come to


@dataclass(frozen=True)
class State:
    """A reason that is about what was done, or could not be.

    Attributes:
        come_to_it: what happens, until the answer is there.
        holds: the data of `shop-tls` in the end, by the leaf that the story handed in last; `None`: no such Secret.
    """

    reason: Reason
    come_to_it: Callable[[World], Awaitable[Report]]
    answer: tuple[str, int]
    validation: int
    conditions: Mapping[str, str]
    message: str
    event: str | None = None
    detail: Detail | None = None
    code: int | None = None
    is_finding: bool = True


async def _all_is_well(world: World) -> Report:
    await world.apply(upload(world.corp.leaf()), serving())
    return await world.settle("shop", lambda report: report.is_ok)


async def _clock_is_doubted(world: World) -> Report:
    async with world.doubting_the_clock():
        await world.apply(upload(world.corp.leaf()), serving())
        return await world.settle("shop")


async def _source_is_removed(world: World) -> Report:
    await _all_is_well(world)
    await world.apply(imported(targets=[{"secretName": "shop-tls"}]))
    return await world.settle("shop")


async def _pair_stays_apart(world: World) -> Report:
    leaf, other = world.corp.leaf(), world.corp.leaf()
    await world.apply(upload(leaf, key=other), serving())
    await world.settle("shop", lambda report: report.condition("Reconciling") is not None)
    await world.travel(timedelta(seconds=61))
    return await world.settle("shop", lambda report: report.condition("Stalled") is not None)


async def _quota_is_used_up(world: World) -> Report:
    await world.apply(upload(world.corp.leaf()))
    async with world.without_room_for_secrets("shop-tls"):
        await world.apply(serving())
        return await world.settle("shop")


async def _target_is_foreign(world: World) -> Report:
    await world.apply(secret("shop-tls", {"mine": "only"}), upload(world.corp.leaf()), serving())
    return await world.settle("shop")


async def _target_is_immutable(world: World) -> Report:
    allowed = {"certwright.io/allow-write": "ImportedCertificate/shop"}
    foreign = secret("shop-tls", {"mine": "only"}, annotations=allowed, immutable=True)
    await world.apply(foreign, upload(world.corp.leaf()), serving())
    return await world.settle("shop")


async def _target_is_being_deleted(world: World) -> Report:
    held = secret(
        "shop-tls", {}, annotations={"certwright.io/allow-write": "ImportedCertificate/shop"}, finalizers=HELD
    )
    await world.apply(held)
    await world.delete("Secret", "shop-tls")
    await world.apply(upload(world.corp.leaf()), serving())
    return await world.settle("shop")


async def _workload_is_absent(world: World) -> Report:
    await world.apply(upload(world.corp.leaf()), serving("shop", REFRESHING))
    await world.settle("shop", lambda report: report.is_ok)
    await world.apply(upload(world.corp.leaf()))
    return await world.settle("shop", lambda report: not report.is_ok)


async def _last_good_is_lost(world: World) -> Report:
    await _all_is_well(world)
    leaf = world.corp.leaf()
    await world.apply(upload(leaf, crt=leaf.pem + world.corp.root.pem))
    await world.settle("shop", lambda report: report.reason == "IssuerNotFound")
    await world.delete("Secret", "shop-tls")
    return await world.settle("shop", lambda report: "LastGoodLost" in report.errors)


async def _status_is_refused(world: World) -> Report:
    await world.apply(upload(world.corp.leaf()))
    await world.apply(imported(certificateRef={"name": "shop-upload"}))
    await world.settle("shop")
    async with world.refusing_full_statuses("shop"):
        await world.apply(serving())
        return await world.settle("shop", lambda report: report.answer == NO_STATUS)


HELD = ["stories.example.com/held"]
REFRESHING = {"secretName": "shop-tls", "refresh": [{"kind": "Deployment", "name": "shop"}]}
NOT_STORED = {"Valid": "True Valid", "ExpiringSoon": "Unknown NotChecked"}

STATES = (
    State(Reason.VALID, _all_is_well, OK, 0, FINE, "stored in 1 Secret.", "Stored", is_finding=False),
    State(
        Reason.NOT_CHECKED,
        _clock_is_doubted,
        IN_PROGRESS,
        -1,
        {
            "Ready": "False NotChecked",
            "Valid": "Unknown NotChecked",
            "Stored": "Unknown NotChecked",
            "ExpiringSoon": "Unknown NotChecked",
            "Reconciling": "True NotChecked",
        },
        "the clocks of the operator and of the API server are too far apart",
        detail=Detail.CLOCK_DOUBTED,
        code=-1,
    ),
    State(
        Reason.SOURCE_REMOVED,
        _source_is_removed,
        BAD_REQUEST,
        -1,
        {
            "Ready": "False SourceRemoved",
            "Valid": "Unknown SourceRemoved",
            "Stored": "True SourceRemoved",
            "ExpiringSoon": "False Valid",
            "Stalled": "True SourceRemoved",
        },
        "the spec names no certificate any more. What was served stays served.",
        "SourceRemoved",
        code=-1,
    ),
    State(
        Reason.KEY_MISMATCH,
        _pair_stays_apart,
        MISMATCH,
        0,
        {
            "Ready": "False KeyMismatch",
            "Valid": "False KeyMismatch",
            "Stored": "False KeyMismatch",
            "ExpiringSoon": "Unknown NotChecked",
            "Stalled": "True KeyMismatch",
        },
        "Hand in the key it was issued for.",
        "Refused",
    ),
    State(
        Reason.STORE_FAILED,
        _quota_is_used_up,
        STORING,
        0,
        {
            **NOT_STORED,
            "Ready": "False StoreFailed",
            "Stored": "False StoreFailed",
            "Stalled": "True StoreFailed",
        },
        "Raise the quota, or remove what is not needed.",
        "TargetRefused",
        detail=Detail.QUOTA_EXCEEDED,
    ),
    State(
        Reason.TARGET_NOT_OWNED,
        _target_is_foreign,
        STORING,
        0,
        {
            **NOT_STORED,
            "Ready": "False TargetNotOwned",
            "Stored": "False TargetNotOwned",
            "Stalled": "True TargetNotOwned",
        },
        "shop-tls certwright.io/allow-write=ImportedCertificate/shop",
        "TargetRefused",
    ),
    State(
        Reason.TARGET_IMMUTABLE,
        _target_is_immutable,
        STORING,
        0,
        {
            **NOT_STORED,
            "Ready": "False TargetImmutable",
            "Stored": "False TargetImmutable",
            "Stalled": "True TargetImmutable",
        },
        "Delete it yourself; it is then created anew.",
        "TargetRefused",
    ),
    State(
        Reason.TARGET_MISSING,
        _target_is_being_deleted,
        STORING,
        0,
        {
            **NOT_STORED,
            "Ready": "False TargetMissing",
            "Stored": "False TargetMissing",
            "Reconciling": "True TargetMissing",
        },
        "is being deleted",
        "TargetRefused",
    ),
    State(
        Reason.NOT_REFRESHED,
        _workload_is_absent,
        NOT_REFRESHED,
        0,
        {
            **FINE,
            "Ready": "False NotRefreshed",
            "Refreshed": "False NotRefreshed",
            "Stalled": "True NotRefreshed",
        },
        "Deployment `shop` does not exist. Create it, or take it out of `refresh`.",
        "Refreshing",
        detail=Detail.WORKLOAD_MISSING,
    ),
    State(
        Reason.LAST_GOOD_LOST,
        _last_good_is_lost,
        CHAIN,
        2011,
        {
            "Ready": "False IssuerNotFound",
            "Valid": "False IssuerNotFound",
            "Stored": "False LastGoodLost",
            "ExpiringSoon": "False Valid",
            "Stalled": "True IssuerNotFound",
        },
        "Secret `shop-tls` no longer holds what was served",
    ),
    State(
        Reason.INTERNAL_ERROR,
        _status_is_refused,
        NO_STATUS,
        0,
        {
            **FINE,
            "Ready": "False InternalError",
            "Stalled": "True InternalError",
        },
        "The API server refused the full status",
        is_finding=False,
    ),
)


@pytest.mark.parametrize("row", STATES, ids=lambda row: row.reason)
async def test_state_gets_documented_answer_when_story_comes_to_it(world: World, row: State) -> None:
    report = await row.come_to_it(world)

    assert (report.answer, report.validation or 0) == (row.answer, row.validation)
    assert _said(report) == row.conditions
    if row.is_finding:
        found = report.finding(row.reason)
        assert (found.get("detail"), found.get("code")) == (row.detail, row.code)
        assert row.message in found["message"]
    else:
        assert row.message in report.message()
    if row.event is not None:
        await _expect_event(world, report, row.event)


STORED = {
    # What stands in `shop-tls` when a story is over: the newest upload, an earlier one, what was there before, nothing.
    Reason.VALID: "newest",
    Reason.NOT_CHECKED: "nothing",
    Reason.SOURCE_REMOVED: "newest",
    Reason.KEY_MISMATCH: "nothing",
    Reason.STORE_FAILED: "nothing",
    Reason.TARGET_NOT_OWNED: "foreign",
    Reason.TARGET_IMMUTABLE: "foreign",
    Reason.NOT_REFRESHED: "newest",
    Reason.LAST_GOOD_LOST: "nothing",
    Reason.INTERNAL_ERROR: "newest",
}


@pytest.mark.parametrize("row", [row for row in STATES if row.reason in STORED], ids=lambda row: row.reason)
async def test_target_holds_what_it_should_when_story_is_over(world: World, row: State) -> None:
    await row.come_to_it(world)

    target, source = await world.read("Secret", "shop-tls"), await world.read("Secret", "shop-upload")

    assert source is not None
    expected = {"newest": dict(source.data), "foreign": {"mine": b"only"}, "nothing": None}[STORED[row.reason]]
    assert (None if target is None else dict(target.data)) == expected


# ---- warnings: used all the same


@dataclass(frozen=True)
class Warned:
    """A reason that informs."""

    reason: Reason
    handed_in: Callable[[Corp], Bad]
    message: str
    expiring: str = "False Valid"
    spec: Mapping[str, object] = field(default_factory=dict)


def _crlf(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.chain_pem.replace("\n", "\r\n"))


def _key_beside(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.chain_pem + leaf.key_pem)


def _alone(corp: Corp) -> Bad:
    leaf = corp.leaf()
    return pair(leaf, crt=leaf.pem)


def _with(*more: Callable[[Corp], str], first: bool = False) -> Callable[[Corp], Bad]:
    def hand_in(corp: Corp) -> Bad:
        leaf = corp.leaf()
        texts = [leaf.chain_pem, *(each(corp) for each in more)]
        return pair(leaf, crt="".join(reversed(texts) if first else texts))

    return hand_in


def _expired_twin(corp: Corp) -> str:
    dates = {"not_before": corp.at - 90 * DAY, "not_after": corp.at - DAY}
    return corp.root.issue_ca("Corp Issuing CA 3", key=corp.issuing.key, **dates).pem


WARNINGS = (
    Warned(Reason.ALGORITHM_WEAK, lambda corp: pair(_sha1_leaf(corp)), "is signed with RSA-SHA1, which can be forged"),
    Warned(Reason.DUPLICATE_CERTIFICATE, _with(lambda corp: corp.issuing.pem), "3 certificates were given, 2 of them"),
    Warned(Reason.EXPIRED_ALTERNATIVE, _with(_expired_twin), "a good path exists beside it"),
    Warned(
        Reason.EXPIRING_SOON,
        lambda corp: pair(corp.leaf(not_before=corp.at - 90 * DAY, not_after=corp.at + 9 * DAY)),
        "Hand in its successor.",
        "True ExpiringSoon",
    ),
    Warned(Reason.ISSUER_MISSING, _alone, 'the issuer "Corp Issuing CA 3" (key id '),
    Warned(Reason.KEY_IN_CERTIFICATE, _key_beside, "a private key stands beside the certificate"),
    Warned(Reason.NO_SUBJECT_ALT_NAME, lambda corp: pair(corp.leaf(dns=())), "clients ignore the common name"),
    Warned(Reason.NORMALIZED, _crlf, "line ends other than LF"),
    Warned(Reason.REORDERED, _with(lambda corp: corp.root.pem, first=True), "order"),
    Warned(Reason.ROOT_REMOVED, _with(lambda corp: corp.root.pem), "Corp Root"),
    Warned(Reason.SERIAL_UNUSUAL, lambda corp: pair(corp.leaf(serial=-5)), "is not positive"),
    Warned(
        Reason.SUBJECT_DIFFERS,
        lambda corp: pair(corp.leaf(), subject={"organizationName": "Example GmbH"}),
        '`spec.subject.organizationName` is "Example GmbH", and the subject of the certificate says nothing',
    ),
    Warned(Reason.UNUSED_CERTIFICATE, _with(lambda corp: corp.ca("Other CA").pem), "Other CA"),
    Warned(Reason.UNUSUAL_KEY_TYPE, lambda corp: pair(corp.leaf(key=ed25519_key("shop"))), "Ed25519"),
    Warned(Reason.WEAK_KEY, lambda corp: pair(corp.leaf(key=rsa_key("weak"))), "has a key of only 1024 bits"),
)


def _sha1_leaf(corp: Corp) -> Entity:
    issuing = corp.root.issue_ca("Corp RSA CA", key=rsa_key("a"), **corp.dates)
    return corp.leaf(issuer=issuing, sha1=True)


@pytest.mark.parametrize("row", WARNINGS, ids=lambda row: row.reason)
async def test_material_is_served_when_it_deserves_a_warning(world: World, row: Warned) -> None:
    bad = row.handed_in(world.corp)
    await world.apply(*bad.manifests("shop"))

    report = await world.settle("shop", lambda report: row.reason.value in report.warnings)

    assert (report.answer, report.validation, report.errors) == (OK, 0, [])
    found = report.finding(row.reason)
    assert (found["severity"], found["code"]) == ("Warning", 0)
    assert row.message in found["message"]
    assert _said(report) == {**FINE, "ExpiringSoon": row.expiring}
    assert "detailedError" not in report.status
    target = await world.read("Secret", "shop-tls")
    assert target is not None
    assert target.data["tls.key"] == bad.data["tls.key"].encode()  # type: ignore[union-attr]


# ---- several at once


async def test_worst_finding_names_the_answer_when_several_stand(world: World) -> None:
    """Everything at once, then mended one after the other: each time the next in the order of the table stands."""
    corp = world.corp
    await world.apply(workload("Deployment", "shop"), upload(corp.leaf()), serving("shop", REFRESHING))
    await world.settle("shop", lambda report: report.is_ok)
    await world.patch("Secret", "shop-tls", {"metadata": {"annotations": {"certwright.io/owner": "Somebody/else"}}})
    await world.settle("shop", lambda report: report.answer == STORING)

    old, ladder = laborious(corp, not_before=corp.at - 90 * DAY, not_after=corp.at - DAY)
    alone, whole = expired_leaf(corp), corp.leaf()
    wrong_type = {"secretName": "second", "entityType": "NODE"}
    lacking = {"chainRef": {"name": "nowhere"}, "dnsNames": ["api.example.com"]}
    stray = corp.ca("Other CA").pem
    wish = [REFRESHING, wrong_type]
    steps = (
        (ERROR, 2010, pair(old, crt=ladder, key="none", targets=wish, **lacking)),
        (BAD_REQUEST, 2003, pair(alone, crt=alone.pem + stray, key="none", targets=wish, **lacking)),
        (NOT_FOUND, 2003, pair(alone, crt=alone.pem + stray, key="none", targets=[REFRESHING], **lacking)),
        (
            CERTIFICATE,
            2003,
            pair(alone, crt=alone.pem + stray, key="none", targets=[REFRESHING], dnsNames=["api.test"]),
        ),
        (KEY, 2003, pair(alone, crt=alone.pem + stray, key="none", targets=[REFRESHING])),
        (MISMATCH, 2003, pair(alone, crt=alone.pem + stray, key=whole.key_pem, targets=[REFRESHING])),
        (EXPIRED, 2003, pair(alone, crt=alone.pem + stray, targets=[REFRESHING])),
        (CHAIN, 2011, pair(whole, crt=whole.pem + stray, targets=[REFRESHING])),
        (STORING, 0, pair(whole, targets=[REFRESHING])),
    )
    for answer, validation, bad in steps:
        await world.apply(*bad.manifests("shop"))
        report = await world.settle("shop", lambda report, wanted=answer: report.answer == wanted)  # type: ignore[misc]
        assert report.validation == validation

    await world.patch("Secret", "shop-tls", {"metadata": {"annotations": {"certwright.io/owner": None}}})
    await world.settle("shop", lambda report: report.answer == NOT_REFRESHED)
    deployment = await world.read("Deployment", "shop")
    assert deployment is not None
    await world.patch("Deployment", "shop", {"status": rolled_out(deployment.manifest["metadata"]["generation"])})
    await world.travel(timedelta(seconds=5))
    await world.settle("shop", lambda report: report.answer == OK)


def rolled_out(generation: int, replicas: int = 1) -> dict[str, int]:
    """Play the controller of a Deployment: everything is as wished."""
    return {
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
    }


def test_table_reaches_all_twelve_answers_of_seed_one() -> None:
    reached = {row.answer[0] for row in (*REFUSALS, *STATES)} | {OK[0]}

    assert reached == {status.value for status in StoreStatus}


def test_table_reaches_every_reason_that_an_imported_certificate_can_have() -> None:
    walked = {row.reason for row in (*REFUSALS, *STATES, *WARNINGS)}

    assert set(Reason) - walked == ELSEWHERE


ELSEWHERE = {
    # about trust, revocation and keys that are made here, which other kinds bring: see test_trust_reasons.py
    Reason.REVOKED,
    Reason.FINGERPRINT_MISMATCH,
    Reason.CRL_INVALID,
    Reason.CRL_ERROR,
    Reason.CRL_ISSUER_NOT_FOUND,
    Reason.CRL_ISSUER_NOT_AUTHORIZED,
    Reason.CRL_NOT_VALID,
    Reason.CRL_EXPIRED,
    Reason.HOST_NOT_ALLOWED,
    Reason.FETCH_FAILED,
    Reason.NOT_PERSISTED,
    Reason.KEY_LOST,
    Reason.TRUST_ENDED,
    Reason.APPROVAL_PENDING,
    Reason.EMPTY_BUNDLE,
    Reason.BUNDLE_NOT_SERVED,
    Reason.ANCHORS_DISTRUSTED,
    Reason.CERTIFICATE_LEFT_OUT,
    # about sets: see tests/cluster/test_certificate_set*.py
    Reason.UNKNOWN_NAME,
    Reason.REQUIRED_CERTIFICATE,
    Reason.JOURNAL_LOST,
}


def _said(report: Report) -> dict[str, str]:
    return {name: " ".join(said) for name, said in report.conditions.items()}


def _served_line(entity: Entity | None) -> str:
    if entity is None:
        return "Nothing is served yet."
    certificate = entity.certificate
    return f"Still served: serial {certificate.serial_hex}, until {certificate.not_after:%Y-%m-%d}."


async def _expect_event(world: World, report: Report, reason: str) -> None:
    name = report.subject.key.name

    async def told() -> bool:
        return any(event.reason == reason for event in await world.events(name))

    await world.wait(told, f"the event {reason} about {name}")
