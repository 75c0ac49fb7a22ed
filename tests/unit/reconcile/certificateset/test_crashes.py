"""The process goes before and after every write: whatever was on its way, all namespaces end at one revision."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.support.pki import NOT_AFTER
from tests.support.set_cluster import Crash
from tests.unit.reconcile.certificateset.conftest import (
    API,
    NEXT_API,
    NEXT_PROXY,
    NODES,
    OWNER,
    PROXY,
    SLOTS,
    SYNCER,
    SetWorld,
    from_upload,
)

MOST_WRITES = 120

Story = Callable[[SetWorld], None]


async def deploy(*, syncer: bool = False) -> SetWorld:
    """Deploy proxy and api, and syncer if wished."""
    world = SetWorld()
    world.upload("proxy", PROXY)
    world.upload("api", API)
    world.upload("syncer", SYNCER)
    names = ("proxy", "api", "syncer") if syncer else ("proxy", "api")
    world.wish(certificates=[from_upload(name) for name in names])
    await world.settle()
    assert world.code == 200, world.status
    world.reset()
    return world


def replace_both(world: SetWorld) -> None:
    world.upload("proxy", NEXT_PROXY)
    world.upload("api", NEXT_API)
    world.clock.advance(seconds=6)


def replace_and_move(world: SetWorld) -> None:
    """Replace both, rename one Secret, and remove an optional certificate."""
    renamed = [{**SLOTS[0], "secretName": "front-tls"}, *SLOTS[1:]]
    world.wish(slots=renamed, absent=["syncer"])
    replace_both(world)


def is_quiet(world: SetWorld) -> None:
    """Check that nothing is open, nothing is left over, and every namespace holds one revision."""
    journal = world.journal
    assert journal is not None
    assert journal.phase is Phase.IDLE
    assert world.revisions() == {journal.deployed}
    assert world.status.get("deployedRevision") == journal.deployed
    assert world.subject.finalizers == ()
    slots = len(journal.contents_of(journal.deployed))
    assert world.kept() == ["Journal", *["Payload"] * slots]
    assert len(world.targets()) == slots * len(NODES)


async def crash_everywhere(prepare: Callable[[], object], story: Story, *, new_term: bool, check: Story) -> int:
    """Tell a story once for each write and each side of it, with the process gone there, and give their number."""
    for number in range(MOST_WRITES):
        for side in ("before", "after"):
            world = await prepare()  # type: ignore[misc]
            story(world)
            world.cluster.mishaps.crash_at = (number, side)
            try:
                await world.settle(minutes=0.5)
            except Crash:
                await bury(world)
                world.restart(new_term=new_term)
                await world.settle(minutes=0.5)
            else:
                return number
            check(world)
    raise AssertionError("the story does not end")


async def bury(world: SetWorld) -> None:
    """Let the tasks of the process that is gone end, without a request of theirs arriving."""
    for _ in range(200):
        await asyncio.sleep(0)
    world.cluster.mishaps.crash_at, world.cluster.mishaps.dead = None, False


@pytest.mark.parametrize("new_term", [False, True])
async def test_commit_ends_at_the_new_revision_when_the_process_goes_anywhere(*, new_term: bool) -> None:
    def check(world: SetWorld) -> None:
        is_quiet(world)
        assert world.target(NODES[0], "proxy-tls").data["tls.crt"] == NEXT_PROXY.chain_pem.encode()  # type: ignore[union-attr]
        assert world.code == 200

    assert await crash_everywhere(deploy, replace_both, new_term=new_term, check=check) > 12


async def test_commit_that_deletes_ends_when_the_process_goes_anywhere() -> None:
    async def prepare() -> SetWorld:
        return await deploy(syncer=True)

    def check(world: SetWorld) -> None:
        is_quiet(world)
        assert {name for _, name in world.targets()} == {"front-tls", "api-tls"}

    assert await crash_everywhere(prepare, replace_and_move, new_term=True, check=check) > 20


@pytest.mark.parametrize("new_term", [False, True])
async def test_rollback_leaves_everything_as_it_was_when_the_process_goes_anywhere(*, new_term: bool) -> None:
    """One namespace has no room for a third Secret; in another, one is somebody else's and may be written."""
    foreign = ObjectKey(Kind.SECRET, NODES[1], "syncer-tls")
    before: dict[str, object] = {}

    async def prepare() -> SetWorld:
        world = await deploy()
        world.cluster.put_secret(
            "syncer-tls",
            {"tls.crt": "theirs", "tls.key": "theirs", "more": "theirs"},
            type="kubernetes.io/tls",
            namespace=NODES[1],
            annotations={"certwright.io/allow-write": OWNER, "theirs": "stays"},
            labels={"theirs": "stays"},
        )
        before.update(contents=copy.deepcopy(world.contents()), foreign=world.cluster.objects[foreign])
        return world

    def story(world: SetWorld) -> None:
        world.upload("proxy", NEXT_PROXY)
        world.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
        world.clock.advance(seconds=6)
        world.cluster.mishaps.quotas[NODES[2]] = 2

    def check(world: SetWorld) -> None:
        journal = world.journal
        assert journal is not None
        assert journal.phase is Phase.IDLE
        assert world.contents() == before["contents"]
        assert world.code == 409
        assert world.condition("Ready") == ("False", "StoreFailed")
        assert world.status["failedRevision"] == world.status["revision"] != world.status["deployedRevision"]
        theirs, now = before["foreign"], world.cluster.objects[foreign]
        assert now.labels == theirs.labels  # type: ignore[attr-defined]
        assert now.annotations["theirs"] == "stays"
        assert "certwright.io/owner" not in now.annotations
        assert REVISION_ANNOTATION not in now.annotations
        assert world.kept() == ["Journal", "Payload", "Payload"]
        assert world.subject.finalizers == ()

    assert await crash_everywhere(prepare, story, new_term=new_term, check=check) > 20


async def test_commit_ends_when_every_race_is_lost_once() -> None:
    """Somebody changes labels of each target just before it is written."""
    world = await deploy()
    touched: set[ObjectKey] = set()

    def touch(_: int, verb: str, key: ObjectKey) -> None:
        if key.namespace in NODES and key in world.cluster.objects and (key not in touched) and verb == "content":
            touched.add(key)
            world.cluster.change(key, labels={**world.cluster.objects[key].labels, "touched": "yes"})

    world.cluster.mishaps.before = touch
    replace_both(world)
    await world.settle(minutes=0.5)
    world.cluster.mishaps.before = None

    is_quiet(world)
    assert len(touched) == 6
    assert all(each.labels["touched"] == "yes" for each in world.targets().values())


async def test_first_commit_leaves_nothing_when_the_process_goes_anywhere_and_a_quota_refuses() -> None:
    async def prepare() -> SetWorld:
        world = SetWorld()
        world.upload("proxy", PROXY)
        world.upload("api", API)
        world.wish()
        world.clock.advance(seconds=6)
        return world

    def story(world: SetWorld) -> None:
        world.cluster.mishaps.quotas[NODES[1]] = 1

    def check(world: SetWorld) -> None:
        assert world.targets() == {}
        assert world.code == 409
        assert world.kept() == ["Journal"]

    assert await crash_everywhere(prepare, story, new_term=True, check=check) > 12


async def test_rollback_waits_and_ends_when_rights_are_withdrawn_and_given_back() -> None:
    world = await deploy()
    before = copy.deepcopy(world.contents())
    replace_both(world)

    def withdraw(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[1]:
            world.cluster.mishaps.forbidden.update(NODES)

    world.cluster.mishaps.before = withdraw
    await world.settle(minutes=1, passes=200)

    assert world.journal is not None
    assert world.journal.phase is Phase.ROLLING_BACK
    assert world.condition("Deployed") == ("False", "StoreFailed")
    assert world.condition("Stalled") == ("True", "StoreFailed")
    assert world.code == 409

    world.reset()
    await world.settle()

    assert world.contents() == before
    assert world.journal.phase is Phase.IDLE
    world.clock.advance(minutes=2)
    await world.settle()
    is_quiet(world)
    assert world.code == 200


async def test_namespace_is_left_out_when_it_is_deleted_during_the_commit() -> None:
    world = await deploy()
    replace_both(world)

    def delete(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace in NODES and NODES[2] in world.cluster.namespaces:
            world.cluster.delete_namespace(NODES[2])

    world.cluster.mishaps.before = delete
    await world.settle(minutes=0.5)
    await world.settle()  # the end of a namespace wakes those who ask for all of them

    assert world.journal is not None
    assert world.journal.phase is Phase.IDLE
    assert world.journal.deployed == world.status["revision"]
    assert {namespace for namespace, _ in world.targets()} == set(NODES[:2])
    assert world.code == 409
    rows = {row["name"]: row.get("updated", False) for row in world.status["namespaces"]}
    assert rows == {NODES[0]: True, NODES[1]: True, NODES[2]: False}


async def test_transient_failures_are_waited_for_when_they_pass_within_a_minute() -> None:
    world = await deploy()
    replace_both(world)
    key = ObjectKey(Kind.SECRET, NODES[1], "api-tls")
    world.cluster.fail("content", key, *[FailureCause.THROTTLED] * 3)
    await world.settle(minutes=0.5)
    is_quiet(world)
    assert world.status["deployedRevision"] == world.status["revision"]


async def test_transient_failures_undo_the_commit_when_they_last_a_minute() -> None:
    world = await deploy()
    before = copy.deepcopy(world.contents())
    replace_both(world)
    key = ObjectKey(Kind.SECRET, NODES[1], "api-tls")
    world.cluster.fail("content", key, *[FailureCause.THROTTLED] * 80)
    await world.settle(minutes=1.3, passes=200)
    assert world.contents() == before
    assert world.code == 409


async def stop_everywhere(prepare: Callable[[], object], story: Story, check: Story) -> int:
    """Stop the leader with each write built and unsent, let another one take over and finish, and let it go on."""
    for number in range(MOST_WRITES):
        world: SetWorld = await prepare()  # type: ignore[misc]
        story(world)
        mishaps = world.cluster.mishaps
        stopped: list[int] = []

        async def stop(now: int, verb: str, key: ObjectKey) -> None:
            del verb, key
            if now == number and not stopped:  # noqa: B023 - it is done with before the next turn
                stopped.append(now)  # noqa: B023
                world.restart(new_term=True)  # noqa: B023
                await world.settle(minutes=0.5)  # noqa: B023

        mishaps.before, mishaps.crash_at = stop, (number, "after")
        try:
            await world.settle(minutes=0.5)
        except Crash:
            await bury(world)
        else:
            return number
        mishaps.before = None
        # What comes too late is an event, which starts a pass.
        await world.reconcile(full=True)
        await world.settle(minutes=0.5)
        check(world)
    raise AssertionError("the story does not end")


async def test_commit_ends_at_the_new_revision_when_a_stopped_leader_goes_on() -> None:
    def check(world: SetWorld) -> None:
        is_quiet(world)
        assert world.code == 200

    assert await stop_everywhere(deploy, replace_both, check) > 12


async def test_commit_that_deletes_ends_when_a_stopped_leader_goes_on() -> None:
    async def prepare() -> SetWorld:
        return await deploy(syncer=True)

    def check(world: SetWorld) -> None:
        is_quiet(world)
        assert {name for _, name in world.targets()} == {"front-tls", "api-tls"}

    assert await stop_everywhere(prepare, replace_and_move, check) > 20


async def test_rollback_leaves_everything_as_it_was_when_a_stopped_leader_goes_on() -> None:
    before: dict[str, object] = {}

    async def prepare() -> SetWorld:
        world = await deploy()
        before["contents"] = copy.deepcopy(world.contents())
        return world

    def story(world: SetWorld) -> None:
        world.upload("proxy", NEXT_PROXY)
        world.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
        world.clock.advance(seconds=6)
        world.cluster.mishaps.quotas[NODES[2]] = 2

    def check(world: SetWorld) -> None:
        assert world.contents() == before["contents"]
        assert world.journal is not None
        assert world.journal.phase is Phase.IDLE
        assert world.code == 409

    assert await stop_everywhere(prepare, story, check) > 12


# ---- what is lost or changed while a commit, or its undoing, is open


async def stuck(world: SetWorld, *, adopt: bool = False) -> None:
    """Have a commit undone, and the undoing stuck for want of rights."""
    if adopt:
        world.cluster.put_secret(
            "syncer-tls",
            {"theirs": "x", "certwright-metadata": "x"},
            namespace=NODES[0],
            annotations={"certwright.io/allow-write": OWNER},
        )
    world.upload("proxy", NEXT_PROXY)
    world.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
    world.clock.advance(seconds=6)

    def withdraw(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[1]:
            world.cluster.mishaps.forbidden.update(NODES)

    world.cluster.mishaps.before = withdraw
    await world.settle(minutes=0.2, passes=80)
    assert world.journal is not None
    assert world.journal.phase is Phase.ROLLING_BACK
    world.reset()


async def test_adopted_secret_is_put_back_when_a_name_in_it_is_ours() -> None:
    world = await deploy()
    await stuck(world, adopt=True)
    await world.settle(minutes=0.2)
    target = world.target(NODES[0], "syncer-tls")
    assert target is not None
    assert dict(target.data) == {"theirs": b"x", "certwright-metadata": b"x"}
    assert world.code == 409


@pytest.mark.parametrize("good", [True, False])
async def test_lost_backup_is_said_or_passed_over_when_there_is_a_way_forward(*, good: bool) -> None:
    world = await deploy()
    await stuck(world, adopt=True)
    backups = [k for k, each in world.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == "Backup"]
    assert len(backups) == 1
    world.cluster.remove(backups[0])
    if not good:
        world.upload("proxy", NEXT_PROXY, key=API)
    await world.settle(minutes=3, passes=80)
    assert world.journal is not None
    if good:
        assert (world.code, world.journal.phase) == (200, Phase.IDLE)
    else:
        assert "JournalLost" in {each["reason"] for each in world.status["findings"]}
        assert world.journal.phase is Phase.ROLLING_BACK


async def test_backup_that_cannot_be_read_counts_as_lost() -> None:
    world = await deploy()
    await stuck(world, adopt=True)
    backups = [k for k, each in world.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == "Backup"]
    world.cluster.change(backups[0], data={"theirs": b"x"})
    world.upload("proxy", NEXT_PROXY, key=API)
    await world.settle(minutes=1, passes=80)
    assert "JournalLost" in {each["reason"] for each in world.status["findings"]}


@pytest.mark.parametrize("how", ["changed", "deleted", "appeared", "node"])
async def test_hands_in_a_commit_undo_it_when_a_place_is_somebody_elses(how: str) -> None:
    """An adopted Secret that its owner changes or deletes, and one that appears."""
    world = await deploy()
    foreign = ObjectKey(Kind.SECRET, NODES[2], "syncer-tls")
    if how != "appeared":
        world.cluster.put_secret(
            "syncer-tls", {"theirs": "x"}, namespace=NODES[2], annotations={"certwright.io/allow-write": OWNER}
        )
    world.wish(certificates=[from_upload(name) for name in ("proxy", "api", "syncer")])
    world.clock.advance(seconds=6)
    done: list[str] = []

    def meddle(_: int, verb: str, key: ObjectKey) -> None:
        if verb != "content" or key.namespace != NODES[0] or done:
            return
        done.append(how)
        match how:
            case "changed":
                world.cluster.change(foreign, data={"theirs": b"changed"})
            case "deleted":
                world.cluster.remove(foreign)
            case "appeared":
                world.cluster.put_secret("syncer-tls", {"theirs": "x"}, namespace=NODES[2])
            case "node":
                world.cluster.delete_namespace(NODES[2])
                world.cluster.put_namespace(NODES[2])

    world.cluster.mishaps.before = meddle
    await world.settle(minutes=0.5, passes=80)
    world.reset()
    await world.settle(minutes=0.5)
    check_after_hands(world, world.cluster.objects.get(foreign), how)


def check_after_hands(world: SetWorld, target: Observed | None, how: str) -> None:
    match how:
        case "changed":
            assert target is not None
            assert dict(target.data) == {"theirs": b"changed"}
            assert (world.code, world.target(NODES[0], "syncer-tls")) == (409, None)
        case "deleted":
            assert (world.code, target) == (409, None)
        case "appeared":
            assert target is not None
            assert (world.code, dict(target.data)) == (409, {"theirs": b"x"})
        case "node":
            assert (world.code, len(world.targets())) == (200, 9)


async def test_open_commit_is_undone_when_a_new_leader_finds_its_content_gone_or_expired() -> None:
    for how in ("gone", "expired"):
        world = await deploy()
        before = copy.deepcopy(world.contents())
        replace_both(world)
        key = ObjectKey(Kind.SECRET, NODES[1], "api-tls")
        world.cluster.fail("content", key, *[FailureCause.THROTTLED] * 5)
        await world.reconcile()
        journal = world.journal
        assert journal is not None
        assert journal.phase is Phase.COMMITTING
        world.upload("proxy", PROXY, key=API)
        if how == "gone":
            for each in [k for k, o in world.cluster.objects.items() if KEPT_ANNOTATION in o.annotations]:
                if world.cluster.objects[each].annotations.get(REVISION_ANNOTATION) == journal.target:
                    world.cluster.remove(each)
        else:
            world.clock.now = NOT_AFTER
        world.restart(new_term=True)
        await world.settle(minutes=0.2, passes=80)
        assert world.contents() == before
        assert world.journal is not None
        assert world.journal.phase is Phase.IDLE


async def test_set_is_let_go_after_its_commit_was_undone_when_it_is_deleted_with_one_open() -> None:
    world = await deploy()
    before = copy.deepcopy(world.contents())
    replace_both(world)
    key = ObjectKey(Kind.SECRET, NODES[1], "api-tls")
    world.cluster.fail("content", key, *[FailureCause.THROTTLED] * 3)
    await world.reconcile()
    world.cluster.delete_subject(world.key)
    assert world.subject.deleting
    await world.settle()
    assert world.key not in world.cluster.subjects
    assert world.contents() == before
    assert [k for k, each in world.cluster.objects.items() if KEPT_ANNOTATION in each.annotations] == []


async def test_what_cannot_be_kept_refuses_the_set_before_anything_is_touched() -> None:
    world = await deploy()
    before = copy.deepcopy(world.contents())
    replace_both(world)
    world.cluster.mishaps.forbidden.add("certwright-system")
    await world.settle(minutes=0.2, passes=40)
    assert (world.code, world.contents()) == (409, before)
    world.reset()
    await world.settle()
    is_quiet(world)
