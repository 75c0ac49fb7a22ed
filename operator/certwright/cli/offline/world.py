"""A cluster made of files, walked by the operator's own passes until nothing changes any more.

What others look at is walked before them: CAs, the lists of those, intermediates, stores, certificates, sets. Whoever
looked at something that changed after is walked again, as in a cluster: the order counts for speed, not for verdicts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from certwright.cli.offline.demands import Demands
from certwright.cli.offline.manifests import Document
from certwright.cli.offline.objects import read_subject
from certwright.cli.offline.set_wishes import as_handed_over, list_namespaces, list_targets, walk_set
from certwright.cli.offline.wishes import (
    STORES,
    Walked,
    deploy_at_once,
    find_withheld,
    walk_import,
    walk_trust_of_set,
    without_approval,
)
from certwright.cluster.file_library import FileLibrary
from certwright.cluster.files import FileCluster, FixedClock, file_uid
from certwright.cluster.gather import gather
from certwright.reconcile.objects import Kind, NamespaceFacts, ObjectKey, Observed, Snapshot, Subject
from certwright.reconcile.questions import Collection, Named
from certwright.reconcile.reconciler import Reconciler
from certwright.reconcile.trust.deployed import decision_namespace_of, kept_trust
from certwright.reconcile.trust.record import TrustRecord
from certwright.reconcile.trust.source import TRUST_SOURCE_LABEL
from certwright.reconcile.truststore.judgement import Judgement as StoreJudgement
from certwright.reconcile.truststore.recall import records_of
from certwright.runtime.engine import make_engine
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings

SETTINGS = Settings.model_construct(set_settling_seconds=0)
"""The defaults: a setting of some cluster must not change what files are found to be. Files do not change meanwhile."""

ENGINE = make_engine(SETTINGS)
OURS = frozenset(kind.value for kind in ENGINE.reconcilers)

MOST_PASSES = 8
"""Of one object. Whoever needs more of them takes part in something that never comes to rest."""


@dataclass(frozen=True, slots=True)
class Done:
    """What the last pass over an object left.

    Attributes:
        walked: the object as it was walked.
        snapshot: what it was judged from.
        judgement: of its own kind.
        subject: with its status.
        withheld: the Secrets that it reads and that are not among the files, or the PrivateKey that has one.
    """

    document: Document
    walked: Walked
    snapshot: Snapshot
    judgement: Any
    subject: Subject
    withheld: frozenset[ObjectKey]


class World:
    """Walk objects.

    Args:
        documents: our own objects; of those that others ask for each is there once.
        objects: Secrets and ConfigMaps.
        namespaces: those among the files. Others that objects name are taken to be as they should be.
        demands: the instant, and what was given on the command line.

    Attributes:
        files: what there is, with what passes have written.
        wishes: the stores as the files have them; they are walked as if every change were approved.
    """

    def __init__(
        self,
        documents: Iterable[Document],
        objects: Iterable[Observed],
        namespaces: Iterable[NamespaceFacts],
        demands: Demands,
    ) -> None:
        self.demands = demands
        self.namespaces = {each.name: each for each in namespaces}
        self._documents = tuple(documents)
        self._subjects = tuple(read_subject(each, demands.at) for each in self._documents)
        sets = frozenset(each.owner for each in self._subjects if each.key.kind is Kind.CLUSTER_CERTIFICATE_SET)
        self.files = FileCluster(as_handed_over(each, sets) for each in objects)
        self.wishes = {each.key: each for each in self._subjects if each.key.kind in STORES}
        for each in self._subjects:
            if each.key.kind is not Kind.IMPORTED_CERTIFICATE:
                self.files.subjects[each.key] = deploy_at_once(each) if each.key.kind in STORES else each
        self._library = FileLibrary(self.files, self._all_namespaces(), SETTINGS.namespace)
        self._done: dict[int, Done] = {}
        self._askers: dict[Collection | Named, set[int]] = defaultdict(set)
        self._readers: dict[ObjectKey, set[int]] = defaultdict(set)

    @property
    def done(self) -> tuple[Done, ...]:
        """What each document has come to, in their order."""
        return tuple(self._done[place] for place in range(len(self._documents)))

    async def walk(self) -> None:
        """Walk all of it until nothing changes any more."""
        passes: Counter[int] = Counter()
        due = set(range(len(self._subjects)))
        while due:
            first = min(map(self._rank, due))
            for place in sorted(each for each in due if self._rank(each) == first):
                due.discard(place)
                passes[place] += 1
                due |= {each for each in await self._walk(place) if passes[each] < MOST_PASSES}

    async def stage(self, key: ObjectKey, deployed: TrustRecord | None, void: tuple[str, ...]) -> StoreJudgement:
        """Judge what a store makes of a deployment, approved by nobody.

        Args:
            key: of the store.
            deployed: what it has deployed; `None`: it never deployed anything.
            void: the ids of changes whose approval counts no more, as far as its status is known.
        """
        store = without_approval(self.wishes[key])
        record: dict[str, Any] = {"void": list(void)}
        if deployed is not None:
            revision = deployed.revision
            record["deployed"] = {"revision": revision, "number": deployed.number, "parts": 1, "digest": revision}
        store = replace(store, status={"record": record})
        snapshot = self._begin(store)
        question = kept_trust(store, SETTINGS.namespace)
        # Not what the walk has deployed: that was to see what comes of it.
        snapshot = snapshot.with_answer(*((question, deployed) if question is not None else (records_of(store), ())))
        reconciler = ENGINE.reconcilers[key.kind]
        snapshot = await gather(reconciler, snapshot, cluster=self.files, cache=self.files, library=self._library)
        judgement: StoreJudgement = reconciler.judge(snapshot)
        return judgement

    async def recall(self, key: ObjectKey) -> TrustRecord | None:
        """Give what a store has deployed; `None` when it has deployed nothing."""
        question = kept_trust(self.files.subjects[key], SETTINGS.namespace)
        record = await self._library.read(question) if question is not None else None
        return record if isinstance(record, TrustRecord) else None

    def references(self) -> frozenset[ObjectKey]:
        """Give every object that one of ours reads or writes by its name: it is judged there, and not on its own."""
        return frozenset().union(
            *(ENGINE.reconcilers[each.key.kind].references(each) for each in self._subjects),
            *(list_targets(each.walked.subject) for each in self.done),
        )

    def _all_namespaces(self) -> Iterator[NamespaceFacts]:
        yield from self.namespaces.values()
        sources = {
            named
            for each in self._subjects
            if each.key.kind is Kind.CLUSTER_TRUST_STORE and (named := decision_namespace_of(each)) is not None
        }
        others = {each.key.namespace for each in self._subjects} | {each.namespace for each in self.files.objects}
        others.update(list_namespaces(self._subjects))
        for name in (sources | others) - self.namespaces.keys() - {""}:
            labels = {TRUST_SOURCE_LABEL: "true"} if name in sources else {}
            yield NamespaceFacts(name, file_uid(ObjectKey(Kind.NAMESPACE, "", name)), labels)

    def _rank(self, place: int) -> int:
        subject = self._subjects[place]
        match subject.key.kind:
            case Kind.TRUST_DECISION:
                return 2 if subject.spec.get("certUse") == "intermediateCA" else 0
            case Kind.REVOCATION_SOURCE | Kind.PRIVATE_KEY:
                return 1
            case Kind.IMPORTED_CERTIFICATE:
                return 4
            case Kind.CLUSTER_CERTIFICATE_SET:
                return 5
            case _:
                return 3

    async def _walk(self, place: int) -> set[int]:
        """Walk one object; give those that look at something that this has changed."""
        subject = self._subjects[place]
        reconciler = ENGINE.reconcilers[subject.key.kind]
        walked = self._prepare(subject)
        before = reconciler.face(walked.subject)
        result, snapshot, judgement = await self._pass(reconciler, walked.subject)
        self._done[place] = Done(
            self._documents[place], walked, snapshot, judgement, result.subject, self.files.withheld
        )
        woken: set[int] = set()
        if reconciler.face(result.subject) != before:
            for asked, askers in self._askers.items():
                woken |= askers if subject.key in asked else set()
        for key in self.files.touched:
            woken |= self._readers[key] - {place}
        self.files.touched.clear()
        for question in reconciler.asks(result.subject):
            if isinstance(question, Collection | Named):
                self._askers[question].add(place)
        for key in reconciler.references(result.subject):
            self._readers[key].add(place)
        return woken

    async def _pass(self, reconciler: Reconciler[Any], subject: Subject) -> tuple[PassResult, Snapshot, Any]:
        judged: list[tuple[Snapshot, Any]] = []

        async def judge_in(by: Reconciler[Any], snapshot: Snapshot) -> Any:
            judged.append((snapshot, await judge_inline(by, snapshot)))
            return judged[-1][1]

        self.files.withheld = find_withheld(subject, self.files)
        around = Surroundings(
            self.files, self.files, FixedClock(self.demands.at), judge_in, ENGINE.judged_by, self._library
        )
        result = await run_pass(reconciler, subject, around=around, verified={}, full=True)
        if self.files.unmade:
            # The key will be made in the cluster: until then its Secret is as good as absent.
            for key in self.files.unmade:
                self.files.objects.pop(key, None)
            self.files.unmade.clear()
            return await self._pass(reconciler, subject)
        return result, *judged[-1]

    def _prepare(self, subject: Subject) -> Walked:
        if subject.key.kind is Kind.IMPORTED_CERTIFICATE:
            anchored, listed = self.demands.anchors is not None, bool(self.demands.crls)
            return walk_import(subject, self.files, anchored=anchored, listed=listed)
        held = self.files.subjects[subject.key]
        if subject.key.kind is Kind.CLUSTER_CERTIFICATE_SET:
            walked, places = walk_set(replace(held, spec=subject.spec), self.namespaces, SETTINGS)
            return walk_trust_of_set(Walked(walked, places=places), self.files)
        return Walked(held)

    def _begin(self, subject: Subject) -> Snapshot:
        snapshot = Snapshot(subject, self.demands.at, ENGINE.judged_by)
        for question in ENGINE.reconcilers[subject.key.kind].asks(subject):
            snapshot = snapshot.with_answer(question, self._library.ask(question))
        return snapshot
