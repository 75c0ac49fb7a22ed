"""A desk where decisions are made: a cluster in memory, passes over decisions and lists, and stores that tests play."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from certwright.api.model import dump
from certwright.api.truststore_status import DeployedRecord, StoreRecord, TrustStoreStatus
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject
from certwright.reconcile.plan import KeepRecord
from certwright.reconcile.reconciler import Reconciler
from certwright.reconcile.revocationsource import RevocationSources
from certwright.reconcile.trust.deployed import write_marks
from certwright.reconcile.trust.record import DATA_KEY, TrustedCertificate, TrustRecord, pack_record, record_keys
from certwright.reconcile.trustdecision import TrustDecisions
from certwright.runtime.library import PART_BYTES
from certwright.runtime.passes import PassResult, Surroundings, judge_inline, run_pass
from certwright.settings import Settings
from tests.support.memory_cluster import NAMESPACE, MemoryClock, MemoryCluster
from tests.support.memory_library import MemoryLibrary
from tests.support.pki import PKI, Entity, SignedList

ROOT = PKI().root("Corp Root")
ISSUING = ROOT.issue_ca("Corp Issuing CA 3")
BELOW = ISSUING.issue_ca("Corp Branch CA")
OTHER = PKI().root("Other Root")
LEAF = ISSUING.issue_leaf("shop.example.com")

ALL: Mapping[str, Any] = {}
NAME = "corp"


def fingerprint_of(der: bytes) -> str:
    return "sha256:" + hashlib.sha256(der).hexdigest()


@dataclass
class Desk:
    """One namespace with decisions in it."""

    clock: MemoryClock = field(default_factory=MemoryClock)
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(self.clock)
        self.restart()
        self._reconcilers: dict[Kind, Reconciler[Any]] = {
            Kind.TRUST_DECISION: TrustDecisions(self.settings),
            Kind.REVOCATION_SOURCE: RevocationSources(self.settings),
        }

    def restart(self) -> None:
        """Forget what only the process remembers."""
        self.library = MemoryLibrary(self.cluster, self.settings)

    # ---- what people do

    def wish(self, name: str = NAME, *, labels: Mapping[str, str] | None = None, **spec: Any) -> Subject:
        """Make a decision, or change it."""
        return self.cluster.put_subject(name, spec, kind=Kind.TRUST_DECISION, labels=labels)

    async def decide(self, entity: Entity, name: str = NAME, **spec: Any) -> Mapping[str, Any]:
        """Decide about a CA, and read the status."""
        self.wish(name, certificate=entity.pem, **spec)
        await self.rest()
        return self.status_of(name)

    async def judge(self, name: str = NAME, **spec: Any) -> Mapping[str, Any]:
        """Make a decision, and read the status."""
        self.wish(name, **spec)
        await self.rest()
        return self.status_of(name)

    async def list_revoked(self, crl: SignedList, issuer: Entity, name: str = "list") -> None:
        """Hand a revocation list in."""
        self.cluster.put_secret("issuer", {"ca.crt": issuer.pem}, kind=Kind.CONFIG_MAP)
        reference = {"kind": "ConfigMap", "name": "issuer"}
        self.cluster.put_subject(name, {"crl": crl.pem, "issuerRef": reference}, kind=Kind.REVOCATION_SOURCE)
        await self.rest()

    def crl(self, issuer: Entity, *revoked: Entity, **wishes: Any) -> SignedList:
        now = self.clock.now
        dates = {"this_update": now - timedelta(hours=1), "next_update": now + timedelta(days=7)}
        return issuer.crl(revoked, **{**dates, **wishes})

    def delete(self, name: str = NAME) -> None:
        self.cluster.delete_subject(self.key(name))

    # ---- what stores do

    async def deploy(
        self,
        *entries: TrustedCertificate,
        name: str = "store",
        kind: Kind = Kind.TRUST_STORE,
        leaving: Iterable[Entity] = (),
        **spec: Any,
    ) -> Subject:
        """Have a store deploy some CAs, all that its selector selects or not."""
        store = self.put_store(name, kind, **spec)
        number = store.status.get("record", {}).get("deployed", {}).get("number", 0) + 1
        record = TrustRecord(number, tuple(sorted(entries, key=lambda each: each.fingerprint)))
        parts, digest = pack_record(record, PART_BYTES)
        deployed = DeployedRecord(revision=record.revision, number=number, parts=len(parts), digest=digest)
        for key, part in zip(record_keys(store.version.uid, deployed, self.settings.namespace), parts, strict=True):
            await self.cluster.keep_record(KeepRecord(key, {DATA_KEY: part}, store.key))
        marks = write_marks(record, [each.certificate.fingerprint for each in leaving])
        status = TrustStoreStatus(
            deployed_revision=record.revision, record=StoreRecord(deployed=deployed, leaving=marks)
        )
        self.cluster.subjects[store.key] = replace(store, status=dump(status))
        return self.cluster.subjects[store.key]

    def put_store(self, name: str = "store", kind: Kind = Kind.TRUST_STORE, **spec: Any) -> Subject:
        """Wish for a store that selects all decisions, unless it is said otherwise."""
        wish = {"selector": ALL, **({"decisionNamespace": NAMESPACE} if kind is Kind.CLUSTER_TRUST_STORE else {})}
        return self.cluster.put_subject(name, {**wish, **spec}, kind=kind)

    # ---- the runtime

    async def reconcile(self, name: str = NAME, *, full: bool = False) -> PassResult:
        """Make one pass over a decision."""
        self.cluster.calls.clear()
        self.cluster.reads.clear()
        return await self._pass(self.key(name), full=full)

    async def rest(self) -> None:
        """Make passes until nobody writes any more."""
        for _ in range(10):
            before = dict(self.cluster.subjects)
            for key in sorted(key for key in before if key.kind in self._reconcilers):
                if key in self.cluster.subjects:
                    await self._pass(key)
            if before == self.cluster.subjects:
                return
        raise AssertionError("they never come to rest")

    async def _pass(self, key: ObjectKey, *, full: bool = False) -> PassResult:
        around = Surroundings(self.cluster, self.cluster, self.clock, judge_inline, "rules", library=self.library)
        subject = self.cluster.subjects[key]
        return await run_pass(self._reconcilers[key.kind], subject, around=around, verified={}, full=full)

    # ---- what people see

    @staticmethod
    def key(name: str = NAME) -> ObjectKey:
        return ObjectKey(Kind.TRUST_DECISION, NAMESPACE, name)

    def subject(self, name: str = NAME) -> Subject:
        return self.cluster.subjects[self.key(name)]

    def status_of(self, name: str = NAME) -> Mapping[str, Any]:
        return self.subject(name).status

    @property
    def status(self) -> Mapping[str, Any]:
        return self.status_of()

    def reasons(self, name: str = NAME) -> list[str]:
        return [each["reason"] for each in self.status_of(name).get("findings", ())]

    def conditions(self, name: str = NAME) -> dict[str, str]:
        return {each["type"]: f"{each['status']} {each['reason']}" for each in self.status_of(name)["conditions"]}

    def message(self, wanted: str = "Ready", name: str = NAME) -> str:
        return str(next(each["message"] for each in self.status_of(name)["conditions"] if each["type"] == wanted))

    def snapshot(self, name: str = NAME) -> Snapshot:
        """Give what a pass would know that reads everything there is."""
        objects = {key: each for key, each in self.cluster.objects.items() if key.namespace == NAMESPACE}
        return Snapshot(self.subject(name), self.clock.now, "rules", objects)


def under(entity: Entity, *decisions: str, **fields: Any) -> TrustedCertificate:
    """Describe a CA as a record does, deployed under decisions."""
    return TrustedCertificate(entity.certificate, decisions=decisions or (NAME,), **fields)
