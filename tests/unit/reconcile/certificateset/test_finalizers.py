"""Secrets that their finalizers keep when they are deleted: with their keys they are not gone."""

from __future__ import annotations

from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.objects import Kind, ObjectKey
from tests.unit.reconcile.certificateset.conftest import API, NODES, PROXY, SYNCER, SetWorld, from_upload

KEPT = ObjectKey(Kind.SECRET, NODES[0], "syncer-tls")


async def deploy(*names: str) -> SetWorld:
    world = SetWorld()
    for name, entity in (("proxy", PROXY), ("api", API), ("syncer", SYNCER)):
        world.upload(name, entity)
    world.wish(certificates=[from_upload(name) for name in names])
    await world.settle()
    assert world.code == 200, world.status
    world.reset()
    world.cluster.mishaps.kept.add(KEPT)
    return world


def let_go(world: SetWorld) -> None:
    """Have the owner of the finalizers finish."""
    world.cluster.mishaps.kept.clear()
    world.cluster.remove(KEPT)


async def test_removal_is_500_and_ends_later_when_finalizers_keep_a_secret() -> None:
    world = await deploy("proxy", "api", "syncer")

    world.wish(certificates=[from_upload("proxy"), from_upload("api")], absent=["syncer"])
    world.clock.advance(seconds=6)
    await world.settle(minutes=0.1)

    assert (world.code, world.codes()["syncer"]) == (500, 500)
    assert world.condition("Stalled") == ("True", "StoreFailed")
    assert "finalizers keep it" in world.status["detailedError"]
    assert set(world.targets()) & {(node, "syncer-tls") for node in NODES} == {(NODES[0], "syncer-tls")}
    let_go(world)
    await world.settle(minutes=0.5)
    assert (world.code, world.condition("Ready")) == (200, ("True", "Valid"))


async def test_rollback_waits_when_finalizers_keep_what_it_takes_away() -> None:
    world = await deploy("proxy", "api")

    world.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
    world.cluster.mishaps.quotas[NODES[2]] = 2
    world.clock.advance(seconds=6)
    await world.settle(minutes=0.1)

    assert world.journal is not None
    assert world.journal.phase is Phase.ROLLING_BACK
    assert "finalizers keep it" in world.status["detailedError"]
    let_go(world)
    await world.settle(minutes=0.5)
    assert world.journal.phase is Phase.IDLE
    assert (world.code, world.targets().keys()) == (
        409,
        {(node, f"{name}-tls") for node in NODES for name in ("proxy", "api")},
    )
