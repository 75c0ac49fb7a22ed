"""The laws, over any history of wishes, stores, lists, failures and time.

Planned again after success, nothing is planned. A restart changes nothing. Only what is good is ever called trusted,
what is deployed holds its decision, and no status shows a key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import DEPLOYED_FINALIZER
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI, Entity
from tests.unit.reconcile.trustdecision.desk import BELOW, ISSUING, LEAF, NAME, OTHER, ROOT, Desk, under

Step = Callable[[Desk], Awaitable[Any]]
INTERMEDIATE: dict[str, Any] = {"certUse": "intermediateCA"}
SHORT = PKI().root("Short Root", not_after=ISSUING.certificate.not_before.replace(year=2026, month=8))
CA = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "ca")
LIST = ObjectKey(Kind.REVOCATION_SOURCE, NAMESPACE, "list")
SECRET_LINES = [line for entity in (ROOT, ISSUING) for line in entity.key_pem.splitlines()[1:-1]]


def wish(name: str = NAME, *, labels: dict[str, str] | None = None, **spec: Any) -> Step:
    async def step(desk: Desk) -> None:
        desk.wish(name, labels=labels, **spec)

    return step


def about(entity: Entity, name: str = NAME, **spec: Any) -> Step:
    return wish(name, certificate=entity.pem, **spec)


def hold(entity: Entity | None) -> Step:
    async def step(desk: Desk) -> None:
        if entity is not None:
            desk.cluster.put_secret("ca", {"ca.crt": entity.pem}, kind=Kind.CONFIG_MAP)
        elif CA in desk.cluster.objects:
            desk.cluster.remove(CA)

    return step


def deploy(*entities: Entity, **fields: Any) -> Step:
    return lambda desk: desk.deploy(*[under(each) for each in entities], **fields)


def delete(key: ObjectKey) -> Step:
    async def step(desk: Desk) -> None:
        if key in desk.cluster.subjects:
            desk.cluster.delete_subject(key)

    return step


def fail(verb: str, key: ObjectKey, *causes: FailureCause) -> Step:
    async def step(desk: Desk) -> None:
        desk.cluster.fail(verb, key, *causes)

    return step


def advance(**delta: float) -> Step:
    async def step(desk: Desk) -> None:
        desk.clock.advance(**delta)

    return step


async def doubt(desk: Desk) -> None:
    desk.clock.is_doubted = not desk.clock.is_doubted


async def revoke(desk: Desk) -> None:
    await desk.list_revoked(desk.crl(ROOT, ISSUING), ROOT)


async def forgive(desk: Desk) -> None:
    await desk.list_revoked(desk.crl(ROOT, this_update=desk.clock.now - timedelta(minutes=1)), ROOT)


async def lose_records(desk: Desk) -> None:
    for key in [key for key in desk.cluster.objects if key.namespace == desk.settings.namespace]:
        desk.cluster.remove(key)
    desk.restart()


REFERENCE: dict[str, Any] = {"certificateRef": {"name": "ca"}, "fingerprint": ROOT.certificate.fingerprint}
STEPS: list[Step] = [
    about(ROOT),
    about(ROOT, trustStateDesired="untrusted"),
    about(ROOT, trustUntil="2026-07-01T00:00:00Z"),
    about(OTHER, labels={"team": "b"}),
    about(SHORT),
    about(LEAF),
    about(ISSUING, **INTERMEDIATE),
    about(ISSUING, **INTERMEDIATE, trustStateDesired="untrusted"),
    about(BELOW, **INTERMEDIATE),
    about(ROOT, **INTERMEDIATE),
    about(ROOT, "root"),
    about(ROOT, "root", trustStateDesired="untrusted"),
    about(ISSUING, "issuing", **INTERMEDIATE),
    delete(Desk.key("root")),
    delete(Desk.key()),
    wish(**REFERENCE),
    wish(certificate="nothing"),
    wish(certificate=ROOT.pem + ROOT.key_pem),
    wish(certUse="other"),
    hold(ROOT),
    hold(OTHER),
    hold(None),
    deploy(ROOT),
    deploy(ROOT, OTHER, leaving=[ROOT]),
    deploy(ISSUING, name="cluster", kind=Kind.CLUSTER_TRUST_STORE),
    deploy(ROOT, selector={"matchLabels": {"team": "b"}}),
    deploy(),
    delete(ObjectKey(Kind.TRUST_STORE, NAMESPACE, "store")),
    revoke,
    forgive,
    delete(LIST),
    lose_records,
    fail("read", CA, FailureCause.TIMEOUT),
    fail("status", Desk.key(), FailureCause.INVALID),
    fail("status", Desk.key(), FailureCause.UNAVAILABLE),
    fail("finalize", Desk.key(), FailureCause.UNAVAILABLE),
    advance(minutes=11),
    advance(days=8),
    advance(days=90),
    advance(days=4000),
    doubt,
]


def check(desk: Desk, name: str) -> None:
    subject, status = desk.subject(name), desk.status_of(name)
    text = json.dumps(status)
    assert len(text) < 64 * 1024
    assert not any(line in text for line in SECRET_LINES)
    conditions = {kind: said.split()[0] for kind, said in desk.conditions(name).items()}
    assert ("Reconciling" in conditions) + ("Stalled" in conditions) == (conditions["Ready"] != "True")
    assert (conditions["Trusted"] == "True") == (status["trustState"] == "trusted")
    if status["trustState"] == "trusted":
        assert status["validation"] == 0
        assert subject.spec.get("trustStateDesired", "trusted") == "trusted"
    held = {"DEPLOYED", "DELETE_PENDING"} & {row["deployStatus"] for row in status.get("stores", ())}
    if not subject.deleting:
        assert (DEPLOYED_FINALIZER in subject.finalizers) == bool(held)


async def live(steps: list[Step]) -> None:
    desk = Desk()
    await desk.decide(ROOT)
    for step in steps:
        await step(desk)
        await desk.rest()
        # Failures were injected for one pass; the next ones succeed, and from then on nothing is planned.
        desk.cluster.answers.clear()
        for name in ("corp", "root", "issuing"):
            if desk.key(name) in desk.cluster.subjects:
                await desk.reconcile(name, full=True)
        await desk.rest()
        before = dict(desk.cluster.subjects)
        for name in ("corp", "root", "issuing"):
            if desk.key(name) not in desk.cluster.subjects:
                continue
            check(desk, name)
            for full in (True, False):
                await desk.reconcile(name, full=full)
                assert desk.cluster.writes == 0, (name, dict(desk.cluster.calls))
        desk.restart()
        await desk.rest()
        assert desk.cluster.subjects == before


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_laws_hold_when_anything_happens(steps: list[Step]) -> None:
    asyncio.run(live(steps))


def test_laws_hold_when_every_step_happens_once() -> None:
    asyncio.run(live(STEPS))
    asyncio.run(live(STEPS[::-1]))
