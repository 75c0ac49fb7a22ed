"""Every row of the table of reasons that an ImportedCertificate can show, end to end in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from certwright.findings import FailureCause
from tests.support.memory_cluster import START
from tests.support.pki import NOT_AFTER, NOT_BEFORE, PKI, armor
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, SERVING, SHOP, TARGET, UPLOAD, World

Given = Callable[[World], None]

ROLLING = {**REFERENCED, "targets": [{"secretName": "shop-tls", "refresh": [{"kind": "Deployment", "name": "shop"}]}]}


def given(text: str, key: str = SHOP.key_pem) -> Given:
    return lambda world: void(world.cluster.put_secret("upload", {"tls.crt": text, "tls.key": key}))


def void(_: object) -> None:
    return None


def not_checked(world: World) -> None:
    world.upload(SHOP)
    world.cluster.fail("read", UPLOAD, FailureCause.TIMEOUT)


def undecodable() -> str:
    # An explicit version number of 9 (RFC 5280 §4.1.2.1 knows 1 to 3), in an otherwise healthy certificate.
    return armor("CERTIFICATE", SHOP.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"), 1))


def at(moment: Any) -> Given:
    def move(world: World) -> None:
        world.upload(SHOP)
        world.clock.now = moment

    return move


def forged_chain() -> str:
    expired = PKI().root("Corp Root").issue_ca("Corp Issuing CA 3", key=ISSUING.key, not_after=NOT_BEFORE)
    return SHOP.pem + expired.pem


def self_signed_badly() -> tuple[str, str]:
    bad = PKI().self_signed("shop.example.com", sign_with=SHOP.key)
    return bad.pem, bad.key_pem


ROWS: list[tuple[str, Given, dict[str, Any], str, int, int]] = [
    ("NotChecked", not_checked, SERVING, "IN_PROGRESS", 200, -1),
    ("Valid", given(SHOP.chain_pem), SERVING, "OK", 200, 0),
    ("Unparsable", given("no certificate"), SERVING, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2001),
    ("Undecodable", given(undecodable()), SERVING, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2002),
    ("Expired", at(NOT_AFTER + timedelta(days=1)), SERVING, "CERTIFICATE_IS_EXPIRED", 525, 2003),
    ("NotYetValid", at(NOT_BEFORE - timedelta(days=1)), SERVING, "PUBLIC_KEY_CERTIFICATE_IS_INVALID", 525, 2004),
    (
        "IssuerNotFound",
        given(SHOP.pem + PKI().root("Other CA").pem),
        SERVING,
        "CERTIFICATE_CHAIN_IS_INVALID",
        522,
        2011,
    ),
    (
        "UsageMismatch",
        given(SHOP.chain_pem),
        {**SERVING, "usages": ["ServerAuth", "ClientAuth"]},
        "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
        525,
        2012,
    ),
    (
        "NameMissing",
        given(SHOP.chain_pem),
        {**SERVING, "dnsNames": ["x.example.com"]},
        "PUBLIC_KEY_CERTIFICATE_IS_INVALID",
        525,
        2012,
    ),
    ("ChainInvalid", given(forged_chain()), SERVING, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2013),
    ("InvalidSelfSigned", given(*self_signed_badly()), SERVING, "CERTIFICATE_CHAIN_IS_INVALID", 522, 2014),
    ("KeyInvalid", given(SHOP.chain_pem, "no key"), SERVING, "PRIVATE_KEY_IS_INVALID", 526, 0),
    (
        "KeyMismatch",
        given(SHOP.chain_pem, NEXT.key_pem),
        SERVING,
        "PRIVATE_KEY_DOES_NOT_MATCH_PUBLIC_KEY_CERTIFICATE",
        523,
        0,
    ),
    ("ReferenceNotFound", void, SERVING, "NOT_FOUND", 404, -1),
    ("InvalidRequest", void, {}, "BAD_REQUEST", 400, -1),
]


@pytest.mark.parametrize(
    ("reason", "prepare", "spec", "status", "code", "validation"), ROWS, ids=[row[0] for row in ROWS]
)
async def test_row_shows_its_codes_when_the_material_is_so(  # noqa: PLR0913, PLR0917
    world: World, reason: str, prepare: Given, spec: dict[str, Any], status: str, code: int, validation: int
) -> None:
    if reason == "UsageMismatch":
        leaf = ISSUING.issue_leaf("shop.example.com", usages=("serverAuth",))
        given(leaf.chain_pem, leaf.key_pem)(world)
    else:
        prepare(world)
    shown = await world.judge(spec)
    assert world.condition("Ready") == ("True" if reason == "Valid" else "False", reason)
    assert (shown["certificateStoreStatus"], shown["responseCode"], shown["validation"]) == (status, code, validation)
    assert ("detailedError" in shown) == (reason != "Valid")
    assert (TARGET in world.cluster.objects) == (reason == "Valid")
    if spec.get("targets"):
        row = shown["targets"][0]
        assert (row["certificateStoreStatus"], row["responseCode"]) == (status, code)
    for each in shown.get("findings", ()):
        assert each["message"]


async def test_row_source_removed_is_shown_when_something_was_served(world: World) -> None:
    world.upload(SHOP)
    await world.judge(SERVING)
    shown = await world.judge({"targets": SERVING["targets"]})
    assert (shown["certificateStoreStatus"], shown["responseCode"], shown["validation"]) == ("BAD_REQUEST", 400, -1)
    assert world.reasons[0] == "SourceRemoved"


@pytest.mark.parametrize(
    "reason", ["StoreFailed", "TargetNotOwned", "TargetImmutable", "TargetMissing", "LastGoodLost"]
)
async def test_row_of_storing_is_shown_when_the_target_is_so(world: World, reason: str) -> None:
    world.upload(SHOP)
    if reason == "TargetNotOwned":
        world.cluster.put_secret("shop-tls", {"tls.crt": "theirs"})
    await world.judge(SERVING)
    match reason:
        case "StoreFailed":
            world.upload(NEXT)
            world.cluster.fail("apply", TARGET, FailureCause.QUOTA_EXCEEDED)
        case "TargetImmutable":
            world.upload(NEXT)
            world.cluster.change(TARGET, immutable=True)
        case "TargetMissing":
            world.cluster.change(TARGET, deleting=True)
        case "LastGoodLost":
            world.cluster.remove(TARGET)
            world.cluster.remove(UPLOAD)
    await world.reconcile()
    assert reason in world.reasons
    row = world.status["targets"][0]
    if reason != "LastGoodLost":  # there the missing reference is the worse of the two
        assert (row["certificateStoreStatus"], row["responseCode"]) == ("GENERAL_ERROR_WHILE_STORING_CERTIFICATE", 527)
        assert world.status["validation"] == 0
        assert world.condition("Ready") == ("False", reason)


async def test_row_not_refreshed_is_shown_when_a_rollout_is_owed(world: World) -> None:
    world.upload(SHOP)
    await world.judge(ROLLING)
    world.upload(NEXT)
    await world.reconcile()
    assert (world.status["certificateStoreStatus"], world.status["responseCode"]) == (
        "CERTIFICATE_STORED_BUT_NOT_REFRESHED",
        528,
    )
    assert world.condition("Ready") == ("False", "NotRefreshed")


async def test_row_of_a_warning_is_ok_when_it_is_all_there_is(world: World) -> None:
    world.upload(SHOP)
    world.clock.now = START + timedelta(days=180)
    await world.judge(SERVING)
    assert world.reasons == ["ExpiringSoon"]
    assert world.status["certificateStoreStatus"] == "OK"


async def test_the_worst_names_the_state_when_everything_is_wrong(world: World) -> None:
    """529, 400, 404, 525, 526, 523, expired, 522: all are listed, in this order."""
    world.cluster.put_secret("upload", {"tls.crt": SHOP.pem + PKI().root("Other CA").pem, "tls.key": "no key"})
    world.clock.now = NOT_AFTER + timedelta(days=1)
    await world.judge({**SERVING, "dnsNames": ["x.example.com"], "chainRef": {"name": "absent"}})
    errors = [each["reason"] for each in world.status["findings"] if each["severity"] == "Error"]
    assert errors == ["ReferenceNotFound", "NameMissing", "KeyInvalid", "Expired", "IssuerNotFound"]
    assert world.status["responseCode"] == 404
    assert world.status["validation"] == 2003
