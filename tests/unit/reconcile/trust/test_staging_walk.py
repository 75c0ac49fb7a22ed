"""A random walk through the life of a store, against rules that know nothing of how staging is made."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from certwright.findings import Reason, finding
from certwright.pki.certificate import Certificate
from certwright.reconcile.trust.deployed import carried
from certwright.reconcile.trust.gathering import Candidate
from certwright.reconcile.trust.record import TrustedCertificate, TrustRecord, first_expired
from certwright.reconcile.trust.staging import Staging, stage
from certwright.reconcile.trust.stance import Standing
from tests.support.pki import NOW
from tests.support.staging import PUBLIC, ROOTS, SELECTED, SHORT, Shop, decide, mozilla, reread, show

NAMES = ("a", "b", "c")
CERTIFICATES = (ROOTS[0], ROOTS[1], SHORT, PUBLIC[0])
STAYS = {Standing.PENDING, Standing.TROUBLED}
CLOSED = finding(Reason.INVALID_REQUEST, "The namespace is no source of trust.")
LOST = finding(Reason.NOT_CHECKED, "ConfigMap shop/a could not be read.")

Trusted = Mapping[str, tuple[str, datetime | None]]


@dataclass
class Decision:
    """A decision as a person sees it."""

    certificate: Certificate
    standing: Standing
    until: datetime | None = None
    selected: bool = True
    readable: bool = True


def trusted_in(record: TrustRecord | None) -> Trusted:
    """Give what verdicts could rest on, whatever the time."""
    entries: tuple[TrustedCertificate, ...] = record.entries if record is not None else ()
    return {each.fingerprint: (each.role, each.trust_until) for each in entries if not each.distrusted}


class StoreWalk(RuleBasedStateMachine):
    """People and time change decisions; the store stages and deploys after each step."""

    @initialize(manual=st.booleans(), allow_empty=st.booleans(), public=st.booleans())
    def begin(self, *, manual: bool, allow_empty: bool, public: bool) -> None:
        self.shuffled = random.Random(11)  # noqa: S311 — an order, not a secret
        self.shop = Shop(manual=manual, allow_empty=allow_empty, public=mozilla(*PUBLIC) if public else None)
        # It begins with two CAs that are deployed: most of what can go wrong goes wrong later.
        self.decisions = {
            name: Decision(certificate, Standing.TRUSTED)
            for name, certificate in zip(NAMES, CERTIFICATES[:2], strict=False)
        }
        self.shop.approve(*self.candidates()) if manual else self.shop.deploy(*self.candidates())
        self.used: set[str] = set()  # ids whose approval may never count again
        self.shown: list[str] = []  # ids that people have seen
        self.used.update(self.shop.record.consumed if self.shop.record is not None else ())

    @rule(
        name=st.sampled_from(NAMES),
        certificate=st.sampled_from(CERTIFICATES),
        standing=st.sampled_from([*Standing, Standing.TRUSTED, Standing.TRUSTED]),
        until=st.sampled_from([None, None, NOW + timedelta(days=10), NOW + timedelta(days=40)]),
    )
    def decide(self, name: str, certificate: Certificate, standing: Standing, until: datetime | None) -> None:
        self.decisions[name] = Decision(certificate, standing, until)
        self.step()

    @rule(name=st.sampled_from(NAMES), standing=st.sampled_from(Standing))
    def judge(self, name: str, standing: Standing) -> None:
        if name in self.decisions:
            self.decisions[name] = replace(self.decisions[name], standing=standing)
            self.step()

    @rule(name=st.sampled_from(NAMES), approves=st.sampled_from(["before", "between", "after", "never"]))
    def withdraw_and_trust_again(self, name: str, approves: str) -> None:
        if name not in self.decisions:
            return
        waiting = self.shop.pending.id if self.shop.pending is not None else self.shop.approved
        for when, standing in (("before", None), ("between", Standing.WITHDRAWN), ("after", Standing.TRUSTED)):
            if standing is not None:
                self.decisions[name] = replace(self.decisions[name], standing=standing)
            if approves == when:
                self.shop.approved = waiting
            self.step()

    @rule(name=st.sampled_from(NAMES), selected=st.booleans(), readable=st.booleans())
    def touch(self, name: str, *, selected: bool, readable: bool) -> None:
        if name in self.decisions:
            self.decisions[name] = replace(self.decisions[name], selected=selected, readable=readable)
            self.step()

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        self.decisions.pop(name, None)
        self.step()

    @rule(days=st.sampled_from([1, 10, 30]))
    def wait(self, days: int) -> None:
        self.shop.now += timedelta(days=days)
        self.step()

    @rule(manual=st.booleans())
    def switch(self, *, manual: bool) -> None:
        self.shop.manual = manual
        self.step()

    @rule(allow_empty=st.booleans())
    def allow(self, *, allow_empty: bool) -> None:
        self.shop.allow_empty = allow_empty
        self.step()

    @rule(closed=st.booleans())
    def close(self, *, closed: bool) -> None:
        self.shop.closed = CLOSED if closed else None
        self.step()

    @rule(version=st.sampled_from([None, 1, 2]))
    def bring_public_roots(self, version: int | None) -> None:
        self.shop.public = mozilla(*PUBLIC[version:], version=f"2026.{version}") if version is not None else None
        self.step()

    @precondition(lambda self: self.shop.pending is not None)
    @rule()
    def approve(self) -> None:
        self.shop.approved = self.shop.pending.id if self.shop.pending is not None else None
        self.step()

    @precondition(lambda self: self.shown)
    @rule(which=st.integers(0, 40))
    def approve_something_seen_before(self, which: int) -> None:
        self.shop.approved = self.shown[which % len(self.shown)]
        self.step()

    def candidates(self) -> list[Candidate]:
        made = [
            decide(
                name,
                each.certificate,
                each.standing,
                until=each.until,
                selected=each.selected,
                material=None if each.readable else LOST,
            )
            for name, each in self.decisions.items()
        ]
        self.shuffled.shuffle(made)
        return made

    def step(self) -> None:
        """Stage and deploy once, and hold what came of it against the rules."""
        shop, before, pending = self.shop, self.shop.record, self.shop.pending
        offered = stage(replace(shop.request(self.candidates()), approved=None)).pending
        staged = shop.look(*self.candidates())
        assert staged == shop.look(*self.candidates())  # in another order
        if staged.deployment is not None:
            shop.record = reread(staged.deployment.record)
            assert shop.record.number == (before.number if before is not None else 0) + 1
        shop.pending, shop.void = show(staged), staged.void
        self.check_approval(before, staged, offered.id if offered is not None else None)
        self.check_trouble(before)
        self.check_withdrawal(before, staged)
        self.check_release(staged)
        if before is not None and before.entries and not shop.allow_empty:
            assert shop.bundle
        if shop.allow_empty and shop.record is not None:
            assert not any(each.distrusted for each in shop.record.entries)
        again = shop.look(*self.candidates())
        assert (again.deployment, again.withdrawals) == (None, ())
        assert (again.pending, again.leaving, again.void) == (staged.pending, staged.leaving, staged.void)
        # A change that waited and whose CA was withdrawn is over, whoever approves it when.
        if pending is not None and (shop.pending is None or shop.pending.id != pending.id):
            added = {each.fingerprint for each in pending.added}
            if added & self.distrusted():
                self.used.add(pending.id)
        if shop.pending is not None:
            assert shop.pending.id not in self.used
            self.shown.append(shop.pending.id)

    def check_approval(self, before: TrustRecord | None, staged: Staging, offered: str | None) -> None:
        """Nothing but withdrawals leaves staging in mode Manual, unless exactly this change was approved."""
        shop, old, new = self.shop, trusted_in(before), trusted_in(self.shop.record)
        if staged.pending is None and staged.blocked is None and staged.deployment is not None:
            assert new == {each.fingerprint: (each.role, each.trust_until) for each in staged.entries}
        if new.items() <= old.items() and not staged.deployment:
            return
        is_approved = offered is not None and shop.approved == offered
        if shop.manual and not is_approved:
            assert new.items() <= old.items()
            assert {*old} - {*new} <= {each.entry.fingerprint for each in staged.withdrawals}
        if is_approved and staged.pending is None:
            assert offered not in self.used
            self.used.add(offered or "")
            assert shop.record is not None
            assert offered in shop.record.consumed

    def check_trouble(self, before: TrustRecord | None) -> None:
        """Trouble takes no CA out."""
        in_trouble = {
            name
            for name, each in self.decisions.items()
            if each.selected
            and (each.standing in STAYS or (each.standing is Standing.TRUSTED and not each.readable))
            and not (each.standing is Standing.TRUSTED and self.is_past(each.until))
        }
        kept = trusted_in(self.shop.record)
        for entry in before.entries if before is not None else ():
            gone = entry.distrusted or entry.fingerprint in self.distrusted() or self.is_past(entry.ends)
            if in_trouble & {*entry.decisions} and not gone:
                assert entry.fingerprint in kept

    def check_withdrawal(self, before: TrustRecord | None, staged: Staging) -> None:
        """Nothing rests on a CA that is withdrawn or over, and what is said to be withdrawn was trusted before."""
        anchors = {each.fingerprint for each in self.shop.anchors}
        assert not anchors & self.distrusted()
        # What is withdrawn leads nowhere either when somebody brings it, and what is trusted is not among it.
        if self.shop.record is not None:
            said = {each.fingerprint for each in self.shop.record.distrusts}
            assert self.outright() <= said
            assert said.isdisjoint(trusted_in(self.shop.record))
        for entry in self.shop.record.entries if self.shop.record is not None else ():
            assert entry.distrusted or not self.is_past(entry.ends)
            assert not self.is_past(first_expired(entry.certificate)) or entry.distrusted
        for each in staged.withdrawals:
            assert each.entry.fingerprint in trusted_in(before)
            assert each.entry.fingerprint not in anchors

    def check_release(self, staged: Staging) -> None:
        """No decision that goes has to wait for anybody."""
        for name, each in self.decisions.items():
            if each.standing is Standing.LEAVING and self.shop.record is not None:
                assert {entry.fingerprint for entry in carried(self.shop.record, name)} <= staged.leaving

    @invariant()
    def bundle_is_sorted_and_without_repetition(self) -> None:
        if hasattr(self, "shop"):
            fingerprints = [each.fingerprint for each in self.shop.bundle]
            assert fingerprints == sorted(set(fingerprints))

    def distrusted(self) -> set[str]:
        """Give what selected decisions distrust: outright, or because nobody else speaks for it any more."""
        if self.shop.closed is not None:
            return set()
        said = [each for each in self.decisions.values() if each.selected]
        ended = {
            each.certificate.fingerprint
            for each in said
            if each.standing is Standing.ENDED or (each.standing is Standing.TRUSTED and self.is_past(each.until))
        }
        others = {
            each.certificate.fingerprint
            for each in said
            if each.standing in {Standing.TRUSTED, *STAYS} and not self.is_past(each.until)
        }
        return self.outright() | (ended - others)

    def outright(self) -> set[str]:
        """Give what selected decisions withdraw."""
        if self.shop.closed is not None:
            return set()
        said = [each for each in self.decisions.values() if each.selected]
        return {each.certificate.fingerprint for each in said if each.standing is Standing.WITHDRAWN}

    def is_past(self, end: datetime | None) -> bool:
        return end is not None and end <= self.shop.now


StoreWalk.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestStoreWalk = StoreWalk.TestCase


def test_walk_selects_what_the_store_selects() -> None:
    assert Shop().selector is not None
    assert decide("a").stance.labels == SELECTED
