"""What a status says when not even planning works, with statuses as the reconcilers write them."""

from __future__ import annotations

from certwright.findings import Reason, finding
from certwright.reconcile.confession import confess
from tests.unit.reconcile.conftest import REFERENCED, SHOP, World

PROBLEM = finding(Reason.INTERNAL_ERROR, "This is a defect of certwright; its log says more.")


async def test_confession_is_mended_by_the_next_pass_when_nothing_else_has_changed(world: World) -> None:
    world.upload(SHOP)
    await world.judge(REFERENCED)
    good = world.status
    assert (await world.reconcile()).settled

    write = confess(world.subject, PROBLEM, now=world.clock.now)
    assert write is not None
    await world.cluster.write_status(write)
    assert world.condition("Ready") == ("False", "InternalError")
    assert world.status["served"] == good["served"]
    assert confess(world.subject, PROBLEM, now=world.clock.now) is None

    world.restart()
    assert not (await world.reconcile()).settled
    assert world.status == good


async def test_confession_is_all_there_is_when_an_object_was_never_judged(world: World) -> None:
    await world.judge(REFERENCED)
    world.cluster.put_status(world.subject.key, {})
    write = confess(world.subject, PROBLEM, now=world.clock.now)
    assert write is not None
    assert list(write.status) == ["conditions"]
    assert [each["type"] for each in write.status["conditions"]] == ["Ready", "Stalled"]
