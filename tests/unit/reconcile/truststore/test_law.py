"""The laws, over any history of decisions, wishes, approvals, drift, failures and time.

Planned again after success, nothing is planned. What was not approved is not deployed. What is withdrawn is no anchor,
whoever approves what. Targets hold what the record holds. What is not ours is never touched. A restart changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certwright.api.model import timestamp
from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.trust.deployed import anchors_at, kept_trust
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.source import TRUST_SOURCE_LABEL
from tests.support.memory_cluster import NAMESPACE, START
from tests.support.pki import Entity
from tests.unit.reconcile.truststore.yard import (
    CLUSTER_STORE,
    LEAF,
    MAP,
    NEXT,
    ROOT,
    SOURCE,
    STORE,
    TARGET,
    THIRD,
    Yard,
)

TEAM = {"team": "a"}
FOREIGN = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "foreign-ca")
CAS = {"corp": ROOT, "next": NEXT, "third": THIRD}
Step = Callable[[Yard], object]


def decide(name: str, entity: Entity | None = None, **spec: Any) -> Step:
    return lambda yard: yard.decide(name, entity or CAS[name], **spec)


def withdraw(name: str) -> Step:
    return lambda yard: yard.distrust(name) if yard.decision(name) in yard.cluster.subjects else None


def delete(name: str) -> Step:
    return lambda yard: yard.undecide(name) if yard.decision(name) in yard.cluster.subjects else None


def rewish(**spec: Any) -> Step:
    return lambda yard: yard.rewish(**spec)


def approve(yard: Yard) -> None:
    if "pending" in yard.status:
        yard.approve()


def approve_once_more(yard: Yard) -> None:
    """Give an approval that was given before."""
    if isinstance(yard, Lived) and yard.old_approvals:
        yard.rewish(deployment={"mode": "Manual", "approved": yard.old_approvals[0]})


def drift(**changes: Any) -> Step:
    return lambda yard: yard.cluster.change(MAP, **changes) if MAP in yard.cluster.objects else None


def fail(verb: str, *causes: FailureCause | None) -> Step:
    return lambda yard: yard.cluster.fail(verb, MAP, *causes)


def drop(yard: Yard) -> None:
    if MAP in yard.cluster.objects:
        yard.cluster.remove(MAP)


def advance(**delta: float) -> Step:
    return lambda yard: yard.advance(**delta)


def doubt(yard: Yard) -> None:
    yard.clock.is_doubted = not yard.clock.is_doubted


def namespace(name: str, labels: dict[str, str] | None = None) -> Step:
    return lambda yard: yard.cluster.put_namespace(name, labels)


def forget_status(yard: Yard) -> None:
    yard.cluster.subjects[yard.main] = replace(yard.store, status={})


STEPS: list[Step] = [
    decide("corp"),
    decide("next"),
    decide("third"),
    decide("third", trustUntil=timestamp(START + timedelta(hours=5))),
    decide("corp", LEAF),
    decide("next", THIRD),
    decide("next", labels={"hidden": "yes"}),
    withdraw("corp"),
    withdraw("next"),
    delete("corp"),
    delete("next"),
    delete("third"),
    rewish(targets=[TARGET]),
    rewish(targets=[TARGET, {"name": "foreign-ca"}]),
    rewish(targets=[{**TARGET, "content": "RootsAndIntermediates"}, {"name": "second-ca"}]),
    rewish(targets=[]),
    rewish(selector={"matchExpressions": [{"key": "hidden", "operator": "DoesNotExist"}]}),
    rewish(selector={}),
    rewish(deletionPolicy="Retain"),
    rewish(deletionPolicy="Delete"),
    rewish(allowEmpty=True),
    rewish(allowEmpty=False),
    approve,
    approve_once_more,
    drift(data={}),
    drift(annotations={}),
    drift(labels={}),
    drop,
    fail("apply", FailureCause.UNAVAILABLE),
    fail("apply", FailureCause.CONFLICT, None),
    fail("apply", FailureCause.FORBIDDEN),
    fail("delete", FailureCause.UNAVAILABLE),
    advance(minutes=11),
    advance(hours=3),
    advance(days=4000),
    doubt,
    namespace("team-0", TEAM),
    namespace(NAMESPACE),
    namespace(NAMESPACE, TEAM),
    namespace(SOURCE),
    namespace(SOURCE, {TRUST_SOURCE_LABEL: "true"}),
    forget_status,
]


APPROVALS = [approve] * 6
"""They happen more often than each of the others."""


class Lived(Yard):
    """A yard that remembers what was approved."""

    def __init__(self, **fields: Any) -> None:
        self.old_approvals: list[str] = []
        super().__init__(**fields)

    def approve(self) -> None:
        self.old_approvals.append(self.status["pending"]["id"])
        super().approve()


async def record_of(yard: Yard) -> TrustRecord | None:
    kept = kept_trust(yard.store, yard.settings.namespace)
    if kept is None:
        return None
    record = await yard.library.read(kept)
    assert isinstance(record, TrustRecord)
    return record


def is_withdrawn(yard: Yard, name: str) -> bool:
    subject = yard.cluster.subjects.get(yard.decision(name))
    return subject is not None and subject.spec.get("trustStateDesired") == "untrusted" and not subject.labels


async def check(yard: Lived, before: TrustRecord | None, *, approved: str | None) -> TrustRecord | None:
    record = await record_of(yard)
    anchors = {each.fingerprint for each in anchors_at(record, yard.clock.now)} if record is not None else set()
    closed = yard.main.kind is Kind.CLUSTER_TRUST_STORE and not yard.cluster.namespaces[SOURCE].labels.get(
        TRUST_SOURCE_LABEL
    )
    for name, entity in CAS.items():
        if is_withdrawn(yard, name) and not closed and yard.store.spec["selector"] == {}:
            assert entity.certificate.fingerprint not in anchors, name
    old = {each.fingerprint for each in anchors_at(before, yard.clock.now)} if before is not None else set()
    if yard.store.spec["deployment"]["mode"] == "Manual" and anchors - old:
        assert approved is not None
        assert record is not None
        assert approved in record.consumed
        assert before is None or approved not in before.consumed
    assert LEAF.certificate.fingerprint not in anchors
    if record is not None and yard.rollout["state"] == "Complete":
        wanted = {each.certificate.label for each in record.entries}
        for key, observed in yard.cluster.objects.items():
            if observed.annotations.get("certwright.io/owner") == f"{yard.main.kind}/{yard.main.name}":
                assert yard.bundle(key) == wanted
    return record


async def begin(main: ObjectKey, mode: str) -> Lived:
    """Deploy one CA, with approval when that is needed, beside an object that is not ours."""
    yard = Lived(main=main)
    yard.cluster.put_namespace(NAMESPACE, TEAM)
    yard.cluster.put_secret("foreign-ca", {"ca.crt": "theirs"}, kind=Kind.CONFIG_MAP)
    fanned = {"namespaceSelector": {"matchLabels": TEAM}} if main == CLUSTER_STORE else {}
    yard.decide("corp", ROOT)
    yard.wish(targets=[TARGET], deployment={"mode": mode}, **fanned)
    await yard.rest()
    if mode == "Manual":
        yard.approve()
        await yard.rest()
    return yard


async def rest_after_failures(yard: Lived) -> None:
    """Rest; failures are injected for one pass, and then the cluster answers again."""
    try:
        await yard.rest()
    except AssertionError:
        if not yard.cluster.answers:
            raise
    yard.cluster.answers.clear()
    await yard.rest(full=True)


async def live(steps: list[Step], main: ObjectKey, mode: str) -> None:
    yard = await begin(main, mode)
    foreign, record = yard.cluster.objects[FOREIGN], await record_of(yard)
    assert record is not None
    for step in steps:
        step(yard)
        approved = yard.store.spec["deployment"].get("approved")
        await rest_after_failures(yard)
        assert yard.size() < 64 * 1024
        assert yard.cluster.objects[FOREIGN] == foreign
        conditions = yard.conditions
        assert ("Reconciling" in conditions) + ("Stalled" in conditions) == (conditions["Ready"][0] != "True")
        record = await check(yard, record, approved=approved)
        await yard.rest(full=True)
        assert yard.writes == 0, (step, dict(yard.calls))
        status, objects = yard.status, dict(yard.cluster.objects)
        yard.restart()
        await yard.rest()
        assert yard.writes == 0
        assert (yard.status, yard.cluster.objects) == (status, objects)


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
@pytest.mark.parametrize("main", [STORE, CLUSTER_STORE], ids=str)
def test_laws_hold_when_anything_happens(main: ObjectKey, mode: str) -> None:
    @given(st.lists(st.sampled_from([*STEPS, *APPROVALS]), min_size=1, max_size=8))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    def hold(steps: list[Step]) -> None:
        asyncio.run(live(steps, main, mode))

    hold()


@pytest.mark.parametrize("mode", ["Automatic", "Manual"])
@pytest.mark.parametrize("main", [STORE, CLUSTER_STORE], ids=str)
@pytest.mark.parametrize("step", [1, -1])
def test_laws_hold_when_every_step_happens_once(main: ObjectKey, mode: str, step: int) -> None:
    asyncio.run(live(STEPS[::step], main, mode))
