"""A random walk through the life of a set, against laws that know nothing of how a replacement is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from certwright.findings import FailureCause
from certwright.reconcile.objects import Kind, ObjectKey
from certwright.reconcile.plan import OWNER_ANNOTATION
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.support.memory_cluster import START
from tests.support.pki import Entity
from tests.support.set_walk import ALLOW_WRITE, NAME, OWN, OWNER, UPLOADS, Life, WatchedCluster, strip
from tests.unit.reconcile.certificateset.conftest import API, ISSUING, SetWorld

WALKS = 60
NODES = ("node-a", "node-b", "node-c")
SLOTS = ("proxy", "api", "syncer")
GOOD = {slot: [ISSUING.issue_leaf(f"{slot}.example.com") for _ in range(3)] for slot in SLOTS}
SHORT = ISSUING.issue_leaf("short.example.com", not_after=START + timedelta(hours=2))
EXPIRED = ISSUING.issue_leaf("expired.example.com", not_after=START - timedelta(days=1))
SECRETS = ("one-tls", "two-tls", "three-tls", "four-tls")

Move = tuple[str, int, int]
Mishap = tuple[Any, ...]
Step = tuple[tuple[Move, ...], Mishap]

MOVES = (
    "upload", "upload", "upload", "spoil", "restore", "list", "absent", "rename", "slot", "policy", "mode",
    "listed", "label", "namespace", "terminate", "forbid", "allow", "quota", "fail", "foreign", "adoptable",
    "edit", "delete", "disown", "copy", "rob", "rob", "unset", "clock", "leap", "back", "doubt", "own",
)  # fmt: skip
MOST_STEPS = 12


def draw(seed: int) -> tuple[Step, ...]:
    """Draw what happens in a walk."""
    random = Random(seed)  # noqa: S311 - a walk, not a secret

    def move() -> Move:
        return random.choice(MOVES), random.randrange(12), random.randrange(12)

    def mishap() -> Mishap:
        at = random.randrange(30)
        return random.choice(
            [
                ("none",),
                ("crash", at, random.choice(["before", "after"]), random.random() < 0.5),
                ("late", at),
                ("hand", at, move()),
            ]
        )

    first: Step = ((("begin", random.randrange(12), random.randrange(12)),), mishap())
    count = random.randint(1, MOST_STEPS)
    rest = [(tuple(move() for _ in range(random.randint(1, 3))), mishap()) for _ in range(count)]
    return (first, *rest)


def shorten(steps: tuple[Step, ...], fails: Callable[[tuple[Step, ...]], bool]) -> tuple[Step, ...]:
    """Leave out of a walk what it does not need to fail."""
    smaller = True
    while smaller:
        smaller = False
        for tried in shorter(steps):
            if fails(tried):
                steps, smaller = tried, True
                break
    return steps


def shorter(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for at in range(len(steps) - 1, 0, -1):
        yield steps[:at] + steps[at + 1 :]
    for at, (moves, mishap) in enumerate(steps):
        if mishap != ("none",):
            yield (*steps[:at], (moves, ("none",)), *steps[at + 1 :])
        for out in range(len(moves) if at and len(moves) > 1 else 0):
            yield (*steps[:at], (moves[:out] + moves[out + 1 :], mishap), *steps[at + 1 :])


class World(SetWorld):
    """A world whose cluster looks at each write."""

    def __post_init__(self) -> None:
        self.cluster: WatchedCluster = WatchedCluster(self.clock)
        for name in (OWN, UPLOADS):
            self.cluster.put_namespace(name)
        for name in NODES:
            self.cluster.put_namespace(name, {"gateway": "yes"})
        self.restart()


class SetWalk:
    """Somebody does something, something happens, and the operator comes to rest."""

    def __init__(self) -> None:
        self.world = World()
        self.life = Life(self.world)
        self.cluster = self.world.cluster
        self.slots: dict[str, str] = dict(zip(SLOTS, SECRETS, strict=False))
        self.listed = {"proxy", "api"}
        self.absent: set[str] = set()
        self.required: set[str] = set()
        self.nodes = set(NODES)
        self.selecting = False
        self.policy = "Retain"

    async def walk(self, steps: tuple[Step, ...]) -> None:
        for moves, mishap in steps:
            for move in moves:
                self.life.hand(self.make(move))
            told = (*mishap[:2], self.make(mishap[2])) if mishap[0] == "hand" else mishap
            await self.life.run_with(told)
            await self.life.check()

    # ---- what people do

    def make(self, move: Move) -> Callable[[], None]:
        name, first, second = move
        return lambda: getattr(self, f"do_{name}")(first, second)

    def upload(self, slot: str, entity: Entity, *, key: Entity | None = None, consent: bool = True) -> None:
        self.world.upload(slot, entity, key=key, consent=consent)

    def wish(self) -> None:
        if self.world.key in self.cluster.subjects and self.world.subject.deleting:
            return
        slots = [
            {"name": name, "secretName": secret, "required": name in self.required}
            for name, secret in sorted(self.slots.items())
        ]
        spec: dict[str, Any] = {
            "slots": slots,
            "certificates": [
                {"name": each, "certificateRef": {"namespace": UPLOADS, "name": each}} for each in sorted(self.listed)
            ],
            "deletionPolicy": self.policy,
        }
        if self.absent:
            spec["absent"] = sorted(self.absent)
        if self.selecting:
            spec["namespaceSelector"] = {"matchLabels": {"gateway": "yes"}}
        else:
            spec["namespaces"] = sorted(self.nodes)
        self.cluster.put_subject(NAME, spec, kind=Kind.CLUSTER_CERTIFICATE_SET)

    def do_begin(self, first: int, second: int) -> None:
        self.required = set(SLOTS[: first % 4])
        self.selecting = bool(first & 4)
        self.policy = "Delete" if second % 2 else "Retain"
        for slot in SLOTS:
            self.upload(slot, GOOD[slot][0])
        self.wish()

    def do_upload(self, first: int, second: int) -> None:
        slot = SLOTS[first % 3]
        self.upload(slot, (*GOOD[slot], SHORT)[second % 4])

    def do_spoil(self, first: int, second: int) -> None:
        slot = SLOTS[first % 3]
        match second % 4:
            case 0:
                self.upload(slot, EXPIRED)
            case 1:
                self.upload(slot, GOOD[slot][1], key=API)
            case 2:
                self.upload(slot, GOOD[slot][1], consent=False)
            case _:
                key = ObjectKey(Kind.SECRET, UPLOADS, slot)
                if key in self.cluster.objects:
                    self.cluster.remove(key)

    def do_restore(self, first: int, second: int) -> None:
        """Make the wish a good one again."""
        del first
        for slot in SLOTS:
            self.upload(slot, GOOD[slot][second % 3])
        self.listed, self.absent = {*self.required, *self.listed}, set()
        self.slots = dict(zip(SLOTS, SECRETS, strict=False))
        self.wish()

    def do_list(self, first: int, second: int) -> None:
        del second
        self.listed ^= {SLOTS[first % 3]}
        self.wish()

    def do_absent(self, first: int, second: int) -> None:
        slot = SLOTS[first % 3]
        self.absent ^= {slot}
        if second % 2:
            self.listed.discard(slot)
        self.wish()

    def do_rename(self, first: int, second: int) -> None:
        slot = SLOTS[first % 3]
        if slot in self.slots:
            self.slots[slot] = SECRETS[second % 4]
        self.wish()

    def do_slot(self, first: int, second: int) -> None:
        slot = SLOTS[first % 3]
        if slot in self.slots:
            del self.slots[slot]
            self.listed.discard(slot)
        else:
            self.slots[slot] = SECRETS[second % 4]
        self.wish()

    def do_policy(self, first: int, second: int) -> None:
        del first, second
        self.policy = "Delete" if self.policy == "Retain" else "Retain"
        self.wish()

    def do_mode(self, first: int, second: int) -> None:
        del first, second
        self.selecting = not self.selecting
        self.wish()

    def do_listed(self, first: int, second: int) -> None:
        del second
        self.nodes ^= {NODES[first % 3]}
        self.wish()

    def do_label(self, first: int, second: int) -> None:
        name = NODES[first % 3]
        if name in self.cluster.namespaces and not self.cluster.namespaces[name].terminating:
            self.cluster.put_namespace(name, {"gateway": "yes"} if second % 2 else {})

    def do_namespace(self, first: int, second: int) -> None:
        """Delete a namespace, create it, or both."""
        name = NODES[first % 3]
        if name in self.cluster.namespaces and second % 3 != 1:
            self.cluster.delete_namespace(name)
        if name not in self.cluster.namespaces and second % 3 != 0:
            self.cluster.put_namespace(name, {"gateway": "yes"})

    def do_terminate(self, first: int, second: int) -> None:
        """Let a namespace begin to go: what is in it goes later."""
        del second
        name = NODES[first % 3]
        if name in self.cluster.namespaces:
            self.cluster.namespaces[name] = replace(self.cluster.namespaces[name], terminating=True)

    def do_forbid(self, first: int, second: int) -> None:
        del second
        self.cluster.mishaps.forbidden.add(NODES[first % 3])

    def do_own(self, first: int, second: int) -> None:
        del first, second
        self.cluster.mishaps.forbidden ^= {OWN}

    def do_allow(self, first: int, second: int) -> None:
        del first, second
        self.cluster.mishaps.forbidden.clear()
        self.cluster.mishaps.quotas.clear()
        self.cluster.answers.clear()

    def do_quota(self, first: int, second: int) -> None:
        self.cluster.mishaps.quotas[NODES[first % 3]] = second % 4

    def do_fail(self, first: int, second: int) -> None:
        key = ObjectKey(Kind.SECRET, NODES[first % 3], SECRETS[second % 4])
        self.cluster.fail("content", key, *[FailureCause.THROTTLED] * (2 if second < 6 else 30))

    def do_foreign(self, first: int, second: int) -> None:
        self.bring(NODES[first % 3], SECRETS[second % 4], {})

    def do_adoptable(self, first: int, second: int) -> None:
        self.bring(NODES[first % 3], SECRETS[second % 4], {ALLOW_WRITE: OWNER, "theirs": "stays"})

    def bring(self, namespace: str, name: str, annotations: dict[str, str]) -> None:
        key = ObjectKey(Kind.SECRET, namespace, name)
        if namespace in self.cluster.namespaces and not self.cluster.namespaces[namespace].terminating:
            if key in self.cluster.objects and annotations:
                before = self.cluster.objects[key].annotations
                if before.get(OWNER_ANNOTATION) != OWNER:
                    self.cluster.change(key, annotations={**before, **annotations})
            elif key not in self.cluster.objects:
                self.cluster.put_secret(name, {"theirs": "x"}, namespace=namespace, annotations=annotations)

    def some_target(self, first: int) -> ObjectKey | None:
        keys = sorted(key for key in self.cluster.objects if key.namespace in NODES)
        return keys[first % len(keys)] if keys else None

    def do_edit(self, first: int, second: int) -> None:
        key = self.some_target(first)
        if key is not None:
            observed = self.cluster.objects[key]
            name = sorted(observed.data)[second % len(observed.data)] if observed.data else "more"
            self.cluster.change(key, data={**observed.data, (name if second % 2 else "more"): b"edited"})

    def do_delete(self, first: int, second: int) -> None:
        del second
        key = self.some_target(first)
        if key is not None:
            self.cluster.remove(key)

    def do_disown(self, first: int, second: int) -> None:
        """Take one of our marks off."""
        key = self.some_target(first)
        if key is not None:
            mark = (OWNER_ANNOTATION, REVISION_ANNOTATION, "certwright.io/commit-epoch", "certwright.io/slot")[
                second % 4
            ]
            self.cluster.change(key, annotations=strip(self.cluster.objects[key].annotations, mark))

    def do_copy(self, first: int, second: int) -> None:
        """Copy a Secret with all its marks, as people do."""
        key = self.some_target(first)
        if key is not None:
            copy = replace(key, name=SECRETS[second % 4] if second < 6 else "copy")
            source = self.cluster.objects[key]
            if copy not in self.cluster.objects:
                self.cluster.put_secret(
                    copy.name,
                    source.data,
                    type=source.type,
                    annotations=source.annotations,
                    labels=source.labels,
                    namespace=copy.namespace,
                )

    def do_rob(self, first: int, second: int) -> None:
        """Delete something of what the operator keeps."""
        wanted = ("Journal", "Payload", "Backup")[second % 3]
        kept = sorted(k for k, each in self.cluster.objects.items() if each.annotations.get(KEPT_ANNOTATION) == wanted)
        if kept:
            self.cluster.remove(kept[first % len(kept)])
            self.life.robbed = True

    def do_unset(self, first: int, second: int) -> None:
        """Delete the set, or create it."""
        del first, second
        if self.world.key in self.cluster.subjects:
            self.cluster.delete_subject(self.world.key)
        else:
            self.life.robbed = True  # what an earlier set left may be there, and nothing is known of it
            self.wish()

    def do_clock(self, first: int, second: int) -> None:
        self.world.clock.advance(seconds=5 * first + second)

    def do_leap(self, first: int, second: int) -> None:
        del second
        self.world.clock.advance(minutes=10 * (first + 1))

    def do_back(self, first: int, second: int) -> None:
        del second
        self.world.clock.advance(seconds=-5 * first)
        self.life.turned_back = True

    def do_doubt(self, first: int, second: int) -> None:
        del second
        self.world.clock.is_doubted = bool(first % 2)


def run(steps: tuple[Step, ...]) -> Exception | None:
    """Make a walk, and give what went wrong in it."""
    try:
        asyncio.run(SetWalk().walk(steps))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return error
    return None


@pytest.mark.parametrize("seed", range(WALKS))
def test_set_keeps_its_laws_whatever_happens(seed: int) -> None:
    steps = draw(seed)
    error = run(steps)
    if error is not None:
        shortest = shorten(steps, lambda tried: str(run(tried))[:40] == str(error)[:40])
        raise AssertionError(f"seed {seed}: " + "\n  ".join(map(str, shortest))) from run(shortest)
