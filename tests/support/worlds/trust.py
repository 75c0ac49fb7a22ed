"""What stories about decisions and stores look at, and do again and again."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tests.support.pki import Entity
from tests.support.worlds.report import Report
from tests.support.worlds.world import Until, World, anything

DECISION, STORE, CLUSTER_STORE = "TrustDecision", "TrustStore", "ClusterTrustStore"
TRUST_SOURCE = {"certwright.io/trust-source": "true"}
"""What a namespace is labelled with to decide for the cluster."""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n(.*?)-----END CERTIFICATE-----\n", re.DOTALL)


def stamp(at: datetime) -> str:
    """Write an instant as statuses do."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_ready(report: Report) -> bool:
    return report.condition("Ready") == ("True", "Valid")


def deploy_status(report: Report) -> str | None:
    """Give source 3's word for where the CA is."""
    return report.status.get("deployStatus")


def pending_id(report: Report) -> str | None:
    """Give the id of the change that waits."""
    return (report.status.get("pending") or {}).get("id")


def certificates(text: bytes) -> list[bytes]:
    """Give the certificates of a bundle, in its order."""
    return [b64decode(body) for body in _BLOCK.findall(text.decode())]


def bundle_of(*entities: Entity) -> list[bytes]:
    """Give the certificates of a bundle that is to hold these CAs."""
    return [each.der for each in sorted(entities, key=lambda each: each.certificate.fingerprint)]


async def read_bundle(world: World, name: str = "bundle", *, namespace: str | None = None) -> list[bytes] | None:
    """Give the certificates that a target holds; `None` when there is no such target."""
    found = await world.read("ConfigMap", name, namespace=namespace)
    return certificates(found.data["ca.crt"]) if found is not None else None


async def see_bundle(world: World, *entities: Entity, name: str = "bundle", namespace: str | None = None) -> None:
    """Wait until a target holds exactly these CAs."""

    async def holds() -> bool:
        return await read_bundle(world, name, namespace=namespace) == bundle_of(*entities)

    await world.wait(holds, f"the bundle {name} with {[each.certificate.label for each in entities]}")


async def see_decision(
    world: World, name: str, wanted: str | None, until: Until = anything, *, namespace: str | None = None
) -> Report:
    """Wait until a decision is at that place, and give what it says."""

    def is_there(report: Report) -> bool:
        return deploy_status(report) == wanted and until(report)

    return await world.settle(name, is_there, kind=DECISION, namespace=namespace)


async def see_store(world: World, until: Until = anything, *, name: str = "corporate", kind: str = STORE) -> Report:
    """Wait until a store stands as wanted, and give what it says."""
    return await world.settle(name, until, kind=kind)


async def approve(world: World, *, name: str = "corporate", kind: str = STORE) -> str:
    """Approve the change that waits, once there is one and nothing is on its way to it, and give its id."""
    await world.rest()
    waiting = pending_id(await see_store(world, lambda report: pending_id(report) is not None, name=name, kind=kind))
    assert waiting is not None
    await give_approval(world, waiting, name=name, kind=kind)
    return waiting


async def give_approval(world: World, change: str, *, name: str = "corporate", kind: str = STORE) -> None:
    """Write an approval, of whatever it is."""
    await world.patch(kind, name, {"spec": {"deployment": {"approved": change}}})


async def is_gone(world: World, kind: str, name: str, *, namespace: str | None = None) -> bool:
    """Say whether one of our objects is there no more."""
    return await world.find(name, kind=kind, namespace=namespace) is None


async def see_event(world: World, name: str, reason: str, *, kind: str, namespace: str | None = None) -> str:
    """Wait until something was told of an object, and give the words."""

    async def told() -> str | None:
        events = await world.events(name, kind=kind, namespace=namespace)
        return next((each.note for each in events if each.reason == reason), None)

    note = await world.wait(told, f"the event {reason} about {name}")
    assert note is not None
    return note


def named(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the names of the CAs of a list of changes, sorted."""
    return sorted(each["name"] for each in changes)
