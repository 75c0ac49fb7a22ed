"""The laws of ImportedCertificates when stores and revocation lists change too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind
from tests.support.memory_cluster import START
from tests.support.pki import PKI
from tests.unit.reconcile.conftest import ISSUING, ROOT, SHOP, World
from tests.unit.reconcile.test_law import STEPS, Step, live, wish
from tests.unit.reconcile.trusting import CLUSTER_STORE, STORE, TRUST, TrustingWorld, trusted

OTHER = PKI().root("Other Root")
RENEWED = PKI().root("Corp Root", key=ROOT.key, not_before=START - timedelta(days=1))
CROSSED = OTHER.issue_ca("Corp Root", key=ROOT.key)
LISTED = {"this_update": START - timedelta(days=1), "next_update": START + timedelta(days=90)}


def deploy(*cas: Any, kind: Kind = Kind.TRUST_STORE, **spec: Any) -> Step:
    return _with(lambda world: world.deploy(*cas, kind=kind, **spec))


def offer(*revoked: Any, number: int, namespace: str = "shop") -> Step:
    crl = ISSUING.crl(revoked, number=number, **LISTED)
    return _with(lambda world: world.offer(crl, namespace=namespace))


def drop(kind: Kind) -> Step:
    return _with(lambda world: world.drop_store(kind))


def lose(*causes: FailureCause) -> Step:
    """Delete the records of all stores, or have reading them fail."""

    def step(world: TrustingWorld) -> None:
        for key in [each for each in world.cluster.objects if each.name.startswith("store-")]:
            if causes:
                world.restart()
                world.cluster.fail("read", key, *causes)
            else:
                world.cluster.remove(key)

    return _with(step)


def _with(step: Callable[[TrustingWorld], Awaitable[object] | None]) -> Step:
    def typed(world: World) -> Awaitable[object] | None:
        assert isinstance(world, TrustingWorld)
        return step(world)

    return typed


CLUSTER = Kind.CLUSTER_TRUST_STORE
TRUST_STEPS: list[Step] = [
    wish(trust=STORE),
    wish(trust={**STORE, "revocation": "Off"}),
    wish(trust=CLUSTER_STORE),
    wish(trust={**CLUSTER_STORE, "revocation": "Require"}, targets=[]),
    wish(trust={"revocation": "Prefer"}),
    deploy(ROOT),
    deploy(ROOT, revocation="Prefer"),
    deploy(OTHER),
    deploy(RENEWED, trusted(ISSUING, role="intermediateCA")),
    deploy(trusted(ROOT, trust_until=START + timedelta(days=100)), OTHER, trusted(CROSSED, role="intermediateCA")),
    deploy(trusted(ROOT, distrusted=True)),
    deploy(),
    deploy(ROOT, kind=CLUSTER, revocation="Prefer"),
    deploy(ROOT, kind=CLUSTER, revocation="Require", decisionNamespace="moved"),
    deploy(OTHER, kind=CLUSTER, decisionNamespace=None),
    drop(Kind.TRUST_STORE),
    drop(CLUSTER),
    offer(SHOP, number=2),
    offer(number=3),
    offer(SHOP, number=4, namespace=TRUST),
    offer(number=5, namespace="moved"),
    lose(),
    lose(FailureCause.UNAVAILABLE),
]


@given(st.lists(st.sampled_from(TRUST_STEPS + STEPS), min_size=1, max_size=12))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_laws_hold_when_trust_changes_with_anything_else(steps: list[Step]) -> None:
    asyncio.run(live([wish(trust=STORE), deploy(ROOT), *steps], TrustingWorld))


def test_laws_hold_when_every_step_of_trust_happens_once() -> None:
    for first in (wish(trust=STORE), wish(trust=CLUSTER_STORE)):
        upload: Step = lambda world: world.upload(SHOP)  # noqa: E731 - one of many steps
        asyncio.run(live([first, upload, *TRUST_STEPS], TrustingWorld))
        asyncio.run(live([first, upload, *TRUST_STEPS[::-1]], TrustingWorld))
