"""A commit in memory: what is written, in which order, and what is left afterwards."""

from __future__ import annotations

from tests.unit.reconcile.certificateset.conftest import API, NODES, PROXY, SetWorld


async def test_set_is_deployed_everywhere_when_all_is_valid(world: SetWorld) -> None:
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.wish()

    await world.settle()

    assert world.code == 200, world.status
    assert world.condition("Ready") == ("True", "Valid")
    assert set(world.targets()) == {(node, name) for node in NODES for name in ("proxy-tls", "api-tls")}
    assert world.revisions() == {world.status["deployedRevision"]}
    assert world.status["revision"] == world.status["deployedRevision"]
    assert world.status["updatedNamespaces"] == "3/3"
    assert world.kept() == ["Journal", "Payload", "Payload"]
    assert world.subject.finalizers == ()


async def test_nothing_is_written_when_nothing_changed(deployed: SetWorld) -> None:
    deployed.restart()
    result = await deployed.reconcile()
    assert result.settled
    await deployed.reconcile(full=True)
    assert deployed.cluster.mishaps.writes == 0
