"""What a pass over a PrivateKey may believe of a status that was restored or could not be written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from certwright.findings import FailureCause, Reason, finding
from certwright.reconcile.objects import Failure, Kind, ObjectKey, Snapshot
from certwright.reconcile.privatekey.reconciler import PrivateKeys
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE
from tests.support.worlds import MemoryWorld
from tests.support.worlds.manifests import private_key

NAME = "shop-key"
SECRET = ObjectKey(Kind.SECRET, NAMESPACE, NAME)
OWNER = ObjectKey(Kind.PRIVATE_KEY, NAMESPACE, NAME)


@pytest.fixture
async def world() -> MemoryWorld:
    """Give a world in which a key was made."""
    world = MemoryWorld()
    await world.apply(private_key(NAME))
    await world.rest()
    return world


@pytest.mark.parametrize("inputs", [[], [{"kind": "Secret", "name": "other", "uid": "1", "resourceVersion": "1"}]])
async def test_secret_is_looked_at_again_when_the_status_does_not_say_what_was_read(
    world: MemoryWorld, inputs: list[dict[str, Any]]
) -> None:
    """A backup was restored, status and all."""
    good, key = dict(world.cluster.subjects[OWNER].status), world.cluster.objects[SECRET]
    world.cluster.put_status(OWNER, {**good, "record": {**good["record"], "inputs": inputs}})
    await world.restart()
    world.cluster.forget_calls()
    await world.rest()
    assert world.cluster.reads == [SECRET]
    assert world.cluster.subjects[OWNER].status == good
    assert world.cluster.objects[SECRET] == key


async def test_no_status_is_written_when_the_api_server_did_not_take_the_last_one(world: MemoryWorld) -> None:
    """A smaller one would fare no better; the next pass tries the whole one."""
    reconciler = PrivateKeys(Settings())
    subject = world.cluster.subjects[OWNER]
    snapshot = Snapshot(subject, world.now, "rules", {SECRET: world.cluster.objects[SECRET]})
    judgement = reconciler.refuse(snapshot, finding(Reason.INTERNAL_ERROR, "A defect."))
    refused = replace(snapshot, failures={OWNER: Failure(FailureCause.TOO_LARGE, "refused", 413)})
    down = replace(snapshot, failures={OWNER: Failure(FailureCause.UNAVAILABLE, "down", 503)})
    assert [len(reconciler.plan(judgement, each).stages) for each in (snapshot, refused, down)] == [1, 1, 0]
