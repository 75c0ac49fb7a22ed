"""What people, late writes and a watch that lags may do to a set; most of it was found by the walk."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.certificateset.journal import Phase
from certwright.reconcile.certificateset.kept import journal_key
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import MANAGED_BY, MANAGED_BY_LABEL, OWNER_ANNOTATION
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.unit.reconcile.certificateset.conftest import (
    API,
    NEXT_API,
    NEXT_PROXY,
    NODES,
    OWN,
    OWNER,
    SLOTS,
    SetWorld,
    from_upload,
)
from tests.unit.reconcile.certificateset.test_crashes import deploy, is_quiet, replace_both, stuck

ALL = [from_upload(name) for name in ("proxy", "api", "syncer")]
ALLOWED = {"certwright.io/allow-write": OWNER}


def kept(world: SetWorld, what: str) -> list[ObjectKey]:
    return sorted(k for k, each in world.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == what)


def leave_something(world: SetWorld) -> ObjectKey:
    """Let a payload arrive that a stopped leader created."""
    return world.cluster.put_secret(
        f"set-{world.subject.version.uid}-{'0' * 32}",
        {"tls.key": "x"},
        namespace=OWN,
        labels={MANAGED_BY_LABEL: MANAGED_BY},
        annotations={OWNER_ANNOTATION: OWNER, KEPT_ANNOTATION: "Payload", REVISION_ANNOTATION: "sha256:0"},
    )


def hide_journal(world: SetWorld) -> None:
    """Let the watch not have seen the journal until somebody reads it."""
    cluster, key = world.cluster, journal_key(OWN, world.subject.version.uid)
    known = type(cluster).is_absent
    cluster.is_absent = lambda each: (each == key and key not in cluster.reads) or known(cluster, each)  # type: ignore[method-assign]
    cluster.reads.clear()


# ---- whose a Secret is


@pytest.mark.parametrize("lost", [False, True])
async def test_copy_stays_when_somebody_makes_one_with_all_our_marks(*, lost: bool) -> None:
    world = await deploy()
    source = world.target(NODES[0], "api-tls")
    assert source is not None
    copy = world.cluster.put_secret(
        "copy", source.data, namespace=NODES[0], annotations=source.annotations, labels=source.labels
    )
    if lost:
        world.cluster.remove(kept(world, "Journal")[0])
        replace_both(world)
    await world.settle(minutes=0.5)
    now = world.cluster.objects[copy]
    assert dict(now.data) == dict(source.data)
    assert OWNER_ANNOTATION not in now.annotations


async def test_adopted_secret_is_given_back_and_not_deleted_when_its_slot_is_emptied() -> None:
    world = await deploy()
    world.cluster.put_secret("syncer-tls", {"theirs": "x"}, namespace=NODES[0], annotations=ALLOWED)
    world.wish(certificates=ALL)
    await world.settle(minutes=0.5)
    assert world.code == 200
    world.wish(absent=["syncer"])
    await world.settle(minutes=0.5)
    assert world.code == 200
    target = world.target(NODES[0], "syncer-tls")
    assert target is not None
    assert target.data["theirs"] == b"x"
    assert OWNER_ANNOTATION not in target.annotations
    assert world.target(NODES[1], "syncer-tls") is None


async def test_adopted_secret_is_put_back_when_its_namespace_leaves_during_the_rollback() -> None:
    world = await deploy()
    await stuck(world, adopt=True)
    world.wish(certificates=ALL, namespaces=list(NODES[1:]))
    await world.settle(minutes=0.5)
    target = world.target(NODES[0], "syncer-tls")
    assert target is not None
    assert dict(target.data) == {"theirs": b"x", "certwright-metadata": b"x"}
    assert OWNER_ANNOTATION not in target.annotations


async def test_rollback_waits_for_no_namespace_that_left() -> None:
    world = await deploy()
    await stuck(world)
    world.cluster.mishaps.forbidden.add(NODES[0])
    world.wish(certificates=ALL, namespaces=list(NODES[1:]))
    await world.settle(minutes=0.5, passes=80)
    assert world.journal is not None
    assert world.journal.phase is Phase.IDLE


async def test_everything_stays_when_writing_anew_after_a_lost_journal_is_undone() -> None:
    world = await deploy()
    before = world.contents()
    world.cluster.remove(journal_key(OWN, world.subject.version.uid))
    world.cluster.remove(ObjectKey(Kind.SECRET, NODES[0], "api-tls"))
    world.reset()
    world.cluster.mishaps.quotas[NODES[0]] = 1
    await world.settle(minutes=0.5, passes=80)
    assert world.journal is not None
    assert world.journal.phase is Phase.IDLE
    assert world.journal.failed is not None
    assert world.contents() == {place: each for place, each in before.items() if place != (NODES[0], "api-tls")}
    world.reset()
    world.cluster.mishaps.quotas.clear()
    await world.settle(minutes=2)
    assert world.contents() == before
    assert world.code == HTTPStatus.OK


# ---- slots and their Secrets


async def test_slot_follows_another_when_it_is_renamed_and_keeps_the_secret() -> None:
    world = await deploy()
    world.upload("front", NEXT_PROXY)
    world.wish(slots=[{**SLOTS[0], "name": "front"}, *SLOTS[1:]], certificates=[from_upload("front"), ALL[1]])
    world.clock.advance(seconds=6)
    await world.settle(minutes=0.5)
    is_quiet(world)
    assert world.journal is not None
    assert world.journal.contents_of(world.journal.deployed) == {"front": "proxy-tls", "api": "api-tls"}
    world.reset()
    await world.reconcile(full=True)
    assert world.cluster.mishaps.log == []


async def test_set_is_refused_when_a_slot_is_to_have_the_secret_of_one_that_is_kept() -> None:
    world = await deploy(syncer=True)
    before = world.contents()
    moved = [SLOTS[0], {**SLOTS[1], "secretName": "syncer-tls"}, {**SLOTS[2], "secretName": "other-tls"}]
    world.wish(slots=moved)
    world.clock.advance(seconds=6)
    await world.settle(minutes=0.5)
    assert world.code == 400
    assert world.contents() == before
    assert "`syncer-tls` is to hold" in world.status["detailedError"]


async def test_kept_secret_comes_back_when_it_is_not_listed_any_more_and_is_deleted_everywhere() -> None:
    world = await deploy(syncer=True)
    world.wish(certificates=ALL[:2])
    await world.settle(minutes=0.5)
    assert (world.code, (await world.reconcile()).settled) == (200, True)
    for node in NODES:
        world.cluster.remove(ObjectKey(Kind.SECRET, node, "syncer-tls"))
    await world.reconcile()
    is_quiet(world)
    assert (await world.reconcile()).settled


# ---- what is lost, and what is only not seen yet


async def test_filled_slot_is_not_guessed_away_when_writing_anew_was_undone() -> None:
    world = await deploy(syncer=True)
    world.cluster.remove(kept(world, "Journal")[0])
    world.wish(certificates=ALL)
    replace_both(world)
    foreign = ObjectKey(Kind.SECRET, NODES[2], "proxy-tls")

    def take(_: int, verb: str, key: ObjectKey) -> None:
        if verb == "content" and key.namespace == NODES[0]:
            world.cluster.change(foreign, annotations={})

    world.cluster.mishaps.before = take
    await world.settle(minutes=0.2, passes=60)
    world.reset()
    assert world.journal is not None
    assert (world.journal.phase, world.journal.deployed) == (Phase.IDLE, None)
    world.cluster.remove(foreign)
    world.wish(certificates=ALL[:2])
    await world.settle(minutes=3, passes=80)
    assert "JournalLost" in {each["reason"] for each in world.status["findings"]}
    assert world.target(NODES[0], "syncer-tls") is not None


async def test_namespace_that_left_is_let_go_when_the_journal_is_lost_meanwhile() -> None:
    world = await deploy()
    world.cluster.remove(kept(world, "Journal")[0])
    world.wish(namespaces=list(NODES[1:]))
    await world.settle(minutes=0.5)
    assert world.code == 200
    target = world.target(NODES[0], "api-tls")
    assert target is not None
    assert OWNER_ANNOTATION not in target.annotations


@pytest.mark.parametrize("deleting", [False, True])
async def test_nothing_that_is_kept_goes_when_the_watch_has_not_seen_the_journal(*, deleting: bool) -> None:
    """An upload has changed a moment ago, or the set goes in the middle of a commit."""
    world = await deploy()
    world.cluster.put_secret("syncer-tls", {"theirs": "x"}, namespace=NODES[0], annotations=ALLOWED)
    if deleting:
        world.wish(certificates=ALL)
        world.clock.advance(seconds=6)
        world.cluster.fail("content", ObjectKey(Kind.SECRET, NODES[1], "syncer-tls"), FailureCause.THROTTLED)
        await world.reconcile()
        assert kept(world, "Backup")
        world.cluster.delete_subject(world.key)
    else:
        world.upload("proxy", NEXT_PROXY)
    world.restart(new_term=True)
    hide_journal(world)
    payloads = kept(world, "Payload")
    if not deleting:
        await world.reconcile()
        assert kept(world, "Payload") == payloads
        return
    await world.settle(minutes=0.5, passes=80)
    assert world.key not in world.cluster.subjects
    target = world.target(NODES[0], "syncer-tls")
    assert target is not None
    assert dict(target.data) == {"theirs": b"x"}


async def test_open_commit_goes_on_when_the_watch_has_not_seen_its_journal() -> None:
    world = await deploy()
    replace_both(world)
    world.cluster.fail("content", ObjectKey(Kind.SECRET, NODES[1], "api-tls"), FailureCause.THROTTLED)
    await world.reconcile()
    assert world.journal is not None
    assert world.journal.phase is Phase.COMMITTING
    world.upload("api", API)
    world.clock.advance(seconds=6)
    world.restart(new_term=True)
    hide_journal(world)
    world.reset()
    await world.settle(minutes=0.5)
    assert world.code == 200
    assert "fence" not in {verb for verb, _ in world.cluster.mishaps.log}


async def test_targets_get_what_was_judged_when_somebody_changes_what_is_kept_of_it() -> None:
    world = await deploy()
    replace_both(world)
    world.cluster.fail("content", ObjectKey(Kind.SECRET, NODES[1], "api-tls"), FailureCause.THROTTLED)
    await world.reconcile()
    assert world.journal is not None
    for key in kept(world, "Payload"):
        each = world.cluster.objects[key]
        if each.annotations[REVISION_ANNOTATION] == world.journal.target:
            world.cluster.change(key, data={**each.data, "tls.crt": b"something else"})
    world.reset()
    await world.settle(minutes=0.5)
    assert [key.namespace for verb, key in world.cluster.mishaps.log if verb == "content" and key.namespace != OWN] == [
        NODES[1]
    ]
    assert {world.target(node, "api-tls").data["tls.crt"] for node in NODES} == {NEXT_API.chain_pem.encode()}  # type: ignore[union-attr]


async def test_set_is_let_go_when_it_is_deleted_and_a_backup_is_lost() -> None:
    world = await deploy()
    await stuck(world, adopt=True)
    world.cluster.remove(kept(world, "Backup")[0])
    world.cluster.delete_subject(world.key)
    await world.settle(minutes=0.5)
    assert world.key not in world.cluster.subjects
    assert world.kept() == []


# ---- leftovers, and what is said


async def test_what_comes_too_late_is_taken_away_when_the_set_is_ready() -> None:
    world = await deploy()
    late = leave_something(world)
    await world.reconcile()
    assert late not in world.cluster.objects
    is_quiet(world)


async def wait_for_rights(world: SetWorld) -> ObjectKey:
    """Have a commit wait before its start, with a backup of a Secret that is to be taken over."""
    place = world.cluster.put_secret("syncer-tls", {"theirs": "x"}, namespace=NODES[0], annotations=ALLOWED)
    world.cluster.mishaps.forbidden.add(NODES[1])
    world.wish(certificates=ALL)
    world.clock.advance(seconds=6)
    await world.settle()
    assert (world.code, world.kept()) == (409, ["Backup", "Journal", *["Payload"] * 5])
    return place


async def test_payloads_of_a_wish_before_go_when_another_one_waits_as_well() -> None:
    world = await deploy()
    await wait_for_rights(world)
    before = world.status["revision"]
    replace_both(world)
    await world.settle()
    assert world.code == 409
    revisions = {world.cluster.objects[key].annotations[REVISION_ANNOTATION] for key in kept(world, "Payload")}
    assert before not in revisions
    assert revisions == {world.status["deployedRevision"], world.status["revision"]}
    assert world.kept() == ["Backup", "Journal", *["Payload"] * 5]
    world.reset()
    await world.settle()
    assert world.code == 200
    is_quiet(world)


async def test_backup_goes_when_its_owner_changes_the_secret_before_the_commit_start() -> None:
    world = await deploy()
    place = await wait_for_rights(world)
    backups = kept(world, "Backup")
    world.cluster.change(place, data={"theirs": b"y"})
    await world.settle()
    now = kept(world, "Backup")
    assert len(now) == 1
    assert now != backups
    assert world.cluster.objects[now[0]].data["theirs"] == b"y"


async def test_status_is_written_once_when_a_leftover_cannot_be_deleted() -> None:
    world = await deploy()
    leave_something(world)
    world.cluster.mishaps.forbidden.add(OWN)
    for _ in range(4):
        await world.reconcile()
    assert [verb for verb, _ in world.cluster.mishaps.log].count("status") == 1
    assert world.code == 409


async def test_deployed_revision_is_still_said_when_the_journal_cannot_be_read() -> None:
    world = await deploy()
    deployed = world.status["deployedRevision"]
    key = journal_key(OWN, world.subject.version.uid)
    world.cluster.fail("read", key, FailureCause.UNAVAILABLE)
    await world.reconcile(full=True)
    assert (world.code, world.status["deployedRevision"]) == (409, deployed)


@pytest.mark.parametrize("cause", [FailureCause.UNAVAILABLE, FailureCause.FORBIDDEN])
@pytest.mark.parametrize("what", ["Journal", "Payload"])
async def test_nothing_is_said_to_be_lost_when_it_cannot_be_read(what: str, cause: FailureCause) -> None:
    world = await deploy(syncer=True)
    world.wish(certificates=ALL[:2])
    await world.settle(minutes=0.5)
    unread = kept(world, what)
    for key in unread:
        world.cluster.fail("read", key, cause)
    result = await world.reconcile(full=True)
    assert (world.code, result.retry) == (409, True)
    assert {each["reason"] for each in world.status["findings"]} == {"StoreFailed", "NotChecked"}
    assert world.condition("Valid") == ("Unknown", "NotChecked")
    kind = "ConfigMap" if what == "Journal" else "Secret"
    assert world.status["detailedError"].startswith(f"{kind} `{unread[0].name}` in namespace `{OWN}`: ")
    advice = f"Allow the operator to read {kind}s there." if cause is FailureCause.FORBIDDEN else "It is tried again."
    assert world.status["detailedError"].endswith(advice)
    detail = "Forbidden" if cause is FailureCause.FORBIDDEN else "ReadFailed"
    assert {each["detail"] for each in world.status["findings"] if each["reason"] == "StoreFailed"} == {detail}
    await world.settle(minutes=0.5)
    is_quiet(world)
    assert (world.code, len(world.targets())) == (HTTPStatus.OK, 9)


async def test_message_names_the_journal_when_it_cannot_be_written() -> None:
    world = await deploy()
    replace_both(world)
    world.cluster.fail("content", journal_key(OWN, world.subject.version.uid), FailureCause.FORBIDDEN)
    await world.reconcile()
    assert world.status["detailedError"].endswith("Allow the operator to write ConfigMaps there.")
    assert world.code == HTTPStatus.CONFLICT
