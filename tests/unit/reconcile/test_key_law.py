"""The laws of keys and what hangs under them, over any history of wishes, drift, losses, failures and time.

Planned again after success, nothing is planned. A restart changes nothing. A key that a status has named is never
replaced by another, what is served always fits its key, and no status or event shows a key.
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
from certwright.pki.keys import matches, read_private_key
from certwright.pki.render import read_stored
from certwright.reconcile.objects import Kind, ObjectKey, Subject
from certwright.reconcile.plan import OWNER_ANNOTATION
from certwright.runtime.passes import Surroundings, judge_inline, run_pass
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import ec_key, rsa_key
from tests.support.signing import sign_request
from tests.support.worlds import MemoryWorld
from tests.support.worlds.manifests import imported, private_key, secret

NAMED = {"privateKeyRef": {"kind": "PrivateKey", "name": "shop-key"}}
TARGETS = {"targets": [{"secretName": "shop-tls"}]}
WISH: dict[str, Any] = {**NAMED, **TARGETS, "dnsNames": ["shop.example.com"]}
OWNER = ObjectKey(Kind.PRIVATE_KEY, NAMESPACE, "shop-key")
SHOP = ObjectKey(Kind.IMPORTED_CERTIFICATE, NAMESPACE, "shop")
HELD, TLS = (ObjectKey(Kind.SECRET, NAMESPACE, name) for name in ("shop-key", "shop-tls"))
OURS = {OWNER_ANNOTATION: "PrivateKey/shop-key"}


class Yard(MemoryWorld):
    """A world in which anything may happen to a key."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Any] = {}
        self.signed = ""
        self.seen: set[bytes] = set()
        self.named: dict[str, str] = {}

    async def sign(self) -> None:
        """Have the request signed, when there is one, and hand the certificate in."""
        shop = self.cluster.subjects.get(SHOP)
        request = shop.status.get("certificateSigningRequest") if shop is not None else None
        if request is not None:
            dates = {"begin": self.corp.at, "end": self.corp.at + timedelta(days=200)}
            self.signed = sign_request(request, self.corp.issuing, **dates)
            await self.apply(secret("upload", {"tls.crt": self.signed}))

    def keep(self) -> None:
        if HELD in self.cluster.objects:
            held = self.cluster.objects[HELD]
            self.kept = {"data": dict(held.data), "labels": held.labels, "annotations": held.annotations}

    async def force(self, subject: Subject) -> None:
        around = Surroundings(
            self.cluster, self.cluster, self.cluster.clock, judge_inline, self._engine.judged_by, library=self.library
        )
        await run_pass(self._engine.reconcilers[subject.key.kind], subject, around=around, verified={}, full=True)

    def look(self) -> None:
        """See which keys there have been."""
        for observed in self.cluster.objects.values():
            self.seen |= {line for line in observed.data.get("tls.key", b"").splitlines() if len(line) == 64}


Step = Callable[[Yard], Awaitable[Any]]


def wish(**spec: Any) -> Step:
    return lambda yard: yard.apply(imported("shop", **{**WISH, **spec}))


def key(**spec: Any) -> Step:
    return lambda yard: yard.apply(private_key("shop-key", **spec))


def delete(kind: str, name: str) -> Step:
    async def step(yard: Yard) -> None:
        if ObjectKey(Kind(kind), NAMESPACE, name) in yard.cluster.subjects | yard.cluster.objects:
            await yard.delete(kind, name)

    return step


def change(target: ObjectKey, **changes: Any) -> Step:
    async def step(yard: Yard) -> None:
        if target in yard.cluster.objects:
            yard.cluster.change(target, **changes)

    return step


def lose_status(target: ObjectKey) -> Step:
    async def step(yard: Yard) -> None:
        if target in yard.cluster.subjects:
            await yard.patch(target.kind.value, target.name, {"status": None})
            yard.named.pop(yard.cluster.subjects[target].version.uid, None)

    return step


def fail(verb: str, target: ObjectKey, *causes: FailureCause | None) -> Step:
    async def step(yard: Yard) -> None:
        yard.cluster.fail(verb, target, *causes)

    return step


def travel(**delta: float) -> Step:
    return lambda yard: yard.travel(timedelta(**delta))


async def restore(yard: Yard) -> None:
    if yard.kept:
        yard.cluster.put_secret("shop-key", **yard.kept)


async def sign(yard: Yard) -> None:
    await yard.sign()


STEPS: list[Step] = [
    key(),
    key(deletionPolicy="Delete"),
    delete("PrivateKey", "shop-key"),
    wish(),
    wish(targets=[]),
    wish(selfSigned={"validityDays": 30}),
    wish(certificateRef={"name": "upload"}),
    wish(dnsNames=[]),
    wish(privateKeyRef={"name": "shop-key"}),
    wish(subject={"commonName": "Shop"}, warnBeforePercentage=100),
    delete("ImportedCertificate", "shop"),
    sign,
    restore,
    delete("Secret", "shop-key"),
    delete("Secret", "shop-tls"),
    delete("Secret", "upload"),
    change(HELD, labels={}),
    change(HELD, annotations={}),
    change(HELD, annotations=OURS),
    change(HELD, data={}),
    change(HELD, data={"tls.key": ec_key("another").pem.encode()}),
    change(HELD, data={"tls.key": rsa_key().pem.encode()}),
    change(HELD, immutable=True),
    change(TLS, data={}),
    change(TLS, labels={}),
    lose_status(OWNER),
    lose_status(SHOP),
    fail("apply", HELD, FailureCause.UNAVAILABLE),
    fail("apply", HELD, FailureCause.CONFLICT, None),
    fail("apply", TLS, FailureCause.UNAVAILABLE),
    fail("read", HELD, FailureCause.TIMEOUT),
    fail("status", OWNER, FailureCause.CONFLICT),
    fail("status", SHOP, FailureCause.INVALID),
    travel(minutes=11),
    travel(days=25),
    travel(days=300),
]


async def live(steps: list[Step]) -> None:
    yard = Yard()
    await key()(yard)
    await wish()(yard)
    await yard.rest()
    yard.keep()
    for step in steps:
        await step(yard)
        await yard.rest()
        yard.look()
        check_keys(yard)
        # Failures were injected for one pass; the next succeed, and from then on nothing is planned.
        yard.cluster.answers.clear()
        for _ in range(2):
            for subject in list(yard.cluster.subjects.values()):
                await yard.force(subject)
            await yard.rest()
        await check_rest(yard)
    shown = json.dumps([each.status for each in yard.cluster.subjects.values()]) + str(yard.cluster.events)
    assert not [line for line in yard.seen if line.decode() in shown]


def check_keys(yard: Yard) -> None:
    owner = yard.cluster.subjects.get(OWNER)
    if owner is not None and (owner.status or owner.version.uid in yard.named):
        named = owner.status.get("fingerprint")
        assert yard.named.get(owner.version.uid, named) == named
        if named is not None:
            yard.named[owner.version.uid] = named
        ready = next(each for each in owner.status["conditions"] if each["type"] == "Ready")
        if ready["status"] == "True":
            stored = yard.cluster.objects[HELD].data["tls.key"]
            assert read_private_key(stored, what="it").key.public.fingerprint == named
    target = yard.cluster.objects.get(TLS)
    stored_pair = read_stored(target.data) if target is not None else None
    assert stored_pair is None or (stored_pair.key is not None and matches(stored_pair.key, stored_pair.leaf))


async def check_rest(yard: Yard) -> None:
    statuses = {key: subject.status for key, subject in yard.cluster.subjects.items()}
    objects = dict(yard.cluster.objects)
    yard.cluster.forget_calls()
    for subject in list(yard.cluster.subjects.values()):
        await yard.force(subject)
    await yard.restart()
    await yard.rest()
    assert yard.cluster.writes == 0, dict(yard.cluster.calls)
    assert {key: subject.status for key, subject in yard.cluster.subjects.items()} == statuses
    assert yard.cluster.objects == objects


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_laws_hold_when_anything_happens(steps: list[Step]) -> None:
    asyncio.run(live(steps))


def test_laws_hold_when_every_step_happens_once() -> None:
    asyncio.run(live(STEPS))
    asyncio.run(live(STEPS[::-1]))
