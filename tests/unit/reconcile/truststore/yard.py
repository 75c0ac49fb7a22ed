"""A yard of stores: a cluster in memory, passes over decisions and stores until nobody has anything left to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from certwright.pki.trust_bundle import parse_bundle
from certwright.reconcile.objects import Kind, ObjectKey, Observed, Snapshot, Subject, Version
from certwright.reconcile.reconciler import Reconciler
from certwright.reconcile.trust.source import TRUST_SOURCE_LABEL
from certwright.reconcile.trustdecision import TrustDecisions
from certwright.reconcile.truststore import ClusterTrustStores, TrustStores
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE, MemoryClock, MemoryCluster
from tests.support.memory_library import MemoryLibrary
from tests.support.pki import PKI, Entity

ROOT = PKI().root("Corp Root")
NEXT = PKI().root("Next Root")
THIRD = PKI().root("Third Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA 3")
LEAF = ISSUING.issue_leaf("shop.example.com")

SOURCE = "trust"
"""The namespace of the decisions of the cluster's store."""

OPERATOR = "certwright-system"
STORE_KINDS = (Kind.TRUST_STORE, Kind.CLUSTER_TRUST_STORE)
TARGET = {"name": "corporate-ca"}
MAP = ObjectKey(Kind.CONFIG_MAP, NAMESPACE, "corporate-ca")
STORE = ObjectKey(Kind.TRUST_STORE, NAMESPACE, "corporate")
CLUSTER_STORE = ObjectKey(Kind.CLUSTER_TRUST_STORE, "", "corporate")
BUNDLE = ObjectKey(Kind.CLUSTER_TRUST_BUNDLE, "", "corporate")
MOST_ROUNDS = 12


@dataclass
class Yard:
    """One cluster, with a store of its own namespace, or of the cluster.

    Attributes:
        main: the store that is looked at when none is named.
        calls: what the passes over stores asked of the cluster since `forget`.
    """

    clock: MemoryClock = field(default_factory=MemoryClock)
    settings: Settings = field(default_factory=Settings)
    main: ObjectKey = STORE
    calls: Counter[str] = field(default_factory=Counter)
    events: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(self.clock)
        self.cluster.put_namespace(OPERATOR)
        self.cluster.put_namespace(SOURCE, {TRUST_SOURCE_LABEL: "true"})
        self.reconcilers: dict[Kind, Reconciler[Any]] = {
            Kind.TRUST_DECISION: TrustDecisions(self.settings),
            Kind.TRUST_STORE: TrustStores(self.settings),
            Kind.CLUSTER_TRUST_STORE: ClusterTrustStores(self.settings),
        }
        self.restart()

    def restart(self) -> None:
        """Forget what only the process remembers."""
        self.library = MemoryLibrary(self.cluster, self.settings)
        self.cluster.vouched.clear()
        self.verified: dict[ObjectKey, Mapping[ObjectKey, Version]] = {}

    # ---- what people do

    def decide(self, name: str, entity: Entity | None = None, **spec: Any) -> Subject:
        """Make a decision, or change it."""
        labels = spec.pop("labels", None)
        namespace = SOURCE if self.main.kind is Kind.CLUSTER_TRUST_STORE else NAMESPACE
        wish = {"certificate": entity.pem, **spec} if entity is not None else spec
        return self.cluster.put_subject(name, wish, kind=Kind.TRUST_DECISION, namespace=namespace, labels=labels)

    def decision(self, name: str) -> ObjectKey:
        namespace = SOURCE if self.main.kind is Kind.CLUSTER_TRUST_STORE else NAMESPACE
        return ObjectKey(Kind.TRUST_DECISION, namespace, name)

    def distrust(self, name: str) -> None:
        """Withdraw a CA."""
        before = self.cluster.subjects[self.decision(name)].spec
        self.decide(name, **{**before, "trustStateDesired": "untrusted"})

    def undecide(self, name: str) -> None:
        """Delete a decision."""
        self.cluster.delete_subject(self.decision(name))

    def wish(self, **spec: Any) -> Subject:
        """Wish for the store; by default it selects every decision."""
        wish: dict[str, Any] = {"selector": {}}
        if self.main.kind is Kind.CLUSTER_TRUST_STORE:
            wish |= {"decisionNamespace": SOURCE, "deployment": {"mode": "Automatic"}}
        annotations = spec.pop("annotations", None)
        wish |= spec
        wish = {name: value for name, value in wish.items() if value is not None}
        return self.cluster.put_subject(
            self.main.name, wish, kind=self.main.kind, namespace=self.main.namespace, annotations=annotations
        )

    def rewish(self, **spec: Any) -> Subject:
        """Change some fields of the wish."""
        return self.wish(**{**self.store.spec, **spec})

    def approve(self) -> None:
        """Approve what is pending."""
        deployment = {**self.store.spec["deployment"], "approved": self.status["pending"]["id"]}
        self.rewish(deployment=deployment)

    def manual(self, **more: Any) -> dict[str, Any]:
        return {"deployment": {"mode": "Manual", **more}}

    # ---- what the operator does

    async def pass_over(self, key: ObjectKey, *, full: bool = False) -> PassResult:
        """Make one pass."""
        around = Surroundings(self.cluster, self.cluster, self.clock, judge_inline, "rules", self.library)
        self.cluster.forget_calls()
        result = await run_pass(
            self.reconcilers[key.kind],
            self.cluster.subjects[key],
            around=around,
            verified=self.verified.get(key, {}),
            full=full,
        )
        if result.verified and not (result.settled or result.retry):
            self.verified[key] = result.verified
        if key.kind in STORE_KINDS:
            self.calls.update(self.cluster.calls)
            self.events += [each.reason for each in self.cluster.events]
            self.notes += [each.note for each in self.cluster.events]
        return result

    async def rest(self, *, full: bool = False) -> None:
        """Make passes over everything until nobody writes any more."""
        self.forget()
        for _ in range(MOST_ROUNDS):
            writes = 0
            for key in sorted(self.cluster.subjects, key=lambda key: (key.kind in STORE_KINDS, key)):
                if key in self.cluster.subjects:
                    await self.pass_over(key, full=full)
                    writes += self.cluster.writes
            if not writes:
                return
        raise AssertionError(f"nobody comes to rest: {dict(self.calls)}")

    def forget(self) -> None:
        """Start counting anew."""
        self.calls.clear()
        self.events.clear()
        self.notes.clear()

    @property
    def writes(self) -> int:
        """How many requests of stores may have changed something since `forget`."""
        return self.calls.total() - self.calls["read"] - self.calls["record"]

    # ---- what is seen

    @property
    def store(self) -> Subject:
        return self.cluster.subjects[self.main]

    @property
    def status(self) -> Mapping[str, Any]:
        return self.store.status

    def bundle(self, key: ObjectKey = MAP, name: str = "ca.crt") -> set[str]:
        """Give the names of the CAs that a target holds."""
        data = self.cluster.objects[key].data[name]
        return {each.label for each in parse_bundle(data)}

    @property
    def conditions(self) -> dict[str, tuple[str, str]]:
        """Give status and reason of every condition."""
        return {each["type"]: (each["status"], each["reason"]) for each in self.status["conditions"]}

    def message(self, wanted: str = "Ready") -> str:
        return str(next(each["message"] for each in self.status["conditions"] if each["type"] == wanted))

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.status.get("findings", ())]

    @property
    def found(self) -> str:
        """The messages of all findings."""
        return "\n".join(each["message"] for each in self.status.get("findings", ()))

    @property
    def records(self) -> list[ObjectKey]:
        return sorted(key for key in self.cluster.objects if key.namespace == OPERATOR)

    @property
    def rollout(self) -> Mapping[str, Any]:
        return self.status["rollout"]  # type: ignore[no-any-return]

    def target(self, key: ObjectKey = MAP) -> Observed:
        return self.cluster.objects[key]

    def snapshot(self) -> Snapshot:
        return Snapshot(self.store, self.clock.now, "rules")

    def advance(self, **delta: float) -> None:
        self.clock.now += timedelta(**delta)

    def size(self) -> int:
        """Give the size of the status in bytes."""
        return len(json.dumps(self.status).encode())
