"""Staging, case by case; `test_staging_walk.py` tries what nobody thought of."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from certwright.findings import MESSAGE_LIMIT, Detail, Finding, Reason, Severity, finding
from certwright.pki.certificate import Certificate
from certwright.pki.limits import IntakeLimits
from certwright.reconcile.trust import blocking
from certwright.reconcile.trust.change import change_id
from certwright.reconcile.trust.deployed import intermediates_at, read_marks, write_marks
from certwright.reconcile.trust.gathering import Candidate
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, revision_of
from certwright.reconcile.trust.staging import restore_record, stage
from certwright.reconcile.trust.stance import Standing
from tests.support.pki import CA_NOT_AFTER, NOW, PKI
from tests.support.staging import (
    EXPIRING,
    INTERMEDIATE,
    PUBLIC,
    ROOTS,
    SHORT,
    Shop,
    decide,
    labels,
    mozilla,
)

A, B, C, D, E = ROOTS
DAY = timedelta(days=1)
CLOSED = finding(Reason.INVALID_REQUEST, "The namespace is no source of trust.")
LOST = finding(Reason.REFERENCE_NOT_FOUND, "ConfigMap shop/a does not exist. Create it.")
TROUBLE = (Standing.TROUBLED, Standing.PENDING)


def reasons(findings: tuple[Finding, ...]) -> list[Reason]:
    return [each.reason for each in findings]


def names(entries: Iterable[TrustedCertificate]) -> list[str]:
    return labels(each.certificate for each in entries)


def manual(*deployed: Candidate) -> Shop:
    shop = Shop(manual=True)
    shop.approve(*deployed)
    return shop


# What is wanted


def test_automatic_store_deploys_what_is_trusted_at_once() -> None:
    shop = Shop()

    staged = shop.deploy(decide("a", A), decide("b", B))

    assert set(shop.anchors) == {A, B}
    assert staged.deployment is not None
    assert (staged.deployment.record.number, names(staged.deployment.difference.added)) == (1, ["Root 0", "Root 1"])
    assert (staged.pending, staged.blocked, staged.findings, staged.leaving) == (None, None, (), frozenset())


def test_decisions_that_are_not_selected_do_not_count() -> None:
    shop = Shop()

    shop.deploy(decide("a", A), decide("b", B, selected=False))

    assert shop.anchors == (A,)


def test_store_without_selector_gathers_nothing() -> None:
    shop = Shop(selector=None, public=mozilla(*PUBLIC))

    shop.deploy(decide("a", A))

    assert set(shop.anchors) == set(PUBLIC)


def test_intermediate_is_no_anchor() -> None:
    shop = Shop()

    shop.deploy(decide("a", A), decide("i", INTERMEDIATE, role="intermediateCA"))

    assert shop.anchors == (A,)
    assert shop.record is not None
    assert intermediates_at(shop.record, NOW) == (INTERMEDIATE,)


@pytest.mark.parametrize("until", [None, NOW + 3 * DAY])
def test_latest_end_of_several_decisions_counts(until: datetime | None) -> None:
    shop = Shop()

    shop.deploy(decide("one", A, until=NOW + DAY), decide("two", A, until=until))

    assert shop.record is not None
    (entry,) = shop.record.entries
    assert (entry.trust_until, entry.decisions) == (until, ("one", "two"))


def test_decision_that_has_ended_does_not_end_another_about_the_same_ca() -> None:
    shop = Shop()
    shop.deploy(decide("one", A, until=NOW + DAY), decide("two", A))
    shop.now = NOW + DAY

    shop.deploy(decide("one", A, Standing.ENDED, until=NOW + DAY), decide("two", A))

    assert shop.anchors == (A,)
    assert shop.record is not None
    assert shop.record.entries[0].decisions == ("two",)


def test_rest_of_a_second_in_trust_until_changes_no_revision() -> None:
    until = (NOW + DAY).replace(microsecond=987_654)
    shop = Shop()
    shop.deploy(decide("a", A, until=until))

    assert shop.record is not None
    assert shop.record.entries[0].trust_until == NOW + DAY


def test_two_roles_of_one_certificate_make_it_a_root() -> None:
    shop = Shop()

    shop.deploy(decide("one", A, role="intermediateCA"), decide("two", A))

    assert shop.anchors == (A,)


def test_order_of_decisions_and_roots_changes_nothing() -> None:
    decisions = [decide("a", A), decide("b", B), decide("b2", B, until=NOW + DAY), decide("c", C, Standing.WITHDRAWN)]
    expected = Shop(public=mozilla(*PUBLIC, C)).look(*decisions)
    shuffled = random.Random(5)  # noqa: S311 — an order, not a secret

    for _ in range(10):
        roots = [*PUBLIC, C]
        shuffled.shuffle(decisions)
        shuffled.shuffle(roots)
        assert Shop(public=mozilla(*roots)).look(*decisions) == expected


# Public roots


def test_public_roots_join_with_their_version() -> None:
    shop = Shop(public=mozilla(*PUBLIC))

    shop.deploy(decide("a", A))

    assert set(shop.anchors) == {A, *PUBLIC}
    assert shop.record is not None
    assert shop.record.public_roots == "2026.05.01"


def test_decision_that_distrusts_a_public_root_keeps_it_out() -> None:
    shop = Shop(public=mozilla(*PUBLIC))
    shop.deploy()

    shop.deploy(decide("no", PUBLIC[0], Standing.WITHDRAWN))

    assert set(shop.anchors) == set(PUBLIC[1:])


def test_end_of_a_decision_about_a_public_root_counts() -> None:
    shop = Shop(public=mozilla(*PUBLIC))
    shop.deploy(decide("short", PUBLIC[0], until=NOW + DAY))
    shop.now = NOW + DAY

    shop.deploy(decide("short", PUBLIC[0], until=NOW + DAY))

    assert set(shop.anchors) == set(PUBLIC[1:])


def test_expired_public_root_is_left_out_without_a_word() -> None:
    shop = Shop(public=mozilla(*PUBLIC, SHORT), now=EXPIRING + DAY)

    staged = shop.deploy()

    assert set(shop.anchors) == set(PUBLIC)
    assert staged.findings == ()


def test_other_version_of_the_same_public_roots_waits_for_nobody() -> None:
    shop = Shop(manual=True, public=mozilla(*PUBLIC))
    shop.approve()
    shop.public = mozilla(*PUBLIC, version="2026.06.02")

    staged = shop.deploy()

    assert staged.pending is None
    assert staged.deployment is not None
    assert not staged.deployment.difference
    assert shop.record is not None
    assert shop.record.public_roots == "2026.06.02"


def test_change_of_public_roots_names_their_version() -> None:
    shop = Shop(manual=True, public=mozilla(*PUBLIC[1:]))
    shop.approve()
    shop.public = mozilla(*PUBLIC, version="2026.06.02")

    staged = shop.deploy(decide("a", A))

    assert staged.pending is not None
    assert staged.pending.public_roots == "2026.06.02"
    assert shop.record is not None
    assert shop.record.public_roots == "2026.05.01"


def test_change_that_touches_no_public_root_names_no_version() -> None:
    shop = Shop(manual=True, public=mozilla(*PUBLIC))
    shop.approve()

    staged = shop.deploy(decide("a", A))

    assert staged.pending is not None
    assert staged.pending.public_roots is None


def test_public_roots_that_are_no_longer_wished_are_a_change() -> None:
    shop = Shop(manual=True, public=mozilla(*PUBLIC))
    shop.approve(decide("a", A))
    shop.public = None

    staged = shop.deploy(decide("a", A))

    assert staged.pending is not None
    assert len(staged.pending.difference.removed) == 3
    assert len(shop.bundle) == 4


# Approval


def test_first_deployment_of_a_manual_store_waits_too() -> None:
    shop = Shop(manual=True)

    staged = shop.deploy(decide("a", A))

    assert shop.record is None
    assert staged.pending is not None
    assert staged.pending.id == change_id(None, staged.revision)


def test_manual_store_deploys_what_was_approved() -> None:
    shop = manual(decide("a", A))
    waiting = shop.deploy(decide("a", A), decide("b", B))
    assert shop.anchors == (A,)

    staged = shop.approve(decide("a", A), decide("b", B))

    assert set(shop.anchors) == {A, B}
    assert staged.deployment is not None
    assert staged.deployment.approved
    assert waiting.pending is not None
    assert shop.record is not None
    assert shop.record.consumed[-1] == waiting.pending.id


def test_id_is_that_of_the_two_revisions_so_that_it_can_be_told_offline() -> None:
    shop = manual(decide("a", A))
    assert shop.record is not None

    staged = shop.deploy(decide("a", A), decide("b", B))

    assert staged.pending is not None
    assert staged.pending.id == change_id(shop.record.revision, staged.revision)


def test_approval_of_another_change_is_worthless() -> None:
    shop = manual(decide("a", A))
    waiting = shop.deploy(decide("a", A), decide("b", B)).pending
    assert waiting is not None
    shop.approved = waiting.id

    shop.deploy(decide("a", A), decide("b", B), decide("c", C))

    assert shop.anchors == (A,)


def test_old_approval_is_worthless_after_withdrawal_and_new_trust() -> None:
    shop = manual(decide("a", A))
    shop.approve(decide("a", A), decide("b", B))
    shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN))
    assert shop.anchors == (A,)

    staged = shop.deploy(decide("a", A), decide("b", B))

    assert shop.anchors == (A,)
    assert staged.pending is not None
    assert staged.pending.id != shop.approved
    shop.approve(decide("a", A), decide("b", B))
    assert set(shop.anchors) == {A, B}


def test_approval_that_comes_after_the_withdrawal_of_what_it_approves_is_worthless() -> None:
    shop = manual(decide("a", A))
    waiting = shop.deploy(decide("a", A), decide("b", B)).pending
    assert waiting is not None
    shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN))
    shop.approved = waiting.id
    assert shop.record is not None
    assert waiting.id in shop.record.consumed

    again = shop.deploy(decide("a", A), decide("b", B))

    assert shop.anchors == (A,)
    assert again.pending is not None
    assert again.pending.id != waiting.id
    shop.approve(decide("a", A), decide("b", B))
    assert set(shop.anchors) == {A, B}
    assert not shop.void
    assert waiting.id in shop.record.consumed


def test_withdrawal_of_what_a_cut_list_may_have_named_voids_the_change_too() -> None:
    shop = manual(decide("a", A))
    waiting = shop.deploy(decide("a", A), decide("b", B), decide("c", C)).pending
    assert waiting is not None
    assert shop.pending is not None
    shop.pending = shop.pending.model_copy(update={"added": (), "added_count": 33})

    shop.deploy(decide("a", A), decide("b", B), decide("c", C, Standing.WITHDRAWN))

    assert shop.record is not None
    assert waiting.id in shop.record.consumed


def test_change_in_trouble_and_back_keeps_its_id() -> None:
    shop = manual(decide("a", A))
    first = shop.deploy(decide("a", A), decide("b", B)).pending
    assert shop.deploy(decide("a", A), decide("b", B, Standing.TROUBLED)).pending is None

    assert shop.deploy(decide("a", A), decide("b", B)).pending == first


def test_approval_before_the_change_arrives_counts_when_it_does() -> None:
    shop = manual(decide("a", A))
    foreseen = Shop(manual=True, record=shop.record).look(decide("a", A), decide("b", B)).pending
    assert foreseen is not None
    shop.approved = foreseen.id
    shop.deploy(decide("a", A))

    shop.deploy(decide("a", A), decide("b", B))

    assert set(shop.anchors) == {A, B}


def test_clearing_the_approval_takes_nothing_back() -> None:
    shop = manual(decide("a", A))
    shop.approved = None

    shop.deploy(decide("a", A))

    assert shop.anchors == (A,)


def test_mode_automatic_deploys_what_is_pending() -> None:
    shop = manual(decide("a", A))
    shop.deploy(decide("a", A), decide("b", B))
    shop.manual = False

    staged = shop.deploy(decide("a", A), decide("b", B))

    assert set(shop.anchors) == {A, B}
    assert staged.deployment is not None
    assert not staged.deployment.approved


def test_approval_that_stood_there_in_mode_automatic_is_used_up_by_its_change() -> None:
    shop = manual(decide("a", A))
    waiting = shop.deploy(decide("a", A), decide("b", B)).pending
    assert waiting is not None
    shop.manual, shop.approved = False, waiting.id
    shop.deploy(decide("a", A), decide("b", B))
    shop.deploy(decide("a", A))
    shop.manual = True

    shop.deploy(decide("a", A), decide("b", B))

    assert shop.anchors == (A,)


@pytest.mark.parametrize("why", [Standing.LEAVING, None])
def test_removal_in_a_manual_store_waits(why: Standing | None) -> None:
    shop = manual(decide("a", A), decide("b", B))
    leaving = [decide("b", B, why)] if why is not None else []

    staged = shop.deploy(decide("a", A), *leaving)

    assert set(shop.anchors) == {A, B}
    assert staged.leaving == {B.fingerprint}
    shop.approve(decide("a", A), *leaving)
    assert shop.anchors == (A,)


def test_deselection_is_a_change_like_any_other() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", B, selected=False))

    assert set(shop.anchors) == {A, B}
    assert staged.pending is not None
    assert names(staged.pending.difference.removed) == ["Root 1"]


def test_swapped_certificate_waits() -> None:
    shop = manual(decide("a", A))

    staged = shop.deploy(decide("a", B))

    assert shop.anchors == (A,)
    assert staged.pending is not None
    assert (names(staged.pending.difference.added), names(staged.pending.difference.removed)) == (
        ["Root 1"],
        ["Root 0"],
    )


@pytest.mark.parametrize("change", [{"until": NOW + 2 * DAY}, {"role": "intermediateCA"}])
def test_other_end_or_role_waits(change: dict[str, Any]) -> None:
    shop = manual(decide("a", A, until=NOW + DAY), decide("b", B))

    staged = shop.deploy(decide("a", A, **{"until": NOW + DAY, **change}), decide("b", B))

    assert staged.pending is not None
    ((before, after),) = staged.pending.difference.changed
    assert (before.trust_until, before.role) == (NOW + DAY, "rootCA")
    assert (before.role, before.trust_until) != (after.role, after.trust_until)


# Withdrawal


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_withdrawal_waits_for_nobody(mode: str) -> None:
    shop = manual(decide("a", A), decide("b", B))
    shop.manual = mode == "Manual"

    staged = shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN))

    assert (shop.bundle, shop.anchors) == ((A,), (A,))
    ((gone, why),) = [(each.entry.certificate, each.why) for each in staged.withdrawals]
    assert (gone, why) == (B, "TrustDecision b distrusts it")
    assert staged.pending is None


def test_rest_of_a_change_goes_on_waiting_when_something_is_withdrawn() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN), decide("c", C))

    assert shop.anchors == (A,)
    assert staged.pending is not None
    assert shop.record is not None
    assert staged.pending.id == change_id(shop.record.revision, staged.revision)


def test_whoever_distrusts_wins() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", B), decide("no", B, Standing.WITHDRAWN))

    assert shop.anchors == (A,)
    assert reasons(staged.findings) == [Reason.CERTIFICATE_LEFT_OUT]
    assert "TrustDecision no distrusts the same certificate" in staged.findings[0].message


def test_order_of_those_who_distrust_changes_nothing() -> None:
    shop = manual(decide("a", A), decide("b", B))
    no, never = decide("no", B, Standing.WITHDRAWN), decide("never", B, Standing.WITHDRAWN)

    assert shop.look(decide("a", A), no, never) == shop.look(decide("a", A), never, no)


def test_withdrawn_decision_counts_when_it_is_deselected_at_the_same_time() -> None:
    shop = manual(decide("a", A), decide("b", B))

    shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN, selected=False))

    assert shop.anchors == (A,)


def test_decision_that_is_neither_selected_nor_deployed_withdraws_nothing() -> None:
    shop = manual(decide("a", A), decide("b", B))

    shop.deploy(decide("a", A), decide("b", B), decide("no", B, Standing.WITHDRAWN, selected=False))

    assert set(shop.anchors) == {A, B}


def test_withdrawn_decision_takes_out_what_it_was_deployed_with_before_it_was_swapped() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", C, Standing.WITHDRAWN))

    assert shop.anchors == (A,)
    assert staged.withdrawals[0].why == "TrustDecision b is untrusted"


def test_withdrawn_decision_of_an_unknown_certificate_takes_out_what_is_deployed_under_it() -> None:
    shop = manual(decide("a", A), decide("b", B))

    shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN, fingerprint=None))

    assert shop.anchors == (A,)


def test_swapped_and_withdrawn_decision_leaves_what_another_trusts() -> None:
    shop = manual(decide("a", A), decide("b", B), decide("b2", B))

    shop.deploy(decide("a", A), decide("b", C, Standing.WITHDRAWN), decide("b2", B))

    assert set(shop.anchors) == {A, B}


@pytest.mark.parametrize("standing", [Standing.TRUSTED, Standing.ENDED, Standing.TROUBLED, Standing.PENDING])
def test_ca_leaves_at_the_instant_its_trust_ends(standing: Standing) -> None:
    shop = manual(decide("a", A), decide("b", B, until=NOW + DAY))
    shop.now = NOW + DAY - timedelta(seconds=1)
    before = shop.deploy(decide("a", A), decide("b", B, until=NOW + DAY))
    assert (set(shop.anchors), before.next_change) == ({A, B}, NOW + DAY)
    shop.now = NOW + DAY

    staged = shop.deploy(decide("a", A), decide("b", B, standing, until=NOW + DAY))

    assert shop.bundle == (A,)
    assert staged.withdrawals[0].why == "its `trustUntil` has passed"
    assert [each for each in staged.findings if standing is not Standing.TROUBLED] == []


def test_ca_leaves_in_the_second_after_it_expires() -> None:
    shop = manual(decide("a", A), decide("short", SHORT))
    shop.now = EXPIRING
    assert shop.deploy(decide("a", A), decide("short", SHORT)).next_change == EXPIRING + timedelta(seconds=1)
    shop.now = EXPIRING + timedelta(seconds=1)

    staged = shop.deploy(decide("a", A), decide("short", SHORT))

    assert shop.bundle == (A,)
    assert staged.withdrawals[0].why == "it has expired"
    assert reasons(staged.findings) == [Reason.CERTIFICATE_LEFT_OUT]
    assert shop.deploy(decide("a", A), decide("short", SHORT, Standing.ENDED)).findings == staged.findings


def test_end_that_is_moved_into_the_past_counts_at_once() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", B, Standing.ENDED, until=NOW - DAY))

    assert shop.anchors == (A,)
    assert "`trustUntil` of its TrustDecision has passed" in staged.withdrawals[0].why


def test_end_of_a_decision_takes_out_what_it_was_deployed_with_before_it_was_swapped() -> None:
    shop = manual(decide("a", A), decide("b", B))

    shop.deploy(decide("a", A), decide("b", C, Standing.ENDED, until=NOW - DAY))

    assert shop.anchors == (A,)


def test_automatic_store_that_finds_a_later_end_in_time_withdraws_nothing() -> None:
    shop = Shop()
    shop.deploy(decide("a", A, until=NOW + DAY))
    shop.now = NOW + 2 * DAY

    staged = shop.deploy(decide("a", A, until=NOW + 3 * DAY))

    assert shop.anchors == (A,)
    assert staged.withdrawals == ()


def test_doubted_clock_takes_nothing_out() -> None:
    shop = manual(decide("a", A, until=NOW + DAY), decide("short", SHORT))
    shop.now, shop.clock_doubted = EXPIRING + DAY, True

    shop.deploy(decide("a", A, until=NOW + DAY), decide("short", SHORT))

    assert set(shop.bundle) == {A, SHORT}


def test_clock_that_went_back_takes_nothing_out_and_adds_nothing() -> None:
    shop = Shop()
    shop.deploy(decide("a", A))
    shop.now = A.not_before - DAY

    staged = shop.deploy(decide("a", A), decide("b", B))

    assert shop.bundle == (A,)
    assert "not yet valid" in staged.findings[0].message
    assert staged.next_change == B.not_before


# Trouble


@pytest.mark.parametrize("standing", TROUBLE)
@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_trouble_takes_nothing_out(standing: Standing, mode: str) -> None:
    shop = manual(decide("a", A, until=NOW + DAY), decide("b", B))
    shop.manual = mode == "Manual"
    before = shop.record

    staged = shop.deploy(decide("a", A, standing), decide("b", B))

    assert (shop.record, staged.pending) == (before, None)
    assert reasons(staged.findings) == [Reason.CERTIFICATE_LEFT_OUT] * (standing is Standing.TROUBLED)


@pytest.mark.parametrize("standing", TROUBLE)
def test_trouble_adds_nothing(standing: Standing) -> None:
    shop = Shop()

    staged = shop.deploy(decide("a", A), decide("b", B, standing))

    assert shop.anchors == (A,)
    assert all("It is left out: TrustDecision b" in each.message for each in staged.findings)


@pytest.mark.parametrize("trouble", [{"material": LOST}, {"material": C}, {"read": False}])
def test_certificate_that_cannot_be_read_stays_as_it_is_deployed(trouble: dict[str, Any]) -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A), decide("b", B, **trouble))

    assert set(shop.anchors) == {A, B}
    assert [each.severity for each in staged.findings] == [Severity.WARNING]
    assert staged.findings[0].message.startswith("What is deployed under it stays as it is: TrustDecision b")


def test_deselected_decision_in_trouble_leaves() -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))

    shop.deploy(decide("a", A), decide("b", B, Standing.TROUBLED, selected=False))

    assert shop.anchors == (A,)


def test_trouble_of_one_decision_does_not_keep_another_from_lengthening_trust() -> None:
    shop = Shop()
    shop.deploy(decide("one", A, until=NOW + DAY), decide("two", A, until=NOW + DAY))

    shop.deploy(decide("one", A, Standing.TROUBLED), decide("two", A, until=NOW + 2 * DAY))

    assert shop.record is not None
    assert shop.record.entries[0].trust_until == NOW + 2 * DAY


def test_trouble_does_not_bring_back_what_was_withdrawn() -> None:
    shop = Shop()
    shop.deploy(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))

    shop.deploy(decide("a", A, Standing.PENDING))

    assert (shop.bundle, shop.anchors) == ((A,), ())


def test_closed_namespace_changes_nothing_but_what_is_withdrawn() -> None:
    shop = manual(decide("a", A), decide("b", B))
    shop.manual, shop.closed = False, CLOSED

    staged = shop.deploy(decide("b", B, Standing.WITHDRAWN), decide("c", C))

    assert shop.anchors == (A,)
    assert (staged.blocked, staged.findings, staged.pending) == (CLOSED, (CLOSED,), None)


def test_closed_namespace_keeps_public_roots_as_they_are() -> None:
    shop = Shop(public=mozilla(*PUBLIC))
    shop.deploy(decide("a", A), decide("b", B, until=NOW + DAY))
    shop.closed, shop.public = CLOSED, mozilla(*PUBLIC[1:], version="2026.06.02")
    before = shop.record

    shop.deploy(decide("a", A), decide("b", B, until=NOW + DAY))
    assert shop.record == before
    shop.now = NOW + DAY
    shop.deploy(decide("a", A), decide("b", B, Standing.ENDED, until=NOW + DAY))

    assert set(shop.anchors) == {A, *PUBLIC}


def test_closed_namespace_lets_decisions_go_and_keeps_their_cas() -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))
    shop.closed = CLOSED

    shop.deploy(decide("a", A, Standing.LEAVING), decide("b", B))
    shop.deploy()

    assert set(shop.anchors) == {A, B}
    assert shop.record is not None
    assert {each.decisions for each in shop.record.entries} == {(), ("b",)}
    shop.closed = None
    shop.deploy(decide("b", B))
    assert shop.anchors == (B,)


def test_closed_namespace_deploys_nothing_at_first() -> None:
    shop = Shop(closed=CLOSED)

    staged = shop.deploy(decide("a", A))

    assert (shop.record, staged.findings) == (None, (CLOSED,))


# Empty bundles


def test_nothing_is_deployed_before_there_is_a_root() -> None:
    shop = Shop()

    staged = shop.deploy(decide("i", INTERMEDIATE, role="intermediateCA"))

    assert shop.record is None
    assert staged.blocked is not None
    assert staged.blocked.reason is Reason.EMPTY_BUNDLE


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_deselection_of_everything_is_not_deployed(mode: str) -> None:
    shop = manual(decide("a", A))
    shop.manual = mode == "Manual"

    staged = shop.approve(decide("a", A, selected=False))

    assert shop.anchors == (A,)
    assert reasons(staged.findings) == [Reason.EMPTY_BUNDLE]
    assert staged.leaving == {A.fingerprint}


def test_deselection_of_everything_is_deployed_when_it_may_be_empty() -> None:
    shop = Shop(allow_empty=True)
    shop.deploy(decide("a", A))

    staged = shop.deploy()

    assert (shop.bundle, staged.findings) == ((), ())


def test_last_cas_stay_in_the_bundle_and_no_verdict_rests_on_them() -> None:
    shop = manual(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("b", B, Standing.WITHDRAWN))

    assert (set(shop.bundle), shop.anchors) == ({A, B}, ())
    assert reasons(staged.findings) == [Reason.ANCHORS_DISTRUSTED]
    assert len(staged.withdrawals) == 2
    assert staged.pending is None
    assert staged.leaving == {A.fingerprint, B.fingerprint}


def test_last_cas_leave_when_it_may_be_empty() -> None:
    shop = manual(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))
    shop.allow_empty = True

    staged = shop.deploy(decide("a", A, Standing.WITHDRAWN))

    assert (shop.bundle, staged.findings) == ((), ())


def test_last_cas_leave_a_manual_store_when_it_may_be_empty_whatever_waits() -> None:
    shop = manual(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))
    shop.allow_empty = True

    staged = shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("b", B))

    assert shop.bundle == ()
    assert staged.pending is not None


def test_distrusted_cas_are_no_part_of_the_revision() -> None:
    shop = manual(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))

    assert shop.record is not None
    assert shop.record.revision == revision_of(()) == shop.look().revision


def test_last_cas_stay_distrusted_when_their_decision_is_gone() -> None:
    shop = Shop()
    shop.deploy(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))

    staged = shop.deploy()

    assert shop.bundle == (A,)
    assert not shop.anchors
    assert reasons(staged.findings) == [Reason.ANCHORS_DISTRUSTED]


def test_last_cas_leave_with_the_first_that_takes_their_place() -> None:
    shop = Shop()
    shop.deploy(decide("a", A))
    shop.deploy(decide("a", A, Standing.WITHDRAWN))

    shop.deploy(decide("b", B))

    assert shop.bundle == (B,)


def test_last_ca_that_is_trusted_again_needs_approval() -> None:
    shop = manual(decide("a", A))
    first = shop.approved
    shop.deploy(decide("a", A, Standing.WITHDRAWN))

    staged = shop.deploy(decide("a", A))

    assert set(shop.anchors) == set()
    assert staged.pending is not None
    assert staged.pending.id != first
    shop.approve(decide("a", A))
    assert shop.anchors == (A,)


def test_last_ca_does_not_hold_the_decision_that_withdrew_it() -> None:
    shop = manual(decide("old", A))
    shop.deploy(decide("old", A, Standing.WITHDRAWN))

    staged = shop.deploy(decide("new", A))

    assert staged.pending is not None
    assert shop.record is not None
    assert [(each.decisions, each.distrusted) for each in shop.record.entries] == [(("new",), True)]


def test_withdrawn_intermediate_leaves_even_from_what_would_be_empty() -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("i", INTERMEDIATE, role="intermediateCA"))

    shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("i", INTERMEDIATE, Standing.WITHDRAWN))

    assert shop.bundle == (A,)


# Intermediates of what is withdrawn


OTHER = PKI().root("Root 1").issue_ca("Issuing CA 1").certificate
DEEP = PKI().root("Root 0").issue_ca("Issuing CA").issue_ca("Deep CA").certificate
TRUSTED = Standing.TRUSTED


def helping(name: str, certificate: Certificate, standing: Standing = TRUSTED, **said: Any) -> Candidate:
    return decide(name, certificate, standing, role="intermediateCA", **said)


@pytest.mark.parametrize("standing", [TRUSTED, *TROUBLE])
@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
@pytest.mark.parametrize("how", [Standing.WITHDRAWN, Standing.ENDED])
def test_intermediate_goes_with_its_withdrawn_root_at_once(mode: str, standing: Standing, how: Standing) -> None:
    """Whether the decision about it was judged again by then or not."""
    others = (decide("b", B), helping("j", OTHER))
    shop = manual(decide("a", A), helping("i", INTERMEDIATE), helping("deep", DEEP), *others)
    shop.manual = mode == "Manual"
    left = (helping("i", INTERMEDIATE, standing), helping("deep", DEEP, standing), *others)

    staged = shop.deploy(decide("a", A, how), *left)

    assert labels(shop.bundle) == ["Issuing CA 1", "Root 1"]
    assert labels(each.entry.certificate for each in staged.withdrawals) == ["Deep CA", "Issuing CA", "Root 0"]
    assert {each.why for each in staged.withdrawals if each.entry.role == "intermediateCA"} == {
        "no CA that issued it is trusted any more"
    }
    shop.deploy(decide("a", A, how), *left)
    assert labels(shop.bundle) == ["Issuing CA 1", "Root 1"]


def test_intermediate_goes_with_the_intermediate_that_issued_it() -> None:
    shop = manual(decide("a", A), helping("i", INTERMEDIATE), helping("deep", DEEP))

    shop.deploy(decide("a", A), helping("i", INTERMEDIATE, Standing.WITHDRAWN), helping("deep", DEEP))

    assert shop.bundle == (A,)


def test_intermediate_leaves_though_its_root_stays_as_the_last_one() -> None:
    shop = manual(decide("a", A), helping("i", INTERMEDIATE))

    shop.deploy(decide("a", A, Standing.WITHDRAWN), helping("i", INTERMEDIATE))

    assert shop.bundle == (A,)
    assert shop.anchors == ()


def test_intermediate_stays_when_another_root_that_is_trusted_issued_it_too() -> None:
    renewed = PKI().root("Root 0", not_after=CA_NOT_AFTER - DAY).certificate
    assert INTERMEDIATE.signed_by(renewed)
    shop = manual(decide("a", A), decide("again", renewed), helping("i", INTERMEDIATE))

    shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("again", renewed), helping("i", INTERMEDIATE))

    assert set(shop.bundle) == {renewed, INTERMEDIATE}


def test_intermediate_stays_when_the_root_that_goes_is_not_its_own() -> None:
    elsewhere = PKI().root("Elsewhere").issue_ca("Issuing CA of another root").certificate
    shop = manual(decide("a", A), decide("b", B), helping("i", elsewhere))

    staged = shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("b", B), helping("i", elsewhere))

    assert set(shop.bundle) == {B, elsewhere}
    assert staged.findings == ()


def test_intermediate_stays_when_its_root_is_only_removed() -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B), helping("i", INTERMEDIATE))

    shop.deploy(decide("b", B), helping("i", INTERMEDIATE, Standing.TROUBLED))

    assert set(shop.bundle) == {B, INTERMEDIATE}


def test_intermediate_is_trusted_again_with_its_root() -> None:
    shop = manual(decide("a", A), decide("b", B), helping("i", INTERMEDIATE))
    shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("b", B), helping("i", INTERMEDIATE, Standing.TROUBLED))

    staged = shop.deploy(decide("a", A), decide("b", B), helping("i", INTERMEDIATE))

    assert staged.pending is not None
    assert labels(each.certificate for each in staged.pending.difference.added) == ["Issuing CA", "Root 0"]
    shop.approve(decide("a", A), decide("b", B), helping("i", INTERMEDIATE))
    assert set(shop.bundle) == {A, B, INTERMEDIATE}


def test_no_intermediate_of_an_unknown_root_is_added_while_something_is_withdrawn() -> None:
    elsewhere = PKI().root("Elsewhere").issue_ca("Issuing CA of another root").certificate
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))

    staged = shop.deploy(decide("a", A, Standing.WITHDRAWN), decide("b", B), helping("i", elsewhere))

    assert shop.bundle == (B,)
    (left_out,) = staged.findings
    assert (left_out.reason, left_out.fingerprint) == (Reason.CERTIFICATE_LEFT_OUT, elsewhere.fingerprint)
    assert "TrustDecision i, for the store selects no trusted CA that issued its certificate" in left_out.message


def test_many_distrusted_cas_fit_into_a_message() -> None:
    long = [PKI().root(f"{number} {'x' * 60}").certificate for number in range(4)]
    shop = Shop()
    shop.deploy(*(decide(str(number), each) for number, each in enumerate(long)))

    staged = shop.deploy(*(decide(str(number), each, Standing.WITHDRAWN) for number, each in enumerate(long)))

    assert "CAs of the bundle (4) are withdrawn" in staged.findings[0].message
    assert len(staged.findings[0].message) <= MESSAGE_LIMIT


# Who stands behind a CA


def test_decision_in_whose_place_another_stands_is_let_go_without_approval() -> None:
    shop = manual(decide("old", A))

    staged = shop.deploy(decide("old", A, Standing.LEAVING), decide("new", A))

    assert staged.pending is None
    assert staged.deployment is not None
    assert not staged.deployment.difference
    assert shop.record is not None
    assert shop.record.entries[0].decisions == ("new",)


def test_trouble_of_the_successor_takes_nothing_out() -> None:
    shop = Shop()
    shop.deploy(decide("old", A), decide("b", B))
    shop.deploy(decide("new", A), decide("b", B))

    shop.deploy(decide("new", A, Standing.TROUBLED), decide("b", B))

    assert set(shop.anchors) == {A, B}


def test_decision_that_leaves_is_let_go_while_a_change_of_the_same_ca_waits() -> None:
    shop = manual(decide("one", A), decide("two", A, until=NOW + DAY))

    staged = shop.deploy(decide("one", A, Standing.LEAVING), decide("two", A, until=NOW + DAY))

    assert staged.pending is not None
    assert shop.record is not None
    (entry,) = shop.record.entries
    assert (entry.decisions, entry.trust_until) == (("two",), None)


# Authors


def test_authors_are_those_of_the_decisions_that_the_change_is_about() -> None:
    shop = manual(decide("a", A, author="ada"), decide("b", B, author="bob"))

    staged = shop.deploy(decide("a", A, author="ada"), decide("b", B, Standing.LEAVING, author="ben"), decide("c", C))

    assert staged.pending is not None
    assert staged.pending.authors == ("ben",)


def test_last_known_authors_of_a_decision_that_is_gone_stay_named() -> None:
    shop = manual(decide("a", A), decide("b", B))
    shop.deploy(decide("a", A), decide("b", B, Standing.LEAVING, author="ben"))

    staged = shop.deploy(decide("a", A), decide("c", C, author="cyn"))

    assert staged.pending is not None
    assert staged.pending.authors == ("ben", "cyn")


# Limits


def test_bundle_that_is_too_large_is_not_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    shop.deploy(decide("a", A), decide("b", B))
    monkeypatch.setattr(blocking, "BUNDLE_BYTES", 1_500)

    staged = shop.deploy(decide("a", A), decide("b", B, Standing.WITHDRAWN), decide("c", C), decide("d", D))

    assert shop.anchors == (A,)
    assert staged.blocked is not None
    assert (staged.blocked.detail, staged.pending is not None) == (Detail.LIMIT_EXCEEDED, True)
    assert "1,500" in staged.blocked.message


def test_bundle_of_too_many_certificates_is_not_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "BUNDLE_LIMITS", IntakeLimits(certificates=1))

    staged = Shop().deploy(decide("a", A), decide("b", B))

    assert staged.blocked is not None
    assert "2 certificates, and at most 1" in staged.blocked.message


# Instants


def test_next_change_is_the_first_of_all() -> None:
    coming = PKI().root("Coming", not_before=NOW + DAY).certificate
    shop = Shop()

    assert shop.look(decide("a", A, until=NOW + 2 * DAY)).next_change == NOW + 2 * DAY
    assert shop.look(decide("a", A), decide("c", coming)).next_change == NOW + DAY
    assert shop.look(decide("a", A), decide("a2", A, until=NOW + 3 * DAY)).next_change == NOW + 3 * DAY
    assert shop.look(decide("a", A)).next_change == CA_NOT_AFTER + timedelta(seconds=1)
    assert shop.look().next_change is None


def test_certificate_without_end_changes_nothing_by_time() -> None:
    endless = PKI().root("Endless", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)).certificate
    shop = Shop()

    staged = shop.deploy(decide("e", endless))

    assert (shop.anchors, staged.next_change) == ((endless,), None)


# Lost records


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
def test_lost_record_is_made_anew_when_the_same_is_staged(mode: str) -> None:
    shop = manual(decide("a", A))
    assert shop.record is not None
    void = "sha256:" + "0" * 64
    staged = Shop(manual=mode == "Manual", void=(void,)).look(decide("a", A))

    restored = restore_record(staged, shop.record.revision, 2, shop.approved)

    assert restored == TrustRecord(2, shop.record.entries, None, (void, shop.approved or ""))


@pytest.mark.parametrize("candidates", [[decide("b", B)], [decide("i", INTERMEDIATE, role="intermediateCA")]])
def test_lost_record_is_not_made_anew_from_anything_else(candidates: list[Candidate]) -> None:
    staged = Shop().look(*candidates)
    other = Shop().look(decide("a", A)).revision

    assert restore_record(staged, other, 2, None) is None
    assert (restore_record(staged, staged.revision, 2, None) is None) == (staged.blocked is not None)


# Marks


def test_two_hundred_removals_are_all_marked() -> None:
    many: list[Certificate] = [PKI().root(f"Many {number}").certificate for number in range(205)]
    shop = manual(*(decide(f"d{number}", each) for number, each in enumerate(many)))

    staged = shop.deploy(*(decide(f"d{number}", each) for number, each in enumerate(many[:5])))

    assert shop.record is not None
    assert shop.pending is not None
    assert (len(shop.pending.removed), shop.pending.removed_count) == (32, 200)
    marks = write_marks(shop.record, staged.leaving)
    assert len(marks) <= 52
    assert read_marks(marks, shop.record) == {each.fingerprint for each in many[5:]}


def test_staging_is_the_same_again() -> None:
    shop = manual(decide("a", A))
    request = shop.request([decide("a", A), decide("b", B)])

    assert stage(request) == stage(request)
    assert stage(request).revision == revision_of(stage(request).entries)
