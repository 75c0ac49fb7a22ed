"""The laws, over any history of uploads, wishes, drift, failures and time.

Planned again after success, nothing is planned. What is refused never reaches a target. What is not ours is never
touched. A restart changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import OWNER_ANNOTATION
from tests.support.memory_cluster import NAMESPACE
from tests.support.pki import PKI
from tests.unit.reconcile.conftest import ISSUING, NEXT, SHOP, TARGET, World, secret_key

OWNER = "ImportedCertificate/shop"
FOREIGN = secret_key("foreign-tls")
THIRD = ISSUING.issue_leaf("shop.example.com")
STRANGER = PKI().root("Other CA")
LONE = PKI().self_signed("shop.example.com")
GOOD = {each.pem for each in (SHOP, NEXT, LONE)}

Step = Callable[[World], Awaitable[object] | None]
P12 = {"type": "PKCS12", "key": "store.p12", "passwordRef": {"name": "password"}}


def wish(**changes: Any) -> Step:
    def step(world: World) -> None:
        world.wish({"certificateRef": {"name": "upload"}, "targets": [{"secretName": "shop-tls"}], **changes})

    return step


def drift(**changes: Any) -> Step:
    def step(world: World) -> None:
        if TARGET in world.cluster.objects:
            world.cluster.change(TARGET, **changes)

    return step


def drop(name: str) -> Step:
    def step(world: World) -> None:
        if secret_key(name) in world.cluster.objects:
            world.cluster.remove(secret_key(name))

    return step


def fail(verb: str, name: str, *causes: FailureCause | None) -> Step:
    return lambda world: world.cluster.fail(verb, secret_key(name), *causes)


def advance(**delta: float) -> Step:
    return lambda world: world.clock.advance(**delta)


def password(text: str) -> Step:
    def step(world: World) -> None:
        world.cluster.put_secret("password", {"password": text})

    return step


def doubt(world: World) -> None:
    world.clock.is_doubted = not world.clock.is_doubted


def workload(**status: int) -> Step:
    def step(world: World) -> None:
        full = {"observedGeneration": 999, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status}
        before = world.cluster.objects.get(ObjectKey(Kind.DEPLOYMENT, NAMESPACE, "shop"))
        spec = dict(before.manifest["spec"]) if before else {"replicas": 1}
        world.cluster.put_workload(Kind.DEPLOYMENT, "shop", spec=spec, status=full)

    return step


REFRESH = [{"kind": "Deployment", "name": "shop"}]
STEPS: list[Step] = [
    lambda world: world.upload(SHOP),
    lambda world: world.upload(NEXT),
    lambda world: void(
        world.cluster.put_secret("upload", {"tls.crt": THIRD.pem + STRANGER.pem, "tls.key": THIRD.key_pem})
    ),
    lambda world: world.upload(LONE),
    lambda world: world.upload(SHOP, key=NEXT),
    drop("upload"),
    wish(),
    wish(targets=[]),
    wish(targets=[{"secretName": "shop-tls"}, {"secretName": "other-tls"}]),
    wish(targets=[{"secretName": "shop-tls", "formats": [P12]}]),
    wish(targets=[{"secretName": "shop-tls", "refresh": REFRESH}]),
    wish(targets=[{"secretName": "shop-tls", "entityType": "ROUTER"}]),
    wish(targets=[{"secretName": "foreign-tls"}, {"secretName": "other-tls"}]),
    wish(deletionPolicy="Delete"),
    wish(dnsNames=["absent.example.com"]),
    wish(certificateRef={"name": "shop-tls"}, targets=[]),
    lambda world: void(world.wish({"targets": [{"secretName": "shop-tls"}]})),
    drift(data={}),
    drift(labels={}),
    drift(annotations={"example.com/note": "hi"}),
    drift(deleting=True),
    drift(immutable=True),
    drop("shop-tls"),
    drop("other-tls"),
    password("one"),
    password("two"),
    drop("password"),
    fail("apply", "shop-tls", FailureCause.UNAVAILABLE),
    fail("apply", "shop-tls", FailureCause.CONFLICT, None),
    fail("apply", "other-tls", FailureCause.FORBIDDEN),
    fail("read", "upload", FailureCause.TIMEOUT),
    fail("read", "shop-tls", FailureCause.TIMEOUT),
    fail("release", "other-tls", FailureCause.UNAVAILABLE),
    advance(seconds=30),
    advance(minutes=11),
    advance(days=150),
    advance(days=400),
    workload(),
    workload(updatedReplicas=0),
    doubt,
]


def void(_: object) -> None:
    return None


def stored_certificates(world: World) -> set[str]:
    texts = [
        world.cluster.objects[secret_key(name)].data.get("tls.crt", b"").decode()
        for name in ("shop-tls", "other-tls")
        if secret_key(name) in world.cluster.objects
        and world.cluster.objects[secret_key(name)].annotations.get(OWNER_ANNOTATION) == OWNER
    ]
    ends = "-----END CERTIFICATE-----\n"
    return {text.split(ends)[0] + ends for text in texts if text}


async def live(steps: list[Step], make: Callable[[], World] = World) -> None:
    world = make()
    world.cluster.put_secret("foreign-tls", {"tls.crt": "theirs", "tls.key": "theirs"})
    foreign = world.cluster.objects[FOREIGN]
    wish()(world)
    for step in steps:
        if (doing := step(world)) is not None:
            await doing
        await world.reconcile()
        assert len(json.dumps(world.status)) < 64 * 1024
        assert world.cluster.objects[FOREIGN] == foreign
        assert stored_certificates(world) <= GOOD
        ready = dict(world.condition_map())
        assert "Ready" in ready
        assert ("Reconciling" in ready) + ("Stalled" in ready) == (ready["Ready"] != "True")
        # Failures were injected for one pass; the next one succeeds, and from then on nothing is planned.
        world.cluster.answers.clear()
        await world.reconcile(full=True)
        status, objects = world.status, dict(world.cluster.objects)
        for _ in range(2):
            await world.reconcile(full=True)
            assert world.cluster.writes == 0, (step, dict(world.cluster.calls))
        world.restart()
        await world.reconcile()
        assert world.cluster.writes == 0
        assert (world.status, world.cluster.objects) == (status, objects)


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_laws_hold_when_anything_happens(steps: list[Step]) -> None:
    asyncio.run(live(steps))


def test_laws_hold_when_every_step_happens_once() -> None:
    asyncio.run(live(STEPS))
    asyncio.run(live(STEPS[::-1]))
