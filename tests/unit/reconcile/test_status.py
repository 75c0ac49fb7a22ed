"""The status: time, conditions, bounds, what is written and when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certwright.api.conditions import ConditionStatus, ConditionType
from certwright.api.importedcertificate import ImportedCertificateStatus
from certwright.api.model import parse
from certwright.findings import FailureCause, Reason, finding, warning
from certwright.reconcile.bookkeeping import read_instant
from certwright.reconcile.expiry import end_instant, served_instants, warning_instant
from certwright.reconcile.importedcertificate.messages import sentence
from certwright.reconcile.importedcertificate.past import read_past
from certwright.reconcile.importedcertificate.status import STATUS_BYTES, fit
from certwright.reconcile.importedcertificate.verdict import worst_first
from certwright.reconcile.objects import Failure, Snapshot
from certwright.settings import Settings
from tests.support.memory_cluster import START
from tests.support.pki import NOT_AFTER, NOT_BEFORE
from tests.unit.reconcile.conftest import ISSUING, NEXT, REFERENCED, SERVING, SHOP, TARGET, World

WARNS = datetime(2026, 10, 20, tzinfo=UTC)  # a fifth of 365 days before the end


async def serve(world: World, spec: dict[str, Any] = SERVING) -> None:
    world.upload(SHOP)
    await world.judge(spec)


# ---- time


async def test_next_check_is_the_warning_when_nothing_comes_before(world: World) -> None:
    await serve(world)
    assert world.status["nextCheckTime"] == "2026-10-20T00:00:00Z"
    assert world.condition("ExpiringSoon") == ("False", "Valid")


async def test_expiring_soon_is_said_when_the_warning_comes(world: World) -> None:
    await serve(world)
    world.clock.now = WARNS
    result = await world.reconcile()
    assert world.condition("ExpiringSoon") == ("True", "ExpiringSoon")
    assert world.condition("Ready") == ("True", "Valid")
    assert world.status["certificateStoreStatus"] == "OK"
    assert world.reasons == ["ExpiringSoon"]
    assert world.status["nextCheckTime"] == "2027-01-01T00:00:01Z"
    assert result.requeue_at == NOT_AFTER + timedelta(seconds=1)
    assert world.events[-1] == "ExpiringSoon"


async def test_nothing_expires_when_the_last_second_is_not_over(world: World) -> None:
    await serve(world)
    world.clock.now = NOT_AFTER
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_expired_is_said_when_the_end_is_over(world: World) -> None:
    await serve(world)
    stored = world.target
    world.clock.now = NOT_AFTER + timedelta(seconds=1)
    await world.reconcile()
    status = world.status
    assert (status["certificateStoreStatus"], status["responseCode"], status["validation"]) == (
        "CERTIFICATE_IS_EXPIRED",
        525,
        2003,
    )
    assert world.condition("Stalled") == ("True", "Expired")
    assert world.condition("ExpiringSoon") == ("True", "Expired")
    assert world.condition("Stored") == ("True", "Expired")
    assert world.events[-1] == "Expired"
    assert "Refused" not in world.events
    assert status["nextCheckTime"] == "2035-01-01T00:00:01Z"  # then the issuer is expired as well
    assert world.target == stored
    # Expired is computed, never latched.
    world.clock.now = START
    await world.reconcile(full=True)
    assert world.condition("Ready") == ("True", "Valid")


async def test_not_yet_valid_becomes_valid_when_its_time_comes(world: World) -> None:
    world.clock.now = NOT_BEFORE - timedelta(days=1)
    await serve(world)
    assert (world.status["responseCode"], world.status["validation"]) == (525, 2004)
    assert world.status["nextCheckTime"] == "2026-01-01T00:00:00Z"
    assert TARGET not in world.cluster.objects
    world.clock.now = NOT_BEFORE
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_expired_is_shown_when_it_is_only_watched(world: World) -> None:
    world.clock.now = NOT_AFTER + timedelta(days=1)
    await serve(world, REFERENCED)
    assert world.condition("Ready") == ("False", "Expired")
    assert world.status["served"]["validThru"] == "2027-01-01T00:00:00Z"
    assert world.condition("ExpiringSoon") == ("True", "Expired")


async def test_expiry_of_what_is_served_is_told_when_new_material_is_refused(world: World) -> None:
    await serve(world)
    world.upload(NEXT, chain=False)
    await world.reconcile()
    world.clock.now = WARNS
    await world.reconcile()
    assert world.condition("Ready") == ("False", "IssuerNotFound")
    assert world.condition("ExpiringSoon") == ("True", "ExpiringSoon")


async def test_warning_is_never_given_when_the_percentage_is_zero(world: World) -> None:
    await serve(world, {**SERVING, "warnBeforePercentage": 0})
    assert world.status["nextCheckTime"] == "2027-01-01T00:00:01Z"
    world.clock.now = NOT_AFTER
    await world.reconcile(full=True)
    assert world.condition("ExpiringSoon") == ("False", "Valid")


def test_warning_instant_is_harmless_when_dates_are_odd() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert end_instant(last) == last
    assert warning_instant(last, NOT_BEFORE, 20) == NOT_BEFORE
    assert served_instants(None, 20) == (None, None)


BEYOND = ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"]
"""Instants to the API server, which in UTC lie outside the years that there are."""


@pytest.mark.parametrize("text", [None, "", "soon", "2026-01-01T00:00:00", *BEYOND])
def test_read_instant_is_none_when_the_text_is_no_instant(text: str | None) -> None:
    assert read_instant(text) is None


# ---- doubtful clocks


async def test_verdict_stays_when_the_clock_is_doubted(world: World) -> None:
    await serve(world)
    before = world.status
    world.clock.is_doubted = True
    world.clock.now = NOT_AFTER + timedelta(days=9)
    result = await world.reconcile()
    assert result.settled
    assert result.requeue_at == world.clock.now + timedelta(seconds=60)
    world.cluster.change(TARGET, data={})
    result = await world.reconcile(full=True)
    assert world.status == before
    assert world.target.data["tls.key"].decode() == SHOP.key_pem
    assert result.requeue_at == world.clock.now + timedelta(seconds=60)
    world.clock.is_doubted = False
    await world.reconcile()
    assert world.condition("Ready") == ("False", "Expired")


async def test_new_material_is_not_checked_when_the_clock_is_doubted(world: World) -> None:
    await serve(world)
    world.clock.is_doubted = True
    world.upload(NEXT)
    result = await world.reconcile()
    assert (world.status["certificateStoreStatus"], world.status["validation"]) == ("IN_PROGRESS", -1)
    assert world.status["findings"][0]["detail"] == "ClockDoubted"
    assert world.condition("ExpiringSoon") == ("False", "Valid")
    assert result.requeue_at is not None
    assert world.target.data["tls.key"].decode() == SHOP.key_pem
    world.clock.is_doubted = False
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_settled_asks_for_no_pass_when_the_check_is_to_come_and_the_clock_is_doubted(world: World) -> None:
    await serve(world)
    world.clock.is_doubted = True
    result = await world.reconcile()
    assert result.requeue_at == WARNS


# ---- waiting


async def test_waiting_is_stalled_when_it_takes_too_long(world: World) -> None:
    world.wish(SERVING)
    result = await world.reconcile()
    assert result.requeue_at == START + timedelta(minutes=10)
    world.clock.advance(minutes=9)
    await world.reconcile()
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")
    world.clock.advance(minutes=1)
    await world.reconcile()
    assert world.condition("Reconciling") is None
    assert world.condition("Stalled") == ("True", "WaitedTooLong")
    world.clock.advance(minutes=1)
    await world.reconcile(full=True)
    assert world.cluster.writes == 0
    # A person who changes the wish gets the whole time again.
    await world.judge({**SERVING, "dnsNames": ["shop.example.com"]})
    assert world.condition("Reconciling") == ("True", "ReferenceNotFound")


async def test_pair_waits_for_its_other_half_when_one_was_just_changed(world: World) -> None:
    await serve(world)
    stored = world.target
    world.clock.advance(hours=1)
    world.upload(SHOP, key=NEXT)
    result = await world.reconcile()
    assert world.condition("Reconciling") == ("True", "KeyMismatch")
    assert world.message().startswith("Waiting: ")
    assert result.requeue_at == world.clock.now + timedelta(seconds=60)
    assert world.target == stored
    world.clock.advance(seconds=59)
    world.upload(NEXT)
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_pair_is_refused_when_its_other_half_does_not_come(world: World) -> None:
    world.upload(SHOP, key=NEXT)
    world.wish(SERVING)
    result = await world.reconcile()
    assert result.requeue_at is not None
    world.clock.now = result.requeue_at
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "KeyMismatch")
    assert world.message().startswith("Refused: ")


async def test_pair_waits_when_the_inline_certificate_was_just_changed(world: World) -> None:
    world.cluster.put_secret("key", {"tls.key": SHOP.key_pem})
    spec = {"privateKeyRef": {"name": "key"}, "targets": SERVING["targets"]}
    await world.judge({**spec, "certificate": SHOP.chain_pem})
    world.clock.advance(hours=1)
    await world.judge({**spec, "certificate": NEXT.chain_pem})
    assert world.condition("Reconciling") == ("True", "KeyMismatch")
    world.clock.advance(seconds=30)
    await world.reconcile(full=True)
    assert world.condition("Reconciling") == ("True", "KeyMismatch")
    world.clock.advance(seconds=30)
    await world.reconcile()
    assert world.condition("Stalled") == ("True", "KeyMismatch")
    world.clock.advance(hours=1)
    await world.reconcile(full=True)
    assert world.condition("Stalled") == ("True", "KeyMismatch")


async def test_conditions_keep_their_times_when_they_do_not_flip(world: World) -> None:
    await serve(world)
    world.clock.advance(hours=1)
    world.upload(NEXT)
    await world.reconcile()
    assert {each["lastTransitionTime"] for each in world.status["conditions"]} == {"2026-06-01T12:00:00Z"}
    world.upload(SHOP, chain=False)
    await world.reconcile()
    times = {each["type"]: each["lastTransitionTime"] for each in world.status["conditions"]}
    assert times["Ready"] == times["Stalled"] == "2026-06-01T13:00:00Z"
    assert times["ExpiringSoon"] == "2026-06-01T12:00:00Z"


async def test_status_is_left_alone_when_somebody_else_adds_to_it(world: World) -> None:
    await serve(world)
    theirs = {**world.status["conditions"][0], "type": "example.com/Blessed"}
    status = {**world.status, "conditions": [*world.status["conditions"], theirs], "note": "hi"}
    world.cluster.subjects[world.subject.key] = replace(world.subject, status=status)
    await world.reconcile(full=True)
    assert world.cluster.writes == 0


async def test_status_is_mended_when_another_version_wrote_it(world: World) -> None:
    await serve(world)
    broken = {**world.status, "responseCode": "fine", "record": {"inputs": [{"kind": "Strange", "name": "x"}]}}
    world.cluster.subjects[world.subject.key] = replace(world.subject, status=broken)
    await world.reconcile()
    assert world.status["responseCode"] == 200
    assert world.cluster.calls["apply"] == 0
    assert world.status["served"]["since"] == "2026-06-01T12:00:00Z"


# ---- bounds


async def test_status_cuts_names_when_there_are_thousands(world: World) -> None:
    names = [f"host-{number}.{'x' * 60}.example.com" for number in range(300)]
    world.upload(ISSUING.issue_leaf("shop.example.com", dns=names))
    await world.judge(SERVING)
    assert world.status["dnsNamesCount"] == 300
    assert 90 < len(world.status["dnsNames"]) <= 100
    assert sum(map(len, world.status["dnsNames"])) <= 8 * 1024


async def test_status_cuts_names_when_they_are_long(world: World) -> None:
    names = [f"h{number:02}." + ".".join(["x" * 60] * 4) for number in range(60)]
    world.upload(ISSUING.issue_leaf("shop.example.com", dns=names))
    await world.judge(SERVING)
    assert world.status["dnsNamesCount"] == 60
    assert len(world.status["dnsNames"]) < 40


async def test_status_cuts_findings_when_there_are_many(world: World) -> None:
    world.upload(SHOP)
    await world.judge({**SERVING, "dnsNames": [f"host-{number}.example.com" for number in range(100)]})
    assert world.status["findingsCount"] == 100
    assert len(world.status["findings"]) == 32
    assert max(len(each["message"]) for each in world.status["findings"]) <= 400
    assert "99 more in `status.findings`." in world.message()
    # A cut list is no evidence that nothing is unfinished.
    assert not (await world.reconcile()).settled


def test_fit_cuts_in_order_when_a_status_is_too_large() -> None:
    entry = {"reason": "Expired", "severity": "Error", "message": "😀" * 400}
    link = {"fingerprint": "sha256:" + "0" * 64, "validThru": "2026-01-01T00:00:00Z", "commonName": "😀" * 500}
    data = {
        "dnsNames": ["x" * 250] * 30,
        "dnsNamesCount": 30,
        "chain": [link] * 16,
        "chainCount": 16,
        "findings": [entry] * 32,
        "findingsCount": 32,
    }
    fitted = fit(parse(ImportedCertificateStatus, data, path="status"))
    size = len(json.dumps(fitted.model_dump(by_alias=True, exclude_none=True), ensure_ascii=False).encode())
    assert size < STATUS_BYTES + 4096
    assert fitted.dns_names == ()
    assert 0 < len(fitted.chain) < 16
    assert len(fitted.findings) == 32
    assert (fitted.dns_names_count, fitted.chain_count, fitted.findings_count) == (30, 16, 32)


def test_fit_gives_up_when_nothing_is_left_to_cut() -> None:
    rows = [{"secretName": f"s{number}", "detailedError": "😀" * 1000} for number in range(16)]
    status = parse(ImportedCertificateStatus, {"targets": rows, "dnsNames": ["x"]}, path="status")
    assert fit(status).targets == status.targets
    assert fit(status).dns_names == ()


@pytest.mark.parametrize("cause", [FailureCause.TOO_LARGE, FailureCause.INVALID])
async def test_status_is_minimal_when_the_api_server_refuses_the_full_one(world: World, cause: FailureCause) -> None:
    await serve(world)
    served = world.status["served"]
    world.upload(NEXT)
    world.cluster.fail("status", world.subject.key, cause)
    await world.reconcile()
    status = world.status
    assert (status["certificateStoreStatus"], status["responseCode"]) == ("ERROR", 500)
    assert world.condition("Ready") == ("False", "InternalError")
    assert world.condition("Stalled") == ("True", "InternalError")
    assert "The API server refused the full status" in world.message()
    assert status["served"]["fingerprint"] == NEXT.certificate.fingerprint != served["fingerprint"]
    assert status["targets"][0]["digest"]
    assert "findings" not in status
    assert world.cluster.calls["status"] == 2
    # It is written once: nothing happens until something changes.
    world.restart()
    assert (await world.reconcile()).settled
    world.cluster.fail("status", world.subject.key, cause)
    await world.reconcile(full=True)
    assert world.status == status
    await world.reconcile(full=True)
    assert world.condition("Ready") == ("True", "Valid")


async def test_status_is_tried_again_when_the_api_server_is_away(world: World) -> None:
    world.upload(SHOP)
    world.wish(SERVING)
    world.cluster.fail("status", world.subject.key, FailureCause.UNAVAILABLE)
    result = await world.reconcile()
    assert result.retry
    assert world.status == {}
    await world.reconcile()
    assert world.condition("Ready") == ("True", "Valid")


async def test_plan_writes_no_status_when_its_write_failed_for_good(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    snapshot = world.snapshot().with_failure(world.subject.key, Failure(FailureCause.UNAVAILABLE, "away"))
    snapshot = snapshot.with_object(TARGET, None)
    judgement = world.reconciler.judge(snapshot)
    stage = world.reconciler.plan(judgement, snapshot).stages
    assert len(stage) == 1
    plan = world.reconciler.plan(replace(judgement, contents=()), snapshot)
    assert plan.stages == ()


# ---- restart


async def test_restart_costs_nothing_when_nothing_changed(world: World) -> None:
    await serve(world)
    world.restart()
    result = await world.reconcile()
    assert result.settled
    assert result.requeue_at == WARNS
    assert (world.cluster.writes, world.cluster.reads) == (0, [])


@pytest.mark.parametrize("refused", ["foreign", "refused"])
async def test_restart_costs_nothing_when_something_stalled_stays_as_it_is(world: World, refused: str) -> None:
    if refused == "foreign":
        world.cluster.put_secret("shop-tls", {"tls.crt": "theirs"})
        await serve(world)
    else:
        await serve(world)
        world.upload(NEXT, chain=False)
        await world.reconcile()
    assert world.condition("Ready") != ("True", "Valid")
    world.restart()
    assert (await world.reconcile()).settled


@pytest.mark.parametrize("change", ["input", "target", "generation", "judged", "gone", "time", "condition", "targets"])
async def test_settled_asks_for_a_pass_when_something_changed(world: World, change: str) -> None:
    await serve(world)
    match change:
        case "input":
            world.upload(SHOP)
        case "target":
            world.cluster.change(TARGET, data={})
        case "generation":
            world.wish({**SERVING, "usages": []})
        case "judged":
            world.settings = Settings(pair_grace_seconds=1)
        case "gone":
            world.cluster.remove(TARGET)
        case "time":
            world.clock.now = WARNS
        case "condition":
            status = {**world.status, "conditions": []}
            world.cluster.subjects[world.subject.key] = replace(world.subject, status=status)
        case _:
            row = {"secretName": "old-tls"}
            status = {**world.status, "targets": [*world.status["targets"], row]}
            world.cluster.subjects[world.subject.key] = replace(world.subject, status=status)
    world.restart()
    assert not (await world.reconcile()).settled


async def test_settled_asks_for_a_pass_when_the_record_is_about_other_inputs(world: World) -> None:
    await serve(world)
    status = {**world.status, "record": {**world.status["record"], "inputs": []}}
    world.cluster.subjects[world.subject.key] = replace(world.subject, status=status)
    assert not (await world.reconcile()).settled


async def test_settled_asks_for_no_pass_when_the_wish_cannot_be_read(world: World) -> None:
    world.upload(SHOP)
    await world.judge({"targets": "all"})
    assert (await world.reconcile()).settled


def test_needs_come_in_two_rounds_when_a_file_has_a_password(world: World) -> None:
    subject = world.wish({"certificateRef": {"name": "upload", "passwordRef": {"name": "password"}}})
    bare = Snapshot(subject, START, "x")
    first = world.reconciler.needs(bare)
    assert {each.name for each in first} == {"upload"}
    (upload,) = first
    assert {each.name for each in world.reconciler.needs(bare.with_object(upload, None))} == {"upload"}
    world.upload(SHOP)
    second = world.reconciler.needs(bare.with_object(upload, world.cluster.objects[upload]))
    assert {each.name for each in second} == {"upload", "password"}


def test_needs_are_empty_when_the_wish_cannot_be_read(world: World) -> None:
    assert world.reconciler.needs(Snapshot(world.wish({"targets": "all"}), START, "x")) == frozenset()


# ---- small things


def test_worst_first_puts_warnings_last_and_keeps_each_once() -> None:
    expired, weak = finding(Reason.EXPIRED, "e"), warning(Reason.WEAK_KEY, "w")
    missing = finding(Reason.REFERENCE_NOT_FOUND, "m")
    assert worst_first([weak, expired, missing, expired]) == (missing, expired, weak)


def test_past_knows_nothing_when_the_status_is_empty(world: World) -> None:
    past = read_past(world.wish(SERVING))
    assert past.holds(ConditionType.READY) is None
    assert past.since(ConditionType.READY) is None
    assert past.reason(ConditionType.READY) is None
    assert past.inputs("shop") == {}


def test_past_does_not_know_when_a_condition_is_unknown(world: World) -> None:
    condition = {
        "type": "Ready",
        "status": ConditionStatus.UNKNOWN,
        "reason": "NotChecked",
        "message": "",
        "lastTransitionTime": "2026-06-01T12:00:00Z",
    }
    past = read_past(replace(world.wish(SERVING), status={"conditions": [condition]}))
    assert past.holds(ConditionType.READY) is None


@pytest.mark.parametrize(
    ("text", "ended"),
    [("bad", "bad."), ("bad.", "bad."), ("cut…", "cut…"), ("do: kubectl x", "do: kubectl x")],
)
def test_sentence_ends_with_a_full_stop_when_nothing_speaks_against_it(text: str, ended: str) -> None:
    assert sentence(text) == ended


async def test_events_are_told_once_when_a_refusal_stays(world: World) -> None:
    await serve(world)
    world.upload(NEXT, chain=False)
    await world.reconcile()
    assert world.events[-1] == "Refused"
    count = len(world.events)
    world.clock.advance(hours=1)
    await world.reconcile(full=True)
    assert len(world.events) == count
    world.upload(SHOP, chain=False)
    await world.reconcile()
    assert world.events[count:] == ["Refused"]
    world.upload(SHOP)
    await world.reconcile()
    assert world.events[count + 1 :] == ["Validated"]
    assert all(len(each.note) <= 1000 for each in world.cluster.events)


async def test_validation_is_an_event_of_its_own_when_nothing_is_stored(world: World) -> None:
    world.upload(SHOP)
    await world.judge({"certificateRef": {"name": "upload"}})
    assert world.events == ["Validated"]


async def test_renewal_is_one_event_when_it_is_validated_and_stored(world: World) -> None:
    await serve(world)
    world.upload(NEXT)
    await world.reconcile()
    assert world.events == ["Stored", "Stored"]
    assert world.cluster.events[-1].note.endswith(", valid until 2027-01-01T00:00:00Z, is stored in shop-tls.")


@pytest.mark.parametrize("spec", [SERVING, REFERENCED, {**SERVING, "warnBeforePercentage": 99}])
async def test_planning_again_says_the_same_when_a_pass_was_final(world: World, spec: dict[str, Any]) -> None:
    world.upload(SHOP)
    world.wish(spec)
    first = await world.reconcile()
    again = await world.reconcile(full=True)
    assert again.requeue_at == first.requeue_at
    assert not {"apply", "status"} & world.cluster.calls.keys()
