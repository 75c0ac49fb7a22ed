"""People, mishaps and time in the life of a set of certificates, and what must hold of it whatever they do.

The rules know the cluster as a person sees it, and nothing of how a replacement is made. A world is wrapped that makes
passes as the runtime does: after a change of something the set refers to or owns, at its time, and with back-off.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from certwright.cluster.owner_index import owner_of
from certwright.findings import ClusterError
from certwright.reconcile.certificateset.journal import Journal, Phase, decode_journal
from certwright.reconcile.certificateset.kept import JOURNAL_KEY
from certwright.reconcile.objects import Kind, ObjectKey, Observed
from certwright.reconcile.plan import EPOCH_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL, OWNER_ANNOTATION
from certwright.reconcile.set_actions import KEPT_ANNOTATION, REVISION_ANNOTATION
from tests.support.memory_cluster import MemoryClock
from tests.support.set_cluster import Crash, SetCluster

OWN = "certwright-system"
UPLOADS = "uploads"
NAME = "gateway"
OWNER = f"ClusterCertificateSet/{NAME}"
ALLOW_WRITE = "certwright.io/allow-write"
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
MOST_PASSES = 400
SOON = timedelta(seconds=90)

PROCESS: ContextVar[int] = ContextVar("process", default=0)
"""Which process runs the code that is running."""

Content = tuple[str, dict[str, bytes]]


def content_of(observed: Observed | None) -> Content | None:
    """Give type and data."""
    return (observed.type, dict(observed.data)) if observed is not None else None


def is_kept(key: ObjectKey) -> bool:
    """Say whether this is the operator's own."""
    return key.namespace == OWN


@dataclass
class Episode:
    """One replacement, from its start to its end: how often each place was switched, and who else touched it."""

    switches: Counter[ObjectKey] = field(default_factory=Counter)
    touched: set[ObjectKey] = field(default_factory=set)


class WatchedCluster(SetCluster):
    """A cluster that looks at every write of the operator, and holds it against what may never happen."""

    def __init__(self, clock: MemoryClock) -> None:
        super().__init__(clock)
        self.created: set[str] = set()
        self.adoptable: dict[ObjectKey, Content] = {}
        self.episode: Episode | None = None
        self.successes: list[tuple[str, ObjectKey]] = []

    def hand(self, change: Callable[[], None]) -> set[ObjectKey]:
        """Let somebody else change things, and give what changed."""
        before = dict(self.objects)
        change()
        changed = {key for key in before.keys() | self.objects.keys() if before.get(key) is not self.objects.get(key)}
        if self.episode is not None:
            self.episode.touched |= changed
        for key in changed:
            self._note_hand(key)
        return changed

    def delete_subject(self, key: ObjectKey) -> None:
        """Delete a set, and forget what the garbage collector takes with it.

        Who takes our annotation off makes a Secret his, and no write of ours touches it from then on, not one to
        release it either. But whose an object is for the garbage collector its ownerReferences say, and he left ours.
        """
        before = self.objects.keys() & self.adoptable.keys()
        super().delete_subject(key)
        for gone in before - self.objects.keys():
            del self.adoptable[gone]

    def _note_hand(self, key: ObjectKey) -> None:
        now = self.objects.get(key)
        if is_kept(key) or now is None or now.annotations.get(OWNER_ANNOTATION) == OWNER:
            self.adoptable.pop(key, None)  # it is gone, or somebody wrote into what is ours by now
        elif key.namespace != UPLOADS:
            self.adoptable[key] = content_of(now) or ("", {})

    async def _write(self, verb: str, key: ObjectKey, do: Callable[[], Any]) -> Any:
        async def watched() -> Any:
            before = self.objects.get(key)
            done = do()
            done = await done if isinstance(done, Awaitable) else done
            self._judge(verb, key, before)
            return done

        return await super()._write(verb, key, watched)

    def _judge(self, verb: str, key: ObjectKey, before: Observed | None) -> None:
        """Hold a write that was carried out against the rules."""
        after = self.objects.get(key)
        if before is not after or key in self.subjects:
            self.successes.append((verb, key))
        if key.kind not in {Kind.SECRET, Kind.CONFIG_MAP}:
            return
        if before is None and after is not None:
            self.created.add(after.version.uid)
        if before is not None and after is None:
            handed_over = key.name != "copy" and EPOCH_ANNOTATION in before.annotations
            assert before.version.uid in self.created or handed_over, f"{key} was deleted, and is not ours"
            assert key not in self.adoptable, f"{key} was deleted, and was adopted"
        if key.kind is Kind.CONFIG_MAP:
            self._follow(after)
            return
        if is_kept(key):
            return
        if verb == "content" and before is not None:
            ours, allowed = before.annotations.get(OWNER_ANNOTATION), before.annotations.get(ALLOW_WRITE)
            assert OWNER in {ours, allowed}, f"{key} was written, and is {ours or 'somebody'}'s"
        if verb == "release" and key in self.adoptable:
            self.adoptable[key] = content_of(after) or ("", {})
        if self.episode is not None and content_of(before) != content_of(after):
            self.episode.switches[key] += 1

    def _follow(self, journal: Observed | None) -> None:
        read = decode_journal(journal.data.get(JOURNAL_KEY, b"")) if journal is not None else None
        if read is None:
            self.episode = None
        elif read.phase is Phase.COMMITTING and self.episode is None:
            self.episode = Episode()
        elif read.phase is Phase.IDLE and self.episode is not None:
            most = 2 if read.failed is not None else 1
            for key, count in self.episode.switches.items():
                assert count <= most or key in self.episode.touched, f"{key} was switched {count} times, not {most}"
            self.episode = None


class Life:
    """A world with a set in it, passes when the runtime would make them, and laws.

    Args:
        world: a `SetWorld` with a `WatchedCluster`.
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self.cluster: WatchedCluster = world.cluster
        self.clock: MemoryClock = world.clock
        self.dirty = True
        self.due: Any = None
        self.retrying = False
        self.idle = 0  # how many passes in a row led nowhere
        self.robbed = False  # somebody took the operator's own things away
        self.turned_back = False  # the clock was

    # ---- what others do

    def hand(self, change: Callable[[], None]) -> None:
        """Let somebody change things; the set hears of it when it refers to it, or owns it."""
        world, cluster = self.world, self.cluster
        self.idle = 0  # what nobody hears of, as that the clock is right again, is seen when it is tried again
        subject, namespaces = cluster.subjects.get(world.key), dict(cluster.namespaces)
        heard = {key for key in cluster.objects if self._is_heard(key)}
        changed = cluster.hand(change)
        if namespaces != cluster.namespaces or subject is not cluster.subjects.get(world.key):
            self.dirty = True
        if any(key in heard or self._is_heard(key) for key in changed):
            self.dirty = True

    def _is_heard(self, key: ObjectKey) -> bool:
        subject, held = self.cluster.subjects.get(self.world.key), self.cluster.peek(key)
        if subject is None:
            return False
        if held is not None and owner_of(key, held) == self.world.key:
            return True
        return key in self.world.reconciler.references(subject)

    # ---- what the runtime does

    async def run(self) -> None:
        """Make passes until nothing more happens, or nothing that happens leads anywhere."""
        wait, self.idle = FIRST_WAIT, 0
        for _ in range(MOST_PASSES):
            if self.world.key not in self.cluster.subjects:
                return
            due = self.due is not None and self.due <= self.clock.now
            if not (self.dirty or due):
                if self.retrying:
                    if self.idle > 12:  # back-off has reached its longest wait
                        return
                    self.clock.advance(seconds=wait)
                    wait = min(2 * wait, LONGEST_WAIT)
                elif self.due is not None and self.due - self.clock.now <= SOON and self.idle <= 12:
                    self.clock.now = self.due
                else:
                    return
            before, refusals = len(self.cluster.successes), self._count_refusals()
            await self._pass()
            quiet = len(self.cluster.successes) == before
            # A server that is busy is so for a number of requests: each that it refuses brings the end nearer.
            self.idle = self.idle + 1 if quiet and self._count_refusals() == refusals else 0
            wait = wait if quiet and self.retrying else FIRST_WAIT
        last = [f"{verb} {key}" for verb, key in self.cluster.successes[-12:]]
        raise AssertionError(f"it does not come to rest: {last}")

    def _count_refusals(self) -> int:
        return sum(map(len, self.cluster.answers.values()))

    async def _pass(self, *, full: bool = False) -> None:
        self.dirty = False
        token = PROCESS.set(self.world.process)
        try:
            result = await self.world.reconcile(full=full)
        except ClusterError:
            self.retrying, self.due = True, None
            return
        finally:
            PROCESS.reset(token)
        self.retrying, self.due = result.retry, result.requeue_at
        if result.conflict:
            self.dirty = True

    async def run_with(self, mishap: tuple[Any, ...]) -> None:
        """Do the same, and have something happen at one of the writes."""
        kind, *told = mishap
        mishaps = self.cluster.mishaps
        number = mishaps.writes + (told[0] if told else 0)
        match kind:
            case "crash":
                mishaps.crash_at = (number, told[1])
                await self._run_into_crash(new_term=told[2])
            case "late":
                await self._run_with_two_leaders(number)
            case "hand":
                self._arm(number, told[1])
                await self.run()
                mishaps.before = None
            case _:
                await self.run()

    def _arm(self, number: int, change: Callable[[], None]) -> None:
        done: list[int] = []

        def before(now: int, verb: str, key: ObjectKey) -> None:
            del verb, key
            if now >= number and not done:
                done.append(now)
                self.hand(change)

        self.cluster.mishaps.before = before

    async def _run_into_crash(self, *, new_term: bool) -> None:
        try:
            await self.run()
        except Crash:
            await self._bury()
            self.world.restart(new_term=new_term)
            self.dirty = True
            await self.run()
        self.cluster.mishaps.crash_at = None

    async def _bury(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)
        self.cluster.mishaps.crash_at, self.cluster.mishaps.dead = None, False

    async def _run_with_two_leaders(self, number: int) -> None:
        """Stop the leader with its writes sent and not yet arrived; let them arrive when another one has finished."""
        old, over, begun = self.world.process, asyncio.Event(), []

        async def before(now: int, verb: str, key: ObjectKey) -> None:
            del verb, key
            if PROCESS.get() != old or now < number:
                return
            if over.is_set():
                raise Crash  # it knows by now that it does not lead
            if begun:
                await over.wait()
                return
            begun.append(now)
            for _ in range(3):
                await asyncio.sleep(0)  # what is sent side by side is sent
            self.world.restart(new_term=True)
            self.dirty = True
            await self.run()
            over.set()

        self.cluster.mishaps.before = before
        try:
            await self.run()
        except Crash:
            await self._bury()
        finally:
            self.cluster.mishaps.before = None
        if begun:
            self.world.restart()
            self.dirty = True
        await self.run()

    # ---- laws

    async def check(self) -> None:
        """Hold the world at rest against the rules."""
        for key, human in self.cluster.adoptable.items():
            now = self.cluster.objects.get(key)
            assert now is not None, f"{key} is gone, and was somebody's"
            if now.annotations.get(OWNER_ANNOTATION) != OWNER:
                assert content_of(now) == human, f"{key} is not what its owner wrote"
        subject = self.cluster.subjects.get(self.world.key)
        if subject is None:
            return
        assert "PRIVATE KEY" not in json.dumps(subject.status), "the status holds a key"
        if OWN in self.cluster.mishaps.forbidden:
            return
        await self._check_rest()
        if self.world.journal is not None:
            Laws(self, self.world.journal).check()

    async def _check_rest(self) -> None:
        if self.clock.is_doubted or self.turned_back:
            self.turned_back = False
            await self._pass(full=True)  # a verdict of before stands until somebody asks
            await self.run()
        before, retrying, due = len(self.cluster.successes), self.retrying, self.due
        if self.world.key in self.cluster.subjects:
            await self._pass(full=True)
        more = [f"{verb} {key}" for verb, key in self.cluster.successes[before:]]
        assert more == [], f"another pass writes {more}"
        self.retrying, self.due, self.dirty = retrying, due, False


class Laws:
    """What must hold of a set at rest."""

    def __init__(self, life: Life, journal: Journal) -> None:
        self.life = life
        self.world, self.cluster = life.world, life.cluster
        self.journal = journal
        self.subject = life.world.subject
        self.status = self.subject.status
        self.wish = self.subject.spec

    def check(self) -> None:
        journal = self.journal
        if journal.phase is not Phase.IDLE:
            assert self.is_hindered() or self.life.robbed, f"a commit stays open in {journal.phase}: {self.troubles()}"
            assert self.status.get("responseCode") != 200, f"the code is 200, and a commit is open in {journal.phase}"
            return
        said = self.status.get("deployedRevision")
        assert said == journal.deployed, f"{said} is said to be deployed, and it is {journal.deployed}"
        self.check_kept()
        self.check_nodes()
        self.check_status()
        self.check_liveness()

    def troubles(self) -> Any:
        return self.status.get("findings")

    def is_hindered(self) -> bool:
        mishaps = self.cluster.mishaps
        return bool(mishaps.forbidden or mishaps.quotas or any(self.cluster.answers.values()))

    def nodes(self) -> Iterator[str]:
        """Give the namespaces that are to hold the Secrets."""
        listed = self.wish.get("namespaces")
        for name, facts in sorted(self.cluster.namespaces.items()):
            chosen = name in listed if listed is not None else facts.labels.get("gateway") == "yes"
            if chosen and not facts.terminating and name not in self.wish.get("exclude", ()):
                yield name

    def is_in_the_way(self, key: ObjectKey) -> bool:
        """Say whether something at a place keeps it from being written."""
        mishaps, observed = self.cluster.mishaps, self.cluster.objects.get(key)
        if key.namespace in mishaps.forbidden:
            return True
        if observed is None:
            return key.namespace in mishaps.quotas
        owners = {observed.annotations.get(OWNER_ANNOTATION), observed.annotations.get(ALLOW_WRITE)}
        return OWNER not in owners or observed.type not in {"kubernetes.io/tls", "Opaque"} or observed.immutable

    def check_kept(self) -> None:
        """Nothing is kept but the journal and what is deployed, and before a commit what it is to bring."""
        uid = self.subject.version.uid
        kept = [each for key, each in self.cluster.objects.items() if key.name.startswith(f"set-{uid}")]
        kinds = Counter(each.annotations.get(KEPT_ANNOTATION) for each in kept)
        revisions = {each.annotations.get(REVISION_ANNOTATION) for each in kept if each.data} - {None}
        deployed = {self.journal.deployed} if self.journal.deployed is not None else set()
        assert kinds["Journal"] == 1, f"there are {kinds['Journal']} journals"
        coming = {self.status.get("revision")} if self.subject.finalizers else set()
        surplus = sorted(revisions - deployed - coming)
        assert not surplus, f"{surplus} are kept; deployed is {self.journal.deployed}, and what comes is {coming}"
        if not self.subject.finalizers:
            assert not kinds["Backup"], f"{kinds['Backup']} backups are kept, and no commit is under way"
            slots = len(self.journal.contents_of(self.journal.deployed))
            assert kinds["Payload"] == slots or self.life.robbed, f"{kinds['Payload']} payloads for {slots} slots"
        else:
            code = self.status.get("responseCode")
            assert code != 200, "the code is 200, and the set bears the finalizer of an unfinished revision"

    def check_nodes(self) -> None:
        """All namespaces that can hold it hold what is deployed, to the byte, and nothing else of ours."""
        journal, prefix = self.journal, f"set-{self.subject.version.uid}-"
        if journal.deployed is None:
            return  # backups before a first commit bear no revision either, and are no payloads of it
        payloads = {
            each.annotations.get("certwright.io/slot"): each.data
            for key, each in self.cluster.objects.items()
            if key.name.startswith(prefix) and each.annotations.get(REVISION_ANNOTATION) == journal.deployed
        }
        contents, nodes = journal.contents_of(journal.deployed), list(self.nodes())
        assert len(set(contents.values())) == len(contents), f"two slots have one Secret: {contents}"
        if payloads.keys() != contents.keys():
            differ = f"the payloads of {sorted(map(str, payloads))} are kept, and deployed are {sorted(contents)}"
            assert self.life.robbed, differ
            return
        for namespace in nodes:
            for slot, secret in contents.items():
                key = ObjectKey(Kind.SECRET, namespace, secret)
                observed = self.cluster.objects.get(key)
                if self.is_in_the_way(key):
                    continue
                assert observed is not None, f"{key} is missing"
                assert observed.annotations.get(REVISION_ANNOTATION) == journal.deployed, f"{key} is not deployed"
                assert payloads[slot].items() <= observed.data.items(), f"{key} holds something else"
        places = {(namespace, secret) for namespace in nodes for secret in contents.values()}
        for key, observed in self.cluster.objects.items():
            ours = observed.annotations.get(OWNER_ANNOTATION) == OWNER and KEPT_ANNOTATION not in observed.annotations
            if not ours or observed.labels.get(MANAGED_BY_LABEL) != MANAGED_BY or key.namespace == UPLOADS:
                continue
            alive = not self.cluster.namespaces[key.namespace].terminating
            if (key.namespace, key.name) not in places and alive:
                assert key.namespace in self.cluster.mishaps.forbidden, f"{key} bears our marks, and is no target"

    def check_status(self) -> None:
        status, journal = self.status, self.journal
        ready = self.condition("Ready")
        rows = {each["name"]: each for each in status.get("namespaces", ())}
        chosen = set(self.nodes())
        listed = [each for each in self.wish.get("namespaces") or () if each not in self.wish.get("exclude", ())]
        assert set(rows) == chosen | set(listed), "the rows are not the namespaces"
        count = f"{sum(each.get('updated', False) for each in rows.values())}/{len(rows)}"
        assert status["updatedNamespaces"] == count, f"{status['updatedNamespaces']} is said, and the rows say {count}"
        wanted = status.get("revision") or journal.deployed
        for name, row in rows.items():
            if not row.get("updated"):
                continue
            for secret in journal.contents_of(wanted).values():
                key = ObjectKey(Kind.SECRET, name, secret)
                observed = self.cluster.objects.get(key)
                assert observed is not None, f"{name} is said to be updated, and {key} is missing"
                held = observed.annotations.get(REVISION_ANNOTATION)
                assert held == wanted, f"{name} is said to be updated, and {key} is at {held}, not {wanted}"
        if ready == "True":
            self.check_ready(rows)

    def check_ready(self, rows: Mapping[str, Any]) -> None:
        """A set that is ready has nothing left to be said or done."""
        status, journal = self.status, self.journal
        code, revision = status.get("responseCode"), status.get("revision")
        assert code == 200, f"it is ready, and the code is {code}"
        agrees = revision in {journal.deployed, None} or not journal.contents_of(journal.deployed)
        assert agrees, f"it is ready, the wish makes {revision}, and {journal.deployed} is deployed"
        behind = [name for name, each in rows.items() if not each.get("updated", False)]
        assert not behind, f"it is ready, and {behind} are not updated"
        assert not self.subject.finalizers, f"it is ready, and bears {self.subject.finalizers}"
        self.check_policy()
        stalled = self.condition("Stalled")
        assert stalled is None, f"it is ready, and Stalled is {stalled}"

    def check_policy(self) -> None:
        """What the garbage collector takes with the set is what the wish says, and nothing that was adopted."""
        uid, deletes = self.subject.version.uid, self.wish.get("deletionPolicy") == "Delete"
        for namespace in self.nodes():
            for secret in self.journal.contents_of(self.journal.deployed).values():
                target = self.cluster.objects[ObjectKey(Kind.SECRET, namespace, secret)]
                created = EPOCH_ANNOTATION in target.annotations and ALLOW_WRITE not in target.annotations
                bears = any(each.get("uid") == uid for each in target.owner_references)
                assert bears == (deletes and created), f"{target.key} bears {target.owner_references}"

    def condition(self, wanted: str) -> str | None:
        return next((each["status"] for each in self.status.get("conditions", ()) if each["type"] == wanted), None)

    def check_liveness(self) -> None:
        """With a valid wish and nothing in the way, it is deployed."""
        if self.condition("Valid") != "True" or self.is_hindered():
            return
        revision, journal = self.status.get("revision"), self.journal
        missing = set(self.wish.get("namespaces") or ()) - set(self.wish.get("exclude", ())) - set(self.nodes())
        secrets = {each["secretName"] for each in self.wish["slots"]} | set(
            journal.contents_of(journal.deployed).values()
        )
        obstacles = [
            key
            for namespace in self.nodes()
            for secret in secrets
            if self.is_in_the_way(key := ObjectKey(Kind.SECRET, namespace, secret)) and key in self.cluster.objects
        ]
        waits = journal.failed is not None and journal.failed.revision == revision
        if missing or obstacles or waits:
            return
        filled = any(each.get("fingerprint") for each in self.status.get("certificates", ()))
        assert journal.deployed == revision or not filled, self.troubles()
        assert self.condition("Ready") == "True", self.troubles()


def strip(annotations: Any, *names: str) -> dict[str, str]:
    """Leave annotations out."""
    return {name: text for name, text in annotations.items() if name not in names}
